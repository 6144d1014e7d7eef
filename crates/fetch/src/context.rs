use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use quotelake_core::ports::{Clock, Lake, Queue, RecordStream, Secrets};
use quotelake_core::{Error, Result};
use quotelake_platform::connect;
use quotelake_platform::settings::Settings;
use quotelake_sources::Sources;
use quotelake_sources::http::{Http, Options, ReqwestHttp};
use quotelake_sources::polygon::{self, DEFAULT_BASE_URL, DEFAULT_PAGE_LIMIT, Polygon, PolygonConfig};

use crate::Watchlists;

/// Runs that may fail on a unit, one after the other and without a page, before it is a dead letter.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// What the function may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// Takes the envelopes.
    pub stream: Arc<dyn RecordStream>,
    /// Takes units that will fail again, each with its reason.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes units that can succeed later, and invokes this function with them. Without one they stay in the report.
    pub units: Option<Arc<dyn Queue>>,
    /// Holds the vendors' keys.
    pub secrets: Arc<dyn Secrets>,
    /// Stamps answers and run ids.
    pub clock: Arc<dyn Clock>,
    /// The way to the vendors.
    pub http: Arc<dyn Http>,
    /// Where workers that ask one source share its pace: one document for each source. Without it each run keeps to the pace by
    /// itself.
    pub pacing: Option<Arc<dyn Lake>>,
    /// The vendors.
    pub sources: Sources,
    /// How to ask each source, by its name; one without an entry is asked by the defaults, without a key.
    pub options: BTreeMap<String, Options>,
    /// The watchlists that a request may name.
    pub watchlists: Watchlists,
    /// See [`DEFAULT_MAX_ATTEMPTS`].
    pub max_attempts: u32,
}

impl Context {
    /// How to ask a source.
    pub fn options_of(&self, source: &str) -> Options {
        self.options.get(source).cloned().unwrap_or_default()
    }
}

impl Context {
    /// Reads the settings and connects the ports. `Config` names every setting that is missing or wrong. Requests bring their
    /// watchlists, or name one of `WATCHLISTS_FOLDER`.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        settings.require(&["STREAM_URI", "DEAD_LETTER_QUEUE_URI"])?;
        let base_url = settings.optional("SOURCE_BASE_URL").unwrap_or(DEFAULT_BASE_URL);
        let base_url = base_url.parse().map_err(|e| Error::config(format!("SOURCE_BASE_URL: {e}")))?;
        let page_limit = match settings.number("SOURCE_PAGE_LIMIT")? {
            Some(limit) => {
                u32::try_from(limit).map_err(|_| Error::config("SOURCE_PAGE_LIMIT is too large"))?
            }
            None => DEFAULT_PAGE_LIMIT,
        };
        let polygon = Polygon::new(PolygonConfig { page_limit, ..PolygonConfig::with_base_url(base_url) })?;
        let options = Options {
            secret: settings.optional("SOURCE_SECRET").map(str::to_owned),
            replay: settings.flag("SOURCE_REPLAY")?,
            min_interval: Duration::from_millis(settings.number("SOURCE_MIN_INTERVAL_MS")?.unwrap_or(0)),
            ..Options::default()
        };
        let units = match settings.optional("UNITS_QUEUE_URI") {
            Some(_) => Some(connect::queue(settings, "UNITS_QUEUE_URI").await?),
            None => None,
        };
        let pacing = match settings.optional("LAKE_URI") {
            Some(_) => Some(connect::lake(settings).await?),
            None => None,
        };
        Ok(Self {
            pacing,
            stream: connect::stream(settings).await?,
            dead_letters: connect::queue(settings, "DEAD_LETTER_QUEUE_URI").await?,
            units,
            secrets: connect::secrets(),
            clock: connect::clock(),
            http: Arc::new(ReqwestHttp::new()),
            sources: Sources::new(polygon),
            options: BTreeMap::from([(polygon::NAME.to_owned(), options)]),
            watchlists: settings
                .optional("WATCHLISTS_FOLDER")
                .map_or_else(|| Ok(Watchlists::default()), Watchlists::load)?,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
        })
    }
}

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use quotelake_core::ports::{Clock, Lake, Queue, RecordStream, Secrets};
use quotelake_core::{Error, Result};
use quotelake_platform::connect;
use quotelake_platform::settings::Settings;
use quotelake_sources::Sources;
use quotelake_sources::http::{Http, Options, ReqwestHttp};

use crate::Watchlists;
use crate::settings::{PolygonSettings, SourceSettings};

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
        let sources = match (settings.optional("SOURCES"), settings.optional("SOURCES_FILE")) {
            (Some(_), Some(_)) => return Err(Error::config("SOURCES and SOURCES_FILE are both set")),
            (Some(text), None) => SourceSettings::parse(text, "SOURCES")?,
            (None, Some(path)) => SourceSettings::load(Path::new(path))?,
            (None, None) => SourceSettings { polygon: polygon_of(settings)?, ..SourceSettings::default() },
        };
        let (sources, options) = sources.build()?;
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
            sources,
            options,
            watchlists: settings
                .optional("WATCHLISTS_FOLDER")
                .map_or_else(|| Ok(Watchlists::default()), Watchlists::load)?,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
        })
    }
}

/// Polygon as the environment has it, where there is no file.
fn polygon_of(settings: &Settings) -> Result<PolygonSettings> {
    let usual = PolygonSettings::default();
    let page_limit = match settings.number("SOURCE_PAGE_LIMIT")? {
        Some(limit) => u32::try_from(limit).map_err(|_| Error::config("SOURCE_PAGE_LIMIT is too large"))?,
        None => usual.page_limit,
    };
    Ok(PolygonSettings {
        base_url: settings.optional("SOURCE_BASE_URL").map_or(usual.base_url, str::to_owned),
        page_limit,
        secret: settings.optional("SOURCE_SECRET").map(str::to_owned),
        replay: settings.flag("SOURCE_REPLAY")?,
        min_interval_ms: settings.number("SOURCE_MIN_INTERVAL_MS")?.unwrap_or(0),
        ..PolygonSettings::default()
    })
}

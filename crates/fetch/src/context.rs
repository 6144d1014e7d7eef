//! What the fetch function may use: its ports, sources, watchlists and limits, made from the environment by
//! [`Context::connect`]. On AWS the list of ports is the function's IAM policy; the command line fills the same structure with
//! a laptop's adapters.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use quotelake_core::ports::{Clock, HandBack, Lake, Queue, RecordStream, Secrets};
use quotelake_core::{Context as _, Error, Result};
use quotelake_platform::connect;
use quotelake_platform::settings::Settings;
use quotelake_sources::http::{Http, Options, ReqwestHttp};
use quotelake_sources::settings::{SecretReference, SourcesSettings};
use quotelake_sources::{Sources, polygon};

use crate::Watchlists;

/// Runs that may fail on a unit, one after the other and without a page, before it is a dead letter.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// Invocations that may hand a unit on, one to the next, before it is a dead letter: a month of the longest delay that the units queue
/// takes, a quarter of an hour, after which every budget of calls has started over. Lambda's own bound of some 16 is off for this
/// function: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>.
pub const DEFAULT_MAX_HOPS: u32 = 31 * 24 * 4;

/// What the function may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// Takes the envelopes.
    pub stream: Arc<dyn RecordStream>,
    /// Takes units that will fail again, each with its reason.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes units that can succeed later, and invokes this function with them. Without one they stay in the report.
    pub units: Option<Arc<dyn Queue>>,
    /// Takes back messages of that queue that may succeed later. Without it they come again when the time is over for which it hides
    /// them.
    pub hand_back: Option<Arc<dyn HandBack>>,
    /// Holds the vendors' keys.
    pub secrets: Arc<dyn Secrets>,
    /// Stamps answers and run ids.
    pub clock: Arc<dyn Clock>,
    /// The way to the vendors.
    pub http: Arc<dyn Http>,
    /// Where workers that ask one source share its pace: one document for each source. Without it each run keeps to the pace by
    /// itself.
    pub pacing: Option<Arc<dyn Lake>>,
    /// Takes pages that the stream cannot carry: the record under `raw/`, the lines under `landing/`. Without it such a page fails.
    pub lake: Option<Arc<dyn Lake>>,
    /// Where the units are noted of which the stream took pages, see [`Sent`](crate::Sent); a laptop asks its stream instead.
    pub sent: Option<Arc<dyn Lake>>,
    /// The vendors.
    pub sources: Sources,
    /// How to ask each source, by its name; one without an entry is asked by the defaults, without a key.
    pub options: BTreeMap<String, Options>,
    /// The watchlists that a request may name.
    pub watchlists: Watchlists,
    /// See [`DEFAULT_MAX_ATTEMPTS`].
    pub max_attempts: u32,
    /// See [`DEFAULT_MAX_HOPS`].
    pub max_hops: u32,
}

impl Context {
    /// How to ask a source: as set, else by the defaults and at the source's own pace.
    pub fn options_of(&self, source: &str) -> Options {
        self.options.get(source).cloned().unwrap_or_else(|| {
            let pace = self.sources.get(source).map(|source| source.capabilities().min_interval);
            Options { min_interval: pace.unwrap_or_default(), ..Options::default() }
        })
    }
}

impl Context {
    /// Reads the settings and connects the ports. `Config` names every setting that is missing or wrong. Requests bring their
    /// watchlists, or name one of `WATCHLISTS_FOLDER`.
    pub async fn connect(settings: &Settings) -> Result<Self> {
        settings.require(&["STREAM_URI", "DEAD_LETTER_QUEUE_URI"])?;
        let sources = match (settings.optional("SOURCES"), settings.optional("SOURCES_FILE")) {
            (Some(_), Some(_)) => return Err(Error::config("SOURCES and SOURCES_FILE are both set")),
            (Some(text), None) => SourcesSettings::parse(text, "SOURCES")?,
            (None, Some(path)) => SourcesSettings::load(Path::new(path))?,
            (None, None) => SourcesSettings::default().with(polygon::NAME, polygon_of(settings)?)?,
        };
        let (sources, options) = sources.build()?;
        let units = match settings.optional("UNITS_QUEUE_URI") {
            Some(_) => Some(connect::queue(settings, "UNITS_QUEUE_URI").await?),
            None => None,
        };
        let lake = match settings.optional("LAKE_URI") {
            Some(_) => Some(connect::lake(settings).await?),
            None => None,
        };
        Ok(Self {
            pacing: lake.clone(),
            sent: lake.clone(),
            lake,
            stream: connect::stream(settings).await?,
            dead_letters: connect::queue(settings, "DEAD_LETTER_QUEUE_URI").await?,
            units,
            hand_back: connect::hand_back(settings, "UNITS_QUEUE_URI").await?,
            secrets: connect::secrets(),
            clock: connect::clock(),
            http: Arc::new(ReqwestHttp::new()),
            sources,
            options,
            watchlists: settings
                .optional("WATCHLISTS_FOLDER")
                .map_or_else(|| Ok(Watchlists::default()), Watchlists::load)?,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            max_hops: match settings.number("MAX_HOPS")? {
                Some(hops) => u32::try_from(hops).map_err(|_| Error::config("MAX_HOPS is too large"))?,
                None => DEFAULT_MAX_HOPS,
            },
        })
    }
}

/// Polygon as the environment has it, where there is no file.
fn polygon_of(settings: &Settings) -> Result<polygon::Settings> {
    let usual = polygon::Settings::default();
    let page_limit = match settings.number("SOURCE_PAGE_LIMIT")? {
        Some(limit) => u32::try_from(limit).map_err(|_| Error::config("SOURCE_PAGE_LIMIT is too large"))?,
        None => usual.page_limit,
    };
    let secret = settings.optional("SOURCE_SECRET").map(SecretReference::parse);
    Ok(polygon::Settings {
        base_url: settings.optional("SOURCE_BASE_URL").map_or(usual.base_url, str::to_owned),
        page_limit,
        secret: secret.transpose().context("SOURCE_SECRET")?,
        replay: settings.flag("SOURCE_REPLAY")?,
        min_interval_ms: settings.number("SOURCE_MIN_INTERVAL_MS")?.unwrap_or(usual.min_interval_ms),
        ..polygon::Settings::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::time::Duration;

    use quotelake_sources::settings::Registry;

    use super::*;

    async fn context(more: &[(&str, &str)]) -> (Context, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display().to_string();
        let settings = Settings::from_lookup(|name| match name {
            "STREAM_URI" => Some(format!("spool://{place}/stream")),
            "DEAD_LETTER_QUEUE_URI" => Some(format!("queue://{place}/queues/fetch-dlq")),
            _ => more.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        });
        (Context::connect(&settings).await.unwrap(), folder)
    }

    #[tokio::test]
    async fn a_bare_deployment_keeps_to_each_sources_own_pace() {
        for more in [&[][..], &[("SOURCES", "yahoo: { personal_use: true }")]] {
            let (context, _folder) = context(more).await;
            let names: Vec<&str> = Registry::shipped().names().collect();
            assert_eq!(context.options.len(), names.len());
            for name in names {
                let own = context.sources.get(name).unwrap().capabilities().min_interval;
                assert!(own > Duration::ZERO, "{name}");
                assert_eq!(context.options_of(name).min_interval, own, "{name}");
                let bare = Context { options: BTreeMap::new(), ..context.clone() };
                assert_eq!(bare.options_of(name).min_interval, own, "{name}");
            }
        }
        let (context, _folder) = context(&[("SOURCE_MIN_INTERVAL_MS", "20")]).await;
        assert_eq!(context.options_of("polygon").min_interval, Duration::from_millis(20));
    }
}

//! The configuration of `quotelake run`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use quotelake_core::{Context as _, Error, Result};
use quotelake_fetch::Watchlists;
use quotelake_sources::Sources;
use quotelake_sources::brapi::{self, Brapi, BrapiConfig};
use quotelake_sources::fii::{self, Fii, Profile};
use quotelake_sources::http::{CallBudget, CallLimit, Options};
use quotelake_sources::polygon::{self, DEFAULT_BASE_URL, DEFAULT_PAGE_LIMIT, Polygon, PolygonConfig};
use quotelake_sources::yahoo::{self, Yahoo, YahooConfig};
use serde::{Deserialize, Serialize};
use url::Url;

/// A run: where the lake is, how each source is asked, and what for. Paths are relative to the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The lake's folder.
    #[serde(default)]
    pub lake: Option<PathBuf>,
    /// Watchlist files.
    #[serde(default)]
    pub watchlists: Vec<PathBuf>,
    /// How Polygon is asked.
    #[serde(default)]
    pub polygon: PolygonSettings,
    /// How Yahoo is asked: not at all, unless it says that the data is for personal use.
    #[serde(default)]
    pub yahoo: YahooSettings,
    /// How brapi is asked.
    #[serde(default)]
    pub brapi: BrapiSettings,
    /// How the pages of fund tables are asked for.
    #[serde(default)]
    pub fii_scrape: FiiSettings,
    /// What to fetch.
    pub jobs: Vec<Job>,
}

/// How Polygon is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolygonSettings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The key by reference, e.g. `env:POLYGON_API_KEY`.
    pub secret: Option<String>,
    /// Base bars in a page.
    pub page_limit: u32,
    /// Least time between two calls, milliseconds. The free plan allows 5 calls a minute.
    pub min_interval_ms: u64,
    /// The most calls in any window.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// Daily bars by one call for each session, of the whole market, instead of one for each instrument.
    pub grouped_daily: bool,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for PolygonSettings {
    fn default() -> Self {
        Self {
            base_url: DEFAULT_BASE_URL.into(),
            secret: Some("env:POLYGON_API_KEY".into()),
            page_limit: DEFAULT_PAGE_LIMIT,
            min_interval_ms: 12_000,
            limit: None,
            budget: None,
            grouped_daily: false,
            replay: false,
        }
    }
}

/// How Yahoo is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct YahooSettings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The data is for personal use, as Yahoo's terms want it. Nothing is asked without.
    pub personal_use: bool,
    /// Least time between two calls, milliseconds, not below 3000 outside of a replay.
    pub min_interval_ms: u64,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for YahooSettings {
    fn default() -> Self {
        Self {
            base_url: yahoo::DEFAULT_BASE_URL.into(),
            personal_use: false,
            min_interval_ms: MIN_YAHOO_INTERVAL_MS,
            budget: None,
            replay: false,
        }
    }
}

/// [`yahoo::MIN_INTERVAL`].
const MIN_YAHOO_INTERVAL_MS: u64 = yahoo::MIN_INTERVAL.as_secs() * 1000;

/// How brapi is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BrapiSettings {
    /// The vendor's base URL.
    pub base_url: String,
    /// The token by reference. Some symbols are answered without one.
    pub secret: Option<String>,
    /// Least time between two calls, milliseconds.
    pub min_interval_ms: u64,
    /// The most calls in any window.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// Symbols in one request, 1 to 20; the free plan takes one.
    pub symbols_per_request: u32,
    /// Fund snapshots from the list of all funds instead of their indicators.
    pub fund_list: bool,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for BrapiSettings {
    fn default() -> Self {
        Self {
            base_url: brapi::DEFAULT_BASE_URL.into(),
            secret: None,
            min_interval_ms: 1000,
            limit: None,
            budget: None,
            symbols_per_request: 1,
            fund_list: false,
            replay: false,
        }
    }
}

/// How the pages of fund tables are asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FiiSettings {
    /// Instead of the profile's own base URL.
    pub base_url: Option<String>,
    /// Least time between two calls, milliseconds.
    pub min_interval_ms: u64,
    /// The most calls in a day or a month.
    pub budget: Option<CallBudget>,
    /// The answers are a recording's.
    pub replay: bool,
}

impl Default for FiiSettings {
    fn default() -> Self {
        Self { base_url: None, min_interval_ms: 2000, budget: None, replay: false }
    }
}

fn base_url(source: &str, text: &str) -> Result<Url> {
    text.parse().map_err(|e| Error::config(format!("{source}.base_url {text:?}: {e}")))
}

fn asking(min_interval_ms: u64, replay: bool) -> Options {
    Options { min_interval: Duration::from_millis(min_interval_ms), replay, ..Options::default() }
}

/// One request to the fetch function, as a schedule would send it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The source.
    pub source: String,
    /// A watchlist's name.
    pub watchlist: String,
    /// The datasets.
    pub datasets: Vec<String>,
    /// The bar length of `intraday_bars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// First day: `YYYY-MM-DD`, `today` or `today-7d`.
    pub from: String,
    /// Last day.
    pub to: String,
    /// The run's id; one is made where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

impl RunConfig {
    /// Reads a file. `Config` names what is wrong with it.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::config(format!("cannot read {}", path.display())).with_source(e))?;
        let mut config: Self = serde_yaml_ng::from_str(&text).map_err(|e| {
            Error::config(format!("{} is no run configuration", path.display())).with_source(e)
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for watchlist in &mut config.watchlists {
            *watchlist = folder.join(&watchlist);
        }
        config.lake = config.lake.map(|lake| folder.join(lake));
        Ok(config)
    }

    /// The sources as configured.
    pub fn sources(&self) -> Result<(Sources, BTreeMap<String, Options>)> {
        let of = &self.polygon;
        let polygon = Polygon::new(PolygonConfig {
            page_limit: of.page_limit,
            grouped_daily: of.grouped_daily,
            ..PolygonConfig::with_base_url(base_url("polygon", &of.base_url)?)
        })?;
        let mut options = BTreeMap::new();
        let pace = Options { limit: of.limit, budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(polygon::NAME.to_owned(), Options { secret: of.secret.clone(), ..pace });

        let of = &self.yahoo;
        if of.min_interval_ms < MIN_YAHOO_INTERVAL_MS && !of.replay {
            return Err(Error::config(format!(
                "yahoo.min_interval_ms is {}: below {MIN_YAHOO_INTERVAL_MS} Yahoo answers with gaps instead of errors",
                of.min_interval_ms
            )));
        }
        let yahoo = Yahoo::new(YahooConfig {
            base_url: base_url("yahoo", &of.base_url)?,
            personal_use: of.personal_use,
        })?;
        let pace = Options { budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(yahoo::NAME.to_owned(), pace);

        let of = &self.brapi;
        let brapi = Brapi::new(BrapiConfig {
            base_url: base_url("brapi", &of.base_url)?,
            symbols_per_request: of.symbols_per_request,
            fund_list: of.fund_list,
        })?;
        let pace = Options { limit: of.limit, budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(brapi::NAME.to_owned(), Options { secret: of.secret.clone(), ..pace });

        let of = &self.fii_scrape;
        let base = of.base_url.as_ref().map(|url| base_url("fii_scrape", url)).transpose()?;
        let fii = Fii::new(Profile::fundamentus(), base)?;
        let pace = Options { budget: of.budget, ..asking(of.min_interval_ms, of.replay) };
        options.insert(fii::NAME.to_owned(), pace);

        let sources = Sources::new(polygon).with(Arc::new(yahoo)).with(Arc::new(brapi)).with(Arc::new(fii));
        Ok((sources, options))
    }

    /// Rows of bars in one answer of a source, for an estimate; a source whose answers have no such limit is asked once a unit.
    pub fn page_rows(&self, source: &str) -> u64 {
        match source {
            polygon::NAME => u64::from(self.polygon.page_limit),
            _ => u64::MAX,
        }
    }

    /// The watchlists.
    pub fn watchlists(&self) -> Result<Watchlists> {
        let mut watchlists = Watchlists::default();
        for path in &self.watchlists {
            let text = std::fs::read_to_string(path).map_err(|e| {
                Error::config(format!("cannot read watchlist {}", path.display())).with_source(e)
            })?;
            watchlists.add(&text).with_context(|| path.display().to_string())?;
        }
        Ok(watchlists)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_sound_and_paths_are_relative_to_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/run/polygon.yaml");
        let config = RunConfig::load(&path).unwrap();
        assert!(config.watchlists().unwrap().get("us_samples").is_ok());
        let (_, options) = config.sources().unwrap();
        assert_eq!(options["polygon"].min_interval, Duration::from_secs(12));
        assert_eq!(config.jobs.len(), 1);
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let folder = std::env::temp_dir().join(format!("quotelake-run-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.yaml");
        std::fs::write(&path, "jobs: []\nwatchlist: []\n").unwrap();
        let error = RunConfig::load(&path).unwrap_err().to_string();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(error.contains("unknown field `watchlist`"), "{error}");
    }
}

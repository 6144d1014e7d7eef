//! The configuration of `quotelake run`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use quotelake_core::{Context as _, Error, Result};
use quotelake_fetch::Watchlists;
use quotelake_sources::Sources;
use quotelake_sources::http::Options;
use quotelake_sources::polygon::{DEFAULT_BASE_URL, DEFAULT_PAGE_LIMIT, Polygon, PolygonConfig};
use serde::{Deserialize, Serialize};

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
            replay: false,
        }
    }
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
        let settings = &self.polygon;
        let base_url = settings
            .base_url
            .parse()
            .map_err(|e| Error::config(format!("polygon.base_url {:?}: {e}", settings.base_url)))?;
        let polygon = Polygon::new(PolygonConfig {
            page_limit: settings.page_limit,
            ..PolygonConfig::with_base_url(base_url)
        })?;
        let options = Options {
            secret: settings.secret.clone(),
            replay: settings.replay,
            min_interval: Duration::from_millis(settings.min_interval_ms),
            ..Options::default()
        };
        let name = quotelake_sources::polygon::NAME.to_owned();
        Ok((Sources::new(polygon), BTreeMap::from([(name, options)])))
    }

    /// Rows of bars in one answer of a source, for an estimate; a source whose answers have no such limit is asked once a unit.
    pub fn page_rows(&self, source: &str) -> u64 {
        match source {
            quotelake_sources::polygon::NAME => u64::from(self.polygon.page_limit),
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

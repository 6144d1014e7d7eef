//! The configuration of `quotelake run`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quotelake_core::{Context as _, Error, Result, from_yaml};
use quotelake_fetch::Watchlists;
use quotelake_fetch::settings::{BrapiSettings, FiiSettings, PolygonSettings, SourceSettings, YahooSettings};
use quotelake_sources::Sources;
use quotelake_sources::http::Options;
use quotelake_sources::polygon;
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
        let mut config: Self = from_yaml(&text, &format!("{} is no run configuration", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for watchlist in &mut config.watchlists {
            *watchlist = folder.join(&watchlist);
        }
        config.lake = config.lake.map(|lake| folder.join(lake));
        Ok(config)
    }

    /// How each source is asked.
    pub fn source_settings(&self) -> SourceSettings {
        SourceSettings {
            polygon: self.polygon.clone(),
            yahoo: self.yahoo.clone(),
            brapi: self.brapi.clone(),
            fii_scrape: self.fii_scrape.clone(),
        }
    }

    /// The sources as configured.
    pub fn sources(&self) -> Result<(Sources, BTreeMap<String, Options>)> {
        self.source_settings().build()
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
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_sample_is_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/run");
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let config = RunConfig::load(&path).unwrap();
            let (watchlists, (sources, _)) = (config.watchlists().unwrap(), config.sources().unwrap());
            for job in &config.jobs {
                assert!(sources.get(&job.source).is_ok() && watchlists.get(&job.watchlist).is_ok());
            }
            names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
        names.sort();
        assert_eq!(names, ["brazil", "polygon", "yahoo-ftse100"]);
    }

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

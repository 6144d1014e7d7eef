//! The configuration of `quotelake run`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use quotelake_core::ports::Secrets;
use quotelake_core::{Context as _, Error, Result, from_yaml};
use quotelake_fetch::Watchlists;
use quotelake_sources::Sources;
use quotelake_sources::http::Options;
use quotelake_sources::settings::{Registry, SourcesSettings};
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A run: where the lake is, how each source is asked, and what for. Paths are relative to the file.
#[derive(Debug, Clone, Default)]
pub struct RunConfig {
    /// The lake's folder.
    pub lake: Option<PathBuf>,
    /// Watchlist files.
    pub watchlists: Vec<PathBuf>,
    /// How each source is asked.
    pub sources: SourcesSettings,
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
        let what = format!("{} is no run configuration", path.display());
        let written: Written = from_yaml(&text, &what)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Ok(Self {
            lake: written.lake.map(|lake| within(folder, &lake)),
            watchlists: written.watchlists.iter().map(|watchlist| within(folder, watchlist)).collect(),
            sources: SourcesSettings::of_document(&Registry::shipped(), &text, SOURCES).context(what)?,
            jobs: written.jobs,
        })
    }

    /// The sources as configured.
    pub fn sources(&self) -> Result<(Sources, BTreeMap<String, Options>)> {
        self.sources.build()
    }

    /// Reads the keys of these sources, so that a run that could ask none of them ends before it begins. An error names the source. One
    /// that is lacking is told where others can be asked; one that may be there a moment later is no error.
    pub async fn read_keys<'s>(
        &self,
        sources: impl IntoIterator<Item = &'s str>,
        secrets: &dyn Secrets,
    ) -> Result<()> {
        let (_, options) = self.sources()?;
        let sources: BTreeSet<&str> = sources.into_iter().collect();
        let mut lacking = Vec::new();
        for source in &sources {
            // A recording is asked without a key.
            let asked = options.get(*source).filter(|options| !options.replay);
            if let Some(reference) = asked.and_then(|options| options.secret.as_deref()) {
                match secrets.read(reference).await {
                    Ok(key) if key.expose().trim().is_empty() => {
                        lacking.push((source, Error::config(format!("{reference} is empty"))));
                    }
                    Err(error) if !error.kind().is_retryable() => lacking.push((source, error)),
                    _ => {}
                }
            }
        }
        let nothing_left = lacking.len() == sources.len();
        for (source, error) in lacking {
            if nothing_left {
                let what = format!("the key of {source} cannot be read, and nothing was asked");
                return Err(error.context(what));
            }
            tracing::warn!(source, error = %error, "the key cannot be read: this source will not answer");
        }
        Ok(())
    }

    /// Rows of bars in one answer of a source, for an estimate; a source whose answers have no such limit is asked once a unit.
    pub fn page_rows(&self, source: &str) -> Result<u64> {
        let bars = self.sources.sources()?.get(source)?.capabilities().bars_per_page;
        Ok(bars.map_or(u64::MAX, u64::from))
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

/// A path relative to a folder, without steps to a folder and back again. Where a link is between, they lead elsewhere, and stay.
fn within(folder: &Path, path: &Path) -> PathBuf {
    let mut all = PathBuf::new();
    for part in folder.join(path).components() {
        let is_plain = matches!(all.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if is_plain && !all.is_symlink() => {
                all.pop();
            }
            part => all.push(part),
        }
    }
    if all.as_os_str().is_empty() { PathBuf::from(".") } else { all }
}

/// The key of the map of sources.
const SOURCES: &str = "sources";

const KEYS: &[&str] = &["lake", "watchlists", SOURCES, "jobs"];

/// A configuration without its sources, whose settings each source reads for itself: in the map, or under its name beside it, as
/// configurations of before the map have them.
#[derive(Debug, Default)]
struct Written {
    lake: Option<PathBuf>,
    watchlists: Vec<PathBuf>,
    jobs: Vec<Job>,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of lake, watchlists, sources and jobs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let (mut written, mut seen) = (Written::default(), Vec::new());
        let known = Registry::shipped();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "lake" => written.lake = map.next_value()?,
                "watchlists" => written.watchlists = map.next_value()?,
                "jobs" => written.jobs = map.next_value()?,
                name if name == SOURCES || known.knows(name) => drop(map.next_value::<IgnoredAny>()?),
                name => return Err(de::Error::unknown_field(name, KEYS)),
            }
            if seen.contains(&key) {
                return Err(de::Error::custom(format!("duplicate field `{key}`")));
            }
            seen.push(key);
        }
        if !seen.iter().any(|key| key == "jobs") {
            return Err(de::Error::missing_field("jobs"));
        }
        Ok(written)
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

    fn load(yaml: &str) -> Result<RunConfig> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.yaml");
        std::fs::write(&path, yaml).unwrap();
        RunConfig::load(&path)
    }

    #[test]
    fn paths_are_told_without_detours() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("samples/run")).unwrap();
        for (from, path, told) in [
            ("samples/run", "../../quotelake-data", "quotelake-data"),
            ("samples/run", "./lake", "samples/run/lake"),
            ("", "../lake", "../lake"),
            (".", "lake", "lake"),
            ("samples", "..", "."),
            ("samples", "/lake/../other", "/other"),
        ] {
            assert_eq!(within(Path::new(from), Path::new(path)), Path::new(told), "{from} {path}");
        }
        std::os::unix::fs::symlink(root.join("samples/run"), root.join("link")).unwrap();
        let kept = within(&root.join("link"), Path::new("../lake"));
        assert_eq!(kept, root.join("link/../lake"), "what a link leads to has a folder of its own");
    }

    /// Files as secrets: one that is there, an empty one, and none.
    #[tokio::test]
    async fn a_run_that_could_ask_nobody_does_not_begin() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| format!("file:{}", folder.path().join(name).display());
        std::fs::write(folder.path().join("good"), "key").unwrap();
        std::fs::write(folder.path().join("blank"), "  \n").unwrap();
        let secrets = quotelake_platform::connect::secrets();
        for (polygon, brapi, is_refused) in [
            ("good", "good", false),
            ("good", "none", false),
            ("blank", "good", false),
            ("none", "none", true),
            ("blank", "none", true),
        ] {
            let config = load(&format!(
                "jobs: []\nsources: {{ polygon: {{ secret: {:?} }}, brapi: {{ secret: {:?} }} }}\n",
                of(polygon),
                of(brapi)
            ))
            .unwrap();
            let read = config.read_keys(["polygon", "brapi"], secrets.as_ref()).await;
            assert_eq!(read.is_err(), is_refused, "{polygon}, {brapi}: {read:?}");
            let read = config.read_keys(["polygon"], secrets.as_ref()).await;
            assert_eq!(read.is_err(), polygon != "good", "{polygon} alone: {read:?}");
        }
    }

    #[test]
    fn a_misspelt_key_is_named() {
        for (yaml, named) in [
            (
                "jobs: []\nwatchlist: []\n",
                "unknown field `watchlist`, expected one of `lake`, `watchlists`, `sources`, `jobs`",
            ),
            ("jobs: []\njobs: []\n", "duplicate field `jobs`"),
            ("lake: lake\n", "missing field `jobs`"),
            ("jobs: []\nsources: { polygn: {} }\n", "unknown source `polygn`; known are polygon, "),
            ("jobs: []\nsources: { polygon: { secrets: env:KEY } }\n", "unknown field `secrets`"),
            ("jobs: []\nsources: { yahoo: {}, yahoo: {} }\n", "duplicate field `yahoo`"),
            ("jobs: []\nsources: [polygon]\n", "expected a map"),
            (
                "jobs: []\nsources: { yahoo: {} }\nyahoo: {}\n",
                "`yahoo` is there twice, under `sources` and beside it",
            ),
        ] {
            let error = load(yaml).unwrap_err().to_string();
            assert!(error.contains("is no run configuration") && error.contains(named), "{error}");
        }
    }

    #[test]
    fn sources_are_read_by_name_in_their_map_and_as_they_were_beside_it() {
        for yaml in [
            "jobs: []\nsources:\n  polygon:\n    page_limit: 5000\n  brapi:\n    # secret: env:BRAPI_TOKEN\n",
            "jobs: []\npolygon:\n  page_limit: 5000\n",
            "jobs: []\npolygon: { page_limit: 5000 }\nsources:\n",
            "jobs: []\npolygon: { page_limit: 5000 }\nsources: { yahoo: { personal_use: true } }\n",
        ] {
            let config = load(yaml).unwrap();
            assert_eq!(
                (config.page_rows("polygon").unwrap(), config.page_rows("brapi").unwrap()),
                (5000, u64::MAX)
            );
        }
        let config = load("jobs: []\n").unwrap();
        assert_eq!(config.page_rows("polygon").unwrap(), 1000);
        assert!(config.page_rows("toy").is_err());
    }
}

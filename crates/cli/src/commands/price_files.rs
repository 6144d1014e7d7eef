//! Price files by a vendor's profile: found, read, and made the landing objects that the vendor's own answers would have become.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::ports::{Clock as _, Lake as _, Precondition};
use quotelake_core::{Context as _, Error, ObjectKey, Result};
use quotelake_fetch::Watchlist;
use quotelake_ingest::{ByProfile, PriceFile};
use quotelake_local::{MemoryLake, ReadOnlyFiles, SystemClock};

use crate::files::{Landing, file_name, read_text};

/// A profile, what is said beside the files, and the load that they belong to.
#[derive(Debug)]
pub struct PriceFiles {
    profile: ByProfile,
    run_id: String,
    now: DateTime<Utc>,
}

impl PriceFiles {
    /// By what the command line says. `NotFound` for an unknown profile, `InvalidInput` for a dataset that it has no files of, for a
    /// setting that means nothing, for a watchlist that cannot be read.
    pub fn new(profile: &str, dataset: &str, set: &[String], watchlist: Option<&Path>) -> Result<Self> {
        let mut profile = ByProfile::new(profile, dataset, set)?;
        if let Some(path) = watchlist {
            let watchlist =
                Watchlist::parse(&read_text(path)?).with_context(|| path.display().to_string())?;
            profile = profile.with_instruments(watchlist.instruments);
        }
        let now = SystemClock.now();
        Ok(Self { profile, run_id: format!("load-{}", now.format("%Y%m%dT%H%M%SZ")), now })
    }

    /// Makes landing objects of the files. One that does not fit is rejected with its reason; the others go on.
    pub async fn land(&self, paths: &[PathBuf]) -> Result<Landing> {
        let mut files = Vec::new();
        for path in paths {
            collect(path, &mut files)?;
        }
        files.sort();
        files.dedup();
        let ingested = Arc::new(MemoryLake::new());
        let mut landing = Landing {
            files: Arc::new(ReadOnlyFiles::new(Vec::new())?),
            ingested: Arc::clone(&ingested),
            file_keys: Vec::new(),
            ingested_keys: Vec::new(),
            names: BTreeMap::new(),
            rejected: Vec::new(),
            notes: Vec::new(),
        };
        for (index, path) in files.iter().enumerate() {
            match self.read(path).await {
                Ok(file) => {
                    let shown = path.display().to_string();
                    landing.notes.extend(file.read.notes.iter().map(|note| format!("{shown}: {note}")));
                    // Two folders may have files of one name.
                    let name = format!("{:05}-{}", index + 1, plain_name(path));
                    let dataset = self.profile.dataset().as_str();
                    put(&ingested, dataset, &name, &file, &mut landing.ingested_keys).await?;
                }
                Err(error) => landing.rejected.push((path.display().to_string(), error)),
            }
        }
        Ok(landing)
    }

    async fn read(&self, path: &Path) -> Result<PriceFile> {
        let name = plain_name(path);
        let key = format!("inbox/{}/{name}", self.profile.dataset());
        let inbox = ReadOnlyFiles::new(vec![(key.clone(), path.to_owned())])?;
        let meta = inbox.head(&key).await?.ok_or_else(|| Error::not_found("is not there any more"))?;
        let changed_at = changed_at(path).unwrap_or(self.now).min(self.now);
        self.profile.read(&inbox, &meta, &name, changed_at, &self.run_id).await
    }
}

/// When a file was last changed, which is when it was downloaded unless somebody copied it since; `None` where no such time is kept.
pub(super) fn changed_at(path: &Path) -> Option<DateTime<Utc>> {
    Some(std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?.into())
}

/// A file's name as it may be in a key.
fn plain_name(path: &Path) -> String {
    file_name(path).chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect()
}

/// The named files, whatever they are called, and all text files of the named folders.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let metadata = std::fs::metadata(path)
        .map_err(|e| Error::not_found(format!("cannot read {}", path.display())).with_source(e))?;
    if !metadata.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let before = files.len();
    walk(path, files)?;
    if files.len() == before {
        return Err(Error::not_found(format!(
            "{} holds no .csv or .txt file (packed or not)",
            path.display()
        )));
    }
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable =
        |e| Error::unavailable(format!("cannot read folder {}", folder.display())).with_source(e);
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if is_table(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_table(path: &Path) -> bool {
    let name = file_name(path).to_ascii_lowercase();
    let packed = [".gz", ".zip", ".zst", ".bz2"].iter().find_map(|ending| name.strip_suffix(ending));
    let plain = packed.unwrap_or(&name);
    !name.starts_with('.') && (plain.ends_with(".csv") || plain.ends_with(".txt") || name.ends_with(".zip"))
}

/// Writes the lines, in parts that `check` can hold.
async fn put(
    lake: &MemoryLake,
    dataset: &str,
    name: &str,
    file: &PriceFile,
    keys: &mut Vec<String>,
) -> Result<()> {
    let parts = file.parts()?;
    let last = parts.len();
    for (part, lines) in (1..).zip(parts) {
        let name = if part == last { name.to_owned() } else { format!("{name}.part-{part:05}") };
        let key = ObjectKey::landing(dataset, &format!("{name}.ndjson")).to_string();
        lake.put(&key, Bytes::from(lines), Precondition::None).await?;
        keys.push(key);
    }
    Ok(())
}

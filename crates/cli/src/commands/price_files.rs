//! Price files by a vendor's profile: found, read, and made the landing objects that the vendor's own answers would have become.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::contract::FileLayout;
use quotelake_core::ports::{Clock as _, Lake as _, Precondition};
use quotelake_core::{Context as _, Error, ObjectKey, Result};
use quotelake_fetch::Watchlist;
use quotelake_ingest::raw_rows;
use quotelake_local::{FileSet, MemoryLake, SystemClock};
use quotelake_sources::DatasetName;
use quotelake_sources::profiles::{FileFacts, FileRow, FileRows, Profile, Settings, find, read_rows};

use super::files::{Landing, file_name, read_text};

/// Lines in one landing object: what `check` holds in memory at once.
const PART_BYTES: usize = 32 << 20;

/// A profile, and what is said beside the files.
#[derive(Debug)]
pub struct PriceFiles {
    profile: &'static Profile,
    dataset: DatasetName,
    settings: Settings,
    run_id: String,
    now: DateTime<Utc>,
}

impl PriceFiles {
    /// By what the command line says. `NotFound` for an unknown profile, `InvalidInput` for a dataset that it has no files of, for a
    /// setting that means nothing, for a watchlist that cannot be read.
    pub fn new(profile: &str, dataset: &str, set: &[String], watchlist: Option<&Path>) -> Result<Self> {
        let profile = find(profile)?;
        let known = profile.datasets();
        let dataset = dataset.parse().ok().filter(|dataset| known.contains(dataset)).ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(|dataset| dataset.as_str()).collect();
            Error::invalid(format!(
                "profile {} has files of {}, not of {dataset}",
                profile.name,
                known.join(" and ")
            ))
        })?;
        let mut settings = Settings::parse(set.iter().map(String::as_str)).context("--set")?;
        if let Some(path) = watchlist {
            let watchlist =
                Watchlist::parse(&read_text(path)?).with_context(|| path.display().to_string())?;
            settings = settings.with_instruments(watchlist.instruments);
        }
        let now = SystemClock.now();
        Ok(Self { profile, dataset, settings, run_id: format!("load-{}", now.format("%Y%m%dT%H%M%SZ")), now })
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
            files: Arc::new(FileSet::new(Vec::new())?),
            ingested: Arc::clone(&ingested),
            file_keys: Vec::new(),
            ingested_keys: Vec::new(),
            names: BTreeMap::new(),
            rejected: Vec::new(),
            notes: Vec::new(),
        };
        for (index, path) in files.iter().enumerate() {
            match self.read(path).await {
                Ok(read) => {
                    let shown = path.display().to_string();
                    landing.notes.extend(read.notes.iter().map(|note| format!("{shown}: {note}")));
                    // Two folders may have files of one name.
                    let name = format!("{:05}-{}", index + 1, plain_name(path));
                    put(&ingested, self.dataset, &name, &read, &mut landing.ingested_keys).await?;
                }
                Err(error) => landing.rejected.push((path.display().to_string(), error)),
            }
        }
        Ok(landing)
    }

    async fn read(&self, path: &Path) -> Result<FileRows> {
        let name = plain_name(path);
        let key = format!("inbox/{}/{name}", self.dataset);
        let inbox = FileSet::new(vec![(key.clone(), path.to_owned())])?;
        let meta = inbox.head(&key).await?.ok_or_else(|| Error::not_found("is not there any more"))?;
        let read = raw_rows(&inbox, &meta, &FileLayout::default()).await?;
        let rows: Vec<FileRow> = read
            .rows
            .into_iter()
            .map(|row| FileRow { line: row.line, cells: row.cells, raw: row.raw })
            .collect();
        let facts = FileFacts {
            name: &name,
            sha256: &read.sha256,
            fetched_at: self.settings.fetched_at().map_or_else(|| self.changed_at(path), Ok)?,
            run_id: &self.run_id,
        };
        read_rows(self.profile, self.dataset, &self.settings, facts, &rows)
    }

    /// When a file was last changed, which is when it was downloaded unless somebody copied it since.
    fn changed_at(&self, path: &Path) -> Result<DateTime<Utc>> {
        let changed = std::fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(|e| {
            Error::invalid("no time of its last change is known: say --set fetched_at=...").with_source(e)
        })?;
        Ok(DateTime::<Utc>::from(changed).min(self.now))
    }
}

/// A file's name as it may stand in a key.
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
    dataset: DatasetName,
    name: &str,
    read: &FileRows,
    keys: &mut Vec<String>,
) -> Result<()> {
    let mut lines = Vec::new();
    for fault in &read.faults {
        serde_json::to_writer(&mut lines, &fault.to_line()?)
            .map_err(|e| Error::bug("a landing line").with_source(e))?;
        lines.push(b'\n');
    }
    let mut part = 0;
    for (index, record) in read.records.iter().enumerate() {
        record.write_line(&mut lines);
        let last = index + 1 == read.records.len();
        if lines.len() >= PART_BYTES && !last {
            part += 1;
            write(lake, dataset, &format!("{name}.part-{part:05}"), std::mem::take(&mut lines), keys).await?;
        }
    }
    write(lake, dataset, name, lines, keys).await
}

async fn write(
    lake: &MemoryLake,
    dataset: DatasetName,
    name: &str,
    lines: Vec<u8>,
    keys: &mut Vec<String>,
) -> Result<()> {
    let key = ObjectKey::landing(dataset.as_str(), &format!("{name}.ndjson")).to_string();
    lake.put(&key, Bytes::from(lines), Precondition::None).await?;
    keys.push(key);
    Ok(())
}

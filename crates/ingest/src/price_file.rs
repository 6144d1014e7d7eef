//! Price files by a vendor's profile: the landing lines that the vendor's own answers would have become.

use std::io::Write as _;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_contract::{FileLayout, PriceFolder};
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Context as _, Error, Result};
use quotelake_landing::gzip;
use quotelake_sources::profiles::{FileFacts, FileRow, FileRows, Profile, Settings, find, read_rows};
use quotelake_sources::{DatasetName, Instrument};

use crate::parts::PART_BYTES;
use crate::raw_rows;

/// A profile, and what is said beside the files.
#[derive(Debug, Clone)]
pub struct ByProfile {
    profile: &'static Profile,
    dataset: DatasetName,
    settings: Settings,
}

/// A price file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceFile {
    /// Its rows.
    pub read: FileRows,
    /// SHA-256 of the file as it is stored, lowercase hex.
    pub sha256: String,
}

impl ByProfile {
    /// By a profile's name and `name=value` texts. `NotFound` for an unknown profile, `InvalidInput` for a dataset that it has no files of
    /// and for a setting that means nothing.
    pub fn new(profile: &str, dataset: &str, set: &[String]) -> Result<Self> {
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
        let settings = Settings::parse(set.iter().map(String::as_str)).context("--set")?;
        Ok(Self { profile, dataset, settings })
    }

    /// As a folder of the inbox says it.
    pub fn of_folder(folder: &PriceFolder, dataset: &str) -> Result<Self> {
        Self::new(&folder.profile, dataset, &folder.settings())
    }

    /// The same with instruments of a watchlist, whose files alone are taken.
    #[must_use]
    pub fn with_instruments(self, instruments: Vec<Instrument>) -> Self {
        Self { settings: self.settings.with_instruments(instruments), ..self }
    }

    /// The dataset of its rows.
    pub fn dataset(&self) -> DatasetName {
        self.dataset
    }

    /// Reads a file. `created_at` is when it was written, which is when it was downloaded where nothing else is said. `InvalidInput` says
    /// why the whole file is refused.
    pub async fn read(
        &self,
        inbox: &dyn Lake,
        meta: &ObjectMeta,
        name: &str,
        created_at: DateTime<Utc>,
        run_id: &str,
    ) -> Result<PriceFile> {
        let raw = raw_rows(inbox, meta, &FileLayout::default()).await?;
        let rows: Vec<FileRow> = raw
            .rows
            .into_iter()
            .map(|row| FileRow { line: row.line, cells: row.cells, raw: row.raw })
            .collect();
        let fetched_at = self.settings.fetched_at().unwrap_or(created_at);
        let facts = FileFacts { name, sha256: &raw.sha256, fetched_at, run_id };
        let read = read_rows(self.profile, self.dataset, &self.settings, facts, &rows)?;
        Ok(PriceFile { read, sha256: raw.sha256 })
    }
}

impl PriceFile {
    /// Its landing lines, in parts that `check` can hold. A file without a row is one empty part.
    pub fn parts(&self) -> Result<Vec<Vec<u8>>> {
        let (mut parts, mut lines) = (Vec::new(), Vec::new());
        for fault in &self.read.faults {
            serde_json::to_writer(&mut lines, &fault.to_line()?)
                .map_err(|e| Error::bug("a landing line").with_source(e))?;
            lines.push(b'\n');
        }
        for record in &self.read.records {
            if lines.len() >= PART_BYTES {
                parts.push(std::mem::take(&mut lines));
            }
            record.write_line(&mut lines);
        }
        parts.push(lines);
        Ok(parts)
    }

    /// The same, packed.
    pub(crate) fn packed_parts(&self) -> Result<Vec<Bytes>> {
        let in_memory = |error: std::io::Error| Error::bug("cannot compress in memory").with_source(error);
        let pack = |part: Vec<u8>| {
            let mut encoder = gzip::encoder();
            encoder.write_all(&part).map_err(in_memory)?;
            Ok(encoder.finish().map_err(in_memory)?.into())
        };
        self.parts()?.into_iter().map(pack).collect()
    }
}

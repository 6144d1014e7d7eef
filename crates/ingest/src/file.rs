//! One dropped file to landing objects, in two readings: the first finds out whether the whole file can be taken, the second
//! writes. So a file that is cut, or whose header does not fit, leaves no half of itself in the lake.

use std::io::Write as _;

use bytes::Bytes;
use flate2::GzBuilder;
use flate2::write::GzEncoder;
use quotelake_core::cell::{Doubts, Readings};
use quotelake_core::ports::{Lake, ObjectMeta, Precondition};
use quotelake_core::{Context as _, Contract, Contracts, Error, ObjectKey, Result};
use serde::Serialize;

use crate::mapping::Mapping;
use crate::records::{Record, Records};
use crate::source::Source;

/// Lines in one landing object, unpacked: what `check` holds in memory at once.
pub const PART_BYTES: usize = 32 << 20;

/// A dropped file, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The object that was read.
    pub meta: ObjectMeta,
    /// SHA-256 of the file as it is stored, lowercase hex.
    pub sha256: String,
    /// Data rows, readable or not.
    pub rows: u64,
    /// What the file's texts say about the contract's formats: a sentence each.
    pub notes: Vec<String>,
    /// Columns whose texts speak for another format.
    pub doubts: Doubts,
}

/// What became of a dropped file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngestReport {
    /// The dataset.
    pub dataset: String,
    /// The landing objects that it became, in the file's order.
    pub landing_keys: Vec<String>,
    /// Data rows, readable or not.
    pub rows: u64,
    /// Rows that could not be read, which `check` will quarantine.
    pub unreadable: u64,
    /// What the file's texts say about the contract's formats: a sentence each.
    pub notes: Vec<String>,
}

/// Turns one dropped CSV file into landing objects, whatever was dropped before.
///
/// `InvalidInput` when the key names no dataset, the header does not fit the contract, or the file is not readable to its
/// end: the whole file is rejected and stays where it is. `NotFound` for an unknown dataset or a missing file.
pub async fn ingest_object(
    inbox: &dyn Lake,
    lake: &dyn Lake,
    contracts: &Contracts,
    key: &str,
) -> Result<IngestReport> {
    let (dataset, _) = dataset_and_name(key)?;
    let contract = &contracts.get(&dataset)?.contract;
    let inspected = inspect(inbox, contract, &stored(inbox, key).await?).await?;
    land(inbox, lake, contract, &inspected).await
}

/// The dataset and the file's name in an inbox key.
pub fn dataset_and_name(key: &str) -> Result<(String, String)> {
    match ObjectKey::parse(key) {
        Ok(ObjectKey::Inbox { dataset, name }) => Ok((dataset, name)),
        _ => Err(Error::invalid(format!("{key:?} is not in an inbox folder: wants inbox/<dataset>/<file>"))),
    }
}

/// The file as it is now. `NotFound` when it is gone.
pub async fn stored(inbox: &dyn Lake, key: &str) -> Result<ObjectMeta> {
    inbox.head(key).await?.ok_or_else(|| Error::not_found(format!("{key} is not there any more")))
}

/// Reads a file once: its hash, its rows, and whether its header fits and its end is there.
pub async fn inspect(inbox: &dyn Lake, contract: &Contract, meta: &ObjectMeta) -> Result<Inspected> {
    let mut source = Source::new(inbox, meta);
    let mut rows = Rows::new(contract);
    let mut readings = Readings::new(contract);
    let idle = readings.is_idle();
    let look = &mut |mapping: &Mapping<'_>, record: Record<'_>| {
        if !idle {
            mapping.observe(&record, &mut readings);
        }
        Ok(())
    };
    while let Some(text) = source.next().await.with_context(|| format!("reading {}", meta.key))? {
        rows.push(&text, look).with_context(|| format!("file {}", meta.key))?;
    }
    rows.finish(look).with_context(|| format!("file {}", meta.key))?;
    let (notes, doubts) = (readings.notes(), readings.doubts());
    Ok(Inspected { meta: meta.clone(), sha256: source.sha256(), rows: rows.count, notes, doubts })
}

/// Reads a file again and writes it as landing objects, named by its content: writing it twice writes the same objects.
/// `Conflict` when the file was replaced since it was inspected.
pub async fn land(
    inbox: &dyn Lake,
    lake: &dyn Lake,
    contract: &Contract,
    inspected: &Inspected,
) -> Result<IngestReport> {
    let (dataset, name) = dataset_and_name(&inspected.meta.key)?;
    let mut source = Source::new(inbox, &inspected.meta);
    let mut rows = Rows::new(contract);
    rows.doubts.clone_from(&inspected.doubts);
    let notes = inspected.notes.clone();
    let mut report = IngestReport { dataset, landing_keys: Vec::new(), rows: 0, unreadable: 0, notes };
    let prefix = format!("{}-{}", stem(&name), &inspected.sha256[..16]);
    let mut part = Part::new();
    let mut lines = Vec::new();
    loop {
        let text = source.next().await.with_context(|| format!("reading {}", inspected.meta.key))?;
        let unreadable = &mut report.unreadable;
        let write = &mut |mapping: &Mapping<'_>, record: Record<'_>| {
            *unreadable += u64::from(!mapping.write_line(&record, &mut lines)?);
            Ok(())
        };
        match &text {
            Some(text) => rows.push(text, write)?,
            None => rows.finish(write)?,
        }
        part.add(&lines)?;
        lines.clear();
        let last = text.is_none();
        // A file without a row still has a result: its landing object is empty.
        if part.bytes >= PART_BYTES || last && (part.bytes > 0 || report.landing_keys.is_empty()) {
            // What was read belongs to the file that was inspected, or nothing of it lands.
            source.verify().await?;
            let key = ObjectKey::landing(&report.dataset, &part_name(&prefix, report.landing_keys.len()))
                .to_string();
            let full = std::mem::replace(&mut part, Part::new());
            lake.put(&key, full.finish()?, Precondition::None)
                .await
                .with_context(|| format!("writing {key}"))?;
            report.landing_keys.push(key);
        }
        if last {
            break;
        }
    }
    if source.sha256() != inspected.sha256 {
        return Err(Error::conflict(format!("{} was replaced while it was read", inspected.meta.key)));
    }
    report.rows = rows.count;
    Ok(report)
}

/// A file's records, the header apart.
struct Rows<'c> {
    contract: &'c Contract,
    records: Records,
    mapping: Option<Mapping<'c>>,
    doubts: Doubts,
    count: u64,
}

impl<'c> Rows<'c> {
    fn new(contract: &'c Contract) -> Self {
        Self {
            contract,
            records: Records::new(contract.csv_delimiter),
            mapping: None,
            doubts: Doubts::default(),
            count: 0,
        }
    }

    fn push(
        &mut self,
        text: &[u8],
        take: &mut dyn FnMut(&Mapping<'c>, Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { contract, records, mapping, doubts, count } = self;
        records.push(text, &mut |record| sort_out(contract, mapping, doubts, count, record, take))
    }

    fn finish(&mut self, take: &mut dyn FnMut(&Mapping<'c>, Record<'_>) -> Result<()>) -> Result<()> {
        let Self { contract, records, mapping, doubts, count } = self;
        records.finish(&mut |record| sort_out(contract, mapping, doubts, count, record, take))?;
        if mapping.is_none() {
            return Err(Error::invalid("is empty: there is no header; the whole file is rejected"));
        }
        Ok(())
    }
}

/// The first record is the header.
fn sort_out<'c>(
    contract: &'c Contract,
    mapping: &mut Option<Mapping<'c>>,
    doubts: &Doubts,
    count: &mut u64,
    record: Record<'_>,
    take: &mut dyn FnMut(&Mapping<'c>, Record<'_>) -> Result<()>,
) -> Result<()> {
    match mapping {
        Some(mapping) => {
            *count += 1;
            take(mapping, record)
        }
        None => {
            *mapping = Some(Mapping::new(contract, &record, doubts.clone())?);
            Ok(())
        }
    }
}

/// A landing object in the making.
struct Part {
    encoder: GzEncoder<Vec<u8>>,
    bytes: usize,
}

impl Part {
    fn new() -> Self {
        // No time in it: equal lines are equal bytes.
        Self {
            encoder: GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default()),
            bytes: 0,
        }
    }

    fn add(&mut self, lines: &[u8]) -> Result<()> {
        self.bytes += lines.len();
        self.encoder.write_all(lines).map_err(in_memory)
    }

    fn finish(self) -> Result<Bytes> {
        Ok(self.encoder.finish().map_err(in_memory)?.into())
    }
}

fn in_memory(error: std::io::Error) -> Error {
    Error::bug("cannot compress in memory").with_source(error)
}

fn part_name(prefix: &str, index: usize) -> String {
    match index {
        0 => format!("{prefix}.ndjson.gz"),
        _ => format!("{prefix}.part-{:05}.ndjson.gz", index + 1),
    }
}

fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.strip_suffix(".csv").unwrap_or(name)
}

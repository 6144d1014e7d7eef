//! One dropped file to landing objects, in two readings: the first finds out whether the whole file can be taken, the second
//! writes. So a file that is cut, or whose header does not fit, leaves no half of itself in the lake.

use std::sync::Arc;

use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::{Lake, ObjectMeta, Precondition};
use quotelake_core::{Context as _, Error, ObjectKey, Result, sha256_hex};
use quotelake_landing::{Doubts, Readings, SourceLines};
use serde::Serialize;

use crate::mapping::{Mapping, Row};
use crate::names::stem;
use crate::outside::Outside;
pub use crate::parts::PART_BYTES;
use crate::parts::Parts;
use crate::price_file::PriceFile;
use crate::reading::Reading;
use crate::table::TakeRows;

/// A dropped file, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The object that was read.
    pub meta: ObjectMeta,
    /// SHA-256 of the file as it is stored, lowercase hex.
    pub sha256: String,
    /// What tells its rows from those of other files: the hash of what it holds once it is unpacked, and the columns from outside the
    /// file where there are any. Packed again, or under another name, it is the same.
    pub content: String,
    /// The same by the hash of the file as it is stored, where that is another one: by it, earlier versions told the rows of packed
    /// files apart.
    pub packed: Option<String>,
    /// Data rows, readable or not.
    pub rows: u64,
    /// What the file's texts say about the contract's formats: a sentence each.
    pub notes: Vec<String>,
    /// Columns whose texts speak for another format.
    pub doubts: Doubts,
}

impl Inspected {
    /// The same file, whose rows came before under the hash of the packed file: they keep it.
    #[must_use]
    pub fn as_packed(mut self) -> Self {
        if let Some(packed) = self.packed.take() {
            self.content = packed;
        }
        self
    }
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

/// Turns one dropped file into landing objects, whatever was dropped before.
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
    let contract = &contracts.incoming(&dataset)?.contract;
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

/// Counts rows, and looks at the texts of columns whose format may be mistaken for another.
struct Look {
    rows: u64,
    readings: Readings,
    canonical: Option<SourceLines>,
    joined: Joined,
}

/// Lines inside cells that look like rows: a stray quote may have joined them, which no rule of CSV can tell.
#[derive(Default)]
struct Joined {
    /// The record of the first of them.
    first: Option<u64>,
    lines: u64,
}

impl Joined {
    fn note(&self) -> Option<String> {
        let (line, lines) = (self.first?, self.lines);
        Some(format!(
            "{lines} lines are inside cells in quotes and have as many delimiters as a row, the first of them in the record that \
             begins on line {line}: if they are rows, a quote was taken for the beginning of a cell (say `quoting: none`)"
        ))
    }
}

impl Look {
    fn new(contract: &Arc<Contract>) -> Self {
        let readings = Readings::new(contract);
        let canonical = SourceLines::new(Arc::clone(contract));
        let canonical = (!readings.is_idle() && !canonical.is_plain()).then_some(canonical);
        Self { rows: 0, readings, canonical, joined: Joined::default() }
    }
}

impl TakeRows for Look {
    fn row(&mut self, mapping: &Mapping<'_>, row: &Row<'_>) -> Result<()> {
        self.rows += 1;
        if !self.readings.is_idle() {
            mapping.observe(row, &mut self.readings);
        }
        if let Row::Record(record) = row {
            let lines = record.joined_lines();
            if lines > 0 {
                self.joined.first.get_or_insert(record.line);
                self.joined.lines += lines;
            }
        }
        Ok(())
    }

    fn json(&mut self, _: u64, text: &[u8], _: &Outside) -> Result<()> {
        self.rows += 1;
        if let (Some(lines), Ok(text)) = (&self.canonical, std::str::from_utf8(text)) {
            lines.observe(text, &mut self.readings);
        }
        Ok(())
    }
}

/// Reads a file once: its hash, its rows, whether its header fits, its quotes are closed and its end is there.
pub async fn inspect(inbox: &dyn Lake, contract: &Arc<Contract>, meta: &ObjectMeta) -> Result<Inspected> {
    let (_, name) = dataset_and_name(&meta.key)?;
    let failed = || format!("file {}", meta.key);
    let mut reading =
        Reading::open(inbox, meta, &name, contract, Doubts::default()).await.with_context(failed)?;
    let mut look = Look::new(contract);
    while reading.step(&mut look).await.with_context(failed)? {}
    let (sha256, unpacked) = (reading.sha256(), reading.content_sha256());
    let outside = Outside::of(contract, &name).with_context(failed)?;
    let content_of = |sha256: &str| match outside.is_empty() {
        true => sha256.to_owned(),
        false => sha256_hex(format!("{sha256} {}", outside.fields).as_bytes()),
    };
    let content = content_of(&unpacked);
    let packed = (sha256 != unpacked).then(|| content_of(&sha256));
    let (mut notes, doubts) = (look.readings.notes(), look.readings.doubts());
    notes.extend(look.joined.note());
    Ok(Inspected { meta: meta.clone(), sha256, content, packed, rows: look.rows, notes, doubts })
}

/// Reads a file again and writes it as landing objects, named by its content: writing it twice writes the same objects.
/// `Conflict` when the file was replaced since it was inspected.
pub async fn land(
    inbox: &dyn Lake,
    lake: &dyn Lake,
    contract: &Arc<Contract>,
    inspected: &Inspected,
) -> Result<IngestReport> {
    let (dataset, name) = dataset_and_name(&inspected.meta.key)?;
    let failed = || format!("file {}", inspected.meta.key);
    let doubts = inspected.doubts.clone();
    let mut reading =
        Reading::open(inbox, &inspected.meta, &name, contract, doubts).await.with_context(failed)?;
    let notes = inspected.notes.clone();
    let mut parts = Parts::new(&name, contract, &inspected.content, &inspected.doubts);
    let mut report = IngestReport { dataset, landing_keys: Vec::new(), rows: 0, unreadable: 0, notes };
    let prefix = format!("{}-{}", stem(&name), &inspected.content[..16]);
    loop {
        let more = reading.step(&mut parts).await.with_context(failed)?;
        if !more {
            parts.finish(report.landing_keys.is_empty())?;
        }
        for full in parts.full.drain(..) {
            // What was read belongs to the file that was inspected, or nothing of it lands.
            reading.verify().await?;
            let key = ObjectKey::landing(&report.dataset, &part_name(&prefix, report.landing_keys.len()))
                .to_string();
            lake.put(&key, full, Precondition::None).await.with_context(|| format!("writing {key}"))?;
            report.landing_keys.push(key);
        }
        if !more {
            break;
        }
    }
    if reading.sha256() != inspected.sha256 {
        return Err(Error::conflict(format!("{} was replaced while it was read", inspected.meta.key)));
    }
    (report.rows, report.unreadable) = (parts.rows, parts.unreadable);
    Ok(report)
}

/// Writes the rows of a price file as landing objects, named by its content.
pub(crate) async fn land_prices(
    lake: &dyn Lake,
    dataset: &str,
    file: &PriceFile,
    inspected: &Inspected,
) -> Result<IngestReport> {
    let (_, name) = dataset_and_name(&inspected.meta.key)?;
    let prefix = format!("{}-{}", stem(&name), &inspected.content[..16]);
    let mut report = IngestReport {
        dataset: dataset.to_owned(),
        landing_keys: Vec::new(),
        rows: inspected.rows,
        unreadable: file.read.faults.len() as u64,
        notes: inspected.notes.clone(),
    };
    for (index, part) in file.packed_parts()?.into_iter().enumerate() {
        let key = ObjectKey::landing(dataset, &part_name(&prefix, index)).to_string();
        lake.put(&key, part, Precondition::None).await.with_context(|| format!("writing {key}"))?;
        report.landing_keys.push(key);
    }
    Ok(report)
}

fn part_name(prefix: &str, index: usize) -> String {
    match index {
        0 => format!("{prefix}.ndjson.gz"),
        _ => format!("{prefix}.part-{:05}.ndjson.gz", index + 1),
    }
}

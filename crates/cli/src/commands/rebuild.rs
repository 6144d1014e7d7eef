//! `quotelake rebuild`: everything after `raw/` once more, into a new lake: no vendor is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, Result, Zone, sha256_hex};
use quotelake_fetch::{Destination, Pages};
use quotelake_landing::gzip;
use quotelake_local::SystemClock;
use quotelake_sources::{Failure, FailureKind, Sources};
use quotelake_table::published::{stored_tables, table_of};
use quotelake_table::{StoredPartition, parquet_file};
use serde::Serialize;

use super::open_existing;
use super::run::{tables_text, undelivered_text};
use crate::args::{RebuildArgs, default_lake};
use crate::collect::Checked;
use crate::laptop::{Laptop, Settled};
use crate::number::{counted, thousands};
use crate::output::{Exit, Output, Text};
use crate::pipeline::{checked_since, dead_letters};
use crate::tables::{TableSummary, summaries};
use crate::undelivered::{self, Undelivered};

/// What a rebuild did.
#[derive(Debug, Serialize)]
struct Rebuilt {
    /// Objects of `raw/` that were read.
    raw_objects: u64,
    /// Pages in them.
    pages: u64,
    /// Pages too large for the stream that could not be read, each with its reason.
    unreadable: Vec<String>,
    settled: Settled,
    /// Pages that could not be delivered, each with its reason.
    undelivered: Vec<Undelivered>,
    checked: Checked,
    tables: Vec<TableSummary>,
    dead_letters: u64,
    /// Both lakes' files held against each other.
    compared: Compared,
}

/// The published files of two lakes.
#[derive(Debug, Default, Serialize)]
struct Compared {
    /// Files of the same bytes.
    equal: u64,
    /// Files of the same rows, of an older type or with other flags: what an older version did not say about them.
    same_rows: u64,
    /// Keys whose rows differ.
    different: Vec<String>,
    /// Keys that only the old lake has.
    only_before: Vec<String>,
    /// Keys that only the new lake has.
    only_after: Vec<String>,
}

impl Compared {
    fn is_equal(&self) -> bool {
        self.different.is_empty() && self.only_before.is_empty() && self.only_after.is_empty()
    }
}

/// Runs the command.
pub async fn run(args: RebuildArgs, output: Output) -> Result<Exit> {
    if let Some(partition) = &args.partition {
        let lake = args.lake.clone().unwrap_or_else(default_lake);
        return super::rebuild_partition::run(&lake, partition, output).await;
    }
    let lake = args.lake.clone().ok_or_else(|| Error::config("--lake is missing"))?;
    if !args.contracts.is_empty() {
        return super::rebuild_contract::run(&args, &lake, output).await;
    }
    let old = open_existing(&args.from.clone().unwrap_or_else(default_lake)).await?;
    refuse_used(&lake)?;
    copy_contracts(old.lake().as_ref(), &lake).await?;
    let new = Laptop::open(&lake, Arc::new(SystemClock)).await?;
    let (mut raw_objects, mut pages) = (0, 0);
    let (sources, lake) = (Sources::default(), new.landing_lake()?);
    let to = Destination { stream: new.stream().as_ref(), lake: Some(lake.as_ref()), sources: &sources };
    let (mut sink, mut unreadable) = (Pages::new(to), Vec::new());
    for meta in old.lake().list(Zone::Raw.prefix()).await? {
        let bytes = old.lake().get(&meta.key).await?.bytes;
        let records = records(&bytes).with_context(|| meta.key.clone())?;
        raw_objects += 1;
        pages += records.len() as u64;
        for record in records {
            match sink.send_record(record).await {
                Ok(()) => {}
                Err(failure) if failure.kind == FailureKind::Malformed => {
                    unreadable.push(format!("{}: {}", meta.key, failure.message));
                }
                Err(failure) => return Err(failed(&failure).context(meta.key)),
            }
        }
        sink.end().await.map_err(|failure| failed(&failure).context(meta.key))?;
    }
    let settled = new.settle(None, None).await?;
    let mut findings = Vec::new();
    let tables = summaries(new.lake().as_ref(), &new.contracts, &mut findings).await?;
    unreadable.extend(findings.into_iter().map(|finding| format!("{}: {}", finding.subject, finding.found)));
    let rebuilt = Rebuilt {
        raw_objects,
        pages,
        unreadable,
        undelivered: undelivered::of_objects(new.lake().as_ref(), &settled.undelivered_objects).await?,
        settled,
        checked: checked_since(&new, &BTreeSet::new()).await?,
        tables,
        dead_letters: dead_letters(&new).await?,
        compared: compare(old.lake().as_ref(), &new).await?,
    };
    let lost = rebuilt.settled.undelivered + rebuilt.unreadable.len() as u64;
    let exit = if rebuilt.dead_letters + lost > 0 || !rebuilt.compared.is_equal() {
        Exit::SomeFailed
    } else {
        Exit::Done
    };
    output.finish(&rebuilt, || text(&rebuilt))?;
    Ok(exit)
}

/// A rebuild starts from nothing: rows that are there already would be taken for rebuilt ones.
pub(super) fn refuse_used(folder: &Path) -> Result<()> {
    let used = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if used {
        return Err(Error::config(format!(
            "{} is not empty: a rebuild needs a new folder, and the old lake stays as it is",
            folder.display()
        )));
    }
    Ok(())
}

/// Datasets that a lake brought its own contract for are rebuilt by it.
async fn copy_contracts(old: &dyn Lake, folder: &Path) -> Result<()> {
    let new = quotelake_local::FolderLake::open(folder)?;
    for meta in old.list(quotelake_platform::contracts::PREFIX).await? {
        let bytes = old.get(&meta.key).await?.bytes;
        new.put(&meta.key, bytes, quotelake_core::ports::Precondition::None).await?;
    }
    Ok(())
}

/// The records of one raw object, each with its line break.
fn records(bytes: &[u8]) -> Result<Vec<Bytes>> {
    let text = gzip::unpack(bytes)?;
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    Ok(lines.filter(|line| !line.trim_ascii().is_empty()).map(Bytes::copy_from_slice).collect())
}

fn failed(failure: &Failure) -> Error {
    Error::new(failure.kind.error_kind(), failure.to_string())
}

async fn hashes(lake: &dyn Lake) -> Result<BTreeMap<String, String>> {
    let mut hashes = BTreeMap::new();
    // What models compute follows from these.
    let came_in = |stored: &StoredPartition| stored.key.starts_with(Zone::Bronze.prefix());
    for stored in stored_tables(lake).await?.into_values().flatten().filter(came_in) {
        let bytes = lake.get(&stored.key).await?.bytes;
        hashes.insert(stored.key, sha256_hex(&bytes));
    }
    Ok(hashes)
}

async fn compare(old: &dyn Lake, rebuilt: &Laptop) -> Result<Compared> {
    let new = rebuilt.lake().as_ref();
    let (before, mut after) = (hashes(old).await?, hashes(new).await?);
    let mut compared = Compared::default();
    for (key, hash) in before {
        match after.remove(&key) {
            Some(other) if other == hash => compared.equal += 1,
            Some(_) if has_same_rows(&key, old, new, &rebuilt.contracts).await? => compared.same_rows += 1,
            Some(_) => compared.different.push(key),
            // All of its rows have moved to other partitions.
            None if is_empty(old, &key).await? => {}
            None => compared.only_before.push(key),
        }
    }
    for key in after.into_keys() {
        if !is_empty(new, &key).await? {
            compared.only_after.push(key);
        }
    }
    Ok(compared)
}

/// Whether a file holds no row. One that cannot be read is not empty.
async fn is_empty(lake: &dyn Lake, key: &str) -> Result<bool> {
    Ok(parquet_file::row_count(&lake.get(key).await?.bytes) == Some(0))
}

/// Whether two files hold the same rows by their contract, flags aside: those are no content, and an older version had none.
async fn has_same_rows(key: &str, old: &dyn Lake, new: &dyn Lake, contracts: &Contracts) -> Result<bool> {
    let Some((table, _)) = table_of(key) else { return Ok(false) };
    let Ok(dataset) = contracts.get(&table) else { return Ok(false) };
    let contract = &dataset.contract;
    let (before, after) = (old.get(key).await?.bytes, new.get(key).await?.bytes);
    let read = |bytes| parquet_file::read(contract, bytes);
    let (Ok(before), Ok(after)) = (read(before), read(after)) else { return Ok(false) };
    let flags = contract.flags();
    let counts = (0..before.num_columns()).filter(|index| Some(*index) != flags).collect::<Vec<_>>();
    Ok(before.project(&counts)? == after.project(&counts)?)
}

/// Keys of each kind that are named.
const NAMED: usize = 5;

fn text(rebuilt: &Rebuilt) -> Text {
    let checked = &rebuilt.checked;
    let mut text = Text::from(format!(
        "rebuilt    {} of {}\nchecked    {}\n",
        counted(rebuilt.pages, "page", "pages"),
        counted(rebuilt.raw_objects, "raw object", "raw objects"),
        checked.sum(),
    ));
    text.push_str(&undelivered_text(rebuilt.settled.undelivered, &rebuilt.undelivered));
    for page in &rebuilt.unreadable {
        text.push_str(&format!("  unreadable {page}\n"));
    }
    let compared = &rebuilt.compared;
    text.push_str(&format!("compared   {} published files have the same bytes\n", thousands(compared.equal)));
    if compared.same_rows > 0 {
        let files = thousands(compared.same_rows);
        text.push_str(&format!(
            "           {files} have the same rows, of an older type or with other flags\n"
        ));
    }
    for (what, keys) in [
        ("differ", &compared.different),
        ("are in the old lake only", &compared.only_before),
        ("are in the new lake only", &compared.only_after),
    ] {
        if keys.is_empty() {
            continue;
        }
        text.push_str(&format!("           {} {what}:\n", thousands(keys.len() as u64)));
        for key in keys.iter().take(NAMED) {
            text.push_str(&format!("             {key}\n"));
        }
    }
    text.push_str("\n");
    text.push(tables_text(&rebuilt.tables));
    text
}

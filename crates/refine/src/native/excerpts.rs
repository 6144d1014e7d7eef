//! Excerpts of the daily bars, kept from one run to the next: of a lake of twenty years a new day makes one month be read.
//!
//! `state/refine/daily_bars/<year>.parquet` has the rows of [`excerpt`] of each partition of a year, and says of which version of the
//! partition's file they are. They count only while the partition is of that version, so they decide nothing that the tables do not say:
//! without them every bar is read once more, to the same tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use chrono::Datelike as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use quotelake_contract::{Contract, ContractText};
use quotelake_core::ports::Precondition;
use quotelake_core::{Error, ErrorKind, Result, Zone};
use quotelake_market::adjustment::{BAR_COLUMNS, EventDates, Inputs, excerpt};
use quotelake_table::{ArrowSchema as _, PartitionKey, StoredPartition, parquet_file};
use serde::{Deserialize, Serialize};

use crate::dates::{self, Dates};
use crate::tables::Tables;

const BARS: &str = "daily_bars";
/// Files that are read at the same time.
const READS: usize = 8;
/// How often partitions are read: again for what a series has under other symbols, and where files were replaced meanwhile.
const ROUNDS: usize = 5;
/// Changes with what an excerpt has.
const FORM: u32 = 1;

/// The columns of an excerpt, as they are stored.
const CONTRACT: &str = "apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: daily_bars_excerpt
    customProperties:
      - {property: partitionBy, value: none}
    properties:
      - {name: provider, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: provider_symbol, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2}
      - {name: symbol, logicalType: string, physicalType: string}
      - {name: trading_date, logicalType: date, physicalType: date, required: true, primaryKey: true, primaryKeyPosition: 5}
      - {name: close, logicalType: number, physicalType: \"decimal(38,18)\", required: true}
      - {name: adjustment, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 3}
      - {name: session, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 4}
      - {name: currency, logicalType: string, physicalType: string}
      - {name: fetched_at, logicalType: timestamp, physicalType: timestamp}
      - {name: gap, logicalType: boolean, physicalType: boolean, required: true}
";

/// What a file says of its rows.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    form: u32,
    /// The contract of the bars, by its hash.
    contract: String,
    /// In the order of the rows.
    partitions: Vec<Content>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    partition: String,
    version: String,
    rows: usize,
}

/// The excerpt of one partition.
#[derive(Debug)]
struct Kept {
    version: String,
    rows: RecordBatch,
}

/// The excerpts of a lake's daily bars.
#[derive(Debug)]
pub(super) struct Excerpts<'a> {
    tables: Tables<'a>,
    contract: Contract,
    stored: Vec<(Dates, StoredPartition)>,
    kept: BTreeMap<PartitionKey, Kept>,
    /// The years of which something was read.
    changed: BTreeSet<i32>,
}

impl<'a> Excerpts<'a> {
    /// Those that are kept, of partitions as they are. `None` where bars are parted by no date.
    pub(super) async fn load(tables: Tables<'a>) -> Result<Option<Self>> {
        let bars = tables.contract(BARS)?;
        let mut stored = Vec::new();
        for partition in tables.partitions(BARS, Dates::ALL).await? {
            let Some(dates) = dates::of_partition(bars, &partition.partition) else { return Ok(None) };
            stored.push((dates, partition));
        }
        let contract = ContractText::read_kept(CONTRACT)?.contract().clone();
        let mut excerpts = Self { tables, contract, stored, kept: BTreeMap::new(), changed: BTreeSet::new() };
        let years: BTreeSet<i32> = excerpts.stored.iter().map(|(dates, _)| dates.from.year()).collect();
        let this = &excerpts;
        let read = stream::iter(years).map(|year| async move { this.year(year).await });
        let read: Vec<BTreeMap<PartitionKey, Kept>> = read.buffered(READS).try_collect().await?;
        let mut kept: BTreeMap<PartitionKey, Kept> = read.into_iter().flatten().collect();
        let version = |partition: &PartitionKey| {
            let at = excerpts.stored.binary_search_by(|(_, stored)| stored.partition.cmp(partition)).ok()?;
            Some(excerpts.stored[at].1.version.as_str())
        };
        kept.retain(|partition, kept| version(partition) == Some(kept.version.as_str()));
        excerpts.kept = kept;
        Ok(Some(excerpts))
    }

    /// What is kept of a year. A file that is missing, damaged or of another form is none.
    async fn year(&self, year: i32) -> Result<BTreeMap<PartitionKey, Kept>> {
        let key = key(year);
        let bytes = match self.tables.lake.get(&key).await {
            Ok(object) => object.bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) if error.kind() == ErrorKind::Damaged => {
                tracing::warn!(key, error = %error, "excerpts are damaged: the bars are read, and the file is replaced");
                return Ok(BTreeMap::new());
            }
            Err(error) => return Err(error.context(format!("reading {key}"))),
        };
        let contents = parquet_file::fingerprint(&bytes);
        let contents = contents.and_then(|text| serde_json::from_str::<Contents>(&text).ok());
        let Some(contents) = contents.filter(|contents| {
            contents.form == FORM && self.bars_contract().is_ok_and(|contract| contract == contents.contract)
        }) else {
            tracing::info!(key, "excerpts of another form are read once more");
            return Ok(BTreeMap::new());
        };
        let rows = match parquet_file::read(&self.contract, bytes) {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(key, error = %error, "excerpts cannot be read: the bars are");
                return Ok(BTreeMap::new());
            }
        };
        Ok(parted(&rows, contents.partitions).unwrap_or_else(|| {
            tracing::warn!(key, "excerpts are not the rows that the file says: the bars are read");
            BTreeMap::new()
        }))
    }

    /// By which contract the bars are read.
    fn bars_contract(&self) -> Result<&'a str> {
        let bars = self.tables.contracts.get(BARS)?;
        Ok(bars.contract_sha256.as_deref().unwrap_or(&bars.contract.version))
    }

    /// The bars that factors look at, with what the actions of `inputs` make of them: partitions are read where there is no excerpt of
    /// them, or one that lacks what is wanted. `None` where a bar is in a partition of other dates. `Conflict` where they keep changing.
    pub(super) async fn inputs(
        &mut self,
        wanted: &mut EventDates,
        inputs: impl Fn() -> Inputs,
    ) -> Result<Option<Inputs>> {
        let is_kept = |stored: &StoredPartition| self.kept.contains_key(&stored.partition);
        let mut reading: Vec<(Dates, StoredPartition)> =
            self.stored.iter().filter(|(_, stored)| !is_kept(stored)).cloned().collect();
        for _ in 0..ROUNDS {
            if !self.read(reading, wanted).await? {
                return Ok(None);
            }
            let mut inputs = inputs();
            for kept in self.kept.values() {
                inputs.add_bars(&kept.rows)?;
            }
            let lacking = inputs.lacking(wanted);
            if lacking.is_empty() {
                return Ok(Some(inputs));
            }
            let is_lacking = |dates: &Dates| lacking.range(dates.from..=dates.to).next().is_some();
            reading = self.stored.iter().filter(|(dates, _)| is_lacking(dates)).cloned().collect();
        }
        Err(Error::conflict("the daily bars keep changing"))
    }

    /// Takes the excerpts of partitions. False where a bar lies outside of its partition's dates.
    async fn read(&mut self, partitions: Vec<(Dates, StoredPartition)>, wanted: &EventDates) -> Result<bool> {
        let dates: BTreeMap<PartitionKey, Dates> =
            partitions.iter().map(|(dates, stored)| (stored.partition.clone(), *dates)).collect();
        let partitions = partitions.into_iter().map(|(_, stored)| stored).collect();
        let mut bars = self.tables.scan_partitions(BARS, &BAR_COLUMNS, partitions)?;
        while let Some((stored, rows)) = bars.try_next().await? {
            let Some(dates) = dates.get(&stored.partition) else { continue };
            let Some(rows) = excerpt(&rows, (dates.from, dates.to), wanted)? else { return Ok(false) };
            self.changed.insert(dates.from.year());
            let version = stored.version.as_str().to_owned();
            self.kept.insert(stored.partition, Kept { version, rows });
        }
        Ok(true)
    }

    /// Keeps what was read for the next run. What cannot be kept is read again then.
    pub(super) async fn keep(&self) {
        for year in &self.changed {
            if let Err(error) = self.keep_year(*year).await {
                tracing::warn!(year, error = %error, "excerpts of the daily bars are not kept");
            }
        }
    }

    async fn keep_year(&self, year: i32) -> Result<()> {
        let of_year = self.stored.iter().filter(|(dates, _)| dates.from.year() == year);
        let kept: Vec<(&PartitionKey, &Kept)> =
            of_year.filter_map(|(_, stored)| self.kept.get_key_value(&stored.partition)).collect();
        let partitions = kept.iter().map(|(partition, kept)| Content {
            partition: partition.to_string(),
            version: kept.version.clone(),
            rows: kept.rows.num_rows(),
        });
        let contents = Contents {
            form: FORM,
            contract: self.bars_contract()?.to_owned(),
            partitions: partitions.collect(),
        };
        let contents = serde_json::to_string(&contents).map_err(|e| Error::bug("excerpts").with_source(e))?;
        let schema = self.contract.schema();
        let rows = kept
            .iter()
            .map(|(_, kept)| RecordBatch::try_new(Arc::clone(&schema), kept.rows.columns().to_vec()));
        let rows = concat_batches(&schema, &rows.collect::<Result<Vec<_>, _>>()?)?;
        let bytes = parquet_file::write_computed(&self.contract, &rows, &contents)?;
        self.tables.lake.put(&key(year), bytes, Precondition::None).await.map(drop)
    }
}

/// The rows of each partition. `None` where they are not as many as the file says.
fn parted(rows: &RecordBatch, contents: Vec<Content>) -> Option<BTreeMap<PartitionKey, Kept>> {
    let mut parted = BTreeMap::new();
    let mut first = 0usize;
    for Content { partition, version, rows: count } in contents {
        let behind = first.checked_add(count).filter(|behind| *behind <= rows.num_rows())?;
        parted.insert(partition.parse().ok()?, Kept { version, rows: rows.slice(first, count) });
        first = behind;
    }
    (first == rows.num_rows()).then_some(parted)
}

fn key(year: i32) -> String {
    format!("{}refine/{BARS}/{year}.parquet", Zone::State.prefix())
}

//! Computes what a change reaches, and puts it into the place of what there was.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use futures::TryStreamExt as _;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog, Lake};
use quotelake_core::{Context as _, Error, Result};
use quotelake_table::{Change, Committed, PartitionKey, Partitioner, Published, Replacement};
use serde::Serialize;

use crate::conform::conform;
use crate::dates::{self, Dates};
use crate::engine::{self, Engine};
use crate::model::Model;
use crate::plan::{Reach, Span, spans};
use crate::tables::Tables;

/// What computing models needs.
#[derive(Debug, Clone, Copy)]
pub struct Ports<'a> {
    /// Reads published tables and writes those of models.
    pub lake: &'a dyn Lake,
    /// Adds partitions.
    pub catalog: &'a dyn Catalog,
    /// The datasets and models.
    pub contracts: &'a Contracts,
    /// Computes models in SQL.
    pub engine: &'a dyn Engine,
}

impl<'a> Ports<'a> {
    /// The tables, for reading.
    pub fn tables(&self) -> Tables<'a> {
        Tables { lake: self.lake, contracts: self.contracts }
    }
}

/// What came of computing a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ModelReport {
    /// The model.
    pub model: String,
    /// The partitions that were computed, in order.
    pub partitions: Vec<ComputedPartition>,
}

impl ModelReport {
    /// The partitions that are other ones since.
    pub fn changed(&self) -> impl Iterator<Item = &ComputedPartition> {
        self.partitions.iter().filter(|partition| partition.changed)
    }
}

/// What became of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedPartition {
    /// Which one, e.g. `month=2013-03`.
    pub partition: String,
    /// Its file.
    pub key: String,
    /// Rows in it.
    pub rows: usize,
    /// Bytes of it.
    pub bytes: u64,
    /// Keys that it did not have.
    pub inserted: usize,
    /// Rows of other content than before.
    pub revised: usize,
    /// Rows that are gone.
    pub removed: usize,
    /// Whether it was written: the same bytes are not.
    pub changed: bool,
}

impl ComputedPartition {
    fn of(partition: &PartitionKey, committed: Committed) -> Self {
        let Committed { key, counts, rows, bytes, changed, .. } = committed;
        Self {
            partition: partition.to_string(),
            key,
            rows,
            bytes,
            inserted: counts.inserted,
            revised: counts.revised,
            removed: counts.removed,
            changed,
        }
    }
}

/// Computes what of a model is reached and publishes it: each partition takes the place of what was there, and one that nothing is
/// computed for any more is left empty. Done again, nothing changes.
///
/// Nothing is published of a span of dates of which anything fails: the last good table stays.
pub async fn refine(ports: Ports<'_>, model: &Model, reach: &Reach) -> Result<ModelReport> {
    let mut report = ModelReport { model: model.name().to_owned(), partitions: Vec::new() };
    if !model.is_published() {
        return Ok(report);
    }
    for span in spans(model, reach, ports.tables()).await? {
        let computed =
            compute(ports, model, &span).await.with_context(|| format!("model {}", model.name()))?;
        report.partitions.extend(publish(ports, model, computed).await?);
    }
    Ok(report)
}

/// The partitions of a span, encoded.
async fn compute(
    ports: Ports<'_>,
    model: &Model,
    span: &Span,
) -> Result<BTreeMap<PartitionKey, Replacement>> {
    let contract = &model.dataset.contract;
    let fingerprint = model.fingerprint(&engine::version_of(model, ports.engine));
    let mut waiting: BTreeMap<PartitionKey, Vec<RecordBatch>> = BTreeMap::new();
    let mut done: BTreeMap<PartitionKey, Replacement> = BTreeMap::new();
    let mut computed = engine::compute(model, ports.engine, ports.tables(), span.dates).await?;
    let encode = |rows: &[RecordBatch]| {
        let rows = concat_batches(&rows[0].schema(), rows)?;
        Replacement::new(contract, &rows, &fingerprint)
    };
    while let Some(part) = computed.try_next().await? {
        let rows = conform(contract, &part.rows)?;
        for (partition, rows) in Partitioner::new(contract).split(&rows)? {
            if !is_wanted(model, &partition, span.dates) {
                continue;
            }
            if done.contains_key(&partition) {
                return Err(Error::bug(format!("{partition} of {} was complete before", model.name())));
            }
            if part.is_complete {
                done.insert(partition, encode(&[rows])?);
            } else {
                waiting.entry(partition).or_default().push(rows);
            }
        }
    }
    for (partition, rows) in waiting {
        done.insert(partition, encode(&rows)?);
    }
    let gone: BTreeSet<&PartitionKey> =
        span.existing.iter().filter(|partition| !done.contains_key(*partition)).collect();
    let empty = RecordBatch::new_empty(quotelake_table::ArrowSchema::schema(contract.as_ref()));
    for partition in gone {
        done.insert(partition.clone(), Replacement::new(contract, &empty, &fingerprint)?);
    }
    Ok(done)
}

/// Whether a partition is one of those that are computed: rows that only a look-back has given are no whole partition.
fn is_wanted(model: &Model, partition: &PartitionKey, dates: Dates) -> bool {
    dates::of_partition(&model.dataset.contract, partition).is_none_or(|own| own.overlaps(&dates))
}

async fn publish(
    ports: Ports<'_>,
    model: &Model,
    computed: BTreeMap<PartitionKey, Replacement>,
) -> Result<Vec<ComputedPartition>> {
    let table = Published::new(ports.lake, &model.dataset.contract);
    let mut published = Vec::with_capacity(computed.len());
    for (partition, rows) in computed {
        let committed = table.commit(&partition, Change::Replace(&rows)).await?;
        published.push((partition.clone(), ComputedPartition::of(&partition, committed)));
    }
    let visible = published.iter().map(|(partition, done)| (partition, done.key.as_str()));
    table.make_visible(ports.catalog, visible).await?;
    Ok(published.into_iter().map(|(_, done)| done).collect())
}

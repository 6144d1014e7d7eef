//! One dataset's staged rows into its partitions.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use quotelake_core::ports::{Event, Partition, Precondition};
use quotelake_core::table::staged::{StagedObject, by_partition};
use quotelake_core::table::{MergeCounts, PartitionKey, merge, parquet_file, run_ids};
use quotelake_core::{Context as _, Contract, Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_platform::sqs::dead_letter;
use serde::Serialize;

use crate::{Context, PublishRequest};

/// How often a partition is read again because somebody else swapped its file first.
const MAX_SWAPS: usize = 5;

/// What a drain did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishReport {
    /// The dataset.
    pub dataset: String,
    /// Staged objects that were used up.
    pub staged_objects: usize,
    /// Staged objects that could not be read and are dead letters.
    pub damaged_objects: usize,
    /// The partitions that had rows, in order.
    pub partitions: Vec<PublishedPartition>,
}

impl PublishReport {
    /// Rows that came in, over all partitions.
    pub fn rows_in(&self) -> usize {
        self.partitions.iter().map(|partition| partition.rows_in).sum()
    }
}

/// What became of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedPartition {
    /// E.g. `month=2013-03`.
    pub partition: String,
    /// Its file.
    pub key: String,
    /// Rows in the file.
    pub rows: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// Staged rows for it.
    pub rows_in: usize,
    /// Keys that were new.
    pub inserted: usize,
    /// Rows whose content was replaced.
    pub revised: usize,
    /// Staged rows that changed nothing.
    pub duplicates: usize,
    /// Whether the file was rewritten.
    pub changed: bool,
    /// The runs that fetched the staged rows.
    pub run_ids: BTreeSet<String>,
}

/// Publishes everything that is staged for one dataset.
///
/// `NotFound` for an unknown dataset; `Unavailable` and `Conflict` when the lake or the catalog asks to try again: what was
/// published until then stays, what was not stays staged.
pub async fn drain(context: &Context, dataset: &str) -> Result<PublishReport> {
    let contract = &context.contracts.get(dataset)?.contract;
    let mut report = PublishReport {
        dataset: dataset.to_owned(),
        staged_objects: 0,
        damaged_objects: 0,
        partitions: Vec::new(),
    };
    let objects = open_staged(context, dataset, &mut report).await?;
    let partitions: Vec<_> = by_partition(&objects)
        .into_iter()
        .map(|(partition, holders)| publish_partition(context, contract, partition, holders))
        .collect();
    report.partitions =
        stream::iter(partitions).buffered(context.parallelism.max(1)).try_collect().await.context(dataset)?;
    for object in &objects {
        context.lake.delete(&object.key).await?;
        report.staged_objects += 1;
    }
    Ok(report)
}

/// Opens the staged objects. One that another drain used up meanwhile is passed over; one that is damaged is a dead letter
/// and is set aside, so that it does not hold up the rest.
async fn open_staged(
    context: &Context,
    dataset: &str,
    report: &mut PublishReport,
) -> Result<Vec<StagedObject>> {
    let mut objects = Vec::new();
    for meta in context.lake.list(&ObjectKey::dataset_prefix(Zone::Staged, dataset)).await? {
        match StagedObject::open(context.lake.as_ref(), &meta.key, meta.size).await {
            Ok(object) => objects.push(object),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind().is_retryable() => return Err(error),
            Err(error) => {
                tracing::error!(key = meta.key, error = %error, "staged object is damaged");
                set_aside(context, dataset, &meta.key, &error).await?;
                report.damaged_objects += 1;
            }
        }
    }
    Ok(objects)
}

/// Moves a damaged staged object out of the way, its bytes kept, and files a dead letter. Sent back, the letter is a publish
/// request like any other: it publishes what is staged by then.
async fn set_aside(context: &Context, dataset: &str, key: &str, error: &Error) -> Result<()> {
    let aside = format!("{}{key}", Zone::Undelivered.prefix());
    let bytes = context.lake.get(key).await?.bytes;
    context.lake.put(&aside, bytes, Precondition::None).await?;
    let body = serde_json::to_string(&PublishRequest { dataset: dataset.to_owned() });
    let mut letter = dead_letter(body.map_err(|e| Error::bug("request").with_source(e))?, error);
    letter.attributes.insert("object".into(), aside);
    letter.group = Some(dataset.to_owned());
    context.dead_letters.send(letter).await?;
    context.lake.delete(key).await
}

async fn publish_partition(
    context: &Context,
    contract: &Arc<Contract>,
    partition: PartitionKey,
    holders: Vec<&StagedObject>,
) -> Result<PublishedPartition> {
    let key = partition.object_key(&contract.name);
    let mut incoming = Vec::new();
    for object in holders {
        incoming.extend(object.rows(context.lake.as_ref(), &partition).await?);
    }
    let mut swaps = 0;
    let (counts, changed, rows, bytes) = loop {
        match swap(context, contract, &key.to_string(), &incoming).await {
            Err(error) if error.kind() == ErrorKind::Conflict && swaps < MAX_SWAPS => swaps += 1,
            other => break other.with_context(|| format!("publishing {partition}"))?,
        }
    };
    let visible =
        Partition { table: contract.name.clone(), values: partition.values(), location: key.folder() };
    context.catalog.ensure_partition(&visible).await?;
    let published = PublishedPartition {
        partition: partition.to_string(),
        key: key.to_string(),
        rows,
        bytes,
        rows_in: counts.rows_in,
        inserted: counts.inserted,
        revised: counts.revised,
        duplicates: counts.duplicates,
        changed,
        run_ids: run_ids(&incoming),
    };
    // Said of every partition that had rows: a crash between the swap and this line must not hide the news.
    let detail = serde_json::to_value(&published).map_err(|e| Error::bug("event").with_source(e))?;
    let event =
        Event { source: "quotelake.publish".into(), detail_type: "Partition Published".into(), detail };
    context.events.publish(event).await?;
    Ok(published)
}

/// Reads the partition's file, merges, and writes it back if nobody else did meanwhile.
async fn swap(
    context: &Context,
    contract: &Arc<Contract>,
    key: &str,
    incoming: &[RecordBatch],
) -> Result<(MergeCounts, bool, usize, u64)> {
    let (existing, precondition) = match context.lake.get(key).await {
        Ok(object) => (Some(object.bytes), Precondition::IfVersion(object.version)),
        Err(error) if error.kind() == ErrorKind::NotFound => (None, Precondition::IfAbsent),
        Err(error) => return Err(error),
    };
    let size = existing.as_ref().map_or(0, |bytes| bytes.len() as u64);
    let (contract, incoming, name) = (Arc::clone(contract), incoming.to_vec(), key.to_owned());
    // Merging and encoding are a core's work: other partitions' reads and writes go on meanwhile.
    let merged = tokio::task::spawn_blocking(move || rewrite(&contract, &name, existing, &incoming))
        .await
        .map_err(|e| Error::bug(format!("merging {key} stopped")).with_source(e))??;
    let Some(bytes) = merged.file else { return Ok((merged.counts, false, merged.rows, size)) };
    let size = bytes.len() as u64;
    context.lake.put(key, bytes, precondition).await?;
    Ok((merged.counts, true, merged.rows, size))
}

/// A partition's rows after a merge, and its new file if it has to have one.
struct Rewritten {
    counts: MergeCounts,
    rows: usize,
    file: Option<Bytes>,
}

fn rewrite(
    contract: &Contract,
    key: &str,
    existing: Option<Bytes>,
    incoming: &[RecordBatch],
) -> Result<Rewritten> {
    let existing = existing
        .map(|bytes| parquet_file::read(contract, bytes).with_context(|| format!("reading {key}")))
        .transpose()?;
    let merged = merge(contract, existing.as_ref(), incoming)?;
    let file = if merged.changed { Some(parquet_file::write(contract, &merged.batch)?) } else { None };
    Ok(Rewritten { counts: merged.counts, rows: merged.batch.num_rows(), file })
}

//! Staged rows into the partitions that they are for, some partitions at the same time.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_table::staged::StagedObjects;
use quotelake_table::{
    Change, Chosen, Columnar, Committed, Listed, PartitionKey, Published, key_hashes, run_ids,
};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::Context;
use crate::report::{PublishedPartition, Written};

/// Staged bytes of partitions that are merged at the same time; a larger partition is merged alone. What a merge holds in memory
/// grows with them.
const MAX_BYTES_AT_WORK: u64 = 8 << 20;

/// Staged rows that are left out, by partition: those of keys of which another partition holds, or is given, a better row.
pub(crate) type LeftOut = BTreeMap<PartitionKey, BTreeSet<u64>>;

/// Publishes partitions, without the staged rows that are left out, and notes each that is. An error that trying again may correct
/// stops those that are still at work: what they have not published stays staged. Any other is of one partition, and is told
/// when the rest is done.
pub(crate) async fn swap_partitions(
    context: &Context,
    contract: &Arc<Contract>,
    objects: &Arc<StagedObjects>,
    mut left_out: LeftOut,
    published: &mut BTreeMap<PartitionKey, PublishedPartition>,
) -> Result<()> {
    let context = Arc::new(context.clone());
    let listed = Arc::new(Listed::new(Arc::clone(&context.catalog), &contract.name));
    let mut waiting = objects.partitions().into_iter().peekable();
    let mut at_work = JoinSet::new();
    let (mut bytes_at_work, mut failed) = (0, None);
    loop {
        while at_work.len() < context.parallelism.max(1)
            && let Some((partition, bytes)) =
                waiting.next_if(|(_, bytes)| at_work.is_empty() || bytes_at_work + bytes <= MAX_BYTES_AT_WORK)
        {
            bytes_at_work += bytes;
            let (context, contract, objects) =
                (Arc::clone(&context), Arc::clone(contract), Arc::clone(objects));
            let listed = Arc::clone(&listed);
            let left_out = left_out.remove(&partition).unwrap_or_default();
            let work = async move {
                let table = Published::new(context.lake.as_ref(), &contract).listed_by(&listed);
                let done =
                    publish_partition(table, &context, &contract, &objects, &partition, &left_out).await;
                (partition, bytes, done)
            };
            at_work.spawn(work.in_current_span());
        }
        let Some(done) = at_work.join_next().await else { break };
        let (partition, bytes, done) =
            done.map_err(|e| Error::bug("publishing a partition stopped").with_source(e))?;
        bytes_at_work -= bytes;
        match done {
            Ok(done) => match published.entry(partition) {
                Entry::Occupied(mut before) => before.get_mut().again(done),
                Entry::Vacant(place) => drop(place.insert(done)),
            },
            Err(error) if error.kind().is_retryable() => return Err(error),
            Err(error) => {
                tracing::error!(%partition, error = %error, "a partition is not published");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Merges a partition's staged rows into it, without those that are left out.
async fn publish_partition(
    table: Published<'_>,
    context: &Context,
    contract: &Arc<Contract>,
    objects: &Arc<StagedObjects>,
    partition: &PartitionKey,
    left_out: &BTreeSet<u64>,
) -> Result<PublishedPartition> {
    let incoming = objects.fetch(context.lake.as_ref(), partition).await?;
    let rows = objects.rows(&incoming)?;
    let stay = if left_out.is_empty() {
        None
    } else {
        let hashes = (0..).zip(key_hashes(contract, &rows)?);
        let stay = hashes.filter(|(_, hash)| !left_out.contains(hash)).map(|(row, _)| row);
        Some(Chosen::new(&rows, stay.collect()))
    };
    let merged: &dyn Columnar = stay.as_ref().map_or(&rows, |stay| stay);
    let left = rows.rows() - merged.rows();
    let committed = table.commit(partition, Change::Merge(merged)).await?;
    let run_ids = run_ids(contract, [merged])?;
    let written = Written::of(&committed);
    let Committed { key, counts, rows, bytes, changed, version, .. } = committed;
    Ok(PublishedPartition {
        rows,
        bytes,
        rows_in: counts.rows_in + left,
        inserted: counts.inserted,
        revised: counts.revised,
        duplicates: counts.duplicates + left,
        changed,
        run_ids,
        version,
        written,
        ..PublishedPartition::untouched(partition, key)
    })
}

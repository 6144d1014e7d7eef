//! Tables whose rows may move: where a partition does not follow from the business key, a row that is corrected may come to lie
//! in another partition, and its older version has to leave the one in which it was.
//!
//! Beside each partition lies the list of the keys that it may hold ([`quotelake_table::KeyList`]; `lists.rs`). A drain
//!
//! 1. reads the lists, and makes those that lack from the partitions' files;
//! 2. puts the keys of its staged rows on the lists of their partitions, as `open`;
//! 3. looks which of its keys, and of all open ones, more than one partition may hold, reads their rows and leaves out staged rows
//!    that another partition's row is newer than (`contest.rs`);
//! 4. merges the other rows into their partitions;
//! 5. looks again, and takes older rows out of the partitions that they have left, each file on condition that it is still the one
//!    in which they were seen;
//! 6. settles the lists: keys that were found are `here`, those that were not are `gone`.
//!
//! So the new partition is written first and the old one afterwards: in between a reader sees both versions of the row, never none.
//! All rows of a key have one order, no matter who compares them (`quotelake_table::winning_rows`), and a row is removed only where a
//! better one was read in another file, so that of all rows of a key the best one is removed by nobody.
//!
//! Nothing is ever in a partition that its list does not name: a key is listed before its row is written, and no key is taken off a
//! list. Of two drains that write one key into two partitions, the one that writes last lists both and removes the older row. One
//! that dies before that leaves its keys open, or a file that is not of the version that its list names: the next drain of the
//! dataset, whatever it publishes, looks at both and does what is left to do. The same finds files that were written by a program
//! that knows no lists, restored or copied.

mod contest;
mod lists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quotelake_contract::Contract;
use quotelake_core::{Context as _, Error, ErrorKind, Result};
use quotelake_table::staged::StagedObjects;
use quotelake_table::{Change, PartitionKey, Published, key_hashes};

use crate::Context;
use crate::partitions::swap_partitions;
use crate::report::PublishedPartition;
use contest::{Contested, Losers};
use lists::Lists;

/// How often a drain looks again because somebody else swapped a file that it wanted to take rows out of.
const MAX_ROUNDS: usize = 20;

/// Publishes every partition that the objects have rows for, and takes older versions of their rows out of others. Notes each
/// partition that was published.
pub(crate) async fn publish(
    context: &Context,
    contract: &Arc<Contract>,
    objects: &Arc<StagedObjects>,
    published: &mut BTreeMap<PartitionKey, PublishedPartition>,
) -> Result<()> {
    let staged = staged_keys(context, contract, objects).await?;
    let mut lists = Lists::load(context, contract).await.context("lists of keys")?;
    for (partition, keys) in &staged {
        lists.register(partition, keys).await?;
    }
    let keys = ascending(staged.values().flatten().copied().chain(lists.open_keys()));
    let contested = Contested::of(&lists, &keys);
    let left_out = contested.outdone(context, contract, objects).await?;
    swap_partitions(context, contract, objects, left_out, published).await?;
    for (partition, done) in published.iter() {
        lists.note(partition, done.written.clone());
    }
    let touched = remove_older(context, contract, &mut lists, &keys, published).await?;
    for partition in lists.unsettled(&touched) {
        let was_merged = !touched.contains(&partition);
        let merged = staged.get(&partition).filter(|_| was_merged);
        lists.settle(&partition, &keys, merged).await.with_context(|| format!("list of {partition}"))?;
    }
    Ok(())
}

/// The hashes of the staged rows' keys, by partition, ascending.
async fn staged_keys(
    context: &Context,
    contract: &Contract,
    objects: &StagedObjects,
) -> Result<BTreeMap<PartitionKey, Vec<u64>>> {
    let mut staged = BTreeMap::new();
    for (partition, _) in objects.partitions() {
        let blocks = objects.fetch(context.lake.as_ref(), &partition).await?;
        let keys = key_hashes(contract, &objects.rows(&blocks)?)?;
        staged.insert(partition, ascending(keys));
    }
    Ok(staged)
}

fn ascending(keys: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let mut keys: Vec<u64> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Takes rows out of partitions where another one holds a better row of the key. Returns the partitions that may have held such
/// rows.
async fn remove_older(
    context: &Context,
    contract: &Contract,
    lists: &mut Lists<'_>,
    keys: &[u64],
    published: &mut BTreeMap<PartitionKey, PublishedPartition>,
) -> Result<BTreeSet<PartitionKey>> {
    let mut touched = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        // What was written is seen by now, and anyone who writes one of the keys after this sees what we wrote.
        lists.reload().await?;
        let keys = ascending(keys.iter().copied().chain(lists.open_keys()));
        let contested = Contested::of(lists, &keys);
        touched.extend(contested.partitions().cloned());
        let losers = contested.losers(context, contract).await?;
        if remove(context, contract, losers, published).await? {
            return Ok(touched);
        }
    }
    Err(Error::conflict(format!("{}: others keep writing the partitions that rows leave", contract.name)))
}

/// Takes rows out of their files. False when a file has changed since they were seen in it.
async fn remove(
    context: &Context,
    contract: &Contract,
    losers: Vec<Losers>,
    published: &mut BTreeMap<PartitionKey, PublishedPartition>,
) -> Result<bool> {
    let table = Published::new(context.lake.as_ref(), contract);
    for Losers { partition, version, rows } in losers {
        let leave: BTreeSet<u32> = rows.into_iter().collect();
        let committed = match table.commit(&partition, Change::Remove(&leave, &version)).await {
            Ok(committed) => committed,
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
                return Ok(false);
            }
            Err(error) => return Err(error).with_context(|| format!("taking rows out of {partition}")),
        };
        let entry = published
            .entry(partition)
            .or_insert_with_key(|partition| PublishedPartition::untouched(partition, committed.key));
        entry.rows = committed.rows;
        entry.bytes = committed.bytes;
        entry.moved_away += leave.len();
        entry.changed = true;
        entry.version = committed.version;
    }
    Ok(true)
}

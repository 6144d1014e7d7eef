//! One dataset's staged rows into its partitions.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quotelake_contract::Contract;
use quotelake_core::ports::{Precondition, Version};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_platform::sqs::dead_letter;
use quotelake_platform::{connect, contracts};
use quotelake_table::staged::StagedObjects;
use quotelake_table::{Change, Chosen, Columnar, Committed, PartitionKey, Published, key_hashes, run_ids};
use serde::Serialize;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::moves::{self, LeftOut};
use crate::{Context, PublishRequest, changes, run_row};

/// Where staged objects lie whose rows are none of the contract.
pub const UNFIT: &str = "undelivered/staged/unfit/";

/// Staged bytes of partitions that are merged at the same time; a larger partition is merged alone. What a merge holds in memory
/// grows with them.
const MAX_BYTES_AT_WORK: u64 = 8 << 20;

/// What a drain did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishReport {
    /// The dataset.
    pub dataset: String,
    /// Staged objects that were used up.
    pub staged_objects: usize,
    /// Staged objects that could not be read, or are none of the contract, and are dead letters.
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
    /// Rows that left it: newer versions of them lie in other partitions.
    #[serde(skip_serializing_if = "is_none")]
    pub moved_away: usize,
    /// Whether the file was rewritten.
    pub changed: bool,
    /// The runs that fetched the staged rows.
    pub run_ids: BTreeSet<String>,
    /// The file's version when it was published.
    #[serde(skip)]
    pub(crate) version: Option<Version>,
    /// What the file was made of and what it is since, if it was rewritten by merging.
    #[serde(skip)]
    pub(crate) written: Option<Written>,
}

/// A file before and after a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) before: Option<Version>,
    pub(crate) after: Version,
}

impl Written {
    /// None of a partition that was left as it was.
    fn of(committed: &Committed) -> Option<Self> {
        let after = committed.version.clone().filter(|_| committed.changed)?;
        Some(Self { before: committed.before.clone(), after })
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

impl PublishedPartition {
    /// A partition that no staged row is for.
    pub(crate) fn untouched(partition: &PartitionKey, key: String) -> Self {
        Self {
            partition: partition.to_string(),
            key,
            rows: 0,
            bytes: 0,
            rows_in: 0,
            inserted: 0,
            revised: 0,
            duplicates: 0,
            moved_away: 0,
            changed: false,
            run_ids: BTreeSet::new(),
            version: None,
            written: None,
        }
    }
}

/// Publishes everything that is staged for one dataset.
///
/// A staged object that cannot be read, or whose rows are none of the contract, when it is opened or later, is a dead letter and is set
/// aside; the rest goes on. Nothing
/// is ever merged on a damaged file: the other partitions are published, and then the drain ends with `Damaged`, which names the
/// file; the rows for it stay staged.
///
/// `NotFound` for an unknown dataset; `Config` for one whose contract was replaced by one that the table's rows are none of, see
/// [`contracts::check_change`]: then everything stays as it is; `Unavailable` and `Conflict` when the lake or the catalog asks to try again: what was
/// published until then stays, what was not stays staged.
pub async fn drain(context: &Context, dataset: &str) -> Result<PublishReport> {
    drain_again(context, dataset, 0).await
}

/// The same after this many deliveries of the same request.
pub(crate) async fn drain_again(context: &Context, dataset: &str, retries: u64) -> Result<PublishReport> {
    let clock = connect::clock();
    let started_at = clock.now();
    let drained = drain_staged(context, dataset).await;
    run_row::record(context, dataset, retries, (started_at, clock.now()), &drained).await;
    drained
}

async fn drain_staged(context: &Context, dataset: &str) -> Result<PublishReport> {
    let known = context.contracts.get(dataset)?;
    let contract = &known.contract;
    let mut report = PublishReport {
        dataset: dataset.to_owned(),
        staged_objects: 0,
        damaged_objects: 0,
        partitions: Vec::new(),
    };
    let lake = context.lake.as_ref();
    // Before anything is opened: what was staged by the table's own contract waits for it.
    let mut is_new = contracts::check_change(lake, known).await?;
    let mut published = BTreeMap::new();
    loop {
        let objects = Arc::new(open_staged(context, contract, &mut report).await?);
        if !objects.partitions().is_empty() {
            let widened = Published::new(lake, contract).widen().await.context(dataset)?;
            if widened > 0 {
                tracing::warn!(
                    table = contract.name,
                    files = widened,
                    "numbers grew: files of the older type were rewritten, no value changed"
                );
            }
            if std::mem::take(&mut is_new) {
                // Before the first row of it: from now on the table is none of the older contract.
                contracts::note(lake, known).await?;
            }
        }
        let done = publish_partitions(context, contract, &objects, &mut published).await;
        let faults = objects.faults();
        if faults.is_empty() {
            done.context(dataset)?;
            report.partitions = published.into_values().collect();
            for key in objects.keys() {
                context.lake.delete(key).await?;
                report.staged_objects += 1;
            }
            return Ok(report);
        }
        // Once more without them: what is published already changes nothing.
        for (key, error) in faults {
            tracing::error!(key, error = %error, "staged object is set aside");
            set_aside(context, dataset, &key, &error).await?;
            report.damaged_objects += 1;
        }
    }
}

/// Publishes every partition that the objects have rows for, some at the same time, and announces each that is.
async fn publish_partitions(
    context: &Context,
    contract: &Arc<Contract>,
    objects: &Arc<StagedObjects>,
    published: &mut BTreeMap<PartitionKey, PublishedPartition>,
) -> Result<()> {
    let swapped = if contract.rows_move() {
        moves::publish(context, contract, objects, published).await
    } else {
        swap_partitions(context, contract, objects, LeftOut::new(), published).await
    };
    // What was published before an error is announced as well.
    let announced = announce(context, contract, published).await;
    if let (Err(_), Err(error)) = (&swapped, &announced) {
        tracing::error!(error = %error, "what was published is not announced either");
    }
    swapped.and(announced)
}

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
            let left_out = left_out.remove(&partition).unwrap_or_default();
            let work = async move {
                let done = publish_partition(&context, &contract, &objects, &partition, &left_out).await;
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

impl PublishedPartition {
    /// The same partition, published a second time: rows that the first time put in are no duplicates.
    fn again(&mut self, next: Self) {
        let inserted = (self.inserted + next.inserted).min(next.rows_in);
        let revised = (self.revised + next.revised).min(next.rows_in - inserted);
        let duplicates = next.rows_in - inserted - revised;
        let changed = self.changed || next.changed;
        *self = Self { inserted, revised, duplicates, changed, ..next };
    }
}

/// Makes partitions visible to query engines, and publishes the news of each.
///
/// It is announced for every partition that had rows, changed or not: a crash between a swap and this must not hide the news.
async fn announce(
    context: &Context,
    contract: &Contract,
    published: &BTreeMap<PartitionKey, PublishedPartition>,
) -> Result<()> {
    // Rows that were all left out have no file.
    let with_file = published.iter().filter(|(_, done)| done.bytes > 0);
    let files = with_file.map(|(partition, done)| (partition, done.key.as_str()));
    Published::new(context.lake.as_ref(), contract).make_visible(context.catalog.as_ref(), files).await?;
    for published in published.values() {
        changes::tell(context, &contract.name, published).await?;
    }
    Ok(())
}

/// Opens the staged objects. One that another drain used up meanwhile is passed over; one that is damaged, or none of
/// the contract, is a dead letter and is set aside, so that it does not hold up the rest; of one that somebody removed, a dead letter is all that is left.
async fn open_staged(
    context: &Context,
    contract: &Arc<Contract>,
    report: &mut PublishReport,
) -> Result<StagedObjects> {
    let (dataset, lake) = (&contract.name, context.lake.as_ref());
    let prefix = ObjectKey::dataset_prefix(Zone::Staged, dataset);
    let mut objects = StagedObjects::new(Arc::clone(contract));
    for meta in lake.list(&prefix).await? {
        match objects.open(lake, &meta.key, meta.size).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind().is_retryable() => return Err(error),
            Err(error) => {
                tracing::error!(key = meta.key, error = %error, "staged object is set aside");
                set_aside(context, dataset, &meta.key, &error).await?;
                report.damaged_objects += 1;
            }
        }
    }
    for key in lake.missing(&prefix).await? {
        let error = Error::damaged(format!("staged object {key} is gone, and its rows were not published"));
        tracing::error!(key, error = %error, "staged object is gone");
        send_letter(context, dataset, key.clone(), &error).await?;
        // It is announced once.
        lake.delete(&key).await?;
        report.damaged_objects += 1;
    }
    Ok(objects)
}

/// Moves a staged object out of the way, its bytes kept, and files a dead letter. One that is whole and none of the contract lies
/// apart: its rows are good, and `quotelake repair` sends them through `check` again.
async fn set_aside(context: &Context, dataset: &str, key: &str, error: &Error) -> Result<()> {
    let aside = match error.kind() {
        ErrorKind::Damaged => format!("{}{key}", Zone::Undelivered.prefix()),
        _ => format!("{UNFIT}{}", key.strip_prefix(Zone::Staged.prefix()).unwrap_or(key)),
    };
    let bytes = match context.lake.get_unchecked(key).await {
        Ok(object) => object.bytes,
        // Another drain set it aside.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    context.lake.put(&aside, bytes, Precondition::None).await?;
    send_letter(context, dataset, aside, error).await?;
    context.lake.delete(key).await
}

/// Sent back, the letter is a publish request like any other: it publishes what is staged by then.
async fn send_letter(context: &Context, dataset: &str, object: String, error: &Error) -> Result<()> {
    let body = serde_json::to_string(&PublishRequest { dataset: dataset.to_owned() });
    let mut letter = dead_letter(body.map_err(|e| Error::bug("request").with_source(e))?, error);
    letter.attributes.insert("object".into(), object);
    letter.group = Some(dataset.to_owned());
    context.dead_letters.send(letter).await
}

/// Merges a partition's staged rows into it, without those that are left out.
async fn publish_partition(
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
    let table = Published::new(context.lake.as_ref(), contract);
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

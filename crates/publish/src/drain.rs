//! One dataset's staged rows into its partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use quotelake_contract::Contract;
use quotelake_core::ports::Precondition;
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_platform::sqs::dead_letter;
use quotelake_platform::{connect, contracts};
use quotelake_table::staged::StagedObjects;
use quotelake_table::{PartitionKey, Published};

use crate::partitions::{LeftOut, swap_partitions};
use crate::report::{PublishReport, PublishedPartition};
use crate::request::PublishRequest;
use crate::{Context, changes, moves, run_row};

/// Where staged objects lie whose rows are none of the contract.
pub const UNFIT: &str = "undelivered/staged/unfit/";

/// Objects that are removed at the same time.
const DELETES: usize = 8;

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
            let deletes: Vec<_> = objects.keys().map(|key| lake.delete(key)).collect();
            report.staged_objects = deletes.len();
            stream::iter(deletes).buffer_unordered(DELETES).try_collect::<()>().await?;
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
        changes::announce(context, &contract.name, published).await?;
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
    let listed = lake.list(&prefix).await?;
    let listed: Vec<_> = listed.iter().map(|meta| (meta.key.as_str(), meta.size)).collect();
    for (key, error) in objects.open_all(lake, &listed).await {
        match error.kind() {
            ErrorKind::NotFound => {}
            kind if kind.is_retryable() => return Err(error),
            _ => {
                tracing::error!(key, error = %error, "staged object is set aside");
                set_aside(context, dataset, &key, &error).await?;
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

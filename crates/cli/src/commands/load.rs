//! `quotelake load`: files through check and publish.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::StreamExt as _;
use quotelake_check::{
    CheckReport, Decision, ResultDocument, RowCounts, evaluate_object, record, record_failure, release_memory,
};
use quotelake_core::ports::{Lake, Message, Queue};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_local::SystemClock;
use quotelake_platform::contracts;
use quotelake_publish::{PublishReport, drain};
use quotelake_table::Published;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::price_files::PriceFiles;
use crate::args::LoadArgs;
use crate::files::{Added, Landing, add_dataset, find, land, lay_out};
use crate::laptop::Laptop;
use crate::number::{bytes, counted, thousands};
use crate::output::{Exit, Output, Text, table};

/// Partitions of a load above which their size is looked at.
const MANY_FILES: usize = 100;

/// What a load did. Rows in = staged + quarantined + duplicates found within an object; `duplicates` adds those that the
/// table already had.
#[derive(Debug, Serialize)]
struct LoadReport {
    dataset: String,
    rows_in: u64,
    /// Rows in the table afterwards.
    rows_out: u64,
    duplicates: u64,
    quarantined: u64,
    inserted: u64,
    revised: u64,
    /// Files of the table afterwards.
    files: u64,
    bytes_out: u64,
    objects: u64,
    blocked: u64,
    /// Staged objects that were damaged or are none of the contract: they are dead letters.
    set_aside: u64,
    /// Quarantined rows by their first reason.
    quarantined_by_reason: BTreeMap<String, u64>,
    failed: Vec<FailedFile>,
    /// What the files' texts say about the contract's formats, and what else is worth a word.
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FailedFile {
    file: String,
    error: String,
}

impl LoadReport {
    fn exit(&self) -> Exit {
        if self.blocked > 0 || self.quarantined > 0 {
            Exit::QualityFailure
        } else if self.failed.is_empty() && self.set_aside == 0 {
            Exit::Done
        } else {
            Exit::SomeFailed
        }
    }
}

/// Runs the command.
pub async fn run(args: LoadArgs, output: Output) -> Result<Exit> {
    let mut laptop = Laptop::open_for_load(&args.lake.lake, Arc::new(SystemClock)).await?;
    let (dataset, added) = add_dataset(&mut laptop.contracts, &args.dataset)?;
    if added.contract.is_none() {
        // What is staged by another contract than the table's would lack what that one has.
        contracts::check_change(laptop.lake().as_ref(), laptop.contracts.get(&dataset)?).await?;
    }
    let landing = landing(&args, &dataset, &mut laptop, added).await?;
    let request = Arc::new(OneRequest::to(laptop.queue_port("publish")?));
    let context = |landing: Arc<dyn Lake>| -> Result<Arc<quotelake_check::Context>> {
        Ok(Arc::new(quotelake_check::Context {
            publish_queue: Arc::<OneRequest>::clone(&request),
            ..laptop.check_context(landing)?
        }))
    };
    let (files, ingested) = (context(landing.files)?, context(landing.ingested)?);
    let files = landing.file_keys.into_iter().map(|key| (Arc::clone(&files), key));
    let ingested = landing.ingested_keys.into_iter().map(|key| (Arc::clone(&ingested), key));
    let objects: Vec<CheckedObject> = files.chain(ingested).collect();

    // What is staged meanwhile would be published by whichever process comes first, and be counted there. What an earlier load left behind is
    // published before, so that it is not counted here.
    let turn = laptop.turn_to_load(&dataset, output).await?;
    let mut set_aside = 0;
    if !laptop.lake().list(&ObjectKey::dataset_prefix(Zone::Staged, &dataset)).await?.is_empty() {
        let requests = requests(&laptop, &dataset).await?;
        set_aside = drain(&laptop.publish_context()?, &dataset).await?.damaged_objects;
        forget(&laptop, requests).await?;
    }
    let (checks, unreadable) = check_objects(objects, output).await?;
    release_memory();
    let bar = output.progress("publishing", 1);
    let requests = requests(&laptop, &dataset).await?;
    // What the checks wrote down is put together meanwhile: afterwards it would be one thread's work, the other cores idle.
    let publishing = laptop.publish_context()?;
    let (published, ()) = tokio::join!(drain(&publishing, &dataset), laptop.keep_few_runs());
    let published = published?;
    bar.finish_and_clear();
    forget(&laptop, requests).await?;

    laptop.follow().await?;

    let mut failed = landing.rejected;
    failed.extend(unreadable);
    let mut report = sum_up(&laptop, dataset, &checks, &published, failed).await?;
    report.notes.extend(landing.notes);
    report.set_aside = (set_aside + published.damaged_objects) as u64;
    drop(turn);
    output.finish(&report, || text(&report, &checks, &published))?;
    if !report.failed.is_empty() && checks.objects == 0 {
        return Err(Error::invalid(format!("no file could be loaded; first: {}", report.failed[0].error)));
    }
    Ok(report.exit())
}

/// The files as landing objects; takes the contract that comes with them into the lake.
async fn landing(args: &LoadArgs, dataset: &str, laptop: &mut Laptop, added: Added) -> Result<Landing> {
    if let Some(profile) = &args.profile.profile {
        let watchlist = args.profile.watchlist.as_deref();
        return PriceFiles::new(profile, dataset, &args.layout.set, watchlist)?.land(&args.paths).await;
    }
    // The contract that is kept is the file's: options hold for this load.
    lay_out(&mut laptop.contracts, dataset, &args.layout)?;
    let inputs = find(&laptop.contracts, dataset, &args.paths)?;
    if added.contract.is_some() {
        let known = laptop.contracts.get(dataset)?;
        contracts::take(laptop.lake().as_ref(), known, added.rules.as_deref()).await?;
    }
    land(&laptop.contracts, inputs, Some(laptop.lake().as_ref())).await
}

/// A landing object, and what it is checked with.
type CheckedObject = (Arc<quotelake_check::Context>, String);

/// What checks came to. Their reports are not kept: of many objects they would be most of what is in memory, in pieces all over it.
#[derive(Debug, Default)]
struct Checks {
    objects: u64,
    rows: RowCounts,
    blocked: u64,
    /// Quarantined rows by their first reason.
    quarantined_by_reason: BTreeMap<String, u64>,
    /// What is to be said of single objects, a line each.
    remarks: String,
}

impl Checks {
    fn add(&mut self, report: &CheckReport) {
        self.objects += 1;
        self.rows.add(&report.rows);
        for document in &report.documents {
            self.blocked += u64::from(document.gate.decision == Decision::Block);
            for (reason, rows) in &document.quarantine.by_reason {
                *self.quarantined_by_reason.entry(reason.clone()).or_default() += rows;
            }
            remark(document, &mut self.remarks);
        }
    }
}

fn remark(document: &ResultDocument, text: &mut String) {
    for reason in &document.gate.reasons {
        text.push_str(&format!("blocked {}: {reason}\n", document.lineage.source));
    }
    if document.gate.reasons.is_empty() {
        for blocked in &document.gate.blocked_series {
            text.push_str(&format!(
                "blocked {} of {}: {}\n",
                blocked.series,
                document.lineage.source,
                blocked.reasons.join("; ")
            ));
        }
    }
    if document.rows.rows_in == 0 {
        text.push_str(&format!("empty: {} has no row\n", document.lineage.source));
    }
    for (field, rows) in &document.lineage.unknown_fields {
        text.push_str(&format!(
            "note: field {field:?} is not in the contract, {rows} rows of {} had it\n",
            document.lineage.source
        ));
    }
}

/// Checks objects, as many at a time as there are cores. Returns what they came to, and the objects that could not be read with what
/// was wrong. `Config` for a ruleset that cannot be parsed: it is wrong for every file.
async fn check_objects(
    objects: Vec<CheckedObject>,
    output: Output,
) -> Result<(Checks, Vec<(String, Error)>)> {
    let bar = output.progress("checking", objects.len() as u64);
    let (mut done, mut failed) = (Checks::default(), Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let judging = Arc::new(Semaphore::new(workers));
    // One more than the cores: while an object's results are written, every core has another to judge.
    let mut checks = futures::stream::iter(objects.into_iter().map(|(context, key)| {
        let judging = Arc::clone(&judging);
        async move { (key.clone(), spawn_check(context, key, judging).await) }
    }))
    .buffer_unordered(workers + 1);
    while let Some((key, checked)) = checks.next().await {
        match checked {
            Ok(report) => done.add(&report),
            Err(error) if error.kind() == ErrorKind::Config => return Err(error),
            Err(error) => failed.push((key, error)),
        }
        bar.inc(1);
    }
    drop(checks);
    bar.finish_and_clear();
    Ok((done, failed))
}

/// The publish requests of this dataset that wait. Every stage that stages rows asks afterwards, so that a drain which begins now answers all of
/// them; one that comes later may be for rows that the drain does not see.
async fn requests(laptop: &Laptop, dataset: &str) -> Result<Vec<String>> {
    let waiting = laptop.queue("publish")?.list().await?;
    let of_dataset = waiting.into_iter().filter(|request| request.message.group.as_deref() == Some(dataset));
    Ok(of_dataset.map(|request| request.id).collect())
}

/// Removes requests that a drain has answered.
async fn forget(laptop: &Laptop, requests: Vec<String>) -> Result<()> {
    let queue = laptop.queue("publish")?;
    for request in requests {
        queue.remove(&request).await?;
    }
    Ok(())
}

/// Checks one object on the executor's threads. Judging holds the object's rows in memory and takes a permit.
async fn spawn_check(
    context: Arc<quotelake_check::Context>,
    key: String,
    judging: Arc<Semaphore>,
) -> Result<CheckReport> {
    let check = async move {
        let permit = judging.acquire().await.map_err(|e| Error::bug("no permit").with_source(e))?;
        let inputs = context.inputs();
        let checked = match evaluate_object(inputs, &key).await {
            Ok(evaluation) => {
                drop(permit);
                record(&context, evaluation, "load").await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &checked {
            record_failure(&context, &key, "load", inputs.now, error).await;
        }
        checked
    };
    tokio::spawn(check).await.map_err(|e| Error::bug("a check stopped").with_source(e))?
}

/// Passes on the first publish request only. A load publishes one dataset, once, at its end; should it not get there, the one
/// request has whatever it staged published.
#[derive(Debug)]
struct OneRequest {
    queue: Arc<dyn Queue>,
    is_sent: AtomicBool,
}

impl OneRequest {
    fn to(queue: Arc<dyn Queue>) -> Self {
        Self { queue, is_sent: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Queue for OneRequest {
    async fn send(&self, message: Message) -> Result<()> {
        if self.is_sent.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        self.queue.send(message).await.inspect_err(|_| self.is_sent.store(false, Ordering::Relaxed))
    }
}

async fn sum_up(
    laptop: &Laptop,
    dataset: String,
    checks: &Checks,
    published: &PublishReport,
    failed: Vec<(String, Error)>,
) -> Result<LoadReport> {
    let rows = checks.rows;
    let sum = |count: fn(&quotelake_publish::PublishedPartition) -> usize| {
        published.partitions.iter().map(|partition| count(partition) as u64).sum::<u64>()
    };
    let table =
        Published::new(laptop.lake().as_ref(), &laptop.contracts.get(&dataset)?.contract).count().await?;
    // A row that moved is new to one partition and has left another.
    let moved = sum(|partition| partition.moved_away);
    let revised = sum(|partition| partition.revised) + moved;
    let mut notes = Vec::new();
    if published.damaged_objects == 0 && published.rows_in() as u64 != rows.staged {
        notes.push(format!(
            "another process published rows of {dataset} meanwhile: inserted, revised and duplicates are not those of this load alone"
        ));
    }
    Ok(LoadReport {
        rows_in: rows.rows_in,
        rows_out: table.rows,
        duplicates: rows.duplicates + sum(|partition| partition.duplicates) + revised,
        quarantined: rows.quarantined,
        inserted: sum(|partition| partition.inserted).saturating_sub(moved),
        revised,
        files: table.partitions,
        bytes_out: table.bytes,
        objects: checks.objects,
        blocked: checks.blocked,
        set_aside: 0,
        quarantined_by_reason: checks.quarantined_by_reason.clone(),
        failed: failed
            .into_iter()
            .map(|(file, error)| FailedFile { file, error: error.to_string() })
            .collect(),
        dataset,
        notes,
    })
}

fn text(report: &LoadReport, checks: &Checks, published: &PublishReport) -> Text {
    let number = |n: u64| thousands(n);
    let counts = table(
        &["rows in", "inserted", "revised", "duplicates", "quarantined", "rows in table", "files", "size"],
        &[0, 1, 2, 3, 4, 5, 6, 7],
        [vec![
            number(report.rows_in),
            number(report.inserted),
            number(report.revised),
            number(report.duplicates),
            number(report.quarantined),
            number(report.rows_out),
            number(report.files),
            bytes(report.bytes_out),
        ]],
    );
    let mut text = Text::from(counts.optional(&["files", "size", "revised"]).judged(&["quarantined"]));
    let changed = published.partitions.iter().filter(|partition| partition.changed).count();
    text.push_str(&format!(
        "\n{} of {} changed\n",
        changed,
        counted(published.partitions.len() as u64, "partition", "partitions")
    ));
    let of_rows = published.partitions.iter().filter(|partition| partition.rows > 0).count();
    if of_rows > MANY_FILES && published.partitions.iter().map(|p| p.rows).sum::<usize>() < 10 * of_rows {
        text.push_str(&format!(
            "note: {} files for hardly more rows; coarser partitions read faster: `partitionBy: month`, `year` or `none` in the contract\n",
            thousands(of_rows as u64)
        ));
    }
    text.push_str(&checks.remarks);
    report.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
    for failure in &report.failed {
        text.push_str(&format!("failed {}: {}\n", failure.file, failure.error));
    }
    if report.set_aside > 0 {
        text.push_str(&format!(
            "{} set aside, dead letters now: see `quotelake dlq ls` and `quotelake repair`\n",
            counted(report.set_aside, "staged object", "staged objects")
        ));
    }
    for (reason, rows) in &report.quarantined_by_reason {
        text.push_str(&format!("  {reason}: {}\n", counted(*rows, "row", "rows")));
    }
    if report.quarantined > 0 {
        text.push_str("rows in quarantine: see `quotelake quarantine ls`\n");
    }
    text
}

//! One pass: every job fetched, everything delivered, checked and published.

use std::collections::BTreeSet;

use quotelake_core::{Error, Finding, ObjectKey, Result, Zone};
use quotelake_fetch::FetchReport;
use quotelake_local::Chaos;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::collect::{Checked, checked_documents, quarantined_in, result_documents, warn_of};
use crate::laptop::{Laptop, QUEUES, Settled};
use crate::left_behind::LeftBehind;
use crate::output::{Exit, Output};
use crate::run_config::RunConfig;
use crate::tables::{TableSummary, summaries};
use crate::undelivered::{self, Undelivered};

/// The dataset of rows that name none that is known, as quarantine has it.
const UNKNOWN_DATASET: &str = "unknown";

/// What a pass did, and what the lake holds afterwards.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// One report per job.
    pub fetched: Vec<FetchReport>,
    /// What was delivered and handled.
    pub settled: Settled,
    /// The pages that could not be delivered in this pass, each with its reason.
    pub undelivered: Vec<Undelivered>,
    /// Objects of pages that an earlier pass could not deliver and that still lie under `undelivered/`.
    pub undelivered_before: u64,
    /// What was checked in this pass.
    pub checked: Checked,
    /// Dead letters that wait, over all queues.
    pub dead_letters: u64,
    /// The published tables that can be read.
    pub tables: Vec<TableSummary>,
    /// Those that cannot, and accepted work that is damaged.
    pub findings: Vec<Finding>,
}

impl RunReport {
    /// How the pass ended.
    pub fn exit(&self) -> Exit {
        // A unit that was handed back and delivered later in the pass is no failure: what counts is what is left.
        let left = self.settled.undelivered + self.undelivered_before;
        if self.dead_letters + self.settled.waiting + left > 0 || !self.findings.is_empty() {
            Exit::SomeFailed
        } else if self.checked.has_faults() {
            Exit::QualityFailure
        } else {
            Exit::Done
        }
    }
}

/// Runs the configured jobs through the whole pipeline. Work that an earlier pass left behind is finished too.
pub async fn run(
    laptop: &Laptop,
    config: &RunConfig,
    output: Output,
    chaos: Option<Chaos>,
) -> Result<RunReport> {
    let before: BTreeSet<(String, String)> = quality_versions(laptop).await?;
    let (sources, options) = config.sources()?;
    let context = laptop.fetch_context(sources, options, config.watchlists()?)?;
    let bar = output.progress("fetching", config.jobs.len() as u64);
    let mut fetched = Vec::new();
    for job in &config.jobs {
        let event = serde_json::to_string(job)
            .and_then(RawValue::from_string)
            .map_err(|e| Error::bug("job").with_source(e))?;
        let answer = quotelake_fetch::handle(&event, None, &context).await?;
        fetched
            .push(serde_json::from_str(answer.get()).map_err(|e| Error::bug("fetch report").with_source(e))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let settled = laptop.settle(Some(context), chaos).await?;
    let mut findings = Vec::new();
    let tables = summaries(laptop.lake().as_ref(), &laptop.contracts, &mut findings).await?;
    // What was accepted and cannot be read any more is in no table.
    findings.extend(LeftBehind::damaged(laptop).await?.findings());
    let undelivered = laptop.lake().list(Zone::Undelivered.prefix()).await?.len();
    Ok(RunReport {
        fetched,
        undelivered_before: undelivered.saturating_sub(settled.undelivered_objects.len()) as u64,
        undelivered: undelivered::of_objects(laptop.lake().as_ref(), &settled.undelivered_objects).await?,
        settled,
        checked: checked_since(laptop, &before).await?,
        dead_letters: dead_letters(laptop).await?,
        tables,
        findings,
    })
}

/// What was checked since `before`, added up.
pub async fn checked_since(laptop: &Laptop, before: &BTreeSet<(String, String)>) -> Result<Checked> {
    let now = quality_versions(laptop).await?;
    let fresh = now.into_iter().filter(|version| !before.contains(version)).map(|(key, _)| key);
    let (strangers, documents): (Vec<String>, Vec<String>) =
        fresh.partition(|key| key.starts_with(Zone::Quarantine.prefix()));
    let lake = laptop.lake().as_ref();
    let mut checked = checked_documents(lake, &documents).await?;
    let mut unreadable = Vec::new();
    let rows = quarantined_in(lake, &strangers, &mut unreadable).await?.len() as u64;
    warn_of(&unreadable);
    checked.rows_in += rows;
    checked.quarantined += rows;
    Ok(checked)
}

/// The result documents that there are, each with its version, and so the quarantine of rows that belong to no known dataset,
/// which have no document.
pub async fn quality_versions(laptop: &Laptop) -> Result<BTreeSet<(String, String)>> {
    let lake = laptop.lake().as_ref();
    let mut objects = result_documents(lake).await?;
    objects.extend(lake.list(&ObjectKey::dataset_prefix(Zone::Quarantine, UNKNOWN_DATASET)).await?);
    Ok(objects.into_iter().map(|meta| (meta.key, meta.version.as_str().to_owned())).collect())
}

/// Dead letters that wait, over all queues.
pub async fn dead_letters(laptop: &Laptop) -> Result<u64> {
    let mut count = 0;
    for name in QUEUES {
        count += laptop.queue(&format!("{name}-dlq"))?.list().await?.len() as u64;
    }
    Ok(count)
}

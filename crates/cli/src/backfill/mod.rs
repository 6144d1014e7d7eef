//! Much history from a slow vendor: planned first, then asked for unit by unit with a checkpoint after each.
//!
//! - [`estimate`]: what a plan costs in calls, time and money, and what it will bring;
//! - [`state`]: how far a backfill is, in the lake;
//! - here: the loop.

pub mod estimate;
pub mod state;

use std::collections::BTreeSet;
use std::time::Duration;

use quotelake_check::QuarantinedRow;
use quotelake_core::ports::Lake;
use quotelake_core::{Error, FetchUnit, Result, Zone};
use quotelake_fetch::{Context, UnitOutcome, run_units};
use quotelake_local::DeliveryReport;
use quotelake_sources::http::FetchTask;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::collect::{quarantined_rows, warn_of};
use crate::laptop::Laptop;
use crate::output::Output;
use crate::undelivered::{self, Undelivered};
use state::{Asked, Progress, Saved, whole_unit};

/// Units of one source, in the order in which they are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The source.
    pub source: String,
    /// The units.
    pub units: Vec<FetchUnit>,
}

/// Whether a backfill that was finished before is done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFinished {
    /// It is left alone.
    Keep,
    /// It starts over.
    Repeat,
    /// It starts over even when it was not finished.
    Restart,
}

/// What a backfill came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backfilled {
    /// Names the backfill: the same plan has the same id.
    pub id: String,
    /// Units of the plan.
    pub units: u64,
    /// Units that earlier runs carried through, which were not asked for again.
    pub resumed: u64,
    /// Units that this run carried through.
    pub asked: u64,
    /// Requests of this run, retries included.
    pub requests: u64,
    /// Rows of this run.
    pub rows: u64,
    /// Units that failed for good, in any run: each is a dead letter. One whose letter is gone is asked for again.
    pub failed: Vec<String>,
    /// Units that can succeed later: they wait in the queue of `fetch`.
    pub handed_back: Vec<String>,
    /// Units of which a page did not reach `landing/`: the next call asks for them again.
    pub undelivered: Vec<String>,
    /// Units that are left for another run, because time ran out, the source refuses all, or a page was not delivered.
    pub left: u64,
    /// Rows of all calls that are in quarantine.
    pub quarantined: u64,
    /// Why the source refuses all.
    pub stopped: Option<String>,
}

/// Units that are asked for before they are delivered together, of a source that lets no time pass between two.
const TOGETHER: usize = 50;
/// Rows after which they are delivered in any case: an object of `landing/` or two.
const TOGETHER_ROWS: u64 = 20_000;

/// A plan on its way.
#[derive(Debug)]
pub struct Backfill<'a> {
    laptop: &'a Laptop,
    plan: &'a Plan,
    saved: Saved,
    /// Units whose pages are with the stream: not done.
    pending: Vec<Asked>,
    report: Backfilled,
    delivered: Delivered,
}

impl<'a> Backfill<'a> {
    /// Opens a plan's state. `Conflict` when another process carries the same plan through.
    pub async fn open(laptop: &'a Laptop, plan: &'a Plan, when_finished: WhenFinished) -> Result<Self> {
        let saved = Saved::open(laptop, plan, when_finished).await?;
        let report = Backfilled {
            id: saved.progress.id.clone(),
            units: plan.units.len() as u64,
            resumed: 0,
            asked: 0,
            requests: 0,
            rows: 0,
            failed: Vec::new(),
            handed_back: Vec::new(),
            undelivered: Vec::new(),
            left: 0,
            quarantined: 0,
            stopped: None,
        };
        Ok(Self { laptop, plan, saved, pending: Vec::new(), report, delivered: Delivered::default() })
    }

    /// Carries the plan through from where an earlier run stopped.
    ///
    /// A unit is done when what the stream took of it is in `landing/`, and its checkpoint is written then, not earlier: a process
    /// that dies between two checkpoints asks again for what it had in hand. With `time_left`, no unit begins past it.
    pub async fn carry_through(
        &mut self,
        context: &Context,
        time_left: Option<Duration>,
        output: Output,
    ) -> Result<()> {
        let deadline = time_left.and_then(|left| Instant::now().checked_add(left));
        let gap = context.options_of(&self.plan.source).min_interval;
        let again = self.asked_again().await?;
        let done = self.saved.progress.done;
        self.report.resumed = done - again.len() as u64;
        let bar = output.progress("asking", self.report.units);
        bar.set_position(self.report.resumed);
        let fresh = self.plan.units.iter().skip(usize::try_from(done).unwrap_or(usize::MAX));
        let todo = again.into_iter().map(|unit| (unit, true)).chain(fresh.map(|unit| (unit, false)));
        let mut not_before = None;
        for (unit, again) in todo {
            let now = Instant::now();
            let begin = not_before.unwrap_or(now).max(now);
            if deadline.is_some_and(|deadline| begin >= deadline) {
                break;
            }
            // Each call of `run_units` has a rhythm of its own: the pause between two is kept here.
            tokio::time::sleep_until(begin).await;
            let tasks = vec![FetchTask::new(unit.clone())];
            let run_id = &self.saved.progress.run_id;
            let fetched = run_units(context, &self.plan.source, run_id, tasks, None).await?;
            not_before = Instant::now().checked_add(gap);
            self.report.requests += fetched.requests;
            self.report.rows += fetched.rows;
            let outcome = fetched.units.first().ok_or_else(|| Error::bug("a unit without an outcome"))?;
            if let UnitOutcome::Failed { kind, message, .. } = &outcome.outcome
                && kind.stops_source()
            {
                self.report.stopped = Some(message.clone());
                break;
            }
            self.report.asked += 1;
            self.pending.push(Asked { unit_id: unit.id.clone(), again, fetched });
            let rows: u64 = self.pending.iter().map(|asked| asked.fetched.rows).sum();
            // Where there is a pause it is used; a source without one is not held up by many small objects.
            if !gap.is_zero() || self.pending.len() >= TOGETHER || rows >= TOGETHER_ROWS {
                self.deliver().await?;
            }
            bar.inc(1);
        }
        self.deliver().await?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Units that an earlier run counted and whose rows are not in `landing/` all the same: a page was refused, or the unit failed
    /// and its dead letter was sent back or purged.
    async fn asked_again(&self) -> Result<Vec<&'a FetchUnit>> {
        let progress = &self.saved.progress;
        let letters = self.laptop.queue("fetch-dlq")?.list().await?;
        let letters: BTreeSet<&str> = letters
            .iter()
            .filter_map(|letter| letter.message.attributes.get("unit_id").map(String::as_str))
            .collect();
        let failed = progress.failed.iter().filter(|unit| !letters.contains(unit.as_str()));
        let ids: BTreeSet<&str> = failed.map(|unit| whole_unit(unit)).collect();
        let refused = progress.undelivered().iter().map(String::as_str);
        let ids: BTreeSet<&str> = ids.into_iter().chain(refused).collect();
        let counted = usize::try_from(progress.done).unwrap_or(usize::MAX);
        Ok(self.plan.units.iter().take(counted).filter(|unit| ids.contains(unit.id.as_str())).collect())
    }

    /// Delivers what the stream took, and counts the units.
    async fn deliver(&mut self) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let delivered = self.laptop.deliver().await?;
        let pages = undelivered::of_objects(self.laptop.lake().as_ref(), &delivered.failed_objects).await?;
        let mut lost = BTreeSet::new();
        for page in &pages {
            match &page.unit_id {
                // A unit that was asked for symbol by symbol came as its parts.
                Some(unit) => lost.extend([whole_unit(unit).to_owned()]),
                // Whose page it was cannot be told any more.
                None => lost.extend(self.pending.iter().map(|asked| asked.unit_id.clone())),
            }
        }
        self.delivered.add(delivered, pages);
        let pending = std::mem::take(&mut self.pending);
        self.saved.advance(self.laptop, &pending, &lost).await
    }

    /// Ends it, after what was handed back has been tried again and `pages` were not delivered.
    pub async fn finish(mut self, pages: &[Undelivered]) -> Result<(Backfilled, Delivered)> {
        let planned = |unit: &String| self.plan.units.iter().any(|known| known.id == *unit);
        let units = pages.iter().filter_map(|page| Some(whole_unit(page.unit_id.as_deref()?).to_owned()));
        let lost = units.filter(planned).collect();
        self.saved.undo(self.laptop, &lost).await?;
        let Progress { run_id, done, failed, handed_back, undelivered, .. } = self.saved.progress;
        self.report.undelivered = undelivered.unwrap_or_default();
        self.report.left = self.report.units - done + self.report.undelivered.len() as u64;
        (self.report.failed, self.report.handed_back) = (failed, handed_back);
        self.report.quarantined = quarantined(self.laptop.lake().as_ref(), &run_id).await?;
        Ok((self.report, self.delivered))
    }
}

/// The rows of a run that are in quarantine, of whichever call: what the lake says, not what a call counted before it died.
async fn quarantined(lake: &dyn Lake, run_id: &str) -> Result<u64> {
    #[derive(Deserialize)]
    struct OfRun {
        run_id: String,
    }
    let mut unreadable = Vec::new();
    let rows = quarantined_rows(lake, Zone::Quarantine.prefix(), &mut unreadable).await?;
    warn_of(&unreadable);
    let of_run = |row: &&QuarantinedRow| {
        let line = row.raw.as_deref().and_then(|raw| serde_json::from_str::<OfRun>(raw).ok());
        line.is_some_and(|line| line.run_id == run_id)
    };
    Ok(rows.iter().filter(of_run).count() as u64)
}

/// What the stream delivered while a plan was carried through.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Added up.
    pub report: DeliveryReport,
    /// The pages that could not be delivered.
    pub pages: Vec<Undelivered>,
}

impl Delivered {
    fn add(&mut self, more: DeliveryReport, pages: Vec<Undelivered>) {
        let report = &mut self.report;
        report.invocations += more.invocations;
        report.delivered += more.delivered;
        report.dropped += more.dropped;
        report.failed += more.failed;
        report.objects.extend(more.objects);
        report.failed_objects.extend(more.failed_objects);
        self.pages.extend(pages);
    }
}

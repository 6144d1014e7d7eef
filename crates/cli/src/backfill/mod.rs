//! Much history from a slow vendor: planned first, then asked for unit by unit with a checkpoint after each.
//!
//! - [`estimate`]: what a plan costs in calls, time and money, and what it will bring;
//! - [`state`]: how far a backfill is, in the lake;
//! - here: the loop.

pub mod estimate;
pub mod state;

use std::time::Duration;

use quotelake_core::{Error, FetchUnit, Result};
use quotelake_fetch::{Context, UnitOutcome, run_units};
use quotelake_sources::http::Work;
use serde::Serialize;
use tokio::time::Instant;

use crate::laptop::Laptop;
use crate::output::Output;
use state::{Progress, Saved};

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
    /// It begins anew.
    Repeat,
    /// It begins anew even when it was not finished.
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
    /// Units that failed for good, in any run: each is a dead letter.
    pub failed: Vec<String>,
    /// Units that can succeed later: they wait in the queue of `fetch`.
    pub handed_back: Vec<String>,
    /// Units that are left for another run, because time ran out or the source refuses all.
    pub left: u64,
    /// Why the source refuses all.
    pub stopped: Option<String>,
}

/// Carries a plan through from where an earlier run stopped.
///
/// A unit's pages are on disk before its checkpoint is; a process that dies between two checkpoints asks again for the one unit
/// that it had in hand. With `time_left`, no unit begins past it. `Conflict` when another process carries the same plan through.
pub async fn carry_through(
    laptop: &Laptop,
    context: &Context,
    plan: &Plan,
    when_finished: WhenFinished,
    time_left: Option<Duration>,
    output: Output,
) -> Result<Backfilled> {
    let mut saved = Saved::open(laptop, plan, when_finished).await?;
    let deadline = time_left.and_then(|left| Instant::now().checked_add(left));
    let gap = context.options_of(&plan.source).min_interval;
    let bar = output.progress("asking", plan.units.len() as u64);
    let resumed = saved.progress.done;
    bar.set_position(resumed);
    let mut report = Backfilled {
        id: saved.progress.id.clone(),
        units: plan.units.len() as u64,
        resumed,
        asked: 0,
        requests: 0,
        rows: 0,
        failed: Vec::new(),
        handed_back: Vec::new(),
        left: 0,
        stopped: None,
    };
    let mut not_before = None;
    for unit in plan.units.iter().skip(usize::try_from(resumed).unwrap_or(usize::MAX)) {
        let now = Instant::now();
        let begin = not_before.unwrap_or(now).max(now);
        if deadline.is_some_and(|deadline| begin >= deadline) {
            break;
        }
        // Each call of `run_units` has a rhythm of its own: the pause between two is kept here.
        tokio::time::sleep_until(begin).await;
        let work = vec![Work::new(unit.clone())];
        let fetched = run_units(context, &plan.source, &saved.progress.run_id, work, None).await?;
        not_before = Instant::now().checked_add(gap);
        report.requests += fetched.requests;
        report.rows += fetched.rows;
        let outcome = fetched.units.first().ok_or_else(|| Error::bug("a unit without an outcome"))?;
        match &outcome.outcome {
            UnitOutcome::Failed { kind, message, .. } if kind.stops_source() => {
                report.stopped = Some(message.clone());
                break;
            }
            outcome => saved.advance(laptop, &unit.id, outcome, &fetched).await?,
        }
        report.asked += 1;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let Progress { done, failed, handed_back, .. } = saved.progress;
    report.left = report.units - done;
    (report.failed, report.handed_back) = (failed, handed_back);
    Ok(report)
}

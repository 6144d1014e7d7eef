//! How far a backfill is, as the lake keeps it.

use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_core::ports::{Precondition, Version};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result, sha256_hex};
use quotelake_fetch::{FetchReport, UnitOutcome};
use serde::{Deserialize, Serialize};

use super::{Plan, WhenFinished};
use crate::laptop::Laptop;

/// The document at `state/backfill/<id>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Names the plan.
    pub id: String,
    /// The source.
    pub source: String,
    /// The run that all of its rows belong to.
    pub run_id: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Units of the plan.
    pub units: u64,
    /// Units that are done, counted from the plan's first.
    pub done: u64,
    /// Requests of all runs.
    pub requests: u64,
    /// Rows of all runs.
    pub rows: u64,
    /// Units among those done that failed for good.
    pub failed: Vec<String>,
    /// Units among those done that wait in the queue of `fetch`.
    pub handed_back: Vec<String>,
}

/// The same with its version: whoever saves must have read what is there.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) progress: Progress,
    version: Version,
}

impl Saved {
    /// Goes on with what is there, or begins.
    pub(super) async fn open(laptop: &Laptop, plan: &Plan, when_finished: WhenFinished) -> Result<Self> {
        let id = id_of(plan);
        let key = ObjectKey::state("backfill", &id).to_string();
        let known = match laptop.lake().get(&key).await {
            Ok(object) => {
                let progress: Progress = serde_json::from_slice(&object.bytes)
                    .map_err(|e| Error::config(format!("{key} is no backfill's state")).with_source(e))?;
                Some(Self { progress, version: object.version })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let precondition = match known {
            Some(known) => {
                let finished = known.progress.done == known.progress.units;
                let anew = match when_finished {
                    WhenFinished::Keep => false,
                    WhenFinished::Repeat => finished,
                    WhenFinished::Restart => true,
                };
                if !anew {
                    return Ok(known);
                }
                Precondition::IfVersion(known.version)
            }
            None => Precondition::IfAbsent,
        };
        let now = laptop.clock().now();
        let stamp = now.to_rfc3339_opts(SecondsFormat::Millis, true).replace(['-', ':'], "");
        let progress = Progress {
            run_id: format!("backfill-{stamp}-{}", &id[..8]),
            id,
            source: plan.source.clone(),
            started_at: now,
            units: plan.units.len() as u64,
            done: 0,
            requests: 0,
            rows: 0,
            failed: Vec::new(),
            handed_back: Vec::new(),
        };
        let version = save(laptop, &progress, precondition).await?;
        Ok(Self { progress, version })
    }

    /// One unit is done.
    pub(super) async fn advance(
        &mut self,
        laptop: &Laptop,
        unit_id: &str,
        outcome: &UnitOutcome,
        fetched: &FetchReport,
    ) -> Result<()> {
        let progress = &mut self.progress;
        progress.done += 1;
        progress.requests += fetched.requests;
        progress.rows += fetched.rows;
        match outcome {
            UnitOutcome::Failed { .. } => progress.failed.push(unit_id.to_owned()),
            UnitOutcome::HandedBack { .. } => progress.handed_back.push(unit_id.to_owned()),
            UnitOutcome::Delivered { .. } | UnitOutcome::Empty => {}
        }
        self.version = save(laptop, progress, Precondition::IfVersion(self.version.clone())).await?;
        Ok(())
    }
}

async fn save(laptop: &Laptop, progress: &Progress, when: Precondition) -> Result<Version> {
    let key = ObjectKey::state("backfill", &progress.id).to_string();
    let bytes =
        serde_json::to_vec_pretty(progress).map_err(|e| Error::bug("backfill state").with_source(e))?;
    laptop.lake().put(&key, bytes.into(), when).await.map_err(|error| match error.kind() {
        ErrorKind::Conflict => error.context("another process carries this backfill through"),
        _ => error.context(format!("writing {key}")),
    })
}

/// The same units of the same source are the same backfill.
fn id_of(plan: &Plan) -> String {
    let units: Vec<&str> = plan.units.iter().map(|unit| unit.id.as_str()).collect();
    sha256_hex(format!("{}\n{}", plan.source, units.join("\n")).as_bytes())[..16].to_owned()
}

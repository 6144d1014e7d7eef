//! How far a backfill is, as the lake keeps it.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_core::ports::{Precondition, Version};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result, sha256_hex};
use quotelake_fetch::{FetchReport, UnitOutcome};
use serde::{Deserialize, Serialize};

use super::{Plan, WhenFinished};
use crate::laptop::Laptop;
use crate::undelivered;

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
    /// Units that were carried through, counted from the plan's first: each is in `landing/`, empty, or named below.
    pub done: u64,
    /// Requests of all runs.
    pub requests: u64,
    /// Rows of all runs.
    pub rows: u64,
    /// Units among those done that failed for good.
    pub failed: Vec<String>,
    /// Units among those done that wait in the queue of `fetch`.
    pub handed_back: Vec<String>,
    /// Units among those done of which a page did not reach `landing/`: they are asked for again. A state of a version that did not
    /// know has none.
    #[serde(default)]
    pub undelivered: Option<Vec<String>>,
}

impl Progress {
    /// Units of which a page did not reach `landing/`.
    pub(super) fn undelivered(&self) -> &[String] {
        self.undelivered.as_deref().unwrap_or_default()
    }

    /// Forgets what was said of a unit: it is asked for again, and said again.
    fn forget(&mut self, unit_id: &str) {
        let other = |id: &String| whole_unit(id) != unit_id;
        self.failed.retain(other);
        self.handed_back.retain(other);
        self.undelivered.get_or_insert_default().retain(other);
    }

    fn set_undelivered(&mut self, unit_id: &str) {
        let undelivered = self.undelivered.get_or_insert_default();
        if !undelivered.iter().any(|known| known == unit_id) {
            undelivered.push(unit_id.to_owned());
        }
    }
}

/// The unit of the plan that a failed part of it belongs to, see [`quotelake_sources::units::narrowed`].
pub(super) fn whole_unit(unit_id: &str) -> &str {
    unit_id.split_once('#').map_or(unit_id, |(unit, _)| unit)
}

/// A unit that was asked for and is not counted yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) unit_id: String,
    /// Whether it was counted before and is asked for again.
    pub(super) again: bool,
    pub(super) fetched: FetchReport,
}

/// The same with its version: anyone who saves must have read what is there.
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
                let finished =
                    known.progress.done == known.progress.units && known.progress.undelivered().is_empty();
                let again = match when_finished {
                    WhenFinished::Keep => false,
                    WhenFinished::Repeat => finished,
                    WhenFinished::Restart => true,
                };
                if !again {
                    return known.with_undelivered(laptop, plan).await;
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
            undelivered: Some(Vec::new()),
        };
        let version = save(laptop, &progress, precondition).await?;
        Ok(Self { progress, version })
    }

    /// A state of a version that counted a unit when it was on the stream: what it lost lies under `undelivered/`.
    async fn with_undelivered(mut self, laptop: &Laptop, plan: &Plan) -> Result<Self> {
        if self.progress.undelivered.is_some() {
            return Ok(self);
        }
        let mut lost = BTreeSet::new();
        for page in undelivered::all(laptop.lake().as_ref()).await? {
            let ours = page.run_id.as_ref() == Some(&self.progress.run_id);
            let unit = page.unit_id.as_deref().map(whole_unit).filter(|_| ours);
            let planned = unit.filter(|unit| plan.units.iter().any(|known| known.id == *unit));
            lost.extend(planned.map(str::to_owned));
        }
        self.progress.undelivered = Some(lost.into_iter().collect());
        Ok(self)
    }

    /// These units are done, but for those of which a page was not delivered.
    pub(super) async fn advance(
        &mut self,
        laptop: &Laptop,
        asked: &[Asked],
        undelivered: &BTreeSet<String>,
    ) -> Result<()> {
        let progress = &mut self.progress;
        for unit in asked {
            progress.forget(&unit.unit_id);
            progress.done += u64::from(!unit.again);
            progress.requests += unit.fetched.requests;
            progress.rows += unit.fetched.rows;
            // Behind the unit come those of its instruments that failed alone.
            for report in &unit.fetched.units {
                match &report.outcome {
                    UnitOutcome::Failed { .. } => progress.failed.push(report.unit_id.clone()),
                    UnitOutcome::HandedBack { .. } => progress.handed_back.push(report.unit_id.clone()),
                    UnitOutcome::Delivered { .. } | UnitOutcome::Empty => {}
                }
            }
            if undelivered.contains(&unit.unit_id) {
                progress.set_undelivered(&unit.unit_id);
            }
        }
        self.save(laptop).await
    }

    /// A page of these units was not delivered after all: they were handed back, and asked for by another function.
    pub(super) async fn undo(&mut self, laptop: &Laptop, undelivered: &BTreeSet<String>) -> Result<()> {
        if undelivered.is_empty() {
            return Ok(());
        }
        undelivered.iter().for_each(|unit| self.progress.set_undelivered(unit));
        self.save(laptop).await
    }

    async fn save(&mut self, laptop: &Laptop) -> Result<()> {
        self.version = save(laptop, &self.progress, Precondition::IfVersion(self.version.clone())).await?;
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

//! The table `runs`: what every stage did, one row for each run and dataset, in one small Parquet file for each run.
//!
//! A row reports work and is no part of it: [`record`] never fails and is never waited for twice. What the counts mean is in
//! `docs/concepts/runs.md`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_contract::{Contract, runs_table};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Error, ObjectKey, Result, check_id};
use quotelake_table::{RowDecoder, parquet_file};
use serde::{Serialize, Serializer};

use crate::sqs::attribute_text;

/// What a run of a stage came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// All of it is done.
    #[default]
    Succeeded,
    /// Some of it failed, or waits for a later run.
    Partial,
    /// There was nothing to do: a file with the same content landed before.
    Skipped,
    /// None of it is done. It is delivered again, or is a dead letter.
    Failed,
}

/// One row of the table `runs`. A count that a stage does not have is none, not 0.
#[derive(Debug, Clone, Serialize)]
pub struct RunRow {
    /// Names the work, see [`RunRow::of`].
    pub id: String,
    /// `fetch`, `transform`, `ingest`, `check`, `publish` or `refine`.
    pub stage: &'static str,
    /// The dataset.
    pub dataset: Option<String>,
    /// What was worked on.
    pub subject: String,
    /// The run that fetched the rows, or several with commas between.
    pub run_id: Option<String>,
    /// Of a check: names its outputs.
    pub check_id: Option<String>,
    /// When it began.
    #[serde(serialize_with = "milliseconds")]
    pub started_at: DateTime<Utc>,
    /// When it ended.
    #[serde(serialize_with = "milliseconds")]
    pub ended_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Of a check: what was decided.
    pub decision: Option<String>,
    /// Of a check: share of rules that passed.
    pub score: Option<f64>,
    /// Rows that came in.
    pub rows_in: Option<u64>,
    /// Rows that went on.
    pub rows_out: Option<u64>,
    /// Of a check: rows in quarantine.
    pub rows_quarantined: Option<u64>,
    /// Rows that changed nothing.
    pub rows_duplicate: Option<u64>,
    /// Of a check: rows in quarantine by their first reason.
    #[serde(serialize_with = "json_object")]
    pub quarantined_by_reason: BTreeMap<String, u64>,
    /// What the rows came in.
    pub objects: Option<u64>,
    /// The size of that.
    pub bytes: Option<u64>,
    /// What was tried again.
    pub retries: u64,
    /// The kind of the error.
    pub error_code: Option<String>,
    /// Its text.
    pub error: Option<String>,
}

impl RunRow {
    /// A run that succeeded so far. `work` names what is done, so that the same work done again has the same id: of two rows of one
    /// id the one that ended later counts.
    pub fn of(stage: &'static str, subject: &str, work: &str, started_at: DateTime<Utc>) -> Self {
        Self {
            id: check_id(&format!("{stage} {subject}"), work),
            stage,
            dataset: None,
            subject: subject.to_owned(),
            run_id: None,
            check_id: None,
            started_at,
            ended_at: started_at,
            outcome: RunOutcome::Succeeded,
            decision: None,
            score: None,
            rows_in: None,
            rows_out: None,
            rows_quarantined: None,
            rows_duplicate: None,
            quarantined_by_reason: BTreeMap::new(),
            objects: None,
            bytes: None,
            retries: 0,
            error_code: None,
            error: None,
        }
    }

    /// The same run, failed.
    #[must_use]
    pub fn failed(mut self, error: &Error) -> Self {
        self.outcome = RunOutcome::Failed;
        self.error_code = Some(error.kind().code().to_owned());
        self.error = Some(attribute_text(&error.to_string()));
        self
    }
}

fn milliseconds<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&instant.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The map as JSON text; nothing for one without entries.
fn json_object<S: Serializer>(map: &BTreeMap<String, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    if map.is_empty() {
        return serializer.serialize_none();
    }
    serializer.serialize_some(&serde_json::to_string(map).map_err(serde::ser::Error::custom)?)
}

/// Writes the rows of one run, the first of which names it, under the UTC day of `day`: that on which the work was begun first. A
/// lake that does not take them costs the rows and a line of the log, nothing else.
pub async fn record(lake: &dyn Lake, day: DateTime<Utc>, rows: &[RunRow]) {
    let Some(first) = rows.first() else { return };
    let day = day.format("%Y-%m-%d").to_string();
    let key = ObjectKey::runs(&day, first.stage, &first.id).to_string();
    let written = match file(rows) {
        Ok(bytes) => lake.put(&key, bytes, Precondition::None).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        tracing::warn!(key, error = %error, "what the run did is not written down");
    }
}

fn file(rows: &[RunRow]) -> Result<Bytes> {
    let table = runs_table()?;
    parquet_of(&table, rows.iter())?.ok_or_else(|| Error::bug("a run without rows"))
}

/// A Parquet file of these rows, in their order, by the contract of a table that Quotelake writes about its own work. None of no
/// rows.
pub fn parquet_of(
    contract: &Arc<Contract>,
    rows: impl Iterator<Item = impl Serialize>,
) -> Result<Option<Bytes>> {
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    let mut any = false;
    for row in rows {
        let line = serde_json::to_string(&row)
            .map_err(|e| Error::bug(format!("row of {}", contract.name)).with_source(e))?;
        decoder.push(&line).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(|fault| format!("{fault:?}")).collect();
            Error::bug(format!("row of {} does not fit its contract: {}", contract.name, faults.join("; ")))
        })?;
        any = true;
    }
    any.then(|| parquet_file::write_uncompressed(contract, &decoder.take_batch()?)).transpose()
}

#[cfg(test)]
mod tests;

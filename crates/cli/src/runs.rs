//! The tables that Quotelake writes about its own work, day by day: what the stages did on the newest day, and the files of a day put
//! together.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use chrono::{DateTime, Days, Utc};
use quotelake_contract::{Contract, runs_table};
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, ErrorKind, Finding, Result, Zone};
use quotelake_table::{merge, parquet_file};
use serde::Serialize;

use crate::tables::texts;

/// Days that are looked through for the newest one with runs.
const LOOKED_THROUGH: u64 = 7;
/// The stages, in the order in which rows pass them.
const STAGES: [&str; 5] = ["fetch", "transform", "ingest", "check", "publish"];

/// What the stages did on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayOfRuns {
    /// The UTC day, `YYYY-MM-DD`.
    pub day: String,
    /// Those that ran.
    pub stages: Vec<StageRuns>,
}

/// What one stage did on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StageRuns {
    /// The stage.
    pub stage: String,
    /// Rows of the table `runs`: runs, each counted for every dataset that it had.
    pub runs: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those of which some failed, or waits for a later run.
    pub partial: u64,
    /// Rows that came in; nothing of a stage that reads pages.
    pub rows_in: Option<u64>,
    /// Rows that went on.
    pub rows_out: Option<u64>,
    /// What was tried again.
    pub retries: u64,
    /// When the newest run ended.
    pub last_ended: Option<DateTime<Utc>>,
    /// The newest error, with what was worked on.
    pub last_error: Option<String>,
}

/// What the stages did on the newest of the last days that has runs. An object that cannot be read is passed over and added to
/// `unreadable`.
pub async fn newest_day(
    lake: &dyn Lake,
    now: DateTime<Utc>,
    unreadable: &mut Vec<Finding>,
) -> Result<Option<DayOfRuns>> {
    let table = runs_table()?;
    for back in 0..LOOKED_THROUGH {
        let Some(day) = now.date_naive().checked_sub_days(Days::new(back)) else { break };
        let keys = files(lake, &format!("{}day={day}/", Zone::Runs.prefix())).await?;
        if let Some(rows) = together(lake, &table, &keys, unreadable).await? {
            return Ok(Some(DayOfRuns { day: day.to_string(), stages: by_stage(&rows)? }));
        }
    }
    Ok(None)
}

/// The Parquet files under a prefix.
pub async fn files(lake: &dyn Lake, prefix: &str) -> Result<Vec<String>> {
    let listed = lake.list(prefix).await?;
    Ok(listed.into_iter().map(|meta| meta.key).filter(|key| key.ends_with(".parquet")).collect())
}

/// The rows of these files, of two with one key the later one; none of no rows.
pub async fn together(
    lake: &dyn Lake,
    table: &Arc<Contract>,
    keys: &[String],
    unreadable: &mut Vec<Finding>,
) -> Result<Option<RecordBatch>> {
    let mut batches = Vec::new();
    for key in keys {
        let read = match lake.get(key).await {
            Ok(object) => parquet_file::read(table, object.bytes).context(key),
            Err(error) => Err(error),
        };
        match read {
            Ok(batch) => batches.push(batch),
            // Somebody puts the day's files together meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Unauthorized => {
                return Err(error);
            }
            Err(error) => {
                unreadable.push(Finding::warning(key, error.to_string(), "restore it, or remove it"))
            }
        }
    }
    let Some(first) = batches.first() else { return Ok(None) };
    let all = concat_batches(&first.schema(), &batches)
        .map_err(|e| Error::bug(format!("files of {}", table.name)).with_source(e))?;
    Ok(Some(merge(table, None, &all)?.batch()?))
}

fn by_stage(rows: &RecordBatch) -> Result<Vec<StageRuns>> {
    let (stages, subjects) = (texts(rows, "stage")?, texts(rows, "subject")?);
    let (outcomes, errors) = (texts(rows, "outcome")?, texts(rows, "error")?);
    let number =
        |name: &str| rows.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let (rows_in, rows_out, retries) = (number("rows_in"), number("rows_out"), number("retries"));
    let ended = rows
        .column_by_name("ended_at")
        .and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>());
    let mut found = Vec::new();
    for stage in STAGES {
        let mut of = StageRuns { stage: stage.to_owned(), ..StageRuns::default() };
        let mut error_at = None;
        for row in (0..rows.num_rows()).filter(|row| stages[*row].as_deref() == Some(stage)) {
            of.runs += 1;
            of.failed += u64::from(outcomes[row].as_deref() == Some("failed"));
            of.partial += u64::from(outcomes[row].as_deref() == Some("partial"));
            let count = |column: Option<&arrow::array::Int64Array>| {
                column
                    .filter(|column| column.is_valid(row))
                    .and_then(|column| u64::try_from(column.value(row)).ok())
            };
            add(&mut of.rows_in, count(rows_in));
            add(&mut of.rows_out, count(rows_out));
            of.retries += count(retries).unwrap_or_default();
            let at = ended.and_then(|ended| DateTime::from_timestamp_millis(ended.value(row)));
            of.last_ended = of.last_ended.max(at);
            if let (Some(error), true) = (&errors[row], at >= error_at) {
                error_at = at;
                of.last_error = Some(format!("{}: {error}", subjects[row].as_deref().unwrap_or_default()));
            }
        }
        if of.runs > 0 {
            found.push(of);
        }
    }
    Ok(found)
}

fn add(sum: &mut Option<u64>, count: Option<u64>) {
    if let Some(count) = count {
        *sum = Some(sum.unwrap_or_default() + count);
    }
}

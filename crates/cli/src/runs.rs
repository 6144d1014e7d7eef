//! The tables that Quotelake writes about its own work, day by day: what the stages did on the newest day, and the files of a day put
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMillisecondType};
use chrono::{DateTime, Days, NaiveDate, Utc};
use quotelake_contract::{Contract, QualityTables, runs_table};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, Finding, Result, Zone, sha256_hex};
use quotelake_table::{merge, parquet_file};
use serde::Serialize;

use crate::collect::LastCheck;
use crate::tables::{primitive, texts};

/// Days that are looked through for the newest one with runs.
const LOOKED_THROUGH: u64 = 7;
/// The stages, in the order in which rows pass them.
const STAGES: [&str; 6] = ["fetch", "transform", "ingest", "check", "publish", "refine"];

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

/// What the newest runs say.
#[derive(Debug, Default)]
pub struct NewestRuns {
    /// What the stages did on the newest of the last days that has runs.
    pub day: Option<DayOfRuns>,
    /// The newest check of each dataset that was wanted and has one on those days.
    pub checks: BTreeMap<String, LastCheck>,
}

/// Looks through the last days, newest first, until a day has runs and each of the datasets has a check. An object that cannot be read
/// is passed over and added to `unreadable`.
pub async fn newest(
    lake: &dyn Lake,
    now: DateTime<Utc>,
    datasets: &BTreeSet<&str>,
    unreadable: &mut Vec<Finding>,
) -> Result<NewestRuns> {
    let (table, mut newest) = (runs_table()?, NewestRuns::default());
    for back in 0..LOOKED_THROUGH {
        if newest.day.is_some() && datasets.iter().all(|dataset| newest.checks.contains_key(*dataset)) {
            break;
        }
        let Some(day) = now.date_naive().checked_sub_days(Days::new(back)) else { break };
        let keys = files(lake, &format!("{}day={day}/", Zone::Runs.prefix())).await?;
        let Some(rows) = together(lake, &table, &keys, unreadable).await? else { continue };
        for (dataset, check) in checks(&rows)? {
            if datasets.contains(dataset.as_str()) {
                newest.checks.entry(dataset).or_insert(check);
            }
        }
        if newest.day.is_none() {
            newest.day = Some(DayOfRuns { day: day.to_string(), stages: by_stage(&rows)? });
        }
    }
    Ok(newest)
}

/// The newest check of each dataset among runs; those that failed have decided nothing.
fn checks(rows: &RecordBatch) -> Result<BTreeMap<String, LastCheck>> {
    let (stages, datasets) = (texts(rows, "stage")?, texts(rows, "dataset")?);
    let decisions = texts(rows, "decision")?;
    let ended = primitive::<TimestampMillisecondType>(rows, "ended_at")?;
    let scores = primitive::<Float64Type>(rows, "score")?;
    let mut newest: BTreeMap<String, LastCheck> = BTreeMap::new();
    for row in (0..rows.num_rows()).filter(|row| stages[*row].as_deref() == Some("check")) {
        let at = DateTime::from_timestamp_millis(ended.value(row));
        let (Some(dataset), Some(decision), Some(at)) = (&datasets[row], &decisions[row], at) else {
            continue;
        };
        if newest.get(dataset).is_none_or(|known| known.at <= at) {
            let score = scores.is_valid(row).then(|| scores.value(row));
            newest.insert(dataset.clone(), LastCheck { at, decision: decision.clone(), score });
        }
    }
    Ok(newest)
}

/// Files of a day and table that are left as they are.
const FEW_FILES: usize = 64;

/// Puts the day's small files together where they have become many, so that anyone who reads the day reads few. A file that cannot be read
/// stays as it is, and its day with it.
pub async fn keep_few(lake: &dyn Lake, day: NaiveDate) -> Result<()> {
    for (table, prefix) in tables()? {
        let keys = files(lake, &format!("{prefix}day={day}/")).await?;
        if keys.len() >= FEW_FILES {
            put_together(lake, &table, &prefix, day, &keys, &mut Vec::new()).await?;
        }
    }
    Ok(())
}

/// The tables that Quotelake writes by day, with their prefixes.
pub fn tables() -> Result<[(Arc<Contract>, String); 3]> {
    let QualityTables { rule_results, statistics } = QualityTables::built_in()?;
    let quality = |table: &Contract| format!("{}{}/", Zone::Quality.prefix(), table.name);
    let (results, measured) = (quality(&rule_results), quality(&statistics));
    Ok([(runs_table()?, Zone::Runs.prefix().to_owned()), (rule_results, results), (statistics, measured)])
}

/// Makes one file of a day's: written first, then those that it is made of are removed. A reader in between sees rows twice, none
/// is ever gone; so does one after a crash, until it is done again. A day of which a file cannot be read is left as it is.
pub async fn put_together(
    lake: &dyn Lake,
    table: &Arc<Contract>,
    prefix: &str,
    day: NaiveDate,
    keys: &[String],
    unreadable: &mut Vec<Finding>,
) -> Result<bool> {
    let before = unreadable.len();
    let Some(rows) = together(lake, table, keys, unreadable).await? else { return Ok(false) };
    if unreadable.len() > before {
        return Ok(false);
    }
    let bytes = parquet_file::write(table, &rows)?;
    let key = format!("{prefix}day={day}/all-{}.parquet", &sha256_hex(&bytes)[..32]);
    lake.put(&key, bytes, Precondition::None).await?;
    for old in keys.iter().filter(|old| **old != key) {
        lake.delete(old).await?;
    }
    Ok(true)
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
    let number = |name: &str| primitive::<Int64Type>(rows, name);
    let (rows_in, rows_out, retries) = (number("rows_in")?, number("rows_out")?, number("retries")?);
    let ended = primitive::<TimestampMillisecondType>(rows, "ended_at")?;
    let mut found = Vec::new();
    for stage in STAGES {
        let mut of = StageRuns { stage: stage.to_owned(), ..StageRuns::default() };
        let mut error_at = None;
        for row in (0..rows.num_rows()).filter(|row| stages[*row].as_deref() == Some(stage)) {
            of.runs += 1;
            of.failed += u64::from(outcomes[row].as_deref() == Some("failed"));
            of.partial += u64::from(outcomes[row].as_deref() == Some("partial"));
            let count = |column: &Int64Array| {
                column.is_valid(row).then(|| column.value(row)).and_then(|value| u64::try_from(value).ok())
            };
            add(&mut of.rows_in, count(rows_in));
            add(&mut of.rows_out, count(rows_out));
            of.retries += count(retries).unwrap_or_default();
            let at = DateTime::from_timestamp_millis(ended.value(row));
            of.last_ended = of.last_ended.max(at);
            let failed = matches!(outcomes[row].as_deref(), Some("failed" | "partial"));
            if let (Some(error), true) = (&errors[row], failed && at >= error_at) {
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

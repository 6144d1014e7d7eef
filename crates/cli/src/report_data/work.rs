//! What the stages did, from the table `runs`.

use std::collections::BTreeMap;

use arrow::array::{Array as _, Int64Array, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMillisecondType};
use chrono::{DateTime, SecondsFormat};
use quotelake_contract::runs_table;
use quotelake_core::ports::Lake;
use quotelake_core::{Finding, Result, Zone};

use super::SHOWN;
use crate::report::data::{Newest, Run};
use crate::runs::{files, together};
use crate::tables::{primitive, texts};

/// The newest runs. Days are read, the newest first, until there are enough: `all` says only whether there are more.
pub(super) async fn runs(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<Newest<Run>> {
    let table = runs_table()?;
    let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in files(lake, Zone::Runs.prefix()).await? {
        let day = key.rsplit_once('/').map_or("", |(day, _)| day).to_owned();
        days.entry(day).or_default().push(key);
    }
    let mut found = Newest::<Run>::default();
    for keys in days.into_values().rev() {
        if found.rows.len() >= SHOWN {
            // One of a day that is not read: there are more than are shown.
            found.all = 1;
            break;
        }
        if let Some(rows) = together(lake, &table, &keys, unreadable).await? {
            found.rows.extend(of_day(&rows)?);
        }
    }
    found
        .rows
        .sort_by(|a, b| (&b.started_at, &b.stage, &b.subject).cmp(&(&a.started_at, &a.stage, &a.subject)));
    found.all += found.rows.len() as u64;
    found.rows.truncate(SHOWN);
    Ok(found)
}

fn of_day(rows: &RecordBatch) -> Result<Vec<Run>> {
    let instants = |name: &str| primitive::<TimestampMillisecondType>(rows, name);
    let (started, ended) = (instants("started_at")?, instants("ended_at")?);
    let (stages, subjects) = (texts(rows, "stage")?, texts(rows, "subject")?);
    let (datasets, outcomes) = (texts(rows, "dataset")?, texts(rows, "outcome")?);
    let errors = texts(rows, "error")?;
    let counts = |name: &str| primitive::<Int64Type>(rows, name);
    let (rows_in, rows_out) = (counts("rows_in")?, counts("rows_out")?);
    let (quarantined, bytes) = (counts("rows_quarantined")?, counts("bytes")?);
    let count = |column: &Int64Array, row: usize| {
        column.is_valid(row).then(|| column.value(row)).and_then(|count| u64::try_from(count).ok())
    };
    let run = |row: usize| Run {
        started_at: DateTime::from_timestamp_millis(started.value(row))
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
            .unwrap_or_default(),
        millis: u64::try_from(ended.value(row) - started.value(row)).unwrap_or_default(),
        stage: stages[row].clone().unwrap_or_default(),
        subject: subjects[row].clone().unwrap_or_default(),
        dataset: datasets[row].clone(),
        outcome: outcomes[row].clone().unwrap_or_default(),
        rows_in: count(rows_in, row),
        rows_out: count(rows_out, row),
        quarantined: count(quarantined, row),
        bytes: count(bytes, row),
        error: errors[row].clone(),
    };
    Ok((0..rows.num_rows()).map(run).collect())
}

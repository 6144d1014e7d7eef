//! The drain's row of the table `runs`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use quotelake_core::Result;
use quotelake_platform::runs::{self, RunOutcome, RunRow};
use quotelake_platform::sqs::{CORRELATION_ID, correlation};

use crate::Context;
use crate::report::{PublishReport, PublishedPartition};

/// Writes down what a drain came to. One that found nothing staged is no run: a request is answered by an earlier drain.
pub(crate) async fn record(
    context: &Context,
    dataset: &str,
    retries: u64,
    (started_at, ended_at): (DateTime<Utc>, DateTime<Utc>),
    drained: &Result<PublishReport>,
) {
    let work = started_at.timestamp_micros().to_string();
    let row = RunRow {
        dataset: Some(dataset.to_owned()),
        ended_at,
        retries,
        ..RunRow::of("publish", dataset, &work, started_at)
    };
    let row = match drained {
        Ok(report) if report.staged_objects + report.damaged_objects == 0 => return,
        Ok(report) => of_report(report, row),
        Err(error) => row.failed(error),
    };
    runs::record(context.lake.as_ref(), started_at, &[row]).await;
}

fn of_report(report: &PublishReport, row: RunRow) -> RunRow {
    let sum = |count: fn(&PublishedPartition) -> usize| {
        report.partitions.iter().map(|partition| count(partition) as u64).sum::<u64>()
    };
    let changed = || report.partitions.iter().filter(|partition| partition.changed);
    let run_ids: BTreeSet<&str> =
        report.partitions.iter().flat_map(|partition| &partition.run_ids).map(String::as_str).collect();
    // A row that moved is new to one partition and has left another.
    let out = sum(|partition| partition.inserted) + sum(|partition| partition.revised);
    let damaged = report.damaged_objects > 0;
    RunRow {
        run_id: correlation(run_ids).remove(CORRELATION_ID),
        outcome: if damaged { RunOutcome::Partial } else { RunOutcome::Succeeded },
        error_code: damaged.then(|| "damaged".to_owned()),
        error: damaged.then(|| format!("{} staged objects were set aside", report.damaged_objects)),
        rows_in: Some(sum(|partition| partition.rows_in)),
        rows_out: Some(out),
        rows_duplicate: Some(sum(|partition| partition.duplicates)),
        objects: Some(changed().count() as u64),
        bytes: Some(changed().map(|partition| partition.bytes).sum()),
        ..row
    }
}

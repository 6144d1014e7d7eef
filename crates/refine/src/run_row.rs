//! The row of the table `runs` that computing a model writes.

use chrono::{DateTime, Utc};
use quotelake_core::Result;
use quotelake_platform::runs::{self, RunRow};

use crate::ports::Ports;
use crate::report::{ComputedPartition, ModelReport};

/// Writes down what computing a model came to. Where nothing was to be computed, it was no run.
pub(crate) async fn record(
    ports: Ports<'_>,
    model: &str,
    retries: u64,
    started_at: DateTime<Utc>,
    refined: &Result<ModelReport>,
) {
    let work = started_at.timestamp_micros().to_string();
    let row = RunRow {
        dataset: Some(model.to_owned()),
        ended_at: ports.clock.now(),
        retries,
        ..RunRow::of("refine", model, &work, started_at)
    };
    let row = match refined {
        Ok(report) if report.partitions.is_empty() && report.checks.is_empty() => return,
        Ok(report) => of_report(report, row),
        Err(error) => row.failed(error),
    };
    runs::record(ports.lake, started_at, &[row]).await;
}

fn of_report(report: &ModelReport, row: RunRow) -> RunRow {
    let sum = |count: fn(&ComputedPartition) -> usize| {
        report.partitions.iter().map(|partition| count(partition) as u64).sum::<u64>()
    };
    let rows = sum(|partition| partition.rows);
    let out = sum(|partition| partition.inserted) + sum(|partition| partition.revised);
    RunRow {
        check_id: report.checks.first().cloned(),
        rows_in: Some(rows + report.quarantined),
        rows_out: Some(out),
        rows_quarantined: Some(report.quarantined),
        rows_duplicate: Some(rows - out),
        objects: Some(report.changed().count() as u64),
        bytes: Some(report.changed().map(|partition| partition.bytes).sum()),
        ..row
    }
}

//! The row of the table `runs` that asking a source has.

use chrono::{DateTime, Utc};
use quotelake_core::Result;
use quotelake_core::ports::Lake;
use quotelake_platform::runs::{self, RunOutcome, RunRow};

use crate::{FetchReport, UnitOutcome};

/// Writes down what a run came to. Units that were handed back are done by a later run of the same id, which has a row of its own.
pub(crate) async fn record(
    lake: &dyn Lake,
    report: &FetchReport,
    (started_at, ended_at): (DateTime<Utc>, DateTime<Utc>),
    bytes: u64,
    queued: &Result<()>,
) {
    let counts = report.counts;
    let work = format!("{} {}", report.run_id, started_at.timestamp_micros());
    let (error_code, error) = first_failure(report).unzip();
    let row = RunRow {
        run_id: Some(report.run_id.clone()),
        ended_at,
        outcome: match counts.failed + counts.handed_back {
            0 => RunOutcome::Succeeded,
            bad if bad == counts.total() && report.pages == 0 => RunOutcome::Failed,
            _ => RunOutcome::Partial,
        },
        rows_out: Some(report.rows),
        objects: Some(report.pages),
        bytes: Some(bytes),
        retries: report.requests.saturating_sub(report.pages + counts.failed),
        error_code,
        error,
        ..RunRow::of("fetch", &report.source, &work, started_at)
    };
    let row = match queued {
        Ok(()) => row,
        Err(error) => row.failed(error),
    };
    runs::record(lake, started_at, &[row]).await;
}

/// The code and the text of the first unit that is not done.
fn first_failure(report: &FetchReport) -> Option<(String, String)> {
    report.units.iter().find_map(|unit| match &unit.outcome {
        UnitOutcome::Failed { code, message, .. } => {
            Some((code.clone(), format!("{}: {message}", unit.unit_id)))
        }
        UnitOutcome::HandedBack { reason, .. } => {
            Some(("handed_back".to_owned(), format!("{}: {reason}", unit.unit_id)))
        }
        _ => None,
    })
}

//! The check's rows of the table `runs`: one for each dataset of an object.

use chrono::{DateTime, Utc};
use quotelake_core::{Error, ErrorKind};
use quotelake_platform::runs::{self, RunOutcome, RunRow};
use quotelake_platform::sqs::{CORRELATION_ID, correlation, retries};

use crate::context::Context;
use crate::dataset_router::UNKNOWN;
use crate::evaluation::CheckReport;
use crate::result::ResultDocument;

/// Facts of a run that no report has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    /// When this object was checked first: rows of a redelivery replace those of the first delivery.
    pub(crate) first_checked_at: DateTime<Utc>,
    pub(crate) started_at: DateTime<Utc>,
    /// The landing object's size.
    pub(crate) bytes: u64,
    pub(crate) delivery_id: &'a str,
}

/// Writes down what checking an object came to.
pub(crate) async fn record(context: &Context, report: &CheckReport, run: Run<'_>) {
    let mut rows: Vec<RunRow> =
        report.documents.iter().map(|document| of_document(report, document, run)).collect();
    let unknown: u64 = report.unknown.values().sum();
    // An object without a row is a run as well.
    if unknown > 0 || rows.is_empty() {
        rows.push(RunRow {
            dataset: (unknown > 0).then(|| UNKNOWN.to_owned()),
            rows_in: Some(unknown),
            rows_out: Some(0),
            rows_quarantined: Some(unknown),
            rows_duplicate: Some(0),
            quarantined_by_reason: report.unknown.clone(),
            ..row(report, UNKNOWN, run)
        });
    }
    let ended_at = context.clock.now();
    rows.iter_mut().for_each(|row| row.ended_at = ended_at);
    // The object counts once, however many datasets it has rows of.
    for row in rows.iter_mut().skip(1) {
        (row.objects, row.bytes) = (Some(0), Some(0));
    }
    runs::record(context.lake.as_ref(), run.first_checked_at, &rows).await;
}

/// Writes down that an object could not be checked.
pub async fn record_failure(
    context: &Context,
    key: &str,
    delivery_id: &str,
    started_at: DateTime<Utc>,
    error: &Error,
) {
    let mut row = RunRow::of("check", key, "failed", started_at).failed(error);
    (row.ended_at, row.retries) = (context.clock.now(), retries(delivery_id));
    // A ruleset that cannot be used is reported to the person who brought it; nothing was begun.
    if error.kind() != ErrorKind::Config {
        runs::record(context.lake.as_ref(), started_at, &[row]).await;
    }
}

fn of_document(report: &CheckReport, document: &ResultDocument, run: Run<'_>) -> RunRow {
    let (lineage, counts) = (&document.lineage, &document.rows);
    let decision = document.gate.decision.as_str();
    RunRow {
        dataset: Some(lineage.dataset.clone()),
        run_id: correlation(lineage.run_ids.iter().map(String::as_str)).remove(CORRELATION_ID),
        decision: Some(decision.to_owned()),
        score: Some(document.glue.score),
        rows_in: Some(counts.rows_in),
        rows_out: Some(counts.staged),
        rows_quarantined: Some(counts.quarantined),
        rows_duplicate: Some(counts.duplicates),
        quarantined_by_reason: document.quarantine.by_reason.clone(),
        ..row(report, &lineage.dataset, run)
    }
}

fn row(report: &CheckReport, dataset: &str, run: Run<'_>) -> RunRow {
    RunRow {
        check_id: Some(report.check_id.clone()),
        outcome: RunOutcome::Succeeded,
        objects: Some(1),
        bytes: Some(run.bytes),
        retries: retries(run.delivery_id),
        ..RunRow::of("check", &report.key, &format!("{} {dataset}", report.check_id), run.started_at)
    }
}

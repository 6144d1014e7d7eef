//! The row of the table `runs` that a dropped file has.

use chrono::{DateTime, Utc};
use quotelake_core::Result;
use quotelake_platform::runs::{self, RunOutcome, RunRow};

use crate::file::dataset_and_name;
use crate::{Context, Outcome, Receipt};

/// Writes down what became of a file. One that was taken before is no run: its row is there.
pub(crate) async fn record(
    context: &Context,
    key: &str,
    started_at: DateTime<Utc>,
    retries: u64,
    taken: &Result<Receipt>,
) {
    let dataset = dataset_and_name(key).ok().map(|(dataset, _)| dataset);
    let of = |work: &str| RunRow {
        dataset: dataset.clone(),
        ended_at: context.clock.now(),
        retries,
        ..RunRow::of("ingest", key, work, started_at)
    };
    let row = match taken {
        Ok(receipt) if receipt.at < started_at => return,
        Ok(receipt) => of_receipt(receipt, of(&receipt.version)),
        Err(error) => of("failed").failed(error),
    };
    runs::record(context.lake.as_ref(), started_at, &[row]).await;
}

fn of_receipt(receipt: &Receipt, row: RunRow) -> RunRow {
    let landed = receipt.outcome == Outcome::Landed;
    RunRow {
        outcome: if landed { RunOutcome::Succeeded } else { RunOutcome::Skipped },
        error_code: None,
        error: receipt.reason.clone(),
        rows_in: Some(receipt.rows),
        rows_out: Some(if landed { receipt.rows } else { 0 }),
        rows_duplicate: Some(if landed { 0 } else { receipt.rows }),
        objects: Some(if landed { receipt.landing_keys.len() as u64 } else { 0 }),
        bytes: Some(receipt.bytes),
        ..row
    }
}

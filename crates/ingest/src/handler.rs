//! The SQS event, taken apart.

use std::time::Duration;

use quotelake_core::Result;
use quotelake_platform::s3_event::{Created, created};
use quotelake_platform::sqs::{SqsBatchResponse, SqsEvent, SqsMessage, each_message, retries};

use crate::names::is_passed_over;
use crate::{Context, run_row, take_created};

/// Handles an SQS batch of S3 notifications, each file on its own.
///
/// A message that is no notification, or whose file is gone or rejected whole, is a dead letter; a lake or event bus that
/// fails leaves the message on the queue. An object that nobody means to load is passed over, see [`is_passed_over`]. A row that cannot be read is never an error here: `check` quarantines it.
pub async fn handle(event: SqsEvent, time_left: Option<Duration>, context: &Context) -> SqsBatchResponse {
    let dead_letters = context.dead_letters.as_ref();
    each_message(event, false, time_left, dead_letters, |message| ingest(message, context)).await
}

/// Every file of a message is tried. Done again, those that are in are known by their receipts.
async fn ingest(message: SqsMessage, context: &Context) -> Result<()> {
    let mut worst = None;
    let retries = retries(&message.delivery_id());
    for Created { key, at } in created(&message.body)? {
        if is_passed_over(&key) {
            tracing::info!(key, "object is passed over");
            continue;
        }
        let started_at = context.clock.now();
        let taken = take_created(context, &key, at).await;
        run_row::record(context, &key, started_at, retries, &taken).await;
        match taken {
            Ok(receipt) => tracing::info!(
                key,
                outcome = ?receipt.outcome,
                rows = receipt.rows,
                unreadable = receipt.unreadable,
                objects = receipt.landing_keys.len(),
                "file is taken"
            ),
            Err(error) => {
                let passing = error.kind().is_retryable();
                if passing || worst.is_none() {
                    worst = Some(error);
                }
            }
        }
    }
    worst.map_or(Ok(()), Err)
}

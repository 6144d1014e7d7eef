//! The SQS event, taken apart.

use std::time::Duration;

use quotelake_core::Result;
use quotelake_platform::s3_event::created_keys;
use quotelake_platform::sqs::{
    CORRELATION_ID, SqsBatchResponse, SqsEvent, SqsMessage, correlation, each_message,
};

use crate::{Context, check_object};

/// Handles an SQS batch of S3 notifications, each object on its own.
///
/// A message that is no notification, or whose object is gone or damaged, is a dead letter; a lake or queue that fails leaves the
/// message on the queue. Whatever is inside a whole object is never an error here: it ends in staged, in quarantine, or both.
pub async fn handle(event: SqsEvent, time_left: Option<Duration>, context: &Context) -> SqsBatchResponse {
    each_message(event, false, time_left, context.dead_letters.as_ref(), |message| check(message, context))
        .await
}

async fn check(message: SqsMessage, context: &Context) -> Result<()> {
    for key in created_keys(&message.body)? {
        let report = check_object(context, &key, &message.delivery_id()).await?;
        let correlation = correlation(report.run_ids());
        tracing::Span::current().record(CORRELATION_ID, correlation.get(CORRELATION_ID));
        tracing::info!(
            target: "quotelake::metrics",
            rows_staged = report.rows.staged,
            rows_quarantined = report.rows.quarantined,
            batches_blocked = report.blocked(),
        );
        tracing::info!(
            key,
            check_id = report.check_id,
            rows_in = report.rows.rows_in,
            staged = report.rows.staged,
            quarantined = report.rows.quarantined,
            duplicates = report.rows.duplicates,
            "object is checked"
        );
    }
    Ok(())
}

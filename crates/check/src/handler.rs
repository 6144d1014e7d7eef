//! The SQS event: each message, its notifications, each object checked.

use std::sync::Arc;
use std::time::Duration;

use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{ErrorKind, Result};
use quotelake_platform::contracts::{ContractCache, FRESH_FOR};
use quotelake_platform::function::SqsFunction;
use quotelake_platform::s3_event::created_keys;
use quotelake_platform::settings::Settings;
use quotelake_platform::sqs::{
    CORRELATION_ID, Origin, SqsBatchResponse, SqsEvent, SqsMessage, correlation, each_message,
};
use quotelake_platform::sweep::SweepRequest;
use tokio::time::Instant;

use crate::sweep::sweep;
use crate::{CheckReport, Context, evaluate_object, record, record_failure};

/// Handles an SQS batch of S3 notifications, each object on its own, and of requests to sweep.
///
/// A message that is no notification, or whose object is gone or damaged, is a dead letter; a lake or queue that fails leaves the
/// message on the queue. Whatever is inside a whole object is never an error here: it ends in staged, in quarantine, or both.
pub async fn handle(event: SqsEvent, time_left: Option<Duration>, context: &Context) -> SqsBatchResponse {
    let origin = Origin {
        fifo: false,
        dead_letters: context.dead_letters.as_ref(),
        hand_back: context.hand_back.as_deref(),
    };
    let deadline = time_left.and_then(|left| Instant::now().checked_add(left));
    each_message(event, origin, time_left, |message| check(message, deadline, context)).await
}

async fn check(message: SqsMessage, deadline: Option<Instant>, context: &Context) -> Result<()> {
    if let Some(request) = SweepRequest::parse(&message.body)? {
        let report = sweep(context, &request.sweep, deadline).await?;
        let unchecked = report.unchecked.len();
        if unchecked > 0 || !report.staged.is_empty() {
            let first = report.unchecked.first();
            tracing::warn!(unchecked, first, staged = ?report.staged, "work that nobody asked for is asked for again");
        }
        tracing::info!(
            looked_at = report.looked_at,
            unchecked,
            staged = report.staged.len(),
            goes_on_after = report.goes_on_after,
            "sweep is done"
        );
        return Ok(());
    }
    for key in created_keys(&message.body)? {
        let (started_at, delivery_id) = (context.inputs().now, message.delivery_id());
        let checked = check_one(context, &key, &delivery_id).await;
        if let Err(error) = &checked {
            record_failure(context, &key, &delivery_id, started_at, error).await;
        }
        let report = checked?;
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

/// Checks an object; once more where it names a dataset that is not known, and there are newer contracts.
async fn check_one(context: &Context, key: &str, delivery_id: &str) -> Result<CheckReport> {
    let first = evaluate_object(context.inputs(), key).await;
    let is_unknown = match &first {
        Ok(evaluation) => evaluation.names_unknown_datasets(),
        // The dataset that a key names is not known, or the object is gone.
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let newer = match &context.kept {
        Some(kept) if is_unknown => kept.newer(context.lake.as_ref()).await?,
        _ => None,
    };
    let Some(contracts) = newer else { return record(context, first?, delivery_id).await };
    let context = Context { contracts, ..context.clone() };
    let evaluation = evaluate_object(context.inputs(), key).await?;
    record(&context, evaluation, delivery_id).await
}

impl SqsFunction for Context {
    const SERVICE: &'static str = "quotelake-check";
    const CONTRACTS_FRESH_FOR: Duration = FRESH_FOR;

    async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect(settings).await
    }

    fn lake(&self) -> &dyn Lake {
        self.lake.as_ref()
    }

    fn with_contracts(&self, contracts: Contracts, cache: &Arc<ContractCache>) -> Self {
        Self { contracts, kept: Some(Arc::clone(cache)), ..self.clone() }
    }

    async fn handle(&self, event: SqsEvent, time_left: Duration) -> SqsBatchResponse {
        handle(event, Some(time_left), self).await
    }
}

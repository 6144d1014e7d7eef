//! The SQS FIFO event, one message at a time.

use std::sync::Arc;
use std::time::Duration;

use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Error, Result};
use quotelake_platform::contracts::ContractCache;
use quotelake_platform::function::SqsFunction;
use quotelake_platform::settings::Settings;
use quotelake_platform::sqs::{Origin, SqsBatchResponse, SqsEvent, SqsMessage, each_message, retries};

use crate::Context;
use crate::drain::drain_again;
use crate::request::PublishRequest;

/// Handles an SQS FIFO batch of publish requests. A request that is no JSON or names an unknown dataset is a dead letter;
/// a lake or catalog that fails leaves the request on the queue.
pub async fn handle(event: SqsEvent, time_left: Option<Duration>, context: &Context) -> SqsBatchResponse {
    let origin = Origin {
        fifo: true,
        dead_letters: context.dead_letters.as_ref(),
        hand_back: context.hand_back.as_deref(),
    };
    each_message(event, origin, time_left, |message| publish(message, context)).await
}

async fn publish(message: SqsMessage, context: &Context) -> Result<()> {
    let request: PublishRequest = serde_json::from_str(&message.body).map_err(|e| {
        Error::invalid(format!("message {} is no publish request", message.message_id)).with_source(e)
    })?;
    let report = drain_again(context, &request.dataset, retries(&message.delivery_id())).await?;
    let changed = report.partitions.iter().filter(|partition| partition.changed).count();
    tracing::info!(target: "quotelake::metrics", partitions_changed = changed);
    if let Some(freshness) = &context.freshness
        && let Err(error) = freshness.note(&request.dataset).await
    {
        // The rows are published; the next drain notes it again.
        tracing::warn!(dataset = request.dataset, error = %error, "when it was published is not noted");
    }
    tracing::info!(
        dataset = report.dataset,
        staged_objects = report.staged_objects,
        partitions = report.partitions.len(),
        rows_in = report.rows_in(),
        changed,
        "staged rows are published"
    );
    Ok(())
}

impl SqsFunction for Context {
    const SERVICE: &'static str = "quotelake-publish";
    const CONTRACTS_FRESH_FOR: Duration = Duration::ZERO;

    async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect(settings).await
    }

    fn lake(&self) -> &dyn Lake {
        self.lake.as_ref()
    }

    fn with_contracts(&self, contracts: Contracts, _: &Arc<ContractCache>) -> Self {
        Self { contracts, ..self.clone() }
    }

    async fn handle(&self, event: SqsEvent, time_left: Duration) -> SqsBatchResponse {
        handle(event, Some(time_left), self).await
    }
}

//! The SQS event, parsed and answered message by message.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Result, Zone};
use quotelake_platform::contracts::{ContractCache, FRESH_FOR};
use quotelake_platform::function::SqsFunction;
use quotelake_platform::s3_event::{Created, created, created_keys};
use quotelake_platform::settings::Settings;
use quotelake_platform::sqs::{Origin, SqsBatchResponse, SqsEvent, SqsMessage, each_message, retries};

use crate::names::is_passed_over;
use crate::{Context, run_row, take_created};

/// Handles an SQS batch of S3 notifications, each file on its own.
///
/// A message that is no notification, or whose file is gone or rejected whole, is a dead letter; a lake or event bus that
/// fails leaves the message on the queue. An object that nobody means to load is passed over, see [`is_passed_over`]. A row that cannot be read is never an error here: `check` quarantines it.
pub async fn handle(event: SqsEvent, time_left: Option<Duration>, context: &Context) -> SqsBatchResponse {
    let origin = Origin {
        fifo: false,
        dead_letters: context.dead_letters.as_ref(),
        hand_back: context.hand_back.as_deref(),
    };
    each_message(event, origin, time_left, |message| ingest(message, context)).await
}

/// The datasets that the files of a batch are of, as far as it can be read.
pub fn datasets(event: &SqsEvent) -> BTreeSet<String> {
    let keys = event.records.iter().flat_map(|message| created_keys(&message.body).unwrap_or_default());
    let dataset = |key: String| {
        let (dataset, _) = key.strip_prefix(Zone::Inbox.prefix())?.split_once('/')?;
        Some(dataset.to_owned())
    };
    keys.filter(|key| !is_passed_over(key)).filter_map(dataset).collect()
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

impl SqsFunction for Context {
    const SERVICE: &'static str = "quotelake-ingest";
    const CONTRACTS_FRESH_FOR: Duration = FRESH_FOR;

    async fn connect(settings: &Settings) -> Result<Self> {
        Self::connect(settings).await
    }

    fn lake(&self) -> &dyn Lake {
        self.lake.as_ref()
    }

    fn datasets(event: &SqsEvent) -> BTreeSet<String> {
        datasets(event)
    }

    fn with_contracts(&self, contracts: Contracts, _: &Arc<ContractCache>) -> Self {
        Self { contracts, ..self.clone() }
    }

    async fn handle(&self, event: SqsEvent, time_left: Duration) -> SqsBatchResponse {
        handle(event, Some(time_left), self).await
    }
}

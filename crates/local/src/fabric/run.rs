//! The loop of the event fabric: take a batch, invoke the function with SQS's event, answer the queue for each message, until
//! no queue has a message to hand out.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use quotelake_core::ports::Message;
use quotelake_core::{Context as _, Result};
use serde::Deserialize;

use super::binding::{Binding, FabricReport};
use super::chaos::{Chaos, Fault, FaultInjector, injected};
use super::event::sqs_event;
use crate::files::Lock;
use crate::function::{FunctionError, invoke_guarded};
use crate::queue::Received;

/// A dead letter's `error_message` is cut to this many characters.
const MAX_ERROR_MESSAGE_CHARS: usize = 2000;

/// Queues bound to functions, worked until nothing is left to do.
///
/// A message is handled at least once, and the messages of a group in order. A failed event gives all its messages back; an
/// answer with `batchItemFailures` gives back those; an answer that cannot be understood, or names a message that the
/// event did not hold, gives all back, as Lambda does
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
#[derive(Debug, Default)]
pub struct Fabric {
    bindings: Vec<Bound>,
    faults: Option<Mutex<FaultInjector>>,
}

#[derive(Debug)]
struct Bound {
    binding: Binding,
    /// Held while this fabric lives, where no other process has it.
    consumer: Mutex<Option<Lock>>,
    /// Whether messages that an earlier consumer left hidden were given back.
    recovered: AtomicBool,
}

/// How an event ended.
enum Ending {
    /// All but these message ids were handled.
    Answered(BTreeSet<String>),
    Failed(FunctionError),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    batch_item_failures: Option<Vec<ItemFailure>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

impl Fabric {
    /// A fabric without bindings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a binding.
    #[must_use]
    pub fn bind(mut self, binding: Binding) -> Self {
        self.bindings.push(Bound { binding, consumer: Mutex::new(None), recovered: AtomicBool::new(false) });
        self
    }

    /// Makes it misbehave on purpose.
    #[must_use]
    pub fn with_chaos(mut self, chaos: Chaos) -> Self {
        self.faults = Some(Mutex::new(FaultInjector::new(chaos)));
        self
    }

    /// Handles messages until no queue has one to hand out, what functions send to other bound queues included. Delayed
    /// messages are not waited for: [`FabricReport::waiting`] counts them.
    ///
    /// An error is a queue's (a full disk); what was in hand is given back when the fabric next runs.
    pub async fn run_until_idle(&self) -> Result<FabricReport> {
        let mut report = FabricReport::default();
        loop {
            let mut idle = true;
            for bound in &self.bindings {
                let worked = self.work(bound, &mut report).await;
                if worked.is_err() {
                    bound.recovered.store(false, Ordering::Relaxed);
                }
                idle &= !worked?;
            }
            if idle {
                break;
            }
        }
        for bound in &self.bindings {
            let depth = bound.binding.queue.depth().await?;
            report.waiting += (depth.visible + depth.hidden) as u64;
        }
        Ok(report)
    }

    /// Handles up to `concurrency` batches of one queue. False when there was none.
    async fn work(&self, bound: &Bound, report: &mut FabricReport) -> Result<bool> {
        let binding = &bound.binding;
        recover(bound).await?;
        let mut batches = Vec::new();
        let mut received = false;
        while batches.len() < binding.concurrency.max(1) {
            let batch = self.receive(binding).await?;
            if batch.is_empty() {
                break;
            }
            received = true;
            let (batch, exhausted): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .partition(|received| received.stored.receive_count <= binding.max_receive_count);
            for one in exhausted {
                // Nobody answered for it the last time: the process died with it in hand.
                let what = format!("received {} times and never answered", one.stored.receive_count - 1);
                dead_letter(binding, &one, &FunctionError::new("max_receive_count", what)).await?;
                report.dead_lettered += 1;
            }
            if !batch.is_empty() {
                batches.push(batch);
            }
        }
        let faults: Vec<_> = batches.iter().map(|batch| self.fault(binding, batch)).collect();
        let events = batches.iter().zip(&faults).map(|(batch, fault)| invoke(binding, batch, *fault));
        let endings = futures::future::join_all(events).await;
        for ((batch, fault), ending) in batches.into_iter().zip(faults).zip(endings) {
            report.invocations += u64::from(fault != Some(Fault::FailBefore));
            settle(binding, batch, fault, ending?, report).await?;
        }
        Ok(received)
    }

    async fn receive(&self, binding: &Binding) -> Result<Vec<Received>> {
        let shuffle = self.faults.as_ref().and_then(|faults| lock(faults).reorder());
        match shuffle {
            Some(seed) => binding.queue.receive_shuffled(binding.batch_size, binding.visibility, seed).await,
            None => binding.queue.receive(binding.batch_size, binding.visibility).await,
        }
    }

    fn fault(&self, binding: &Binding, batch: &[Received]) -> Option<Fault> {
        let fault = lock(self.faults.as_ref()?).fault();
        // Rolled before it is forgiven, so that the faults fall the same whatever the counts are.
        fault.filter(|_| batch.iter().all(|one| one.stored.receive_count < binding.max_receive_count))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back what an earlier consumer of the queue had in hand when it died, once.
async fn recover(bound: &Bound) -> Result<()> {
    if bound.recovered.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    let queue = &bound.binding.queue;
    if lock(&bound.consumer).is_none() {
        let Some(consumer) = queue.try_consume().await? else {
            // Its visibility timeouts bring back what the other process may lose.
            tracing::warn!(queue = queue.name(), "another process works this queue too");
            return Ok(());
        };
        *lock(&bound.consumer) = Some(consumer);
    }
    let released = queue.release_hidden().await?;
    if released > 0 {
        tracing::info!(queue = queue.name(), released, "gave back what an earlier run had in hand");
    }
    Ok(())
}

async fn invoke(binding: &Binding, batch: &[Received], fault: Option<Fault>) -> Result<Ending> {
    if fault == Some(Fault::FailBefore) {
        return Ok(Ending::Failed(injected("before")));
    }
    let event = sqs_event(binding.queue.name(), batch)?;
    let answer = invoke_guarded(&binding.function, event).await;
    if fault == Some(Fault::FailAfter) {
        return Ok(Ending::Failed(injected("after")));
    }
    Ok(match answer.and_then(|answer| failures(&answer, batch)) {
        Ok(failed) => Ending::Answered(failed),
        Err(error) => Ending::Failed(error),
    })
}

/// The ids that an answer gives back. The errors are the answers that Lambda takes for a failure of the whole batch.
fn failures(answer: &Bytes, batch: &[Received]) -> Result<BTreeSet<String>, FunctionError> {
    if answer.trim_ascii().is_empty() {
        return Ok(BTreeSet::new());
    }
    let wrong = |what: String| FunctionError::new("malformed_response", what);
    let response: Option<BatchResponse> = serde_json::from_slice(answer)
        .map_err(|error| wrong(format!("the response is no batch response: {error}")))?;
    let failed = response.and_then(|response| response.batch_item_failures).unwrap_or_default();
    let failed: BTreeSet<String> = failed.into_iter().map(|failure| failure.item_identifier).collect();
    match failed.iter().find(|id| !batch.iter().any(|received| received.stored.id == **id)) {
        Some(unknown) => Err(wrong(format!("the event held no message {unknown:?}"))),
        None => Ok(failed),
    }
}

/// Answers the queue for every message of the batch.
async fn settle(
    binding: &Binding,
    batch: Vec<Received>,
    fault: Option<Fault>,
    ending: Ending,
    report: &mut FabricReport,
) -> Result<()> {
    let (failed, error) = match ending {
        Ending::Answered(failed) => {
            (Some(failed), FunctionError::new("batch_item_failure", "the function handed the message back"))
        }
        Ending::Failed(error) => (None, error),
    };
    if failed.is_none() {
        tracing::warn!(queue = binding.queue.name(), messages = batch.len(), error = %error, "event failed");
    }
    for received in &batch {
        let handled = failed.as_ref().is_some_and(|failed| !failed.contains(&received.stored.id));
        if handled && fault == Some(Fault::Duplicate) {
            binding.queue.change_visibility(&received.receipt_handle, chrono::TimeDelta::zero()).await?;
            report.returned += 1;
        } else if handled {
            binding.queue.ack(&received.receipt_handle).await?;
            report.handled += 1;
        } else if received.stored.receive_count >= binding.max_receive_count {
            dead_letter(binding, received, &error).await?;
            report.dead_lettered += 1;
        } else {
            binding.queue.change_visibility(&received.receipt_handle, binding.retry_delay).await?;
            report.returned += 1;
        }
    }
    Ok(())
}

/// Moves a message to the dead letter queue: body, group and attributes kept, the cause added. Sent first, then removed: a
/// crash in between leaves it in both, never in none.
async fn dead_letter(binding: &Binding, received: &Received, error: &FunctionError) -> Result<()> {
    let mut message: Message = received.stored.message.clone();
    // Another message with this id may have been a dead letter a minute ago; this one must not be swallowed.
    message.deduplication_id = None;
    let text = error.error_message.chars().take(MAX_ERROR_MESSAGE_CHARS).collect();
    message.attributes.insert("error_code".into(), error.error_type.clone());
    message.attributes.insert("error_message".into(), text);
    binding.dead_letters.send_again(message).await.context("moving a dead letter")?;
    tracing::error!(queue = binding.queue.name(), message = received.stored.id, error = %error, "dead letter");
    binding.queue.ack(&received.receipt_handle).await
}

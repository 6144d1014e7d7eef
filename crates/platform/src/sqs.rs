//! An SQS batch, one message at a time. Each message succeeds, is retried or is a dead letter on its own: a batch never
//! fails as a whole for one message's sake.

use std::collections::HashMap;
use std::future::Future;

use quotelake_core::ports::{Message, Queue};
use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The event that SQS hands to a function: the fields that are used, none of them optional, so that a message without an
/// id is an error instead of an empty id that would fail the whole batch.
#[derive(Debug, Deserialize)]
pub struct SqsEvent {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<SqsMessage>,
}

/// One message.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// Names the message in a batch response.
    pub message_id: String,
    /// The text that was sent.
    pub body: String,
    /// Counters and stamps that SQS adds.
    #[serde(default)]
    pub attributes: HashMap<String, String>,
}

impl SqsMessage {
    /// Names this delivery of this message: a redelivery has another.
    pub fn delivery_id(&self) -> String {
        let count = self.attributes.get("ApproximateReceiveCount").map_or("1", String::as_str);
        format!("{}-{count}", self.message_id)
    }
}

/// The answer: which messages are to be delivered again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsBatchResponse {
    /// The messages that failed and may succeed later.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One message that failed.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// [`SqsMessage::message_id`].
    pub item_identifier: String,
}

/// Handles each message of a batch in order.
///
/// Poison or retry is decided here: an error whose kind is retryable leaves the message on the queue; any other sends it to
/// `dead_letters` at once, with `error_code` and `error_message`, instead of after five more useless deliveries. If the
/// dead letter cannot be sent, the message stays on the queue: it is never dropped. On a FIFO queue everything behind a
/// failed message of the same batch is handed back untried, so that order is kept.
pub async fn each_message<F, Fut>(
    event: SqsEvent,
    fifo: bool,
    dead_letters: &dyn Queue,
    mut handle: F,
) -> SqsBatchResponse
where
    F: FnMut(SqsMessage) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut response = SqsBatchResponse::default();
    let mut blocked = false;
    for message in event.records {
        let id = message.message_id.clone();
        let failed = blocked
            || {
                let body = message.body.clone();
                match handle(message).await {
                    Ok(()) => false,
                    Err(error) if error.kind().is_retryable() => {
                        tracing::warn!(message_id = id, error = %error, "message will be retried");
                        true
                    }
                    Err(error) => match dead_letters.send(dead_letter(body, &error)).await {
                        Ok(()) => {
                            tracing::error!(message_id = id, error_code = error.kind().code(), error = %error, "message is a dead letter");
                            false
                        }
                        Err(unsent) => {
                            tracing::error!(message_id = id, error = %error, unsent = %unsent, "dead letter cannot be sent, message stays");
                            true
                        }
                    },
                }
            };
        if failed {
            blocked = fifo;
            response.batch_item_failures.push(BatchItemFailure { item_identifier: id });
        }
    }
    response
}

/// A message that no retry can help, with the reason beside its untouched body.
pub fn dead_letter(body: String, error: &Error) -> Message {
    let attributes = [("error_code", error.kind().code().to_owned()), ("error_message", error.to_string())];
    Message {
        body,
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Message::default()
    }
}

//! An SQS batch, one message at a time. Each message succeeds, is retried or is a dead letter on its own: a batch never
//! fails as a whole for one message's sake.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::Duration;

use quotelake_core::ports::{Message, Queue};
use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::Instrument as _;

/// The attribute in which the id of a run travels beside a message.
pub const CORRELATION_ID: &str = "correlation_id";

/// Runs that one message names.
const MAX_CORRELATIONS: usize = 10;

/// No message but the first of a batch is begun with less time left than this...
const LEAST_TIME_LEFT: Duration = Duration::from_secs(3);
/// ...or than this many times what the slowest one of the batch took.
const SLOWEST_TIMES: u32 = 2;
/// Bytes of an error's text that travel with a dead letter: a vendor's words can be long, and a message is not to outgrow its queue.
const MAX_ERROR_TEXT: usize = 4096;

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
    /// What was sent beside the text.
    #[serde(default)]
    pub message_attributes: HashMap<String, SqsAttribute>,
}

/// A value that was sent beside the text; those that are no text have none here.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsAttribute {
    /// The text.
    #[serde(default)]
    pub string_value: Option<String>,
}

impl SqsMessage {
    /// The group of a message of a FIFO queue.
    fn group(&self) -> Option<String> {
        self.attributes.get("MessageGroupId").cloned()
    }

    /// The run that led to this message, as far as its sender knew.
    pub fn correlation_id(&self) -> Option<&str> {
        self.message_attributes.get(CORRELATION_ID)?.string_value.as_deref()
    }

    /// Names this delivery of this message: a redelivery has another. See [`retries`].
    pub fn delivery_id(&self) -> String {
        let count = self.attributes.get("ApproximateReceiveCount").map_or("1", String::as_str);
        format!("{}-{count}", self.message_id)
    }
}

/// Deliveries of the same message before the one that [`SqsMessage::delivery_id`] names; 0 for what no queue delivered.
pub fn retries(delivery_id: &str) -> u64 {
    let count = delivery_id.rsplit_once('-').and_then(|(_, count)| count.parse::<u64>().ok());
    count.map_or(0, |count| count.saturating_sub(1))
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
///
/// With `time_left`, messages that would probably not end in time are handed back untried as well. The first one is always tried:
/// else a message that takes long would never be handled.
pub async fn each_message<F, Fut>(
    event: SqsEvent,
    fifo: bool,
    time_left: Option<Duration>,
    dead_letters: &dyn Queue,
    mut handle: F,
) -> SqsBatchResponse
where
    F: FnMut(SqsMessage) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut response = SqsBatchResponse::default();
    let mut pace = Pace::new(time_left);
    let mut blocked = false;
    for message in event.records {
        let id = message.message_id.clone();
        let failed = if blocked || !pace.may_begin() {
            tracing::warn!(message_id = id, "message is handed back untried");
            true
        } else {
            let span = tracing::info_span!(
                "message",
                message_id = id,
                correlation_id = message.correlation_id().map(tracing::field::display)
            );
            let letter = Letter::of(&message);
            let handled = handle(message);
            let failed = async { settle(handled.await, letter, dead_letters).await }.instrument(span).await;
            pace.ended();
            failed
        };
        if failed {
            blocked |= fifo;
            response.batch_item_failures.push(BatchItemFailure { item_identifier: id });
        }
    }
    response
}

/// How long messages take, against the time that is left.
struct Pace {
    deadline: Option<Instant>,
    last: Instant,
    slowest: Option<Duration>,
}

impl Pace {
    fn new(time_left: Option<Duration>) -> Self {
        let now = Instant::now();
        // A deadline further off than the clock can tell is none.
        Self { deadline: time_left.and_then(|left| now.checked_add(left)), last: now, slowest: None }
    }

    fn may_begin(&self) -> bool {
        let (Some(deadline), Some(slowest)) = (self.deadline, self.slowest) else { return true };
        deadline.saturating_duration_since(Instant::now()) >= (slowest * SLOWEST_TIMES).max(LEAST_TIME_LEFT)
    }

    fn ended(&mut self) {
        let now = Instant::now();
        self.slowest = self.slowest.max(Some(now.duration_since(self.last)));
        self.last = now;
    }
}

/// What of a message its dead letter keeps.
struct Letter {
    body: String,
    group: Option<String>,
    attributes: BTreeMap<String, String>,
}

impl Letter {
    fn of(message: &SqsMessage) -> Self {
        let id = message.correlation_id().map(|id| (CORRELATION_ID.to_owned(), id.to_owned()));
        Self { body: message.body.clone(), group: message.group(), attributes: id.into_iter().collect() }
    }
}

/// Whether the message is to be delivered again.
async fn settle(handled: Result<()>, letter: Letter, dead_letters: &dyn Queue) -> bool {
    let error = match handled {
        Ok(()) => return false,
        Err(error) if error.kind().is_retryable() => {
            tracing::warn!(error = %error, "message will be retried");
            return true;
        }
        Err(error) => error,
    };
    let mut message = Message { group: letter.group, ..dead_letter(letter.body, &error) };
    message.attributes.extend(letter.attributes);
    match dead_letters.send(message).await {
        Ok(()) => {
            tracing::error!(error_code = error.kind().code(), error = %error, "message is a dead letter");
            tracing::info!(target: "quotelake::metrics", dead_letters = 1_u64);
            false
        }
        Err(unsent) => {
            tracing::error!(error = %error, unsent = %unsent, "dead letter cannot be sent, message stays");
            true
        }
    }
}

/// The attribute that names the runs which led to a message; none where none is known. Of very many the first stand for all.
pub fn correlation<'a>(run_ids: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    let ids = run_ids.into_iter().take(MAX_CORRELATIONS).collect::<Vec<_>>().join(",");
    if ids.is_empty() { BTreeMap::new() } else { BTreeMap::from([(CORRELATION_ID.to_owned(), ids)]) }
}

/// A message that no retry can help, with the reason beside its untouched body.
pub fn dead_letter(body: String, error: &Error) -> Message {
    let attributes = [
        ("error_code", error.kind().code().to_owned()),
        ("error_message", attribute_text(&error.to_string())),
    ];
    Message {
        body,
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Message::default()
    }
}

/// A text that may travel beside a message: cut, and without the control characters that SQS refuses.
pub fn attribute_text(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_ERROR_TEXT)];
    text.chars()
        .map(|c| if c.is_control() && !matches!(c, '\t' | '\n' | '\r') { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;

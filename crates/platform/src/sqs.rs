//! An SQS batch, one message at a time. Each message succeeds, is retried or is a dead letter on its own: a batch never
//! fails as a whole for one message's sake.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::Duration;

use quotelake_core::ports::{HandBack, Message, Queue};
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
/// How long a message that failed for the first time waits at least; every further wait is so many times longer...
const FIRST_WAIT_SECONDS: u32 = 30;
/// ...as this, up to 32 minutes. Between five receives are four waits of 42 minutes together: an outage of half an hour costs no
/// message. After the fifth it waits once more, and then is a dead letter of its queue.
const WAIT_GROWTH: u32 = 4;
const LONGEST_OWN_WAIT_SECONDS: u32 = 32 * 60;
/// The longest wait. A message may stay hidden for 12 hours of its receive, of which the invocation took a part:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>.
const LONGEST_WAIT_SECONDS: u32 = 11 * 3600;

/// Bytes of an error's text that travel with a dead letter: a vendor's words can be long, and a message is not to outgrow its queue.
const MAX_ERROR_TEXT: usize = 4096;

/// The event that SQS hands to a function: the fields that are used, none of them optional, so that a message without an
/// id is an error instead of an empty id that would fail the whole batch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SqsEvent {
    /// The messages.
    #[serde(rename = "Records")]
    pub records: Vec<SqsMessage>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// Names the message in a batch response.
    pub message_id: String,
    /// Names this receive of it to its queue.
    #[serde(default)]
    pub receipt_handle: Option<String>,
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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

    /// How often it was received, this time included.
    fn receives(&self) -> u32 {
        self.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1)
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

/// The queue that a batch came from, and where its messages may go.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Messages of one group are handled in order.
    pub fifo: bool,
    /// Takes messages that no retry can help.
    pub dead_letters: &'a dyn Queue,
    /// Takes back the others. Without it they come again when the time is over for which the queue hides them.
    pub hand_back: Option<&'a dyn HandBack>,
}

/// Handles each message of a batch in order.
///
/// Poison or retry is decided here: an error whose kind is retryable leaves the message on the queue; any other sends it to
/// [`Origin::dead_letters`] at once, with `error_code` and `error_message`, instead of after five more useless deliveries. If the
/// dead letter cannot be sent, the message stays on the queue: it is never dropped. On a FIFO queue everything of the same group
/// behind a failed message of the batch is handed back untried, so that order is kept; other groups go on.
///
/// What stays is handed back with a delay, see [`wait_seconds`], those behind it in its group with the same: a group is only
/// delivered when none of it is in hand.
///
/// With `time_left`, messages that would probably not end in time are handed back untried as well, to be delivered at once. The
/// first one is always tried: else a message that takes long would never be handled.
pub async fn each_message<F, Fut>(
    event: SqsEvent,
    origin: Origin<'_>,
    time_left: Option<Duration>,
    mut handle: F,
) -> SqsBatchResponse
where
    F: FnMut(SqsMessage) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut left = Vec::new();
    let mut pace = Pace::new(time_left);
    // Groups with a message that failed, and how long it waits.
    let mut blocked: HashMap<Option<String>, u32> = HashMap::new();
    for message in event.records {
        let (id, receipt, group) =
            (message.message_id.clone(), message.receipt_handle.clone(), message.group());
        let wait = if let Some(wait) = blocked.get(&group) {
            tracing::warn!(message_id = id, "message is handed back untried: one before it failed");
            Some(*wait)
        } else if !pace.may_begin() {
            tracing::warn!(message_id = id, "message is handed back untried: no time is left for it");
            Some(0)
        } else {
            let span = tracing::info_span!(
                "message",
                message_id = id,
                correlation_id = message.correlation_id().map(tracing::field::display)
            );
            let letter = Letter::of(&message);
            let handled = handle(message);
            let wait =
                async { settle(handled.await, letter, origin.dead_letters).await }.instrument(span).await;
            pace.ended();
            wait
        };
        let Some(wait) = wait else { continue };
        if origin.fifo {
            blocked.insert(group, wait);
        }
        left.push((id, receipt, wait));
    }
    for (id, receipt, wait) in &left {
        let (Some(queue), Some(receipt)) = (origin.hand_back, receipt) else { continue };
        if let Err(error) = queue.hand_back(receipt, *wait).await {
            tracing::warn!(message_id = id, error = %error, "message cannot be handed back and stays hidden for longer");
        }
    }
    let batch_item_failures =
        left.into_iter().map(|(item_identifier, ..)| BatchItemFailure { item_identifier }).collect();
    SqsBatchResponse { batch_item_failures }
}

/// The seconds after which a message that failed is delivered again: what the other side asked for, and at least half a minute, two
/// minutes, eight, 32, by how often it was received.
///
/// ```
/// use quotelake_core::Error;
/// use quotelake_platform::sqs::wait_seconds;
/// let busy = Error::unavailable("the lake is away");
/// assert_eq!((1..=5).map(|receives| wait_seconds(&busy, receives)).sum::<u32>(), 30 + 120 + 480 + 1920 + 1920);
/// let asked = busy.with_retry_after(std::time::Duration::from_millis(90_500));
/// assert_eq!((wait_seconds(&asked, 1), wait_seconds(&asked, 2)), (91, 120));
/// ```
pub fn wait_seconds(error: &Error, receives: u32) -> u32 {
    let own = FIRST_WAIT_SECONDS.saturating_mul(WAIT_GROWTH.saturating_pow(receives.saturating_sub(1)));
    let own = own.min(LONGEST_OWN_WAIT_SECONDS);
    let asked = error.retry_after().map_or(0, |after| after.as_millis().div_ceil(1000));
    own.max(u32::try_from(asked).unwrap_or(u32::MAX)).min(LONGEST_WAIT_SECONDS)
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
    receives: u32,
    group: Option<String>,
    attributes: BTreeMap<String, String>,
}

impl Letter {
    fn of(message: &SqsMessage) -> Self {
        let id = message.correlation_id().map(|id| (CORRELATION_ID.to_owned(), id.to_owned()));
        Self {
            body: message.body.clone(),
            receives: message.receives(),
            group: message.group(),
            attributes: id.into_iter().collect(),
        }
    }
}

/// The seconds after which the message is to be delivered again; none where it is done with.
async fn settle(handled: Result<()>, letter: Letter, dead_letters: &dyn Queue) -> Option<u32> {
    let error = match handled {
        Ok(()) => return None,
        Err(error) if error.kind().is_retryable() => {
            let wait = wait_seconds(&error, letter.receives);
            tracing::warn!(error = %error, wait_s = wait, "message will be retried");
            return Some(wait);
        }
        Err(error) => error,
    };
    let mut message = Message { group: letter.group, ..dead_letter(letter.body, &error) };
    message.attributes.extend(letter.attributes);
    match dead_letters.send(message).await {
        Ok(()) => {
            tracing::error!(error_code = error.kind().code(), error = %error, "message is a dead letter");
            tracing::info!(target: "quotelake::metrics", dead_letters = 1_u64);
            None
        }
        Err(unsent) => {
            tracing::error!(error = %error, unsent = %unsent, "dead letter cannot be sent, message stays");
            Some(wait_seconds(&unsent, letter.receives))
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

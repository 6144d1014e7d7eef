//! A message as a folder queue stores it (its file's JSON), and as a receive hands it out with a handle for the answer.

use chrono::{DateTime, Utc};
use quotelake_core::ports::Message;
use serde::{Deserialize, Serialize};

/// A message as it lies in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The queue's name for it, unique in the queue.
    pub id: String,
    /// Its place in the order of sending.
    pub sequence: u64,
    /// Body, group and attributes, as sent.
    #[serde(flatten)]
    pub message: Message,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// How often it was received.
    pub receive_count: u32,
    /// When it was first received.
    pub first_received_at: Option<DateTime<Utc>>,
    /// Sent with a delay: it is not delivered before this instant.
    #[serde(default)]
    pub not_before: Option<DateTime<Utc>>,
    /// Received and neither acknowledged nor given back: it is hidden until this instant.
    pub hidden_until: Option<DateTime<Utc>>,
}

impl StoredMessage {
    /// Whether a receive at `now` may not hand it out.
    pub fn is_hidden(&self, now: DateTime<Utc>) -> bool {
        self.hidden_until.is_some_and(|until| now < until) || self.not_before.is_some_and(|from| now < from)
    }

    /// The attribute that a dead letter names its cause in.
    pub fn error_code(&self) -> Option<&str> {
        self.message.attributes.get("error_code").map(String::as_str)
    }
}

/// A message that was handed out, and the handle to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message, this receive counted.
    pub stored: StoredMessage,
    /// Names this one receive: an answer with the handle of an earlier receive does nothing.
    pub receipt_handle: String,
}

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
    /// Whether a receive at `now` may not hand it out. A delay counts from the sending: where that lies ahead, the clock was ahead then,
    /// and the message is not kept back until that date comes.
    pub fn is_hidden(&self, now: DateTime<Utc>) -> bool {
        let waits = self.not_before.is_some_and(|from| now < from) && self.sent_at <= now;
        waits || self.hidden_until.is_some_and(|until| now < until)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_of_a_clock_that_was_ahead_holds_nothing_back() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let sent = |sent: &str, from: &str| StoredMessage {
            id: "1".to_owned(),
            sequence: 1,
            message: Message::default(),
            sent_at: at(sent),
            receive_count: 0,
            first_received_at: None,
            not_before: Some(at(from)),
            hidden_until: None,
        };
        let now = at("2026-03-02T12:00:00Z");
        assert!(sent("2026-03-02T11:59:00Z", "2026-03-02T12:14:00Z").is_hidden(now));
        assert!(!sent("2026-03-02T11:40:00Z", "2026-03-02T11:55:00Z").is_hidden(now));
        assert!(!sent("2027-04-06T12:00:00Z", "2027-04-06T12:15:00Z").is_hidden(now), "the clock was ahead");
    }
}

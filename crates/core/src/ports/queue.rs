//! The ports for messages: [`Queue`] sends one, [`HandBack`] makes a received one visible again after a chosen time. Nothing
//! here receives: on AWS Lambda's event source mapping does, on a laptop the event fabric.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The text, usually one JSON document.
    pub body: String,
    /// FIFO queues: messages of one group are handled one at a time, in order.
    pub group: Option<String>,
    /// FIFO queues: a second message with the same id within the service's window (5 minutes) is swallowed.
    pub deduplication_id: Option<String>,
    /// Standard queues: the message is delivered no earlier than this many seconds after it was sent, at most 900.
    #[serde(default)]
    pub delay_seconds: u32,
    /// Text attributes that travel beside the body, e.g. `error_code` of a dead letter.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// Sends messages. Receiving is the event source's work, not the port's.
#[async_trait]
pub trait Queue: fmt::Debug + Send + Sync {
    /// Enqueues the message; on `Ok` it will be delivered at least once.
    async fn send(&self, message: Message) -> Result<()>;
}

/// Gives back messages that were received and are in hand.
#[async_trait]
pub trait HandBack: fmt::Debug + Send + Sync {
    /// The message of this receive is delivered again after so many seconds, 0 is at once, instead of at the end of the time for which
    /// it was hidden. At most 43,200, which is 12 hours. Does nothing for a message that was handled, or was received again since.
    async fn hand_back(&self, receipt_handle: &str, after_seconds: u32) -> Result<()>;
}

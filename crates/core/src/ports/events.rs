//! The port for news: facts for programs in EventBridge's shape (source, detail type, detail), messages for people.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// A fact that others may act on, in EventBridge's terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Who says it, e.g. `quotelake.check`.
    pub source: String,
    /// What kind of fact, e.g. `Data Quality Evaluation Results Available`.
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    /// The fact itself, a JSON object.
    pub detail: serde_json::Value,
}

/// Publishes events and notifies people.
#[async_trait]
pub trait Events: fmt::Debug + Send + Sync {
    /// Publishes one event; on `Ok` every subscriber gets it at least once.
    async fn publish(&self, event: Event) -> Result<()>;

    /// Sends a person a message (an email, or a log line on a laptop).
    async fn notify(&self, subject: &str, text: &str) -> Result<()>;
}

//! What the check function may use.

use std::sync::Arc;

use quotelake_core::Contracts;
use quotelake_core::ports::{Clock, Events, Lake, Queue};

/// What the check function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads `landing/`.
    pub landing: Arc<dyn Lake>,
    /// Writes `quarantine/`, `staged/` and `quality/`.
    pub lake: Arc<dyn Lake>,
    /// Takes publish requests, one group per dataset.
    pub publish_queue: Arc<dyn Queue>,
    /// Takes messages that no retry can help.
    pub dead_letters: Arc<dyn Queue>,
    /// Tells how a check ended.
    pub events: Arc<dyn Events>,
    /// The datasets it knows.
    pub contracts: Contracts,
    /// `now()` in rules, and the result document's instants.
    pub clock: Arc<dyn Clock>,
}

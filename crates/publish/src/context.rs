//! What the publish function may use.

use std::sync::Arc;

use quotelake_core::Contracts;
use quotelake_core::ports::{Catalog, Events, Lake, Queue};

/// What the publish function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads and deletes `staged/`, reads and writes `bronze/`.
    pub lake: Arc<dyn Lake>,
    /// Adds partitions.
    pub catalog: Arc<dyn Catalog>,
    /// Tells that a partition was published.
    pub events: Arc<dyn Events>,
    /// Takes requests and staged objects that no retry can help.
    pub dead_letters: Arc<dyn Queue>,
    /// The datasets it knows.
    pub contracts: Contracts,
}

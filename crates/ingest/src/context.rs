//! What the ingest function may use.

use std::sync::Arc;

use quotelake_core::Contracts;
use quotelake_core::ports::Lake;

/// What the ingest function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads `inbox/`.
    pub inbox: Arc<dyn Lake>,
    /// Writes `landing/`.
    pub lake: Arc<dyn Lake>,
    /// The datasets it knows.
    pub contracts: Contracts,
}

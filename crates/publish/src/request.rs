//! What is asked of the function.

use serde::{Deserialize, Serialize};

/// The body of a message on the publish queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishRequest {
    /// The dataset whose staged rows are to be published.
    pub dataset: String,
}

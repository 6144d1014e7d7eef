use std::collections::BTreeMap;
use std::sync::Arc;

use quotelake_core::ports::{Clock, Queue, RecordStream, Secrets};
use quotelake_sources::Sources;
use quotelake_sources::http::{Http, Options};

use crate::Watchlists;

/// Runs that may fail on a unit, one after the other and without a page, before it is a dead letter.
pub const DEFAULT_MAX_ATTEMPTS: u32 = 5;

/// What the function may use.
#[derive(Debug, Clone)]
pub struct Context {
    /// Takes the envelopes.
    pub stream: Arc<dyn RecordStream>,
    /// Takes units that will fail again, each with its reason.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes units that can succeed later, and invokes this function with them. Without one they stay in the report.
    pub units: Option<Arc<dyn Queue>>,
    /// Holds the vendors' keys.
    pub secrets: Arc<dyn Secrets>,
    /// Stamps answers and run ids.
    pub clock: Arc<dyn Clock>,
    /// The way to the vendors.
    pub http: Arc<dyn Http>,
    /// The vendors.
    pub sources: Sources,
    /// How to ask each source, by its name; one without an entry is asked by the defaults, without a key.
    pub options: BTreeMap<String, Options>,
    /// The watchlists that a request may name.
    pub watchlists: Watchlists,
    /// See [`DEFAULT_MAX_ATTEMPTS`].
    pub max_attempts: u32,
}

impl Context {
    /// How to ask a source.
    pub fn options_of(&self, source: &str) -> Options {
        self.options.get(source).cloned().unwrap_or_default()
    }
}

//! What the check function may use.

use std::sync::Arc;

use quotelake_contract::{Contracts, QualityTables};
use quotelake_core::Result;
use quotelake_core::ports::{Clock, Events, HandBack, Lake, Queue};
use quotelake_platform::connect;
use quotelake_platform::contracts::ContractCache;
use quotelake_platform::settings::Settings;

/// What the check function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads `landing/`.
    pub landing: Arc<dyn Lake>,
    /// Reads and writes `quality/`, writes `quarantine/` and `staged/`, reads published tables.
    pub lake: Arc<dyn Lake>,
    /// Takes publish requests, one group per dataset.
    pub publish_queue: Arc<dyn Queue>,
    /// Takes messages that no retry can help.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes back messages that may succeed later. Without it they come again when the time is over for which their queue hides them.
    pub hand_back: Option<Arc<dyn HandBack>>,
    /// The queue that this function is invoked by: a sweep asks there for objects that nobody asked for. Without it there is no sweep.
    pub own_queue: Option<Arc<dyn Queue>>,
    /// Tells how a check ended.
    pub events: Arc<dyn Events>,
    /// The datasets it knows.
    pub contracts: Contracts,
    /// Looks for newer ones where a row names a dataset that is not known. Without it they are as they are.
    pub kept: Option<Arc<ContractCache>>,
    /// The tables that it writes about its own work.
    pub quality_tables: QualityTables,
    /// `now()` in rules, and the result document's instants.
    pub clock: Arc<dyn Clock>,
}

impl Context {
    /// Reads the settings and connects the ports. `Config` names every setting that is missing. Asks nothing of the ports: the lake's
    /// own contracts are read with each invocation, see [`quotelake_platform::contracts::ContractCache`].
    pub async fn connect(settings: &Settings) -> Result<Self> {
        settings.require(&["LAKE_URI", "PUBLISH_QUEUE_URI", "DEAD_LETTER_QUEUE_URI", "EVENTS_URI"])?;
        let lake = connect::lake(settings).await?;
        Ok(Self {
            landing: Arc::clone(&lake),
            contracts: Contracts::built_in()?,
            kept: None,
            quality_tables: QualityTables::built_in()?,
            lake,
            publish_queue: connect::queue(settings, "PUBLISH_QUEUE_URI").await?,
            dead_letters: connect::queue(settings, "DEAD_LETTER_QUEUE_URI").await?,
            hand_back: connect::hand_back(settings, "OWN_QUEUE_URI").await?,
            own_queue: match settings.optional("OWN_QUEUE_URI") {
                Some(_) => Some(connect::queue(settings, "OWN_QUEUE_URI").await?),
                None => None,
            },
            events: connect::events(settings).await?,
            clock: connect::clock(),
        })
    }
}

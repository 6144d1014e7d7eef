//! What the publish function may use.

use std::sync::Arc;

use quotelake_contract::Contracts;
use quotelake_core::Result;
use quotelake_core::ports::{Catalog, Events, HandBack, Lake, Queue};
use quotelake_platform::connect;
use quotelake_platform::freshness::Freshness;
use quotelake_platform::settings::Settings;

/// What the publish function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads and deletes `staged/`, reads and writes published tables, `state/keys/` and `state/contracts/`, writes
    /// `undelivered/` and `state/published/`.
    pub lake: Arc<dyn Lake>,
    /// Adds partitions.
    pub catalog: Arc<dyn Catalog>,
    /// Tells that a partition was published.
    pub events: Arc<dyn Events>,
    /// Takes every change of a partition, one group per table, for anyone who follows them. Without it there is the event alone.
    pub changes: Option<Arc<dyn Queue>>,
    /// Takes requests and staged objects that no retry can help.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes back messages that may succeed later. Without it they come again when the time is over for which their queue hides them.
    pub hand_back: Option<Arc<dyn HandBack>>,
    /// The datasets it knows.
    pub contracts: Contracts,
    /// Keeps when each dataset was published, for the metric that `fetch` makes of it; a laptop has no metrics.
    pub freshness: Option<Freshness>,
    /// Partitions that are merged at the same time; each holds its rows in memory.
    pub parallelism: usize,
}

impl Context {
    /// Reads the settings and connects the ports. `Config` names every setting that is missing. Asks nothing of the ports: the lake's
    /// own contracts are read with each invocation, see [`quotelake_platform::contracts::ContractCache`].
    pub async fn connect(settings: &Settings) -> Result<Self> {
        settings.require(&["LAKE_URI", "CATALOG_URI", "EVENTS_URI", "DEAD_LETTER_QUEUE_URI"])?;
        let lake = connect::lake(settings).await?;
        Ok(Self {
            contracts: Contracts::built_in()?,
            freshness: Some(Freshness::new(lake.clone(), connect::clock())),
            lake,
            catalog: connect::catalog(settings).await?,
            events: connect::events(settings).await?,
            changes: match settings.optional("CHANGES_QUEUE_URI") {
                Some(_) => Some(connect::queue(settings, "CHANGES_QUEUE_URI").await?),
                None => None,
            },
            dead_letters: connect::queue(settings, "DEAD_LETTER_QUEUE_URI").await?,
            hand_back: connect::hand_back(settings, "OWN_QUEUE_URI").await?,
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }
}

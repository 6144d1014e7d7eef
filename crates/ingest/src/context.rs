//! What the ingest function may use.

use std::sync::Arc;

use quotelake_contract::Contracts;
use quotelake_core::Result;
use quotelake_core::ports::{Clock, Events, HandBack, Lake, Queue};
use quotelake_platform::connect;
use quotelake_platform::settings::Settings;

/// What the ingest function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads `inbox/`.
    pub inbox: Arc<dyn Lake>,
    /// Writes `landing/` and `ingested/`.
    pub lake: Arc<dyn Lake>,
    /// Takes messages that no retry can help: files that were rejected.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes back messages that may succeed later. Without it they come again when the time is over for which their queue hides them.
    pub hand_back: Option<Arc<dyn HandBack>>,
    /// Tells what became of a file.
    pub events: Arc<dyn Events>,
    /// The datasets it knows.
    pub contracts: Contracts,
    /// Stamps receipts, and says which day it is.
    pub clock: Arc<dyn Clock>,
}

impl Context {
    /// Reads the settings and connects the ports. `Config` names every setting that is missing. Asks nothing of
    /// the ports: the lake's own contracts are read with each invocation, see [`quotelake_platform::contracts::ContractCache`].
    pub async fn connect(settings: &Settings) -> Result<Self> {
        settings.require(&["LAKE_URI", "DEAD_LETTER_QUEUE_URI", "EVENTS_URI"])?;
        let lake = connect::lake(settings).await?;
        Ok(Self {
            inbox: Arc::clone(&lake),
            contracts: Contracts::built_in()?,
            lake,
            dead_letters: connect::queue(settings, "DEAD_LETTER_QUEUE_URI").await?,
            hand_back: connect::hand_back(settings, "OWN_QUEUE_URI").await?,
            events: connect::events(settings).await?,
            clock: connect::clock(),
        })
    }
}

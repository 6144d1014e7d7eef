//! What the refine function may use.

use std::sync::Arc;

use quotelake_contract::{Contracts, QualityTables};
use quotelake_core::Result;
use quotelake_core::ports::{Catalog, Clock, Events, HandBack, Lake, Queue};
use quotelake_platform::connect;
use quotelake_platform::settings::Settings;

use crate::built_in;
use crate::engine::Engine;
use crate::native::{self, Natives};
use crate::ports::Ports;

/// What the refine function may use: its policy, as types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Reads published tables and `models/`, writes those of models, `quality/`, `quarantine/`, `runs/` and `state/refine/`.
    pub lake: Arc<dyn Lake>,
    /// Adds partitions.
    pub catalog: Arc<dyn Catalog>,
    /// Tells how a check ended, and that a partition was published.
    pub events: Arc<dyn Events>,
    /// The queue that this function is invoked by, where no bus hands it the news of what it published itself: models that read models
    /// follow by it.
    pub changes: Option<Arc<dyn Queue>>,
    /// Takes models that failed, with what was to be computed, and messages that are none.
    pub dead_letters: Arc<dyn Queue>,
    /// Takes back messages that may succeed later. Without it they come again when the time is over for which their queue hides them.
    pub hand_back: Option<Arc<dyn HandBack>>,
    /// The datasets and models that it knows.
    pub contracts: Contracts,
    /// The tables that a check writes.
    pub quality_tables: QualityTables,
    /// `now()` in rules, and the result document's instants.
    pub clock: Arc<dyn Clock>,
    /// Computes models in SQL.
    pub engine: &'static dyn Engine,
    /// The models that are code.
    pub natives: Natives,
    /// Partitions that are encoded at the same time; each holds its rows in memory.
    pub parallelism: usize,
}

impl Context {
    /// Reads the settings and connects the ports. `Config` names every setting that is missing. Asks nothing of the ports: the lake's
    /// own contracts are read with each invocation, see [`quotelake_platform::contracts::ContractCache`].
    pub async fn connect(settings: &Settings) -> Result<Self> {
        settings.require(&["LAKE_URI", "CATALOG_URI", "EVENTS_URI", "DEAD_LETTER_QUEUE_URI"])?;
        Ok(Self {
            lake: connect::lake(settings).await?,
            catalog: connect::catalog(settings).await?,
            events: connect::events(settings).await?,
            changes: None,
            dead_letters: connect::queue(settings, "DEAD_LETTER_QUEUE_URI").await?,
            hand_back: connect::hand_back(settings, "OWN_QUEUE_URI").await?,
            contracts: Contracts::built_in()?,
            quality_tables: QualityTables::built_in()?,
            clock: connect::clock(),
            engine: engine(settings)?,
            natives: native::named,
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
        })
    }

    /// What computing a model needs of it.
    pub fn ports(&self) -> Ports<'_> {
        Ports {
            lake: self.lake.as_ref(),
            catalog: self.catalog.as_ref(),
            events: self.events.as_ref(),
            changes: self.changes.as_deref(),
            contracts: &self.contracts,
            quality_tables: &self.quality_tables,
            engine: self.engine,
            clock: self.clock.as_ref(),
            parallelism: self.parallelism,
        }
    }
}

/// The engine, within the memory that Lambda says the function has.
fn engine(settings: &Settings) -> Result<&'static dyn Engine> {
    let mebibytes =
        settings.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?.and_then(|size| usize::try_from(size).ok());
    Ok(mebibytes.map_or_else(built_in::engine, |size| built_in::engine_within(size << 20)))
}

//! What computing models may use.

use quotelake_check::Recorder;
use quotelake_contract::{Contracts, QualityTables};
use quotelake_core::ports::{Catalog, Clock, Events, Lake, Queue};

use crate::engine::Engine;
use crate::tables::Tables;

/// What computing models needs.
#[derive(Debug, Clone, Copy)]
pub struct Ports<'a> {
    /// Reads published tables and writes those of models, `quality/`, `quarantine/`, `runs/` and `state/refine/`.
    pub lake: &'a dyn Lake,
    /// Adds partitions.
    pub catalog: &'a dyn Catalog,
    /// Tells how a check ended, and that a partition was published.
    pub events: &'a dyn Events,
    /// Takes every change of a partition, for the models that read it, where no bus hands on the event.
    pub changes: Option<&'a dyn Queue>,
    /// The datasets and models.
    pub contracts: &'a Contracts,
    /// The tables that a check writes.
    pub quality_tables: &'a QualityTables,
    /// Computes models in SQL.
    pub engine: &'a dyn Engine,
    /// `now()` in rules.
    pub clock: &'a dyn Clock,
    /// Partitions that are encoded at the same time; each holds its rows in memory.
    pub parallelism: usize,
}

impl<'a> Ports<'a> {
    /// The tables, for reading.
    pub fn tables(&self) -> Tables<'a> {
        Tables::new(self.lake, self.contracts)
    }

    pub(crate) fn recorder(&self) -> Recorder<'a> {
        Recorder { lake: self.lake, events: self.events, quality_tables: self.quality_tables }
    }
}

//! One file per command: what it does with the library, and what it prints.

pub mod backfill;
pub mod catalog;
pub mod check;
pub mod compact;
pub mod completions;
pub mod contract;
pub mod cost;
pub mod demo;
pub mod dlq;
pub mod doctor;
pub mod export;
pub mod gaps;
pub mod generate;
pub mod inbox;
pub mod load;
pub mod migrate;
pub mod models;
pub mod models_enable;
pub mod models_lint;
pub mod models_test;
pub mod price_files;
pub mod profiles;
pub mod quarantine;
pub mod query;
pub mod rebuild;
pub mod rebuild_contract;
pub mod rebuild_partition;
pub mod refine;
pub mod repair;
pub mod report;
pub mod rules;
pub mod rules_suggest;
pub mod rules_test;
pub mod run;
pub mod status;
pub mod suggest_history;
pub mod verify;
pub mod warnings;

use std::path::Path;
use std::sync::Arc;

use quotelake_core::{Error, Result};
use quotelake_local::SystemClock;

use crate::laptop::Laptop;

/// Opens a lake that must be there already.
async fn open_existing(root: &Path) -> Result<Laptop> {
    if !root.is_dir() {
        return Err(Error::not_found(format!(
            "there is no lake in {}; make one with `quotelake demo`, `run` or `load`, or name another with --lake",
            root.display()
        )));
    }
    Laptop::open(root, Arc::new(SystemClock)).await
}

//! Models that are code of this program: what SQL cannot do exactly, or not without a float.

mod adjustment;
mod daily_stats;
mod excerpts;
mod sessions;

use std::fmt;

use async_trait::async_trait;
use futures::stream::BoxStream;
use quotelake_core::Result;

use crate::computed::Computed;
use crate::dates::Dates;
use crate::tables::Tables;

pub use adjustment::adjustment;

/// A model in Rust. It reads published tables and gives rows of its contract.
#[async_trait]
pub trait NativeModel: fmt::Debug + Send + Sync {
    /// Its name, which is its table's.
    fn name(&self) -> &'static str;

    /// Changes whenever the same inputs give other rows.
    fn version(&self) -> u32;

    /// Its rows of these dates, in the contract's columns and types.
    async fn compute<'a>(&self, tables: Tables<'a>, dates: Dates) -> Result<BoxStream<'a, Result<Computed>>>;
}

/// Finds a native model by name.
pub type Natives = fn(&str) -> Option<&'static dyn NativeModel>;

/// Every native model.
static MODELS: [&dyn NativeModel; 4] =
    [&adjustment::EVENTS, &adjustment::FACTORS, &daily_stats::DailyStats, &sessions::TradingSessions];

/// The native model of a name.
pub fn named(name: &str) -> Option<&'static dyn NativeModel> {
    MODELS.iter().copied().find(|model| model.name() == name)
}

//! The derived columns of a batch, whatever it holds.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Field;

use super::{
    DividendColumns, DividendContext, MarketColumns, MarketContext, dividend_columns, market_columns,
};
use quotelake_core::Result;

/// Columns that are derived from other rows: computed for the rows of a batch, with what else is known.
#[derive(Debug, Clone, Copy)]
pub enum DerivedColumns<'a> {
    /// Bars: see [`MarketColumns`].
    Bars(MarketContext<'a>),
    /// Dividends: see [`DividendColumns`].
    Dividends(DividendContext<'a>),
}

impl DerivedColumns<'_> {
    /// The names of all derived columns, whatever the batch holds.
    pub fn names() -> impl Iterator<Item = &'static str> {
        MarketColumns::NAMES.into_iter().chain(DividendColumns::NAMES)
    }

    /// Whether the derived columns are computed from the column of this name.
    pub fn read(&self, column: &str) -> bool {
        match self {
            Self::Bars(_) => {
                MarketColumns::SOURCES.contains(&column) || MarketColumns::OPTIONAL_SOURCES.contains(&column)
            }
            Self::Dividends(_) => {
                DividendColumns::SOURCES.contains(&column)
                    || DividendColumns::OPTIONAL_SOURCES.contains(&column)
            }
        }
    }

    /// The derived columns' fields, all nullable.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Bars(_) => MarketColumns::fields(),
            Self::Dividends(_) => DividendColumns::fields(),
        }
    }

    /// The derived columns, in the order of the fields. `InvalidInput` when the batch lacks a column.
    pub fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        Ok(match self {
            Self::Bars(context) => market_columns(batch, context)?.arrays(),
            Self::Dividends(context) => dividend_columns(batch, context)?.arrays(),
        })
    }
}

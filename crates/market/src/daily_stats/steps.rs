//! What the events of each series multiply earlier prices by, by the session on which they take effect.

use arrow::array::RecordBatch;
use quotelake_core::Result;

use crate::adjustment::Method;
use crate::daily::columns::{Texts, dates, decimals, value};
use crate::daily::decimals::scaled;
use crate::daily::{SeriesIndex, SeriesRows};

/// The columns of `adjustment_events` that [`Steps`] reads.
pub const EVENT_COLUMNS: [&str; 8] = [
    "provider",
    "provider_symbol",
    "adjustment",
    "session",
    "effective_date",
    "step_previous_close",
    "step_ex_close",
    "status",
];

/// The rows of `adjustment_events` that are applied, by one method.
#[derive(Debug, Clone)]
pub struct Steps {
    method: Method,
    index: SeriesIndex,
    /// By series, in order: effective date in days since 1970, and the step in 10^-18.
    of_series: Vec<Vec<(i32, i128)>>,
}

impl Steps {
    /// None yet.
    pub fn new(method: Method) -> Self {
        Self { method, index: SeriesIndex::default(), of_series: Vec::new() }
    }

    /// Adds rows of the contract `adjustment_events`, of the columns [`EVENT_COLUMNS`], in any order. Of bars of some dates those are
    /// needed that take effect within these dates. `InvalidInput` when the batch lacks a column.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let (rows, status) = (SeriesRows::of(batch)?, Texts::of(batch, "status")?);
        let effective = dates(batch, "effective_date")?;
        let steps = decimals(batch, &format!("step_{}", self.method))?;
        let mut changed = Vec::new();
        for row in 0..batch.num_rows() {
            let (Some(date), Some(step)) = (value(&effective, row), value(&steps, row)) else { continue };
            let Some(key) = rows.key(row).filter(|_| status.get(row) == Some("applied")) else { continue };
            let number = self.index.number(key);
            if number >= self.of_series.len() {
                self.of_series.resize_with(number + 1, Vec::new);
            }
            self.of_series[number].push((date, step));
            changed.push(number);
        }
        changed.dedup();
        changed.iter().for_each(|number| self.of_series[*number].sort_unstable());
        Ok(())
    }

    /// The number of a series that has some.
    pub(super) fn find(&self, key: [&str; 4]) -> Option<usize> {
        self.index.find(key)
    }

    /// The product of the steps behind one date and up to another, in 10^-18. `None` where it does not fit 38 digits.
    pub(super) fn between(&self, number: usize, from: i32, to: i32) -> Option<i128> {
        let steps = &self.of_series[number];
        let first = steps.partition_point(|(date, _)| *date <= from);
        let within = steps[first..].iter().take_while(|(date, _)| *date <= to);
        within.map(|(_, step)| *step).try_fold(crate::daily::decimals::ONE, scaled)
    }
}

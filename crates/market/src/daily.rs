//! What the native models have in common: the series of daily bars, and exact numbers out of columns and back.
//!
//! - `daily.rs`: [`DailySeries`], which bars follow each other; [`SeriesIndex`], series by number;
//! - `daily/columns.rs`: columns of texts, dates and decimals, read without a copy of each row;
//! - `daily/decimals.rs`: products and quotients of decimals, rounded once.

pub(crate) mod columns;
pub(crate) mod decimals;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;

use arrow::array::RecordBatch;

use columns::Texts;
use quotelake_contract::Preference;
use quotelake_core::Result;

/// Which daily bars follow each other: those of one instrument from one provider, in one adjustment and session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DailySeries {
    /// Where the data comes from.
    pub provider: String,
    /// The instrument as the provider writes it.
    pub provider_symbol: String,
    /// `raw`, `split`, `split_dividend` or `unknown`.
    pub adjustment: String,
    /// `regular`, `extended` or `all`.
    pub session: String,
}

impl DailySeries {
    /// Which of two series of one instrument speaks for it: the lesser one, by provider and adjustment as they are preferred, then that of
    /// the regular session.
    pub fn compare_by(&self, other: &Self, preference: &Preference) -> Ordering {
        let (left, right) = ((&*self.provider, &*self.adjustment), (&*other.provider, &*other.adjustment));
        preference
            .compare(left, right)
            .then_with(|| (self.session != "regular").cmp(&(other.session != "regular")))
            .then_with(|| self.session.cmp(&other.session))
            .then_with(|| self.provider_symbol.cmp(&other.provider_symbol))
    }
}

impl fmt::Display for DailySeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { provider, provider_symbol, adjustment, session } = self;
        write!(f, "{provider_symbol} of {provider} ({adjustment}, {session})")
    }
}

/// The names of the columns of a [`DailySeries`], in its order.
pub(crate) const SERIES_COLUMNS: [&str; 4] = ["provider", "provider_symbol", "adjustment", "session"];

/// The number of each series, in the order in which they were first seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeriesIndex {
    /// By the four texts, each ended by a character that none of them has.
    numbers: HashMap<String, usize>,
    series: Vec<DailySeries>,
}

impl SeriesIndex {
    /// Of a series that was seen or not.
    pub(crate) fn number(&mut self, key: [&str; 4]) -> usize {
        let joined = joined(key);
        if let Some(number) = self.numbers.get(&joined) {
            return *number;
        }
        let number = self.series.len();
        self.numbers.insert(joined, number);
        let [provider, provider_symbol, adjustment, session] = key.map(str::to_owned);
        self.series.push(DailySeries { provider, provider_symbol, adjustment, session });
        number
    }

    /// Of a series that was seen.
    pub(crate) fn find(&self, key: [&str; 4]) -> Option<usize> {
        self.numbers.get(&joined(key)).copied()
    }

    /// The series, by number.
    pub(crate) fn series(&self) -> &[DailySeries] {
        &self.series
    }
}

fn joined(key: [&str; 4]) -> String {
    let mut joined = String::with_capacity(key.iter().map(|part| part.len() + 1).sum());
    for part in key {
        joined.push_str(part);
        joined.push('\0');
    }
    joined
}

/// The series of the rows of a batch. Rows of one series mostly stand together, so most are told by the row before.
#[derive(Debug)]
pub(crate) struct SeriesRows {
    key: [Texts; 4],
    interval: Option<Texts>,
}

impl SeriesRows {
    /// `InvalidInput` when the batch lacks a column of the series.
    pub(crate) fn of(batch: &RecordBatch) -> Result<Self> {
        let [provider, provider_symbol, adjustment, session] = SERIES_COLUMNS;
        let key = [
            Texts::of(batch, provider)?,
            Texts::of(batch, provider_symbol)?,
            Texts::of(batch, adjustment)?,
            Texts::of(batch, session)?,
        ];
        let interval = batch.column_by_name("interval").map(|_| Texts::of(batch, "interval")).transpose()?;
        Ok(Self { key, interval })
    }

    /// Whether the series of a row is surely that of the row before.
    pub(crate) fn repeats(&self, row: usize) -> bool {
        row > 0 && self.key.iter().chain(&self.interval).all(|texts| texts.repeats(row))
    }

    /// The series of a row. `None` when a part is missing, or the row is no daily bar.
    pub(crate) fn key(&self, row: usize) -> Option<[&str; 4]> {
        if let Some(interval) = &self.interval
            && interval.get(row) != Some("1d")
        {
            return None;
        }
        let [provider, provider_symbol, adjustment, session] = &self.key;
        Some([provider.get(row)?, provider_symbol.get(row)?, adjustment.get(row)?, session.get(row)?])
    }
}

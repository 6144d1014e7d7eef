//! In which shares each source states a dividend that goes ex on the date of a split.

use std::collections::BTreeMap;

/// The shares of a dividend that goes ex on the date of a split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DividendShares {
    /// Those after the split.
    New,
    /// Those before it.
    Old,
}

/// What each source does. One that is not named states it in new shares: that is what an ex-date of that day says, on which shares trade
/// that are split and without the dividend.
const STATED: [(&str, DividendShares); 3] = [
    // Amounts are those that were declared; of a split on that day it says nothing (https://github.com/polygon-io/issues/issues/230).
    ("polygon", DividendShares::New),
    // Amounts are divided by every later split, as prices are. Where a split of that day is missing from one, yfinance repairs it as a
    // fault (https://github.com/ranaroussi/yfinance/pull/2090).
    ("yahoo", DividendShares::New),
    // Amounts are those that were announced; of a split on that day it says nothing (https://brapi.dev/docs).
    ("brapi", DividendShares::New),
];

/// The table, as a caller may have changed it.
#[derive(Debug, Clone)]
pub(super) struct SameDay {
    by_provider: BTreeMap<String, DividendShares>,
}

impl Default for SameDay {
    fn default() -> Self {
        Self { by_provider: STATED.map(|(provider, shares)| (provider.to_owned(), shares)).into() }
    }
}

impl SameDay {
    pub(super) fn set(&mut self, provider: &str, shares: DividendShares) {
        self.by_provider.insert(provider.to_owned(), shares);
    }

    pub(super) fn of(&self, provider: &str) -> DividendShares {
        self.by_provider.get(provider).copied().unwrap_or(DividendShares::New)
    }
}

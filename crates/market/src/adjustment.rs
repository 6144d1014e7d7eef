//! Adjusted prices, exact: which splits and dividends have an effect on which series, and the factors that follow.
//!
//! Pure functions of published rows. [`Actions`] takes splits and dividends, [`Inputs`] takes them and the daily bars, batch by batch in any
//! order, and gives the tables `adjustment_events` and `adjustment_factors` ([`Tables`]). [`Factors`] looks factors up, and
//! [`adjusted_bars`] multiplies by them.
//!
//! Of a dividend of D per share, P the close of the session before its ex-date, C that of the ex-date, both in the shares of D:
//!
//! | method | every earlier price is multiplied by | by |
//! |---|---|---|
//! | `previous_close` | (P - D) / P | Yahoo, <https://help.yahoo.com/kb/SLN28256.html> |
//! | `ex_close` | C / (C + D) | the total return of a holder who buys more at the close of the ex-date |
//!
//! Every earlier price is divided by a split's new shares for an old one, every earlier volume multiplied. Products are kept as
//! quotients of whole numbers and rounded once, half to even, to 18 places.
//!
//! - `stated.rs`: the rows of splits and dividends, and which of them count for a series;
//! - `same_day.rs`: in which shares a source states a dividend on the date of a split;
//! - `closes.rs`: the closes of each series;
//! - `excerpt.rs`: the few bars of a partition that factors look at;
//! - `events.rs`: which event has an effect, on which bar, or why none;
//! - `factors.rs`: products over time;
//! - `ratio.rs`: quotients of whole numbers;
//! - `output.rs`: batches of the two contracts;
//! - `prices.rs`: factors looked up, and bars multiplied by them.
//!
//! `docs/concepts/adjusted-prices.md` has examples and every reason for which an event is skipped.

mod closes;
mod events;
mod excerpt;
mod factors;
mod output;
mod prices;
mod ratio;
mod same_day;
mod stated;

use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use quotelake_contract::Preference;
use quotelake_core::Result;
use quotelake_core::time::days_since_epoch;

use crate::actions::Adjustment;
use crate::daily::DailySeries;
use closes::AllCloses;
use events::Beside;
use output::Found;
use same_day::SameDay;

pub use closes::BAR_COLUMNS;
pub use excerpt::{EXCERPT_COLUMNS, EventDates, excerpt};
pub use prices::{ADJUSTED_BAR_COLUMNS, Factors, Method, adjusted_bars};
pub use same_day::DividendShares;
pub use stated::{Actions, DIVIDEND_COLUMNS, SPLIT_COLUMNS};

/// What factors are computed from: splits and dividends, and daily bars as they are added.
#[derive(Debug)]
pub struct Inputs {
    actions: Arc<Actions>,
    preference: Preference,
    same_day: SameDay,
    base: Option<i32>,
    closes: AllCloses,
}

/// The rows of the two tables, ordered by series, then by date.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Rows of the contract `adjustment_events`.
    pub events: RecordBatch,
    /// Rows of the contract `adjustment_factors`.
    pub factors: RecordBatch,
    /// The series that have no factors, by name.
    pub refused: Vec<Refused>,
}

/// A series without factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which one.
    pub series: DailySeries,
    /// Its symbol.
    pub symbol: String,
    /// `unknown_adjustment`: nobody knows what its prices are adjusted for. `factor_out_of_range`: a factor has more than 20 digits before
    /// the point, or none but zeros in 18 places behind it.
    pub reason: &'static str,
}

impl Inputs {
    /// Splits and dividends, and the order in which providers are preferred where a series' own states none.
    pub fn new(actions: impl Into<Arc<Actions>>, preference: Preference) -> Self {
        let actions = actions.into();
        Self { actions, preference, same_day: SameDay::default(), base: None, closes: AllCloses::default() }
    }

    /// The same, relative to a date: later events do not count, and factors are 1 on that date.
    #[must_use]
    pub fn with_base(mut self, base: NaiveDate) -> Self {
        self.base = Some(days_since_epoch(base));
        self
    }

    /// The same, with a provider that states a dividend which goes ex on the date of a split in these shares.
    #[must_use]
    pub fn with_same_day(mut self, provider: &str, shares: DividendShares) -> Self {
        self.same_day.set(provider, shares);
        self
    }

    /// Adds rows of the `daily_bars` contract, of the columns [`BAR_COLUMNS`], in any order, or an [`excerpt()`] of them. Rows of another
    /// interval than `1d`, or that lack a part of their key, are left out; of two rows of one key the later one counts. `InvalidInput`
    /// when the batch lacks a column.
    pub fn add_bars(&mut self, batch: &RecordBatch) -> Result<()> {
        self.closes.add(batch)
    }

    /// The tables. Errors come from Arrow only.
    pub fn tables(mut self) -> Result<Tables> {
        self.closes.sort();
        let series = self.closes.index.series();
        let mut order: Vec<usize> = (0..series.len()).collect();
        order.sort_by(|a, b| series[*a].cmp(&series[*b]));
        let mut found = Vec::with_capacity(order.len());
        let mut refused = Vec::new();
        for number in order {
            let Some((of_series, reason)) = self.find(number) else { continue };
            if let Some(reason) = reason {
                let (series, symbol) = (of_series.series.clone(), of_series.symbol.to_owned());
                refused.push(Refused { series, symbol, reason });
            }
            found.push(of_series);
        }
        Ok(Tables { events: output::events(&found)?, factors: output::factors(&found)?, refused })
    }

    /// Events and intervals of one series, and why it has no intervals. `None` where it has no bar.
    fn find(&self, number: usize) -> Option<(Found<'_>, Option<&'static str>)> {
        let (series, bars) = (self.closes.index.series().get(number)?, self.closes.of(number)?);
        let first_date = bars.first_date()?;
        let adjustment = Adjustment::of(&series.adjustment);
        let (splits, dividends) = self.actions.of(bars.symbols(), &series.provider, &self.preference);
        let beside = Beside {
            closes: &self.closes,
            series: bars,
            adjustment,
            same_day: &self.same_day,
            base: self.base,
        };
        let events = events::judge(&splits, &dividends, beside);
        let (intervals, refused) = match adjustment {
            Adjustment::Unknown => (Vec::new(), Some("unknown_adjustment")),
            _ => match factors::intervals(first_date, &events) {
                Some(intervals) => (intervals, None),
                None => (Vec::new(), Some("factor_out_of_range")),
            },
        };
        let newest_event = intervals.last().filter(|_| intervals.len() > 1).map(|interval| interval.from);
        let base_date = self.base.or(newest_event);
        Some((Found { series, symbol: bars.symbol(), events, intervals, base_date }, refused))
    }
}

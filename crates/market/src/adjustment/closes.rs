//! The closes of every series, as few bytes each as they need: factors look at any of them.

use std::collections::HashMap;

use arrow::array::{AsArray as _, RecordBatch};
use quotelake_core::Result;
use quotelake_core::time::utc_days;

use super::excerpt::GAP;
use crate::daily::columns::{Texts, dates, decimals, instants, value};
use crate::daily::{SeriesIndex, SeriesRows};

/// The columns of published daily bars that [`Inputs`](super::Inputs) reads.
pub const BAR_COLUMNS: [&str; 10] = [
    "provider",
    "provider_symbol",
    "symbol",
    "interval",
    "trading_date",
    "close",
    "adjustment",
    "session",
    "currency",
    "fetched_at",
];

/// Between a close in 10^-18 and one in 10^-8.
const SHORT: i128 = 10_000_000_000;

/// Closes of one series, in 10^-8 while all of them fit, else in 10^-18.
#[derive(Debug)]
enum Numbers {
    Short(Vec<i64>),
    Long(Vec<i128>),
}

impl Numbers {
    fn push(&mut self, close: i128) {
        match self {
            Self::Short(numbers) => match i64::try_from(close / SHORT) {
                Ok(short) if close % SHORT == 0 => numbers.push(short),
                _ => {
                    let mut long: Vec<i128> =
                        numbers.iter().map(|short| i128::from(*short) * SHORT).collect();
                    long.push(close);
                    *self = Self::Long(long);
                }
            },
            Self::Long(numbers) => numbers.push(close),
        }
    }

    fn get(&self, index: usize) -> i128 {
        match self {
            Self::Short(numbers) => i128::from(numbers[index]) * SHORT,
            Self::Long(numbers) => numbers[index],
        }
    }

    fn picked(&self, order: &[usize]) -> Self {
        match self {
            Self::Short(numbers) => Self::Short(order.iter().map(|at| numbers[*at]).collect()),
            Self::Long(numbers) => Self::Long(order.iter().map(|at| numbers[*at]).collect()),
        }
    }
}

/// The bars of one series: dates as days since 1970, closes, currencies by number.
#[derive(Debug)]
pub(super) struct SeriesCloses {
    dates: Vec<i32>,
    closes: Numbers,
    currencies: Vec<u16>,
    /// Whether the bar before was left out of what was fed.
    gaps: Vec<bool>,
    /// Every symbol that a bar of the series has.
    named: Vec<Named>,
    /// The place of the symbol that a bar had last.
    last_named: usize,
    /// The symbols, that of the newest bar last; once the bars are in order.
    symbols: Vec<String>,
    /// UTC day of the newest answer: prices that are adjusted are so for the splits until then.
    pub(super) fetched: i32,
}

/// A symbol of a series, and the newest bar that has it: by its date, then by when it was fed.
#[derive(Debug)]
struct Named {
    symbol: String,
    newest: (i32, usize),
}

/// One bar of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) date: i32,
    pub(super) price: i128,
    pub(super) currency: u16,
}

impl SeriesCloses {
    fn new() -> Self {
        Self {
            dates: Vec::new(),
            closes: Numbers::Short(Vec::new()),
            currencies: Vec::new(),
            gaps: Vec::new(),
            named: Vec::new(),
            last_named: 0,
            symbols: Vec::new(),
            fetched: i32::MIN,
        }
    }

    /// Notes the symbol of the next bar; none where it is that of the bar before.
    fn name(&mut self, symbol: Option<&str>, date: i32) {
        let newest = (date, self.dates.len());
        if let Some(symbol) = symbol {
            let known = self.named.iter().position(|known| known.symbol == symbol);
            self.last_named = known.unwrap_or(self.named.len());
            if known.is_none() {
                self.named.push(Named { symbol: symbol.to_owned(), newest });
            }
        }
        if let Some(named) = self.named.get_mut(self.last_named) {
            named.newest = named.newest.max(newest);
        }
    }

    /// In order of the dates; of two bars of one date the later fed one stays.
    fn sort(&mut self) {
        self.named.sort_by_key(|named| named.newest);
        self.symbols = self.named.iter().map(|named| named.symbol.clone()).collect();
        if self.dates.is_sorted_by(|a, b| a < b) {
            return;
        }
        let mut order: Vec<usize> = (0..self.dates.len()).collect();
        order.sort_by_key(|at| (self.dates[*at], *at));
        let is_last = |place: usize| {
            order.get(place + 1).is_none_or(|next| self.dates[*next] != self.dates[order[place]])
        };
        let order: Vec<usize> =
            (0..order.len()).filter(|place| is_last(*place)).map(|at| order[at]).collect();
        self.closes = self.closes.picked(&order);
        self.currencies = order.iter().map(|at| self.currencies[*at]).collect();
        self.gaps = order.iter().map(|at| self.gaps[*at]).collect();
        self.dates = order.iter().map(|at| self.dates[*at]).collect();
    }

    pub(super) fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// The symbol of the newest bar.
    pub(super) fn symbol(&self) -> &str {
        self.symbols.last().map_or("", String::as_str)
    }

    pub(super) fn first_date(&self) -> Option<i32> {
        self.dates.first().copied()
    }

    /// Index of the first bar on a date or after it.
    pub(super) fn from(&self, date: i32) -> Option<usize> {
        let at = self.dates.partition_point(|other| *other < date);
        (at < self.dates.len()).then_some(at)
    }

    /// The date of the first bar on a date or after it, where the bar before that was left out.
    pub(super) fn gap_before(&self, date: i32) -> Option<i32> {
        self.from(date).filter(|at| self.gaps[*at]).map(|at| self.dates[at])
    }

    pub(super) fn get(&self, at: usize) -> Close {
        Close { date: self.dates[at], price: self.closes.get(at), currency: self.currencies[at] }
    }
}

/// The bars of all series.
#[derive(Debug, Default)]
pub(super) struct AllCloses {
    pub(super) index: SeriesIndex,
    of_series: Vec<SeriesCloses>,
    currencies: HashMap<String, u16>,
}

impl AllCloses {
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = SeriesRows::of(batch)?;
        let (symbols, currencies) = (Texts::of(batch, "symbol")?, Texts::of(batch, "currency")?);
        let (days, closes) = (dates(batch, "trading_date")?, decimals(batch, "close")?);
        let fetched = instants(batch, "fetched_at")?;
        let gaps = batch.column_by_name(GAP).and_then(|column| column.as_boolean_opt());
        let (mut current, mut currency, mut named) = (None, u16::MAX, None);
        for row in 0..batch.num_rows() {
            let same = rows.repeats(row);
            if !same {
                current = rows.key(row).map(|key| self.index.number(key));
            }
            let (Some(number), Some(date), Some(close)) = (current, value(&days, row), value(&closes, row))
            else {
                continue;
            };
            if number >= self.of_series.len() {
                self.of_series.resize_with(number + 1, SeriesCloses::new);
            }
            if !(same && currencies.repeats(row)) {
                currency = currencies.get(row).map_or(u16::MAX, |name| self.currency(name));
            }
            let series = &mut self.of_series[number];
            match symbols.get(row) {
                Some(_) if same && named == row.checked_sub(1) && symbols.repeats(row) => {
                    series.name(None, date);
                }
                Some(symbol) => series.name(Some(symbol), date),
                None => {}
            }
            named = Some(row);
            series.fetched = series.fetched.max(value(&fetched, row).map_or(i32::MAX, utc_days));
            series.dates.push(date);
            series.closes.push(close);
            series.currencies.push(currency);
            series.gaps.push(gaps.is_some_and(|gaps| gaps.value(row)));
        }
        Ok(())
    }

    /// The number of a currency; past 65,534 of them the last one, which no bar has.
    fn currency(&mut self, name: &str) -> u16 {
        if let Some(number) = self.currencies.get(name) {
            return *number;
        }
        let number = u16::try_from(self.currencies.len()).unwrap_or(u16::MAX);
        self.currencies.insert(name.to_owned(), number);
        number
    }

    /// Whether the bar's currency is this one.
    pub(super) fn is_in(&self, close: Close, currency: &str) -> bool {
        close.currency != u16::MAX && self.currencies.get(currency) == Some(&close.currency)
    }

    /// Every series' bars in order of their dates.
    pub(super) fn sort(&mut self) {
        self.of_series.iter_mut().for_each(SeriesCloses::sort);
    }

    pub(super) fn of(&self, number: usize) -> Option<&SeriesCloses> {
        self.of_series.get(number).filter(|series| !series.dates.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_in_any_order_are_sorted_and_the_later_fed_one_stays() {
        let mut series = SeriesCloses::new();
        for (date, price) in [(3, 30), (1, 10), (2, 20), (1, 11)] {
            series.dates.push(date);
            series.closes.push(price * SHORT);
            series.currencies.push(0);
            series.gaps.push(false);
        }
        // More places than the short form has: all of them change over.
        series.dates.push(4);
        series.closes.push(1);
        series.currencies.push(0);
        series.gaps.push(true);
        series.sort();
        let closes: Vec<i128> = (0..4).map(|at| series.get(at).price).collect();
        assert_eq!(
            (series.dates.as_slice(), closes),
            (&[1, 2, 3, 4][..], vec![11 * SHORT, 20 * SHORT, 30 * SHORT, 1])
        );
        assert_eq!((series.gap_before(3), series.gap_before(4), series.gap_before(5)), (None, Some(4), None));
        assert_eq!((series.from(0), series.from(3), series.from(5)), (Some(0), Some(2), None));
    }

    #[test]
    fn a_series_has_the_symbol_of_its_newest_bar() {
        let mut series = SeriesCloses::new();
        for (symbol, date) in [(Some("B"), 5), (Some("A"), 1), (Some("C"), 7), (Some("B"), 6), (None, 6)] {
            series.name(symbol, date);
        }
        series.sort();
        assert_eq!(series.symbols(), ["A", "B", "C"]);
        series.name(Some("A"), 2);
        series.name(None, 9);
        series.sort();
        assert_eq!(series.symbol(), "A");
    }
}

//! Factors of each series looked up by date, and bars multiplied by them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{Array as _, Decimal128Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{Field, Schema};
use quotelake_core::time::date_from_days;
use quotelake_core::{Error, Result};

use crate::daily::columns::{dates, decimal_array, decimal_type, decimals, text_type, value};
use crate::daily::decimals::{PRICE_SCALE, SCALE, adjusted};
use crate::daily::{SERIES_COLUMNS, SeriesIndex, SeriesRows};

/// The columns of published daily bars that [`adjusted_bars`] reads.
pub const ADJUSTED_BAR_COLUMNS: [&str; 12] = [
    "provider",
    "provider_symbol",
    "symbol",
    "interval",
    "trading_date",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adjustment",
    "session",
];

/// How a dividend takes from the prices before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// (P - D) / P, P the close before the ex-date: what most charts show.
    #[default]
    PreviousClose,
    /// C / (C + D), C the close of the ex-date: total return.
    ExClose,
}

impl Method {
    /// `previous_close` or `ex_close`.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreviousClose => "previous_close",
            Self::ExClose => "ex_close",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = Error;

    /// `InvalidInput` when it is no name of a method.
    fn from_str(text: &str) -> Result<Self> {
        [Self::PreviousClose, Self::ExClose]
            .into_iter()
            .find(|method| method.name() == text)
            .ok_or_else(|| Error::invalid(format!("method {text:?} is neither previous_close nor ex_close")))
    }
}

/// The factors of an interval of dates, in 10^-18.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applicable {
    from: i32,
    /// The last date, included; the last of days where it has no end.
    to: i32,
    /// Split and dividend: of prices.
    pub(crate) price: i128,
    split: i128,
    volume: i128,
    dividend: i128,
}

impl Applicable {
    pub(crate) fn holds(&self, date: i32) -> bool {
        self.from <= date && date <= self.to
    }
}

/// The rows of `adjustment_factors` by one method, by series and date.
#[derive(Debug, Clone)]
pub struct Factors {
    method: Method,
    index: SeriesIndex,
    /// By series; in order of time.
    intervals: Vec<Vec<Applicable>>,
}

impl Factors {
    /// None yet.
    pub fn new(method: Method) -> Self {
        Self { method, index: SeriesIndex::default(), intervals: Vec::new() }
    }

    /// Adds rows of the contract `adjustment_factors`, in any order. `InvalidInput` when the batch lacks a column.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = SeriesRows::of(batch)?;
        let (from, to) = (dates(batch, "valid_from")?, dates(batch, "valid_to")?);
        let (split, volume) = (decimals(batch, "split_factor")?, decimals(batch, "volume_factor")?);
        let dividend = decimals(batch, &format!("dividend_factor_{}", self.method))?;
        let price = decimals(batch, &format!("price_factor_{}", self.method))?;
        let mut changed = Vec::new();
        for row in 0..batch.num_rows() {
            let Some(number) = rows.key(row).map(|key| self.index.number(key)) else { continue };
            if number >= self.intervals.len() {
                self.intervals.resize_with(number + 1, Vec::new);
            }
            self.intervals[number].push(Applicable {
                from: from.value(row),
                to: value(&to, row).unwrap_or(i32::MAX),
                price: price.value(row),
                split: split.value(row),
                volume: volume.value(row),
                dividend: dividend.value(row),
            });
            changed.push(number);
        }
        changed.dedup();
        for number in changed {
            self.intervals[number].sort_by_key(|interval| interval.from);
        }
        Ok(())
    }

    /// The number of a series that has factors.
    pub(crate) fn find(&self, key: [&str; 4]) -> Option<usize> {
        self.index.find(key)
    }

    /// A series by its number, for a message.
    pub(crate) fn name(&self, number: usize) -> String {
        self.index.series().get(number).map(ToString::to_string).unwrap_or_default()
    }

    /// The factors of a series' bar of that date.
    pub(crate) fn of(&self, number: usize, date: i32) -> Option<Applicable> {
        let intervals = self.intervals.get(number)?;
        let at = intervals.partition_point(|interval| interval.from <= date).checked_sub(1)?;
        intervals.get(at).filter(|interval| interval.holds(date)).copied()
    }

    /// The factors of each row of a batch of bars that has some, with the row.
    pub(crate) fn of_rows(&self, batch: &RecordBatch) -> Result<Vec<(u32, usize, i32, Applicable)>> {
        let (rows, days) = (SeriesRows::of(batch)?, dates(batch, "trading_date")?);
        let mut found = Vec::with_capacity(batch.num_rows());
        let (mut number, mut last): (Option<usize>, Option<Applicable>) = (None, None);
        for row in 0..batch.num_rows() {
            if !rows.repeats(row) {
                number = rows.key(row).and_then(|key| self.find(key));
                last = None;
            }
            let (Some(number), Some(date)) = (number, value(&days, row)) else { continue };
            last = last.filter(|interval| interval.holds(date)).or_else(|| self.of(number, date));
            if let (Some(interval), Ok(row)) = (last, u32::try_from(row)) {
                found.push((row, number, date, interval));
            }
        }
        Ok(found)
    }
}

/// The bars of a batch, of the columns [`ADJUSTED_BAR_COLUMNS`], times their factors: `provider`, `provider_symbol`, `adjustment`, `session`,
/// `symbol`, `trading_date`, `adj_open`, `adj_high`, `adj_low`, `adj_close` and `adj_volume` with 8 places, `split_factor` and
/// `dividend_factor` with 18; each rounded once, half to even. `adjustment` is that of the bar before.
///
/// A bar without factors is left out: its series is refused, or it lies behind an event after the base date. `InvalidInput` when the batch
/// lacks a column, or an adjusted value has more than 38 digits.
pub fn adjusted_bars(batch: &RecordBatch, factors: &Factors) -> Result<RecordBatch> {
    let found = factors.of_rows(batch)?;
    let rows: UInt32Array = found.iter().map(|(row, ..)| *row).collect();
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for name in SERIES_COLUMNS.into_iter().chain(["symbol", "trading_date"]) {
        let column =
            batch.column_by_name(name).ok_or_else(|| Error::invalid(format!("there is no column {name}")))?;
        let mut taken = take(column, &rows, None)?;
        if name != "trading_date" {
            taken = cast(&taken, &text_type())?;
        }
        fields.push(Field::new(name, taken.data_type().clone(), false));
        arrays.push(taken);
    }
    for name in ["open", "high", "low", "close", "volume"] {
        let numbers: Decimal128Array = decimals(batch, name)?;
        let factor = |interval: &Applicable| if name == "volume" { interval.volume } else { interval.price };
        let mut values = Vec::with_capacity(found.len());
        for (row, number, date, interval) in &found {
            let Some(plain) = value(&numbers, *row as usize) else {
                values.push(None);
                continue;
            };
            let value = adjusted(plain, factor(interval)).ok_or_else(|| {
                let day = date_from_days(*date).map(|day| day.to_string()).unwrap_or_default();
                Error::invalid(format!(
                    "{name} of {} on {day} has more than 38 digits, adjusted",
                    factors.name(*number)
                ))
            })?;
            values.push(Some(value));
        }
        fields.push(Field::new(format!("adj_{name}"), decimal_type(PRICE_SCALE), name != "close"));
        arrays.push(decimal_array(values, PRICE_SCALE)?);
    }
    let number = |pick: fn(&Applicable) -> i128| {
        decimal_array(found.iter().map(|(.., interval)| Some(pick(interval))).collect(), SCALE)
    };
    for (name, array) in [
        ("split_factor", number(|interval| interval.split)?),
        ("dividend_factor", number(|interval| interval.dividend)?),
    ] {
        fields.push(Field::new(name, decimal_type(SCALE), false));
        arrays.push(array);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

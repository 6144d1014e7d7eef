//! Statistics of daily bars on adjusted prices: returns, averages, volatility, highs and lows.
//!
//! Prices of a window are adjusted to the date of its own row: earlier ones are multiplied by the steps of the splits and dividends between,
//! and a later event changes nothing. Times the factor of that date in `adjustment_factors`, a level is one of today.
//!
//! [`Computation`] is a pure function of bars and events, fed in order of time: the rows of a batch follow from that batch and from bars and
//! events before it, at most [`LOOK_BACK_DAYS`] back, so that where the input begins and how it is split change nothing.
//!
//! - `daily_stats.rs`: [`Computation`], batches in and out;
//! - `daily_stats/steps.rs`: [`Steps`], what events do;
//! - `daily_stats/window.rs`: the newest bars of one series, and what follows from them.
//!
//! A window of n bars counts if there are n and the first and last are at most 3n calendar days apart; else its value is missing. Sums of
//! closes are exact and divided once, half to even; a price that is multiplied by a step keeps 18 places. Logarithms and deviations go through floating point, each from the values of its
//! window alone. `docs/concepts/adjusted-prices.md` has the definitions.

mod steps;
mod window;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{Field, Schema};
use chrono::NaiveDate;
use quotelake_core::time::{date_from_days, days_since_epoch};
use quotelake_core::{Error, Result};

use crate::daily::columns::{Texts, dates, decimal_array, decimals, text_type, value};
use crate::daily::decimals::{ONE, PRICE_SCALE, SCALE};
use crate::daily::{SeriesIndex, SeriesRows};
use window::{Bar, Stats, Window};

pub use steps::{EVENT_COLUMNS, Steps};

/// How many calendar days before a bar the first bar may lie that its statistics follow from.
pub const LOOK_BACK_DAYS: i32 = 756;

/// The columns of published daily bars that [`Computation`] reads.
pub const BAR_COLUMNS: [&str; 11] = [
    "provider",
    "provider_symbol",
    "symbol",
    "asset_class",
    "interval",
    "trading_date",
    "high",
    "low",
    "close",
    "adjustment",
    "session",
];

/// The statistics of bars as they are fed.
#[derive(Debug)]
pub struct Computation {
    steps: Steps,
    from: i32,
    index: SeriesIndex,
    of_series: Vec<OfSeries>,
}

#[derive(Debug)]
struct OfSeries {
    /// Its number among the steps, where it has some.
    steps: Option<usize>,
    window: Box<Window>,
}

/// A row of a batch: the row, the number of its series, its date.
type Row = (u32, usize, i32);

impl Computation {
    /// Of bars from a date on. Those of the [`LOOK_BACK_DAYS`] before it are fed, too, and give no rows.
    pub fn new(steps: Steps, from: NaiveDate) -> Self {
        Self { steps, from: days_since_epoch(from), index: SeriesIndex::default(), of_series: Vec::new() }
    }

    /// Takes rows of the `daily_bars` contract, of the columns [`BAR_COLUMNS`], and gives the rows of `daily_stats` for them, in their
    /// order. Bars of another interval than `1d` are left out, and those of which nobody knows the adjustment.
    ///
    /// `InvalidInput` when the batch lacks a column, when a bar is not later than all bars of its series in batches before and differs in
    /// date from the others of this one, or when an adjusted price has more than 36 digits.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let found = self.rows(batch)?;
        let columns = Columns::of(batch)?;
        let mut rows = Vec::with_capacity(found.len());
        let mut stats = Vec::with_capacity(found.len());
        let order = self.order(&found);
        let order = order.as_deref();
        for place in 0..found.len() {
            let (row, number, date) = found[order.map_or(place, |order| order[place])];
            let found =
                self.next(number, row as usize, date, &columns).ok_or_else(|| self.refusal(number, date))?;
            if date >= self.from {
                rows.push(row);
                stats.push(found);
            }
        }
        if order.is_some() {
            let mut places: Vec<usize> = (0..rows.len()).collect();
            places.sort_by_key(|place| rows[*place]);
            stats = places.iter().map(|place| stats[*place]).collect();
            rows.sort_unstable();
        }
        output(batch, UInt32Array::from(rows), &stats)
    }

    /// The rows that have statistics.
    fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<Row>> {
        let (series, days) = (SeriesRows::of(batch)?, dates(batch, "trading_date")?);
        let mut found = Vec::with_capacity(batch.num_rows());
        let mut number = None;
        for row in 0..batch.num_rows() {
            if !series.repeats(row) {
                number = series.key(row).filter(|[.., adjustment, _]| *adjustment != "unknown").map(|key| {
                    let number = self.index.number(key);
                    if number == self.of_series.len() {
                        let steps = self.steps.find(key);
                        self.of_series.push(OfSeries { steps, window: Box::default() });
                    }
                    number
                });
            }
            if let (Some(number), Some(date), Ok(row)) = (number, value(&days, row), u32::try_from(row)) {
                found.push((row, number, date));
            }
        }
        Ok(found)
    }

    /// The statistics of the next bar of a series. `None` where there is no close, or the bar will not do.
    fn next(&mut self, number: usize, row: usize, date: i32, columns: &Columns) -> Option<Stats> {
        let OfSeries { steps, window } = &mut self.of_series[number];
        let step = match (*steps, window.last_date()) {
            (Some(steps), Some(last)) => self.steps.between(steps, last, date)?,
            _ => ONE,
        };
        window.push(&columns.bar(row, date)?, step)
    }

    /// The order in which rows are taken, where it is not their own.
    fn order(&mut self, found: &[Row]) -> Option<Vec<usize>> {
        let mut ascend = true;
        for (_, number, date) in found {
            ascend &= self.of_series[*number].window.sees(*date);
        }
        if ascend {
            return None;
        }
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by_key(|place| (found[*place].1, found[*place].2));
        Some(order)
    }

    fn refusal(&self, number: usize, date: i32) -> Error {
        let day = date_from_days(date).map(|day| day.to_string()).unwrap_or_default();
        let series = &self.index.series()[number];
        Error::invalid(format!(
            "the bar of {series} on {day} is not later than those before it, or its price has too many digits"
        ))
    }
}

/// The columns of a batch that statistics are of.
struct Columns {
    asset_class: Texts,
    high: arrow::array::Decimal128Array,
    low: arrow::array::Decimal128Array,
    close: arrow::array::Decimal128Array,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self> {
        let asset_class = Texts::of(batch, "asset_class")?;
        let (high, low) = (decimals(batch, "high")?, decimals(batch, "low")?);
        Ok(Self { asset_class, high, low, close: decimals(batch, "close")? })
    }

    /// `None` where there is no close.
    fn bar(&self, row: usize, date: i32) -> Option<Bar> {
        Some(Bar {
            date,
            high: value(&self.high, row),
            low: value(&self.low, row),
            close: value(&self.close, row)?,
            every_day: self.asset_class.get(row) == Some("crypto"),
        })
    }
}

fn output(batch: &RecordBatch, rows: UInt32Array, stats: &[Stats]) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for name in ["provider", "provider_symbol", "symbol", "adjustment", "session", "trading_date"] {
        let column =
            batch.column_by_name(name).ok_or_else(|| Error::invalid(format!("there is no column {name}")))?;
        let taken = take(column, &rows, None)?;
        let taken = if name == "trading_date" { taken } else { cast(&taken, &text_type())? };
        fields.push(Field::new(name, taken.data_type().clone(), false));
        arrays.push(taken);
    }
    let decimal =
        |pick: fn(&Stats) -> Option<i128>| decimal_array(stats.iter().map(pick).collect(), PRICE_SCALE);
    let double = |pick: fn(&Stats) -> Option<f64>| -> ArrayRef {
        Arc::new(stats.iter().map(pick).collect::<Float64Array>())
    };
    for (name, array) in [
        ("close", decimal_array(stats.iter().map(|stats| Some(stats.close)).collect(), SCALE)?),
        ("return_1d", double(|stats| stats.return_1d)),
        ("log_return_1d", double(|stats| stats.log_return_1d)),
        ("sma_20", decimal(|stats| stats.averages[0])?),
        ("sma_50", decimal(|stats| stats.averages[1])?),
        ("sma_200", decimal(|stats| stats.averages[2])?),
        ("volatility_20", double(|stats| stats.volatility_20)),
        ("high_252", decimal(|stats| stats.high_252)?),
        ("low_252", decimal(|stats| stats.low_252)?),
    ] {
        fields.push(Field::new(name, array.data_type().clone(), name != "close"));
        arrays.push(array);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

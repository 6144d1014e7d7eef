//! Statistics of daily bars on adjusted prices: returns, averages, volatility, highs and lows.
//!
//! [`Computation`] is a pure function of bars and factors, fed in order of time: the rows of a batch follow from that batch and the bars
//! before it, at most [`LOOK_BACK_DAYS`] back, so that where the input begins and how it is split change nothing.
//!
//! - `daily_stats.rs`: [`Computation`], batches in and out;
//! - `daily_stats/window.rs`: the newest bars of one series, and what follows from them.
//!
//! A window of n bars counts if there are n and the first and last are at most 3n calendar days apart; else its value is missing. Sums of
//! adjusted closes are exact and divided once, half to even. Logarithms and deviations go through floating point, each from the values of its
//! window alone. `docs/concepts/adjusted-prices.md` has the definitions.

mod window;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema};
use chrono::NaiveDate;
use quotelake_core::time::{date_from_days, days_since_epoch};
use quotelake_core::{Error, Result};

use crate::adjustment::{Applicable, Factors};
use crate::daily::columns::{Texts, decimal_array, decimal_type, decimals, text_type, value};
use crate::daily::decimals::PRICE_SCALE;
use window::{Bar, Stats, Window};

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
    factors: Factors,
    from: i32,
    of_series: Vec<Option<Box<Window>>>,
}

impl Computation {
    /// Of bars from a date on. Those of the [`LOOK_BACK_DAYS`] before it are fed, too, and give no rows.
    pub fn new(factors: Factors, from: NaiveDate) -> Self {
        Self { factors, from: days_since_epoch(from), of_series: Vec::new() }
    }

    /// Takes rows of the `daily_bars` contract, of the columns [`BAR_COLUMNS`], and gives the rows of `daily_stats` for them, in their
    /// order. A bar that has no factors is left out, see [`adjusted_bars`](crate::adjustment::adjusted_bars).
    ///
    /// `InvalidInput` when the batch lacks a column, when a bar is not later than all bars of its series in batches before and differs in
    /// date from the others of this one, or when an adjusted price has more than 36 digits.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let found = self.factors.of_rows(batch)?;
        self.of_series.resize_with(self.factors.series(), || None);
        let columns = Columns::of(batch)?;
        let mut rows = Vec::with_capacity(found.len());
        let mut stats = Vec::with_capacity(found.len());
        let order = self.order(&found);
        let order = order.as_deref();
        for place in 0..found.len() {
            let (row, number, date, interval) = &found[order.map_or(place, |order| order[place])];
            let bar = columns.bar(*row as usize, *date, interval);
            let window = self.of_series[*number].get_or_insert_default();
            let found = bar.and_then(|bar| window.push(&bar)).ok_or_else(|| self.refusal(*number, *date))?;
            if *date >= self.from {
                rows.push(*row);
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

    /// The order in which rows are taken, where it is not their own.
    fn order(&mut self, found: &[(u32, usize, i32, Applicable)]) -> Option<Vec<usize>> {
        let mut ascend = true;
        for (_, number, date, _) in found {
            ascend &= self.of_series[*number].get_or_insert_default().sees(*date);
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
        Error::invalid(format!(
            "the bar of {} on {day} is not later than those before it, or its price has too many digits",
            self.factors.name(number)
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
    fn bar(&self, row: usize, date: i32, interval: &Applicable) -> Option<Bar> {
        Some(Bar {
            date,
            high: value(&self.high, row),
            low: value(&self.low, row),
            close: value(&self.close, row)?,
            factor: interval.price,
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
        ("adj_close", decimal(|stats| Some(stats.adj_close))?),
        ("return_1d", double(|stats| stats.return_1d)),
        ("log_return_1d", double(|stats| stats.log_return_1d)),
        ("sma_20", decimal(|stats| stats.averages[0])?),
        ("sma_50", decimal(|stats| stats.averages[1])?),
        ("sma_200", decimal(|stats| stats.averages[2])?),
        ("volatility_20", double(|stats| stats.volatility_20)),
        ("high_252", decimal(|stats| stats.high_252)?),
        ("low_252", decimal(|stats| stats.low_252)?),
    ] {
        let is_double = *array.data_type() == DataType::Float64;
        let data_type = if is_double { DataType::Float64 } else { decimal_type(PRICE_SCALE) };
        fields.push(Field::new(name, data_type, name != "adj_close"));
        arrays.push(array);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

//! Bars out of columns, and the bars published before.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Float64Array, RecordBatch, StringArray};
use arrow::array::{PrimitiveArray, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimestampMillisecondType};
use chrono::NaiveDate;

use quotelake_core::time::date_from_days;
use quotelake_core::{Error, Result};

/// Which bars follow each other: those of one instrument from one provider, in one interval, adjustment and session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// Where the data comes from.
    pub provider: String,
    /// The instrument as the provider writes it.
    pub provider_symbol: String,
    /// Length of a bar, e.g. `1d`.
    pub interval: String,
    /// `raw`, `split`, `split_dividend` or `unknown`.
    pub adjustment: String,
    /// `regular`, `extended` or `all`.
    pub session: String,
}

impl From<[&str; 5]> for SeriesKey {
    fn from([provider, provider_symbol, interval, adjustment, session]: [&str; 5]) -> Self {
        Self {
            provider: provider.to_owned(),
            provider_symbol: provider_symbol.to_owned(),
            interval: interval.to_owned(),
            adjustment: adjustment.to_owned(),
            session: session.to_owned(),
        }
    }
}

/// The numbers of one bar. Ratios and medians need no exact decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// Date of the session in the exchange's zone.
    pub trading_date: NaiveDate,
    /// Start of the bar, Unix milliseconds.
    pub bar_start_ms: i64,
    /// First price.
    pub open: Option<f64>,
    /// Highest price.
    pub high: Option<f64>,
    /// Lowest price.
    pub low: Option<f64>,
    /// Last price.
    pub close: Option<f64>,
    /// Units traded.
    pub volume: Option<f64>,
}

impl Bar {
    /// Where the bar is in its series.
    pub(super) fn time(&self) -> (NaiveDate, i64) {
        (self.trading_date, self.bar_start_ms)
    }

    /// The close, where it is a price.
    pub(super) fn price(&self) -> Option<f64> {
        self.close.filter(|close| *close > 0.0 && close.is_finite())
    }

    fn prices(&self) -> [Option<f64>; 4] {
        [self.open, self.high, self.low, self.close]
    }

    /// Whether nothing moved within the bar: no volume, or one price throughout. `None` when missing prices leave it open.
    pub(super) fn is_still(&self) -> Option<bool> {
        let prices = self.prices();
        if self.volume == Some(0.0)
            || (self.close.is_some() && prices.iter().all(|price| *price == self.close))
        {
            return Some(true);
        }
        prices.iter().flatten().any(|price| Some(*price) != self.close).then_some(false)
    }

    /// Whether every number is there and the same as the other bar's.
    pub(super) fn repeats(&self, other: &Self) -> bool {
        let whole = self.volume.is_some() && self.prices().iter().all(Option::is_some);
        whole && self.volume == other.volume && self.prices() == other.prices()
    }
}

/// Published bars of a series.
#[derive(Debug, Clone, Default)]
pub(super) struct Published {
    pub(super) bars: Vec<Bar>,
    /// The currency of the newest bar that names one.
    currency: Option<((NaiveDate, i64), String)>,
}

impl Published {
    pub(super) fn currency(&self) -> Option<&str> {
        self.currency.as_ref().map(|(_, currency)| currency.as_str())
    }
}

/// The bars published before a batch, by series.
#[derive(Debug, Clone, Default)]
pub struct LookBack {
    series: HashMap<SeriesKey, Published>,
}

impl LookBack {
    /// Adds the rows of a published batch of bars, in any order. A bar at a time that is there already replaces it.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = BarColumns::of(batch)?;
        for row in 0..batch.num_rows() {
            if let (Some(key), Some(bar)) = (columns.key(row), columns.bar(row)) {
                self.push(key.into(), bar, columns.currency(row));
            }
        }
        Ok(())
    }

    /// Adds one published bar.
    pub fn push(&mut self, key: SeriesKey, bar: Bar, currency: Option<&str>) {
        let published = self.series.entry(key).or_default();
        let at = published.bars.partition_point(|other| other.time() < bar.time());
        match published.bars.get_mut(at) {
            Some(same) if same.time() == bar.time() => *same = bar,
            _ => published.bars.insert(at, bar),
        }
        if let Some(currency) = currency
            && published.currency.as_ref().is_none_or(|(time, _)| *time <= bar.time())
        {
            published.currency = Some((bar.time(), currency.to_owned()));
        }
    }

    /// Keeps the newest `bars` of each series.
    pub fn keep_newest(&mut self, bars: usize) {
        for published in self.series.values_mut() {
            let surplus = published.bars.len().saturating_sub(bars);
            published.bars.drain(..surplus);
        }
    }

    pub(super) fn of(&self, key: &SeriesKey) -> Option<&Published> {
        self.series.get(key)
    }
}

/// The columns of a batch that make a bar.
pub(super) struct BarColumns {
    key: [StringArray; 5],
    symbol: StringArray,
    asset_class: StringArray,
    exchange_mic: StringArray,
    currency: StringArray,
    trading_date: Date32Array,
    bar_start: TimestampMillisecondArray,
    fetched_at: Option<TimestampMillisecondArray>,
    open: Float64Array,
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    volume: Float64Array,
    adj_close: Option<Float64Array>,
}

impl BarColumns {
    pub(super) fn of(batch: &RecordBatch) -> Result<Self> {
        Ok(Self {
            key: [
                texts(batch, "provider")?,
                texts(batch, "provider_symbol")?,
                texts(batch, "interval")?,
                texts(batch, "adjustment")?,
                texts(batch, "session")?,
            ],
            symbol: texts(batch, "symbol")?,
            asset_class: texts(batch, "asset_class")?,
            exchange_mic: texts(batch, "exchange_mic")?,
            currency: texts(batch, "currency")?,
            trading_date: column(batch, "trading_date")?
                .as_primitive_opt::<Date32Type>()
                .cloned()
                .ok_or_else(|| Error::invalid("column trading_date holds no dates"))?,
            bar_start: instants(batch, "bar_start")
                .ok_or_else(|| Error::invalid("there is no column bar_start of instants"))?,
            fetched_at: instants(batch, "fetched_at"),
            open: numbers(batch, "open")?,
            high: numbers(batch, "high")?,
            low: numbers(batch, "low")?,
            close: numbers(batch, "close")?,
            volume: numbers(batch, "volume")?,
            adj_close: batch.column_by_name("adj_close").map(|_| numbers(batch, "adj_close")).transpose()?,
        })
    }

    /// The series of a row. `None` when a part is missing.
    pub(super) fn key(&self, row: usize) -> Option<[&str; 5]> {
        let [provider, provider_symbol, interval, adjustment, session] = &self.key;
        Some([
            text(provider, row)?,
            text(provider_symbol, row)?,
            text(interval, row)?,
            text(adjustment, row)?,
            text(session, row)?,
        ])
    }

    /// The bar of a row. `None` when it has no date or start.
    pub(super) fn bar(&self, row: usize) -> Option<Bar> {
        Some(Bar {
            trading_date: date_from_days(value(&self.trading_date, row)?)?,
            bar_start_ms: value(&self.bar_start, row)?,
            open: value(&self.open, row),
            high: value(&self.high, row),
            low: value(&self.low, row),
            close: value(&self.close, row),
            volume: value(&self.volume, row),
        })
    }

    pub(super) fn symbol(&self, row: usize) -> Option<&str> {
        text(&self.symbol, row)
    }

    pub(super) fn asset_class(&self, row: usize) -> Option<&str> {
        text(&self.asset_class, row)
    }

    pub(super) fn exchange_mic(&self, row: usize) -> Option<&str> {
        text(&self.exchange_mic, row)
    }

    pub(super) fn currency(&self, row: usize) -> Option<&str> {
        text(&self.currency, row)
    }

    /// The provider's adjusted close, also one that is no price.
    pub(super) fn adj_close(&self, row: usize) -> Option<f64> {
        self.adj_close.as_ref().and_then(|closes| value(closes, row))
    }

    pub(super) fn fetched_at(&self, row: usize) -> Option<i64> {
        self.fetched_at.as_ref().and_then(|instants| value(instants, row))
    }
}

pub(super) fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::invalid(format!("there is no column {name}")))
}

/// A text column, dictionary-coded or not.
pub(super) fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray> {
    Ok(cast(column(batch, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A number column as doubles.
pub(super) fn numbers(batch: &RecordBatch, name: &str) -> Result<Float64Array> {
    let array = column(batch, name)?;
    if !array.data_type().is_numeric() {
        return Err(Error::invalid(format!("column {name} holds no numbers")));
    }
    Ok(cast(array, &DataType::Float64)?.as_primitive().clone())
}

fn instants(batch: &RecordBatch, name: &str) -> Option<TimestampMillisecondArray> {
    batch.column_by_name(name)?.as_primitive_opt::<TimestampMillisecondType>().cloned()
}

fn text(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn value<T: arrow::datatypes::ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

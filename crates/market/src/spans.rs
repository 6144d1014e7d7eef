//! What has to be known of the past before a batch of bars can be judged.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};

use super::bars::{BarColumns, SeriesKey};
use super::{LookBack, MarketColumns};
use quotelake_contract::Contract;
use quotelake_core::Result;

/// The series of some bars, and the dates between which each has bars.
#[derive(Debug, Clone, Default)]
pub struct SeriesSpans {
    spans: HashMap<SeriesKey, (NaiveDate, NaiveDate)>,
    fetched_ms: Option<i64>,
}

impl SeriesSpans {
    /// Adds the bars of a batch; rows without a date, a start or a part of their key are passed over. `InvalidInput` when the
    /// batch lacks a column of the bar contracts.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = BarColumns::of(batch)?;
        for row in 0..batch.num_rows() {
            let (Some(key), Some(bar)) = (columns.key(row), columns.bar(row)) else { continue };
            let date = bar.trading_date;
            let span = self.spans.entry(key.into()).or_insert((date, date));
            *span = (span.0.min(date), span.1.max(date));
            self.fetched_ms = self.fetched_ms.max(columns.fetched_at(row));
        }
        Ok(())
    }

    /// When the newest of the bars was fetched: lateness is measured against it, so that the same bars are as late whenever
    /// they are judged.
    pub fn fetched_at(&self) -> Option<DateTime<Utc>> {
        self.fetched_ms.and_then(DateTime::from_timestamp_millis)
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Whether the series is one of these.
    pub fn contains(&self, key: &SeriesKey) -> bool {
        self.spans.contains_key(key)
    }

    /// Each series with its first and last date.
    pub fn iter(&self) -> impl Iterator<Item = (&SeriesKey, NaiveDate, NaiveDate)> {
        self.spans.iter().map(|(key, (first, last))| (key, *first, *last))
    }
}

impl LookBack {
    /// Adds the rows of a published batch that belong to one of the wanted series.
    pub fn add_wanted(&mut self, batch: &RecordBatch, wanted: &SeriesSpans) -> Result<()> {
        let columns = BarColumns::of(batch)?;
        for row in 0..batch.num_rows() {
            let (Some(key), Some(bar)) = (columns.key(row), columns.bar(row)) else { continue };
            let key = SeriesKey::from(key);
            if wanted.contains(&key) {
                self.push(key, bar, columns.currency(row));
            }
        }
        Ok(())
    }

    /// How many bars of a series lie before a date.
    pub fn bars_before(&self, key: &SeriesKey, date: NaiveDate) -> usize {
        self.of(key).map_or(0, |published| published.bars.partition_point(|bar| bar.trading_date < date))
    }
}

impl MarketColumns {
    /// The columns that bars are read from. A contract that has them all declares bars.
    pub const SOURCES: [&'static str; 16] = [
        "provider",
        "provider_symbol",
        "symbol",
        "asset_class",
        "exchange_mic",
        "interval",
        "trading_date",
        "bar_start",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "adjustment",
        "session",
        "currency",
    ];

    /// Columns that are read where they are.
    pub const OPTIONAL_SOURCES: [&'static str; 2] = ["adj_close", "fetched_at"];

    /// Whether the columns can be computed for rows of this contract.
    pub fn fit(contract: &Contract) -> bool {
        Self::SOURCES.iter().all(|name| contract.index_of(name).is_some())
    }
}

//! Yahoo's shapes, serde only. The endpoint has no documentation; these are the fields that answers have.
//!
//! Values stay raw JSON until each is read for itself: arrays run in parallel, hold `null`, and now and then something that is no
//! number.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::read::Raw;

#[derive(Debug, Deserialize)]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub(super) chart: Chart<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chart<'a> {
    #[serde(borrow, default)]
    pub(super) result: Option<Vec<Series<'a>>>,
    #[serde(default)]
    pub(super) error: Option<ChartError>,
}

/// Why there is no chart; it also comes with status 200.
#[derive(Debug, Deserialize)]
pub(super) struct ChartError {
    pub(super) code: Option<String>,
    pub(super) description: Option<String>,
}

impl ChartError {
    pub(super) fn text(&self) -> String {
        let code = self.code.as_deref().unwrap_or("no code");
        format!("{code}: {}", self.description.as_deref().unwrap_or("no text"))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Series<'a> {
    #[serde(borrow)]
    pub(super) meta: Meta<'a>,
    /// Unix seconds; absent when there is no bar.
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) events: Option<Events<'a>>,
    #[serde(borrow)]
    pub(super) indicators: Indicators<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Meta<'a> {
    /// `USD`, but also `GBp`; missing at times.
    #[serde(default)]
    pub(super) currency: Option<String>,
    pub(super) symbol: String,
    /// The length of the bars, which is not always the one that was asked for: `1d`, `1h`, `1wk`.
    #[serde(default, rename = "dataGranularity")]
    pub(super) granularity: Option<String>,
    /// Unix seconds of the last trade.
    #[serde(default, rename = "regularMarketTime")]
    pub(super) regular_market_time: Option<i64>,
    /// Unix seconds of the first trade; `null` and 0 at times.
    #[serde(borrow, default, rename = "firstTradeDate")]
    pub(super) first_trade_date: Raw<'a>,
    #[serde(default, rename = "exchangeTimezoneName")]
    pub(super) exchange_timezone: Option<String>,
    /// How far behind the market the answer is, minutes.
    #[serde(default, rename = "exchangeDataDelayedBy")]
    pub(super) delayed_by: Option<u32>,
    /// Sessions of intraday bars: an array of arrays, or a map with `regular`, which holds one.
    #[serde(borrow, default, rename = "tradingPeriods")]
    pub(super) trading_periods: Raw<'a>,
    /// The session that runs, or the next one.
    #[serde(borrow, default, rename = "currentTradingPeriod")]
    pub(super) current_period: Raw<'a>,
}

/// One session, Unix seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Period {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// `currentTradingPeriod`.
#[derive(Debug, Deserialize)]
pub(super) struct CurrentPeriod {
    pub(super) regular: Period,
}

/// The map form of `tradingPeriods`.
#[derive(Debug, Deserialize)]
pub(super) struct PeriodsByKind {
    pub(super) regular: Vec<Vec<Period>>,
}

/// Events by a key that is the bar's stamp, not the event's day: that is in `date`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Events<'a> {
    #[serde(borrow, default)]
    pub(super) dividends: BTreeMap<String, &'a RawValue>,
    #[serde(borrow, default)]
    pub(super) splits: BTreeMap<String, &'a RawValue>,
    #[serde(borrow, default, rename = "capitalGains")]
    pub(super) capital_gains: BTreeMap<String, &'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Dividend<'a> {
    #[serde(borrow, default)]
    pub(super) amount: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) date: Raw<'a>,
    /// May differ from that of the prices.
    #[serde(default)]
    pub(super) currency: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Split<'a> {
    #[serde(borrow, default)]
    pub(super) date: Raw<'a>,
    /// Shares after.
    #[serde(borrow, default)]
    pub(super) numerator: Raw<'a>,
    /// Shares before.
    #[serde(borrow, default)]
    pub(super) denominator: Raw<'a>,
    /// The same in words, `3:2`; at times the only one.
    #[serde(borrow, default, rename = "splitRatio")]
    pub(super) ratio: Raw<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Indicators<'a> {
    #[serde(borrow, default)]
    pub(super) quote: Vec<Quote<'a>>,
    #[serde(borrow, default)]
    pub(super) adjclose: Option<Vec<AdjClose<'a>>>,
}

pub(super) type Column<'a> = Option<Vec<Option<&'a RawValue>>>;

/// Parallel to `timestamp`; an empty object when there is no bar.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Quote<'a> {
    #[serde(borrow, default)]
    pub(super) open: Column<'a>,
    #[serde(borrow, default)]
    pub(super) high: Column<'a>,
    #[serde(borrow, default)]
    pub(super) low: Column<'a>,
    #[serde(borrow, default)]
    pub(super) close: Column<'a>,
    #[serde(borrow, default)]
    pub(super) volume: Column<'a>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AdjClose<'a> {
    #[serde(borrow, default)]
    pub(super) adjclose: Column<'a>,
}

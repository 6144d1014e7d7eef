//! Yahoo's shapes, serde only. The endpoint has no documentation; these are the fields that answers have.
//!
//! Values stay raw JSON until each is read for itself: arrays run in parallel, hold `null`, and now and then something that is no
//! number. What is beside the prices costs itself where it is of another shape, and no price.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::read::{Lenient, Raw};

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
    pub(super) events: Lenient<'a, Events<'a>>,
    #[serde(borrow)]
    pub(super) indicators: Indicators<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Meta<'a> {
    /// `USD`, but also `GBp`; missing at times.
    #[serde(borrow, default)]
    pub(super) currency: Lenient<'a, String>,
    pub(super) symbol: String,
    /// The length of the bars, which is not always the one that was asked for: `1d`, `1h`, `1wk`.
    #[serde(borrow, default, rename = "dataGranularity")]
    pub(super) granularity: Lenient<'a, String>,
    /// Unix seconds of the last trade.
    #[serde(borrow, default, rename = "regularMarketTime")]
    pub(super) regular_market_time: Raw<'a>,
    /// Unix seconds of the first trade; `null` and 0 at times.
    #[serde(borrow, default, rename = "firstTradeDate")]
    pub(super) first_trade_date: Raw<'a>,
    #[serde(borrow, default, rename = "exchangeTimezoneName")]
    pub(super) exchange_timezone: Lenient<'a, String>,
    /// How far behind the market the answer is, minutes.
    #[serde(borrow, default, rename = "exchangeDataDelayedBy")]
    pub(super) delayed_by: Raw<'a>,
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

#[derive(Debug, Default, Deserialize)]
pub(super) struct Events<'a> {
    #[serde(borrow, default)]
    pub(super) dividends: Lenient<'a, EventList<'a>>,
    #[serde(borrow, default)]
    pub(super) splits: Lenient<'a, EventList<'a>>,
    #[serde(borrow, default, rename = "capitalGains")]
    pub(super) capital_gains: Lenient<'a, EventList<'a>>,
}

/// Events by a key that is the bar's stamp, not the event's day: that is in `date`. All of them, also those of one key, and also where
/// they come as an array, as an empty object of some languages does; in the order of their keys.
#[derive(Debug, Default)]
pub(super) struct EventList<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for EventList<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = EventList<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("events")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
                    all.push(entry);
                }
                all.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(EventList(all))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(raw) = list.next_element::<&'de RawValue>()? {
                    all.push((all.len().to_string(), raw));
                }
                Ok(EventList(all))
            }
        }
        deserializer.deserialize_any(All)
    }
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
    pub(super) adjclose: Lenient<'a, Vec<Lenient<'a, AdjClose<'a>>>>,
}

/// A column of prices, which a bar cannot do without.
pub(super) type Column<'a> = Option<Vec<Option<&'a RawValue>>>;

/// A column that is for information.
pub(super) type InfoColumn<'a> = Lenient<'a, Vec<Option<&'a RawValue>>>;

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
    pub(super) volume: InfoColumn<'a>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct AdjClose<'a> {
    #[serde(borrow, default)]
    pub(super) adjclose: InfoColumn<'a>,
}

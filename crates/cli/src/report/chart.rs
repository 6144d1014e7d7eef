//! The data of the charts, as the page's script reads it.
//!
//! Five hundred symbols over thirteen years are more than a million closes, so dates are written once, in a
//! calendar that all symbols share, and a symbol's values are strings that the script takes apart when the
//! symbol is first drawn:
//!
//! ```json
//! {"calendar": ["2024-03-27", "2024-03-28", "2024-04-01"],
//!  "series": [{"symbol": "ABC", "provider": "polygon", "adjustment": "raw", "prices": "as traded", "currency": "USD",
//!              "start": 1, "closes": "10.5,10.75", "splits": [{"date": "2024-04-01", "ratio": "4:1"}],
//!              "factors": [["2024-03-27", "2024-03-31", "0.25", "4"]],
//!              "candles": {"start": 2, "open": "10.6", "high": "10.8", "low": "10.5", "volume": "1200"},
//!              "months": [["2024-04", 2.38]], "years": []}]}
//! ```
//!
//! `start` is the place of the first value in the calendar. A day without a value is an empty place; so is one
//! whose value is no decimal, and what is at no date is left out: neither can be drawn. A factor holds from its first
//! date to its second one, to the end where that is `null`: for prices, then for volumes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use quotelake_core::visible;
use serde_json::{Value, json};

use super::data::{Candle, PriceSeries, Split};
use super::words::prices_are;
use crate::number::plain;

/// What `report.js` finds in `#report-data`.
pub(super) fn payload(prices: &[PriceSeries]) -> Value {
    let dates = prices.iter().flat_map(|of| &of.dates).map(String::as_str);
    let calendar: BTreeSet<&str> = dates.filter(|date| is_date(date)).collect();
    let place: BTreeMap<&str, usize> = calendar.iter().enumerate().map(|(at, date)| (*date, at)).collect();
    let series: Vec<Value> = prices.iter().map(|of| one_series(of, &place)).collect();
    json!({ "calendar": calendar, "series": series })
}

fn one_series(of: &PriceSeries, place: &BTreeMap<&str, usize>) -> Value {
    let days = of.dates.iter().map(|date| place.get(date.as_str()).copied());
    let (start, closes) = packed(days.zip(&of.closes).map(|(day, close)| (day, Some(close.as_str()))));
    let splits: Vec<Value> =
        of.splits.iter().map(|split| json!({ "date": split.ex_date, "ratio": ratio(split) })).collect();
    let factors: Vec<Value> =
        of.factors.iter().map(|of| json!([of.from, of.to, plain(&of.price), plain(&of.volume)])).collect();
    json!({
        "symbol": visible(&of.symbol),
        "provider": visible(&of.provider),
        "adjustment": visible(&of.adjustment),
        "prices": visible(prices_are(&of.adjustment)),
        "currency": visible(&of.currency),
        "start": start,
        "closes": closes,
        "splits": splits,
        "factors": factors,
        "candles": candles(of, place),
        "months": of.monthly_returns,
        "years": of.yearly_returns,
    })
}

fn candles(of: &PriceSeries, place: &BTreeMap<&str, usize>) -> Value {
    let first = of.dates.len().saturating_sub(of.candles.len());
    let days: Vec<Option<usize>> =
        of.dates[first..].iter().map(|date| place.get(date.as_str()).copied()).collect();
    let start = days.iter().flatten().min().copied().unwrap_or_default();
    let column = |pick: fn(&Candle) -> Option<&str>| {
        let values = days.iter().copied().zip(of.candles.iter().map(pick));
        let (from, text) = packed(values);
        // All columns begin at the same place.
        format!("{}{text}", ",".repeat(from.saturating_sub(start)))
    };
    json!({
        "start": start,
        "open": column(|of| of.open.as_deref()),
        "high": column(|of| of.high.as_deref()),
        "low": column(|of| of.low.as_deref()),
        "volume": column(|of| of.volume.as_deref()),
    })
}

/// Values by place, as the place of the first and all of them up to the last with commas between.
fn packed<'a>(values: impl Iterator<Item = (Option<usize>, Option<&'a str>)>) -> (usize, String) {
    let by_day: BTreeMap<usize, String> =
        values.filter_map(|(day, value)| Some((day?, plain(value?)?))).collect();
    let start = by_day.keys().next().copied().unwrap_or_default();
    let mut packed = String::new();
    let mut next = start;
    for (day, value) in &by_day {
        packed.extend(std::iter::repeat_n(',', day - next));
        packed.push_str(value);
        next = *day;
    }
    (start, packed)
}

/// Whether the script can place it: a date of the calendar, in the one form that also sorts as text.
fn is_date(text: &str) -> bool {
    text.len() == "YYYY-MM-DD".len() && text.parse::<NaiveDate>().is_ok()
}

/// A split as a market says it: `4:1`.
fn ratio(split: &Split) -> String {
    let terms = |text: &str| plain(text).unwrap_or_else(|| visible(text).into_owned());
    format!("{}:{}", terms(&split.new_shares), terms(&split.old_shares))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::data::FactorPeriod;

    fn closes(symbol: &str, days: &[(&str, &str)]) -> PriceSeries {
        PriceSeries {
            symbol: symbol.to_owned(),
            provider: "polygon".to_owned(),
            adjustment: "raw".to_owned(),
            currency: "USD".to_owned(),
            dates: days.iter().map(|(date, _)| (*date).to_owned()).collect(),
            closes: days.iter().map(|(_, close)| (*close).to_owned()).collect(),
            candles: Vec::new(),
            factors: Vec::new(),
            splits: Vec::new(),
            monthly_returns: Vec::new(),
            yearly_returns: Vec::new(),
            others: Vec::new(),
        }
    }

    #[test]
    fn symbols_share_one_calendar() {
        let mut second = closes("B", &[("2024-01-03", "7"), ("2024-01-05", "8.00")]);
        second.splits.push(Split {
            ex_date: "2024-01-05".to_owned(),
            new_shares: "4.000".to_owned(),
            old_shares: "1".to_owned(),
        });
        let first = closes("A", &[("2024-01-02", "1.50000000"), ("2024-01-03", "2"), ("2024-01-04", "3")]);
        let payload = payload(&[first, second]);
        assert_eq!(payload["calendar"], json!(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]));
        let of = |at: usize| {
            let series = &payload["series"][at];
            (series["start"].clone(), series["closes"].clone(), series["splits"].clone())
        };
        assert_eq!(of(0), (json!(0), json!("1.5,2,3"), json!([])));
        assert_eq!(of(1), (json!(1), json!("7,,8"), json!([{"date": "2024-01-05", "ratio": "4:1"}])));
        assert_eq!(payload["series"][0]["prices"], "as traded");
    }

    #[test]
    fn candles_are_of_the_newest_days_and_begin_together() {
        let mut of = closes("A", &[("2024-01-02", "1"), ("2024-01-03", "2"), ("2024-01-04", "3")]);
        let candle = |open: Option<&str>, high: &str| Candle {
            open: open.map(str::to_owned),
            high: Some(high.to_owned()),
            low: None,
            volume: None,
        };
        of.candles = vec![candle(None, "2.5"), candle(Some("3.0"), "3.5")];
        of.factors = vec![FactorPeriod {
            from: "2024-01-02".into(),
            to: None,
            price: "0.500000000000000000".into(),
            volume: "2.0".into(),
        }];
        let payload = payload(&[of]);
        let series = &payload["series"][0];
        assert_eq!(
            series["candles"],
            json!({"start": 1, "open": ",3", "high": "2.5,3.5", "low": "", "volume": ""})
        );
        assert_eq!(series["factors"], json!([["2024-01-02", null, "0.5", "2"]]));
    }

    #[test]
    fn a_close_that_is_no_decimal_is_a_gap() {
        let payload =
            payload(&[closes("A", &[("2024-01-02", "1"), ("2024-01-03", "NaN"), ("2024-01-04", "3")])]);
        assert_eq!(payload["series"][0]["closes"], "1,,3");
    }

    #[test]
    fn what_is_at_no_date_is_left_out() {
        let days = [("2024-01-02", "1"), ("2024-02-30", "2"), ("2024-1-3", "3"), ("</script>", "4")];
        let payload = payload(&[closes("A", &days)]);
        assert_eq!(payload["calendar"], json!(["2024-01-02"]));
        assert_eq!(payload["series"][0]["closes"], "1");
    }

    #[test]
    fn no_bars_are_an_empty_chart() {
        assert_eq!(payload(&[]), json!({"calendar": [], "series": []}));
        assert_eq!(payload(&[closes("A", &[])])["series"][0]["closes"], "");
    }
}

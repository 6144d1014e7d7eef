//! The data of the chart of closes, as the page's script reads it.
//!
//! Five hundred symbols over thirteen years are more than a million closes, so dates are written once, in a
//! calendar that all symbols share, and a symbol's closes are one string that the script takes apart when the
//! symbol is first drawn:
//!
//! ```json
//! {"calendar": ["2024-03-27", "2024-03-28", "2024-04-01"],
//!  "series": [{"symbol": "ABC", "currency": "USD", "start": 1, "closes": "10.5,10.75", "splits": []}]}
//! ```
//!
//! `start` is the place of the first close in the calendar. A day without a close is an empty place; so is one
//! whose close is no decimal, and what is at no date is left out: neither can be drawn.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::data::{Split, SymbolCloses};
use crate::number::plain;

/// What `report.js` finds in `#report-data`.
pub(super) fn payload(closes: &[SymbolCloses]) -> Value {
    let dates = closes.iter().flat_map(|of| &of.dates).map(String::as_str);
    let calendar: BTreeSet<&str> = dates.filter(|date| is_date(date)).collect();
    let place: BTreeMap<&str, usize> = calendar.iter().enumerate().map(|(at, date)| (*date, at)).collect();
    let series: Vec<Value> = closes.iter().map(|of| one_series(of, &place)).collect();
    json!({ "calendar": calendar, "series": series })
}

fn one_series(of: &SymbolCloses, place: &BTreeMap<&str, usize>) -> Value {
    let by_day: BTreeMap<usize, String> = of
        .dates
        .iter()
        .zip(&of.closes)
        .filter_map(|(date, close)| Some((*place.get(date.as_str())?, plain(close)?)))
        .collect();
    let start = by_day.keys().next().copied().unwrap_or_default();

    let mut closes = String::new();
    let mut next = start;
    for (day, close) in &by_day {
        closes.extend(std::iter::repeat_n(',', day - next));
        closes.push_str(close);
        next = *day;
    }
    let splits: Vec<Value> =
        of.splits.iter().map(|split| json!({ "date": split.ex_date, "ratio": ratio(split) })).collect();
    json!({ "symbol": of.symbol, "currency": of.currency, "start": start, "closes": closes, "splits": splits })
}

/// Whether the script can place it: a date of the calendar, in the one form that also sorts as text.
fn is_date(text: &str) -> bool {
    text.len() == "YYYY-MM-DD".len() && text.parse::<NaiveDate>().is_ok()
}

/// A split as a market says it: `4:1`.
fn ratio(split: &Split) -> String {
    let terms = |text: &str| plain(text).unwrap_or_else(|| text.to_owned());
    format!("{}:{}", terms(&split.new_shares), terms(&split.old_shares))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes(symbol: &str, days: &[(&str, &str)]) -> SymbolCloses {
        SymbolCloses {
            symbol: symbol.to_owned(),
            currency: "USD".to_owned(),
            dates: days.iter().map(|(date, _)| (*date).to_owned()).collect(),
            closes: days.iter().map(|(_, close)| (*close).to_owned()).collect(),
            splits: Vec::new(),
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
        assert_eq!(
            payload(&[first, second]),
            json!({
                "calendar": ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"],
                "series": [
                    {"symbol": "A", "currency": "USD", "start": 0, "closes": "1.5,2,3", "splits": []},
                    {"symbol": "B", "currency": "USD", "start": 1, "closes": "7,,8",
                     "splits": [{"date": "2024-01-05", "ratio": "4:1"}]},
                ],
            })
        );
    }

    #[test]
    fn a_close_that_is_no_decimal_is_a_gap() {
        let payload =
            payload(&[closes("A", &[("2024-01-02", "1"), ("2024-01-03", "NaN"), ("2024-01-04", "3")])]);
        assert_eq!(payload["series"][0]["closes"], "1,,3");
    }

    #[test]
    fn what_stands_at_no_date_is_left_out() {
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

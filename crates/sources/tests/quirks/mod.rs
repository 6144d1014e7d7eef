//! Answers as vendors send them on a bad day, made by hand: the rows that come out, value by value.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use crate::support;

mod asked;
mod brazil;
mod days;
mod units;

use quotelake_core::{FetchUnit, UnitInstrument};
use quotelake_sources::brapi::Brapi;
use quotelake_sources::fii::{Fii, Profile};
use quotelake_sources::polygon::Polygon;
use quotelake_sources::record::{Bar, Cell, Dividend, Split};
use quotelake_sources::yahoo::Yahoo;
use quotelake_sources::{Disposition, FailureKind, Mapped, RawResponse, Record, Rows, Source};
use serde_json::{Value, json};
use support::{bars, map};

fn unit(endpoint: &str, symbol: &str, interval: &str, window: (&str, &str)) -> FetchUnit {
    FetchUnit {
        id: format!("test/{endpoint}/{symbol}"),
        endpoint: endpoint.into(),
        symbol: Some(symbol.into()),
        interval: Some(interval.into()),
        from: Some(window.0.into()),
        to: Some(window.1.into()),
        exchange_tz: "America/New_York".into(),
        exchange_mic: Some("XNYS".into()),
        currency: Some("USD".into()),
        asset_class: "equity".into(),
        ..FetchUnit::default()
    }
}

fn response(status: u16, body: &str) -> RawResponse {
    let headers = vec![("content-type".into(), "application/json".into())];
    RawResponse { status, headers, body: body.to_owned().into() }
}

fn dividends(mapped: &Mapped) -> Vec<&Dividend> {
    let dividends = mapped.records.iter().filter_map(|record| match record {
        Record::Dividends(dividend) => Some(dividend),
        _ => None,
    });
    dividends.collect()
}

fn splits(mapped: &Mapped) -> Vec<&Split> {
    let splits = mapped.records.iter().filter_map(|record| match record {
        Record::Splits(split) => Some(split),
        _ => None,
    });
    splits.collect()
}

fn text<T: ToString>(cell: &Option<Cell<T>>) -> String {
    match cell {
        None => "missing".into(),
        Some(Cell::Value(value)) => value.to_string(),
        Some(Cell::Refused(refusal)) => format!("refused: {} {}", refusal.value(), refusal.reason()),
    }
}

/// What was refused of rows besides what could not be read.
fn refused(mapped: &Mapped) -> Vec<Vec<String>> {
    let of = |record: &Record| {
        let refusals = record.refusals().iter();
        refusals.map(|(column, why)| format!("{column} {} {}", why.value(), why.reason())).collect()
    };
    mapped.records.iter().map(of).collect()
}

/// A chart: its meta beside the symbol, stamps, and the columns of quotes.
fn chart(symbol: &str, meta: &Value, stamps: &[i64], quote: &Value, events: &Value) -> String {
    let mut whole = json!({"symbol": symbol, "exchangeTimezoneName": "America/New_York"});
    for (name, value) in meta.as_object().unwrap() {
        whole[name] = value.clone();
    }
    json!({"chart": {"result": [{
        "meta": whole, "timestamp": stamps, "indicators": {"quote": [quote]}, "events": events,
    }], "error": null}})
    .to_string()
}

const CHART: &str = "chart/daily_bars+dividends+splits";
const MARCH: (&str, &str) = ("2024-03-01", "2024-03-31");
/// 2024-03-04, 05 and 06 at the open of New York.
const OPENS: [i64; 3] = [1_709_562_600, 1_709_649_000, 1_709_735_400];
const LATER: &str = "2024-04-15T12:00:00Z";

#[test]
fn a_dividend_holds_the_capital_gain_of_its_day() {
    let read = |dividend: f64, gain: f64| {
        let events = json!({
            "dividends": {"1": {"amount": dividend, "date": OPENS[0]}, "2": {"amount": 0.5, "date": OPENS[1]}},
            "capitalGains": {"1": {"amount": gain, "date": OPENS[0]}},
        });
        let body =
            chart("FUND", &json!({"currency": "USD"}), &OPENS[..1], &json!({"close": [40.0]}), &events);
        let mapped = map(&Yahoo::default(), &unit(CHART, "FUND", "1d", MARCH), LATER, &body);
        let row = |one: &&Dividend| (text(&one.dividend_type), text(&one.amount));
        dividends(&mapped).iter().map(row).collect::<Vec<_>>()
    };
    let rows = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
        rows.iter().map(|(kind, amount)| ((*kind).to_owned(), (*amount).to_owned())).collect()
    };
    assert_eq!(read(2.75, 2.4), rows(&[("cash", "0.35"), ("cash", "0.5"), ("capital_gain", "2.4")]));
    assert_eq!(read(2.4, 2.4), rows(&[("cash", "0.5"), ("capital_gain", "2.4")]));
    // In no dividend of its day: it is beside them.
    assert_eq!(read(0.3, 2.4), rows(&[("cash", "0.3"), ("cash", "0.5"), ("capital_gain", "2.4")]));
    // As 32-bit floats are printed.
    assert_eq!(
        read(f64::from(2.75_f32), f64::from(2.4_f32)),
        rows(&[("cash", "0.35"), ("cash", "0.5"), ("capital_gain", "2.4")])
    );
}

#[test]
fn an_informational_column_of_another_length_costs_no_price() {
    let body = |quote: &Value, adjusted: &Value| {
        let mut whole: Value =
            serde_json::from_str(&chart("ODD", &json!({"currency": "USD"}), &OPENS, quote, &json!({})))
                .unwrap();
        whole["chart"]["result"][0]["indicators"]["adjclose"] = json!([{"adjclose": adjusted}]);
        whole.to_string()
    };
    let quote = json!({"close": [20, 21, 22], "volume": [5, 6]});
    let asked = unit(CHART, "ODD", "1d", MARCH);
    let short = body(&quote, &json!([19, 20, 21, 22]));
    assert_eq!(Yahoo::default().classify(&response(200, &short), &asked), Disposition::Ok(Rows(3)));
    let mapped = map(&Yahoo::default(), &asked, LATER, &short);
    let rows: Vec<_> =
        bars(&mapped).iter().map(|bar| [text(&bar.close), text(&bar.volume), text(&bar.adj_close)]).collect();
    let missing = "refused: \"2 values\" for 3 stamps";
    assert_eq!(rows[1], ["21", missing, "refused: \"4 values\" for 3 stamps"]);
    assert_eq!(rows.len(), 3);
    // A price column of another length is no answer: which price is whose cannot be told.
    let quote = json!({"close": [20, 21], "volume": [5, 6, 7]});
    let judged = Yahoo::default().classify(&response(200, &body(&quote, &json!([19, 20, 21]))), &asked);
    assert!(
        matches!(&judged, Disposition::Permanent(failure) if failure.message.contains("2 values for 3 stamps")),
        "{judged:?}"
    );
}

#[test]
fn a_split_in_words_is_one() {
    let read = |split: Value| {
        let events = json!({"splits": {"1": split}});
        let body = chart("ANY", &json!({"currency": "USD"}), &OPENS[..1], &json!({"close": [40.0]}), &events);
        let mapped = map(&Yahoo::default(), &unit(CHART, "ANY", "1d", MARCH), LATER, &body);
        let split = splits(&mapped)[0];
        (text(&split.split_from), text(&split.split_to), split.split_type)
    };
    let forward = ("2".to_owned(), "3".to_owned(), Some("split"));
    assert_eq!(read(json!({"date": OPENS[0], "splitRatio": "3:2"})), forward);
    assert_eq!(
        read(json!({"date": OPENS[0], "numerator": null, "denominator": 2, "splitRatio": "3/2"})),
        forward
    );
    assert_eq!(read(json!({"date": OPENS[0], "numerator": "3", "denominator": "2.0"})), forward);
    let reverse = ("10".to_owned(), "1".to_owned(), Some("reverse"));
    assert_eq!(read(json!({"date": OPENS[0], "splitRatio": "1:10"})), reverse);
    let (from, to, kind) = read(json!({"date": OPENS[0], "splitRatio": "many"}));
    assert_eq!((from.as_str(), to.as_str(), kind), ("missing", "missing", None));
}

fn of_brazil(endpoint: &str, symbols: &[&str], window: (&str, &str)) -> FetchUnit {
    let instrument = |symbol: &&str| UnitInstrument {
        symbol: (*symbol).into(),
        mic: Some("BVMF".into()),
        currency: Some("BRL".into()),
        asset_class: "equity".into(),
    };
    FetchUnit {
        symbol: None,
        exchange_tz: "America/Sao_Paulo".into(),
        exchange_mic: None,
        currency: None,
        instruments: symbols.iter().map(instrument).collect(),
        ..unit(endpoint, "several", "1d", window)
    }
}

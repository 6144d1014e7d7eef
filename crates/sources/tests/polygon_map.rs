//! Polygon's pages to canonical lines.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use crate::support;

use crate::support::{envelope, fixture, job, lines};
use chrono::{Datelike as _, NaiveDate, TimeDelta, TimeZone as _, Utc, Weekday};
use proptest::prelude::*;
use quotelake_contract::Contracts;
use quotelake_core::{Decimal, FetchUnit};
use quotelake_sources::polygon::Polygon;
use quotelake_sources::record::{Bar, Cell, Dividend, Split};
use quotelake_sources::{DatasetName, Interval, Mapped, Record, Source as _};

const NIGHT_AFTER: &str = "2023-01-11T03:00:00.250Z";

/// A unit without a window: the pages are of many years.
fn unit(symbol: &str, dataset: DatasetName) -> FetchUnit {
    FetchUnit { from: None, to: None, ..support::unit(symbol, dataset) }
}

fn map(dataset: DatasetName, symbol: &str, body: &[u8]) -> Mapped {
    Polygon::default().transform(&envelope(unit(symbol, dataset), NIGHT_AFTER, body)).unwrap()
}

fn refusal(dataset: DatasetName, symbol: &str, body: &[u8]) -> String {
    Polygon::default().transform(&envelope(unit(symbol, dataset), NIGHT_AFTER, body)).unwrap_err().to_string()
}

fn bars(mapped: &Mapped) -> Vec<&Bar> {
    mapped
        .records
        .iter()
        .map(|record| match record {
            Record::DailyBars(bar) | Record::IntradayBars(bar) => bar,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn fields_are_the_contracts_columns() {
    let contracts = Contracts::built_in().unwrap();
    for (dataset, columns) in [
        ("daily_bars", Bar::COLUMNS),
        ("intraday_bars", Bar::COLUMNS),
        ("dividends", Dividend::COLUMNS),
        ("splits", Split::COLUMNS),
    ] {
        let contract = &contracts.get(dataset).unwrap().contract;
        let declared: Vec<&str> =
            contract.columns.iter().filter(|c| c.is_read()).map(|c| c.name.as_str()).collect();
        assert_eq!(columns, declared, "{dataset}");
    }
}

#[test]
fn daily_bars() {
    let mapped = map(DatasetName::DailyBars, "AAPL", &fixture("daily_bars_across_dst.json"));
    assert!(mapped.warnings.is_empty());
    insta::assert_snapshot!(lines(&mapped));
}

#[test]
fn a_bad_bar_costs_only_itself() {
    let mapped = map(DatasetName::DailyBars, "AAPL", &fixture("one_bad_bar.json"));
    insta::assert_snapshot!(lines(&mapped));
    insta::assert_snapshot!(mapped.warnings.join("\n"));
}

#[test]
fn numbers_keep_their_digits() {
    let mapped = map(DatasetName::DailyBars, "AAPL", &fixture("numbers_of_every_kind.json"));
    let bars = bars(&mapped);
    let number = |text: &str| Some(Cell::Value(text.parse::<Decimal>().unwrap()));
    assert_eq!(bars[0].open, number("9999999999.99999999"));
    assert_eq!(bars[0].volume, number("0.000001"));
    assert_eq!(bars[0].trade_count, Some(Cell::Value(1000)));
    assert_eq!(bars[1].close, number("12.34"));
    assert_eq!(bars[1].open, None);
    insta::assert_snapshot!(lines(&mapped));
}

#[test]
fn intraday_bars() {
    let polygon = Polygon::default();
    let mut job = job(&["AAPL"], &[DatasetName::IntradayBars]);
    job.intraday_interval = Some(Interval::Minute5);
    let unit = FetchUnit { from: None, to: None, ..polygon.plan(&job).unwrap().remove(0) };
    // The bar of 14:30Z ended at 14:35Z and is open to late trades until 14:50Z.
    let mapped = polygon
        .transform(&envelope(unit, "2023-01-03T14:49:59Z", &fixture("intraday_across_sessions.json")))
        .unwrap();
    insta::assert_snapshot!(lines(&mapped));
    assert_eq!(bars(&mapped).iter().map(|bar| bar.is_final).collect::<Vec<_>>(), [Some(true), Some(false)]);
}

#[test]
fn dividends_and_splits() {
    insta::assert_snapshot!(
        "dividend_kinds",
        lines(&map(DatasetName::Dividends, "MSFT", &fixture("dividend_kinds.json")))
    );
    let mapped = map(DatasetName::Dividends, "CSSEN", &fixture("dividends_without_currency.json"));
    assert_eq!(mapped.records.len(), 8);
    assert!(lines(&mapped).lines().all(|line| line.contains(r#""currency":"USD","quote_unit":"USD""#)));
    insta::assert_snapshot!(
        "splits_both_ways",
        lines(&map(DatasetName::Splits, "GE", &fixture("splits_both_ways.json")))
    );
}

#[test]
fn without_a_currency_the_line_has_none() {
    let mut unit = unit("CSSEN", DatasetName::Dividends);
    unit.currency = None;
    let envelope = envelope(unit, NIGHT_AFTER, &fixture("dividends_without_currency.json"));
    let mapped = Polygon::default().transform(&envelope).unwrap();
    assert!(!lines(&mapped).contains("currency"));
    assert_eq!(mapped.warnings[0], "results[0].currency is missing, and the watchlist gives none");
}

#[test]
fn without_an_exchange_the_symbol_is_the_ticker() {
    let mut unit = unit("AAPL", DatasetName::DailyBars);
    unit.exchange_mic = None;
    let envelope = envelope(unit, NIGHT_AFTER, &fixture("daily_bars_across_dst.json"));
    let mapped = Polygon::default().transform(&envelope).unwrap();
    assert_eq!(bars(&mapped)[0].symbol.as_deref(), Some("AAPL"));
    assert!(!lines(&mapped).contains("exchange_mic"));
}

#[test]
fn a_page_that_must_not_be_believed_is_refused() {
    let daily = DatasetName::DailyBars;
    insta::assert_snapshot!(refusal(daily, "AAPL", &fixture("adjusted_prices.json")), @"unit polygon/aggregates/AAPL/1d/2000-03-01/2013-03-01, page 0: the page's prices are adjusted, unadjusted ones were asked for");
    insta::assert_snapshot!(refusal(daily, "IBM", &fixture("one_bad_bar.json")), @r#"unit polygon/aggregates/IBM/1d/2000-03-01/2013-03-01, page 0: ticker is "AAPL", "IBM" was asked for"#);
    insta::assert_snapshot!(refusal(DatasetName::Splits, "IBM", &fixture("splits_of_many_tickers.json")), @r#"unit polygon/splits/IBM, page 0: results are of "GOOGL" and others, "IBM" was asked for"#);
    insta::assert_snapshot!(refusal(daily, "AAPL", br#"{"status":"ERROR","error":"no"}"#), @r#"unit polygon/aggregates/AAPL/1d/2000-03-01/2013-03-01, page 0: status "ERROR": no"#);
    insta::assert_snapshot!(refusal(daily, "AAPL", b"<html>"), @"unit polygon/aggregates/AAPL/1d/2000-03-01/2013-03-01, page 0: the body is not the documented JSON: expected value at line 1 column 1");
    insta::assert_snapshot!(refusal(daily, "AAPL", br#"{"status":"OK","ticker":"AAPL","results":[{}]}"#), @"unit polygon/aggregates/AAPL/1d/2000-03-01/2013-03-01, page 0: adjusted is missing: the page does not say whether its prices are adjusted");
    for empty in [
        r#"{"status":"OK","adjusted":true}"#,
        r#"{"status":"OK","results":null}"#,
        r#"{"status":"DELAYED","results":[]}"#,
    ] {
        assert_eq!(map(daily, "AAPL", empty.as_bytes()), Mapped::default(), "{empty}");
    }
}

fn one_bar(t: i64) -> Vec<u8> {
    format!(r#"{{"ticker":"AAPL","adjusted":false,"status":"OK","results":[{{"o":1,"h":1,"l":1,"c":1,"v":1,"t":{t}}}]}}"#)
        .into_bytes()
}

#[test]
fn a_daily_bar_is_final_when_the_extended_session_is_over() {
    // 2013-03-01 in New York: 20:00 EST is 01:00Z of the next day. 2013-07-01: 20:00 EDT is 00:00Z.
    for (t, last_open, settled) in [
        (1_362_114_000_000, "2013-03-02T00:59:59.999Z", "2013-03-02T01:00:00Z"),
        (1_372_651_200_000, "2013-07-01T23:59:59.999Z", "2013-07-02T00:00:00Z"),
    ] {
        for (fetched_at, is_final) in [(last_open, false), (settled, true)] {
            let envelope = envelope(unit("AAPL", DatasetName::DailyBars), fetched_at, &one_bar(t));
            let mapped = Polygon::default().transform(&envelope).unwrap();
            assert_eq!(bars(&mapped)[0].is_final, Some(is_final), "{fetched_at}");
        }
    }
}

#[test]
fn a_stamp_outside_the_calendar_leaves_its_date_open() {
    let mapped = map(DatasetName::DailyBars, "AAPL", &one_bar(i64::MAX));
    let bar = bars(&mapped)[0];
    assert_eq!((bar.trading_date, bar.bar_start, bar.is_final), (None, None, None));
    assert_eq!(bar.provider_ts, Some(Cell::Value(i64::MAX)));
    assert_eq!(mapped.warnings, ["results[0].t is outside the calendar"]);
}

proptest! {
    /// Midnight and 16:00 New York, in winter and in summer, in the weeks when New York and London disagree: one date.
    #[test]
    fn both_styles_of_stamp_give_one_trading_date(days in 0i64..30_000) {
        let date = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(days);
        let zone = chrono_tz::America::New_York;
        for hour in [0, 16] {
            let local = zone.from_local_datetime(&date.and_hms_opt(hour, 0, 0).unwrap()).single().unwrap();
            let mapped = map(DatasetName::DailyBars, "AAPL", &one_bar(local.timestamp_millis()));
            let bar = bars(&mapped)[0];
            prop_assert_eq!(bar.trading_date, Some(date));
            prop_assert_eq!(bar.bar_start.unwrap().0, date.and_hms_opt(0, 0, 0).unwrap().and_utc());
            prop_assert_eq!(bar.provider_ts.clone(), Some(Cell::Value(local.timestamp_millis())));
        }
    }

    #[test]
    fn any_body_is_mapped_or_refused_and_every_line_is_a_line(
        rows in proptest::collection::vec(any_row(), 0..8),
        junk in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        for dataset in [DatasetName::DailyBars, DatasetName::Splits, DatasetName::Dividends] {
            let body = format!(r#"{{"adjusted":false,"status":"OK","results":[{}]}}"#, rows.join(","));
            let mapped = map(dataset, "AAPL", body.as_bytes());
            let text = lines(&mapped);
            prop_assert_eq!(text.lines().count(), rows.len());
            for line in text.lines() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(line).unwrap().is_object());
            }
            let _ = Polygon::default().transform(&envelope(unit("AAPL", dataset), NIGHT_AFTER, &junk));
        }
    }
}

/// A row with any values under the vendor's names, or no row at all.
fn any_row() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        "[ -~\\n]{0,12}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("null".to_owned()),
        Just("[\n1,\r\n2]".to_owned()),
        Just("{\"a\":\n{}}".to_owned()),
    ];
    let name = proptest::sample::select(vec![
        "o",
        "h",
        "l",
        "c",
        "v",
        "vw",
        "t",
        "n",
        "execution_date",
        "split_from",
        "split_to",
        "cash_amount",
        "currency",
        "dividend_type",
        "ex_dividend_date",
        "frequency",
        "pay_date",
    ]);
    let field = (name, value.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    prop_oneof![
        9 => proptest::collection::vec(field, 0..6).prop_map(|fields| format!("{{{}}}", fields.join(","))),
        1 => value,
    ]
}

#[test]
fn weekends_are_the_vendors_affair() {
    // A bar on a Saturday is kept as it came: whether it may be is a rule's question.
    let saturday = Utc.with_ymd_and_hms(2013, 3, 2, 12, 0, 0).unwrap();
    assert_eq!(saturday.weekday(), Weekday::Sat);
    let mapped = map(DatasetName::DailyBars, "AAPL", &one_bar(saturday.timestamp_millis()));
    assert_eq!(bars(&mapped)[0].trading_date, Some(saturday.date_naive()));
}

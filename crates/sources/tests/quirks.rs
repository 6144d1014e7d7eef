//! Answers as vendors send them on a bad day, made by hand: the rows that come out, value by value.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use quotelake_core::{Envelope, FetchUnit, Page, UnitInstrument};
use quotelake_sources::brapi::Brapi;
use quotelake_sources::fii::{Fii, Profile};
use quotelake_sources::polygon::Polygon;
use quotelake_sources::record::{Bar, Cell, Dividend, Split};
use quotelake_sources::yahoo::Yahoo;
use quotelake_sources::{Disposition, FailureKind, Mapped, RawResponse, Record, Rows, Source};
use serde_json::{Value, json};

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

fn map(source: &dyn Source, unit: &FetchUnit, fetched_at: &str, body: &str) -> Mapped {
    let envelope = Envelope::seal(Page {
        source: source.name().into(),
        unit: unit.clone(),
        run_id: "run-1".into(),
        fetched_at: fetched_at.parse().unwrap(),
        request_id: "ours".into(),
        status: 200,
        content_type: Some("application/json".into()),
        body: body.to_owned().into(),
    });
    source.transform(&envelope).unwrap()
}

fn bars(mapped: &Mapped) -> Vec<&Bar> {
    let bars = mapped.records.iter().filter_map(|record| match record {
        Record::DailyBars(bar) | Record::IntradayBars(bar) => Some(bar),
        _ => None,
    });
    bars.collect()
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
fn minor_units_are_one_table_for_prices_and_dividends() {
    for (served, currency, divisor, close, amount) in [
        ("KWF", "KWD", 1000, "0.0741", "0.0125"),
        ("GBX", "GBP", 100, "0.741", "0.125"),
        ("ILA", "ILS", 100, "0.741", "0.125"),
        ("USX", "USD", 100, "0.741", "0.125"),
        ("CHF", "CHF", 1, "74.1", "12.5"),
    ] {
        let quote = json!({"open": [74.5], "high": [75], "low": [74], "close": [74.1], "volume": [300]});
        let events = json!({"dividends": {"1": {"amount": 12.5, "date": OPENS[0]}}});
        let body = chart("ANY.KW", &json!({"currency": served}), &OPENS[..1], &quote, &events);
        let mapped = map(&Yahoo::default(), &unit(CHART, "ANY.KW", "1d", MARCH), LATER, &body);
        let (bar, dividend) = (bars(&mapped)[0], dividends(&mapped)[0]);
        assert_eq!((text(&bar.close).as_str(), bar.unit_divisor), (close, divisor), "{served}");
        assert_eq!((bar.currency.as_deref(), bar.quote_unit.as_deref()), (Some(currency), Some(served)));
        assert_eq!((text(&dividend.amount).as_str(), text(&dividend.currency).as_str()), (amount, currency));
        assert_eq!(refused(&mapped), [Vec::<String>::new(), Vec::new()]);
    }
}

#[test]
fn what_is_no_currency_is_refused_from_every_source() {
    let quote = json!({"close": [74.1]});
    let body = chart("ANY", &json!({"currency": "QQQ"}), &OPENS[..1], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ANY", "1d", MARCH), LATER, &body);
    assert_eq!(bars(&mapped)[0].currency, None);
    let why = "currency \"QQQ\" is no currency of ISO 4217 and no minor unit of one";
    assert_eq!(refused(&mapped), [[why]]);
    assert!(support::lines(&mapped).contains(r#""refused":{"currency":{"value":"QQQ","reason":"is no"#));

    let body = r#"{"status":"OK","results":[{"ticker":"ANY","cash_amount":1,"currency":"QQQ","dividend_type":"CD","ex_dividend_date":"2024-03-04"}]}"#;
    let mapped = map(&Polygon::default(), &unit("dividends", "ANY", "1d", MARCH), LATER, body);
    assert!(text(&dividends(&mapped)[0].currency).starts_with("refused: \"QQQ\""));
    let pence = body.replace("QQQ", "GBp").replace("\"cash_amount\":1", "\"cash_amount\":7.5");
    let mapped = map(&Polygon::default(), &unit("dividends", "ANY", "1d", MARCH), LATER, &pence);
    let dividend = dividends(&mapped)[0];
    assert_eq!((text(&dividend.amount), text(&dividend.currency)), ("0.075".into(), "GBP".into()));

    // A coin is a unit of coins, and of nothing else.
    let coin = |asset_class: &str| {
        let unit = FetchUnit {
            currency: Some("USDT".into()),
            asset_class: asset_class.into(),
            ..unit("aggregates", "X:ABCUSDT", "1d", MARCH)
        };
        let body = r#"{"ticker":"X:ABCUSDT","adjusted":false,"status":"OK","results":[{"t":1709528400000,"o":1,"h":1,"l":1,"c":1,"v":1}]}"#;
        bars(&map(&Polygon::default(), &unit, LATER, body))[0].currency.as_deref().map(str::to_owned)
    };
    assert_eq!((coin("crypto").as_deref(), coin("equity")), (Some("USDT"), None));
}

#[test]
fn a_unit_that_the_answer_does_not_name_is_the_watchlists() {
    let quote = json!({"close": [812.5]});
    let body = chart("ANY.L", &json!({"currency": null}), &OPENS[..1], &quote, &json!({}));
    let unit = FetchUnit { currency: Some("GBp".into()), ..unit(CHART, "ANY.L", "1d", MARCH) };
    let mapped = map(&Yahoo::default(), &unit, LATER, &body);
    let bar = bars(&mapped)[0];
    assert_eq!((text(&bar.close).as_str(), bar.currency.as_deref()), ("8.125", Some("GBP")));
    assert_eq!(mapped.warnings, Vec::<String>::new());
    let nobody = FetchUnit { currency: None, ..unit };
    let mapped = map(&Yahoo::default(), &nobody, LATER, &body);
    assert_eq!(bars(&mapped)[0].currency, None);
    assert_eq!(mapped.warnings, ["meta.currency is missing: the unit of the prices is unknown"]);
}

#[test]
fn numbers_as_text_in_pence_are_refused() {
    let quote = json!({"open": ["81.5"], "high": ["82.5"], "low": ["80.5"], "close": ["81"], "volume": [5]});
    let body = chart("ANY.L", &json!({"currency": "GBp"}), &OPENS[..1], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ANY.L", "1d", MARCH), LATER, &body);
    assert_eq!(text(&bars(&mapped)[0].close), "refused: \"81\" cannot be read");
    let line = support::lines(&mapped);
    assert!(!line.contains("\"close\":8") && line.contains(r#""refused":{"open":{"value":"81.5""#), "{line}");
}

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
    // In no dividend of its day: it stands beside them.
    assert_eq!(read(0.3, 2.4), rows(&[("cash", "0.3"), ("cash", "0.5"), ("capital_gain", "2.4")]));
    // As 32-bit floats are printed.
    assert_eq!(
        read(f64::from(2.75_f32), f64::from(2.4_f32)),
        rows(&[("cash", "0.35"), ("cash", "0.5"), ("capital_gain", "2.4")])
    );
}

#[test]
fn a_day_that_is_there_twice_is_its_later_stamp() {
    // The close of 2024-03-04 is 21:00Z.
    let stamps = [OPENS[0], 1_709_586_001];
    let quote = json!({"open": [20, 20], "high": [22, 22], "low": [19, 19], "close": [21, 21.5], "volume": [900, 950]});
    let meta = json!({"currency": "USD", "regularMarketTime": 1_709_586_001});
    let body = chart("TWICE", &meta, &stamps, &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "TWICE", "1d", MARCH), "2024-03-04T21:40:00Z", &body);
    let [bar] = bars(&mapped)[..] else { panic!("{mapped:?}") };
    assert_eq!(bar.trading_date.unwrap().to_string(), "2024-03-04");
    assert_eq!((text(&bar.close).as_str(), text(&bar.volume).as_str()), ("21.5", "950"));
    assert_eq!((bar.is_final, mapped.skipped), (Some(false), 1));
    assert_eq!(mapped.warnings, Vec::<String>::new());
}

#[test]
fn two_rows_of_one_stamp_that_differ_both_go_on() {
    let stamps = [OPENS[0], OPENS[1], OPENS[1], OPENS[2]];
    let read = |closes: [f64; 4]| {
        let quote = json!({"close": closes, "volume": [1, 2, 2, 3]});
        let body = chart("TWICE", &json!({"currency": "USD"}), &stamps, &quote, &json!({}));
        let mapped = map(&Yahoo::default(), &unit(CHART, "TWICE", "1d", MARCH), LATER, &body);
        bars(&mapped).iter().map(|bar| text(&bar.close)).collect::<Vec<_>>()
    };
    assert_eq!(read([21.0, 22.0, 22.5, 23.0]), ["21", "22", "22.5", "23"]);
    assert_eq!(read([21.0, 22.0, 22.0, 23.0]), ["21", "22", "23"]);
}

#[test]
fn bars_of_another_length_than_was_asked_for_are_refused() {
    let quote = json!({"close": [21.0], "volume": [1]});
    let judge = |interval: &str, of: &Value| {
        let body = chart("LONG", of, &OPENS[..1], &quote, &json!({}));
        match Yahoo::default().classify(&response(200, &body), &unit(CHART, "LONG", interval, MARCH)) {
            Disposition::Ok(_) => "read".to_owned(),
            Disposition::Permanent(failure) => failure.message,
            other => format!("{other:?}"),
        }
    };
    for (interval, granularity, is) in [
        ("1d", json!({"dataGranularity": "1wk"}), "meta.dataGranularity is \"1wk\", \"1d\" was asked for"),
        ("1m", json!({"dataGranularity": "1d"}), "meta.dataGranularity is \"1d\", \"1m\" was asked for"),
        ("1h", json!({"dataGranularity": "60m"}), "read"),
        ("1h", json!({"dataGranularity": "1h"}), "read"),
        ("1d", json!({}), "read"),
    ] {
        assert_eq!(judge(interval, &granularity), is, "{interval}");
    }
    let body = json!({"results": [
        {"symbol": "ABCD3", "currency": "BRL", "usedInterval": "1wk", "historicalDataPrice": [{"date": 1_709_557_200, "close": 9.5, "volume": 1}]},
        {"symbol": "EFGH4", "currency": "BRL", "usedInterval": "1d", "historicalDataPrice": [{"date": 1_709_557_200, "close": 8.5, "volume": 1}]},
    ]});
    let unit = of_brazil("quote/daily_bars", &["ABCD3", "EFGH4"], MARCH);
    let mapped = map(&Brapi::default(), &unit, LATER, &body.to_string());
    let refused = refused(&mapped);
    assert!(refused[0].iter().any(|why| why.contains("is a bar of 1wk, 1d was asked for")), "{refused:?}");
    assert_eq!(refused[1], Vec::<String>::new());
}

#[test]
fn a_stamp_that_cannot_be_read_is_named() {
    let quote = json!({"close": [21.0, 22.0], "volume": [1, 2]});
    let body = chart("ODD", &json!({"currency": "USD"}), &OPENS[..2], &quote, &json!({}));
    let body = body.replace(&OPENS[1].to_string(), "\"yesterday\"");
    let mapped = map(&Yahoo::default(), &unit(CHART, "ODD", "1d", MARCH), LATER, &body);
    assert_eq!(text(&bars(&mapped)[1].provider_ts), "refused: \"yesterday\" cannot be read");
}

#[test]
fn a_live_bar_has_the_key_of_the_bar_that_replaces_it() {
    let starts = |interval: &str, stamps: &[i64], market: i64, fetched_at: &str| {
        let close: Vec<f64> = stamps.iter().map(|_| 21.5).collect();
        let quote = json!({"close": close, "volume": vec![0; stamps.len()]});
        let meta = json!({"currency": "USD", "regularMarketTime": market});
        let body = chart("LIVE", &meta, stamps, &quote, &json!({}));
        let unit = unit("chart/intraday_bars", "LIVE", interval, MARCH);
        let mapped = map(&Yahoo::default(), &unit, fetched_at, &body);
        let row = |bar: &&Bar| (bar.bar_start.unwrap().0.format("%T").to_string(), bar.is_final.unwrap());
        bars(&mapped).iter().map(row).collect::<Vec<_>>()
    };
    let rows = |rows: &[(&str, bool)]| -> Vec<(String, bool)> {
        rows.iter().map(|(start, is_final)| ((*start).to_owned(), *is_final)).collect()
    };
    let open = OPENS[0];
    let now = "2024-03-04T14:32:20Z";
    assert_eq!(
        starts("1m", &[open + 60, open + 137], open + 137, now),
        rows(&[("14:31:00", false), ("14:32:00", false)])
    );
    // The minute that runs beside its last trade is one bar.
    assert_eq!(
        starts("1m", &[open + 60, open + 120, open + 137], open + 137, now),
        rows(&[("14:31:00", false), ("14:32:00", false)])
    );
    // Hours begin with the session: half past.
    assert_eq!(
        starts("1h", &[open, open + 3600 + 777], open + 3600 + 777, "2024-03-04T15:44:00Z"),
        rows(&[("14:30:00", false), ("15:30:00", false)])
    );
    assert_eq!(
        starts("1m", &[open + 60, open + 120, open + 180], 0, "2024-03-05T14:00:00Z"),
        rows(&[("14:31:00", true), ("14:32:00", true), ("14:33:00", true)])
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
fn the_last_trade_behind_the_close_is_no_bar() {
    // New York closes at 21:00Z in early March.
    let close = 1_709_586_000;
    let last = OPENS[0] + 389 * 60;
    let period = |start: i64, end: i64| json!({"start": start, "end": end});
    let rows = |meta: &Value, asset_class: &str, mic: Option<&str>, stamps: &[i64]| {
        let mut meta = meta.clone();
        meta["currency"] = "USD".into();
        meta["regularMarketTime"] = stamps[stamps.len() - 1].into();
        let closes: Vec<f64> = stamps.iter().map(|_| 21.5).collect();
        let body = chart(
            "LATE",
            &meta,
            stamps,
            &json!({"close": closes, "volume": vec![0; closes.len()]}),
            &json!({}),
        );
        let unit = FetchUnit {
            asset_class: asset_class.into(),
            exchange_mic: mic.map(str::to_owned),
            ..unit("chart/intraday_bars", "LATE", "1m", MARCH)
        };
        let mapped = map(&Yahoo::default(), &unit, "2024-03-04T21:01:00Z", &body);
        let row = |bar: &&Bar| format!("{} {}", bar.bar_start.unwrap().0.format("%T"), bar.session);
        (bars(&mapped).iter().map(row).collect::<Vec<_>>(), mapped.skipped)
    };
    let periods = json!({"tradingPeriods": [[period(OPENS[0], close)]]});
    let by_kind = json!({"tradingPeriods": {"regular": [[period(OPENS[0], close)]]}});
    let current = json!({"currentTradingPeriod": {"regular": period(OPENS[0], close)}});
    for meta in [&periods, &by_kind, &current, &json!({})] {
        for late in [close, close + 1, close + 1234] {
            let expected = (vec!["20:59:00 regular".to_owned()], 1);
            assert_eq!(rows(meta, "equity", Some("XNYS"), &[last, late]), expected, "{meta} {late}");
        }
        // A second before, it is the last minute's.
        let expected = (vec!["20:59:00 regular".to_owned()], 1);
        assert_eq!(rows(meta, "equity", Some("XNYS"), &[last, close - 1]), expected, "{meta}");
    }
    // An early close is the answer's to know.
    let early = json!({"tradingPeriods": [[period(OPENS[0], close - 3 * 3600)]]});
    let noon = close - 3 * 3600;
    assert_eq!(rows(&early, "equity", Some("XNYS"), &[noon - 60, noon + 1]).0, ["17:59:00 regular"]);
    // The session of another day says nothing of this one, and what trades around the clock has no close.
    let next = json!({"currentTradingPeriod": {"regular": period(OPENS[1], close + 86_400)}});
    assert_eq!(rows(&next, "equity", None, &[last, close + 1]).0, ["20:59:00 regular", "21:00:00 regular"]);
    assert_eq!(rows(&next, "equity", Some("XNYS"), &[last, close + 1]).0, ["20:59:00 regular"]);
    assert_eq!(rows(&json!({}), "crypto", None, &[last, close + 1]).0.len(), 2);
    // The hour that the close ends stands, and the last trade does not take its place.
    let quote = json!({"close": [20, 21], "volume": [500, 0]});
    let meta = json!({"currency": "USD", "regularMarketTime": close + 1});
    let body = chart("LATE", &meta, &[close - 1800, close + 1], &quote, &json!({}));
    let asked = unit("chart/intraday_bars", "LATE", "1h", MARCH);
    let mapped = map(&Yahoo::default(), &asked, "2024-03-04T21:01:00Z", &body);
    let [bar] = bars(&mapped)[..] else { panic!("{mapped:?}") };
    assert_eq!((text(&bar.close).as_str(), text(&bar.volume).as_str()), ("20", "500"));
}

#[test]
fn rows_that_nobody_asked_for_are_refused_one_by_one() {
    let body = r#"{"ticker":"ANY","adjusted":false,"status":"OK","queryCount":2,"resultsCount":2,"results":[
        {"t":1520226000000,"o":9,"h":9,"l":9,"c":9,"v":40,"n":2},
        {"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800,"n":9}]}"#;
    let asked = unit("aggregates", "ANY", "1d", ("2024-03-04", "2024-03-04"));
    let mapped = map(&Polygon::default(), &asked, LATER, body);
    let why =
        "trading_date \"2018-03-05\" lies outside the window that was asked for, 2024-03-04 to 2024-03-04";
    assert_eq!(refused(&mapped), [vec![why.to_owned()], vec![]]);
    assert_eq!(
        mapped.warnings,
        ["1 rows lie outside the window that was asked for, the first on 2018-03-05: refused"]
    );
    let line = support::lines(&mapped);
    assert!(
        line.contains(r#""refused":{"trading_date":{"value":"2018-03-05","reason":"lies outside"#),
        "{line}"
    );
    assert!(line.contains(r#"2024-03-04 to 2024-03-04","code":"not_asked"}}"#), "{line}");

    // Yahoo alike, but for the newest bar, which it always sends.
    let quote = json!({"close": [20, 21, 22], "volume": [1, 1, 1]});
    let meta = json!({"currency": "USD", "regularMarketTime": OPENS[2] + 99});
    let body = chart("ANY", &meta, &[OPENS[0], OPENS[1], OPENS[2] + 99], &quote, &json!({}));
    let asked = unit(CHART, "ANY", "1d", ("2024-03-05", "2024-03-05"));
    let mapped = map(&Yahoo::default(), &asked, "2024-03-06T15:00:00Z", &body);
    let refusals: Vec<usize> = refused(&mapped).iter().map(Vec::len).collect();
    assert_eq!((refusals, mapped.skipped), (vec![1, 0], 1));
}

#[test]
fn rows_of_another_symbol_are_refused_and_the_others_kept() {
    let row = |ticker: &str, date: &str| json!({"ticker": ticker, "execution_date": date, "split_from": 1, "split_to": 2});
    let page = |rows: &[Value]| json!({"status": "OK", "results": rows}).to_string();
    let asked = unit("splits", "ANY", "1d", MARCH);
    let asked = FetchUnit { from: None, to: None, interval: None, ..asked };
    let mixed = page(&[row("ANY", "2020-03-02"), row("OTHER", "2021-03-02")]);
    assert_eq!(Polygon::default().classify(&response(200, &mixed), &asked), Disposition::Ok(Rows(2)));
    let mapped = map(&Polygon::default(), &asked, LATER, &mixed);
    let why = "provider_symbol \"OTHER\" is another symbol than ANY, which was asked for";
    assert_eq!(refused(&mapped), [vec![], vec![why.to_owned()]]);
    // Nothing of what was asked for is no answer.
    let others = page(&[row("OTHER", "2021-03-02")]);
    let judged = Polygon::default().classify(&response(200, &others), &asked);
    assert!(matches!(judged, Disposition::Permanent(failure) if failure.kind == FailureKind::Malformed));

    let entry = |symbol: &str| {
        json!({"symbol": symbol, "currency": "BRL", "historicalDataPrice": [
            {"date": 1_709_557_200, "open": 9, "high": 9, "low": 9, "close": 9, "volume": 10}]})
    };
    let asked = of_brazil("quote/daily_bars", &["AAAA3", "BBBB4"], MARCH);
    let body = json!({"results": [entry("AAAA3"), entry("ZZZZ3"), entry("BBBB4")]}).to_string();
    assert_eq!(Brapi::default().classify(&response(200, &body), &asked), Disposition::Ok(Rows(3)));
    let mapped = map(&Brapi::default(), &asked, LATER, &body);
    let refused = refused(&mapped);
    assert_eq!(refused, [vec![], vec!["provider_symbol \"ZZZZ3\" was not asked for".to_owned()], vec![]]);
}

#[test]
fn a_page_that_miscounts_itself_is_not_whole() {
    let body = r#"{"ticker":"ANY","adjusted":false,"status":"OK","queryCount":2,"resultsCount":2,"results":[
        {"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800}]}"#;
    let asked = unit("aggregates", "ANY", "1d", MARCH);
    let judged = Polygon::default().classify(&response(200, body), &asked);
    let Disposition::Permanent(failure) = judged else { panic!("{judged:?}") };
    assert_eq!(failure.message, "resultsCount is 2, the page has 1 rows");
    // One that waited in the raw zone replaces nothing.
    let mapped = map(&Polygon::default(), &asked, LATER, body);
    assert_eq!(refused(&mapped), [["provider_symbol \"ANY\" resultsCount is 2, the page has 1 rows"]]);
}

#[test]
fn what_an_endpoint_always_sends_is_counted() {
    let bar = |ticker: &str| json!({"T": ticker, "t": 1_709_586_000_000_i64, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1});
    let body = json!({"adjusted": false, "status": "OK", "resultsCount": 3,
        "results": [bar("ANY"), bar("OTHER"), bar("THIRD")]});
    let asked = unit("grouped", "ANY", "1d", ("2024-03-04", "2024-03-04"));
    let mapped = map(&Polygon::default(), &asked, LATER, &body.to_string());
    assert_eq!((mapped.records.len(), mapped.skipped, mapped.warnings.len()), (1, 2, 0));

    // A range of coins ends today, whatever the window is.
    let day = |stamp: i64| json!({"date": stamp, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1});
    let days: Vec<Value> = (0..20).map(|n| day(1_709_251_200 + 86_400 * n)).collect();
    let body =
        json!({"coins": [{"coin": "BTC", "currency": "BRL", "historicalDataPrice": days}]}).to_string();
    let asked = FetchUnit {
        exchange_tz: "UTC".into(),
        exchange_mic: None,
        currency: Some("BRL".into()),
        asset_class: "crypto".into(),
        ..unit("crypto/daily_bars", "BTC-BRL", "1d", ("2024-03-04", "2024-03-06"))
    };
    let mapped = map(&Brapi::default(), &asked, LATER, &body);
    assert_eq!((mapped.records.len(), mapped.skipped, mapped.warnings.len()), (3, 17, 0));
    assert_eq!(Brapi::default().classify(&response(200, &body), &asked), Disposition::Ok(Rows(3)));
}

#[test]
fn what_json_has_no_number_for_costs_its_field() {
    let body = r#"{"chart":{"result":[{"meta":{"symbol":"ANY","currency":"USD","exchangeTimezoneName":"America/New_York"},
        "timestamp":[1709562600,1709649000],"indicators":{"quote":[{"open":[NaN,20],"high":[22,22],"low":[19,19],"close":[21,21.5],"volume":[900,null]}],
        "adjclose":[{"adjclose":[Infinity,-Infinity]}]}}],"error":null}}"#;
    let asked = unit(CHART, "ANY", "1d", MARCH);
    assert_eq!(Yahoo::default().classify(&response(200, body), &asked), Disposition::Ok(Rows(2)));
    let mapped = map(&Yahoo::default(), &asked, LATER, body);
    let rows: Vec<_> = bars(&mapped)
        .iter()
        .map(|bar| [text(&bar.open), text(&bar.close), text(&bar.volume), text(&bar.adj_close)])
        .collect();
    let refused = |token: &str| format!("refused: \"{token}\" cannot be read");
    assert_eq!(
        rows,
        [
            [refused("NaN"), "21".into(), "900".into(), refused("Infinity")],
            ["20".into(), "21.5".into(), "missing".into(), refused("-Infinity")]
        ]
    );
    let body = r#"{"ticker":"ANY","adjusted":false,"status":"OK","results":[{"t":1709528400000,"o":55,"h":56,"l":54,"c":55.5,"v":800,"vw":NaN}]}"#;
    let mapped = map(&Polygon::default(), &unit("aggregates", "ANY", "1d", MARCH), LATER, body);
    assert_eq!(text(&bars(&mapped)[0].close), "55.5");
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

#[test]
fn large_numbers_and_small_ones_keep_their_digits() {
    let quote = json!({"close": [123_456_792.0, 0.000_007_781_2], "volume": [1_234_567_891_i64, 16_777_217]});
    let body = chart("ANY", &json!({"currency": "USD"}), &OPENS[..2], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ANY", "1d", MARCH), LATER, &body);
    let rows: Vec<_> = bars(&mapped).iter().map(|bar| (text(&bar.close), text(&bar.volume))).collect();
    let expected = [("123456792", "1234567891"), ("0.0000077812", "16777217")];
    assert_eq!(rows, expected.map(|(close, volume)| (close.to_owned(), volume.to_owned())));
}

#[test]
fn a_reused_ticker_is_said() {
    let meta = json!({"currency": "USD", "firstTradeDate": OPENS[0]});
    let stamps = [1_425_393_000, OPENS[0]];
    let body = chart("ANY", &meta, &stamps, &json!({"close": [3.0, 40.0]}), &json!({}));
    let asked = unit(CHART, "ANY", "1d", ("2015-01-01", "2024-03-31"));
    let mapped = map(&Yahoo::default(), &asked, LATER, &body);
    assert_eq!(
        mapped.warnings,
        [
            "bars from 2015-03-03 are older than the instrument, which is traded since 2024-03-04: another company may have had the ticker before",
            "ANY.XNYS: no bars for 3289 days from 2015-03-03 to 2024-03-04: another company may have had the ticker before"
        ]
    );
}

#[test]
fn one_class_of_shares_has_one_symbol() {
    let quote = json!({"close": [400.5]});
    let body = chart("ABC-B", &json!({"currency": "USD"}), &OPENS[..1], &quote, &json!({}));
    let mapped = map(&Yahoo::default(), &unit(CHART, "ABC-B", "1d", MARCH), LATER, &body);
    let aggregates = r#"{"ticker":"ABC.B","adjusted":false,"status":"OK","results":[{"t":1709528400000,"o":1,"h":1,"l":1,"c":1,"v":1}]}"#;
    let other = map(&Polygon::default(), &unit("aggregates", "ABC.B", "1d", MARCH), LATER, aggregates);
    let name = |mapped: &Mapped| {
        let bar = bars(mapped)[0];
        (bar.symbol.as_deref().unwrap().to_owned(), bar.provider_symbol.as_deref().unwrap().to_owned())
    };
    assert_eq!(name(&mapped), ("ABC.B.XNYS".to_owned(), "ABC-B".to_owned()));
    assert_eq!(name(&other), ("ABC.B.XNYS".to_owned(), "ABC.B".to_owned()));
    let coin =
        FetchUnit { exchange_mic: None, asset_class: "crypto".into(), ..unit(CHART, "BTC-USD", "1d", MARCH) };
    let body = body.replace("ABC-B", "BTC-USD");
    assert_eq!(name(&map(&Yahoo::default(), &coin, LATER, &body)).0, "BTC-USD");
}

#[test]
fn ampersands_are_part_of_symbols() {
    use quotelake_sources::yahoo::YahooConfig;
    use quotelake_sources::{DatasetName, Instrument, Job};
    let base_url = "https://vendor.example.com".parse().unwrap();
    let instrument = |symbol: &str| Instrument {
        symbol: symbol.into(),
        mic: Some("XNSE".into()),
        exchange_tz: "Asia/Kolkata".into(),
        currency: Some("INR".into()),
        asset_class: "equity".into(),
    };
    let job = Job {
        instruments: vec![instrument("A&B.NS")],
        datasets: vec![DatasetName::DailyBars],
        intraday_interval: None,
        from: "2024-03-04".parse().unwrap(),
        to: "2024-03-04".parse().unwrap(),
    };
    let yahoo = Yahoo::new(YahooConfig { base_url, personal_use: true }).unwrap();
    let unit = yahoo.plan(&job).unwrap().remove(0);
    let url = yahoo.request(&unit).unwrap().url;
    assert_eq!(url.path_segments().unwrap().next_back(), Some("A&B.NS"));
    assert_eq!(url.query_pairs().count(), 5);
    let polygon = Polygon::default();
    let splits = Job { datasets: vec![DatasetName::Splits], ..job.clone() };
    let unit = polygon.plan(&splits).unwrap().remove(0);
    let url = polygon.request(&unit).unwrap().url;
    assert!(url.query_pairs().any(|(name, value)| name == "ticker" && value == "A&B.NS"), "{url}");
    assert!(url.as_str().contains("A%26B.NS"));
    let job = Job { instruments: vec![instrument("A?B")], ..job };
    assert!(polygon.plan(&job).is_err());
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

#[test]
fn a_batch_that_is_not_found_is_asked_for_one_by_one() {
    let unit = of_brazil("quote/daily_bars", &["AAAA3", "BBBB4"], MARCH);
    let brapi = Brapi::default();
    let not_found = response(404, r#"{"error":true,"message":"Não encontramos a ação BBBB4"}"#);
    let Disposition::Split { units, failure } = brapi.classify(&not_found, &unit) else { panic!() };
    let symbols: Vec<_> = units.iter().map(|unit| unit.symbol.clone().unwrap()).collect();
    assert_eq!((symbols, failure.kind), (vec!["AAAA3".into(), "BBBB4".into()], FailureKind::NotFound));
    let Disposition::Permanent(failure) = brapi.classify(&not_found, &units[1]) else { panic!() };
    assert_eq!(failure.kind, FailureKind::NotFound);
}

#[test]
fn something_went_wrong_is_asked_for_again() {
    let batch = of_brazil("quote/daily_bars", &["AAAA3", "BBBB4"], MARCH);
    let alone = FetchUnit { symbol: Some("AAAA3".into()), instruments: Vec::new(), ..batch.clone() };
    for body in [
        r#"{"error":true,"message":"Something went wrong"}"#,
        r#"{"error":"Something went wrong, try again later"}"#,
    ] {
        for (status, unit) in [(200, &batch), (200, &alone), (400, &alone), (404, &batch), (404, &alone)] {
            let judged = Brapi::default().classify(&response(status, body), unit);
            assert!(
                matches!(&judged, Disposition::Transient(failure) if failure.kind.is_retryable()),
                "{status}: {judged:?}"
            );
        }
    }
    let body = r#"{"results":[{"symbol":"AAAA3","error":true,"message":"Something went wrong"},
        {"symbol":"BBBB4","currency":"BRL","historicalDataPrice":[{"date":1709557200,"close":9}]}]}"#;
    let judged = Brapi::default().classify(&response(200, body), &batch);
    let Disposition::Partial { failed, .. } = judged else { panic!("{judged:?}") };
    assert_eq!((failed.len(), failed[0].failure.kind), (1, FailureKind::Server));
}

#[test]
fn brazilian_pages_in_another_countrys_numbers_are_refused_by_name() {
    let mut profile = Profile::fundamentus();
    profile.version = 99;
    profile.tables[0].min_rows = 1;
    let fii = Fii::new(profile, None).unwrap();
    let headers = "<th>Papel<th>Segmento<th>Cotação<th>FFO Yield<th>Dividend Yield<th>P/VP<th>Valor de Mercado<th>Liquidez<th>Qtd de imóveis<th>Preço do m2<th>Aluguel por m2<th>Cap Rate<th>Vacância Média<th>Endereço";
    let row = "<tr><td>ABCD11<td>Logística<td>1234.56<td>6,09%<td>8.63<td>0,97<td>6.863.330.000<td>14.368.600<td>31<td>3.360,87<td>258,46<td>7,69%<td>5.06%<td>-";
    let body = format!("<table id=tabelaResultado><thead><tr>{headers}</thead><tbody>{row}</tbody></table>");
    let unit = FetchUnit {
        symbol: Some("ABCD11".into()),
        asset_class: "fund".into(),
        exchange_mic: Some("BVMF".into()),
        currency: Some("BRL".into()),
        interval: None,
        from: None,
        to: None,
        instruments: Vec::new(),
        ..of_brazil("fundamentus-99/fund_snapshots", &[], MARCH)
    };
    let envelope = Envelope::seal(Page {
        source: fii.name().into(),
        unit,
        run_id: "run-1".into(),
        fetched_at: "2024-03-04T20:00:00Z".parse().unwrap(),
        request_id: "ours".into(),
        status: 200,
        content_type: Some("text/html; charset=utf-8".into()),
        body: body.into(),
    });
    let mapped = fii.transform(&envelope).unwrap();
    let [Record::FundSnapshots(fund)] = &mapped.records[..] else { panic!("{mapped:?}") };
    assert_eq!(text(&fund.price), "refused: \"1234.56\" is no number as 1.234,56 is one");
    assert_eq!(text(&fund.dividend_yield_12m), "refused: \"8.63\" is no percentage as 8,63% is one");
    assert_eq!(text(&fund.vacancy_rate), "refused: \"5.06%\" is no percentage as 8,63% is one");
    assert_eq!(text(&fund.price_to_nav), "0.97");
    let line = support::lines(&mapped);
    assert!(!line.contains("\"price\":1234") && !line.contains("\"dividend_yield_12m\":8"), "{line}");
}

#[test]
fn kinds_of_dividends_that_nobody_knows_are_refused() {
    let body = r#"{"status":"OK","results":[{"ticker":"ANY","cash_amount":1,"currency":"USD","dividend_type":"XX","ex_dividend_date":"2024-03-04"}]}"#;
    let mapped = map(&Polygon::default(), &unit("dividends", "ANY", "1d", MARCH), LATER, body);
    assert_eq!(text(&dividends(&mapped)[0].dividend_type), "refused: \"XX\" cannot be read");
    assert!(!support::lines(&mapped).contains("\"dividend_type\":\"XX\""));
}

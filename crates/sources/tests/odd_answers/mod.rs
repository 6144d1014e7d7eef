//! What is beside the prices is odd, or stamps are of no day that was: what each costs, and that nothing goes without a word.

mod not_begun;

use crate::support::{bars, map};
use not_begun::aggregates;
use proptest::prelude::*;
use quotelake_core::{FetchUnit, UnitInstrument};
use quotelake_sources::brapi::Brapi;
use quotelake_sources::polygon::Polygon;
use quotelake_sources::record::Cell;
use quotelake_sources::yahoo::Yahoo;
use quotelake_sources::{DelayClass, Disposition, FailureKind, Mapped, RawResponse, Record, Rows, Source};
use serde_json::{Value, json};

const CHART: &str = "chart/daily_bars+dividends+splits";
/// 2024-09-03, 04, 05 and 06 at the open of New York.
const OPENS: [i64; 4] = [1_725_370_200, 1_725_456_600, 1_725_543_000, 1_725_629_400];
const DAY: i64 = 86_400;
const SEPTEMBER: (&str, &str) = ("2024-09-03", "2024-09-06");
const LATER: &str = "2024-09-10T12:00:00Z";

fn unit(endpoint: &str, symbol: &str, window: (&str, &str)) -> FetchUnit {
    FetchUnit {
        id: format!("test/{endpoint}/{symbol}"),
        endpoint: endpoint.into(),
        symbol: Some(symbol.into()),
        interval: Some("1d".into()),
        from: Some(window.0.into()),
        to: Some(window.1.into()),
        exchange_tz: "America/New_York".into(),
        exchange_mic: Some("XNYS".into()),
        currency: Some("USD".into()),
        asset_class: "equity".into(),
        ..FetchUnit::default()
    }
}

fn of_brazil(window: (&str, &str)) -> FetchUnit {
    FetchUnit {
        exchange_tz: "America/Sao_Paulo".into(),
        exchange_mic: Some("BVMF".into()),
        currency: Some("BRL".into()),
        ..unit("quote/daily_bars+dividends+splits", "AAAA3", window)
    }
}

fn judged(source: &dyn Source, unit: &FetchUnit, body: &[u8]) -> Disposition {
    let headers = vec![("content-type".into(), "application/json".into())];
    source.classify(&RawResponse { status: 200, headers, body: body.to_vec().into() }, unit)
}

/// What a row was refused for, by its date.
fn refused(mapped: &Mapped) -> Vec<(String, String)> {
    let of = |record: &Record| {
        let date = record.date().map(|date| date.to_string()).unwrap_or_default();
        let refusals = record.refusals().iter();
        refusals.map(|(column, why)| (date.clone(), format!("{column} {}", why.reason()))).collect::<Vec<_>>()
    };
    mapped.records.iter().flat_map(of).collect()
}

fn text<T: ToString>(cell: &Option<Cell<T>>) -> String {
    match cell {
        None => "missing".into(),
        Some(Cell::Value(value)) => value.to_string(),
        Some(Cell::Refused(refusal)) => format!("refused: {} {}", refusal.value(), refusal.reason()),
    }
}

/// Four good bars of Yahoo, one thing changed.
fn chart(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut whole = json!({
        "meta": {"symbol": "ODD", "currency": "USD", "exchangeTimezoneName": "America/New_York", "dataGranularity": "1d"},
        "timestamp": OPENS,
        "indicators": {
            "quote": [{"open": [10, 10, 10, 10], "high": [11, 11, 11, 11], "low": [9, 9, 9, 9], "close": [10.5, 10.25, 10.75, 10.5],
                       "volume": [100, 200, 300, 400]}],
            "adjclose": [{"adjclose": [10.5, 10.25, 10.75, 10.5]}]},
        "events": {"dividends": {"1": {"amount": 0.25, "date": OPENS[1]}},
                   "splits": {"1": {"date": OPENS[2], "numerator": 2, "denominator": 1, "splitRatio": "2:1"}}},
    });
    change(&mut whole);
    json!({"chart": {"result": [whole], "error": null}}).to_string().into_bytes()
}

#[test]
fn one_odd_value_beside_the_prices_costs_itself() {
    let no_list = |raw: &str| format!("refused: {raw:?} is in place of the column");
    // Pointer, what is there, volume and adjusted close of the first bar, dividends and splits.
    let cases = [
        ("/indicators/adjclose", json!([null]), "100".to_owned(), "missing".to_owned(), 1, 1),
        ("/indicators/adjclose", json!({}), "100".into(), no_list("{}"), 1, 1),
        ("/indicators/adjclose/0/adjclose", json!("n/a"), "100".into(), no_list("\"n/a\""), 1, 1),
        ("/indicators/quote/0/volume", json!("n/a"), no_list("\"n/a\""), "10.5".into(), 1, 1),
        ("/indicators/quote/0/volume", json!({}), no_list("{}"), "10.5".into(), 1, 1),
        ("/indicators/quote/0/volume", json!(null), "missing".into(), "10.5".into(), 1, 1),
        ("/events/dividends", json!(null), "100".into(), "10.5".into(), 0, 1),
        ("/events/dividends", json!([]), "100".into(), "10.5".into(), 0, 1),
        ("/events", json!([]), "100".into(), "10.5".into(), 0, 0),
        ("/events", json!(null), "100".into(), "10.5".into(), 0, 0),
        ("/meta/regularMarketTime", json!("1725652800"), "100".into(), "10.5".into(), 1, 1),
        ("/meta/regularMarketTime", json!(1_725_652_800.5), "100".into(), "10.5".into(), 1, 1),
        ("/meta/regularMarketTime", json!({}), "100".into(), "10.5".into(), 1, 1),
        ("/meta/exchangeDataDelayedBy", json!(-1), "100".into(), "10.5".into(), 1, 1),
        ("/meta/exchangeDataDelayedBy", json!("15"), "100".into(), "10.5".into(), 1, 1),
        ("/meta/exchangeDataDelayedBy", json!(15.0), "100".into(), "10.5".into(), 1, 1),
        ("/meta/exchangeTimezoneName", json!(""), "100".into(), "10.5".into(), 1, 1),
        ("/meta/exchangeTimezoneName", json!(5), "100".into(), "10.5".into(), 1, 1),
        ("/meta/dataGranularity", json!([]), "100".into(), "10.5".into(), 1, 1),
        ("/meta/firstTradeDate", json!("n/a"), "100".into(), "10.5".into(), 1, 1),
        ("/meta/tradingPeriods", json!(7), "100".into(), "10.5".into(), 1, 1),
    ];
    let asked = unit(CHART, "ODD", SEPTEMBER);
    for (place, odd, volume, adjusted, dividends, splits) in cases {
        let body = chart(|whole| {
            let (parent, name) = place.rsplit_once('/').unwrap();
            whole.pointer_mut(parent).unwrap()[name] = odd.clone();
        });
        let rows = 4 + dividends + splits;
        assert_eq!(judged(&Yahoo::default(), &asked, &body), Disposition::Ok(Rows(rows)), "{place} {odd}");
        let mapped = map(&Yahoo::default(), &asked, LATER, &body);
        let found = bars(&mapped);
        assert_eq!(mapped.records.len() as u64, rows, "{place} {odd}");
        assert_eq!((text(&found[0].close), text(&found[3].close)), ("10.5".into(), "10.5".into()));
        assert_eq!((text(&found[0].volume), text(&found[0].adj_close)), (volume, adjusted), "{place} {odd}");
        assert!(found.iter().all(|bar| bar.is_final == Some(true)), "{place} {odd}");
    }
}

#[test]
fn events_that_are_no_list_are_a_row_that_is_set_aside() {
    let asked = unit(CHART, "ODD", SEPTEMBER);
    for (place, rows) in [("/events/dividends", 6), ("/events", 6)] {
        let body = chart(|whole| {
            let (parent, name) = place.rsplit_once('/').unwrap();
            whole.pointer_mut(parent).unwrap()[name] = json!("soon");
        });
        assert_eq!(judged(&Yahoo::default(), &asked, &body), Disposition::Ok(Rows(rows)));
        let mapped = map(&Yahoo::default(), &asked, LATER, &body);
        let dividend = mapped.records.iter().find_map(|record| match record {
            Record::Dividends(dividend) => Some(dividend),
            _ => None,
        });
        assert_eq!(dividend.unwrap().amount, None);
        assert!(mapped.warnings.iter().any(|warning| warning.contains("cannot be read")), "{mapped:?}");
    }
    // Both of one key are events, which a map by key would lose.
    let body = String::from_utf8(chart(|_| {})).unwrap();
    let one = format!(r#""1":{{"amount":0.25,"date":{}}}"#, OPENS[1]);
    let twice = body.replace(&one, &format!("{one},{}", one.replace("0.25", "0.75")));
    assert_ne!(body, twice);
    let mapped = map(&Yahoo::default(), &asked, LATER, twice.as_bytes());
    assert_eq!(mapped.records.len(), 7);
}

#[test]
fn a_zone_that_is_none_fails_its_unit_with_its_own_words() {
    let body = chart(|whole| whole["meta"]["exchangeTimezoneName"] = json!("America/Gotham"));
    let judged = judged(&Yahoo::default(), &unit(CHART, "ODD", SEPTEMBER), &body);
    let Disposition::Permanent(failure) = judged else { panic!("{judged:?}") };
    assert_eq!(failure.kind, FailureKind::Malformed);
    assert_eq!(
        failure.message,
        "meta.exchangeTimezoneName is \"America/Gotham\", which is no IANA time zone"
    );
}

#[test]
fn delays_are_read_however_they_are_written() {
    let asked = FetchUnit { interval: Some("1m".into()), ..unit("chart/intraday_bars", "ODD", SEPTEMBER) };
    for (delay, class) in [
        (json!(0), DelayClass::Realtime),
        (json!("0"), DelayClass::Realtime),
        (json!(15), DelayClass::Delayed15m),
        (json!(-1), DelayClass::Delayed15m),
        (json!([]), DelayClass::Delayed15m),
    ] {
        let body = chart(|whole| {
            whole["meta"]["exchangeDataDelayedBy"] = delay.clone();
            whole["meta"]["dataGranularity"] = json!("1m");
        });
        let mapped = map(&Yahoo::default(), &asked, LATER, &body);
        assert_eq!(bars(&mapped)[0].delay_class, class, "{delay}");
    }
}

/// Bars of brapi with these stamps.
fn quotes(stamps: &[i64]) -> Vec<u8> {
    let bar = |date: &i64| json!({"date": date, "open": 10.5, "high": 10.5, "low": 10.5, "close": 10.5, "volume": 100});
    let bars: Vec<Value> = stamps.iter().map(bar).collect();
    json!({"results": [{"symbol": "AAAA3", "currency": "BRL", "usedInterval": "1d", "historicalDataPrice": bars}]})
        .to_string()
        .into_bytes()
}

/// 2024-09-03 to 06 at ten in Sao Paulo.
const TENS: [i64; 4] = [1_725_368_400, 1_725_454_800, 1_725_541_200, 1_725_627_600];

#[test]
fn no_row_of_brapi_is_left_out_without_a_word() {
    let asked = of_brazil(SEPTEMBER);
    let in_ms: Vec<i64> = TENS.iter().map(|stamp| stamp * 1000).collect();
    let week_later: Vec<i64> = TENS.iter().map(|stamp| stamp + 7 * DAY).collect();
    let last_year: Vec<i64> = TENS.iter().map(|stamp| stamp - 365 * DAY + 1).collect();
    let mixed: Vec<i64> = [&TENS[..2], &in_ms[2..]].concat();
    for (stamps, refusals) in [(in_ms, 4), (week_later, 4), (last_year, 4), (mixed, 2), (TENS.to_vec(), 0)] {
        let body = quotes(&stamps);
        assert_eq!(judged(&Brapi::default(), &asked, &body), Disposition::Ok(Rows(4)), "{stamps:?}");
        let mapped = map(&Brapi::default(), &asked, LATER, &body);
        assert_eq!((mapped.records.len(), mapped.skipped), (4, 0), "{stamps:?}");
        assert_eq!(refused(&mapped).len(), refusals, "{stamps:?}: {:?}", refused(&mapped));
    }
    // A stamp that is beyond every calendar has no day, which the row's key needs.
    let mapped = map(&Brapi::default(), &asked, LATER, &quotes(&[i64::MAX / 1000 - 1]));
    assert_eq!((mapped.records.len(), mapped.records[0].date()), (1, None));
    // The running day comes along, and so does the last session on a Sunday; a day before it does not.
    let today = TENS[3] + 1_803;
    for (fetched_at, stamps, skipped) in [
        ("2024-09-06T15:00:00Z", [TENS[0], today], 1),
        ("2024-09-08T15:00:00Z", [TENS[0], today], 1),
        ("2024-09-09T15:00:00Z", [TENS[0], today], 0),
        ("2024-09-06T15:00:00Z", [today, TENS[0]], 0),
    ] {
        let mapped =
            map(&Brapi::default(), &of_brazil(("2024-09-03", "2024-09-04")), fetched_at, &quotes(&stamps));
        assert_eq!(
            (mapped.skipped, mapped.records.len() as u64),
            (skipped, 2 - skipped),
            "{fetched_at} {stamps:?}"
        );
    }
}

#[test]
fn no_row_of_a_coin_is_left_out_without_a_word() {
    let asked = FetchUnit {
        exchange_tz: "UTC".into(),
        exchange_mic: None,
        asset_class: "crypto".into(),
        currency: Some("BRL".into()),
        ..unit("crypto/daily_bars", "BTC-BRL", SEPTEMBER)
    };
    let body = |stamps: &[i64]| {
        let bar = |date: &i64| json!({"date": date, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1});
        let bars: Vec<Value> = stamps.iter().map(bar).collect();
        json!({"coins": [{"coin": "BTC", "currency": "BRL", "historicalDataPrice": bars}]})
            .to_string()
            .into_bytes()
    };
    let midnight = 1_725_321_600;
    for (stamps, rows, skipped, refusals) in [
        (vec![midnight, midnight + DAY], 2, 0, 0),
        (vec![midnight * 1000, (midnight + DAY) * 1000], 2, 0, 2),
        (vec![midnight - DAY, midnight, midnight + 7 * DAY], 1, 2, 0),
        (vec![midnight, midnight + 9 * DAY], 1, 0, 1),
        (vec![0], 1, 0, 1),
    ] {
        let judged = judged(&Brapi::default(), &asked, &body(&stamps));
        assert_eq!(judged, Disposition::Ok(Rows(rows)), "{stamps:?}");
        let mapped = map(&Brapi::default(), &asked, LATER, &body(&stamps));
        assert_eq!(mapped.skipped, skipped, "{stamps:?}");
        assert_eq!(refused(&mapped).len(), refusals, "{stamps:?}: {:?}", refused(&mapped));
        assert_eq!(mapped.records.len() as u64 + mapped.skipped, stamps.len() as u64);
    }
}

#[test]
fn an_entry_that_cannot_be_read_costs_no_other() {
    let good: Value = serde_json::from_slice(&quotes(&TENS)).unwrap();
    let with = |odd: Value| json!({"results": [odd, good["results"][0]]}).to_string().into_bytes();
    let asked = of_brazil(SEPTEMBER);
    for odd in [json!(null), json!(7), json!({"symbol": 5})] {
        assert_eq!(judged(&Brapi::default(), &asked, &with(odd.clone())), Disposition::Ok(Rows(4)), "{odd}");
        assert_eq!(map(&Brapi::default(), &asked, LATER, &with(odd.clone())).records.len(), 4, "{odd}");
    }
    // Where it was the one that was asked for, that is why.
    let body = json!({"results": [{"symbol": "AAAA3", "historicalDataPrice": 7}]}).to_string().into_bytes();
    let Disposition::Permanent(failure) = judged(&Brapi::default(), &asked, &body) else {
        panic!("no failure")
    };
    assert!(
        failure.message.starts_with("AAAA3 is not in the answer, whose results[0] cannot be read"),
        "{failure}"
    );
    // What is beside the bars costs itself.
    for (name, odd, rows) in [
        ("usedInterval", json!(5), 4),
        ("dividendsData", json!([]), 4),
        ("dividendsData", json!({"cashDividends": null, "stockDividends": []}), 4),
        ("dividendsData", json!({"cashDividends": "n/a"}), 5),
        ("message", json!(5), 4),
    ] {
        let mut body = good.clone();
        body["results"][0][name] = odd.clone();
        let body = body.to_string().into_bytes();
        assert_eq!(judged(&Brapi::default(), &asked, &body), Disposition::Ok(Rows(rows)), "{name} {odd}");
        let mapped = map(&Brapi::default(), &asked, LATER, &body);
        assert_eq!((bars(&mapped).len(), mapped.records.len() as u64), (4, rows), "{name} {odd}");
    }
}

#[test]
fn a_stale_stamp_makes_no_bar_that_never_is_final() {
    // Half past ten, asked for a month later.
    let half_past: Vec<i64> = TENS.iter().map(|stamp| stamp + 1800).collect();
    for (fetched_at, expected) in [("2024-10-06T12:00:00Z", true), ("2024-09-06T15:00:00Z", false)] {
        let mapped = map(&Brapi::default(), &of_brazil(SEPTEMBER), fetched_at, &quotes(&half_past));
        let last = bars(&mapped)[3].is_final;
        assert_eq!((bars(&mapped).len(), last), (4, Some(expected)), "{fetched_at}");
        let body = chart(|whole| whole["meta"]["regularMarketTime"] = json!(OPENS[3]));
        let mapped = map(&Yahoo::default(), &unit(CHART, "ODD", SEPTEMBER), fetched_at, &body);
        assert_eq!(bars(&mapped)[3].is_final, Some(expected), "{fetched_at}");
    }
}

#[test]
fn counts_are_read_however_they_are_written() {
    let asked = unit("aggregates", "ANY", SEPTEMBER);
    let body = String::from_utf8(aggregates(&["2024-09-03", "2024-09-04"])).unwrap();
    for (from, to, message) in [
        ("\"resultsCount\":2", "\"resultsCount\":\"5\"", "resultsCount is 5, the page has 2 rows"),
        ("\"count\":2", "\"count\":3", "count is 3, the page has 2 rows"),
        ("\"status\":\"OK\"", "\"status\":\"ERROR\"", "status \"ERROR\" in a 200 answer: no text"),
        ("\"status\":\"OK\",", "", "no status in a 200 answer: no text"),
        ("{\"adjusted", "{\"status\":\"OK\",\"adjusted", "the body is not the documented JSON"),
    ] {
        let body = body.replacen(from, to, 1);
        let Disposition::Permanent(failure) = judged(&Polygon::default(), &asked, body.as_bytes()) else {
            panic!("{body}")
        };
        assert!(failure.message.starts_with(message), "{}", failure.message);
    }
    let text =
        body.replacen("\"resultsCount\":2", "\"resultsCount\":\"2\",\"request_id\":7,\"message\":{}", 1);
    assert_eq!(judged(&Polygon::default(), &asked, text.as_bytes()), Disposition::Ok(Rows(2)));
    assert_eq!(map(&Polygon::default(), &asked, LATER, text.as_bytes()).records.len(), 2);
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    let marked = |body: Vec<u8>| [b"\xef\xbb\xbf".to_vec(), body].concat();
    let cases: [(&dyn Source, FetchUnit, Vec<u8>); 3] = [
        (&Yahoo::default(), unit(CHART, "ODD", SEPTEMBER), chart(|_| {})),
        (&Polygon::default(), unit("aggregates", "ANY", SEPTEMBER), aggregates(&["2024-09-03"])),
        (&Brapi::default(), of_brazil(SEPTEMBER), quotes(&TENS)),
    ];
    for (source, asked, body) in cases {
        let plain = judged(source, &asked, &body);
        assert!(matches!(plain, Disposition::Ok(_)), "{plain:?}");
        assert_eq!(judged(source, &asked, &marked(body.clone())), plain);
        let records = map(source, &asked, LATER, &body).records.len();
        assert_eq!(map(source, &asked, LATER, &marked(body)).records.len(), records);
    }
    // A compressed body that nobody asked for is named, not quoted.
    let judged = judged(&Yahoo::default(), &unit(CHART, "ODD", SEPTEMBER), &[0x1f, 0x8b, 8, 0, 0xff]);
    let Disposition::Permanent(failure) = judged else { panic!("{judged:?}") };
    assert!(failure.message.ends_with("5 bytes of gzip"), "{}", failure.message);
}

#[test]
fn a_split_that_says_two_things_is_refused() {
    let read = |split: Value| {
        let body = chart(|whole| whole["events"]["splits"]["1"] = split);
        let mapped = map(&Yahoo::default(), &unit(CHART, "ODD", SEPTEMBER), LATER, &body);
        let split = mapped.records.into_iter().find_map(|record| match record {
            Record::Splits(split) => Some(split),
            _ => None,
        });
        let split = split.unwrap();
        (text(&split.split_from), text(&split.split_to))
    };
    let date = OPENS[2];
    let numbers = |ratio: &str| json!({"date": date, "numerator": 2, "denominator": 1, "splitRatio": ratio});
    assert_eq!(read(numbers("2:1")), ("1".into(), "2".into()));
    assert_eq!(read(numbers("4:2")), ("1".into(), "2".into()));
    let why = "is another ratio than splitRatio";
    assert_eq!(read(numbers("1:2")), (format!("refused: 1 {why}"), format!("refused: 2 {why}")));
    // A factor of brapi that is another one than its words.
    let action = |factor: Value, words: &str| {
        let mut body: Value = serde_json::from_slice(&quotes(&TENS)).unwrap();
        body["results"][0]["dividendsData"] = json!({"stockDividends": [{"factor": factor, "completeFactor": words,
            "label": "DESDOBRAMENTO", "lastDatePrior": "2024-09-03", "approvedOn": "2024-08-20"}]});
        let mapped = map(&Brapi::default(), &of_brazil(SEPTEMBER), LATER, body.to_string().as_bytes());
        mapped
            .records
            .iter()
            .any(|record| matches!(record, Record::Splits(split) if split.split_type.is_some()))
    };
    for (factor, words, good) in [
        (json!(10), "1 para 10", true),
        (json!(0.1), "10 para 1", true),
        (json!(null), "1 para 10", true),
        (json!(2), "1 para 10", false),
    ] {
        assert_eq!(action(factor.clone(), words), good, "{factor} {words}");
    }
}

/// The instruments of several symbols, one of which is asked for by itself when it fails.
#[test]
fn a_batch_names_the_symbol_that_cannot_be_read() {
    let instrument = |symbol: &str| UnitInstrument {
        symbol: symbol.into(),
        mic: Some("BVMF".into()),
        currency: Some("BRL".into()),
        asset_class: "equity".into(),
    };
    let asked = FetchUnit {
        symbol: None,
        instruments: vec![instrument("AAAA3"), instrument("BBBB4")],
        ..of_brazil(SEPTEMBER)
    };
    let good: Value = serde_json::from_slice(&quotes(&TENS)).unwrap();
    let body = json!({"results": [good["results"][0], null]}).to_string().into_bytes();
    let Disposition::Partial { page, failed } = judged(&Brapi::default(), &asked, &body) else {
        panic!("whole")
    };
    assert_eq!((*page, failed.len()), (Disposition::Ok(Rows(4)), 1));
    assert!(failed[0].failure.message.starts_with("BBBB4 is not in the answer, whose results[1]"));
}

proptest! {
    /// Whatever a stamp is, its row is read, refused by name, lacks its key, or was sent along and counted.
    #[test]
    fn every_row_of_brapi_is_accounted_for(stamps in prop::collection::vec(prop_oneof![
        any::<i64>(),
        0_i64..3_000_000_000,
        1_725_000_000_i64..1_726_500_000,
        (1_725_000_000_i64..1_726_500_000).prop_map(|seconds| seconds * 1000),
    ], 0..12)) {
        let mapped = map(&Brapi::default(), &of_brazil(SEPTEMBER), LATER, &quotes(&stamps));
        prop_assert_eq!(mapped.records.len() as u64 + mapped.skipped, stamps.len() as u64);
        prop_assert!(mapped.skipped <= 1, "the newest alone");
        let window: (chrono::NaiveDate, chrono::NaiveDate) = ("2024-09-03".parse().unwrap(), "2024-09-06".parse().unwrap());
        for record in &mapped.records {
            let asked = record.date().is_some_and(|date| window.0 <= date && date <= window.1);
            prop_assert_eq!(asked || record.date().is_none(), record.refusals().is_empty(), "{:?}", record);
        }
    }

    /// A dividend and the capital gain of its day as a vendor of floats prints them: together they are the dividend, to a millionth.
    #[test]
    fn a_gain_of_its_day_is_in_its_dividend(cents in 1_u32..100_000, part in 1_u32..=100, noise in -3_i32..=3) {
        let whole = f64::from(cents) / 100.0;
        let gain = if part == 100 { whole * (1.0 + f64::from(noise) * 1e-7) } else { whole * f64::from(part) / 100.0 };
        let body = chart(|chart| {
            chart["events"] = json!({"dividends": {"1": {"amount": whole, "date": OPENS[0]}},
                                     "capitalGains": {"1": {"amount": gain, "date": OPENS[0]}}});
        });
        let mapped = map(&Yahoo::default(), &unit(CHART, "ODD", SEPTEMBER), LATER, &body);
        let sum: f64 = mapped.records.iter().filter_map(|record| match record {
            Record::Dividends(dividend) => dividend.amount.as_ref()?.value()?.to_string().parse::<f64>().ok(),
            _ => None,
        }).sum();
        prop_assert!((sum / whole - 1.0).abs() < 2e-6, "{} of {} and {}", sum, whole, gain);
    }
}

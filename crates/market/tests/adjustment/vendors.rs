//! Bars that come adjusted: `previous_close` gives what the vendor's own adjusted column says, within its digits, and nothing is done
//! twice. The numbers are invented in the vendors' form; recordings of their answers are looked at where there are some.
#![allow(clippy::disallowed_methods, reason = "the folder of recordings may be named by a variable")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::path::{Path, PathBuf};

use chrono::DateTime;
use quotelake_market::adjustment::{Factors, Method, adjusted_bars};
use serde::Deserialize;

use crate::native::{Given, bar, batch, dividend, rows, split, unscaled};

/// Sessions around a dividend, a 4:1 split and another dividend, as they were traded.
const TRADED: [(&str, f64); 8] = [
    ("2020-08-05", 440.25),
    ("2020-08-06", 455.61),
    ("2020-08-07", 444.45),
    ("2020-08-28", 499.23),
    ("2020-08-31", 129.04),
    ("2020-11-05", 119.03),
    ("2020-11-06", 118.69),
    ("2020-11-09", 116.32),
];
const SPLIT_DAY: &str = "2020-08-31";

/// One bar in the vendor's form: date, close in today's shares, adjusted close; both with 24 bits, as its answers have them.
fn in_todays_shares() -> Vec<(&'static str, f32, f32)> {
    let closes: Vec<f64> =
        TRADED.iter().map(|(day, close)| if *day < SPLIT_DAY { close / 4.0 } else { *close }).collect();
    // 0.82 a share then, 0.205 in today's.
    let taken = |at: usize| 1.0 - 0.205 / f64::from(closes[at] as f32);
    let factor = |at: usize| match at {
        0..=1 => taken(1) * taken(5),
        2..=5 => taken(5),
        _ => 1.0,
    };
    (0..TRADED.len()).map(|at| (TRADED[at].0, closes[at] as f32, (closes[at] * factor(at)) as f32)).collect()
}

/// Greatest relative difference between our adjusted closes and the vendor's.
fn apart(given: &Given, method: Method, theirs: &[f64]) -> f64 {
    let tables = given.tables();
    let mut factors = Factors::new(method);
    factors.add(&tables.factors).unwrap();
    let bars = adjusted_bars(&batch("daily_bars", &given.bars), &factors).unwrap();
    let ours = unscaled(&bars, "adj_close");
    assert_eq!(ours.len(), theirs.len());
    ours.iter()
        .zip(theirs)
        .map(|(ours, theirs)| (*ours as f64 / 1e8 / theirs - 1.0).abs())
        .fold(0.0, f64::max)
}

/// Half of the last of 24 bits, of a close and of an adjusted close.
const DIGITS: f64 = 1.2e-7;

#[test]
fn bars_and_dividends_in_todays_shares_give_the_vendors_adjusted_close() {
    let vendor = in_todays_shares();
    let mut given = Given::default();
    for (day, close, _) in &vendor {
        given.bars.push(bar(day, &close.to_string()).of("yahoo", "X").with("adjustment", "split"));
    }
    for day in ["2020-08-07", "2020-11-06"] {
        given.dividends.push(dividend(day, "0.205").of("yahoo", "X").with("split_adjusted", "true"));
    }
    given.splits.push(split(SPLIT_DAY, "1", "4").of("yahoo", "X"));
    let theirs: Vec<f64> = vendor.iter().map(|(_, _, adjusted)| f64::from(*adjusted)).collect();
    let found = apart(&given, Method::PreviousClose, &theirs);
    assert!(found < DIGITS, "{found:e}");
    // The other method, and the same bars taken for raw ones, which halves them once more, are far off.
    assert!(apart(&given, Method::ExClose, &theirs) > 1e-6);
    let twice = given.clone().with_bars("adjustment", "raw");
    assert!(apart(&twice, Method::PreviousClose, &theirs) > 0.5);
    // Dividends as they were paid, by another provider, are brought to today's shares.
    let mut paid = given.clone();
    paid.dividends = vec![
        dividend("2020-08-07", "0.82").of("polygon", "X"),
        dividend("2020-11-06", "0.205").of("polygon", "X"),
    ];
    assert!(apart(&paid, Method::PreviousClose, &theirs) < DIGITS);
    // And the same instrument as it was traded has the same adjusted prices, to the digits of the vendor's closes.
    let mut traded = paid;
    traded.bars = TRADED.iter().map(|(day, close)| bar(day, &close.to_string()).of("polygon", "X")).collect();
    assert!(apart(&traded, Method::PreviousClose, &theirs) < DIGITS);
}

/// Bars in the form of brapi: prices in today's shares, an adjusted column of two places, dividends as they were announced, by the day
/// before the ex-date.
#[test]
fn bars_of_brapi_give_its_adjusted_column() {
    // A dividend of 1.20 in old shares, a split 1:4, a dividend of 0.25 in new ones.
    let traded = [
        ("2024-03-01", 48.0),
        ("2024-03-04", 46.88),
        ("2024-03-11", 47.6),
        ("2024-03-12", 12.02),
        ("2024-03-20", 12.5),
        ("2024-03-21", 12.31),
    ];
    let mut given = Given::default();
    let mut theirs = Vec::new();
    for (day, close) in traded {
        let today: f64 = if day < "2024-03-12" { close / 4.0 } else { close };
        let mut adjusted = today;
        if day < "2024-03-21" {
            adjusted *= 1.0 - 0.25 / 12.5;
        }
        if day < "2024-03-04" {
            adjusted *= 1.0 - 0.3 / 12.0;
        }
        theirs.push((adjusted * 100.0).round() / 100.0);
        let row = bar(day, &today.to_string()).of("brapi", "PETX4").with("currency", "BRL");
        given.bars.push(row.with("adjustment", "split"));
    }
    given.splits.push(split("2024-03-12", "1", "4").of("brapi", "PETX4"));
    for (day, amount) in [("2024-03-04", "1.2"), ("2024-03-21", "0.25")] {
        let row = dividend(day, amount).of("brapi", "PETX4").with("currency", "BRL");
        given.dividends.push(row);
    }
    let digits = 0.005 / 11.0;
    assert!(apart(&given, Method::PreviousClose, &theirs) < digits);
    // What older versions stored says of no bar what it is.
    let stored = given.with_bars("adjustment", "unknown").tables();
    assert_eq!(stored.refused.len(), 1);
    assert_eq!(stored.factors.num_rows(), 0);
}

#[test]
fn bars_of_which_nobody_knows_are_refused_until_a_lake_says_what_they_are() {
    // The adjusted column has two places, and nothing says what the other prices are.
    let closes =
        [("2023-11-21", "36.42"), ("2023-11-22", "35.89"), ("2023-11-23", "34.71"), ("2023-11-24", "34.93")];
    let mut given = Given::default();
    for (day, close) in closes {
        let row = bar(day, close).of("brapi", "PETX4").with("adjustment", "unknown").with("currency", "BRL");
        given.bars.push(row);
    }
    given.dividends.push(dividend("2023-11-23", "1.345348").of("brapi", "PETX4").with("currency", "BRL"));
    let tables = given.tables();
    assert_eq!(tables.factors.num_rows(), 0);
    let refused: Vec<String> =
        tables.refused.iter().map(|one| format!("{}: {}", one.series, one.reason)).collect();
    assert_eq!(refused, ["PETX4 of brapi (unknown, regular): unknown_adjustment"]);
    assert_eq!(rows(&tables.events, &["status", "reason"]), ["skipped unknown_adjustment"]);
    // 36.42 and 35.89 times 1 - 1.345348 / 35.89.
    let said = given.with_bars("adjustment", "split");
    let theirs = [35.05, 34.54, 34.71, 34.93];
    let digits = 0.005 / 34.0;
    assert!(apart(&said, Method::PreviousClose, &theirs) < digits);
}

#[derive(Deserialize)]
struct Recorded {
    response: Option<Response>,
    chart: Option<Chart>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(rename = "bodyJson")]
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    chart: Chart,
}

#[derive(Deserialize)]
struct Chart {
    result: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    timestamp: Vec<i64>,
    events: Events,
    indicators: Indicators,
}

#[derive(Deserialize)]
struct Events {
    dividends: std::collections::BTreeMap<String, Paid>,
}

#[derive(Deserialize)]
struct Paid {
    amount: f64,
    date: i64,
}

#[derive(Deserialize)]
struct Indicators {
    quote: Vec<Quote>,
    adjclose: Vec<Adjusted>,
}

#[derive(Deserialize)]
struct Quote {
    close: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Adjusted {
    adjclose: Vec<Option<f64>>,
}

fn recorded(name: &str) -> Option<Answer> {
    let named = std::env::var_os("QUOTELAKE_SHARED").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = named.clone().unwrap_or_else(beside).join("data/yahoo").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        assert!(named.is_none(), "QUOTELAKE_SHARED is set, and {} is not there", path.display());
        eprintln!("SKIPPED: the recording {name} is not here");
        return None;
    };
    let recorded: Recorded = serde_json::from_str(&text).unwrap();
    let chart = recorded.response.map(|response| response.body.chart).or(recorded.chart).unwrap();
    chart.result.into_iter().next()
}

#[test]
fn recordings_agree_with_their_own_adjusted_column() {
    for name in ["gadicc_chart-AAPL-2020-08-31-to-2020-11-07.json", "yfrs_history_chart_AAPL.json"] {
        let Some(answer) = recorded(name) else { continue };
        let day = |stamp: i64| {
            let new_york = DateTime::from_timestamp(stamp - 4 * 3600, 0).unwrap();
            new_york.date_naive().to_string()
        };
        let (closes, adjusted) = (&answer.indicators.quote[0].close, &answer.indicators.adjclose[0].adjclose);
        let mut given = Given::default();
        let mut theirs = Vec::new();
        for ((stamp, close), adjusted) in answer.timestamp.iter().zip(closes).zip(adjusted) {
            let (Some(close), Some(adjusted)) = (close, adjusted) else { continue };
            let row = bar(&day(*stamp), &(*close as f32).to_string()).of("yahoo", "X");
            given.bars.push(row.with("adjustment", "split"));
            theirs.push(*adjusted);
        }
        for paid in answer.events.dividends.values() {
            let row = dividend(&day(paid.date), &paid.amount.to_string()).of("yahoo", "X");
            given.dividends.push(row.with("split_adjusted", "true"));
        }
        // Dividends behind the answer's end are in the adjusted column, too: by the last bar they are taken off, which brings the
        // rounding of four numbers into each comparison.
        let last = closes.iter().flatten().last().unwrap() / adjusted.iter().flatten().last().unwrap();
        let theirs: Vec<f64> = theirs.iter().map(|adjusted| adjusted * last).collect();
        let found = apart(&given, Method::PreviousClose, &theirs);
        println!("{name}: {} bars, {} dividends, {found:.1e} apart", theirs.len(), given.dividends.len());
        assert!(found < 4.0 * DIGITS, "{name}: {found:e}");
        assert!(apart(&given, Method::ExClose, &theirs) > 1e-6, "{name}");
    }
}

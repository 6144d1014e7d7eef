//! Daily statistics beside plain arithmetic on the public sample, and where the input begins and how it is split.

use crate::native;

use std::collections::BTreeMap;

use arrow::array::UInt32Array;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{Decimal128Type, Float64Type};
use chrono::{Datelike as _, Days, NaiveDate};
use quotelake_market::adjustment::{Factors, Method, adjusted_bars};
use quotelake_market::daily_stats::{Computation, LOOK_BACK_DAYS, Steps};

use crate::native::{Given, bar, batch, days, dividend, rows, split, texts};

fn steps(given: &Given) -> Steps {
    let mut steps = Steps::new(Method::PreviousClose);
    steps.add(&given.tables().events).unwrap();
    steps
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Bars of consecutive days from 2024-01-01 on.
fn daily(closes: &[i32]) -> Given {
    let first = date("2024-01-01");
    let bars = closes
        .iter()
        .zip(0..)
        .map(|(close, at)| bar(&(first + Days::new(at)).to_string(), &close.to_string()));
    Given { bars: bars.collect(), ..Given::default() }
}

fn stats(given: &Given) -> RecordBatch {
    let steps = steps(given);
    let mut computation = Computation::new(steps.clone(), NaiveDate::MIN.max(date("1900-01-01")));
    computation.push(&batch("daily_bars", &given.bars)).unwrap()
}

fn doubles(batch: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().iter().collect()
}

fn decimals(batch: &RecordBatch, name: &str) -> Vec<Option<i128>> {
    batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().iter().collect()
}

#[test]
fn averages_highs_and_lows_of_whole_windows() {
    let closes: Vec<i32> = (1..=252).collect();
    let mut given = daily(&closes);
    given.bars[9] = given.bars[9].clone().with("high", "1000.5").with("low", "0.25");
    let found = stats(&given);
    let columns = ["close", "sma_20", "sma_50", "sma_200", "high_252", "low_252"];
    let found = rows(&found, &columns);
    assert_eq!(found[18], "19 - - - - -");
    assert_eq!(found[19], "20 10.5 - - - -");
    assert_eq!(found[49], "50 40.5 25.5 - - -");
    assert_eq!(found[250], "251 241.5 226.5 151.5 - -");
    assert_eq!(found[251], "252 242.5 227.5 152.5 1000.5 0.25");
    // One more bar leaves the oldest out of it, eleven more the one with the odd high and low.
    let longer: Vec<i32> = (1..=262).collect();
    let mut longer = daily(&longer);
    longer.bars[9] = longer.bars[9].clone().with("high", "1000.5").with("low", "0.25");
    let found = rows(&stats(&longer), &["high_252", "low_252"]);
    assert_eq!(found[260..], ["1000.5 0.25", "262 11"]);
    // A bar without a high: none of a year that has it.
    let fields = ["high", "low"].map(|name| longer.bars[11].clone().with(name, "null"));
    longer.bars[11] = fields[0].clone();
    let found = rows(&stats(&longer), &["high_252", "low_252"]);
    assert_eq!(found[260..], ["- 0.25", "- 11"]);
}

#[test]
fn averages_are_rounded_half_to_even_once() {
    let mut closes = vec![0; 19];
    closes.push(1);
    let mut given = daily(&closes);
    // A twentieth of 10^-8 times 10 and 30: half a last place goes to the even one.
    for (units, expected) in [("0.0000001", "0"), ("0.0000003", "0.00000002"), ("0.00000031", "0.00000002")] {
        given.bars[19] = given.bars[19].clone().with("close", units);
        assert_eq!(rows(&stats(&given), &["sma_20"])[19], expected, "{units}");
    }
}

#[test]
fn returns_end_at_gaps_and_at_what_is_no_price() {
    let days = ["2024-01-01", "2024-01-11", "2024-01-22", "2024-01-23", "2024-01-24", "2024-01-25"];
    let closes = ["100", "110", "121", "0", "-5", "5"];
    let given = Given::bars(&days.into_iter().zip(closes).collect::<Vec<_>>());
    let found = stats(&given);
    let simple: Vec<_> =
        doubles(&found, "return_1d").iter().map(|one| one.map(|one| (one * 1e12).round())).collect();
    assert_eq!(simple, [None, Some(1e11), None, None, None, None]);
    let log = doubles(&found, "log_return_1d");
    assert!((log[1].unwrap() - 1.1f64.ln()).abs() < 1e-15 && log.iter().flatten().count() == 1);
}

#[test]
fn windows_that_are_stretched_too_far_are_missing() {
    // 20 bars, the first so many days before the second.
    let with_gap = |gap: u64| {
        let first = date("2024-01-01");
        let at = |nth: u64| first + Days::new(if nth == 0 { 0 } else { gap + nth });
        let bars = (0..20).map(|nth| bar(&at(nth).to_string(), "10")).collect();
        rows(&stats(&Given { bars, ..Given::default() }), &["sma_20"])[19].clone()
    };
    assert_eq!((with_gap(41), with_gap(42)), ("10".to_owned(), "-".to_owned()));
}

#[test]
fn volatility_of_a_year_of_sessions_or_of_days() {
    let closes: Vec<i32> = (0..21).map(|at| if at % 2 == 0 { 100 } else { 110 }).collect();
    let given = daily(&closes);
    let found = doubles(&stats(&given), "volatility_20");
    // Twenty returns of ln 1.1, half of them down: mean zero, squares over 19.
    let one = 1.1f64.ln() * (20.0f64 / 19.0).sqrt();
    assert!(found[..20].iter().all(Option::is_none));
    assert!((found[20].unwrap() / (one * 252f64.sqrt()) - 1.0).abs() < 1e-12);
    let coin = doubles(&stats(&given.with_bars("asset_class", "crypto")), "volatility_20");
    assert!((coin[20].unwrap() / (one * 365f64.sqrt()) - 1.0).abs() < 1e-12);
}

#[test]
fn statistics_are_of_prices_adjusted_to_their_own_date() {
    let given = Given::bars(&[("2024-01-02", "100"), ("2024-01-03", "45"), ("2024-01-04", "44")])
        .split(split("2024-01-03", "1", "2"))
        .dividend(dividend("2024-01-04", "9"));
    let found = stats(&given);
    assert_eq!(rows(&found, &["close"]), ["100", "45", "44"]);
    // 100 is 50 in new shares, and 45 is 36 without the dividend.
    let simple = doubles(&found, "return_1d");
    assert!(
        (simple[1].unwrap() + 0.1).abs() < 1e-12 && (simple[2].unwrap() - (44.0 / 36.0 - 1.0)).abs() < 1e-12
    );
    // A series of which nobody knows the adjustment has no statistics.
    assert_eq!(stats(&given.with_bars("adjustment", "unknown")).num_rows(), 0);
}

#[test]
fn an_event_brings_the_whole_window_to_its_date() {
    // 2:1 on the 30th day, and a fifth of the price paid on the 40th: closes of 100, 50 and 40.
    let closes: Vec<i32> = (0..252)
        .map(|at| {
            if at < 29 {
                100
            } else if at < 39 {
                50
            } else {
                40
            }
        })
        .collect();
    let mut given =
        daily(&closes).split(split("2024-01-30", "1", "2")).dividend(dividend("2024-02-09", "10"));
    given.bars[3] = given.bars[3].clone().with("high", "130").with("low", "90");
    let found = rows(&stats(&given), &["sma_20", "sma_50", "sma_200", "high_252", "low_252"]);
    // Every close is 50 in the shares of the first session after the split, and 40 after the dividend.
    assert_eq!((found[28].as_str(), found[29].as_str()), ("100 - - - -", "50 - - - -"));
    assert_eq!((found[39].as_str(), found[49].as_str()), ("40 - - - -", "40 40 - - -"));
    // 130 and 90 are 52 and 36.
    assert_eq!(found[251], "40 40 40 52 36");
}

#[test]
fn a_later_event_changes_no_row() {
    let given = native::samples();
    let columns =
        ["trading_date", "close", "return_1d", "log_return_1d", "sma_200", "volatility_20", "high_252"];
    let before = rows(&stats(&given), &columns);
    let last = dividend("2013-03-01", "3.33").of("polygon", "IBM");
    let after = given.dividend(last).split(split("2013-02-28", "3", "7").of("polygon", "MSFT"));
    let after = rows(&stats(&after), &columns);
    let changed: Vec<&String> =
        before.iter().zip(&after).filter(|(a, b)| a != b).map(|(_, after)| after).collect();
    // IBM's last session, and the last two of MSFT.
    let dates: Vec<&str> = changed.iter().map(|row| &row[..10]).collect();
    assert_eq!(dates, ["2013-03-01", "2013-02-28", "2013-03-01"]);
}

#[test]
fn bars_out_of_order_are_sorted_within_a_batch_and_refused_across() {
    let mut given = daily(&[1, 2, 3, 4]);
    let sorted = rows(&stats(&given), &["trading_date", "close", "return_1d"]);
    given.bars.reverse();
    let found = rows(&stats(&given), &["trading_date", "close", "return_1d"]);
    assert_eq!(found.into_iter().rev().collect::<Vec<_>>(), sorted);
    let steps = steps(&given);
    let mut computation = Computation::new(steps.clone(), date("2024-01-01"));
    computation.push(&batch("daily_bars", &given.bars)).unwrap();
    let error = computation.push(&batch("daily_bars", &given.bars[..1])).unwrap_err().to_string();
    assert!(error.contains("X of polygon (raw, regular) on 2024-01-04 is not later"), "{error}");
}

/// The sample's bars month by month, as a lake has them.
fn months(bars: &RecordBatch) -> BTreeMap<(i32, u32), RecordBatch> {
    let mut of_month: BTreeMap<(i32, u32), Vec<u32>> = BTreeMap::new();
    for (row, day) in days(bars, "trading_date").into_iter().enumerate() {
        of_month.entry((day.year(), day.month())).or_default().push(row as u32);
    }
    let taken = |rows| take_record_batch(bars, &UInt32Array::from(rows)).unwrap();
    of_month.into_iter().map(|(month, rows)| (month, taken(rows))).collect()
}

#[test]
fn where_the_input_begins_and_how_it_is_split_changes_no_bit() {
    let given = native::samples();
    let steps = steps(&given);
    let months = months(&batch("daily_bars", &given.bars));
    let mut whole = Computation::new(steps.clone(), date("1900-01-01"));
    let whole: BTreeMap<_, _> =
        months.iter().map(|(month, bars)| (*month, whole.push(bars).unwrap())).collect();
    native::fits(&whole[&(2005, 2)], &native::contract("daily_stats"));
    assert_eq!(whole.values().map(RecordBatch::num_rows).sum::<usize>(), 12_154);
    for month in [(2000, 3), (2002, 1), (2005, 2), (2013, 3)] {
        let begins = NaiveDate::from_ymd_opt(month.0, month.1, 1).unwrap();
        let back = begins - Days::new(LOOK_BACK_DAYS as u64);
        let mut part = Computation::new(steps.clone(), begins);
        let fed = months.range((back.year(), back.month())..=month);
        let mut last = None;
        for bars in fed.map(|(_, bars)| bars) {
            // A row at a time for the month itself, whole months before it.
            let is_last = std::ptr::eq(bars, &months[&month]);
            let pieces = if is_last { bars.num_rows() } else { 1 };
            let size = bars.num_rows().div_ceil(pieces);
            let found: Vec<RecordBatch> = (0..pieces)
                .map(|at| bars.slice(at * size, size.min(bars.num_rows() - at * size)))
                .map(|bars| part.push(&bars).unwrap())
                .collect();
            last = Some(concat_batches(&found[0].schema(), &found).unwrap());
        }
        let columns: Vec<String> =
            whole[&month].schema().fields().iter().map(|field| field.name().clone()).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let last = last.unwrap();
        assert_eq!(rows(&last, &columns), rows(&whole[&month], &columns), "{month:?}");
        for name in ["return_1d", "log_return_1d", "volatility_20"] {
            let bits =
                |batch| doubles(batch, name).into_iter().map(|one| one.map(f64::to_bits)).collect::<Vec<_>>();
            assert_eq!(bits(&last), bits(&whole[&month]), "{name} {month:?}");
        }
    }
}

#[test]
fn every_value_of_the_sample_follows_from_its_window() {
    let given = native::samples();
    let found = stats(&given);
    let closes: Vec<f64> =
        decimals(&found, "close").into_iter().map(|close| close.unwrap() as f64 / 1e18).collect();
    let events = given.tables().events;
    let of_event = rows(&events, &["symbol", "effective_date", "step_previous_close"]);
    let of_event: Vec<(String, NaiveDate, f64)> = of_event
        .iter()
        .map(|row| row.split(' ').collect::<Vec<_>>())
        .map(|cells| (cells[0].to_owned(), date(cells[1]), cells[2].parse().unwrap()))
        .collect();
    let (symbols, dates) = (texts(&found, "symbol"), days(&found, "trading_date"));
    let log = doubles(&found, "log_return_1d");
    let (sma, volatility) = (decimals(&found, "sma_200"), doubles(&found, "volatility_20"));
    let (mut averages, mut deviations) = (0, 0);
    for row in 0..found.num_rows() {
        let back = |bars: usize| {
            let first = (row + 1).checked_sub(bars).filter(|first| symbols[*first] == symbols[row]);
            first.filter(|first| (dates[row] - dates[*first]).num_days() <= 3 * bars as i64)
        };
        let behind = |first: usize| {
            let own = of_event.iter().filter(|(symbol, ..)| *symbol == symbols[row]);
            let within = own.filter(|(_, date, _)| dates[first] < *date && *date <= dates[row]);
            within.map(|(.., step)| step).product::<f64>()
        };
        let mean =
            back(200).map(|first| (first..=row).map(|at| closes[at] * behind(at)).sum::<f64>() / 200.0);
        match (sma[row], mean) {
            (Some(found), Some(mean)) => assert!((found as f64 / 1e8 - mean).abs() < 0.51e-8 + mean * 1e-13),
            (found, mean) => assert_eq!((found, mean), (None, None), "{} {}", symbols[row], dates[row]),
        }
        averages += usize::from(mean.is_some());
        let returns: Option<Vec<f64>> = back(20).and_then(|first| log[first..=row].iter().copied().collect());
        let expected = returns.map(|returns| {
            let mean = returns.iter().sum::<f64>() / 20.0;
            (returns.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / 19.0 * 252.0).sqrt()
        });
        match (volatility[row], expected) {
            (Some(found), Some(expected)) => assert!((found / expected - 1.0).abs() < 1e-12),
            (found, expected) => assert_eq!(found, expected, "{} {}", symbols[row], dates[row]),
        }
        deviations += usize::from(expected.is_some());
    }
    // Of five stocks: all but 199 bars each, but 195 of the one with 196; all but the first 20.
    assert_eq!((averages, deviations), (12_154 - 4 * 199 - 196, 12_154 - 5 * 20));
}

#[test]
fn duckdb_computes_the_same() {
    let given = native::samples();
    let found = stats(&given);
    let tickers = texts(&found, "provider_symbol").into_iter();
    let places: BTreeMap<(String, String), usize> = tickers
        .zip(days(&found, "trading_date"))
        .enumerate()
        .map(|(row, (ticker, date))| ((ticker, date.to_string()), row))
        .collect();
    let names = ["sma_20", "sma_50", "sma_200", "high_252", "low_252"];
    let closes: Vec<f64> =
        decimals(&found, "close").into_iter().map(|close| close.unwrap() as f64 / 1e18).collect();
    let mut exact: BTreeMap<&str, _> = names.map(|name| (name, decimals(&found, name))).into();
    let mut factors = Factors::new(Method::PreviousClose);
    factors.add(&given.tables().factors).unwrap();
    let adjusted = adjusted_bars(&batch("daily_bars", &given.bars), &factors).unwrap();
    exact.insert("adj_close", decimals(&adjusted, "adj_close"));
    let names = ["return_1d", "log_return_1d", "volatility_20"];
    let floating: BTreeMap<&str, _> = names.map(|name| (name, doubles(&found, name))).into();
    let columns = [
        "adj_close",
        "return_1d",
        "log_return_1d",
        "sma_20",
        "sma_50",
        "sma_200",
        "volatility_20",
        "high_252",
        "low_252",
    ];
    let (mut compared, mut most) = (0, 0f64);
    for line in native::data_lines("daily_stats_by_duckdb.csv.gz") {
        let cells: Vec<&str> = line.split(',').collect();
        let row = places[&(cells[0].to_owned(), cells[1].to_owned())];
        for (name, cell) in columns.into_iter().zip(&cells[2..]) {
            let theirs: Option<f64> = if cell.is_empty() { None } else { Some(cell.parse().unwrap()) };
            // Theirs are of the newest date. A decimal was rounded to eight places, and a return is a
            // difference from one.
            let today = cells[2].parse::<f64>().unwrap() / closes[row];
            let today = if name == "adj_close" { 1.0 } else { today };
            let (ours, rounding) = match exact.get(name) {
                Some(values) => (values[row].map(|value| value as f64 / 1e8 * today), 0.5e-8 * today),
                None => (floating[name][row], if name == "volatility_20" { 0.0 } else { 1e-14 }),
            };
            match (ours, theirs) {
                (Some(ours), Some(theirs)) => {
                    let apart =
                        ((ours - theirs).abs() - rounding).max(0.0) / theirs.abs().max(f64::MIN_POSITIVE);
                    most = most.max(apart);
                    assert!(apart < 1e-9, "{name} of {} on {}: {ours} {theirs}", cells[0], cells[1]);
                }
                (ours, theirs) => assert_eq!(ours, theirs, "{name} of {} on {}", cells[0], cells[1]),
            }
            compared += 1;
        }
    }
    println!("{compared} values, {most:.1e} apart at most");
    assert_eq!(compared, 1_216 * columns.len());
}

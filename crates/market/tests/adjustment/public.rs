//! Adjusted closes of the public WIKI table: 12,154 bars of five stocks from 2000 to 2013, and four stocks in 2014 with every adjusted
//! column. `data/LICENSE-DATA.txt` has the licence. Its method is `ex_close`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use quotelake_core::parse_scaled;
use quotelake_market::adjustment::{Factors, Method, Tables, adjusted_bars};

use crate::native::{Given, bar, batch, data_lines, days, dividend, samples, split, texts, unscaled};
use crate::wiki;

/// Price factors by ticker and date of each bar, as they are stored.
fn factors(given: &Given, tables: &Tables, method: Method) -> BTreeMap<(String, NaiveDate), i128> {
    let column = format!("price_factor_{method}");
    let (from, factors) = (days(&tables.factors, "valid_from"), unscaled(&tables.factors, &column));
    let tickers = texts(&tables.factors, "provider_symbol");
    let mut by_ticker: BTreeMap<&str, Vec<(NaiveDate, i128)>> = BTreeMap::new();
    for (row, ticker) in tickers.iter().enumerate() {
        by_ticker.entry(ticker).or_default().push((from[row], factors[row]));
    }
    let bars = batch("daily_bars", &given.bars);
    let rows = texts(&bars, "provider_symbol").into_iter().zip(days(&bars, "trading_date"));
    rows.map(|(ticker, date)| {
        let intervals = &by_ticker[ticker.as_str()];
        let at = intervals.partition_point(|(from, _)| *from <= date) - 1;
        ((ticker, date), intervals[at].1)
    })
    .collect()
}

/// Prices with 8 places.
fn adjusted(given: &Given, tables: &Tables, method: Method, column: &str) -> Vec<(String, NaiveDate, i128)> {
    let mut factors = Factors::new(method);
    factors.add(&tables.factors).unwrap();
    let bars = adjusted_bars(&batch("daily_bars", &given.bars), &factors).unwrap();
    let rows = texts(&bars, "provider_symbol").into_iter().zip(days(&bars, "trading_date"));
    rows.zip(unscaled(&bars, column)).map(|((ticker, date), price)| (ticker, date, price)).collect()
}

/// Of each ticker what its last close was adjusted by: the table knows events that lie behind its end.
fn last_ratio<'r>(rows: impl Iterator<Item = (&'r str, f64, f64)>) -> BTreeMap<&'r str, f64> {
    rows.map(|(ticker, close, adjusted)| (ticker, adjusted / close)).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// Compares with the table's adjusted prices: the greatest relative difference before rounding, the greatest in units of the eighth
/// place after it, and how many are the same there.
fn compare(
    ours: &[(String, NaiveDate, i128)],
    factors: &BTreeMap<(String, NaiveDate), i128>,
    theirs: &BTreeMap<(String, NaiveDate), (f64, f64)>,
    last: &BTreeMap<&str, f64>,
) -> (f64, i128, usize) {
    let (mut relative, mut places, mut same) = (0f64, 0, 0);
    for (ticker, date, price) in ours {
        let key = (ticker.clone(), *date);
        let (plain, adjusted) = theirs[&key];
        let expected = adjusted / last[ticker.as_str()];
        let exact = plain * (factors[&key] as f64 / 1e18);
        relative = relative.max((exact / expected - 1.0).abs());
        let apart = (price - (expected * 1e8).round() as i128).abs();
        places = places.max(apart);
        same += usize::from(apart == 0);
    }
    (relative, places, same)
}

#[test]
fn ex_close_is_the_public_adjusted_close_on_every_bar() {
    let given = samples();
    let tables = given.tables();
    let closes: Vec<f64> =
        wiki::TICKERS.iter().flat_map(|ticker| wiki::bars(ticker)).map(|bar| number(bar.c.get())).collect();
    let stored = data_lines("wiki_adj_close_2000_2013.csv.gz");
    let cells: Vec<Vec<&str>> = stored.iter().map(|line| line.split(',').collect()).collect();
    let rows = || cells.iter().zip(&closes).map(|(cells, close)| (cells[0], *close, number(cells[2])));
    let last = last_ratio(rows());
    let theirs: BTreeMap<_, _> = cells
        .iter()
        .zip(&closes)
        .map(|(cells, close)| ((cells[0].to_owned(), cells[1].parse().unwrap()), (*close, number(cells[2]))))
        .collect();
    assert_eq!(theirs.len(), 12_154);
    let ours = adjusted(&given, &tables, Method::ExClose, "adj_close");
    let (relative, places, same) = compare(&ours, &factors(&given, &tables, Method::ExClose), &theirs, &last);
    println!(
        "12,154 bars: {relative:.1e} relative before rounding, {same} the same in 8 places, {places} apart at most"
    );
    assert!(relative < 1e-12 && places <= 1 && ours.len() == 12_154, "{relative:e} {places}");
    assert!(same > 12_000, "{same}");
    // The other method is another number: the comparison can fail.
    let other = compare(&ours, &factors(&given, &tables, Method::PreviousClose), &theirs, &last);
    assert!(other.0 > 1e-4, "{:e}", other.0);
}

#[test]
fn every_adjusted_column_of_2014() {
    let stored = data_lines("wiki_2014_with_adjustments.csv.gz");
    let cells: Vec<Vec<&str>> = stored.iter().map(|line| line.split(',').collect()).collect();
    let mut given = Given::default();
    for cells in &cells {
        let row = bar(cells[1], cells[5]).of("polygon", cells[0]).with("volume", cells[6]);
        given.bars.push(row.with("open", cells[2]).with("high", cells[3]).with("low", cells[4]));
        if cells[7] != "0.0" {
            given.dividends.push(dividend(cells[1], cells[7]).of("polygon", cells[0]));
        }
        if cells[8] != "1.0" {
            given.splits.push(split(cells[1], "1", cells[8]).of("polygon", cells[0]));
        }
    }
    assert_eq!((given.splits.len(), given.dividends.len()), (1, 8));
    let tables = given.tables();
    let factors = factors(&given, &tables, Method::ExClose);
    let last = last_ratio(cells.iter().map(|cells| (cells[0], number(cells[5]), number(cells[12]))));
    for (name, plain, adj) in
        [("adj_open", 2, 9), ("adj_high", 3, 10), ("adj_low", 4, 11), ("adj_close", 5, 12)]
    {
        let theirs = cells.iter().map(|cells| {
            ((cells[0].to_owned(), cells[1].parse().unwrap()), (number(cells[plain]), number(cells[adj])))
        });
        let ours = adjusted(&given, &tables, Method::ExClose, name);
        let (relative, places, same) = compare(&ours, &factors, &theirs.collect(), &last);
        println!(
            "{name} of {} bars: {relative:.1e} relative, {same} the same in 8 places, {places} apart",
            ours.len()
        );
        assert!(relative < 1e-12 && places <= 1 && ours.len() == cells.len(), "{name} {relative:e} {places}");
    }
    // Whole shares, exact: 7 for each before the split.
    let volumes = adjusted(&given, &tables, Method::ExClose, "adj_volume");
    for ((ticker, _, volume), cells) in volumes.iter().zip(&cells) {
        assert_eq!(ticker, cells[0]);
        assert_eq!(*volume, parse_scaled(cells[13].as_bytes(), 38, 8).unwrap(), "{ticker} {}", cells[1]);
    }
}

#[test]
fn factors_of_the_first_day_seen_from_the_last() {
    let tables = samples().tables();
    let first = |method: Method| -> Vec<String> {
        let (symbols, from) =
            (texts(&tables.factors, "provider_symbol"), days(&tables.factors, "valid_from"));
        let factors = unscaled(&tables.factors, &format!("price_factor_{method}"));
        let mut firsts: BTreeMap<String, (NaiveDate, i128)> = BTreeMap::new();
        for (row, symbol) in symbols.into_iter().enumerate() {
            let first = firsts.entry(symbol).or_insert((from[row], factors[row]));
            *first = (*first).min((from[row], factors[row]));
        }
        firsts
            .into_iter()
            .map(|(symbol, (_, factor))| format!("{symbol} {:.12}", factor as f64 / 1e18))
            .collect()
    };
    assert_eq!(
        first(Method::ExClose),
        [
            "AAPL 0.246366241415",
            "FB 1.000000000000",
            "GOOG 1.000000000000",
            "IBM 0.850718294369",
            "MSFT 0.376879992471",
        ]
    );
    assert_eq!(
        first(Method::PreviousClose),
        [
            "AAPL 0.246363600984",
            "FB 1.000000000000",
            "GOOG 1.000000000000",
            "IBM 0.850764324762",
            "MSFT 0.376148721541",
        ]
    );
    let refused: Vec<String> = tables.refused.iter().map(|one| one.series.to_string()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let skipped: Vec<String> =
        texts(&tables.events, "reason").into_iter().filter(|reason| reason != "-").collect();
    assert_eq!((tables.events.num_rows(), skipped), (96, Vec::<String>::new()));
}

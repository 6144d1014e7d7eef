//! What the usual rules of market data cost: nanoseconds per row, one by one and together, and microseconds to parse.
//!
//! `cargo run --release -p dqdl --example bench [rows]`

#![allow(clippy::print_stdout, reason = "it prints its figures")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, Decimal64Array, Decimal128Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;
use chrono::DateTime;
use dqdl::{Options, Outcome, Plan, parse};

const BATCH: usize = 65_536;
const SYMBOLS: usize = 503;
const RULES: [&str; 17] = [
    "RowCount > 1000",
    r#"IsComplete "symbol""#,
    r#"IsComplete "close""#,
    r#"IsComplete "volume""#,
    r#"Completeness "vwap" >= 0.99"#,
    r#"IsPrimaryKey "provider" "symbol" "timespan" "ts""#,
    r#"ColumnValues "open" > 0"#,
    r#"ColumnValues "high" > 0"#,
    r#"ColumnValues "low" > 0"#,
    r#"ColumnValues "close" > 0"#,
    r#"ColumnValues "volume" >= 0"#,
    r#"ColumnValues "close" = NULL where "high < low or high < open or high < close or low > open or low > close""#,
    r#"Mean "close" between 20 and 500"#,
    r#"StandardDeviation "close" between 5 and 1000"#,
    r#"ColumnValues "timespan" in ["day", "minute"]"#,
    r#"DistinctValuesCount "symbol" between 400 and 600"#,
    r#"CustomSql "select count(*) from primary where ts >= timestamp '2026-11-01'" > 0"#,
];

/// A batch of bars: every row is another symbol and, all symbols done, another minute.
fn bars(first: usize, rows: usize) -> Result<RecordBatch, Box<dyn Error>> {
    let range = first..first + rows;
    let dictionary = |texts: Vec<String>, key: &dyn Fn(usize) -> usize| -> Result<ArrayRef, Box<dyn Error>> {
        let keys = range.clone().map(|row| i32::try_from(key(row) % texts.len()));
        let keys = Int32Array::from(keys.collect::<Result<Vec<_>, _>>()?);
        let values = Arc::new(StringArray::from(texts));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
    };
    let price = |offset: i64| -> Result<ArrayRef, Box<dyn Error>> {
        let value = |row: usize| {
            let row = i64::try_from(row)?;
            Ok::<_, Box<dyn Error>>((20 + row % 300) * 100_000_000 + (row % 97) * 1_000_000 + offset)
        };
        let values = range.clone().map(value).collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Decimal64Array::from(values).with_precision_and_scale(18, 8)?))
    };
    let volume: ArrayRef = Arc::new(
        Decimal128Array::from_iter_values(range.clone().map(|row| (row as i128 % 10_000) * 1_000_000))
            .with_precision_and_scale(24, 6)?,
    );
    let start = 1_793_491_200_000;
    let ts = range.clone().map(|row| i64::try_from(row / SYMBOLS).map(|minute| start + minute * 60_000));
    let ts = TimestampMillisecondArray::from(ts.collect::<Result<Vec<_>, _>>()?).with_timezone("UTC");
    Ok(RecordBatch::try_from_iter([
        ("provider", dictionary(vec!["yahoo".to_owned()], &|_| 0)?),
        ("symbol", dictionary((0..SYMBOLS).map(|at| format!("SYM{at}")).collect(), &|row| row)?),
        ("timespan", dictionary(vec!["minute".to_owned(), "day".to_owned()], &|_| 0)?),
        ("ts", Arc::new(ts) as ArrayRef),
        ("open", price(0)?),
        ("high", price(50_000_000)?),
        ("low", price(-50_000_000)?),
        ("close", price(10_000_000)?),
        ("volume", volume),
        ("vwap", price(5_000_000)?),
    ])?)
}

/// Nanoseconds per row of a ruleset, the best of five; with the rows' outcomes as Glue's four columns, if `rows`.
fn cost(rules: &str, batches: &[RecordBatch], rows: bool) -> Result<f64, Box<dyn Error>> {
    let ruleset = parse(rules)?;
    let first = batches.first().ok_or("no batch")?;
    let now = DateTime::from_timestamp(1_795_000_000, 0).ok_or("no time")?;
    let plan = Plan::compile(&ruleset, first.schema(), &Options::new(now));
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        let mut run = plan.start();
        let mut masks = Vec::new();
        for batch in batches {
            let of_batch = plan.row_masks(batch);
            run.observe(batch, &of_batch, None);
            if rows {
                masks.push(of_batch);
            }
        }
        let report = run.finish();
        for (at, masks) in masks.iter().enumerate() {
            std::hint::black_box(plan.row_outcomes(masks, at, &report).to_columns()?);
        }
        best = best.min(start.elapsed().as_nanos() as f64 / report.rows as f64);
        if report.count(Outcome::Pass) != report.results.len() {
            return Err(format!("a rule of {rules} did not pass: {:?}", report.results).into());
        }
    }
    Ok(best)
}

fn main() -> Result<(), Box<dyn Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |rows| rows.parse())?;
    let batches = (0..rows)
        .step_by(BATCH)
        .map(|first| bars(first, BATCH.min(rows - first)))
        .collect::<Result<Vec<_>, _>>()?;
    println!("{rows} rows in batches of {BATCH}");
    for rule in RULES {
        println!("{:8.2} ns/row  {rule}", cost(&format!("Rules = [ {rule} ]"), &batches, false)?);
    }
    let all = format!("Rules = [ {} ]", RULES.join(",\n  "));
    let together = cost(&all, &batches, false)?;
    let with_rows = cost(&all, &batches, true)?;
    println!(
        "{together:8.2} ns/row  all {} rules: {:.2} million rows a second",
        RULES.len(),
        1000.0 / together
    );
    println!(
        "{with_rows:8.2} ns/row  the same and every row's outcomes: {:.0} % more",
        100.0 * (with_rows / together - 1.0)
    );

    let rounds = 2000;
    let start = Instant::now();
    for _ in 0..rounds {
        std::hint::black_box(parse(std::hint::black_box(&all))?);
    }
    let rules = f64::from(rounds) * RULES.len() as f64;
    println!("{:8.2} us/rule to parse", start.elapsed().as_nanos() as f64 / 1000.0 / rules);
    Ok(())
}

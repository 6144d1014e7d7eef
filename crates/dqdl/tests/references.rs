//! Rules that compare with reference tables.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal64Array, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;
use chrono::DateTime;
use dqdl::{MemoryHistory, Options, Outcome, Plan, References, RuleResult, parse};

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("the columns have one length")
}

/// Five bars; the last has no symbol.
fn bars() -> RecordBatch {
    let symbols = vec![Some("AAPL"), Some("MSFT"), Some("AAPL"), Some("NONE"), None];
    table(vec![
        ("symbol", Arc::new(symbols.into_iter().collect::<DictionaryArray<Int32Type>>())),
        ("day", Arc::new(Date32Array::from(vec![0, 0, 1, 1, 1]))),
        (
            "close",
            Arc::new(
                Decimal64Array::from(vec![Some(150), Some(250), None, Some(1), Some(1)])
                    .with_precision_and_scale(18, 2)
                    .expect("two decimals"),
            ),
        ),
        ("volume", Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]))),
    ])
}

fn references() -> References {
    let symbols = |names: Vec<&str>, exchange: Vec<i32>| {
        table(vec![
            ("ticker", Arc::new(StringArray::from(names))),
            ("exchange", Arc::new(Int32Array::from(exchange))),
        ])
    };
    let mut references = References::default();
    references
        .insert("symbols", vec![symbols(vec!["MSFT", "TSLA"], vec![1, 2]), symbols(vec!["AAPL"], vec![1])]);
    references.insert("nothing", vec![bars().slice(0, 0)]);
    references.insert("same", vec![bars()]);
    references.insert("unknown", Vec::new());
    let other = table(vec![
        ("id", Arc::new(StringArray::from(vec!["AAPL", "AAPL", "MSFT", "MSFT"]))),
        (
            "at",
            Arc::new(
                TimestampMillisecondArray::from(vec![0, 86_400_000, 0, 86_400_000]).with_timezone("+00:00"),
            ),
        ),
        (
            "close",
            Arc::new(
                Decimal64Array::from(vec![Some(15000), None, Some(9), Some(1)])
                    .with_precision_and_scale(18, 4)
                    .expect("four decimals"),
            ),
        ),
        ("size", Arc::new(Int32Array::from(vec![1, 3, 2, 4]))),
    ]);
    references.insert("other", vec![other]);
    references
}

#[test]
fn without_history_the_rows_are_judged_and_the_rule_is_not() {
    let rule = r#"ReferentialIntegrity "symbol" "symbols.ticker" > last(1)"#;
    assert_rule(rule, "Column.symbols.ReferentialIntegrity", 0.6, Outcome::Pass, &[3, 4]);
    let rule = r#"RowCountMatch "symbols" < last(1)"#;
    assert_rule(rule, "Dataset.symbols.RowCountMatch", 5.0 / 3.0, Outcome::Pass, &[]);
}

fn evaluate(rule: &str) -> (RuleResult, Vec<usize>) {
    let ruleset = parse(&format!("Rules = [ {rule} ]")).expect(rule);
    let batch = bars();
    let options = Options { references: references(), ..Options::new(DateTime::UNIX_EPOCH) }
        .with_history(Arc::new(MemoryHistory::default()));
    let plan = Plan::compile(&ruleset, batch.schema(), &options);
    let masks = plan.row_masks(&batch);
    let mut run = plan.start();
    run.observe(&batch, &masks, None);
    let failed = masks.failed(0).map(|failed| failed.set_indices().collect()).unwrap_or_default();
    (run.finish().results.remove(0), failed)
}

#[track_caller]
fn assert_rule(rule: &str, metric: &str, value: f64, outcome: Outcome, failed: &[usize]) {
    let (result, rows) = evaluate(rule);
    assert_eq!(result.outcome, outcome, "{rule}: {:?}", result.message);
    assert_eq!(result.metrics.get(metric), Some(&value), "{rule}: {:?}", result.metrics);
    assert_eq!(rows, failed, "{rule}");
}

#[track_caller]
fn assert_refused(rule: &str, outcome: Outcome, message: &str) {
    let (result, _) = evaluate(rule);
    assert_eq!(result.outcome, outcome, "{rule}: {:?}", result.message);
    assert!(
        result.message.as_ref().is_some_and(|found| found.contains(message)),
        "{rule}: {:?}",
        result.message
    );
}

#[test]
fn referential_integrity_fails_the_rows_that_are_not_there() {
    let metric = "Column.symbols.ReferentialIntegrity";
    let rule = r#"ReferentialIntegrity "symbol" "symbols.ticker""#;
    assert_rule(&format!("{rule} = 1.0"), metric, 0.6, Outcome::Fail, &[3, 4]);
    assert_rule(&format!("{rule} > 0.5"), metric, 0.6, Outcome::Pass, &[3, 4]);
    let rule = r#"ReferentialIntegrity "symbol,volume" "symbols.{ticker, exchange}" >= 0"#;
    assert_rule(rule, metric, 0.2, Outcome::Pass, &[1, 2, 3, 4]);
    let rule = r#"ReferentialIntegrity "symbol,day" "other.{id,at}" > 0"#;
    assert_rule(rule, "Column.other.ReferentialIntegrity", 0.6, Outcome::Pass, &[3, 4]);
    let rule = r#"ReferentialIntegrity "symbol" "nothing.symbol" = 0"#;
    assert_rule(rule, "Column.nothing.ReferentialIntegrity", 0.0, Outcome::Pass, &[0, 1, 2, 3, 4]);
}

#[test]
fn a_data_set_matches_row_by_row() {
    let metric = "Dataset.other.DatasetMatch";
    // (AAPL, 0) has the same close, (AAPL, 1) the same NULL, (MSFT, 0) another one.
    let rule = r#"DatasetMatch "other" "symbol->id,day->at" "close" >= 0.4"#;
    assert_rule(rule, metric, 0.4, Outcome::Pass, &[1, 3, 4]);
    let rule = r#"DatasetMatch "other" "symbol->id,day->at" "volume->size" >= 0.6"#;
    assert_rule(rule, metric, 0.6, Outcome::Pass, &[3, 4]);
    let rule = r#"DatasetMatch "same" "symbol,day" = 0.8"#;
    assert_rule(rule, "Dataset.same.DatasetMatch", 0.8, Outcome::Pass, &[4]);
    assert_refused(r#"DatasetMatch "other" "symbol->id" = 1.0"#, Outcome::Fail, "include column day");
}

#[test]
fn tables_match_as_a_whole() {
    assert_rule(
        r#"RowCountMatch "symbols" < 2"#,
        "Dataset.symbols.RowCountMatch",
        5.0 / 3.0,
        Outcome::Pass,
        &[],
    );
    assert_refused(r#"RowCountMatch "nothing" > 0"#, Outcome::Fail, "no ratio of 5 to 0");
    assert_rule(r#"SchemaMatch "same" = 1.0"#, "Dataset.same.SchemaMatch", 1.0, Outcome::Pass, &[]);
    assert_rule(r#"SchemaMatch "other" = 1.0"#, "Dataset.other.SchemaMatch", 0.0, Outcome::Fail, &[]);
    let rule = r#"AggregateMatch "sum(volume)" "sum(other.size)" = 1.5"#;
    assert_rule(rule, "Column.volume,size.AggregateMatch", 1.5, Outcome::Pass, &[]);
    let rule = r#"AggregateMatch "COUNT(primary.close)" "max(other.size) - 0" = 1"#;
    assert_rule(rule, "Column.close,size.AggregateMatch", 1.0, Outcome::Pass, &[]);
    let rule = r#"AggregateMatch "avg(volume)" "avg(nothing.volume)" = 1"#;
    assert_refused(rule, Outcome::Fail, "no ratio of 3 to NULL");
}

#[test]
fn what_is_not_there_is_an_error() {
    for (rule, message) in [
        (r#"RowCountMatch "nope" = 1"#, "no reference table nope"),
        (r#"SchemaMatch "unknown" = 1"#, "has no schema"),
        (r#"ReferentialIntegrity "symbol" "nope.ticker" = 1"#, "no reference table nope"),
        (r#"ReferentialIntegrity "symbol" "ticker" = 1"#, "is not `table.column`"),
        (r#"ReferentialIntegrity "symbol,day" "symbols.ticker" = 1"#, "not as many columns"),
        (r#"ReferentialIntegrity "symbol" "symbols.exchange" = 1"#, "cannot be compared with"),
        (r#"AggregateMatch "sum(volume)" "sum(size)" = 1"#, "there is no column size"),
        (r#"AggregateMatch "volume" "sum(other.size)" = 1"#, "is none"),
        (r#"AggregateMatch "sum(volume)" "sum(other.nope)" = 1"#, "no column nope"),
        (r#"AggregateMatch "sum(volume)" "sum(other.size) over ()" = 1"#, "window function"),
    ] {
        assert_refused(rule, Outcome::Error, message);
    }
    assert_refused(
        r#"ReferentialIntegrity "nope" "symbols.ticker" = 1"#,
        Outcome::Fail,
        "include column nope",
    );
    assert_refused(
        r#"ReferentialIntegrity "symbol" "symbols.nope" = 1"#,
        Outcome::Fail,
        "include column nope",
    );
}

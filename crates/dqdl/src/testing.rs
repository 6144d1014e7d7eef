//! One small batch and a way to try a rule on it, for the unit tests.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal64Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;
use chrono::{DateTime, Utc};

use crate::{LateFailure, Options, Outcome, Plan, Report, RuleResult, parse};

/// 2026-11-20T21:00:30Z
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_208_430, 0).unwrap()
}

/// Five rows; row 3 is NULL in every column but `key`.
pub(crate) fn batch() -> RecordBatch {
    let minute = 60_000;
    let at = 1_795_208_400_000; // 2026-11-20T21:00:00Z
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("key", Arc::new(Int64Array::from(vec![1, 2, 2, 3, 4]))),
        ("count", Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(3), None, Some(4)]))),
        (
            "price",
            Arc::new(
                Decimal64Array::from(vec![
                    Some(10_000_000),
                    Some(20_000_000),
                    Some(30_000_001),
                    None,
                    Some(-40_000_000),
                ])
                .with_precision_and_scale(18, 8)
                .unwrap(),
            ),
        ),
        (
            "value",
            Arc::new(
                Decimal128Array::from(vec![Some(100_000), Some(200_000), Some(0), None, Some(7)])
                    .with_precision_and_scale(24, 6)
                    .unwrap(),
            ),
        ),
        ("ratio", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN), Some(1.5), None, Some(-0.0)]))),
        (
            "symbol",
            Arc::new(
                vec![Some("AAPL"), Some("MSFT"), Some("AAPL"), None, Some("brk.b")]
                    .into_iter()
                    .collect::<DictionaryArray<Int32Type>>(),
            ),
        ),
        ("note", Arc::new(StringArray::from(vec![Some("abc"), Some(""), Some("  "), None, Some("ação")]))),
        ("day", Arc::new(Date32Array::from(vec![Some(20_777), Some(20_776), Some(20_778), None, Some(0)]))),
        (
            "at",
            Arc::new(
                TimestampMillisecondArray::from(vec![
                    Some(at),
                    Some(at - minute),
                    Some(at + minute),
                    None,
                    Some(0),
                ])
                .with_timezone("UTC"),
            ),
        ),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), None, Some(true)]))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

/// Evaluates a whole ruleset on one batch.
pub(crate) fn report(text: &str, batch: &RecordBatch) -> Report {
    let ruleset = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let plan = Plan::compile(&ruleset, batch.schema(), &Options::new(now()));
    let masks = plan.row_masks(batch);
    let mut run = plan.start();
    run.observe(batch, &masks, None);
    let report = run.finish();
    for result in &report.results {
        let sum = result.rows_passed + result.rows_failed + result.rows_skipped;
        assert_eq!(sum, batch.num_rows() as u64, "{text}");
    }
    report
}

/// Evaluates one rule; its result and the rows that fail, found at once or late.
pub(crate) fn try_rule(rule: &str, batch: &RecordBatch) -> (RuleResult, Vec<usize>) {
    let text = format!("Rules = [ {rule} ]");
    let report = report(&text, batch);
    let plan = Plan::compile(&parse(&text).unwrap(), batch.schema(), &Options::new(now()));
    let masks = plan.row_masks(batch);
    let mut rows: Vec<usize> =
        masks.failed(0).map(|failed| failed.set_indices().collect()).unwrap_or_default();
    rows.extend(report.late_failures.iter().map(|LateFailure { row, .. }| *row));
    let result = report.results.into_iter().next().unwrap();
    assert_eq!(result.rows_failed, rows.len() as u64, "{rule}");
    (result, rows)
}

/// The rows of [`batch`] that fail a rule, which must agree with its outcome (no threshold).
#[track_caller]
pub(crate) fn assert_rows(rule: &str, failed: &[usize]) {
    let (result, rows) = try_rule(rule, &batch());
    assert_eq!(rows, failed, "{rule}: {:?}", result.message);
    let expected = if failed.is_empty() { Outcome::Pass } else { Outcome::Fail };
    assert_eq!(result.outcome, expected, "{rule}: {:?}", result.message);
}

/// The value of a metric of a rule on [`batch`], and its outcome.
#[track_caller]
pub(crate) fn assert_metric(rule: &str, metric: &str, value: f64, outcome: Outcome) {
    let (result, _) = try_rule(rule, &batch());
    let found = result.metrics.get(metric).copied();
    assert!(
        found.is_some_and(|found| (found - value).abs() < 1e-12),
        "{rule}: {metric} is {found:?}; {:?} {:?}",
        result.metrics,
        result.message
    );
    assert_eq!(result.outcome, outcome, "{rule}: {:?}", result.message);
}

/// The outcome and message of a rule on some batch.
#[track_caller]
pub(crate) fn assert_outcome(rule: &str, batch: &RecordBatch, outcome: Outcome, message: &str) {
    let (result, _) = try_rule(rule, batch);
    assert_eq!(result.outcome, outcome, "{rule}: {:?}", result.message);
    let found = result.message.unwrap_or_default();
    assert!(found.contains(message), "{rule}: {found}");
}

//! A report over several batches, and its JSON.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use chrono::DateTime;
use dqdl::{GlueContext, LateFailure, Options, Plan, Severity, parse};

const RULES: &str = r#"
DefaultLabels = ["dataset"="bars"]
Rules = [
    RowCount = 4 labels=["severity"="critical"],
    IsUnique "id" labels=["criticality"="high"],
    ColumnValues "low" = NULL where "high < low",
    ColumnValues "nope" > 0 labels=["severity"="warn"],
    CustomSql "select count(*) from primary" = 0 labels=["severity"="odd"]
]
Analyzers = [ RowCount, Completeness "low", Mean "high", AllStatistics "low" ]
"#;

fn batch(rows: &[(i64, i64, i64)]) -> RecordBatch {
    let column = |pick: fn(&(i64, i64, i64)) -> i64| -> Arc<dyn arrow::array::Array> {
        Arc::new(rows.iter().map(pick).collect::<Int64Array>())
    };
    RecordBatch::try_from_iter([
        ("id", column(|row| row.0)),
        ("high", column(|row| row.1)),
        ("low", column(|row| row.2)),
    ])
    .expect("the columns have one length")
}

#[test]
fn two_batches_make_one_report() {
    let ruleset = parse(RULES).expect("the rules parse");
    let batches = [batch(&[(1, 5, 4), (2, 5, 6)]), batch(&[(3, 7, 7), (1, 5, 4)])];
    let plan = Plan::compile(&ruleset, batches[0].schema(), &Options::new(DateTime::UNIX_EPOCH));
    let severities: Vec<Severity> = plan.rules().iter().map(|rule| rule.severity).collect();
    assert_eq!(
        severities,
        [Severity::Critical, Severity::Critical, Severity::Error, Severity::Warn, Severity::Error]
    );
    assert_eq!(plan.warnings().len(), 1);

    let mut run = plan.start();
    for batch in &batches {
        run.observe(batch, &plan.row_masks(batch), None);
    }
    let report = run.finish();
    let late = |batch, row| LateFailure { rule: 1, batch, row };
    assert_eq!(report.late_failures, [late(0, 0), late(1, 1)]);
    assert_eq!(report.rows_failed, 3);
    let start = DateTime::from_timestamp_millis(1_795_208_400_000).expect("a time");
    let glue = report.to_glue(&GlueContext {
        result_id: "dqresult-1".to_owned(),
        ruleset_name: "bars".to_owned(),
        evaluation_context: "bars_1d/2026-11-20".to_owned(),
        started_on: start,
        completed_on: start + chrono::TimeDelta::milliseconds(412),
        job_name: "check".to_owned(),
        job_run_id: "req-1".to_owned(),
    });
    insta::assert_json_snapshot!(glue);
}

#[test]
fn a_batch_of_another_schema_is_an_error_and_not_a_panic() {
    let ruleset = parse(RULES).expect("the rules parse");
    let good = batch(&[(1, 5, 4)]);
    let plan = Plan::compile(&ruleset, good.schema(), &Options::new(DateTime::UNIX_EPOCH));
    let other = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
    let mut run = plan.start();
    run.observe(&good, &plan.row_masks(&other), None);
    run.observe(&other, &plan.row_masks(&other), None);
    let report = run.finish();
    assert_eq!(report.results[1].outcome, dqdl::Outcome::Error);
    assert_eq!(report.late_failures, []);
}

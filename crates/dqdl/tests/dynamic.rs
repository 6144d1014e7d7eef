//! Rules that look at earlier runs: dynamic operands, anomalies, and the statistics that feed them.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use chrono::DateTime;
use dqdl::{ColdStart, GlueContext, MemoryHistory, Options, Outcome, Plan, Report, parse};

fn batch(values: &[i64]) -> RecordBatch {
    let texts: Vec<String> =
        values.iter().map(|value| "x".repeat(usize::try_from(*value).unwrap_or(0))).collect();
    RecordBatch::try_from_iter([
        ("a", Arc::new(Int64Array::from(values.to_vec())) as _),
        ("t", Arc::new(StringArray::from(texts)) as _),
    ])
    .expect("the columns have one length")
}

fn evaluate(rules: &str, values: &[i64], options: &Options) -> Report {
    let ruleset = parse(rules).expect("the rules parse");
    let batch = batch(values);
    let plan = Plan::compile(&ruleset, batch.schema(), options);
    let mut run = plan.start();
    run.observe(&batch, &plan.row_masks(&batch), None);
    run.finish()
}

fn options(history: &MemoryHistory) -> Options {
    Options::new(DateTime::UNIX_EPOCH).with_history(Arc::new(history.clone()))
}

fn row_counts(values: &[f64]) -> MemoryHistory {
    let mut history = MemoryHistory::default();
    values.iter().for_each(|value| history.push("Dataset.*.RowCount", *value));
    history
}

#[test]
fn operands_are_replaced_by_their_values() {
    // The most recent is 6.
    let history = row_counts(&[2.0, 4.0, 9.0, 6.0]);
    for (operand, value) in [
        ("last(1)", "6"),
        ("last()", "6"),
        ("last(1) + 1", "7"),
        ("avg(last(2))", "7.5"),
        ("avg(last(10))", "5.25"),
        ("median(last(4))", "5"),
        ("median(last(3))", "6"),
        ("max(last(3))", "9"),
        ("min(last(3))", "4"),
        ("sum(last(3))", "19"),
        ("std(last(2))", "1.5"),
        ("index(last(4), 0)", "6"),
        ("index(last(4), 3)", "2"),
        ("abs(index(last(2), 0) - index(last(2), 1))", "3"),
        ("0.5 * avg(last(2))", "3.75"),
        ("(avg(last(3)) - (2 * std(last(1))))", "6.333333333333333"),
    ] {
        let rules = format!("Rules = [ RowCount != {operand} ]");
        let report = evaluate(&rules, &[1, 2, 3], &options(&history));
        let result = &report.results[0];
        assert_eq!(result.evaluated_rule, format!("RowCount != {value}"), "{:?}", result.message);
        assert_eq!(result.rule, format!("RowCount != {operand}"));
    }
    let rules = "Rules = [ RowCount between 0.4 * avg(last(3)) and 1.2 * avg(last(3)), RowCount > last(1) ]";
    let report = evaluate(rules, &[1, 2, 3], &options(&history));
    let outcomes: Vec<Outcome> = report.results.iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [Outcome::Pass, Outcome::Fail]);
    let rules = r#"Rules = [ (RowCount >= min(last(4))) and (IsComplete "a") ]"#;
    let report = evaluate(rules, &[1, 2, 3], &options(&history));
    assert_eq!(report.results[0].evaluated_rule, r#"(RowCount >= 2) AND (IsComplete "a")"#);
}

#[test]
fn values_compare_with_their_own_extremes() {
    let mut history = MemoryHistory::default();
    history.push("Column.a.Minimum", 2.0);
    history.push("Column.a.Maximum", 10.0);
    history.push("Column.t.MaximumLength", 4.0);
    history.push("Column.a.ColumnValues.Compliance", 0.5);
    let rules = r#"Rules = [
        ColumnValues "a" between last(1) - 1 and last(1) + 1,
        ColumnLength "t" <= last(1),
        ColumnValues "a" > 4 with threshold >= last(1)
    ]"#;
    let report = evaluate(rules, &[2, 5, 1], &options(&history));
    let shown: Vec<(&str, Outcome, u64)> = report
        .results
        .iter()
        .map(|result| (result.evaluated_rule.as_str(), result.outcome, result.rows_failed))
        .collect();
    assert_eq!(
        shown,
        [
            (r#"ColumnValues "a" between 1 and 11"#, Outcome::Fail, 1),
            (r#"ColumnLength "t" <= 4"#, Outcome::Fail, 1),
            (r#"ColumnValues "a" > 4 with threshold >= 0.5"#, Outcome::Fail, 2),
        ]
    );
}

#[test]
fn a_cold_start_passes_and_records_or_counts_as_zero() {
    let rules = r#"Rules = [
        RowCount > avg(last(5)),
        ColumnValues "a" >= last(1),
        ColumnValues "a" > 1 with threshold > last(1),
        Mean "a" > last(1) where "a > 1"
    ]"#;
    let empty = MemoryHistory::default();
    let report = evaluate(rules, &[1, 2, 3], &options(&empty));
    for result in &report.results {
        assert_eq!(result.outcome, Outcome::Pass);
        assert!(result.message.as_ref().is_some_and(|message| message.contains("no history yet")));
        assert!(!result.metrics.is_empty(), "{}", result.rule);
        assert_eq!(result.evaluated_rule, result.rule);
    }
    // The second run knows what the first measured, by name and `where`.
    let mut history = MemoryHistory::default();
    history.record(report.statistics());
    let report = evaluate(rules, &[0, 2, 3, 4], &options(&history));
    let shown: Vec<(&str, Outcome)> =
        report.results.iter().map(|result| (result.evaluated_rule.as_str(), result.outcome)).collect();
    assert_eq!(
        shown,
        [
            ("RowCount > 3", Outcome::Pass),
            (r#"ColumnValues "a" >= 1"#, Outcome::Fail),
            (r#"ColumnValues "a" > 1 with threshold > 0.6666666666666666"#, Outcome::Pass),
            (r#"Mean "a" > 2.5 where "a > 1""#, Outcome::Pass),
        ]
    );
    let glue = Options { cold_start: ColdStart::Glue, ..options(&empty) };
    let report = evaluate("Rules = [ RowCount > avg(last(5)), RowCount < last(1) ]", &[1, 2], &glue);
    assert_eq!(report.results[0].evaluated_rule, "RowCount > 0");
    assert_eq!((report.results[0].outcome, report.results[1].outcome), (Outcome::Pass, Outcome::Fail));
}

#[test]
fn what_has_no_value_is_an_error() {
    let history = row_counts(&[1.0, 2.0]);
    for (rule, message) in [
        ("RowCount > last(2)", "several values need"),
        ("RowCount > last(0)", "whole number"),
        ("RowCount > last(1.5)", "whole number"),
        ("RowCount > mode(last(2))", "not a function"),
        ("RowCount > avg(last(2), 3)", "not a function"),
        ("RowCount > index(last(2))", "not a function"),
        (r#"ColumnValues "a" = last(1)"#, "no history under this condition"),
        (r#"ColumnLength "t" not between last(1) and 4"#, "no history under this condition"),
        (r#"DetectAnomalies "Rows""#, "cannot watch Rows"),
        (r#"DetectAnomalies "Mean""#, "does not take 0 parameters"),
        (r#"DetectAnomalies "AllStatistics" "a""#, "cannot watch"),
        (r#"DetectAnomalies "DataFreshness" "a""#, "not supported"),
    ] {
        let report = evaluate(&format!("Rules = [ {rule} ]"), &[1], &options(&history));
        let result = &report.results[0];
        assert_eq!(result.outcome, Outcome::Error, "{rule}");
        assert!(
            result.message.as_ref().is_some_and(|found| found.contains(message)),
            "{rule}: {:?}",
            result.message
        );
    }
    for rule in ["RowCount > last(1)", r#"DetectAnomalies "RowCount""#] {
        let report = evaluate(&format!("Rules = [ {rule} ]"), &[1], &Options::new(DateTime::UNIX_EPOCH));
        assert_eq!(report.results[0].outcome, Outcome::Error);
    }
}

#[test]
fn anomalies_have_limits_and_suggest_a_rule() {
    let mut history = row_counts(&[14.0, 15.0, 16.0, 15.0, 14.0, 16.0, 15.0, 13.0, 17.0]);
    for value in [2.0, 3.0, 2.0, 3.0, 2.0, 3.0, 2.0, 3.0] {
        history.push("Column.a.Maximum", value);
    }
    let rules = r#"Rules = [
        DetectAnomalies "RowCount", DetectAnomalies "ColumnValues" "a", DetectAnomalies "Mean" "a"
    ]"#;
    let report = evaluate(rules, &[1, 2, 3, 40], &options(&history));
    let outcomes: Vec<Outcome> = report.results.iter().map(|result| result.outcome).collect();
    assert_eq!(outcomes, [Outcome::Fail, Outcome::Fail, Outcome::Pass]);
    assert_eq!(report.results[2].message.as_deref(), Some("Column.a.Mean has 0 of 8 earlier values"));
    let anomalous: Vec<&str> = report
        .statistics()
        .iter()
        .filter(|statistic| statistic.anomalous)
        .map(|statistic| statistic.key.metric.as_str())
        .collect();
    assert_eq!(anomalous, ["Column.a.Maximum", "Dataset.*.RowCount"]);
    history.record(report.statistics());
    let glue = report.to_glue(&GlueContext {
        result_id: "r".to_owned(),
        ruleset_name: "s".to_owned(),
        evaluation_context: "c".to_owned(),
        started_on: DateTime::UNIX_EPOCH,
        completed_on: DateTime::UNIX_EPOCH,
        job_name: "j".to_owned(),
        job_run_id: "i".to_owned(),
    });
    insta::assert_json_snapshot!(glue.observations);
    let rule = &glue.observations[1].metric_based_observation.new_rules[0];
    assert!(parse(&format!("Rules = [ {rule} ]")).is_ok());
}

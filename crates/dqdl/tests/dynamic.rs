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
        ("RowCount > mode(last(2))", "no function `mode`"),
        ("RowCount > avg(last(2), 3)", "takes 1 argument(s), not 2"),
        ("RowCount > index(last(2))", "takes 2 argument(s), not 1"),
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

/// What a rule is does not hang on how many runs there were: what a long history cannot make right is an ERROR on the first run, and
/// what the first run is merely too early for is judged later.
#[test]
fn a_rule_that_can_never_be_evaluated_is_an_error_from_the_first_run_on() {
    let mut operands: Vec<String> =
        ["last()", "last(1)", "last(2)", "last(3)", "last(0)", "last(1.5)", "5", "0"]
            .map(str::to_owned)
            .to_vec();
    for inner in operands.clone() {
        for function in ["avg", "sum", "median", "max", "min", "std", "abs", "mean", "last"] {
            operands.push(format!("{function}({inner})"));
        }
        for at in ["0", "1", "2", "3", "0.5"] {
            operands.push(format!("index({inner}, {at})"));
        }
    }
    for inner in operands.clone() {
        operands.extend([
            format!("abs({inner})"),
            format!("({inner}) + 1"),
            format!("1 / ({inner})"),
            format!("max({inner})"),
        ]);
    }
    operands.extend(
        ["avg(last(3)) / 0", "avg(last(3)) / (1 - 1)", "avg()", "avg(last(2), 1)"].map(str::to_owned),
    );
    let long = row_counts(&[4.0, 7.0, 9.0, 2.0, 8.0]);
    let (mut errors, mut cold) = (0, 0);
    for operand in operands.iter().filter(|operand| operand.contains('(')) {
        for condition in [format!("> {operand}"), format!("between last(1) and {operand}")] {
            let rules = format!("Rules = [ RowCount {condition} ]");
            let Ok(ruleset) = parse(&rules) else { continue };
            let outcome = |history: &MemoryHistory| {
                let report = evaluate(&rules, &[1, 2, 3], &options(history));
                (report.results[0].outcome, report.results[0].message.clone().unwrap_or_default())
            };
            let (first, message) = outcome(&MemoryHistory::default());
            let (later, said) = outcome(&long);
            // Of these values there is no number, and of others there may be one.
            if said.contains("is not finite") {
                continue;
            }
            assert_eq!(first == Outcome::Error, later == Outcome::Error, "{rules}: {message:?}, {said:?}");
            assert!(!said.contains("no history yet"), "{rules}: {said}");
            let schema = batch(&[1]).schema();
            let unfit = dqdl::unfit(&ruleset, &rules, &schema);
            assert_eq!(unfit.is_empty(), first != Outcome::Error, "{rules}: {unfit:?}");
            errors += usize::from(first == Outcome::Error);
            cold += usize::from(message.contains("no history yet"));
        }
    }
    assert!(errors > 200 && cold > 200, "{errors} errors, {cold} too early");
    // A place that one run more will have is waited for.
    let report =
        evaluate("Rules = [ RowCount > index(last(3), 2) ]", &[1], &options(&row_counts(&[4.0, 7.0])));
    assert_eq!(report.results[0].outcome, Outcome::Pass);
    // So is the column, whose type no run will change.
    let empty = MemoryHistory::default();
    for rule in
        [r#"ColumnValues "t" > last(1)"#, r#"Mean "t" > avg(last(3))"#, r#"ColumnValues "none" > last(1)"#]
    {
        let report = evaluate(&format!("Rules = [ {rule} ]"), &[1], &options(&empty));
        assert_ne!(report.results[0].outcome, Outcome::Pass, "{rule}: {:?}", report.results[0].message);
    }
}

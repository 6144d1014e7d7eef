//! Rows in Glue's four columns, and composites by row.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::DateTime;
use dqdl::{CompositeEvaluation, FilteredRows, Options, Outcome, Plan, RowOutcomes, parse};

fn batch(a: &[i64], b: &[Option<i64>]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([
        ("a", Arc::new(Int64Array::from(a.to_vec())) as Arc<dyn Array>, true),
        ("b", Arc::new(Int64Array::from(b.to_vec())) as Arc<dyn Array>, true),
    ])
    .expect("the columns have one length")
}

/// One line per row: passed | failed | skipped | result, rules by their number.
fn outcomes(rules: &str, options: &Options) -> (Vec<String>, Vec<Outcome>) {
    let ruleset = parse(rules).expect("the rules parse");
    let batches = [batch(&[1, 2], &[Some(1), None]), batch(&[1, 3, 4], &[Some(5), Some(5), Some(6)])];
    let plan = Plan::compile(&ruleset, batches[0].schema(), options);
    let masks: Vec<_> = batches.iter().map(|batch| plan.row_masks(batch)).collect();
    let mut run = plan.start();
    for (batch, masks) in batches.iter().zip(&masks) {
        run.observe(batch, masks, None);
    }
    let report = run.finish();
    let mut lines = Vec::new();
    for (at, (batch, masks)) in batches.iter().zip(&masks).enumerate() {
        let whole = plan.row_outcomes(masks, at, &report).append_to(batch).expect("as many rows");
        let column = |name: &str| Arc::clone(whole.column_by_name(name).expect(name));
        let [pass, fail, skip, result] = RowOutcomes::COLUMNS.map(column);
        for row in 0..batch.num_rows() {
            let numbers = |list: &Arc<dyn Array>| {
                let texts = cast(&list.as_list::<i32>().value(row), &DataType::Utf8).expect("texts");
                let texts = texts.as_string::<i32>();
                let rule = |text: Option<&str>| {
                    let index = plan.rules().iter().position(|rule| Some(rule.description.as_str()) == text);
                    (index.expect("the text of a rule") + 1).to_string()
                };
                texts.iter().map(rule).collect::<Vec<_>>().join(",")
            };
            lines.push(format!(
                "{} | {} | {} | {}",
                numbers(&pass),
                numbers(&fail),
                numbers(&skip),
                result.as_string::<i32>().value(row)
            ));
        }
    }
    (lines, report.results.iter().map(|result| result.outcome).collect())
}

const RULES: &str = r#"Rules = [
    RowCount > 0,
    IsUnique "a",
    ColumnValues "b" > 1,
    ColumnValues "b" > 5 where "a > 2",
    ColumnValues "nope" > 0,
    CustomSql "select 1"
]"#;

#[test]
fn rules_are_listed_by_how_the_row_fared() {
    let (lines, _) = outcomes(RULES, &Options::new(DateTime::UNIX_EPOCH));
    assert_eq!(
        lines,
        [
            "4 | 2,3 | 1,5,6 | Failed",
            "2,4 | 3 | 1,5,6 | Failed",
            "3,4 | 2 | 1,5,6 | Failed",
            "2,3 | 4 | 1,5,6 | Failed",
            "2,3,4 |  | 1,5,6 | Passed",
        ]
    );
    let options = Options { filtered_rows: FilteredRows::Skipped, ..Options::new(DateTime::UNIX_EPOCH) };
    let (lines, _) = outcomes(RULES, &options);
    assert_eq!(lines[0], " | 2,3 | 1,4,5,6 | Failed");
    assert_eq!(lines[3], "2,3 | 4 | 1,5,6 | Failed");
}

#[test]
fn a_composite_is_judged_by_column_or_by_row() {
    let rules = r#"Rules = [
        (ColumnValues "b" > 1) or (ColumnValues "a" < 3),
        (ColumnValues "b" > 5) or (ColumnValues "a" < 3),
        (ColumnValues "a" > 0) and (IsComplete "b"),
        (Completeness "b" > 0.5) or (ColumnValues "b" > 9),
        (ColumnValues "b" > 5 with threshold > 0.9) or (ColumnValues "a" < 4),
        (RowCount > 9) or (ColumnValues "a" < 5)
    ]"#;
    let by_column = Options::new(DateTime::UNIX_EPOCH);
    let by_row = Options { composites: CompositeEvaluation::Row, ..by_column.clone() };
    use Outcome::{Fail, Pass};
    let (lines, outcomes_by_column) = outcomes(rules, &by_column);
    assert_eq!(outcomes_by_column, [Fail, Fail, Fail, Pass, Fail, Pass]);
    let (same_lines, outcomes_by_row) = outcomes(rules, &by_row);
    assert_eq!(outcomes_by_row, [Pass, Fail, Fail, Pass, Fail, Pass]);
    assert_eq!(lines, same_lines);
}

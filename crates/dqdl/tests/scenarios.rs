//! Scenarios in data: a table, and for each ruleset what must come out.
//!
//! A file of `tests/scenarios` has `columns` (name and type), `rows`, and `cases`. A case has a `ruleset` (or the text of one
//! `rule`), the `outcomes`, and optionally the `row_outcomes` per rule (`P`, `F` or `S` for each row; rows that `where`
//! leaves out are `S`), some `metrics`, the `labels` and a piece of the `message`. `take` limits the rows, `by_row` judges
//! composites so, `history` has the metrics of earlier runs, the newest last. `references` are tables by alias. Now is
//! 2026-11-20T21:00:30Z.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, TimeUnit};
use chrono::DateTime;
use dqdl::{CompositeEvaluation, FilteredRows, MemoryHistory, Options, Plan, References, RowOutcome, parse};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Value>>,
    #[serde(default)]
    references: BTreeMap<String, Table>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: Option<String>,
    ruleset: Option<String>,
    outcomes: Vec<String>,
    #[serde(default)]
    row_outcomes: Vec<Option<String>>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    #[serde(default)]
    labels: Vec<BTreeMap<String, String>>,
    message: Option<String>,
    take: Option<usize>,
    #[serde(default)]
    by_row: bool,
    history: Option<BTreeMap<String, Vec<f64>>>,
}

/// Texts are cast to the column's type, so that decimals are not rounded on the way.
fn column(data_type: &str, values: Vec<&Value>) -> ArrayRef {
    let texts = values.iter().map(|value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    });
    let texts: StringArray = texts.collect();
    let target = match data_type {
        "text" => DataType::Utf8,
        "dictionary" => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        "int" => DataType::Int64,
        "decimal" => DataType::Decimal64(18, 4),
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Millisecond, Some("+00:00".into())),
        "double" => {
            let number = |text: &str| text.parse::<f64>().expect("a number");
            return Arc::new(texts.iter().map(|text| text.map(number)).collect::<Float64Array>());
        }
        "bool" => {
            return Arc::new(
                texts.iter().map(|text| text.map(|text| text == "true")).collect::<BooleanArray>(),
            );
        }
        other => panic!("{other} is not a type of the scenarios"),
    };
    let cast = arrow_cast::cast(&texts, &target).expect("a value of the type");
    assert_eq!(cast.logical_null_count(), texts.null_count(), "a {data_type} was not understood");
    cast
}

fn table(columns: &[(String, String)], rows: &[Vec<Value>]) -> RecordBatch {
    let columns = columns.iter().enumerate().map(|(at, (name, data_type))| {
        let values = rows.iter().map(|row| row.get(at).expect("as many values as columns")).collect();
        (name.as_str(), column(data_type, values), true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length")
}

/// What is wrong with a case; also evaluated in two batches, which must not matter.
fn run(case: &Case, batch: &RecordBatch, references: &References) -> Vec<String> {
    let text = case.ruleset.clone().or_else(|| case.rule.as_ref().map(|rule| format!("Rules = [ {rule} ]")));
    let text = text.expect("a rule or a ruleset");
    let ruleset = match parse(&text) {
        Ok(ruleset) => ruleset,
        Err(error) => return vec![format!("{text}: {error}")],
    };
    let now = DateTime::from_timestamp(1_795_208_430, 0).expect("a time");
    let mut options = Options {
        filtered_rows: FilteredRows::Skipped,
        references: references.clone(),
        composites: if case.by_row { CompositeEvaluation::Row } else { CompositeEvaluation::Column },
        ..Options::new(now)
    };
    if let Some(known) = &case.history {
        let mut history = MemoryHistory::default();
        for (metric, values) in known {
            values.iter().for_each(|value| history.push(metric.as_str(), *value));
        }
        options = options.with_history(Arc::new(history));
    }
    let plan = Plan::compile(&ruleset, batch.schema(), &options);
    let rows = case.take.unwrap_or(batch.num_rows());
    let half = rows / 2;
    let mut wrong = Vec::new();
    for parts in [vec![batch.slice(0, rows)], vec![batch.slice(0, half), batch.slice(half, rows - half)]] {
        let masks: Vec<_> = parts.iter().map(|part| plan.row_masks(part)).collect();
        let mut run = plan.start();
        for (part, masks) in parts.iter().zip(&masks) {
            run.observe(part, masks, None);
        }
        let report = run.finish();
        let found: Vec<&str> = report.results.iter().map(|result| result.outcome.as_str()).collect();
        if found != case.outcomes {
            let messages: Vec<_> = report.results.iter().map(|result| &result.message).collect();
            wrong.push(format!("{text}: {found:?} {messages:?}"));
        }
        for (rule, expected) in case.row_outcomes.iter().enumerate() {
            let mut letters = String::new();
            for (at, masks) in masks.iter().enumerate() {
                let outcomes = plan.row_outcomes(masks, at, &report);
                letters.extend((0..outcomes.len()).map(|row| match outcomes.of(rule, row) {
                    RowOutcome::Passed => 'P',
                    RowOutcome::Failed => 'F',
                    RowOutcome::Skipped => 'S',
                }));
            }
            let judged = report.results.get(rule).is_some_and(|result| result.row_level);
            if expected.as_deref() != judged.then_some(letters.as_str()) {
                wrong.push(format!("{text}: rows of rule {rule} are {letters}, judged: {judged}"));
            }
        }
        let metrics: BTreeMap<&String, f64> = report
            .results
            .iter()
            .flat_map(|result| &result.metrics)
            .chain(report.analyzers.iter().flat_map(|analyzer| &analyzer.metrics))
            .map(|(name, value)| (name, *value))
            .collect();
        for (name, expected) in &case.metrics {
            if metrics.get(name).is_none_or(|found| (found - expected).abs() > 1e-9) {
                wrong.push(format!("{text}: {name} is not {expected}: {metrics:?}"));
            }
        }
        for (result, expected) in report.results.iter().zip(&case.labels) {
            if result.labels != *expected {
                wrong.push(format!("{text}: labels are {:?}", result.labels));
            }
        }
        let said: Vec<&str> = report.results.iter().filter_map(|result| result.message.as_deref()).collect();
        if let Some(message) = &case.message
            && !said.iter().any(|said| said.contains(message))
        {
            wrong.push(format!("{text}: {said:?} does not say {message}"));
        }
    }
    wrong
}

#[test]
fn every_scenario_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let (mut cases, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("the scenarios") {
        let path = entry.expect("a file").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a readable file");
        let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let batch = table(&file.columns, &file.rows);
        let mut references = References::default();
        for (alias, Table { columns, rows }) in &file.references {
            references.insert(alias.as_str(), vec![table(columns, rows)]);
        }
        cases += file.cases.len();
        for case in &file.cases {
            wrong.extend(run(case, &batch, &references).into_iter().map(|what| format!("{name}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {cases} scenarios:\n{}", wrong.len(), wrong.join("\n"));
    assert!(cases >= 350, "only {cases} scenarios were found");
}

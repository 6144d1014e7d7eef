//! Glue's result, held against botocore's own model of the service.
#![allow(clippy::print_stderr, reason = "a test says when it is skipped")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringArray};
use chrono::DateTime;
use dqdl::{GlueContext, MemoryHistory, Options, Outcome, Plan, parse};
use serde_json::{Value, json};

const BOTOCORE: &str = "botocore==1.44.5";

#[expect(clippy::disallowed_methods, reason = "only a test's own surroundings say whether it may be skipped")]
fn in_ci() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}

/// Python with botocore; `None`, with a message, where it cannot be had. In CI it has to be there.
fn python() -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/venv");
    let output = Command::new("bash").arg(script).args(["botocore", BOTOCORE]).output();
    match output {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
        }
        failed => {
            let why = failed
                .map_or_else(|e| e.to_string(), |output| String::from_utf8_lossy(&output.stderr).into());
            assert!(!in_ci(), "CI needs {BOTOCORE}: {why}");
            eprintln!(
                "SKIPPED: the result is not held against botocore's model, {BOTOCORE} cannot be had: {why}"
            );
            None
        }
    }
}

fn validate(python: &str, result: &Value) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate_glue.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(result.to_string().as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// A result with everything in it: every outcome, labels, analyzers, an anomaly.
fn result() -> Value {
    let rules = r#"
        Rules = [
            RowCount > 0 labels=["severity"="warn"],
            ColumnValues "close" > 2,
            IsUnique "id",
            ColumnValues "nope" > 0,
            CustomSql "select a from b join c",
            RowCount > avg(last(3)),
            DetectAnomalies "RowCount"
        ]
        Analyzers = [ AllStatistics AllColumns, Completeness "name" ]
    "#;
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 2])) as _, true),
        ("name", Arc::new(StringArray::from(vec![Some("a"), None, Some("b")])) as _, true),
        ("close", Arc::new(Float64Array::from(vec![Some(1.5), None, Some(3.0)])) as _, true),
    ])
    .unwrap();
    let mut history = MemoryHistory::default();
    (0..20).for_each(|run| history.push("Dataset.*.RowCount", 1000.0 + f64::from(run % 3)));
    let options = Options::new(DateTime::UNIX_EPOCH).with_history(Arc::new(history));
    let plan = Plan::compile(&parse(rules).unwrap(), batch.schema(), &options);
    let mut run = plan.start();
    run.observe(&batch, &plan.row_masks(&batch), None);
    let report = run.finish();
    for outcome in [Outcome::Pass, Outcome::Fail, Outcome::Error] {
        assert!(report.count(outcome) > 0, "{outcome}");
    }
    assert!(report.observations.iter().any(|seen| seen.anomalous), "{:?}", report.observations);
    let context = GlueContext {
        result_id: "dqresult-0".into(),
        ruleset_name: "bars".into(),
        evaluation_context: "bars/1".into(),
        started_on: DateTime::UNIX_EPOCH,
        completed_on: DateTime::UNIX_EPOCH,
        job_name: "check".into(),
        job_run_id: "0".into(),
    };
    serde_json::to_value(report.to_glue(&context)).unwrap()
}

#[test]
fn a_result_is_of_the_shape_that_botocore_knows() {
    let Some(python) = python() else { return };
    let result = result();
    let output = validate(&python, &result);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The validator does object to what is not of the shape.
    let mut wrong = result;
    wrong["Score"] = json!("high");
    let output = validate(&python, &wrong);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("Score"), "{said}");
}

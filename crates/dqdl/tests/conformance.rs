//! Runs the shared conformance cases when they are present.

use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    parse: Vec<ParseCase>,
    evaluate: Vec<EvaluateCase>,
}

#[derive(Deserialize)]
struct ParseCase {
    kind: String,
    document: String,
    verdict: String,
    canonical: Option<String>,
}

#[derive(Deserialize)]
struct EvaluateCase {
    rule: String,
    metric: f64,
    expected: bool,
    on: String,
}

fn cases() -> Option<Cases> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dqdl/cases.json");
    match std::fs::read(&path) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).expect("the cases are JSON")),
        Err(_) => {
            eprintln!("skipped: the shared DQDL conformance cases are not here");
            None
        }
    }
}

#[test]
fn every_document_gets_its_verdict_and_its_canonical_text() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    let (mut verdicts, mut canonical) = (0, 0);
    for case in &cases.parse {
        let parsed = dqdl::parse(&case.document);
        if parsed.is_ok() != (case.verdict == "valid") {
            wrong.push(format!("{}: {:?}", case.document, parsed.map(|_| ())));
            continue;
        }
        verdicts += 1;
        let (Some(text), Ok(ruleset)) = (&case.canonical, parsed) else {
            continue;
        };
        let printed = match case.kind.as_str() {
            "analyzer" => ruleset.analyzers.first().map(ToString::to_string),
            _ => ruleset.rules.first().map(ToString::to_string),
        };
        if printed.as_ref() == Some(text) {
            canonical += 1;
        } else {
            wrong.push(format!("{text} printed as {printed:?}"));
        }
    }
    eprintln!(
        "{verdicts} of {} verdicts, {canonical} canonical texts",
        cases.parse.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_metric_gets_its_outcome() {
    let Some(cases) = cases() else { return };
    for case in &cases.evaluate {
        let ruleset = dqdl::parse(&format!("Rules = [ {} ]", case.rule)).expect(&case.rule);
        let dqdl::RuleBody::Check(check) = &ruleset.rules[0].body else {
            panic!("{} is a composite", case.rule);
        };
        let condition = match case.on.as_str() {
            "threshold" => check.threshold.as_ref(),
            _ => check.condition.as_ref(),
        };
        let held = condition.expect(&case.rule).holds(case.metric);
        assert_eq!(held, Ok(case.expected), "{} at {}", case.rule, case.metric);
    }
}

//! Runs the shared conformance cases when they are present.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "helpers of tests may panic and say what they skip"
)]

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
    /// Kept as text: `serde_json` rounds 0.9999999999999999 to 1.0 unless asked not to.
    metric: Box<serde_json::value::RawValue>,
    expected: bool,
    on: String,
}

fn cases() -> Option<Cases> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dqdl/cases.json");
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
    eprintln!("{verdicts} of {} verdicts, {canonical} canonical texts", cases.parse.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_starter_ruleset_parses_and_its_rules_reparse() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dqdl/market_daily.dqdl");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: the shared starter ruleset is not here");
        return;
    };
    let ruleset = dqdl::parse(&text).expect("the starter ruleset parses");
    assert_eq!((ruleset.rules.len(), ruleset.analyzers.len()), (27, 5));
    for rule in &ruleset.rules {
        let again = dqdl::parse(&format!("Rules = [ {rule} ]")).expect("a printed rule parses");
        assert_eq!(again.rules[0].to_string(), rule.to_string());
    }
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
        let metric = case.metric.get().parse().expect("a number");
        let held = condition.expect(&case.rule).holds(metric);
        assert_eq!(held, Ok(case.expected), "{} at {}", case.rule, case.metric);
    }
}

//! What parses, what does not, and what the error says.

#![allow(clippy::expect_used, reason = "helpers of tests may panic")]

use dqdl::{RuleBody, RuleType, parse};

/// Parses and prints each rule of a ruleset.
fn printed(text: &str) -> Vec<String> {
    let ruleset = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    ruleset.rules.iter().map(ToString::to_string).collect()
}

fn error(text: &str) -> String {
    parse(text).map(|_| ()).expect_err(text).to_string()
}

#[test]
fn a_whole_document() {
    let text = include_str!("fixtures/bars.dqdl");
    let ruleset = parse(text).expect("the fixture parses");
    assert_eq!(ruleset.metadata["Version"], "1.0");
    assert_eq!(ruleset.primary_source.as_deref(), Some("bars"));
    assert_eq!(ruleset.additional_sources, ["symbols"]);
    assert_eq!(ruleset.variables.len(), 2);
    assert_eq!(ruleset.default_labels.len(), 1);
    assert_eq!(ruleset.lints, []);
    insta::assert_snapshot!(printed(text).join("\n"));
    let analyzers: Vec<String> = ruleset.analyzers.iter().map(ToString::to_string).collect();
    assert_eq!(analyzers, ["RowCount", "AllStatistics AllColumns"]);
}

#[test]
fn printing_is_a_fixed_point() {
    for rule in printed(include_str!("fixtures/bars.dqdl")) {
        assert_eq!(printed(&format!("Rules = [ {rule} ]")), [rule]);
    }
}

#[test]
fn and_binds_tighter_than_or() {
    assert_eq!(
        printed("Rules = [ (RowCount > 0) or (RowCount > 1) and (RowCount > 2) ]"),
        ["(RowCount > 0) OR ((RowCount > 1) AND (RowCount > 2))"]
    );
    assert_eq!(
        printed("Rules = [ RowCount > 0 AND RowCount > 1 and (RowCount > 2) ]"),
        ["(RowCount > 0) AND (RowCount > 1) AND (RowCount > 2)"]
    );
}

#[test]
fn labels_may_follow_a_threshold_and_are_printed_the_portable_way() {
    let text = r#"Rules = [ ColumnValues "a" > 0 with threshold > 0.9 labels=["severity"="warn"] ]"#;
    assert_eq!(printed(text), [r#"(ColumnValues "a" > 0 with threshold > 0.9) labels=["severity"="warn"]"#]);
    assert_eq!(parse(text).unwrap().lints.len(), 1);
}

#[test]
fn spans_cover_the_rule() {
    let text = r#"Rules = [ IsComplete "a", (RowCount > 0) ]"#;
    let ruleset = parse(text).unwrap();
    let spans: Vec<&str> = ruleset.rules.iter().map(|rule| &text[rule.span.start..rule.span.end]).collect();
    assert_eq!(spans, [r#"IsComplete "a""#, "(RowCount > 0)"]);
    let RuleBody::Check(check) = &ruleset.rules[0].body else {
        panic!("a single check");
    };
    assert_eq!(check.rule_type, RuleType::IsComplete);
}

#[test]
fn an_error_says_where_what_and_what_instead() {
    let errors: Vec<String> = [
        "",
        "Rules = [ isComplete \"a\" ]",
        "Rules = [\n  RowCount > 0,\n  Completness \"a\" > 0.9\n]",
        "Rules = [ Completeness \"a\" ]",
        "Rules = [ IsComplete \"a\" and IsUnique \"b\" ]",
        "Rules = [ RowCount > 0 with threshold > 0.5 ]",
        "Rules = [ ColumnCount > 0 where \"a > 1\" ]",
        "Rules = [ ColumnValues \"a\" in [\"2024-01-01\", \"abc\"] ]",
        "Rules = [ ColumnValues \"a\" > .5 ]",
        "Rules = [ ColumnValues \"a\" = $b ]",
        "Rules = [ ColumnValues \"a\" = \"2024-02-30\" ]",
        "Rules = [ RowCount > 0,\r\n RowCount > 1 ]",
        "Rules = [ RowCount > 0 # no line feed",
        "Rules = [ RowCount > 'a' ]",
        "Rules = [ RowCount > \"a ]",
        "Rules = [ RowCount > 0, ]",
        "Rules = [ Distribution \"a\" > 0 ]",
        "Analyzers = [ IsComplete \"a\" ]",
    ]
    .into_iter()
    .map(error)
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn text_after_the_ruleset_is_ignored_with_a_lint() {
    let ruleset = parse("Rules = [ RowCount > 0 ] Analyser = [ RowCount ]").unwrap();
    assert_eq!(ruleset.lints[0].column, 26);
}

#[test]
fn nesting_is_bounded_and_chains_are_not() {
    let deep = format!("Rules = [ RowCount > {}1{} ]", "(".repeat(9999), ")".repeat(9999));
    assert!(error(&deep).contains("levels"));
    let deep = format!("Rules = [ {}RowCount > 1", "(".repeat(9999));
    assert!(error(&deep).contains("levels"));
    let long = format!("Rules = [ RowCount > 1{} ]", " + 1".repeat(50_000));
    assert!(parse(&long).is_ok());
    let long = format!("Rules = [ RowCount > 1{} ]", " and RowCount > 1".repeat(20_000));
    assert!(parse(&long).is_ok());
}

#[test]
fn a_ruleset_has_an_end() {
    let rules = |count: usize| format!("Rules = [ {} ]", vec!["RowCount > 0"; count].join(", "));
    assert_eq!(dqdl::parse(&rules(10_000)).unwrap().rules.len(), 10_000);
    let error = dqdl::parse(&rules(10_001)).unwrap_err().to_string();
    assert!(error.contains("more than 10000 rules"), "{error}");
}

//! Whether a text is a ruleset, by the program's exit code and by its JSON: `quotelake rules lint`.
#![allow(clippy::print_stderr, reason = "a test says what it skips")]

use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

/// The exit code, and whether the JSON names an error.
fn verdict(folder: &Path, text: &str) -> (Option<i32>, bool) {
    let file = folder.join("rules.dqdl");
    std::fs::write(&file, text).unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["--json", "rules", "lint", file.to_str().unwrap()])
        .output()
        .unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&program.stdout)
        .unwrap_or_else(|error| panic!("{text}: {error}: {}", String::from_utf8_lossy(&program.stdout)));
    (program.status.code(), findings.iter().any(|finding| finding["error"] == true))
}

fn assert_verdicts<'t>(texts: impl Iterator<Item = (&'t str, bool)>) {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (text, valid) in texts {
        let expected = if valid { (Some(0), false) } else { (Some(2), true) };
        let found = verdict(folder.path(), text);
        if found != expected {
            wrong.push(format!("{text}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_that_are_rulesets_end_with_0_and_others_with_2() {
    let valid = [
        "Rules = [ IsComplete \"order\", RowCount between 2 and 9 ]",
        "Rules = [ (Mean \"stars\" > 3) and ((Sum \"total\" > 500) or (IsComplete \"id\")) ]",
        "Rules = [ ColumnValues \"c\" > 0 with threshold > 0.8 labels=[\"team\"=\"a\"] ]",
        "Rules = [ ColumnValues \"c\" in [NULL, EMPTY, WHITESPACES_ONLY, \"x\"] ]",
        "Rules = [ CustomSql \"select id from primary where a < 1\" ]",
        "Rules = [ RowCount > avg(last(5)) ]",
        "Rules = [ IsComplete \"c\" where \"d > 1\" ]",
        "Rules = [ FileSize > 2, FileSize in [3, 4], FileSize between 1 and 9, FileSize < 5 MB ]",
        "Rules = [ FileSize \"s3://a/b\" >= 20000000 with threshold > 0.5 ]",
        "Rules = [ ColumnValues \"c\" = \"5\\\" pipe\" ]",
        "Rules = [ IsComplete \"c\" labels=[\"severity\"=\"low\"] ] ]",
        "Rules = [ RowCount > 0 ] Analyzers = [ Completeness \"c\", AllStatistics AllColumns ]",
        "DefaultLabels = [\"criticality\"=\"high\"]\nRules = [ RowCount > 1 + 2 * 3 ]\n",
    ];
    let invalid = [
        "",
        "Rules = [ ]",
        "rules = [ RowCount > 0 ]",
        "Rules = [ RowCount > 0, ]",
        "Rules = [\r\n RowCount > 0\r\n]\r\n",
        "Rules = [ RowCont > 0 ]",
        "Rules = [ IsComplete \"c\" > 0.5 ]",
        "Rules = [ Completeness \"c\" > 0.5 with threshold > 0.5 ]",
        "Rules = [ ColumnValues \"c\" in [1, \"2\"] ]",
        "Rules = [ DataFreshness \"c\" > 3 ]",
        "Rules = [ FileSize > 2.5 ]",
        "Rules = [ FileSize > \"2\" ]",
        "Rules = [ DuplicateRowCount = 0 ]",
        "Rules = [ RowCount > 0 labels=[\"severity\"=\"warnig\"] ]",
        "DefaultLabels = [\"criticality\"=\"none\"] Rules = [ RowCount > 0 ]",
    ];
    assert_verdicts(
        valid.into_iter().map(|text| (text, true)).chain(invalid.into_iter().map(|text| (text, false))),
    );
}

#[derive(Deserialize)]
struct Cases {
    parse: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    document: String,
    verdict: String,
}

#[test]
fn the_published_texts_get_their_verdicts_by_exit_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dqdl/cases.json");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("SKIPPED: the published conformance cases are not here");
        return;
    };
    let cases: Cases = serde_json::from_slice(&bytes).unwrap();
    assert_verdicts(cases.parse.iter().map(|case| (case.document.as_str(), case.verdict == "valid")));
}

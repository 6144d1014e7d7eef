//! Rules about a share of the rows: while they hold, the rows that fail them are good; when they do not, those rows are bad.

use crate::support::{KEY, World, bar};
use quotelake_check::{CheckReport, Decision, ResultDocument, check_object};
use quotelake_core::{ErrorKind, Result};
use quotelake_testkit::CallPlan;
use serde_json::json;

async fn try_rules(world: &World, rules: &str, by_row: bool) -> Result<CheckReport> {
    let mut context = world.context(&CallPlan::new());
    context.contracts.set_rules("daily_bars", "r.dqdl", &format!("Rules = [ {rules} ]\n")).unwrap();
    context.contracts.set_composites_by_row("daily_bars", by_row).unwrap();
    check_object(&context, KEY, "d").await
}

/// Bars of four symbols with these closes; the third has no volume.
fn four(closes: [i64; 4]) -> Vec<String> {
    let symbols = ["A", "B", "C", "D"];
    symbols
        .iter()
        .zip(closes)
        .map(|(symbol, close)| {
            let volume = if *symbol == "C" { json!(null) } else { json!(100) };
            bar(symbol, json!({"close": close, "volume": volume}))
        })
        .collect()
}

/// Staged rows, and the symbol, reason and severity of each row in quarantine.
async fn outcome(world: &World, rules: &str) -> (ResultDocument, u64, Vec<(u64, String, String)>) {
    let mut report = try_rules(world, rules, false).await.unwrap();
    let rows = world.quarantined().await;
    let held = rows.into_iter().map(|row| {
        let first = row.reasons.first().unwrap();
        (row.line, first.reason.clone(), first.severity.clone())
    });
    (report.documents.remove(0), report.rows.staged, held.collect())
}

fn result(document: &ResultDocument, rule: usize) -> (&str, f64) {
    let result = &document.glue.rule_results[rule];
    (&result.result, result.rule_metrics.get("RowsFailed").copied().unwrap_or(-1.0))
}

#[tokio::test]
async fn a_rule_that_holds_withholds_no_row() {
    for rule in [
        "Completeness \"volume\" > 0.5",
        "ColumnValues \"close\" > 10 with threshold > 0.1",
        "ColumnDataType \"symbol\" = \"Integer\" with threshold < 0.5",
        "CustomSql \"select close from primary where close > 10\" with threshold > 0.4",
        "Uniqueness \"currency\" < 0.1",
        "UniqueValueRatio \"close\" > 0.3",
        "(Completeness \"volume\" > 0.5) or (ColumnValues \"close\" > 99)",
        "(Completeness \"volume\" > 0.5) and (IsComplete \"close\")",
        "ColumnValues \"close\" > 10 with threshold > 0.9 * avg(last(3))",
    ] {
        let world = World::with(&four([10, 12, 12, 13])).await;
        for severity in ["error", "critical"] {
            let text = format!("({rule}) labels=[\"severity\"=\"{severity}\"]");
            let (document, staged, held) = outcome(&world, &text).await;
            assert_eq!((staged, held.len()), (4, 0), "{rule}: {held:?} {:?}", document.glue.rule_results);
            assert_eq!(document.gate.decision, Decision::Publish, "{rule}");
            assert_eq!(result(&document, 0).0, "PASS", "{rule}");
        }
    }
}

#[tokio::test]
async fn a_rule_that_fails_withholds_the_rows_that_fail_it() {
    let held = |lines: &[u64], reason: &str| -> Vec<(u64, String, String)> {
        lines.iter().map(|line| (*line, reason.to_owned(), "error".to_owned())).collect()
    };
    for (rule, lines, reason) in [
        ("Completeness \"volume\" > 0.9", &[3][..], "Completeness \"volume\" > 0.9"),
        ("(ColumnValues \"close\" > 12 with threshold > 0.5) labels=[\"reason\"=\"low\"]", &[1, 2, 3], "low"),
        ("UniqueValueRatio \"close\" > 0.9", &[2, 3], "UniqueValueRatio \"close\" > 0.9"),
    ] {
        let world = World::with(&four([10, 12, 12, 13])).await;
        let (document, staged, found) = outcome(&world, rule).await;
        assert_eq!(found, held(lines, reason), "{rule}");
        assert_eq!(staged, 4 - lines.len() as u64, "{rule}");
        assert_eq!(result(&document, 0), ("FAIL", lines.len() as f64), "{rule}");
        assert_eq!(document.glue.aggregated_metrics.total_rows_failed, lines.len() as f64, "{rule}");
    }
    let world = World::with(&four([10, 12, 12, 13])).await;
    let critical = "Completeness \"volume\" > 0.9 labels=[\"severity\"=\"critical\"]";
    let (document, staged, _) = outcome(&world, critical).await;
    assert_eq!(document.gate.blocked_series.len(), 1, "{:?}", document.gate);
    assert_eq!(staged, 3);
    let warn = "Completeness \"volume\" > 0.9 labels=[\"severity\"=\"warn\"]";
    let (document, staged, _) = outcome(&world, warn).await;
    assert_eq!((document.gate.decision, staged, result(&document, 0).0), (Decision::Publish, 4, "FAIL"));
}

#[tokio::test]
async fn a_row_has_all_its_reasons_and_a_bad_version_does_not_win() {
    let rules = "(ColumnValues \"close\" > 12 with threshold > 0.5) labels=[\"reason\"=\"low\"], \
                 Completeness \"volume\" > 0.9 labels=[\"reason\"=\"no_volume\"], \
                 ColumnValues \"open\" > 0 labels=[\"reason\"=\"open\"]";
    let mut lines = four([10, 13, 12, 14]);
    // A newer version of D that fails a share, and one of B that fails a rule on rows.
    lines.push(bar("D", json!({"close": 11, "fetched_at": "2013-03-02T03:00:00Z"})));
    lines.push(bar("B", json!({"close": 15, "open": -1, "fetched_at": "2013-03-02T03:00:00Z"})));
    let world = World::with(&lines).await;
    let mut report = try_rules(&world, rules, false).await.unwrap();
    let mut held: Vec<(u64, Vec<String>)> = world
        .quarantined()
        .await
        .into_iter()
        .map(|row| (row.line, row.reasons.into_iter().map(|reason| reason.reason).collect()))
        .collect();
    held.sort();
    let expected = [(1, vec!["low"]), (3, vec!["low", "no_volume"]), (5, vec!["low"]), (6, vec!["open"])];
    assert_eq!(held, expected.map(|(line, why)| (line, why.into_iter().map(str::to_owned).collect())));
    // B and D in their good versions.
    assert_eq!((report.rows.staged, report.rows.duplicates), (2, 0));
    let document = report.documents.remove(0);
    assert_eq!(result(&document, 0).0, "FAIL");
}

#[tokio::test]
async fn rows_that_fail_are_counted_once_whatever_fails_them() {
    let rules = "IsPrimaryKey \"symbol\" labels=[\"reason\"=\"key\"], ColumnValues \"open\" > 0, \
                 Completeness \"volume\" > 0.3";
    let mut lines = four([10, 11, 12, 13]);
    // Another bar of A, and one of B that is bad by itself, so that B's good one is alone.
    lines.push(bar("A", json!({"trading_date": "2013-02-28", "bar_start": "2013-02-28T00:00:00Z"})));
    lines.push(bar(
        "B",
        json!({"trading_date": "2013-02-28", "bar_start": "2013-02-28T00:00:00Z", "open": -1}),
    ));
    let world = World::with(&lines).await;
    let (document, staged, mut held) = outcome(&world, rules).await;
    held.sort();
    let lines: Vec<u64> = held.iter().map(|(line, _, _)| *line).collect();
    assert_eq!((staged, lines), (3, vec![1, 5, 6]));
    // Those, and C, which has no volume, under a rule that holds.
    assert_eq!(document.glue.aggregated_metrics.total_rows_failed, 4.0);
    assert_eq!([0, 1, 2].map(|rule| result(&document, rule)), [("FAIL", 2.0), ("FAIL", 1.0), ("PASS", 1.0)]);
}

#[tokio::test]
async fn a_contract_chooses_composites_by_row() {
    let rule = "(ColumnValues \"volume\" > 50) OR (ColumnValues \"volume\" = NULL)";
    let world = World::with(&four([10, 12, 12, 13])).await;
    let by_column = try_rules(&world, rule, false).await.unwrap();
    assert_eq!(result(&by_column.documents[0], 0), ("FAIL", 0.0));
    let by_row = try_rules(&world, rule, true).await.unwrap();
    assert_eq!(result(&by_row.documents[0], 0), ("PASS", 0.0));
    assert_eq!(by_row.rows.staged, 4);
    let low = "(ColumnValues \"volume\" > 150) OR (ColumnValues \"volume\" = NULL)";
    let report = try_rules(&world, low, true).await.unwrap();
    assert_eq!(result(&report.documents[0], 0), ("FAIL", 3.0));
    assert_eq!((report.rows.staged, report.rows.quarantined), (1, 3));
}

#[tokio::test]
async fn an_unknown_severity_is_no_rule_to_check_by() {
    let world = World::with(&four([10, 12, 12, 13])).await;
    let rule = "RowCount > 0 labels=[\"severity\"=\"fatal\"]";
    let error = try_rules(&world, rule, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("\"severity\"=\"fatal\" is no known severity"), "{error}");
}

//! What rules do to files of one's own: `check`, `rules test`, `load` and `quarantine ls`, the program run on files.

use std::process::Command;

use serde_json::Value;

const CONTRACT: &str = r#"apiVersion: v3.1.0
kind: DataContract
id: parcels
name: parcels
version: 1.0.0
status: active
description: {purpose: "Parcels of a depot."}
schema:
  - name: parcels
    physicalType: table
    description: "One row per parcel."
    customProperties:
      - {property: ruleset, value: parcels.dqdl}
      - {property: partitionBy, value: none}
      - {property: revisionColumn, value: seen}
    properties:
      - {name: parcel, logicalType: string, physicalType: string, required: true, primaryKey: true, description: "Its number."}
      - {name: grams, logicalType: integer, physicalType: int, description: "Weight."}
      - {name: price, logicalType: number, physicalType: "decimal(38,2)", description: "What was paid."}
      - {name: seen, logicalType: integer, physicalType: int, required: true, description: "Rising."}
"#;

/// A folder with the contract, a ruleset and a file.
struct Depot(tempfile::TempDir);

struct Ran {
    code: Option<i32>,
    text: String,
    told: String,
}

impl Depot {
    fn new(rules: &str, file: &str, content: &str) -> Self {
        let depot = Self(tempfile::tempdir().unwrap());
        depot.write("parcels.yaml", CONTRACT);
        depot.write("parcels.dqdl", &format!("Rules = [ {rules} ]\n"));
        depot.write(file, content);
        depot
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.path().join(name), content).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        let output = command.args(arguments).current_dir(self.0.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Ran { code: output.status.code(), text: text(&output.stdout), told: text(&output.stderr) }
    }

    /// `check` and `rules test` on the same file: exit codes and JSON.
    fn both(&self, file: &str, more: &[&str]) -> [(Option<i32>, Value); 2] {
        let contract = ["--dataset", "parcels", "--contract", "parcels.yaml"];
        let check = [&["--json", "check", file][..], &contract, more].concat();
        let test =
            [&["--json", "rules", "test", "parcels.dqdl", "--data", file][..], &contract, more].concat();
        [check, test].map(|arguments| {
            let ran = self.run(&arguments);
            (ran.code, serde_json::from_str(&ran.text).unwrap_or_else(|_| panic!("{}", ran.told)))
        })
    }
}

/// Glue's result in either answer.
fn glue(answer: &Value) -> &Value {
    answer.get("glue").unwrap_or_else(|| &answer["results"][0]["glue"])
}

fn results(answer: &Value) -> Vec<&str> {
    let rules = glue(answer)["RuleResults"].as_array().unwrap();
    rules.iter().map(|rule| rule["Result"].as_str().unwrap()).collect()
}

const NULL_OR: &str = r#"(ColumnValues "grams" > 21) OR (ColumnValues "grams" = NULL)"#;

#[test]
fn composites_are_judged_by_row_where_the_contract_or_the_command_says_so() {
    let depot =
        Depot::new(NULL_OR, "a.csv", "parcel,grams,price,seen\nP1,30,1.00,1\nP2,,1.00,1\nP3,22,1.00,1\n");
    for (code, answer) in depot.both("a.csv", &[]) {
        assert_eq!((code, results(&answer)), (Some(2), vec!["FAIL"]));
    }
    for (code, answer) in depot.both("a.csv", &["--composites", "row"]) {
        assert_eq!((code, results(&answer)), (Some(0), vec!["PASS"]));
    }
    let by_row = "      - {property: compositeRuleEvaluation, value: ROW}\n      - {property: partitionBy";
    depot.write("parcels.yaml", &CONTRACT.replace("      - {property: partitionBy", by_row));
    for (code, answer) in depot.both("a.csv", &[]) {
        assert_eq!((code, results(&answer)), (Some(0), vec!["PASS"]));
    }
    for (code, answer) in depot.both("a.csv", &["--composites", "column"]) {
        assert_eq!((code, results(&answer)), (Some(2), vec!["FAIL"]));
    }
    depot.write("a.csv", "parcel,grams,price,seen\nP1,30,1.00,1\nP2,,1.00,1\nP3,20,1.00,1\n");
    for (code, answer) in depot.both("a.csv", &[]) {
        assert_eq!((code, results(&answer)), (Some(2), vec!["FAIL"]));
        assert_eq!(glue(&answer)["AggregatedMetrics"]["TotalRowsFailed"], 1.0);
    }
    let wrong = CONTRACT.replace(
        "      - {property: partitionBy",
        "      - {property: compositeRuleEvaluation, value: ROWS}\n      - {property: partitionBy",
    );
    depot.write("parcels.yaml", &wrong);
    let ran = depot.run(&["check", "--dataset", "parcels", "--contract", "parcels.yaml", "a.csv"]);
    assert!(ran.told.contains("is ROW or COLUMN, found \"ROWS\""), "{}", ran.told);
}

#[test]
fn rows_and_lines_are_those_of_the_file() {
    let rows = "{\"parcel\":\"P1\",\"grams\":\"x\",\"seen\":1}\n{\"parcel\":\"P2\",\"grams\":0,\"seen\":1}\n\n\
                {\"parcel\":\"P3\",\"grams\":0,\"seen\":1}\n";
    let depot = Depot::new("ColumnValues \"grams\" > 0", "a.ndjson", rows);
    let [(code, checked), (tested_code, tested)] = depot.both("a.ndjson", &[]);
    assert_eq!((code, tested_code), (Some(2), Some(2)));
    assert_eq!(tested["unreadable"][0]["line"], 1);
    let failing: Vec<(u64, u64)> = tested["failing_rows"][0]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["row"].as_u64().unwrap(), row["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(failing, [(2, 2), (3, 4)], "a row that cannot be read and a blank line count");
    assert_eq!(tested["failing_rows"][0][0]["file"], "a.ndjson");
    assert_eq!(checked["rows"]["quarantined"], 3);
    let [(_, checked), (_, tested)] = depot.both("a.ndjson", &[]);
    for answer in [checked, tested] {
        let message = glue(&answer)["RuleResults"][0]["EvaluationMessage"].as_str().unwrap().to_owned();
        assert_eq!(message, "Value: 0 does not meet the constraint requirement! 2 of 2 rows fail");
    }
}

#[test]
fn a_key_that_only_copies_repeat_is_explained() {
    let depot = Depot::new(
        "IsPrimaryKey \"parcel\"",
        "a.csv",
        "parcel,grams,price,seen\nP1,30,1.00,1\nP1,30,1.00,1\nP1,31,1.00,2\n",
    );
    let [(code, checked), (tested_code, tested)] = depot.both("a.csv", &[]);
    assert_eq!((code, results(&checked)), (Some(0), vec!["PASS"]));
    assert_eq!(checked["rows"]["duplicates"], 2);
    assert_eq!((tested_code, results(&tested)), (Some(2), vec!["FAIL"]));
    let notes = tested["notes"].to_string();
    assert!(notes.contains("Rule_1 counts every row here"), "{notes}");
}

#[test]
fn an_unknown_severity_is_refused_before_anything_is_kept() {
    let rules = "RowCount > 0 labels=[\"severity\"=\"fatal\"]";
    let depot = Depot::new(rules, "a.csv", "parcel,grams,price,seen\nP1,30,1.00,1\n");
    let contract = ["--dataset", "parcels", "--contract", "parcels.yaml"];
    let load = depot.run(&[&["load", "--lake", "lake", "a.csv"][..], &contract].concat());
    assert_eq!(load.code, Some(1), "{}", load.told);
    assert!(
        load.told.contains("line 1, column 43: label \"severity\"=\"fatal\" is no known severity"),
        "{}",
        load.told
    );
    assert!(!depot.0.path().join("lake/contracts/parcels.yaml").exists());
    let lint = depot.run(&["rules", "lint", "parcels.dqdl"]);
    assert_eq!(lint.code, Some(2));
    assert!(lint.text.contains("error: "), "{}", lint.text);
    assert!(depot.run(&["contract", "lint", "parcels.yaml"]).text.contains("is no known severity"));
    depot.write(
        "parcels.dqdl",
        "Rules = [ ColumnValues \"grams\" > 0 with threshold > 0.1 labels=[\"a\"=\"b\"] ]\n",
    );
    let test = [&["rules", "test", "parcels.dqdl", "--data", "a.csv"][..], &contract].concat();
    let warned = depot.run(&test);
    assert!(warned.text.contains("warning: parcels.dqdl:1:"), "{}", warned.text);
}

#[test]
fn rows_in_quarantine_are_readable_and_lose_no_digit() {
    let rules = "ColumnValues \"grams\" > 0 labels=[\"reason\"=\"weightless\"], ColumnValues \"price\" < 10 labels=[\"reason\"=\"dear\"]";
    let content = "parcel,grams,price,seen\nP1,0,123456789012345678901234567890.12,1\nP2,5,2.50,1\n";
    let depot = Depot::new(rules, "a.csv", content);
    let arguments = ["load", "--lake", "lake", "a.csv", "--dataset", "parcels", "--contract", "parcels.yaml"];
    assert_eq!(depot.run(&arguments).code, Some(2));
    let ls = depot.run(&["quarantine", "ls", "--lake", "lake"]);
    for part in
        ["a.csv:2", "weightless: grams = 0", " P1 ", "dear: price = 123456789012345678901234567890.12"]
    {
        assert!(ls.text.contains(part), "{part}: {}", ls.text);
    }
    assert!(!ls.text.contains('{'), "{}", ls.text);
    let page = depot.run(&["report", "--lake", "lake", "--out", "report.html"]);
    assert_eq!(page.code, Some(0), "{}", page.told);
    let html = std::fs::read_to_string(depot.0.path().join("report.html")).unwrap();
    for part in ["weightless", "grams = 0", "a.csv:2", "1 row in 1 run"] {
        assert!(html.contains(part), "{part}");
    }
}

#[test]
fn a_rule_that_holds_withholds_nothing_and_one_that_fails_is_told_by_the_exit_code() {
    let rules = "Completeness \"grams\" > 0.5, ColumnValues \"grams\" > 10 with threshold > 0.1, Uniqueness \"grams\" > 0.1";
    let content = "parcel,grams,price,seen\nP1,30,1.00,1\nP2,,1.00,1\nP3,5,1.00,1\nP4,30,1.00,1\n";
    let depot = Depot::new(rules, "a.csv", content);
    for (code, answer) in depot.both("a.csv", &[]) {
        assert_eq!((code, results(&answer)), (Some(0), vec!["PASS"; 3]));
        assert_eq!(glue(&answer)["AggregatedMetrics"]["TotalRowsFailed"], 4.0);
    }
    let arguments =
        ["load", "--lake", "lake", "a.csv", "--dataset", "parcels", "--contract", "parcels.yaml", "--json"];
    let load = depot.run(&arguments);
    assert_eq!(load.code, Some(0), "{}", load.told);
    depot.write("parcels.dqdl", "Rules = [ Completeness \"parcel\" < 0.5 ]\n");
    for (code, answer) in depot.both("a.csv", &[]) {
        assert_eq!((code, results(&answer)), (Some(2), vec!["FAIL"]), "no row is to blame");
    }
}

/// One price whose square has no 38 digits, before or behind rows that the rule fails: it is ERROR either way, and has judged none.
#[test]
fn a_rule_that_ends_as_an_error_has_failed_no_row() {
    // Wide rows: six megabytes are looked at in more than one part.
    const ROWS: usize = 12_000;
    let wide = "x".repeat(500);
    let rules = r#"ColumnValues "grams" > 10 where "price * price > 0", ColumnValues "grams" < 90"#;
    for absurd in [0, ROWS - 1] {
        let rows = (0..ROWS).map(|row| {
            let grams = [5, 50, 99][usize::from(row >= 50) + usize::from(row >= ROWS - 3)];
            let price = if row == absurd { "9".repeat(30) } else { "1".to_owned() };
            format!("P{row:06}{wide},{grams},{price}.00,1\n")
        });
        let content = format!("parcel,grams,price,seen\n{}", rows.collect::<String>());
        let depot = Depot::new(rules, "p.csv", &content);
        for (_, answer) in depot.both("p.csv", &[]) {
            assert_eq!(results(&answer), ["ERROR", "FAIL"], "{absurd}");
            let totals = &glue(&answer)["AggregatedMetrics"];
            assert_eq!(totals["TotalRowsFailed"], 3.0, "{absurd}: {totals}");
            if let Some(failing) = answer.get("failing_rows") {
                assert_eq!(failing[0].as_array().map(Vec::len), Some(0), "{failing}");
                assert_eq!(failing[1].as_array().map(Vec::len), Some(3), "{failing}");
            }
        }
    }
}

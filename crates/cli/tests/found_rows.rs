//! Refused and flagged rows are found, and what stops a run is said before it; by the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use crate::common::samples;
use quotelake_cli::laptop::Laptop;
use quotelake_core::ports::{Message, Queue as _};
use quotelake_local::SystemClock;
use serde_json::Value;

fn quotelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(arguments)
        .env_remove("POLYGON_API_KEY")
        .env_remove("COLUMNS")
        .output()
        .unwrap()
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(quotelake(arguments).stdout).unwrap()
}

fn project(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name).canonicalize().unwrap()
}

#[test]
fn refused_rows_say_whether_a_good_one_is_there_by_now() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let contract = project("samples/contracts/orders.yaml").display().to_string();
    let bad = std::fs::read_to_string(project("samples/csv/orders.csv")).unwrap();
    let file = folder.path().join("orders.csv");
    std::fs::write(&file, &bad).unwrap();
    let load =
        |file: &Path| quotelake(&["load", "--lake", &lake, "--contract", &contract, file.to_str().unwrap()]);
    assert_eq!(load(&file).status.code(), Some(2));
    let good_by_now = || -> Vec<(String, Value)> {
        let listed = answer(&quotelake(&["--json", "quarantine", "ls", "--lake", &lake]));
        let row = |row: &Value| {
            assert!(row["checked_at"].as_str().unwrap().ends_with('Z'), "{row}");
            (row["reason"].as_str().unwrap().to_owned(), row["good_by_now"].clone())
        };
        let mut rows: Vec<_> = listed.as_array().unwrap().iter().map(row).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    };
    let told = |reason: &str, good: Value| (reason.to_owned(), good);
    let all = |quantity: bool| {
        [
            // A row without its fields has no key.
            told("field_count", Value::Null),
            told("quantity_not_positive", quantity.into()),
            told("shipped_before_ordered", false.into()),
            told("type_mismatch", false.into()),
        ]
    };
    assert_eq!(good_by_now(), all(false));
    // The corrected row alone, in another file.
    let header = bad.lines().next().unwrap();
    let corrected = bad.lines().find(|line| line.starts_with("A-1004")).unwrap().replace(",0,", ",7,");
    let second = folder.path().join("corrected.csv");
    std::fs::write(&second, format!("{header}\n{corrected}\n")).unwrap();
    assert_eq!(load(&second).status.code(), Some(0));
    assert_eq!(good_by_now(), all(true));

    let text = stdout(&["quarantine", "ls", "--lake", &lake]);
    assert!(text.contains("orders.csv:7") && text.contains("quantity = 0") && text.contains("yes"), "{text}");
    assert!(text.ends_with("4 of 4 rows\n"), "{text}");
    let csv = stdout(&["quarantine", "ls", "--lake", &lake, "--csv"]);
    assert!(
        csv.starts_with("refused at,dataset,symbol or key,date,reason,value,detail,where,good by now\n"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let none = stdout(&["quarantine", "ls", "--lake", &lake, "--since", "2100-01-01"]);
    assert_eq!(none, "no such row is in quarantine\n");
    let since = stdout(&["quarantine", "ls", "--lake", &lake, "--since", "2020-01-01", "--max", "1"]);
    assert!(since.ends_with("1 of 4 rows\n"), "{since}");
}

#[test]
fn flagged_rows_say_what_is_flagged_and_where_it_is_from() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").display().to_string();
    let file = folder.path().join("ABC.L.csv");
    let rows = "Date,Open,High,Low,Close,Adj Close,Volume\n\
                2026-10-01,100,101,99,100,100,1000\n2026-10-02,100,101,99,100,100,1000\n\
                2026-10-05,100,101,99,150,150,1000\n2026-10-06,100,101,99,102,102,1000\n";
    std::fs::write(&file, rows).unwrap();
    let profile = ["--profile", "yahoo-csv", "--set", "exchange_mic=XLON", "--set", "quote_unit=GBp"];
    let load = ["load", "--lake", &lake, "--dataset", "daily_bars"];
    let output =
        quotelake(&[&load[..], &profile, &["--set", "symbol=ABC.XLON", file.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = answer(&quotelake(&["--json", "warnings", "ls", "--lake", &lake]));
    let rows = listed["rows"].as_array().unwrap();
    assert_eq!(listed["all"].as_u64(), Some(rows.len() as u64));
    let dates: Vec<&str> = rows.iter().map(|row| row["date"].as_str().unwrap()).collect();
    assert_eq!(dates, ["2026-10-06", "2026-10-05"], "the newest first: {listed}");
    let bad = &rows[1];
    assert_eq!(
        (bad["symbol"].as_str(), bad["source"].as_str()),
        (Some("ABC.XLON"), Some("ABC.L.csv")),
        "{bad}"
    );
    assert!(bad["values"].as_str().unwrap().starts_with("close = 1.5, low = 0.99, high = 1.01"), "{bad}");
    let of = |arguments: &[&str]| stdout(&[&["warnings", "ls", "--lake", &lake], arguments].concat());
    assert!(of(&["--since", "2026-10-06"]).ends_with("1 of 1 row\n"));
    assert!(of(&["--flag", "large_move", "--dataset", "daily_bars"]).contains("large_move"));
    assert_eq!(of(&["--flag", "none_such"]), "no published row has a flag\n");
    let csv = of(&["--csv"]);
    assert!(
        csv.starts_with("date,symbol,dataset,provider,flags,values,source\n2026-10-06,ABC.XLON,"),
        "{csv}"
    );
}

/// Every ruleset that ships is evaluated on a table as it lies there: no rule lacks a column.
#[test]
fn shipped_rules_are_tested_on_tables() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let demo = ["demo", "--lake", lake.to_str().unwrap(), "--recording", samples().to_str().unwrap()]
        .map(str::to_owned);
    quotelake(&demo.each_ref().map(String::as_str));
    let mut tried = Vec::new();
    for rules in ["crates/contract/contracts", "crates/contract/models"] {
        for entry in std::fs::read_dir(project(rules)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let table = if name == "bars" { "daily_bars" } else { &name };
            let data = ["bronze", "silver"].map(|zone| lake.join(zone).join(table));
            let Some(data) = data.iter().find(|data| data.is_dir()) else { continue };
            if path.extension().is_none_or(|extension| extension != "dqdl") {
                continue;
            }
            let tested = quotelake(&[
                "--json",
                "rules",
                "test",
                path.to_str().unwrap(),
                "--data",
                data.to_str().unwrap(),
            ]);
            for rule in answer(&tested)["glue"]["RuleResults"].as_array().unwrap() {
                assert_ne!(rule["Result"], "ERROR", "{name}: {rule}");
            }
            tried.push(name);
        }
    }
    tried.sort();
    for name in ["bars", "dividends", "splits", "daily_stats"] {
        assert!(tried.iter().any(|known| known == name), "{tried:?}");
    }
}

#[test]
fn what_a_rule_does_is_what_the_gate_does() {
    let explained = answer(&quotelake(&["--json", "rules", "explain", "--dataset", "daily_bars"]));
    let effect = |reason: &str, severity: &str| {
        let rule = explained
            .as_array()
            .unwrap()
            .iter()
            .find(|rule| rule["reason"] == reason && rule["severity"] == severity);
        rule.unwrap()["effect"].clone()
    };
    assert_eq!(effect("price_not_positive", "error"), "quarantine_row");
    assert_eq!(effect("large_move", "warn"), serde_json::json!({"flag": "large_move"}));
    assert_eq!(effect("sessions_behind", "info"), "report");
    let text = stdout(&["rules", "explain", "--dataset", "daily_bars"]);
    assert!(text.contains("row is published with the flag large_move"), "{text}");
    assert!(text.contains("more than 50 % of a series in quarantine: a series is blocked"), "{text}");
}

#[test]
fn a_missing_key_ends_a_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let watchlist = project("samples/watchlists/us_samples.json");
    let config = folder.path().join("run.yaml");
    let text = format!(
        "lake: lake\nwatchlists: [{}]\nsources:\n  polygon:\n    secret: env:POLYGON_API_KEY\njobs:\n- {{source: polygon, watchlist: us_samples, datasets: [daily_bars], from: 2026-01-01, to: 2026-01-31}}\n",
        watchlist.display()
    );
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    for command in [
        &["run", "--config", config][..],
        &[
            "backfill",
            "--config",
            config,
            "--source",
            "polygon",
            "--datasets",
            "daily_bars",
            "--watchlist",
            "us_samples",
            "--from",
            "2026-01-01",
            "--to",
            "2026-01-31",
        ],
    ] {
        let output = quotelake(command);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains("the key of polygon") && told.contains("env:POLYGON_API_KEY"), "{told}");
        if lake.is_dir() {
            let letters = stdout(&["dlq", "ls", "--lake", lake.to_str().unwrap()]);
            assert_eq!(letters, "no dead letters\n", "no unit becomes one");
        }
    }
}

#[tokio::test]
async fn status_tells_of_messages_where_no_table_is() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let laptop = Laptop::open(&lake, Arc::new(SystemClock)).await.unwrap();
    let message = Message { body: "{}".to_owned(), ..Message::default() };
    laptop.queue("check").unwrap().send(message).await.unwrap();
    let output = quotelake(&["status", "--lake", lake.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("has no table yet\ncheck: 1 message waits for the next `quotelake run`"), "{text}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn the_inbox_says_in_words_what_it_did_and_nothing_besides() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let inbox = lake.join("inbox/orders");
    std::fs::create_dir_all(&inbox).unwrap();
    std::fs::copy(project("samples/csv/orders.csv"), inbox.join("orders.csv")).unwrap();
    std::fs::write(inbox.join("other.csv"), "a,b\n1,2\n").unwrap();
    let contract = project("samples/contracts/orders.yaml").display().to_string();
    let output = quotelake(&["inbox", "run", "--lake", lake.to_str().unwrap(), "--contract", &contract]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!told.contains("notification"), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("rejected") && text.contains("landed"), "{text}");
}

#[test]
fn a_report_lies_in_its_lake_where_nothing_else_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    std::fs::create_dir_all(&lake).unwrap();
    let text = stdout(&["report", "--lake", lake.to_str().unwrap()]);
    let page = lake.join("report.html");
    assert_eq!(text, format!("report     {}\n", page.display()));
    assert!(page.is_file());
}

#[test]
fn the_demo_needs_nothing_but_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["--json", "demo"])
        .current_dir(folder.path())
        .env_remove("QUOTELAKE_LAKE")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(answer(&output)["checked"]["staged"], 12_250);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["quotelake-data"], "nothing else is left");
}

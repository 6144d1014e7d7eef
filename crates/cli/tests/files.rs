//! Files as people have them, by command: what they are called, what comes from outside them, and where a bad row is.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::files;
use serde_json::Value;

const CONTRACT: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: prices
    customProperties: []
    properties:
      - {name: symbol, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: day, physicalName: Date, logicalType: date, physicalType: date, required: true, primaryKey: true}
      - {name: close, physicalName: Close, logicalType: number, physicalType: "decimal(18,4)"}
      - {name: venue, logicalType: string, physicalType: string, required: true, partitioned: true}
"#;

/// A folder with a lake, a contract and files.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(contract: &str) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("c.yaml", contract);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn lake(&self) -> PathBuf {
        self.path("lake")
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Runs a command in the folder: its exit code, its output, and its words.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
            .args(args)
            .current_dir(self.0.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, words) = (text(&output.stdout), text(&output.stderr));
        assert!(!words.contains("panicked"), "{words}");
        (output.status.code().unwrap(), out, words)
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        let (code, out, words) = self.run(&[args, &["--json"]].concat());
        (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{words}")))
    }

    fn load(&self, dataset: &str, more: &[&str]) -> (i32, Value) {
        let args = ["load", "--lake", "lake", "--dataset", dataset, "--contract", "c.yaml"];
        self.json(&[&args[..], more].concat())
    }

    fn partitions(&self, dataset: &str) -> Vec<String> {
        let all = files(&self.lake().join("bronze").join(dataset)).into_keys();
        all.filter(|name| name.ends_with(".parquet")).collect()
    }
}

#[test]
fn a_file_that_does_not_say_what_it_is_costs_one_sentence() {
    let desk = Desk::new(&CONTRACT.replace("- {name: venue", "- {name: venue, physicalName: venue"));
    desk.write("a.txt", "symbol,Date,Close,venue\nAAPL,2026-01-02,1.5,XNAS\n");
    let args = ["load", "--lake", "lake", "--dataset", "prices", "--contract", "c.yaml", "a.txt"];
    let (code, out, words) = desk.run(&args);
    assert_ne!(code, 0);
    assert!(words.contains("the name \"a.txt\" does not say what kind of file it is"), "{out}{words}");
    assert!(files(&desk.lake().join("quarantine")).is_empty());
    let (code, report) = desk.load("prices", &["--file-format", "csv", "a.txt"]);
    assert_eq!((code, report["inserted"].as_u64()), (0, Some(1)), "{report}");
}

#[test]
fn columns_from_the_command_and_from_the_files_names() {
    let desk = Desk::new(CONTRACT);
    for symbol in ["AAPL", "MSFT"] {
        desk.write(&format!("drop/{symbol}.csv"), "Date,Close\n2026-01-02,1.5\n");
    }
    desk.write("drop/IBM.ndjson", "{\"day\":\"2026-01-02\",\"close\":2}\n");
    let options = ["--set", "venue=XNAS", "--file-name", "{symbol}.csv"];
    let (code, report) = desk.load("prices", &[&options[..], &["drop"]].concat());
    assert_eq!((code, report["inserted"].as_u64()), (0, Some(3)), "{report}");
    assert!(desk.partitions("prices")[0].contains("venue=XNAS"));
    // The contract that is kept says nothing of it.
    let args = ["load", "--lake", "lake", "--dataset", "prices", "drop/AAPL.csv"];
    assert!(
        desk.run(&args).2.contains("lacks \\\"symbol\\\", \\\"venue\\\"")
            || desk.run(&args).2.contains("lacks \"symbol\", \"venue\"")
    );
    let wrong = desk.run(&[&args[..], &["--set", "vanue=XNAS"]].concat());
    assert!(
        wrong.2.contains("constants names \"vanue\", which is no column that is read from files"),
        "{}",
        wrong.2
    );
    // The inbox takes them too, two files with the same bytes as two.
    for symbol in ["TSLA", "NVDA"] {
        desk.write(&format!("lake/inbox/prices/{symbol}.csv"), "Date,Close\n2026-01-05,2.5\n");
    }
    let inbox = ["inbox", "run", "--lake", "lake", "--quiet-ms", "0"];
    let (code, report) = desk.json(&[&inbox[..], &options[..]].concat());
    assert_eq!((code, report["checked"]["staged"].as_u64()), (0, Some(2)), "{report}");
}

#[test]
fn a_bad_row_is_named_by_its_file_and_line() {
    let contract =
        CONTRACT.replace("customProperties: []", "customProperties: [{property: skipRows, value: 1}]");
    let desk = Desk::new(&contract);
    let text = "Prices\nsymbol,Date,Close,venue\n\"A\nB\",2026-01-02,1,XNAS\n\nC,2026-01-02,x,XNAS\nD,2026-01-03,-1,XNAS\nE,5\" pipe,1,X\n";
    desk.write("a.csv", text);
    let (code, report) = desk.load("prices", &["a.csv"]);
    assert_eq!(code, 2, "{report}");
    let reasons = serde_json::json!({"stray_quote": 1, "type_mismatch": 1});
    assert_eq!(report["quarantined_by_reason"], reasons, "{report}");
    let (_, rows) = desk.json(&["quarantine", "ls", "--lake", "lake"]);
    let places: Vec<(&str, u64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["file"].as_str().unwrap(), row["file_line"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("a.csv", 6), ("a.csv", 8)]);
    assert!(desk.run(&["quarantine", "ls", "--lake", "lake"]).1.contains("a.csv:6"));
    let loaded = desk.run(&["load", "--lake", "lake", "--dataset", "prices", "a.csv"]).1;
    assert!(
        loaded.contains("  type_mismatch: 1 row\n") && loaded.contains("  stray_quote: 1 row\n"),
        "{loaded}"
    );

    desk.write("r.dqdl", "Rules = [ ColumnValues \"close\" > 0 ]\n");
    let test = ["rules", "test", "r.dqdl", "--dataset", "prices", "--contract", "c.yaml", "--data", "a.csv"];
    let (_, tested) = desk.json(&test);
    assert_eq!(
        tested["failing_rows"][0][0],
        serde_json::json!({"file": "a.csv", "row": 3, "line": 7}),
        "{tested}"
    );
    assert_eq!(tested["unreadable"][0]["line"], 6, "{tested}");
    assert!(desk.run(&test).1.contains("a.csv line 7"));
}

#[test]
fn what_the_inbox_passes_over_and_what_it_takes_again() {
    let desk = Desk::new(&CONTRACT.replace("- {name: venue", "- {name: venue, physicalName: Venue"));
    let text = "symbol,Date,Close,Venue\nAAPL,2026-01-02,1.5,XNAS\n";
    for name in [".hidden.csv", "a.csv.tmp", "a.csv.part", "~$book.xlsx", "Thumbs.db", ".folder/a.csv"] {
        desk.write(&format!("lake/inbox/prices/{name}"), text);
    }
    let inbox = ["inbox", "run", "--lake", "lake", "--quiet-ms", "0", "--contract", "c.yaml"];
    let (code, report) = desk.json(&inbox);
    assert_eq!(
        (code, &report["files"], &report["dead_letters"]),
        (0, &serde_json::json!([]), &0.into()),
        "{report}"
    );

    desk.write("lake/inbox/prices/a.csv", text);
    desk.write("lake/inbox/prices/b.csv", text);
    let (_, report) = desk.json(&inbox);
    let outcomes: Vec<&str> =
        report["files"].as_array().unwrap().iter().map(|file| file["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["landed", "same_content"]);
    assert!(!report["files"][1]["reason"].as_str().unwrap().contains("changed"), "{report}");

    // The contract changes, its version does not: the sentence says what to do, and it helps.
    let changed =
        std::fs::read_to_string(desk.path("c.yaml")).unwrap().replace("decimal(18,4)", "decimal(20,6)");
    desk.write("c.yaml", changed);
    desk.write("lake/inbox/prices/c.csv", text);
    let (_, report) = desk.json(&inbox);
    let reason = report["files"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("the contract has changed since") && reason.contains("`quotelake inbox run --again`"),
        "{reason}"
    );
    let (code, report) = desk.json(&[&inbox[..], &["--again"]].concat());
    let outcomes: Vec<&str> =
        report["files"].as_array().unwrap().iter().map(|file| file["outcome"].as_str().unwrap()).collect();
    assert_eq!((code, outcomes), (0, vec!["landed", "same_content", "same_content"]), "{report}");
    assert_eq!(report["checked"]["rows_in"], 1);
}

#[test]
fn a_partition_that_no_folder_can_be_called_costs_its_row() {
    let desk = Desk::new(&CONTRACT.replace("- {name: venue", "- {name: venue, physicalName: Venue"));
    let long = "x".repeat(300);
    desk.write("a.csv", format!("symbol,Date,Close,Venue\nA,2026-01-02,1,a\nB,2026-01-02,1,{long}\n"));
    desk.write("b.csv", "symbol,Date,Close,Venue\nC,2026-01-02,1,c\n");
    let (code, report) = desk.load("prices", &["a.csv"]);
    assert_eq!((code, report["inserted"].as_u64()), (2, Some(1)), "{report}");
    assert_eq!(report["quarantined_by_reason"], serde_json::json!({"partition_value": 1}));
    let (code, report) = desk.load("prices", &["b.csv"]);
    assert_eq!((code, report["rows_out"].as_u64()), (0, Some(2)), "{report}");
    let folders: Vec<String> = desk.partitions("prices");
    assert_eq!(folders.len(), 2, "{folders:?}");
}

#[test]
fn the_named_folder_counts_in_a_pattern_with_a_slash() {
    let desk = Desk::new(CONTRACT);
    desk.write("drop/XLON/VOD.csv", "Date,Close\n2026-01-02,1.5\n");
    desk.write("drop/XNAS/MSFT.csv", "Date,Close\n2026-01-02,1.5\n");
    let (code, report) = desk.load("prices", &["--file-name", "{venue}/{symbol}", "drop"]);
    assert_eq!(code, 0, "{report}");
    let folders = desk.partitions("prices");
    for venue in ["XLON", "XNAS"] {
        assert!(folders.iter().any(|name| name.contains(&format!("venue={venue}"))), "{folders:?}");
    }
    assert!(Path::new(&desk.lake()).exists());
}

#[test]
fn a_contract_names_its_dataset_and_a_variable_the_lake() {
    let desk = Desk::new(CONTRACT);
    desk.write("a.csv", "symbol,Date,Close,venue\nAAPL,2026-01-02,1.5,XNAS\n");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        let output = command
            .args(args)
            .current_dir(desk.0.path())
            .env("QUOTELAKE_LAKE", desk.lake())
            .output()
            .unwrap();
        (output.status.code().unwrap(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default())
    };
    let (code, report) = run(&["load", "--contract", "c.yaml", "--json", "a.csv"]);
    assert_eq!((code, &report["dataset"], &report["inserted"]), (0, &"prices".into(), &1.into()), "{report}");
    assert_eq!(desk.partitions("prices"), ["venue=XNAS/part-0.parquet"]);
    // What is said beats what is in the environment; a name that is not the contract's is refused.
    let (code, report) = run(&["load", "--contract", "c.yaml", "--lake", "other", "--json", "a.csv"]);
    assert_eq!((code, &report["inserted"], desk.path("other").exists()), (0, &1.into(), true), "{report}");
    assert_eq!(run(&["load", "--contract", "c.yaml", "--dataset", "quotes", "a.csv"]).0, 1);
    assert_eq!(run(&["load", "a.csv"]).0, 64);
    // A file of the lake that the variable names is set aside there; the rows of a loaded file are to be loaded again.
    let key = "bronze/prices/venue=XNAS/part-0.parquet";
    std::fs::write(desk.lake().join(key), "damaged").unwrap();
    assert_eq!(run(&["rebuild", "--partition", key, "--json"]).0, 3);
    assert!(desk.lake().join("undelivered").join(key).exists() && !desk.lake().join(key).exists());
    for command in [
        &["check", "--contract", "c.yaml", "--json", "a.csv"][..],
        &["rules", "explain", "--contract", "c.yaml", "--json"],
    ] {
        assert_eq!(run(command).0, 0, "{command:?}");
    }
}

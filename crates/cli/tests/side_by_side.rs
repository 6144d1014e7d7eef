//! Commands beside others on one lake, and beside what is damaged: nothing is left behind an exit code of 0, and one table that
//! cannot be read hides neither the others nor what a command did. By the program.

use crate::common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::common::samples;
use serde_json::Value;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn quotelake(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> (Option<i32>, Value) {
    let output = quotelake(&[&["--json"], arguments].concat());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}")))
}

fn sample(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples").join(path).to_str().unwrap().to_owned()
}

/// Orders of which no two files share one.
fn orders(path: &Path, name: &str, rows: usize) {
    let mut text =
        "Order ID,Line,Product,Quantity,Unit price,Currency,Ordered on,Shipped on,Updated at\n".to_owned();
    for row in 0..rows {
        let _ = writeln!(
            text,
            "{name}-{row},1,Pencil,12,0.45,GBP,2026-10-{:02},2026-10-31,2026-10-31 08:15:00",
            1 + row % 28
        );
    }
    std::fs::write(path, text).unwrap();
}

fn objects(folder: &Path) -> usize {
    common::files(folder).keys().filter(|name| name.ends_with(".arrow")).count()
}

struct World {
    folder: tempfile::TempDir,
    lake: PathBuf,
    at: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        let at = lake.to_str().unwrap().to_owned();
        std::fs::write(folder.path().join("empty.yaml"), "jobs: []\n").unwrap();
        Self { folder, lake, at }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn with_orders() -> Self {
        let world = Self::new();
        let contract = sample("contracts/orders.yaml");
        let loaded = quotelake(&[
            "load",
            "--lake",
            &world.at,
            "--dataset",
            "orders",
            "--contract",
            &contract,
            &sample("csv/orders.csv"),
        ]);
        // Of the sample some rows are in quarantine, as they should be.
        assert_eq!(loaded.status.code(), Some(2), "{}", String::from_utf8_lossy(&loaded.stderr));
        world
    }

    fn rows(&self) -> u64 {
        let (_, status) = json(&["status", "--lake", &self.at]);
        status["tables"][0]["rows"].as_u64().unwrap_or_else(|| panic!("{status}"))
    }
}

/// A load answers the requests that were there before its drain began, and no other: a request that comes meanwhile may be for rows
/// that the drain did not see.
#[test]
fn a_load_and_an_inbox_of_one_dataset_leave_no_row_that_nobody_publishes() {
    let world = World::with_orders();
    std::fs::create_dir_all(world.lake.join("inbox/orders")).unwrap();
    let mut expected = world.rows();
    for round in 0..12 {
        orders(&world.lake.join(format!("inbox/orders/i{round}.csv")), &format!("I{round}"), 200);
        orders(&world.folder.path().join("l.csv"), &format!("L{round}"), 200);
        expected += 400;
        let start = |arguments: &[&str]| -> Child { program(arguments).spawn().unwrap() };
        let inbox = start(&["inbox", "run", "--lake", &world.at, "--quiet-ms", "0"]);
        std::thread::sleep(std::time::Duration::from_millis(10 * round));
        let load = start(&["load", "--lake", &world.at, "--dataset", "orders", &world.file("l.csv")]);
        for child in [inbox, load] {
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        }
        // What is still staged is asked for: the next pass publishes it.
        let config = world.file("empty.yaml");
        assert_eq!(json(&["run", "--lake", &world.at, "--config", &config]).0, Some(0), "round {round}");
        assert_eq!(objects(&world.lake.join("staged")), 0, "round {round}: rows that nobody publishes");
    }
    assert_eq!(world.rows(), expected);
}

#[test]
fn a_damaged_table_hides_neither_a_pass_nor_the_report() {
    let world = World::new();
    let recording = samples();
    let made = quotelake(&["demo", "--lake", &world.at, "--recording", recording.to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
    let damaged = common::files(&world.lake.join("bronze/dividends"));
    let damaged = damaged.keys().find(|name| name.ends_with("part-0.parquet")).unwrap();
    let path = world.lake.join("bronze/dividends").join(damaged);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let (code, run) = json(&["run", "--lake", &world.at, "--config", &world.file("empty.yaml")]);
    let found = run["findings"][0].to_string();
    assert!(code == Some(3) && found.contains(damaged.as_str()), "{code:?} {run}");
    let tables: Vec<&str> =
        run["tables"].as_array().unwrap().iter().map(|table| table["table"].as_str().unwrap()).collect();
    assert!(tables.contains(&"daily_bars") && !tables.contains(&"dividends"), "{tables:?}");

    let page = world.file("report.html");
    let report = quotelake(&["report", "--lake", &world.at, "--out", &page]);
    assert_eq!(report.status.code(), Some(0), "{}", String::from_utf8_lossy(&report.stderr));
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains("dividends") && page.contains("id=\"closes\"") && page.contains("AAPL"),
        "the rest is shown, prices among it, and what is not is named"
    );
}

#[test]
fn an_object_without_a_record_is_named() {
    let world = World::with_orders();
    let record = world.lake.join("bronze/orders/month=2026-10/.part-0.parquet.sum");
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, text.replacen('1', "2", 1)).unwrap();
    let (code, verified) = json(&["verify", "--lake", &world.at]);
    let key = "bronze/orders/month=2026-10/part-0.parquet";
    assert_eq!((code, &verified["unverified_keys"]), (Some(2), &serde_json::json!([key])), "{verified}");
    assert!(verified["findings"][0]["found"].as_str().unwrap().contains(key), "{verified}");
}

#[test]
fn a_ruleset_of_other_columns_is_found_before_a_load_is_blocked() {
    let world = World::with_orders();
    std::fs::copy(sample("contracts/shipments.dqdl"), world.lake.join("contracts/orders.dqdl")).unwrap();
    quotelake(&["verify", "--lake", &world.at, "--accept", "contracts/orders.dqdl"]);
    let (code, looked) = json(&["doctor", "--lake", &world.at]);
    let found = looked.as_array().unwrap().iter().find(|one| one["subject"] == "rules of orders");
    let found = found.unwrap_or_else(|| panic!("{looked}"));
    assert!(code == Some(3) && found["found"].as_str().unwrap().contains("column"), "{found}");
}

#[test]
fn rows_are_not_staged_by_a_contract_that_the_table_does_not_take() {
    let world = World::with_orders();
    let contract = world.lake.join("contracts/orders.yaml");
    let yaml = std::fs::read_to_string(&contract).unwrap();
    let without: String = yaml
        .lines()
        .filter(|line| !line.contains("{name: product,"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_ne!(without, yaml);
    std::fs::write(&contract, without).unwrap();
    quotelake(&["verify", "--lake", &world.at, "--accept", "contracts/orders.yaml"]);
    orders(&world.folder.path().join("l.csv"), "L", 5);
    let output = quotelake(&["load", "--lake", &world.at, "--dataset", "orders", &world.file("l.csv")]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("orders"), "{error}");
    assert_eq!(objects(&world.lake.join("staged")), 0, "{error}");
}

#[test]
fn a_thousand_small_loads_of_a_day_are_few_files_of_runs() {
    let world = World::with_orders();
    for round in 0..70 {
        orders(&world.folder.path().join("l.csv"), &format!("L{round}"), 1);
        let loaded = quotelake(&["load", "--lake", &world.at, "--dataset", "orders", &world.file("l.csv")]);
        assert_eq!(loaded.status.code(), Some(0));
    }
    let runs = common::files(&world.lake.join("runs"));
    let files = runs.keys().filter(|name| name.ends_with(".parquet")).count();
    assert!(files <= 66, "{files} files");
    let (_, status) = json(&["status", "--lake", &world.at]);
    let runs = status["runs"]["stages"].as_array().unwrap();
    let checks = runs.iter().find(|stage| stage["stage"] == "check").unwrap();
    assert_eq!(checks["runs"], 71, "{status}");
    assert_eq!(status["tables"][0]["last_check"]["decision"], "publish", "{status}");
}

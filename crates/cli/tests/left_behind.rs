//! What nobody would come back to is named by `status` and `doctor`, and asked for again by `repair`; what does not fit or cannot
//! be read is named and hides nothing else. By the program, on the sample recording.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use crate::common::{files, samples};
use base64::Engine as _;
use flate2::read::MultiGzDecoder;
use quotelake_cli::laptop::Laptop;
use quotelake_core::sha256_hex;
use quotelake_local::SystemClock;
use serde_json::{Value, json};

struct World {
    folder: tempfile::TempDir,
    lake: PathBuf,
}

fn quotelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quotelake")).args(arguments).output().unwrap()
}

impl World {
    fn demo() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake");
        let recording = samples();
        let output = quotelake(&[
            "demo",
            "--lake",
            lake.to_str().unwrap(),
            "--recording",
            recording.to_str().unwrap(),
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::write(folder.path().join("empty.yaml"), "jobs: []\n").unwrap();
        Self { folder, lake }
    }

    /// A command's exit code and its JSON.
    fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let output = quotelake(&[&["--json"], arguments, &["--lake", self.lake.to_str().unwrap()]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("panicked"), "{error}");
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}")))
    }

    fn run(&self) -> (Option<i32>, Value) {
        let config = self.folder.path().join("empty.yaml");
        self.json(&["run", "--config", config.to_str().unwrap()])
    }

    /// What is found about a subject, by both commands that look.
    fn found(&self, subject: &str) -> Vec<String> {
        let of = |findings: &Value| -> Vec<String> {
            let findings =
                findings.as_array().unwrap().iter().filter(|finding| finding["subject"] == subject);
            findings.map(|finding| finding["found"].as_str().unwrap().to_owned()).collect()
        };
        let (status, doctor) = (self.json(&["status"]), self.json(&["doctor"]));
        let found = of(&status.1["findings"]);
        for one in &found {
            assert!(of(&doctor.1).contains(one), "{one}: {}", doctor.1);
        }
        found
    }

    /// A landing object that was not announced: its rows are known, its name is not.
    fn unasked(&self) -> String {
        let landed = files(&self.lake.join("landing"));
        let one = landed.keys().next().unwrap();
        let key = format!("{}-copy.gz", one.trim_end_matches(".gz"));
        std::fs::copy(self.lake.join("landing").join(one), self.lake.join("landing").join(&key)).unwrap();
        format!("landing/{key}")
    }
}

fn tables(lake: &Path) -> std::collections::BTreeMap<String, String> {
    files(&lake.join("bronze"))
}

#[test]
fn a_landing_object_that_was_never_checked_is_asked_for_again() {
    let world = World::demo();
    let published = tables(&world.lake);
    assert_eq!(world.json(&["repair"]).1["landing"], json!([]));
    assert!(world.found("landing/").is_empty());

    let key = world.unasked();
    assert_eq!(world.run().0, Some(0), "no message asks for it");
    let found = world.found("landing/");
    assert!(found.len() == 1 && found[0].contains(&key), "{found:?}");
    assert_eq!(world.json(&["status"]).0, Some(3));

    let before = files(&world.lake);
    let (code, looked) = world.json(&["repair"]);
    assert_eq!((code, &looked["landing"], &looked["applied"]), (Some(3), &json!([key]), &json!(false)));
    assert_eq!(files(&world.lake), before, "it only looks");

    assert_eq!(world.json(&["repair", "--apply"]).0, Some(0));
    assert!(world.found("landing/").is_empty(), "a message asks for it now");
    let (code, run) = world.run();
    assert_eq!((code, run["checked"]["documents"].as_u64().unwrap() > 0), (Some(0), true), "{run}");
    assert!(world.found("landing/").is_empty());
    assert_eq!(tables(&world.lake), published);
}

#[test]
fn a_damaged_message_stops_nothing_and_is_kept() {
    let world = World::demo();
    let key = world.unasked();
    assert_eq!(world.json(&["repair", "--apply"]).0, Some(0));
    let messages = world.lake.join("_platform/queues/check/messages");
    let file = std::fs::read_dir(&messages).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&file, "{\"id\":").unwrap();

    for command in [&["dlq", "ls"][..], &["doctor"], &["status"], &["inbox", "run", "--quiet-ms", "0"]] {
        assert_ne!(world.json(command).0, Some(1), "{command:?}");
    }
    let (code, run) = world.run();
    assert_eq!(code, Some(3), "{run}");
    assert!(run["findings"].to_string().contains("is damaged"), "{run}");
    assert!(world.found("queues")[0].contains(file.to_str().unwrap()), "{:?}", world.found("queues"));
    assert!(world.found("landing/")[0].contains(&key));
    let text =
        String::from_utf8(quotelake(&["status", "--lake", world.lake.to_str().unwrap()]).stdout).unwrap();
    assert!(text.contains("repair") && !text.contains("remove"), "{text}");

    assert_eq!(world.json(&["repair", "--apply"]).0, Some(0));
    assert!(world.found("queues").is_empty());
    let aside = world.lake.join("_platform/queues/check/damaged").join(file.file_name().unwrap());
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"id\":");
    assert_eq!(world.run().0, Some(0));
    assert!(world.found("landing/").is_empty());
}

#[test]
fn staged_rows_without_a_request_are_asked_for_again() {
    let world = World::demo();
    let published = tables(&world.lake);
    std::fs::remove_dir_all(world.lake.join("bronze/splits")).unwrap();
    assert_eq!(world.json(&["verify", "--accept", "bronze/splits/"]).0, Some(0), "removed on purpose");
    let key = world.unasked();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let laptop = Laptop::open(&world.lake, Arc::new(SystemClock)).await.unwrap();
        let context = laptop.check_context(Arc::clone(laptop.lake())).unwrap();
        quotelake_check::check_object(&context, &key, "delivery").await.unwrap();
        assert!(laptop.queue("publish").unwrap().purge().await.unwrap() > 0);
    });
    assert_eq!(world.run().0, Some(0), "no message asks for it");
    let found = world.found("staged/");
    assert!(found.iter().any(|found| found.contains("of splits")), "{found:?}");
    assert_eq!(world.json(&["repair"]).0, Some(3));
    assert_eq!(world.json(&["repair", "--apply"]).0, Some(0));
    assert!(world.found("staged/").is_empty());
    assert_eq!(world.run().0, Some(0));
    assert_eq!(files(&world.lake.join("staged")).len(), 0);
    let splits = |tables: &std::collections::BTreeMap<String, String>| {
        tables.keys().filter(|key| key.starts_with("splits/")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(splits(&tables(&world.lake)), splits(&published));
}

#[test]
fn a_page_that_could_not_be_delivered_is_told_by_every_run_and_put_on_the_stream_again() {
    let world = World::demo();
    let raw = world.lake.join("raw");
    let object = raw.join(files(&raw).keys().next().unwrap());
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(object).unwrap()).read_to_string(&mut text).unwrap();
    let record = format!("{}\n", text.lines().next().unwrap());
    let line = json!({
        "attemptsMade": 1, "arrivalTimestamp": 1_362_189_600_000_i64, "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "refused", "rawData": base64::engine::general_purpose::STANDARD.encode(record),
    });
    let folder = world.lake.join("undelivered/processing-failed/2013/03/02/02");
    std::fs::create_dir_all(&folder).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writeln!(gzip, "{line}").unwrap();
    std::fs::write(folder.join("quotelake-1.gz"), gzip.finish().unwrap()).unwrap();

    for _ in 0..2 {
        let (code, run) = world.run();
        assert_eq!((code, &run["undelivered_before"]), (Some(3), &json!(1)), "{run}");
    }
    let (code, looked) = world.json(&["repair"]);
    assert_eq!((code, looked["pages_again"].as_array().unwrap().len()), (Some(3), 1), "{looked}");
    assert_eq!(world.json(&["repair", "--apply"]).0, Some(0));
    let (code, run) = world.run();
    let of = |count: &str| run["settled"][count].as_u64().unwrap();
    assert_eq!((code, of("delivered") + of("dropped")), (Some(0), 1), "{run}");
    assert_eq!(world.json(&["repair"]).0, Some(0));
}

#[test]
fn one_damaged_document_does_not_hide_the_others() {
    let world = World::demo();
    let strangers = world.folder.path().join("rows.ndjson");
    std::fs::write(&strangers, "{\"dataset\":\"splits\"}\n").unwrap();
    let bad = world.json(&["load", "--dataset", "splits", strangers.to_str().unwrap()]);
    assert_eq!(bad.0, Some(2), "{}", bad.1);
    let whole = world.json(&["status"]).1;
    let damage = |zone: &str, ending: &str| {
        let key = files(&world.lake.join(zone)).into_keys().find(|key| key.ends_with(ending)).unwrap();
        let path = world.lake.join(zone).join(&key);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        format!("{zone}/{key}")
    };
    let keys = [damage("quality", ".json"), damage("quarantine", ".gz")];
    let (code, status) = world.json(&["status"]);
    assert_eq!(code, Some(2), "{status}");
    assert_eq!(status["tables"].as_array().unwrap().len(), whole["tables"].as_array().unwrap().len());
    let page = world.folder.path().join("report.html");
    assert_eq!(world.json(&["report", "--out", page.to_str().unwrap()]).0, Some(0));
    let page = std::fs::read_to_string(page).unwrap();
    let doctor = world.json(&["doctor"]).1.to_string();
    for key in keys {
        assert!(doctor.contains(&key) && page.contains(&key), "{key}: {doctor}");
    }
    assert_eq!(world.json(&["quarantine", "ls"]).0, Some(3), "one object of it cannot be read");
}

#[test]
fn tables_contracts_and_catalog_that_do_not_fit_are_named() {
    let world = World::demo();
    let sample = |name: &str| samples().join("..").join(name).canonicalize().unwrap();
    let (contract, orders) = (sample("contracts/orders.yaml"), sample("csv/orders.csv"));
    let load = ["load", "--dataset", "orders", orders.to_str().unwrap()];
    let with_contract = [&load[..], &["--contract", contract.to_str().unwrap()]].concat();
    let loaded = world.json(&with_contract);
    assert!(matches!(loaded.0, Some(0 | 2)), "{}", loaded.1);
    assert!(world.found("table orders").is_empty());

    // The ruleset that the contract names.
    let contracts = world.lake.join("contracts");
    let rules = std::fs::read(contracts.join("orders.dqdl")).unwrap();
    std::fs::remove_file(contracts.join("orders.dqdl")).unwrap();
    let output = quotelake(&[&load[..], &["--lake", world.lake.to_str().unwrap()]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("contracts/orders.dqdl"), "{error}");
    assert!(world.json(&["doctor"]).1.to_string().contains("contracts/orders.dqdl"));
    std::fs::write(contracts.join("orders.dqdl"), rules).unwrap();

    std::fs::copy(contracts.join("orders.yaml"), contracts.join("shipments.yaml")).unwrap();
    assert_eq!(world.found("contracts/shipments.yaml").len(), 1);
    std::fs::remove_file(contracts.join("shipments.yaml")).unwrap();

    let moved = world.folder.path().join("orders.yaml");
    std::fs::rename(contracts.join("orders.yaml"), &moved).unwrap();
    assert!(world.found("table orders")[0].contains("contracts/orders.yaml"));
    assert_eq!(world.json(&["status"]).0, Some(3));
    std::fs::rename(&moved, contracts.join("orders.yaml")).unwrap();

    std::fs::remove_dir_all(world.lake.join("bronze/orders")).unwrap();
    assert!(world.found("table orders")[0].contains("bronze/orders/"), "{:?}", world.found("table orders"));
    let one = world.lake.join("bronze/daily_bars/month=2005-02");
    std::fs::remove_file(one.join("part-0.parquet")).unwrap();
    assert!(world.found("table daily_bars")[0].contains("month=2005-02"));
}

#[test]
fn a_dataset_that_another_process_added_is_known() {
    let world = World::demo();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let laptop = Laptop::open(&world.lake, Arc::new(SystemClock)).await.unwrap();
        let yaml = std::fs::read_to_string(samples().join("../contracts/orders.yaml")).unwrap();
        let yaml = yaml.replace("      - property: ruleset\n        value: orders.dqdl\n", "");
        let other = quotelake_local::FolderLake::open(&world.lake).unwrap();
        quotelake_platform::contracts::store(&other, "orders", &yaml, None).await.unwrap();
        let row = r#"{"dataset":"orders","order_id":"A1","line":1,"product":"p","quantity":2,"unit_price":1.5,"currency":"EUR","ordered_on":"2026-10-01","updated_at":"2026-10-01T10:00:00.000Z"}"#;
        let key = format!("landing/dataset=orders/{}.ndjson", &sha256_hex(row.as_bytes())[..8]);
        let told = laptop.landing_lake().unwrap();
        let when = quotelake_core::ports::Precondition::None;
        told.put(&key, format!("{row}\n").into(), when).await.unwrap();
        let settled = laptop.settle(None, None).await.unwrap();
        assert_eq!(settled.dead_lettered, 0);
        for queue in ["check-dlq", "publish-dlq"] {
            assert!(laptop.queue(queue).unwrap().list().await.unwrap().is_empty(), "{queue}");
        }
    });
    assert_eq!(tables(&world.lake).keys().filter(|key| key.starts_with("orders/")).count(), 1);
}

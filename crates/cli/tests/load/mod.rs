//! `quotelake load`, `check`, `quarantine` and `dlq` as a person runs them: the binary, good files and bad ones. Bad input ends in a
//! clear error or in quarantine, never in a panic, and no good row is lost.

mod judged;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

struct Ran {
    code: i32,
    json: Value,
    stderr: String,
}

fn quotelake(args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains("panicked"), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    Ran {
        code: output.status.code().unwrap(),
        json: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        stderr,
    }
}

fn project(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).display().to_string()
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn lake(&self) -> String {
        self.path("lake").display().to_string()
    }

    fn load(&self, file: &str) -> Ran {
        quotelake(&["load", "--json", "--lake", &self.lake(), "--dataset", "splits", file])
    }

    /// What is in quarantine, as (reason, line).
    fn quarantined(&self) -> Vec<(String, u64)> {
        let rows = quotelake(&["quarantine", "ls", "--json", "--lake", &self.lake(), "--max", "1000"]).json;
        let rows = rows.as_array().unwrap().iter();
        let mut rows: Vec<_> = rows
            .map(|row| (row["reason"].as_str().unwrap().to_owned(), row["line"].as_u64().unwrap()))
            .collect();
        rows.sort_by_key(|(_, line)| *line);
        rows
    }
}

fn split(symbol: &str) -> String {
    format!(
        r#"{{"dataset":"splits","provider":"polygon","provider_symbol":"{symbol}","symbol":"{symbol}.XNAS","asset_class":"equity","exchange_mic":"XNAS","execution_date":"2005-02-28","split_from":1,"split_to":2,"split_type":"split","fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
    )
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bad_lines_between_good_ones() {
    let world = World::new();
    let mut text = Vec::new();
    let mut line = |bytes: &[u8]| {
        text.extend_from_slice(bytes);
        text.push(b'\n');
    };
    line(split("A").as_bytes());
    line(b"[{\"a\":1}]");
    line(split("B").replace("\"split_to\":2", "\"split_to\":NaN").as_bytes());
    line(split("C").replace("\"split_to\":2", "\"split_to\":1e400").as_bytes());
    line(b"{\"dataset\":\"splits\",\"symbol\":\"\xff\xfe\"}");
    line(split("D").replace("\"split_to\":2", "\"split_to\":0.1234567890123456789").as_bytes());
    line(split("E").replace("2005-02-28", "2005-02-30").as_bytes());
    line(b"   ");
    line(split("F").replace("\"provider\":\"polygon\",", "").as_bytes());
    line(split("G").replace("\"split_to\":2", "\"split_to\":\"3\"").as_bytes());
    let ran = world.load(&world.file("rows.ndjson", &text));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert_eq!(ran.json["rows_in"], 9);
    assert_eq!(ran.json["rows_out"], 2, "A, and G whose number is text");
    let reasons: Vec<String> =
        world.quarantined().into_iter().map(|(reason, line)| format!("{line} {reason}")).collect();
    assert_eq!(
        reasons,
        [
            "2 malformed_json",
            "3 malformed_json",
            "4 type_mismatch",
            "5 invalid_utf8",
            "6 type_mismatch",
            "7 type_mismatch",
            "9 key_null",
        ]
    );
}

#[test]
fn an_empty_file_is_said_to_be_empty() {
    let world = World::new();
    let ran = world.load(&world.file("empty.ndjson", ""));
    assert_eq!((ran.code, &ran.json["rows_in"]), (0, &Value::from(0)), "{}", ran.stderr);
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["load", "--lake", &world.lake(), "--dataset", "splits", &world.file("empty.ndjson", "")])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("has no row"));
}

#[test]
fn a_gzip_cut_in_half_is_rejected_whole() {
    let world = World::new();
    let text: String = (0..2000).map(|i| split(&format!("S{}", i * 7919 % 2003)) + "\n").collect();
    let whole = gzip(&text);
    let (cut, sound) =
        (world.file("cut.ndjson.gz", &whole[..whole.len() / 2]), world.file("sound.ndjson", split("A")));
    let ran = quotelake(&["load", "--json", "--lake", &world.lake(), "--dataset", "splits", &cut, &sound]);
    assert_eq!(ran.code, 3, "the other file is loaded: {}", ran.stderr);
    assert_eq!((&ran.json["rows_in"], &ran.json["rows_out"]), (&1.into(), &1.into()));
    assert!(ran.json["failed"][0]["error"].as_str().unwrap().contains("cut.ndjson.gz is damaged"));
    assert!(world.quarantined().is_empty());
    // The whole file, sent again, brings the rest.
    let ran = world.load(&world.file("cut.ndjson.gz", &whole));
    assert_eq!((ran.code, &ran.json["rows_out"]), (0, &Value::from(2001)));
}

#[test]
fn a_line_of_200_megabytes_does_not_hide_its_neighbours() {
    let world = World::new();
    let path = world.path("long.ndjson");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "{}", split("A")).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..200 {
        file.write_all(&block).unwrap();
    }
    write!(file, "\n{}", split("B")).unwrap();
    drop(file);
    let ran = world.load(&path.display().to_string());
    assert_eq!((ran.code, &ran.json["rows_out"]), (2, &Value::from(2)), "{}", ran.stderr);
    assert_eq!(world.quarantined(), [("line_too_long".to_owned(), 2)]);
}

/// Numbers go on through windows and over lines that are no rows, also when an object is read again for rows that fail late.
#[test]
fn lines_are_numbered_through_the_whole_file() {
    let good: String = (0..14_000).map(|i| split(&format!("S{i}")) + "\n").collect();
    assert!(good.len() > 4 << 20, "more than a window");
    let long = "x".repeat(5 << 20);
    let (one, other) = (split("Z"), split("Z").replace(r#""split_to":2"#, r#""split_to":3"#));
    let bad = format!("{long}\n{{\n{one}\n{other}\n");
    let whole = good.clone() + &bad;
    // Two members are read as a stream.
    let streamed = [gzip(&good), gzip(&bad)].concat();
    for object in [whole.clone().into_bytes(), gzip(&whole), streamed] {
        let world = World::new();
        let ran = world.load(&world.file("lines.ndjson", object));
        assert_eq!(ran.json["quarantined"], Value::from(4), "{}", ran.stderr);
        let mut lines: Vec<u64> = world.quarantined().into_iter().map(|(_, line)| line).collect();
        lines.sort_unstable();
        assert_eq!(lines, [14_001, 14_002, 14_003, 14_004]);
    }
}

#[test]
fn what_cannot_be_read_at_all_is_a_clear_error() {
    let world = World::new();
    let good = world.file("good.ndjson", split("A"));
    let lake = world.lake();
    let complaint = |args: &[&str], code: i32, text: &str| {
        let ran = quotelake(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{args:?}: {}", ran.stderr);
    };
    complaint(
        &["load", "--lake", &lake, "--dataset", "split", &good],
        1,
        "unknown dataset \"split\"; known are ",
    );
    complaint(
        &["load", "--lake", &lake, "--dataset", "weekly_bars", &good],
        1,
        "weekly_bars is computed by a model, no rows come into it",
    );
    complaint(
        &["load", "--lake", &lake, "--dataset", "splits", "/no/such/file"],
        1,
        "cannot read /no/such/file",
    );
    complaint(
        &["load", "--lake", &format!("{good}/lake"), "--dataset", "splits", &good],
        1,
        "good.ndjson/lake",
    );
    let empty = world.path("nothing");
    std::fs::create_dir(&empty).unwrap();
    complaint(
        &["load", "--lake", &lake, "--dataset", "splits", &empty.display().to_string()],
        1,
        "holds no .csv, .tsv, .ndjson, .jsonl, .json, .xlsx (.gz, .zst, .bz2, .zip or not) or .parquet file",
    );
    let rules = world.file("bad.dqdl", "Rules = [\n  IsComplte \"symbol\"\n]\n");
    complaint(&["load", "--lake", &lake, "--dataset", "splits", "--rules", &rules, &good], 1, "IsComplete");
    let contract = world.file("bad.yaml", "kind: DataContract\n");
    complaint(&["check", "--dataset", "x", "--contract", &contract, &good], 1, "not an ODCS contract");
    complaint(
        &["report", "--lake", "/no/such/lake", "--out", "/tmp/never.html"],
        1,
        "there is no lake in /no/such/lake",
    );
    complaint(&["lod"], 64, "unrecognized subcommand");
}

#[test]
fn a_disk_that_is_full_loses_nothing() {
    let world = World::new();
    let disk = world.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=600k", "none"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let lake = disk.join("lake").display().to_string();
    let first = world.file("first.ndjson", split("A"));
    let before = quotelake(&["load", "--json", "--lake", &lake, "--dataset", "splits", &first]);
    // Sixty thousand symbols take more than there is.
    let text: String = (0..60_000u64)
        .map(|i| split(&format!("{:x}", i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 3)) + "\n")
        .collect();
    let second = world.file("second.ndjson", text);
    let full = quotelake(&["load", "--json", "--lake", &lake, "--dataset", "splits", &second]);
    let after = quotelake(&["load", "--json", "--lake", &lake, "--dataset", "splits", &first]);
    let unmounted = Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(before.code, 0, "{}", before.stderr);
    assert_eq!(full.code, 1, "{}", full.json);
    assert!(full.stderr.contains("No space left on device"), "{}", full.stderr);
    assert_eq!(after.json["rows_out"], 1, "{}", after.stderr);
}

#[test]
fn a_users_contract_with_its_csv() {
    let world = World::new();
    let contract = project("samples/contracts/orders.yaml");
    let csv = project("samples/csv/orders.csv");
    let args =
        ["load", "--json", "--lake", &world.lake(), "--dataset", "orders", "--contract", &contract, &csv];
    let ran = quotelake(&args);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    // Ten rows: four are wrong, and one of the others is an older state of an order that comes again.
    let counts =
        ["rows_in", "rows_out", "quarantined", "duplicates"].map(|name| ran.json[name].as_u64().unwrap());
    assert_eq!(counts, [9, 4, 4, 1]);
    let mut reasons: Vec<String> = world.quarantined().into_iter().map(|(reason, _)| reason).collect();
    reasons.sort();
    assert_eq!(reasons, ["field_count", "quantity_not_positive", "shipped_before_ordered", "type_mismatch"]);
    let again = quotelake(&args);
    assert_eq!((&again.json["rows_out"], &again.json["inserted"]), (&Value::from(4), &Value::from(0)));
    // Later commands know the contract: it is kept in the lake.
    let ran = quotelake(&["load", "--json", "--lake", &world.lake(), "--dataset", "orders", &csv]);
    assert_eq!(ran.json["rows_out"], 4);

    let text = std::fs::read_to_string(&csv).unwrap().replace("Quantity", "Qty");
    let ran = quotelake(&[
        "load",
        "--lake",
        &world.lake(),
        "--dataset",
        "orders",
        &world.file("renamed.csv", text),
    ]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("header does not fit contract orders@1.0.0: lacks \"Quantity\"; has unknown \"Qty\""),
        "{}",
        ran.stderr
    );
}

const SALES: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: sales
    customProperties:
      - {property: placeholderDates, value: ["1900-01-01"]}
      - {property: numberFormat, value: pt-BR}
      - {property: dateFormat, value: "%d/%m/%Y"}
    properties:
      - {name: id, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: sold_on, logicalType: date, physicalType: date, required: true, partitioned: true}
      - {name: paid_on, logicalType: date, physicalType: date}
      - {name: amount, logicalType: number, physicalType: "decimal(18,2)"}
"#;

#[test]
fn json_lines_are_read_by_their_contracts_formats_and_a_doubt_is_said() {
    let world = World::new();
    let contract = world.file("sales.yaml", SALES);
    let lines = "{\"id\":\"1\",\"sold_on\":\"02/01/2026\",\"paid_on\":\"01/01/1900\",\"amount\":\"1.234,50\"}\n\
                 {\"id\":\"2\",\"sold_on\":\"2026-01-02\",\"amount\":12.5}\n";
    for (name, content) in [("a.ndjson", lines.as_bytes().to_vec()), ("b.ndjson.gz", gzip(lines))] {
        let file = world.file(name, content);
        let checked = quotelake(&["check", "--json", "--dataset", "sales", "--contract", &contract, &file]);
        assert_eq!(checked.code, 2, "{}", checked.stderr);
        let (good, bad) = (&checked.json["rows"]["staged"], &checked.json["rows"]["quarantined"]);
        assert_eq!((good.as_u64(), bad.as_u64()), (Some(1), Some(1)), "{}", checked.json);
        let note = checked.json["notes"][0].as_str().unwrap();
        assert!(
            note.contains(
                "column \"sold_on\": all 1 texts that %d/%m/%Y and %m/%d/%Y read differently fit both"
            ),
            "{note}"
        );
    }
    let csv = world.file("c.csv", "id,sold_on,paid_on,amount\n1,02/01/2026,01/01/1900,\"1.234,50\"\n");
    let loaded = quotelake(&[
        "load",
        "--json",
        "--lake",
        &world.lake(),
        "--dataset",
        "sales",
        "--contract",
        &contract,
        &csv,
    ]);
    assert_eq!((loaded.code, loaded.json["inserted"].as_u64()), (0, Some(1)), "{}", loaded.stderr);
    assert_eq!(loaded.json["notes"].as_array().unwrap().len(), 1, "{}", loaded.json);
}

#[test]
fn a_contract_with_a_key_that_nothing_knows_is_refused_and_a_kept_one_is_read() {
    let world = World::new();
    let wrong = SALES.replacen("required: true, primaryKey", "requird: true, primaryKey", 1);
    let contract = world.file("sales.yaml", &wrong);
    let csv = world.file("c.csv", "id,sold_on,paid_on,amount\n1,02/01/2026,,1\n");
    let args = |contract: &str| {
        let lake = world.lake();
        quotelake(&["load", "--json", "--lake", &lake, "--dataset", "sales", "--contract", contract, &csv])
    };
    let refused = args(&contract);
    assert_ne!(refused.code, 0);
    assert!(
        refused.stderr.contains(r#"line 12: a column has no key \"requird\"; did you mean \"required\"?"#),
        "{}",
        refused.stderr
    );
    assert_eq!(args(&world.file("right.yaml", SALES)).code, 0);
    // As a version before this one could have kept it.
    let kept = world.path("lake/contracts/sales.yaml");
    let text = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, text.replacen("apiVersion", "teem: shop\napiVersion", 1)).unwrap();
    std::fs::remove_file(world.path("lake/contracts/.sales.yaml.sum")).unwrap();
    let again = quotelake(&["load", "--json", "--lake", &world.lake(), "--dataset", "sales", &csv]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn the_counts_of_a_load_are_its_own_however_many_run_at_once() {
    let world = World::new();
    const LOADS: usize = 12;
    let files: Vec<String> = (0..LOADS)
        .map(|load| {
            // Two rows of its own, one that all have, one that is bad.
            let rows =
                [split(&format!("A{load}")), split(&format!("B{load}")), split("ALL"), "{}".to_owned()];
            world.file(&format!("{load}.ndjson"), rows.join("\n"))
        })
        .collect();
    let ran: Vec<Ran> = std::thread::scope(|scope| {
        let loads: Vec<_> = files.iter().map(|file| scope.spawn(|| world.load(file))).collect();
        loads.into_iter().map(|load| load.join().unwrap()).collect()
    });
    let mut inserted = 0;
    for one in &ran {
        assert_eq!(one.code, 2, "{}", one.stderr);
        let count = |name: &str| one.json[name].as_u64().unwrap();
        assert_eq!(count("rows_in"), 4);
        assert_eq!(
            count("rows_in"),
            count("inserted") + count("duplicates") + count("quarantined"),
            "{}",
            one.json
        );
        inserted += count("inserted");
    }
    assert_eq!(inserted, 2 * LOADS as u64 + 1);
}

#[test]
fn what_an_earlier_load_staged_is_not_counted_as_this_ones() {
    let world = World::new();
    let (one, two) = (world.file("1.ndjson", split("ONE")), world.file("2.ndjson", split("TWO")));
    assert_eq!(world.load(&one).code, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use std::sync::Arc;

        use quotelake_core::ports::{Lake as _, Precondition};
        let (lake, clock) = (world.path("lake"), Arc::new(quotelake_local::SystemClock));
        let laptop = quotelake_cli::laptop::Laptop::open(&lake, clock).await.unwrap();
        let landing = quotelake_local::MemoryLake::new();
        let key = "landing/dataset=splits/x.ndjson";
        landing.put(key, split("LEFT").into(), Precondition::None).await.unwrap();
        let context = laptop.check_context(Arc::new(landing)).unwrap();
        quotelake_check::check_object(&context, key, "delivery").await.unwrap();
    });
    let report = world.load(&two).json;
    assert_eq!((report["rows_in"].as_u64(), report["inserted"].as_u64()), (Some(1), Some(1)), "{report}");
    assert_eq!(report["rows_out"].as_u64(), Some(3));
}

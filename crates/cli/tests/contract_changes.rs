//! Contracts that change while a table has rows, and rows staged by the one of before: each kind of change is automatic and every row is
//! there in the new types, or it is refused with the way, nothing is changed, and the way works.
#![allow(clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::common::files;
use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use quotelake_check::check_object;
use quotelake_cli::laptop::Laptop;
use quotelake_contract::Contracts;
use quotelake_core::ObjectKey;
use quotelake_core::ports::Precondition;
use quotelake_local::SystemClock;
use quotelake_table::parquet_file;
use serde_json::Value;

const V1: &str = r#"apiVersion: v3.1.0
kind: DataContract
id: trips
name: trips
version: 1.0.0
status: active
schema:
  - name: trips
    physicalType: table
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: line, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2}
      - {name: day, logicalType: date, physicalType: date, required: true}
      - {name: fare, logicalType: number, physicalType: "decimal(10,2)"}
      - {name: seats, logicalType: integer, physicalType: int}
      - {name: note, logicalType: string, physicalType: string}
      - {name: month, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, transformLogic: "strftime(day, '%Y-%m')"}
"#;

const NOTE: &str = "      - {name: note, logicalType: string, physicalType: string}\n";
const SEATS: &str = "      - {name: seats, logicalType: integer, physicalType: int}\n";

/// Rows as they are published first, staged when the contract changes, and loaded by the new one.
const A: [&str; 3] = [
    r#"{"id":1,"line":"N","day":"2024-01-02","fare":12.50,"seats":2,"note":"first"}"#,
    r#"{"id":1,"line":"S","day":"2024-02-03","fare":-0.01,"seats":2147483647,"note":"a \"b\" é"}"#,
    r#"{"id":2,"line":"N","day":"2024-01-04","fare":99999999.99}"#,
];
const B: [&str; 2] = [
    r#"{"id":3,"line":"N","day":"2024-02-05","fare":7,"seats":-4,"note":"staged"}"#,
    r#"{"id":4,"line":"S","day":"2024-03-06"}"#,
];
const C: [&str; 1] = [r#"{"id":5,"line":"N","day":"2024-01-07","fare":3.25,"seats":1,"note":"new"}"#];

/// A kind of change: its name, texts in the place of others, and what `rebuild` is given as new names.
struct Kind {
    name: &'static str,
    edits: Vec<(&'static str, String)>,
    renames: &'static [&'static str],
    /// Rows of A and B that the new contract has no place for: the way ends with them in quarantine.
    unfit: usize,
}

fn kind(name: &'static str, edits: &[(&'static str, &str)]) -> Kind {
    let edits = edits.iter().map(|(old, new)| (*old, (*new).to_owned())).collect();
    Kind { name, edits, renames: &[], unfit: 0 }
}

fn automatic() -> Vec<Kind> {
    let tip = "      - {name: tip, logicalType: number, physicalType: \"decimal(9,3)\"}\n";
    vec![
        kind("nullable column at the end", &[(NOTE, &format!("{NOTE}{tip}"))]),
        kind("nullable column in the middle", &[(SEATS, &format!("{tip}{SEATS}"))]),
        kind("int to bigint", &[(SEATS, &SEATS.replace("physicalType: int", "physicalType: bigint"))]),
        kind(
            "key int to bigint",
            &[(
                "{name: id, logicalType: integer, physicalType: int,",
                "{name: id, logicalType: integer, physicalType: bigint,",
            )],
        ),
        kind("decimal of more digits", &[("decimal(10,2)", "decimal(12,2)")]),
        kind("decimal of more places", &[("decimal(10,2)", "decimal(38,18)")]),
        kind("other order", &[(SEATS, ""), (NOTE, &format!("{NOTE}{SEATS}"))]),
        kind(
            "texts that hardly repeat",
            &[(
                NOTE,
                "      - {name: note, logicalType: string, physicalType: string, customProperties: [{property: cardinality, value: high}]}\n",
            )],
        ),
        kind(
            "no longer required",
            &[(
                "{name: day, logicalType: date, physicalType: date, required: true}",
                "{name: day, logicalType: date, physicalType: date, required: true, description: changed}",
            )],
        ),
    ]
}

fn refused() -> Vec<Kind> {
    let mut kinds = vec![
        kind("column dropped", &[(NOTE, "")]),
        kind("made required", &[(NOTE, &NOTE.replace("string}", "string, required: true}"))]),
        kind(
            "required column added",
            &[(
                NOTE,
                &format!(
                    "{NOTE}      - {{name: by, logicalType: string, physicalType: string, required: true}}\n"
                ),
            )],
        ),
        kind(
            "int to string",
            &[(SEATS, "      - {name: seats, logicalType: string, physicalType: string}\n")],
        ),
        kind(
            "int to decimal",
            &[(SEATS, "      - {name: seats, logicalType: number, physicalType: \"decimal(12,1)\"}\n")],
        ),
        kind("decimal of fewer digits", &[("decimal(10,2)", "decimal(9,2)")]),
        kind("decimal to double", &[("\"decimal(10,2)\"", "double")]),
        kind(
            "key column more",
            &[(
                "{name: day, logicalType: date, physicalType: date, required: true}",
                "{name: day, logicalType: date, physicalType: date, required: true, primaryKey: true, primaryKeyPosition: 3}",
            )],
        ),
        kind("key in another order", &[("primaryKeyPosition: 1", "primaryKeyPosition: 3")]),
        kind("partition by year", &[("'%Y-%m'", "'%Y'")]),
        kind("partition column renamed", &[("name: month", "name: period")]),
        kind(
            "another partition column",
            &[(
                "{name: month, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, transformLogic: \"strftime(day, '%Y-%m')\"}",
                "{name: route, logicalType: string, physicalType: string, partitioned: true, partitionKeyPosition: 1, transformLogic: \"line\"}",
            )],
        ),
        kind(
            "sort order",
            &[(
                "    properties:\n",
                "    customProperties: [{property: sortOrder, value: [day, id, line]}]\n    properties:\n",
            )],
        ),
    ];
    kinds.push(Kind {
        renames: &["seats=places"],
        ..kind("column renamed", &[("name: seats", "name: places")])
    });
    for kind in &mut kinds {
        kind.unfit = match kind.name {
            // Two rows have no note; none has the new column; the greatest fare has a digit too many.
            "made required" => 2,
            "required column added" => 5,
            "decimal of fewer digits" => 1,
            _ => 0,
        };
    }
    kinds
}

impl Kind {
    fn yaml(&self) -> String {
        let mut yaml = V1.replace("version: 1.0.0", "version: 2.0.0");
        for (old, new) in &self.edits {
            assert!(yaml.contains(old), "{}: {old}", self.name);
            yaml = yaml.replace(old, new);
        }
        assert_ne!(yaml.replace("2.0.0", "1.0.0"), V1, "{}", self.name);
        yaml
    }

    /// A row as the new contract has it.
    fn now(&self, row: &Row) -> Row {
        let mut row = row.clone();
        if let Some(rename) = self.renames.first() {
            let (old, new) = rename.split_once('=').unwrap();
            if let Some(value) = row.remove(old) {
                row.insert(new.to_owned(), value);
            }
        }
        if self.name == "column dropped" {
            row.remove("note");
        }
        row
    }
}

/// A row's values by column; missing ones are not there, numbers have no idle digits.
type Row = BTreeMap<String, String>;

fn number(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

fn row(line: &str) -> Row {
    let values: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        // By its own digits.
        other => number(&other.to_string()),
    };
    values.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn rows_of<'l>(lines: impl IntoIterator<Item = &'l &'l str>) -> Vec<Row> {
    lines.into_iter().map(|line| row(line)).collect()
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

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn run(&self, lake: &str, arguments: &[&str]) -> (i32, String) {
        let lake = self.path(lake).display().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
            .args(arguments)
            .args(["--json", "--lake", &lake])
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.contains("panicked"), "{text}");
        (output.status.code().unwrap(), text)
    }

    /// The lake with A published by the first contract, and, where asked for, B staged by it.
    async fn lake(&self, staged: bool) -> PathBuf {
        let (v1, a) = (self.file("v1.yaml", V1), self.file("a.ndjson", &A.join("\n")));
        let (code, text) = self.run("lake", &["load", "--dataset", "trips", "--contract", &v1, &a]);
        assert_eq!(code, 0, "{text}");
        let lake = self.path("lake");
        if staged {
            stage(&lake, "b", &B).await;
        }
        lake
    }

    fn rows(&self, lake: &str, yaml: &str) -> Vec<Row> {
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(yaml, None).unwrap();
        let contract = &contracts.get("trips").unwrap().contract;
        let mut rows = Vec::new();
        for (path, _) in files(&self.path(lake).join("bronze/trips")) {
            if path.rsplit('/').next().unwrap().starts_with('.') {
                continue;
            }
            let bytes = std::fs::read(self.path(lake).join("bronze/trips").join(&path)).unwrap();
            let batch = parquet_file::read(contract, bytes.into()).unwrap();
            let read = (0..batch.num_columns()).filter(|index| contract.columns[*index].is_read());
            let columns: Vec<_> = read
                .map(|index| {
                    let texts = cast(batch.column(index), &DataType::Utf8).unwrap();
                    (contract.columns[index].name.clone(), texts)
                })
                .collect();
            for at in 0..batch.num_rows() {
                let there = columns.iter().filter(|(_, texts)| texts.is_valid(at));
                rows.push(
                    there
                        .map(|(name, texts)| (name.clone(), number(texts.as_string::<i32>().value(at))))
                        .collect(),
                );
            }
        }
        rows.sort();
        rows
    }

    fn quarantined(&self, lake: &str) -> usize {
        let (code, text) = self.run(lake, &["quarantine", "ls"]);
        assert_eq!(code, 0, "{text}");
        serde_json::from_str::<Value>(&text).unwrap().as_array().unwrap().len()
    }

    /// Nothing waits, is set aside or damaged.
    fn is_settled(&self, lake: &str, kind: &str) {
        let (code, text) = self.run(lake, &["verify"]);
        assert_eq!(code, 0, "{kind}: {text}");
        let (code, text) = self.run(lake, &["dlq", "ls"]);
        assert_eq!((code, text.trim()), (0, "[]"), "{kind}");
        let waiting = files(&self.path(lake).join("staged"));
        assert!(waiting.keys().all(|path| !path.ends_with(".arrow")), "{kind}: {waiting:?}");
        let (code, text) = self.run(lake, &["repair"]);
        assert_eq!(code, 0, "{kind}: {text}");
    }
}

/// Checks rows by the contract that the lake has, and leaves them staged, with a request to publish them.
async fn stage(lake: &Path, name: &str, lines: &[&str]) {
    let laptop = Laptop::open(lake, Arc::new(SystemClock)).await.unwrap();
    let key = ObjectKey::landing("trips", &format!("{name}.ndjson")).to_string();
    laptop.lake().put(&key, lines.join("\n").into(), Precondition::None).await.unwrap();
    let context = laptop.check_context(Arc::clone(laptop.lake())).unwrap();
    check_object(&context, &key, name).await.unwrap();
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_change_changes_and_every_row_is_there() {
    for kind in automatic() {
        for staged in [false, true] {
            let world = World::new();
            world.lake(staged).await;
            let (v2, c) = (world.file("v2.yaml", &kind.yaml()), world.file("c.ndjson", &C.join("\n")));
            let (code, text) = world.run("lake", &["load", "--dataset", "trips", "--contract", &v2, &c]);
            assert_eq!(code, 0, "{}: {text}", kind.name);
            let staged_rows: &[&str] = if staged { &B } else { &[] };
            let expected = rows_of(A.iter().chain(staged_rows).chain(&C));
            assert_eq!(world.rows("lake", &kind.yaml()), sorted(expected), "{} {staged}", kind.name);
            world.is_settled("lake", kind.name);
            // The way back is none: rows may be what the older contract has no room for.
            if kind.name == "int to bigint" {
                let v1 = world.path("v1.yaml").display().to_string();
                let (code, text) = world.run("lake", &["load", "--dataset", "trips", "--contract", &v1, &c]);
                assert_eq!(code, 1, "{text}");
                assert!(
                    text.contains("was bigint and is int") && text.contains("quotelake rebuild"),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_is_refused_and_the_way_that_is_named_works() {
    for kind in refused() {
        let world = World::new();
        let lake = world.lake(true).await;
        let (v2, c) = (world.file("v2.yaml", &kind.yaml()), world.file("c.ndjson", &C.join("\n")));
        let before =
            (files(&lake.join("bronze")), files(&lake.join("contracts")), files(&lake.join("staged")));
        let (code, text) = world.run("lake", &["load", "--dataset", "trips", "--contract", &v2, &c]);
        assert_eq!(code, 1, "{}: {text}", kind.name);
        for part in ["trips@1.0.0", "trips@2.0.0", "quotelake rebuild", "Nothing was changed"] {
            assert!(text.contains(part), "{}: {text}", kind.name);
        }
        let (code, text) = world.run("lake", &["inbox", "run", "--contract", &v2]);
        assert_eq!(code, 1, "{}: {text}", kind.name);
        let after =
            (files(&lake.join("bronze")), files(&lake.join("contracts")), files(&lake.join("staged")));
        assert_eq!(before, after, "{}", kind.name);

        // The way: B is staged still, and comes along.
        let mut way = vec!["rebuild", "--contract", &v2, "--from"];
        let from = lake.display().to_string();
        way.push(&from);
        kind.renames.iter().for_each(|rename| way.extend(["--rename", rename]));
        let (code, text) = world.run("new", &way);
        assert_eq!(code, if kind.unfit > 0 { 2 } else { 0 }, "{}: {text}", kind.name);
        let rows = world.rows("new", &kind.yaml());
        assert_eq!(rows.len() + kind.unfit, A.len() + B.len(), "{}: {text}", kind.name);
        assert_eq!(world.quarantined("new"), kind.unfit, "{}", kind.name);
        let old: Vec<Row> = rows_of(A.iter().chain(&B)).iter().map(|row| kind.now(row)).collect();
        let strange: Vec<&Row> = rows.iter().filter(|row| !old.contains(row)).collect();
        assert!(strange.is_empty(), "{}: {strange:?}", kind.name);
        assert_eq!(files(&lake.join("bronze")), before.0, "{}: the old lake is only read", kind.name);
        world.is_settled("new", kind.name);
        let (code, text) = world.run("new", &["load", "--dataset", "trips", &c]);
        let fits = code == 0 || (code == 2 && matches!(kind.name, "required column added" | "int to string"));
        assert!(fits, "{}: {code} {text}", kind.name);

        // The old lake goes on by its own contract.
        let (code, text) = world.run("lake", &["load", "--dataset", "trips", &c]);
        assert_eq!(code, 0, "{}: {text}", kind.name);
        let expected = rows_of(A.iter().chain(&B).chain(&C));
        assert_eq!(world.rows("lake", V1), sorted(expected), "{}", kind.name);
        world.is_settled("lake", kind.name);
    }
}

/// A contract that somebody put into the lake past every command, as with a copy into a bucket.
#[tokio::test(flavor = "multi_thread")]
async fn a_contract_put_there_by_hand_loses_nothing_and_sticks_nowhere() {
    for kind in refused() {
        let world = World::new();
        let lake = world.lake(true).await;
        let published = files(&lake.join("bronze"));
        let put = |yaml: &str| {
            std::fs::write(lake.join("contracts/trips.yaml"), yaml).unwrap();
            let (code, text) = world.run("lake", &["verify", "--accept", "contracts/trips.yaml"]);
            assert!(code == 0 || code == 3, "{text}");
        };
        put(&kind.yaml());
        let (code, text) = world.run("lake", &["inbox", "run"]);
        assert_eq!(code, 3, "{}: {text}", kind.name);
        assert_eq!(files(&lake.join("bronze")), published, "{}", kind.name);
        let (code, text) = world.run("lake", &["dlq", "ls"]);
        assert!(code == 0 && text.contains("quotelake rebuild"), "{}: {text}", kind.name);
        let (code, text) = world.run("lake", &["doctor"]);
        assert!(code == 3 && text.contains("contracts/trips.yaml"), "{}: {text}", kind.name);
        // Rows come meanwhile, and are checked by the new one.
        stage(&lake, "c", &C).await;

        put(V1);
        let (code, text) = world.run("lake", &["dlq", "redrive"]);
        assert_eq!(code, 0, "{text}");
        let (code, text) = world.run("lake", &["inbox", "run"]);
        // C was quarantined by the new contract, or its rows are such of the old one as well.
        let is_apart = !matches!(
            kind.name,
            "required column added"
                | "int to string"
                | "made required"
                | "sort order"
                | "column dropped"
                | "decimal of fewer digits"
        );
        assert_eq!(code, if is_apart { 3 } else { 0 }, "{}: {text}", kind.name);
        let rows = world.rows("lake", V1);
        let kept = rows_of(A.iter().chain(&B));
        assert!(kept.iter().all(|row| rows.contains(row)), "{}: {rows:?}", kind.name);
        if is_apart {
            let (code, text) = world.run("lake", &["dlq", "ls"]);
            assert!(code == 0 && text.contains("another contract than trips@1.0.0"), "{}: {text}", kind.name);
            let (code, text) = world.run("lake", &["repair"]);
            assert!(code == 3 && text.contains("staged/unfit/dataset=trips/"), "{}: {text}", kind.name);
            let (code, text) = world.run("lake", &["repair", "--apply"]);
            assert_eq!(code, 0, "{}: {text}", kind.name);
            let (code, text) = world.run("lake", &["inbox", "run"]);
            assert!(code == 0 || code == 2, "{}: {code} {text}", kind.name);
        }
        let all = A.len() + B.len() + C.len();
        let rows = world.rows("lake", V1);
        assert_eq!(rows.len() + world.quarantined("lake"), all, "{}: {rows:?}", kind.name);
        assert!(kept.iter().all(|row| rows.contains(row)), "{}: {rows:?}", kind.name);
        world.is_settled("lake", kind.name);
    }
}

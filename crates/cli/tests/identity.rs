//! What a row is, and where it lies: orders whose date is corrected over a month's end, reviews without a key, sales without a date.

use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use quotelake_contract::Contracts;
use quotelake_table::parquet_file;
use serde_json::Value;

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
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    fn run(&self, lake: &str, arguments: &[&str]) -> (i32, Value) {
        let lake = self.path(lake).display().to_string();
        let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
            .args(arguments)
            .args(["--json", "--lake", &lake])
            .output()
            .unwrap();
        let (stdout, stderr) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(!stderr.contains("panicked"), "{stderr}");
        let answer =
            serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{arguments:?}: {stdout}{stderr}"));
        (output.status.code().unwrap(), answer)
    }

    /// Loads a file, and gives the counts: inserted, revised, duplicates, rows of the table.
    fn load(&self, lake: &str, dataset: &str, contract: Option<&str>, file: &str) -> [u64; 4] {
        let contract = contract.map_or_else(Vec::new, |contract| vec!["--contract", contract]);
        let (code, report) =
            self.run(lake, &[&["load", "--dataset", dataset][..], &contract, &[file]].concat());
        assert_eq!(code, 0, "{report}");
        ["inserted", "revised", "duplicates", "rows_out"].map(|name| report[name].as_u64().unwrap())
    }

    /// The rows of a table: folder and the values of some columns.
    fn rows(&self, lake: &str, dataset: &str, contract: &str, columns: &[&str]) -> Vec<String> {
        let mut contracts = Contracts::built_in().unwrap();
        contracts.add(&std::fs::read_to_string(contract).unwrap(), None).unwrap();
        let contract = &contracts.get(dataset).unwrap().contract;
        let root = self.path(lake).join("bronze").join(dataset);
        let mut rows = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.extension().is_none_or(|ending| ending != "parquet") {
                    continue;
                }
                let batch = parquet_file::read(contract, std::fs::read(&path).unwrap().into()).unwrap();
                let place = path.parent().unwrap().strip_prefix(&root).unwrap().display().to_string();
                let texts: Vec<_> =
                    columns.iter().map(|name| cast(&batch[*name], &DataType::Utf8).unwrap()).collect();
                for row in 0..batch.num_rows() {
                    let values = texts.iter().map(|text| text.as_string::<i32>().value(row));
                    rows.push(format!("{place}: {}", values.collect::<Vec<_>>().join(" ")));
                }
            }
        }
        rows.sort();
        rows
    }
}

fn orders() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/contracts/orders.yaml").display().to_string()
}

fn order(id: &str, quantity: u32, ordered_on: &str, updated_at: &str) -> String {
    format!("{id},1,Inkwell,{quantity},7.25,GBP,{ordered_on},,{updated_at}\n")
}

const ORDERS: &str = "Order ID,Line,Product,Quantity,Unit price,Currency,Ordered on,Shipped on,Updated at\n";

#[test]
fn an_order_whose_date_is_corrected_over_a_months_end_is_there_once() {
    let world = World::new();
    let before = ORDERS.to_owned()
        + &order("B-7", 3, "2024-02-29", "2024-02-29 10:00:00")
        + &order("B-8", 1, "2024-02-28", "2024-02-28 09:00:00");
    let before = world.file("before.csv", &before);
    let after =
        world.file("after.csv", &(ORDERS.to_owned() + &order("B-7", 3, "2024-03-01", "2024-03-02 10:00:00")));
    assert_eq!(world.load("lake", "orders", Some(&orders()), &before), [2, 0, 0, 2]);
    assert_eq!(world.load("lake", "orders", None, &after), [0, 1, 1, 2], "a revision, and no new row");
    let expected = ["month=2024-02: B-8 2024-02-28", "month=2024-03: B-7 2024-03-01"];
    let columns = ["order_id", "ordered_on"];
    assert_eq!(world.rows("lake", "orders", &orders(), &columns), expected);
    // The older file again: its version of the order is known to be older.
    assert_eq!(world.load("lake", "orders", None, &before), [0, 0, 2, 2]);
    assert_eq!(world.rows("lake", "orders", &orders(), &columns), expected);
    // The other way round, in one command, and by the inbox.
    assert_eq!(world.load("newest-first", "orders", Some(&orders()), &after), [1, 0, 0, 1]);
    assert_eq!(world.load("newest-first", "orders", None, &before), [1, 0, 1, 2]);
    assert_eq!(world.rows("newest-first", "orders", &orders(), &columns), expected);
    world.run("at-once", &["load", "--dataset", "orders", "--contract", &orders(), &after, &before]);
    assert_eq!(world.rows("at-once", "orders", &orders(), &columns), expected);
    for name in ["before", "after"] {
        let text = std::fs::read_to_string(world.path(&format!("{name}.csv"))).unwrap();
        world.file(&format!("dropped/inbox/orders/{name}.csv"), &text);
        let (code, report) =
            world.run("dropped", &["inbox", "run", "--quiet-ms", "0", "--contract", &orders()]);
        assert_eq!(code, 0, "{report}");
    }
    assert_eq!(world.rows("dropped", "orders", &orders(), &columns), expected);
}

const OPINIONS: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: opinions
    customProperties:
      - {property: key, value: none}
      - {property: partitionBy, value: none}
    properties:
      - {name: stars, physicalName: Stars, logicalType: integer, physicalType: int, required: true}
      - {name: article, physicalName: Article, logicalType: integer, physicalType: int}
"#;

#[test]
fn rows_without_a_key_are_kept_as_often_as_they_come() {
    let world = World::new();
    let contract = world.file("opinions.yaml", OPINIONS);
    let text = "Stars,Article\n4,31\n4,31\n2,31\n4,31\n4,31\n5,\n";
    let file = world.file("monday.csv", text);
    assert_eq!(world.load("lake", "opinions", Some(&contract), &file), [6, 0, 0, 6]);
    let expected = [": 2 31", ": 4 31", ": 4 31", ": 4 31", ": 4 31", ": 5 "];
    let rows = || world.rows("lake", "opinions", &contract, &["stars", "article"]);
    assert_eq!(rows(), expected);
    let table = world.path("lake/bronze/opinions/part-0.parquet");
    let bytes = std::fs::read(&table).unwrap();
    // The file again, under another name, and by the inbox: the same rows of the same file.
    assert_eq!(world.load("lake", "opinions", None, &file), [0, 0, 6, 6]);
    let copy = world.file("copy/tuesday.csv", text);
    assert_eq!(world.load("lake", "opinions", None, &copy), [0, 0, 6, 6]);
    world.file("lake/inbox/opinions/wednesday.csv", text);
    let (code, report) = world.run("lake", &["inbox", "run", "--quiet-ms", "0"]);
    assert_eq!((code, &report["files"][0]["outcome"]), (0, &Value::from("landed")), "{report}");
    assert_eq!(std::fs::read(&table).unwrap(), bytes);
    // Another file of equal rows, and lines of JSON, which no header and no row says to be known.
    let other = world.file("thursday.csv", "Stars,Article\n4,31\n");
    assert_eq!(world.load("lake", "opinions", None, &other), [1, 0, 0, 7]);
    let lines = world.file("friday.ndjson", "{\"stars\":4,\"article\":31}\n\n{\"stars\":4,\"article\":31}\n");
    assert_eq!(world.load("lake", "opinions", None, &lines), [2, 0, 0, 9]);
    assert_eq!(world.load("lake", "opinions", None, &lines), [0, 0, 2, 9]);

    // A lake that is built again knows the same rows by the same file and number.
    let old = world.path("lake").display().to_string();
    world.run("rebuilt", &["rebuild", "--from", &old]);
    assert_eq!(world.load("rebuilt", "opinions", None, &copy), [6, 0, 0, 6]);
    assert_eq!(world.load("rebuilt", "opinions", None, &file), [0, 0, 6, 6]);
    let again = std::fs::read(world.path("rebuilt/bronze/opinions/part-0.parquet")).unwrap();
    assert_eq!(again, bytes);
}

const SALES: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: sales
    customProperties:
      - {property: partitionBy, value: year}
      - {property: nullPartition, value: __null__}
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: sold_on, logicalType: date, physicalType: date, partitioned: true}
      - {name: seen, logicalType: integer, physicalType: int, required: true}
"#;

#[test]
fn rows_without_a_date_lie_in_a_partition_of_their_own_until_they_have_one() {
    let world = World::new();
    let contract = world.file(
        "sales.yaml",
        &SALES.replace(
            "      - {property: nullP",
            "      - {property: revisionColumn, value: seen}\n      - {property: nullP",
        ),
    );
    let first = world.file("first.csv", "id,sold_on,seen\n1,2024-05-01,1\n2,,1\n3,2023-12-31,1\n");
    assert_eq!(world.load("lake", "sales", Some(&contract), &first), [3, 0, 0, 3]);
    let rows = || world.rows("lake", "sales", &contract, &["id"]);
    assert_eq!(rows(), ["year=2023: 3", "year=2024: 1", "year=__null__: 2"]);
    let second = world.file("second.csv", "id,sold_on,seen\n2,2024-01-02,2\n3,,2\n");
    assert_eq!(world.load("lake", "sales", None, &second), [0, 2, 2, 3]);
    assert_eq!(rows(), ["year=2024: 1", "year=2024: 2", "year=__null__: 3"]);
}

#[test]
fn a_text_that_can_be_no_folder_is_quarantined_and_the_rest_goes_on() {
    let world = World::new();
    let contract = SALES
        .replace("partitionBy, value: year", "revisionColumn, value: seen")
        .replace("date, physicalType: date", "string, physicalType: string");
    let contract = world.file("sales.yaml", &contract);
    let long = "x".repeat(300);
    let file = world.file(
        "sales.csv",
        &format!("id,sold_on,seen\n1,NULL,1\n2,{long},1\n3,,1\n4,__HIVE_DEFAULT_PARTITION__,1\n"),
    );
    let (code, report) = world.run("lake", &["load", "--dataset", "sales", "--contract", &contract, &file]);
    assert_eq!(
        (code, &report["quarantined"], &report["inserted"]),
        (2, &Value::from(2), &Value::from(2)),
        "{report}"
    );
    let rows = world.rows("lake", "sales", &contract, &["id"]);
    assert_eq!(rows, ["sold_on=%4EULL: 1", "sold_on=__null__: 3"]);
    let (_, quarantined) = world.run("lake", &["quarantine", "ls"]);
    let reasons: Vec<&str> =
        quarantined.as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["partition_value", "partition_value"]);
}

#[test]
fn many_files_of_a_row_each_are_remarked_on() {
    let world = World::new();
    let contract = SALES.replace("partitionBy, value: year", "revisionColumn, value: seen");
    let contract = contract.replace("date, physicalType: date", "string, physicalType: string");
    let contract = world.file("sales.yaml", &contract);
    let rows: String = (1..=150).map(|id| format!("{id},S{id},1\n")).collect();
    let file = world.file("sales.csv", &format!("id,sold_on,seen\n{rows}"));
    let lake = world.path("lake").display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["load", "--dataset", "sales", "--contract", &contract, "--lake", &lake, &file])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("note: 150 files for hardly more rows; coarser partitions read faster"), "{text}");
}

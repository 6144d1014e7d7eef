//! A lake that commit a5f8830 made, with undrained landing and staged objects in it, opens, publishes and rebuilds: every row, to
//! the last digit.
//!
//! This is a promise to people who have a lake. Anyone who changes a stored format (a type, a column, a staged object, a message, a
//! key) keeps this test as it is, and adds a lake made by the commit before the change.
#![allow(clippy::panic, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::files;
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use quotelake_contract::{Contract, Contracts};
use quotelake_table::parquet_file;

const TABLES: [&str; 3] = ["daily_bars", "dividends", "splits"];

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake-a5f8830")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn quotelake(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_quotelake")).args(arguments).output().unwrap()
}

/// Runs a pass that asks for nothing: what waits in the lake is drained.
fn drain(lake: &Path) -> serde_json::Value {
    let config = lake.with_extension("yaml");
    fs::write(&config, "watchlists: []\njobs: []\n").unwrap();
    let (config, lake) = (config.to_str().unwrap().to_owned(), lake.to_str().unwrap().to_owned());
    let output = quotelake(&["--json", "run", "--config", &config, "--lake", &lake]);
    let [out, err] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    serde_json::from_str(&out).unwrap()
}

fn contract(table: &str) -> Contract {
    Contract::clone(&Contracts::built_in().unwrap().get(table).unwrap().contract)
}

/// A column's values as text: instants in milliseconds, decimals without trailing zeros.
fn texts(column: &ArrayRef) -> Vec<Option<String>> {
    let plain = match column.data_type() {
        DataType::Timestamp(..) => cast(column, &DataType::Int64).unwrap(),
        _ => ArrayRef::clone(column),
    };
    let plain = cast(&plain, &DataType::Utf8).unwrap();
    let is_decimal = matches!(column.data_type(), DataType::Decimal64(..) | DataType::Decimal128(..));
    let short = |text: &str| match is_decimal {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    plain.as_string::<i32>().iter().map(|text| text.map(short)).collect()
}

/// A table's files and their bytes.
fn published(lake: &Path, table: &str) -> Vec<(String, Vec<u8>)> {
    let folder = lake.join("bronze").join(table);
    files(&folder).into_keys().map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}

/// All rows of a published table, in the order of their texts, by the wanted columns.
fn rows(lake: &Path, table: &str, columns: &[String]) -> Vec<Vec<Option<String>>> {
    let contract = contract(table);
    let mut rows = Vec::new();
    for (_, bytes) in published(lake, table) {
        let batch: RecordBatch = parquet_file::read(&contract, bytes.into()).unwrap();
        let columns: Vec<_> = columns.iter().map(|name| texts(&batch[name.as_str()])).collect();
        rows.extend(
            (0..batch.num_rows()).map(|row| columns.iter().map(|c| c[row].clone()).collect::<Vec<_>>()),
        );
    }
    rows.sort();
    rows
}

/// Columns and rows of a table, as text.
type Expected = (Vec<String>, Vec<Vec<Option<String>>>);

/// Table by table: the columns of then, and every row.
fn expected() -> BTreeMap<String, Expected> {
    let text = fs::read_to_string(fixture().join("expected.json")).unwrap();
    let tables: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    tables
        .into_iter()
        .map(|(table, found)| {
            let columns = serde_json::from_value(found["columns"].clone()).unwrap();
            let mut rows: Vec<_> = serde_json::from_value(found["rows"].clone()).unwrap();
            rows.sort();
            (table, (columns, rows))
        })
        .collect()
}

fn assert_is_as_expected(lake: &Path) {
    let expected = expected();
    for (table, count) in TABLES.into_iter().zip([41, 7, 3]) {
        let (columns, wanted) = &expected[table];
        assert_eq!(wanted.len(), count);
        assert_eq!(&rows(lake, table, columns), wanted, "{table}");
        for (key, bytes) in published(lake, table) {
            let narrower = parquet_file::has_narrower_types(&contract(table), &bytes);
            assert_eq!(narrower, Some(false), "{table}: {key:?} is of the old types");
        }
    }
}

#[test]
fn what_was_published_staged_and_landed_is_in_the_tables_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    copy(&fixture().join("lake"), &lake);
    let answer = drain(&lake);
    assert_eq!(answer["checked"]["rows_in"], 13, "the landing object that waited: {answer}");
    assert_eq!(answer["checked"]["quarantined"], 0, "{answer}");
    assert_is_as_expected(&lake);
    assert!(files(&lake.join("staged")).is_empty());
    // A second pass finds nothing to do.
    let before = files(&lake.join("bronze"));
    drain(&lake);
    assert_eq!(files(&lake.join("bronze")), before);
}

#[test]
fn the_tables_as_they_were_are_read_before_anything_is_published() {
    let (columns, wanted) = &expected()["daily_bars"];
    let found = rows(&fixture().join("lake"), "daily_bars", columns);
    assert_eq!(found.len(), 17);
    assert!(found.iter().all(|row| wanted.contains(row)));
}

#[test]
fn raw_gives_the_same_tables_again() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    copy(&fixture().join("lake"), &old);
    drain(&old);
    let arguments = ["--json", "rebuild", "--from", old.to_str().unwrap(), "--lake", new.to_str().unwrap()];
    let output = quotelake(&arguments);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{answer}");
    assert_eq!(answer["compared"]["different"], serde_json::json!([]), "{answer}");
    assert_is_as_expected(&new);
}

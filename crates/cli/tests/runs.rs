//! The table `runs` as a person meets it: what a load leaves there, `status`, and `quotelake compact`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{Days, NaiveDate, Utc};
use quotelake_contract::runs_table;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_local::FolderLake;
use quotelake_table::parquet_file;
use serde_json::Value;

fn quotelake(args: &[&str], code: i32) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
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

    fn path(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    fn place(&self) -> String {
        self.path().display().to_string()
    }

    /// A load of the sample, two rows of which are meant to fail.
    fn load_orders(&self) -> Value {
        let contract = project("samples/contracts/orders.yaml");
        let lake = self.place();
        let file = project("samples/csv/orders.csv");
        quotelake(
            &["load", "--json", "--lake", &lake, "--dataset", "orders", "--contract", &contract, &file],
            2,
        )
    }

    fn lake(&self) -> FolderLake {
        FolderLake::open(self.path()).unwrap()
    }

    /// Gives every object of a table another day, as if it had been written then.
    async fn move_to(&self, prefix: &str, day: NaiveDate) {
        let lake = self.lake();
        for meta in lake.list(prefix).await.unwrap() {
            let name = meta.key.rsplit('/').next().unwrap();
            let bytes = lake.get(&meta.key).await.unwrap().bytes;
            lake.put(&format!("{prefix}day={day}/{name}"), bytes, Precondition::None).await.unwrap();
            lake.delete(&meta.key).await.unwrap();
        }
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        self.lake().list(prefix).await.unwrap().into_iter().map(|meta| meta.key).collect()
    }

    /// Cells of every row of `runs`, with commas between.
    async fn runs(&self, columns: &[&str]) -> BTreeSet<String> {
        let mut rows = BTreeSet::new();
        for key in self.keys("runs/").await {
            let bytes = self.lake().get(&key).await.unwrap().bytes;
            let batch = parquet_file::read(&runs_table().unwrap(), bytes).unwrap();
            rows.extend((0..batch.num_rows()).map(|row| cells(&batch, columns, row)));
        }
        rows
    }
}

fn cells(batch: &RecordBatch, columns: &[&str], row: usize) -> String {
    let text = |column: &&str| {
        let column = batch.column_by_name(column).unwrap();
        let plain = match column.data_type() {
            DataType::Timestamp(..) => cast(column, &DataType::Int64).unwrap(),
            _ => column.clone(),
        };
        let plain = cast(&plain, &DataType::Utf8).unwrap();
        plain.as_string::<i32>().iter().nth(row).flatten().unwrap_or("-").to_owned()
    };
    columns.iter().map(text).collect::<Vec<_>>().join(",")
}

fn days_ago(days: u64) -> NaiveDate {
    #[allow(
        clippy::disallowed_methods,
        reason = "the program tells the time by the system's clock, and so does its test"
    )]
    let today = Utc::now().date_naive();
    today.checked_sub_days(Days::new(days)).unwrap()
}

#[tokio::test]
async fn a_load_leaves_a_row_of_check_and_one_of_publish_that_add_up() {
    let world = World::new();
    let report = world.load_orders();
    let number = |name: &str| report[name].as_u64().unwrap();
    let (staged, quarantined) = (number("inserted"), number("quarantined"));
    let columns = [
        "stage",
        "dataset",
        "outcome",
        "decision",
        "rows_in",
        "rows_out",
        "rows_quarantined",
        "objects",
        "retries",
    ];
    let rows = world.runs(&columns).await;
    let check = format!(
        "check,orders,succeeded,publish_with_quarantine,{},{staged},{quarantined},1,0",
        number("rows_in")
    );
    let publish = format!("publish,orders,succeeded,-,{staged},{staged},-,{},0", number("files"));
    assert_eq!(rows, BTreeSet::from([check, publish]));

    let status = quotelake(&["status", "--json", "--lake", &world.place()], 0);
    let stages = status["runs"]["stages"].as_array().unwrap();
    let seen: Vec<_> =
        stages.iter().map(|stage| (stage["stage"].as_str().unwrap(), stage["rows_out"].as_u64())).collect();
    assert_eq!(seen, [("check", Some(staged)), ("publish", Some(staged))]);
    // The same file again is the same check: its file is replaced, and publish has nothing to change.
    world.load_orders();
    assert_eq!(world.keys("runs/").await.iter().filter(|key| key.contains("/check-")).count(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_checked_has_a_row_that_says_why() {
    let world = World::new();
    let cut = world.folder.path().join("cut.ndjson.gz");
    std::fs::write(&cut, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 75]).unwrap();
    quotelake(&["load", "--lake", &world.place(), "--dataset", "splits", &cut.display().to_string()], 1);
    let rows = world.runs(&["stage", "outcome", "error_code"]).await;
    assert_eq!(rows, BTreeSet::from(["check,failed,damaged".to_owned()]));
    let status = quotelake(&["status", "--json", "--lake", &world.place()], 0);
    assert_eq!(status["runs"]["stages"][0]["failed"], 1);
    assert!(status["runs"]["stages"][0]["last_error"].as_str().unwrap().contains("cut.ndjson.gz"));
}

#[tokio::test]
async fn the_files_of_a_day_become_one_with_the_same_rows() {
    let world = World::new();
    world.load_orders();
    let columns =
        ["id", "stage", "started_at", "ended_at", "rows_in", "rows_out", "quarantined_by_reason", "bytes"];
    let before = world.runs(&columns).await;
    for table in ["runs/", "quality/rule_results/", "quality/statistics/"] {
        world.move_to(table, days_ago(20)).await;
    }
    let results = world.keys("quality/rule_results/").await;
    let compacted = quotelake(&["compact", "--json", "--lake", &world.place()], 0);
    assert_eq!(
        (compacted["days"].as_u64(), compacted["files"].as_u64()),
        (Some(1), Some(2)),
        "a day of one file stays: {results:?}"
    );
    let keys = world.keys("runs/").await;
    assert!(keys.len() == 1 && keys[0].starts_with(&format!("runs/day={}/all-", days_ago(20))), "{keys:?}");
    assert_eq!(world.runs(&columns).await, before);
    // Done again it finds nothing to do; a file that comes later joins.
    assert_eq!(quotelake(&["compact", "--json", "--lake", &world.place()], 0)["days"], 0);
    quotelake(&["verify", "--lake", &world.place()], 0);
}

#[tokio::test]
async fn a_row_that_was_written_again_counts_once_and_the_later_one() {
    let world = World::new();
    world.load_orders();
    world.move_to("runs/", days_ago(20)).await;
    quotelake(&["compact", "--lake", &world.place()], 0);
    let once = world.runs(&["id"]).await;
    // The same work, done again: today's rows, moved to that day.
    world.load_orders();
    let lake = world.lake();
    for key in world.keys("runs/").await.into_iter().filter(|key| key.contains("/check-")) {
        let bytes = lake.get(&key).await.unwrap().bytes;
        let name = key.rsplit('/').next().unwrap();
        lake.put(&format!("runs/day={}/{name}", days_ago(20)), bytes, Precondition::None).await.unwrap();
        lake.delete(&key).await.unwrap();
    }
    quotelake(&["compact", "--lake", &world.place()], 0);
    let day = format!("runs/day={}/", days_ago(20));
    assert_eq!(world.keys(&day).await.len(), 1);
    assert_eq!(world.runs(&["id"]).await.intersection(&once).count(), once.len());
    let mut rows = 0;
    for key in world.keys(&day).await {
        let bytes = lake.get(&key).await.unwrap().bytes;
        rows += parquet_file::read(&runs_table().unwrap(), bytes).unwrap().num_rows();
    }
    assert_eq!(rows, once.len());
}

#[tokio::test]
async fn a_day_with_a_damaged_file_is_left_as_it_is() {
    let world = World::new();
    world.load_orders();
    world.move_to("runs/", days_ago(20)).await;
    let key = format!("runs/day={}/check-broken.parquet", days_ago(20));
    world.lake().put(&key, "no Parquet".into(), Precondition::None).await.unwrap();
    let before = world.keys("runs/").await;
    let compacted = quotelake(&["compact", "--json", "--lake", &world.place()], 3);
    assert_eq!(compacted["unreadable"][0]["subject"], key);
    assert_eq!(world.keys("runs/").await, before);
}

#[tokio::test]
async fn what_is_older_than_the_days_to_keep_is_removed_and_nothing_else() {
    let world = World::new();
    world.load_orders();
    for table in ["runs/", "quality/rule_results/", "quality/statistics/"] {
        world.move_to(table, days_ago(401)).await;
    }
    let tables = world.keys("bronze/").await;
    let documents = world.keys("quality/dataset=").await;
    let quarantine = world.keys("quarantine/").await;
    quotelake(&["compact", "--lake", &world.place(), "--keep-days", "400"], 0);
    for table in ["quality/rule_results/", "quality/statistics/"] {
        assert!(world.keys(table).await.is_empty(), "{table}");
    }
    // The documents are of today.
    assert_eq!((world.keys("bronze/").await, world.keys("quarantine/").await), (tables, quarantine));
    assert_eq!(world.keys("quality/dataset=").await, documents);
}

#[tokio::test]
async fn checks_of_before_there_were_runs_get_their_rows() {
    let world = World::new();
    world.load_orders();
    let columns = [
        "id",
        "stage",
        "dataset",
        "check_id",
        "rows_in",
        "rows_out",
        "rows_quarantined",
        "quarantined_by_reason",
        "decision",
    ];
    let all = world.runs(&columns).await;
    let of_check: BTreeSet<String> = all.iter().filter(|row| row.contains(",check,")).cloned().collect();
    let lake = world.lake();
    for key in world.keys("runs/").await {
        lake.delete(&key).await.unwrap();
    }
    assert_eq!(quotelake(&["status", "--json", "--lake", &world.place()], 0)["runs"], Value::Null);
    let compacted = quotelake(&["compact", "--json", "--lake", &world.place()], 0);
    assert_eq!(compacted["added_checks"], 1);
    assert_eq!(world.runs(&columns).await, of_check);
    assert_eq!(quotelake(&["compact", "--json", "--lake", &world.place()], 0)["added_checks"], 0);
}

//! The news of a partition: no change is taken for an earlier one, and tables do not wait for each other.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use quotelake_contract::Contracts;
use quotelake_core::ports::{FixedClock, Lake, Precondition};
use quotelake_local::{FolderQueue, JsonCatalog, LogEvents, MemoryLake};
use quotelake_publish::{Context, drain};
use quotelake_table::{RowDecoder, staged};
use quotelake_testkit::{CallPlan, Faulty, Moment, build};
use serde_json::{Value, json};

/// A staged object: a bar, or a split, fetched at an hour by a run.
fn rows(dataset: &str, hour: u32, changes: &Value) -> Bytes {
    let contract = Arc::clone(&Contracts::built_in().unwrap().get(dataset).unwrap().contract);
    let mut line = json!({
        "provider": "polygon", "provider_symbol": "AAPL", "symbol": "AAPL.XNAS", "asset_class": "equity", "interval": "1d",
        "trading_date": "2013-03-01", "bar_start": "2013-03-01T00:00:00Z", "exchange_tz": "America/New_York",
        "adjustment": "raw", "session": "regular", "currency": "USD", "quote_unit": "USD", "unit_divisor": 1,
        "is_final": true, "delay_class": "eod", "provider_ts": 1, "execution_date": "2013-03-01", "split_from": 1,
        "fetched_at": format!("2013-03-02T{hour:02}:00:00Z"), "request_id": "r", "run_id": format!("run-{hour}"),
        "unit_id": "u", "raw_sha256": "s", "schema_version": 1
    });
    for (name, value) in changes.as_object().unwrap() {
        line[name] = value.clone();
    }
    let mut decoder = RowDecoder::new(Arc::clone(&contract));
    decoder.push(&line.to_string()).unwrap();
    staged::write(&contract, &[decoder.take_batch().unwrap()]).unwrap()
}

async fn stage(lake: &dyn Lake, dataset: &str, hour: u32, changes: Value) {
    let key = format!("staged/dataset={dataset}/{hour}.arrow");
    lake.put(&key, rows(dataset, hour, &changes), Precondition::None).await.unwrap();
}

/// A queue on which no time passes: everything is within five minutes.
fn queue(folder: &Path, name: &str) -> FolderQueue {
    FolderQueue::open(folder, name, Arc::new(FixedClock(build::instant()))).unwrap()
}

fn context(folder: &Path, lake: Arc<dyn Lake>) -> Context {
    Context {
        lake,
        catalog: Arc::new(JsonCatalog::open(folder.join("catalog")).unwrap()),
        events: Arc::new(LogEvents::new(folder.join("events"), Arc::new(FixedClock(build::instant())))),
        changes: Some(Arc::new(queue(folder, "changes"))),
        dead_letters: Arc::new(queue(folder, "publish-dlq")),
        hand_back: None,
        contracts: Contracts::built_in().unwrap(),
        freshness: None,
        parallelism: 1,
    }
}

async fn changes(folder: &Path) -> Vec<(String, Value)> {
    let stored = queue(folder, "changes").list().await.unwrap();
    stored
        .into_iter()
        .map(|stored| (stored.message.group.unwrap(), serde_json::from_str(&stored.message.body).unwrap()))
        .collect()
}

#[tokio::test]
async fn there_and_back_within_five_minutes_are_three_changes_in_order() {
    let (folder, lake) = (tempfile::tempdir().unwrap(), Arc::new(MemoryLake::new()));
    let context = context(folder.path(), lake.clone());
    let key = "bronze/daily_bars/month=2013-03/part-0.parquet";
    let mut versions = Vec::new();
    for (hour, close) in [(2, 10), (3, 11), (4, 10)] {
        stage(lake.as_ref(), "daily_bars", hour, json!({ "close": close })).await;
        drain(&context, "daily_bars").await.unwrap();
        versions.push(lake.head(key).await.unwrap().unwrap().version.as_str().to_owned());
    }
    let told = changes(folder.path()).await;
    assert_eq!(told.len(), 3);
    for ((group, change), (hour, version)) in told.iter().zip([2, 3, 4].iter().zip(&versions)) {
        assert_eq!(group, "bronze.daily_bars");
        let expected = json!({
            "zone": "bronze", "table": "daily_bars", "partition": "month=2013-03", "key": key, "version": version,
            "changed": true, "run_ids": [format!("run-{hour}")],
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(change[name], *value, "{name}");
        }
        assert!(change["rows"] == 1 && change["bytes"].as_u64().unwrap() > 0);
    }
    let events = std::fs::read_to_string(folder.path().join("events")).unwrap();
    let details: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"]["detail"].clone())
        .collect();
    assert_eq!(
        details,
        told.into_iter().map(|(_, change)| change).collect::<Vec<_>>(),
        "the event says the same"
    );
}

#[tokio::test]
async fn equal_news_are_told_as_often_as_there_are_any() {
    let (folder, lake) = (tempfile::tempdir().unwrap(), Arc::new(MemoryLake::new()));
    let context = context(folder.path(), lake.clone());
    for _ in 0..3 {
        stage(lake.as_ref(), "daily_bars", 2, json!({ "close": 10 })).await;
        drain(&context, "daily_bars").await.unwrap();
    }
    let told = changes(folder.path()).await;
    assert_eq!(told.len(), 3);
    assert_eq!(told[1], told[2], "bodies that a queue with deduplication by content would take for one");
    assert!(told[1].1["version"].is_string(), "a partition that did not change has a version too");
}

#[tokio::test]
async fn a_table_that_is_being_followed_holds_up_no_other() {
    let (folder, lake) = (tempfile::tempdir().unwrap(), Arc::new(MemoryLake::new()));
    let context = context(folder.path(), lake.clone());
    for (dataset, hour, change) in [
        ("daily_bars", 2, json!({ "close": 10 })),
        ("daily_bars", 3, json!({ "close": 11 })),
        ("splits", 2, json!({ "split_to": 2, "split_type": "split" })),
    ] {
        stage(lake.as_ref(), dataset, hour, change).await;
        drain(&context, dataset).await.unwrap();
    }
    let queue = queue(folder.path(), "changes");
    let first = queue.receive(1, TimeDelta::minutes(5)).await.unwrap().remove(0);
    assert_eq!(first.stored.message.group.as_deref(), Some("bronze.daily_bars"));
    let next = queue.receive(10, TimeDelta::minutes(5)).await.unwrap();
    let groups: Vec<_> =
        next.iter().filter_map(|received| received.stored.message.group.as_deref()).collect();
    assert_eq!(groups, ["bronze.splits"], "the second change of daily_bars waits for the first");
}

#[tokio::test]
async fn a_change_is_told_whatever_call_fails() {
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            let (folder, lake) = (tempfile::tempdir().unwrap(), Arc::new(MemoryLake::new()));
            let plan = CallPlan::crash_at(call, moment);
            let faulty = Context {
                changes: Some(Arc::new(Faulty::new(Arc::new(queue(folder.path(), "changes")), &plan))),
                events: Arc::new(Faulty::new(
                    Arc::new(LogEvents::new(
                        folder.path().join("events"),
                        Arc::new(FixedClock(build::instant())),
                    )),
                    &plan,
                )),
                ..context(folder.path(), Arc::new(Faulty::<dyn Lake>::new(lake.clone(), &plan)))
            };
            stage(lake.as_ref(), "daily_bars", 2, json!({ "close": 10 })).await;
            let first = drain(&faulty, "daily_bars").await;
            plan.restart();
            drain(&faulty, "daily_bars").await.unwrap();
            let version = lake.list("bronze/").await.unwrap()[0].version.as_str().to_owned();
            let told = changes(folder.path()).await;
            assert!(
                told.iter().any(|(_, change)| change["version"] == version),
                "call {call} {moment:?}: {told:?}"
            );
            if first.is_ok() {
                assert!(call > 5, "every call was tried");
                break;
            }
        }
    }
}

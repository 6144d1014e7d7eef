//! The real binary, driven through the Lambda Runtime API with the events in `samples/events/check`.

use std::path::Path;
use std::sync::Arc;

use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::{FolderLake, FolderQueue, SystemClock};
use quotelake_testkit::{Running, RuntimeApi};
use serde_json::{Value, json};

const SPLIT: &str = r#"{"dataset":"splits","provider":"polygon","provider_symbol":"AAPL","symbol":"AAPL.XNAS","asset_class":"equity","exchange_mic":"XNAS","execution_date":"2005-02-28","split_from":1,"split_to":2,"split_type":"split","fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}"#;

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/events/check").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct World {
    folder: tempfile::TempDir,
    api: RuntimeApi,
    _function: Running,
}

async fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let api = RuntimeApi::start().await.unwrap();
    let root = folder.path().display();
    let settings = [
        ("LAKE_URI", format!("file://{root}")),
        ("PUBLISH_QUEUE_URI", format!("queue://{root}/_platform/queues/publish")),
        ("DEAD_LETTER_QUEUE_URI", format!("queue://{root}/_platform/queues/check-dlq")),
        ("EVENTS_URI", format!("events://{root}/_platform/events.ndjson")),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let function = api.run_binary(env!("CARGO_BIN_EXE_quotelake-check"), &settings).unwrap();
    World { folder, api, _function: function }
}

async fn messages(world: &World, queue: &str) -> Vec<(Option<String>, String)> {
    let folder = world.folder.path().join("_platform/queues");
    let queue = FolderQueue::open(folder, queue, Arc::new(SystemClock)).unwrap();
    let stored = queue.list().await.unwrap();
    stored.into_iter().map(|m| (m.error_code().map(str::to_owned), m.message.body)).collect()
}

#[tokio::test]
async fn created_objects_are_checked_and_staged() {
    let world = start().await;
    let lake = FolderLake::open(world.folder.path()).unwrap();
    let bad = SPLIT.replace("\"split_to\":2", "\"split_to\":-2").replace("AAPL", "MSFT");
    for key in [
        "landing/2026/11/21/06/quotelake-1-2026-11-21-06-00-00-daee1cd25194ae95.gz",
        "landing/dataset=daily_bars/manual drop+1.ndjson.gz",
    ] {
        lake.put(key, format!("{SPLIT}\n{bad}\nnot json\n").into(), Precondition::None).await.unwrap();
    }
    let answer = world.api.invoke(&sample("object_created.json")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(lake.list("staged/dataset=splits/").await.unwrap().len(), 1);
    assert_eq!(lake.list("quality/dataset=").await.unwrap().len(), 2);
    let quarantined: Vec<String> =
        lake.list("quarantine/").await.unwrap().into_iter().map(|meta| meta.key).collect();
    assert_eq!(
        quarantined.len(),
        3,
        "a split, a line of no dataset, and the lines of the other object: {quarantined:?}"
    );
    assert_eq!(messages(&world, "publish").await, [(None, r#"{"dataset":"splits"}"#.to_owned())]);
    assert!(messages(&world, "check-dlq").await.is_empty());
}

#[tokio::test]
async fn poison_is_a_dead_letter_at_once_and_a_test_event_is_nothing() {
    let world = start().await;
    let answer = world.api.invoke(&sample("poison_key.json")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let causes: Vec<_> =
        messages(&world, "check-dlq").await.into_iter().map(|(code, _)| code.unwrap()).collect();
    assert_eq!(causes, ["not_found", "invalid_input", "not_found", "invalid_input"]);
    let answer = world.api.invoke(&sample("test_event.json")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
}

#[tokio::test]
async fn a_missing_setting_ends_the_function_before_it_asks_for_work() {
    let api = RuntimeApi::start().await.unwrap();
    let function = api.run_binary(env!("CARGO_BIN_EXE_quotelake-check"), &[("LAKE_URI", "memory:")]).unwrap();
    assert!(function.time_to_first_poll().await.is_err());
}

//! The real binary, driven through the Lambda Runtime API with the events in `samples/events/ingest`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::{FolderLake, FolderQueue, SystemClock};
use quotelake_testkit::{Running, RuntimeApi};
use serde_json::{Value, json};

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples")
}

fn event(name: &str) -> Value {
    let path = samples().join("events/ingest").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

struct World {
    folder: tempfile::TempDir,
    lake: FolderLake,
    api: RuntimeApi,
    _function: Running,
}

impl World {
    async fn put(&self, key: &str, bytes: Vec<u8>) {
        self.lake.put(key, bytes.into(), Precondition::None).await.unwrap();
    }
}

async fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let lake = FolderLake::open(folder.path()).unwrap();
    for name in ["shipments.yaml", "shipments.dqdl"] {
        let text = std::fs::read(samples().join("contracts").join(name)).unwrap();
        lake.put(&format!("contracts/{name}"), text.into(), Precondition::None).await.unwrap();
    }
    let api = RuntimeApi::start().await.unwrap();
    let root = folder.path().display();
    let settings = [
        ("LAKE_URI", format!("file://{root}")),
        ("DEAD_LETTER_QUEUE_URI", format!("queue://{root}/_platform/queues/ingest-dlq")),
        ("EVENTS_URI", format!("events://{root}/_platform/events.ndjson")),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let function = api.run_binary(env!("CARGO_BIN_EXE_quotelake-ingest"), &settings).unwrap();
    World { folder, lake, api, _function: function }
}

#[tokio::test]
async fn a_dropped_file_lands_once() {
    let world = start().await;
    let file = std::fs::read(samples().join("csv/shipments.csv")).unwrap();
    world.put("inbox/shipments/carrier export 2026-11-21.csv", file).await;
    for _ in 0..2 {
        let answer = world.api.invoke(&event("file_dropped.json")).await.unwrap();
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    assert_eq!(world.lake.list("landing/dataset=shipments/").await.unwrap().len(), 1);
    let told = std::fs::read_to_string(world.folder.path().join("_platform/events.ndjson")).unwrap();
    assert_eq!(told.matches("File Ingested").count(), 1, "{told}");
}

#[tokio::test]
async fn poison_is_a_dead_letter_at_once() {
    let world = start().await;
    world.put("inbox/shipments/wrong header.csv", b"Tracking ID,Order\n1,2\n".to_vec()).await;
    world.put("inbox/no_such_dataset/a.csv", b"a\n1\n".to_vec()).await;
    let answer = world.api.invoke(&event("poison.json")).await.unwrap();
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let queues = world.folder.path().join("_platform/queues");
    let dead = FolderQueue::open(queues, "ingest-dlq", Arc::new(SystemClock)).unwrap().list().await.unwrap();
    let causes: Vec<&str> = dead.iter().map(|message| message.error_code().unwrap()).collect();
    assert_eq!(causes, ["not_found", "invalid_input", "invalid_input", "invalid_input"]);
    assert!(world.lake.list("landing/").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_missing_setting_ends_the_function_before_it_asks_for_work() {
    let api = RuntimeApi::start().await.unwrap();
    let function =
        api.run_binary(env!("CARGO_BIN_EXE_quotelake-ingest"), &[("LAKE_URI", "memory:")]).unwrap();
    assert!(function.time_to_first_poll().await.is_err());
}

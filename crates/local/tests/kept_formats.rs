//! The files of a laptop's lake as earlier versions wrote them are read: records of objects, batches of the journal, the catalog,
//! messages. Where a file has one way to be written, the present version writes it as it is kept here.
//!
//! What is kept here lies in lakes: it is not changed. A new version of a format adds its own beside it, see
//! `docs/reference/stored-formats.md`.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Catalog as _, Lake as _, Partition, Precondition};
use quotelake_local::{
    Delivery, DeliverySettings, Durability, FolderLake, FolderQueue, Function, FunctionError, JsonCatalog,
    MemoryLake, NoNotification, SpoolStream, function_fn,
};
use quotelake_testkit::{StepClock, build};

const KEY: &str = "landing/a.gz";
const RECORD: &str = "landing/.a.gz.sum";
const CONTENT: &[u8] = b"some rows\n";
/// `quotelake-sum-1`: the size, the CRC-64 of the one block, the line's own.
const RECORD_1: &str = "quotelake-sum-1 10 3aaeb8bac6d8ef68 2ad7b69940df51f5\n";

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn records_of_version_1_are_held_against_and_written() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), KEY, CONTENT);
    put(folder.path(), RECORD, RECORD_1.as_bytes());
    let lake = FolderLake::open_with(folder.path(), Durability::ProcessCrash).unwrap();
    assert_eq!(lake.get(KEY).await.unwrap().bytes, CONTENT);
    put(folder.path(), KEY, b"some rowz\n");
    assert_eq!(lake.get(KEY).await.unwrap_err().kind(), ErrorKind::Damaged, "the record is believed");

    let folder = tempfile::tempdir().unwrap();
    let lake = FolderLake::open_with(folder.path(), Durability::ProcessCrash).unwrap();
    lake.put(KEY, Bytes::from_static(CONTENT), Precondition::None).await.unwrap();
    assert_eq!(fs::read_to_string(folder.path().join(RECORD)).unwrap(), RECORD_1);
}

#[tokio::test]
async fn an_object_without_a_record_and_one_of_a_later_version_are_read_unverified() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), KEY, CONTENT);
    let lake = FolderLake::open_with(folder.path(), Durability::ProcessCrash).unwrap();
    assert_eq!(lake.get(KEY).await.unwrap().bytes, CONTENT);
    put(folder.path(), RECORD, b"quotelake-sum-9 of a later version\n");
    assert_eq!(lake.get(KEY).await.unwrap().bytes, CONTENT);
}

/// The stream's function: every record comes back as it is.
fn answer(event: &Bytes) -> Bytes {
    let mut event: serde_json::Value = serde_json::from_slice(event).unwrap();
    for record in event["records"].as_array_mut().unwrap() {
        record["result"] = "Ok".into();
    }
    serde_json::to_vec(&event).unwrap().into()
}

#[tokio::test]
async fn batches_of_both_versions_of_the_journal_are_delivered() {
    let folder = tempfile::tempdir().unwrap();
    // The records `one` and `two`, each with its length; since version 2 a CRC-64 of all of it stands before them.
    put(folder.path(), "00001362189600000-0000000000000001.batch", b"QLSPOOL1\x04\x00\x00\x00one\n");
    put(
        folder.path(),
        "00001362189600000-0000000000000002.batch",
        b"QLSPOOL2\x00\x05\x3c\x69\x99\x91\xa6\xf9\x04\x00\x00\x00one\n",
    );
    let clock = Arc::new(StepClock::new(build::instant()));
    let stream = SpoolStream::open_with(folder.path(), clock.clone(), Durability::ProcessCrash).unwrap();
    let lake = Arc::new(MemoryLake::new());
    let function: Arc<dyn Function> =
        Arc::new(function_fn("echo", |event: Bytes| async move { Ok::<_, FunctionError>(answer(&event)) }));
    let settings = DeliverySettings::default();
    let delivery =
        Delivery::new(&stream, function, lake.clone(), Arc::new(NoNotification), clock, settings).unwrap();
    let report = delivery.flush().await.unwrap();
    assert_eq!(report.delivered, 2, "{report:?}");
    assert!(stream.damaged().await.unwrap().is_empty());
    assert_eq!(stream.depth().await.unwrap().batches, 0);
}

const CATALOG: &str =
    r#"{"partitions":[{"table":"splits","values":["2000"],"location":"bronze/splits/year=2000/"}]}"#;
/// Since `crc64`: the checksum of the document without it.
const SEALED_CATALOG: &str = r#"{"partitions":[{"table":"splits","values":["2000"],"location":"bronze/splits/year=2000/"}],"crc64":"051f118cae528d97"}"#;

#[tokio::test]
async fn a_catalog_with_and_without_its_checksum_is_read_and_written_with_it() {
    let partition = Partition {
        table: "splits".into(),
        values: vec!["2000".into()],
        location: "bronze/splits/year=2000/".into(),
    };
    for kept in [CATALOG, SEALED_CATALOG] {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "splits.json", kept.as_bytes());
        let catalog = JsonCatalog::open(folder.path()).unwrap();
        assert_eq!(catalog.partitions("splits").await.unwrap(), std::slice::from_ref(&partition));
    }
    let folder = tempfile::tempdir().unwrap();
    let catalog = JsonCatalog::open(folder.path()).unwrap();
    catalog.ensure_partitions(&[partition]).await.unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("splits.json")).unwrap(), SEALED_CATALOG);
}

/// A dead letter before messages had a delay and attributes, and one of now.
const MESSAGES: [(&str, &str); 2] = [
    (
        "00000000000000000001-d9f5a6b56e72fb3d.json",
        r#"{"id":"00000000000000000001-d9f5a6b56e72fb3d","sequence":1,"body":"{\"dataset\":\"orders\"}","group":null,"deduplication_id":null,"sent_at":"2026-11-28T23:04:24.234706924Z","receive_count":0,"first_received_at":null,"hidden_until":null}"#,
    ),
    (
        "00000000000000000002-d9f5a6b56e72fb3d.json",
        r#"{"id":"00000000000000000002-d9f5a6b56e72fb3d","sequence":2,"body":"{\"dataset\":\"orders\"}","group":"orders","deduplication_id":null,"delay_seconds":0,"attributes":{"error_code":"config","error_message":"why"},"sent_at":"2026-11-28T23:04:24.234706924Z","receive_count":5,"first_received_at":"2026-11-28T23:05:00Z","not_before":null,"hidden_until":null}"#,
    ),
];

#[tokio::test]
async fn messages_and_dead_letters_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in MESSAGES {
        put(folder.path(), &format!("publish-dlq/messages/{name}"), text.as_bytes());
    }
    let clock = Arc::new(StepClock::new(build::instant()));
    let queue =
        FolderQueue::open_with(folder.path(), "publish-dlq", clock, Durability::ProcessCrash).unwrap();
    let messages = queue.list().await.unwrap();
    let codes: Vec<_> = messages.iter().map(|message| message.error_code()).collect();
    assert_eq!(codes, [None, Some("config")]);
    assert!(messages.iter().all(|message| message.message.body == r#"{"dataset":"orders"}"#));
    assert!(queue.damaged().await.unwrap().is_empty());
}

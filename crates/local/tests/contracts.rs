//! Every adapter keeps its port's contract.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use quotelake_core::ports::{Event, HandBack, Lake as _, Message, Precondition, Queue};
use quotelake_core::{ErrorKind, Result};
use quotelake_local::{
    Durability, FolderLake, FolderQueue, JsonCatalog, LocalSecrets, LogEntry, LogEvents, MemoryLake,
    NoNotification, NotifyingLake, QueueNotifier, ReadOnlyFiles, SpoolStream,
};
use quotelake_testkit::suites::{
    Delivered, EventReader, ReceivingQueue, catalog_suite, events_suite, lake_suite, queue_suite,
    read_only_lake_suite, secrets_suite, stream_suite,
};
use quotelake_testkit::{StepClock, build};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_lake() {
    lake_suite(Arc::new(MemoryLake::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn folder_lake() {
    let dir = tempfile::tempdir().unwrap();
    lake_suite(Arc::new(FolderLake::open_with(dir.path(), Durability::ProcessCrash).unwrap())).await;
    let left: Vec<_> = std::fs::read_dir(dir.path().join("_platform/tmp")).unwrap().collect();
    assert!(left.is_empty(), "no temporary file stays: {left:?}");
}

#[tokio::test]
async fn folder_lake_flushed_and_on_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    lake_suite(Arc::new(FolderLake::open(dir.path()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn notifying_lake() {
    let lake = NotifyingLake::new(Arc::new(MemoryLake::new()), "", Arc::new(NoNotification));
    lake_suite(Arc::new(lake)).await;

    let dir = tempfile::tempdir().unwrap();
    let clock = StepClock::new("2026-11-26T12:00:00Z".parse().unwrap());
    let queue = FolderQueue::open(dir.path(), "check", Arc::new(clock.clone())).unwrap();
    let created = QueueNotifier::new("bucket", Arc::new(queue.clone()), Arc::new(clock));
    let lake = NotifyingLake::new(Arc::new(MemoryLake::new()), "landing/", Arc::new(created));
    for key in ["landing/a b.gz", "ingested/a.json"] {
        lake.put(key, "x".into(), Precondition::None).await.unwrap();
    }
    lake.put("landing/a b.gz", "y".into(), Precondition::IfAbsent).await.unwrap_err();
    let told = queue.list().await.unwrap();
    assert_eq!(told.len(), 1, "of what was written under the prefix, once");
    assert!(told[0].message.body.contains("landing/a+b.gz"), "{}", told[0].message.body);
}

#[tokio::test]
async fn read_only_files() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let content = [("landing/dataset=orders/b c.csv", "id\n1\n"), ("landing/a.csv", ""), ("z", "last")];
    let files =
        content.iter().enumerate().map(|(n, (key, text))| ((*key).to_owned(), file(&n.to_string(), text)));
    let mut files: Vec<_> = files.collect();
    // A file that is gone is no object, and neither is a folder.
    files.push(("landing/folder".into(), dir.path().to_owned()));
    files.push(("landing/gone.csv".into(), dir.path().join("gone")));
    let set = ReadOnlyFiles::new(files.clone()).unwrap();
    read_only_lake_suite(&set, &content).await;
    for key in ["landing/gone.csv", "landing/folder"] {
        assert_eq!(set.get(key).await.unwrap_err().kind(), ErrorKind::NotFound, "{key}");
    }

    files.push(files[0].clone());
    assert_eq!(
        ReadOnlyFiles::new(files).unwrap_err().kind(),
        ErrorKind::InvalidInput,
        "a key names one file"
    );
    let outside = [("../x".to_owned(), dir.path().to_owned())];
    assert_eq!(ReadOnlyFiles::new(outside).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[derive(Debug)]
struct Receiving(FolderQueue);

#[async_trait]
impl Queue for Receiving {
    async fn send(&self, message: Message) -> Result<()> {
        self.0.send(message).await
    }
}

#[async_trait]
impl HandBack for Receiving {
    async fn hand_back(&self, handle: &str, after_seconds: u32) -> Result<()> {
        self.0.hand_back(handle, after_seconds).await
    }
}

#[async_trait]
impl ReceivingQueue for Receiving {
    async fn receive(&self, max: usize, visibility: TimeDelta) -> Result<Vec<Delivered>> {
        let received = self.0.receive(max, visibility).await?;
        let deliver = |one: quotelake_local::Received| Delivered {
            message: one.stored.message,
            receive_count: one.stored.receive_count,
            handle: one.receipt_handle,
        };
        Ok(received.into_iter().map(deliver).collect())
    }

    async fn ack(&self, handle: &str) -> Result<()> {
        self.0.ack(handle).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn folder_queue() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), StepClock::new(build::instant()));
    let open = FolderQueue::open_with(dir.path(), "check", Arc::new(clock.clone()), Durability::ProcessCrash);
    queue_suite(Arc::new(Receiving(open.unwrap())), &clock).await;
}

#[tokio::test]
async fn spool_stream() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), StepClock::new(build::instant()));
    let stream = SpoolStream::open_with(dir.path(), Arc::new(clock), Durability::ProcessCrash).unwrap();
    let accepted = stream_suite(&stream).await;
    let depth = stream.depth().await.unwrap();
    let bytes: usize = accepted.iter().map(bytes::Bytes::len).sum();
    assert!(depth.bytes > bytes as u64, "all of it is on disk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn json_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = JsonCatalog::open(dir.path().join("catalog")).unwrap();
    catalog_suite(Arc::new(catalog.clone())).await;
    assert_eq!(catalog.tables().await.unwrap(), ["suite_bars", "suite_race"]);
}

struct Subscriber(LogEvents);

#[async_trait]
impl EventReader for Subscriber {
    async fn events(&self) -> Vec<Event> {
        let entries = self.0.entries().await.unwrap().into_iter();
        entries
            .filter_map(|entry| if let LogEntry::Event { event, .. } = entry { Some(event) } else { None })
            .collect()
    }

    async fn notices(&self) -> Vec<(String, String)> {
        let entries = self.0.entries().await.unwrap().into_iter();
        let notice = |entry| match entry {
            LogEntry::Notice { subject, text, .. } => Some((subject, text)),
            LogEntry::Event { .. } => None,
        };
        entries.filter_map(notice).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn log_events() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), StepClock::new(build::instant()));
    let events = LogEvents::new(dir.path().join("_platform/events.ndjson"), Arc::new(clock));
    events_suite(Arc::new(events.clone()), &Subscriber(events)).await;
}

#[tokio::test]
async fn local_secrets_of_the_environment_and_of_files() {
    let (dir, clock, ttl) =
        (tempfile::tempdir().unwrap(), StepClock::new(build::instant()), TimeDelta::seconds(60));
    let value = Arc::new(Mutex::new(None::<String>));
    let lookup = Arc::clone(&value);
    let secrets = LocalSecrets::new(
        move |name| (name == "POLYGON_KEY").then(|| lookup.lock().unwrap().clone()).flatten(),
        Arc::new(clock.clone()),
    )
    .with_time_to_live(ttl);
    let set = move |to: Option<&str>| *value.lock().unwrap() = to.map(str::to_owned);
    secrets_suite(&secrets, "env:POLYGON_KEY", &set, &clock, ttl).await;

    let path = dir.path().join("key");
    let set = |to: Option<&str>| match to {
        Some(text) => std::fs::write(&path, format!("{text}\n")).unwrap(),
        None => std::fs::remove_file(&path).unwrap(),
    };
    secrets_suite(&secrets, &format!("file:{}", path.display()), &set, &clock, ttl).await;

    use quotelake_core::ports::Secrets as _;
    assert_eq!(secrets.read("ssm:/quotelake/key").await.unwrap_err().kind(), ErrorKind::Unsupported);
    let mistaken = secrets.read("sk-live-1234").await.unwrap_err();
    assert_eq!(mistaken.kind(), ErrorKind::Config);
    assert!(!mistaken.to_string().contains("sk-live"), "a secret in place of its reference is not shown");
}

#[tokio::test]
async fn a_line_that_a_crash_tore_spoils_no_other() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), StepClock::new(build::instant()));
    let path = dir.path().join("events.ndjson");
    let events = LogEvents::new(&path, Arc::new(clock));
    use quotelake_core::ports::Events as _;
    events.publish(build::event("one")).await.unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], &whole[..20]].concat()).unwrap();
    assert_eq!(events.entries().await.unwrap().len(), 1, "a line that is being written is not read");
    events.publish(build::event("two")).await.unwrap();
    let seen = Subscriber(events).events().await;
    assert_eq!(seen, [build::event("one"), build::event("two")]);
}

#[tokio::test]
async fn a_damaged_catalog_is_told_and_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let catalog = JsonCatalog::open(dir.path()).unwrap();
    std::fs::write(dir.path().join("daily_bars.json"), "{").unwrap();
    use quotelake_core::ports::Catalog as _;
    let error = catalog.ensure_partitions(&[build::partition("daily_bars", "2013-03")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("daily_bars.json"), "{error}");
    assert_eq!(catalog.partitions("../daily_bars").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

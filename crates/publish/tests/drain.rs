//! Draining on memory ports: publishing twice is publishing once, a race loses nobody's rows, a failure is never silence.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::UInt32Array;
use arrow::compute::take;
use async_trait::async_trait;
use bytes::Bytes;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::Result;
use quotelake_core::ports::{Catalog, FixedClock, Lake, Object, ObjectMeta, Precondition, Version};
use quotelake_local::{FolderQueue, JsonCatalog, LogEvents, MemoryLake};
use quotelake_platform::freshness::Freshness;
use quotelake_platform::sqs::SqsEvent;
use quotelake_publish::{Context, drain, handle};
use quotelake_table::{Columnar as _, RowDecoder, merge, parquet_file, staged};
use quotelake_testkit::{CallPlan, Faulty, Moment, build};

const FEBRUARY: &str = "bronze/daily_bars/month=2013-02/part-0.parquet";

fn contract() -> Arc<Contract> {
    Arc::clone(&Contracts::built_in().unwrap().get("daily_bars").unwrap().contract)
}

/// A staged object of bars: symbol, day, close.
fn bars(rows: &[(&str, &str, u32)]) -> Bytes {
    let mut decoder = RowDecoder::new(contract());
    for (symbol, day, close) in rows {
        decoder
            .push(&format!(
                r#"{{"provider":"polygon","provider_symbol":"{symbol}","symbol":"{symbol}","asset_class":"equity","interval":"1d","trading_date":"{day}","bar_start":"{day}T00:00:00Z","exchange_tz":"America/New_York","close":{close},"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1,"fetched_at":"2013-03-02T02:00:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
            ))
            .unwrap();
    }
    staged::write(&contract(), &[decoder.take_batch().unwrap()]).unwrap()
}

async fn stage(lake: &dyn Lake, name: &str, rows: &[(&str, &str, u32)]) {
    let key = format!("staged/dataset=daily_bars/{name}.arrow");
    lake.put(&key, bars(rows), Precondition::None).await.unwrap();
}

struct World {
    folder: tempfile::TempDir,
    lake: Arc<MemoryLake>,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lake: Arc::new(MemoryLake::new()) }
    }

    fn catalog(&self) -> JsonCatalog {
        JsonCatalog::open(self.folder.path().join("catalog")).unwrap()
    }

    fn context(&self, lake: Arc<dyn Lake>, plan: &CallPlan) -> Context {
        let clock = Arc::new(FixedClock(build::instant()));
        let dead = FolderQueue::open(self.folder.path(), "publish-dlq", clock.clone()).unwrap();
        Context {
            lake: Arc::new(Faulty::new(lake, plan)),
            catalog: Arc::new(Faulty::new(Arc::new(self.catalog()), plan)),
            events: Arc::new(Faulty::new(
                Arc::new(LogEvents::new(self.folder.path().join("events"), clock)),
                plan,
            )),
            dead_letters: Arc::new(dead),
            hand_back: None,
            changes: None,
            contracts: Contracts::built_in().unwrap(),
            freshness: None,
            parallelism: 2,
        }
    }

    async fn rows(&self, key: &str) -> usize {
        parquet_file::read(&contract(), self.lake.get(key).await.unwrap().bytes).unwrap().num_rows()
    }
}

#[tokio::test]
async fn publishing_twice_is_publishing_once() {
    let world = World::new();
    let context = world.context(world.lake.clone(), &CallPlan::new());
    let rows = [("B", "2013-02-01", 2), ("A", "2013-02-01", 1), ("A", "2013-03-01", 3)];
    stage(world.lake.as_ref(), "one", &rows).await;
    let report = drain(&context, "daily_bars").await.unwrap();
    let counts: Vec<_> =
        report.partitions.iter().map(|p| (p.partition.as_str(), p.inserted, p.changed)).collect();
    assert_eq!(counts, [("month=2013-02", 2, true), ("month=2013-03", 1, true)]);
    assert!(world.lake.list("staged/").await.unwrap().is_empty());
    let visible: Vec<String> =
        world.catalog().partitions("daily_bars").await.unwrap().into_iter().map(|p| p.location).collect();
    assert_eq!(visible, ["bronze/daily_bars/month=2013-02/", "bronze/daily_bars/month=2013-03/"]);

    let before = world.lake.head(FEBRUARY).await.unwrap().unwrap().version;
    stage(world.lake.as_ref(), "again", &rows).await;
    let report = drain(&context, "daily_bars").await.unwrap();
    assert!(report.partitions.iter().all(|p| !p.changed && p.duplicates == p.rows_in));
    assert_eq!(
        world.lake.head(FEBRUARY).await.unwrap().unwrap().version,
        before,
        "an unchanged file is not rewritten"
    );
    assert!(drain(&context, "daily_bars").await.unwrap().partitions.is_empty());
    assert!(drain(&context, "nothing").await.is_err());
}

#[tokio::test]
async fn a_published_dataset_is_noted_whether_or_not_a_file_changed() {
    let world = World::new();
    let clock = Arc::new(FixedClock(build::instant()));
    let freshness = Freshness::new(world.lake.clone(), clock);
    let context =
        Context { freshness: Some(freshness.clone()), ..world.context(world.lake.clone(), &CallPlan::new()) };
    let event = |body: &str| -> SqsEvent {
        serde_json::from_value(
            serde_json::json!({"Records": [{"messageId": "m-1", "receiptHandle": "r-1", "body": body,
            "attributes": {"MessageGroupId": "daily_bars"}, "eventSource": "aws:sqs"}]}),
        )
        .unwrap()
    };
    stage(world.lake.as_ref(), "one", &[("A", "2013-02-01", 1)]).await;
    for _ in 0..2 {
        world.lake.delete("state/published/daily_bars.json").await.unwrap();
        let answer = handle(event(r#"{"dataset":"daily_bars"}"#), None, &context).await;
        assert!(answer.batch_item_failures.is_empty());
        assert_eq!(freshness.hours_since("daily_bars").await.unwrap(), Some(0));
    }
    handle(event(r#"{"dataset":"nonsense"}"#), None, &context).await;
    assert_eq!(freshness.hours_since("nonsense").await.unwrap(), None);
}

/// Just before the first put of a partition, somebody else publishes another row of it.
#[derive(Debug)]
struct Racing {
    lake: Arc<MemoryLake>,
    raced: AtomicBool,
}

#[async_trait]
impl Lake for Racing {
    async fn get(&self, key: &str) -> Result<Object> {
        self.lake.get(key).await
    }
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.lake.get_range(key, range).await
    }
    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.lake.get_unchecked(key).await
    }
    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        if key == FEBRUARY && !self.raced.swap(true, Ordering::SeqCst) {
            let world = World { folder: tempfile::tempdir().unwrap(), lake: Arc::clone(&self.lake) };
            let other = Arc::new(MemoryLake::new());
            stage(other.as_ref(), "other", &[("Z", "2013-02-05", 9)]).await;
            drain(&world.context(other.clone(), &CallPlan::new()), "daily_bars").await.unwrap();
            let theirs = other.get(FEBRUARY).await.unwrap().bytes;
            self.lake.put(FEBRUARY, theirs, Precondition::IfAbsent).await.unwrap();
        }
        self.lake.put(key, bytes, when).await
    }
    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.lake.head(key).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.lake.list(prefix).await
    }
    async fn delete(&self, key: &str) -> Result<()> {
        self.lake.delete(key).await
    }
    async fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        self.lake.missing(prefix).await
    }
}

#[tokio::test]
async fn a_race_for_a_partition_keeps_both_sides_rows() {
    let world = World::new();
    stage(world.lake.as_ref(), "ours", &[("A", "2013-02-01", 1)]).await;
    let racing = Arc::new(Racing { lake: world.lake.clone(), raced: AtomicBool::new(false) });
    drain(&world.context(racing, &CallPlan::new()), "daily_bars").await.unwrap();
    assert_eq!(world.rows(FEBRUARY).await, 2);
}

/// Another drain may publish and remove an object while this one is at work: what it has not read yet is in the table already.
#[tokio::test]
async fn an_object_that_is_gone_has_no_rows_left() {
    let world = World::new();
    // Too large to be held from the moment it is opened.
    let symbols: Vec<String> = (0..40_000).map(|number| format!("S{number}")).collect();
    let large: Vec<(&str, &str, u32)> =
        symbols.iter().zip(1..).map(|(symbol, close)| (symbol.as_str(), "2013-02-01", close)).collect();
    stage(world.lake.as_ref(), "large", &large).await;
    stage(world.lake.as_ref(), "small", &[("A", "2013-02-01", 1)]).await;
    let mut objects = staged::StagedObjects::new(contract());
    for meta in world.lake.list("staged/").await.unwrap() {
        assert_eq!(meta.size > 256 << 10, meta.key.contains("large"), "{meta:?}");
        objects.open(world.lake.as_ref(), &meta.key, meta.size).await.unwrap();
    }
    let (partition, _) = objects.partitions().remove(0);
    let both = objects.fetch(world.lake.as_ref(), &partition).await.unwrap();
    assert_eq!(objects.rows(&both).unwrap().rows(), 40_001);
    world.lake.delete("staged/dataset=daily_bars/large.arrow").await.unwrap();
    let rest = objects.fetch(world.lake.as_ref(), &partition).await.unwrap();
    assert_eq!(objects.rows(&rest).unwrap().rows(), 1);
    let none = staged::StagedObjects::new(contract());
    let nothing = none.fetch(world.lake.as_ref(), &partition).await.unwrap();
    let (contract, nothing) = (contract(), none.rows(&nothing).unwrap());
    let merged = merge(&contract, None, &nothing).unwrap();
    assert!(!merged.changed && merged.batch().unwrap().num_rows() == 0);
}

/// Rows of several objects, whose columns are packed each in its own way, are the same one by one and together.
#[tokio::test]
async fn some_staged_rows_are_those_of_all() {
    let world = World::new();
    stage(world.lake.as_ref(), "narrow", &[("B", "2013-02-01", 1), ("A", "2013-02-05", 2)]).await;
    stage(world.lake.as_ref(), "one", &[("C", "2013-02-01", 7)]).await;
    stage(world.lake.as_ref(), "wide", &[("A", "2013-02-01", 9), ("D", "2013-02-28", 4_000_000)]).await;
    let mut objects = staged::StagedObjects::new(contract());
    for meta in world.lake.list("staged/").await.unwrap() {
        objects.open(world.lake.as_ref(), &meta.key, meta.size).await.unwrap();
    }
    let (partition, _) = objects.partitions().remove(0);
    let blocks = objects.fetch(world.lake.as_ref(), &partition).await.unwrap();
    let rows = objects.rows(&blocks).unwrap();
    assert_eq!(rows.rows(), 5);
    for chosen in [&[0u32, 1, 2, 3, 4][..], &[1, 3], &[2], &[0, 4], &[]] {
        for index in 0..contract().columns.len() {
            let column = rows.read(index).unwrap();
            let wanted = take(&column, &UInt32Array::from(chosen.to_vec()), None).unwrap();
            assert_eq!(&rows.read_some(index, chosen).unwrap(), &wanted, "{index} {chosen:?}");
        }
    }
}

#[tokio::test]
async fn a_failing_port_is_an_error_and_the_next_drain_ends_the_same() {
    let rows = [("A", "2013-02-01", 1), ("B", "2013-03-01", 2)];
    let healthy = World::new();
    stage(healthy.lake.as_ref(), "one", &rows).await;
    let plan = CallPlan::new();
    drain(&healthy.context(healthy.lake.clone(), &plan), "daily_bars").await.unwrap();
    let expected = healthy.lake.get(FEBRUARY).await.unwrap().bytes;
    for call in 1..=plan.calls() {
        for moment in [Moment::Before, Moment::After] {
            let world = World::new();
            stage(world.lake.as_ref(), "one", &rows).await;
            let failing = CallPlan::fail_at(call, moment);
            let context = world.context(world.lake.clone(), &failing);
            drain(&context, "daily_bars").await.unwrap_err();
            drain(&context, "daily_bars").await.unwrap();
            assert_eq!(world.lake.get(FEBRUARY).await.unwrap().bytes, expected, "call {call} {moment:?}");
            assert!(world.lake.list("staged/").await.unwrap().is_empty());
            assert_eq!(world.catalog().partitions("daily_bars").await.unwrap().len(), 2);
        }
    }
}

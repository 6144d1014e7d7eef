//! A table whose rows may move, a model of it, and a lake that is watched while it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use async_trait::async_trait;
use bytes::Bytes;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::{
    Catalog, Event, Events, FixedClock, Lake, Object, ObjectMeta, Partition, Precondition, Version,
};
use quotelake_core::{ObjectKey, Result};
use quotelake_local::{FolderQueue, MemoryLake};
use quotelake_publish::Context;
use quotelake_table::{KeyList, PartitionKey, RowDecoder, key_hashes, parquet_file, staged};
use quotelake_testkit::{CallPlan, Faulty, build};

const CONTRACT: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: parcels
    customProperties:
      - {property: revisionColumn, value: revision}
    properties:
      - {name: id, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: shelf, logicalType: string, physicalType: string, required: true, partitioned: true}
      - {name: weight, logicalType: integer, physicalType: int}
      - {name: revision, logicalType: integer, physicalType: int, required: true}
"#;

/// Revision, shelf and weight, which compare as rows of a key do; the key is beside.
pub(crate) type Row = (i32, String, i32);

pub(crate) fn contracts() -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(CONTRACT, None).unwrap();
    contracts
}

pub(crate) fn contract() -> Arc<Contract> {
    Arc::clone(&contracts().get("parcels").unwrap().contract)
}

pub(crate) fn file(shelf: &str) -> String {
    format!("bronze/parcels/shelf={shelf}/part-0.parquet")
}

pub(crate) fn batch(rows: &[(String, Row)]) -> arrow::array::RecordBatch {
    let mut decoder = RowDecoder::new(contract());
    for (id, (revision, shelf, weight)) in rows {
        let line = format!(r#"{{"id":"{id}","shelf":"{shelf}","weight":{weight},"revision":{revision}}}"#);
        decoder.push(&line).unwrap();
    }
    decoder.take_batch().unwrap()
}

pub(crate) async fn stage(lake: &dyn Lake, name: &str, rows: &[(String, Row)]) {
    let bytes = staged::write(&contract(), &[batch(rows)]).unwrap();
    lake.put(&format!("staged/dataset=parcels/{name}.arrow"), bytes, Precondition::None).await.unwrap();
}

pub(crate) fn row(id: &str, revision: i32, shelf: &str, weight: i32) -> (String, Row) {
    (id.to_owned(), (revision, shelf.to_owned(), weight))
}

/// Every row of the table, as a reader of all files sees it.
pub(crate) async fn table(lake: &MemoryLake) -> Vec<(String, Row)> {
    let mut rows = Vec::new();
    for meta in lake.list("bronze/parcels/").await.unwrap() {
        let batch = parquet_file::read(&contract(), lake.get(&meta.key).await.unwrap().bytes).unwrap();
        let text = |name: &str| cast(&batch[name], &DataType::Utf8).unwrap();
        let (ids, shelves, weights, revisions) =
            (text("id"), text("shelf"), text("weight"), text("revision"));
        for at in 0..batch.num_rows() {
            let number =
                |column: &arrow::array::ArrayRef| column.as_string::<i32>().value(at).parse().unwrap();
            let shelf = shelves.as_string::<i32>().value(at).to_owned();
            let row = (number(&revisions), shelf.clone(), number(&weights));
            assert_eq!(meta.key, file(&shelf), "a row lies where it belongs");
            rows.push((ids.as_string::<i32>().value(at).to_owned(), row));
        }
    }
    rows.sort();
    rows
}

/// Every key of a file is on the list beside it.
pub(crate) async fn lists_name_every_key(lake: &MemoryLake) {
    for meta in lake.list("bronze/parcels/").await.unwrap() {
        let Ok(ObjectKey::Table { partition, .. }) = ObjectKey::parse(&meta.key) else { panic!("{meta:?}") };
        let key = PartitionKey::of_segments(&partition).unwrap().key_list("parcels").to_string();
        let list = KeyList::parse(&lake.get(&key).await.unwrap().bytes).unwrap();
        let rows = parquet_file::read(&contract(), lake.get(&meta.key).await.unwrap().bytes).unwrap();
        let mut hashes = key_hashes(&contract(), &rows).unwrap();
        hashes.sort_unstable();
        assert_eq!(list.places(&hashes, false).len(), hashes.len(), "{key}");
        assert_eq!(list.looked_at(), Some(meta.version.as_str()), "{key}");
        assert!(list.open().is_empty(), "{key}: nothing is left to be done");
    }
}

/// The best row of each key among all that were staged: what a table has to come to.
#[derive(Debug, Default)]
pub(crate) struct Model(BTreeMap<String, Row>);

impl Model {
    pub(crate) fn take(&mut self, rows: &[(String, Row)]) {
        for (id, row) in rows {
            let best = self.0.entry(id.clone()).or_insert_with(|| row.clone());
            *best = best.clone().max(row.clone());
        }
    }

    pub(crate) fn rows(&self) -> Vec<(String, Row)> {
        self.0.iter().map(|(id, row)| (id.clone(), row.clone())).collect()
    }
}

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A number below `sides`.
    pub(crate) fn roll(&self, sides: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// A lake whose calls give way to others at random, and which looks at the table after each of them: no key that was there is
/// ever away.
#[derive(Debug)]
pub(crate) struct Watched {
    lake: Arc<MemoryLake>,
    dice: Arc<Dice>,
    /// The keys that were there.
    seen: Mutex<BTreeSet<String>>,
    /// What readers missed.
    missed: Mutex<Vec<String>>,
}

impl Watched {
    pub(crate) fn new(lake: &Arc<MemoryLake>, dice: &Arc<Dice>) -> Arc<Self> {
        let (seen, missed) = (Mutex::default(), Mutex::default());
        Arc::new(Self { lake: Arc::clone(lake), dice: Arc::clone(dice), seen, missed })
    }

    /// When a key was away, and which; nothing, if all is well.
    pub(crate) fn missed(&self) -> Vec<String> {
        self.missed.lock().unwrap().clone()
    }
    async fn give_way(&self) {
        for _ in 0..self.dice.roll(6) {
            tokio::task::yield_now().await;
        }
    }

    async fn look(&self, key: &str) {
        if key.starts_with("bronze/") {
            let there: BTreeSet<String> = table(&self.lake).await.into_iter().map(|(id, _)| id).collect();
            let mut seen = self.seen.lock().unwrap();
            let away: Vec<&String> = seen.difference(&there).collect();
            if !away.is_empty() {
                self.missed.lock().unwrap().push(format!("after writing {key} nobody sees {away:?}"));
            }
            seen.extend(there);
        }
    }
}

#[async_trait]
impl Lake for Watched {
    async fn get(&self, key: &str) -> Result<Object> {
        self.give_way().await;
        self.lake.get(key).await
    }
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.give_way().await;
        self.lake.get_range(key, range).await
    }
    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.give_way().await;
        self.lake.get_unchecked(key).await
    }
    async fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        self.give_way().await;
        self.lake.missing(prefix).await
    }
    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        self.give_way().await;
        let done = self.lake.put(key, bytes, when).await;
        self.look(key).await;
        done
    }
    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.give_way().await;
        self.lake.head(key).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.give_way().await;
        self.lake.list(prefix).await
    }
    async fn delete(&self, key: &str) -> Result<()> {
        self.give_way().await;
        self.lake.delete(key).await
    }
}

/// A catalog and a bus in memory, which only have to be called.
#[derive(Debug)]
struct Heard;

#[async_trait]
impl Catalog for Heard {
    async fn ensure_partitions(&self, partitions: &[Partition]) -> Result<()> {
        assert!(partitions.iter().all(|partition| partition.location.starts_with("bronze/parcels/shelf=")));
        Ok(())
    }
    async fn forget_partitions(&self, _: &[Partition]) -> Result<()> {
        Ok(())
    }
    async fn partitions(&self, _: &str) -> Result<Vec<Partition>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Events for Heard {
    async fn publish(&self, _: Event) -> Result<()> {
        Ok(())
    }
    async fn notify(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn context(folder: &Path, lake: Arc<dyn Lake>, plan: &CallPlan) -> Context {
    let clock = Arc::new(FixedClock(build::instant()));
    Context {
        lake: Arc::new(Faulty::new(lake, plan)),
        catalog: Arc::new(Faulty::new(Arc::new(Heard), plan)),
        events: Arc::new(Faulty::new(Arc::new(Heard), plan)),
        dead_letters: Arc::new(FolderQueue::open(folder, "publish-dlq", clock).unwrap()),
        hand_back: None,
        changes: None,
        contracts: contracts(),
        freshness: None,
        parallelism: 2,
    }
}

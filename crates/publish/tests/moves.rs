//! Rows whose partition changes: each key is in the table once, in its best version, wherever drains stop and however many of them
//! there are; and in between it is never away.

use crate::moving;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::moving::{
    Dice, Model, Row, Watched, batch, context, contract, file, lists_name_every_key, row, stage, table,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use quotelake_core::ports::{Lake, Object, ObjectMeta, Precondition, Version};
use quotelake_core::{Error, Result};
use quotelake_local::MemoryLake;
use quotelake_publish::drain;
use quotelake_table::parquet_file;
use quotelake_testkit::{CallPlan, Moment};

async fn healthy(lake: &Arc<MemoryLake>) -> quotelake_publish::PublishReport {
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), Arc::clone(lake) as Arc<dyn Lake>, &CallPlan::new());
    drain(&context, "parcels").await.unwrap()
}

async fn everything(lake: &MemoryLake) -> Vec<(String, Bytes)> {
    let mut all = Vec::new();
    // Each drain has a row of its own in `runs`.
    for meta in lake.list("").await.unwrap().into_iter().filter(|meta| !meta.key.starts_with("runs/")) {
        all.push((meta.key.clone(), lake.get(&meta.key).await.unwrap().bytes));
    }
    all
}

#[test]
fn only_contracts_whose_partition_does_not_follow_from_the_key_pay_for_it() {
    let contracts = moving::contracts();
    let moving: Vec<&str> = contracts
        .all()
        .unwrap()
        .into_iter()
        .filter(|d| d.contract.rows_move())
        .map(|d| d.contract.name.as_str())
        .collect();
    assert_eq!(moving, ["parcels"], "of the shipped tables none does");
}

#[tokio::test]
async fn a_row_that_is_corrected_leaves_the_partition_in_which_it_was() {
    let lake = Arc::new(MemoryLake::new());
    stage(lake.as_ref(), "1", &[row("P-1", 1, "north", 5), row("P-2", 1, "north", 7)]).await;
    healthy(&lake).await;
    stage(lake.as_ref(), "2", &[row("P-1", 2, "south", 5)]).await;
    let report = healthy(&lake).await;
    let counts: Vec<_> = report
        .partitions
        .iter()
        .map(|p| (p.partition.as_str(), p.rows, p.rows_in, p.inserted, p.moved_away, p.changed))
        .collect();
    assert_eq!(counts, [("shelf=north", 1, 0, 0, 1, true), ("shelf=south", 1, 1, 1, 0, true)]);
    let expected = [row("P-1", 2, "south", 5), row("P-2", 1, "north", 7)];
    assert_eq!(table(&lake).await, expected);
    lists_name_every_key(&lake).await;

    // The older version once more, also under another weight: nothing is written at all.
    let before = everything(&lake).await;
    stage(lake.as_ref(), "3", &[row("P-1", 1, "north", 5), row("P-1", 1, "east", 9)]).await;
    let report = healthy(&lake).await;
    assert!(report.partitions.iter().all(|p| !p.changed && p.duplicates == 1 && p.inserted == 0));
    assert_eq!(table(&lake).await, expected);
    let bronze = |all: Vec<(String, Bytes)>| -> Vec<(String, Bytes)> {
        all.into_iter().filter(|(key, _)| key.starts_with("bronze/")).collect()
    };
    assert_eq!(bronze(everything(&lake).await), bronze(before));

    // Back again, and with both versions in one drain.
    stage(
        lake.as_ref(),
        "4",
        &[row("P-1", 3, "north", 5), row("P-2", 2, "south", 1), row("P-2", 3, "west", 2)],
    )
    .await;
    let report = healthy(&lake).await;
    let west = report.partitions.last().unwrap();
    assert_eq!((west.partition.as_str(), west.inserted, west.revised), ("shelf=west", 1, 0));
    assert_eq!(table(&lake).await, [row("P-1", 3, "north", 5), row("P-2", 3, "west", 2)]);
    let again = everything(&lake).await;
    assert!(healthy(&lake).await.partitions.is_empty());
    assert_eq!(everything(&lake).await, again, "nothing is left to be done");
}

#[tokio::test]
async fn a_crash_between_any_two_calls_heals_by_the_next_drain() {
    let moved = [row("P-1", 2, "south", 5), row("P-3", 1, "south", 1), row("P-2", 2, "west", 7)];
    let start = async || {
        let lake = Arc::new(MemoryLake::new());
        stage(lake.as_ref(), "1", &[row("P-1", 1, "north", 5), row("P-2", 1, "south", 7)]).await;
        healthy(&lake).await;
        stage(lake.as_ref(), "2", &moved).await;
        lake
    };
    let (lake, folder, plan) = (start().await, tempfile::tempdir().unwrap(), CallPlan::new());
    drain(&context(folder.path(), lake.clone(), &plan), "parcels").await.unwrap();
    let expected = table(&lake).await;
    assert_eq!(expected, [row("P-1", 2, "south", 5), row("P-2", 2, "west", 7), row("P-3", 1, "south", 1)]);
    let tables = async |lake: &MemoryLake| -> Vec<(String, Bytes)> {
        everything(lake).await.into_iter().filter(|(key, _)| key.starts_with("bronze/")).collect()
    };
    let bytes = tables(&lake).await;
    assert!(plan.calls() > 30, "only {} calls", plan.calls());
    for call in 1..=plan.calls() {
        for moment in [Moment::Before, Moment::After] {
            let (lake, folder) = (start().await, tempfile::tempdir().unwrap());
            let watched = Watched::new(&lake, &Arc::new(Dice::new(0)));
            let plan = CallPlan::crash_at(call, moment);
            let _ = drain(&context(folder.path(), watched.clone(), &plan), "parcels").await;
            drain(&context(folder.path(), watched.clone(), &CallPlan::new()), "parcels").await.unwrap();
            let what = plan.log().get(call - 1).cloned();
            assert_eq!(tables(&lake).await, bytes, "{moment:?} {what:?}");
            assert_eq!(watched.missed(), [""; 0]);
            lists_name_every_key(&lake).await;
            assert!(lake.list("staged/").await.unwrap().is_empty());
        }
    }
}

/// Rows of a few keys on a few shelves.
fn some_rows(dice: &Dice) -> Vec<(String, Row)> {
    let shelves = ["north", "south", "west"];
    (0..=dice.roll(4))
        .map(|_| {
            let shelf = shelves[dice.roll(3) as usize];
            row(&format!("P-{}", dice.roll(4)), dice.roll(6) as i32, shelf, dice.roll(2) as i32)
        })
        .collect()
}

/// Random revisions over partitions, published by one drain or several at a time, each of which may die at any call, or meet
/// failing ports; the staged object may be there again.
async fn simulate(seed: u64) {
    let (lake, dice) = (Arc::new(MemoryLake::new()), Arc::new(Dice::new(seed)));
    let watched = Watched::new(&lake, &dice);
    let folder = tempfile::tempdir().unwrap();
    let (mut model, mut old) = (Model::default(), Vec::new());
    for step in 0..6 {
        let mut rows = some_rows(&dice);
        if dice.roll(4) == 0 && !old.is_empty() {
            rows = old.clone();
        }
        model.take(&rows);
        stage(watched.as_ref(), &format!("{step}"), &rows).await;
        old = rows;
        let mut drains = Vec::new();
        for number in 0..=dice.roll(3) {
            let plan = match dice.roll(3) {
                0 => CallPlan::new(),
                1 => CallPlan::crash_at(
                    1 + dice.roll(40) as usize,
                    [Moment::Before, Moment::After][dice.roll(2) as usize],
                ),
                _ => CallPlan::random(seed + number, 0.03),
            };
            let context = context(folder.path(), watched.clone(), &plan);
            drains.push(tokio::spawn(async move {
                // Some begin later, when others are half through.
                let _ = drain(&context, "parcels").await;
            }));
            if dice.roll(2) == 0 {
                let rows = some_rows(&dice);
                model.take(&rows);
                stage(watched.as_ref(), &format!("{step}-{number}"), &rows).await;
            }
        }
        for drain in drains {
            drain.await.unwrap_or_else(|e| panic!("seed {seed}, step {step}: {e}"));
        }
    }
    assert_eq!(watched.missed(), [""; 0], "seed {seed}");
    healthy(&lake).await;
    assert_eq!(table(&lake).await, model.rows(), "seed {seed}");
    lists_name_every_key(&lake).await;
    let before = everything(&lake).await;
    healthy(&lake).await;
    assert_eq!(everything(&lake).await, before, "seed {seed}: nothing is left to be done");
}

#[tokio::test]
async fn any_sequence_of_revisions_drains_and_crashes_comes_to_the_best_row_of_each_key() {
    for seed in 0..40 {
        simulate(seed).await;
    }
}

type Happening = Box<dyn Fn(Arc<MemoryLake>) -> BoxFuture<'static, ()> + Send + Sync>;

/// Just before a file is written for the first time, something else happens; then it is written, and the process may die.
struct Interrupted {
    lake: Arc<MemoryLake>,
    before: String,
    happened: AtomicBool,
    dies: bool,
    dead: AtomicBool,
    what: Happening,
}

impl Interrupted {
    fn new<F: Future<Output = ()> + Send + 'static>(
        lake: &Arc<MemoryLake>,
        before: String,
        dies: bool,
        what: impl Fn(Arc<MemoryLake>) -> F + Send + Sync + 'static,
    ) -> Arc<Self> {
        let what: Happening = Box::new(move |lake| Box::pin(what(lake)));
        let (happened, dead) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { lake: lake.clone(), before, happened, dies, dead, what })
    }

    fn alive(&self) -> Result<()> {
        if self.dead.load(Ordering::SeqCst) { Err(Error::unavailable("dead")) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupted").field("before", &self.before).finish_non_exhaustive()
    }
}

#[async_trait]
impl Lake for Interrupted {
    async fn get(&self, key: &str) -> Result<Object> {
        self.alive()?;
        self.lake.get(key).await
    }
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.alive()?;
        self.lake.get_range(key, range).await
    }
    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.alive()?;
        self.lake.get_unchecked(key).await
    }
    async fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        self.alive()?;
        self.lake.missing(prefix).await
    }
    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        self.alive()?;
        if key == self.before && !self.happened.swap(true, Ordering::SeqCst) {
            (self.what)(self.lake.clone()).await;
            let done = self.lake.put(key, bytes, when).await;
            self.dead.store(self.dies, Ordering::SeqCst);
            self.alive()?;
            return done;
        }
        self.lake.put(key, bytes, when).await
    }
    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.alive()?;
        self.lake.head(key).await
    }
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.alive()?;
        self.lake.list(prefix).await
    }
    async fn delete(&self, key: &str) -> Result<()> {
        self.alive()?;
        self.lake.delete(key).await
    }
}

/// A drain that is about to write a row is overtaken: others publish that row, a newer one elsewhere, use up the staged objects and
/// forget the old row; the file is as if nothing had been. Then the late one writes the old row after all, and dies at that. Nothing
/// is staged any more, and still the next drain finds what it left.
#[tokio::test]
async fn a_row_that_is_written_late_by_a_drain_that_dies_is_found() {
    for (in_one_go, dies) in [(true, false), (true, true), (false, false), (false, true)] {
        let lake = Arc::new(MemoryLake::new());
        stage(lake.as_ref(), "1", &[row("P-1", 1, "north", 5)]).await;
        healthy(&lake).await;
        stage(lake.as_ref(), "2", &[row("P-1", 2, "south", 5)]).await;
        let late = Interrupted::new(&lake, file("south"), dies, move |lake| async move {
            if !in_one_go {
                healthy(&lake).await;
                assert_eq!(table(&lake).await, [row("P-1", 2, "south", 5)]);
            }
            stage(lake.as_ref(), "3", &[row("P-1", 3, "west", 5)]).await;
            healthy(&lake).await;
            assert_eq!(table(&lake).await, [row("P-1", 3, "west", 5)]);
            assert!(lake.list("staged/").await.unwrap().is_empty());
            // An empty file or none: the late one finds what it read.
            lake.delete(&file("south")).await.unwrap();
        });
        let folder = tempfile::tempdir().unwrap();
        let done = drain(&context(folder.path(), late, &CallPlan::new()), "parcels").await;
        assert_eq!(done.is_err(), dies);
        let rest = [row("P-1", 3, "west", 5)];
        if dies {
            assert_eq!(table(&lake).await, [row("P-1", 2, "south", 5), rest[0].clone()], "it did write");
            assert!(healthy(&lake).await.partitions.iter().any(|p| p.moved_away == 1));
        }
        assert_eq!(table(&lake).await, rest);
        lists_name_every_key(&lake).await;
    }
}

/// A lake of an earlier version has no lists, and may have rows twice.
#[tokio::test]
async fn a_table_without_lists_gets_them_and_loses_what_it_has_twice() {
    let lake = Arc::new(MemoryLake::new());
    let rows = |rows: &[(String, Row)]| parquet_file::write(&contract(), &batch(rows)).unwrap();
    let north = [row("P-1", 1, "north", 5), row("P-2", 1, "north", 7), row("P-4", 9, "north", 1)];
    let south = [row("P-1", 2, "south", 5), row("P-4", 8, "south", 1)];
    lake.put(&file("north"), rows(&north), Precondition::IfAbsent).await.unwrap();
    lake.put(&file("south"), rows(&south), Precondition::IfAbsent).await.unwrap();
    stage(lake.as_ref(), "1", &[row("P-2", 2, "west", 7)]).await;
    healthy(&lake).await;
    let expected = [row("P-1", 2, "south", 5), row("P-2", 2, "west", 7), row("P-4", 9, "north", 1)];
    assert_eq!(table(&lake).await, expected);
    lists_name_every_key(&lake).await;

    // A list that is lost or damaged is made again.
    let lists: Vec<String> =
        lake.list("state/keys/").await.unwrap().into_iter().map(|meta| meta.key).collect();
    let names =
        ["north", "south", "west"].map(|shelf| format!("state/keys/parcels/shelf={shelf}/part-0.keys"));
    assert_eq!(lists, names);
    lake.delete(&lists[0]).await.unwrap();
    lake.put(&lists[1], Bytes::from_static(b"QLKEYS1\nnonsense"), Precondition::None).await.unwrap();
    stage(lake.as_ref(), "2", &[row("P-1", 3, "north", 5)]).await;
    healthy(&lake).await;
    let expected = [row("P-1", 3, "north", 5), row("P-2", 2, "west", 7), row("P-4", 9, "north", 1)];
    assert_eq!(table(&lake).await, expected);
    lists_name_every_key(&lake).await;
}

/// Who writes to a table without a word to its lists, an older program or a person who restores a file, makes them no less true.
#[tokio::test]
async fn a_file_that_others_have_written_is_looked_at() {
    let lake = Arc::new(MemoryLake::new());
    stage(lake.as_ref(), "1", &[row("P-1", 1, "north", 5), row("P-2", 1, "south", 5)]).await;
    healthy(&lake).await;
    let foreign = [row("P-2", 3, "north", 1), row("P-3", 1, "north", 1)];
    let bytes = parquet_file::write(&contract(), &batch(&foreign)).unwrap();
    lake.put(&file("north"), bytes, Precondition::None).await.unwrap();
    stage(lake.as_ref(), "2", &[row("P-3", 2, "south", 1)]).await;
    healthy(&lake).await;
    assert_eq!(table(&lake).await, [row("P-2", 3, "north", 1), row("P-3", 2, "south", 1)]);
    lists_name_every_key(&lake).await;
}

/// A file that cannot be read has no list, and nothing is added to it; the other partitions are published.
#[tokio::test]
async fn a_damaged_file_holds_up_its_own_partition_only() {
    let lake = Arc::new(MemoryLake::new());
    let whole = parquet_file::write(&contract(), &batch(&[row("P-1", 1, "north", 5)])).unwrap();
    lake.put(&file("north"), whole.slice(0..whole.len() / 2), Precondition::None).await.unwrap();
    stage(lake.as_ref(), "1", &[row("P-1", 2, "south", 5)]).await;
    healthy(&lake).await;
    stage(lake.as_ref(), "2", &[row("P-3", 2, "north", 5)]).await;
    let folder = tempfile::tempdir().unwrap();
    let context = context(folder.path(), lake.clone(), &CallPlan::new());
    let error = drain(&context, "parcels").await.unwrap_err().to_string();
    assert!(error.contains("the file of shelf=north cannot be read"), "{error}");
    // Restored, it is looked at.
    lake.put(&file("north"), whole, Precondition::None).await.unwrap();
    healthy(&lake).await;
    assert_eq!(table(&lake).await, [row("P-1", 2, "south", 5), row("P-3", 2, "north", 5)]);
    lists_name_every_key(&lake).await;
}

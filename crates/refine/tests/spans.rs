//! What is too much for one pass is computed in several, and comes to the same.
#![cfg(feature = "sql")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::support::{World, silver, totals};
use async_trait::async_trait;
use chrono::{Days, NaiveDate};
use futures::stream::BoxStream;
use proptest::prelude::*;
use quotelake_contract::{ContractText, Contracts};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Error, ErrorKind, Result, Zone};
use quotelake_local::MemoryLake;
use quotelake_refine::Context;
use quotelake_refine::dates::{self, Dates};
use quotelake_refine::engine::{Computed, Engine};
use quotelake_refine::model::Model;
use quotelake_refine::models::Models;
use quotelake_refine::native;
use quotelake_refine::plan::{Changes, Reach, reach, spans};
use quotelake_refine::preview::preview;
use quotelake_refine::run::refine;
use quotelake_refine::sql::DataFusion;
use quotelake_refine::stale::stale;
use quotelake_refine::tables::Tables;
use quotelake_table::{PartitionKey, RowDecoder, parquet_file};
use quotelake_testkit::{CallPlan, Moment};

/// The engine, with limits.
#[derive(Debug)]
struct Limited {
    /// Bytes of input in one pass.
    most: u64,
    /// Passes at a time.
    at_once: usize,
    /// Passes that its memory is enough for.
    enough_for: usize,
    at_work: AtomicUsize,
    /// Rows of the input that come while the first pass begins.
    late: Mutex<BTreeMap<NaiveDate, i64>>,
}

impl Limited {
    const fn new(most: u64, at_once: usize) -> Self {
        Self {
            most,
            at_once,
            enough_for: usize::MAX,
            at_work: AtomicUsize::new(0),
            late: Mutex::new(BTreeMap::new()),
        }
    }

    fn kept(self) -> &'static dyn Engine {
        Box::leak(Box::new(self))
    }
}

#[async_trait]
impl Engine for Limited {
    fn version(&self) -> String {
        DataFusion::large().version()
    }

    fn most_input_bytes(&self) -> u64 {
        self.most
    }

    fn passes_at_once(&self) -> usize {
        self.at_once
    }

    async fn compute<'a>(
        &self,
        model: &Model,
        tables: Tables<'a>,
        dates: Dates,
    ) -> Result<BoxStream<'a, Result<Computed>>> {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        publish(tables.lake, tables.contracts, &late).await;
        self.at_work.fetch_add(1, Ordering::SeqCst);
        // The others begin.
        tokio::task::yield_now().await;
        let computed = match self.at_work.load(Ordering::SeqCst) <= self.enough_for {
            true => DataFusion::large().compute(model, tables, dates).await,
            false => Err(Error::new(ErrorKind::Unsupported, "it needs more memory than there is")),
        };
        tokio::task::yield_now().await;
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        computed
    }
}

/// Counts, parted by month, and what the last 40 days of them come to, in partitions of this format.
fn contracts(format: &str, refine: &str) -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(&totals("counts", "", "part", "%Y-%m"), None).unwrap();
    let yaml = totals("rolling", refine, "part", format);
    let sql = "select day, sum(total) over (order by day range between interval '40' day preceding and current row) as total from counts";
    contracts.add_model(ContractText::read(&yaml).unwrap(), Some(sql), None).unwrap();
    contracts
}

fn context(world: &World, contracts: &Contracts, engine: &'static dyn Engine) -> Context {
    let context = world.context(&CallPlan::new());
    Context { contracts: contracts.clone(), natives: native::named, engine, ..context }
}

/// Publishes the counts of these days, and gives the bytes of each month's file.
async fn publish(
    lake: &dyn Lake,
    contracts: &Contracts,
    counts: &BTreeMap<NaiveDate, i64>,
) -> BTreeMap<String, u64> {
    let contract = &contracts.get("counts").unwrap().contract;
    let mut months: BTreeMap<String, RowDecoder> = BTreeMap::new();
    for (day, total) in counts {
        let month = months
            .entry(day.format("%Y-%m").to_string())
            .or_insert_with(|| RowDecoder::new(Arc::clone(contract)));
        month.push(&format!(r#"{{"day":"{day}","total":{total}}}"#)).unwrap();
    }
    let mut sizes = BTreeMap::new();
    for (month, mut rows) in months {
        let bytes = parquet_file::write(contract, &rows.take_batch().unwrap()).unwrap();
        sizes.insert(month.clone(), bytes.len() as u64);
        let key = format!("part={month}").parse::<PartitionKey>().unwrap().object_key(Zone::Bronze, "counts");
        lake.put(&key.to_string(), bytes, Precondition::None).await.unwrap();
    }
    sizes
}

/// Everything, computed by an engine: the tables, and how many passes it took.
async fn computed(
    counts: &BTreeMap<NaiveDate, i64>,
    contracts: &Contracts,
    engine: &'static dyn Engine,
) -> (BTreeMap<String, bytes::Bytes>, usize) {
    let world = World::new(Arc::new(MemoryLake::new()));
    publish(world.lake.as_ref(), contracts, counts).await;
    let context = context(&world, contracts, engine);
    let models = Models::new(&context.contracts).unwrap();
    let model = models.get("rolling").unwrap();
    let report = refine(context.ports(), model, &Reach::Everything).await.unwrap();
    assert_eq!(stale(model, context.ports().tables(), engine).await.unwrap(), None);
    (silver(world.lake.as_ref()).await, report.checks.len())
}

fn first() -> NaiveDate {
    NaiveDate::from_ymd_opt(2019, 11, 20).unwrap()
}

fn on_days(days: &[(u64, i64)]) -> BTreeMap<NaiveDate, i64> {
    days.iter().map(|(day, total)| (first() + Days::new(*day), *total)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However little the engine takes in a pass, however many are at work, and however the table is parted: the files are those of one pass.
    #[test]
    fn passes_come_to_what_one_pass_comes_to(
        days in proptest::collection::vec((0_u64..500, -1000_i64..1000), 1..120),
        most in 0_u64..12_000,
        at_once in 1_usize..4,
        format in prop_oneof![Just("%Y"), Just("%Y-%m"), Just("%Y-%m-%d")],
    ) {
        let contracts = contracts(format, "{lookback: {counts: {days: 40}}}");
        let counts = on_days(&days);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (in_one, passes) = runtime.block_on(computed(&counts, &contracts, DataFusion::large()));
        prop_assert_eq!(passes, 1);
        let (in_several, passes) = runtime.block_on(computed(&counts, &contracts, Limited::new(most, at_once).kept()));
        prop_assert_eq!(in_one.len(), in_several.len());
        for (key, bytes) in in_one {
            prop_assert!(in_several[&key] == bytes, "{} of {} passes", key, passes);
        }
    }

    /// Spans follow one another, reach over every date, and none has more than it may, unless it is one partition, or one that is read for all of it.
    #[test]
    fn spans_have_what_one_pass_may_read(days in proptest::collection::vec((0_u64..900, 0_i64..9), 1..80), most in 0_u64..20_000) {
        let contracts = contracts("%Y-%m", "{lookback: {counts: {days: 40}}}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = World::new(Arc::new(MemoryLake::new()));
        let sizes = runtime.block_on(publish(world.lake.as_ref(), &contracts, &on_days(&days)));
        let models = Models::new(&contracts).unwrap();
        let tables = Tables::new(world.lake.as_ref(), &contracts);
        let found = runtime.block_on(spans(models.get("rolling").unwrap(), &Reach::Everything, tables, most)).unwrap();
        prop_assert_eq!((found[0].dates.from, found[found.len() - 1].dates.to), (Dates::ALL.from, Dates::ALL.to));
        for pair in found.windows(2) {
            prop_assert_eq!(pair[0].dates.to.succ_opt().unwrap(), pair[1].dates.from);
        }
        let counts = &contracts.get("counts").unwrap().contract;
        let of_month = |month: &String| dates::of_partition(counts, &format!("part={month}").parse().unwrap()).unwrap();
        let mut bytes = Vec::new();
        for span in &found {
            let inside: Vec<u64> = sizes.iter().filter(|(month, _)| of_month(month).overlaps(&span.dates)).map(|(_, size)| *size).collect();
            prop_assert!(inside.iter().sum::<u64>() <= most || inside.len() == 1, "{}: {:?}", span.dates, inside);
            bytes.push(inside.iter().sum::<u64>());
        }
        // No more passes than it takes: what two neighbours have is too much for one.
        prop_assert!(bytes.windows(2).all(|pair| pair[0] == 0 || pair[0] + pair[1] > most), "{:?} of {}", bytes, most);
        prop_assert_eq!(bytes.iter().sum::<u64>(), sizes.values().sum::<u64>());
    }
}

#[tokio::test]
async fn passes_that_have_too_little_memory_beside_others_are_computed_alone() {
    let contracts = contracts("%Y-%m", "{lookback: {counts: {days: 40}}}");
    let counts = on_days(&(0..200).map(|day| (day, day as i64)).collect::<Vec<_>>());
    let (in_one, _) = computed(&counts, &contracts, DataFusion::large()).await;
    let narrow = |enough_for| Limited { enough_for, ..Limited::new(1, 3) }.kept();
    let (in_turn, passes) = computed(&counts, &contracts, narrow(1)).await;
    assert!(in_turn == in_one && passes > 3, "{passes} passes");
    // One that has not enough by itself fails, and says so.
    let world = World::new(Arc::new(MemoryLake::new()));
    publish(world.lake.as_ref(), &contracts, &counts).await;
    let context = context(&world, &contracts, narrow(0));
    let models = Models::new(&context.contracts).unwrap();
    let error =
        refine(context.ports(), models.get("rolling").unwrap(), &Reach::Everything).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("more memory"), "{error}");
}

#[tokio::test]
async fn a_crash_while_two_passes_are_at_work_leaves_what_the_next_run_completes() {
    let contracts = contracts("%Y-%m", "{lookback: {counts: {days: 40}}}");
    let counts = on_days(&(0..90).map(|day| (day, day as i64)).collect::<Vec<_>>());
    let (expected, _) = computed(&counts, &contracts, DataFusion::large()).await;
    let engine = Limited::new(1, 2).kept();
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            let world = World::new(Arc::new(MemoryLake::new()));
            publish(world.lake.as_ref(), &contracts, &counts).await;
            let plan = CallPlan::crash_at(call, moment);
            let context = Context {
                contracts: contracts.clone(),
                natives: native::named,
                engine,
                ..world.context(&plan)
            };
            let models = Models::new(&context.contracts).unwrap();
            let model = models.get("rolling").unwrap();
            let _ = refine(context.ports(), model, &Reach::Everything).await;
            let crashed = plan.calls() >= call;
            plan.restart();
            refine(context.ports(), model, &Reach::Everything).await.unwrap();
            assert!(silver(world.lake.as_ref()).await == expected, "{moment:?} call {call}");
            assert_eq!(stale(model, context.ports().tables(), engine).await.unwrap(), None);
            // Every partition was told of.
            let told = world.changes.bodies().join("\n");
            for key in expected.keys() {
                let partition = key.split('/').nth(2).unwrap();
                assert!(told.contains(partition), "{moment:?} call {call}: {partition} in {told}");
            }
            if !crashed {
                assert!(call > 60, "there is more to fail than {call} calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_partition_that_comes_after_the_inputs_were_listed_is_computed_too() {
    let contracts = contracts("%Y-%m", "{lookback: {counts: {days: 40}}}");
    let mut counts = on_days(&(0..60).map(|day| (day, 1)).collect::<Vec<_>>());
    let march: BTreeMap<NaiveDate, i64> = on_days(&[(102, 7), (103, 8)]);
    let engine = Limited { late: Mutex::new(march.clone()), ..Limited::new(u64::MAX, 1) };
    let (here, _) = computed(&counts, &contracts, engine.kept()).await;
    counts.extend(march);
    assert!(here == computed(&counts, &contracts, DataFusion::large()).await.0);
    assert!(here.keys().any(|key| key.contains("part=2020-03")), "{:?}", here.keys());
}

#[tokio::test]
async fn a_span_of_dates_is_cut_too_and_the_preview_says_so() {
    let contracts = contracts("%Y-%m", "{lookback: {counts: {days: 40}}}");
    let world = World::new(Arc::new(MemoryLake::new()));
    let counts: Vec<(u64, i64)> = (0..100).map(|day| (day, 1)).collect();
    publish(world.lake.as_ref(), &contracts, &on_days(&counts)).await;
    let engine = Limited::new(1, 2).kept();
    let context = context(&world, &contracts, engine);
    let models = Models::new(&context.contracts).unwrap();
    let (model, tables) = (models.get("rolling").unwrap(), context.ports().tables());
    let from = Dates {
        from: NaiveDate::from_ymd_opt(2019, 12, 24).unwrap(),
        to: NaiveDate::from_ymd_opt(2020, 1, 2).unwrap(),
    };
    let would = preview(model, &Reach::Dates(vec![from]), tables, engine).await.unwrap();
    assert_eq!(would.dates, ["2019-12-01..2019-12-31", "2020-01-01..2020-01-31"]);
    let would = preview(model, &Reach::Everything, tables, engine).await.unwrap();
    assert_eq!((would.dates.first().unwrap().as_str(), would.dates.len()), ("..2019-11-30", 4));
    assert_eq!(would.dates.last().unwrap(), "2020-02-01..", "with the days behind that look back on it");
}

#[tokio::test]
async fn what_does_not_follow_from_its_dates_is_computed_in_one_pass() {
    let mut counts = on_days(&(0..100).map(|day| (day, day as i64)).collect::<Vec<_>>());
    let (engine, whole) = (Limited::new(1, 2).kept(), "{materialization: full}");
    assert_eq!(computed(&counts, &contracts("%Y-%m", whole), engine).await.1, 1);
    // A row may have no date.
    let mut undated = Contracts::built_in().unwrap();
    undated.add(&totals("counts", "", "part", "%Y-%m"), None).unwrap();
    let mut yaml = totals("rolling", "{lookback: {counts: {days: 40}}}", "part", "%Y-%m");
    for (before, after) in [
        ("customProperties:\n", "customProperties:\n      - {property: nullPartition, value: __none__}\n"),
        ("physicalType: bigint, required: true", "physicalType: bigint, required: true, primaryKey: true"),
        (
            "physicalType: date, required: true, primaryKey: true",
            "physicalType: date, customProperties: [{property: determinedBy, value: [total]}]",
        ),
        ("physicalType: string, required: true", "physicalType: string"),
    ] {
        assert!(yaml.contains(before), "{before}");
        yaml = yaml.replacen(before, after, 1);
    }
    let sql = "select case when total % 7 <> 0 then day end as day, total from counts";
    undated.add_model(ContractText::read(&yaml).unwrap(), Some(sql), None).unwrap();
    let (before, passes) = computed(&counts, &undated, engine).await;
    assert_eq!(passes, 1);
    // So a change of one month may be one of all rows without a date.
    let world = World::new(Arc::new(MemoryLake::new()));
    publish(world.lake.as_ref(), &undated, &counts).await;
    let context = context(&world, &undated, engine);
    let models = Models::new(&context.contracts).unwrap();
    let model = models.get("rolling").unwrap();
    refine(context.ports(), model, &Reach::Everything).await.unwrap();
    assert!(silver(world.lake.as_ref()).await == before);
    counts.insert(first() + Days::new(50), 700);
    publish(world.lake.as_ref(), &undated, &counts).await;
    let mut changes = Changes::default();
    changes.add("counts", "part=2020-01".parse().unwrap());
    let reached = reach(model, &changes, context.ports().tables()).unwrap();
    refine(context.ports(), model, &reached).await.unwrap();
    assert!(silver(world.lake.as_ref()).await == computed(&counts, &undated, engine).await.0);
}

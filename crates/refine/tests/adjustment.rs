//! Events, factors and statistics follow new days, restated bars and late dividends: the tables of a full computation, from what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{World, copy, date, event, message, silver};
use chrono::{Datelike as _, Days, NaiveDate};
use proptest::prelude::*;
use quotelake_contract::Contracts;
use quotelake_core::Zone;
use quotelake_core::ports::{Lake, Message, Precondition};
use quotelake_local::MemoryLake;
use quotelake_refine::Context;
use quotelake_refine::enabled::ENABLED;
use quotelake_refine::engine::NoSql;
use quotelake_refine::models::Models;
use quotelake_refine::native;
use quotelake_refine::run::refine;
use quotelake_refine::stale::stale;
use quotelake_table::{PartitionKey, RowDecoder, parquet_file};
use quotelake_testkit::{CallPlan, Moment};
use serde_json::{Value, json};

const MODELS: [&str; 3] = ["adjustment_events", "adjustment_factors", "daily_stats"];
const EXCERPTS: &str = "state/refine/daily_bars/";

/// The rows of a lake's tables, by partition and key.
#[derive(Debug, Clone, Default)]
struct Rows(BTreeMap<(&'static str, String), BTreeMap<String, Value>>);

/// What all rows have.
fn origin(series: &str, symbol: &str) -> Value {
    json!({"provider": "polygon", "provider_symbol": series, "symbol": symbol, "asset_class": "equity", "exchange_mic": "XNAS",
        "currency": "USD", "quote_unit": "USD", "fetched_at": "2024-01-01T00:00:00Z", "request_id": "q", "run_id": "r", "unit_id": "u",
        "raw_sha256": "0", "schema_version": 1})
}

fn with(mut row: Value, fields: Value) -> Value {
    row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    row
}

/// The table and partition that changed.
type Changed = (&'static str, String);

impl Rows {
    /// Weekdays' bars of two series, each with a dividend a quarter, one with a split.
    fn new(days: u64) -> Self {
        let mut rows = Self::default();
        let first = date("2019-11-04");
        for day in
            (0..days).map(|day| first + Days::new(day)).filter(|day| day.weekday().number_from_monday() < 6)
        {
            rows.bar(day, "A", Some(1_000 + i64::from(day.ordinal())));
            rows.bar(day, "B", Some(9_000 - i64::from(day.ordinal())));
            if day.month() % 3 == 2 && day.day() == 13 {
                rows.dividend(day, "A", 50);
            }
        }
        rows.split(date("2020-03-02"), "B");
        rows
    }

    fn put(&mut self, table: &'static str, partition: String, key: String, row: Option<Value>) -> Changed {
        let rows = self.0.entry((table, partition.clone())).or_default();
        match row {
            Some(row) => drop(rows.insert(key, row)),
            None => drop(rows.remove(&key)),
        }
        (table, partition)
    }

    /// Sets or removes a bar, its close in cents.
    fn bar(&mut self, day: NaiveDate, series: &str, cents: Option<i64>) -> Changed {
        self.bar_of(day, series, &format!("{series}.XNAS"), cents)
    }

    fn bar_of(&mut self, day: NaiveDate, series: &str, symbol: &str, cents: Option<i64>) -> Changed {
        let row = cents.map(|cents| {
            let price = format!("{}.{:02}", cents / 100, cents % 100);
            with(
                origin(series, symbol),
                json!({"interval": "1d", "trading_date": day.to_string(), "bar_start": format!("{day}T14:30:00Z"),
                    "exchange_tz": "America/New_York", "open": price, "high": price, "low": price, "close": price, "adjustment": "raw",
                    "session": "regular", "unit_divisor": 1, "is_final": true, "delay_class": "eod", "provider_ts": 0}),
            )
        });
        let (partition, key) = (format!("month={}", day.format("%Y-%m")), format!("{day} {series}"));
        if let Some(rows) = self.0.get_mut(&("daily_bars", partition.clone())) {
            rows.retain(|other, _| !other.ends_with(&key));
        }
        self.put("daily_bars", partition, format!("{symbol} {key}"), row)
    }

    fn dividend(&mut self, day: NaiveDate, series: &str, cents: i64) -> Changed {
        let fields = json!({"dividend_type": "cash", "ex_date": day.to_string(), "ex_date_source": "given",
            "amount": format!("{}.{:02}", cents / 100, cents % 100), "split_adjusted": false});
        let row = with(origin(series, &format!("{series}.XNAS")), fields);
        self.put("dividends", format!("year={}", day.year()), format!("{series} {day} {cents}"), Some(row))
    }

    fn split(&mut self, day: NaiveDate, series: &str) -> Changed {
        let fields = json!({"execution_date": day.to_string(), "split_from": "1", "split_to": "2", "split_type": "split"});
        let row = with(origin(series, &format!("{series}.XNAS")), fields);
        self.put("splits", format!("year={}", day.year()), format!("{series} {day}"), Some(row))
    }

    async fn publish_all(&self, lake: &dyn Lake) {
        for (table, partition) in self.0.keys() {
            self.publish(lake, &(*table, partition.clone())).await;
        }
    }

    /// Publishes a partition as it is, and gives what is told of it.
    async fn publish(&self, lake: &dyn Lake, (table, partition): &Changed) -> Message {
        let contracts = Contracts::built_in().unwrap();
        let contract = &contracts.get(table).unwrap().contract;
        let mut decoder = RowDecoder::new(Arc::clone(contract));
        for row in self.0[&(*table, partition.clone())].values() {
            decoder.push(&row.to_string()).unwrap();
        }
        let bytes = parquet_file::write(contract, &decoder.take_batch().unwrap()).unwrap();
        let key = partition.parse::<PartitionKey>().unwrap().object_key(Zone::Bronze, table).to_string();
        lake.put(&key, bytes, Precondition::None).await.unwrap();
        message(
            json!({"zone": "bronze", "table": table, "partition": partition, "changed": true}).to_string(),
        )
    }
}

fn context(world: &World, plan: &CallPlan) -> Context {
    let contracts = Contracts::built_in().unwrap();
    Context { contracts, natives: native::named, ..world.context(plan) }
}

/// Handles messages, and those of the models, until none is left.
async fn settle(world: &World, plan: &CallPlan, mut messages: Vec<Message>) {
    let mut letters = Vec::new();
    for _ in 0..20 {
        messages.extend(world.changes.take());
        letters = world.dead_letters.take();
        messages.extend(letters.iter().cloned());
        if messages.is_empty() {
            return;
        }
        let answer = quotelake_refine::handle(event(&messages), None, &context(world, plan)).await;
        let again = |at: String| messages[at.parse::<usize>().unwrap()].clone();
        messages =
            answer.batch_item_failures.into_iter().map(|failed| again(failed.item_identifier)).collect();
    }
    panic!("the queue is never empty: {letters:?}");
}

/// A lake of these rows, with its models computed.
async fn computed(rows: &Rows) -> World {
    let world = World::new(Arc::new(MemoryLake::new()));
    rows.publish_all(world.lake.as_ref()).await;
    compute_all(&world).await;
    world
}

async fn compute_all(world: &World) {
    let enabled = serde_json::to_vec(&json!({"models": MODELS})).unwrap();
    world.lake.put(ENABLED, enabled.into(), Precondition::None).await.unwrap();
    let bars = world.lake.list("bronze/daily_bars/").await.unwrap();
    let told = |key: &str| {
        let partition = key.split('/').nth(2).unwrap();
        message(
            json!({"zone": "bronze", "table": "daily_bars", "partition": partition, "changed": true})
                .to_string(),
        )
    };
    let messages = bars.iter().map(|meta| told(&meta.key)).collect();
    settle(world, &CallPlan::new(), messages).await;
}

/// Computes what is stale, as `quotelake refine` does.
async fn compute_stale(world: &World) {
    let context = context(world, &CallPlan::new());
    let models = Models::new(&context.contracts).unwrap();
    for model in models.all().iter().filter(|model| MODELS.contains(&model.name())) {
        if let Some(stale) = stale(model, context.ports().tables(), &NoSql).await.unwrap() {
            refine(context.ports(), model, &stale.reach).await.unwrap();
        }
    }
}

/// The tables of a lake that has nothing but the same bars, splits and dividends.
async fn expected(world: &World) -> BTreeMap<String, bytes::Bytes> {
    let fresh = World::new(copy(world.lake.as_ref(), "bronze/").await);
    compute_all(&fresh).await;
    silver(fresh.lake.as_ref()).await
}

/// That the tables are these, to the byte, and known to be up to date.
async fn assert_is(world: &World, expected: &BTreeMap<String, bytes::Bytes>, what: &str) {
    let context = context(world, &CallPlan::new());
    let models = Models::new(&context.contracts).unwrap();
    for name in MODELS {
        let stale = stale(models.get(name).unwrap(), context.ports().tables(), &NoSql).await.unwrap();
        assert_eq!(stale, None, "{what}: {name}");
    }
    let here = silver(world.lake.as_ref()).await;
    assert!(!expected.is_empty());
    for key in here.keys().chain(expected.keys()) {
        match (here.get(key), expected.get(key)) {
            (Some(a), Some(b)) => assert!(a == b, "{what}: {key} is other bytes"),
            (Some(empty), None) => assert_eq!(parquet_file::row_count(empty), Some(0), "{what}: {key}"),
            _ => panic!("{what}: {key} is missing"),
        }
    }
}

/// The months of daily bars that were read for events and factors: statistics are not on.
fn months_read(plan: &CallPlan) -> Vec<String> {
    let month = |call: &String| {
        let key = call.strip_prefix("get bronze/daily_bars/month=")?;
        Some(key.split('/').next().unwrap().to_owned())
    };
    plan.log().iter().filter_map(month).collect()
}

async fn without_statistics(world: &World) {
    let enabled = serde_json::to_vec(&json!({"models": &MODELS[..2]})).unwrap();
    world.lake.put(ENABLED, enabled.into(), Precondition::None).await.unwrap();
}

#[tokio::test]
async fn a_new_day_reads_its_month_and_a_late_dividend_the_month_of_its_date() {
    let mut rows = Rows::new(150);
    let world = computed(&rows).await;
    without_statistics(&world).await;
    let follow = async |changed: &Changed, rows: &Rows| {
        let told = rows.publish(world.lake.as_ref(), changed).await;
        let plan = CallPlan::new();
        settle(&world, &plan, vec![told]).await;
        months_read(&plan)
    };
    let changed = rows.bar(date("2020-04-02"), "A", Some(1_100));
    assert_eq!(follow(&changed, &rows).await, ["2020-04"], "events read it, factors find what those left");
    let changed = rows.dividend(date("2019-12-18"), "B", 20);
    assert_eq!(follow(&changed, &rows).await, ["2019-12"]);
    // Bars beside this date were kept for the one of the other series: they are of another one.
    let changed = rows.dividend(date("2020-02-13"), "B", 20);
    assert_eq!(follow(&changed, &rows).await, ["2020-02"]);
    // Before the first bar, and on the first day of a month: first and last bars are always there.
    let changed = rows.dividend(date("2019-01-02"), "B", 20);
    assert_eq!(follow(&changed, &rows).await, Vec::<String>::new());
    let changed = rows.dividend(date("2020-01-01"), "B", 10);
    assert_eq!(follow(&changed, &rows).await, Vec::<String>::new());
    // A restated bar far back.
    let changed = rows.bar(date("2019-11-12"), "A", Some(1));
    assert_eq!(follow(&changed, &rows).await, ["2019-11"]);
    compute_stale(&world).await;
    assert_is(&world, &expected(&world).await, "all of it").await;
}

#[tokio::test]
async fn excerpts_that_are_lost_damaged_or_of_another_file_are_read_anew() {
    let mut rows = Rows::new(100);
    let world = computed(&rows).await;
    let kept = world.lake.list(EXCERPTS).await.unwrap();
    let names: Vec<&str> = kept.iter().map(|meta| meta.key.strip_prefix(EXCERPTS).unwrap()).collect();
    assert_eq!(names, ["2019.parquet", "2020.parquet"]);
    let of_2020 = world.lake.get(&kept[1].key).await.unwrap().bytes;
    let others = [bytes::Bytes::from_static(b"no table"), of_2020.slice(..of_2020.len() / 2), of_2020];
    for (cents, bytes) in (2_000..).zip(others) {
        // A file of other years, of half its bytes, of none that are one.
        world.lake.put(&kept[0].key, bytes, Precondition::None).await.unwrap();
        let changed = rows.bar(date("2019-12-03"), "A", Some(cents));
        let told = rows.publish(world.lake.as_ref(), &changed).await;
        settle(&world, &CallPlan::new(), vec![told]).await;
        assert_is(&world, &expected(&world).await, "damaged").await;
    }
    // Bars that were replaced without a word are found by their versions.
    let changed = rows.bar(date("2019-12-13"), "A", Some(700));
    rows.publish(world.lake.as_ref(), &changed).await;
    let changed = rows.bar(date("2020-01-02"), "A", Some(700));
    let told = rows.publish(world.lake.as_ref(), &changed).await;
    settle(&world, &CallPlan::new(), vec![told]).await;
    compute_stale(&world).await;
    assert_is(&world, &expected(&world).await, "two months").await;
}

#[tokio::test]
async fn a_file_that_is_not_the_one_that_was_made_is_encoded_again() {
    let mut rows = Rows::new(70);
    let world = computed(&rows).await;
    let key = "state/refine/adjustment_events.json";
    let state = String::from_utf8(world.lake.get(key).await.unwrap().bytes.to_vec()).unwrap();
    let of_daily_stats = world.lake.get("state/refine/daily_stats.json").await.unwrap().bytes;
    assert!(state.contains(r#""made":{"rows":"#));
    assert!(!String::from_utf8_lossy(&of_daily_stats).contains("made"), "only where all of it is computed");
    // What a file that went bad without another version looks like: its bytes are others than those that were written.
    let (before, after) = state.split_once(r#""file":""#).unwrap();
    let other = format!(r#"{before}"file":"{}{}"#, "0".repeat(64), &after[64..]);
    world.lake.put(key, other.into(), Precondition::None).await.unwrap();
    let changed = rows.bar(date("2020-01-13"), "A", Some(1_200));
    let told = rows.publish(world.lake.as_ref(), &changed).await;
    settle(&world, &CallPlan::new(), vec![told]).await;
    assert_is(&world, &expected(&world).await, "encoded").await;
    let now = String::from_utf8(world.lake.get(key).await.unwrap().bytes.to_vec()).unwrap();
    assert!(!now.contains(&"0".repeat(64)));
}

#[tokio::test]
async fn tables_are_the_same_whatever_call_fails() {
    let mut rows = Rows::new(70);
    let before = computed(&rows).await;
    let changed =
        [rows.dividend(date("2019-12-18"), "B", 20), rows.bar(date("2020-01-13"), "A", Some(1_200))];
    let after = before.copied().await;
    for changed in &changed {
        rows.publish(after.lake.as_ref(), changed).await;
    }
    let expected = expected(&after).await;
    for moment in [Moment::Before, Moment::After] {
        for call in (1..).step_by(3) {
            let world = before.copied().await;
            let mut messages = Vec::new();
            for changed in &changed {
                messages.push(rows.publish(world.lake.as_ref(), changed).await);
            }
            let plan = CallPlan::crash_at(call, moment);
            quotelake_refine::handle(event(&messages), None, &context(&world, &plan)).await;
            let crashed = plan.calls() >= call;
            plan.restart();
            world.dead_letters.take();
            settle(&world, &plan, messages).await;
            assert_is(&world, &expected, &format!("{moment:?} call {call}")).await;
            if !crashed {
                assert!(call > 60, "there is more to fail than {call} calls");
                break;
            }
        }
    }
}

/// Something that changes a lake.
#[derive(Debug, Clone)]
enum Edit {
    Bar(u64, usize, Option<i64>),
    Renamed(u64, usize),
    Dividend(u64, usize, i64),
    Split(u64, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        5 => (0..130u64, 0..3usize, prop::option::weighted(0.8, 1..90_000i64)).prop_map(|(day, series, cents)| Edit::Bar(day, series, cents)),
        1 => (0..130u64, 0..2usize).prop_map(|(day, series)| Edit::Renamed(day, series)),
        2 => (0..140u64, 0..3usize, 1..200i64).prop_map(|(day, series, cents)| Edit::Dividend(day, series, cents)),
        1 => (0..140u64, 0..3usize).prop_map(|(day, series)| Edit::Split(day, series)),
    ]
}

impl Edit {
    fn apply(&self, rows: &mut Rows) -> Changed {
        let day = |offset: &u64| date("2019-10-28") + Days::new(*offset);
        let of = |series: &usize| ["A", "B", "C"][*series];
        match self {
            Self::Bar(offset, series, cents) => rows.bar(day(offset), of(series), *cents),
            // The provider's symbol stays, ours is another one from then on: events of both are the series'.
            Self::Renamed(offset, series) => rows.bar_of(day(offset), of(series), "C.XNAS", Some(4_200)),
            Self::Dividend(offset, series, cents) => rows.dividend(day(offset), of(series), *cents),
            Self::Split(offset, series) => rows.split(day(offset), of(series)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// New days, restated and deleted bars, symbols that change, late dividends and splits, followed one by one or several at a time: the
    /// tables of a full computation.
    #[test]
    fn following_is_computing_anew(edits in prop::collection::vec((edit(), any::<bool>()), 1..10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut rows = Rows::new(100);
            let world = computed(&rows).await;
            let mut messages = Vec::new();
            for (edit, waits) in edits {
                let changed = edit.apply(&mut rows);
                messages.push(rows.publish(world.lake.as_ref(), &changed).await);
                if !waits {
                    settle(&world, &CallPlan::new(), std::mem::take(&mut messages)).await;
                }
            }
            settle(&world, &CallPlan::new(), messages).await;
            assert_is(&world, &expected(&world).await, "edits").await;
        });
    }
}

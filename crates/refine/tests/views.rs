//! Models that read views follow the tables behind those.
#![cfg(feature = "sql")]

use crate::support;

use std::sync::Arc;

use crate::support::{World, date, message, silver, totals};
use quotelake_contract::{ContractText, Contracts};
use quotelake_core::Zone;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_local::MemoryLake;
use quotelake_refine::Context;
use quotelake_refine::models::Models;
use quotelake_refine::native;
use quotelake_refine::plan::{Changes, Reach, reach};
use quotelake_refine::preview::preview;
use quotelake_refine::run::refine;
use quotelake_refine::sql::DataFusion;
use quotelake_refine::stale::{Why, stale};
use quotelake_table::{PartitionKey, RowDecoder, parquet_file};
use quotelake_testkit::CallPlan;

fn contract(name: &str, refine: &str) -> String {
    totals(name, refine, "month", "%Y-%m")
}

/// A table, a view over it that looks back, a view over that, and a model over both.
fn contracts() -> Contracts {
    contracts_with("select day, total + 1 as total from counts")
}

/// The same with this view.
fn contracts_with(near: &str) -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(&contract("counts", ""), None).unwrap();
    for (name, refine, sql) in [
        ("near", "{materialization: view, lookback: {counts: {days: 3}}}", near),
        (
            "far",
            "{materialization: view, lookback: {near: {days: 4}}}",
            "select day, total * 2 as total from near",
        ),
        (
            "over",
            "{lookback: {far: {days: 20}, near: {days: 1}}}",
            "select f.day, f.total + n.total as total from far f join near n on n.day = f.day",
        ),
    ] {
        let yaml = contract(name, refine);
        contracts.add_model(ContractText::read(&yaml).unwrap(), Some(sql), None).unwrap();
    }
    contracts
}

async fn publish(lake: &dyn Lake, month: &str, rows: &[(&str, i64)]) {
    let contracts = contracts();
    let contract = &contracts.get("counts").unwrap().contract;
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    for (day, total) in rows {
        decoder.push(&format!(r#"{{"day":"{day}","total":{total}}}"#)).unwrap();
    }
    let bytes = parquet_file::write(contract, &decoder.take_batch().unwrap()).unwrap();
    let key = format!("month={month}").parse::<PartitionKey>().unwrap().object_key(Zone::Bronze, "counts");
    lake.put(&key.to_string(), bytes, Precondition::None).await.unwrap();
}

#[tokio::test]
async fn a_view_that_is_another_one_makes_what_reads_it_stale() {
    let world = World::new(Arc::new(MemoryLake::new()));
    publish(world.lake.as_ref(), "2009-03", &[("2009-03-02", 1), ("2009-03-03", 4)]).await;
    let context = context(&world);
    let models = Models::new(&context.contracts).unwrap();
    let (over, tables) = (models.get("over").unwrap(), context.ports().tables());
    let found = stale(over, tables, DataFusion::large()).await.unwrap().unwrap();
    refine(context.ports(), over, &found.reach).await.unwrap();
    for (near, is_stale) in [
        ("select day, total + 1 as total  from counts -- the same", false),
        ("select day, total + 2 as total from counts", true),
    ] {
        let context = Context { contracts: contracts_with(near), ..context.clone() };
        let models = Models::new(&context.contracts).unwrap();
        let found =
            stale(models.get("over").unwrap(), context.ports().tables(), DataFusion::large()).await.unwrap();
        assert_eq!(found.is_some(), is_stale, "{near}");
    }
}

fn context(world: &World) -> Context {
    let context = world.context(&CallPlan::new());
    Context { contracts: contracts(), natives: native::named, engine: DataFusion::large(), ..context }
}

#[tokio::test]
async fn a_change_behind_views_is_followed() {
    let world = World::new(Arc::new(MemoryLake::new()));
    publish(world.lake.as_ref(), "2009-03", &[("2009-03-02", 1)]).await;
    publish(world.lake.as_ref(), "2009-04", &[("2009-04-06", 5)]).await;
    let context = context(&world);
    let models = Models::new(&context.contracts).unwrap();
    let (over, tables) = (models.get("over").unwrap(), context.ports().tables());
    let follows: Vec<(&str, u32)> =
        over.follows.iter().map(|input| (input.table.as_str(), input.lookback_days)).collect();
    assert_eq!(follows, [("counts", 27)], "20 and 4 and 3 days, not 1 and 3");
    let mut changes = Changes::default();
    changes.add("counts", "month=2009-03".parse().unwrap());
    let Reach::Dates(dates) = reach(over, &changes, tables).unwrap() else { panic!("it has dates") };
    assert_eq!((dates[0].from, dates[0].to), (date("2009-03-01"), date("2009-04-27")));
    // What is expected is what there are rows for, not the days behind them that are looked back from.
    let found = stale(over, tables, DataFusion::large()).await.unwrap().unwrap();
    assert_eq!(found.partitions.into_iter().collect::<Vec<_>>(), [(Why::NeverComputed, 2)]);
    let would = preview(over, &found.reach, tables, DataFusion::large()).await.unwrap();
    assert_eq!((would.partitions, would.rows), (2, 2));
    refine(context.ports(), over, &found.reach).await.unwrap();
    assert_eq!(stale(over, tables, DataFusion::large()).await.unwrap(), None);
    let before = silver(world.lake.as_ref()).await;
    assert_eq!(before.len(), 2);
    publish(world.lake.as_ref(), "2009-03", &[("2009-03-02", 2)]).await;
    let told =
        serde_json::json!({"zone": "bronze", "table": "counts", "partition": "month=2009-03"}).to_string();
    let answer = quotelake_refine::handle(support::event(&[message(told)]), None, &context).await;
    assert!(answer.batch_item_failures.is_empty() && world.dead_letters.take().is_empty());
    let after = silver(world.lake.as_ref()).await;
    let changed: Vec<&String> =
        after.iter().filter(|(key, bytes)| before[*key] != *bytes).map(|(key, _)| key).collect();
    assert_eq!(changed, ["silver/over/month=2009-03/part-0.parquet"]);
    assert_eq!(stale(over, tables, DataFusion::large()).await.unwrap(), None);
}

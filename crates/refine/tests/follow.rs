//! Models follow their inputs: what a change reaches, and that the tables are those of a full computation whatever fails on the way.

use crate::support;

use std::sync::Arc;

use crate::support::{Prices, World, change, contracts_with, date, message, natives, ours, silver};
use proptest::prelude::*;
use quotelake_core::ports::Precondition;
use quotelake_refine::handler::{ChangedPartition, RefineRequest};
use quotelake_refine::models::Models;
use quotelake_refine::plan::{Changes, Reach, reach};
use quotelake_refine::run::refine;
use quotelake_refine::stale::{Why, stale};
use quotelake_testkit::{CallPlan, Moment};

/// The partitions of a table that were written, from the calls of a run.
fn written(plan: &CallPlan, table: &str) -> Vec<String> {
    let prefix = format!("put silver/{table}/");
    plan.log().iter().filter_map(|call| call.strip_prefix(&prefix).map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_restated_price_recomputes_the_partitions_that_it_reaches_and_no_other() {
    let mut prices = Prices::every_third_day(400);
    let world = World::computed(&prices).await;
    // A price at the end of March reaches ten days into April.
    let month = prices.set(date("2009-03-29"), "A", Some(77_000));
    prices.publish(world.lake.as_ref(), &month).await;
    let context = world.context(&CallPlan::new());
    let models = Models::with(&context.contracts, natives).unwrap();
    let mut changes = Changes::default();
    changes.add("prices", "month=2009-03".parse().unwrap());
    let model = models.get("sums").unwrap();
    let reached = reach(model, &changes, context.ports().tables()).unwrap();
    let report = refine(context.ports(), model, &reached).await.unwrap();
    let computed: Vec<&str> = report.partitions.iter().map(|done| done.partition.as_str()).collect();
    assert_eq!(computed, ["month=2009-03", "month=2009-04"]);
    assert_eq!(report.changed().count(), 2);
    let revised: usize = report.partitions.iter().map(|done| done.revised).sum();
    assert_eq!(revised, 4, "the rows of A from 29 March to 8 April");
    let told = world.changes.take();
    assert_eq!(told.len(), 2);
    assert!(
        told[0].body.contains(r#""zone":"silver""#)
            && told[0].body.contains(r#""partition":"month=2009-03""#)
    );
    world.deliver(&CallPlan::new(), vec![message(change(&month))]).await;
    world.deliver(&CallPlan::new(), told).await;
    world.settle(&CallPlan::new()).await;
    world.assert_up_to_date("restated").await;
}

#[tokio::test]
async fn a_chain_stops_where_nothing_changes() {
    let mut prices = Prices::every_third_day(200);
    let world = World::computed(&prices).await;
    // Half a hundredth less than a cent: the sums, which have two digits, are what they were.
    let month = prices.set(date("2009-03-02"), "A", Some(prices.0[&(date("2009-03-02"), "A".into())] + 1));
    prices.publish(world.lake.as_ref(), &month).await;
    let plan = CallPlan::new();
    world.deliver(&plan, vec![message(change(&month))]).await;
    assert_eq!(written(&plan, "sums").len() + written(&plan, "sums_of_sums").len(), 0, "{:?}", plan.log());
    assert_eq!(world.changes.take().len(), 0, "nobody is told of nothing");
    world.assert_up_to_date("a digit that is rounded away").await;
}

#[tokio::test]
async fn tables_are_the_same_whatever_call_fails() {
    let mut prices = Prices::every_third_day(100);
    let before = World::computed(&prices).await;
    let month = prices.set(date("2009-02-27"), "B", Some(1));
    // A month that loses all its rows.
    for day in prices.0.keys().map(|(day, _)| *day).collect::<Vec<_>>() {
        if day.format("%Y-%m").to_string() == "2009-04" {
            prices.set(day, "A", None);
            prices.set(day, "B", None);
        }
    }
    let after = before.copied().await;
    for month in [month.as_str(), "2009-04"] {
        prices.publish(after.lake.as_ref(), month).await;
    }
    let expected = after.expected().await;
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            let world = before.copied().await;
            let mut messages = Vec::new();
            for month in [month.as_str(), "2009-04"] {
                prices.publish(world.lake.as_ref(), month).await;
                messages.push(message(change(month)));
            }
            let plan = CallPlan::crash_at(call, moment);
            // Of a process that died nobody hears: its messages come again.
            let context = world.context(&plan);
            quotelake_refine::handle(support::event(&messages), None, &context).await;
            let crashed = plan.calls() >= call;
            plan.restart();
            world.dead_letters.take();
            world.changes.0.lock().unwrap().extend(messages);
            world.settle(&plan).await;
            world.assert_is(&expected, &format!("{moment:?} call {call}")).await;
            let letters = world.dead_letters.bodies();
            assert!(
                !letters.is_empty() && letters.iter().all(|body| body.contains(r#""model":"fails""#)),
                "{letters:?}"
            );
            if !crashed {
                assert!(call > 40, "there is more to fail than {call} calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn duplicates_disorder_faults_and_lost_messages_lead_to_the_same_tables() {
    for seed in 0..8_u64 {
        let mut prices = Prices::every_third_day(150);
        let world = World::computed(&prices).await;
        let mut messages = Vec::new();
        for step in 0..6 {
            let day = date("2009-01-01") + chrono::Days::new((seed * 37 + step * 29) % 150);
            let close = ((seed + step) % 4 != 0).then_some(5_000 + (seed * 100 + step) as i64);
            let month = prices.set(day, "A", close);
            prices.publish(world.lake.as_ref(), &month).await;
            messages.push(message(change(&month)));
            if step % 2 == 0 {
                messages.push(message(change(&month)));
            }
        }
        messages.rotate_left(seed as usize % 5);
        messages.reverse();
        // One is lost, as if its queue had given it up: it comes back at the end.
        let lost = messages.remove(seed as usize % messages.len());
        let plan = CallPlan::random(seed, 0.05);
        for message in messages {
            world.deliver(&plan, vec![message]).await;
        }
        plan.restart();
        world.changes.0.lock().unwrap().push_back(lost);
        // And what became a dead letter is sent back.
        world.changes.0.lock().unwrap().extend(world.dead_letters.take());
        world.settle(&plan).await;
        world.assert_up_to_date(&format!("seed {seed}")).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    /// Restated, late and deleted rows, each followed by itself: the tables of a full computation.
    #[test]
    fn following_is_computing_anew(edits in proptest::collection::vec((0_u64..160, 0_usize..3, proptest::option::of(0_i64..9_000_000)), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut prices = Prices::every_third_day(120);
            let world = World::computed(&prices).await;
            for (day, symbol, close) in edits {
                let day = date("2008-12-20") + chrono::Days::new(day);
                let month = prices.set(day, ["A", "B", "C"][symbol], close);
                prices.publish(world.lake.as_ref(), &month).await;
                world.changes.0.lock().unwrap().push_back(message(change(&month)));
                world.settle(&CallPlan::new()).await;
            }
            world.assert_up_to_date("edits").await;
            assert_eq!(world.compute_all().await, 0, "a full run writes nothing");
        });
    }
}

#[tokio::test]
async fn a_model_that_fails_keeps_its_table_and_stops_nobody() {
    let mut prices = Prices::every_third_day(100);
    let mut world = World::computed(&prices).await;
    let before = silver(world.lake.as_ref()).await;
    // A rule about all rows that cannot hold: `sums` is blocked.
    world.contracts = contracts_with(r#"Rules = [ RowCount > 1000000 ]"#);
    let month = prices.set(date("2009-02-03"), "A", Some(1));
    prices.publish(world.lake.as_ref(), &month).await;
    world.deliver(&CallPlan::new(), vec![message(change(&month))]).await;
    let after = silver(world.lake.as_ref()).await;
    let is_of = |key: &str, model: &str| key.starts_with(&format!("silver/{model}/"));
    for (key, bytes) in &before {
        assert_eq!(after[key] == *bytes, !(is_of(key, "scattered") && key.contains("2009-02")), "{key}");
    }
    let letters: Vec<RefineRequest> =
        world.dead_letters.bodies().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    let changes = vec![ChangedPartition { table: "prices".into(), partition: "month=2009-02".into() }];
    let letter = |model: &str| RefineRequest { model: model.into(), changes: changes.clone() };
    assert_eq!(letters, [letter("fails"), letter("sums")]);
    let letters = world.dead_letters.take();
    assert!(letters[0].attributes["error_message"].contains("a division by zero"));
    assert!(
        letters[1].attributes["error_message"].contains("RowCount > 1000000"),
        "{:?}",
        letters[1].attributes
    );
    let quality = world.lake.list("quality/dataset=sums/").await.unwrap();
    let mut blocked = 0;
    for meta in quality {
        let document =
            quotelake_check::ResultDocument::parse(&world.lake.get(&meta.key).await.unwrap().bytes).unwrap();
        if document.gate.decision == quotelake_check::Decision::Block {
            blocked += 1;
            assert_eq!((document.rows.staged, document.rows.held_back), (0, document.rows.rows_in));
            assert_eq!(document.lineage.source, "models/sums/2009-02-01..2009-03-31");
            assert!(document.lineage.inputs.iter().any(|input| input.partition == "month=2009-01"));
        }
    }
    assert_eq!(blocked, 1);
    // The rules are put right, and the letters sent back.
    world.contracts = support::contracts();
    world.changes.0.lock().unwrap().extend(letters);
    world.settle(&CallPlan::new()).await;
    world.compute_all().await;
    world.assert_up_to_date("after the letters came back").await;
}

#[tokio::test]
async fn rows_that_do_not_fit_are_in_quarantine_and_the_others_are_published() {
    let mut prices = Prices::every_third_day(60);
    let world = World::computed(&prices).await;
    // Fourteen digits of a price fit, twelve of a sum do not.
    let month = prices.set(date("2009-02-01"), "A", Some(900_000_000_000_000));
    prices.publish(world.lake.as_ref(), &month).await;
    world.deliver(&CallPlan::new(), vec![message(change(&month))]).await;
    let quarantine = world.lake.list("quarantine/dataset=sums/").await.unwrap();
    assert_eq!(quarantine.len(), 1);
    let document_key = quarantine[0].key.replace("quarantine/", "quality/").replace(".ndjson.gz", ".json");
    let document = world.lake.get(&document_key).await.unwrap();
    let document = quotelake_check::ResultDocument::parse(&document.bytes).unwrap();
    assert_eq!(document.quarantine.by_reason["type_mismatch"], document.rows.quarantined);
    assert_eq!(document.rows.quarantined, 4, "1, 3, 6 and 9 February");
    assert_eq!(document.rows.rows_in, document.rows.staged + 4);
}

#[tokio::test]
async fn older_inputs_never_win_over_newer_ones() {
    let mut prices = Prices::every_third_day(60);
    let before = World::computed(&prices).await;
    // While one run computes from a price, another one publishes what follows from a newer price.
    let slow = before.copied().await;
    let month = prices.set(date("2009-01-10"), "A", Some(111));
    prices.publish(slow.lake.as_ref(), &month).await;
    let mut interleaved = 0;
    for call in (1..60).step_by(2) {
        let (world, mut prices) = (slow.copied().await, prices.clone());
        let plan = CallPlan::crash_at(call, Moment::After);
        quotelake_refine::handle(support::event(&[message(change(&month))]), None, &world.context(&plan))
            .await;
        let stopped_at = plan.calls() >= call;
        prices.set(date("2009-01-10"), "A", Some(222));
        prices.publish(world.lake.as_ref(), &month).await;
        world.deliver(&CallPlan::new(), vec![message(change(&month))]).await;
        plan.restart();
        world.deliver(&plan, vec![message(change(&month))]).await;
        world.settle(&CallPlan::new()).await;
        world.assert_up_to_date(&format!("stopped at {call}")).await;
        interleaved += usize::from(stopped_at);
    }
    assert!(interleaved > 10);
}

#[tokio::test]
async fn what_is_stale_is_said_and_why() {
    let mut prices = Prices::every_third_day(60);
    let world = World::new(Arc::new(quotelake_local::MemoryLake::new()));
    prices.publish_all(world.lake.as_ref()).await;
    let context = world.context(&CallPlan::new());
    let models = Models::with(&context.contracts, natives).unwrap();
    let sums = models.get("sums").unwrap();
    let why = |stale: Option<quotelake_refine::stale::Stale>| {
        stale.map(|stale| stale.partitions.into_keys().collect::<Vec<_>>())
    };
    let tables = context.ports().tables();
    let found = stale(sums, tables, context.engine).await.unwrap();
    assert_eq!(found.as_ref().map(|stale| &stale.reach), Some(&Reach::Everything));
    assert_eq!(why(found), Some(vec![Why::NeverComputed]));
    world.compute_all().await;
    assert_eq!(why(stale(sums, tables, context.engine).await.unwrap()), None);
    let month = prices.set(date("2009-02-12"), "A", Some(5));
    prices.publish(world.lake.as_ref(), &month).await;
    let found = stale(sums, tables, context.engine).await.unwrap().unwrap();
    // March, behind the last price, is looked back from, but nobody knows of a row there.
    assert_eq!(found.partitions.into_iter().collect::<Vec<_>>(), [(Why::InputsChanged, 1)]);
    refine(context.ports(), sums, &found.reach).await.unwrap();
    assert_eq!(why(stale(sums, tables, context.engine).await.unwrap()), None);
    let key = "silver/sums/month=2009-02/part-0.parquet";
    world.lake.put(key, "no table".into(), Precondition::None).await.unwrap();
    let found = stale(sums, tables, context.engine).await.unwrap();
    assert_eq!(why(found.clone()), Some(vec![Why::TableChanged]));
    refine(context.ports(), sums, &found.unwrap().reach).await.unwrap();
    let contracts = contracts_with(r#"Rules = [ RowCount >= 0 ]"#);
    let mut contracts_of_new_version = contracts;
    let yaml = contracts_of_new_version
        .get("sums")
        .unwrap()
        .contract_yaml
        .replace("version: 1.0.0", "version: 1.1.0");
    contracts_of_new_version.add(&yaml, None).unwrap();
    let models = Models::with(&contracts_of_new_version, natives).unwrap();
    let found = stale(models.get("sums").unwrap(), tables, context.engine).await.unwrap();
    assert_eq!(why(found), Some(vec![Why::ModelChanged]));
    assert!(ours("sums"));
}

#[tokio::test]
async fn nonsense_is_a_dead_letter_and_envelopes_are_read() {
    let mut prices = Prices::every_third_day(60);
    let world = World::computed(&prices).await;
    let month = prices.set(date("2009-02-12"), "A", Some(5));
    prices.publish(world.lake.as_ref(), &month).await;
    let envelope = format!(
        r#"{{"version":"0","detail-type":"Partition Published","source":"quotelake.publish","detail":{}}}"#,
        change(&month)
    );
    let unknown = r#"{"model":"nobody","changes":[]}"#.to_owned();
    let messages = vec![message("nonsense".into()), message(unknown.clone()), message(envelope)];
    world.deliver(&CallPlan::new(), messages).await;
    let letters = world.dead_letters.bodies();
    assert!(letters.contains(&"nonsense".to_owned()) && letters.contains(&unknown), "{letters:?}");
    world.settle(&CallPlan::new()).await;
    world.assert_up_to_date("an envelope").await;
}

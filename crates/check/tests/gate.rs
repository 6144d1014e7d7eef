//! The gate by series: what is wrong with one series holds back its own rows, never its neighbours'.

use std::collections::BTreeMap;

use crate::support::{KEY, World, bar};
use proptest::prelude::*;
use quotelake_check::{CheckInputs, CheckReport, Decision, check_object, evaluate_object};
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::MemoryLake;
use quotelake_testkit::{CallPlan, build};
use serde_json::{Value, json};

async fn check(world: &World) -> CheckReport {
    check_object(&world.context(&CallPlan::new()), KEY, "d").await.unwrap()
}

/// Bars of one symbol on the first days of 2013, each changed by its number.
fn bars(symbol: &str, count: usize, change: impl Fn(usize) -> Value) -> Vec<String> {
    let first: chrono::NaiveDate = "2013-01-01".parse().unwrap();
    let on = |at: usize| {
        let day = first + chrono::Days::new(at as u64);
        let mut all = json!({"trading_date": day, "bar_start": format!("{day}T00:00:00Z")});
        all.as_object_mut().unwrap().extend(change(at).as_object().unwrap().clone());
        bar(symbol, all)
    };
    (0..count).map(on).collect()
}

/// What the gate says of each series.
fn blocked(report: &CheckReport) -> Vec<(String, u64, Vec<String>)> {
    let gate = &report.documents[0].gate;
    gate.blocked_series.iter().map(|of| (of.series.clone(), of.rows, of.reasons.clone())).collect()
}

#[tokio::test]
async fn a_coin_with_too_many_places_costs_its_neighbour_nothing() {
    let mut lines = bars("AAA", 83, |_| json!({}));
    // Twelve places and more digits than any price column holds: refused row by row, in a column that is strict.
    lines.extend(bars("X:DUSTUSD", 120, |at| {
        let price = format!("{}.{at:012}", "9".repeat(30));
        json!({"asset_class": "crypto", "close": price, "open": null, "high": null, "low": null})
    }));
    let world = World::with(&lines).await;
    let report = check(&world).await;
    let rows = report.rows;
    assert_eq!((rows.rows_in, rows.staged, rows.quarantined), (203, 83, 120));
    assert_eq!(report.documents[0].gate.decision, Decision::PublishWithQuarantine);
    let reason = "120 of 120 rows would be quarantined, more than maxQuarantineRatio 0.5 allows".to_owned();
    assert_eq!(blocked(&report), [("polygon X:DUSTUSD 1d".to_owned(), 120, vec![reason])]);
    let found = world.quarantined().await;
    assert!(found.iter().all(|row| row.reason == "type_mismatch" && row.line > 83));
}

#[tokio::test]
async fn too_many_bad_rows_hold_back_their_series() {
    let six_of_ten = |at: usize| if at < 6 { json!({"close": null}) } else { json!({}) };
    let five_of_ten = |at: usize| if at < 5 { json!({"close": null}) } else { json!({}) };
    let mut lines = bars("BAD", 10, six_of_ten);
    lines.extend(bars("HALF", 10, five_of_ten));
    let world = World::with(&lines).await;
    let report = check(&world).await;
    let reason = "6 of 10 rows would be quarantined, more than maxQuarantineRatio 0.5 allows".to_owned();
    assert_eq!(blocked(&report), [("polygon BAD 1d".to_owned(), 10, vec![reason.clone()])]);
    assert_eq!((report.rows.staged, report.rows.quarantined), (5, 15));
    let held: Vec<(u64, Option<String>)> = world
        .quarantined()
        .await
        .into_iter()
        .filter(|row| row.reason == "batch_blocked")
        .map(|row| (row.line, row.reasons[0].detail.clone()))
        .collect();
    assert_eq!(held, (7..=10).map(|line| (line, Some(reason.clone()))).collect::<Vec<_>>());

    // Alone it is the whole batch.
    let world = World::with(&bars("BAD", 10, six_of_ten)).await;
    let report = check(&world).await;
    let gate = &report.documents[0].gate;
    assert_eq!((gate.decision, report.rows.staged), (Decision::Block, 0));
    assert_eq!(gate.reasons, [format!("polygon BAD 1d: {reason}")]);
}

#[tokio::test]
async fn rows_of_no_series_are_the_objects_fault() {
    let mut lines = bars("A", 4, |_| json!({}));
    lines.extend((0..4).map(|at| format!("nonsense {at}")));
    lines.push(r#"{"dataset":"daily_bars","provider":"polygon","close":"x"}"#.to_owned());
    let key = "landing/dataset=daily_bars/bars.ndjson";
    let world = World::with(&[]).await;
    world.lake.put(key, lines.join("\n").into(), Precondition::None).await.unwrap();
    let report = check_object(&world.context(&CallPlan::new()), key, "d").await.unwrap();
    let gate = &report.documents[0].gate;
    assert_eq!(gate.decision, Decision::Block, "{gate:?}");
    assert_eq!(gate.reasons, ["5 of 9 rows would be quarantined, more than maxQuarantineRatio 0.5 allows"]);
    world.lake.put(key, lines[..8].join("\n").into(), Precondition::None).await.unwrap();
    let report = check_object(&world.context(&CallPlan::new()), key, "d").await.unwrap();
    assert_eq!(report.rows.staged, 4);
}

#[tokio::test]
async fn a_critical_row_rule_blocks_its_series_and_a_dataset_rule_the_object() {
    let mut lines = bars("A", 3, |_| json!({}));
    lines.extend(bars("B", 3, |at| json!({"volume": if at == 1 { -1 } else { 1 }})));
    let world = World::with(&lines).await;
    let mut context = world.context(&CallPlan::new());
    let critical = "Rules = [ ColumnValues \"volume\" >= 0 labels=[\"severity\"=\"critical\"] ]\n";
    context.contracts.set_rules("daily_bars", "c.dqdl", critical).unwrap();
    let report = check_object(&context, KEY, "d").await.unwrap();
    let reason = "ColumnValues \"volume\" >= 0 has failing rows".to_owned();
    assert_eq!(blocked(&report), [("polygon B 1d".to_owned(), 3, vec![reason])]);
    assert_eq!(report.rows.staged, 3);

    context.contracts.set_rules("daily_bars", "c.dqdl", "Rules = [ RowCount > 100 ]\n").unwrap();
    let report = check_object(&context, KEY, "d").await.unwrap();
    assert_eq!((report.documents[0].gate.decision, report.rows.staged), (Decision::Block, 0));
    assert!(blocked(&report).is_empty());
}

/// What became of each row of an object, by symbol and its place among the symbol's lines: staged, a duplicate or the first
/// reason it is in quarantine for.
async fn outcomes(lines: &[(String, String)]) -> BTreeMap<String, (u64, Vec<(usize, String)>)> {
    let world = World::with(&lines.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>()).await;
    check(&world).await;
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut of_lines = Vec::new();
    for (symbol, _) in lines {
        let place = places.entry(symbol.as_str()).or_default();
        of_lines.push((symbol.as_str(), *place));
        *place += 1;
    }
    let mut found: BTreeMap<String, (u64, Vec<(usize, String)>)> =
        places.into_iter().map(|(symbol, rows)| (symbol.to_owned(), (rows as u64, Vec::new()))).collect();
    for row in world.quarantined().await {
        let (symbol, place) = of_lines[row.line as usize - 1];
        found.get_mut(symbol).unwrap().1.push((place, row.reason));
    }
    found.values_mut().for_each(|(_, reasons)| reasons.sort());
    found
}

fn any_row() -> impl Strategy<Value = (String, String)> {
    let change = prop_oneof![
        4 => Just(json!({})),
        2 => Just(json!({"close": null})),
        1 => Just(json!({"close": "x"})),
        1 => Just(json!({"volume": -1})),
        1 => Just(json!({"close": 10.5})),
        1 => Just(json!({"vwap": "NaN"})),
    ];
    (0usize..4, 0usize..6, change).prop_map(|(symbol, day, change)| {
        let symbol = format!("S{symbol}");
        let line = bars(&symbol, day + 1, |_| change.clone()).pop().unwrap();
        (symbol, line)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Each series ends in a mixed object as it ends alone, row by row.
    #[test]
    fn a_series_ends_beside_others_as_it_ends_alone(lines in proptest::collection::vec(any_row(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mixed = outcomes(&lines).await;
            for (symbol, outcome) in &mixed {
                let own: Vec<_> = lines.iter().filter(|(other, _)| other == symbol).cloned().collect();
                prop_assert_eq!(&outcomes(&own).await[symbol], outcome);
            }
            Ok(())
        })?;
    }
}

/// Without series columns in the contract the rows of an object are one series.
#[tokio::test]
async fn a_contract_without_series_judges_the_object() {
    let yaml = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: ticks\n    customProperties:\n      - {property: maxQuarantineRatio, value: 0.5}\n    properties:\n      - {name: who, logicalType: string, physicalType: string, required: true, primaryKey: true}\n      - {name: day, logicalType: date, physicalType: date, required: true, primaryKey: true, partitioned: true}\n";
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    let rows = [("a", true), ("b", false), ("c", false), ("d", false)];
    let text: Vec<String> = rows
        .iter()
        .map(|(who, good)| {
            let day = if *good { json!("2013-01-01") } else { json!(null) };
            json!({"dataset": "ticks", "who": who, "day": day}).to_string()
        })
        .collect();
    let lake = MemoryLake::new();
    lake.put(KEY, text.join("\n").into(), Precondition::None).await.unwrap();
    let inputs =
        CheckInputs { landing: &lake, published: None, contracts: &contracts, now: build::instant() };
    let report = evaluate_object(inputs, KEY).await.unwrap().report;
    let gate = &report.documents[0].gate;
    assert_eq!((gate.decision, gate.blocked_series.len()), (Decision::Block, 0));
    assert_eq!(gate.reasons, ["3 of 4 rows would be quarantined, more than maxQuarantineRatio 0.5 allows"]);
}

/// A line of a row that a source refused because nobody asked for it.
fn unasked(line: &str, column: &str) -> String {
    let mut row: Value = serde_json::from_str(line).unwrap();
    let value = row[column].clone();
    row["refused"] =
        json!({column: {"value": value, "reason": "lies outside the window", "code": "not_asked"}});
    row.to_string()
}

#[tokio::test]
async fn rows_that_nobody_asked_for_hold_nothing_back_and_stay_visible() {
    let good = bars("A", 1, |_| json!({}));
    let strays = bars("A", 3, |_| json!({}));
    let others = bars("B", 2, |_| json!({"close": "x"}));
    let mut lines = vec![unasked(&strays[1], "trading_date"), unasked(&strays[2], "trading_date")];
    lines.extend(good);
    lines.extend(others.iter().map(|line| unasked(line, "provider_symbol")));
    let world = World::with(&lines).await;
    let report = check(&world).await;
    let gate = &report.documents[0].gate;
    assert_eq!(gate.decision, Decision::PublishWithQuarantine, "{gate:?}");
    assert_eq!((report.rows.rows_in, report.rows.staged, report.rows.quarantined), (5, 1, 4));
    assert!(blocked(&report).is_empty());
    let by_reason = &report.documents[0].quarantine.by_reason;
    assert_eq!(by_reason, &BTreeMap::from([("not_asked".to_owned(), 4)]), "first of all that is wrong");
    let found = world.quarantined().await;
    let reasons: Vec<Vec<&str>> =
        found.iter().map(|row| row.reasons.iter().map(|reason| reason.reason.as_str()).collect()).collect();
    assert_eq!(reasons[0], ["not_asked"]);
    assert_eq!(reasons[3], ["not_asked", "type_mismatch"]);

    // They speak for their series neither way: bad rows among those that were asked for still block it.
    let mut lines: Vec<String> =
        bars("A", 20, |_| json!({})).iter().map(|line| unasked(line, "trading_date")).collect();
    lines.extend(bars("A", 3, |at| if at < 2 { json!({"close": null}) } else { json!({}) }));
    let report = check(&World::with(&lines).await).await;
    let gate = &report.documents[0].gate;
    assert_eq!(gate.decision, Decision::Block);
    assert!(gate.reasons[0].contains("2 of 3 rows"), "{gate:?}");

    // Nothing but strays is nothing to publish, and no fault of the series.
    let report = check(&World::with(&[unasked(&strays[0], "trading_date")]).await).await;
    assert_eq!((report.rows.staged, report.rows.quarantined, report.blocked()), (0, 1, 0));
}

#[tokio::test]
async fn without_series_columns_the_ratio_leaves_unasked_rows_out_too() {
    let yaml = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: points
    customProperties:
      - {property: maxQuarantineRatio, value: 0.25}
    properties:
      - {name: day, logicalType: date, physicalType: date, required: true, primaryKey: true}
      - {name: x, logicalType: integer, physicalType: int, required: true}
      - {name: year, logicalType: integer, physicalType: int, partitioned: true, transformLogic: "strftime(day, '%Y')"}
"#;
    let point = |day: u32, x: &str| json!({"day": format!("2013-01-{day:02}"), "x": x}).to_string();
    let mut lines: Vec<String> = (1..=8).map(|day| unasked(&point(day, "1"), "day")).collect();
    lines.extend((9..=12).map(|day| point(day, "1")));
    let key = "landing/dataset=points/p.ndjson";
    let world = World::with(&[]).await;
    let mut context = world.context(&CallPlan::new());
    context.contracts.add(yaml, None).unwrap();
    for (bad, staged) in [(0, 4), (1, 4), (2, 0)] {
        let bad = (20..20 + bad).map(|day| point(day, "?"));
        let text = lines.iter().cloned().chain(bad).collect::<Vec<_>>().join("\n");
        world.lake.put(key, text.into(), Precondition::None).await.unwrap();
        let report = check_object(&context, key, "d").await.unwrap();
        assert_eq!(report.rows.staged, staged, "{:?}", report.documents[0].gate);
    }
}

//! The check function on memory ports: what each shipped rule catches, where rows go, and what a failing port leads to.

use crate::support::{KEY, World, bar};
use proptest::prelude::*;
use quotelake_check::{CheckInputs, Decision, check_object, evaluate_object, handle};
use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_local::{MemoryLake, S3Object, s3_object_created};
use quotelake_platform::sqs::SqsEvent;
use quotelake_testkit::{CallPlan, Moment, build};
use serde_json::json;

#[tokio::test]
async fn every_shipped_rule_of_bars_catches_its_fault_and_names_it() {
    let faults = [
        ("close_null", json!({"close": null})),
        ("price_not_positive", json!({"close": -11})),
        ("price_not_positive", json!({"close": 0})),
        ("price_not_positive", json!({"low": -9})),
        ("high_lt_low", json!({"high": 8, "low": 13})),
        (
            "refused",
            json!({"close": null, "refused": {"close": {"value": "1234.56", "reason": "is no pt-BR number"}}}),
        ),
        ("volume_negative", json!({"volume": -0.5})),
        ("key_null", json!({"session": null})),
        ("key_null", json!({"trading_date": null})),
        ("currency_not_iso_4217", json!({"currency": "GBp"})),
        ("value_not_listed", json!({"adjustment": "some"})),
        ("value_not_listed", json!({"session": "night"})),
        ("value_not_listed", json!({"interval": "1d "})),
        ("value_not_listed", json!({"asset_class": "stock"})),
        ("value_not_listed", json!({"delay_class": "late"})),
        ("required_null", json!({"unit_divisor": null})),
    ];
    let mut lines: Vec<String> =
        faults.iter().enumerate().map(|(i, (_, change))| bar(&format!("S{i}"), change.clone())).collect();
    lines.push(bar("GOOD", json!({"vwap": 99})));
    lines.extend((0..20).map(|at| bar(&format!("G{at}"), json!({}))));
    lines.push(bar("NOHIGH", json!({"high": null, "open": null})));
    let world = World::with(&lines).await;
    let report = check_object(&world.context(&CallPlan::new()), KEY, "d").await.unwrap();
    let rows = report.rows;
    assert_eq!((rows.rows_in, rows.staged, rows.quarantined, rows.duplicates), (38, 22, 16, 0));
    assert_eq!(report.documents[0].gate.decision, Decision::PublishWithQuarantine);
    let quarantined = world.quarantined().await;
    let found: Vec<(&str, u64)> = quarantined.iter().map(|row| (row.reason.as_str(), row.line)).collect();
    // A line that cannot be decoded is set aside when it is met, the others at the end of the window.
    let mut expected: Vec<(&str, u64)> =
        faults.iter().zip(1..).map(|((reason, _), line)| (*reason, line)).collect();
    expected.sort_by_key(|(reason, line)| (*reason != "refused", *line));
    assert_eq!(found, expected);
    assert!(
        quarantined.iter().all(|row| row.raw.as_ref() == Some(&lines[row.line as usize - 1])),
        "rows are kept whole"
    );
    let reason = &quarantined[0].reasons[0];
    assert_eq!(reason.column.as_deref(), Some("close"));
    assert_eq!(reason.detail.as_deref(), Some("\"1234.56\" is no pt-BR number"));
    let unlisted = quarantined.iter().find(|row| row.reason == "value_not_listed").unwrap();
    let detail = unlisted.reasons[0].detail.as_deref();
    assert_eq!(detail, Some("\"some\" is none of raw, split, split_dividend, unknown"));
    // Every row that is wrong blocks no more than its own series.
    assert_eq!(report.documents[0].gate.blocked_series.len(), 16);
    // A rule that only warns is in the result and quarantines nothing.
    let warned: Vec<_> =
        report.documents[0].glue.rule_results.iter().filter(|rule| rule.result == "FAIL").collect();
    assert!(warned.iter().any(|rule| rule.description.contains("vwap")));
}

#[tokio::test]
async fn copies_and_older_revisions_are_duplicates_and_contradictions_are_not_published() {
    let later = json!({"close": 11.5, "fetched_at": "2013-03-02T03:00:00Z"});
    let lines = [
        bar("A", json!({})),
        bar("A", json!({"request_id": "again", "fetched_at": "2013-03-02T04:00:00Z"})),
        bar("B", json!({})),
        bar("B", later),
        bar("C", json!({})),
        bar("C", json!({"close": 10.5})),
        bar("D", json!({"close": null, "fetched_at": "2013-03-02T09:00:00Z"})),
        bar("D", json!({})),
        bar("E", json!({})),
    ];
    let world = World::with(&lines).await;
    let report = check_object(&world.context(&CallPlan::new()), KEY, "d").await.unwrap();
    let rows = report.rows;
    assert_eq!((rows.rows_in, rows.staged, rows.quarantined, rows.duplicates), (9, 4, 3, 2));
    let found: Vec<(String, u64)> =
        world.quarantined().await.into_iter().map(|row| (row.reason, row.line)).collect();
    assert_eq!(found, [("close_null".into(), 7), ("duplicate_key".into(), 5), ("duplicate_key".into(), 6)]);
}

#[tokio::test]
async fn a_blocked_batch_waits_whole_in_quarantine() {
    let world =
        World::with(&[bar("A", json!({})), bar("B", json!({"close": null})), bar("A", json!({}))]).await;
    let mut context = world.context(&CallPlan::new());
    let rules = "Rules = [ IsComplete \"close\", RowCount > 100 ]\n";
    context.contracts.set_rules("daily_bars", "strict.dqdl", rules).unwrap();
    let report = check_object(&context, KEY, "d").await.unwrap();
    assert_eq!(report.documents[0].gate.decision, Decision::Block);
    let rows = report.rows;
    assert_eq!((rows.rows_in, rows.staged, rows.quarantined, rows.duplicates), (3, 0, 2, 1));
    assert!(world.lake.list("staged/").await.unwrap().is_empty());
    assert!(world.queue("publish").list().await.unwrap().is_empty());
    let reasons: Vec<String> = world.quarantined().await.into_iter().map(|row| row.reason).collect();
    assert_eq!(reasons, ["IsComplete \"close\"", "batch_blocked"]);
}

#[tokio::test]
async fn a_failing_port_is_never_silence() {
    let lines = [bar("A", json!({})), bar("B", json!({"close": null})), "nonsense".to_owned()];
    let event = |world: &World| -> SqsEvent {
        let _ = world;
        let object = S3Object { bucket: "b", key: KEY, size: 1, etag: "e", created_at: build::instant() };
        let body = s3_object_created(&object).to_string();
        serde_json::from_value(json!({"Records": [{"messageId": "m", "body": body}]})).unwrap()
    };
    let healthy = World::with(&lines).await;
    let plan = CallPlan::new();
    assert!(handle(event(&healthy), None, &healthy.context(&plan)).await.batch_item_failures.is_empty());
    assert!(plan.calls() >= 7, "get, quarantine, staged, result, event, request, unknown: {:?}", plan.log());
    let written = |world: &World| {
        let lake = world.lake.clone();
        async move {
            let mut all = Vec::new();
            // A delivery that failed has a row of its own in `runs`.
            let listed = lake.list("").await.unwrap().into_iter();
            for meta in listed.filter(|meta| !meta.key.starts_with("runs/")) {
                all.push((meta.key.clone(), lake.get(&meta.key).await.unwrap().bytes));
            }
            all
        }
    };
    let expected = written(&healthy).await;
    for call in 1..=plan.calls() {
        for moment in [Moment::Before, Moment::After] {
            let world = World::with(&lines).await;
            let failing = CallPlan::fail_at(call, moment);
            let context = world.context(&failing);
            let answer = handle(event(&world), None, &context).await;
            assert_eq!(answer.batch_item_failures.len(), 1, "call {call} {moment:?}: {:?}", failing.log());
            // The redelivery ends as if nothing had happened, to the byte.
            assert!(handle(event(&world), None, &context).await.batch_item_failures.is_empty());
            assert_eq!(written(&world).await, expected);
            assert!(!world.queue("publish").list().await.unwrap().is_empty());
        }
    }
}

fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0u8..4, 0u32..20, 0u8..3).prop_map(|(symbol, close, hour)| {
            bar(&format!("S{symbol}"), json!({"close": close, "fetched_at": format!("2013-03-02T0{hour}:00:00Z")}))
        }),
        1 => ".{0,40}",
        1 => Just(r#"{"dataset":"nobody"}"#.to_owned()),
        1 => Just(r#"{"dataset":"splits","split_to":"x"}"#.to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Rows in = staged + quarantined + duplicates, whatever the lines are.
    #[test]
    fn rows_are_accounted_for(lines in proptest::collection::vec(any_line(), 0..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let text = lines.join("\n");
        let report = runtime.block_on(async {
            let lake = MemoryLake::new();
            lake.put(KEY, text.clone().into(), Precondition::None).await.unwrap();
            {
                let contracts = Contracts::built_in().unwrap();
                let inputs = CheckInputs { landing: &lake, published: None, contracts: &contracts, now: build::instant() };
                evaluate_object(inputs, KEY).await.unwrap().report
            }
        });
        let rows = report.rows;
        let lines = text.split('\n').filter(|line| !line.bytes().all(|b| b.is_ascii_whitespace())).count() as u64;
        prop_assert_eq!(rows.rows_in, lines);
        prop_assert_eq!(rows.rows_in, rows.staged + rows.quarantined + rows.duplicates);
    }
}

//! Landing objects and staged rows that nobody asked for: notifications that were lost, messages older than their queue keeps one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{KEY, World, bar};
use quotelake_check::{Context, check_object, handle};
use quotelake_core::ports::{FixedClock, Lake as _, Precondition};
use quotelake_platform::s3_event::{created_body, created_keys};
use quotelake_platform::sqs::SqsEvent;
use quotelake_platform::sweep::SweepRequest;
use quotelake_testkit::CallPlan;
use serde_json::json;

const LOST: &str = "landing/2013/03/02/03/lost +é.ndjson";
const DROPPED: &str = "landing/dataset=daily_bars/drop-1-0.ndjson";
const FRESH: &str = "landing/2013/03/02/22/fresh.ndjson";
const LONG_AGO: &str = "landing/2013/02/20/02/long-ago.ndjson";

/// A world at midnight with a checked object, three that were not checked and are due, and two that are not due.
async fn world() -> (World, Context) {
    let world = World::with(&[bar("AAPL", json!({}))]).await;
    for key in [LOST, DROPPED, FRESH, LONG_AGO] {
        world.lake.put(key, bar("IBM", json!({})).into(), Precondition::None).await.unwrap();
    }
    let context = Context {
        clock: Arc::new(FixedClock("2013-03-03T00:30:00Z".parse().unwrap())),
        own_queue: Some(Arc::new(world.queue("check"))),
        ..world.context(&CallPlan::default())
    };
    check_object(&context, KEY, "first").await.unwrap();
    world.lake.delete(&world.lake.list("staged/").await.unwrap()[0].key).await.unwrap();
    for message in world.queue("publish").list().await.unwrap() {
        world.queue("publish").remove(&message.id).await.unwrap();
    }
    (world, context)
}

fn event(bodies: &[String]) -> SqsEvent {
    let records: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(n, body)| json!({ "messageId": n.to_string(), "body": body }))
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

async fn take(world: &World, queue: &str) -> Vec<String> {
    let queue = world.queue(queue);
    let mut bodies = Vec::new();
    for stored in queue.list().await.unwrap() {
        bodies.push(stored.message.body);
        queue.remove(&stored.id).await.unwrap();
    }
    bodies
}

fn asked(bodies: &[String]) -> BTreeSet<String> {
    bodies.iter().flat_map(|body| created_keys(body).unwrap()).collect()
}

#[tokio::test]
async fn what_no_result_tells_of_is_asked_for_and_then_no_more() {
    let (world, context) = world().await;
    let sweep = || event(&[r#"{"sweep":{}}"#.to_owned()]);
    assert!(handle(sweep(), None, &context).await.batch_item_failures.is_empty());
    let bodies = take(&world, "check").await;
    assert_eq!(asked(&bodies), BTreeSet::from([LOST.to_owned(), DROPPED.to_owned()]));
    // Again, beside messages that are on their way: the same, and no harm.
    assert!(handle(sweep(), None, &context).await.batch_item_failures.is_empty());
    assert_eq!(asked(&take(&world, "check").await), asked(&bodies));

    let bodies: Vec<String> = bodies.iter().chain(&bodies).cloned().collect();
    assert!(handle(event(&bodies), None, &context).await.batch_item_failures.is_empty());
    assert_eq!(world.lake.list("quality/dataset=").await.unwrap().len(), 3);
    assert!(handle(sweep(), None, &context).await.batch_item_failures.is_empty());
    assert!(take(&world, "check").await.is_empty(), "all of it has results");

    let longer = event(&[r#"{"sweep":{"days":30}}"#.to_owned()]);
    assert!(handle(longer, None, &context).await.batch_item_failures.is_empty());
    assert_eq!(take(&world, "check").await, [created_body(LONG_AGO)]);
}

#[tokio::test]
async fn rows_of_no_known_dataset_count_as_checked() {
    let (world, context) = world().await;
    for key in [LOST, DROPPED] {
        let line = bar("IBM", json!({ "dataset": "nobody_knows" }));
        world.lake.put(key, line.into(), Precondition::None).await.unwrap();
        check_object(&context, key, "first").await.unwrap();
    }
    handle(event(&[r#"{"sweep":{}}"#.to_owned()]), None, &context).await;
    assert!(take(&world, "check").await.is_empty());
}

#[tokio::test]
async fn staged_rows_are_asked_for() {
    let (world, context) = world().await;
    check_object(&context, LOST, "first").await.unwrap();
    assert_eq!(take(&world, "publish").await.len(), 1, "a request that its queue forgets");
    handle(event(&[r#"{"sweep":{}}"#.to_owned()]), None, &context).await;
    assert_eq!(take(&world, "publish").await, [r#"{"dataset":"daily_bars"}"#]);
}

#[tokio::test]
async fn a_sweep_that_has_no_time_left_goes_on_in_another_invocation() {
    let (world, context) = world().await;
    for number in 10..30 {
        let key = format!("landing/2013/03/02/04/{number}.ndjson");
        world.lake.put(&key, bar("IBM", json!({})).into(), Precondition::None).await.unwrap();
    }
    let mut found = BTreeSet::new();
    let mut requests = vec![r#"{"sweep":{}}"#.to_owned()];
    let mut invocations = 0;
    while let Some(request) = requests.pop() {
        invocations += 1;
        let answer = handle(event(&[request]), Some(Duration::from_secs(5)), &context).await;
        assert!(answer.batch_item_failures.is_empty());
        for body in take(&world, "check").await {
            match SweepRequest::parse(&body).unwrap() {
                Some(_) => requests.push(body),
                None => found.extend(created_keys(&body).unwrap()),
            }
        }
    }
    assert_eq!((found.len(), invocations), (22, 3));
}

#[tokio::test]
async fn a_request_with_a_mistake_is_a_dead_letter_and_a_lake_that_is_away_a_retry() {
    let (world, context) = world().await;
    handle(event(&[r#"{"sweep":{"day":1}}"#.to_owned()]), None, &context).await;
    assert_eq!(take(&world, "check-dlq").await, [r#"{"sweep":{"day":1}}"#]);
    let alone = Context { own_queue: None, ..context };
    handle(event(&[r#"{"sweep":{}}"#.to_owned()]), None, &alone).await;
    assert_eq!(take(&world, "check-dlq").await.len(), 1);
}

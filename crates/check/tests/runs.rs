//! What a check writes into the table `runs`, and that it writes it for nobody's harm.

use std::collections::BTreeMap;

use crate::support::{KEY, World, bar};
use chrono::{DateTime, Utc};
use quotelake_check::{Context, check_object, handle};
use quotelake_contract::runs_table;
use quotelake_core::ports::{FixedClock, Lake as _};
use quotelake_local::{S3Object, s3_object_created};
use quotelake_platform::sqs::SqsEvent;
use quotelake_table::parquet_file;
use quotelake_testkit::{CallPlan, build};
use serde_json::json;

fn event(key: &str, receives: u32) -> SqsEvent {
    let object = S3Object { bucket: "b", key, size: 1, etag: "e", created_at: build::instant() };
    let body = s3_object_created(&object).to_string();
    let attributes = json!({"ApproximateReceiveCount": receives.to_string()});
    serde_json::from_value(json!({"Records": [{"messageId": "m", "body": body, "attributes": attributes}]}))
        .unwrap()
}

/// Every object of the lake but those of `runs/`, with its bytes.
async fn world_of(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for meta in world.lake.list("").await.unwrap() {
        if !meta.key.starts_with("runs/") {
            all.insert(meta.key.clone(), world.lake.get(&meta.key).await.unwrap().bytes.to_vec());
        }
    }
    all
}

/// The keys under `runs/`, each with its rows as text.
async fn runs(world: &World) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for meta in world.lake.list("runs/").await.unwrap() {
        let bytes = world.lake.get(&meta.key).await.unwrap().bytes;
        all.push((meta.key, format!("{:?}", parquet_file::read(&runs_table().unwrap(), bytes).unwrap())));
    }
    all
}

#[tokio::test]
async fn a_lake_that_takes_no_row_of_runs_changes_nothing_else() {
    let lines = [bar("AAPL", json!({})), bar("MSFT", json!({"close": -1})), "{}".to_owned()];
    let (usual, refused) = (World::with(&lines).await, World::with(&lines).await);
    let answer = handle(event(KEY, 1), None, &usual.context(&CallPlan::new())).await;
    let other = handle(event(KEY, 1), None, &refused.context(&CallPlan::without_runs())).await;
    assert_eq!(answer, other);
    assert!(answer.batch_item_failures.is_empty());
    assert_eq!(world_of(&usual).await, world_of(&refused).await);
    assert_eq!((runs(&usual).await.len(), runs(&refused).await.len()), (1, 0));
    // An object that is gone is a dead letter, with and without.
    for world in [&usual, &refused] {
        let plan = if std::ptr::eq(world, &usual) { CallPlan::new() } else { CallPlan::without_runs() };
        let answer = handle(event("landing/gone.ndjson", 1), None, &world.context(&plan)).await;
        assert!(answer.batch_item_failures.is_empty());
        assert_eq!(world.queue("check-dlq").list().await.unwrap().len(), 1);
    }
    assert_eq!((runs(&usual).await.len(), runs(&refused).await.len()), (2, 0));
}

#[tokio::test]
async fn a_check_of_several_datasets_is_one_object_that_counts_once() {
    let split = json!({"dataset": "splits"}).to_string();
    let world = World::with(&[bar("AAPL", json!({})), split, "no JSON".to_owned()]).await;
    check_object(&world.context(&CallPlan::new()), KEY, "m-1").await.unwrap();
    let all = runs(&world).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let bytes = world.lake.get(&all[0].0).await.unwrap().bytes;
    let rows = parquet_file::read(&runs_table().unwrap(), bytes).unwrap();
    assert_eq!(rows.num_rows(), 3);
    let number = |name: &str| {
        use arrow::array::AsArray as _;
        let column = rows.column_by_name(name).unwrap().as_primitive::<arrow::datatypes::Int64Type>();
        column.iter().flatten().sum::<i64>()
    };
    let size = world.lake.head(KEY).await.unwrap().unwrap().size;
    assert_eq!((number("objects"), number("bytes")), (1, i64::try_from(size).unwrap()));
    assert_eq!(number("rows_in"), number("rows_out") + number("rows_quarantined") + number("rows_duplicate"));
    assert_eq!(number("rows_in"), 3);
}

#[tokio::test]
async fn a_check_that_is_delivered_again_after_midnight_replaces_its_row() {
    let world = World::with(&[bar("AAPL", json!({}))]).await;
    let context = world.context(&CallPlan::new());
    assert!(handle(event(KEY, 1), None, &context).await.batch_item_failures.is_empty());
    let before = runs(&world).await;
    let later: DateTime<Utc> = build::instant() + chrono::Days::new(1);
    let context = Context { clock: std::sync::Arc::new(FixedClock(later)), ..context };
    assert!(handle(event(KEY, 3), None, &context).await.batch_item_failures.is_empty());
    let after = runs(&world).await;
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].0, after[0].0, "the same key");
    assert_eq!(after.len(), 1);
    assert_ne!(before[0].1, after[0].1, "and the later end, with two retries");
}

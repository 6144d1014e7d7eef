//! Contracts that came after the function last looked.

use std::sync::Arc;

use crate::support::World;
use quotelake_check::{Context, handle};
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::{S3Object, s3_object_created};
use quotelake_platform::contracts::{self, ContractCache, FRESH_FOR};
use quotelake_platform::sqs::SqsEvent;
use quotelake_testkit::{CallPlan, build};
use serde_json::json;

const ORDERS: &str = include_str!("../../../samples/contracts/orders.yaml");
const RULES: &str = "Rules = [ IsComplete \"order_id\" ]\n";

fn event(key: &str) -> SqsEvent {
    let object = S3Object { bucket: "b", key, size: 1, etag: "e", created_at: build::instant() };
    let body = s3_object_created(&object).to_string();
    serde_json::from_value(json!({"Records": [{"messageId": "m", "body": body}]})).unwrap()
}

#[tokio::test]
async fn a_dataset_that_was_added_a_moment_ago_is_found() {
    // Named by the object's key, and by its rows.
    for (key, line) in [
        ("landing/dataset=orders/orders-1.ndjson", "{}\n"),
        ("landing/2026/11/29/12/lines.ndjson", "{\"dataset\":\"orders\"}\n"),
    ] {
        let world = World::with(&[]).await;
        let kept = Arc::new(ContractCache::fresh_for(FRESH_FOR));
        let contracts = kept.current(world.lake.as_ref()).await.unwrap();
        contracts::store(world.lake.as_ref(), "orders", ORDERS, Some(RULES)).await.unwrap();
        world.lake.put(key, line.into(), Precondition::None).await.unwrap();
        let context = Context { contracts, kept: Some(kept), ..world.context(&CallPlan::new()) };
        let answer = handle(event(key), None, &context).await;
        assert!(answer.batch_item_failures.is_empty());
        assert!(world.queue("check-dlq").list().await.unwrap().is_empty(), "{key}");
        assert_eq!(world.lake.list("quality/dataset=orders/").await.unwrap().len(), 1, "{key}");
    }
}

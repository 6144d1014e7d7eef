//! The real binary, driven through the Lambda Runtime API with the events in `samples/events/publish`.

use std::path::Path;
use std::sync::Arc;

use quotelake_contract::Contracts;
use quotelake_core::ports::{Lake as _, Precondition};
use quotelake_local::{FolderLake, FolderQueue, SystemClock};
use quotelake_table::{RowDecoder, parquet_file, staged};
use quotelake_testkit::RuntimeApi;
use serde_json::{Value, json};

const BAR: &str = r#"{"dataset":"daily_bars","provider":"polygon","provider_symbol":"AAPL","symbol":"AAPL.XNAS","asset_class":"equity","interval":"1d","trading_date":"2013-03-01","bar_start":"2013-03-01T00:00:00Z","exchange_tz":"America/New_York","close":430.47,"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1362114000000,"fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}"#;

#[tokio::test]
async fn staged_rows_are_published_and_damage_is_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let lake = FolderLake::open(folder.path()).unwrap();
    let contracts = Contracts::built_in().unwrap();
    let contract = &contracts.get("daily_bars").unwrap().contract;
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    decoder.push(BAR).unwrap();
    let bytes = staged::write(contract, &[decoder.take_batch().unwrap()]).unwrap();
    lake.put("staged/dataset=daily_bars/good.arrow", bytes, Precondition::None).await.unwrap();
    let damaged = "staged/dataset=daily_bars/damaged.arrow";
    lake.put(damaged, "nonsense that is no Arrow file".into(), Precondition::None).await.unwrap();

    let api = RuntimeApi::start().await.unwrap();
    let settings = [
        ("LAKE_URI", format!("file://{root}")),
        ("CATALOG_URI", format!("catalog://{root}/_platform/catalog")),
        ("EVENTS_URI", format!("events://{root}/_platform/events.ndjson")),
        ("DEAD_LETTER_QUEUE_URI", format!("queue://{root}/_platform/queues/publish-dlq")),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _function = api.run_binary(env!("CARGO_BIN_EXE_quotelake-publish"), &settings).unwrap();
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/events/publish/publish_request.json");
    let event: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(api.invoke(&event).await.unwrap(), json!({"batchItemFailures": []}));

    let file = lake.get("bronze/daily_bars/month=2013-03/part-0.parquet").await.unwrap();
    assert_eq!(parquet_file::read(contract, file.bytes).unwrap().num_rows(), 1);
    let left: Vec<String> = lake.list("staged/").await.unwrap().into_iter().map(|meta| meta.key).collect();
    assert!(left.is_empty(), "{left:?}");
    let aside = format!("undelivered/{damaged}");
    assert!(lake.head(&aside).await.unwrap().is_some(), "what is damaged is kept");
    let dead = folder.path().join("_platform/queues");
    let dead = FolderQueue::open(dead, "publish-dlq", Arc::new(SystemClock)).unwrap().list().await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].error_code(), Some("damaged"));
    assert_eq!(dead[0].message.body, r#"{"dataset":"daily_bars"}"#);
    assert_eq!(dead[0].message.attributes["object"], aside);
}

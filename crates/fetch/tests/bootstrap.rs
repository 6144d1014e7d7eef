//! The real binary, driven through the Lambda Runtime API with a schedule's event, against a real HTTP server.

use std::path::Path;
use std::sync::Arc;

use quotelake_core::Envelope;
use quotelake_local::{
    Delivery, DeliverySettings, FolderLake, NoNotification, SpoolStream, SystemClock, function_fn,
};
use quotelake_sources::replay::{Recording, ReplayServer};
use quotelake_testkit::RuntimeApi;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_puts_every_page_on_the_stream() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples");
    let recording = Recording::load(&samples.join("polygon/recording.json")).unwrap();
    let server = ReplayServer::start(recording).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let api = RuntimeApi::start().await.unwrap();
    let settings = [
        ("STREAM_URI", format!("spool://{root}/stream")),
        ("DEAD_LETTER_QUEUE_URI", format!("queue://{root}/queues/fetch-dlq")),
        ("SOURCE_BASE_URL", server.base_url().to_string()),
        ("SOURCE_REPLAY", "true".to_owned()),
        ("SOURCE_MIN_INTERVAL_MS", "0".to_owned()),
        ("WATCHLISTS_FOLDER", samples.join("watchlists").display().to_string()),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let _function = api.run_binary(env!("CARGO_BIN_EXE_quotelake-fetch"), &settings).unwrap();
    let text = std::fs::read_to_string(samples.join("events/fetch/schedule.json")).unwrap();
    let event: Value = serde_json::from_str(&text).unwrap();
    let report = api.invoke(&event).await.unwrap();
    assert_eq!(report["counts"]["failed"], 0, "{report}");
    assert_eq!(report["pages"], 26, "{report}");

    // What another process reads from the stream's journal are the sealed pages.
    let clock = Arc::new(SystemClock);
    let stream = SpoolStream::open(folder.path().join("stream"), clock.clone()).unwrap();
    let lake = Arc::new(FolderLake::open(folder.path().join("lake")).unwrap());
    let echo = Arc::new(function_fn("echo", |event: bytes::Bytes| async move {
        let event: Value = serde_json::from_slice(&event).unwrap();
        let records: Vec<Value> = event["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| {
                use base64::Engine as _;
                let data = record["data"].as_str().unwrap();
                Envelope::from_record(&base64::engine::general_purpose::STANDARD.decode(data).unwrap())
                    .unwrap();
                serde_json::json!({"recordId": record["recordId"], "result": "Ok", "data": data})
            })
            .collect();
        Ok(serde_json::to_vec(&serde_json::json!({"records": records})).unwrap().into())
    }));
    let delivery =
        Delivery::new(&stream, echo, lake, Arc::new(NoNotification), clock, DeliverySettings::default())
            .unwrap();
    assert_eq!(delivery.flush().await.unwrap().delivered, 26);
    server.stop().await;
}

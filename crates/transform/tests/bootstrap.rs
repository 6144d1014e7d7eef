//! The real binary, driven through the Lambda Runtime API with the events in `samples/events/transform`: it answers what the
//! handler answers in process.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use quotelake_testkit::RuntimeApi;
use quotelake_transform::{Context, FirehoseEvent, handle};
use serde_json::Value;

#[tokio::test]
async fn every_sample_event() {
    let api = RuntimeApi::start().await.unwrap();
    let _function = api.run_binary(env!("CARGO_BIN_EXE_quotelake-transform"), &[]).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/events/transform");
    let mut events = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let event: FirehoseEvent = serde_json::from_str(&text).unwrap();
        let expected = serde_json::to_value(handle(&event, &Context::default())).unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(api.invoke(&event).await.unwrap(), expected);
        events += 1;
    }
    assert!(events >= 4);
    let error = api.invoke(&serde_json::json!({"records": "none"})).await.unwrap_err();
    assert!(!error.error_message.is_empty(), "a malformed event is an error of that invocation");
}

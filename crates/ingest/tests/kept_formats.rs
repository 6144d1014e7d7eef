//! Receipts of dropped files, as earlier versions wrote them, are read; that of now is written as it is kept here.
//!
//! What is kept here lies in lakes: it is not changed. See `docs/reference/stored-formats.md`.

use quotelake_ingest::receipt::{Outcome, Receipt};

/// Before a file's content was told from its bytes, and before the contract was named.
const WITHOUT_CONTENT: &str = r#"{"key":"inbox/orders/a.csv","version":"1","dataset":"orders","outcome":"landed","at":"2026-11-26T10:00:00Z","sha256":"aa","bytes":10,"rows":2,"unreadable":1,"landing_keys":["landing/dataset=orders/x.ndjson.gz"],"reason":null}"#;
const RECEIPT: &str = r#"{"key":"inbox/orders/a.csv","version":"1","dataset":"orders","outcome":"same_content","at":"2026-11-26T10:00:00Z","sha256":"aa","content":"bb","contract_sha256":"cc","bytes":10,"rows":2,"unreadable":1,"landing_keys":[],"reason":"the same bytes landed"}"#;

#[test]
fn receipts() {
    let receipt: Receipt = serde_json::from_str(WITHOUT_CONTENT).unwrap();
    assert_eq!((receipt.outcome, receipt.content, receipt.contract_sha256), (Outcome::Landed, None, None));
    let receipt: Receipt = serde_json::from_str(RECEIPT).unwrap();
    assert_eq!(serde_json::to_string(&receipt).unwrap(), RECEIPT);
}

//! Checkpoints of a migration, as earlier versions wrote them, are read; that of now is written as it is kept here.
//!
//! What is kept here lies in lakes: it is not changed. See `docs/reference/stored-formats.md`.

use quotelake_migrate::Checkpoint;

/// Before a second round looked for what changed.
const FIRST_ROUND: &str = r#"{"migration":"legacy","dataset":"orders","mapping_sha256":"aa","started_at":"2026-11-26T10:00:00Z","parts":2,"rows":1000,"last_key":["A-7","2"],"done":false}"#;
const CHECKPOINT: &str = r#"{"migration":"legacy","dataset":"orders","mapping_sha256":"aa","started_at":"2026-11-26T10:00:00Z","parts":3,"rows":1500,"last_key":["A-9"],"done":true,"before":{"parts":2,"rows":1000},"changed_from":"2026-11-25 00:00:00","changed_to":"2026-11-26 00:00:00"}"#;

#[test]
fn checkpoints() {
    let checkpoint: Checkpoint = serde_json::from_str(FIRST_ROUND).unwrap();
    assert_eq!((checkpoint.before.rows, checkpoint.changed_from, checkpoint.changed_to), (0, None, None));
    assert_eq!(checkpoint.last_key.unwrap(), ["A-7", "2"]);
    let checkpoint: Checkpoint = serde_json::from_str(CHECKPOINT).unwrap();
    assert_eq!(serde_json::to_string(&checkpoint).unwrap(), CHECKPOINT);
}

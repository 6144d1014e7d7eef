//! Messages of the units queue and notes of what was sent, as earlier versions wrote them, are read; those of now are written as
//! they are kept here.
//!
//! What is kept here lies in lakes and queues: it is not changed. See `docs/reference/stored-formats.md`.

use quotelake_fetch::{Sent, UnitsMessage};

/// A note of a version that did not know a unit's pages.
const SENT_WITHOUT_PAGES: &str =
    r#"{"source":"polygon","run_id":"run-1","sent_at":"2026-11-28T00:19:00Z","units":["u/1"]}"#;
const SENT: &str = r#"{"source":"polygon","run_id":"run-1","sent_at":"2026-11-28T00:19:00Z","units":["u/1"],"pages":{"u/1":["5021e6"]}}"#;

#[test]
fn notes_of_what_was_sent() {
    let sent: Sent = serde_json::from_str(SENT_WITHOUT_PAGES).unwrap();
    assert!(sent.units.contains("u/1") && sent.pages.is_empty());
    let sent: Sent = serde_json::from_str(SENT).unwrap();
    assert_eq!(sent.pages["u/1"].len(), 1);
    assert_eq!(serde_json::to_string(&sent).unwrap(), SENT);
}

/// A unit that begins anew.
const UNITS: &str = concat!(
    r#"{"source":"polygon","run_id":"run-1","units":[{"unit":{"id":"u/1","endpoint":"aggregates","symbol":"IBM","#,
    r#""interval":"1d","from":"2000-03-01","to":"2013-03-01","exchange_tz":"America/New_York","exchange_mic":"XNYS","#,
    r#""currency":"USD","asset_class":"equity","page":0},"attempt":0}]}"#
);
/// A dead letter: a unit of several instruments that goes on at its second page, handed on twice, and why it failed.
const LETTER: &str = concat!(
    r#"{"source":"brapi","run_id":"run-1","units":[{"unit":{"id":"u/2","endpoint":"quote","symbol":null,"interval":null,"#,
    r#""from":null,"to":null,"exchange_tz":"America/Sao_Paulo","exchange_mic":null,"currency":null,"asset_class":"fund","#,
    r#""instruments":[{"symbol":"MXRF11","mic":"BVMF","asset_class":"fund"}],"page":1},"resume_at":"/api/quote?page=2","#,
    r#""attempt":5}],"hops":2,"failure":{"kind":"server","status":503,"message":"busy"}}"#
);

#[test]
fn messages_of_units_and_their_dead_letters() {
    for kept in [UNITS, LETTER] {
        let message: UnitsMessage = serde_json::from_str(kept).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), kept);
    }
    // Before handing on was counted and before tries were.
    let older = UNITS.replace(r#","attempt":0"#, "");
    let message: UnitsMessage = serde_json::from_str(&older).unwrap();
    assert_eq!((message.hops, message.units[0].attempt), (0, 0));
}

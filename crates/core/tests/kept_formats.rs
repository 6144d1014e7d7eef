//! Envelopes as earlier versions wrote them are read, and the present one is written as it is kept here.
//!
//! A text here is what lies in lakes: it is not changed. A new version of the format adds its own beside it, see
//! `docs/reference/stored-formats.md`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use quotelake_core::{BodyEncoding, Envelope};

/// Version 1, of one instrument, with the body as text.
const TEXT: &str = concat!(
    r#"{"envelope":1,"source":"polygon","unit":{"id":"polygon/aggregates/IBM/1d/2000-03-01/2013-03-01","#,
    r#""endpoint":"aggregates","symbol":"IBM","interval":"1d","from":"2000-03-01","to":"2013-03-01","#,
    r#""exchange_tz":"America/New_York","exchange_mic":"XNYS","currency":"USD","asset_class":"equity","page":0},"#,
    r#""run_id":"run-1","fetched_at":"2013-03-02T02:00:00Z","request_id":"request-1","status":200,"#,
    r#""content_type":"application/json","body_encoding":"utf8","body":"{\"results\":[]}","#,
    r#""sha256":"5021e624e752b001ce3e3846e8f158ed4aeb93a4c9a72fdb35a0c5b14a0eea84"}"#
);

/// Version 1, of several instruments, with the body in base64.
const BYTES: &str = concat!(
    r#"{"envelope":1,"source":"brapi","unit":{"id":"u","endpoint":"quote","symbol":null,"interval":null,"from":null,"#,
    r#""to":null,"exchange_tz":"America/Sao_Paulo","exchange_mic":null,"currency":null,"asset_class":"fund","#,
    r#""instruments":[{"symbol":"MXRF11","mic":"BVMF","asset_class":"fund"}],"page":0},"#,
    r#""run_id":"run-1","fetched_at":"2013-03-02T02:00:00.250Z","request_id":"r","status":200,"content_type":null,"#,
    r#""body_encoding":"base64","body":"eyJyZXN1bHRzIjpbXX0=","#,
    r#""sha256":"5021e624e752b001ce3e3846e8f158ed4aeb93a4c9a72fdb35a0c5b14a0eea84"}"#
);

#[test]
fn envelopes_of_version_1_are_read_and_written() {
    for (kept, encoding) in [(TEXT, BodyEncoding::Utf8), (BYTES, BodyEncoding::Base64)] {
        let envelope = Envelope::from_record(kept.as_bytes()).unwrap();
        assert_eq!(&*envelope.body_bytes().unwrap(), br#"{"results":[]}"#);
        assert_eq!(envelope.body_encoding, encoding);
        assert_eq!(serde_json::to_string(&envelope).unwrap(), kept);
    }
}

#[test]
fn a_member_that_is_not_known_is_passed_over_and_another_version_is_named() {
    let with_more = TEXT.replacen("\"source\"", "\"later\":true,\"source\"", 1);
    assert_eq!(Envelope::from_record(with_more.as_bytes()).unwrap().source, "polygon");
    let next = TEXT.replacen("\"envelope\":1", "\"envelope\":2", 1);
    let error = Envelope::from_record(next.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("envelope version 2 is unknown, this build reads 1"), "{error}");
}

//! Pages that the stream cannot carry: the same lines as by the stream, the record in `raw/`, and no failure in silence.

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use crate::support::{FakeStream, Setting};
use bytes::Bytes;
use quotelake_core::Envelope;
use quotelake_core::ports::Lake;
use quotelake_fetch::{Sent, UnitOutcome};
use quotelake_local::MemoryLake;
use quotelake_sources::page::write_lines;
use quotelake_testkit::{CallPlan, Faulty};

fn narrow() -> Arc<FakeStream> {
    Arc::new(FakeStream { script: Mutex::default(), accepted: Mutex::default(), max_record_bytes: 50_000 })
}

async fn unpacked(lake: &dyn Lake, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let mut objects = Vec::new();
    for meta in lake.list(prefix).await.unwrap() {
        let mut text = Vec::new();
        let bytes = lake.get(&meta.key).await.unwrap().bytes;
        flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
        objects.push((meta.key, text));
    }
    objects
}

fn sorted_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn a_page_past_the_stream_has_the_same_lines_and_its_record_in_raw() {
    let mut setting = Setting::new().await;
    let usual = setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    assert_eq!(usual.counts.delivered, 2);
    let records: Vec<Bytes> = setting.stream.accepted.lock().unwrap().drain(..).collect();
    let (large, small): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.len() > 50_000);
    assert!(large.len() > 1 && !small.is_empty());
    let mut expected = Vec::new();
    for record in &large {
        let envelope = Envelope::from_record(record).unwrap();
        write_lines(&setting.context.sources, &envelope, &mut expected).unwrap();
    }

    let (stream, lake) = (narrow(), Arc::new(MemoryLake::new()));
    setting.context.stream = stream.clone();
    setting.context.lake = Some(lake.clone());
    setting.context.sent = Some(lake.clone());
    let report = setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    assert_eq!((report.counts, report.rows), (usual.counts, usual.rows));
    assert_eq!(*stream.accepted.lock().unwrap(), small);
    let raw = unpacked(lake.as_ref(), "raw/").await;
    let mut kept: Vec<&[u8]> = raw.iter().map(|(_, text)| text.as_slice()).collect();
    let mut sent: Vec<&[u8]> = large.iter().map(|record| &record[..]).collect();
    kept.sort_unstable();
    sent.sort_unstable();
    assert!(kept == sent, "raw/ holds the records as the stream would have had them");
    let landing = unpacked(lake.as_ref(), "landing/").await;
    let text: Vec<u8> = landing.iter().flat_map(|(_, text)| text.clone()).collect();
    assert!(sorted_lines(&text) == sorted_lines(&expected));
    assert!(raw.iter().all(|(key, _)| key.starts_with("raw/2013/03/02/02/page-2013-03-02-02-00-00-")));
    assert!(landing.iter().all(|(key, _)| key.starts_with("landing/2013/03/02/02/page-")));

    // What went past the stream is in landing: only what the stream took is noted.
    let notes = lake.list(&Sent::prefix("2013-03-02".parse().unwrap())).await.unwrap();
    let note: Sent = serde_json::from_slice(&lake.get(&notes[0].key).await.unwrap().bytes).unwrap();
    assert!(note.run_id == "run-1" && note.units.iter().any(|unit| unit.contains("/FB/")), "{note:?}");

    // Page by page, by the hash that every row of it names.
    let hash = |record: &Bytes| Envelope::from_record(record).unwrap().sha256;
    let pages: Vec<&String> = note.pages.values().flatten().collect();
    assert!(small.iter().all(|record| pages.contains(&&hash(record))), "{note:?}");
    assert!(!large.iter().any(|record| pages.contains(&&hash(record))), "{note:?}");

    // The same pages again are the same objects.
    let before = lake.list("").await.unwrap();
    setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    let keys = |objects: &[quotelake_core::ports::ObjectMeta]| {
        objects.iter().map(|meta| meta.key.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&lake.list("").await.unwrap()), keys(&before));
}

#[tokio::test]
async fn a_lake_that_fails_hands_the_unit_back() {
    let mut setting = Setting::new().await;
    setting.context.stream = narrow();
    let lake: Arc<dyn Lake> = Arc::new(MemoryLake::new());
    let healthy = CallPlan::new();
    setting.context.lake = Some(Arc::new(Faulty::new(Arc::clone(&lake), &healthy)));
    assert_eq!(setting.report(&["AAPL"], &["daily_bars"]).await.counts.delivered, 1);
    assert!(healthy.calls() >= 4);
    for call in 1..=healthy.calls() {
        let plan = CallPlan::crash_at(call, quotelake_testkit::Moment::Before);
        setting.context.lake = Some(Arc::new(Faulty::new(Arc::clone(&lake), &plan)));
        let report = setting.report(&["AAPL"], &["daily_bars"]).await;
        let outcome = &report.units[0].outcome;
        assert!(
            matches!(outcome, UnitOutcome::HandedBack { reason, .. } if reason.contains("the lake does not take it")),
            "call {call}: {outcome:?}"
        );
    }
    assert!(!setting.units.bodies().is_empty());
}

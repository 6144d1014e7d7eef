//! Pages that `transform` gave back: those that can be read are landed past the stream, the others stay.

use std::sync::Arc;

use crate::support::{Setting, sqs};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use quotelake_core::Envelope;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_fetch::{RefusedReport, land_refused};
use quotelake_landing::gzip;
use quotelake_local::MemoryLake;
use quotelake_sources::page::write_lines;
use quotelake_testkit::{CallPlan, Faulty, Moment};
use serde_json::json;

const FAILED: &str = "undelivered/processing-failed/2013/03/02/02/quotelake-1";

/// What the stream files of records that `transform` gave back.
fn filed(records: &[&[u8]]) -> Vec<u8> {
    let line = |record: &&[u8]| {
        let line = json!({
            "attemptsMade": 1, "arrivalTimestamp": 1_362_189_600_000_i64, "errorCode": "Lambda.ProcessingFailedStatus",
            "errorMessage": "ProcessingFailed status set for record", "attemptEndingTimestamp": 1_362_189_660_000_i64,
            "rawData": BASE64.encode(record), "lambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:quotelake-transform",
        });
        format!("{line}\n").into_bytes()
    };
    records.iter().flat_map(line).collect()
}

/// Pages of a run, and the lines that they hold.
async fn pages(setting: &Setting) -> (Vec<Bytes>, Vec<u8>) {
    setting.report(&["AAPL", "FB"], &["daily_bars"]).await;
    let records: Vec<Bytes> = setting.stream.accepted.lock().unwrap().drain(..).collect();
    let mut lines = Vec::new();
    for record in &records {
        let envelope = Envelope::from_record(record).unwrap();
        write_lines(&setting.context.sources, &envelope, &mut lines).unwrap();
    }
    (records, lines)
}

async fn landed(lake: &dyn Lake) -> Vec<u8> {
    let mut text = Vec::new();
    for meta in lake.list("landing/").await.unwrap() {
        text.extend(gzip::unpack(&lake.get(&meta.key).await.unwrap().bytes).unwrap());
    }
    sorted(&text)
}

fn sorted(text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines.concat()
}

#[tokio::test]
async fn a_page_that_was_refused_for_room_is_landed_and_what_cannot_be_read_stays() {
    let mut setting = Setting::new().await;
    let (records, lines) = pages(&setting).await;
    assert!(records.len() > 2);
    let lake = Arc::new(MemoryLake::new());
    setting.context.lake = Some(lake.clone());
    let mut all: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
    all.insert(1, b"no page");
    lake.put(FAILED, gzip::pack(&filed(&all)).unwrap(), Precondition::None).await.unwrap();
    let other = "undelivered/staged/dataset=splits/x.arrow";
    lake.put(other, "a staged object".into(), Precondition::None).await.unwrap();

    let answer = setting.handle(&sqs(&[r#"{"sweep":{}}"#.to_owned()])).await.unwrap();
    assert_eq!(answer.get(), r#"{"batchItemFailures":[]}"#);
    assert_eq!(landed(lake.as_ref()).await, sorted(&lines));
    let left = gzip::unpack(&lake.get(FAILED).await.unwrap().bytes).unwrap();
    assert_eq!(left, filed(&[b"no page"]));
    assert!(lake.head(other).await.unwrap().is_some(), "it is none of the stream's");

    let again = land_refused(&setting.context).await.unwrap();
    assert_eq!(again, RefusedReport { landed: 0, left: 1 }, "nothing is landed twice");
}

#[tokio::test]
async fn a_lake_that_fails_at_any_call_loses_no_page() {
    let mut setting = Setting::new().await;
    let (records, lines) = pages(&setting).await;
    let all: Vec<&[u8]> = records.iter().map(AsRef::as_ref).collect();
    for moment in [Moment::Before, Moment::After] {
        for call in 1.. {
            let lake = Arc::new(MemoryLake::new());
            lake.put(FAILED, filed(&all).into(), Precondition::None).await.unwrap();
            let plan = CallPlan::fail_at(call, moment);
            setting.context.lake = Some(Arc::new(Faulty::<dyn Lake>::new(lake.clone(), &plan)));
            let first = land_refused(&setting.context).await;
            if first.is_ok() {
                assert!(call > records.len(), "every call was tried");
                break;
            }
            land_refused(&setting.context).await.unwrap();
            assert_eq!(landed(lake.as_ref()).await, sorted(&lines), "call {call}");
            assert!(lake.list("undelivered/").await.unwrap().is_empty());
        }
    }
}

//! Deliveries on a paused clock: buffers, failures, a crash at every call.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::TimeDelta;
use quotelake_core::ports::{Lake, Queue, RecordStream as _};
use quotelake_testkit::{CallPlan, Faulty, Moment, StepClock, build};
use serde_json::{Value, json};

use super::*;
use crate::{
    Durability, FolderQueue, Function, FunctionError, MemoryLake, NoNotification, QueueNotifier, function_fn,
};

/// What the function does with each record, by its text.
fn transform(event: &Bytes) -> Value {
    let event: Value = serde_json::from_slice(event).unwrap();
    let records = event["records"].as_array().unwrap().iter().map(|record| {
        let data = BASE64.decode(record["data"].as_str().unwrap()).unwrap();
        let text = String::from_utf8_lossy(&data);
        let result = match text.trim_end() {
            text if text.starts_with("drop") => "Dropped",
            text if text.starts_with("poison") => "ProcessingFailed",
            _ => "Ok",
        };
        let data = BASE64.encode(text.to_uppercase());
        json!({ "recordId": record["recordId"], "result": result, "data": data })
    });
    json!({ "records": records.collect::<Vec<_>>() })
}

struct Rig {
    stream: SpoolStream,
    queue: FolderQueue,
    lake: Arc<MemoryLake>,
    clock: StepClock,
    _dir: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), StepClock::new(build::instant()));
        let time = || Arc::new(clock.clone());
        let fast = Durability::ProcessCrash;
        Self {
            stream: SpoolStream::open_with(dir.path().join("spool"), time(), fast).unwrap(),
            queue: FolderQueue::open_with(dir.path(), "check", time(), fast).unwrap(),
            lake: Arc::new(MemoryLake::new()),
            clock,
            _dir: dir,
        }
    }

    fn delivery(&self, function: Arc<dyn Function>, plan: &CallPlan) -> Delivery {
        let clock = Arc::new(self.clock.clone());
        let queue: Arc<dyn Queue> = Arc::new(Faulty::new(Arc::new(self.queue.clone()), plan));
        let created = Arc::new(QueueNotifier::new("lake", queue, clock.clone()));
        let lake: Arc<dyn Lake> = Arc::new(Faulty::new(Arc::clone(&self.lake), plan));
        Delivery::new(&self.stream, function, lake, created, clock, DeliverySettings::default()).unwrap()
    }

    fn healthy(&self) -> Delivery {
        self.delivery(upper(), &CallPlan::new())
    }

    async fn put(&self, records: &[&str]) {
        let records: Vec<Bytes> = records.iter().map(|text| Bytes::from(format!("{text}\n"))).collect();
        let outcomes = self.stream.put(&records).await.unwrap();
        assert!(
            outcomes.iter().all(|outcome| matches!(outcome, quotelake_core::ports::PutOutcome::Accepted))
        );
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        self.lake.list(prefix).await.unwrap().into_iter().map(|meta| meta.key).collect()
    }

    /// The lines of every object under a prefix.
    async fn lines(&self, prefix: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for key in self.keys(prefix).await {
            let mut text = String::new();
            let bytes = self.lake.get(&key).await.unwrap().bytes;
            flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
        lines
    }

    /// The keys that the queue was notified about.
    async fn told(&self) -> Vec<String> {
        let key = |body: &str| {
            let event: Value = serde_json::from_str(body).unwrap();
            event["Records"][0]["s3"]["object"]["key"].as_str().unwrap().to_owned()
        };
        self.queue.list().await.unwrap().iter().map(|stored| key(&stored.message.body)).collect()
    }
}

fn upper() -> Arc<dyn Function> {
    Arc::new(function_fn(
        "upper",
        |event: Bytes| async move { Ok(Bytes::from(transform(&event).to_string())) },
    ))
}

/// A function that answers with whatever `answer` makes of the right answer.
fn bent(answer: impl Fn(Value) -> Result<Bytes, FunctionError> + Send + Sync + 'static) -> Arc<dyn Function> {
    Arc::new(function_fn("bent", move |event: Bytes| {
        let answered = answer(transform(&event));
        async move { answered }
    }))
}

#[tokio::test]
async fn records_are_transformed_backed_up_and_announced() {
    let rig = Rig::new();
    rig.put(&["a", "poison 1", "b", "drop me"]).await;
    let report = rig.healthy().flush().await.unwrap();
    assert_eq!((report.invocations, report.delivered, report.dropped, report.failed), (1, 2, 1, 1));
    // A failed record's object is named by record ids, which differ from run to run.
    let mut keys = rig.keys("").await;
    let failed = keys.pop().unwrap();
    assert!(
        failed.starts_with("undelivered/processing-failed/2026/11/21/06/quotelake-1-2026-11-21-06-00-00-")
    );
    insta::assert_json_snapshot!(keys, @r#"
    [
      "landing/2026/11/21/06/quotelake-1-2026-11-21-06-00-00-daee1cd25194ae95.gz",
      "raw/2026/11/21/06/quotelake-1-2026-11-21-06-00-00-b4bb5f52a347be9d.gz"
    ]
    "#);
    assert_eq!(rig.lines("landing/").await, ["A", "B"]);
    assert_eq!(rig.lines("raw/").await, ["a", "poison 1", "b", "drop me"]);
    assert_eq!(rig.told().await, report.objects);
    assert_eq!(rig.stream.depth().await.unwrap(), SpoolDepth::default(), "the journal is empty");
    assert_eq!(rig.healthy().flush().await.unwrap(), DeliveryReport::default());
}

#[tokio::test]
async fn a_failed_record_has_the_shape_that_firehose_gives_it() {
    let rig = Rig::new();
    rig.put(&["poison"]).await;
    rig.healthy().flush().await.unwrap();
    let lines = rig.lines("undelivered/").await;
    insta::assert_snapshot!(lines.join("\n"), @r#"{"attemptsMade":1,"arrivalTimestamp":1795240800000,"errorCode":"Lambda.ProcessingFailedStatus","errorMessage":"ProcessingFailed status set for record","attemptEndingTimestamp":1795240800000,"rawData":"cG9pc29uCg==","lambdaARN":"arn:aws:lambda:us-east-1:000000000000:function:quotelake-transform:$LATEST"}"#);
    assert!(rig.keys("landing/").await.is_empty() && rig.told().await.is_empty(), "no empty object");
}

#[tokio::test]
async fn the_event_is_the_one_that_firehose_sends() {
    let rig = Rig::new();
    rig.put(&["a"]).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let spy = Arc::new(function_fn("spy", move |event: Bytes| {
        log.lock().unwrap().push(serde_json::from_slice::<Value>(&event).unwrap());
        async move { Ok(Bytes::from(transform(&event).to_string())) }
    }));
    rig.delivery(spy, &CallPlan::new()).flush().await.unwrap();
    let mut event = seen.lock().unwrap()[0].clone();
    for field in ["/invocationId", "/records/0/recordId"] {
        assert!(event.pointer(field).unwrap().is_string());
        *event.pointer_mut(field).unwrap() = "differs".into();
    }
    insta::assert_json_snapshot!(event, @r#"
    {
      "deliveryStreamArn": "arn:aws:firehose:us-east-1:000000000000:deliverystream/quotelake",
      "invocationId": "differs",
      "records": [
        {
          "approximateArrivalTimestamp": 1795240800000,
          "data": "YQo=",
          "recordId": "differs"
        }
      ],
      "region": "us-east-1"
    }
    "#);
}

#[tokio::test]
async fn an_answer_that_breaks_the_contract_is_retried_and_then_filed_as_an_error() {
    let first = |answer: &mut Value| answer["records"][0].take();
    type Bend = Box<dyn Fn(Value) -> Result<Bytes, FunctionError> + Send + Sync>;
    let bends: Vec<(&str, Bend)> = vec![
        ("Lambda.FunctionError", Box::new(|_| Err(FunctionError::new("boom", "bang")))),
        ("Lambda.FunctionError", Box::new(|_| panic!("boom"))),
        ("Lambda.FunctionError", Box::new(|_| Ok(vec![b' '; 6 * 1024 * 1024 + 1].into()))),
        ("Lambda.JsonProcessingException", Box::new(|_| Ok(Bytes::from_static(b"null")))),
        ("Lambda.JsonProcessingException", Box::new(|_| Ok(Bytes::from_static(b"{\"records\":[{}]}")))),
        ("Lambda.MissingRecordId", Box::new(|_| Ok(Bytes::from_static(b"{\"records\":[]}")))),
        (
            "Lambda.DuplicatedRecordId",
            Box::new(move |mut answer| {
                let record = first(&mut answer);
                Ok(json!({ "records": [record, record] }).to_string().into())
            }),
        ),
        (
            "Lambda.JsonProcessingException",
            Box::new(|mut answer| {
                let mut other = answer["records"][0].clone();
                other["recordId"] = "made up".into();
                answer["records"].as_array_mut().unwrap().push(other);
                Ok(answer.to_string().into())
            }),
        ),
        (
            "Lambda.JsonProcessingException",
            Box::new(|mut answer| {
                answer["records"][0]["data"] = "not base64!".into();
                Ok(answer.to_string().into())
            }),
        ),
        (
            "Lambda.JsonProcessingException",
            Box::new(|mut answer| {
                answer["records"][0]["result"] = "ok".into();
                Ok(answer.to_string().into())
            }),
        ),
        (
            "Lambda.JsonProcessingException",
            Box::new(|mut answer| {
                answer["records"][0].as_object_mut().unwrap().remove("data");
                Ok(answer.to_string().into())
            }),
        ),
    ];
    for (code, bend) in bends {
        let rig = Rig::new();
        rig.put(&["a"]).await;
        let report = rig.delivery(bent(bend), &CallPlan::new()).flush().await.unwrap();
        assert_eq!((report.invocations, report.delivered, report.failed), (4, 0, 1), "{code}: three retries");
        let failed: Value =
            serde_json::from_str(&rig.lines("undelivered/processing-failed/").await[0]).unwrap();
        assert_eq!((&failed["errorCode"], &failed["attemptsMade"]), (&json!(code), &json!(4)), "{failed}");
        assert_eq!(BASE64.decode(failed["rawData"].as_str().unwrap()).unwrap(), b"a\n");
        assert_eq!(rig.lines("raw/").await, ["a"], "the backup has it all the same");
    }
}

#[tokio::test]
async fn a_passing_failure_of_the_function_costs_a_retry() {
    let rig = Rig::new();
    rig.put(&["a"]).await;
    let calls = Mutex::new(0);
    let flaky = bent(move |answer| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        if *calls < 3 { Err(FunctionError::new("throttled", "later")) } else { Ok(answer.to_string().into()) }
    });
    let report = rig.delivery(flaky, &CallPlan::new()).flush().await.unwrap();
    assert_eq!((report.invocations, report.delivered, report.failed), (3, 1, 0));
}

#[tokio::test]
async fn an_object_is_as_large_as_the_buffer() {
    let rig = Rig::new();
    let megabyte = "x".repeat(1_000_000);
    for _ in 0..7 {
        rig.put(&[&megabyte]).await;
    }
    let report = rig.healthy().flush().await.unwrap();
    assert_eq!((report.objects.len(), report.delivered), (2, 7), "full at 5 MB");
    assert_eq!(rig.stream.depth().await.unwrap().batches, 0);
    assert_eq!(rig.lines("landing/").await.len(), 7);
}

#[tokio::test]
async fn the_same_records_get_the_same_objects_in_any_process() {
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let rig = Rig::new();
        rig.put(&["a", "b"]).await;
        rig.healthy().flush().await.unwrap();
        worlds.push(rig.lake.list("").await.unwrap());
    }
    assert_eq!(worlds[0], worlds[1], "keys, sizes and versions");
}

/// A crash before or after every single call of the delivery, then a new process: everything accepted is in the lake
/// exactly as without the crash, every landing object was announced, and the journal is empty.
#[tokio::test]
async fn a_crash_at_any_call_loses_nothing_and_writes_no_second_object() {
    let records = ["a", "poison", "b", "drop"];
    let undisturbed = Rig::new();
    undisturbed.put(&records).await;
    let plan = CallPlan::new();
    undisturbed.delivery(upper(), &plan).flush().await.unwrap();
    assert_eq!(plan.calls(), 4, "backup, landing, failed, notification: {:?}", plan.log());

    for call in 1..=plan.calls() {
        for moment in [Moment::Before, Moment::After] {
            let rig = Rig::new();
            rig.put(&records).await;
            let plan = CallPlan::crash_at(call, moment);
            rig.delivery(upper(), &plan).flush().await.unwrap_err();
            // More arrives before the process is back.
            rig.put(&["later"]).await;
            plan.restart();
            rig.delivery(upper(), &plan).flush().await.unwrap();

            let at = format!("{moment:?} call {call}");
            assert_eq!(rig.keys("landing/").await.len(), 2, "{at}: one object each");
            let mut lines = rig.lines("landing/").await;
            lines.sort();
            assert_eq!(lines, ["A", "B", "LATER"], "{at}");
            assert_eq!(rig.lines("raw/").await.len(), 5, "{at}");
            assert_eq!(rig.lines("undelivered/").await.len(), 1, "{at}");
            let told: BTreeSet<String> = rig.told().await.into_iter().collect();
            assert_eq!(
                told,
                rig.keys("landing/").await.into_iter().collect(),
                "{at}: every object is announced"
            );
            assert_eq!(rig.stream.depth().await.unwrap().batches, 0, "{at}");
        }
    }
}

/// The process died between dropping the first and the second of two delivered batches.
#[tokio::test]
async fn an_interrupted_drop_of_the_journal_loses_nothing() {
    let rig = Rig::new();
    rig.put(&["a"]).await;
    rig.clock.advance(TimeDelta::milliseconds(1));
    rig.put(&["b"]).await;
    let names: Vec<String> =
        rig.stream.journal.batches().unwrap().into_iter().map(|batch| batch.name).collect();
    let kept = std::fs::read(rig._dir.path().join("spool").join(&names[1])).unwrap();
    rig.healthy().flush().await.unwrap();
    std::fs::write(rig._dir.path().join("spool").join(&names[1]), kept).unwrap();
    rig.stream.journal.claim(&names).unwrap();

    rig.healthy().flush().await.unwrap();
    assert_eq!(
        rig.lines("landing/").await.into_iter().collect::<BTreeSet<_>>(),
        ["A".into(), "B".into()].into()
    );
    assert_eq!(rig.stream.depth().await.unwrap().batches, 0);
    assert!(rig.stream.journal.claimed().unwrap().is_empty());
}

#[test]
fn wrong_settings_are_told_at_the_start() {
    let rig = Rig::new();
    let clock = Arc::new(rig.clock.clone());
    let settings = DeliverySettings { error_prefix: "undelivered/".into(), ..DeliverySettings::default() };
    let made =
        Delivery::new(&rig.stream, upper(), rig.lake.clone(), Arc::new(NoNotification), clock, settings);
    assert_eq!(made.unwrap_err().kind(), quotelake_core::ErrorKind::Config);
}

mod properties;

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_set_aside_and_holds_up_no_other() {
    let rig = Rig::new();
    rig.put(&["a"]).await;
    let spool = rig._dir.path().join("spool");
    let batch = std::fs::read_dir(&spool)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "batch"))
        .unwrap();
    let mut bytes = std::fs::read(&batch).unwrap();
    // The length of its first record.
    bytes[9] ^= 0xff;
    std::fs::write(&batch, &bytes).unwrap();
    rig.put(&["b"]).await;
    let report = rig.healthy().flush().await.unwrap();
    assert_eq!((report.delivered, rig.lines("landing/").await), (1, vec!["B".to_owned()]));
    let aside = rig.stream.damaged().await.unwrap();
    assert_eq!(aside, [spool.join("damaged").join(batch.file_name().unwrap())]);
    assert_eq!(std::fs::read(&aside[0]).unwrap(), bytes, "nothing of it is lost");
    assert_eq!(rig.stream.depth().await.unwrap().batches, 0);
}

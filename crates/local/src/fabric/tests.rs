//! The fabric on queues in a folder: order, retries, dead letters, chaos.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::TimeDelta;
use proptest::prelude::*;
use quotelake_core::ports::{Message, Queue as _};
use quotelake_testkit::{StepClock, build};
use serde_json::{Value, json};

use super::*;
use crate::{Durability, FolderQueue, Function, FunctionError, function_fn};

struct Rig {
    queue: FolderQueue,
    dead: FolderQueue,
    clock: StepClock,
    _dir: tempfile::TempDir,
}

type Log = Arc<Mutex<Vec<Vec<String>>>>;

impl Rig {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), StepClock::new(build::instant()));
        let open = |name: &str| {
            FolderQueue::open_with(dir.path(), name, Arc::new(clock.clone()), Durability::ProcessCrash)
                .unwrap()
        };
        Self { queue: open("check"), dead: open("check-dlq"), clock, _dir: dir }
    }

    fn fabric(&self, function: Arc<dyn Function>) -> Fabric {
        Fabric::new().bind(self.binding(function))
    }

    fn binding(&self, function: Arc<dyn Function>) -> Binding {
        Binding::new(self.queue.clone(), function, self.dead.clone())
    }

    async fn send(&self, bodies: &[&str]) {
        for body in bodies {
            self.queue.send(build::message(body)).await.unwrap();
        }
    }

    async fn dead_bodies(&self) -> Vec<String> {
        self.dead.list().await.unwrap().into_iter().map(|letter| letter.message.body).collect()
    }
}

fn bodies(event: &Bytes) -> Vec<(String, String)> {
    let event: Value = serde_json::from_slice(event).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    event["Records"].as_array().unwrap().iter().map(|r| (text(&r["messageId"]), text(&r["body"]))).collect()
}

/// Notes the bodies of each event and answers with `answer(event)`.
fn noting(
    answer: impl Fn(&[(String, String)]) -> Result<String, FunctionError> + Send + Sync + 'static,
) -> (Arc<dyn Function>, Log) {
    let log: Log = Arc::default();
    let noted = Arc::clone(&log);
    let function = function_fn("noting", move |event: Bytes| {
        let records = bodies(&event);
        noted.lock().unwrap().push(records.iter().map(|(_, body)| body.clone()).collect());
        let answered = answer(&records).map(Bytes::from);
        async move { answered }
    });
    (Arc::new(function), log)
}

#[tokio::test]
async fn events_are_the_ones_that_lambda_hands_over() {
    let rig = Rig::new();
    let mut message = build::grouped("daily_bars", "{\"dataset\":\"daily_bars\"}");
    message.attributes.insert("run".into(), "run-1".into());
    rig.queue.send(message).await.unwrap();
    let batch = rig.queue.receive(10, TimeDelta::seconds(1)).await.unwrap();
    let mut event: Value = serde_json::from_slice(&sqs_event("check", &batch).unwrap()).unwrap();
    let record = &mut event["Records"][0];
    assert_eq!(record["messageId"], batch[0].stored.id);
    assert_eq!(record["receiptHandle"], batch[0].receipt_handle);
    for field in ["/messageId", "/receiptHandle", "/attributes/MessageDeduplicationId"] {
        *record.pointer_mut(field).unwrap() = "differs".into();
    }
    insta::assert_json_snapshot!(event, @r#"
    {
      "Records": [
        {
          "attributes": {
            "ApproximateFirstReceiveTimestamp": "1795240800000",
            "ApproximateReceiveCount": "1",
            "MessageDeduplicationId": "differs",
            "MessageGroupId": "daily_bars",
            "SenderId": "000000000000",
            "SentTimestamp": "1795240800000",
            "SequenceNumber": "00000000000000000001"
          },
          "awsRegion": "us-east-1",
          "body": "{\"dataset\":\"daily_bars\"}",
          "eventSource": "aws:sqs",
          "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:check",
          "messageAttributes": {
            "run": {
              "binaryListValues": [],
              "dataType": "String",
              "stringListValues": [],
              "stringValue": "run-1"
            }
          },
          "messageId": "differs",
          "receiptHandle": "differs"
        }
      ]
    }
    "#);
    let object = S3Object {
        bucket: "lake",
        key: "landing/dataset=daily_bars/a b.gz",
        size: 3,
        etag: "0f",
        created_at: build::instant(),
    };
    insta::assert_json_snapshot!(s3_object_created(&object)["Records"][0]["s3"]["object"], @r#"
    {
      "eTag": "0f",
      "key": "landing/dataset%3Ddaily_bars/a+b.gz",
      "sequencer": "000660C3122B9800",
      "size": 3
    }
    "#);
}

#[tokio::test]
async fn messages_are_handled_in_batches_and_removed() {
    let rig = Rig::new();
    let names: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    rig.send(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    // Every one of these says that all went well.
    let answers = ["", "null", "{}", "{\"batchItemFailures\":[]}", "{\"batchItemFailures\":null}"];
    let next = Mutex::new(0);
    let (function, log) = noting(move |_| {
        let mut next = next.lock().unwrap();
        *next += 1;
        Ok(answers[*next % answers.len()].to_owned())
    });
    let mut binding = rig.binding(function);
    binding.batch_size = 5;
    let report = Fabric::new().bind(binding).run_until_idle().await.unwrap();
    assert_eq!(report, FabricReport { invocations: 5, handled: 25, ..FabricReport::default() });
    assert_eq!(log.lock().unwrap().concat(), names);
}

#[tokio::test]
async fn only_the_items_that_failed_come_back_and_end_as_dead_letters() {
    let rig = Rig::new();
    let mut poison = build::message("poison");
    poison.attributes.insert("run".into(), "run-1".into());
    rig.send(&["a"]).await;
    rig.queue.send(poison).await.unwrap();
    rig.send(&["b"]).await;
    let (function, log) = noting(|records| {
        let failed = records.iter().filter(|(_, body)| body == "poison");
        let failed: Vec<_> = failed.map(|(id, _)| json!({ "itemIdentifier": id })).collect();
        Ok(json!({ "batchItemFailures": failed }).to_string())
    });
    let report = rig.fabric(function).run_until_idle().await.unwrap();
    assert_eq!((report.invocations, report.handled, report.returned, report.dead_lettered), (5, 2, 4, 1));
    assert_eq!(log.lock().unwrap()[1..], vec![vec!["poison".to_owned()]; 4]);
    let letter = rig.dead.list().await.unwrap().remove(0);
    assert_eq!((letter.message.body.as_str(), letter.error_code()), ("poison", Some("batch_item_failure")));
    assert_eq!(letter.message.attributes["run"], "run-1", "attributes are kept");
}

#[tokio::test]
async fn a_failed_event_gives_the_whole_batch_back() {
    let wrong: [(&str, Result<String, FunctionError>); 7] = [
        ("invalid_input", Err(FunctionError::new("invalid_input", "no"))),
        ("malformed_response", Ok("\"ok\"".into())),
        ("malformed_response", Ok("not json".into())),
        ("malformed_response", Ok(json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }).to_string())),
        ("malformed_response", Ok(json!({ "batchItemFailures": [{ "itemIdentifier": null }] }).to_string())),
        ("malformed_response", Ok(json!({ "batchItemFailures": [{ "id": "x" }] }).to_string())),
        (
            "malformed_response",
            Ok(json!({ "batchItemFailures": [{ "itemIdentifier": "unknown" }] }).to_string()),
        ),
    ];
    for (code, answer) in wrong {
        let rig = Rig::new();
        rig.send(&["a", "b"]).await;
        let (function, log) = noting(move |_| answer.clone());
        let report = rig.fabric(function).run_until_idle().await.unwrap();
        assert_eq!((report.handled, report.dead_lettered), (0, 2), "{code}");
        assert_eq!(*log.lock().unwrap(), vec![vec!["a".to_owned(), "b".to_owned()]; 5], "five receives");
        assert_eq!(rig.dead.list().await.unwrap()[0].error_code(), Some(code));
    }
}

#[tokio::test]
async fn a_panic_is_one_failed_event() {
    let rig = Rig::new();
    rig.send(&["a"]).await;
    let count = Mutex::new(0);
    let (function, _) = noting(move |_| {
        let first = {
            let mut count = count.lock().unwrap();
            *count += 1;
            *count == 1
        };
        assert!(!first, "boom");
        Ok(String::new())
    });
    let report = rig.fabric(function).run_until_idle().await.unwrap();
    assert_eq!((report.invocations, report.handled, report.returned), (2, 1, 1));
}

#[tokio::test]
async fn what_one_function_sends_the_next_one_handles() {
    let rig = Rig::new();
    let publish = FolderQueue::open_with(
        rig._dir.path(),
        "publish.fifo",
        Arc::new(rig.clock.clone()),
        Durability::ProcessCrash,
    )
    .unwrap();
    let target = publish.clone();
    let check = Arc::new(function_fn("check", move |event: Bytes| {
        let target = target.clone();
        async move {
            for (_, body) in bodies(&event) {
                target.send(build::grouped("daily_bars", &body)).await?;
            }
            Ok(Bytes::new())
        }
    }));
    let (published, log) = noting(|_| Ok(String::new()));
    rig.send(&["a", "b"]).await;
    let fabric =
        Fabric::new().bind(Binding::new(publish, published, rig.dead.clone())).bind(rig.binding(check));
    let report = fabric.run_until_idle().await.unwrap();
    assert_eq!(report.handled, 4);
    assert_eq!(log.lock().unwrap().concat(), ["a", "b"]);
}

#[tokio::test]
async fn a_delayed_retry_is_counted_and_not_waited_for() {
    let rig = Rig::new();
    rig.send(&["a"]).await;
    let fails = Arc::new(Mutex::new(true));
    let failing = Arc::clone(&fails);
    let (function, _) = noting(move |_| match *failing.lock().unwrap() {
        true => Err(FunctionError::new("throttled", "later")),
        false => Ok(String::new()),
    });
    let mut binding = rig.binding(function);
    binding.retry_delay = TimeDelta::seconds(30);
    let fabric = Fabric::new().bind(binding);
    let report = fabric.run_until_idle().await.unwrap();
    assert_eq!((report.invocations, report.returned, report.waiting), (1, 1, 1));
    *fails.lock().unwrap() = false;
    assert_eq!(fabric.run_until_idle().await.unwrap().invocations, 0, "not yet");
    rig.clock.advance(TimeDelta::seconds(30));
    assert_eq!(fabric.run_until_idle().await.unwrap().handled, 1);
}

#[tokio::test]
async fn what_a_dead_process_had_in_hand_is_handled_by_the_next_one() {
    let rig = Rig::new();
    rig.send(&["a"]).await;
    rig.queue.receive(10, TimeDelta::hours(1)).await.unwrap();
    let (function, _) = noting(|_| Ok(String::new()));
    assert_eq!(rig.fabric(function).run_until_idle().await.unwrap().handled, 1);
}

#[tokio::test]
async fn a_message_that_kills_the_process_every_time_becomes_a_dead_letter() {
    let rig = Rig::new();
    rig.send(&["killer"]).await;
    for _ in 0..5 {
        rig.queue.receive(10, TimeDelta::zero()).await.unwrap();
    }
    let (function, log) = noting(|_| Ok(String::new()));
    let report = rig.fabric(function).run_until_idle().await.unwrap();
    assert_eq!((report.invocations, report.dead_lettered), (0, 1));
    assert!(log.lock().unwrap().is_empty());
    assert_eq!(rig.dead.list().await.unwrap()[0].error_code(), Some("max_receive_count"));
}

#[tokio::test]
async fn dead_letters_are_listed_by_cause_and_driven_back() {
    let rig = Rig::new();
    for (body, code) in [("a", "not_found"), ("b", "invalid_input"), ("c", "not_found"), ("d", "not_found")] {
        rig.dead.send(build::dead_letter(body, code)).await.unwrap();
    }
    let causes = dead_letters(&rig.dead).await.unwrap();
    let counts: Vec<_> =
        causes.iter().map(|cause| (cause.error_code.as_deref().unwrap(), cause.count)).collect();
    assert_eq!(counts, [("not_found", 3), ("invalid_input", 1)]);
    assert_eq!(causes[0].last_message.as_deref(), Some("failed as not_found"));

    let mut which = Redrive { error_code: Some("not_found".into()), limit: Some(2), dry_run: true };
    let report = redrive(&rig.dead, &rig.queue, &which).await.unwrap();
    assert_eq!((report.chosen.len(), report.moved), (2, 0));
    assert_eq!(
        (rig.dead_bodies().await.len(), rig.queue.list().await.unwrap().len()),
        (4, 0),
        "a dry run moves none"
    );

    which.dry_run = false;
    assert_eq!(redrive(&rig.dead, &rig.queue, &which).await.unwrap().moved, 2);
    assert_eq!(rig.dead_bodies().await, ["b", "d"]);
    let back: Vec<Message> =
        rig.queue.list().await.unwrap().into_iter().map(|stored| stored.message).collect();
    assert_eq!(back, [build::message("a"), build::message("c")], "without the cause");
    assert_eq!(
        redrive(&rig.dead, &rig.queue, &Redrive::default()).await.unwrap().moved,
        2,
        "no filter means all"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Under any chaos every message is handled at least once, those of a group first in order, and none becomes a dead
    /// letter: chaos alone gives up on nothing.
    #[test]
    fn chaos_loses_nothing_and_keeps_groups_in_order(
        seed: u64,
        duplicate in 0.0f64..=1.0,
        reorder in 0.0f64..=1.0,
        fail in 0.0f64..=1.0,
        batch_size in 1usize..6,
        concurrency in 1usize..4,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let rig = Rig::new();
            for number in 0..5 {
                rig.queue.send(build::grouped("bars", &format!("bars-{number}"))).await.unwrap();
                rig.queue.send(build::grouped("splits", &format!("splits-{number}"))).await.unwrap();
                rig.queue.send(build::message(&format!("single-{number}"))).await.unwrap();
            }
            let (function, log) = noting(|_| Ok(String::new()));
            let mut binding = rig.binding(function);
            (binding.batch_size, binding.concurrency) = (batch_size, concurrency);
            let chaos = Chaos { seed, duplicate, reorder, fail };
            let report = Fabric::new().bind(binding).with_chaos(chaos).run_until_idle().await.unwrap();
            assert_eq!((report.handled, report.dead_lettered, report.waiting), (15, 0, 0));

            let handled = log.lock().unwrap().concat();
            for group in ["bars", "splits", "single"] {
                let mut first: Vec<&String> = Vec::new();
                for body in handled.iter().filter(|body| body.starts_with(group)) {
                    if !first.contains(&body) {
                        first.push(body);
                    }
                }
                if group == "single" {
                    first.sort();
                }
                assert_eq!(first, (0..5).map(|n| format!("{group}-{n}")).collect::<Vec<_>>().iter().collect::<Vec<_>>());
            }
        });
    }
}

#[tokio::test]
async fn chaos_repeats_by_seed() {
    let mut runs = Vec::new();
    for seed in [1, 1, 2] {
        let rig = Rig::new();
        rig.send(&["a", "b", "c", "d", "e", "f", "g", "h"]).await;
        let (function, log) = noting(|_| Ok(String::new()));
        let mut binding = rig.binding(function);
        binding.batch_size = 2;
        let chaos = Chaos { seed, duplicate: 0.3, reorder: 0.5, fail: 0.3 };
        Fabric::new().bind(binding).with_chaos(chaos).run_until_idle().await.unwrap();
        runs.push(log.lock().unwrap().clone());
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

/// The sample events look like the ones that the fabric makes: a handler that takes the one takes the other.
#[tokio::test]
async fn sample_events_have_the_fields_of_real_ones() {
    let rig = Rig::new();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (sample, group) in [
        ("check/object_created", None),
        ("check/test_event", None),
        ("check/poison_key", None),
        ("publish/publish_request", Some("daily_bars")),
    ] {
        let path = format!("{}/../../samples/events/{sample}.json", env!("CARGO_MANIFEST_DIR"));
        let sample: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        rig.queue.send(Message { group: group.map(str::to_owned), ..build::message("{}") }).await.unwrap();
        let batch = rig.queue.receive(1, TimeDelta::seconds(1)).await.unwrap();
        rig.queue.ack(&batch[0].receipt_handle).await.unwrap();
        let ours: Value = serde_json::from_slice(&sqs_event("check", &batch).unwrap()).unwrap();
        for record in sample["Records"].as_array().unwrap() {
            assert_eq!(fields(record), fields(&ours["Records"][0]), "{path}");
            assert_eq!(fields(&record["attributes"]), fields(&ours["Records"][0]["attributes"]), "{path}");
        }
    }
}

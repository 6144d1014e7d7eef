//! The calls that `quotelake cost` counts on are the calls that the functions make.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::common::{Crashing, samples};
use quotelake_cli::cost::counted::{CountedCalls, Driver};
use quotelake_cli::laptop::Laptop;
use quotelake_fetch::Watchlists;
use quotelake_local::{SystemClock, sqs_event};
use quotelake_sources::replay::{Recording, ReplayServer};
use quotelake_sources::settings::SourcesSettings;
use quotelake_testkit::CallPlan;
use serde_json::json;
use serde_json::value::RawValue;

/// What a call of a port is on AWS, and the first part of the key that it is about.
fn on_aws(call: &str) -> Vec<String> {
    let (verb, of) = call.split_once(' ').unwrap_or((call, ""));
    let area = of.split('/').next().unwrap_or("");
    match verb {
        "get" | "head" => vec![format!("s3:GetObject {area}")],
        // Every range of a staged object is for one partition.
        "get_range" => vec![format!("s3:GetObject {area}-ranges")],
        "put" => vec![format!("s3:PutObject {area}")],
        "list" => vec![format!("s3:ListBucket {area}")],
        "delete" => vec![format!("s3:DeleteObject {area}")],
        // A bucket keeps no account of its own: nothing is called.
        "missing" => Vec::new(),
        "send" => vec!["sqs:SendMessage queues".into()],
        "publish" => vec!["events:PutEvents events".into()],
        "put_records" => vec!["firehose:PutRecordBatch stream".into()],
        // What the catalog lists, where a file is not found.
        "partitions" => vec!["glue:GetPartitions catalog".into()],
        "ensure_partitions" if of.is_empty() => Vec::new(),
        "ensure_partitions" => {
            let batches = of.split(' ').count().div_ceil(100);
            let mut calls = vec!["glue:GetTable catalog".to_owned()];
            calls.extend(std::iter::repeat_n("glue:BatchCreatePartition catalog".to_owned(), batches));
            calls
        }
        other => panic!("{other:?} is not known"),
    }
}

/// Carries the sample recording through the functions, one after the other, and counts what each calls.
async fn counted() -> BTreeMap<String, u64> {
    let recording = Recording::load(&samples().join("recording.json")).unwrap();
    let server = ReplayServer::start(recording).await.unwrap();
    let (folder, plan) = (tempfile::tempdir().unwrap(), CallPlan::new());
    let laptop = Laptop::open_wrapped(folder.path(), Arc::new(SystemClock), Arc::new(Crashing(plan.clone())))
        .await
        .unwrap();
    let mut calls = BTreeMap::new();
    let mut begun = plan.calls();
    let mut count = |stage: &str| {
        for call in &plan.log()[begun..] {
            for call in on_aws(call) {
                *calls.entry(format!("{stage} {call}")).or_insert(0) += 1;
            }
        }
        begun = plan.calls();
    };

    let settings = json!({ "polygon": {
        "base_url": server.base_url().as_str(), "secret": null, "min_interval_ms": 1, "replay": true,
    } });
    let (sources, options) = SourcesSettings::parse(&settings.to_string(), "here").unwrap().build().unwrap();
    let context = laptop.fetch_context(sources, options, Watchlists::default()).unwrap();
    // As on AWS, where what the stream took is noted.
    let context = quotelake_fetch::Context { sent: Some(Arc::clone(laptop.lake())), ..context };
    let watchlist = std::fs::read_to_string(samples().join("../watchlists/us_samples.json")).unwrap();
    count("before");
    for dataset in ["daily_bars", "splits", "dividends"] {
        let request = json!({
            "source": "polygon", "watchlist": RawValue::from_string(watchlist.clone()).unwrap(), "datasets": [dataset],
            "from": "2000-03-01", "to": "2013-03-01",
        });
        let event = RawValue::from_string(request.to_string()).unwrap();
        quotelake_fetch::handle(&event, None, &context).await.unwrap();
        count("fetch");
        laptop.deliver().await.unwrap();
        count("stream");
        for (stage, queue) in [("check", "check"), ("publish", "publish")] {
            let queue = laptop.queue(queue).unwrap();
            loop {
                let batch = queue.receive(10, chrono::TimeDelta::minutes(5)).await.unwrap();
                if batch.is_empty() {
                    break;
                }
                let event = serde_json::from_slice(&sqs_event("queue", &batch).unwrap()).unwrap();
                let answer = match stage {
                    "check" => {
                        let context = laptop.check_context(Arc::clone(laptop.lake())).unwrap();
                        quotelake_check::handle(event, None, &context).await
                    }
                    _ => quotelake_publish::handle(event, None, &laptop.publish_context().unwrap()).await,
                };
                assert!(answer.batch_item_failures.is_empty());
                for received in &batch {
                    queue.ack(&received.receipt_handle).await.unwrap();
                }
                count(stage);
            }
        }
    }
    server.stop().await;
    calls.retain(|call, _| !call.starts_with("stream ") && !call.starts_with("before "));
    // A function lists the contracts of its lake, `publish` for each batch, the others once in a while.
    calls.insert("check s3:ListBucket contracts".into(), 1);
    calls.insert("publish s3:ListBucket contracts".into(), 3);
    // What a run came to is a call of its own, which ports that fail do not count.
    for stage in ["fetch", "check", "publish"] {
        calls.insert(format!("{stage} s3:PutObject runs"), 3);
    }
    calls
}

/// Writes the file where QUOTELAKE_WRITE_CALLS is set, as `make e2e-aws COUNTS=infra/generated/calls.json` does.
#[tokio::test(flavor = "multi_thread")]
async fn the_counted_calls_are_those_of_the_functions() {
    let counted = CountedCalls { about: "here".into(), calls: counted().await };
    if std::env::var_os("QUOTELAKE_WRITE_CALLS").is_some() {
        let about = "Calls that the functions made in a run, by stage, action and first part of the key: `quotelake cost` scales them. Written by `make e2e-aws COUNTS=infra/generated/calls.json`, or by crates/cli/tests/counted_calls.rs.";
        let file = CountedCalls { about: about.into(), ..counted.clone() };
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/generated/calls.json");
        std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(&file).unwrap())).unwrap();
        return;
    }
    let file = CountedCalls::built_in().unwrap();
    // What one object, dataset and partition cost, by the file and by this run: nothing is left out of the file, and nothing is in it
    // that is gone.
    for action in ["s3:PutObject", "s3:ListBucket", "events:PutEvents", "sqs:SendMessage"] {
        for driver in [Driver::Object, Driver::Check, Driver::Request, Driver::Partition] {
            let each = |calls: &CountedCalls| {
                calls.of(action, |other| if other == driver { 1.0 } else { 0.0 }).unwrap()
            };
            let (by_file, now) = (each(&file), each(&counted));
            assert!(
                (by_file - now).abs() < 0.5,
                "{action} for each {driver:?}: {by_file} in the file, {now} now"
            );
        }
    }
    for call in counted.calls.keys() {
        assert!(file.calls.contains_key(call), "{call} is not in infra/generated/calls.json");
    }
}

//! Every adapter keeps its port's contract, on two emulators that know nothing of each other.

#![allow(clippy::print_stderr, reason = "helpers of tests")]

use std::sync::Arc;

use aws_sdk_firehose::types::ExtendedS3DestinationConfiguration;
use aws_sdk_glue::types::{Column, DatabaseInput, StorageDescriptor, TableInput};
use aws_sdk_ssm::types::ParameterType;
use bytes::Bytes;
use chrono::TimeDelta;
use quotelake_aws::{
    AwsSecrets, BusEvents, Choice, DeadLetter, FirehoseStream, GlueCatalog, S3Lake, SqsDeadLetters, SqsQueue,
};
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Catalog as _, Lake as _, Message, Precondition, Queue as _, Secrets as _};
use quotelake_testkit::suites::{
    QueueGap, catalog_suite, events_suite, lake_suite, queue_suite_but, secrets_suite, stream_suite,
};
use quotelake_testkit::{StepClock, build};

use crate::receivers::{Subscriber, TwoQueues, new_queue};
use crate::support::{Emulator, Kind};

/// One test for each emulator.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod moto {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                if let Some(emulator) = super::Emulator::start(super::Kind::Moto) { super::$test(emulator).await }
            })*
        }
        mod ministack {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                if let Some(emulator) = super::Emulator::start(super::Kind::MiniStack) { super::$test(emulator).await }
            })*
        }
    };
}

on_both!(
    s3,
    s3_pages_and_damage,
    sqs,
    sqs_refusals,
    dead_letters,
    firehose,
    glue,
    secrets_manager,
    ssm,
    event_bridge_and_sns
);

const BUCKET: &str = "quotelake-suite";

async fn bucket(emulator: &Emulator) -> aws_sdk_s3::Client {
    let aws = emulator.aws().await;
    let config = aws_sdk_s3::config::Builder::from(aws.sdk_config()).force_path_style(true).build();
    let client = aws_sdk_s3::Client::from_conf(config);
    client.create_bucket().bucket(BUCKET).send().await.unwrap();
    client
}

async fn s3(emulator: Emulator) {
    bucket(&emulator).await;
    lake_suite(Arc::new(S3Lake::new(&emulator.aws().await, BUCKET))).await;
}

async fn s3_pages_and_damage(emulator: Emulator) {
    let client = bucket(&emulator).await;
    let lake = S3Lake::new(&emulator.aws().await, BUCKET);
    // More than the thousand keys of one page.
    for start in (0..1050).step_by(50) {
        let puts = (start..start + 50).map(|number| {
            let lake = lake.clone();
            async move {
                lake.put(&format!("many/{number:04}"), Bytes::from_static(b"x"), Precondition::None).await
            }
        });
        for put in puts.map(tokio::spawn).collect::<Vec<_>>() {
            put.await.unwrap().unwrap();
        }
    }
    let listed = lake.list("many/").await.unwrap();
    assert_eq!(listed.len(), 1050);
    assert!(listed.is_sorted_by(|a, b| a.key < b.key));

    // A folder's marker, as the console makes it, is no object of ours.
    client.put_object().bucket(BUCKET).key("marker/").send().await.unwrap();
    assert!(lake.list("marker").await.unwrap().is_empty());

    let nowhere = S3Lake::new(&emulator.aws().await, "quotelake-no-such-bucket");
    assert_eq!(nowhere.get("a").await.unwrap_err().kind(), ErrorKind::Config, "no bucket is not no object");
    let put = nowhere.put("a", Bytes::new(), Precondition::None).await;
    assert_eq!(put.unwrap_err().kind(), ErrorKind::Config);
}

async fn sqs(emulator: Emulator) {
    let queues = TwoQueues::new(&emulator).await;
    // moto 5.2.5 looks for a deduplication id among the messages that it still has; AWS remembers it for five minutes.
    let gaps: &[QueueGap] =
        if emulator.kind == Kind::Moto { &[QueueGap::ForgetsAcknowledgedIds] } else { &[] };
    queue_suite_but(Arc::new(queues), &emulator.clock(), gaps).await;
}

async fn sqs_refusals(emulator: Emulator) {
    let aws = emulator.aws().await;
    let standard = SqsQueue::new(&aws, new_queue(&emulator, "refusing", false).await);
    let fifo = SqsQueue::new(&aws, new_queue(&emulator, "refusing", true).await);
    let refused = [
        (&fifo, build::message("no group")),
        (&fifo, Message { delay_seconds: 5, ..build::grouped("bars", "a delay of its own") }),
        (&standard, Message { delay_seconds: 901, ..build::message("too late") }),
        (&standard, build::message("")),
        (&standard, build::message("bell \u{7}")),
        (&standard, build::message(&"x".repeat((1 << 20) + 1))),
    ];
    for (queue, message) in refused {
        let text = message.body.chars().take(20).collect::<String>();
        assert_eq!(queue.send(message).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{text:?}");
    }
    standard.send(build::grouped("bars", "a standard queue has no groups")).await.unwrap();
    let url = new_queue(&emulator, "x", false).await.replace("x", "none");
    let error = SqsQueue::new(&aws, url).send(build::message("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

async fn firehose(emulator: Emulator) {
    let client = bucket(&emulator).await;
    let destination = ExtendedS3DestinationConfiguration::builder()
        .role_arn("arn:aws:iam::000000000000:role/firehose")
        .bucket_arn(format!("arn:aws:s3:::{BUCKET}"))
        .prefix("raw/")
        .build()
        .unwrap();
    let request = aws_sdk_firehose::Client::new(&emulator.sdk().await).create_delivery_stream();
    let request = request.delivery_stream_name("suite").extended_s3_destination_configuration(destination);
    request.send().await.unwrap();

    let aws = emulator.aws().await;
    let accepted = stream_suite(&FirehoseStream::new(&aws, "suite")).await;

    // How records are put together into objects is the emulator's choice; that none is lost or changed is not.
    let lake = S3Lake::new(&aws, BUCKET);
    let mut delivered = Vec::new();
    for meta in lake.list("raw/").await.unwrap() {
        delivered.push(lake.get(&meta.key).await.unwrap().bytes);
    }
    let bytes = |all: &[Bytes]| all.iter().map(Bytes::len).sum::<usize>();
    assert_eq!(bytes(&delivered), bytes(&accepted), "every byte is delivered, and once");
    for record in &accepted {
        let found = delivered.iter().any(|object| memchr::memmem::find(object, record).is_some());
        assert!(found, "a record of {} bytes is delivered", record.len());
    }
    drop(client);

    let nowhere = FirehoseStream::new(&aws, "no-such-stream");
    use quotelake_core::ports::RecordStream as _;
    let error = nowhere.put(&[Bytes::from_static(b"x")]).await.unwrap_err();
    assert!(!error.kind().is_retryable(), "{error}");
}

async fn glue_tables(emulator: &Emulator, tables: &[&str]) -> aws_sdk_glue::Client {
    let client = aws_sdk_glue::Client::new(&emulator.sdk().await);
    let database = DatabaseInput::builder().name("suite").build().unwrap();
    client.create_database().database_input(database).send().await.unwrap();
    for table in tables {
        let column = |name: &str, kind: &str| Column::builder().name(name).r#type(kind).build().unwrap();
        let descriptor = StorageDescriptor::builder()
            .location(format!("s3://{BUCKET}/bronze/{table}/"))
            .columns(column("symbol", "string"))
            .columns(column("close", "decimal(18,8)"))
            .input_format("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat")
            .build();
        let table = TableInput::builder()
            .name(*table)
            .storage_descriptor(descriptor)
            .partition_keys(column("month", "string"))
            .build()
            .unwrap();
        client.create_table().database_name("suite").table_input(table).send().await.unwrap();
    }
    client
}

async fn glue(emulator: Emulator) {
    let client = glue_tables(&emulator, &["suite_bars", "suite_race"]).await;
    let aws = emulator.aws().await;
    let catalog = GlueCatalog::new(&aws, "suite", BUCKET);
    catalog_suite(Arc::new(catalog.clone())).await;

    let request = client.get_partition().database_name("suite").table_name("suite_bars");
    let found = request.partition_values("2013-01").send().await.unwrap().partition.unwrap();
    let descriptor = found.storage_descriptor.unwrap();
    assert_eq!(
        descriptor.location.as_deref(),
        Some("s3://quotelake-suite/bronze/suite_bars/month=2013-01/"),
        "a place that a query engine can read"
    );
    let names: Vec<_> = descriptor.columns.unwrap().into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["symbol", "close"], "the table's columns");
    assert!(descriptor.input_format.unwrap().ends_with("MapredParquetInputFormat"), "and its format");

    let untold = catalog.ensure_partitions(&[build::partition("suite_unknown", "2013-01")]).await;
    assert_eq!(untold.unwrap_err().kind(), ErrorKind::Config, "tables are the infrastructure's");
}

/// Runs a future to its end in a closure that is not async.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

async fn secrets(emulator: &Emulator) -> (AwsSecrets, StepClock, TimeDelta) {
    let (clock, ttl) = (StepClock::new(build::instant()), TimeDelta::seconds(60));
    let secrets = AwsSecrets::new(&emulator.aws().await, Arc::new(clock.clone())).with_time_to_live(ttl);
    (secrets, clock, ttl)
}

async fn secrets_manager(emulator: Emulator) {
    let (secrets, clock, ttl) = secrets(&emulator).await;
    let client = aws_sdk_secretsmanager::Client::new(&emulator.sdk().await);
    let id = "quotelake/suite";
    let set = |value: Option<&str>| {
        wait(async {
            let Some(value) = value else {
                client
                    .delete_secret()
                    .secret_id(id)
                    .force_delete_without_recovery(true)
                    .send()
                    .await
                    .unwrap();
                return;
            };
            if client.put_secret_value().secret_id(id).secret_string(value).send().await.is_err() {
                client.create_secret().name(id).secret_string(value).send().await.unwrap();
            }
        });
    };
    secrets_suite(&secrets, "secretsmanager:quotelake/suite", &set, &clock, ttl).await;
    let mistaken = secrets.read("sk-live-1234").await.unwrap_err();
    assert_eq!(mistaken.kind(), ErrorKind::Config);
    assert!(!mistaken.to_string().contains("sk-live"), "a secret in place of its reference is not shown");
}

async fn ssm(emulator: Emulator) {
    let (secrets, clock, ttl) = secrets(&emulator).await;
    let client = aws_sdk_ssm::Client::new(&emulator.sdk().await);
    let name = "/quotelake/suite";
    let set = |value: Option<&str>| {
        wait(async {
            match value {
                Some(value) => {
                    let request = client.put_parameter().name(name).value(value).overwrite(true);
                    request.r#type(ParameterType::SecureString).send().await.map(drop).unwrap();
                }
                None => client.delete_parameter().name(name).send().await.map(drop).unwrap(),
            }
        });
    };
    secrets_suite(&secrets, "ssm:/quotelake/suite", &set, &clock, ttl).await;
}

async fn event_bridge_and_sns(emulator: Emulator) {
    let aws = emulator.aws().await;
    let (subscriber, topic) = Subscriber::to_bus_and_topic(&emulator, "suite", "quotelake.check").await;
    events_suite(Arc::new(BusEvents::new(&aws, "suite", Some(topic))), &subscriber).await;

    use quotelake_core::ports::Events as _;
    let gone = BusEvents::new(&aws, "suite", Some("arn:aws:sns:us-east-1:000000000000:gone".into()));
    let error = gone.notify("subject", "text").await.unwrap_err();
    assert!(!error.kind().is_retryable(), "{error}");
}

async fn dead_letters(emulator: Emulator) {
    let aws = emulator.aws().await;
    let dead_url = new_queue(&emulator, "dead", false).await;
    let (dead, letters) = (SqsQueue::new(&aws, &dead_url), SqsDeadLetters::new(&aws, &dead_url));
    for number in 0..24 {
        let cause = if number % 2 == 0 { "not_found" } else { "invalid_input" };
        dead.send(build::dead_letter(&format!("{number:02}"), cause)).await.unwrap();
    }
    dead.send(build::message("moved by the queue")).await.unwrap();
    let bodies = |letters: &[DeadLetter]| {
        let mut bodies: Vec<String> = letters.iter().map(|letter| letter.message.body.clone()).collect();
        bodies.sort();
        bodies
    };
    let of = |cause: Option<&str>, limit| Choice { error_code: cause.map(str::to_owned), limit };
    for look in 0..2 {
        let all = letters.look(&Choice::default()).await.unwrap();
        assert_eq!(all.len(), 25, "a look leaves them where they are ({look})");
        assert_eq!(all.iter().filter(|letter| letter.error_code() == Some("not_found")).count(), 12);
    }

    let target = TwoQueues::new(&emulator).await;
    let check = SqsQueue::new(&aws, target.standard_url());
    let sent = letters.redrive(&of(Some("not_found"), Some(5)), &check).await.unwrap();
    assert_eq!(sent.len(), 5);
    let mut arrived = target.drain_messages().await;
    arrived.sort_by(|a, b| a.body.cmp(&b.body));
    assert_eq!(arrived.iter().map(|message| message.body.clone()).collect::<Vec<_>>(), bodies(&sent));
    assert!(arrived.iter().all(|message| message.attributes.is_empty()), "without their cause: {arrived:?}");

    let purged = letters.purge(&of(Some("invalid_input"), None)).await.unwrap();
    assert_eq!(purged.len(), 12);
    let left = letters.look(&Choice::default()).await.unwrap();
    assert_eq!(left.len(), 25 - 5 - 12);
    assert!(left.iter().all(|letter| letter.error_code() != Some("invalid_input")));

    let nowhere = SqsQueue::new(&aws, dead_url.replace("dead", "none"));
    assert!(letters.redrive(&Choice::default(), &nowhere).await.is_err());
    assert_eq!(
        letters.look(&Choice::default()).await.unwrap().len(),
        8,
        "a letter that cannot be sent stays"
    );
}

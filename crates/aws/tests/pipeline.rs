//! The handlers of `check` and `publish` on the ports of AWS: from an object that was created to a partition that a query engine
//! knows, with the run that asked for it named all the way.

use std::sync::Arc;

use aws_sdk_glue::types::{Column, DatabaseInput, StorageDescriptor, TableInput};
use quotelake_aws::{BusEvents, GlueCatalog, S3Lake, SqsQueue};
use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog as _, FixedClock, Lake, Precondition};
use quotelake_platform::sqs::SqsEvent;
use quotelake_testkit::build;
use quotelake_testkit::suites::EventReader as _;
use serde_json::{Value, json};

use crate::receivers::{Subscriber, new_queue};
use crate::support::{Emulator, Kind};

const BUCKET: &str = "quotelake-pipeline";
const SPLIT: &str = r#"{"dataset":"splits","provider":"polygon","provider_symbol":"AAPL","symbol":"AAPL.XNAS","asset_class":"equity","exchange_mic":"XNAS","execution_date":"2005-02-28","split_from":1,"split_to":2,"split_type":"split","fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":"schedule-7","unit_id":"u","raw_sha256":"s","schema_version":1}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_moto() {
    if let Some(emulator) = Emulator::start(Kind::Moto) {
        a_created_object_reaches_its_partition(emulator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ministack() {
    if let Some(emulator) = Emulator::start(Kind::MiniStack) {
        a_created_object_reaches_its_partition(emulator).await;
    }
}

/// The bucket, and the table of splits with its partition column.
async fn infrastructure(emulator: &Emulator) {
    let sdk = emulator.sdk().await;
    let s3 = aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build();
    aws_sdk_s3::Client::from_conf(s3).create_bucket().bucket(BUCKET).send().await.unwrap();
    let glue = aws_sdk_glue::Client::new(&sdk);
    let database = DatabaseInput::builder().name("quotelake").build().unwrap();
    glue.create_database().database_input(database).send().await.unwrap();
    let column = |name: &str| Column::builder().name(name).r#type("string").build().unwrap();
    let table = TableInput::builder()
        .name("splits")
        .storage_descriptor(StorageDescriptor::builder().columns(column("symbol")).build())
        .partition_keys(column("year"))
        .build()
        .unwrap();
    glue.create_table().database_name("quotelake").table_input(table).send().await.unwrap();
}

/// What is on a queue, as Lambda hands it to a function.
async fn lambda_event(client: &aws_sdk_sqs::Client, url: &str) -> Value {
    let request = client.receive_message().queue_url(url).max_number_of_messages(10);
    let request = request.message_attribute_names("All");
    let request = request.message_system_attribute_names(aws_sdk_sqs::types::MessageSystemAttributeName::All);
    let messages = request.send().await.unwrap().messages.unwrap_or_default();
    let records = messages.into_iter().map(|message| {
        let system = message.attributes.unwrap_or_default();
        let system: serde_json::Map<_, _> =
            system.into_iter().map(|(name, value)| (name.as_str().to_owned(), value.into())).collect();
        let own = message.message_attributes.unwrap_or_default();
        let own: serde_json::Map<_, _> =
            own.into_iter().map(|(name, value)| (name, json!({ "stringValue": value.string_value }))).collect();
        json!({ "messageId": message.message_id, "body": message.body, "attributes": system, "messageAttributes": own })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

async fn a_created_object_reaches_its_partition(emulator: Emulator) {
    infrastructure(&emulator).await;
    let (aws, sdk) = (emulator.aws().await, emulator.sdk().await);
    let client = aws_sdk_sqs::Client::new(&sdk);
    let publish_url = new_queue(&emulator, "publish", true).await;
    let dead_url = new_queue(&emulator, "dead", false).await;
    let dead_fifo_url = new_queue(&emulator, "publish-dead", true).await;
    let (subscriber, _) = Subscriber::to_bus_and_topic(&emulator, "quotelake", "quotelake.publish").await;
    let lake: Arc<dyn Lake> = Arc::new(S3Lake::new(&aws, BUCKET));
    let events = Arc::new(BusEvents::new(&aws, "quotelake", None));
    let catalog = Arc::new(GlueCatalog::new(&aws, "quotelake", BUCKET));

    let check = quotelake_check::Context {
        quality_tables: quotelake_contract::QualityTables::built_in().unwrap(),
        landing: Arc::clone(&lake),
        lake: Arc::clone(&lake),
        publish_queue: Arc::new(SqsQueue::new(&aws, &publish_url)),
        dead_letters: Arc::new(SqsQueue::new(&aws, &dead_url)),
        hand_back: None,
        own_queue: None,
        kept: None,
        events: events.clone(),
        contracts: Contracts::built_in().unwrap(),
        clock: Arc::new(FixedClock(build::instant())),
    };
    let bad = SPLIT.replace("\"split_to\":2", "\"split_to\":-2");
    let landing = "landing/2026/11/21/06/a b.gz";
    lake.put(landing, format!("{SPLIT}\n{bad}\n").into(), Precondition::None).await.unwrap();
    let created = |key: &str| {
        json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": { "object": { "key": key } } }] })
            .to_string()
    };
    let event = json!({ "Records": [
        { "messageId": "good", "body": created("landing/2026/11/21/06/a+b.gz") },
        { "messageId": "gone", "body": created("landing/gone.gz") },
    ] });
    let event: SqsEvent = serde_json::from_value(event).unwrap();
    let answer = quotelake_check::handle(event, None, &check).await;
    assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    assert_eq!(lake.list("staged/dataset=splits/").await.unwrap().len(), 1);
    assert_eq!(lake.list("quarantine/dataset=splits/").await.unwrap().len(), 1);
    let dead = lambda_event(&client, &dead_url).await;
    assert_eq!(dead["Records"][0]["messageAttributes"]["error_code"]["stringValue"], "not_found", "{dead}");

    let requests = lambda_event(&client, &publish_url).await;
    let request = &requests["Records"][0];
    assert_eq!(request["body"], r#"{"dataset":"splits"}"#);
    assert_eq!(request["attributes"]["MessageGroupId"], "splits");
    assert_eq!(request["messageAttributes"]["correlation_id"]["stringValue"], "schedule-7");

    let publish = quotelake_publish::Context {
        lake: Arc::clone(&lake),
        catalog: catalog.clone(),
        events,
        dead_letters: Arc::new(SqsQueue::new(&aws, &dead_fifo_url)),
        hand_back: None,
        changes: None,
        contracts: Contracts::built_in().unwrap(),
        freshness: None,
        parallelism: 2,
    };
    for _ in 0..2 {
        // The second time is a redelivery: nothing is left to do, and nothing changes.
        let event: SqsEvent = serde_json::from_value(requests.clone()).unwrap();
        let answer = quotelake_publish::handle(event, None, &publish).await;
        assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
        let keys: Vec<String> =
            lake.list("bronze/").await.unwrap().into_iter().map(|meta| meta.key).collect();
        assert_eq!(keys, ["bronze/splits/year=2005/part-0.parquet"]);
        assert!(lake.list("staged/").await.unwrap().is_empty());
        let partitions = catalog.partitions("splits").await.unwrap();
        assert_eq!(partitions.len(), 1);
        assert_eq!(
            (&partitions[0].values[..], partitions[0].location.as_str()),
            (&["2005".to_owned()][..], "bronze/splits/year=2005/")
        );
    }
    let published = subscriber.events().await;
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].detail["run_ids"], json!(["schedule-7"]), "the run is named to the end");

    // A dead letter of a FIFO queue goes to one that is FIFO, in its group.
    let poison = json!({ "Records": [{ "messageId": "m", "body": "{}", "attributes": { "MessageGroupId": "splits" } }] });
    let answer = quotelake_publish::handle(serde_json::from_value(poison).unwrap(), None, &publish).await;
    assert!(answer.batch_item_failures.is_empty(), "{answer:?}");
    let dead = lambda_event(&client, &dead_fifo_url).await;
    assert_eq!(dead["Records"][0]["attributes"]["MessageGroupId"], "splits");
}

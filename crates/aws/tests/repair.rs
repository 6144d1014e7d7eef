//! What is repaired in a lake on S3: work that nobody asks for, staged rows of another contract, a catalog that disagrees.

use std::sync::Arc;

use aws_sdk_glue::types::{Column, DatabaseInput, StorageDescriptor, TableInput};
use quotelake_aws::{GlueCatalog, S3Lake, SqsQueue};
use quotelake_cli::again;
use quotelake_cli::catalog_repair::Disagreement;
use quotelake_cli::left_behind::LeftBehind;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog as _, Lake as _, Partition, Precondition};
use quotelake_local::QueueNotifier;
use quotelake_table::{RowDecoder, staged};
use quotelake_testkit::{StepClock, build};

use crate::receivers::new_queue;
use crate::support::{Emulator, Kind};

const BUCKET: &str = "quotelake-repair";
const SPLIT: &str = r#"{"dataset":"splits","provider":"polygon","provider_symbol":"AAPL","symbol":"AAPL.XNAS","asset_class":"equity","exchange_mic":"XNAS","execution_date":"2005-02-28","split_from":1,"split_to":2,"split_type":"split","fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":"schedule-7","unit_id":"u","raw_sha256":"s","schema_version":1}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_moto() {
    if let Some(emulator) = Emulator::start(Kind::Moto) {
        what_was_left_behind_is_brought_again(emulator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_ministack() {
    if let Some(emulator) = Emulator::start(Kind::MiniStack) {
        what_was_left_behind_is_brought_again(emulator).await;
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

async fn bodies(client: &aws_sdk_sqs::Client, url: &str) -> Vec<String> {
    let request = client.receive_message().queue_url(url).max_number_of_messages(10);
    let messages = request.send().await.unwrap().messages.unwrap_or_default();
    messages.into_iter().filter_map(|message| message.body).collect()
}

async fn what_was_left_behind_is_brought_again(emulator: Emulator) {
    infrastructure(&emulator).await;
    let (aws, sdk) = (emulator.aws().await, emulator.sdk().await);
    let client = aws_sdk_sqs::Client::new(&sdk);
    let lake = S3Lake::new(&aws, BUCKET);
    let contracts = Contracts::built_in().unwrap();
    let splits = Arc::clone(&contracts.get("splits").unwrap().contract);
    let mut decoder = RowDecoder::new(Arc::clone(&splits));
    decoder.push(SPLIT).unwrap();
    let rows = staged::write(&splits, &[decoder.take_batch().unwrap()]).unwrap();

    // Landed and never checked, staged and never asked for.
    let landed = "landing/2013/03/02/02/quotelake-1.gz";
    lake.put(landed, SPLIT.into(), Precondition::None).await.unwrap();
    lake.put("staged/dataset=splits/0a.arrow", rows.clone(), Precondition::None).await.unwrap();
    let found = LeftBehind::of_lake(&lake, build::instant(), true).await.unwrap();
    assert_eq!(found.landing, [landed]);
    assert_eq!(found.staged.get("splits"), Some(&1));
    let (check_url, publish_url) =
        (new_queue(&emulator, "check", false).await, new_queue(&emulator, "publish", true).await);
    let check: Arc<SqsQueue> = Arc::new(SqsQueue::new(&aws, &check_url));
    let notifier = QueueNotifier::new(BUCKET, check, Arc::new(StepClock::new(build::instant())));
    let publish = SqsQueue::new(&aws, &publish_url);
    found.ask_again(&lake, &notifier, &publish, build::instant()).await.unwrap();
    let asked = bodies(&client, &check_url).await;
    assert!(asked.len() == 1 && asked[0].contains("quotelake-1.gz"), "{asked:?}");
    assert_eq!(bodies(&client, &publish_url).await, [r#"{"dataset":"splits"}"#]);

    // Set aside for its contract: its rows land, and the object goes.
    let aside = "undelivered/staged/unfit/dataset=splits/0b.arrow";
    lake.put(aside, rows, Precondition::None).await.unwrap();
    assert_eq!(again::unfit(&lake).await.unwrap(), [aside]);
    for rows in [1, 0] {
        assert_eq!(again::check_again(&lake, &contracts, aside).await.unwrap(), rows);
        assert!(lake.head(aside).await.unwrap().is_none());
        assert_eq!(lake.list("landing/dataset=splits/").await.unwrap().len(), 1);
    }

    // The catalog knows one partition at another place and one without a file, and not the one that has a file.
    let catalog = GlueCatalog::new(&aws, "quotelake", BUCKET);
    let partition = |year: &str, location: &str| Partition {
        table: "splits".into(),
        values: vec![year.to_owned()],
        location: location.to_owned(),
    };
    for year in ["2000", "2005"] {
        let key = format!("bronze/splits/year={year}/part-0.parquet");
        lake.put(&key, "rows".into(), Precondition::None).await.unwrap();
    }
    let listed =
        [partition("1999", "bronze/splits/year=1999/"), partition("2005", "bronze/elsewhere/year=2005/")];
    catalog.ensure_partitions(&listed).await.unwrap();
    let mut found = Disagreement::between(&lake, &catalog, &contracts, Vec::new()).await.unwrap();
    assert_eq!(found.misplaced, listed[1..]);
    assert_eq!(found.without_file, listed[..1]);
    let right =
        [partition("2000", "bronze/splits/year=2000/"), partition("2005", "bronze/splits/year=2005/")];
    assert_eq!(found.unlisted, right);
    found.repair(&catalog, false).await.unwrap();
    let all = [listed[..1].to_vec(), right.to_vec()].concat();
    assert_eq!(catalog.partitions("splits").await.unwrap(), all, "the trace of a file stays");
    let mut found = Disagreement::between(&lake, &catalog, &contracts, Vec::new()).await.unwrap();
    found.repair(&catalog, true).await.unwrap();
    assert_eq!(catalog.partitions("splits").await.unwrap(), right);
    assert!(Disagreement::between(&lake, &catalog, &contracts, Vec::new()).await.unwrap().is_none());
}

//! The contract of a table whose files were written by another: an upgrade that ships another contract, a copy into the bucket.

use std::sync::Arc;

use quotelake_contract::{Contract, Contracts};
use quotelake_core::ErrorKind;
use quotelake_core::ports::{FixedClock, Lake as _, Precondition};
use quotelake_local::{FolderQueue, JsonCatalog, LogEvents, MemoryLake};
use quotelake_platform::contracts;
use quotelake_publish::{Context, UNFIT, drain};
use quotelake_table::{RowDecoder, parquet_file, staged};
use quotelake_testkit::build;

const NOW: &str = include_str!("../../contract/contracts/splits.yaml");
const SPLIT: &str = r#"{"provider":"polygon","provider_symbol":"SYMBOL","symbol":"S","asset_class":"equity","exchange_mic":"XNAS","execution_date":"2005-02-28","split_from":1,"split_to":2,"split_type":"split","fetched_at":"2013-03-02T02:00:00.000Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}"#;

fn by(yaml: &str) -> Contracts {
    let mut contracts = Contracts::built_in().unwrap();
    contracts.add(yaml, None).unwrap();
    contracts
}

fn splits(contracts: &Contracts) -> Arc<Contract> {
    Arc::clone(&contracts.get("splits").unwrap().contract)
}

/// Stages one split by a contract.
async fn stage(lake: &MemoryLake, contract: &Arc<Contract>, symbol: &str) {
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    decoder.push(&SPLIT.replace("SYMBOL", symbol)).unwrap();
    let bytes = staged::write(contract, &[decoder.take_batch().unwrap()]).unwrap();
    let key = format!("staged/dataset=splits/{symbol}.arrow");
    lake.put(&key, bytes, Precondition::IfAbsent).await.unwrap();
}

struct World {
    folder: tempfile::TempDir,
    lake: Arc<MemoryLake>,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), lake: Arc::new(MemoryLake::new()) }
    }

    fn letters(&self) -> FolderQueue {
        let clock = Arc::new(FixedClock(build::instant()));
        FolderQueue::open(self.folder.path(), "publish-dlq", clock).unwrap()
    }

    fn context(&self, contracts: Contracts) -> Context {
        let clock = Arc::new(FixedClock(build::instant()));
        Context {
            lake: self.lake.clone(),
            catalog: Arc::new(JsonCatalog::open(self.folder.path().join("catalog")).unwrap()),
            events: Arc::new(LogEvents::new(self.folder.path().join("events"), clock)),
            dead_letters: Arc::new(self.letters()),
            contracts,
            parallelism: 2,
            changes: None,
            freshness: None,
            hand_back: None,
        }
    }

    /// Keys, but for what was noted of each run.
    async fn keys(&self, prefix: &str) -> Vec<String> {
        let listed = self.lake.list(prefix).await.unwrap();
        listed.into_iter().map(|meta| meta.key).filter(|key| !key.starts_with("runs/")).collect()
    }

    async fn rows(&self, contract: &Contract) -> usize {
        let mut rows = 0;
        for key in self.keys("bronze/splits/").await {
            let bytes = self.lake.get(&key).await.unwrap().bytes;
            rows += parquet_file::read(contract, bytes).unwrap().num_rows();
        }
        rows
    }
}

/// The shipped contract with a number that was narrower, and without a column that may be missing.
fn before() -> String {
    let yaml = NOW.replace("decimal(38,18)", "decimal(18,8)");
    assert_ne!(yaml, NOW);
    yaml
}

#[tokio::test]
async fn an_upgrade_that_widens_goes_on_with_staged_rows_and_files_of_before() {
    let world = World::new();
    let (old, new) = (by(&before()), Contracts::built_in().unwrap());
    stage(&world.lake, &splits(&old), "A").await;
    drain(&world.context(old.clone()), "splits").await.unwrap();
    let kept = contracts::of_table(world.lake.as_ref(), "splits").await.unwrap().unwrap();
    assert_eq!(kept.yaml, before());
    stage(&world.lake, &splits(&old), "B").await;
    stage(&world.lake, &splits(&new), "C").await;
    let report = drain(&world.context(new.clone()), "splits").await.unwrap();
    assert_eq!((report.rows_in(), report.damaged_objects), (2, 0));
    assert_eq!(world.rows(&splits(&new)).await, 3);
    let kept = contracts::of_table(world.lake.as_ref(), "splits").await.unwrap().unwrap();
    assert_eq!(kept.yaml, NOW);

    // Going back to the older version is refused, and everything stays where it is.
    stage(&world.lake, &splits(&old), "D").await;
    let before = world.keys("").await;
    let error = drain(&world.context(old), "splits").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("quotelake rebuild"), "{error}");
    assert_eq!(world.keys("").await, before);
    assert!(world.letters().list().await.unwrap().is_empty(), "the request is the letter, and its sender's");
    assert_eq!(drain(&world.context(new.clone()), "splits").await.unwrap().rows_in(), 1);
    assert_eq!(world.rows(&splits(&new)).await, 4);
}

#[tokio::test]
async fn rows_that_were_put_by_another_key_are_set_aside_and_the_rest_goes_on() {
    let world = World::new();
    let new = Contracts::built_in().unwrap();
    let mut other = Contract::clone(&splits(&new));
    other.key.pop();
    stage(&world.lake, &Arc::new(other), "A").await;
    stage(&world.lake, &splits(&new), "B").await;
    let report = drain(&world.context(new.clone()), "splits").await.unwrap();
    assert_eq!((report.rows_in(), report.damaged_objects), (1, 1));
    let aside = format!("{UNFIT}dataset=splits/A.arrow");
    assert_eq!(world.keys(UNFIT).await, [aside.as_str()]);
    let letters = world.letters().list().await.unwrap();
    let letter = &letters[0].message.attributes;
    assert_eq!(
        (letters.len(), letter["error_code"].as_str(), &letter["object"]),
        (1, "invalid_input", &aside)
    );
    assert!(letter["error_message"].contains("it has key"), "{letter:?}");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_named_and_nothing_is_merged() {
    let world = World::new();
    let new = Contracts::built_in().unwrap();
    stage(&world.lake, &splits(&new), "A").await;
    let key = contracts::table_contract_key("splits");
    world.lake.put(&key, "{".into(), Precondition::None).await.unwrap();
    let error = drain(&world.context(new.clone()), "splits").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(&key), "{error}");
    assert!(world.keys("bronze/").await.is_empty());
    world.lake.delete(&key).await.unwrap();
    drain(&world.context(new.clone()), "splits").await.unwrap();
    assert_eq!(world.rows(&splits(&new)).await, 1);
}

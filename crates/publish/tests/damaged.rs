//! Bytes that nothing is known of, as an older version left them, may be anything: a staged object among them is set aside, a
//! published file is not merged on, and neither holds up or brings down anything else.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::ErrorKind;
use quotelake_core::ports::{FixedClock, Lake as _, Precondition};
use quotelake_local::{FolderQueue, JsonCatalog, LogEvents, MemoryLake};
use quotelake_publish::{Context, UNFIT, drain};
use quotelake_table::{RowDecoder, parquet_file, staged};
use quotelake_testkit::build;

const GOOD: &str = "staged/dataset=daily_bars/good.arrow";
const BAD: &str = "staged/dataset=daily_bars/bad.arrow";

fn contract() -> Arc<Contract> {
    Arc::clone(&Contracts::built_in().unwrap().get("daily_bars").unwrap().contract)
}

/// A bar of each of the days, in three months.
fn bars(symbol: &str, days: u32) -> Bytes {
    let mut decoder = RowDecoder::new(contract());
    for day in 0..days {
        let date = format!("2013-{:02}-{:02}", 1 + day % 3, 1 + day / 3 % 28);
        decoder
            .push(&format!(
                r#"{{"provider":"polygon","provider_symbol":"{symbol}","symbol":"{symbol}","asset_class":"equity","interval":"1d","trading_date":"{date}","bar_start":"{date}T00:00:00Z","exchange_tz":"America/New_York","close":{day}.25,"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1,"fetched_at":"2013-03-02T02:00:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
            ))
            .unwrap();
    }
    staged::write(&contract(), &[decoder.take_batch().unwrap()]).unwrap()
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
        FolderQueue::open(self.folder.path(), "publish-dlq", Arc::new(FixedClock(build::instant()))).unwrap()
    }

    fn context(&self) -> Context {
        let clock = Arc::new(FixedClock(build::instant()));
        Context {
            lake: self.lake.clone(),
            catalog: Arc::new(JsonCatalog::open(self.folder.path().join("catalog")).unwrap()),
            events: Arc::new(LogEvents::new(self.folder.path().join("events"), clock)),
            dead_letters: Arc::new(self.letters()),
            hand_back: None,
            changes: None,
            contracts: Contracts::built_in().unwrap(),
            freshness: None,
            parallelism: 2,
        }
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        self.lake.put(key, bytes, Precondition::None).await.unwrap();
    }

    /// Rows of a symbol in all files that can be read.
    async fn rows_of(&self, symbol: &str) -> usize {
        let mut rows = 0;
        for meta in self.lake.list("bronze/").await.unwrap() {
            let Ok(batch) = parquet_file::read(&contract(), self.lake.get(&meta.key).await.unwrap().bytes)
            else {
                continue;
            };
            let symbols = arrow::compute::cast(&batch["symbol"], &arrow::datatypes::DataType::Utf8).unwrap();
            let symbols = arrow::array::AsArray::as_string::<i32>(&symbols);
            rows += symbols.iter().filter(|found| *found == Some(symbol)).count();
        }
        rows
    }
}

/// A few places changed, or the end cut off.
fn harmed(bytes: &Bytes, places: &[(usize, u8)], cut: Option<usize>) -> Bytes {
    let mut harmed = bytes.to_vec();
    for (at, mask) in places {
        let at = at % harmed.len();
        harmed[at] ^= mask | 1;
    }
    if let Some(cut) = cut {
        harmed.truncate(cut % bytes.len());
    }
    harmed.into()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn a_staged_object_of_any_bytes_holds_up_nobody(
        places in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<usize>()),
    ) {
        block_on(async {
            let world = World::new();
            world.put(GOOD, bars("GOOD", 30)).await;
            let bad = harmed(&bars("BAD", 30), &places, cut);
            world.put(BAD, bad.clone()).await;
            let report = drain(&world.context(), "daily_bars").await.unwrap();
            prop_assert_eq!(world.rows_of("GOOD").await, 30);
            prop_assert!(world.lake.list("staged/").await.unwrap().is_empty());
            let letters = world.letters().list().await.unwrap();
            prop_assert_eq!(report.damaged_objects, letters.len());
            if report.damaged_objects > 0 {
                // Harmed in a name or a type of its columns, it reads as one of another contract.
                let aside = letters[0].message.attributes["object"].clone();
                let unfit = format!("{UNFIT}dataset=daily_bars/bad.arrow");
                prop_assert!(aside == format!("undelivered/{BAD}") || aside == unfit, "{}", aside);
                prop_assert!(letters[0].message.attributes["error_message"].contains(BAD));
                prop_assert_eq!(world.lake.get(&aside).await.unwrap().bytes, bad);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_published_file_of_any_bytes_is_an_error_that_names_it_or_a_table(
        places in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.2, any::<usize>()),
    ) {
        block_on(async {
            let world = World::new();
            world.put(GOOD, bars("GOOD", 30)).await;
            drain(&world.context(), "daily_bars").await.unwrap();
            let key = "bronze/daily_bars/month=2013-02/part-0.parquet";
            let bad = harmed(&world.lake.get(key).await.unwrap().bytes, &places, cut);
            world.put(key, bad.clone()).await;
            world.put(BAD, bars("NEXT", 30)).await;
            match drain(&world.context(), "daily_bars").await {
                // The bytes may say other values, and nobody could know.
                Ok(report) => prop_assert_eq!(report.damaged_objects, 0),
                Err(error) => {
                    prop_assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::InvalidInput), "{}", error);
                    prop_assert!(error.to_string().contains(key), "{}", error);
                    prop_assert_eq!(world.lake.get(key).await.unwrap().bytes, bad);
                    prop_assert!(world.lake.head(BAD).await.unwrap().is_some(), "its rows stay staged");
                    prop_assert_eq!(world.rows_of("NEXT").await, 20, "the other months are published");
                }
            }
            Ok(())
        })?;
    }
}

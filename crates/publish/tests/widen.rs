//! A table whose contract's decimals grew: all of its files are of the new types before the first new row is in it, wherever a
//! drain stops.

use std::sync::Arc;

use quotelake_contract::{ColumnType, Contract, Contracts};
use quotelake_core::ports::{FixedClock, Lake, Precondition};
use quotelake_local::{FolderQueue, JsonCatalog, LogEvents, MemoryLake};
use quotelake_publish::{Context, drain};
use quotelake_table::ArrowSchema as _;
use quotelake_table::{RowDecoder, parquet_file, staged};
use quotelake_testkit::{CallPlan, Faulty, Moment, build};

fn now() -> Arc<Contract> {
    Arc::clone(&Contracts::built_in().unwrap().get("daily_bars").unwrap().contract)
}

/// The contract as it was: prices of eight places, volumes of six.
fn before() -> Arc<Contract> {
    let mut contract = Contract::clone(&now());
    for column in &mut contract.columns {
        if matches!(column.ty, ColumnType::Decimal { .. }) {
            let (precision, scale) = if column.name == "volume" { (24, 6) } else { (18, 8) };
            column.ty = ColumnType::Decimal { precision, scale };
        }
    }
    Arc::new(contract)
}

fn decoded(contract: &Arc<Contract>, symbol: &str, day: &str, close: &str) -> arrow::array::RecordBatch {
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    decoder
        .push(&format!(
            r#"{{"provider":"polygon","provider_symbol":"{symbol}","symbol":"{symbol}","asset_class":"crypto","interval":"1d","trading_date":"{day}","bar_start":"{day}T00:00:00Z","exchange_tz":"UTC","close":{close},"volume":12.5,"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":true,"delay_class":"eod","provider_ts":1,"fetched_at":"2013-03-02T02:00:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
        ))
        .unwrap();
    decoder.take_batch().unwrap()
}

fn file(month: &str) -> String {
    format!("bronze/daily_bars/month={month}/part-0.parquet")
}

/// Three months as they were published, one staged object of then, and one of now.
async fn old_lake() -> Arc<MemoryLake> {
    let lake = Arc::new(MemoryLake::new());
    let before = before();
    for (month, close) in [("2013-01", "1.12345678"), ("2013-02", "9999999999.99999999"), ("2013-03", "-3")] {
        let rows = decoded(&before, "A", &format!("{month}-01"), close);
        let checked = arrow::array::RecordBatch::try_new(before.schema(), rows.columns().to_vec()).unwrap();
        let bytes = parquet_file::write(&before, &checked).unwrap();
        lake.put(&file(month), bytes, Precondition::IfAbsent).await.unwrap();
    }
    let rows = decoded(&before, "OLD", "2013-02-02", "0.00000778");
    let bytes = staged::write(&before, &[rows]).unwrap();
    lake.put("staged/dataset=daily_bars/0.arrow", bytes, Precondition::IfAbsent).await.unwrap();
    let rows = decoded(&now(), "NEW", "2013-02-02", "0.0000077812");
    let bytes = staged::write(&now(), &[rows]).unwrap();
    lake.put("staged/dataset=daily_bars/1.arrow", bytes, Precondition::IfAbsent).await.unwrap();
    lake
}

fn context(folder: &std::path::Path, lake: Arc<MemoryLake>, plan: &CallPlan) -> Context {
    let clock = Arc::new(FixedClock(build::instant()));
    Context {
        lake: Arc::new(Faulty::new(lake as Arc<dyn Lake>, plan)),
        catalog: Arc::new(JsonCatalog::open(folder.join("catalog")).unwrap()),
        events: Arc::new(LogEvents::new(folder.join("events"), clock.clone())),
        dead_letters: Arc::new(FolderQueue::open(folder, "publish-dlq", clock).unwrap()),
        hand_back: None,
        changes: None,
        contracts: Contracts::built_in().unwrap(),
        freshness: None,
        parallelism: 2,
    }
}

/// Each file: whether its types are those of before, and its closes.
async fn files(lake: &MemoryLake) -> Vec<(bool, Vec<String>)> {
    let mut files = Vec::new();
    for meta in lake.list("bronze/").await.unwrap() {
        let bytes = lake.get(&meta.key).await.unwrap().bytes;
        let is_old = parquet_file::has_narrower_types(&now(), &bytes).unwrap();
        let rows = parquet_file::read(&now(), bytes).unwrap();
        let closes = arrow::compute::cast(&rows["close"], &arrow::datatypes::DataType::Utf8).unwrap();
        let closes = arrow::array::AsArray::as_string::<i32>(&closes);
        let short = |close: &str| close.trim_end_matches('0').trim_end_matches('.').to_owned();
        files.push((is_old, closes.iter().flatten().map(short).collect()));
    }
    files
}

#[tokio::test]
async fn wherever_a_drain_stops_old_and_new_types_do_not_stay_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let counting = CallPlan::new();
    let lake = old_lake().await;
    assert!(files(&lake).await.iter().all(|(is_old, _)| *is_old));
    drain(&context(folder.path(), lake.clone(), &counting), "daily_bars").await.unwrap();
    let expected = files(&lake).await;
    let closes: Vec<_> = expected.iter().map(|(is_old, closes)| (*is_old, closes.join(" "))).collect();
    assert_eq!(
        closes,
        [
            (false, "1.12345678".into()),
            (false, "9999999999.99999999 0.0000077812 0.00000778".into()),
            (false, "-3".into()),
        ]
    );
    let log = counting.log();
    let puts: Vec<&str> = log.iter().filter_map(|call| call.strip_prefix("put ")).collect();
    let [january, february, march] = ["2013-01", "2013-02", "2013-03"].map(file);
    assert_eq!(
        puts,
        [&march, &february, &january, "state/contracts/daily_bars.json", &february],
        "the first file comes last, and the first row of the contract after it is kept"
    );

    for call in 1..=counting.calls() {
        for moment in [Moment::Before, Moment::After] {
            let (folder, lake) = (tempfile::tempdir().unwrap(), old_lake().await);
            let plan = CallPlan::crash_at(call, moment);
            drain(&context(folder.path(), lake.clone(), &plan), "daily_bars").await.unwrap_err();
            let stopped = files(&lake).await;
            let new_rows =
                stopped.iter().any(|(_, closes)| closes.iter().any(|close| close == "0.0000077812"));
            let is_mixed = stopped.iter().any(|(is_old, _)| *is_old);
            assert!(!(new_rows && is_mixed), "call {call} {moment:?}");
            plan.restart();
            drain(&context(folder.path(), lake.clone(), &plan), "daily_bars").await.unwrap();
            assert_eq!(files(&lake).await, expected, "call {call} {moment:?}");
        }
    }
}

#[tokio::test]
async fn a_table_of_todays_types_is_left_as_it_is() {
    let (folder, lake) = (tempfile::tempdir().unwrap(), old_lake().await);
    let plan = CallPlan::new();
    let context = context(folder.path(), lake.clone(), &plan);
    drain(&context, "daily_bars").await.unwrap();
    let version =
        |lake: Arc<MemoryLake>| async move { lake.head(&file("2013-03")).await.unwrap().unwrap().version };
    let before = version(lake.clone()).await;
    let rows = staged::write(&now(), &[decoded(&now(), "B", "2013-01-02", "5")]).unwrap();
    lake.put("staged/dataset=daily_bars/2.arrow", rows, Precondition::IfAbsent).await.unwrap();
    let calls = plan.calls();
    drain(&context, "daily_bars").await.unwrap();
    assert_eq!(version(lake.clone()).await, before);
    let looked: Vec<String> =
        plan.log()[calls..].iter().filter(|call| call.contains("bronze/")).cloned().collect();
    assert!(
        looked.iter().all(|call| call.contains("month=2013-01") || call.starts_with("list")),
        "{looked:?}"
    );
}

/// What cannot be read is not a reason to keep every other row from being published.
#[tokio::test]
async fn a_damaged_file_does_not_hold_up_the_others() {
    let (folder, lake) = (tempfile::tempdir().unwrap(), old_lake().await);
    lake.put(&file("2012-12"), bytes::Bytes::from_static(b"no Parquet"), Precondition::IfAbsent)
        .await
        .unwrap();
    drain(&context(folder.path(), lake.clone(), &CallPlan::new()), "daily_bars").await.unwrap();
    lake.delete(&file("2012-12")).await.unwrap();
    assert!(files(&lake).await.iter().all(|(is_old, _)| !is_old));
}

#![allow(clippy::unwrap_used, reason = "a test may panic")]
use std::sync::Arc;

use quotelake_core::ports::Lake;
use quotelake_local::MemoryLake;
use quotelake_testkit::{CallPlan, Faulty};

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn row() -> RunRow {
    RunRow {
        ended_at: at("2026-11-29T00:00:01.250Z"),
        dataset: Some("orders".into()),
        rows_in: Some(3),
        quarantined_by_reason: BTreeMap::from([("late \"row\"".into(), 2)]),
        ..RunRow::of("check", "landing/a.ndjson", "1", at("2026-11-28T23:59:59.999Z"))
    }
}

#[tokio::test]
async fn rows_are_one_file_under_the_day_and_read_back_as_they_were() {
    let lake = MemoryLake::new();
    let second = RunRow { id: "second".into(), ..row().failed(&Error::damaged("it is cut")) };
    record(&lake, at("2026-11-28T23:59:59.999Z"), &[row(), second]).await;
    // The same work once more: the same object.
    record(&lake, at("2026-11-28T23:59:59.999Z"), &[row(), row()]).await;
    let listed = lake.list("").await.unwrap();
    let keys: Vec<&str> = listed.iter().map(|meta| meta.key.as_str()).collect();
    assert_eq!(keys, [format!("runs/day=2026-11-28/check-{}.parquet", row().id)]);
    let bytes = lake.get(&listed[0].key).await.unwrap().bytes;
    let batch = parquet_file::read(&runs_table().unwrap(), bytes).unwrap();
    assert_eq!(batch.num_rows(), 2);
    let text = format!("{batch:?}");
    for kept in [r#"{\"late \\\"row\\\"\":2}"#, "2026-11-28T23:59:59.999", "2026-11-29T00:00:01.250"] {
        assert!(text.contains(kept) || text.contains(&format!("{kept:?}")), "{kept}: {text}");
    }
}

#[tokio::test]
async fn a_row_that_fails_says_why() {
    let failed = row().failed(&Error::unavailable("the lake is away"));
    assert_eq!(failed.outcome, RunOutcome::Failed);
    assert_eq!(
        (failed.error_code.as_deref(), failed.error.as_deref()),
        (Some("unavailable"), Some("the lake is away"))
    );
}

#[tokio::test]
async fn a_lake_that_takes_nothing_fails_no_run() {
    let inner = Arc::new(MemoryLake::new());
    let lake = Faulty::<dyn Lake>::new(inner.clone(), &CallPlan::without_runs());
    record(&lake, at("2026-11-28T23:59:59.999Z"), &[row()]).await;
    record(&lake, at("2026-11-28T23:59:59.999Z"), &[]).await;
    assert!(inner.list("").await.unwrap().is_empty());
}

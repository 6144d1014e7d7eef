//! An order that moves over a month's end and reviews without a key, through the inbox, with crashes, failing ports and events that
//! come twice and out of order: the tables come out the same, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{Crashing, files};
use quotelake_cli::commands::inbox::pass;
use quotelake_cli::laptop::Laptop;
use quotelake_local::{Chaos, Redrive, SystemClock, redrive};
use quotelake_testkit::{CallPlan, Moment};

const ORDERS: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: orders
    customProperties:
      - {property: revisionColumn, value: version}
      - {property: partitionBy, value: month}
      - {property: nullPartition, value: __null__}
    properties:
      - {name: id, logicalType: string, physicalType: string, required: true, primaryKey: true}
      - {name: ordered_on, logicalType: date, physicalType: date, partitioned: true}
      - {name: version, logicalType: integer, physicalType: int, required: true}
"#;

const REVIEWS: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: reviews
    customProperties:
      - {property: key, value: none}
    properties:
      - {name: article, logicalType: integer, physicalType: int, required: true, partitioned: true}
      - {name: stars, logicalType: integer, physicalType: int, required: true}
"#;

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

async fn open(root: &Path, plan: &CallPlan) -> Laptop {
    Laptop::open_wrapped(root, Arc::new(SystemClock), Arc::new(Crashing(plan.clone()))).await.unwrap()
}

/// A lake with orders of May.
async fn of_may(root: &Path) {
    write(&root.join("contracts/orders.yaml"), ORDERS);
    write(&root.join("contracts/reviews.yaml"), REVIEWS);
    let file = root.join("inbox/orders/1.csv");
    write(&file, "id,ordered_on,version\nA,2023-05-31,1\nB,2023-05-30,1\nC,,1\n");
    pass(&open(root, &CallPlan::new()).await, &mut BTreeSet::new(), Duration::ZERO).await.unwrap();
    std::fs::remove_file(file).unwrap();
}

/// A copy of it, to which two files are dropped.
fn prepared(may: &Path, root: &Path) {
    copy(may, root);
    write(&root.join("inbox/orders/2.csv"), "id,ordered_on,version\nA,2023-06-01,2\nC,2023-05-29,2\n");
    write(&root.join("inbox/reviews/1.csv"), "article,stars\n8,5\n8,5\n9,1\n8,5\n");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn tables(root: &Path) -> BTreeMap<String, String> {
    files(&root.join("bronze"))
}

async fn recovered(root: &Path, expected: &BTreeMap<String, String>, what: &str) {
    let laptop = open(root, &CallPlan::new()).await;
    for queue in ["ingest", "check", "publish"] {
        let dead = laptop.queue(&format!("{queue}-dlq")).unwrap();
        redrive(dead, laptop.queue(queue).unwrap(), &Redrive::default()).await.unwrap();
    }
    let report = pass(&laptop, &mut BTreeSet::new(), Duration::ZERO).await.unwrap();
    assert_eq!((report.dead_letters, report.settled.waiting), (0, 0), "{what}");
    assert!(files(&root.join("staged")).is_empty());
    assert_eq!(&tables(root), expected, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_and_chaos_leave_no_row_twice_and_none_away() {
    let folder = tempfile::tempdir().unwrap();
    let (may, healthy) = (folder.path().join("may"), folder.path().join("healthy"));
    of_may(&may).await;
    prepared(&may, &healthy);
    let counting = CallPlan::new();
    let report = pass(&open(&healthy, &counting).await, &mut BTreeSet::new(), Duration::ZERO).await.unwrap();
    assert_eq!((report.checked.staged, report.checked.quarantined), (6, 0), "{report:?}");
    let expected = tables(&healthy);
    let names: Vec<&str> = expected.keys().map(String::as_str).collect();
    let part = |folder: &str| format!("{folder}/part-0.parquet");
    assert_eq!(
        names,
        [
            "orders/month=2023-05",
            "orders/month=2023-06",
            "orders/month=__null__",
            "reviews/article=8",
            "reviews/article=9"
        ]
        .map(part)
    );
    for call in 1..=counting.calls() {
        let moment = if call % 2 == 0 { Moment::Before } else { Moment::After };
        let root = folder.path().join(format!("{call}"));
        prepared(&may, &root);
        let plan = CallPlan::crash_at(call, moment);
        let _ = pass(&open(&root, &plan).await, &mut BTreeSet::new(), Duration::ZERO).await;
        let what = format!("{moment:?} {call}: {:?}", plan.log().get(call - 1));
        recovered(&root, &expected, &what).await;
    }
    for seed in 0..4 {
        let root = folder.path().join(format!("chaos-{seed}"));
        prepared(&may, &root);
        let plan = CallPlan::random(seed, 0.03);
        let chaos = Chaos { seed, duplicate: 0.6, reorder: 0.5, fail: 0.2 };
        for _ in 0..3 {
            let laptop = open(&root, &plan).await;
            let _ = pass(&laptop, &mut BTreeSet::new(), Duration::ZERO).await;
            let _ = laptop.settle(None, Some(chaos)).await;
        }
        recovered(&root, &expected, &format!("chaos {seed}")).await;
    }
}

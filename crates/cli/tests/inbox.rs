//! `quotelake inbox`: a file that is dropped into the lake's folder comes out in the table, whatever crashes on the way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::common::{Crashing, files};
use quotelake_cli::commands::inbox::pass;
use quotelake_cli::laptop::Laptop;
use quotelake_local::{Redrive, SystemClock, redrive};
use quotelake_testkit::{CallPlan, Moment};
use serde_json::Value;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn command(args: &[&str], lake: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.args(args).args(["--json", "--quiet-ms", "0", "--lake"]).arg(lake);
    command
}

fn inbox_run(lake: &Path, contracts: &[&str]) -> (i32, Value) {
    let mut command = command(&["inbox", "run"], lake);
    for name in contracts {
        command.arg("--contract").arg(project(&format!("samples/contracts/{name}.yaml")));
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    (
        output.status.code().unwrap(),
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{stderr}")),
    )
}

fn drop_file(lake: &Path, dataset: &str, name: &str, bytes: &[u8]) {
    let folder = lake.join("inbox").join(dataset);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), bytes).unwrap();
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(project("samples/csv").join(name)).unwrap()
}

#[test]
fn dropped_files_come_out_in_their_tables_once() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    for name in ["orders", "reviews", "shipments"] {
        drop_file(lake, name, "first.csv", &sample(&format!("{name}.csv")));
    }
    drop_file(lake, "orders", "notes.txt", b"not a table");
    drop_file(lake, "orders", "positional.csv", b"A-1001,1,Pencil\n");
    let (code, report) = inbox_run(lake, &["orders", "reviews", "shipments"]);
    assert_eq!(code, 3, "a file was rejected: {report}");
    let outcomes: Vec<(&str, &str)> = report["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (file["key"].as_str().unwrap(), file["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("inbox/orders/first.csv", "landed"),
            ("inbox/orders/notes.txt", "rejected"),
            ("inbox/orders/positional.csv", "rejected"),
            ("inbox/reviews/first.csv", "landed"),
            ("inbox/shipments/first.csv", "landed"),
        ]
    );
    assert_eq!(report["dead_letters"], 2);
    // Orders: 4 good, 4 bad, 1 older. Reviews: 2 good, 4 bad. Shipments: 3 good, 4 bad, 1 older.
    let checked = &report["checked"];
    assert_eq!((&checked["rows_in"], &checked["staged"]), (&23.into(), &9.into()), "{checked}");
    assert_eq!((&checked["quarantined"], &checked["duplicates"]), (&12.into(), &2.into()), "{checked}");
    let tables = files(&lake.join("bronze"));
    assert!(tables.keys().any(|name| name.starts_with("shipments/month=2026-11/")), "{tables:?}");

    // Again, and under another name: nothing new comes of it.
    drop_file(lake, "orders", "second.csv", &sample("orders.csv"));
    let (code, report) = inbox_run(lake, &[]);
    assert_eq!((code, report["files"][0]["outcome"].as_str()), (0, Some("same_content")), "{report}");
    assert_eq!(report["checked"]["rows_in"], 0);
    assert_eq!(inbox_run(lake, &[]).1["files"], serde_json::json!([]));
    assert_eq!(files(&lake.join("bronze")), tables);
    assert!(lake.join("inbox/orders/positional.csv").exists(), "a rejected file stays");
}

#[test]
fn a_watched_inbox_takes_what_is_dropped_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path();
    inbox_run(lake, &["shipments"]);
    let mut watching = command(&["inbox", "watch", "--interval", "1"], lake)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop_file(lake, "shipments", "export.csv", &sample("shipments.csv"));
    let began = Instant::now();
    while files(&lake.join("bronze/shipments")).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing was published");
        assert!(watching.try_wait().unwrap().is_none(), "the process ended by itself");
        std::thread::sleep(Duration::from_millis(100));
    }
    watching.kill().unwrap();
    watching.wait().unwrap();
}

async fn open(root: &Path, plan: &CallPlan) -> Laptop {
    Laptop::open_wrapped(root, Arc::new(SystemClock), Arc::new(Crashing(plan.clone()))).await.unwrap()
}

fn prepared(root: &Path) {
    std::fs::create_dir_all(root.join("contracts")).unwrap();
    for name in ["shipments.yaml", "shipments.dqdl"] {
        std::fs::copy(project("samples/contracts").join(name), root.join("contracts").join(name)).unwrap();
    }
    drop_file(root, "shipments", "export.csv", &sample("shipments.csv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_every_port_call_before_and_after_its_effect() {
    let folder = tempfile::tempdir().unwrap();
    let healthy = folder.path().join("healthy");
    prepared(&healthy);
    let counting = CallPlan::new();
    let report = pass(&open(&healthy, &counting).await, &mut BTreeSet::new(), Duration::ZERO).await.unwrap();
    assert_eq!((report.checked.staged, report.checked.quarantined), (3, 4), "{report:?}");
    let expected = files(&healthy.join("bronze"));
    assert_eq!(expected.len(), 2);
    for call in 1..=counting.calls() {
        for moment in [Moment::Before, Moment::After] {
            let root = folder.path().join(format!("{call}-{moment:?}"));
            prepared(&root);
            let plan = CallPlan::crash_at(call, moment);
            let _ = pass(&open(&root, &plan).await, &mut BTreeSet::new(), Duration::ZERO).await;
            let laptop = open(&root, &CallPlan::new()).await;
            for queue in ["ingest", "check", "publish"] {
                let dead = laptop.queue(&format!("{queue}-dlq")).unwrap();
                redrive(dead, laptop.queue(queue).unwrap(), &Redrive::default()).await.unwrap();
            }
            let report = pass(&laptop, &mut BTreeSet::new(), Duration::ZERO).await.unwrap();
            assert_eq!((report.dead_letters, report.settled.waiting), (0, 0), "{moment:?} {call}");
            let log = plan.log();
            assert_eq!(files(&root.join("bronze")), expected, "{moment:?} {call}: {:?}", log.get(call - 1));
            assert!(files(&root.join("staged")).is_empty());
        }
    }
}

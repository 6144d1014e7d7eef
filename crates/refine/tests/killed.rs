//! A process that is killed while models follow: the next one leaves the tables of a full computation.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use crate::support::{Prices, World, change, date, message};
use quotelake_local::FolderLake;
use quotelake_testkit::CallPlan;

/// Names the lake's folder to the process that is to be killed.
const FOLDER: &str = "QUOTELAKE_TEST_KILLED_FOLDER";
const MONTHS: [&str; 3] = ["2009-01", "2009-03", "2009-06"];

fn open(folder: &Path) -> World {
    World::new(Arc::new(FolderLake::open(folder).unwrap()))
}

/// What the process does that is killed: it follows changes, for as long as it lives. Started by the test below alone.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let world = open(Path::new(&folder));
    let messages = || MONTHS.map(|month| message(change(month))).to_vec();
    world.deliver(&CallPlan::new(), messages()).await;
    world.settle(&CallPlan::new()).await;
}

#[tokio::test]
async fn a_killed_process_leaves_what_the_next_one_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let mut prices = Prices::every_third_day(200);
    let world = open(folder.path());
    prices.publish_all(world.lake.as_ref()).await;
    world.compute_all().await;
    world.changes.take();
    // The first is left alone: how long a process is at work depends on the machine and on what else it does.
    let (mut killed, mut at_work) = (0, None);
    for round in 0..9_u32 {
        for (at, month) in MONTHS.iter().enumerate() {
            prices.set(date(&format!("{month}-15")), "A", Some(1_000 * (i64::from(round) + 1) + at as i64));
            prices.publish(world.lake.as_ref(), month).await;
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::the_process_that_is_killed"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        match at_work {
            None => {
                let start = Instant::now();
                assert!(child.wait().unwrap().success());
                at_work = Some(start.elapsed());
            }
            Some(at_work) => {
                tokio::time::sleep(at_work * round / 9).await;
                child.kill().unwrap();
                killed += usize::from(!child.wait().unwrap().success());
            }
        }
        // Its messages come again, to a process that is not killed; what it has told of itself may be lost with it.
        let next = open(folder.path());
        let messages = MONTHS.map(|month| message(change(month))).to_vec();
        next.deliver(&CallPlan::new(), messages).await;
        next.settle(&CallPlan::new()).await;
        next.compute_stale().await;
        next.assert_up_to_date(&format!("round {round}")).await;
    }
    assert!(killed >= 3, "only {killed} processes were killed before they were done");
}

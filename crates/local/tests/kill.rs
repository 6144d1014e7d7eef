//! What was acknowledged survives `kill -9` of the process that was told so.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use quotelake_core::ports::{Lake as _, Precondition, Queue as _, RecordStream as _};
use quotelake_local::{
    Delivery, DeliverySettings, Durability, FolderLake, FolderQueue, FunctionError, NoNotification,
    SpoolStream, SystemClock, function_fn,
};
use quotelake_testkit::build;

/// Tells [`victim`] where to work; without it, it is a test that does nothing.
const FOLDER: &str = "QUOTELAKE_KILL_TEST_FOLDER";

struct World {
    lake: FolderLake,
    queue: FolderQueue,
    stream: SpoolStream,
}

fn open(folder: &Path) -> World {
    let (fast, clock) = (Durability::ProcessCrash, || Arc::new(SystemClock));
    World {
        lake: FolderLake::open_with(folder.join("lake"), fast).unwrap(),
        queue: FolderQueue::open_with(folder.join("queues"), "check", clock(), fast).unwrap(),
        stream: SpoolStream::open_with(folder.join("spool"), clock(), fast).unwrap(),
    }
}

/// Not a test: the process that is killed. Writes without end and says what was acknowledged.
#[tokio::test]
async fn victim() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let world = open(Path::new(&folder));
    for number in 0_u32.. {
        let text = format!("{number:06}");
        world.queue.send(build::message(&text)).await.unwrap();
        world.stream.put(&[Bytes::from(text.clone() + "\n")]).await.unwrap();
        world.lake.put("bronze/last", text.clone().into(), Precondition::None).await.unwrap();
        println!("acknowledged {text}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    for acknowledged in [1, 17, 60] {
        let dir = tempfile::tempdir().unwrap();
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::victim", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        // The test harness may have begun the line.
        let numbers =
            lines.filter_map(|line| line.unwrap().split_once("acknowledged ").map(|(_, n)| n.to_owned()));
        let numbers: Vec<String> = numbers.take(acknowledged).collect();
        victim.kill().unwrap();
        victim.wait().unwrap();

        let world = open(dir.path());
        let sent: Vec<String> =
            world.queue.list().await.unwrap().into_iter().map(|one| one.message.body).collect();
        assert_eq!(sent[..acknowledged], numbers, "every message, in order");
        let last = world.lake.get("bronze/last").await.unwrap().bytes;
        assert!(*last >= *numbers[acknowledged - 1].as_bytes(), "the last put or a later one");

        // The function that passes records through.
        let echo = function_fn("echo", |event: Bytes| async move {
            let mut answer: serde_json::Value = serde_json::from_slice(&event).unwrap();
            for record in answer["records"].as_array_mut().unwrap() {
                record["result"] = "Ok".into();
            }
            Ok::<_, FunctionError>(answer.to_string().into())
        });
        let (lake, clock) = (Arc::new(world.lake.clone()), Arc::new(SystemClock));
        let settings = DeliverySettings::default();
        let created = Arc::new(NoNotification);
        let delivery = Delivery::new(&world.stream, Arc::new(echo), lake, created, clock, settings).unwrap();
        let report = delivery.flush().await.unwrap();
        assert!(report.delivered >= acknowledged as u64, "{report:?}");
        let left = std::fs::read_dir(dir.path().join("lake/_platform/tmp")).unwrap().count();
        assert_eq!(left, 0, "what the kill interrupted is cleaned up");
    }
}

//! What a queue on a folder promises beyond the port: it outlives processes, and bad input is told.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use chrono::TimeDelta;
use quotelake_core::ErrorKind;
use quotelake_core::ports::{Message, Queue as _};
use quotelake_local::{Depth, Durability, FolderQueue};
use quotelake_testkit::{StepClock, build};

fn open(dir: &tempfile::TempDir, clock: &StepClock) -> FolderQueue {
    FolderQueue::open_with(dir.path(), "publish.fifo", Arc::new(clock.clone()), Durability::ProcessCrash)
        .unwrap()
}

fn rig() -> (tempfile::TempDir, StepClock) {
    (tempfile::tempdir().unwrap(), StepClock::new(build::instant()))
}

#[tokio::test]
async fn everything_is_there_when_it_is_opened_again() {
    let (dir, clock) = rig();
    let message = Message { deduplication_id: Some("d".into()), ..build::grouped("bars", "a") };
    let first = open(&dir, &clock);
    first.send(message.clone()).await.unwrap();
    first.send(build::message("b")).await.unwrap();
    first.receive(1, TimeDelta::seconds(30)).await.unwrap();
    drop(first);

    let second = open(&dir, &clock);
    second.send(message).await.unwrap();
    let stored = second.list().await.unwrap();
    let seen: Vec<_> = stored.iter().map(|one| (one.message.body.as_str(), one.receive_count)).collect();
    assert_eq!(seen, [("a", 1), ("b", 0)], "messages, counts and deduplication ids");
    assert_eq!(second.depth().await.unwrap(), Depth { visible: 1, hidden: 1 });
    assert_eq!(second.release_hidden().await.unwrap(), 1);
    assert_eq!(second.depth().await.unwrap(), Depth { visible: 2, hidden: 0 });
}

#[tokio::test]
async fn order_goes_on_after_a_purge_and_without_the_remembered_number() {
    let (dir, clock) = rig();
    let queue = open(&dir, &clock);
    for body in ["a", "b", "c"] {
        queue.send(build::message(body)).await.unwrap();
    }
    std::fs::remove_file(dir.path().join("publish.fifo/sequence.json")).unwrap();
    queue.send(build::message("d")).await.unwrap();
    let sequences: Vec<u64> = queue.list().await.unwrap().iter().map(|stored| stored.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    assert_eq!(queue.purge().await.unwrap(), 4);
    queue.send(build::message("e")).await.unwrap();
    let stored = queue.list().await.unwrap();
    assert_eq!((stored.len(), stored[0].sequence), (1, 5));
    queue.remove(&stored[0].id).await.unwrap();
    queue.remove(&stored[0].id).await.expect("gone is fine");
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
}

#[tokio::test]
async fn a_changed_visibility_gives_back_or_keeps_longer() {
    let (dir, clock) = rig();
    let queue = open(&dir, &clock);
    queue.send(build::message("a")).await.unwrap();
    let received = queue.receive(1, TimeDelta::seconds(30)).await.unwrap().remove(0);
    queue.change_visibility(&received.receipt_handle, TimeDelta::seconds(90)).await.unwrap();
    clock.advance(TimeDelta::seconds(60));
    assert!(queue.receive(1, TimeDelta::seconds(30)).await.unwrap().is_empty());
    queue.change_visibility(&received.receipt_handle, TimeDelta::zero()).await.unwrap();
    assert_eq!(queue.receive(1, TimeDelta::seconds(30)).await.unwrap()[0].stored.receive_count, 2);
}

#[tokio::test]
async fn bad_input_is_told() {
    let (dir, clock) = rig();
    for name in ["", "a/b", "..", "a.b", ".fifo", "naïve"] {
        let opened = FolderQueue::open(dir.path(), name, Arc::new(clock.clone()));
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::InvalidInput, "{name:?}");
    }
    let queue = open(&dir, &clock);
    let large = queue.send(build::message(&"x".repeat(1024 * 1024 + 1))).await;
    assert_eq!(large.unwrap_err().kind(), ErrorKind::InvalidInput);
    for handle in ["", "x", "x#y"] {
        assert_eq!(queue.ack(handle).await.unwrap_err().kind(), ErrorKind::InvalidInput, "{handle:?}");
    }
    queue.ack("../../etc/passwd#1").await.expect("no such message, and no file outside is looked at");
}

#[tokio::test]
async fn a_damaged_message_stops_nobody_and_is_kept() {
    let (dir, clock) = rig();
    let queue = open(&dir, &clock);
    for text in ["a", "b", "c"] {
        queue.send(build::message(text)).await.unwrap();
    }
    let messages = dir.path().join("publish.fifo/messages");
    let mut files: Vec<_> =
        std::fs::read_dir(&messages).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    std::fs::write(&files[1], "torn").unwrap();
    // What the queue remembers beside its messages can be started over.
    for state in ["sequence.json", "deduplication.json"] {
        std::fs::write(dir.path().join("publish.fifo").join(state), "{").unwrap();
    }
    assert_eq!(queue.damaged().await.unwrap(), [files[1].clone()]);
    queue.send(build::message("d")).await.unwrap();
    let bodies: Vec<String> = queue.list().await.unwrap().into_iter().map(|one| one.message.body).collect();
    assert_eq!(bodies, ["a", "c", "d"]);
    assert_eq!(queue.depth().await.unwrap().visible, 3);
    assert_eq!(queue.receive(10, TimeDelta::seconds(1)).await.unwrap().len(), 3);

    assert_eq!(queue.set_damaged_aside().await.unwrap(), 1);
    assert_eq!(queue.set_damaged_aside().await.unwrap(), 0);
    assert!(queue.damaged().await.unwrap().is_empty());
    let aside = dir.path().join("publish.fifo/damaged").join(files[1].file_name().unwrap());
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "torn");
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_sent_is_handed_out_and_swallows_nothing() {
    let (dir, clock) = rig();
    let ahead = StepClock::new(build::instant() + TimeDelta::days(400));
    let delayed = Message { delay_seconds: 900, ..build::message("handed back") };
    let grouped = Message { deduplication_id: Some("d".into()), ..build::grouped("bars", "a") };
    let queue = open(&dir, &ahead);
    queue.send(delayed).await.unwrap();
    queue.send(grouped.clone()).await.unwrap();
    drop(queue);

    let queue = open(&dir, &clock);
    assert_eq!(queue.depth().await.unwrap(), Depth { visible: 2, hidden: 0 });
    queue.send(grouped.clone()).await.unwrap();
    assert_eq!(
        queue.list().await.unwrap().len(),
        3,
        "the same work asked for today is not that of next year"
    );
    queue.send(grouped).await.unwrap();
    assert_eq!(queue.list().await.unwrap().len(), 3);
}

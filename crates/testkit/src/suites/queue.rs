//! What every adapter of `Queue` and `HandBack` has to do, as one test, seen from the receiving end that the adapter's test
//! provides: redelivery, order in groups, deduplication, delays. A gap of somebody else's emulator is named in [`QueueGap`].

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use futures::future::join_all;
use quotelake_core::Result;
use quotelake_core::ports::{HandBack, Message, Queue};

use crate::build::{grouped, message};

/// A message as a receiver of the queue gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// What was sent.
    pub message: Message,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// What [`ReceivingQueue::ack`] takes.
    pub handle: String,
}

/// The other end of a queue, as the suite needs it.
#[async_trait]
pub trait ReceivingQueue: Queue + HandBack {
    /// Takes up to `max` messages that are ready, and hides them for `visibility`.
    async fn receive(&self, max: usize, visibility: TimeDelta) -> Result<Vec<Delivered>>;

    /// Removes a message that was handled.
    async fn ack(&self, handle: &str) -> Result<()>;
}

/// What tells a queue the time, as far as a test moves it.
pub trait MovableClock: Sync {
    /// Makes it that much later.
    fn advance(&self, by: TimeDelta);
}

impl MovableClock for crate::StepClock {
    fn advance(&self, by: TimeDelta) {
        Self::advance(self, by);
    }
}

const HIDDEN: TimeDelta = TimeDelta::seconds(30);

/// The contract of a [`Queue`], seen from its other end. The queue is empty and tells time by `clock`.
pub async fn queue_suite(queue: Arc<dyn ReceivingQueue>, clock: &dyn MovableClock) {
    queue_suite_but(queue, clock, &[]).await;
}

/// What a queue that somebody else made does not do. Each has to be named by the test that runs the suite, for that queue alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueGap {
    /// A deduplication id is forgotten as soon as its message was acknowledged, not after the window.
    ForgetsAcknowledgedIds,
}

/// [`queue_suite`], but for sentences that a queue is known to break.
pub async fn queue_suite_but(queue: Arc<dyn ReceivingQueue>, clock: &dyn MovableClock, gaps: &[QueueGap]) {
    keeps_what_is_sent(&*queue).await;
    delivers_again(&*queue, clock).await;
    hands_back(&*queue, clock).await;
    groups_in_order(&*queue, clock).await;
    swallows_duplicates(&*queue, clock, gaps).await;
    delays_what_asks_for_it(queue.as_ref(), clock).await;
    concurrent_sends(&queue).await;
}

async fn drain(queue: &dyn ReceivingQueue) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let batch = queue.receive(10, HIDDEN).await.unwrap();
        if batch.is_empty() {
            return bodies;
        }
        for delivered in batch {
            queue.ack(&delivered.handle).await.unwrap();
            bodies.push(delivered.message.body);
        }
    }
}

async fn delays_what_asks_for_it(queue: &dyn ReceivingQueue, clock: &dyn MovableClock) {
    queue.send(Message { delay_seconds: 30, ..message("later") }).await.unwrap();
    queue.send(message("now")).await.unwrap();
    assert_eq!(drain(queue).await, ["now"]);
    clock.advance(chrono::TimeDelta::seconds(29));
    assert!(drain(queue).await.is_empty());
    clock.advance(chrono::TimeDelta::seconds(1));
    assert_eq!(drain(queue).await, ["later"]);
}

async fn keeps_what_is_sent(queue: &dyn ReceivingQueue) {
    assert!(queue.receive(10, HIDDEN).await.unwrap().is_empty(), "the suite starts with an empty queue");
    let sent = Message {
        body: "{\"price\": \"1.50\", \"name\": \"Ação \\\"x\\\"\"}\n".into(),
        attributes: BTreeMap::from([
            ("error_code".into(), "invalid_input".into()),
            ("empty".into(), String::new()),
        ]),
        ..Message::default()
    };
    queue.send(sent.clone()).await.unwrap();
    let received = queue.receive(10, HIDDEN).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (&received[0].message, received[0].receive_count),
        (&sent, 1),
        "body and attributes travel untouched"
    );
    queue.ack(&received[0].handle).await.unwrap();
    queue.ack(&received[0].handle).await.expect("a second ack succeeds");
    assert!(queue.receive(10, HIDDEN).await.unwrap().is_empty());

    for body in 0..25 {
        queue.send(message(&body.to_string())).await.unwrap();
    }
    assert_eq!(queue.receive(10, TimeDelta::zero()).await.unwrap().len(), 10, "no more than asked for");
    let mut bodies: Vec<u32> = drain(queue).await.iter().map(|body| body.parse().unwrap()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..25).collect::<Vec<_>>(), "every message is delivered");
}

async fn delivers_again(queue: &dyn ReceivingQueue, clock: &dyn MovableClock) {
    queue.send(message("again")).await.unwrap();
    let first = queue.receive(10, HIDDEN).await.unwrap().remove(0);
    assert!(queue.receive(10, HIDDEN).await.unwrap().is_empty(), "hidden while it is handled");
    clock.advance(HIDDEN);
    let second = queue.receive(10, HIDDEN).await.unwrap().remove(0);
    assert_eq!(
        (second.message.body.as_str(), second.receive_count),
        ("again", 2),
        "delivered until it is acknowledged"
    );
    queue.ack(&first.handle).await.expect("an old handle is no error");
    clock.advance(HIDDEN);
    let third = queue.receive(10, HIDDEN).await.unwrap().remove(0);
    assert_eq!(third.receive_count, 3, "and an old handle removes nothing");
    queue.ack(&third.handle).await.unwrap();
}

async fn hands_back(queue: &dyn ReceivingQueue, clock: &dyn MovableClock) {
    queue.send(message("later")).await.unwrap();
    let first = queue.receive(10, HIDDEN).await.unwrap().remove(0);
    queue.hand_back(&first.handle, 0).await.unwrap();
    let second = queue.receive(10, HIDDEN).await.unwrap().remove(0);
    assert_eq!(second.receive_count, 2, "there again at once");
    queue.hand_back(&second.handle, 10).await.unwrap();
    clock.advance(TimeDelta::seconds(9));
    assert!(queue.receive(10, HIDDEN).await.unwrap().is_empty(), "not before its time");
    clock.advance(TimeDelta::seconds(1));
    let third = queue.receive(10, HIDDEN).await.unwrap().remove(0);
    assert_eq!(third.receive_count, 3, "before the time is over for which it was hidden");
    queue.ack(&third.handle).await.unwrap();
    queue.hand_back(&third.handle, 0).await.expect("a message that was handled is no error");
    assert!(queue.receive(10, HIDDEN).await.unwrap().is_empty(), "and does not come back");
}

async fn groups_in_order(queue: &dyn ReceivingQueue, clock: &dyn MovableClock) {
    for (group, body) in [("bars", "b1"), ("splits", "s1"), ("bars", "b2"), ("bars", "b3"), ("splits", "s2")]
    {
        queue.send(grouped(group, body)).await.unwrap();
    }
    let first = queue.receive(1, HIDDEN).await.unwrap().remove(0);
    assert_eq!(first.message.body, "b1");
    let others: Vec<_> = queue.receive(10, HIDDEN).await.unwrap();
    assert!(
        others.iter().all(|other| other.message.group.as_deref() == Some("splits")),
        "b1 holds its group back"
    );
    assert_eq!(others[0].message.body, "s1", "another group goes on");
    for other in &others {
        queue.ack(&other.handle).await.unwrap();
    }
    clock.advance(HIDDEN);
    let again = queue.receive(1, HIDDEN).await.unwrap().remove(0);
    assert_eq!(again.message.body, "b1", "a message that failed keeps its place");
    queue.ack(&again.handle).await.unwrap();
    let rest = drain(queue).await;
    let bars: Vec<_> = rest.iter().filter(|body| body.starts_with('b')).collect();
    assert_eq!(bars, ["b2", "b3"], "in the order of sending");
}

async fn swallows_duplicates(queue: &dyn ReceivingQueue, clock: &dyn MovableClock, gaps: &[QueueGap]) {
    let tagged =
        |body: &str, id: &str| Message { deduplication_id: Some(id.into()), ..grouped("bars", body) };
    queue.send(tagged("first", "id-1")).await.unwrap();
    queue.send(tagged("second", "id-1")).await.expect("a swallowed message is no error");
    queue.send(tagged("other", "id-2")).await.unwrap();
    assert_eq!(drain(queue).await, ["first", "other"]);
    if !gaps.contains(&QueueGap::ForgetsAcknowledgedIds) {
        queue.send(tagged("third", "id-1")).await.unwrap();
        assert!(drain(queue).await.is_empty(), "remembered after the first was handled");
    }
    clock.advance(TimeDelta::minutes(5));
    queue.send(tagged("fourth", "id-1")).await.unwrap();
    assert_eq!(drain(queue).await, ["fourth"], "the window is 5 minutes");
}

async fn concurrent_sends(queue: &Arc<dyn ReceivingQueue>) {
    let sends = (0..8).map(|sender| {
        let queue = Arc::clone(queue);
        tokio::spawn(async move {
            for number in 0..8 {
                queue.send(grouped(&format!("group {sender}"), &format!("{sender}-{number}"))).await.unwrap();
            }
        })
    });
    join_all(sends).await.into_iter().for_each(|send| send.expect("no send fails"));
    let bodies = drain(&**queue).await;
    assert_eq!(bodies.len(), 64, "none lost, none made up");
    for sender in 0..8 {
        let own: Vec<_> =
            bodies.iter().filter(|body| body.starts_with(&format!("{sender}-"))).cloned().collect();
        let expected: Vec<_> = (0..8).map(|number| format!("{sender}-{number}")).collect();
        assert_eq!(own, expected, "each group in order");
    }
}

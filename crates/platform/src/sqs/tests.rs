use std::sync::Mutex;

use quotelake_core::ErrorKind;

use super::*;

/// Keeps what was sent.
#[derive(Debug, Default)]
struct Sent(Mutex<Vec<Message>>);

#[async_trait::async_trait]
impl Queue for Sent {
    async fn send(&self, message: Message) -> Result<()> {
        self.0.lock().unwrap().push(message);
        Ok(())
    }
}

/// Keeps what was handed back, and for how many seconds.
#[derive(Debug, Default)]
struct HandedBack(Mutex<Vec<(String, u32)>>);

#[async_trait::async_trait]
impl HandBack for HandedBack {
    async fn hand_back(&self, receipt_handle: &str, after_seconds: u32) -> Result<()> {
        self.0.lock().unwrap().push((receipt_handle.to_owned(), after_seconds));
        Ok(())
    }
}

fn from(fifo: bool, dead_letters: &Sent) -> Origin<'_> {
    Origin { fifo, dead_letters, hand_back: None }
}

/// Messages of the groups in front of their slashes, received for the second time.
fn batch(bodies: &[&str]) -> SqsEvent {
    let records = bodies.iter().map(|body| {
        let group = body.split_once('/').map_or("daily_bars", |(group, _)| group);
        serde_json::json!({
            "messageId": format!("id {body}"),
            "receiptHandle": format!("handle {body}"),
            "body": body,
            "attributes": { "MessageGroupId": group, "ApproximateReceiveCount": "2" },
            "messageAttributes": {
                "correlation_id": { "stringValue": "run-1", "dataType": "String" },
                "picture": { "binaryValue": "AAAA", "dataType": "Binary" },
            },
        })
    });
    serde_json::from_value(serde_json::json!({ "Records": records.collect::<Vec<_>>() })).unwrap()
}

fn failures(response: &SqsBatchResponse) -> Vec<&str> {
    response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect()
}

/// Each message takes that many seconds.
async fn take(seconds: u64, time_left: Option<u64>, messages: usize) -> (usize, usize) {
    let bodies: Vec<String> = (0..messages).map(|number| number.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let handled = Mutex::new(0);
    let time_left = time_left.map(Duration::from_secs);
    let response = each_message(batch(&bodies), from(false, &Sent::default()), time_left, |_| async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        *handled.lock().unwrap() += 1;
        Ok(())
    })
    .await;
    let handled = *handled.lock().unwrap();
    assert_eq!(handled + response.batch_item_failures.len(), messages, "each is handled or handed back");
    (handled, response.batch_item_failures.len())
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_end_in_time_are_handed_back() {
    assert_eq!(take(10, None, 10).await, (10, 0), "no deadline, no hurry");
    assert_eq!(take(10, Some(900), 10).await, (10, 0));
    // After the third, 30 s are left of 60; after the fourth 20 s, which two more of the slowest would take; after that 10 s.
    assert_eq!(take(10, Some(60), 10).await, (5, 5));
    assert_eq!(take(1, Some(10), 100).await, (8, 92), "some seconds are kept in any case");
    assert_eq!(take(10, Some(1), 3).await, (1, 2), "the first is always tried");
    assert_eq!(take(1, Some(u64::MAX), 3).await, (3, 0));
}

#[tokio::test]
async fn a_dead_letter_keeps_group_run_and_body_and_says_why() {
    let sent = Sent::default();
    let response = each_message(batch(&["poison"]), from(true, &sent), None, |_| async {
        Err(Error::invalid("bell \u{7} and no end").context("reading"))
    })
    .await;
    assert!(failures(&response).is_empty());
    let letters = sent.0.into_inner().unwrap();
    let letter = &letters[0];
    assert_eq!((letter.body.as_str(), letter.group.as_deref()), ("poison", Some("daily_bars")));
    assert_eq!(letter.attributes["error_code"], "invalid_input");
    assert_eq!(letter.attributes["error_message"], "reading: bell \u{fffd} and no end");
    assert_eq!(letter.attributes[CORRELATION_ID], "run-1");
    assert_eq!(attribute_text(&"é".repeat(5000)).len(), MAX_ERROR_TEXT);
}

#[tokio::test]
async fn order_is_kept_on_fifo_queues_only() {
    for (fifo, expected) in [(true, vec!["id b", "id c"]), (false, vec!["id b"])] {
        let response =
            each_message(batch(&["a", "b", "c"]), from(fifo, &Sent::default()), None, |message| async move {
                if message.body == "b" { Err(Error::new(ErrorKind::Unavailable, "busy")) } else { Ok(()) }
            })
            .await;
        assert_eq!(failures(&response), expected);
    }
}

#[tokio::test]
async fn one_failing_group_leaves_the_others_alone_and_comes_back_together() {
    let (sent, handed_back) = (Sent::default(), HandedBack::default());
    let origin = Origin { hand_back: Some(&handed_back), ..from(true, &sent) };
    let tried = Mutex::new(Vec::new());
    let response =
        each_message(
            batch(&["bars/1", "splits/1", "bars/2", "splits/2", "bars/3"]),
            origin,
            None,
            |message| {
                tried.lock().unwrap().push(message.body.clone());
                async move {
                    if message.body.starts_with("bars") { Err(Error::unavailable("busy")) } else { Ok(()) }
                }
            },
        )
        .await;
    assert_eq!(failures(&response), ["id bars/1", "id bars/2", "id bars/3"]);
    assert_eq!(*tried.lock().unwrap(), ["bars/1", "splits/1", "splits/2"]);
    // The group is not delivered while one of it is in hand, so all of it comes at the same time, and not after half an hour.
    let expected = ["bars/1", "bars/2", "bars/3"].map(|body| (format!("handle {body}"), 120));
    assert_eq!(*handed_back.0.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_comes_back_when_the_error_says_so_and_at_once_where_only_time_was_short() {
    let (sent, handed_back) = (Sent::default(), HandedBack::default());
    let origin = Origin { hand_back: Some(&handed_back), ..from(false, &sent) };
    let left = Some(Duration::from_secs(25));
    each_message(batch(&["throttled", "bug", "done", "no time"]), origin, left, |message| async move {
        tokio::time::sleep(Duration::from_secs(7)).await;
        match message.body.as_str() {
            "throttled" => {
                Err(Error::new(ErrorKind::Throttled, "slow down").with_retry_after(Duration::from_secs(400)))
            }
            "bug" => Err(Error::bug("no retry helps")),
            _ => Ok(()),
        }
    })
    .await;
    let expected = [
        ("handle throttled".to_owned(), 400),
        ("handle done".to_owned(), 0),
        ("handle no time".to_owned(), 0),
    ];
    assert_eq!(*handed_back.0.lock().unwrap(), expected);
    assert_eq!(sent.0.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_sent_comes_back() {
    #[derive(Debug)]
    struct Away;
    #[async_trait::async_trait]
    impl Queue for Away {
        async fn send(&self, _: Message) -> Result<()> {
            Err(Error::unavailable("the queue is away"))
        }
    }
    let handed_back = HandedBack::default();
    let origin = Origin { fifo: false, dead_letters: &Away, hand_back: Some(&handed_back) };
    let response =
        each_message(batch(&["poison"]), origin, None, |_| async { Err(Error::invalid("poison")) }).await;
    assert_eq!(failures(&response), ["id poison"]);
    assert_eq!(*handed_back.0.lock().unwrap(), [("handle poison".to_owned(), 120)]);
}

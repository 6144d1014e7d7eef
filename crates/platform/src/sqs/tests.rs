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

fn batch(bodies: &[&str]) -> SqsEvent {
    let records = bodies.iter().map(|body| {
        serde_json::json!({
            "messageId": format!("id {body}"),
            "body": body,
            "attributes": { "MessageGroupId": "daily_bars" },
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
    let response = each_message(batch(&bodies), false, time_left, &Sent::default(), |_| async {
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
    let response = each_message(batch(&["poison"]), true, None, &sent, |_| async {
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
            each_message(batch(&["a", "b", "c"]), fifo, None, &Sent::default(), |message| async move {
                if message.body == "b" { Err(Error::new(ErrorKind::Unavailable, "busy")) } else { Ok(()) }
            })
            .await;
        assert_eq!(failures(&response), expected);
    }
}

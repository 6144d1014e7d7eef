//! The port `Events` on AWS: events to an EventBridge bus, messages to people to an SNS topic, cut to the lengths that SNS
//! takes.

use async_trait::async_trait;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use quotelake_core::ports::{Event, Events};
use quotelake_core::{Error, Result};

use crate::Aws;
use crate::error::{failed, kind_of};

/// Characters of a subject.
/// See <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>, as for the next.
const MAX_SUBJECT_CHARACTERS: usize = 99;
/// Bytes of a notification's text.
const MAX_TEXT_BYTES: usize = 256 << 10;

/// Events on an EventBridge bus, notifications to an SNS topic. Where there is no topic, a notification is a warning in the log.
#[derive(Debug, Clone)]
pub struct BusEvents {
    events: aws_sdk_eventbridge::Client,
    notices: aws_sdk_sns::Client,
    bus: String,
    topic_arn: Option<String>,
}

impl BusEvents {
    /// Events to the bus of this name or ARN, notifications to this topic.
    pub fn new(aws: &Aws, bus: impl Into<String>, topic_arn: Option<String>) -> Self {
        Self {
            events: aws_sdk_eventbridge::Client::new(aws.sdk_config()),
            notices: aws_sdk_sns::Client::new(aws.sdk_config()),
            bus: bus.into(),
            topic_arn,
        }
    }
}

#[async_trait]
impl Events for BusEvents {
    async fn publish(&self, event: Event) -> Result<()> {
        let what = format!("publishing {:?} on eventbridge://{}", event.detail_type, self.bus);
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(event.source)
            .detail_type(event.detail_type)
            .detail(event.detail.to_string())
            .build();
        let answer = self.events.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| failed(&what, error))?;
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        // The call went through and its one entry did not.
        let refused = answer.entries().first();
        let code = refused.and_then(|entry| entry.error_code()).unwrap_or("no error code");
        let words = refused.and_then(|entry| entry.error_message()).unwrap_or_default();
        Err(Error::new(kind_of(Some(code), 400), format!("{what}: {code}: {words}")))
    }

    async fn notify(&self, subject: &str, text: &str) -> Result<()> {
        let Some(topic) = &self.topic_arn else {
            tracing::warn!(subject, text, "notification");
            return Ok(());
        };
        let request = self.notices.publish().topic_arn(topic).subject(fitting_subject(subject));
        let sent = request.message(cut(text, MAX_TEXT_BYTES)).send().await;
        sent.map(drop).map_err(|error| failed(format!("notifying {topic} of {subject:?}"), error))
    }
}

/// One line, without control characters, cut to what SNS takes.
fn fitting_subject(subject: &str) -> String {
    let characters = subject.chars().map(|c| if c.is_control() { ' ' } else { c });
    characters.take(MAX_SUBJECT_CHARACTERS).collect()
}

/// The longest beginning of at most `bytes`.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_and_texts_fit() {
        assert_eq!(fitting_subject("3 dead\nletters"), "3 dead letters");
        assert_eq!(fitting_subject(&"é".repeat(200)).chars().count(), MAX_SUBJECT_CHARACTERS);
        assert_eq!(cut("aéb", 2), "a");
        assert_eq!(cut("aéb", 9), "aéb");
    }
}

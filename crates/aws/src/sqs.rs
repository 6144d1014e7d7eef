//! The ports `Queue` and `HandBack` on SQS. A message is held against the service's limits before it is sent: one that SQS
//! would refuse is `InvalidInput` that says why, and no call. Receiving is the work of Lambda's event source mapping.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use quotelake_core::ports::{HandBack, Message, Queue};
use quotelake_core::{Error, Result};

use crate::Aws;
use crate::error::failed;

/// Attributes of one message.
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>, as for the next two.
const MAX_ATTRIBUTES: usize = 10;
/// Bytes of one message: body, names, types and values of the attributes.
const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// Seconds that a message may be held back.
const MAX_DELAY_SECONDS: u32 = 900;
/// Seconds that a message may be hidden for.
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>.
const MAX_HIDDEN_SECONDS: u32 = 43_200;
/// The type of a text attribute.
const TEXT: &str = "String";
/// The type of an empty text: SQS takes no empty value, so a stand-in is sent and its type says what it means.
const EMPTY_TEXT: &str = "String.empty";
const EMPTY_VALUE: &str = "-";

/// A queue, standard or FIFO: the name of a FIFO queue ends in `.fifo`, and a standard queue has no use for a message's group and
/// deduplication id. On a FIFO queue a message without a group, or with a delay of its own, is `InvalidInput`; one without a
/// deduplication id gets an id that no other message has.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue of this URL.
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self { client: Client::new(aws.sdk_config()), url: url.into() }
    }

    fn is_fifo(&self) -> bool {
        self.url.ends_with(".fifo")
    }

    fn check(&self, message: &Message) -> Result<()> {
        let fault = |what: String| Err(Error::invalid(format!("message for {}: {what}", self.url)));
        let attributes = &message.attributes;
        let size = message.body.len()
            + attributes.iter().map(|(name, value)| name.len() + TEXT.len() + value.len()).sum::<usize>();
        if message.body.is_empty() {
            return fault("its body is empty".into());
        }
        if size > MAX_MESSAGE_BYTES {
            return fault(format!("{size} bytes are more than {MAX_MESSAGE_BYTES}"));
        }
        if attributes.len() > MAX_ATTRIBUTES {
            return fault(format!("{} attributes are more than {MAX_ATTRIBUTES}", attributes.len()));
        }
        let texts = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, text) in texts.chain([("body", message.body.as_str())]) {
            if let Some(refused) = text.chars().find(|character| !is_allowed(*character)) {
                return fault(format!("its {name} has the character {refused:?}, which SQS refuses"));
            }
        }
        let delay = message.delay_seconds;
        if self.is_fifo() && delay > 0 {
            return fault("a FIFO queue delays no single message".into());
        }
        if self.is_fifo() && message.group.is_none() {
            return fault("a FIFO queue wants a group".into());
        }
        if delay > MAX_DELAY_SECONDS {
            return fault(format!("a delay of {delay} s is longer than {MAX_DELAY_SECONDS} s"));
        }
        Ok(())
    }
}

/// The characters of XML 1.0, which are all that SQS takes.
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

fn attribute(value: &str) -> Result<MessageAttributeValue> {
    let (kind, value) = if value.is_empty() { (EMPTY_TEXT, EMPTY_VALUE) } else { (TEXT, value) };
    MessageAttributeValue::builder()
        .data_type(kind)
        .string_value(value)
        .build()
        .map_err(|e| Error::bug("message attribute").with_source(e))
}

/// The text of an attribute as it was before [`attribute`]; none for one that is no text.
pub(crate) fn attribute_value(value: MessageAttributeValue) -> Option<String> {
    if value.data_type == EMPTY_TEXT { Some(String::new()) } else { value.string_value }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, message: Message) -> Result<()> {
        self.check(&message)?;
        let Message { body, group, deduplication_id, delay_seconds, attributes } = message;
        let attributes = attributes
            .into_iter()
            .map(|(name, value)| Ok((name, attribute(&value)?)))
            .collect::<Result<HashMap<_, _>>>()?;
        let request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(body)
            .set_message_attributes((!attributes.is_empty()).then_some(attributes));
        let request = if self.is_fifo() {
            request
                .set_message_group_id(group)
                .message_deduplication_id(deduplication_id.unwrap_or_else(unique_id))
        } else {
            // At most 900, so it fits; without a delay the queue's own holds.
            request.set_delay_seconds((delay_seconds > 0).then(|| delay_seconds.cast_signed()))
        };
        let sent = request.send().await;
        sent.map(drop).map_err(|error| failed(format!("sending to {}", self.url), error))
    }
}

#[async_trait]
impl HandBack for SqsQueue {
    async fn hand_back(&self, receipt_handle: &str, after_seconds: u32) -> Result<()> {
        let changed = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt_handle)
            .visibility_timeout(after_seconds.min(MAX_HIDDEN_SECONDS).cast_signed())
            .send()
            .await;
        match changed {
            Ok(_) => Ok(()),
            // It was handled, or is visible again: there is nothing to give back.
            Err(error)
                if error.as_service_error().is_some_and(|fault| {
                    fault.is_message_not_inflight() || fault.is_receipt_handle_is_invalid()
                }) =>
            {
                Ok(())
            }
            Err(error) => Err(failed(format!("handing back to {}", self.url), error)),
        }
    }
}

/// 128 bits in hex. The SDK's own tries of one send repeat it, so that such a try makes no second message.
fn unique_id() -> String {
    format!("{:032x}", fastrand::u128(..))
}

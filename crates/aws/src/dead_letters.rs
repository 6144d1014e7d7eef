//! A dead letter queue of SQS as an operator sees it: list its messages, send them back to their queue, or remove them.
//! `quotelake dlq` uses it; the functions themselves only send to such a queue, by [`SqsQueue`].

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, MessageSystemAttributeName};
use chrono::{DateTime, Utc};
use quotelake_core::ports::{Message, Queue as _};
use quotelake_core::{Error, Result};

use crate::error::failed;
use crate::sqs::attribute_value;
use crate::{Aws, SqsQueue};

/// Messages of one receive or one change of visibility.
const BATCH: u8 = 10;
/// Seconds that a letter is hidden from others while it is looked at.
const HIDDEN_SECONDS: i32 = 120;
/// Seconds that a receive waits for a letter.
const WAIT_SECONDS: i32 = 1;
/// Receives without a letter that end a look: one may miss what is there.
const EMPTY_RECEIVES: u32 = 2;

/// A message that waits on a dead letter queue.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// SQS's id of the message.
    pub id: String,
    /// When it became a dead letter, or was first sent where SQS moved it.
    pub sent_at: DateTime<Utc>,
    /// What was sent, the cause in its attributes.
    pub message: Message,
    receipt: String,
}

impl DeadLetter {
    /// Why it is here; none where SQS moved it after too many tries.
    pub fn error_code(&self) -> Option<&str> {
        self.message.attributes.get("error_code").map(String::as_str)
    }
}

/// Which letters.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Only those of this cause.
    pub error_code: Option<String>,
    /// No more than so many.
    pub limit: Option<usize>,
}

impl Choice {
    fn takes(&self, letter: &DeadLetter) -> bool {
        self.error_code.is_none() || self.error_code.as_deref() == letter.error_code()
    }
}

/// A dead letter queue of SQS, seen by the person who looks after it.
///
/// SQS has no way to look at a message without taking it: a look takes every letter, hides it for two minutes at most, and gives
/// back what it did not use. Of a FIFO queue it sees the first ten of each group.
#[derive(Debug, Clone)]
pub struct SqsDeadLetters {
    client: Client,
    url: String,
}

impl SqsDeadLetters {
    /// The queue of this URL.
    pub fn new(aws: &Aws, url: impl Into<String>) -> Self {
        Self { client: Client::new(aws.sdk_config()), url: url.into() }
    }

    /// The letters of a choice, oldest first; they stay.
    pub async fn look(&self, choice: &Choice) -> Result<Vec<DeadLetter>> {
        let (chosen, others) = self.take(choice).await?;
        self.give_back(chosen.iter().chain(&others)).await?;
        Ok(chosen)
    }

    /// Sends the letters of a choice to `queue`, without their cause, and removes each when it is there: after a failure a letter
    /// may be in both places, and is never in none. Returns those that were sent.
    pub async fn redrive(&self, choice: &Choice, queue: &SqsQueue) -> Result<Vec<DeadLetter>> {
        self.each(choice, async |letter| {
            let mut message = letter.message.clone();
            message.attributes.retain(|name, _| !matches!(name.as_str(), "error_code" | "error_message"));
            queue.send(message).await
        })
        .await
    }

    /// Removes the letters of a choice for good. Returns them.
    pub async fn purge(&self, choice: &Choice) -> Result<Vec<DeadLetter>> {
        self.each(choice, async |_| Ok(())).await
    }

    /// Removes each letter of a choice after `before` went well. What is left after a failure is given back.
    async fn each(
        &self,
        choice: &Choice,
        before: impl AsyncFn(&DeadLetter) -> Result<()>,
    ) -> Result<Vec<DeadLetter>> {
        let (chosen, others) = self.take(choice).await?;
        self.give_back(&others).await?;
        for (index, letter) in chosen.iter().enumerate() {
            let done = match before(letter).await {
                Ok(()) => self.remove(letter).await,
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                self.give_back(&chosen[index..]).await?;
                return Err(error.context(format!("letter {} after {index} others", letter.id)));
            }
        }
        Ok(chosen)
    }

    /// Takes all letters: those of the choice, oldest first, and the others.
    async fn take(&self, choice: &Choice) -> Result<(Vec<DeadLetter>, Vec<DeadLetter>)> {
        let mut letters: BTreeMap<String, DeadLetter> = BTreeMap::new();
        let mut empty = 0;
        while empty < EMPTY_RECEIVES {
            let request = self
                .client
                .receive_message()
                .queue_url(&self.url)
                .max_number_of_messages(i32::from(BATCH))
                .visibility_timeout(HIDDEN_SECONDS)
                .wait_time_seconds(WAIT_SECONDS)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All);
            let answer =
                request.send().await.map_err(|error| failed(format!("reading {}", self.url), error))?;
            let messages = answer.messages.unwrap_or_default();
            let known = letters.len();
            for message in messages {
                let letter = self.letter(message)?;
                letters.insert(letter.id.clone(), letter);
            }
            empty = if letters.len() == known { empty + 1 } else { 0 };
        }
        let mut letters: Vec<DeadLetter> = letters.into_values().collect();
        letters.sort_by(|a, b| (a.sent_at, &a.id).cmp(&(b.sent_at, &b.id)));
        let (mut chosen, mut others): (Vec<_>, Vec<_>) =
            letters.into_iter().partition(|letter| choice.takes(letter));
        if let Some(limit) = choice.limit.filter(|limit| *limit < chosen.len()) {
            others.extend(chosen.split_off(limit));
        }
        Ok((chosen, others))
    }

    fn letter(&self, message: aws_sdk_sqs::types::Message) -> Result<DeadLetter> {
        let lacks = |what: &str| Error::unavailable(format!("a message of {} has no {what}", self.url));
        let system = message.attributes.unwrap_or_default();
        let sent_at = system.get(&MessageSystemAttributeName::SentTimestamp);
        let sent_at = sent_at.and_then(|millis| DateTime::from_timestamp_millis(millis.parse().ok()?));
        let own = message.message_attributes.unwrap_or_default();
        Ok(DeadLetter {
            id: message.message_id.ok_or_else(|| lacks("id"))?,
            sent_at: sent_at.ok_or_else(|| lacks("time"))?,
            receipt: message.receipt_handle.ok_or_else(|| lacks("receipt"))?,
            message: Message {
                body: message.body.ok_or_else(|| lacks("body"))?,
                group: system.get(&MessageSystemAttributeName::MessageGroupId).cloned(),
                attributes: own
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, attribute_value(value)?)))
                    .collect(),
                ..Message::default()
            },
        })
    }

    async fn remove(&self, letter: &DeadLetter) -> Result<()> {
        let request = self.client.delete_message().queue_url(&self.url).receipt_handle(&letter.receipt);
        let removed = request.send().await;
        removed.map(drop).map_err(|error| failed(format!("removing a letter of {}", self.url), error))
    }

    /// Lets others see the letters again, at once.
    async fn give_back(&self, letters: impl IntoIterator<Item = &DeadLetter>) -> Result<()> {
        let letters: Vec<&DeadLetter> = letters.into_iter().collect();
        for chunk in letters.chunks(usize::from(BATCH)) {
            let entries = chunk
                .iter()
                .enumerate()
                .map(|(index, letter)| {
                    ChangeMessageVisibilityBatchRequestEntry::builder()
                        .id(index.to_string())
                        .receipt_handle(&letter.receipt)
                        .visibility_timeout(0)
                        .build()
                })
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| Error::bug("visibility of a letter").with_source(e))?;
            let request = self.client.change_message_visibility_batch().queue_url(&self.url);
            let given = request.set_entries(Some(entries)).send().await;
            given.map_err(|error| failed(format!("giving letters of {} back", self.url), error))?;
        }
        Ok(())
    }
}

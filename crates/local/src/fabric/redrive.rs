//! What an operator does with a folder queue's dead letters: count them by cause, send them back. The grouping by cause serves
//! SQS's dead letters too; `quotelake dlq` prints it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use quotelake_core::Result;
use quotelake_core::ports::Message;

use crate::queue::{FolderQueue, StoredMessage};

/// Dead letters of one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The `error_code` that they share, `None` for those that carry none.
    pub error_code: Option<String>,
    /// How many.
    pub count: usize,
    /// When the first of them was given up.
    pub oldest: DateTime<Utc>,
    /// When the last of them was given up.
    pub newest: DateTime<Utc>,
    /// The `error_message` of the last one.
    pub last_message: Option<String>,
}

/// What a dead letter queue holds, grouped by cause, the most frequent first.
pub async fn dead_letters(queue: &FolderQueue) -> Result<Vec<Cause>> {
    let letters = queue.list().await?;
    Ok(by_cause(letters.iter().map(|letter| (letter.sent_at, &letter.message))))
}

/// Dead letters with the time at which they were given up, oldest first, grouped by cause, the most frequent first.
pub fn by_cause<'a>(letters: impl IntoIterator<Item = (DateTime<Utc>, &'a Message)>) -> Vec<Cause> {
    let mut causes: BTreeMap<Option<String>, Cause> = BTreeMap::new();
    for (sent_at, message) in letters {
        let code = message.attributes.get("error_code").cloned();
        let cause = causes.entry(code.clone()).or_insert_with(|| Cause {
            error_code: code,
            count: 0,
            oldest: sent_at,
            newest: sent_at,
            last_message: None,
        });
        cause.count += 1;
        cause.newest = sent_at;
        cause.last_message = message.attributes.get("error_message").cloned();
    }
    let mut causes: Vec<Cause> = causes.into_values().collect();
    causes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.error_code.cmp(&b.error_code)));
    causes
}

/// Which dead letters to move back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redrive {
    /// Only those with this `error_code`.
    pub error_code: Option<String>,
    /// At most this many, oldest first.
    pub limit: Option<usize>,
    /// Only say which.
    pub dry_run: bool,
}

/// Which dead letters were moved, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedriveReport {
    /// The letters that were chosen, oldest first.
    pub chosen: Vec<StoredMessage>,
    /// How many were moved: all of the chosen ones, or none in a dry run.
    pub moved: usize,
}

/// Moves dead letters back to the queue that they came from, without the cause that they were filed under.
///
/// Each is sent first and removed then: a crash in between delivers it twice at worst.
pub async fn redrive(
    dead_letters: &FolderQueue,
    target: &FolderQueue,
    which: &Redrive,
) -> Result<RedriveReport> {
    let letters = dead_letters.list().await?.into_iter();
    let of_cause = letters
        .filter(|letter| which.error_code.is_none() || letter.error_code() == which.error_code.as_deref());
    let mut report =
        RedriveReport { chosen: of_cause.take(which.limit.unwrap_or(usize::MAX)).collect(), moved: 0 };
    if which.dry_run {
        return Ok(report);
    }
    for letter in &report.chosen {
        let mut message = letter.message.clone();
        message.attributes.remove("error_code");
        message.attributes.remove("error_message");
        // The id of its first life may still be remembered.
        message.deduplication_id = None;
        target.send_again(message).await?;
        dead_letters.remove(&letter.id).await?;
        report.moved += 1;
    }
    Ok(report)
}

//! The news of a partition: an event for anyone who listens, and a message for anyone who has to follow every change.
//!
//! A message has its table for a group, so that the changes of one table come in order and tables do not wait for each other, and no
//! deduplication id of its content: a partition that goes from A to B and back to A within five minutes is three messages
//! ([ADR 24](../../../docs/adr/0024-changes-of-partitions.md)).

use quotelake_core::ports::{Event, Message};
use quotelake_core::{Error, Result, Zone};
use quotelake_platform::sqs::correlation;
use serde::Serialize;

use crate::Context;
use crate::report::PublishedPartition;

/// The detail of the event `Partition Published`, and the body of a message on the queue of changes.
#[derive(Debug, Serialize)]
struct Change<'a> {
    /// Where the table is, `bronze`.
    zone: &'static str,
    table: &'a str,
    /// The file's version, S3's ETag; none where there is no file.
    version: Option<&'a str>,
    #[serde(flatten)]
    partition: &'a PublishedPartition,
}

/// Announces a partition. Announced twice, nothing is wrong: a listener looks at the version.
pub(crate) async fn announce(context: &Context, table: &str, published: &PublishedPartition) -> Result<()> {
    let change = Change {
        zone: Zone::Bronze.prefix().trim_end_matches('/'),
        table,
        version: published.version.as_ref().map(|version| version.as_str()),
        partition: published,
    };
    let detail = serde_json::to_value(&change).map_err(|e| Error::bug("event").with_source(e))?;
    if let Some(changes) = &context.changes {
        let message = Message {
            body: detail.to_string(),
            group: Some(format!("{}.{table}", change.zone)),
            attributes: correlation(published.run_ids.iter().map(String::as_str)),
            ..Message::default()
        };
        changes.send(message).await?;
    }
    let event =
        Event { source: "quotelake.publish".into(), detail_type: "Partition Published".into(), detail };
    context.events.publish(event).await
}

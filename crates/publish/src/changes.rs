//! The news of a partition: an event for anyone who listens, and a message for anyone who has to follow every change.
//!
//! A message has its table for a group, so that the changes of one table come in order and tables do not wait for each other, and no
//! deduplication id of its content: a partition that goes from A to B and back to A within five minutes is three messages
//! ([ADR 24](../../../docs/adr/0024-changes-of-partitions.md)).

use quotelake_core::ports::Message;
use quotelake_core::{Result, Zone};
use quotelake_platform::news::{partition_published, zone_name};
use quotelake_platform::sqs::correlation;

use crate::Context;
use crate::report::PublishedPartition;

/// Announces a partition. Announced twice, nothing is wrong: a listener looks at the version.
pub(crate) async fn announce(context: &Context, table: &str, published: &PublishedPartition) -> Result<()> {
    let version = published.version.as_ref().map(|version| version.as_str());
    let event = partition_published("quotelake.publish", Zone::Bronze, table, version, published)?;
    if let Some(changes) = &context.changes {
        let message = Message {
            body: event.detail.to_string(),
            group: Some(format!("{}.{table}", zone_name(Zone::Bronze))),
            attributes: correlation(published.run_ids.iter().map(String::as_str)),
            ..Message::default()
        };
        changes.send(message).await?;
    }
    context.events.publish(event).await
}

//! The news of a partition that a model computed: an event, as `publish` tells of its own, and where no bus hands it on a message for
//! the models that read this one.

use quotelake_contract::Contract;
use quotelake_core::ports::{Event, Message};
use quotelake_core::{Error, Result};
use serde::Serialize;

use crate::ports::Ports;
use crate::report::ComputedPartition;

/// The detail of the event `Partition Published`, and the body of a message.
#[derive(Debug, Serialize)]
struct Change<'a> {
    /// Where the table is, `silver`.
    zone: &'static str,
    table: &'a str,
    /// The file's version.
    version: Option<&'a str>,
    #[serde(flatten)]
    partition: &'a ComputedPartition,
}

/// Tells of a partition. Told twice, nothing is wrong: who hears it looks at the version.
pub(crate) async fn tell(ports: Ports<'_>, contract: &Contract, computed: &ComputedPartition) -> Result<()> {
    let change = Change {
        zone: contract.zone().prefix().trim_end_matches('/'),
        table: &contract.name,
        version: computed.version(),
        partition: computed,
    };
    let detail = serde_json::to_value(&change).map_err(|e| Error::bug("event").with_source(e))?;
    if let Some(changes) = ports.changes {
        changes.send(Message { body: detail.to_string(), ..Message::default() }).await?;
    }
    let event =
        Event { source: "quotelake.refine".into(), detail_type: "Partition Published".into(), detail };
    ports.events.publish(event).await
}

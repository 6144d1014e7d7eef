//! The news of a partition that a model computed: an event, as `publish` tells of its own, and where no bus hands it on a message for
//! the models that read this one.

use quotelake_contract::Contract;
use quotelake_core::Result;
use quotelake_core::ports::Message;
use quotelake_platform::news::partition_published;

use crate::ports::Ports;
use crate::report::ComputedPartition;

/// Tells of a partition. Told twice, nothing is wrong: who hears it looks at the version.
pub(crate) async fn tell(ports: Ports<'_>, contract: &Contract, computed: &ComputedPartition) -> Result<()> {
    let event = partition_published(
        "quotelake.refine",
        contract.zone(),
        &contract.name,
        computed.version(),
        computed,
    )?;
    if let Some(changes) = ports.changes {
        changes.send(Message { body: event.detail.to_string(), ..Message::default() }).await?;
    }
    ports.events.publish(event).await
}

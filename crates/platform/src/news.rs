//! The news of a partition of a table, in the one form in which `publish` and `refine` tell of it.

use quotelake_core::ports::Event;
use quotelake_core::{Error, Result, Zone};
use serde::Serialize;
use serde_json::Value;

/// The event's detail, which is also the body of a message on a queue of changes.
#[derive(Debug, Serialize)]
struct Change<'a, P> {
    /// Where the table is, `bronze` or `silver`.
    zone: &'static str,
    table: &'a str,
    /// The file's version, S3's ETag; none where there is no file.
    version: Option<&'a str>,
    #[serde(flatten)]
    partition: &'a P,
}

/// The event `Partition Published` of what `source` did to a partition. `Bug` where that is no JSON object.
pub fn partition_published(
    source: &str,
    zone: Zone,
    table: &str,
    version: Option<&str>,
    partition: &impl Serialize,
) -> Result<Event> {
    let zone = zone_name(zone);
    let detail: Value = serde_json::to_value(Change { zone, table, version, partition })
        .map_err(|e| Error::bug("event").with_source(e))?;
    Ok(Event { source: source.to_owned(), detail_type: "Partition Published".into(), detail })
}

/// A zone as events name it: `bronze`.
pub fn zone_name(zone: Zone) -> &'static str {
    zone.prefix().trim_end_matches('/')
}

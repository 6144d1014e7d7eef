//! The landing line of a row that could not be read: `{"ingest_fault":{...}}` with a reason, a detail and the row's text.
//! Written by those that read files and tables (`ingest`, `migrate`, vendors' profiles); `check` puts it into quarantine and
//! counts it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use quotelake_core::{Error, Result};

/// A row that `ingest` could not read. It travels to `check` as a landing line of its own kind, so that one place writes
/// quarantine and counts rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestFault {
    /// A short name to group by.
    pub reason: String,
    /// What is wrong.
    pub detail: String,
    /// The row as it was in the file.
    pub raw: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    ingest_fault: IngestFault,
}

const PREFIX: &str = "{\"ingest_fault\":";

impl IngestFault {
    /// The landing line.
    pub fn to_line(&self) -> Result<Value> {
        let fault = serde_json::to_value(self).map_err(|e| Error::bug("ingest fault").with_source(e))?;
        Ok(json!({ "ingest_fault": fault }))
    }

    /// Reads a landing line, `None` when it is of the usual kind.
    pub fn from_line(line: &str) -> Option<Self> {
        if !line.starts_with(PREFIX) {
            return None;
        }
        serde_json::from_str::<Line>(line).ok().map(|line| line.ingest_fault)
    }
}

//! What the stream took of a run, by unit: the stream says that it has a page, and nothing of what becomes of it. `quotelake status`
//! holds these notes against `landing/`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Error, ObjectKey, Result, sha256_hex};
use serde::{Deserialize, Serialize};

/// The folder of the notes in `state/`.
pub const SENT: &str = "sent";

/// The document at `state/sent/<date>-<run>-<hash>.json`: units with rows that the stream took in one run. Those that were landed past
/// the stream are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The source.
    pub source: String,
    /// The run.
    pub run_id: String,
    /// When the last of them was sent.
    pub sent_at: DateTime<Utc>,
    /// The units' ids.
    pub units: BTreeSet<String>,
    /// The pages of each, by the hash of their bodies, which every row of a page names as `raw_sha256`: a unit has landed when all of
    /// them have. A note of a version that did not know them has none.
    #[serde(default)]
    pub pages: BTreeMap<String, BTreeSet<String>>,
}

impl Sent {
    /// The prefix of a day's notes.
    pub fn prefix(day: chrono::NaiveDate) -> String {
        format!("state/{SENT}/{day}-")
    }

    pub(crate) async fn write(&self, lake: &dyn Lake) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|e| Error::bug("cannot write a note").with_source(e))?;
        let id = format!("{}-{}-{}", self.sent_at.date_naive(), self.run_id, &sha256_hex(&bytes)[..8]);
        let key = ObjectKey::state(SENT, &id).to_string();
        lake.put(&key, bytes.into(), Precondition::None)
            .await
            .map_err(|e| e.context(format!("writing {key}")))?;
        Ok(())
    }
}

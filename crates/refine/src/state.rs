//! From what each partition of a model was computed last, kept beside its table in `state/refine/<model>.json`.
//!
//! It decides nothing that the tables do not say: an entry counts only while the partition is of the version, and the inputs are
//! of the versions, that it names. Without it everything is computed once more, to the same bytes. It is why
//!
//! - a partition that was computed and is not told of yet is told of after a crash: its entry is taken out before the partition
//!   changes, and comes back once everybody was told;
//! - what is stale is known without reading a row, whatever message was lost.

use std::collections::BTreeMap;

use bytes::Bytes;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result};
use serde::{Deserialize, Serialize};

use crate::made::Made;

/// How often the document is read again because somebody else swapped it first.
const MAX_SWAPS: usize = 10;

/// The partitions of a model's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// By partition, as `month=2009-03`.
    pub(crate) partitions: BTreeMap<String, Entry>,
}

/// From what a partition was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The model's fingerprint.
    pub(crate) fingerprint: String,
    /// SHA-256 of that and the versions of the inputs.
    pub(crate) inputs: String,
    /// The file's version since; none where there were no rows, and no file.
    pub(crate) version: Option<String>,
    /// Of which rows the file was made, where all of them came at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) made: Option<Made>,
}

/// Reads it. One that is missing or damaged is empty.
pub(crate) async fn load(lake: &dyn Lake, model: &str) -> Result<State> {
    Ok(read(lake, &key(model)).await?.0)
}

/// Changes it, unless that leaves it as it is. `Conflict` when others swapped it too often meanwhile.
pub(crate) async fn update(lake: &dyn Lake, model: &str, change: impl Fn(&mut State)) -> Result<()> {
    let key = key(model);
    let mut swaps = 0;
    loop {
        let (before, when) = read(lake, &key).await?;
        let mut state = before.clone();
        change(&mut state);
        if state == before {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&state).map_err(|e| Error::bug("state").with_source(e))?;
        match lake.put(&key, Bytes::from(bytes), when).await {
            Err(error) if error.kind() == ErrorKind::Conflict && swaps < MAX_SWAPS => swaps += 1,
            other => return other.map(drop).with_context(|| format!("writing {key}")),
        }
    }
}

fn key(model: &str) -> String {
    ObjectKey::state("refine", model).to_string()
}

async fn read(lake: &dyn Lake, key: &str) -> Result<(State, Precondition)> {
    match lake.get(key).await {
        Ok(object) => {
            let state = serde_json::from_slice(&object.bytes).unwrap_or_else(|error| {
                tracing::warn!(key, error = %error, "state of a model cannot be read: all of it is computed again");
                State::default()
            });
            Ok((state, Precondition::IfVersion(object.version)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok((State::default(), Precondition::IfAbsent)),
        Err(error) if error.kind() == ErrorKind::Damaged => Ok((State::default(), Precondition::None)),
        Err(error) => Err(error).with_context(|| format!("reading {key}")),
    }
}

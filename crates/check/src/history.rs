//! What earlier checks measured, kept in the lake: one document for each dataset and context, holding the newest checks.
//!
//! A check compares with the checks before it and then adds itself. The document is swapped on condition that nobody else
//! did meanwhile, and a check that is done again replaces its own entry, so that a redelivery changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use chrono::{DateTime, Utc};
use dqdl::{MemoryHistory, Statistic};
use quotelake_contract::Contract;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result};
use serde::{Deserialize, Serialize};

/// Checks that a document holds; DetectAnomalies looks at 30, `last(k)` at what it asks for.
const MAX_CHECKS: usize = 100;
/// How often the document is read again because somebody else swapped it first.
const MAX_SWAPS: usize = 5;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Document {
    /// Oldest first.
    checks: Vec<Entry>,
}

/// What one check measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) checked_at: DateTime<Utc>,
    pub(crate) check_id: String,
    /// Whether the batch was blocked: its metrics are no example for later ones.
    pub(crate) excluded: bool,
    pub(crate) statistics: Vec<Statistic>,
}

/// The metrics of the checks before this one.
pub(crate) async fn load(
    lake: &dyn Lake,
    dataset: &str,
    context: &str,
    check_id: &str,
) -> Result<Arc<MemoryHistory>> {
    let key = ObjectKey::history(dataset, context).to_string();
    let (document, _) = read(lake, &key).await?;
    let mut history = MemoryHistory::default();
    for check in document.checks.iter().filter(|check| !check.excluded && check.check_id != check_id) {
        history.record(&check.statistics);
    }
    Ok(Arc::new(history))
}

/// Adds what a check measured. `Conflict` when others swapped the document too often meanwhile.
pub(crate) async fn record(lake: &dyn Lake, dataset: &str, context: &str, entry: &Entry) -> Result<()> {
    let key = ObjectKey::history(dataset, context).to_string();
    let mut swaps = 0;
    loop {
        let (mut document, precondition) = read(lake, &key).await?;
        document.checks.retain(|check| check.check_id != entry.check_id);
        document.checks.push(entry.clone());
        document.checks.sort_by(|a, b| (a.checked_at, &a.check_id).cmp(&(b.checked_at, &b.check_id)));
        let surplus = document.checks.len().saturating_sub(MAX_CHECKS);
        document.checks.drain(..surplus);
        let bytes = serde_json::to_vec(&document).map_err(|e| Error::bug("history").with_source(e))?;
        match lake.put(&key, bytes.into(), precondition).await {
            Err(error) if error.kind() == ErrorKind::Conflict && swaps < MAX_SWAPS => swaps += 1,
            other => return other.map(|_| ()).with_context(|| format!("writing {key}")),
        }
    }
}

async fn read(lake: &dyn Lake, key: &str) -> Result<(Document, Precondition)> {
    let object = match lake.get(key).await {
        Ok(object) => object,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok((Document::default(), Precondition::IfAbsent));
        }
        Err(error) => return Err(error).with_context(|| format!("reading {key}")),
    };
    let document = serde_json::from_slice(&object.bytes)
        .map_err(|e| Error::invalid(format!("{key} is no history document")).with_source(e))?;
    Ok((document, Precondition::IfVersion(object.version)))
}

/// What histories of a dataset are kept apart by: the provider and interval of its rows, `all` for datasets without these
/// columns, `mixed` where an object has several.
pub(crate) fn context_of(contract: &Contract, windows: &[&RecordBatch]) -> String {
    let parts = ["provider", "interval"].into_iter().filter(|name| contract.index_of(name).is_some());
    let names: Vec<String> = parts
        .map(|name| {
            let values: BTreeSet<String> =
                windows.iter().filter_map(|window| window.column_by_name(name)).flat_map(distinct).collect();
            match values.len() {
                0 => "none".to_owned(),
                1 => values.into_iter().map(|value| file_name(&value)).collect(),
                _ => "mixed".to_owned(),
            }
        })
        .collect();
    if names.is_empty() { "all".into() } else { names.join("-") }
}

/// The values of a text column; of a dictionary-coded one its dictionary, which may hold more than the rows do.
fn distinct(column: &ArrayRef) -> BTreeSet<String> {
    let values = column.as_any_dictionary_opt().map_or(column, |dictionary| dictionary.values());
    values.as_string_opt::<i32>().into_iter().flatten().flatten().map(str::to_owned).collect()
}

/// A value as a part of a key: everything but letters, digits, `.` and `_` becomes `_`.
fn file_name(value: &str) -> String {
    value.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect()
}

//! The results and the quarantine of a lake, read for people.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use quotelake_check::result::ResultDocument;
use quotelake_check::{Decision, QuarantinedRow};
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Context as _, Error, ErrorKind, Finding, ObjectKey, Result, Zone};
use quotelake_landing::gzip;
use quotelake_platform::models;
use serde::Serialize;

use crate::number::{counted, thousands};

/// What a set of result documents adds up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Result documents.
    pub documents: u64,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went on to publishing.
    pub staged: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// Copies and older revisions.
    pub duplicates: u64,
    /// Batches that were blocked.
    pub blocked: u64,
    /// Rows that models computed and that are in quarantine. No other count has rows of models: they did not come in.
    #[serde(skip_serializing_if = "is_zero")]
    pub computed_quarantined: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Checked {
    /// What came in, and what became of it.
    pub fn sum(&self) -> String {
        format!(
            "{} in = {} staged + {} quarantined + {}",
            counted(self.rows_in, "row", "rows"),
            thousands(self.staged),
            thousands(self.quarantined),
            counted(self.duplicates, "duplicate", "duplicates"),
        )
    }

    /// Whether a row is in quarantine, or a batch is blocked.
    pub fn has_faults(&self) -> bool {
        self.blocked + self.quarantined + self.computed_quarantined > 0
    }
}

/// The result documents of the lake; the other objects of `quality/` are made from them.
pub async fn result_documents(lake: &dyn Lake) -> Result<Vec<ObjectMeta>> {
    let mut objects = lake.list(Zone::Quality.prefix()).await?;
    objects.retain(|meta| matches!(ObjectKey::parse(&meta.key), Ok(ObjectKey::Quality { .. })));
    Ok(objects)
}

/// Adds up the result documents under these keys.
pub async fn checked_documents(lake: &dyn Lake, keys: &[String]) -> Result<Checked> {
    let (mut checked, mut unreadable) = (Checked::default(), Vec::new());
    for key in keys {
        let Some(document) = readable(read_document(lake, key).await, key, &mut unreadable)? else {
            continue;
        };
        if document.lineage.source.starts_with(models::PREFIX) {
            checked.computed_quarantined += document.rows.quarantined;
            continue;
        }
        checked.documents += 1;
        checked.rows_in += document.rows.rows_in;
        checked.staged += document.rows.staged;
        checked.quarantined += document.rows.quarantined;
        checked.duplicates += document.rows.duplicates;
        checked.blocked += u64::from(document.gate.decision == Decision::Block);
    }
    warn_of(&unreadable);
    Ok(checked)
}

/// A dataset's newest check.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastCheck {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// `publish`, `publish_with_quarantine` or `block`.
    pub decision: String,
    /// Share of rules that passed, from 0 to 1; `None` where no rule ran.
    pub score: Option<f64>,
}

/// The newest check of each of these datasets, by its result documents, which are all read.
///
/// A document that cannot be read is passed over and added to `unreadable`.
pub async fn last_checks(
    lake: &dyn Lake,
    datasets: &BTreeSet<&str>,
    unreadable: &mut Vec<Finding>,
) -> Result<BTreeMap<String, LastCheck>> {
    let mut checks: BTreeMap<String, LastCheck> = BTreeMap::new();
    for dataset in datasets {
        let documents = lake.list(&ObjectKey::dataset_prefix(Zone::Quality, dataset)).await?;
        for meta in documents {
            let read = last_check(lake, &meta.key).await;
            let Some(check) = readable(read, &meta.key, unreadable)? else { continue };
            if checks.get(*dataset).is_none_or(|known| known.at <= check.at) {
                checks.insert((*dataset).to_owned(), check);
            }
        }
    }
    Ok(checks)
}

async fn last_check(lake: &dyn Lake, key: &str) -> Result<LastCheck> {
    let document = read_document(lake, key).await?;
    let at = document.completed_at().with_context(|| key.to_owned())?;
    let (decision, score) = (document.gate.decision.as_str().to_owned(), document.score());
    Ok(LastCheck { at, decision, score })
}

/// Adds the result documents that cannot be read to `unreadable`.
pub async fn look_through_results(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<()> {
    for meta in result_documents(lake).await? {
        readable(last_check(lake, &meta.key).await, &meta.key, unreadable)?;
    }
    Ok(())
}

/// What was read of an object. Nothing where the object itself is to blame: then it is added to `unreadable`, for one damaged
/// document must not hide the others. Nothing as well where it is gone by now.
pub fn readable<T>(read: Result<T>, key: &str, unreadable: &mut Vec<Finding>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Unauthorized => Err(error),
        Err(error) => {
            unreadable.push(Finding::warning(
                key,
                error.to_string(),
                "restore it from a backup, or check its source again",
            ));
            Ok(None)
        }
    }
}

/// The landing objects that the result documents name.
pub async fn checked_sources(lake: &dyn Lake) -> Result<BTreeSet<String>> {
    let mut sources = BTreeSet::new();
    for meta in result_documents(lake).await? {
        let document = readable(read_document(lake, &meta.key).await, &meta.key, &mut Vec::new())?;
        sources.extend(document.map(|document| document.lineage.source));
    }
    Ok(sources)
}

/// A result document, by its key. An error names it.
pub async fn read_document(lake: &dyn Lake, key: &str) -> Result<ResultDocument> {
    ResultDocument::parse(&lake.get(key).await?.bytes).with_context(|| key.to_owned())
}

/// Every row in quarantine under a prefix, in order of its key and line.
///
/// An object that cannot be read is passed over and added to `unreadable`.
pub async fn quarantined_rows(
    lake: &dyn Lake,
    prefix: &str,
    unreadable: &mut Vec<Finding>,
) -> Result<Vec<QuarantinedRow>> {
    let objects = lake.list(prefix).await?;
    quarantined_in(lake, &objects.into_iter().map(|meta| meta.key).collect::<Vec<_>>(), unreadable).await
}

/// The rows of these objects of quarantine; see [`quarantined_rows`].
pub async fn quarantined_in(
    lake: &dyn Lake,
    keys: &[String],
    unreadable: &mut Vec<Finding>,
) -> Result<Vec<QuarantinedRow>> {
    let mut rows = Vec::new();
    for key in keys {
        let read = quarantined_object(lake, key).await;
        rows.extend(readable(read, key, unreadable)?.unwrap_or_default());
    }
    Ok(rows)
}

/// Adds the objects of quarantine that cannot be read to `unreadable`.
pub async fn look_through_quarantine(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<()> {
    for meta in lake.list(Zone::Quarantine.prefix()).await? {
        readable(quarantined_object(lake, &meta.key).await, &meta.key, unreadable)?;
    }
    Ok(())
}

async fn quarantined_object(lake: &dyn Lake, key: &str) -> Result<Vec<QuarantinedRow>> {
    let bytes = lake.get(key).await?.bytes;
    let damaged = || format!("{key} cannot be read");
    let text = gzip::unpack(&bytes).map_err(|e| Error::invalid(damaged()).with_source(e))?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|e| Error::invalid(damaged()).with_source(e)))
        .collect()
}

/// Says on standard error what was passed over, where a command's answer has no place for it.
pub fn warn_of(unreadable: &[Finding]) {
    for finding in unreadable {
        tracing::warn!(key = finding.subject, reason = finding.found, "passed over: it cannot be read");
    }
}

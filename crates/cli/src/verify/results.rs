//! What checks counted, against what there is.

use std::collections::BTreeMap;

use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::table::parquet_file;
use quotelake_core::{ErrorKind, ObjectKey, Result, Zone, sha256_hex};
use serde::Deserialize;

use super::{Verified, Wrong, fix, keys, words};
use crate::commands::files::gunzip;

/// What is needed of a result document.
#[derive(Debug, Deserialize)]
struct Document {
    rows: Rows,
    quarantine: Quarantine,
    lineage: Lineage,
}

#[derive(Debug, Deserialize)]
struct Rows {
    rows_in: u64,
    staged: u64,
    quarantined: u64,
    duplicates: u64,
}

#[derive(Debug, Deserialize)]
struct Quarantine {
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Lineage {
    dataset: String,
    source: String,
    source_sha256: String,
}

/// Holds every result document against its sums, its quarantine and its source, and each table against all rows that were staged
/// for it.
pub(super) async fn verify(lake: &dyn Lake, listed: &[ObjectMeta], verified: &mut Verified) -> Result<()> {
    let keys = keys(listed);
    let mut staged: BTreeMap<String, u64> = BTreeMap::new();
    for meta in listed {
        if !matches!(ObjectKey::parse(&meta.key), Ok(ObjectKey::Quality { .. })) {
            continue;
        }
        let Some(bytes) = read(lake, &meta.key).await? else { continue };
        let document: Document = match serde_json::from_slice(&bytes) {
            Ok(document) => document,
            Err(error) => {
                verified.find(
                    Wrong::Damaged,
                    &meta.key,
                    format!("is no result document: {error}"),
                    fix(&meta.key),
                );
                continue;
            }
        };
        verified.results += 1;
        let Document { rows, quarantine, lineage } = document;
        *staged.entry(lineage.dataset).or_default() += rows.staged;
        if rows.rows_in != rows.staged + rows.quarantined + rows.duplicates {
            let found = format!(
                "{} rows in are not {} staged, {} quarantined and {} duplicates",
                rows.rows_in, rows.staged, rows.quarantined, rows.duplicates
            );
            verified.find(Wrong::Damaged, &meta.key, found, fix(&meta.key));
        }
        match quarantine.key {
            Some(key) if keys.contains(key.as_str()) => {
                quarantined(lake, &key, rows.quarantined, &meta.key, verified).await?;
            }
            Some(key) => {
                let found = format!("{} holds {} rows, and is gone", meta.key, rows.quarantined);
                let found = found.replace("holds", "says that it holds");
                verified.find(Wrong::Missing, &key, found, fix(&key));
            }
            None => {}
        }
        // Files that were loaded are not in the lake.
        if keys.contains(lineage.source.as_str())
            && let Some(source) = read(lake, &lineage.source).await?
            && sha256_hex(&source) != lineage.source_sha256
        {
            let found = format!("its SHA-256 is not the one of {}, which was checked", meta.key);
            verified.find(Wrong::Damaged, &lineage.source, found, fix(&lineage.source));
        }
    }
    if verified.results > 0 {
        tables(lake, listed, &staged, verified).await?;
    }
    Ok(())
}

/// An object's bytes; `None` where its damage is told already, or it is gone.
async fn read(lake: &dyn Lake, key: &str) -> Result<Option<bytes::Bytes>> {
    match lake.get(key).await {
        Ok(object) => Ok(Some(object.bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a quarantine object holds the rows that its result says.
async fn quarantined(
    lake: &dyn Lake,
    key: &str,
    expected: u64,
    result: &str,
    verified: &mut Verified,
) -> Result<()> {
    let Some(bytes) = read(lake, key).await? else { return Ok(()) };
    match gunzip(&bytes) {
        Ok(text) => {
            let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            let found = lines.count() as u64;
            if found != expected {
                let found = format!("it holds {found} rows, {result} says {expected}");
                verified.find(Wrong::Damaged, key, found, fix(key));
            }
        }
        Err(error) => verified.find(Wrong::Damaged, key, words(&error, key), fix(key)),
    }
    Ok(())
}

/// No table has more rows than were ever staged for it.
async fn tables(
    lake: &dyn Lake,
    listed: &[ObjectMeta],
    staged: &BTreeMap<String, u64>,
    verified: &mut Verified,
) -> Result<()> {
    let mut published: BTreeMap<String, u64> = BTreeMap::new();
    for meta in listed {
        if let Ok(ObjectKey::Bronze { table, .. }) = ObjectKey::parse(&meta.key)
            && let Some(bytes) = read(lake, &meta.key).await?
        {
            *published.entry(table).or_default() += parquet_file::row_count(&bytes).unwrap_or(0);
        }
    }
    for (table, rows) in published {
        let staged = staged.get(&table).copied().unwrap_or(0);
        if rows > staged {
            let found = format!("the table has {rows} rows, the results of its checks know of {staged}");
            let fix = "rows came from elsewhere, or results under quality/ are gone";
            verified.find(Wrong::Foreign, ObjectKey::dataset_prefix(Zone::Bronze, &table), found, fix);
        }
    }
    Ok(())
}

//! What checks counted, against what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use quotelake_check::result::ResultDocument;
use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{ErrorKind, ObjectKey, Result, sha256_hex};
use quotelake_landing::gzip;
use quotelake_table::Columnar as _;
use quotelake_table::staged::StagedObjects;

use super::{Verified, Wrong, fix, keys, words};

/// Holds every result document against its sums, its quarantine, its source, and its staged rows as long as they wait.
pub(super) async fn verify(
    lake: &dyn Lake,
    contracts: &Contracts,
    listed: &[ObjectMeta],
    verified: &mut Verified,
) -> Result<()> {
    let keys = keys(listed);
    let sizes: BTreeMap<&str, u64> = listed.iter().map(|meta| (meta.key.as_str(), meta.size)).collect();
    for meta in listed {
        if !matches!(ObjectKey::parse(&meta.key), Ok(ObjectKey::Quality { .. })) {
            continue;
        }
        let Some(bytes) = read(lake, &meta.key).await? else { continue };
        let document = match ResultDocument::parse(&bytes) {
            Ok(document) => document,
            Err(error) => {
                verified.find(Wrong::Damaged, &meta.key, words(&error, &meta.key), fix(&meta.key));
                continue;
            }
        };
        verified.results += 1;
        let ResultDocument { rows, quarantine, lineage, .. } = document;
        if let Some((key, size)) = lineage.staged.as_deref().and_then(|key| sizes.get_key_value(key)) {
            staged(lake, contracts, (&lineage.dataset, key, *size), rows.staged, verified).await?;
        }
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
                let found =
                    format!("{} says that it holds {} rows, and it is gone", meta.key, rows.quarantined);
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
    match gzip::unpack(&bytes) {
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

/// Whether a staged object that waits holds the rows that its result says.
async fn staged(
    lake: &dyn Lake,
    contracts: &Contracts,
    (dataset, key, size): (&str, &str, u64),
    expected: u64,
    verified: &mut Verified,
) -> Result<()> {
    let Ok(dataset) = contracts.get(dataset) else { return Ok(()) };
    match staged_rows(lake, &dataset.contract, key, size).await {
        Ok(found) if found == expected => {}
        Ok(found) => {
            let found = format!("it holds {found} rows, its result says {expected}");
            verified.find(Wrong::Damaged, key, found, fix(key));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            let words = words(&error, &format!("staged object {key}"));
            verified.find(Wrong::Damaged, key, words, fix(key));
        }
    }
    Ok(())
}

async fn staged_rows(lake: &dyn Lake, contract: &Arc<Contract>, key: &str, size: u64) -> Result<u64> {
    let mut objects = StagedObjects::new(Arc::clone(contract));
    objects.open(lake, key, size).await?;
    let mut rows = 0;
    for (partition, _) in objects.partitions() {
        let blocks = objects.fetch(lake, &partition).await?;
        rows += objects.rows(&blocks)?.rows() as u64;
    }
    Ok(rows)
}

//! What is published: files against the catalog, rows against their partition and contract.

use std::collections::BTreeSet;

use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::{Catalog, Lake, ObjectMeta};
use quotelake_core::{ErrorKind, ObjectKey, Result, Zone};
use quotelake_table::published::{location, table_named, table_of, table_prefix};
use quotelake_table::{Columnar as _, PartitionKey, Partitioner, merge, parquet_file};

use super::{Verified, Wrong, keys, rebuild, words};

/// Everything about the published tables.
pub(super) async fn verify(
    lake: &dyn Lake,
    catalog: &dyn Catalog,
    contracts: &Contracts,
    listed: &[ObjectMeta],
    verified: &mut Verified,
) -> Result<()> {
    held_against_catalog(catalog, contracts, listed, verified).await?;
    for meta in listed {
        let Some((table, partition)) = table_of(&meta.key) else { continue };
        let Ok(dataset) = contracts.get(&table) else { continue };
        let bytes = match lake.get(&meta.key).await {
            Ok(object) => object.bytes,
            // It has its finding already, or was deleted since.
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) => continue,
            Err(error) => return Err(error),
        };
        let looked = rows(&dataset.contract, &partition, bytes);
        match looked {
            Ok((rows, findings)) => {
                verified.rows += rows;
                for (wrong, found) in findings {
                    verified.find(wrong, &meta.key, found, rebuild(&meta.key));
                }
            }
            Err(error) => {
                verified.find(Wrong::Damaged, &meta.key, words(&error, &meta.key), rebuild(&meta.key));
            }
        }
    }
    Ok(())
}

/// The names of tables and files against contracts and catalog; no file is read.
pub async fn held_against_catalog(
    catalog: &dyn Catalog,
    contracts: &Contracts,
    listed: &[ObjectMeta],
    verified: &mut Verified,
) -> Result<()> {
    let files = keys(listed);
    let tables: BTreeSet<&str> =
        files.iter().filter_map(|key| table_named(key)).chain(contracts.names()).collect();
    for table in tables {
        let known = contracts.get(table);
        let zone = known.as_ref().map_or(Zone::Bronze, |known| known.contract.zone());
        let prefix = table_prefix(zone, table);
        if known.is_err() {
            let fix = "restore contracts/<table>.yaml, or load a file of it with --contract";
            verified.find(Wrong::Foreign, &prefix, "there is no contract of this name", fix);
        }
        let partitions = match catalog.partitions(table).await {
            Ok(partitions) => partitions,
            // A name that no catalog has a table of.
            Err(error) if error.kind() == ErrorKind::InvalidInput => continue,
            Err(error) => {
                let key = format!("_platform/catalog/{table}.json");
                verified.find(Wrong::Damaged, &key, error.to_string(), "`quotelake catalog repair --apply`");
                continue;
            }
        };
        let locations: BTreeSet<String> =
            partitions.into_iter().map(|partition| partition.location).collect();
        for location in &locations {
            if !files.iter().any(|key| key.starts_with(location.as_str())) {
                let key = format!("{location}part-0.parquet");
                let found = "the catalog lists this partition, and its file is gone";
                verified.find(Wrong::Missing, &key, found, rebuild(&key));
            }
        }
        // What is staged may have been on its way into the catalog when its process died.
        let staged = ObjectKey::dataset_prefix(Zone::Staged, table);
        if files.iter().any(|key| key.starts_with(&staged)) {
            continue;
        }
        for key in files.iter().filter(|key| key.starts_with(&prefix)) {
            let Some((_, partition)) = table_of(key) else { continue };
            // A table of one file has no partitions.
            if partition.columns().next().is_none() {
                continue;
            }
            if !locations.contains(&location(key)) {
                let fix = "where it belongs to the table, `quotelake catalog repair`; else move it out";
                verified.find(Wrong::Foreign, *key, "the catalog does not list this partition", fix);
            }
        }
    }
    Ok(())
}

/// How many rows a file has, and what is wrong with them.
fn rows(
    contract: &Contract,
    partition: &PartitionKey,
    bytes: bytes::Bytes,
) -> Result<(u64, Vec<(Wrong, String)>)> {
    let batch = parquet_file::read(contract, bytes)?;
    let mut findings = Vec::new();
    for (other, rows) in Partitioner::new(contract).split(&batch)? {
        if other != *partition {
            findings.push((Wrong::Misplaced, format!("{} rows belong to {other}", rows.num_rows())));
        }
    }
    let merged = merge(contract, None, &batch)?;
    let surplus = batch.num_rows() - merged.rows();
    if surplus > 0 {
        findings.push((Wrong::Damaged, format!("{surplus} rows have the key of another")));
    }
    Ok((batch.num_rows() as u64, findings))
}

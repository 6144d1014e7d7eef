//! Tables, contracts and catalog held against each other: what one of them has and the others lack.

use std::collections::BTreeSet;

use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog, Lake};
use quotelake_core::{ErrorKind, Finding, Result, Zone};
use quotelake_platform::contracts;
use quotelake_table::StoredPartition;
use quotelake_table::published::{stored_tables, table_prefix};

/// Contracts under another name, table folders without a contract, and, with a catalog and the tables that it has, partitions
/// without a file.
pub async fn misfits(
    lake: &dyn Lake,
    known: &Contracts,
    catalog: Option<(&dyn Catalog, Vec<String>)>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for misnamed in contracts::misnamed(lake).await? {
        findings.push(Finding::error(
            misnamed.key.clone(),
            format!(
                "it holds the contract of {}, and not of the dataset that it is named for",
                misnamed.declares
            ),
            "put the dataset's own contract there, with `load --contract` or from a backup",
        ));
    }
    let mut tables = BTreeSet::new();
    let mut files = BTreeSet::new();
    for (table, stored) in stored_tables(lake).await? {
        if known.get(&table).is_err() {
            findings.extend(stored.first().map(|stored| without_contract(&table, stored)));
        }
        tables.insert(table);
        files.extend(stored.into_iter().map(|stored| stored.key));
    }
    for dataset in known.all()? {
        if let Err(error) = contracts::check_change(lake, dataset).await {
            let name = &dataset.contract.name;
            findings.push(match error.kind() {
                ErrorKind::Config => Finding::error(
                    format!("contracts/{name}.yaml"),
                    error.to_string(),
                    "put the contract of before back, or make the table again by the new one; until then nothing of it is published",
                ),
                _ => Finding::error(
                    contracts::table_contract_key(name),
                    error.to_string(),
                    "restore it, or remove it with its `.sum` file: the next publish keeps it again",
                ),
            });
        }
    }
    if let Some((catalog, listed)) = catalog {
        let known = known.names().map(str::to_owned);
        tables.extend(known.chain(listed));
        for table in tables {
            match without_file(catalog, &table, &files).await {
                Ok(found) => findings.extend(found),
                Err(error) if error.kind().is_retryable() => return Err(error),
                Err(error) => findings.push(Finding::error(
                    format!("table {table}"),
                    error.to_string(),
                    "`quotelake catalog repair --apply` lists its files again",
                )),
            }
        }
    }
    Ok(findings)
}

/// Files of a table that nothing is known of.
fn without_contract(table: &str, first: &StoredPartition) -> Finding {
    Finding::error(
        format!("table {table}"),
        format!(
            "{} is a file of it, and there is no contract contracts/{table}.yaml: no command reads it",
            first.key
        ),
        "put the contract back, with `load --contract` or from a backup",
    )
}

/// The partitions of a table that the catalog has and the lake has not.
async fn without_file(
    catalog: &dyn Catalog,
    table: &str,
    files: &BTreeSet<String>,
) -> Result<Option<Finding>> {
    let mut missing = Vec::new();
    for partition in catalog.partitions(table).await? {
        let folder = partition.location.trim_end_matches('/');
        // On S3 a location begins with the bucket's URI.
        let prefixes = Zone::TABLES.map(|zone| table_prefix(zone, table));
        let at = prefixes.iter().find_map(|prefix| folder.find(prefix));
        let key = at.map_or(folder, |at| &folder[at..]);
        let prefix = format!("{key}/");
        if files.range(prefix.clone()..).next().is_none_or(|file| !file.starts_with(&prefix)) {
            missing.push(key.to_owned());
        }
    }
    let Some(first) = missing.first() else { return Ok(None) };
    let more = if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    Ok(Some(Finding::error(
        format!("table {table}"),
        format!("the catalog has partitions without a file: {first}{more}"),
        "restore the files from a backup, or make them again with `quotelake rebuild`",
    )))
}

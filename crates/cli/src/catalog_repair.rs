//! A catalog held against the files of a lake, and corrected where the two disagree: the files are right.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog, Lake, Partition};
use quotelake_core::{ErrorKind, Result};
use quotelake_table::published::stored_tables;
use serde::Serialize;

/// Where catalog and files disagree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Disagreement {
    /// Partitions that have a file and that the catalog lacks.
    pub unlisted: Vec<Partition>,
    /// Partitions that the catalog has at a place without a file, and whose file is at another: as the catalog has them.
    pub misplaced: Vec<Partition>,
    /// Partitions of the catalog that have no file anywhere.
    pub without_file: Vec<Partition>,
    /// Tables that the catalog cannot have partitions of, each with the reason.
    pub failed: Vec<String>,
}

impl Disagreement {
    /// Holds the catalog against the lake's files. `tables` are such as only the catalog may know.
    pub async fn between(
        lake: &dyn Lake,
        catalog: &dyn Catalog,
        contracts: &Contracts,
        tables: Vec<String>,
    ) -> Result<Self> {
        let mut files: BTreeMap<String, BTreeMap<Vec<String>, BTreeSet<String>>> = BTreeMap::new();
        for name in contracts.names().map(str::to_owned).chain(tables) {
            files.entry(name).or_default();
        }
        for (table, partitions) in stored_tables(lake).await? {
            for stored in partitions {
                // A folder that the contract has no partition for is none of the table; `verify` names it.
                let fits = contracts.get(&table).is_ok_and(|dataset| {
                    let fields = dataset.contract.partitions.iter().map(|field| field.name.as_str());
                    fields.eq(stored.partition.columns()) && !dataset.contract.partitions.is_empty()
                });
                if fits {
                    let values = stored.partition.values();
                    let of_table = files.entry(table.clone()).or_default();
                    of_table.entry(values).or_default().insert(stored.location());
                }
            }
        }
        let mut found = Self::default();
        for (table, mut files) in files {
            let listed = match catalog.partitions(&table).await {
                Ok(listed) => listed,
                Err(error) if error.kind().is_retryable() => return Err(error),
                Err(error) => {
                    found.failed.push(format!("{table}: {error}"));
                    continue;
                }
            };
            for partition in listed {
                match files.remove(&partition.values) {
                    None => found.without_file.push(partition),
                    Some(folders) if folders.contains(&partition.location) => {}
                    Some(folders) => {
                        files.insert(partition.values.clone(), folders);
                        found.misplaced.push(partition);
                    }
                }
            }
            for (values, folders) in files {
                let location = folders.into_iter().next().unwrap_or_default();
                found.unlisted.push(Partition { table: table.clone(), values, location });
            }
        }
        Ok(found)
    }

    /// Whether the two agree.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Makes the catalog say what the files say. Partitions without a file stay, unless `forgets`: they may be the last trace of a
    /// file that is to be restored. What the catalog has no table for is noted among `failed`.
    pub async fn repair(&mut self, catalog: &dyn Catalog, forgets: bool) -> Result<()> {
        catalog.forget_partitions(&self.misplaced).await?;
        for of_table in self.unlisted.chunk_by(|a, b| a.table == b.table) {
            match catalog.ensure_partitions(of_table).await {
                Err(error) if error.kind() == ErrorKind::Config => {
                    self.failed.push(format!("{}: {error}", of_table[0].table));
                }
                done => done?,
            }
        }
        if forgets {
            catalog.forget_partitions(&self.without_file).await?;
        }
        Ok(())
    }
}

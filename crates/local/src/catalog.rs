//! The port `Catalog` on a folder: one JSON file a table, with a checksum, replaced as a whole under a lock that processes
//! share.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use quotelake_core::ports::{Catalog, Partition};
use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::files::{self, Durability, Lock, Use, blocking};

/// A catalog as one JSON file per table in a folder, `<root>/_platform/catalog/` by convention. Clones share it; so do
/// processes.
#[derive(Debug, Clone)]
pub struct JsonCatalog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    /// Whether it may be written.
    usage: Use,
}

/// What a file holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Table {
    /// In order of their values.
    partitions: Vec<Partition>,
}

impl JsonCatalog {
    /// Opens the catalog in `folder`, which is created when missing; one that may only be read is only read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let usage = Use::begin(&folder.join("tmp"), &folder.join("tmp.lock"))?;
        Ok(Self { shared: Arc::new(Shared { folder, usage }) })
    }

    /// The catalog in `folder`, to be read only: nothing is written, not even a lock. Adding a partition is `Config`.
    pub fn read_only(folder: impl Into<PathBuf>) -> Self {
        Self { shared: Arc::new(Shared { folder: folder.into(), usage: Use::asked_to_read() }) }
    }

    /// The tables that have partitions, sorted.
    pub async fn tables(&self) -> Result<Vec<String>> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let names = files::names(&shared.folder)?;
            Ok(names.iter().filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect())
        })
        .await
    }
}

impl JsonCatalog {
    /// The tables whose files are not what was written.
    pub async fn damaged(&self) -> Result<Vec<String>> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.damaged()).await
    }

    /// Moves the files of such tables to the folder `damaged` beside them, where they are kept: the tables have no partitions then.
    pub async fn set_damaged_aside(&self) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            shared.usage.check_writable()?;
            let _lock = Lock::exclusive(&shared.folder.join("catalog.lock"))?;
            let aside = shared.folder.join("damaged");
            for table in shared.damaged()? {
                files::create_folder(&aside)?;
                let name = format!("{table}.json");
                let from = shared.folder.join(&name);
                std::fs::rename(&from, aside.join(&name)).map_err(|e| files::io_error("move", &from, e))?;
            }
            Ok(())
        })
        .await
    }
}

impl Shared {
    fn damaged(&self) -> Result<Vec<String>> {
        let mut damaged = Vec::new();
        for name in files::names(&self.folder)? {
            let Some(table) = name.strip_suffix(".json") else { continue };
            let bytes = files::read(&self.folder.join(&name))?;
            if bytes.is_some_and(|bytes| files::open_sealed::<Table>(&bytes).is_none()) {
                damaged.push(table.to_owned());
            }
        }
        Ok(damaged)
    }

    /// The table's file. `InvalidInput` for a name that is none of a table.
    fn path(&self, table: &str) -> Result<PathBuf> {
        let named = !table.is_empty() && table.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        if !named {
            return Err(Error::invalid(format!("{table:?} is not a table name")));
        }
        Ok(self.folder.join(format!("{table}.json")))
    }

    /// Takes partitions of one table out of its file.
    fn forget(&self, table: &str, partitions: &[Partition]) -> Result<()> {
        let path = self.path(table)?;
        self.usage.check_writable()?;
        let _lock = Lock::exclusive(&self.folder.join("catalog.lock"))?;
        let Some(mut table) = files::read_sealed::<Table>(&path)? else { return Ok(()) };
        let before = table.partitions.len();
        table.partitions.retain(|partition| !partitions.contains(partition));
        if table.partitions.len() == before {
            return Ok(());
        }
        files::replace_sealed(&self.folder.join("tmp"), &path, &table, Durability::default())
    }

    /// Adds partitions of one table to its file.
    fn ensure(&self, table: &str, partitions: &[Partition]) -> Result<()> {
        let path = self.path(table)?;
        self.usage.check_writable()?;
        let _lock = Lock::exclusive(&self.folder.join("catalog.lock"))?;
        let mut table: Table = files::read_sealed(&path)?.unwrap_or_default();
        let mut changed = false;
        for partition in partitions {
            match table.partitions.binary_search_by(|other| other.values.cmp(&partition.values)) {
                Ok(at) if table.partitions[at].location == partition.location => {}
                Ok(at) => {
                    let Partition { table: name, values, location } = &table.partitions[at];
                    let error = Error::conflict(format!(
                        "partition {} of {name} is at {location}, not at {}",
                        values.join("/"),
                        partition.location
                    ));
                    return Err(error.context(path.display()));
                }
                Err(at) => {
                    table.partitions.insert(at, partition.clone());
                    changed = true;
                }
            }
        }
        if !changed {
            return Ok(());
        }
        files::replace_sealed(&self.folder.join("tmp"), &path, &table, Durability::default())
    }
}

#[async_trait]
impl Catalog for JsonCatalog {
    async fn ensure_partitions(&self, partitions: &[Partition]) -> Result<()> {
        let (shared, partitions) = (Arc::clone(&self.shared), partitions.to_vec());
        blocking(move || {
            let mut of_tables = partitions.chunk_by(|a, b| a.table == b.table);
            of_tables.try_for_each(|partitions| shared.ensure(&partitions[0].table, partitions))
        })
        .await
    }

    async fn forget_partitions(&self, partitions: &[Partition]) -> Result<()> {
        let (shared, partitions) = (Arc::clone(&self.shared), partitions.to_vec());
        blocking(move || {
            let mut of_tables = partitions.chunk_by(|a, b| a.table == b.table);
            of_tables.try_for_each(|partitions| shared.forget(&partitions[0].table, partitions))
        })
        .await
    }

    async fn partitions(&self, table: &str) -> Result<Vec<Partition>> {
        let (shared, table) = (Arc::clone(&self.shared), table.to_owned());
        blocking(move || {
            Ok(files::read_sealed::<Table>(&shared.path(&table)?)?.unwrap_or_default().partitions)
        })
        .await
    }
}

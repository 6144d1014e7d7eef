//! A published table: which partitions it has, their rows, and how they change. Nobody else knows where a table's files are.
//!
//! - `published.rs`: [`Published`], what there is and what is in it;
//! - `published/commit.rs`: [`Change`], the one way in which a partition changes;
//! - `published/format.rs`: [`Format`], how a partition is stored; [`OneFile`], the one that there is;
//! - `published/listed.rs`: [`Listed`], what a catalog says there should be;
//! - `published/widen.rs`: files of narrower numbers, rewritten.

mod commit;
mod format;
mod listed;
mod widen;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatchOptions;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use quotelake_contract::Contract;
use quotelake_core::ports::{Catalog, Lake, ObjectMeta, Partition, Version};
use quotelake_core::{Context as _, Error, ObjectKey, Result, Zone};
use tokio::task::spawn_blocking;

use crate::parquet_file::PublishedFile;
use crate::schema::field;
use crate::{Columnar, PartitionKey};

pub use commit::{Change, Committed};
pub use format::{Format, OneFile};
pub use listed::Listed;

/// One partition of a published table, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPartition {
    /// Which one.
    pub partition: PartitionKey,
    /// Its file.
    pub key: String,
    /// The file's size.
    pub bytes: u64,
    /// The file's version.
    pub version: Version,
}

impl StoredPartition {
    /// The partition's folder, `/`-ended, as a catalog takes it.
    pub fn location(&self) -> String {
        location(&self.key)
    }
}

/// The table of an object, and the partition that it is; `None` for one that is no file of a table.
fn stored(meta: ObjectMeta) -> Option<(String, StoredPartition)> {
    let (table, partition) = table_of(&meta.key)?;
    Some((table, StoredPartition { partition, key: meta.key, bytes: meta.size, version: meta.version }))
}

/// The folder of a published file, `/`-ended.
pub fn location(key: &str) -> String {
    key[..=key.rfind('/').unwrap_or(0)].to_owned()
}

/// A table's size, without reading its columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableCount {
    /// Rows.
    pub rows: u64,
    /// Partitions, each of one file.
    pub partitions: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A published table of a lake.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    lake: &'a dyn Lake,
    contract: &'a Contract,
    format: &'a dyn Format,
    listed: Option<&'a Listed>,
    reads: usize,
}

impl<'a> Published<'a> {
    /// The table of this contract.
    pub fn new(lake: &'a dyn Lake, contract: &'a Contract) -> Self {
        Self { lake, contract, format: &OneFile, listed: None, reads: 1 }
    }

    /// The same table, of which a partition that the catalog lists and that has no file is lost: nothing is merged in its place.
    #[must_use]
    pub fn listed_by(self, listed: &'a Listed) -> Self {
        Self { listed: Some(listed), ..self }
    }

    /// The same table, of which a scan reads so many partitions at the same time instead of one.
    #[must_use]
    pub fn with_reads(self, reads: usize) -> Self {
        Self { reads, ..self }
    }

    /// The partitions that there are, by their keys. Files that are no partition of a table are none of them: `verify` names those.
    pub async fn partitions(&self) -> Result<Vec<StoredPartition>> {
        self.format.partitions(self.lake, self.contract).await
    }

    /// A scan of these partitions, one after the other, as batches of these columns in this order, each with the version that was read:
    /// a file may have been replaced since the partitions were listed. A column that a file does not have yet is missing values.
    ///
    /// `Config` for a column that the contract does not have. Errors of a file name it: `NotFound` where it is gone meanwhile, `Damaged`,
    /// or `InvalidInput` where its columns do not fit the contract.
    pub fn scan(
        &self,
        columns: &[&str],
        partitions: impl IntoIterator<Item = StoredPartition>,
    ) -> Result<BoxStream<'a, Result<(StoredPartition, RecordBatch)>>> {
        let stored = self.scan_stored(columns, partitions)?;
        if self.reads == 1 {
            return Ok(stored.map(|part| part?.decode()).boxed());
        }
        // Each by a thread of its own.
        let decoded = stored.map(|part| async move {
            let decoded = spawn_blocking(|| part?.decode()).await;
            decoded.map_err(|e| Error::bug("decoding stopped").with_source(e))?
        });
        Ok(decoded.buffered(self.reads).boxed())
    }

    /// The same, as stored files: who has a core decodes them.
    pub fn scan_stored(
        &self,
        columns: &[&str],
        partitions: impl IntoIterator<Item = StoredPartition>,
    ) -> Result<BoxStream<'a, Result<StoredRows>>> {
        let columns: Arc<[usize]> = self.indices(columns)?.into();
        let (table, contract) = (*self, Arc::new(self.contract.clone()));
        // Boxed, so that the compiler sees that what is read at the same time may move between threads.
        let reads: Vec<_> = partitions
            .into_iter()
            .map(|stored| {
                let (columns, contract) = (Arc::clone(&columns), Arc::clone(&contract));
                async move {
                    let read = table.format.read(table.lake, &stored.key).await;
                    let (bytes, version) = read.with_context(|| format!("reading {}", stored.key))?;
                    Ok(StoredRows { stored: StoredPartition { version, ..stored }, contract, columns, bytes })
                }
                .boxed()
            })
            .collect();
        Ok(stream::iter(reads).buffered(self.reads).boxed())
    }

    /// A scan of the whole table.
    pub async fn scan_all(
        &self,
        columns: &[&str],
    ) -> Result<BoxStream<'a, Result<(StoredPartition, RecordBatch)>>> {
        self.scan(columns, self.partitions().await?)
    }

    /// The names of all columns, for a scan of whole rows.
    pub fn columns(&self) -> Vec<&'a str> {
        self.contract.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// Counts the table by its files' footers.
    pub async fn count(&self) -> Result<TableCount> {
        self.count_of(self.partitions().await?).await
    }

    /// Counts some partitions by their files' footers.
    pub async fn count_of(
        &self,
        partitions: impl IntoIterator<Item = StoredPartition>,
    ) -> Result<TableCount> {
        let mut count = TableCount::default();
        for stored in partitions {
            count.rows += self.format.row_count(self.lake, &stored).await?;
            count.partitions += 1;
            count.bytes += stored.bytes;
        }
        Ok(count)
    }

    /// Makes partitions visible to query engines. A table without partition columns needs no word about its one.
    pub async fn make_visible(
        &self,
        catalog: &dyn Catalog,
        partitions: impl IntoIterator<Item = (&PartitionKey, &str)>,
    ) -> Result<()> {
        let partitions: Vec<Partition> = partitions
            .into_iter()
            .filter_map(|(partition, key)| listed(&self.contract.name, partition, key))
            .collect();
        catalog.ensure_partitions(&partitions).await
    }

    /// One partition's rows, all columns, and the version that they are of. `NotFound` where it is gone.
    pub async fn open(&self, key: &str) -> Result<(PublishedFile, Version)> {
        let opened = self.format.open(self.lake, self.contract, key).await;
        opened.with_context(|| format!("reading {key}"))
    }

    fn indices(&self, columns: &[&str]) -> Result<Vec<usize>> {
        let index = |name: &&str| {
            self.contract
                .index_of(name)
                .ok_or_else(|| Error::config(format!("{} has no column {name}", self.contract.name)))
        };
        columns.iter().map(index).collect()
    }
}

/// A partition that was read for some columns, and not decoded yet.
#[derive(Debug)]
pub struct StoredRows {
    stored: StoredPartition,
    contract: Arc<Contract>,
    columns: Arc<[usize]>,
    bytes: Bytes,
}

impl StoredRows {
    /// The columns. The errors of [`Published::scan`].
    pub fn decode(self) -> Result<(StoredPartition, RecordBatch)> {
        let rows = decoded(&self.contract, self.bytes, &self.columns);
        let rows = rows.with_context(|| format!("reading {}", self.stored.key))?;
        Ok((self.stored, rows))
    }
}

/// These columns of a file.
fn decoded(contract: &Contract, bytes: Bytes, columns: &[usize]) -> Result<RecordBatch> {
    let file = PublishedFile::open(contract, bytes, Some(columns))?;
    let arrays = columns.iter().map(|index| file.read(*index)).collect::<Result<Vec<_>>>()?;
    let fields: Vec<_> = columns.iter().map(|index| field(&contract.columns[*index])).collect();
    // Of no column there are rows all the same.
    let options = RecordBatchOptions::new().with_row_count(Some(file.rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

/// The partitions of every table of a lake, whether there is a contract of it or not, by table and key.
pub async fn stored_tables(lake: &dyn Lake) -> Result<BTreeMap<String, Vec<StoredPartition>>> {
    let mut tables: BTreeMap<String, Vec<StoredPartition>> = BTreeMap::new();
    for zone in Zone::TABLES {
        for meta in lake.list(zone.prefix()).await? {
            let Some((table, stored)) = stored(meta) else { continue };
            tables.entry(table).or_default().push(stored);
        }
    }
    Ok(tables)
}

/// The table and partition that a file's key names; `None` for any other key.
pub fn table_of(key: &str) -> Option<(String, PartitionKey)> {
    let Ok(ObjectKey::Table { table, partition, .. }) = ObjectKey::parse(key) else { return None };
    Some((table, PartitionKey::of_segments(&partition).ok()?))
}

/// The partition that a file's key names, as a catalog has it; `None` for any other key, and for a table without partition columns: a
/// catalog has no word about its one.
pub fn listed_as(key: &str) -> Option<Partition> {
    let (table, partition) = table_of(key)?;
    listed(&table, &partition, key)
}

/// A partition as a catalog has it; `None` for the one of a table without partition columns.
fn listed(table: &str, partition: &PartitionKey, key: &str) -> Option<Partition> {
    let values = partition.values();
    (!values.is_empty()).then(|| Partition { table: table.to_owned(), values, location: location(key) })
}

/// Whether a key lies where published tables do, a file of a table or not.
pub fn is_published(key: &str) -> bool {
    tables_path(key).is_some()
}

/// A key without its zone, where that is one of published tables.
fn tables_path(key: &str) -> Option<&str> {
    Zone::TABLES.into_iter().find_map(|zone| key.strip_prefix(zone.prefix()))
}

/// The table in whose place a key lies, whether it is a file of it or not.
pub fn table_named(key: &str) -> Option<&str> {
    tables_path(key)?.split('/').next()
}

/// Where a table's files lie: a prefix of their keys.
pub fn table_prefix(zone: Zone, table: &str) -> String {
    ObjectKey::dataset_prefix(zone, table)
}

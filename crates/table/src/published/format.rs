//! How a partition is stored.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_contract::Contract;
use quotelake_core::ports::{Lake, Precondition, Version};
use quotelake_core::{Error, Result};

use super::{StoredPartition, stored, table_prefix};
use crate::parquet_file::{self, PublishedFile};
use crate::{Columnar, PartitionKey};

/// Most footers are smaller.
pub(super) const FOOTER_BYTES: u64 = 64 << 10;

/// A way to store the partitions of a table: what there is, the rows of one, and a swap that only one of two writers wins.
///
/// A format of many files a partition, with a log of commits, fits the same methods: `key` then names the entry of the log that a
/// partition was last changed by, and `read` the files that are current.
#[async_trait]
pub trait Format: fmt::Debug + Send + Sync {
    /// The partitions that there are, by their keys.
    async fn partitions(&self, lake: &dyn Lake, contract: &Contract) -> Result<Vec<StoredPartition>>;

    /// The key under which a partition is, or would be, stored.
    async fn key(&self, lake: &dyn Lake, contract: &Contract, partition: &PartitionKey) -> Result<String>;

    /// A partition as it is stored, and the version that it is of. `NotFound` where there is none.
    async fn read(&self, lake: &dyn Lake, key: &str) -> Result<(Bytes, Version)>;

    /// A partition's rows, all columns, and the version that they are of. `NotFound` where there is none.
    async fn open(
        &self,
        lake: &dyn Lake,
        contract: &Contract,
        key: &str,
    ) -> Result<(PublishedFile, Version)> {
        let (bytes, version) = self.read(lake, key).await?;
        Ok((PublishedFile::open(contract, bytes, None)?, version))
    }

    /// Whether a partition that is not there was, and nobody deleted it.
    async fn is_lost(&self, lake: &dyn Lake, key: &str) -> Result<bool>;

    /// The number of a partition's rows, without reading a column.
    async fn row_count(&self, lake: &dyn Lake, stored: &StoredPartition) -> Result<u64>;

    /// Stores rows in the place of those of version `before`, none where the partition was not there. `Conflict` when it is not of that
    /// version any more. Returns the new version and its size.
    async fn swap(
        &self,
        lake: &dyn Lake,
        contract: &Contract,
        key: &str,
        before: Option<&Version>,
        rows: &dyn Columnar,
    ) -> Result<(Version, u64)>;
}

/// One Parquet file a partition, under a fixed name: every reader of a folder of files reads the table. Swapped by its version.
#[derive(Debug, Clone, Copy)]
pub struct OneFile;

#[async_trait]
impl Format for OneFile {
    async fn partitions(&self, lake: &dyn Lake, contract: &Contract) -> Result<Vec<StoredPartition>> {
        let files = lake.list(&table_prefix(contract.zone(), &contract.name)).await?;
        Ok(files.into_iter().filter_map(stored).map(|(_, stored)| stored).collect())
    }

    /// Where earlier versions put the file under another name, that one.
    async fn key(&self, lake: &dyn Lake, contract: &Contract, partition: &PartitionKey) -> Result<String> {
        let (zone, table) = (contract.zone(), contract.name.as_str());
        if let Some(former) = partition.former_object_key(zone, table).map(|key| key.to_string())
            && lake.head(&former).await?.is_some()
        {
            return Ok(former);
        }
        Ok(partition.object_key(zone, table).to_string())
    }

    async fn read(&self, lake: &dyn Lake, key: &str) -> Result<(Bytes, Version)> {
        let object = lake.get(key).await?;
        Ok((object.bytes, object.version))
    }

    async fn is_lost(&self, lake: &dyn Lake, key: &str) -> Result<bool> {
        Ok(lake.missing(key).await?.iter().any(|missing| missing == key))
    }

    async fn row_count(&self, lake: &dyn Lake, stored: &StoredPartition) -> Result<u64> {
        let StoredPartition { key, bytes, .. } = stored;
        let footer = lake.get_range(key, bytes.saturating_sub(FOOTER_BYTES)..*bytes).await?;
        match parquet_file::row_count(&footer) {
            Some(rows) => Ok(rows),
            None => parquet_file::row_count(&lake.get(key).await?.bytes)
                .ok_or_else(|| Error::damaged(format!("{key} is damaged: it is no Parquet file"))),
        }
    }

    async fn swap(
        &self,
        lake: &dyn Lake,
        contract: &Contract,
        key: &str,
        before: Option<&Version>,
        rows: &dyn Columnar,
    ) -> Result<(Version, u64)> {
        let bytes: Bytes = parquet_file::write(contract, rows)?;
        let size = bytes.len() as u64;
        let when = before.cloned().map_or(Precondition::IfAbsent, Precondition::IfVersion);
        Ok((lake.put(key, bytes, when).await?, size))
    }
}

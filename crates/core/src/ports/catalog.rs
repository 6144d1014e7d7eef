//! The port that tells query engines which partitions of a table exist: Glue on AWS, a JSON file a table on a laptop. `publish`
//! calls it after it wrote a partition's file.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// One partition of a table as a query engine sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Partition {
    /// The table, e.g. `daily_bars`.
    pub table: String,
    /// The partition columns' values in the table's order, e.g. `["2013-03"]`.
    pub values: Vec<String>,
    /// The key prefix that holds its file, with a trailing slash.
    pub location: String,
}

/// Tells query engines which partitions exist. Tables themselves are owned by the infrastructure code.
#[async_trait]
pub trait Catalog: fmt::Debug + Send + Sync {
    /// Makes partitions visible, with as few calls as the catalog allows. One that already is, at the same location, stays;
    /// `Conflict` when one is visible at another location. After an error some of them may be visible.
    async fn ensure_partitions(&self, partitions: &[Partition]) -> Result<()>;

    /// Makes partitions invisible that are visible at their location; one that is not, or is at another, stays as it is. After an
    /// error some of them may be gone.
    async fn forget_partitions(&self, partitions: &[Partition]) -> Result<()>;

    /// The visible partitions of a table, in order of their values; empty for an unknown table.
    async fn partitions(&self, table: &str) -> Result<Vec<Partition>>;
}

//! What came of computing a model.

use quotelake_core::ports::Version;
use quotelake_table::{Committed, PartitionKey, StoredPartition};
use serde::Serialize;

/// What came of computing a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ModelReport {
    /// The model.
    pub model: String,
    /// The partitions that were computed, in order.
    pub partitions: Vec<ComputedPartition>,
    /// Rows that were computed and did not pass their rules.
    pub quarantined: u64,
    /// The checks of what was computed, by id.
    pub checks: Vec<String>,
}

impl ModelReport {
    /// Takes in what came of other dates of the model.
    pub(crate) fn add(&mut self, other: Self) {
        self.partitions.extend(other.partitions);
        self.quarantined += other.quarantined;
        self.checks.extend(other.checks);
    }

    /// The partitions that are other ones since.
    pub fn changed(&self) -> impl Iterator<Item = &ComputedPartition> {
        self.partitions.iter().filter(|partition| partition.changed)
    }
}

/// What became of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComputedPartition {
    /// Which one, e.g. `month=2013-03`.
    pub partition: String,
    /// Its file.
    pub key: String,
    /// Rows in it.
    pub rows: usize,
    /// Bytes of it.
    pub bytes: u64,
    /// Keys that it did not have.
    pub inserted: usize,
    /// Rows of other content than before.
    pub revised: usize,
    /// Rows that are gone.
    pub removed: usize,
    /// Whether it was written: the same bytes are not.
    pub changed: bool,
    /// The file's version since.
    #[serde(skip)]
    pub(crate) version: Option<Version>,
}

impl ComputedPartition {
    pub(crate) fn of(partition: &PartitionKey, committed: Committed) -> Self {
        let Committed { key, counts, rows, bytes, changed, version, .. } = committed;
        Self {
            partition: partition.to_string(),
            key,
            rows,
            bytes,
            inserted: counts.inserted,
            revised: counts.revised,
            removed: counts.removed,
            changed,
            version,
        }
    }

    /// A partition that stays as it is, of so many rows.
    pub(crate) fn unchanged(stored: &StoredPartition, rows: usize, version: Version) -> Self {
        Self {
            partition: stored.partition.to_string(),
            key: stored.key.clone(),
            rows,
            bytes: stored.bytes,
            inserted: 0,
            revised: 0,
            removed: 0,
            changed: false,
            version: Some(version),
        }
    }

    /// The version's text.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_ref().map(Version::as_str)
    }

    /// The same partition, computed once more since its inputs changed meanwhile.
    pub(crate) fn again(self, next: Self) -> Self {
        Self { changed: self.changed || next.changed, ..next }
    }
}

//! What a drain did, and what became of each partition.

use std::collections::BTreeSet;

use quotelake_core::ports::Version;
use quotelake_table::{Committed, PartitionKey};
use serde::Serialize;

/// What a drain did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishReport {
    /// The dataset.
    pub dataset: String,
    /// Staged objects that were used up.
    pub staged_objects: usize,
    /// Staged objects that could not be read, or are none of the contract, and are dead letters.
    pub damaged_objects: usize,
    /// The partitions that had rows, in order.
    pub partitions: Vec<PublishedPartition>,
}

impl PublishReport {
    /// Rows that came in, over all partitions.
    pub fn rows_in(&self) -> usize {
        self.partitions.iter().map(|partition| partition.rows_in).sum()
    }
}

/// What became of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedPartition {
    /// E.g. `month=2013-03`.
    pub partition: String,
    /// Its file.
    pub key: String,
    /// Rows in the file.
    pub rows: usize,
    /// Bytes of the file.
    pub bytes: u64,
    /// Staged rows for it.
    pub rows_in: usize,
    /// Keys that were new.
    pub inserted: usize,
    /// Rows whose content was replaced.
    pub revised: usize,
    /// Staged rows that changed nothing.
    pub duplicates: usize,
    /// Rows that left it: newer versions of them lie in other partitions.
    #[serde(skip_serializing_if = "is_none")]
    pub moved_away: usize,
    /// Whether the file was rewritten.
    pub changed: bool,
    /// The runs that fetched the staged rows.
    pub run_ids: BTreeSet<String>,
    /// The file's version when it was published.
    #[serde(skip)]
    pub(crate) version: Option<Version>,
    /// What the file was made of and what it is since, if it was rewritten by merging.
    #[serde(skip)]
    pub(crate) written: Option<Written>,
}

/// A file before and after a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) before: Option<Version>,
    pub(crate) after: Version,
}

impl Written {
    /// None of a partition that was left as it was.
    pub(crate) fn of(committed: &Committed) -> Option<Self> {
        let after = committed.version.clone().filter(|_| committed.changed)?;
        Some(Self { before: committed.before.clone(), after })
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

impl PublishedPartition {
    /// A partition that no staged row is for.
    pub(crate) fn untouched(partition: &PartitionKey, key: String) -> Self {
        Self {
            partition: partition.to_string(),
            key,
            rows: 0,
            bytes: 0,
            rows_in: 0,
            inserted: 0,
            revised: 0,
            duplicates: 0,
            moved_away: 0,
            changed: false,
            run_ids: BTreeSet::new(),
            version: None,
            written: None,
        }
    }

    /// The same partition, published a second time: rows that the first time put in are no duplicates.
    pub(crate) fn again(&mut self, next: Self) {
        let inserted = (self.inserted + next.inserted).min(next.rows_in);
        let revised = (self.revised + next.revised).min(next.rows_in - inserted);
        let duplicates = next.rows_in - inserted - revised;
        let changed = self.changed || next.changed;
        *self = Self { inserted, revised, duplicates, changed, ..next };
    }
}

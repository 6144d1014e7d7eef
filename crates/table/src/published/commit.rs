//! How a partition changes.

use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use quotelake_core::ports::{Precondition, Version};
use quotelake_core::{Context as _, Error, ErrorKind, Result};

use super::Published;
use crate::parquet_file::PublishedFile;
use crate::replace::Replacement;
use crate::{Chosen, Columnar, MergeCounts, PartitionKey, merge};

/// How often a partition is read again because somebody else swapped it first.
const MAX_SWAPS: usize = 5;

/// What is to become of a partition.
#[derive(Clone, Copy)]
pub enum Change<'r> {
    /// These rows are merged into those that are there.
    Merge(&'r dyn Columnar),
    /// These rows take the place of all that there are, if it is still of the version that it had before they were computed; none where
    /// it was not there. What somebody computed from newer inputs meanwhile is not lost to older ones.
    Replace(&'r Replacement, Option<&'r Version>),
    /// These rows leave it, by their numbers, if it is still of the version in which they were seen.
    Remove(&'r BTreeSet<u32>, &'r Version),
}

impl std::fmt::Debug for Change<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Merge(rows) => f.debug_tuple("Merge").field(&rows.rows()).finish(),
            Self::Replace(rows, seen) => f.debug_tuple("Replace").field(rows).field(seen).finish(),
            Self::Remove(rows, version) => f.debug_tuple("Remove").field(&rows.len()).field(version).finish(),
        }
    }
}

/// A partition after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Its file.
    pub key: String,
    /// What became of rows that were merged or put in the place of others.
    pub counts: MergeCounts,
    /// Rows in it.
    pub rows: usize,
    /// Bytes of it; 0 where there is none.
    pub bytes: u64,
    /// Whether it was written: what would change nothing is not.
    pub changed: bool,
    /// The version before.
    pub before: Option<Version>,
    /// The version since.
    pub version: Option<Version>,
}

/// A stored partition whose errors name its file.
struct Existing<'a> {
    key: &'a str,
    file: PublishedFile,
}

impl Columnar for Existing<'_> {
    fn rows(&self) -> usize {
        self.file.rows()
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        self.file.read(index).map_err(|error| not_merged(error.context(self.key)))
    }
}

impl Published<'_> {
    /// Changes a partition, whole or not at all. Doing the same again changes nothing.
    ///
    /// `Damaged` where what is there cannot be read: nothing is merged on it. `Conflict` when others keep changing it, or it is
    /// not of the version any more in which it was seen.
    pub async fn commit(&self, partition: &PartitionKey, change: Change<'_>) -> Result<Committed> {
        let key = self.format.key(self.lake, self.contract, partition).await?;
        let mut swaps = 0;
        loop {
            let done = match change {
                Change::Merge(rows) => self.merge_into(&key, rows).await,
                Change::Replace(rows, seen) => {
                    let done = self.replace(&key, rows, seen).await;
                    return done.with_context(|| format!("publishing {key}"));
                }
                Change::Remove(rows, version) => return self.remove_from(&key, rows, version).await,
            };
            match done {
                Err(error) if error.kind() == ErrorKind::Conflict && swaps < MAX_SWAPS => swaps += 1,
                other => return other.with_context(|| format!("publishing {key}")),
            }
        }
    }

    /// What committing rows in the place of a partition's would come to, where that changes nothing: it is they to the byte already.
    pub async fn unchanged(&self, partition: &PartitionKey, rows: &Replacement) -> Result<Option<Committed>> {
        let key = self.format.key(self.lake, self.contract, partition).await?;
        match self.lake.get(&key).await {
            Ok(object) if object.bytes == *rows.bytes() => Ok(Some(same(&key, rows, object.version))),
            Ok(_) => Ok(None),
            // What is damaged is replaced.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Damaged) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {key}")),
        }
    }

    async fn merge_into(&self, key: &str, rows: &dyn Columnar) -> Result<Committed> {
        let (existing, before) = match self.format.open(self.lake, self.contract, key).await {
            Ok((file, version)) => (Some(Existing { key, file }), Some(version)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.expect_never_published(key).await?;
                (None, None)
            }
            Err(error) => return Err(not_merged(error.context(key))),
        };
        let merged = merge(self.contract, existing.as_ref().map(|file| file as &dyn Columnar), rows)?;
        let mut committed = Committed {
            key: key.to_owned(),
            counts: merged.counts,
            rows: merged.rows(),
            bytes: existing.as_ref().map_or(0, |existing| existing.file.size()),
            changed: merged.changed,
            before: before.clone(),
            version: before.clone(),
        };
        if merged.changed {
            let (version, bytes) =
                self.format.swap(self.lake, self.contract, key, before.as_ref(), &merged).await?;
            (committed.version, committed.bytes) = (Some(version), bytes);
        }
        Ok(committed)
    }

    /// `Damaged` where a file that was not found was there once: its record says so, or the catalog. `Conflict` where it is there by now.
    async fn expect_never_published(&self, key: &str) -> Result<()> {
        let gone = |whose: &str| Err(not_merged(Error::damaged(format!("{key} is gone, though {whose}"))));
        if self.format.is_lost(self.lake, key).await? {
            return gone("it was published");
        }
        match self.listed {
            Some(listed) if !self.contract.partitions.is_empty() && listed.has(key).await? => {
                match self.lake.head(key).await? {
                    // Somebody wrote and listed it between the two questions.
                    Some(_) => Err(Error::conflict(format!("{key} was written meanwhile"))),
                    None => gone("the catalog lists it"),
                }
            }
            _ => Ok(()),
        }
    }

    /// Puts rows into the place of those that there are. That what is there is damaged is no reason against it: nothing of it is kept.
    async fn replace(&self, key: &str, rows: &Replacement, seen: Option<&Version>) -> Result<Committed> {
        let mut committed = Committed {
            key: key.to_owned(),
            counts: rows.all_new(),
            rows: rows.rows(),
            bytes: rows.bytes().len() as u64,
            changed: true,
            before: None,
            version: None,
        };
        match self.lake.get(key).await {
            Ok(object) if object.bytes == *rows.bytes() => return Ok(same(key, rows, object.version)),
            Ok(object) => {
                // Of a file by another contract nothing can be counted.
                if let Ok(file) = PublishedFile::open(self.contract, object.bytes, None) {
                    committed.counts = rows.compared_with(self.contract, &file)?;
                }
                committed.before = Some(object.version);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind() == ErrorKind::Damaged => {
                committed.before = self.lake.head(key).await?.map(|meta| meta.version);
            }
            Err(error) => return Err(error),
        }
        if committed.before.as_ref() != seen {
            return Err(Error::conflict(format!("{key} was changed since its rows were computed")));
        }
        let when = seen.cloned().map_or(Precondition::IfAbsent, Precondition::IfVersion);
        committed.version = Some(self.lake.put(key, rows.bytes().clone(), when).await?);
        Ok(committed)
    }

    async fn remove_from(&self, key: &str, rows: &BTreeSet<u32>, seen: &Version) -> Result<Committed> {
        let (file, version) = self.open(key).await?;
        if version != *seen {
            return Err(Error::conflict(format!("{key} was changed since its rows were read")));
        }
        let stay: Vec<u32> = (0..file.rows() as u32).filter(|row| !rows.contains(row)).collect();
        let rest = Chosen::new(&file, stay);
        let (after, bytes) = self.format.swap(self.lake, self.contract, key, Some(&version), &rest).await?;
        Ok(Committed {
            key: key.to_owned(),
            counts: MergeCounts::default(),
            rows: rest.rows(),
            bytes,
            changed: true,
            before: Some(version),
            version: Some(after),
        })
    }
}

/// A partition that is these rows already.
fn same(key: &str, rows: &Replacement, version: Version) -> Committed {
    Committed {
        key: key.to_owned(),
        counts: rows.none_new(),
        rows: rows.rows(),
        bytes: rows.bytes().len() as u64,
        changed: false,
        before: Some(version.clone()),
        version: Some(version),
    }
}

/// The error of a file that nothing is merged on, with the way out where it is damaged.
fn not_merged(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Damaged => Error::damaged(format!(
            "{error}; nothing is merged on it and the rows for it stay staged: `quotelake rebuild --partition` makes it again, \
             see docs/runbooks/damaged-objects.md"
        )),
        _ => error,
    }
}

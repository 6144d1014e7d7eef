//! The lists of keys of a table's partitions: read, made, written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use quotelake_contract::Contract;
use quotelake_core::ports::{Lake, Object, Precondition, Version};
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result};
use quotelake_table::{KeyList, PartitionKey, Published, key_hashes};
use tokio::task::JoinSet;

use crate::Context;
use crate::report::Written;

/// Lists that are read at the same time.
const READS: usize = 16;
/// How often a list is read again because somebody else wrote it first.
const MAX_WRITES: usize = 50;

/// The lists of a table's partitions, as they were read or written last.
#[derive(Debug)]
pub(super) struct Lists<'c> {
    context: &'c Context,
    contract: &'c Contract,
    parts: BTreeMap<PartitionKey, Part>,
    /// Partitions without a list whose files cannot be read.
    unreadable: BTreeSet<PartitionKey>,
}

/// The key and version of a partition's file.
type PartitionFile = (String, Version);

/// A partition.
#[derive(Debug)]
struct Part {
    list: KeyList,
    /// The stored list's version; none where there is none yet.
    version: Option<Version>,
    file: Option<PartitionFile>,
    /// What this drain merged rows into, and what came of it; none where others have changed the list since the rows' keys were
    /// put on it.
    written: Option<Written>,
}

impl Part {
    fn file_version(&self) -> Option<&str> {
        self.file.as_ref().map(|(_, version)| version.as_str())
    }

    /// Whether the list is not of the file as it is, nor of the one that our own merge made this one of.
    fn is_stale(&self) -> bool {
        let (listed, now) = (self.list.looked_at(), self.file_version());
        let is_ours = self.written.as_ref().is_some_and(|Written { before, after }| {
            listed == before.as_ref().map(Version::as_str) && now == Some(after.as_str())
        });
        listed != now && !is_ours
    }
}

impl<'c> Lists<'c> {
    /// Reads all lists. Those that are missing, damaged or of another key are made from the partitions' files; gone keys of a file
    /// that has changed are looked for.
    pub(super) async fn load(context: &'c Context, contract: &'c Contract) -> Result<Self> {
        let mut lists = Self { context, contract, parts: BTreeMap::new(), unreadable: BTreeSet::new() };
        lists.reload().await?;
        Ok(lists)
    }

    /// The same, of what has changed since.
    pub(super) async fn reload(&mut self) -> Result<()> {
        let lake = &self.context.lake;
        // The lists first: whatever a list is read with is no older than the list.
        let stored = lake.list(&ObjectKey::keys_prefix(&self.contract.name)).await?;
        let files = Published::new(lake.as_ref(), self.contract).partitions().await?;
        let mut versions: BTreeMap<PartitionKey, (Option<Version>, Option<PartitionFile>)> = BTreeMap::new();
        for meta in stored {
            if let Ok(ObjectKey::Keys { partition, .. }) = ObjectKey::parse(&meta.key)
                && let Ok(partition) = PartitionKey::of_segments(&partition)
            {
                versions.entry(partition).or_default().0 = Some(meta.version);
            }
        }
        for stored in files {
            versions.entry(stored.partition).or_default().1 = Some((stored.key, stored.version));
        }
        self.unreadable.clear();
        let mut unread = Vec::new();
        for (partition, (version, file)) in versions {
            match self.parts.get_mut(&partition) {
                Some(part) if part.version == version && version.is_some() => part.file = file,
                _ => unread.push((partition, file)),
            }
        }
        for some in unread.chunks(READS) {
            self.read(some).await?;
        }
        let stale = self.parts.iter().filter(|(_, part)| part.is_stale());
        let stale: Vec<PartitionKey> = stale.map(|(partition, _)| partition.clone()).collect();
        for partition in stale {
            // Until the file can be read, what was gone from it may be back.
            passable(self.settle(&partition, &[], None).await)?;
        }
        Ok(())
    }

    /// Reads some lists, and makes those that are missing or cannot be used.
    async fn read(&mut self, some: &[(PartitionKey, Option<PartitionFile>)]) -> Result<()> {
        let mut reads = JoinSet::new();
        for (at, (partition, _)) in some.iter().enumerate() {
            let lake = Arc::clone(&self.context.lake);
            let key = partition.key_list(&self.contract.name).to_string();
            reads.spawn(async move { (at, read_list(lake.as_ref(), &key).await) });
        }
        let mut read = BTreeMap::new();
        while let Some(done) = reads.join_next().await {
            let (at, object) = done.map_err(|e| Error::bug("reading a list stopped").with_source(e))?;
            read.insert(at, object?);
        }
        for ((partition, file), object) in some.iter().zip(read.into_values()) {
            match passable(self.part_of(partition, file.clone(), object).await)? {
                // Where others have changed the list since, what we merged is not all that counts.
                Some(part) => {
                    self.parts.insert(partition.clone(), part);
                }
                None => {
                    self.unreadable.insert(partition.clone());
                }
            }
        }
        Ok(())
    }

    /// A partition by its list, which is made of the file where it is missing or cannot be used.
    async fn part_of(
        &self,
        partition: &PartitionKey,
        file: Option<PartitionFile>,
        mut object: Option<Object>,
    ) -> Result<Part> {
        let key = partition.key_list(&self.contract.name).to_string();
        for _ in 0..MAX_WRITES {
            let when = match object {
                None => Precondition::IfAbsent,
                Some(Object { bytes, version, .. }) => match KeyList::parse(&bytes) {
                    Ok(list) if list.is_of(self.contract) => {
                        return Ok(Part { list, version: Some(version), file, written: None });
                    }
                    Ok(_) => Precondition::IfVersion(version),
                    Err(error) => {
                        tracing::error!(key, error = %error, "list of keys is made again");
                        Precondition::IfVersion(version)
                    }
                },
            };
            // Nobody writes rows into a partition without a list, so that the file holds them all.
            let (keys, seen) = self.keys_in(&self.file_key(partition, file.as_ref())).await?;
            let list = KeyList::of(self.contract, keys, seen.map(|version| version.as_str().to_owned()));
            match self.context.lake.put(&key, list.to_bytes()?, when).await {
                Ok(version) => return Ok(Part { list, version: Some(version), file, written: None }),
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    object = read_list(self.context.lake.as_ref(), &key).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::conflict(format!("others keep writing {key}")))
    }

    /// The key of a partition's file, whether there is one or not.
    fn file_key(&self, partition: &PartitionKey, file: Option<&PartitionFile>) -> String {
        file.map_or_else(
            || partition.object_key(self.contract.zone(), &self.contract.name).to_string(),
            |(key, _)| key.clone(),
        )
    }

    /// The keys in a partition's file, and its version; none where it is gone.
    async fn keys_in(&self, key: &str) -> Result<(Vec<u64>, Option<Version>)> {
        let table = Published::new(self.context.lake.as_ref(), self.contract);
        let Some((file, version)) = found(table.open(key).await)? else { return Ok((Vec::new(), None)) };
        let mut keys = key_hashes(self.contract, &file).with_context(|| format!("reading {key}"))?;
        keys.sort_unstable();
        Ok((keys, Some(version)))
    }

    /// Puts keys, ascending, on a partition's list, before their rows are written. `InvalidInput` or `Damaged` where there is no list because
    /// the partition's file cannot be read.
    pub(super) async fn register(&mut self, partition: &PartitionKey, keys: &[u64]) -> Result<()> {
        if self.unreadable.contains(partition) {
            return Err(Error::invalid(format!(
                "the file of {partition} cannot be read, so nothing is added to it"
            )));
        }
        self.write(partition, |list| list.register(keys)).await
    }

    /// Notes which of these keys, ascending, the partition holds, now that older rows are removed: by its file, or by the keys that
    /// were merged into it, where that says all.
    pub(super) async fn settle(
        &mut self,
        partition: &PartitionKey,
        keys: &[u64],
        merged: Option<&Vec<u64>>,
    ) -> Result<()> {
        let Some(part) = self.parts.get(partition) else { return Ok(()) };
        let is_merged = |merged: &&Vec<u64>| {
            let settled = part.list.open().iter().filter(|key| keys.binary_search(key).is_ok());
            !part.is_stale() && settled.into_iter().all(|key| merged.binary_search(key).is_ok())
        };
        if let Some(merged) = merged.filter(is_merged) {
            let mut version = Some(part.file_version().map(str::to_owned));
            return self
                .write(partition, |list| {
                    // A list that others have changed since stays one of the file that they have looked at.
                    let theirs = list.looked_at().map(str::to_owned);
                    list.settle_merged(merged, version.take().unwrap_or(theirs));
                })
                .await;
        }
        let key = self.file_key(partition, part.file.as_ref());
        let (found, version) = self.keys_in(&key).await?;
        if let Some(part) = self.parts.get_mut(partition) {
            part.file = version.clone().map(|version| (key, version));
        }
        let version = version.map(|version| version.as_str().to_owned());
        self.write(partition, |list| list.settle(keys, &found, version.clone())).await
    }

    /// Writes a list that a change makes another one; reads it again where somebody else wrote it first.
    async fn write(&mut self, partition: &PartitionKey, mut change: impl FnMut(&mut KeyList)) -> Result<()> {
        let key = partition.key_list(&self.contract.name).to_string();
        for _ in 0..MAX_WRITES {
            let part = self.parts.entry(partition.clone()).or_insert_with(|| Part {
                list: KeyList::of(self.contract, Vec::new(), None),
                version: None,
                file: None,
                written: None,
            });
            let mut list = part.list.clone();
            change(&mut list);
            if list == part.list && part.version.is_some() {
                return Ok(());
            }
            let bytes = list.to_bytes()?;
            let when = part.version.clone().map_or(Precondition::IfAbsent, Precondition::IfVersion);
            match self.context.lake.put(&key, bytes, when).await {
                Ok(version) => {
                    (part.list, part.version) = (list, Some(version));
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    let file = part.file.clone();
                    let object = read_list(self.context.lake.as_ref(), &key).await?;
                    let part = self.part_of(partition, file, object).await?;
                    self.parts.insert(partition.clone(), part);
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::conflict(format!("others keep writing {key}")))
    }

    /// The keys that some partition lists as open.
    pub(super) fn open_keys(&self) -> impl Iterator<Item = u64> {
        self.parts.values().flat_map(|part| part.list.open().iter().copied())
    }

    /// Notes what this drain merged rows into.
    pub(super) fn note(&mut self, partition: &PartitionKey, written: Option<Written>) {
        if let Some(part) = self.parts.get_mut(partition) {
            part.written = written;
        }
    }

    /// The partitions whose lists have something to settle: those that were written, and those with open keys.
    pub(super) fn unsettled(&self, touched: &BTreeSet<PartitionKey>) -> Vec<PartitionKey> {
        let wanted = |(partition, part): (&PartitionKey, &Part)| {
            let is_new = part.list.looked_at() != part.file_version();
            let is_unsettled = is_new || touched.contains(partition) || !part.list.open().is_empty();
            is_unsettled.then(|| partition.clone())
        };
        self.parts.iter().filter_map(wanted).collect()
    }

    /// For each partition its file's key, and which of the keys, ascending, it may hold, by their places.
    pub(super) fn holding<'s>(
        &'s self,
        keys: &'s [u64],
    ) -> impl Iterator<Item = (&'s PartitionKey, Option<&'s str>, Vec<usize>)> {
        self.parts.iter().map(|(partition, part)| {
            let file = part.file.as_ref().map(|(key, _)| key.as_str());
            (partition, file, part.list.places(keys, part.is_stale()))
        })
    }
}

/// What came of a partition; none where its file cannot be read, which is logged: others can be published nevertheless.
fn passable<T>(done: Result<T>) -> Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Damaged) => {
            tracing::error!(error = %error, "a partition's keys are not known");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A list as it was written, none where there is none. One that is damaged comes without a byte: it is made again of the file.
async fn read_list(lake: &dyn Lake, key: &str) -> Result<Option<Object>> {
    match lake.get(key).await {
        Err(error) if error.kind() == ErrorKind::Damaged => {
            tracing::warn!(key, error = %error, "a list of keys is damaged");
            let object = found(lake.get_unchecked(key).await)?;
            Ok(object.map(|object| Object { bytes: Bytes::new(), ..object }))
        }
        read => found(read),
    }
}

/// An object that may not be there.
pub(super) fn found<T>(object: Result<T>) -> Result<Option<T>> {
    match object {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

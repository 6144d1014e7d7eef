//! Which business keys a partition may hold: the file beside each partition of a table whose rows may move.
//!
//! ```text
//! "QLKEYS1\n"  8 bytes
//! header       JSON, one line: the key's columns, how many hashes of each kind follow, the file's version at the last look
//! hashes       8 bytes each, big-endian, each kind ascending: here, open, gone
//! check        the first 8 bytes of the SHA-256 of all before
//! ```

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use quotelake_contract::Contract;
use quotelake_core::{Error, Result};

const MAGIC: &[u8; 8] = b"QLKEYS1\n";
const CHECK_BYTES: usize = 8;

/// The hashes of the keys that a partition may hold. What is not on the list is not in the partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyList {
    /// The names of the key's columns.
    columns: Vec<String>,
    /// Rows that are settled: no other partition holds their keys. Ascending, as the others.
    here: Vec<u64>,
    /// Rows that somebody is about to write, or has written, whose keys may be elsewhere as well.
    open: Vec<u64>,
    /// Rows that were here and are not any more, where the file is of the version that it names.
    gone: Vec<u64>,
    /// The version of the partition's file that it is true of; none where there was no file. A file of another version, that of a
    /// drain that died, an older program or a copy of the lake, has to be looked at.
    looked_at: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    key: Vec<String>,
    here: usize,
    open: usize,
    gone: usize,
    looked_at: Option<String>,
}

impl KeyList {
    /// The list of a partition whose file, of this version, holds these keys, of which it is not known whether others do.
    pub fn of(contract: &Contract, mut open: Vec<u64>, looked_at: Option<String>) -> Self {
        open.sort_unstable();
        open.dedup();
        let columns = contract.key.iter().map(|index| contract.columns[*index].name.clone()).collect();
        Self { columns, open, looked_at, ..Self::default() }
    }

    /// Whether it lists keys of these columns.
    pub fn is_of(&self, contract: &Contract) -> bool {
        self.columns.iter().eq(contract.key.iter().map(|index| &contract.columns[*index].name))
    }

    /// The keys that may be elsewhere as well, ascending.
    pub fn open(&self) -> &[u64] {
        &self.open
    }

    /// The version of the partition's file that it is true of; none where there was no file.
    pub fn looked_at(&self) -> Option<&str> {
        self.looked_at.as_deref()
    }

    /// The places of the keys, ascending, that the partition may hold: with those that are gone where the file may be another one.
    pub fn places(&self, keys: &[u64], with_gone: bool) -> Vec<usize> {
        let mut places = common(keys, &self.here);
        places.extend(common(keys, &self.open));
        if with_gone {
            places.extend(common(keys, &self.gone));
        }
        places.sort_unstable();
        places
    }

    /// Names keys, ascending, before their rows are written: those that it does not name yet are open.
    pub fn register(&mut self, keys: &[u64]) {
        let new: Vec<u64> = keys.iter().filter(|key| !has(&self.here, **key)).copied().collect();
        remove(&mut self.gone, &new);
        add(&mut self.open, &new);
    }

    /// Open keys, ascending, whose rows were merged into the file, and that no other partition holds, are here. The file is of
    /// this version by that, and else as it was.
    pub fn settle_merged(&mut self, keys: &[u64], version: Option<String>) {
        let merged: Vec<u64> = self.open.iter().filter(|key| has(keys, **key)).copied().collect();
        remove(&mut self.open, &merged);
        add(&mut self.here, &merged);
        self.looked_at = version;
    }

    /// Says what the file of this version holds: `found`, ascending. Open keys among `keys`, ascending, are settled by it; open
    /// ones of others wait for those. A key that was gone and is back, or that it did not name, is open: who wrote it did not get
    /// to its end, or knew of no list.
    pub fn settle(&mut self, keys: &[u64], found: &[u64], version: Option<String>) {
        let settled: Vec<u64> = self.open.iter().filter(|key| has(keys, **key)).copied().collect();
        remove(&mut self.open, &settled);
        add(&mut self.here, &settled);
        let left: Vec<u64> = self.here.iter().filter(|key| !has(found, **key)).copied().collect();
        remove(&mut self.here, &left);
        let named = |key: &&u64| has(&self.here, **key) || has(&self.open, **key);
        let new: Vec<u64> = found.iter().filter(|key| !named(key)).copied().collect();
        remove(&mut self.gone, &new);
        add(&mut self.gone, &left);
        add(&mut self.open, &new);
        self.looked_at = version;
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Result<Bytes> {
        let header = Header {
            key: self.columns.clone(),
            here: self.here.len(),
            open: self.open.len(),
            gone: self.gone.len(),
            looked_at: self.looked_at.clone(),
        };
        let count = self.here.len() + self.open.len() + self.gone.len();
        let mut bytes = Vec::with_capacity(256 + 8 * count);
        bytes.extend_from_slice(MAGIC);
        serde_json::to_writer(&mut bytes, &header).map_err(|e| Error::bug("key list").with_source(e))?;
        bytes.push(b'\n');
        for hash in self.here.iter().chain(&self.open).chain(&self.gone) {
            bytes.extend_from_slice(&hash.to_be_bytes());
        }
        let check = Sha256::digest(&bytes);
        bytes.extend_from_slice(&check[..CHECK_BYTES]);
        Ok(bytes.into())
    }

    /// Reads the file. `InvalidInput` for one that is damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let damaged = |what: &str| Error::invalid(format!("list of keys is damaged: {what}"));
        let (body, check) =
            bytes.split_last_chunk::<CHECK_BYTES>().ok_or_else(|| damaged("it is too short"))?;
        if Sha256::digest(body)[..CHECK_BYTES] != check[..] {
            return Err(damaged("its checksum does not fit"));
        }
        let rest = body.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not begin as one"))?;
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("it has no header"))?;
        let header: Header =
            serde_json::from_slice(&rest[..end]).map_err(|e| damaged("its header").with_source(e))?;
        let (hashes, odd) = rest[end + 1..].as_chunks::<8>();
        let counted = header.here.checked_add(header.open).and_then(|sum| sum.checked_add(header.gone));
        if !odd.is_empty() || counted != Some(hashes.len()) {
            return Err(damaged("it holds another number of keys than it says"));
        }
        let mut hashes = hashes.iter().map(|hash| u64::from_be_bytes(*hash));
        Ok(Self {
            here: hashes.by_ref().take(header.here).collect(),
            open: hashes.by_ref().take(header.open).collect(),
            gone: hashes.collect(),
            columns: header.key,
            looked_at: header.looked_at,
        })
    }
}

fn has(list: &[u64], key: u64) -> bool {
    list.binary_search(&key).is_ok()
}

fn add(list: &mut Vec<u64>, more: &[u64]) {
    if !more.is_empty() {
        list.extend_from_slice(more);
        list.sort_unstable();
        list.dedup();
    }
}

/// Takes keys, ascending, off a list.
fn remove(list: &mut Vec<u64>, less: &[u64]) {
    if !less.is_empty() {
        list.retain(|key| !has(less, *key));
    }
}

/// The places of the keys, ascending, that a list has.
fn common(keys: &[u64], list: &[u64]) -> Vec<usize> {
    if keys.len() < list.len() / 16 {
        return (0..keys.len()).filter(|at| has(list, keys[*at])).collect();
    }
    let mut rest = list.iter().peekable();
    let is_in = |at: &usize| {
        while rest.next_if(|listed| **listed < keys[*at]).is_some() {}
        rest.peek() == Some(&&keys[*at])
    };
    (0..keys.len()).filter(is_in).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use quotelake_contract::Contracts;

    #[test]
    fn bytes_and_lists_are_inverse_and_damage_is_found() {
        let contracts = Contracts::built_in().unwrap();
        let contract = &contracts.get("splits").unwrap().contract;
        let mut list = KeyList::of(contract, vec![9, 3, 5, u64::MAX, 3], None);
        list.settle(&[3, 5, 9, u64::MAX], &[3, 9, u64::MAX], Some("v1".into()));
        list.register(&[1, 3, 7]);
        let bytes = list.to_bytes().unwrap();
        let read = KeyList::parse(&bytes).unwrap();
        assert_eq!(read, list);
        assert_eq!(
            (&read.here[..], &read.open[..], &read.gone[..]),
            (&[3, 9, u64::MAX][..], &[1, 7][..], &[5][..])
        );
        assert!(read.is_of(contract) && !read.is_of(&contracts.get("daily_bars").unwrap().contract));
        assert_eq!(read.places(&[3, 4, 5, 7], false), [0, 3]);
        assert_eq!(read.places(&[3, 4, 5, 7], true), [0, 2, 3], "what was gone may be back");
        for at in 0..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1;
            assert!(KeyList::parse(&flipped).is_err(), "byte {at}");
            assert!(KeyList::parse(&bytes[..at]).is_err(), "cut at {at}");
        }
    }

    proptest! {
        /// Whatever happens to a list, it names every key that it ever named, once, and `places` finds what a search would.
        #[test]
        fn no_key_is_ever_lost(
            steps in proptest::collection::vec((0u8..3, proptest::collection::btree_set(0u64..40, 0..12), proptest::collection::btree_set(0u64..40, 0..12)), 1..12),
            asked in proptest::collection::btree_set(0u64..60, 0..60),
        ) {
            let mut list = KeyList::default();
            let mut named = std::collections::BTreeSet::new();
            for (version, (step, keys, found)) in steps.into_iter().enumerate() {
                let (keys, found): (Vec<u64>, Vec<u64>) = (keys.into_iter().collect(), found.into_iter().collect());
                match step {
                    0 => {
                        list.register(&keys);
                        named.extend(keys);
                    }
                    1 => list.settle_merged(&keys, Some(version.to_string())),
                    _ => {
                        list.settle(&keys, &found, Some(version.to_string()));
                        named.extend(found);
                    }
                }
                let mut all: Vec<u64> = [&list.here[..], &list.open, &list.gone].concat();
                all.sort_unstable();
                prop_assert_eq!(&all, &named.iter().copied().collect::<Vec<_>>());
                for part in [&list.here, &list.open, &list.gone] {
                    prop_assert!(part.is_sorted());
                }
            }
            let asked: Vec<u64> = asked.into_iter().collect();
            let found: Vec<u64> = list.places(&asked, true).into_iter().map(|at| asked[at]).collect();
            prop_assert_eq!(found, asked.iter().filter(|key| named.contains(key)).copied().collect::<Vec<_>>());
        }
    }
}

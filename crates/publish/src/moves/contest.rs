//! Keys that more than one partition may hold, their rows, and which of them wins.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use quotelake_contract::Contract;
use quotelake_core::ports::Version;
use quotelake_core::{Context as _, Result};
use quotelake_table::ArrowSchema as _;
use quotelake_table::staged::StagedObjects;
use quotelake_table::{Chosen, Columnar, PartitionKey, Published, key_hashes, winning_rows};

use super::lists::{Lists, found};
use crate::Context;
use crate::partitions::LeftOut;

/// The keys that more than one partition may hold or is to be given.
#[derive(Debug, Default)]
pub(super) struct Contested {
    /// By partition: the key of its file, if there is one, and the hashes.
    partitions: BTreeMap<PartitionKey, (Option<String>, BTreeSet<u64>)>,
}

/// Rows of one file of whose keys other partitions hold better ones.
#[derive(Debug)]
pub(super) struct Losers {
    pub(super) partition: PartitionKey,
    /// The version that was read.
    pub(super) version: Version,
    /// Their numbers in the file.
    pub(super) rows: Vec<u32>,
}

/// Rows of contested keys that lie in one place.
struct Part<'p> {
    partition: &'p PartitionKey,
    /// The version of the published partition; none for staged rows.
    version: Option<Version>,
    /// The rows' numbers there.
    rows: Vec<u32>,
    hashes: Vec<u64>,
    batch: RecordBatch,
}

impl Contested {
    /// Of these keys, ascending, those that more than one partition may hold by its list.
    pub(super) fn of(lists: &Lists<'_>, keys: &[u64]) -> Self {
        let mut places = vec![0u32; keys.len()];
        let held: Vec<(&PartitionKey, Option<&str>, Vec<usize>)> = lists.holding(keys).collect();
        held.iter().for_each(|(_, _, held)| held.iter().for_each(|at| places[*at] += 1));
        let mut contested = Self::default();
        for (partition, file, held) in held {
            let hashes: BTreeSet<u64> =
                held.into_iter().filter(|at| places[*at] > 1).map(|at| keys[at]).collect();
            if !hashes.is_empty() {
                contested.partitions.insert(partition.clone(), (file.map(str::to_owned), hashes));
            }
        }
        contested
    }

    /// The partitions that may hold contested keys.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &PartitionKey> {
        self.partitions.keys()
    }

    /// The staged rows that need not be merged: of each key whose best row lies in, or is staged for, another partition.
    pub(super) async fn outdone(
        &self,
        context: &Context,
        contract: &Contract,
        objects: &StagedObjects,
    ) -> Result<LeftOut> {
        let mut left_out = LeftOut::new();
        if self.partitions.is_empty() {
            return Ok(left_out);
        }
        let mut parts = self.published(context, contract).await?;
        for (partition, (_, hashes)) in &self.partitions {
            let blocks = objects.fetch(context.lake.as_ref(), partition).await?;
            let rows = objects.rows(&blocks)?;
            parts.extend(part_of(contract, partition, None, &rows, hashes)?);
        }
        // A hash of which another key's row is to be merged is no reason to leave out any.
        let mut merged: BTreeMap<&PartitionKey, BTreeSet<u64>> = BTreeMap::new();
        for (part, loses) in judged(contract, &parts)? {
            if part.version.is_some() {
                continue;
            }
            for (hash, loses) in part.hashes.iter().zip(loses) {
                if loses {
                    left_out.entry(part.partition.clone()).or_default().insert(*hash);
                } else {
                    merged.entry(part.partition).or_default().insert(*hash);
                }
            }
        }
        for (partition, hashes) in merged {
            if let Some(left_out) = left_out.get_mut(partition) {
                left_out.retain(|hash| !hashes.contains(hash));
            }
        }
        Ok(left_out)
    }

    /// The published rows that are to leave their files.
    pub(super) async fn losers(&self, context: &Context, contract: &Contract) -> Result<Vec<Losers>> {
        let parts = self.published(context, contract).await?;
        let loses: Vec<Vec<bool>> = judged(contract, &parts)?.into_iter().map(|(_, loses)| loses).collect();
        let mut losers = Vec::new();
        for (part, loses) in parts.into_iter().zip(loses) {
            let rows: Vec<u32> =
                part.rows.iter().zip(loses).filter(|(_, loses)| *loses).map(|(row, _)| *row).collect();
            if let (Some(version), false) = (part.version, rows.is_empty()) {
                losers.push(Losers { partition: part.partition.clone(), version, rows });
            }
        }
        Ok(losers)
    }

    /// The published rows of contested keys.
    async fn published(&self, context: &Context, contract: &Contract) -> Result<Vec<Part<'_>>> {
        let table = Published::new(context.lake.as_ref(), contract);
        let mut parts = Vec::new();
        for (partition, (key, hashes)) in &self.partitions {
            let Some(key) = key else { continue };
            let Some((file, version)) = found(table.open(key).await)? else { continue };
            let part = part_of(contract, partition, Some(version), &file, hashes);
            parts.extend(part.with_context(|| format!("reading {key}"))?);
        }
        Ok(parts)
    }
}

/// The rows whose keys have one of these hashes; none where there is no such row.
fn part_of<'p>(
    contract: &Contract,
    partition: &'p PartitionKey,
    version: Option<Version>,
    all: &dyn Columnar,
    wanted: &BTreeSet<u64>,
) -> Result<Option<Part<'p>>> {
    let (mut rows, mut hashes) = (Vec::new(), Vec::new());
    for (row, hash) in (0..).zip(key_hashes(contract, all)?) {
        if wanted.contains(&hash) {
            rows.push(row);
            hashes.push(hash);
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let batch = Chosen::new(all, rows.clone()).batch(contract)?;
    Ok(Some(Part { partition, version, rows, hashes, batch }))
}

/// For each row of the parts whether a row of its key in another partition wins over it.
fn judged<'a, 'p>(contract: &Contract, parts: &'a [Part<'p>]) -> Result<Vec<(&'a Part<'p>, Vec<bool>)>> {
    let all = concat_batches(&contract.schema(), parts.iter().map(|part| &part.batch))?;
    let winners = winning_rows(contract, &all)?;
    let of_row: Vec<&PartitionKey> =
        parts.iter().flat_map(|part| part.rows.iter().map(|_| part.partition)).collect();
    let mut rows = (0..).zip(&winners);
    Ok(parts
        .iter()
        .map(|part| {
            let of_part = rows.by_ref().take(part.rows.len());
            let loses = of_part.map(|(row, winner): (usize, &u32)| of_row[*winner as usize] != of_row[row]);
            (part, loses.collect())
        })
        .collect())
}

//! Which versions of its inputs a model is computed from.

use std::collections::BTreeSet;

use quotelake_check::InputVersion;
use quotelake_core::{Result, sha256_hex};
use quotelake_table::PartitionKey;

use crate::dates::{self, Dates};
use crate::model::{Input, Model};
use crate::tables::{Listing, Tables};

/// The partitions of a model's inputs, at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    inputs: Vec<InputPartitions>,
    listed: Listing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct InputPartitions {
    input: Input,
    /// Each with the dates that it can hold rows of, in order.
    partitions: Vec<(Dates, InputVersion)>,
}

impl Snapshot {
    /// Looks at the inputs.
    pub(crate) async fn take(model: &Model, tables: Tables<'_>) -> Result<Self> {
        let (mut inputs, mut listed) = (Vec::with_capacity(model.follows.len()), Listing::new());
        for input in &model.follows {
            let contract = tables.contract(&input.table)?;
            let mut partitions = Vec::new();
            let stored_partitions = tables.partitions(&input.table, Dates::ALL).await?;
            for stored in &stored_partitions {
                let version = InputVersion {
                    table: input.table.clone(),
                    partition: stored.partition.to_string(),
                    version: stored.version.as_str().to_owned(),
                };
                let dates = dates::of_partition(contract, &stored.partition).unwrap_or(Dates::ALL);
                partitions.push((dates, version));
            }
            inputs.push(InputPartitions { input: input.clone(), partitions });
            listed.insert(input.table.clone(), stored_partitions);
        }
        Ok(Self { inputs, listed })
    }

    /// The partitions of the inputs, by table.
    pub(crate) fn listed(&self) -> &Listing {
        &self.listed
    }

    /// The partitions that rows of these dates are computed from.
    pub(crate) fn of(&self, dates: Dates) -> impl Iterator<Item = &InputVersion> {
        self.inputs.iter().flat_map(move |input| {
            let read = dates.with_days_before(input.input.lookback_days);
            let partitions = input.partitions.iter().filter(move |(own, _)| own.overlaps(&read));
            partitions.map(|(_, version)| version)
        })
    }

    /// For each partition that a model has or can have, what tells the inputs that it is computed from, and the model, from others.
    ///
    /// Behind them, where an input is parted by no date, one of no partition for all such inputs: whatever changes of them may lead to
    /// partitions that nobody thinks of yet.
    pub(crate) fn digests<'p>(
        &self,
        model: &Model,
        existing: impl Iterator<Item = &'p PartitionKey>,
        fingerprint: &str,
    ) -> Result<Vec<Digest>> {
        let (contract, is_whole) = (&model.dataset.contract, model.is_computed_whole());
        let stored: BTreeSet<PartitionKey> = existing.cloned().collect();
        let mut known = stored.clone();
        if !is_whole && let Some(bounds) = self.bounds() {
            known.extend(dates::partitions_of(contract, bounds)?.unwrap_or_default().into_keys());
        }
        let of_partition = |partition: PartitionKey| {
            let own = dates::of_partition(contract, &partition).filter(|_| !is_whole);
            let dates = own.unwrap_or(Dates::ALL);
            let is_expected = stored.contains(&partition) || self.has_rows_of(dates);
            let inputs = digest(fingerprint, self.of(dates));
            Digest { partition, dates: Some(dates), inputs, is_expected }
        };
        let mut digests: Vec<Digest> = known.into_iter().map(of_partition).collect();
        let none = PartitionKey::new(Vec::new());
        if digests.first().is_some_and(|digest| digest.partition == none) {
            return Ok(digests);
        }
        let undated: Vec<&InputVersion> =
            if is_whole { self.of(Dates::ALL).collect() } else { self.undated().collect() };
        if !undated.is_empty() {
            let inputs = digest(fingerprint, undated.into_iter());
            digests.push(Digest { partition: none, dates: None, inputs, is_expected: true });
        }
        Ok(digests)
    }

    /// Whether an input has a partition of these dates themselves.
    fn has_rows_of(&self, dates: Dates) -> bool {
        self.inputs.iter().flat_map(|input| &input.partitions).any(|(own, _)| own.overlaps(&dates))
    }

    fn undated(&self) -> impl Iterator<Item = &InputVersion> {
        let partitions = self.inputs.iter().flat_map(|input| &input.partitions);
        partitions.filter(|(dates, _)| *dates == Dates::ALL).map(|(_, version)| version)
    }

    /// The dates that a model can have rows of: those of its inputs that have dates, with the days behind them that look back on
    /// them. None where no such input has a partition.
    fn bounds(&self) -> Option<Dates> {
        let dated = self.inputs.iter().flat_map(|input| {
            let dated = input.partitions.iter().filter(|(dates, _)| *dates != Dates::ALL);
            dated.map(|(dates, _)| dates.with_days_after(input.input.lookback_days))
        });
        dated.reduce(|a, b| a.hull(&b))
    }
}

/// What a partition is computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    /// The partition; empty for what is said of none.
    pub(crate) partition: PartitionKey,
    /// The dates that are computed for it; none for what is said of no partition.
    pub(crate) dates: Option<Dates>,
    /// SHA-256 of the model's fingerprint and the inputs' versions.
    pub(crate) inputs: String,
    /// Whether it is there, or an input has rows of its dates. Of others, behind the newest input, a look-back alone says that there could
    /// be rows: they are computed, and are no news before there are any.
    pub(crate) is_expected: bool,
}

fn digest<'v>(fingerprint: &str, inputs: impl Iterator<Item = &'v InputVersion>) -> String {
    let mut text = fingerprint.to_owned();
    for InputVersion { table, partition, version } in inputs {
        text.push_str(&format!("\n{table}/{partition} {version}"));
    }
    sha256_hex(text.as_bytes())
}

//! What of a model is not what computing it now would give, as far as versions tell.

use std::collections::BTreeMap;

use quotelake_core::Result;
use quotelake_table::{PartitionKey, Published};
use serde::Serialize;

use crate::dates::Dates;
use crate::engine::{self, Engine};
use crate::model::Model;
use crate::plan::{Reach, joined};
use crate::snapshot::Snapshot;
use crate::state;
use crate::tables::Tables;

/// Why a model is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It has no table yet, or partitions that it has not.
    NeverComputed,
    /// Its SQL or code, its contract or its engine is another one since.
    ModelChanged,
    /// A table that it reads changed since.
    InputsChanged,
    /// Its own table is not as it was left.
    TableChanged,
}

/// What of a model is to be computed once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// What to compute.
    pub reach: Reach,
    /// The partitions that are known to be stale, by why.
    pub partitions: BTreeMap<Why, usize>,
}

/// What of a model is stale; `None` of one that is up to date, and of one that is not published.
pub async fn stale(model: &Model, tables: Tables<'_>, engine: &dyn Engine) -> Result<Option<Stale>> {
    if !model.is_published() {
        return Ok(None);
    }
    let fingerprint = model.fingerprint(&engine::version_of(model, engine));
    let snapshot = Snapshot::take(model, tables).await?;
    let stored = Published::new(tables.lake, &model.dataset.contract).partitions().await?;
    let versions: BTreeMap<PartitionKey, String> =
        stored.into_iter().map(|stored| (stored.partition, stored.version.as_str().to_owned())).collect();
    let state = state::load(tables.lake, model.name()).await?;
    let digests = snapshot.digests(model, versions.keys(), &fingerprint)?;
    let mut stale = Stale { reach: Reach::Nothing, partitions: BTreeMap::new() };
    let (mut spans, mut all, mut is_whole, mut is_stale) = (Vec::new(), 0, false, false);
    for digest in &digests {
        all += 1;
        let why = match state.partitions.get(&digest.partition.to_string()) {
            None => Why::NeverComputed,
            Some(entry) if entry.fingerprint != fingerprint => Why::ModelChanged,
            Some(entry) if entry.inputs != digest.inputs => Why::InputsChanged,
            Some(entry) if entry.version != versions.get(&digest.partition).cloned() => Why::TableChanged,
            Some(_) => continue,
        };
        is_stale = true;
        if digest.is_expected {
            *stale.partitions.entry(why).or_default() += 1;
        }
        match digest.dates {
            Some(dates) if dates != Dates::ALL => spans.push(dates),
            _ => is_whole = true,
        }
    }
    // Of a table that is computed whole, what is gone is known by its entry alone.
    let is_known = |name: &str| digests.iter().any(|digest| digest.partition.to_string() == name);
    let gone = state.partitions.iter().filter(|(name, entry)| entry.version.is_some() && !is_known(name));
    let gone = gone.count();
    if gone > 0 {
        *stale.partitions.entry(Why::TableChanged).or_default() += gone;
        (is_whole, is_stale) = (true, true);
    }
    if !is_stale {
        return Ok(None);
    }
    stale.reach =
        if is_whole || spans.len() == all { Reach::Everything } else { Reach::Dates(joined(spans)) };
    Ok(Some(stale))
}

//! Which partitions of a model a change of its inputs reaches.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_core::Result;
use quotelake_table::{PartitionKey, Published};

use crate::dates::{self, Dates};
use crate::model::Model;
use crate::tables::Tables;

/// What changed of tables, by table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<String, BTreeSet<PartitionKey>>);

impl Changes {
    /// Notes that a partition changed.
    pub fn add(&mut self, table: &str, partition: PartitionKey) {
        self.0.entry(table.to_owned()).or_default().insert(partition);
    }

    /// Whether nothing did.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tables that changed.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn of(&self, table: &str) -> impl Iterator<Item = &PartitionKey> {
        self.0.get(table).into_iter().flatten()
    }
}

/// What of a model is to be computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Nothing: no input of it changed.
    Nothing,
    /// The rows of these dates: spans that do not touch, ascending.
    Dates(Vec<Dates>),
    /// All of it.
    Everything,
}

/// What a change of inputs reaches: the dates of a changed partition, and as many days behind them as the model looks back on that
/// input, whether it reads the table itself or through views. A model that is computed whole, or whose partitions follow from no date, or whose input's do not, is reached whole.
pub fn reach(model: &Model, changes: &Changes, tables: Tables<'_>) -> Result<Reach> {
    let mut spans: Vec<Dates> = Vec::new();
    let is_whole = model.is_computed_whole();
    for input in &model.follows {
        let contract = tables.contract(&input.table)?;
        for partition in changes.of(&input.table) {
            match dates::of_partition(contract, partition) {
                Some(dates) if !is_whole => spans.push(dates.with_days_after(input.lookback_days)),
                _ => return Ok(Reach::Everything),
            }
        }
    }
    Ok(if spans.is_empty() { Reach::Nothing } else { Reach::Dates(joined(spans)) })
}

/// Spans that touch become one.
pub fn joined(mut spans: Vec<Dates>) -> Vec<Dates> {
    spans.sort_unstable();
    let mut all: Vec<Dates> = Vec::new();
    for span in spans {
        match all.last_mut() {
            Some(last) if last.to.succ_opt().is_none_or(|next| span.from <= next) => *last = last.hull(&span),
            _ => all.push(span),
        }
    }
    all
}

/// The work that a reach comes to: spans of dates, each computed in one pass, and the partitions that it computes. A partition that
/// exists is among them even where nothing is computed for it any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The dates to compute, whole partitions.
    pub dates: Dates,
    /// The partitions that there are of them.
    pub existing: BTreeSet<PartitionKey>,
}

/// Spans of whole partitions. Dates that no input has rows of are left out, but for partitions that exist.
pub async fn spans(model: &Model, reach: &Reach, tables: Tables<'_>) -> Result<Vec<Span>> {
    let contract = &model.dataset.contract;
    let stored = Published::new(tables.lake, contract).partitions().await?;
    let stored: BTreeSet<PartitionKey> = stored.into_iter().map(|stored| stored.partition).collect();
    let wanted = match reach {
        Reach::Nothing => return Ok(Vec::new()),
        Reach::Everything => return Ok(vec![Span { dates: Dates::ALL, existing: stored }]),
        Reach::Dates(wanted) => wanted,
    };
    let Some(bounds) = bounds(model, tables, &stored).await? else { return Ok(Vec::new()) };
    let mut whole = Vec::new();
    for dates in wanted.iter().filter_map(|dates| dates.intersection(&bounds)) {
        match dates::partitions_of(contract, dates)? {
            Some(partitions) => whole.extend(partitions.into_values()),
            None => return Ok(vec![Span { dates: Dates::ALL, existing: stored }]),
        }
    }
    let existing = |dates: Dates| {
        let inside = |partition: &&PartitionKey| {
            dates::of_partition(contract, partition).is_none_or(|own| own.overlaps(&dates))
        };
        stored.iter().filter(inside).cloned().collect()
    };
    Ok(joined(whole).into_iter().map(|dates| Span { dates, existing: existing(dates) }).collect())
}

/// The dates that a model can have rows of: those of its inputs and of its own partitions.
async fn bounds(model: &Model, tables: Tables<'_>, stored: &BTreeSet<PartitionKey>) -> Result<Option<Dates>> {
    let own = stored.iter().filter_map(|partition| dates::of_partition(&model.dataset.contract, partition));
    let mut bounds: Option<Dates> = own.reduce(|a, b| a.hull(&b));
    for input in &model.follows {
        let contract = tables.contract(&input.table)?;
        for stored in tables.partitions(&input.table, Dates::ALL).await? {
            let Some(dates) = dates::of_partition(contract, &stored.partition) else { continue };
            let dates = dates.with_days_after(input.lookback_days);
            bounds = Some(bounds.map_or(dates, |bounds| bounds.hull(&dates)));
        }
    }
    Ok(bounds)
}

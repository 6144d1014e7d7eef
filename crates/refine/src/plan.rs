//! Which partitions of a model a change of its inputs reaches.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_core::Result;
use quotelake_table::{PartitionKey, Published};

use crate::dates::{self, Dates};
use crate::model::{Input, Model};
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
            Some(last) if last.touches(&span) => *last = last.hull(&span),
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

/// Spans of whole partitions, each of so many bytes of input at most, or of one partition. Dates that no input has rows of are left
/// out, but for partitions that exist.
///
/// Nothing is cut where rows do not follow from the inputs of their dates: of a model that is computed whole or reads a table without
/// dates.
pub async fn spans(
    model: &Model,
    reach: &Reach,
    tables: Tables<'_>,
    most_input_bytes: u64,
) -> Result<Vec<Span>> {
    if *reach == Reach::Nothing {
        return Ok(Vec::new());
    }
    let contract = &model.dataset.contract;
    let stored = Published::new(tables.lake, contract).partitions().await?;
    let stored: BTreeSet<PartitionKey> = stored.into_iter().map(|stored| stored.partition).collect();
    // Whatever the inputs have, in one pass.
    if *reach == Reach::Everything && (most_input_bytes == u64::MAX || model.is_computed_whole()) {
        return Ok(vec![Span { dates: Dates::ALL, existing: stored }]);
    }
    let inputs = inputs(model, tables).await?;
    let most = if is_divisible(model, &inputs, &stored) { most_input_bytes } else { u64::MAX };
    let bounds = bounds(model, &inputs, &stored);
    let is_too_much = |bounds: &Dates| bytes_of(&inputs, *bounds) > most;
    let wanted = match reach {
        Reach::Dates(wanted) => wanted.clone(),
        Reach::Everything if bounds.as_ref().is_some_and(is_too_much) => vec![Dates::ALL],
        _ => return Ok(vec![Span { dates: Dates::ALL, existing: stored }]),
    };
    let Some(bounds) = bounds else { return Ok(Vec::new()) };
    let mut partitions = Vec::new();
    for dates in wanted.iter().filter_map(|dates| dates.intersection(&bounds)) {
        match dates::partitions_of(contract, dates)? {
            Some(found) => partitions.extend(found.into_values()),
            None => return Ok(vec![Span { dates: Dates::ALL, existing: stored }]),
        }
    }
    let mut spans = divided(partitions, &inputs, most);
    if *reach == Reach::Everything {
        // Rows of dates that no input has, too.
        spans.first_mut().into_iter().for_each(|first| first.from = Dates::ALL.from);
        spans.last_mut().into_iter().for_each(|last| last.to = Dates::ALL.to);
    }
    let existing = |dates: Dates| {
        let inside = |partition: &&PartitionKey| {
            dates::of_partition(contract, partition).is_none_or(|own| own.overlaps(&dates))
        };
        stored.iter().filter(inside).cloned().collect()
    };
    Ok(spans.into_iter().map(|dates| Span { dates, existing: existing(dates) }).collect())
}

/// A partition of an input: the dates that it can hold rows of, which are none of a table that is not parted by dates, how many days
/// the model looks back on it, and its bytes.
struct InputPartition {
    dates: Option<Dates>,
    lookback_days: u32,
    bytes: u64,
}

async fn inputs(model: &Model, tables: Tables<'_>) -> Result<Vec<InputPartition>> {
    let mut inputs = Vec::new();
    for Input { table, lookback_days } in &model.follows {
        let contract = tables.contract(table)?;
        inputs.extend(tables.partitions(table, Dates::ALL).await?.into_iter().map(|stored| InputPartition {
            dates: dates::of_partition(contract, &stored.partition),
            lookback_days: *lookback_days,
            bytes: stored.bytes,
        }));
    }
    Ok(inputs)
}

/// Whether the rows of some dates follow from the inputs of these dates, so that a reach may be computed in parts.
fn is_divisible(model: &Model, inputs: &[InputPartition], stored: &BTreeSet<PartitionKey>) -> bool {
    let contract = &model.dataset.contract;
    !model.is_computed_whole()
        && inputs.iter().all(|input| input.dates.is_some())
        && stored.iter().all(|partition| dates::of_partition(contract, partition).is_some())
}

/// The bytes of partitions that can hold rows of these dates.
fn bytes_of(inputs: &[InputPartition], dates: Dates) -> u64 {
    let inside = |input: &&InputPartition| input.dates.is_some_and(|own| own.overlaps(&dates));
    inputs.iter().filter(inside).map(|input| input.bytes).sum()
}

/// Spans that touch become one, for as long as it has not too many bytes of input.
fn divided(mut partitions: Vec<Dates>, inputs: &[InputPartition], most_input_bytes: u64) -> Vec<Dates> {
    partitions.sort_unstable();
    let mut all: Vec<Dates> = Vec::new();
    for span in partitions {
        // What is read for the one is not read again for the other.
        let fits = |last: &Dates| {
            let bytes = bytes_of(inputs, last.hull(&span));
            bytes <= most_input_bytes || bytes == bytes_of(inputs, *last)
        };
        match all.last_mut() {
            Some(last) if last.touches(&span) && (last.contains(span.from) || fits(last)) => {
                *last = last.hull(&span);
            }
            _ => all.push(span),
        }
    }
    all
}

/// The dates that a model can have rows of: those of its inputs and of its own partitions.
fn bounds(model: &Model, inputs: &[InputPartition], stored: &BTreeSet<PartitionKey>) -> Option<Dates> {
    let own = stored.iter().filter_map(|partition| dates::of_partition(&model.dataset.contract, partition));
    let read = inputs.iter().filter_map(|input| Some(input.dates?.with_days_after(input.lookback_days)));
    own.chain(read).reduce(|a, b| a.hull(&b))
}

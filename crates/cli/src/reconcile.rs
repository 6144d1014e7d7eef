//! The lake's side of a reconciliation, and both sides beside each other.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use quotelake_contract::Contract;
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Result};
use quotelake_migrate::{
    Compared, Content, DatasetMapping, Difference, Differences, Ledger, Side, Source, Totals,
};
use quotelake_table::Published;
use serde::Serialize;

use crate::tables::texts;

/// One symbol, both sides.
#[derive(Debug, Clone, Serialize)]
pub struct Reconciled {
    /// The symbol, or whatever the mapping counts by.
    pub by: String,
    /// What the database holds.
    pub database: Side,
    /// What the lake holds.
    pub lake: Side,
    /// Whether everything is equal.
    pub equal: bool,
}

/// Both sides of every symbol that either has.
pub fn compare(database: &Totals, lake: &Totals, sums: usize) -> Vec<Reconciled> {
    let none = Side { sums: vec![None; sums], ..Side::default() };
    let symbols: BTreeSet<&String> = database.keys().chain(lake.keys()).collect();
    symbols
        .into_iter()
        .map(|by| {
            let side = |totals: &Totals| totals.get(by).unwrap_or(&none).clone();
            let (database, lake) = (side(database), side(lake));
            Reconciled { by: by.clone(), equal: database == lake, database, lake }
        })
        .collect()
}

/// What the published table holds of a migration: the rows whose key has the migration's constants.
pub async fn lake_content(lake: &dyn Lake, contract: &Contract, mapping: &DatasetMapping) -> Result<Content> {
    let mut ledger = Ledger::new(Compared::new(mapping, contract));
    each_batch(lake, contract, mapping, &mut |batch, ours| ledger.add_batch(batch, ours)).await?;
    Ok(ledger.finish())
}

/// The keys that differ, at most so many.
pub async fn differences(
    lake: &dyn Lake,
    source: &Source<'_>,
    database: &Content,
    in_lake: &Content,
    most: usize,
) -> Result<Vec<Difference>> {
    let compared = Compared::new(source.mapping, source.contract);
    let Some(mut found) = Differences::between(compared, database, in_lake) else { return Ok(Vec::new()) };
    each_batch(lake, source.contract, source.mapping, &mut |batch, ours| found.add_batch(batch, ours))
        .await?;
    found.named(source, most).await
}

/// The table's files, one at a time: memory does not grow with the table. Beside each, which of its rows are the migration's.
async fn each_batch(
    lake: &dyn Lake,
    contract: &Contract,
    mapping: &DatasetMapping,
    take: &mut dyn FnMut(&RecordBatch, &[bool]) -> Result<()>,
) -> Result<()> {
    let constants = mapping.constant_key(contract);
    let table = Published::new(lake, contract);
    let mut parts = table.scan_all(&table.columns()).await?;
    while let Some((stored, batch)) = parts.try_next().await? {
        let mut ours = vec![true; batch.num_rows()];
        for (column, wanted) in &constants {
            for (ours, found) in ours.iter_mut().zip(texts(&batch, column)?) {
                *ours &= found.as_deref() == Some(wanted);
            }
        }
        take(&batch, &ours).with_context(|| stored.key.clone())?;
    }
    Ok(())
}

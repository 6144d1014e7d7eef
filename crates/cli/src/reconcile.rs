//! The lake's side of a reconciliation, and both sides beside each other.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_core::ports::Lake;
use quotelake_core::table::parquet_file;
use quotelake_core::{Context as _, Contract, Decimal, Error, ObjectKey, Result, Zone};
use quotelake_migrate::{DatasetMapping, Side, Totals};
use serde::Serialize;

use crate::tables::{dates, decimals, texts};

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
pub async fn lake_totals(lake: &dyn Lake, contract: &Contract, mapping: &DatasetMapping) -> Result<Totals> {
    let constants = mapping.constant_key(contract);
    let mut sums: BTreeMap<String, Adding> = BTreeMap::new();
    // One file at a time: memory does not grow with the table.
    for meta in lake.list(&ObjectKey::dataset_prefix(Zone::Bronze, &contract.name)).await? {
        let bytes = lake.get(&meta.key).await?.bytes;
        let batch = parquet_file::read(contract, bytes).with_context(|| meta.key.clone())?;
        let mut ours = vec![true; batch.num_rows()];
        for (column, wanted) in &constants {
            for (ours, found) in ours.iter_mut().zip(texts(&batch, column)?) {
                *ours &= found.as_deref() == Some(wanted);
            }
        }
        let by = texts(&batch, &mapping.reconcile.by)?;
        let date = dates(&batch, &mapping.reconcile.date)?;
        let numbers = mapping
            .reconcile
            .sum
            .iter()
            .map(|column| decimals(&batch, column))
            .collect::<Result<Vec<_>>>()?;
        for row in (0..batch.num_rows()).filter(|row| ours[*row]) {
            let symbol = by[row].as_deref().unwrap_or_default();
            if !sums.contains_key(symbol) {
                sums.insert(
                    symbol.to_owned(),
                    Adding { sums: vec![None; numbers.len()], ..Adding::default() },
                );
            }
            let Some(adding) = sums.get_mut(symbol) else { continue };
            adding.rows += 1;
            if let Some(date) = date[row] {
                adding.first = Some(adding.first.map_or(date, |known| known.min(date)));
                adding.last = adding.last.max(Some(date));
            }
            for (sum, (values, scale)) in adding.sums.iter_mut().zip(&numbers) {
                if let Some(value) = values[row] {
                    let (known, _) = sum.unwrap_or((0, *scale));
                    let total = known.checked_add(value).ok_or_else(|| {
                        Error::new(quotelake_core::ErrorKind::Unsupported, "a sum has more than 38 digits")
                    })?;
                    *sum = Some((total, *scale));
                }
            }
        }
    }
    Ok(sums.into_iter().map(|(symbol, adding)| (symbol, adding.into())).collect())
}

#[derive(Debug, Default)]
struct Adding {
    rows: u64,
    first: Option<chrono::NaiveDate>,
    last: Option<chrono::NaiveDate>,
    /// Each with its scale.
    sums: Vec<Option<(i128, u8)>>,
}

impl From<Adding> for Side {
    fn from(adding: Adding) -> Self {
        Self {
            rows: adding.rows,
            first: adding.first.map(|date| date.to_string()),
            last: adding.last.map(|date| date.to_string()),
            sums: adding
                .sums
                .into_iter()
                .map(|sum| sum.map(|(value, scale)| Decimal::new(value, scale).to_string()))
                .collect(),
        }
    }
}

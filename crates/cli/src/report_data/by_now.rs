//! Whether a good row of a refused one's business key is published by now.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::TryStreamExt as _;
use quotelake_check::QuarantinedRow;
use quotelake_contract::{ColumnType, Contract, Contracts};
use quotelake_core::ports::Lake;
use quotelake_core::{Error, Finding, Result};
use quotelake_table::{Published, RowDecoder};

use super::rows::fields;
use crate::tables::table_read;

/// A row's values of the columns of the business key.
type Key = Vec<String>;

/// For each row whether its table has a row of its key; `None` where the key cannot be read, or where there is none.
///
/// Each table with such rows is read once, the columns of its key. One that cannot be read is added to `unreadable`.
pub async fn good_by_now(
    lake: &dyn Lake,
    contracts: &Contracts,
    rows: &[&QuarantinedRow],
    unreadable: &mut Vec<Finding>,
) -> Result<Vec<Option<bool>>> {
    let mut of_tables: BTreeMap<&str, Vec<(usize, Key)>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(contract) = contracts.get(&row.dataset).ok().map(|dataset| &dataset.contract)
            && let Some(key) = key_of(contract, row)
        {
            of_tables.entry(&row.dataset).or_default().push((at, key));
        }
    }
    let mut found = vec![None; rows.len()];
    for (name, keys) in of_tables {
        let contract = &contracts.get(name)?.contract;
        let read = published(lake, contract, keys.iter().map(|(_, key)| key)).await;
        let Some(there) = table_read(read, contract, unreadable)? else { continue };
        for (at, key) in keys {
            found[at] = Some(there.contains(&key));
        }
    }
    Ok(found)
}

/// The key of a row, read as the check reads it; the rest of the row may be wrong.
fn key_of(contract: &Arc<Contract>, row: &QuarantinedRow) -> Option<Key> {
    if contract.key.is_empty() {
        return None;
    }
    let fields = fields(row);
    // A contract's derived columns are made of others: these go with the key.
    let columns = contract.key.iter().flat_map(|at| {
        let column = &contract.columns[*at];
        column.derivation.as_ref().map(|from| from.from()).into_iter().chain([*at])
    });
    let pairs = columns.filter_map(|at| fields.get_key_value(&contract.columns[at].name));
    let line = serde_json::to_string(&pairs.collect::<BTreeMap<_, _>>()).ok()?;
    let mut decoder = RowDecoder::new(Arc::clone(contract));
    decoder.push(&line).ok()?;
    keys(contract, &decoder.take_batch().ok()?).ok()?.value(0)
}

/// Which of these keys are in the table.
async fn published<'k>(
    lake: &dyn Lake,
    contract: &Contract,
    wanted: impl Iterator<Item = &'k Key>,
) -> Result<HashSet<Key>> {
    let wanted: HashSet<&Key> = wanted.collect();
    let columns: Vec<&str> = contract.key.iter().map(|at| contract.columns[*at].name.as_str()).collect();
    // Most rows are told apart by one column, without putting a key together.
    let of_column: Vec<HashSet<&str>> =
        (0..columns.len()).map(|at| wanted.iter().map(|key| key[at].as_str()).collect()).collect();
    let mut there = HashSet::new();
    let mut parts = Published::new(lake, contract).scan_all(&columns).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        let keys = keys(contract, &batch)?;
        for row in 0..batch.num_rows() {
            if keys.is_among(row, &of_column)
                && let Some(key) = keys.value(row).filter(|key| wanted.contains(key))
            {
                there.insert(key);
            }
        }
    }
    Ok(there)
}

/// The columns of a batch's keys, as texts.
struct Keys(Vec<ArrayRef>);

fn keys(contract: &Contract, batch: &RecordBatch) -> Result<Keys> {
    let columns = contract.key.iter().map(|at| {
        let column = &contract.columns[*at];
        let values = batch.column_by_name(&column.name);
        let values = values.ok_or_else(|| Error::bug(format!("a scan lacks column {}", column.name)))?;
        // An instant is its count of milliseconds, however its zone is called.
        let plain = match column.ty {
            ColumnType::Timestamp => cast(values, &DataType::Int64)?,
            _ => Arc::clone(values),
        };
        Ok(cast(&plain, &DataType::Utf8)?)
    });
    Ok(Keys(columns.collect::<Result<_>>()?))
}

impl Keys {
    /// A row's key; `None` where a value is missing.
    fn value(&self, row: usize) -> Option<Key> {
        let text =
            |column: &ArrayRef| column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned());
        self.0.iter().map(text).collect()
    }

    fn is_among(&self, row: usize, wanted: &[HashSet<&str>]) -> bool {
        let has = |(column, wanted): (&ArrayRef, &HashSet<&str>)| {
            column.is_valid(row) && wanted.contains(column.as_string::<i32>().value(row))
        };
        self.0.iter().zip(wanted).rev().all(has)
    }
}

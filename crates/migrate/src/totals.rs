//! One side of a reconciliation: what the database holds, by symbol.

use std::collections::BTreeMap;

use quotelake_core::{Decimal, Error, Result};
use serde::Serialize;

use crate::database::failed;
use crate::mapping::DatasetMapping;
use crate::table::Table;
use crate::{Snapshot, mapping::Reconcile};

/// Totals by symbol, or by whatever the mapping counts by. A row without a symbol is under an empty text.
pub type Totals = BTreeMap<String, Side>;

/// What one side holds of one symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Rows.
    pub rows: u64,
    /// First date, `YYYY-MM-DD`.
    pub first: Option<String>,
    /// Last date.
    pub last: Option<String>,
    /// Sums in the mapping's order: exact decimals in their shortest form, or what the database says where it is none, `NaN`.
    /// None where every value is missing.
    pub sums: Vec<Option<String>>,
}

/// What the snapshot holds.
pub async fn totals(snapshot: &Snapshot, mapping: &DatasetMapping) -> Result<Totals> {
    let Reconcile { by, date, sum } = &mapping.reconcile;
    let client = snapshot.holder();
    let table = Table::look(client, mapping).await?;
    let sums = sum.iter().map(|name| mapping.source_column(name)).collect::<Result<Vec<_>>>()?;
    let sql = table.totals_sql(mapping.source_column(by)?, mapping.source_column(date)?, &sums);
    let rows = client.query(&sql, &[]).await.map_err(|e| failed("adding up the table", e))?;
    let mut totals = Totals::new();
    for row in rows {
        let text =
            |index: usize| row.try_get::<_, Option<String>>(index).map_err(|e| failed("reading totals", e));
        let count: i64 = row.try_get(1).map_err(|e| failed("reading totals", e))?;
        let side = Side {
            rows: u64::try_from(count).map_err(|_| Error::bug("a count below zero"))?,
            first: text(2)?,
            last: text(3)?,
            sums: (0..sums.len()).map(|at| Ok(text(4 + at)?.map(shortest))).collect::<Result<_>>()?,
        };
        totals.insert(text(0)?.unwrap_or_default(), side);
    }
    Ok(totals)
}

/// `12.500` as `12.5`: both sides write a number alike.
fn shortest(number: String) -> String {
    number.parse::<Decimal>().map_or(number, |decimal| decimal.to_string())
}

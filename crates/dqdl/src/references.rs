//! Named tables that rules compare the primary data set with.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit};

use crate::column::{Measure, is_text};

/// Reference tables by the alias that rules use, for instance `symbols` in
/// `ReferentialIntegrity "symbol" "symbols.symbol" = 1.0`.
///
/// A rule whose table is not here is an ERROR.
#[derive(Debug, Clone, Default)]
pub struct References {
    tables: BTreeMap<String, Arc<[RecordBatch]>>,
}

impl References {
    /// Adds a table. It needs at least one batch (of no rows, if need be), which has its schema.
    pub fn insert(&mut self, alias: impl Into<String>, batches: Vec<RecordBatch>) {
        self.tables.insert(alias.into(), batches.into());
    }

    /// The aliases, sorted.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The batches of a table.
    pub(crate) fn table(&self, alias: &str) -> Result<&[RecordBatch], String> {
        self.tables
            .get(alias)
            .map(AsRef::as_ref)
            .ok_or_else(|| format!("there is no reference table {alias}"))
    }

    pub(crate) fn schema(&self, alias: &str) -> Result<SchemaRef, String> {
        let first = self.table(alias)?.first();
        first.map(RecordBatch::schema).ok_or_else(|| format!("reference table {alias} has no schema"))
    }

    pub(crate) fn rows(&self, alias: &str) -> Result<usize, String> {
        Ok(self.table(alias)?.iter().map(RecordBatch::num_rows).sum())
    }
}

/// What two columns must be cast to before their values can be the same key; `None` when nothing has to be done.
pub(crate) fn common_type(left: &DataType, right: &DataType) -> Result<Option<DataType>, String> {
    if left == right || (is_text(left) && is_text(right)) {
        return Ok(None);
    }
    let wrong = || format!("{left} cannot be compared with {right}");
    Ok(Some(match (Measure::of(left), Measure::of(right)) {
        (Some(Measure::Decimal { scale: a }), Some(Measure::Decimal { scale: b })) => {
            DataType::Decimal128(38, i8::try_from(a.max(b)).map_err(|_| wrong())?)
        }
        (Some(a), Some(b)) if a.is_number() && b.is_number() => DataType::Float64,
        (Some(Measure::Instant { unit_nanos: a }), Some(Measure::Instant { unit_nanos: b })) => {
            let unit = match a.min(b) {
                1 => TimeUnit::Nanosecond,
                1_000 => TimeUnit::Microsecond,
                1_000_000 => TimeUnit::Millisecond,
                _ => TimeUnit::Second,
            };
            DataType::Timestamp(unit, Some("+00:00".into()))
        }
        _ => return Err(wrong()),
    }))
}

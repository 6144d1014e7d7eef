//! Columns that are made of others.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringArray};
use arrow::datatypes::{Date32Type, TimestampMillisecondType};

use crate::contract::{Column, Derivation};
use crate::time::{date_from_days, instant_from_ms, utc_days};
use crate::{Error, Result};

/// A derived column's values.
pub(super) fn derive(derivation: &Derivation, columns: &[ArrayRef], column: &Column) -> Result<ArrayRef> {
    let source = &columns[derivation.from()];
    Ok(match derivation {
        Derivation::Copy { .. } => Arc::clone(source),
        Derivation::UtcDate { .. } => {
            let instants =
                source.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(|| not_a_time(column))?;
            Arc::new(instants.unary::<_, Date32Type>(utc_days)) as ArrayRef
        }
        Derivation::Format { format, .. } => {
            let texts =
                (0..source.len()).map(|row| format_time(source, row, format)).collect::<Result<Vec<_>>>()?;
            Arc::new(StringArray::from(texts))
        }
    })
}

/// A date or instant as text, `None` where it is missing.
pub(in crate::table) fn format_time(source: &ArrayRef, row: usize, format: &str) -> Result<Option<String>> {
    if source.is_null(row) {
        return Ok(None);
    }
    if let Some(dates) = source.as_any().downcast_ref::<Date32Array>() {
        let date = date_from_days(dates.value(row))
            .ok_or_else(|| Error::invalid("a date is outside the calendar"))?;
        return Ok(Some(date.format(format).to_string()));
    }
    let instants = source
        .as_primitive_opt::<TimestampMillisecondType>()
        .ok_or_else(|| Error::bug("only a date or an instant can be formatted"))?;
    Ok(Some(instant_from_ms(instants.value(row))?.format(format).to_string()))
}

fn not_a_time(column: &Column) -> Error {
    Error::bug(format!("column {:?} is derived from a column that is no instant", column.name))
}

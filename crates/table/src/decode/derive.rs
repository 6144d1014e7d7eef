//! Columns that a contract derives from another column: a copy, the date of an instant in a zone, a text by `strftime`.
//! Computed once a batch, after its lines were read. `partition` writes its values of dates and instants by the same
//! [`format_time`].

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{Date32Type, TimestampMillisecondType};
use chrono::TimeZone as _;
use chrono_tz::Tz;

use crate::arrow_type;
use quotelake_contract::{Column, ColumnType, Derivation};
use quotelake_core::time::{date_from_days, days_since_epoch, instant_from_ms, utc_days};
use quotelake_core::{Error, Result};

/// A derived column's values.
pub(super) fn derive(derivation: &Derivation, columns: &[ArrayRef], column: &Column) -> Result<ArrayRef> {
    let source = &columns[derivation.from()];
    let derived = match derivation {
        Derivation::Copy { .. } => Arc::clone(source),
        Derivation::Date { zone, .. } => {
            let instants =
                source.as_primitive_opt::<TimestampMillisecondType>().ok_or_else(|| not_a_time(column))?;
            Arc::new(match zone {
                None => instants.unary::<_, Date32Type>(utc_days),
                Some(zone) => instants.unary::<_, Date32Type>(|ms| local_days(ms, *zone)),
            }) as ArrayRef
        }
        Derivation::Format { format, zone, .. } => {
            let texts = (0..source.len())
                .map(|row| format_time(source, row, format, *zone))
                .collect::<Result<Vec<_>>>()?;
            Arc::new(StringArray::from(texts))
        }
    };
    // Texts are coded as their column says.
    let wanted = arrow_type(column.ty, column.dictionary);
    match column.ty {
        ColumnType::String if *derived.data_type() != wanted => Ok(cast(&derived, &wanted)?),
        _ => Ok(derived),
    }
}

/// The date that a zone's calendars show at an instant, as a day count; UTC's outside the calendar.
fn local_days(ms: i64, zone: Tz) -> i32 {
    match instant_from_ms(ms) {
        Ok(instant) => days_since_epoch(zone.from_utc_datetime(&instant.naive_utc()).date_naive()),
        Err(_) => utc_days(ms),
    }
}

/// A date, or an instant in a zone (UTC where there is none), as text; `None` where it is missing.
pub(crate) fn format_time(
    source: &ArrayRef,
    row: usize,
    format: &str,
    zone: Option<Tz>,
) -> Result<Option<String>> {
    if source.is_null(row) {
        return Ok(None);
    }
    if let Some(dates) = source.as_any().downcast_ref::<Date32Array>() {
        let date = date_from_days(dates.value(row))
            .ok_or_else(|| Error::invalid("a date is outside the calendar"))?;
        return written(date.format(format));
    }
    let instants = source
        .as_primitive_opt::<TimestampMillisecondType>()
        .ok_or_else(|| Error::bug("only a date or an instant can be formatted"))?;
    let instant = instant_from_ms(instants.value(row))?;
    let local = match zone {
        Some(zone) => zone.from_utc_datetime(&instant.naive_utc()).naive_local(),
        None => instant.naive_utc(),
    };
    written(local.format(format))
}

/// A format that a moment cannot be written in is an error, where `to_string` would panic.
fn written(moment: impl std::fmt::Display) -> Result<Option<String>> {
    let mut text = String::new();
    write!(text, "{moment}")
        .map_err(|e| Error::config("a strftime format does not fit its column").with_source(e))?;
    Ok(Some(text))
}

fn not_a_time(column: &Column) -> Error {
    Error::bug(format!("column {:?} is derived from a column that is no instant", column.name))
}

//! Arguments of functions, read as what a function wants, and results made of rows.

use std::borrow::Cow;

use arrow::array::StringArray;
use arrow::buffer::BooleanBuffer;

use super::super::cast::{collect, text_of_row, truncated};
use super::super::texts_to_numbers;
use super::super::value::{Truth, Value, parse_date, parse_instant};
use crate::column::{DAY_NANOS, Numbers, Texts, Values};

/// The text of every row, as `cast(... as string)` spells it.
pub(super) fn texts(value: &Value) -> Vec<Option<Cow<'_, str>>> {
    match value {
        Value::Texts(texts) => texts.to_vec().into_iter().map(|text| text.map(Cow::Borrowed)).collect(),
        other => (0..other.len()).map(|row| text_of_row(other, row).map(Cow::Owned)).collect(),
    }
}

/// Every row as a number; a text is read as one.
pub(super) fn numbers(value: &Value) -> Result<Numbers, String> {
    match value {
        Value::Numbers(numbers) => Ok(numbers.clone()),
        Value::Texts(texts) => Ok(texts_to_numbers::numbers(texts)),
        Value::Null(len) => Ok(Numbers {
            values: Values::I64(vec![0; *len].into()),
            scale: 0,
            valid: Some(BooleanBuffer::new_unset(*len)),
        }),
        other => Err(format!("{} is not a number", other.kind())),
    }
}

/// Every row as a whole number, cut off.
pub(super) fn wholes(value: &Value) -> Result<Vec<Option<i64>>, String> {
    let numbers = truncated(&numbers(value)?);
    (0..numbers.len())
        .map(|row| match &numbers.values {
            Values::I128(values) if numbers.is_valid(row) => {
                i64::try_from(values[row]).map(Some).map_err(|_| "a number is out of range".to_owned())
            }
            _ => Ok(None),
        })
        .collect()
}

/// Every row as floating point.
pub(super) fn floats(value: &Value) -> Result<Vec<Option<f64>>, String> {
    let numbers = numbers(value)?;
    let rows = numbers.to_f64().into_iter().enumerate();
    Ok(rows.map(|(row, value)| numbers.is_valid(row).then_some(value)).collect())
}

/// Every row in nanoseconds since 1970-01-01 UTC; a text is read as a date or a timestamp.
pub(super) fn instants(value: &Value) -> Result<Vec<Option<i128>>, String> {
    match value {
        Value::Null(len) => Ok(vec![None; *len]),
        Value::Texts(texts) => {
            let read = |text: &str| {
                parse_instant(text).or_else(|| Some(i128::from(parse_date(text)?) * i128::from(DAY_NANOS)))
            };
            Ok(texts.to_vec().into_iter().map(|text| text.and_then(read)).collect())
        }
        Value::Instants { raw, unit_nanos } => {
            let nanos = raw.to_i128(i128::from(*unit_nanos))?.into_iter().enumerate();
            Ok(nanos.map(|(row, nanos)| raw.is_valid(row).then_some(nanos)).collect())
        }
        other => Err(format!("{} is not a date or timestamp", other.kind())),
    }
}

/// Every row as a day since 1970-01-01.
pub(super) fn days(value: &Value) -> Result<Vec<Option<i64>>, String> {
    let day = |nanos: i128| i64::try_from(nanos.div_euclid(i128::from(DAY_NANOS))).ok();
    Ok(instants(value)?.into_iter().map(|nanos| nanos.and_then(day)).collect())
}

pub(super) fn of_texts(rows: impl Iterator<Item = Option<String>>) -> Value {
    Value::Texts(Texts::Plain(rows.collect::<StringArray>()))
}

pub(super) fn of_wholes(rows: impl Iterator<Item = Option<i64>>) -> Value {
    Value::Numbers(collect(rows.map(|row| row.map(i128::from))))
}

pub(super) fn of_floats(rows: impl Iterator<Item = Option<f64>>) -> Value {
    let rows: Vec<Option<f64>> = rows.map(|row| row.filter(|value| !value.is_nan())).collect();
    let valid = BooleanBuffer::collect_bool(rows.len(), |row| rows[row].is_some());
    let values = Values::F64(rows.into_iter().map(Option::unwrap_or_default).collect());
    Value::Numbers(Numbers { values, scale: 0, valid: Some(valid) })
}

pub(super) fn of_days(rows: impl Iterator<Item = Option<i64>>) -> Value {
    Value::Instants { raw: collect(rows.map(|row| row.map(i128::from))), unit_nanos: DAY_NANOS }
}

pub(super) fn of_nanos(rows: impl Iterator<Item = Option<i128>>) -> Value {
    Value::Instants { raw: collect(rows), unit_nanos: 1 }
}

pub(super) fn of_truths(rows: impl Iterator<Item = Option<bool>>) -> Value {
    let rows: Vec<Option<bool>> = rows.collect();
    let bits = |wanted| BooleanBuffer::collect_bool(rows.len(), |row| rows[row] == Some(wanted));
    Value::Booleans(Truth { yes: bits(true), no: bits(false) })
}

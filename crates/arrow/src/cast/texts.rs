//! Values as texts.

use std::sync::Arc;

use arrow_array::builder::{Date32Builder, StringBuilder};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Date32Type;
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::{ArrowError, DataType};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::{no_pair, unfit};
use crate::display::spelling;

/// Texts of any layout as they are; truth values, numbers, dates, instants and times of day as `display` spells them.
pub(super) fn texts(array: &dyn Array) -> Result<StringArray, ArrowError> {
    let plain = |bytes: usize| match i32::try_from(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(ArrowError::CastError(format!("{bytes} bytes of texts are more than Utf8 holds"))),
    };
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        DataType::LargeUtf8 => {
            let texts = array.as_string::<i64>();
            plain(texts.iter().flatten().map(str::len).sum())?;
            Ok(texts.iter().collect())
        }
        DataType::Utf8View => {
            let texts = array.as_string_view();
            plain(texts.iter().flatten().map(str::len).sum())?;
            Ok(texts.iter().collect())
        }
        ty if *ty == DataType::Boolean || ty.is_primitive() => {
            let spelled = spelling(array)?;
            let mut texts = StringBuilder::new();
            for row in 0..array.len() {
                if array.is_null(row) {
                    texts.append_null();
                } else {
                    spelled(row, &mut texts)?;
                    texts.append_value("");
                }
            }
            Ok(texts.finish())
        }
        other => Err(no_pair(other, &DataType::Utf8)),
    }
}

/// Dates that texts say; NULL, or an error, for a text that says none.
pub(super) fn days(array: &dyn Array, safe: bool) -> Result<ArrayRef, ArrowError> {
    let mut days = Date32Builder::with_capacity(array.len());
    for text in &texts(array)? {
        match (text, text.and_then(date)) {
            (Some(text), None) if !safe => return Err(unfit(text, &DataType::Date32)),
            (_, date) => days.append_option(date.map(Date32Type::from_naive_date)),
        }
    }
    Ok(Arc::new(days.finish()))
}

/// The date of `2026-11-20`, `2026-1-2` or `20261120`, or of an instant, in UTC where it has an offset.
fn date(text: &str) -> Option<NaiveDate> {
    if text.starts_with(['+', '-']) {
        return NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    }
    if text.len() > 10 {
        let instant = text.replacen(' ', "T", 1);
        return match DateTime::parse_from_rfc3339(&instant) {
            Ok(instant) => Some(instant.to_utc().date_naive()),
            Err(_) => {
                NaiveDateTime::parse_from_str(&instant, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|local| local.date())
            }
        };
    }
    let number = |digits: &str| -> Option<u32> {
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    if text.len() == 8 && !text.contains('-') && text.is_ascii() {
        return NaiveDate::from_ymd_opt(
            number(&text[..4])?.try_into().ok()?,
            number(&text[4..6])?,
            number(&text[6..])?,
        );
    }
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let are_lengths = year.len() == 4 && (1..=2).contains(&month.len()) && (1..=2).contains(&day.len());
    if !are_lengths || parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(number(year)?.try_into().ok()?, number(month)?, number(day)?)
}

//! One value of a line, by its column's type.

use crate::columns::{Aside, Slot};
use crate::row_fault::shown;
use quotelake_contract::cell::read_iso_instant;
use quotelake_contract::{Column, ColumnType};
use quotelake_core::time::{parse_date, parse_instant};
use quotelake_core::{DecimalError, parse_scaled, without_float_noise};
use quotelake_landing::{Raw, unescape};

/// The value of a column, or what is wrong with it, in words.
#[inline]
pub(super) fn convert(column: &Column, raw: Raw<'_>, line: &str, aside: &mut Aside) -> Result<Slot, String> {
    if raw == Raw::Null {
        return Ok(Slot::Null);
    }
    match column.ty {
        ColumnType::String => match raw {
            Raw::Text(text) => Ok(span(line, text, aside)),
            Raw::Escaped(quoted) => Ok(kept(unescape(quoted)?, aside)),
            other => Err(format!("{} is not text", shown(other))),
        },
        ColumnType::Int => counted(raw, 10, column).and_then(|n| {
            i32::try_from(n)
                .map(|n| Slot::Int(i64::from(n)))
                .map_err(|_| format!("{} is out of range for int", shown(raw)))
        }),
        ColumnType::Bigint => counted(raw, 19, column).and_then(|n| {
            i64::try_from(n).map(Slot::Int).map_err(|_| format!("{} is out of range for bigint", shown(raw)))
        }),
        ColumnType::Decimal { precision, scale } => {
            let value = scaled(raw, precision, scale as i8, column)?;
            if precision <= 18 {
                return Ok(Slot::Int(value as i64));
            }
            aside.wide.push(value);
            // A line has fewer fields than that.
            Ok(Slot::Wide(aside.wide.len() as u32 - 1))
        }
        ColumnType::Double => {
            let text = literal(raw)?;
            match text.parse::<f64>() {
                Ok(value)
                    if value.is_finite()
                        && text.bytes().all(|b| !b.is_ascii_alphabetic() || b == b'e' || b == b'E') =>
                {
                    Ok(Slot::Float(value))
                }
                _ => Err(format!("{} is not a finite number", shown(raw))),
            }
        }
        ColumnType::Date => match raw {
            Raw::Text(text) => parse_date(text.as_bytes())
                .map(|days| Slot::Int(i64::from(days)))
                .ok_or_else(|| format!("{} is not a date (YYYY-MM-DD)", shown(raw))),
            other => Err(format!("{} is not a date (YYYY-MM-DD)", shown(other))),
        },
        ColumnType::Timestamp => instant(column, raw).map(Slot::Int),
        ColumnType::Boolean => match raw {
            Raw::Bool(value) => Ok(Slot::Bool(value)),
            Raw::Text(text) if text.eq_ignore_ascii_case("true") => Ok(Slot::Bool(true)),
            Raw::Text(text) if text.eq_ignore_ascii_case("false") => Ok(Slot::Bool(false)),
            other => Err(format!("{} is neither true nor false", shown(other))),
        },
    }
}

#[inline]
fn span(line: &str, text: &str, aside: &mut Aside) -> Slot {
    let start = text.as_ptr() as usize - line.as_ptr() as usize;
    match (u32::try_from(start), u32::try_from(start + text.len())) {
        (Ok(start), Ok(end)) => Slot::Span(start, end),
        _ => kept(text.to_owned(), aside),
    }
}

/// Keeps a text that is not the line's own.
fn kept(text: String, aside: &mut Aside) -> Slot {
    aside.unescaped.push(text);
    // A line has fewer fields than that.
    Slot::Unescaped(aside.unescaped.len() as u32 - 1)
}

/// A number's literal: bare, or as text that holds nothing else.
fn literal<'a>(raw: Raw<'a>) -> Result<&'a str, String> {
    match raw {
        Raw::Number(text) | Raw::Text(text) => Ok(text),
        other => Err(format!("{} is not a number", shown(other))),
    }
}

#[inline]
fn scaled(raw: Raw<'_>, precision: u8, scale: i8, column: &Column) -> Result<i128, String> {
    let literal = literal(raw)?;
    let shorter = if column.drops_float_noise { without_float_noise(literal) } else { None };
    let literal = shorter.as_deref().unwrap_or(literal);
    parse_scaled(literal.as_bytes(), precision, scale).map_err(|error| match error {
        DecimalError::NotANumber => format!("{} {error}", shown(raw)),
        _ => format!("{} {error} ({})", shown(raw), column.ty),
    })
}

/// A whole number. As text it has no exponent: a program that writes one has rounded the number away.
fn counted(raw: Raw<'_>, precision: u8, column: &Column) -> Result<i128, String> {
    if let Raw::Text(text) = raw
        && text.contains(['e', 'E'])
        && parse_scaled(text.as_bytes(), 38, 0).is_ok()
    {
        return Err(format!("{} has an exponent: its last digits may be lost ({})", shown(raw), column.ty));
    }
    scaled(raw, precision, 0, column)
}

fn instant(column: &Column, raw: Raw<'_>) -> Result<i64, String> {
    if let Some(epoch) = column.epoch {
        let count = counted(raw, 19, column)?;
        let count = i64::try_from(count).map_err(|_| format!("{} is out of range", shown(raw)))?;
        return epoch.ms(count).ok_or_else(|| format!("{} {}", shown(raw), epoch.fault(count)));
    }
    let Raw::Text(text) = raw else { return Err(format!("{} is not an instant", shown(raw))) };
    match parse_instant(text.as_bytes()) {
        Some(ms) => Ok(ms),
        None => read_iso_instant(text, column.zone).map_err(|fault| format!("{} {fault}", shown(raw))),
    }
}

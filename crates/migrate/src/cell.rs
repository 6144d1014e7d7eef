//! Values that people wrote, in text columns of a table, by the contract's formats. The formats hold for texts only: a
//! `numeric` needs none, and `1.234` of one is never a thousand.

use std::borrow::Cow;

use chrono::{Datelike as _, NaiveDate};
use quotelake_core::contract::{ColumnType, NumberFormat};
use quotelake_core::{Column, Contract};

/// Whether the contract asks for nothing but plain numbers and ISO dates in a column: then a text goes on as it is.
pub(crate) fn is_plain(contract: &Contract, column: &Column) -> bool {
    match column.ty {
        ColumnType::String | ColumnType::Boolean => true,
        ColumnType::Int | ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal { .. } => {
            contract.number_format == NumberFormat::Plain
        }
        ColumnType::Date => column.date_format.is_none(),
        ColumnType::Timestamp => column.zone.is_none(),
    }
}

/// A text as the plain value that it stands for, none where it is a date that stands for a missing one, or why it is no value in
/// the contract's format.
pub(crate) fn read<'t>(
    contract: &Contract,
    column: &Column,
    text: &'t str,
) -> Result<Option<Cow<'t, str>>, String> {
    let plain = plain(contract, column, text)?;
    let missing = column.placeholder_dates.iter().any(|date| *date == plain);
    Ok((!missing).then_some(plain))
}

fn plain<'t>(contract: &Contract, column: &Column, text: &'t str) -> Result<Cow<'t, str>, String> {
    match column.ty {
        ColumnType::Int | ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal { .. } => {
            match contract.number_format {
                NumberFormat::Plain => Ok(Cow::Borrowed(text)),
                NumberFormat::PtBr => {
                    pt_br(text).map(Cow::Owned).ok_or_else(|| "is no number in pt-BR".to_owned())
                }
            }
        }
        ColumnType::Date => match &column.date_format {
            None => Ok(Cow::Borrowed(text)),
            Some(format) => match NaiveDate::parse_from_str(text, format) {
                // `25` where `2025` is meant would be a date in antiquity.
                Ok(date) if (1000..=9999).contains(&date.year()) => Ok(Cow::Owned(date.to_string())),
                _ => Err(format!("is no date in the format {format}")),
            },
        },
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// `1.234,56` to `1234.56`. `None` where dots do not stand between groups of three digits.
fn pt_br(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once(',') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let sound = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let groups: Vec<&str> = whole.split('.').collect();
    let grouped = groups.len() == 1
        || groups[0].len() <= 3 && groups[0] != "0" && groups[1..].iter().all(|group| group.len() == 3);
    if !grouped || !groups.iter().all(|group| sound(group)) || fraction.is_some_and(|digits| !sound(digits)) {
        return None;
    }
    let fraction = fraction.map(|digits| format!(".{digits}")).unwrap_or_default();
    Some(format!("{sign}{}{fraction}", groups.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_dots_between_thousands() {
        for (text, plain) in [
            ("1.234,56", Some("1234.56")),
            ("-0,5", Some("-0.5")),
            ("12", Some("12")),
            ("1.234.567", Some("1234567")),
            ("12.34", None),
            ("0.125", None),
            ("1234.567,1", None),
            (",5", None),
            ("5,", None),
        ] {
            assert_eq!(pt_br(text).as_deref(), plain, "{text}");
        }
    }
}

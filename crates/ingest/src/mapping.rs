//! One record to one landing line, by the header and the contract.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{Datelike as _, NaiveDate};
use quotelake_core::contract::{ColumnType, NumberFormat, TextEncoding};
use quotelake_core::table::IngestFault;
use quotelake_core::{Column, Contract, Error, Result};

use crate::records::Record;

/// What each field of a file is.
#[derive(Debug)]
pub(crate) struct Mapping<'c> {
    contract: &'c Contract,
    /// The column of each field, and its name as the line spells it: `,"order_id":`.
    columns: Vec<(&'c Column, String)>,
    /// `{"dataset":"orders"`
    beginning: String,
}

type RowProblem = (&'static str, String);

impl<'c> Mapping<'c> {
    /// Reads a header. `InvalidInput` when it does not name exactly the contract's columns, in any order.
    pub(crate) fn new(contract: &'c Contract, header: &Record<'_>) -> Result<Self> {
        let columns = match_header(contract, header)?;
        let columns = columns.into_iter().map(|column| (column, format!(",\"{}\":", column.name))).collect();
        // A dataset's name is snake_case, and so is a column's: neither needs escaping.
        Ok(Self { contract, columns, beginning: format!("{{\"dataset\":\"{}\"", contract.name) })
    }

    /// Writes a record's line, newline-ended. One that cannot be read goes on as it stood, with the reason: then the answer
    /// is false.
    pub(crate) fn write_line(&self, record: &Record<'_>, lines: &mut Vec<u8>) -> Result<bool> {
        let start = lines.len();
        let readable = match self.write_fields(record, lines) {
            Ok(()) => true,
            Err((reason, detail)) => {
                lines.truncate(start);
                let raw = decode_lossy(self.contract.csv_encoding, record.raw).into_owned();
                let detail = format!("line {}: {detail}", record.line);
                let fault = IngestFault { reason: reason.into(), detail, raw }.to_line()?;
                serde_json::to_writer(&mut *lines, &fault)
                    .map_err(|e| Error::bug("landing line").with_source(e))?;
                false
            }
        };
        lines.push(b'\n');
        Ok(readable)
    }

    fn write_fields(&self, record: &Record<'_>, lines: &mut Vec<u8>) -> Result<(), RowProblem> {
        if record.len() != self.columns.len() {
            let detail = format!("has {} fields, the header has {}", record.len(), self.columns.len());
            return Err(("field_count", detail));
        }
        lines.extend_from_slice(self.beginning.as_bytes());
        for ((column, name), cell) in self.columns.iter().zip(record.fields()) {
            let text = decode(self.contract.csv_encoding, cell)
                .ok_or_else(|| ("invalid_utf8", format!("column {:?} is not UTF-8", column.source_name)))?;
            let text = if column.ty == ColumnType::String { text.as_ref() } else { text.trim() };
            lines.extend_from_slice(name.as_bytes());
            if is_missing(column, text) {
                lines.extend_from_slice(b"null");
                continue;
            }
            serde_json::to_writer(&mut *lines, &plain(self.contract.number_format, column, text))
                .map_err(|e| ("landing_line", e.to_string()))?;
        }
        lines.push(b'}');
        Ok(())
    }
}

/// A cell's text, `None` where it is not in the encoding.
fn decode(encoding: TextEncoding, bytes: &[u8]) -> Option<Cow<'_, str>> {
    match encoding {
        TextEncoding::Utf8 => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        TextEncoding::Iso8859_1 => Some(match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Cow::Borrowed(text),
            _ => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
        }),
    }
}

fn decode_lossy(encoding: TextEncoding, bytes: &[u8]) -> Cow<'_, str> {
    decode(encoding, bytes).unwrap_or_else(|| String::from_utf8_lossy(bytes))
}

/// The column of each field. Every column that is not derived must be there, and nothing else.
fn match_header<'c>(contract: &'c Contract, header: &Record<'_>) -> Result<Vec<&'c Column>> {
    let names: Vec<String> =
        header.fields().map(|name| decode_lossy(contract.csv_encoding, name).trim().to_owned()).collect();
    let wanted: Vec<&Column> = (0..contract.columns.len())
        .filter(|index| contract.is_in_files(*index))
        .map(|index| &contract.columns[index])
        .collect();
    let missing: Vec<&str> = wanted
        .iter()
        .map(|c| c.source_name.as_str())
        .filter(|name| !names.iter().any(|found| found == name))
        .collect();
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !wanted.iter().any(|c| c.source_name == *name))
        .collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = names.iter().map(String::as_str).filter(|name| !seen.insert(*name)).collect();
    let mut problems = Vec::new();
    for (what, names) in [("lacks", missing), ("has unknown", unknown), ("has twice", twice)] {
        if !names.is_empty() {
            problems.push(format!(
                "{what} {}",
                names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ")
            ));
        }
    }
    if !problems.is_empty() {
        return Err(Error::invalid(format!(
            "header does not fit contract {}@{}: {}; the whole file is rejected",
            contract.name,
            contract.version,
            problems.join("; ")
        )));
    }
    Ok(names.iter().filter_map(|name| wanted.iter().find(|c| c.source_name == *name).copied()).collect())
}

/// Whether a cell stands for a missing value.
fn is_missing(column: &Column, text: &str) -> bool {
    if text.is_empty() || column.null_texts.iter().any(|null| null == text) {
        return true;
    }
    if column.placeholder_dates.is_empty() {
        return false;
    }
    // Of an instant the date alone counts: `1900-01-01 00:00:00`.
    let date = text.split([' ', 'T']).next().unwrap_or(text);
    let iso = iso_date(column, text);
    column
        .placeholder_dates
        .iter()
        .any(|placeholder| placeholder == date || Some(placeholder) == iso.as_ref())
}

/// A date that is written in the column's own format, as `YYYY-MM-DD`. None for a year of fewer than four digits: `25` where
/// `2025` is meant would be a date in antiquity.
fn iso_date(column: &Column, text: &str) -> Option<String> {
    let format = column.date_format.as_deref()?;
    let date = NaiveDate::parse_from_str(text, format).ok()?;
    (1000..=9999).contains(&date.year()).then(|| date.to_string())
}

/// A number as plain digits, a date as `YYYY-MM-DD`; every other text as it is, and so one that is in no known form: `check`
/// finds that it does not fit.
fn plain<'t>(format: NumberFormat, column: &Column, text: &'t str) -> Cow<'t, str> {
    let rewritten = match column.ty {
        ColumnType::Int | ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal { .. } => {
            match format {
                NumberFormat::PtBr => pt_br(text),
                NumberFormat::Plain => None,
            }
        }
        ColumnType::Date => iso_date(column, text),
        _ => None,
    };
    rewritten.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// `1.234,56` to `1234.56`. `None` when dots do not stand between groups of three digits: then it is not this format.
fn pt_br(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = match digits.split_once(',') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut groups = whole.split('.');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let sound = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    if !sound(first) || first.is_empty() || (!rest.is_empty() && first.len() > 3) {
        return None;
    }
    if rest.iter().any(|group| group.len() != 3 || !sound(group)) {
        return None;
    }
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    Some(format!("{sign}{first}{}{fraction}", rest.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pt_br_numbers() {
        for (text, plain) in [
            ("1.234,56", Some("1234.56")),
            ("-0,5", Some("-0.5")),
            ("12", Some("12")),
            ("1.234.567", Some("1234567")),
            ("12.34", None),
            ("1234.567,1", None),
            (",5", None),
        ] {
            assert_eq!(pt_br(text).as_deref(), plain, "{text}");
        }
    }
}

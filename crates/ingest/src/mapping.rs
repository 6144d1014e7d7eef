//! One record to one landing line, by the header and the contract.

use std::borrow::Cow;

use chrono::{Datelike as _, NaiveDate};
use quotelake_core::contract::{ColumnType, NumberFormat, QuotedEmpty, TextEncoding};
use quotelake_core::table::IngestFault;
use quotelake_core::{Column, Contract, Error, Result};

use crate::outside::Outside;
use crate::records::Record;
use crate::sheet::SheetRow;

/// What each cell of a file is.
#[derive(Debug)]
pub(crate) struct Mapping<'c> {
    contract: &'c Contract,
    /// The column of each cell, and its name as the line spells it: `,"order_id":`. `None` of a cell that is left out.
    columns: Vec<Option<(&'c Column, String)>>,
    /// `{"dataset":"orders"`, and the columns from outside the file.
    beginning: String,
}

/// A row of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    /// Of text.
    Record(Record<'a>),
    /// Of a workbook.
    Sheet(&'a SheetRow),
}

impl Row<'_> {
    /// The line of the file on which it begins, from 1; of a sheet the row.
    pub(crate) fn line(&self) -> u64 {
        match self {
            Self::Record(record) => record.line,
            Self::Sheet(row) => row.line,
        }
    }

    /// Its cells as they stand there, trimmed: of a header, or to look for a footer.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::Record(record) => {
                record.cells().map(|(cell, _)| String::from_utf8_lossy(cell).trim().to_owned()).collect()
            }
            Self::Sheet(row) => row.cells.iter().map(|cell| cell.text().trim().to_owned()).collect(),
        }
    }
}

type RowProblem = (&'static str, String);

impl<'c> Mapping<'c> {
    /// Maps cells to columns, in the file's order.
    pub(crate) fn new(contract: &'c Contract, columns: Vec<Option<&'c Column>>, outside: &Outside) -> Self {
        let named = |column: &'c Column| (column, format!(",\"{}\":", column.name));
        let columns = columns.into_iter().map(|column| column.map(named)).collect();
        // A dataset's name is snake_case, and so is a column's: neither needs escaping.
        let mut beginning = format!("{{\"dataset\":\"{}\"", contract.name);
        if !outside.is_empty() {
            beginning.push(',');
            beginning.push_str(&outside.fields);
        }
        Self { contract, columns, beginning }
    }

    /// Writes a row's line, newline-ended. One that cannot be read goes on as it stood, with the reason: then the answer
    /// is false.
    pub(crate) fn write_line(&self, row: &Row<'_>, lines: &mut Vec<u8>) -> Result<bool> {
        let start = lines.len();
        let written = match row {
            Row::Record(record) => self.write_record(record, lines),
            Row::Sheet(sheet_row) => self.write_sheet_row(sheet_row, lines),
        };
        let readable = match written {
            Ok(()) => true,
            Err((reason, detail)) => {
                lines.truncate(start);
                let raw = match row {
                    Row::Record(record) => String::from_utf8_lossy(record.raw).into_owned(),
                    Row::Sheet(row) => row.raw(),
                };
                let detail = format!("line {}: {detail}", row.line());
                let fault = IngestFault { reason: reason.into(), detail, raw }.to_line()?;
                serde_json::to_writer(&mut *lines, &fault)
                    .map_err(|e| Error::bug("landing line").with_source(e))?;
                false
            }
        };
        lines.push(b'\n');
        Ok(readable)
    }

    fn write_record(&self, record: &Record<'_>, lines: &mut Vec<u8>) -> Result<(), RowProblem> {
        if let Some(fault) = record.fault() {
            return Err(("stray_quote", fault));
        }
        self.check_width(record.len())?;
        lines.extend_from_slice(self.beginning.as_bytes());
        for (column, (cell, quoted)) in self.columns.iter().zip(record.cells()) {
            let Some((column, name)) = column else { continue };
            let text = std::str::from_utf8(cell)
                .map_err(|_| ("invalid_utf8", format!("column {:?} is not UTF-8", column.source_name)))?;
            if record.decoded && !text.is_ascii() {
                check_decoded(self.contract.layout.encoding, column, text)?;
            }
            lines.extend_from_slice(name.as_bytes());
            if quoted && text.is_empty() && self.keeps_empty(column) {
                lines.extend_from_slice(b"\"\"");
                continue;
            }
            write_cell(self.contract, column, text, lines).map_err(|e| ("landing_line", e))?;
        }
        lines.push(b'}');
        Ok(())
    }

    fn write_sheet_row(&self, row: &SheetRow, lines: &mut Vec<u8>) -> Result<(), RowProblem> {
        // Behind a row's last cell there are only empty ones.
        self.check_width(row.cells.len().max(self.columns.len()))?;
        lines.extend_from_slice(self.beginning.as_bytes());
        for (column, cell) in self.columns.iter().zip(&row.cells) {
            let Some((column, name)) = column else { continue };
            lines.extend_from_slice(name.as_bytes());
            if !cell.write_typed(column, lines) {
                write_cell(self.contract, column, &cell.text(), lines).map_err(|e| ("landing_line", e))?;
            }
        }
        lines.push(b'}');
        Ok(())
    }

    fn check_width(&self, cells: usize) -> Result<(), RowProblem> {
        if cells == self.columns.len() {
            return Ok(());
        }
        let whose = if self.contract.layout.header_rows == 0 { "contract" } else { "header" };
        Err(("field_count", format!("has {cells} fields, the {whose} has {}", self.columns.len())))
    }

    fn keeps_empty(&self, column: &Column) -> bool {
        column.ty == ColumnType::String && self.contract.layout.quoted_empty == QuotedEmpty::Text
    }
}

/// Refuses what no text of an encoding holds: bytes that are none of its characters, and the control characters 0x80 to 0x9F,
/// which come out where text of windows-1252 is read as something else.
fn check_decoded(encoding: TextEncoding, column: &Column, text: &str) -> Result<(), RowProblem> {
    let wrong = text.chars().find(|c| *c == char::REPLACEMENT_CHARACTER || ('\u{80}'..='\u{9f}').contains(c));
    let Some(wrong) = wrong else { return Ok(()) };
    let name = match encoding {
        TextEncoding::Iso8859_1 => "iso-8859-1".to_owned(),
        TextEncoding::Other(encoding) => encoding.name().to_ascii_lowercase(),
        TextEncoding::Utf8 | TextEncoding::Utf16 => "utf-16".to_owned(),
    };
    let column = &column.source_name;
    if wrong == char::REPLACEMENT_CHARACTER {
        return Err((
            "invalid_encoding",
            format!("column {column:?} holds bytes that are no text in {name}"),
        ));
    }
    let byte = wrong as u32 as u8;
    let mut detail = format!("column {column:?} holds byte 0x{byte:02X}, a control character in {name}");
    let (meant, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
    if encoding == TextEncoding::Iso8859_1 && !meant.chars().any(char::is_control) {
        detail.push_str(&format!("; in windows-1252 it is {meant:?}: say `csvEncoding: windows-1252`"));
    }
    Err(("invalid_encoding", detail))
}

/// Writes one cell's text as its column's value.
pub(crate) fn write_cell(
    contract: &Contract,
    column: &Column,
    text: &str,
    lines: &mut Vec<u8>,
) -> Result<(), String> {
    let text = if column.ty == ColumnType::String { text } else { text.trim() };
    if is_missing(column, text) {
        lines.extend_from_slice(b"null");
        return Ok(());
    }
    serde_json::to_writer(lines, &plain(contract.number_format, column, text)).map_err(|e| e.to_string())
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

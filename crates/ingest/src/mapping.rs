//! One record to one landing line, by the header and the contract.

use std::collections::HashMap;

use quotelake_contract::{Column, ColumnType, Contract, QuotedEmpty, TextEncoding};
use quotelake_core::{Error, Result};
use quotelake_landing::{Doubts, IngestFault, Readings, Refusals, write_cell};

use crate::outside::Outside;
use crate::records::Record;
use crate::sheet::{SheetCell, SheetRow};

/// What each cell of a file is.
#[derive(Debug)]
pub(crate) struct Mapping<'c> {
    contract: &'c Contract,
    /// The column of each cell, `None` of one that is left out.
    columns: Vec<Option<Field<'c>>>,
    /// The header's last row: a row of the same is a second header.
    header: Vec<String>,
    /// Where the file's texts speak for another format than the contract's.
    doubts: Doubts,
    /// `{"dataset":"orders"`, and the columns from outside the file.
    beginning: String,
}

/// A cell's column.
#[derive(Debug)]
struct Field<'c> {
    column: &'c Column,
    /// Its place in the contract.
    index: usize,
    /// Its name as the line spells it: `,"order_id":`.
    name: String,
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

    /// Its cells as they are there, trimmed: of a header, or to look for a footer.
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
    /// Maps cells to columns, in the file's order. `header` is the last row of the header, empty where the file has none.
    pub(crate) fn new(
        contract: &'c Contract,
        columns: Vec<Option<&'c Column>>,
        header: Vec<String>,
        doubts: Doubts,
        outside: &Outside,
    ) -> Self {
        let places: HashMap<&str, usize> = contract
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| (column.name.as_str(), index))
            .collect();
        let field = |column: &'c Column| {
            let index = *places.get(column.name.as_str())?;
            Some(Field { column, index, name: format!(",\"{}\":", column.name) })
        };
        let columns = columns.into_iter().map(|column| column.and_then(field)).collect();
        // A dataset's name is snake_case, and so is a column's: neither needs escaping.
        let mut beginning = format!("{{\"dataset\":\"{}\"", contract.name);
        if !outside.is_empty() {
            beginning.push(',');
            beginning.push_str(&outside.fields);
        }
        Self { contract, columns, header, doubts, beginning }
    }

    /// Shows a row's texts to `readings`.
    pub(crate) fn observe(&self, row: &Row<'_>, readings: &mut Readings) {
        match row {
            Row::Record(record) => {
                for (field, (cell, _)) in self.columns.iter().zip(record.cells()) {
                    let watched = field.as_ref().filter(|field| readings.is_watching(field.index));
                    if let (Some(field), Ok(text)) = (watched, std::str::from_utf8(cell)) {
                        readings.observe(field.index, text.trim());
                    }
                }
            }
            Row::Sheet(row) => {
                for (field, cell) in self.columns.iter().zip(&row.cells) {
                    if let (Some(field), SheetCell::Text(text)) = (field, cell) {
                        readings.observe(field.index, text.trim());
                    }
                }
            }
        }
    }

    /// Writes a row's line, newline-ended. One that cannot be read goes on as it was, with the reason: then the answer
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
        self.check_header(record.len(), record.cells().map(|(cell, _)| cell))?;
        lines.extend_from_slice(self.beginning.as_bytes());
        let mut refusals = Refusals::default();
        for (field, (cell, quoted)) in self.columns.iter().zip(record.cells()) {
            let Some(field) = field else { continue };
            let column = field.column;
            let text = std::str::from_utf8(cell).map_err(|_| no_text(record.decoded, column))?;
            if let Some(encoding) = record.decoded.filter(|_| !text.is_ascii()) {
                check_decoded(encoding, column, text)?;
            }
            lines.extend_from_slice(field.name.as_bytes());
            // Of such a file the quotes say what is no missing value.
            let is_null =
                || text.is_empty() || column.cell.formats().null_texts.iter().any(|null| null == text);
            if quoted && self.keeps_empty(column) && is_null() {
                serde_json::to_writer(&mut *lines, text).map_err(|e| ("landing_line", e.to_string()))?;
                continue;
            }
            self.write_text(field, text, lines, &mut refusals)?;
        }
        refusals.write(lines);
        lines.push(b'}');
        Ok(())
    }

    fn write_sheet_row(&self, row: &SheetRow, lines: &mut Vec<u8>) -> Result<(), RowProblem> {
        // Behind a row's last cell there are only empty ones.
        self.check_width(row.cells.len().max(self.columns.len()))?;
        self.check_header(row.cells.len(), row.cells.iter().map(SheetCell::text))?;
        lines.extend_from_slice(self.beginning.as_bytes());
        let mut refusals = Refusals::default();
        for (field, cell) in self.columns.iter().zip(&row.cells) {
            let Some(field) = field else { continue };
            lines.extend_from_slice(field.name.as_bytes());
            if !cell.write_typed(field.column, lines) {
                self.write_text(field, &cell.text(), lines, &mut refusals)?;
            }
        }
        refusals.write(lines);
        lines.push(b'}');
        Ok(())
    }

    /// A cell's text as its column's value.
    #[inline]
    fn write_text(
        &self,
        field: &Field<'_>,
        text: &str,
        lines: &mut Vec<u8>,
        refusals: &mut Refusals,
    ) -> Result<(), RowProblem> {
        let text = if field.column.ty == ColumnType::String { text } else { text.trim() };
        if text.is_empty() {
            lines.extend_from_slice(b"null");
            return Ok(());
        }
        write_cell(self.contract, field.index, text, &self.doubts, lines, refusals)
            .map_err(|e| ("landing_line", e.to_string()))
    }

    /// Refuses a row of the header's own cells. Of any other one cell is looked at.
    fn check_header<C: AsRef<[u8]>>(
        &self,
        count: usize,
        mut cells: impl Iterator<Item = C>,
    ) -> Result<(), RowProblem> {
        let header = &self.header;
        if header.is_empty() || header.len() != count {
            return Ok(());
        }
        let is_header = header
            .iter()
            .all(|name| cells.next().is_some_and(|cell| cell.as_ref().trim_ascii() == name.as_bytes()));
        if is_header {
            return Err(("repeated_header", "is the header again: two files in one?".to_owned()));
        }
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

/// Whether a character comes out only where text is read by another encoding than it is in: one of the control characters 0x80 to
/// 0x9F, of an encoding with a byte for each character, where text of windows-1252 is read as something else.
pub(crate) fn is_undecoded_in(encoding: TextEncoding, c: char) -> bool {
    let has_bytes = match encoding {
        TextEncoding::Iso8859_1 => true,
        TextEncoding::Other(encoding) => encoding.is_single_byte(),
        TextEncoding::Utf8 | TextEncoding::Utf16 => false,
    };
    has_bytes && ('\u{80}'..='\u{9f}').contains(&c)
}

/// What is said of a cell that is no text in the encoding that the file was read by.
fn no_text(decoded: Option<TextEncoding>, column: &Column) -> RowProblem {
    let column = &column.source_name;
    match decoded {
        None => ("invalid_utf8", format!("column {column:?} is not UTF-8")),
        Some(encoding) => (
            "invalid_encoding",
            format!("column {column:?} holds bytes that are no text in {}", encoding.name()),
        ),
    }
}

/// Refuses the control characters that no text holds, see [`is_undecoded_in`].
fn check_decoded(encoding: TextEncoding, column: &Column, text: &str) -> Result<(), RowProblem> {
    let wrong = text.chars().find(|c| is_undecoded_in(encoding, *c));
    let Some(wrong) = wrong else { return Ok(()) };
    let name = encoding.name();
    let column = &column.source_name;
    let byte = wrong as u32 as u8;
    let mut detail = format!("column {column:?} holds byte 0x{byte:02X}, a control character in {name}");
    let (meant, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
    if encoding == TextEncoding::Iso8859_1 && !meant.chars().any(char::is_control) {
        detail.push_str(&format!("; in windows-1252 it is {meant:?}: say `csvEncoding: windows-1252`"));
    }
    Err(("invalid_encoding", detail))
}

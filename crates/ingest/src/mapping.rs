//! One record to one landing line, by the header and the contract.

use std::borrow::Cow;
use std::collections::BTreeSet;

use quotelake_core::cell::{Doubts, Readings, Refusals, write_cell};
use quotelake_core::contract::{ColumnType, TextEncoding};
use quotelake_core::table::IngestFault;
use quotelake_core::{Column, Contract, Error, Result};

use crate::records::Record;

/// What each field of a file is.
#[derive(Debug)]
pub(crate) struct Mapping<'c> {
    contract: &'c Contract,
    /// The column of each field.
    fields: Vec<Field<'c>>,
    /// The header's fields: a record of the same is a second header.
    header: Vec<Vec<u8>>,
    /// Where the file's texts speak for another format than the contract's.
    doubts: Doubts,
    /// `{"dataset":"orders"`
    beginning: String,
}

/// A field's column.
#[derive(Debug)]
struct Field<'c> {
    column: &'c Column,
    /// Its place in the contract.
    index: usize,
    /// Its name as the line spells it: `,"order_id":`.
    name: String,
}

type RowProblem = (&'static str, String);

impl<'c> Mapping<'c> {
    /// Reads a header. `InvalidInput` when it does not name exactly the contract's columns, in any order.
    pub(crate) fn new(contract: &'c Contract, header: &Record<'_>, doubts: Doubts) -> Result<Self> {
        let fields = match_header(contract, header)?.into_iter().filter_map(|column| {
            let index = contract.index_of(&column.name)?;
            Some(Field { column, index, name: format!(",\"{}\":", column.name) })
        });
        let fields = fields.collect();
        // A dataset's name is snake_case, and so is a column's: neither needs escaping.
        let beginning = format!("{{\"dataset\":\"{}\"", contract.name);
        let header = header.fields().map(<[u8]>::to_vec).collect();
        Ok(Self { contract, fields, header, doubts, beginning })
    }

    /// Shows a record's texts to `readings`.
    pub(crate) fn observe(&self, record: &Record<'_>, readings: &mut Readings) {
        for (field, cell) in self.fields.iter().zip(record.fields()) {
            if let Some(text) = decode(self.contract.csv_encoding, cell) {
                readings.observe(field.index, text.trim());
            }
        }
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
        if record.len() != self.fields.len() {
            let detail = format!("has {} fields, the header has {}", record.len(), self.fields.len());
            return Err(("field_count", detail));
        }
        if record.fields().eq(self.header.iter().map(Vec::as_slice)) {
            return Err(("repeated_header", "is the header again: two files in one?".to_owned()));
        }
        lines.extend_from_slice(self.beginning.as_bytes());
        let mut refusals = Refusals::default();
        let unwritten = |e: Error| ("landing_line", e.to_string());
        for (Field { column, index, name }, cell) in self.fields.iter().zip(record.fields()) {
            let text = decode(self.contract.csv_encoding, cell)
                .ok_or_else(|| ("invalid_utf8", format!("column {:?} is not UTF-8", column.source_name)))?;
            let text = if column.ty == ColumnType::String { text.as_ref() } else { text.trim() };
            lines.extend_from_slice(name.as_bytes());
            if text.is_empty() {
                lines.extend_from_slice(b"null");
                continue;
            }
            write_cell(self.contract, *index, text, &self.doubts, lines, &mut refusals).map_err(unwritten)?;
        }
        refusals.write(lines);
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

use std::collections::BTreeSet;

use csv::{ByteRecord, ReaderBuilder};
use quotelake_core::contract::{ColumnType, NumberFormat};
use quotelake_core::table::IngestFault;
use quotelake_core::{Column, Contract, Error, Result};
use serde_json::{Map, Value};

/// A file's rows as landing lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// NDJSON, newline-ended.
    pub text: Vec<u8>,
    /// Data rows, readable or not.
    pub rows: u64,
    /// Rows that could not be read.
    pub unreadable: u64,
}

/// Maps a CSV file's rows to landing lines by its header. `InvalidInput` when the header does not name exactly the
/// contract's columns, in any order.
pub fn landing_lines(contract: &Contract, file: &[u8]) -> Result<Lines> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut reader = ReaderBuilder::new().delimiter(contract.csv_delimiter).flexible(true).from_reader(file);
    let header =
        reader.byte_headers().map_err(|e| Error::invalid("header cannot be read").with_source(e))?.clone();
    let columns = match_header(contract, &header)?;
    let mut lines = Lines::default();
    let mut record = ByteRecord::new();
    let mut start = reader.position().byte() as usize;
    loop {
        let more = reader
            .read_byte_record(&mut record)
            .map_err(|e| Error::invalid("CSV cannot be read to its end").with_source(e))?;
        if !more {
            return Ok(lines);
        }
        let end = reader.position().byte() as usize;
        let raw = &file[start.min(file.len())..end.min(file.len())];
        start = end;
        lines.rows += 1;
        let line = match line(contract, &columns, &record) {
            Ok(line) => Value::Object(line),
            Err((reason, detail)) => {
                lines.unreadable += 1;
                let raw = String::from_utf8_lossy(raw)
                    .trim_end_matches(['\r', '\n'])
                    .trim_start_matches('\n')
                    .to_owned();
                let fault = IngestFault { reason: reason.into(), detail, raw };
                fault.to_line()?
            }
        };
        serde_json::to_writer(&mut lines.text, &line)
            .map_err(|e| Error::bug("landing line").with_source(e))?;
        lines.text.push(b'\n');
    }
}

/// The column of each field. Every column that is not derived must be there, and nothing else.
fn match_header<'c>(contract: &'c Contract, header: &ByteRecord) -> Result<Vec<&'c Column>> {
    let names: Vec<String> =
        header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    let wanted: Vec<&Column> = contract.columns.iter().filter(|column| column.derivation.is_none()).collect();
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

type RowProblem = (&'static str, String);

fn line(
    contract: &Contract,
    columns: &[&Column],
    record: &ByteRecord,
) -> Result<Map<String, Value>, RowProblem> {
    if record.len() != columns.len() {
        let detail = format!("has {} fields, the header has {}", record.len(), columns.len());
        return Err(("field_count", detail));
    }
    let mut line = Map::new();
    line.insert("dataset".into(), Value::String(contract.name.clone()));
    for (column, cell) in columns.iter().zip(record) {
        let text = std::str::from_utf8(cell)
            .map_err(|_| ("invalid_utf8", format!("column {:?} is not UTF-8", column.source_name)))?;
        let text = if column.ty == ColumnType::String { text } else { text.trim() };
        let value = if text.is_empty() || column.null_texts.iter().any(|null| null == text) {
            Value::Null
        } else {
            Value::String(plain(contract.number_format, column, text))
        };
        line.insert(column.name.clone(), value);
    }
    Ok(line)
}

/// A number as plain digits; every other text as it is.
fn plain(format: NumberFormat, column: &Column, text: &str) -> String {
    let is_number = matches!(
        column.ty,
        ColumnType::Int | ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal { .. }
    );
    match format {
        NumberFormat::PtBr if is_number => pt_br(text).unwrap_or_else(|| text.to_owned()),
        _ => text.to_owned(),
    }
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

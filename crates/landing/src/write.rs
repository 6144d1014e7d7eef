//! A cell of a person's file into a canonical line: the value as the contract's formats read it, or null and a mention in the
//! line's member `refused` with the text and the reason.

use super::readings::Doubts;
use quotelake_contract::Contract;
use quotelake_contract::cell::CellValue;
use quotelake_core::{Error, Result};

/// Values of a row that the contract's formats do not read: the line's member `refused`, see
/// the decoder of crate `table`.
#[derive(Debug, Default)]
pub struct Refusals(Vec<u8>);

impl Refusals {
    /// Adds one: the column, the text as it is in the file, and why.
    pub fn add(&mut self, column: &str, text: &str, reason: &str) -> Result<()> {
        // A column's name needs no escaping.
        let before = if self.0.is_empty() { ",\"refused\":{\"" } else { ",\"" };
        self.0.extend_from_slice(format!("{before}{column}\":{{\"value\":").as_bytes());
        write_text(text, &mut self.0)?;
        self.0.extend_from_slice(b",\"reason\":");
        write_text(reason, &mut self.0)?;
        self.0.extend_from_slice(b",\"code\":\"type_mismatch\"}");
        Ok(())
    }

    /// Writes the member at the end of a line's fields, with the comma before it, where there is one; and forgets it.
    pub fn write(&mut self, line: &mut Vec<u8>) {
        if !self.0.is_empty() {
            line.append(&mut self.0);
            line.push(b'}');
        }
    }
}

/// Writes what a text is in a column of a contract, given by its place. A text that the contract does not read, or that is in
/// doubt, is null in the line and goes to `refusals`; in a line whose contract has a column `refused` an object is in its
/// place, which no column takes.
pub fn write_cell(
    contract: &Contract,
    index: usize,
    text: &str,
    doubts: &Doubts,
    line: &mut Vec<u8>,
    refusals: &mut Refusals,
) -> Result<()> {
    let column = &contract.columns[index];
    if column.cell.is_plain() && doubts.is_empty() {
        return write_text(text, line);
    }
    let read = column.cell.read(text).and_then(|value| match doubts.fault(index, text) {
        Some(fault) if value != CellValue::Missing => Err(fault),
        _ => Ok(value),
    });
    match read {
        Ok(CellValue::Text(text)) => return write_text(&text, line),
        Ok(CellValue::Boolean(true)) => line.extend_from_slice(b"true"),
        Ok(CellValue::Boolean(false)) => line.extend_from_slice(b"false"),
        Ok(CellValue::Missing) => line.extend_from_slice(b"null"),
        // Its lines have no such member: an object is a value of no column.
        Err(reason) if contract.index_of("refused").is_some() => {
            line.extend_from_slice(b"{\"value\":");
            write_text(text, line)?;
            line.extend_from_slice(b",\"reason\":");
            write_text(&reason, line)?;
            line.push(b'}');
        }
        Err(reason) => {
            line.extend_from_slice(b"null");
            refusals.add(&column.name, text, &reason)?;
        }
    }
    Ok(())
}

fn write_text(text: &str, line: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(line, text).map_err(|e| Error::bug("a text as JSON").with_source(e))
}

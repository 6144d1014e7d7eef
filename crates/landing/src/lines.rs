//! NDJSON lines as people write them, made canonical.

use std::sync::Arc;

use super::readings::{Doubts, Readings};
use super::write::{Refusals, write_cell};
use crate::{Raw, scan_object, unescape};
use quotelake_contract::{ColumnType, Contract, Fields};
use quotelake_core::Result;

/// Makes NDJSON lines canonical by a contract. Only strings are read by it, and numbers where the column holds none: a bare
/// number is a number in every format.
#[derive(Debug)]
pub struct SourceLines {
    contract: Arc<Contract>,
    fields: Fields,
    is_plain: bool,
}

impl SourceLines {
    /// For the lines of a dataset.
    pub fn new(contract: Arc<Contract>) -> Self {
        let is_plain =
            contract.columns.iter().all(|column| column.cell.is_plain_in_json() || !column.is_read());
        Self { fields: contract.fields(), contract, is_plain }
    }

    /// Whether lines are canonical as they are: then there is nothing to do.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Shows a line's texts to `readings`. A line that is no object shows none.
    pub fn observe(&self, line: &str, readings: &mut Readings) {
        // What is wrong with the line is found when it is read.
        let _ = scan_object(line, |name, raw| {
            if let Some(index) = self.column(name)
                && let Some(Ok(text)) = self.text(index, raw)
            {
                readings.observe(index, &text);
            }
            Ok(())
        });
    }

    /// Appends the canonical line, without a line end. A line that is no object goes on as it is.
    pub fn rewrite(&self, line: &str, doubts: &Doubts, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        let mut refusals = Refusals::default();
        let mut written = Ok(());
        let scanned = scan_object(line, |name, raw| {
            out.push(if out.len() == start { b'{' } else { b',' });
            out.extend_from_slice(format!("\"{name}\":").as_bytes());
            let read = self.column(name).and_then(|index| Some((index, self.text(index, raw)?)));
            match read {
                None => raw.write(out),
                Some((index, text)) => {
                    written = write_cell(&self.contract, index, &text?, doubts, out, &mut refusals);
                    if written.is_err() {
                        return Err("cannot be written".to_owned());
                    }
                }
            }
            Ok(())
        });
        written?;
        if scanned.is_err() {
            out.truncate(start);
            out.extend_from_slice(line.as_bytes());
            return Ok(());
        }
        if out.len() == start {
            out.push(b'{');
        }
        refusals.write(out);
        out.push(b'}');
        Ok(())
    }

    fn column(&self, name: &str) -> Option<usize> {
        let index = self.fields.index(name)?;
        let column = &self.contract.columns[index];
        (column.is_read() && !column.cell.is_plain_in_json()).then_some(index)
    }

    /// The text that is read by the contract: `None` for a value that is none.
    fn text(&self, index: usize, raw: Raw<'_>) -> Option<Result<String, String>> {
        use ColumnType::{Bigint, Decimal, Double, Int};
        let column = &self.contract.columns[index];
        match raw {
            Raw::Text(text) => Some(Ok(text.to_owned())),
            Raw::Escaped(quoted) => Some(unescape(quoted)),
            Raw::Number(_) if matches!(column.ty, ColumnType::String) => None,
            // Of a number only its absence may be spelled: -999.
            Raw::Number(text)
                if matches!(column.ty, Int | Bigint | Double | Decimal { .. }) || column.epoch.is_some() =>
            {
                column.cell.formats().null_texts.iter().any(|null| null == text).then(|| Ok(text.to_owned()))
            }
            Raw::Number(text) => Some(Ok(text.to_owned())),
            _ => None,
        }
    }
}

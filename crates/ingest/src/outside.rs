//! Columns that no cell of a file holds: constants, and parts of the file's name.

use std::sync::Arc;

use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_landing::{Doubts, Refusals, write_cell};
use quotelake_table::RowDecoder;

/// The values from outside of one file, as a line spells them: `"symbol":"AAPL","exchange_mic":"XLON"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outside {
    pub(crate) fields: String,
}

impl Outside {
    /// The values of a file, by the contract and the file's name. `InvalidInput` when the name does not fit, or a value does
    /// not fit its column: then no row of the file could be read.
    pub(crate) fn of(contract: &Contract, name: &str) -> Result<Self> {
        let layout = &contract.layout;
        if !layout.has_outside() {
            return Ok(Self::default());
        }
        let mut values: Vec<(String, String, &str)> = Vec::new();
        if let Some(pattern) = &layout.file_name {
            let captured = pattern.captures(name)?;
            values.extend(captured.into_iter().map(|(column, text)| (column, text, "in the file's name")));
        }
        let constants = layout.constants.iter();
        values
            .extend(constants.map(|(column, text)| (column.clone(), text.clone(), "set for the whole file")));
        let mut fields = Vec::new();
        for (name, text, origin) in values {
            let index = place(contract, &name)?;
            if !fields.is_empty() {
                fields.push(b',');
            }
            let begin = fields.len();
            fields.extend_from_slice(format!("\"{name}\":").as_bytes());
            write(contract, index, text.trim(), &mut fields)
                .and_then(|()| check(contract, &fields[begin..]))
                .map_err(|detail| Error::invalid(format!("column {name:?}, {origin}: {detail}")))?;
        }
        // Names and JSON are UTF-8.
        Ok(Self { fields: String::from_utf8_lossy(&fields).into_owned() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

fn place(contract: &Contract, name: &str) -> Result<usize> {
    contract
        .index_of(name)
        .ok_or_else(|| Error::config(format!("{name:?} is no column of {}", contract.name)))
}

/// Writes what a text is in a column.
fn write(contract: &Contract, index: usize, text: &str, fields: &mut Vec<u8>) -> Result<(), String> {
    if text.is_empty() {
        fields.extend_from_slice(b"null");
        return Ok(());
    }
    let mut refusals = Refusals::default();
    write_cell(contract, index, text, &Doubts::default(), fields, &mut refusals)
        .map_err(|e| e.to_string())?;
    // What was refused makes the field's line one that the decoder refuses with the reason.
    refusals.write(fields);
    Ok(())
}

/// Whether the value fits its column.
fn check(contract: &Contract, field: &[u8]) -> Result<(), String> {
    let line = format!("{{{}}}", String::from_utf8_lossy(field));
    RowDecoder::new(Arc::new(contract.clone()))
        .push(&line)
        .map_err(|faults| faults.into_iter().map(|fault| fault.detail).collect::<Vec<_>>().join("; "))
}

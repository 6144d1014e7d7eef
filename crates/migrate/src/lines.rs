//! Rows of a PostgreSQL query to landing lines: one canonical JSON object a row, by the contract, with the row's origin; a row
//! whose bytes are no text becomes an ingest fault.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use quotelake_contract::{Column, ColumnType, Contract};
use quotelake_core::{Error, Result};
use quotelake_landing::IngestFault;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;

use crate::cell;
use crate::checkpoint::Checkpoint;
use crate::database::bytes;
use crate::expression::Expression;
use crate::mapping::{DatasetMapping, Origin, PROVENANCE};

/// Rows to landing lines.
pub(crate) struct Lines<'e, 'c> {
    /// `{"dataset":"daily_bars"` and every field that is the same for all rows.
    beginning: String,
    fields: Vec<(String, &'e Expression<'c>)>,
    /// Where in a row the first field is.
    first: usize,
    /// Whether the hash of its page is one of a row's fields.
    hashed: bool,
    /// Where the dataset has no key, what the hash of a row that tells it apart begins with.
    identity: Option<Sha256>,
}

impl<'e, 'c> Lines<'e, 'c> {
    /// Of rows that hold the expressions' texts in their order, from the place `first` on. Without a checkpoint they say nothing of
    /// their origin.
    pub(crate) fn new(
        mapping: &DatasetMapping,
        contract: &'c Contract,
        checkpoint: Option<&Checkpoint>,
        expressions: &'e [Expression<'c>],
        first: usize,
    ) -> Self {
        let mut constants = checkpoint.map(|known| provenance(mapping, contract, known)).unwrap_or_default();
        for (name, origin) in &mapping.columns {
            match origin {
                Origin::Constant(value) => constants.insert(name, value.clone()),
                Origin::Column(_) | Origin::Template(_) => constants.remove(name.as_str()),
            };
        }
        let mut beginning = format!("{{\"dataset\":\"{}\"", mapping.dataset);
        for (name, value) in constants {
            beginning.push_str(&format!(",\"{name}\":{}", serde_json::Value::String(value)));
        }
        let fields = expressions
            .iter()
            .map(|expression| (format!(",\"{}\":", expression.column.name), expression))
            .collect();
        let hashed = contract.index_of("raw_sha256").is_some() && !mapping.columns.contains_key("raw_sha256");
        let identity = checkpoint.filter(|known| known.tells_by_content(contract)).map(|known| {
            let mut identity = Sha256::new();
            let constants = mapping.columns.iter().filter_map(|(name, origin)| match origin {
                Origin::Constant(value) => Some((name.as_str(), value.as_str())),
                Origin::Column(_) | Origin::Template(_) => None,
            });
            let beginning = [("migration", known.migration.as_str()), ("dataset", known.dataset.as_str())];
            for (name, value) in beginning.into_iter().chain(constants) {
                hash_value(&mut identity, name, Some(value.as_bytes()));
            }
            identity
        });
        Self { beginning, fields, first, hashed, identity }
    }

    /// The hash of a page's values, where the contract wants to know what the database said. One for each page, not for each
    /// row: the column is made for values that repeat.
    pub(crate) fn page_sha256(&self, rows: &[Row]) -> Result<Option<String>> {
        if !self.hashed {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        for row in rows {
            for index in self.first..row.len() - usize::from(self.identity.is_some()) {
                hash.update(bytes(row, index)?.unwrap_or(b"\0"));
                hash.update([0x1f]);
            }
            hash.update([0x1e]);
        }
        Ok(Some(hex::encode(hash.finalize())))
    }

    /// Writes a row's line, newline-ended. A row whose bytes are no text goes on as it was, with the reason: then the answer is
    /// false.
    pub(crate) fn write(&self, row: &Row, sha256: Option<&str>, line: &mut Vec<u8>) -> Result<bool> {
        line.extend_from_slice(self.beginning.as_bytes());
        let mut refused = serde_json::Map::new();
        for (index, (name, expression)) in self.fields.iter().enumerate() {
            line.extend_from_slice(name.as_bytes());
            let column = expression.column;
            let Some(value) = bytes(row, self.first + index)? else {
                line.extend_from_slice(b"null");
                continue;
            };
            let Ok(value) = std::str::from_utf8(value) else {
                line.clear();
                self.write_fault(row, &column.name, line)?;
                return Ok(false);
            };
            if !expression.written && is_large_float(column, value) {
                // The server's own float: as a text it would be one that a program may have rounded.
                line.extend_from_slice(value.as_bytes());
                continue;
            }
            if !expression.written || cell::is_plain(column) {
                write_json(line, value)?;
                continue;
            }
            match cell::read(column, value) {
                Ok(Some(plain)) => write_json(line, &plain)?,
                Ok(None) => line.extend_from_slice(b"null"),
                Err(reason) => {
                    line.extend_from_slice(b"null");
                    refused.insert(
                        column.name.clone(),
                        json!({ "value": value, "reason": reason, "code": "type_mismatch" }),
                    );
                }
            }
        }
        if !refused.is_empty() {
            line.extend_from_slice(format!(",\"refused\":{}", serde_json::Value::Object(refused)).as_bytes());
        }
        if let Some(sha256) = sha256 {
            line.extend_from_slice(format!(",\"raw_sha256\":\"{sha256}\"").as_bytes());
        }
        if let Some(identity) = &self.identity {
            self.write_identity(row, identity.clone(), line)?;
        }
        line.extend_from_slice(b"}\n");
        Ok(true)
    }

    /// What tells a row without a key apart: the hash of what it holds, and its number among the rows that hold the same.
    fn write_identity(&self, row: &Row, mut hash: Sha256, line: &mut Vec<u8>) -> Result<()> {
        for (index, (_, expression)) in self.fields.iter().enumerate() {
            hash_value(&mut hash, &expression.column.name, bytes(row, self.first + index)?);
        }
        let number = bytes(row, row.len() - 1)?
            .and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok())
            .ok_or_else(|| Error::bug("a row has no number"))?;
        let sha256 = hex::encode(hash.finalize());
        line.extend_from_slice(format!(",\"file_sha256\":\"{sha256}\",\"file_row\":{number}").as_bytes());
        Ok(())
    }

    fn write_fault(&self, row: &Row, column: &str, line: &mut Vec<u8>) -> Result<()> {
        let mut raw = serde_json::Map::new();
        for (index, (_, expression)) in self.fields.iter().enumerate() {
            let value = bytes(row, self.first + index)?.map(String::from_utf8_lossy);
            raw.insert(expression.column.name.clone(), json!(value));
        }
        let fault = IngestFault {
            reason: "invalid_utf8".to_owned(),
            detail: format!("the value of column {column:?} in the database is not UTF-8"),
            raw: serde_json::Value::Object(raw).to_string(),
        };
        serde_json::to_writer(&mut *line, &fault.to_line()?)
            .map_err(|e| Error::bug("landing line").with_source(e))?;
        line.push(b'\n');
        Ok(())
    }
}

/// A value with its name, so that no two rows of different values are hashed alike.
fn hash_value(hash: &mut Sha256, name: &str, value: Option<&[u8]>) {
    hash.update(name.as_bytes());
    match value {
        Some(value) => {
            hash.update(b"=");
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(value);
        }
        None => hash.update(b"-"),
    }
}

fn write_json(line: &mut Vec<u8>, value: &str) -> Result<()> {
    serde_json::to_writer(line, value).map_err(|e| Error::bug("landing line").with_source(e))
}

/// Whether a value is a float with an exponent where a whole number is wanted.
fn is_large_float(column: &Column, value: &str) -> bool {
    matches!(column.ty, ColumnType::Int | ColumnType::Bigint)
        && value.contains('e')
        && value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte))
}

/// What the contract wants to know of a row's origin: the migration, the table, and the beginning of the round as the time of
/// fetching. `raw_sha256` is of each page's values.
fn provenance<'m>(
    mapping: &'m DatasetMapping,
    contract: &Contract,
    checkpoint: &Checkpoint,
) -> BTreeMap<&'m str, String> {
    let (schema, table) = &mapping.table;
    let at = checkpoint.started_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let run = format!("migrate-{}", checkpoint.migration);
    PROVENANCE
        .into_iter()
        .filter(|name| contract.index_of(name).is_some())
        .filter_map(|name| {
            let value = match name {
                "fetched_at" => at.clone(),
                "run_id" | "request_id" => run.clone(),
                "unit_id" => format!("postgres/{schema}.{table}"),
                "schema_version" => "1".to_owned(),
                _ => return None,
            };
            Some((name, value))
        })
        .collect()
}

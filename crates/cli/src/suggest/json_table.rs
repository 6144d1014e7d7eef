//! Lines of JSON as a table of texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use quotelake_core::{Error, Result};
use serde_json::Value;
use serde_json::value::RawValue;

use super::table::Table;
use crate::files::unpacked;

pub(super) fn read(path: &Path) -> Result<Table> {
    let unreadable = |e| Error::not_found("cannot be read").with_source(e);
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let bytes = unpacked(&bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|e| Error::invalid("is not UTF-8").with_source(e))?;
    of_lines(text)
}

fn of_lines(text: &str) -> Result<Table> {
    let mut table = Table::default();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut nested = BTreeSet::new();
    let mut lines: Vec<Vec<(usize, Option<String>)>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let object: BTreeMap<String, &RawValue> = serde_json::from_str(line)
            .map_err(|e| Error::invalid(format!("line {number} is no JSON object")).with_source(e))?;
        let mut cells = Vec::new();
        for (name, raw) in object {
            let value: Value = serde_json::from_str(raw.get())
                .map_err(|e| Error::invalid(format!("line {number}")).with_source(e))?;
            let cell = match value {
                Value::Null => None,
                Value::Bool(value) => Some(value.to_string()),
                Value::Number(_) => Some(raw.get().to_owned()),
                Value::String(text) => Some(text),
                Value::Array(_) | Value::Object(_) => {
                    nested.insert(name);
                    continue;
                }
            };
            let next = places.len();
            let place = *places.entry(name).or_insert(next);
            cells.push((place, cell));
        }
        lines.push(cells);
    }
    let dataset = places.remove("dataset");
    let kept: Vec<(String, usize)> = places.into_iter().filter(|(name, _)| !nested.contains(name)).collect();
    table.headers = kept.iter().map(|(name, _)| name.clone()).collect();
    for cells in lines {
        let by_place: BTreeMap<usize, Option<String>> = cells.into_iter().collect();
        table.rows.push(kept.iter().map(|(_, place)| by_place.get(place).cloned().flatten()).collect());
    }
    table.notes.push("lines of JSON".into());
    if dataset.is_some() {
        table.notes.push("the member \"dataset\" names the dataset and is no column".into());
    }
    for name in &nested {
        table.notes.push(format!(
            "member {name:?} holds lists or objects: it is no column, and is left out of the table"
        ));
    }
    Ok(table)
}

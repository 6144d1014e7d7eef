//! A Parquet file's rows as landing lines.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use serde_json::{Map, Value};

use crate::parquet_files::ParquetFiles;

/// The lines of a file: its columns of simple types by their names, or by the contract's `physicalName`; numbers, dates and instants as
/// text. Columns of lists, structures and bytes are left out, and of the columns that only the file's folders name (`year=2024`) those
/// that the contract has not. `InvalidInput` where the file is no Parquet.
pub fn lines(path: &Path, contract: &Contract) -> Result<Vec<u8>> {
    let files = ParquetFiles::open(vec![path.to_owned()])?;
    let folders: Vec<&str> = files.folder_columns().collect();
    let is_wanted = |name: &str| {
        !folders.contains(&name)
            || contract.columns.iter().any(|column| column.source_name == name && column.is_read())
    };
    let mut lines = Vec::new();
    for batch in files.read_all()? {
        let schema = batch.schema();
        let columns: Vec<(String, ArrayRef)> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| is_wanted(field.name()))
            .filter_map(|(field, column)| Some((name_of(contract, field.name()), texts(column)?)))
            .collect();
        for row in 0..batch.num_rows() {
            let mut line = Map::new();
            line.insert("dataset".into(), contract.name.as_str().into());
            for (name, texts) in &columns {
                let texts = texts.as_string::<i32>();
                let value = if texts.is_valid(row) { texts.value(row).into() } else { Value::Null };
                line.insert(name.clone(), value);
            }
            serde_json::to_writer(&mut lines, &line)
                .map_err(|e| Error::bug("a landing line").with_source(e))?;
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// The contract's column that a file calls so. One that it does not name keeps its name, and is noted as unknown.
fn name_of(contract: &Contract, name: &str) -> String {
    let column = contract.columns.iter().find(|column| column.source_name == name && column.is_read());
    column.map_or(name, |column| &column.name).to_owned()
}

/// A column's values as a file of text would have them; `None` for lists, structures and bytes.
pub fn texts(column: &ArrayRef) -> Option<ArrayRef> {
    let plain = match column.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let is_bytes = matches!(
        plain,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    );
    if plain.is_nested() || is_bytes {
        return None;
    }
    let DataType::Timestamp(unit, zone) = plain else { return cast(column, &DataType::Utf8).ok() };
    // An instant is stored in UTC, whatever zone it is shown in.
    let since_epoch = cast(column, &DataType::Int64).ok()?;
    let naive = cast(&since_epoch, &DataType::Timestamp(*unit, None)).ok()?;
    let texts = cast(&shortest(&naive)?, &DataType::Utf8).ok()?;
    if zone.is_none() {
        return Some(texts);
    }
    let texts = texts.as_string::<i32>().iter().map(|text| text.map(|text| format!("{text}Z")));
    Some(Arc::new(texts.collect::<StringArray>()))
}

/// Instants in milliseconds where none has finer digits.
fn shortest(instants: &ArrayRef) -> Option<ArrayRef> {
    let coarse = cast(instants, &DataType::Timestamp(TimeUnit::Millisecond, None)).ok()?;
    let back = cast(&coarse, instants.data_type()).ok()?;
    Some(if back.to_data() == instants.to_data() { coarse } else { Arc::clone(instants) })
}

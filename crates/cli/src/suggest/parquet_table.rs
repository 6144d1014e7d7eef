//! A Parquet file as a table of texts.

use std::path::Path;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::compute::concat_batches;
use quotelake_core::{Error, Result};

use super::table::{Known, Table};
use crate::parquet_files::ParquetFiles;
use crate::parquet_rows::texts;

pub(super) fn read(path: &Path) -> Result<Table> {
    let files = ParquetFiles::open(vec![path.to_owned()])?;
    if files.row_groups().is_empty() {
        return Err(Error::invalid("has no rows"));
    }
    let batches = files.read_all()?;
    let schema = files.schema();
    let whole = concat_batches(&schema, &batches)?;
    let mut table = Table { notes: vec!["Parquet".into()], ..Table::default() };
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(whole.columns()) {
        match texts(column) {
            Some(texts) => {
                table.headers.push(field.name().clone());
                table.known.push(field.data_type().is_floating().then_some(Known::Float));
                columns.push(texts);
            }
            None => table.notes.push(format!(
                "column {:?} holds {}: it is no column of a contract, and is left out",
                field.name(),
                field.data_type()
            )),
        }
    }
    for row in 0..whole.num_rows() {
        let cell = |texts: &ArrayRef| {
            let texts = texts.as_string::<i32>();
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        table.rows.push(columns.iter().map(cell).collect());
    }
    if table.headers.is_empty() {
        return Err(Error::invalid("has no column of a simple type"));
    }
    Ok(table)
}

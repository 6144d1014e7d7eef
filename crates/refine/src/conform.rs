//! Computed rows in the types of their contract.

use arrow::array::RecordBatch;
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_table::ArrowSchema as _;

/// The columns of a contract, by name. `Config` for a column that is missing, or of another type.
pub(crate) fn conform(contract: &Contract, rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = contract.schema();
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| {
        let name = field.name();
        let column = rows.column_by_name(name).ok_or_else(|| {
            Error::config(format!("the model {} computes no column {name:?}", contract.name))
        })?;
        if column.data_type() == field.data_type() {
            return Ok(std::sync::Arc::clone(column));
        }
        Err(Error::config(format!(
            "the model {} computes column {name:?} as {}, its contract says {}",
            contract.name,
            column.data_type(),
            field.data_type()
        )))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

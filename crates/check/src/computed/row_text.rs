//! Computed rows as JSON, for quarantine.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use quotelake_core::{Error, Result};

/// The rows of a batch, each as an object of its columns: numbers and booleans as such, everything else as text. Missing values are
/// `null`, so that each row has every column.
pub(super) struct RowTexts<'b> {
    columns: Vec<Column<'b>>,
}

struct Column<'b> {
    /// The name as JSON.
    name: String,
    values: &'b dyn Array,
    is_bare: bool,
}

impl<'b> RowTexts<'b> {
    pub(super) fn of(rows: &'b RecordBatch) -> Result<Self> {
        let mut columns = Vec::with_capacity(rows.num_columns());
        for (field, values) in rows.schema_ref().fields().iter().zip(rows.columns()) {
            let ty = field.data_type();
            columns.push(Column {
                name: json(field.name())?,
                values,
                is_bare: ty.is_numeric() || *ty == DataType::Boolean,
            });
        }
        Ok(Self { columns })
    }

    pub(super) fn of_row(&self, row: usize) -> Result<String> {
        let mut text = String::from("{");
        for column in &self.columns {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&column.name);
            text.push(':');
            if column.values.is_null(row) {
                text.push_str("null");
                continue;
            }
            let value = array_value_to_string(column.values, row)?;
            // A float may be no number of JSON.
            let is_bare = column.is_bare && !matches!(value.as_str(), "NaN" | "inf" | "-inf");
            text.push_str(&if is_bare { value } else { json(&value)? });
        }
        text.push('}');
        Ok(text)
    }
}

fn json(text: &str) -> Result<String> {
    serde_json::to_string(text).map_err(|e| Error::bug("a computed row as JSON").with_source(e))
}

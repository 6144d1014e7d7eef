//! Apache DataFusion as the SQL engine.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::arrow::compute::cast;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::{SqlEngine, SqlTable};

/// Answers any SQL that [DataFusion](https://datafusion.apache.org) knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct DataFusionEngine;

impl SqlEngine for DataFusionEngine {
    fn query(&self, sql: &str, tables: Vec<SqlTable>) -> Result<Vec<RecordBatch>, String> {
        // On a thread of its own: the caller may be inside an asynchronous runtime, which cannot hold another.
        std::thread::scope(|scope| {
            let running = scope.spawn(|| {
                tokio::runtime::Builder::new_current_thread()
                    .build()
                    .map_err(|error| error.to_string())?
                    .block_on(answer(sql, tables))
            });
            running.join().unwrap_or_else(|_| Err("the SQL engine panicked".to_owned()))
        })
    }
}

async fn answer(sql: &str, tables: Vec<SqlTable>) -> Result<Vec<RecordBatch>, String> {
    let context = SessionContext::new_with_config(exact_numbers(SessionConfig::new()));
    for SqlTable { name, schema, batches } in tables {
        let schema = Arc::new(wide_decimals(&schema));
        let batches = batches.iter().map(|batch| widened(batch, &schema)).collect::<Result<Vec<_>, _>>()?;
        let table = MemTable::try_new(schema, vec![batches]).map_err(|error| error.to_string())?;
        context.register_table(name.as_str(), Arc::new(table)).map_err(|error| error.to_string())?;
    }
    let frame = context.sql(sql).await.map_err(|error| error.to_string())?;
    frame.collect().await.map_err(|error| error.to_string())
}

/// A session in which `0.1` is a decimal and no float.
pub fn exact_numbers(config: SessionConfig) -> SessionConfig {
    config.set_bool("datafusion.sql_parser.parse_float_as_decimal", true)
}

/// The same columns with room for what is calculated: DataFusion 55 adds decimals of 64 bits with wrapping and multiplies them as
/// whole numbers ([its issue 17808](https://github.com/apache/datafusion/issues/17808)), those of 128 bits it calculates exactly or
/// refuses. Every schema that it is given goes through here.
pub fn wide_decimals(schema: &Schema) -> Schema {
    Schema::new_with_metadata(
        schema.fields().iter().map(wide_field).collect::<Vec<_>>(),
        schema.metadata().clone(),
    )
}

fn wide_field(field: &FieldRef) -> FieldRef {
    let data_type = wide_type(field.data_type());
    if data_type == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(Field::clone(field).with_data_type(data_type))
}

fn wide_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(wide_field).collect()),
        DataType::List(element) => DataType::List(wide_field(element)),
        DataType::LargeList(element) => DataType::LargeList(wide_field(element)),
        DataType::FixedSizeList(element, length) => DataType::FixedSizeList(wide_field(element), *length),
        DataType::Map(entries, sorted) => DataType::Map(wide_field(entries), *sorted),
        DataType::Dictionary(keys, values) => DataType::Dictionary(keys.clone(), Box::new(wide_type(values))),
        other => other.clone(),
    }
}

fn widened(batch: &RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch, String> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match column.data_type() == field.data_type() {
        true => Ok(Arc::clone(column)),
        false => cast(column, field.data_type()),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| error.to_string())
}

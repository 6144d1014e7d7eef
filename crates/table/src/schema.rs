//! A contract's columns as Arrow types and schemas, of batches and of published files. The contract itself knows no Arrow.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use quotelake_contract::{Column, ColumnType, Contract};

/// The Arrow type of a batch's column. Text may be dictionary-coded: symbols, currencies and ids repeat.
pub fn arrow_type(ty: ColumnType, dictionary: bool) -> DataType {
    match ty {
        ColumnType::String if dictionary => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        ColumnType::String => DataType::Utf8,
        ColumnType::Int => DataType::Int32,
        ColumnType::Bigint => DataType::Int64,
        ColumnType::Double => DataType::Float64,
        ColumnType::Decimal { precision, scale } if precision <= 18 => {
            DataType::Decimal64(precision, scale as i8)
        }
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale as i8),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        ColumnType::Boolean => DataType::Boolean,
    }
}

/// The column of a batch.
pub fn field(column: &Column) -> Field {
    Field::new(&column.name, arrow_type(column.ty, column.dictionary), column.nullable)
}

/// The schemas of a contract's batches.
pub trait ArrowSchema {
    /// Of a checked batch and of a published file.
    fn schema(&self) -> SchemaRef;
    /// The same with every column nullable: a batch before its missing values are judged.
    fn unchecked_schema(&self) -> SchemaRef;
}

impl ArrowSchema for Contract {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    fn unchecked_schema(&self) -> SchemaRef {
        let nullable = |column| field(column).with_nullable(true);
        Arc::new(Schema::new(self.columns.iter().map(nullable).collect::<Vec<_>>()))
    }
}

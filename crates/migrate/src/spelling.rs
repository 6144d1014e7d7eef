//! The lake's values in the one spelling in which both sides of a reconciliation write a value of a contract's type.
//!
//! | type | spelling |
//! |---|---|
//! | `string` | the text |
//! | `int`, `bigint`, `decimal` | its digits without zeros at the end of a fraction: `12.5` |
//! | `double` | the 64 bits of the float, as 16 hexadecimal digits |
//! | `date` | `YYYY-MM-DD` |
//! | `timestamp` | `YYYY-MM-DDTHH:MM:SS.mmmZ`; milliseconds where the contract's text is that |
//! | `boolean` | `true`, `false` |

use std::fmt::Write as _;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Float64Array, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, TimestampMillisecondType};
use quotelake_contract::cell::EpochUnit;
use quotelake_contract::{Column, ColumnType, Contract};
use quotelake_core::time::{date_from_days, instant_from_ms};
use quotelake_core::{Decimal, Error, Result};
use quotelake_table::arrow_type;

/// A batch's columns, ready to be spelled.
pub(crate) struct SpelledBatch {
    columns: Vec<Values>,
    rows: usize,
}

enum Values {
    /// The batch has no such column.
    Missing,
    Text(StringArray),
    Decimal(Decimal128Array, u8),
    Double(Float64Array),
    Date(Date32Array),
    Instant(TimestampMillisecondArray),
    Boolean(BooleanArray),
}

impl SpelledBatch {
    /// Of some columns of a contract.
    pub(crate) fn new(batch: &RecordBatch, contract: &Contract, columns: &[usize]) -> Result<Self> {
        let columns = columns
            .iter()
            .map(|index| Values::of(batch, &contract.columns[*index]))
            .collect::<Result<_>>()?;
        Ok(Self { columns, rows: batch.num_rows() })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends a value's spelling. False where there is none.
    pub(crate) fn spell(&self, column: usize, row: usize, text: &mut String) -> Result<bool> {
        let Some(values) = self.columns.get(column) else { return Ok(false) };
        values.spell(row, text)
    }
}

impl Values {
    fn of(batch: &RecordBatch, column: &Column) -> Result<Self> {
        let Some(values) = batch.column_by_name(&column.name) else { return Ok(Self::Missing) };
        let scaled = |scale: u8| -> Result<Decimal128Array> {
            let wide = cast(values, &DataType::Decimal128(38, i8::try_from(scale).unwrap_or(0)))?;
            Ok(wide.as_primitive::<Decimal128Type>().clone())
        };
        Ok(match column.ty {
            ColumnType::String => Self::Text(cast(values, &DataType::Utf8)?.as_string::<i32>().clone()),
            ColumnType::Int | ColumnType::Bigint => Self::Decimal(scaled(0)?, 0),
            ColumnType::Decimal { scale, .. } => Self::Decimal(scaled(scale)?, scale),
            ColumnType::Double => {
                Self::Double(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            ColumnType::Date => Self::Date(cast(values, &DataType::Date32)?.as_primitive().clone()),
            ColumnType::Timestamp => {
                let instants = cast(values, &arrow_type(column.ty, false))?;
                let instants = instants.as_primitive::<TimestampMillisecondType>();
                match column.epoch.map(|epoch| epoch.unit) {
                    None => Self::Instant(instants.clone()),
                    Some(unit) => {
                        let (factor, scale) = match unit {
                            EpochUnit::Seconds => (1, 3),
                            EpochUnit::Milliseconds => (1, 0),
                            EpochUnit::Microseconds => (1000, 0),
                            EpochUnit::Nanoseconds => (1_000_000, 0),
                        };
                        Self::Decimal(instants.unary(|ms| i128::from(ms) * factor), scale)
                    }
                }
            }
            ColumnType::Boolean => Self::Boolean(values.as_boolean().clone()),
        })
    }

    fn spell(&self, row: usize, text: &mut String) -> Result<bool> {
        let written = match self {
            Self::Missing => return Ok(false),
            Self::Text(values) if values.is_valid(row) => {
                text.push_str(values.value(row));
                return Ok(true);
            }
            Self::Decimal(values, scale) if values.is_valid(row) => {
                write!(text, "{}", Decimal::new(values.value(row), *scale))
            }
            Self::Double(values) if values.is_valid(row) => {
                write!(text, "{:016x}", values.value(row).to_bits())
            }
            Self::Date(values) if values.is_valid(row) => {
                let date = date_from_days(values.value(row))
                    .ok_or_else(|| Error::invalid("a date is outside the calendar"))?;
                write!(text, "{date}")
            }
            Self::Instant(values) if values.is_valid(row) => {
                let instant = instant_from_ms(values.value(row))?;
                write!(text, "{}", instant.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
            }
            Self::Boolean(values) if values.is_valid(row) => write!(text, "{}", values.value(row)),
            _ => return Ok(false),
        };
        written.map(|()| true).map_err(|e| Error::bug("a text in memory").with_source(e))
    }
}

/// A spelling for people: a float by its digits.
pub(crate) fn shown(ty: ColumnType, spelled: &str) -> String {
    match (ty, u64::from_str_radix(spelled, 16)) {
        (ColumnType::Double, Ok(bits)) if spelled.len() == 16 => f64::from_bits(bits).to_string(),
        _ => spelled.to_owned(),
    }
}

//! Computed rows in the types of their contract. No value is changed on the way but a decimal's digits behind the point, which are
//! rounded half to even. What does not fit is a fault of its row, never a missing value that nobody hears of.
//!
//! | computed | contract | |
//! |---|---|---|
//! | integer, decimal | `int`, `bigint`, `decimal` | exact, rounded half to even; one that is too large is a fault |
//! | float | `int`, `bigint`, `decimal` | where it is exactly such a number; any other is a fault: the model has to round it itself |
//! | integer, decimal, float | `double` | the nearest one; not a number and infinity are faults |
//! | text, coded or not | `string` | as it is |
//! | date, instant at midnight UTC | `date` | an instant at another time is a fault |
//! | instant, date | `timestamp` | in milliseconds, what is smaller is cut; of no zone it is UTC; a date is its midnight |
//! | boolean | `boolean` | as it is |
//! | nothing (`NULL`) | any | missing |
//!
//! Any other pair is an error of the model, not of a row.

mod numbers;

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Date32Array, RecordBatch, new_null_array};
use arrow::array::{Float64Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::util::display::array_value_to_string;
use quotelake_contract::{Column, ColumnType, Contract};
use quotelake_core::{Error, Result};
use quotelake_table::{ArrowSchema as _, RowFault, arrow_type};

use numbers::Numbers;

const DAY_MS: i64 = 86_400_000;

/// Rows in the contract's columns and types; a value that did not fit is missing, and its row has a fault.
#[derive(Debug)]
pub(crate) struct Conformed {
    /// By the contract's schema with every column nullable.
    pub(crate) rows: RecordBatch,
    /// What did not fit, by the row's number in the batch.
    pub(crate) faults: Vec<(usize, RowFault)>,
}

/// The columns of a contract, by name. `Config` for a column that is missing or too many, or of a type that cannot become the
/// contract's.
pub(crate) fn conform(contract: &Contract, rows: &RecordBatch) -> Result<Conformed> {
    let schema = rows.schema();
    let unknown = schema.fields().iter().find(|field| contract.index_of(field.name()).is_none());
    if let Some(field) = unknown {
        return Err(Error::config(format!(
            "the model {} computes a column {:?} that its contract does not have",
            contract.name,
            field.name()
        )));
    }
    let mut faults = Vec::new();
    let mut columns = Vec::with_capacity(contract.columns.len());
    for column in &contract.columns {
        let values = rows.column_by_name(&column.name).ok_or_else(|| {
            Error::config(format!("the model {} computes no column {:?}", contract.name, column.name))
        })?;
        columns.push(Fit { contract, column, values, faults: &mut faults }.fit()?);
    }
    faults.sort_by_key(|(row, _)| *row);
    Ok(Conformed { rows: RecordBatch::try_new(contract.unchecked_schema(), columns)?, faults })
}

/// One column on its way into the contract's type.
struct Fit<'a> {
    contract: &'a Contract,
    column: &'a Column,
    values: &'a ArrayRef,
    faults: &'a mut Vec<(usize, RowFault)>,
}

impl Fit<'_> {
    fn fit(mut self) -> Result<ArrayRef> {
        let (from, to) = (self.values.data_type(), arrow_type(self.column.ty, self.column.dictionary));
        if let (ColumnType::Double, DataType::Float64) = (self.column.ty, from) {
            return self.finite();
        }
        if *from == to {
            return Ok(Arc::clone(self.values));
        }
        if *from == DataType::Null {
            return Ok(new_null_array(&to, self.values.len()));
        }
        match self.column.ty {
            ColumnType::String => self.text(&to),
            ColumnType::Int => {
                let whole = self.exact(0, |n| i32::try_from(n).ok())?;
                Ok(Arc::new(Int32Array::from(whole)))
            }
            ColumnType::Bigint => {
                let whole = self.exact(0, |n| i64::try_from(n).ok())?;
                Ok(Arc::new(Int64Array::from(whole)))
            }
            ColumnType::Decimal { precision, scale } => {
                let least = 10_i128.checked_pow(precision.into()).unwrap_or(i128::MAX);
                let value = |n: i128| (n.unsigned_abs() < least.unsigned_abs()).then_some(n);
                numbers::decimals(self.exact(scale, value)?, precision, scale as i8)
            }
            ColumnType::Double => self.finite(),
            ColumnType::Date => self.dates(),
            ColumnType::Timestamp => self.instants(),
            ColumnType::Boolean => Err(self.cannot_be()),
        }
    }

    /// Texts in the coding that the contract wants.
    fn text(self, to: &DataType) -> Result<ArrayRef> {
        let plain: ArrayRef = match self.values.data_type() {
            DataType::Utf8 => Arc::clone(self.values),
            DataType::Dictionary(_, values) if **values == DataType::Utf8 => {
                cast(self.values, &DataType::Utf8)?
            }
            DataType::LargeUtf8 => Arc::new(self.values.as_string::<i64>().iter().collect::<StringArray>()),
            DataType::Utf8View => Arc::new(self.values.as_string_view().iter().collect::<StringArray>()),
            _ => return Err(self.cannot_be()),
        };
        if *to == DataType::Utf8 { Ok(plain) } else { Ok(cast(&plain, to)?) }
    }

    /// Numbers of a scale, each given to `value`, which says whether it fits.
    fn exact<T>(&mut self, scale: u8, value: impl Fn(i128) -> Option<T>) -> Result<Vec<Option<T>>> {
        let numbers = Numbers::of(self.values).ok_or_else(|| self.cannot_be())?;
        let mut all = Vec::with_capacity(self.values.len());
        for row in 0..self.values.len() {
            if self.values.is_null(row) {
                all.push(None);
                continue;
            }
            let fitting = numbers.scaled(row, scale.into()).and_then(&value);
            if fitting.is_none() {
                let why = match numbers {
                    Numbers::Floats(_) => "is a float and exactly no",
                    Numbers::Exact(_) | Numbers::Wide(..) => "is too large for",
                };
                self.fault(row, &format!("{why} {}", self.column.ty))?;
            }
            all.push(fitting);
        }
        Ok(all)
    }

    fn finite(mut self) -> Result<ArrayRef> {
        let numbers = Numbers::of(self.values).ok_or_else(|| self.cannot_be())?;
        let mut all: Vec<Option<f64>> = Vec::with_capacity(self.values.len());
        for row in 0..self.values.len() {
            let value = self.values.is_valid(row).then(|| numbers.nearest(row));
            if value.is_some_and(|value| !value.is_finite()) {
                self.fault(row, "is not a finite number")?;
            }
            all.push(value.filter(|value| value.is_finite()));
        }
        Ok(Arc::new(Float64Array::from(all)))
    }

    fn dates(mut self) -> Result<ArrayRef> {
        let instants = self.milliseconds().ok_or_else(|| self.cannot_be())?;
        let mut days = Vec::with_capacity(instants.len());
        for (row, ms) in instants.into_iter().enumerate() {
            let Some(ms) = ms else {
                days.push(None);
                continue;
            };
            let day = ms.filter(|ms| ms % DAY_MS == 0).and_then(|ms| i32::try_from(ms / DAY_MS).ok());
            if day.is_none() {
                self.fault(row, "is an instant and no date")?;
            }
            days.push(day);
        }
        Ok(Arc::new(Date32Array::from(days)))
    }

    fn instants(mut self) -> Result<ArrayRef> {
        let instants = self.milliseconds().ok_or_else(|| self.cannot_be())?;
        let mut all = Vec::with_capacity(instants.len());
        for (row, ms) in instants.into_iter().enumerate() {
            if ms == Some(None) {
                self.fault(row, "is out of range for timestamp")?;
            }
            all.push(ms.flatten());
        }
        Ok(Arc::new(TimestampMillisecondArray::from(all).with_timezone("UTC")))
    }

    /// Dates and instants in milliseconds since 1970: `None` for a missing one, `Some(None)` for one that is out of range. Nothing
    /// of other types.
    fn milliseconds(&self) -> Option<Vec<Option<Option<i64>>>> {
        let values = self.values;
        macro_rules! each {
            ($ty:ty, $ms:expr) => {
                values.as_primitive::<$ty>().iter().map(|value| value.map($ms)).collect()
            };
        }
        Some(match values.data_type() {
            DataType::Date32 => each!(Date32Type, |day| i64::from(day).checked_mul(DAY_MS)),
            DataType::Date64 => each!(Date64Type, Some),
            DataType::Timestamp(TimeUnit::Second, _) => {
                each!(TimestampSecondType, |s: i64| s.checked_mul(1000))
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => each!(TimestampMillisecondType, Some),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                each!(TimestampMicrosecondType, |us: i64| Some(us.div_euclid(1000)))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                each!(TimestampNanosecondType, |ns: i64| Some(ns.div_euclid(1_000_000)))
            }
            _ => return None,
        })
    }

    fn fault(&mut self, row: usize, what: &str) -> Result<()> {
        // A value that is on no calendar has no text.
        let value = array_value_to_string(self.values, row).unwrap_or_else(|_| "the value".to_owned());
        let fault = RowFault {
            code: "type_mismatch",
            column: Some(self.column.name.clone()),
            detail: format!("{value} {what}"),
        };
        self.faults.push((row, fault));
        Ok(())
    }

    fn cannot_be(&self) -> Error {
        Error::config(format!(
            "the model {} computes column {:?} as {}, its contract says {}",
            self.contract.name,
            self.column.name,
            self.values.data_type(),
            self.column.ty
        ))
    }
}

#[cfg(test)]
mod tests;

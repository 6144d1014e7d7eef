//! Columns of a batch by name: texts, dates, instants and decimals, and how they are written back.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, Decimal128Array, DictionaryArray, RecordBatch,
    StringArray, StringDictionaryBuilder, TimestampMillisecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DataType, Date32Type, Decimal128Type, Int32Type,
    TimestampMillisecondType,
};

use super::decimals::SCALE;
use quotelake_core::{Error, Result};

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::invalid(format!("there is no column {name}")))
}

/// A column of texts, dictionary-coded or not.
#[derive(Debug)]
pub(crate) enum Texts {
    Plain(StringArray),
    Coded(DictionaryArray<Int32Type>, StringArray),
}

impl Texts {
    /// `InvalidInput` when the batch has no such column of texts.
    pub(crate) fn of(batch: &RecordBatch, name: &str) -> Result<Self> {
        let array = column(batch, name)?;
        if let Some(coded) = array.as_dictionary_opt::<Int32Type>()
            && let Some(values) = coded.values().as_string_opt::<i32>()
        {
            return Ok(Self::Coded(coded.clone(), values.clone()));
        }
        let plain = cast(array, &DataType::Utf8)?;
        match plain.as_string_opt::<i32>() {
            Some(plain) => Ok(Self::Plain(plain.clone())),
            None => Err(Error::invalid(format!("column {name} holds no texts"))),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Plain(texts) => texts.is_valid(row).then(|| texts.value(row)),
            Self::Coded(codes, texts) => {
                let code = usize::try_from(codes.keys().value(row)).ok().filter(|_| codes.is_valid(row))?;
                texts.is_valid(code).then(|| texts.value(code))
            }
        }
    }

    /// Whether a row surely has the text of the row before. Not of the first row.
    pub(crate) fn repeats(&self, row: usize) -> bool {
        match self {
            Self::Plain(_) => self.get(row) == self.get(row - 1),
            Self::Coded(codes, _) => {
                codes.is_valid(row)
                    && codes.is_valid(row - 1)
                    && codes.keys().value(row) == codes.keys().value(row - 1)
            }
        }
    }
}

/// A column of dates.
pub(crate) fn dates(batch: &RecordBatch, name: &str) -> Result<Date32Array> {
    primitive::<Date32Type>(batch, name, "dates")
}

/// A column of instants in milliseconds.
pub(crate) fn instants(batch: &RecordBatch, name: &str) -> Result<TimestampMillisecondArray> {
    primitive::<TimestampMillisecondType>(batch, name, "instants")
}

fn primitive<T: ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &str,
    what: &str,
) -> Result<arrow::array::PrimitiveArray<T>> {
    column(batch, name)?
        .as_primitive_opt::<T>()
        .cloned()
        .ok_or_else(|| Error::invalid(format!("column {name} holds no {what}")))
}

/// A column of decimals in units of [`SCALE`] places. `InvalidInput` when it holds none; a value that has more digits than fit is one, too.
pub(crate) fn decimals(batch: &RecordBatch, name: &str) -> Result<Decimal128Array> {
    let array = column(batch, name)?;
    if !array.data_type().is_decimal() {
        return Err(Error::invalid(format!("column {name} holds no decimals")));
    }
    let wide = DataType::Decimal128(DECIMAL128_MAX_PRECISION, SCALE);
    let read = if *array.data_type() == wide { Arc::clone(array) } else { cast(array, &wide)? };
    if read.null_count() > array.null_count() {
        return Err(Error::invalid(format!("column {name} has a number of more than 38 digits")));
    }
    Ok(read.as_primitive::<Decimal128Type>().clone())
}

/// The value of a row, where there is one.
pub(crate) fn value<T: ArrowPrimitiveType>(
    array: &arrow::array::PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}

/// Decimals of 38 digits and so many places.
pub(crate) fn decimal_array(values: Vec<Option<i128>>, scale: i8) -> Result<ArrayRef> {
    let array = Decimal128Array::from(values);
    Ok(Arc::new(array.with_precision_and_scale(DECIMAL128_MAX_PRECISION, scale)?))
}

/// The type of [`decimal_array`].
pub(crate) fn decimal_type(scale: i8) -> DataType {
    DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)
}

/// The type of [`coded_texts`].
pub(crate) fn text_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Texts, dictionary-coded.
pub(crate) fn coded_texts<'t>(texts: impl Iterator<Item = Option<&'t str>>) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    texts.for_each(|text| builder.append_option(text));
    Arc::new(builder.finish())
}

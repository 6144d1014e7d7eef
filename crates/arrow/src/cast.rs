//! Columns of one type as columns of another: the pairs of types that the lake and its rules need.
//!
//! `arrow-cast` does this for every pair. It is the slowest crate to compile of all that the program would need, and six megabytes of
//! it; here are texts, numbers, dates and instants. What is cast is cast as there: `tests/as_arrow_casts.rs` compares the two.
//!
//! `numbers` goes by way of 128-bit integers from each type to each, `instants` by way of 64-bit counts, and `texts` spells values as
//! `display` does. Dictionaries and runs are looked through here.

mod instants;
mod numbers;
mod texts;

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int16Type, Int32Type, Int64Type, RunEndIndexType};
use arrow_array::{Array, ArrayRef, DictionaryArray, UInt64Array, make_array, new_null_array};
use arrow_schema::{ArrowError, DataType};
use arrow_select::take::take;

/// What becomes of a value that the other type does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CastOptions {
    /// True: it is NULL. False: it is an error.
    pub safe: bool,
}

/// A column in another type; NULL for a value that it does not hold. `CastError` where the two types are no pair.
pub fn cast(array: &dyn Array, to: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, to, &CastOptions { safe: true })
}

/// A column in another type. `CastError` where the two types are no pair, and for a value that the other type does not hold where
/// the options say so.
pub fn cast_with_options(
    array: &dyn Array,
    to: &DataType,
    options: &CastOptions,
) -> Result<ArrayRef, ArrowError> {
    use DataType::{
        Date32, Date64, Decimal64, Decimal128, Dictionary, Float64, Int32, Int64, LargeUtf8, Null,
        RunEndEncoded, Timestamp, UInt64, Utf8, Utf8View,
    };
    let safe = options.safe;
    let from = array.data_type();
    if from == to {
        return Ok(make_array(array.to_data()));
    }
    match (from, to) {
        (Null, _) => Ok(new_null_array(to, array.len())),
        (Dictionary(..), Dictionary(keys, values)) => coded_otherwise(array, keys, values, options),
        (Dictionary(..), _) => {
            let coded = array.as_any_dictionary_opt().ok_or_else(|| no_pair(from, to))?;
            take(&cast_with_options(coded.values(), to, options)?, coded.keys(), None)
        }
        (RunEndEncoded(..), _) => cast_with_options(&unfolded(array)?, to, options),
        (_, Dictionary(keys, values)) if **keys == Int32 && **values == Utf8 => coded(&texts::texts(array)?),
        (_, Utf8) => Ok(Arc::new(texts::texts(array)?)),
        (Utf8 | LargeUtf8 | Utf8View, Date32) => texts::days(array, safe),
        (_, Date32) => instants::days(array, safe),
        (Timestamp(..) | Date32 | Date64, Timestamp(..)) => instants::instants(array, to, safe),
        (_, Timestamp(..)) if from.is_numeric() => {
            instants::counted(cast_with_options(array, &Int64, options)?.as_primitive::<Int64Type>(), to)
        }
        (Timestamp(..), _) if to.is_numeric() => cast_with_options(&instants::counts(array)?, to, options),
        (Date32 | Date64, Int32 | Int64) => cast_with_options(&instants::counts(array)?, to, options),
        (_, Int32 | Int64 | UInt64 | Decimal64(..) | Decimal128(..) | Float64) => {
            numbers::numbers(array, to, safe)
        }
        _ => Err(no_pair(from, to)),
    }
}

fn no_pair(from: &DataType, to: &DataType) -> ArrowError {
    ArrowError::CastError(format!("{from} is not cast to {to}"))
}

fn unfit(value: impl std::fmt::Display, to: &DataType) -> ArrowError {
    ArrowError::CastError(format!("{value} is not a value of {to}"))
}

/// Texts by numbers of 32 bits, in the order in which they are first seen.
fn coded(texts: &arrow_array::StringArray) -> Result<ArrayRef, ArrowError> {
    let mut coded = StringDictionaryBuilder::<Int32Type>::new();
    for text in texts {
        match text {
            Some(text) => drop(coded.append(text)?),
            None => coded.append_null(),
        }
    }
    Ok(Arc::new(coded.finish()))
}

/// A dictionary with keys and values of other types; the values keep their order.
fn coded_otherwise(
    array: &dyn Array,
    keys: &DataType,
    values: &DataType,
    options: &CastOptions,
) -> Result<ArrayRef, ArrowError> {
    let to = DataType::Dictionary(Box::new(keys.clone()), Box::new(values.clone()));
    let wrong = || no_pair(array.data_type(), &to);
    let coded = array.as_any_dictionary_opt().ok_or_else(wrong)?;
    // A key that does not fit would point nowhere: it is an error whatever becomes of values.
    let keys = cast_with_options(coded.keys(), keys, &CastOptions { safe: false })?;
    let keys = keys.as_primitive_opt::<Int32Type>().ok_or_else(wrong)?;
    Ok(Arc::new(DictionaryArray::try_new(keys.clone(), cast_with_options(coded.values(), values, options)?)?))
}

/// Each row's value of a column of runs.
fn unfolded(array: &dyn Array) -> Result<ArrayRef, ArrowError> {
    fn rows<R: RunEndIndexType>(array: &dyn Array) -> Option<Result<ArrayRef, ArrowError>> {
        let runs = array.as_run_opt::<R>()?;
        let places: UInt64Array = (0..runs.len()).map(|row| runs.get_physical_index(row) as u64).collect();
        Some(take(runs.values(), &places, None))
    }
    rows::<Int16Type>(array)
        .or_else(|| rows::<Int32Type>(array))
        .or_else(|| rows::<Int64Type>(array))
        .unwrap_or_else(|| Err(ArrowError::CastError(format!("{} is no column of runs", array.data_type()))))
}

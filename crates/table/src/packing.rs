//! Columns as they are staged: whole numbers by their steps, in as few bytes as the greatest needs, and dictionary codes in as
//! few as the dictionary needs. A million bars take 35 MB instead of 105.
//!
//! The field of a packed column says what its numbers stand for: `base + step * number`, of the type that it names.
//!
//! A staged object is written once and read once, so its bytes are most of its cost, and compressing them takes longer than
//! writing them (ADR 0012, docs/adr/0012-packed-staged-columns.md). Codes are whole bytes and not bits, in Arrow's unsigned
//! types: the file stays valid Arrow IPC, and a partition's rows are cut out of it without unpacking. The IPC schema has one
//! field a column for the whole file, so a column of all batches is packed together before its rows are split by partition.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBufferBuilder, DictionaryArray, PrimitiveArray, StringArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::concat;
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowNativeType as _, ArrowPrimitiveType, DataType, Date32Type, Decimal64Type,
    Decimal128Type, Field, FieldRef, Int32Type, Int64Type, TimestampMillisecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use super::columns::TextDictionary;
use super::steps::Steps;
use super::wide_steps::WideSteps;
use quotelake_core::{Error, Result};

/// Keys of a packed field's metadata. They are a stored format: objects that an older version staged are read by them, and a
/// field without them holds its values as they are.
pub(super) const TYPE: &str = "quotelake.type";
pub(super) const BASE: &str = "quotelake.base";
pub(super) const STEP: &str = "quotelake.step";

/// A column of several batches as one packed column, and its field. A column that cannot be packed is as it was.
pub(super) fn pack(field: &Field, parts: &[&ArrayRef]) -> Result<(Field, ArrayRef)> {
    let packed = match field.data_type() {
        DataType::Int32 => numbers::<Int32Type>(field, parts),
        DataType::Int64 => numbers::<Int64Type>(field, parts),
        DataType::Date32 => numbers::<Date32Type>(field, parts),
        DataType::Decimal64(..) => numbers::<Decimal64Type>(field, parts),
        DataType::Decimal128(..) => wide_numbers(field, parts),
        DataType::Timestamp(..) => numbers::<TimestampMillisecondType>(field, parts),
        DataType::Dictionary(..) => texts(field, parts)?,
        _ => None,
    };
    match packed {
        Some(packed) => Ok(packed),
        None => {
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            Ok((field.clone(), concat(&parts)?))
        }
    }
}

fn numbers<T: ArrowPrimitiveType>(field: &Field, parts: &[&ArrayRef]) -> Option<(Field, ArrayRef)>
where
    T::Native: Into<i64>,
{
    let parts: Vec<&PrimitiveArray<T>> =
        parts.iter().map(|part| part.as_primitive_opt()).collect::<Option<_>>()?;
    let nulls = nulls(parts.iter().map(|part| *part as &dyn Array));
    // What is where no value is would make the range wider and the step smaller.
    let steps = match nulls {
        None => Steps::of(|| parts.iter().flat_map(|part| part.values()).map(|value| (*value).into())),
        Some(_) => Steps::of(|| parts.iter().flat_map(|part| part.iter()).flatten().map(Into::into)),
    };
    let code = |value: T::Native| steps.code(value.into());
    let codes = narrowed::<T>(&parts, steps.greatest(), code, nulls)?;
    Some(packed(field, codes, steps.base(), steps.step()))
}

/// The same for numbers of up to 38 digits.
fn wide_numbers(field: &Field, parts: &[&ArrayRef]) -> Option<(Field, ArrayRef)> {
    let parts: Vec<&PrimitiveArray<Decimal128Type>> =
        parts.iter().map(|part| part.as_primitive_opt()).collect::<Option<_>>()?;
    let nulls = nulls(parts.iter().map(|part| *part as &dyn Array));
    let steps = match nulls {
        None => WideSteps::of(|| parts.iter().flat_map(|part| part.values()).copied()),
        Some(_) => WideSteps::of(|| parts.iter().flat_map(|part| part.iter()).flatten()),
    }?;
    let codes = narrowed::<Decimal128Type>(&parts, steps.greatest(), |value| steps.code(value), nulls)?;
    Some(packed(field, codes, steps.base(), steps.step()))
}

/// The codes of a column in as few bytes as the greatest needs. `None` where that is as many as the values take: such a column
/// is staged as it is, which is copied and not computed when it is read.
fn narrowed<T: ArrowPrimitiveType>(
    parts: &[&PrimitiveArray<T>],
    greatest: u64,
    code: impl Fn(T::Native) -> u64,
    nulls: Option<NullBuffer>,
) -> Option<ArrayRef> {
    let codes: ArrayRef = match greatest {
        0..=0xff => Arc::new(codes::<T, UInt8Type>(parts, code, nulls)),
        0x100..=0xffff => Arc::new(codes::<T, UInt16Type>(parts, code, nulls)),
        0x1_0000..=0xffff_ffff if size_of::<T::Native>() > 4 => {
            Arc::new(codes::<T, UInt32Type>(parts, code, nulls))
        }
        _ if size_of::<T::Native>() > 8 => Arc::new(codes::<T, UInt64Type>(parts, code, nulls)),
        _ => return None,
    };
    Some(codes)
}

/// A packed column and what its numbers stand for.
fn packed(field: &Field, codes: ArrayRef, base: impl ToString, step: impl ToString) -> (Field, ArrayRef) {
    let meaning = [
        (TYPE.to_owned(), field.data_type().to_string()),
        (BASE.to_owned(), base.to_string()),
        (STEP.to_owned(), step.to_string()),
    ];
    let field = Field::new(field.name(), codes.data_type().clone(), field.is_nullable());
    (field.with_metadata(HashMap::from(meaning)), codes)
}

fn codes<T: ArrowPrimitiveType, C: ArrowPrimitiveType>(
    parts: &[&PrimitiveArray<T>],
    code: impl Fn(T::Native) -> u64,
    nulls: Option<NullBuffer>,
) -> PrimitiveArray<C>
where
    C::Native: TryFrom<u64>,
{
    let mut codes: Vec<C::Native> = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        // What is where no value is may have no code that fits; nobody reads it.
        let narrow = |value: &T::Native| C::Native::try_from(code(*value)).unwrap_or_default();
        codes.extend(part.values().iter().map(narrow));
    }
    PrimitiveArray::new(codes.into(), nulls)
}

fn texts(field: &Field, parts: &[&ArrayRef]) -> Result<Option<(Field, ArrayRef)>> {
    let parts: Option<Vec<&DictionaryArray<Int32Type>>> =
        parts.iter().map(|part| part.as_dictionary_opt()).collect();
    let Some(parts) = parts else { return Ok(None) };
    let Some(values) = parts.first().map(|part| part.values()) else { return Ok(None) };
    if !parts.iter().all(|part| Arc::ptr_eq(part.values(), values)) {
        // Batches of several decoders: codes of different dictionaries.
        return Ok(None);
    }
    let keys: Vec<&PrimitiveArray<Int32Type>> = parts.iter().map(|part| part.keys()).collect();
    // So many values have codes from 0 to one less.
    let array = match values.len() {
        0..=0x100 => narrow_keys::<UInt8Type>(&keys, values)?,
        0x101..=0x1_0000 => narrow_keys::<UInt16Type>(&keys, values)?,
        _ => return Ok(None),
    };
    Ok(Some((Field::new(field.name(), array.data_type().clone(), field.is_nullable()), array)))
}

fn narrow_keys<K: ArrowDictionaryKeyType>(
    keys: &[&PrimitiveArray<Int32Type>],
    values: &ArrayRef,
) -> Result<ArrayRef>
where
    K::Native: TryFrom<u64>,
{
    let nulls = nulls(keys.iter().map(|part| *part as &dyn Array));
    let codes = codes::<Int32Type, K>(keys, |key| key as u64, nulls);
    Ok(Arc::new(DictionaryArray::<K>::try_new(codes, Arc::clone(values))?))
}

/// Where several columns, one after the other, have no value; `None` where all rows have one.
pub(super) fn nulls<'a>(parts: impl Iterator<Item = &'a dyn Array> + Clone) -> Option<NullBuffer> {
    if parts.clone().all(|part| part.null_count() == 0) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(parts.clone().map(|part| part.len()).sum());
    for part in parts {
        match part.nulls() {
            Some(nulls) => valid.append_buffer(nulls.inner()),
            None => valid.append_n(part.len(), true),
        }
    }
    Some(NullBuffer::new(valid.finish()))
}

/// A packed column, or one that is as it was, and its field.
pub(super) type Packed = (FieldRef, ArrayRef);

/// The codes of a dictionary-coded column's values in a dictionary that grows.
pub(super) fn codes_of(column: &ArrayRef, dictionary: &mut TextDictionary) -> Result<Vec<i32>> {
    let values: Option<&StringArray> =
        column.as_any_dictionary_opt().and_then(|column| column.values().as_string_opt());
    let values = values.filter(|values| values.null_count() == 0);
    let values = values.ok_or_else(|| Error::damaged("is damaged: a text column has no texts"))?;
    Ok(values.iter().flatten().map(|value| dictionary.push(value.as_bytes(), value.len())).collect())
}

/// Dictionary-coded columns, one after the other, as one with the wanted dictionary. Each part comes with its values'
/// codes there.
pub(super) fn recode(parts: &[(&[i32], ArrayRef)], values: &Arc<StringArray>) -> Result<ArrayRef> {
    let rows = parts.iter().map(|(_, part)| part.len()).sum();
    let mut keys: Vec<i32> = Vec::with_capacity(rows);
    for (codes, part) in parts {
        let all_known = match part.data_type() {
            DataType::Dictionary(key, _) if **key == DataType::UInt8 => {
                recode_keys::<UInt8Type>(part, codes, &mut keys)
            }
            DataType::Dictionary(key, _) if **key == DataType::UInt16 => {
                recode_keys::<UInt16Type>(part, codes, &mut keys)
            }
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                recode_keys::<Int32Type>(part, codes, &mut keys)
            }
            _ => false,
        };
        if !all_known {
            return Err(Error::damaged("is damaged: a text column has codes without texts"));
        }
    }
    let keys = if values.is_empty() {
        PrimitiveArray::<Int32Type>::new_null(rows)
    } else {
        PrimitiveArray::new(keys.into(), nulls(parts.iter().map(|(_, part)| part.as_ref())))
    };
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::<StringArray>::clone(values))?))
}

/// Appends a part's keys by their codes. False where a row with a value has a key without one.
fn recode_keys<K: ArrowDictionaryKeyType>(part: &ArrayRef, codes: &[i32], keys: &mut Vec<i32>) -> bool {
    let column = part.as_dictionary::<K>().keys();
    let mut all_known = true;
    keys.extend(column.values().iter().enumerate().map(|(row, key)| {
        codes.get(key.as_usize()).copied().unwrap_or_else(|| {
            // A row without a value may hold any key.
            all_known &= column.is_null(row);
            0
        })
    }));
    all_known
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal64Array, Int32Array, TimestampMillisecondArray};
    use proptest::prelude::*;

    use super::*;
    use crate::unpacking::unpack;

    /// Columns, packed each for itself as two objects would be, and unpacked together.
    fn there_and_back(field: &Field, columns: &[ArrayRef]) -> Result<ArrayRef> {
        let packed: Vec<Packed> = columns
            .iter()
            .map(|column| pack(field, &[column]).map(|(field, column)| (Arc::new(field), column)))
            .collect::<Result<_>>()?;
        unpack(field, &packed)
    }

    proptest! {
        /// Whatever the values, their distances and where there are none.
        #[test]
        fn numbers_come_back(
            parts in proptest::collection::vec(
                (any::<i64>(), 0u32..60, proptest::collection::vec(proptest::option::of(0i64..300), 0..50)),
                1..4,
            ),
        ) {
            let columns: Vec<ArrayRef> = parts
                .iter()
                .map(|(base, shift, values)| {
                    let value = |value: &i64| base.wrapping_add(value << shift);
                    let values: Decimal64Array = values.iter().map(|v| v.as_ref().map(value)).collect();
                    Arc::new(values.with_data_type(DataType::Decimal64(18, 8))) as ArrayRef
                })
                .collect();
            let field = Field::new("price", DataType::Decimal64(18, 8), true);
            let expected = concat(&columns.iter().map(AsRef::as_ref).collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(&there_and_back(&field, &columns).unwrap(), &expected);
        }
    }

    #[test]
    fn prices_times_and_codes_take_few_bytes() {
        let price = Field::new("price", DataType::Decimal64(18, 8), false);
        let column = Decimal64Array::from(vec![13_397_000_000, 13_688_000_000, 13_363_000_000]);
        let column: ArrayRef = Arc::new(column.with_data_type(price.data_type().clone()));
        let (field, packed) = pack(&price, &[&column, &column]).unwrap();
        assert_eq!(packed.as_primitive::<UInt16Type>().values(), &[34, 325, 0, 34, 325, 0]);
        let meaning = |key: &str| field.metadata()[key].clone();
        let found = [meaning(TYPE), meaning(BASE), meaning(STEP)];
        assert_eq!(found, ["Decimal64(18, 8)", "13363000000", "1000000"]);

        let time = DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, Some("UTC".into()));
        let minutes = TimestampMillisecondArray::from(vec![1_790_553_600_000, 1_790_553_660_000]);
        let minutes: ArrayRef = Arc::new(minutes.with_timezone("UTC"));
        let (_, packed) = pack(&Field::new("ts", time, false), &[&minutes]).unwrap();
        assert_eq!(packed.as_primitive::<UInt8Type>().values(), &[0, 1]);

        // A column that needs all of its bytes stays as it is.
        let wide: ArrayRef = Arc::new(Int32Array::from(vec![i32::MIN, 0, i32::MAX]));
        let (field, packed) = pack(&Field::new("n", DataType::Int32, false), &[&wide]).unwrap();
        assert!(field.metadata().is_empty());
        assert_eq!(packed.data_type(), &DataType::Int32);
    }

    /// A price that was staged under another scale must never be read as one of this.
    #[test]
    fn another_type_or_a_number_out_of_range_is_an_error() {
        let staged = Field::new("price", DataType::Decimal64(18, 4), false);
        let column = Decimal64Array::from(vec![1_000_000, 2_000_000]);
        let column: ArrayRef = Arc::new(column.with_data_type(staged.data_type().clone()));
        let (field, packed) = pack(&staged, &[&column]).unwrap();
        let wanted = Field::new("price", DataType::Decimal64(18, 8), false);
        let error = unpack(&wanted, &[(Arc::new(field), packed)]).unwrap_err().to_string();
        assert!(
            error.contains("was staged as Decimal64(18, 4), the contract says Decimal64(18, 8)"),
            "{error}"
        );

        let date = Field::new("date", DataType::Date32, false);
        let days: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![1, 2]));
        let (field, packed) = pack(&date, &[&days]).unwrap();
        let mut meaning = field.metadata().clone();
        meaning.insert(BASE.to_owned(), i64::MAX.to_string());
        let error =
            unpack(&date, &[(Arc::new(field.with_metadata(meaning)), packed)]).unwrap_err().to_string();
        assert!(error.contains("\"date\" holds numbers out of its range"), "{error}");
    }

    #[test]
    fn texts_of_two_objects_share_a_dictionary() {
        let field =
            Field::new("symbol", DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into()), true);
        let column = |texts: &[Option<&str>]| -> ArrayRef {
            let (_, packed) = pack(
                &field,
                &[&(Arc::new(texts.iter().copied().collect::<DictionaryArray<Int32Type>>()) as ArrayRef)],
            )
            .unwrap();
            packed
        };
        let columns =
            [column(&[Some("B"), None, Some("A")]), column(&[Some("A"), Some("C")]), column(&[None])];
        let mut dictionary = TextDictionary::default();
        let codes: Vec<Vec<i32>> =
            columns.iter().map(|column| codes_of(column, &mut dictionary).unwrap()).collect();
        let parts: Vec<(&[i32], ArrayRef)> =
            codes.iter().map(Vec::as_slice).zip(columns.iter().cloned()).collect();
        let texts = Arc::new(dictionary.values().unwrap());
        let all = recode(&parts, &texts).unwrap();
        let all = all.as_dictionary::<Int32Type>().downcast_dict::<StringArray>().unwrap();
        let found: Vec<Option<&str>> = all.into_iter().collect();
        assert_eq!(found, [Some("B"), None, Some("A"), Some("A"), Some("C"), None]);
        assert_eq!(all.values().len(), 3);
        let error = recode(&[(&codes[0][..1], columns[0].clone())], &texts).unwrap_err().to_string();
        assert!(error.contains("codes without texts"), "{error}");
    }
}

//! Staged columns as columns of the contract again: the way back of [`super::packing`].

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::concat;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal64Type, Decimal128Type, Field, Int32Type, Int64Type,
    TimestampMillisecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use super::packing::{BASE, Packed, STEP, TYPE, nulls};
use super::steps::after;
use super::widening::{factor, widened};
use quotelake_core::{Error, Result};

/// Packed columns, one after the other, as a column of the wanted type. Integers and decimals that were staged under a narrower type are
/// widened, exactly. `InvalidInput` for columns that were of any other type, or hold no value of this one.
pub(super) fn unpack(wanted: &Field, parts: &[Packed]) -> Result<ArrayRef> {
    let damaged = || Error::invalid(format!("column {:?} holds numbers out of its range", wanted.name()));
    let unpacked = match wanted.data_type() {
        DataType::Int32 => numbers::<Int32Type>(wanted, parts),
        DataType::Int64 => long_integers(wanted, parts),
        DataType::Date32 => numbers::<Date32Type>(wanted, parts),
        DataType::Decimal64(..) if parts.iter().all(|part| is_of(wanted, part)) => {
            numbers::<Decimal64Type>(wanted, parts)
        }
        DataType::Decimal64(..) => decimals::<Decimal64Type>(wanted, parts),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(wanted, parts),
        DataType::Timestamp(..) => numbers::<TimestampMillisecondType>(wanted, parts),
        _ => {
            parts.iter().try_for_each(|(_, part)| has_type(wanted, &part.data_type().to_string()))?;
            let parts: Vec<&dyn Array> = parts.iter().map(|(_, part)| part.as_ref()).collect();
            return Ok(concat(&parts)?);
        }
    };
    unpacked?.ok_or_else(damaged)
}

/// Integers of 64 bits, or of the 32 that they had before.
fn long_integers(wanted: &Field, parts: &[Packed]) -> Result<Option<ArrayRef>> {
    if parts.iter().all(|part| is_of(wanted, part)) {
        return numbers::<Int64Type>(wanted, parts);
    }
    let mut wide = Vec::with_capacity(parts.len());
    for (field, part) in parts {
        let found = type_of(field);
        let before = DataType::Int32;
        if found != before.to_string() {
            has_type(wanted, &found)?;
            wide.push((Arc::clone(field), Arc::clone(part)));
            continue;
        }
        let narrow = Field::new(wanted.name(), before, wanted.is_nullable());
        let Some(numbers) = numbers::<Int32Type>(&narrow, &[(Arc::clone(field), Arc::clone(part))])? else {
            return Ok(None);
        };
        wide.push((Arc::new(wanted.clone()), widened(&numbers, wanted.data_type())?));
    }
    numbers::<Int64Type>(wanted, &wide)
}

/// `None` where a number is out of the type's range.
fn numbers<T: ArrowPrimitiveType>(wanted: &Field, parts: &[Packed]) -> Result<Option<ArrayRef>>
where
    T::Native: TryFrom<i64>,
{
    let mut values: Vec<T::Native> = Vec::with_capacity(rows(parts));
    for (field, part) in parts {
        has_type(wanted, &type_of(field))?;
        let Some((base, step)) = meaning::<i64, u64>(field, wanted)? else {
            values.extend_from_slice(part.as_primitive::<T>().values());
            continue;
        };
        let in_range = match part.data_type() {
            DataType::UInt8 => add_numbers::<UInt8Type, T>(part, base, step, &mut values),
            DataType::UInt16 => add_numbers::<UInt16Type, T>(part, base, step, &mut values),
            DataType::UInt32 => add_numbers::<UInt32Type, T>(part, base, step, &mut values),
            _ => false,
        };
        if !in_range {
            return Ok(None);
        }
    }
    Ok(Some(column::<T>(wanted, values, parts)))
}

/// Appends the values of packed numbers. False where one is out of the type's range.
fn add_numbers<C: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    part: &ArrayRef,
    base: i64,
    step: u64,
    values: &mut Vec<T::Native>,
) -> bool
where
    C::Native: Into<u64>,
    T::Native: TryFrom<i64>,
{
    let mut in_range = true;
    values.extend(part.as_primitive::<C>().values().iter().map(|code| {
        T::Native::try_from(after(base, step, (*code).into())).unwrap_or_else(|_| {
            in_range = false;
            T::Native::default()
        })
    }));
    in_range
}

/// Decimals of the wanted type or narrower ones. `None` where one is out of the type's range.
fn decimals<T: ArrowPrimitiveType>(wanted: &Field, parts: &[Packed]) -> Result<Option<ArrayRef>>
where
    T::Native: TryFrom<i128>,
{
    let mut values: Vec<T::Native> = Vec::with_capacity(rows(parts));
    for (field, part) in parts {
        let factor = widening(wanted, &type_of(field))?;
        let in_range = match (meaning::<i128, u128>(field, wanted)?, part.data_type()) {
            (None, DataType::Decimal64(..)) => {
                let part = part.as_primitive::<Decimal64Type>();
                add(part, &mut values, |value| i128::from(value).checked_mul(factor))
            }
            (None, DataType::Decimal128(..)) if factor == 1 => {
                add(part.as_primitive::<Decimal128Type>(), &mut values, Some)
            }
            (None, DataType::Decimal128(..)) => {
                add(part.as_primitive::<Decimal128Type>(), &mut values, |value| value.checked_mul(factor))
            }
            (Some((base, step)), ty) => {
                let (base, step) = (base.checked_mul(factor), step.checked_mul(factor.unsigned_abs()));
                match (base, step, ty) {
                    (Some(base), Some(step), DataType::UInt8) => {
                        add_steps::<UInt8Type, T>(part, base, step, &mut values)
                    }
                    (Some(base), Some(step), DataType::UInt16) => {
                        add_steps::<UInt16Type, T>(part, base, step, &mut values)
                    }
                    (Some(base), Some(step), DataType::UInt32) => {
                        add_steps::<UInt32Type, T>(part, base, step, &mut values)
                    }
                    (Some(base), Some(step), DataType::UInt64) => {
                        add_steps::<UInt64Type, T>(part, base, step, &mut values)
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        if !in_range {
            return Ok(None);
        }
    }
    Ok(Some(column::<T>(wanted, values, parts)))
}

/// Appends the decimals that so many steps from `base` are. False where one is out of the type's range.
fn add_steps<C: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    part: &ArrayRef,
    base: i128,
    step: u128,
    values: &mut Vec<T::Native>,
) -> bool
where
    C::Native: Into<u64>,
    T::Native: TryFrom<i128>,
{
    let part = part.as_primitive::<C>();
    let most = u64::MAX >> (64 - 8 * size_of::<C::Native>());
    let last = step.checked_mul(most.into()).and_then(|range| base.checked_add_unsigned(range));
    match (last, u64::try_from(step)) {
        // The last code that there could be stands for a number, and a product of two words is short.
        (Some(_), Ok(step)) => {
            let steps = |code: C::Native| u128::from(Into::<u64>::into(code)) * u128::from(step);
            add(part, values, |code| Some(base.wrapping_add_unsigned(steps(code))))
        }
        _ => add(part, values, |code| {
            step.checked_mul(u128::from(Into::<u64>::into(code)))
                .and_then(|steps| base.checked_add_unsigned(steps))
        }),
    }
}

/// Appends what values come to. False where one comes to none of the type; what is where no value is does not count.
#[inline]
fn add<C: ArrowPrimitiveType, N: TryFrom<i128> + Default>(
    part: &PrimitiveArray<C>,
    values: &mut Vec<N>,
    number: impl Fn(C::Native) -> Option<i128>,
) -> bool {
    let mut in_range = true;
    values.extend(part.values().iter().enumerate().map(|(row, value)| {
        number(*value).and_then(|number| N::try_from(number).ok()).unwrap_or_else(|| {
            in_range &= part.is_null(row);
            N::default()
        })
    }));
    in_range
}

fn rows(parts: &[Packed]) -> usize {
    parts.iter().map(|(_, part)| part.len()).sum()
}

fn column<T: ArrowPrimitiveType>(wanted: &Field, values: Vec<T::Native>, parts: &[Packed]) -> ArrayRef {
    let nulls = nulls(parts.iter().map(|(_, part)| part.as_ref()));
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(wanted.data_type().clone()))
}

/// Base and step of a packed field; `None` for one that is as it was.
fn meaning<B: std::str::FromStr, S: std::str::FromStr>(
    field: &Field,
    wanted: &Field,
) -> Result<Option<(B, S)>> {
    let metadata = field.metadata();
    if !metadata.contains_key(TYPE) {
        return Ok(None);
    }
    let base = metadata.get(BASE).and_then(|base| base.parse().ok());
    let step = metadata.get(STEP).and_then(|step| step.parse().ok());
    match (base, step) {
        (Some(base), Some(step)) => Ok(Some((base, step))),
        _ => Err(Error::invalid(format!("column {:?} lacks its {BASE} or {STEP}", wanted.name()))),
    }
}

/// The type that a column was staged under.
fn type_of(field: &Field) -> String {
    field.metadata().get(TYPE).cloned().unwrap_or_else(|| field.data_type().to_string())
}

fn is_of(wanted: &Field, (field, _): &Packed) -> bool {
    type_of(field) == wanted.data_type().to_string()
}

fn has_type(wanted: &Field, found: &str) -> Result<()> {
    if *found == wanted.data_type().to_string() { Ok(()) } else { Err(other_type(wanted, found)) }
}

/// By what the numbers of a column are to be multiplied.
fn widening(wanted: &Field, found: &str) -> Result<i128> {
    if *found == wanted.data_type().to_string() {
        return Ok(1);
    }
    let ty: Option<DataType> = found.parse().ok();
    ty.and_then(|ty| factor(&ty, wanted.data_type())).ok_or_else(|| other_type(wanted, found))
}

fn other_type(wanted: &Field, found: &str) -> Error {
    let (name, wanted) = (wanted.name(), wanted.data_type());
    Error::invalid(format!("column {name:?} was staged as {found}, the contract says {wanted}"))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal64Array, Decimal128Array, Int32Array, Int64Array};
    use proptest::prelude::*;

    use super::*;
    use crate::packing::pack;

    /// Mantissas of one object and another as columns of a type.
    fn columns(ty: &DataType, parts: &[Vec<Option<i64>>]) -> Vec<ArrayRef> {
        parts
            .iter()
            .map(|values| -> ArrayRef {
                match ty {
                    DataType::Decimal64(..) => Arc::new(
                        values.iter().copied().collect::<Decimal64Array>().with_data_type(ty.clone()),
                    ),
                    _ => {
                        let values = values.iter().map(|value| value.map(i128::from));
                        Arc::new(values.collect::<Decimal128Array>().with_data_type(ty.clone()))
                    }
                }
            })
            .collect()
    }

    proptest! {
        /// What was staged under narrower types, packed or not, beside what is staged now, is the same numbers in the type of now.
        #[test]
        fn narrower_decimals_are_widened(
            parts in proptest::collection::vec(
                proptest::collection::vec(
                    proptest::option::of(prop_oneof![-999_999_999_999_999_999i64..=999_999_999_999_999_999, -90i64..90]),
                    1..20,
                ),
                1..4,
            ),
            step in prop_oneof![Just(1i64), Just(1_000_000)],
        ) {
            let parts: Vec<Vec<Option<i64>>> =
                parts.iter().map(|part| part.iter().map(|v| v.map(|v| v / step * step)).collect()).collect();
            let wanted = Field::new("price", DataType::Decimal128(38, 18), true);
            for ty in [DataType::Decimal64(18, 8), DataType::Decimal128(24, 6), DataType::Decimal64(18, 10)] {
                let factor = factor(&ty, wanted.data_type()).unwrap();
                let field = Field::new("price", ty.clone(), true);
                let packed = columns(&ty, &parts).into_iter().enumerate().map(|(number, column)| match number {
                    0 => (Arc::new(field.clone()), column),
                    _ => {
                        let (field, column) = pack(&field, &[&column]).unwrap();
                        (Arc::new(field), column)
                    }
                });
                let mut packed: Vec<Packed> = packed.collect();
                let now = columns(wanted.data_type(), &parts[..1]).remove(0);
                let (field, now) = pack(&wanted, &[&now]).unwrap();
                packed.push((Arc::new(field), now));
                let expected = parts.iter().flatten().map(|value| value.map(|value| i128::from(value) * factor));
                let expected: Decimal128Array = expected.chain(parts[0].iter().map(|v| v.map(i128::from))).collect();
                let expected: ArrayRef = Arc::new(expected.with_data_type(wanted.data_type().clone()));
                prop_assert_eq!(&unpack(&wanted, &packed).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn integers_of_32_bits_are_read_as_such_of_64() {
        let (int, long) = (Field::new("n", DataType::Int32, true), Field::new("n", DataType::Int64, true));
        let parts: [ArrayRef; 3] = [
            Arc::new(Int32Array::from(vec![Some(5), None, Some(i32::MAX)])),
            // Numbers that cannot be packed, and many that can.
            Arc::new(Int32Array::from(vec![i32::MIN, -1, i32::MAX])),
            Arc::new(Int32Array::from_iter_values(0..100)),
        ];
        let mut staged: Vec<Packed> = Vec::new();
        let mut expected: Vec<Option<i64>> = Vec::new();
        for part in &parts {
            let (field, packed) = pack(&int, &[part]).unwrap();
            staged.push((Arc::new(field), packed));
            expected.extend(part.as_primitive::<Int32Type>().iter().map(|n| n.map(i64::from)));
        }
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, 7]));
        let (field, packed) = pack(&long, &[&wide]).unwrap();
        staged.push((Arc::new(field), packed));
        expected.extend([Some(i64::MAX), Some(7)]);
        let read = unpack(&long, &staged).unwrap();
        assert_eq!(read.as_primitive::<Int64Type>(), &Int64Array::from(expected));
        let error = unpack(&int, &staged).unwrap_err();
        assert!(error.to_string().contains("was staged as Int64, the contract says Int32"), "{error}");
    }

    #[test]
    fn a_narrower_type_of_64_bits_is_widened_too() {
        let (narrow, wide) = (DataType::Decimal64(8, 2), DataType::Decimal64(18, 8));
        let column = columns(&narrow, &[vec![Some(12_345), None, Some(-1)]]).remove(0);
        let (field, column) = pack(&Field::new("price", narrow, true), &[&column]).unwrap();
        let found = unpack(&Field::new("price", wide.clone(), true), &[(Arc::new(field), column)]).unwrap();
        assert_eq!(&found, &columns(&wide, &[vec![Some(12_345_000_000), None, Some(-1_000_000)]])[0]);
    }

    #[test]
    fn what_is_not_wider_is_an_error_that_names_both() {
        for (found, wanted) in [
            (DataType::Decimal64(18, 8), DataType::Decimal128(38, 7)),
            (DataType::Decimal64(18, 8), DataType::Decimal128(20, 18)),
            (DataType::Decimal128(38, 18), DataType::Decimal64(18, 8)),
        ] {
            let column = columns(&found, &[vec![Some(1), Some(3)]]).remove(0);
            let (field, column) = pack(&Field::new("price", found.clone(), false), &[&column]).unwrap();
            let wanted = Field::new("price", wanted, false);
            let error = unpack(&wanted, &[(Arc::new(field), column)]).unwrap_err().to_string();
            let expected = format!("was staged as {found}, the contract says {}", wanted.data_type());
            assert!(error.contains(&expected), "{error}");
        }
        // A number is no decimal.
        let column: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![1]));
        let field = Arc::new(Field::new("price", DataType::Int64, false));
        let wanted = Field::new("price", DataType::Decimal128(38, 18), false);
        let error = unpack(&wanted, &[(field, column)]).unwrap_err().to_string();
        assert!(error.contains("was staged as Int64"), "{error}");
    }

    #[test]
    fn a_number_out_of_range_is_an_error() {
        let wanted = Field::new("price", DataType::Decimal128(38, 18), false);
        let column = columns(wanted.data_type(), &[vec![Some(1), Some(3)]]).remove(0);
        let (field, column) = pack(&wanted, &[&column]).unwrap();
        let mut meaning = field.metadata().clone();
        meaning.insert(BASE.to_owned(), i128::MAX.to_string());
        let packed = [(Arc::new(field.with_metadata(meaning)), column)];
        let error = unpack(&wanted, &packed).unwrap_err().to_string();
        assert!(error.contains("\"price\" holds numbers out of its range"), "{error}");
    }
}

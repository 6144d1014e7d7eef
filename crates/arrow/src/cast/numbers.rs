//! Numbers as numbers of another type: from each to a 128-bit integer with a point, from that to each.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp, Decimal128Array, Float64Array, PrimitiveArray};
use arrow_buffer::i256;
use arrow_schema::{ArrowError, DataType};
use num_traits::ToPrimitive as _;

use super::{no_pair, unfit};

/// Integers, decimals, floats and truth values (1 and 0, but as no decimal) as 32-bit, 64-bit and unsigned 64-bit integers, decimals of 64 and 128 bits
/// and doubles. Integers lose what is behind a point; decimals with fewer places are rounded, halves away from zero.
pub(super) fn numbers(array: &dyn Array, to: &DataType, safe: bool) -> Result<ArrayRef, ArrowError> {
    let from = array.data_type();
    if *to == DataType::Float64 {
        return Ok(Arc::new(doubles(array)?));
    }
    if *from == DataType::Boolean && point(to).is_some() {
        return Err(no_pair(from, to));
    }
    if let DataType::Decimal256(digits, places) = from {
        return narrowed(array, (*digits, *places), to, safe);
    }
    let values = integers(array).ok_or_else(|| no_pair(from, to))?;
    match (point(from), to) {
        (None, DataType::Int32) => fitted::<Int32Type>(&values, &Some, to, safe),
        (None, DataType::Int64) => fitted::<Int64Type>(&values, &Some, to, safe),
        (None, DataType::UInt64) => fitted::<UInt64Type>(&values, &Some, to, safe),
        (Some((_, places)), DataType::Int32 | DataType::Int64 | DataType::UInt64) => {
            let whole = |value| without_places(value, places);
            match to {
                DataType::Int32 => fitted::<Int32Type>(&values, &whole, to, safe),
                DataType::Int64 => fitted::<Int64Type>(&values, &whole, to, safe),
                _ => fitted::<UInt64Type>(&values, &whole, to, safe),
            }
        }
        (point, DataType::Decimal64(digits, places) | DataType::Decimal128(digits, places)) => {
            let shift = i16::from(*places) - i16::from(point.map_or(0, |(_, places)| places));
            let checked = point.is_none_or(|(had, _)| may_overflow(had, shift, *digits));
            let digits = *digits;
            let moved = |value| {
                let moved = moved(value, shift, 10)?;
                (!checked || Decimal128Type::is_valid_decimal_precision(moved, digits)).then_some(moved)
            };
            match to {
                DataType::Decimal64(..) => fitted::<Decimal64Type>(&values, &moved, to, safe),
                _ => fitted::<Decimal128Type>(&values, &moved, to, safe),
            }
        }
        _ => Err(no_pair(from, to)),
    }
}

/// Digits and places of a decimal.
fn point(ty: &DataType) -> Option<(u8, i8)> {
    match ty {
        DataType::Decimal32(digits, places)
        | DataType::Decimal64(digits, places)
        | DataType::Decimal128(digits, places)
        | DataType::Decimal256(digits, places) => Some((*digits, *places)),
        _ => None,
    }
}

/// Whether a decimal of so many digits, with its point moved, may have more than the other type's. Rounding may add a digit.
fn may_overflow(had: u8, shift: i16, digits: u8) -> bool {
    let (needed, digits) = (i16::from(had) + shift, i16::from(digits));
    if shift < 0 { needed >= digits } else { needed > digits }
}

/// The integers of a type; of decimals what is stored.
fn integers(array: &dyn Array) -> Option<Decimal128Array> {
    fn wide<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<Decimal128Array>
    where
        i128: From<T::Native>,
    {
        Some(array.as_primitive_opt::<T>()?.unary(i128::from))
    }
    match array.data_type() {
        DataType::Boolean => {
            Some(array.as_boolean_opt()?.iter().map(|truth| truth.map(i128::from)).collect())
        }
        DataType::Int8 => wide::<Int8Type>(array),
        DataType::Int16 => wide::<Int16Type>(array),
        DataType::Int32 => wide::<Int32Type>(array),
        DataType::Int64 => wide::<Int64Type>(array),
        DataType::UInt8 => wide::<UInt8Type>(array),
        DataType::UInt16 => wide::<UInt16Type>(array),
        DataType::UInt32 => wide::<UInt32Type>(array),
        DataType::UInt64 => wide::<UInt64Type>(array),
        DataType::Decimal32(..) => wide::<Decimal32Type>(array),
        DataType::Decimal64(..) => wide::<Decimal64Type>(array),
        DataType::Decimal128(..) => array.as_primitive_opt().cloned(),
        _ => None,
    }
}

/// The values in a narrower type: `NULL` or an error for what `change` or the type has no value for.
fn fitted<T: ArrowPrimitiveType>(
    values: &Decimal128Array,
    change: &dyn Fn(i128) -> Option<i128>,
    to: &DataType,
    safe: bool,
) -> Result<ArrayRef, ArrowError>
where
    T::Native: TryFrom<i128>,
{
    let fit = |value| change(value).and_then(|value| T::Native::try_from(value).ok());
    let fitted: PrimitiveArray<T> = match safe {
        true => values.unary_opt(fit),
        false => values.try_unary(|value| fit(value).ok_or_else(|| unfit(value, to)))?,
    };
    typed(fitted, to)
}

/// Says how the values are to be read: digits and places of decimals.
fn typed<T: ArrowPrimitiveType>(values: PrimitiveArray<T>, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let data = values.into_data().into_builder().data_type(to.clone()).build()?;
    Ok(arrow_array::make_array(data))
}

/// A number with its point moved: times a power of ten, or rounded by one. `None` past the type's range.
fn moved<N: ArrowNativeTypeOp>(value: N, shift: i16, ten: N) -> Option<N> {
    let power = ten.pow_checked(u32::from(shift.unsigned_abs()));
    if shift >= 0 {
        return value.mul_checked(power.ok()?).ok();
    }
    // Of a power that the type does not hold, every value is less than half.
    let Ok(power) = power else { return Some(N::ZERO) };
    let half = power.div_wrapping(N::ONE.add_wrapping(N::ONE));
    let (whole, rest) = (value.div_wrapping(power), value.mod_wrapping(power));
    Some(if rest.is_ge(half) {
        whole.add_wrapping(N::ONE)
    } else if rest.is_le(half.neg_wrapping()) {
        whole.sub_wrapping(N::ONE)
    } else {
        whole
    })
}

/// The integer before a decimal's point.
fn without_places(value: i128, places: i8) -> Option<i128> {
    let power = 10i128.checked_pow(u32::from(places.unsigned_abs()))?;
    if places < 0 { value.checked_mul(power) } else { Some(value / power) }
}

/// Decimals of 256 bits in a type of 128 or fewer.
fn narrowed(
    array: &dyn Array,
    (had, places): (u8, i8),
    to: &DataType,
    safe: bool,
) -> Result<ArrayRef, ArrowError> {
    let wrong = || no_pair(array.data_type(), to);
    let Some((digits, wanted)) = point(to) else { return Err(wrong()) };
    let shift = i16::from(wanted) - i16::from(places);
    let fit = |value: i256| {
        let moved = moved(value, shift, i256::from_i128(10))?.to_i128()?;
        let checked = may_overflow(had, shift, digits);
        (!checked || Decimal128Type::is_valid_decimal_precision(moved, digits)).then_some(moved)
    };
    let values = array.as_primitive_opt::<Decimal256Type>().ok_or_else(wrong)?;
    let fitting: Decimal128Array = match safe {
        true => values.unary_opt(fit),
        false => values.try_unary(|value| fit(value).ok_or_else(|| unfit(value, to)))?,
    };
    match to {
        DataType::Decimal64(..) => fitted::<Decimal64Type>(&fitting, &Some, to, safe),
        _ => typed(fitting, to),
    }
}

/// Any numbers as doubles, the nearest to each.
fn doubles(array: &dyn Array) -> Result<Float64Array, ArrowError> {
    let wrong = || no_pair(array.data_type(), &DataType::Float64);
    let divisor = |places: i8| 10f64.powi(i32::from(places));
    match array.data_type() {
        DataType::Float16 => {
            Ok(array.as_primitive_opt::<Float16Type>().ok_or_else(wrong)?.unary(|value| value.to_f64()))
        }
        DataType::Float32 => {
            Ok(array.as_primitive_opt::<Float32Type>().ok_or_else(wrong)?.unary::<_, Float64Type>(f64::from))
        }
        DataType::Decimal256(_, places) => {
            let values = array.as_primitive_opt::<Decimal256Type>().ok_or_else(wrong)?;
            let divisor = divisor(*places);
            Ok(values.unary(|value| value.to_f64().unwrap_or(f64::NAN) / divisor))
        }
        ty => {
            let divisor = divisor(point(ty).map_or(0, |(_, places)| places));
            Ok(integers(array).ok_or_else(wrong)?.unary(|value| value as f64 / divisor))
        }
    }
}

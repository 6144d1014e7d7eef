//! Numbers of any width as exact ones of a given scale.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Decimal64Array, Decimal128Array, Decimal256Array};
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};
use quotelake_core::Result;

/// A column of numbers. A row without one is some number: who reads them asks before.
pub(super) enum Numbers {
    /// Each with the scale of all.
    Exact((Vec<i128>, i32)),
    /// Wider ones.
    Wide(Decimal256Array, i32),
    /// Floats, each as the number that it exactly is.
    Floats(Vec<f64>),
}

impl Numbers {
    /// The numbers of a column; `None` of one that has none.
    pub(super) fn of(values: &ArrayRef) -> Option<Self> {
        macro_rules! exact {
            ($ty:ty, $scale:expr) => {{
                let values = values.as_primitive::<$ty>();
                Self::Exact((values.values().iter().map(|n| i128::from(*n)).collect(), $scale))
            }};
        }
        Some(match values.data_type() {
            DataType::Int8 => exact!(Int8Type, 0),
            DataType::Int16 => exact!(Int16Type, 0),
            DataType::Int32 => exact!(Int32Type, 0),
            DataType::Int64 => exact!(Int64Type, 0),
            DataType::UInt8 => exact!(UInt8Type, 0),
            DataType::UInt16 => exact!(UInt16Type, 0),
            DataType::UInt32 => exact!(UInt32Type, 0),
            DataType::UInt64 => exact!(UInt64Type, 0),
            DataType::Decimal32(_, scale) => exact!(Decimal32Type, i32::from(*scale)),
            DataType::Decimal64(_, scale) => exact!(Decimal64Type, i32::from(*scale)),
            DataType::Decimal128(_, scale) => exact!(Decimal128Type, i32::from(*scale)),
            DataType::Decimal256(_, scale) => {
                Self::Wide(values.as_primitive::<Decimal256Type>().clone(), (*scale).into())
            }
            DataType::Float32 => {
                let values = values.as_primitive::<Float32Type>().values();
                Self::Floats(values.iter().map(|n| f64::from(*n)).collect())
            }
            DataType::Float64 => Self::Floats(values.as_primitive::<Float64Type>().values().to_vec()),
            _ => return None,
        })
    }

    /// A row's number times ten to the power of `scale`, rounded half to even; `None` where it is too large, or a float that is no
    /// such number exactly.
    pub(super) fn scaled(&self, row: usize, scale: i32) -> Option<i128> {
        match self {
            Self::Exact((values, own)) => rescaled(values[row], scale - own),
            Self::Wide(values, own) => rescaled_wide(values.value(row), scale - own)?.to_i128(),
            Self::Floats(values) => exactly(values[row], scale),
        }
    }

    /// The float that is nearest to a row's number.
    pub(super) fn nearest(&self, row: usize) -> f64 {
        let (digits, scale) = match self {
            Self::Floats(values) => return values[row],
            Self::Exact((values, scale)) => (values[row].to_string(), *scale),
            Self::Wide(values, scale) => (values.value(row).to_string(), *scale),
        };
        // Text is read to the nearest float; a division of two floats rounds twice.
        format!("{digits}e{}", -scale).parse().unwrap_or(f64::NAN)
    }
}

/// A decimal column of numbers that fit it.
pub(super) fn decimals(values: Vec<Option<i128>>, precision: u8, scale: i8) -> Result<ArrayRef> {
    if precision <= 18 {
        let narrow: Decimal64Array =
            values.into_iter().map(|value| value.map(|value| value as i64)).collect();
        return Ok(Arc::new(narrow.with_precision_and_scale(precision, scale)?));
    }
    let wide: Decimal128Array = values.into_iter().collect();
    Ok(Arc::new(wide.with_precision_and_scale(precision, scale)?))
}

/// A number times ten to the power of `digits`, which may be negative, rounded half to even. `None` for one that is too large.
///
/// Of two halves the even one: `0.125` of two digits is `0.12`, `0.135` is `0.14`.
fn rescaled(value: i128, digits: i32) -> Option<i128> {
    let power = 10_i128.checked_pow(digits.unsigned_abs());
    match (digits >= 0, power) {
        (true, Some(power)) => value.checked_mul(power),
        (true, None) => (value == 0).then_some(0),
        (false, None) => Some(0),
        (false, Some(power)) => {
            let (quotient, rest) = (value / power, (value % power).abs());
            let other = power - rest;
            let is_up = rest > other || (rest == other && quotient % 2 != 0);
            Some(if is_up { quotient + value.signum() } else { quotient })
        }
    }
}

/// The same of a wide number.
fn rescaled_wide(value: i256, digits: i32) -> Option<i256> {
    let power = i256::from_i128(10).checked_pow(digits.unsigned_abs());
    match (digits >= 0, power) {
        (true, Some(power)) => value.checked_mul(power),
        (true, None) => (value == i256::ZERO).then_some(i256::ZERO),
        (false, None) => Some(i256::ZERO),
        (false, Some(power)) => {
            let (quotient, rest) = (value.checked_div(power)?, value.checked_rem(power)?.wrapping_abs());
            let other = power.wrapping_sub(rest);
            let is_odd = quotient.checked_rem(i256::from_i128(2))? != i256::ZERO;
            let is_up = rest > other || (rest == other && is_odd);
            let step = if value < i256::ZERO { i256::MINUS_ONE } else { i256::ONE };
            Some(if is_up { quotient.wrapping_add(step) } else { quotient })
        }
    }
}

/// A float times ten to the power of `scale`, where that is a whole number.
fn exactly(value: f64, scale: i32) -> Option<i128> {
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 {
        return Some(0);
    }
    // value = mantissa * 2^exponent, with a mantissa that is odd.
    let bits = value.to_bits();
    let biased = ((bits >> 52) & 0x7ff) as i32;
    let fraction = (bits & ((1 << 52) - 1)) as i128;
    let (mantissa, exponent) =
        if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
    let zeros = mantissa.trailing_zeros();
    let (mantissa, exponent) = (mantissa >> zeros, exponent + zeros as i32);
    // Ten to the power of the scale is two times five to that power: each two takes a half away.
    let twos = u32::try_from(exponent + scale).ok()?;
    let fives = 5_i128.checked_pow(scale.unsigned_abs())?;
    let twos = if twos < 127 { 1_i128 << twos } else { return None };
    let digits = mantissa.checked_mul(fives)?.checked_mul(twos)?;
    Some(if value < 0.0 { -digits } else { digits })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quotelake_core::parse_scaled;

    use super::*;

    #[test]
    fn halves_go_to_the_even_digit_on_both_sides_of_zero() {
        for (value, rounded) in
            [(125, 12), (135, 14), (126, 13), (124, 12), (-125, -12), (-135, -14), (5, 0), (15, 2)]
        {
            assert_eq!(rescaled(value, -1), Some(rounded), "{value}");
            assert_eq!(rescaled_wide(i256::from_i128(value), -1), Some(i256::from_i128(rounded)), "{value}");
        }
        let most = 10_i128.pow(38) - 1;
        assert_eq!(rescaled(most, -38), Some(1));
        assert_eq!((rescaled(most, 1), rescaled(0, 90), rescaled(most, -90)), (None, Some(0), Some(0)));
    }

    #[test]
    fn a_float_is_a_decimal_only_where_it_is_exactly_one() {
        assert_eq!(exactly(0.5, 2), Some(50));
        assert_eq!(exactly(-1234.75, 8), Some(-123_475_000_000));
        assert_eq!(exactly(1e15, 2), Some(100_000_000_000_000_000));
        assert_eq!(exactly(1e22, 0), Some(10_i128.pow(22)));
        for value in [0.1, 1e-9, 2.675, f64::NAN, f64::INFINITY, 1e300, f64::MIN_POSITIVE] {
            assert_eq!(exactly(value, 8), None, "{value}");
        }
    }

    proptest! {
        /// What is exact as a float is read from its text as the same number.
        #[test]
        fn exact_floats_are_their_text(numerator in -1_000_000_000_i64..1_000_000_000, halves in 0_u32..8) {
            let value = numerator as f64 / f64::from(1_u32 << halves);
            prop_assert_eq!(exactly(value, 8), parse_scaled(value.to_string().as_bytes(), 38, 8).ok());
        }

        /// Rounding is off by at most a half, and both widths agree.
        #[test]
        fn rounding_is_off_by_half_at_most(value in any::<i64>(), digits in 1_i32..12) {
            let (value, power) = (i128::from(value), 10_i128.pow(digits.unsigned_abs()));
            let rounded = rescaled(value, -digits).unwrap();
            prop_assert!((rounded * power - value).abs() * 2 <= power);
            prop_assert_eq!(rescaled_wide(i256::from_i128(value), -digits), Some(i256::from_i128(rounded)));
        }
    }
}

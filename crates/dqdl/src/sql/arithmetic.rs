//! `+ - * / %`, sign and absolute value.
//!
//! Exact numbers stay exact: sums have the larger scale, products the sum of the scales, and what no longer fits 38
//! decimals becomes floating point. Places that no row of a column uses do not count where they would not fit: a price and a
//! volume of 18 places each are multiplied, and become floating point where even that does not fit: one absurd number must not
//! cost the rule. Any other exact result out of range is an error, not a wrapped number. Division is floating point; dividing by
//! zero gives NULL.

use arrow::buffer::BooleanBuffer;

use super::Binary;
use super::value::both;
use crate::ast::ArithmeticOperator;
use crate::column::{Numbers, Values};

const OUT_OF_RANGE: &str = "a result is out of range";

/// Products of more places leave too few digits before the point.
const WIDE_SCALE: u32 = 18;

/// `left op right` for every row.
pub(super) fn binary(operator: Binary, left: &Numbers, right: &Numbers) -> Result<Numbers, String> {
    let multiply = operator == Binary::Basic(ArithmeticOperator::Multiply);
    if left.is_float() || right.is_float() || operator == Binary::Basic(ArithmeticOperator::Divide) {
        return Ok(floats(operator, left, right));
    }
    if multiply && left.scale + right.scale > WIDE_SCALE {
        let (left, right) = (shortened(left)?, shortened(right)?);
        let product = if left.scale + right.scale > 38 { None } else { exact(operator, &left, &right).ok() };
        return Ok(product.unwrap_or_else(|| floats(operator, &left, &right)));
    }
    exact(operator, left, right)
}

/// The same numbers without the decimal places that none of them uses.
fn shortened(numbers: &Numbers) -> Result<Numbers, String> {
    let values = numbers.to_i128(1)?;
    let mut places = numbers.scale;
    let mut power = 10_i128.checked_pow(places).ok_or(OUT_OF_RANGE)?;
    for value in &values {
        while places > 0 && value % power != 0 {
            places -= 1;
            power /= 10;
        }
    }
    let values: Vec<i128> = values.into_iter().map(|value| value / power).collect();
    let valid = numbers.valid.clone();
    Ok(Numbers { values: Values::I128(values.into()), scale: numbers.scale - places, valid })
}

fn floats(operator: Binary, left: &Numbers, right: &Numbers) -> Numbers {
    let (a, b) = (left.to_f64(), right.to_f64());
    let mut valid = both(left.valid.as_ref(), right.valid.as_ref());
    let divides = matches!(operator, Binary::Remainder | Binary::Basic(ArithmeticOperator::Divide));
    if divides && b.contains(&0.0) {
        valid = both(valid.as_ref(), Some(&BooleanBuffer::collect_bool(b.len(), |row| b[row] != 0.0)));
    }
    let values: Vec<f64> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| match operator {
            Binary::Basic(ArithmeticOperator::Add) => a + b,
            Binary::Basic(ArithmeticOperator::Subtract) => a - b,
            Binary::Basic(ArithmeticOperator::Multiply) => a * b,
            Binary::Basic(ArithmeticOperator::Divide) => a / b,
            Binary::Remainder => a % b,
        })
        .collect();
    Numbers { values: Values::F64(values.into()), scale: 0, valid }
}

fn exact(operator: Binary, left: &Numbers, right: &Numbers) -> Result<Numbers, String> {
    let multiply = operator == Binary::Basic(ArithmeticOperator::Multiply);
    let (a, b, scale) = if multiply {
        (left.to_i128(1)?, right.to_i128(1)?, left.scale + right.scale)
    } else {
        align(left, right)?
    };
    let mut valid = both(left.valid.as_ref(), right.valid.as_ref());
    if operator == Binary::Remainder {
        let nonzero = BooleanBuffer::collect_bool(b.len(), |row| b[row] != 0);
        valid = both(valid.as_ref(), Some(&nonzero));
    }
    // Rows that are NULL on a side hold 0 there, so they cannot overflow.
    let values = a
        .iter()
        .zip(&b)
        .map(|(a, b)| match operator {
            Binary::Basic(ArithmeticOperator::Add) => a.checked_add(*b),
            Binary::Basic(ArithmeticOperator::Subtract) => a.checked_sub(*b),
            Binary::Basic(ArithmeticOperator::Multiply) => a.checked_mul(*b),
            Binary::Basic(ArithmeticOperator::Divide) | Binary::Remainder => {
                Some(a.checked_rem(*b).unwrap_or(0))
            }
        })
        .collect::<Option<Vec<i128>>>()
        .ok_or(OUT_OF_RANGE)?;
    Ok(Numbers { values: Values::I128(values.into()), scale, valid })
}

/// Both sides with the larger scale.
pub(super) fn align(left: &Numbers, right: &Numbers) -> Result<(Vec<i128>, Vec<i128>, u32), String> {
    aligned(left, right).or_else(|_| aligned(&shortened(left)?, &shortened(right)?))
}

fn aligned(left: &Numbers, right: &Numbers) -> Result<(Vec<i128>, Vec<i128>, u32), String> {
    let scale = left.scale.max(right.scale);
    let raise = |numbers: &Numbers| {
        let factor = 10_i128.checked_pow(scale - numbers.scale).ok_or(OUT_OF_RANGE)?;
        numbers.to_i128(factor)
    };
    Ok((raise(left)?, raise(right)?, scale))
}

/// `-x`, or `|x|` when `absolute`.
pub(super) fn sign(numbers: &Numbers, absolute: bool) -> Result<Numbers, String> {
    let values = match &numbers.values {
        Values::F64(values) => {
            Values::F64(values.iter().map(|value| if absolute { value.abs() } else { -value }).collect())
        }
        _ => Values::I128(
            numbers
                .to_i128(1)?
                .into_iter()
                .map(|value| if absolute { value.checked_abs() } else { value.checked_neg() })
                .collect::<Option<Vec<i128>>>()
                .ok_or(OUT_OF_RANGE)?
                .into(),
        ),
    };
    Ok(Numbers { values, scale: numbers.scale, valid: numbers.valid.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[i128], scale: u32) -> Numbers {
        Numbers { values: Values::I128(values.to_vec().into()), scale, valid: None }
    }

    /// 44.86 for each of 11,635,900 shares, both of 18 places: 38 digits do not hold 36 places of that.
    #[test]
    fn a_price_times_a_volume_of_many_places_is_exact() {
        let one = 10_i128.pow(18);
        let price = numbers(&[4_486 * 10_i128.pow(16), 125_000_000_000 * one], 18);
        let volume = numbers(&[11_635_900 * one, 3 * one / 2], 18);
        let turnover = binary(Binary::Basic(ArithmeticOperator::Multiply), &price, &volume).unwrap();
        let limit = numbers(&[521_986_474], 0);
        let (found, wanted, scale) =
            align(&turnover, &numbers(&[limit.to_i128(1).unwrap()[0]; 2], 0)).unwrap();
        assert_eq!(found[0], wanted[0], "of {scale} places");
        assert_eq!(turnover.to_f64(), [521_986_474.0, 187_500_000_000.0]);
    }

    /// What uses all of its places becomes floating point, as a product of too many places ever did.
    #[test]
    fn places_in_use_are_not_dropped() {
        let third = numbers(&[333_333_333_333_333_333], 18);
        let product = binary(Binary::Basic(ArithmeticOperator::Multiply), &third, &third).unwrap();
        assert_eq!(
            (product.scale, product.to_i128(1).unwrap()),
            (36, vec![333_333_333_333_333_333_i128.pow(2)])
        );
        let small = numbers(&[1], 19);
        let product =
            binary(Binary::Basic(ArithmeticOperator::Multiply), &small, &numbers(&[1], 20)).unwrap();
        assert!(product.is_float());
        // 38 digits and places in use together: nearly right is better than no verdict for any row.
        let absurd = numbers(&[10_i128.pow(37), 1], 18);
        let product =
            binary(Binary::Basic(ArithmeticOperator::Multiply), &absurd, &numbers(&[1_001; 2], 3)).unwrap();
        assert!(product.is_float());
    }

    #[test]
    fn numbers_of_few_places_are_compared_with_those_of_many() {
        let turnover = numbers(&[5 * 10_i128.pow(36)], 36);
        let (a, b, _) = align(&turnover, &numbers(&[1_000_000], 0)).unwrap();
        assert!(a[0] < b[0]);
    }
}

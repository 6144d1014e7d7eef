//! `+ - * / %`, sign and absolute value.
//!
//! Exact numbers stay exact: sums have the larger scale, products the sum of the scales, and what no longer fits 38
//! decimals becomes floating point. An exact result out of range is an error, not a wrapped number. Division is floating
//! point; dividing by zero gives NULL.

use arrow::buffer::BooleanBuffer;

use super::Binary;
use super::value::both;
use crate::ast::ArithmeticOperator;
use crate::column::{Numbers, Values};

const OUT_OF_RANGE: &str = "a result is out of range";

/// `left op right` for every row.
pub(super) fn binary(operator: Binary, left: &Numbers, right: &Numbers) -> Result<Numbers, String> {
    let float = left.is_float()
        || right.is_float()
        || operator == Binary::Basic(ArithmeticOperator::Divide)
        || (operator == Binary::Basic(ArithmeticOperator::Multiply) && left.scale + right.scale > 38);
    if float { Ok(floats(operator, left, right)) } else { exact(operator, left, right) }
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

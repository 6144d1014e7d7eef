//! Functions of numbers. Exact ones stay exact in rounding.

use arrow::buffer::BooleanBuffer;

use super::Arguments;
use super::arguments::{floats, numbers, of_floats, of_wholes, wholes};
use crate::ast::{ArithmeticOperator, Operator};
use crate::column::{Numbers, Values};
use crate::number::Number;
use crate::sql::Binary;
use crate::sql::arithmetic::binary;
use crate::sql::cast::{Rounding, rescale};
use crate::sql::choose::choose;
use crate::sql::eval::with_value;
use crate::sql::value::Value;

type Answer = Result<Value, String>;

/// The most digits of an exact number.
const DIGITS: u32 = 38;

/// To so many places, 0 where none are named; before the point where they are negative.
fn rounded(arguments: Arguments<'_>, rounding: Rounding) -> Answer {
    let numbers = numbers(arguments.get(0)?)?;
    let places = match arguments.optional(1) {
        None => Some(0),
        Some(places) => match &wholes(places)?[..] {
            [] => Some(0),
            [first, rest @ ..] if rest.iter().all(|other| other == first) => *first,
            _ => return Err("places to round to differ from row to row".to_owned()),
        },
    };
    let Some(places) = places else { return Ok(Value::Null(arguments.rows)) };
    let places = i32::try_from(places.clamp(-400, 400)).unwrap_or(0);
    if numbers.is_float() {
        let round =
            |(row, value): (usize, f64)| numbers.is_valid(row).then(|| float(value, places, rounding));
        return Ok(of_floats(numbers.to_f64().into_iter().enumerate().map(round)));
    }
    exact(&numbers, places, rounding).map(Value::Numbers)
}

fn exact(numbers: &Numbers, places: i32, rounding: Rounding) -> Result<Numbers, String> {
    if let Ok(places) = u32::try_from(places) {
        return Ok(rescale(numbers, DIGITS, places.min(numbers.scale), rounding));
    }
    // Tens, hundreds: as if the point were elsewhere.
    let power = places.unsigned_abs();
    let shifted = match numbers.scale.checked_add(power) {
        Some(scale) if scale <= DIGITS => {
            let values = Values::I128(numbers.to_i128(1)?.into());
            Numbers { values, scale, valid: numbers.valid.clone() }
        }
        // Nothing is left of 38 digits.
        _ => {
            let values = Values::I128(vec![0; numbers.len()].into());
            return Ok(Numbers { values, scale: 0, valid: numbers.valid.clone() });
        }
    };
    let whole = rescale(&shifted, DIGITS, 0, rounding);
    let factor = 10_i128.checked_pow(power).ok_or("a result is out of range")?;
    let values = Values::I128(whole.to_i128(factor)?.into());
    Ok(Numbers { values, scale: 0, valid: whole.valid })
}

/// As the shortest decimal that is the float.
fn float(value: f64, places: i32, rounding: Rounding) -> f64 {
    match Number::parse(&format!("{value}")) {
        Some(Number::Exact { mantissa, scale }) => {
            let one = Numbers { values: Values::I128(vec![mantissa].into()), scale, valid: None };
            match exact(&one, places, rounding) {
                Ok(one) => one.to_f64().first().copied().unwrap_or(value),
                Err(_) => value,
            }
        }
        // Too large to have places, or too small for any that are asked for.
        _ if value.abs() < 1.0 && places < 20 => 0.0,
        _ => value,
    }
}

pub(super) fn round(arguments: Arguments<'_>) -> Answer {
    rounded(arguments, Rounding::HalfUp)
}

pub(super) fn round_half_even(arguments: Arguments<'_>) -> Answer {
    rounded(arguments, Rounding::HalfEven)
}

fn whole(arguments: Arguments<'_>, rounding: Rounding) -> Answer {
    match rounded(arguments, rounding)? {
        // A float's is a whole number of 64 bits, as far as those go.
        Value::Numbers(numbers) if numbers.is_float() && arguments.optional(1).is_none() => {
            let rows = numbers.to_f64().into_iter().enumerate();
            Ok(of_wholes(rows.map(|(row, value)| numbers.is_valid(row).then_some(value as i64))))
        }
        value => Ok(value),
    }
}

pub(super) fn floor(arguments: Arguments<'_>) -> Answer {
    whole(arguments, Rounding::Down)
}

pub(super) fn ceil(arguments: Arguments<'_>) -> Answer {
    whole(arguments, Rounding::Up)
}

pub(super) fn sign(arguments: Arguments<'_>) -> Answer {
    let sign = |value: f64| if value > 0.0 { 1 } else { -i64::from(value < 0.0) };
    Ok(of_wholes(floats(arguments.get(0)?)?.into_iter().map(|value| value.map(sign))))
}

fn of_one(arguments: Arguments<'_>, function: fn(f64) -> f64) -> Answer {
    Ok(of_floats(floats(arguments.get(0)?)?.into_iter().map(|value| value.map(function))))
}

pub(super) fn sqrt(arguments: Arguments<'_>) -> Answer {
    of_one(arguments, f64::sqrt)
}

pub(super) fn exp(arguments: Arguments<'_>) -> Answer {
    of_one(arguments, f64::exp)
}

/// NULL of what is not above zero.
fn logarithm(value: f64, function: fn(f64) -> f64) -> f64 {
    if value > 0.0 { function(value) } else { f64::NAN }
}

pub(super) fn ln(arguments: Arguments<'_>) -> Answer {
    of_one(arguments, |value| logarithm(value, f64::ln))
}

pub(super) fn log10(arguments: Arguments<'_>) -> Answer {
    of_one(arguments, |value| logarithm(value, f64::log10))
}

pub(super) fn log2(arguments: Arguments<'_>) -> Answer {
    of_one(arguments, |value| logarithm(value, f64::log2))
}

pub(super) fn power(arguments: Arguments<'_>) -> Answer {
    let (base, exponent) = (floats(arguments.get(0)?)?, floats(arguments.get(1)?)?);
    Ok(of_floats(base.into_iter().zip(exponent).map(|(base, exponent)| Some(base?.powf(exponent?)))))
}

pub(super) fn remainder(arguments: Arguments<'_>) -> Answer {
    let (left, right) = (numbers(arguments.get(0)?)?, numbers(arguments.get(1)?)?);
    binary(Binary::Remainder, &left, &right).map(Value::Numbers)
}

/// The remainder moved above zero where it is below.
pub(super) fn positive_remainder(arguments: Arguments<'_>) -> Answer {
    let (left, right) = (numbers(arguments.get(0)?)?, numbers(arguments.get(1)?)?);
    let rest = binary(Binary::Remainder, &left, &right)?;
    let moved = binary(Binary::Basic(ArithmeticOperator::Add), &rest, &right)?;
    let moved = binary(Binary::Remainder, &moved, &right)?;
    let floats = rest.to_f64();
    let below = BooleanBuffer::collect_bool(floats.len(), |row| floats[row] < 0.0);
    choose(&below, Value::Numbers(moved), Value::Numbers(rest))
}

/// The larger or smaller of each row's arguments that are not NULL.
fn extreme(arguments: Arguments<'_>, better: Operator) -> Answer {
    let mut best = Value::Null(arguments.rows);
    for value in arguments.all() {
        let stays = with_value(better, &best, value)?.yes;
        let stays = &stays | &(&value.is_null().yes & &best.is_null().no);
        best = choose(&stays, best, value.clone())?;
    }
    Ok(best)
}

pub(super) fn greatest(arguments: Arguments<'_>) -> Answer {
    extreme(arguments, Operator::GreaterOrEqual)
}

pub(super) fn least(arguments: Arguments<'_>) -> Answer {
    extreme(arguments, Operator::LessOrEqual)
}

//! Comparing a column with a constant, exactly.
//!
//! A constant is brought to the column's own unit once: `x > 0.125` on a column of two decimals becomes `raw > 12`.
//! No value is rounded and no row is converted.

use arrow::buffer::BooleanBuffer;

use crate::ast::Operator;
use crate::column::{Measure, Values};
use crate::number::Number;

/// A constant in units of a column: `floor`, or between `floor` and `floor + 1` when not exact.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bound {
    floor: i128,
    exact: bool,
}

/// `column op constant`, for one type of column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Comparison(Kind);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Integer(Integer<i128>),
    Float(Operator, f64),
}

/// A comparison of integers, or a foregone conclusion.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Integer<T> {
    Test(Operator, T),
    Always,
    Never,
}

impl Comparison {
    /// Compares a numeric column with a number.
    pub(crate) fn with_number(operator: Operator, number: Number, measure: Measure) -> Result<Self, String> {
        Ok(Self(match measure {
            Measure::Float => Kind::Float(operator, number.as_f64()),
            Measure::Decimal { scale } => Kind::Integer(integer(operator, decimal_bound(number, scale)?)),
            Measure::Instant { .. } => return Err("a date is not a number".to_owned()),
        }))
    }

    /// Compares a date or timestamp column with an instant in nanoseconds since 1970-01-01 UTC.
    pub(crate) fn with_instant(operator: Operator, nanos: i128, measure: Measure) -> Result<Self, String> {
        let Measure::Instant { unit_nanos } = measure else {
            return Err("a number is not a date".to_owned());
        };
        let unit = i128::from(unit_nanos);
        Ok(Self(Kind::Integer(integer(
            operator,
            Bound { floor: nanos.div_euclid(unit), exact: nanos.rem_euclid(unit) == 0 },
        ))))
    }

    /// The comparison of every row; meaningless where NULL.
    pub(crate) fn apply(&self, values: &Values) -> BooleanBuffer {
        match (self.0, values) {
            (Kind::Integer(test), Values::I64(values)) => test.narrow().apply(values),
            (Kind::Integer(test), Values::I128(values)) => test.apply(values),
            (Kind::Float(operator, constant), Values::F64(values)) => compare(operator, values, constant),
            // Cannot happen: the measure decides both. No row passes, in any case.
            (Kind::Integer(_), Values::F64(values)) => BooleanBuffer::new_unset(values.len()),
            (Kind::Float(..), Values::I64(values)) => BooleanBuffer::new_unset(values.len()),
            (Kind::Float(..), Values::I128(values)) => BooleanBuffer::new_unset(values.len()),
        }
    }
}

fn decimal_bound(number: Number, scale: u32) -> Result<Bound, String> {
    let power = |exponent: u32| 10_i128.checked_pow(exponent);
    match number {
        Number::Exact { mantissa, scale: own } if own <= scale => {
            // Out of range means beyond every value the column can hold.
            let limit = if mantissa < 0 { i128::MIN } else { i128::MAX };
            let floor = power(scale - own).and_then(|factor| mantissa.checked_mul(factor)).unwrap_or(limit);
            Ok(Bound { floor, exact: true })
        }
        Number::Exact { mantissa, scale: own } => {
            let factor = power(own - scale).ok_or("the constant has too many decimals")?;
            Ok(Bound { floor: mantissa.div_euclid(factor), exact: mantissa.rem_euclid(factor) == 0 })
        }
        Number::Float(value) if value.is_nan() => Err("the constant is not a number".to_owned()),
        Number::Float(value) => {
            let scaled = value * 10_f64.powi(i32::try_from(scale).unwrap_or(i32::MAX));
            Ok(Bound { floor: scaled.floor() as i128, exact: scaled.fract() == 0.0 })
        }
    }
}

/// Folds an inexact bound into an exact comparison.
fn integer(operator: Operator, bound: Bound) -> Integer<i128> {
    if bound.exact {
        return Integer::Test(operator, bound.floor);
    }
    match operator {
        Operator::Equal => Integer::Never,
        Operator::NotEqual => Integer::Always,
        Operator::Less | Operator::LessOrEqual => Integer::Test(Operator::LessOrEqual, bound.floor),
        Operator::Greater | Operator::GreaterOrEqual => Integer::Test(Operator::Greater, bound.floor),
    }
}

impl Integer<i128> {
    /// The same comparison on 64-bit values.
    fn narrow(self) -> Integer<i64> {
        let (operator, constant) = match self {
            Self::Always => return Integer::Always,
            Self::Never => return Integer::Never,
            Self::Test(operator, constant) => (operator, constant),
        };
        if let Ok(constant) = i64::try_from(constant) {
            return Integer::Test(operator, constant);
        }
        // The constant lies outside the type: every value is on one side of it.
        let side = if constant > 0 { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater };
        if operator.accepts(side) { Integer::Always } else { Integer::Never }
    }
}

impl<T: PartialOrd + Copy> Integer<T> {
    fn apply(self, values: &[T]) -> BooleanBuffer {
        match self {
            Self::Always => BooleanBuffer::new_set(values.len()),
            Self::Never => BooleanBuffer::new_unset(values.len()),
            Self::Test(operator, constant) => compare(operator, values, constant),
        }
    }
}

/// Compares each value with a constant: one tight loop per operator.
fn compare<T: PartialOrd + Copy>(operator: Operator, values: &[T], constant: T) -> BooleanBuffer {
    let rows = values.len();
    let values = values.chunks(64).map(|values| values.iter().copied());
    match operator {
        Operator::Equal => bits(rows, values, |value| value == constant),
        Operator::NotEqual => bits(rows, values, |value| value != constant),
        Operator::Less => bits(rows, values, |value| value < constant),
        Operator::LessOrEqual => bits(rows, values, |value| value <= constant),
        Operator::Greater => bits(rows, values, |value| value > constant),
        Operator::GreaterOrEqual => bits(rows, values, |value| value >= constant),
    }
}

/// Compares row by row. Both sides have the same length: they come from one batch.
pub(crate) fn compare_rows<T: PartialOrd>(operator: Operator, left: &[T], right: &[T]) -> BooleanBuffer {
    let rows = left.len().min(right.len());
    let pairs =
        left[..rows].chunks(64).zip(right[..rows].chunks(64)).map(|(left, right)| left.iter().zip(right));
    match operator {
        Operator::Equal => bits(rows, pairs, |(left, right)| left == right),
        Operator::NotEqual => bits(rows, pairs, |(left, right)| left != right),
        Operator::Less => bits(rows, pairs, |(left, right)| left < right),
        Operator::LessOrEqual => bits(rows, pairs, |(left, right)| left <= right),
        Operator::Greater => bits(rows, pairs, |(left, right)| left > right),
        Operator::GreaterOrEqual => bits(rows, pairs, |(left, right)| left >= right),
    }
}

/// A bit for each of so many rows, which come 64 at a time. `test` is called at one place only, so that a build for size, too, has
/// no call for each row.
fn bits<R>(
    rows: usize,
    words: impl Iterator<Item = impl DoubleEndedIterator<Item = R>>,
    test: impl Fn(R) -> bool,
) -> BooleanBuffer {
    let words =
        words.map(|word| word.rev().fold(0_u64, |bits, row| (bits << 1) | u64::from(test(row))).to_le());
    BooleanBuffer::new(words.collect::<Vec<_>>().into(), 0, rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rust's own operator.
    fn holds<T: PartialOrd>(operator: Operator, left: &T, right: &T) -> bool {
        match operator {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::LessOrEqual => left <= right,
            Operator::Greater => left > right,
            Operator::GreaterOrEqual => left >= right,
        }
    }

    fn agree<T: PartialOrd + Copy + std::fmt::Debug>(pairs: &[(T, T)], constant: T) {
        let (left, right): (Vec<T>, Vec<T>) = pairs.iter().copied().unzip();
        for operator in [
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::LessOrEqual,
            Operator::Greater,
            Operator::GreaterOrEqual,
        ] {
            let rows: Vec<bool> = compare_rows(operator, &left, &right).iter().collect();
            let expected: Vec<bool> = pairs.iter().map(|(a, b)| holds(operator, a, b)).collect();
            assert_eq!(rows, expected, "{operator:?} {pairs:?}");
            let rows: Vec<bool> = compare(operator, &left, constant).iter().collect();
            let expected: Vec<bool> = left.iter().map(|value| holds(operator, value, &constant)).collect();
            assert_eq!(rows, expected, "{operator:?} {constant:?} {left:?}");
        }
    }

    proptest! {
        /// However many rows there are: none, a part of a word, whole words and a rest.
        #[test]
        fn every_row_is_compared_as_it_is_alone(
            whole in prop::collection::vec((-3_i64..3, -3_i64..3), 0..200),
            floats in prop::collection::vec((any::<f64>(), any::<f64>()), 0..200),
        ) {
            agree(&whole, whole.first().map_or(0, |(value, _)| *value));
            let odd = [(f64::NAN, f64::NAN), (f64::NAN, 1.0), (0.0, -0.0), (f64::INFINITY, f64::NEG_INFINITY)];
            let floats: Vec<(f64, f64)> = floats.into_iter().chain(odd).collect();
            agree(&floats, f64::NAN);
            agree(&floats, floats[0].0);
        }
    }

    fn bits(operator: Operator, constant: &str, scale: u32, raw: &[i64]) -> Vec<bool> {
        let number = Number::parse(constant).unwrap();
        let measure = Measure::Decimal { scale };
        Comparison::with_number(operator, number, measure)
            .unwrap()
            .apply(&Values::I64(raw.to_vec().into()))
            .iter()
            .collect()
    }

    #[test]
    fn a_constant_with_more_decimals_than_the_column_is_not_rounded() {
        // 0.12 and 0.13 against 0.125.
        assert_eq!(bits(Operator::Greater, "0.125", 2, &[12, 13]), [false, true]);
        assert_eq!(bits(Operator::GreaterOrEqual, "0.125", 2, &[12, 13]), [false, true]);
        assert_eq!(bits(Operator::Less, "0.125", 2, &[12, 13]), [true, false]);
        assert_eq!(bits(Operator::Equal, "0.125", 2, &[12, 13]), [false, false]);
        assert_eq!(bits(Operator::NotEqual, "0.125", 2, &[12, 13]), [true, true]);
        assert_eq!(bits(Operator::Less, "-0.125", 2, &[-13, -12]), [true, false]);
    }

    #[test]
    fn a_constant_outside_the_type_is_beyond_every_value() {
        let huge = "99999999999999999999";
        assert_eq!(bits(Operator::Less, huge, 8, &[i64::MAX]), [true]);
        assert_eq!(bits(Operator::Equal, huge, 8, &[i64::MAX]), [false]);
        assert_eq!(bits(Operator::Greater, &format!("-{huge}"), 0, &[i64::MIN]), [true]);
    }

    #[test]
    fn decimals_compare_exactly() {
        assert_eq!(bits(Operator::Equal, "0.1", 8, &[10_000_000]), [true]);
        assert_eq!(bits(Operator::Equal, "0.10", 1, &[1]), [true]);
    }
}

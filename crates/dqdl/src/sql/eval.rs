//! Evaluating a compiled expression on a batch.

use arrow::array::{Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;

use super::Binary;
use super::Expression;
use super::arithmetic::{align, binary, sign};
use super::cast::cast;
use super::choose::{choose, coalesce};
use super::functions::{call, days_later};
use super::value::{Literal, Truth, Value, both};
use crate::ast::{ArithmeticOperator, Operator};
use crate::column::{Column, DAY_NANOS, Measure, Numbers, Texts, Values, is_text, spoken};
use crate::compare::{Comparison, compare_rows};

impl Expression {
    /// The value of every row as a truth value.
    pub(super) fn truth(&self, batch: &RecordBatch) -> Result<Truth, String> {
        match self.value(batch)? {
            Value::Booleans(truth) => Ok(truth),
            Value::Null(len) => Ok(Truth::constant(None, len)),
            other => Err(format!("{} is not a condition", other.kind())),
        }
    }

    /// The value of every row.
    pub(super) fn value(&self, batch: &RecordBatch) -> Result<Value, String> {
        let len = batch.num_rows();
        Ok(match self {
            Self::Column(column) => read(column, batch)?,
            Self::Cell(at) => match batch.columns().get(*at) {
                Some(cell) if *cell.data_type() == DataType::Null => Value::Null(len),
                Some(cell) => Value::Numbers(Numbers::read(cell)?),
                None => return Err("an aggregate is missing".to_owned()),
            },
            Self::Literal(literal) => Value::of_literal(literal, len),
            Self::Compare(operator, left, right) => Value::Booleans(compare(*operator, left, right, batch)?),
            Self::All(parts) => Value::Booleans(fold(parts, batch, Truth::and)?),
            Self::Any(parts) => Value::Booleans(fold(parts, batch, Truth::or)?),
            Self::Not(inner) => Value::Booleans(inner.truth(batch)?.not()),
            Self::IsNull(inner) => Value::Booleans(inner.value(batch)?.is_null()),
            Self::Is(wanted, inner) => {
                let truth = inner.truth(batch)?;
                let yes = if *wanted { truth.yes } else { truth.no };
                Value::Booleans(Truth { no: !&yes, yes })
            }
            Self::Matches(inner, regex) => match inner.value(batch)? {
                Value::Null(len) => Value::Null(len),
                Value::Texts(texts) => {
                    let (bits, rows) = texts.test(|text| regex.is_match(text));
                    Value::Booleans(Truth::known(bits, rows.into_bits().as_ref()))
                }
                other => return Err(format!("{} is not a text", other.kind())),
            },
            Self::Arithmetic(operator, left, right) => {
                arithmetic(*operator, left.value(batch)?, right.value(batch)?, len)?
            }
            Self::Negate(inner) | Self::Abs(inner) => match inner.numbers(batch)? {
                Some(numbers) => Value::Numbers(sign(&numbers, matches!(self, Self::Abs(_)))?),
                None => Value::Null(len),
            },
            Self::Coalesce(parts) => {
                let mut value = Value::Null(len);
                for part in parts {
                    value = coalesce(value, part.value(batch)?)?;
                }
                value
            }
            Self::Length(inner) => match inner.value(batch)? {
                Value::Null(len) => Value::Null(len),
                Value::Texts(texts) => Value::Numbers(texts.length_column()),
                other => return Err(format!("{} has no length", other.kind())),
            },
            Self::MapText(function, inner) => match inner.value(batch)? {
                Value::Null(len) => Value::Null(len),
                Value::Texts(texts) => Value::Texts(texts.map(*function)),
                other => return Err(format!("{} is not a text", other.kind())),
            },
            Self::Cast(inner, target) => cast(inner.value(batch)?, *target)?,
            Self::Same(left, right) => Value::Booleans(same(left, right, batch)?),
            Self::Case { branches, otherwise } => {
                let mut value = otherwise.value(batch)?;
                for (condition, branch) in branches.iter().rev() {
                    value = choose(&condition.truth(batch)?.yes, branch.value(batch)?, value)?;
                }
                value
            }
            Self::Call(function, arguments) => {
                let values =
                    arguments.iter().map(|argument| argument.value(batch)).collect::<Result<Vec<_>, _>>()?;
                call(*function, &values, len)?
            }
            Self::Patterned(function, inner) => function.of(&inner.value(batch)?)?,
        })
    }

    /// The value of every row as a number, `None` for NULL.
    fn numbers(&self, batch: &RecordBatch) -> Result<Option<Numbers>, String> {
        match self.value(batch)? {
            Value::Numbers(numbers) => Ok(Some(numbers)),
            Value::Null(_) => Ok(None),
            other => Err(format!("{} is not a number", other.kind())),
        }
    }
}

/// Numbers, or a date and a number of days.
fn arithmetic(operator: Binary, left: Value, right: Value, len: usize) -> Result<Value, String> {
    let wrong = |value: &Value| Err(format!("{} is not a number", value.kind()));
    let back = operator == Binary::Basic(ArithmeticOperator::Subtract);
    match (left, right) {
        (Value::Null(_), _) | (_, Value::Null(_)) => Ok(Value::Null(len)),
        (Value::Numbers(left), Value::Numbers(right)) => binary(operator, &left, &right).map(Value::Numbers),
        (date @ Value::Instants { unit_nanos: DAY_NANOS, .. }, days @ Value::Numbers(_))
            if back || operator == Binary::Basic(ArithmeticOperator::Add) =>
        {
            days_later(&date, days, back, len)
        }
        (Value::Instants { .. }, Value::Instants { .. }) if back => {
            Err("two dates are not subtracted: use datediff(end, start)".to_owned())
        }
        (Value::Numbers(_), other) | (other, _) => wrong(&other),
    }
}

fn read(column: &Column, batch: &RecordBatch) -> Result<Value, String> {
    let array = &*column.of(batch)?;
    let data_type = array.data_type();
    if is_text(data_type) {
        return Texts::read(array).map(Value::Texts);
    }
    match Measure::of(data_type) {
        Some(Measure::Instant { unit_nanos }) => {
            Ok(Value::Instants { raw: Numbers::read(array)?, unit_nanos })
        }
        Some(_) if *data_type == DataType::Boolean => {
            let numbers = Numbers::read(array)?;
            let Values::I64(values) = &numbers.values else {
                return Err("a truth value cannot be read".to_owned());
            };
            let bits = BooleanBuffer::collect_bool(values.len(), |row| values[row] != 0);
            Ok(Value::Booleans(Truth::known(bits, numbers.valid.as_ref())))
        }
        Some(_) => Numbers::read(array).map(Value::Numbers),
        None => Err(format!("column {} is {}, which is not supported", column.name, spoken(data_type))),
    }
}

fn fold(
    parts: &[Expression],
    batch: &RecordBatch,
    join: impl Fn(Truth, &Truth) -> Truth,
) -> Result<Truth, String> {
    let mut result: Option<Truth> = None;
    for part in parts {
        let truth = part.truth(batch)?;
        result = Some(match result {
            Some(known) => join(known, &truth),
            None => truth,
        });
    }
    result.ok_or_else(|| "an empty condition".to_owned())
}

fn flipped(operator: Operator) -> Operator {
    match operator {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        same => same,
    }
}

/// `<=>`: NULL equals NULL.
fn same(left: &Expression, right: &Expression, batch: &RecordBatch) -> Result<Truth, String> {
    let equal = compare(Operator::Equal, left, right, batch)?;
    let (left, right) = (left.value(batch)?.is_null(), right.value(batch)?.is_null());
    let yes = &equal.yes | &(&left.yes & &right.yes);
    Ok(Truth { no: !&yes, yes })
}

fn compare(
    operator: Operator,
    left: &Expression,
    right: &Expression,
    batch: &RecordBatch,
) -> Result<Truth, String> {
    match (left, right) {
        (Expression::Literal(_), Expression::Literal(_)) => {}
        (_, Expression::Literal(literal)) => {
            return with_literal(operator, &left.value(batch)?, literal);
        }
        (Expression::Literal(literal), _) => {
            return with_literal(flipped(operator), &right.value(batch)?, literal);
        }
        _ => {}
    }
    with_value(operator, &left.value(batch)?, &right.value(batch)?)
}

fn with_literal(operator: Operator, value: &Value, literal: &Literal) -> Result<Truth, String> {
    let wrong = || format!("{} cannot be compared with {}", value.kind(), literal.shown());
    if *literal == Literal::Null {
        let len = value.is_null().yes.len();
        return Ok(Truth::constant(None, len));
    }
    match value {
        Value::Null(len) => Ok(Truth::constant(None, *len)),
        Value::Numbers(numbers) => {
            let number = literal.number().ok_or_else(wrong)?;
            let measure =
                if numbers.is_float() { Measure::Float } else { Measure::Decimal { scale: numbers.scale } };
            let bits = Comparison::with_number(operator, number, measure)?.apply(&numbers.values);
            Ok(Truth::known(bits, numbers.valid.as_ref()))
        }
        Value::Instants { raw, unit_nanos } => {
            let nanos = literal.instant().ok_or_else(wrong)?;
            let measure = Measure::Instant { unit_nanos: *unit_nanos };
            let bits = Comparison::with_instant(operator, nanos, measure)?.apply(&raw.values);
            Ok(Truth::known(bits, raw.valid.as_ref()))
        }
        Value::Texts(texts) => {
            let Literal::Text(wanted) = literal else {
                return Err(wrong());
            };
            let (bits, rows) = texts.test(|text| operator.accepts(text.cmp(wanted.as_str())));
            Ok(Truth::known(bits, rows.into_bits().as_ref()))
        }
        Value::Booleans(truth) => match (literal, operator) {
            (Literal::Boolean(wanted), Operator::Equal | Operator::NotEqual) => {
                if *wanted == (operator == Operator::Equal) {
                    Ok(truth.clone())
                } else {
                    Ok(truth.clone().not())
                }
            }
            _ => Err(wrong()),
        },
    }
}

pub(super) fn with_value(operator: Operator, left: &Value, right: &Value) -> Result<Truth, String> {
    match (left, right) {
        (Value::Null(len), _) | (_, Value::Null(len)) => Ok(Truth::constant(None, *len)),
        (Value::Numbers(left), Value::Numbers(right)) => numbers(operator, left, right),
        (
            Value::Instants { raw: left, unit_nanos: left_unit },
            Value::Instants { raw: right, unit_nanos: right_unit },
        ) if left_unit == right_unit => numbers(operator, left, right),
        (
            Value::Instants { raw: left, unit_nanos: left_unit },
            Value::Instants { raw: right, unit_nanos: right_unit },
        ) => {
            let bits = compare_rows(
                operator,
                &left.to_i128(i128::from(*left_unit))?,
                &right.to_i128(i128::from(*right_unit))?,
            );
            let valid = both(left.valid.as_ref(), right.valid.as_ref());
            Ok(Truth::known(bits, valid.as_ref()))
        }
        (Value::Texts(left), Value::Texts(right)) => {
            let (left, right) = (left.to_vec(), right.to_vec());
            let valid =
                BooleanBuffer::collect_bool(left.len(), |row| left[row].is_some() && right[row].is_some());
            Ok(Truth::known(compare_rows(operator, &left, &right), Some(&valid)))
        }
        (Value::Booleans(left), Value::Booleans(right))
            if matches!(operator, Operator::Equal | Operator::NotEqual) =>
        {
            let same = Truth {
                yes: &(&left.yes & &right.yes) | &(&left.no & &right.no),
                no: &(&left.yes & &right.no) | &(&left.no & &right.yes),
            };
            Ok(if operator == Operator::Equal { same } else { same.not() })
        }
        _ => Err(format!("{} cannot be compared with {}", left.kind(), right.kind())),
    }
}

/// Exact unless a side is floating point or no scale fits both. Columns of one type are compared without converting a value.
fn numbers(operator: Operator, left: &Numbers, right: &Numbers) -> Result<Truth, String> {
    let bits = match (&left.values, &right.values) {
        (Values::F64(_), _) | (_, Values::F64(_)) => compare_rows(operator, &left.to_f64(), &right.to_f64()),
        (Values::I64(a), Values::I64(b)) if left.scale == right.scale => compare_rows(operator, a, b),
        (Values::I128(a), Values::I128(b)) if left.scale == right.scale => compare_rows(operator, a, b),
        _ => match align(left, right) {
            Ok((a, b, _)) => compare_rows(operator, &a, &b),
            // Too far apart for 38 digits: one absurd number must not cost the rule.
            Err(_) => compare_rows(operator, &left.to_f64(), &right.to_f64()),
        },
    };
    let valid = both(left.valid.as_ref(), right.valid.as_ref());
    Ok(Truth::known(bits, valid.as_ref()))
}

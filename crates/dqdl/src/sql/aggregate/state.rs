//! A query of aggregates, row by row.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, NullArray, RecordBatch};

use super::{Aggregation, Kind, Scalar};
use crate::ast::ArithmeticOperator;
use crate::column::{Numbers, Rows, Values, slice};
use crate::keys::Keys;
use crate::number::Number;
use crate::sql::Expression;
use crate::sql::value::Value;
use crate::summation::Summation;

/// A query of aggregates in progress.
#[derive(Debug)]
pub(crate) struct State {
    pub(super) running: Vec<Running>,
}

#[derive(Debug, Default)]
pub(super) struct Running {
    count: u64,
    sum: Summation,
    extreme: Option<Number>,
    keys: Keys,
}

impl State {
    /// Adds those of `rows` for which the query's predicate is TRUE.
    pub(crate) fn observe(
        &mut self,
        query: &Aggregation,
        batch: &RecordBatch,
        rows: &Rows,
    ) -> Result<(), String> {
        let rows = match &query.predicate {
            Some(predicate) => rows.and(Some(&predicate.evaluate(batch)?)),
            None => rows.clone(),
        };
        for (running, aggregate) in self.running.iter_mut().zip(&query.aggregates) {
            let rows = match &aggregate.filter {
                Some(filter) => rows.and(Some(&filter.evaluate(batch)?)),
                None => rows.clone(),
            };
            match &aggregate.argument {
                None => running.count += rows.count() as u64,
                Some(argument) => running.observe(aggregate.kind, argument.value(batch)?, &rows)?,
            }
        }
        Ok(())
    }

    /// The number, `None` for NULL; an error for what is no number.
    pub(crate) fn finish(&self, query: &Aggregation) -> Result<Option<Number>, String> {
        match &query.result {
            Scalar::Expression(expression) => self.of_cells(expression, query),
            result => self.evaluate(result, query),
        }
    }

    /// An expression over the aggregates: they are the columns of a batch of one row.
    fn of_cells(&self, expression: &Expression, query: &Aggregation) -> Result<Option<Number>, String> {
        let cells = self.running.iter().zip(&query.aggregates).enumerate();
        let cells = cells.map(|(at, (running, aggregate))| {
            let column: ArrayRef = match running.finish(aggregate.kind) {
                None => Arc::new(NullArray::new(1)),
                Some(Number::Float(value)) => Arc::new(Float64Array::from(vec![value])),
                Some(Number::Exact { mantissa, scale }) => {
                    let scale = i8::try_from(scale).map_err(|error| error.to_string())?;
                    let column = Decimal128Array::from(vec![mantissa]).with_precision_and_scale(38, scale);
                    Arc::new(column.map_err(|error| error.to_string())?)
                }
            };
            Ok((at.to_string(), column))
        });
        let cells = cells.collect::<Result<Vec<_>, String>>()?;
        let row = RecordBatch::try_from_iter_with_nullable(
            cells.into_iter().map(|(name, column)| (name, column, true)),
        );
        match expression.value(&row.map_err(|error| error.to_string())?)? {
            Value::Null(_) => Ok(None),
            Value::Numbers(numbers) if !numbers.is_valid(0) => Ok(None),
            Value::Numbers(Numbers { values, scale, .. }) => Ok(match &values {
                Values::I64(values) => {
                    values.first().map(|raw| Number::Exact { mantissa: i128::from(*raw), scale })
                }
                Values::I128(values) => values.first().map(|raw| Number::Exact { mantissa: *raw, scale }),
                Values::F64(values) => values.first().map(|value| Number::Float(*value)),
            }),
            other => Err(format!("the query returned {}, not a number", other.kind())),
        }
    }

    fn evaluate(&self, scalar: &Scalar, query: &Aggregation) -> Result<Option<Number>, String> {
        Ok(match scalar {
            Scalar::Expression(expression) => self.of_cells(expression, query)?,
            Scalar::Number(number) => Some(*number),
            Scalar::Null => None,
            Scalar::Aggregate(at) => {
                let (running, aggregate) = (self.running.get(*at), query.aggregates.get(*at));
                running.zip(aggregate).and_then(|(running, aggregate)| running.finish(aggregate.kind))
            }
            Scalar::Arithmetic(operator, left, right) => {
                let sides = (self.evaluate(left, query)?, self.evaluate(right, query)?);
                let (Some(left), Some(right)) = sides else { return Ok(None) };
                if *operator == ArithmeticOperator::Divide && right.as_f64() == 0.0 {
                    return Ok(None);
                }
                Some(left.combine(*operator, right))
            }
            Scalar::Abs(inner) => match self.evaluate(inner, query)? {
                Some(Number::Exact { mantissa, scale }) => {
                    let mantissa = mantissa.checked_abs().ok_or("a result is out of range")?;
                    Some(Number::Exact { mantissa, scale })
                }
                Some(Number::Float(value)) => Some(Number::Float(value.abs())),
                None => None,
            },
            Scalar::Coalesce(parts) => {
                for part in parts {
                    if let Some(number) = self.evaluate(part, query)? {
                        return Ok(Some(number));
                    }
                }
                None
            }
            Scalar::Float(inner) => self.evaluate(inner, query)?.map(|number| Number::Float(number.as_f64())),
        })
    }
}

impl Running {
    fn observe(&mut self, kind: Kind, value: Value, rows: &Rows) -> Result<(), String> {
        match kind {
            Kind::Count => {
                self.count += rows.and(Some(&value.is_null().no)).count() as u64;
                Ok(())
            }
            Kind::CountDistinct => self.distinct(&value, rows),
            Kind::Sum | Kind::Average | Kind::Minimum | Kind::Maximum => match value {
                Value::Numbers(numbers) => {
                    if matches!(kind, Kind::Sum | Kind::Average) {
                        self.sum.add(&numbers, rows);
                    } else {
                        self.extreme(&numbers, rows, kind == Kind::Maximum);
                    }
                    Ok(())
                }
                Value::Null(_) => Ok(()),
                other => Err(format!("an aggregate that must be a number is over {}", other.kind())),
            },
        }
    }

    fn distinct(&mut self, value: &Value, rows: &Rows) -> Result<(), String> {
        let rows = rows.and(Some(&value.is_null().no));
        let part = match value {
            Value::Null(_) => return Ok(()),
            Value::Numbers(numbers) | Value::Instants { raw: numbers, .. } => {
                self.keys.part(&numbers.values, numbers.valid.as_ref())
            }
            Value::Texts(texts) => self.keys.texts(texts)?,
            Value::Booleans(truth) => {
                let values = truth.yes.iter().map(i64::from).collect();
                self.keys.part(&Values::I64(values), None)
            }
        };
        self.keys.insert(&[part], &rows, |_, _, _| {})
    }

    fn extreme(&mut self, numbers: &Numbers, rows: &Rows, largest: bool) {
        let rows = rows.and(numbers.valid.as_ref());
        let mut exact: Option<i128> = None;
        let mut float: Option<f64> = None;
        let mut whole = |value: i128| {
            let best = exact.unwrap_or(value);
            exact = Some(if largest { best.max(value) } else { best.min(value) });
        };
        rows.for_each_range(|range| match &numbers.values {
            Values::I64(values) => slice(values, range).iter().for_each(|value| whole(i128::from(*value))),
            Values::I128(values) => slice(values, range).iter().for_each(|value| whole(*value)),
            Values::F64(values) => slice(values, range).iter().for_each(|value| {
                let best = float.unwrap_or(*value);
                float = Some(if largest { best.max(*value) } else { best.min(*value) });
            }),
        });
        let here = exact
            .map(|mantissa| Number::Exact { mantissa, scale: numbers.scale })
            .or(float.map(Number::Float));
        let Some(here) = here else { return };
        let better = match (self.extreme, here) {
            (None, _) => true,
            (
                Some(Number::Exact { mantissa: known, scale: a }),
                Number::Exact { mantissa: new, scale: b },
            ) if a == b => (new > known) == largest,
            (Some(known), new) => (new.as_f64() > known.as_f64()) == largest,
        };
        if better {
            self.extreme = Some(here);
        }
    }

    fn finish(&self, kind: Kind) -> Option<Number> {
        let whole = |count: u64| Number::Exact { mantissa: i128::from(count), scale: 0 };
        match kind {
            Kind::Count => Some(whole(self.count)),
            Kind::CountDistinct => Some(whole(self.keys.len() as u64)),
            Kind::Sum => (self.sum.count() > 0).then(|| self.sum.number()),
            Kind::Average => (self.sum.count() > 0).then(|| {
                let count = self.sum.count();
                decimal_average(self.sum.number(), count)
                    .unwrap_or_else(|| Number::Float(self.sum.value() / count as f64))
            }),
            Kind::Minimum | Kind::Maximum => self.extreme,
        }
    }
}

/// The average of decimals as Spark has it: with four places more than they have, rounded half away from zero. `None` for whole and
/// floating point numbers, and beyond 38 digits.
fn decimal_average(sum: Number, count: u64) -> Option<Number> {
    const MORE_PLACES: u32 = 4;
    let Number::Exact { mantissa, scale: places @ 1..=34 } = sum else { return None };
    let count = i128::from(count);
    let scaled = mantissa.checked_mul(10_i128.pow(MORE_PLACES))?;
    let (whole, rest) = (scaled / count, scaled % count);
    let up = i128::from(rest.unsigned_abs() * 2 >= count.unsigned_abs());
    Some(Number::Exact { mantissa: whole + up * scaled.signum(), scale: places + MORE_PLACES })
}

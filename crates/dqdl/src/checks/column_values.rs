//! ColumnValues: a condition on every value of a column.
//!
//! The metric is rows that pass / rows for which `where` is TRUE; the rule passes when it is 1.0, or satisfies the
//! threshold. Whether NULL passes:
//!
//! | Condition | NULL |
//! |---|---|
//! | `= NULL`, `in [..., NULL]` | passes |
//! | `!= x`, `not in [...]` without NULL | passes |
//! | `!= EMPTY`, `not in [..., EMPTY]`, the same with WHITESPACES_ONLY | fails |
//! | everything else, `not between` and `not matches` included | fails |
//!
//! NaN counts as NULL. Decimals and integers compare exactly. A timestamp compares as an instant (a date operand is
//! midnight UTC, a time of day is today's in the zone of the tag `timeZone`), a date as a day; texts compared with dates are read as days. `matches` is a full match, and
//! `not matches` its complement (the reference implementation anchors alternatives wrongly). In texts `\x` is `x`, under `=`
//! as under `in`. Texts compared with a column of numbers are numbers: `in ["7.1", "8.0"]` is `in [7.1, 8.0]`, and a text that
//! is none equals no value. Nor does a text in a column that is compared with numbers by `=`, `!=` or `in`; of neither does it hold.

pub(super) mod instants;
mod texts;

use std::collections::HashSet;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono_tz::Tz;
use regex::Regex;

use super::offenders::{Offenders, Telling};
use super::{first, tag};
use crate::ast::{self, Condition, DateOperand, NumberOperand, Operator, Parameter, Test};
use crate::check::{Accumulator, Check, Context, Goal, Input, Measurement, Refusal, RowLevel, Totals};
use crate::column::{Column, DAY_NANOS, Measure, Numbers, Texts, is_text, spoken, valid_bits};
use crate::compare::Comparison;
use crate::metric_names::metric_name;
use crate::number::Number;
use instants::{instant, time_zone};
use texts::{numbers_as_texts, texts};

#[derive(Debug, Clone)]
struct ColumnValues {
    column: Column,
    /// `None` for an analyzer.
    predicate: Option<Predicate>,
    goal: Goal,
    /// Whether the column has a minimum and a maximum to report.
    numeric: bool,
    range: Option<(f64, f64)>,
    offenders: Offenders,
    telling: Telling,
}

#[derive(Debug, Clone)]
struct Predicate {
    values: ValueTest,
    null_passes: bool,
}

/// The condition on a value that is not NULL.
#[derive(Debug, Clone)]
enum ValueTest {
    Constant(bool),
    Comparisons(Comparisons),
    /// Texts read as days.
    Days(Comparisons),
    Texts(TextPredicate),
}

/// All or any of some comparisons, or the contrary.
#[derive(Debug, Clone)]
struct Comparisons {
    parts: Vec<Comparison>,
    all: bool,
    negated: bool,
}

#[derive(Debug, Clone)]
struct TextPredicate {
    kind: TextKind,
    negated: bool,
    ignore_case: bool,
}

#[derive(Debug, Clone)]
enum TextKind {
    OneOf {
        texts: HashSet<String>,
        empty: bool,
        white: bool,
    },
    /// Texts that are one of these numbers; one that is no number is neither among them nor not.
    OneNumber(Vec<Number>),
    Matches(Regex),
}

/// The analyzer: only the range of the values.
pub(super) fn range(parameters: &[Parameter], context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let column = context.column(first(parameters)?)?;
    let Some(true) = Measure::of(&column.data_type).map(Measure::is_number) else {
        return Err(Refusal::Error(format!(
            "ColumnValues as an analyzer needs a numeric column, and {} is {}",
            column.name,
            spoken(&column.data_type)
        )));
    };
    Ok(Box::new(ColumnValues {
        column,
        predicate: None,
        goal: Goal::Record,
        numeric: true,
        range: None,
        offenders: Offenders::default(),
        telling: Telling::Both,
    }))
}

pub(super) fn compile(check: &ast::Check, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let column = context.column(first(&check.parameters)?)?;
    let condition = check
        .condition
        .as_ref()
        .ok_or_else(|| Refusal::Error("ColumnValues needs a condition".to_owned()))?;
    let goal = Goal::of_threshold(check.threshold.as_ref())?;
    let predicate = match condition {
        Condition::Number(test) => numbers(test, &column)?,
        Condition::Text(test) => texts(test, &column, tag(&check.tags, "ignoreCase") == "true")?,
        Condition::Date(test) => {
            let zone = time_zone(tag(&check.tags, "timeZone"), test)?;
            dates(test, &column, zone, context)?
        }
        Condition::Duration(_) | Condition::Size(_) => {
            return Err(Refusal::Error(format!("ColumnValues cannot be compared with `{condition}`")));
        }
    };
    let numeric = matches!(predicate.values, ValueTest::Comparisons(_))
        && Measure::of(&column.data_type).is_some_and(Measure::is_number);
    Ok(Box::new(ColumnValues {
        column,
        predicate: Some(predicate),
        goal,
        numeric,
        range: None,
        offenders: Offenders::default(),
        telling: telling(condition),
    }))
}

/// Which failing value says most about a condition.
fn telling(condition: &Condition) -> Telling {
    let operator = match condition {
        Condition::Number(Test::Compare(operator, _)) | Condition::Date(Test::Compare(operator, _)) => {
            *operator
        }
        _ => return Telling::Both,
    };
    match operator {
        Operator::Greater | Operator::GreaterOrEqual => Telling::Lowest,
        Operator::Less | Operator::LessOrEqual => Telling::Highest,
        Operator::Equal | Operator::NotEqual => Telling::Both,
    }
}

/// Turns a test into comparisons; `operand` gives `None` for NULL.
fn comparisons<T>(
    test: &Test<T>,
    compare: impl Fn(Operator, &T) -> Result<Option<Comparison>, String>,
) -> Result<Predicate, Refusal> {
    let null = || "NULL can only be compared with `=`, `!=` and `in`".to_owned();
    let some = |operator, operand: &T| compare(operator, operand)?.ok_or_else(null);
    let (parts, all, negated, null_passes) = match test {
        Test::Compare(operator, operand) => match compare(*operator, operand)? {
            Some(part) => (vec![part], true, false, *operator == Operator::NotEqual),
            None => {
                let equal = match operator {
                    Operator::Equal => true,
                    Operator::NotEqual => false,
                    _ => return Err(Refusal::Error(null())),
                };
                return Ok(Predicate { values: ValueTest::Constant(!equal), null_passes: equal });
            }
        },
        Test::Between { negated, low, high } => {
            let parts = vec![some(Operator::Greater, low)?, some(Operator::Less, high)?];
            (parts, true, *negated, false)
        }
        Test::In { negated, values } => {
            let found =
                values.iter().map(|value| compare(Operator::Equal, value)).collect::<Result<Vec<_>, _>>()?;
            let null_listed = found.iter().any(Option::is_none);
            let parts: Vec<_> = found.into_iter().flatten().collect();
            (parts, false, *negated, null_listed != *negated)
        }
    };
    Ok(Predicate {
        values: if parts.is_empty() {
            ValueTest::Constant(negated)
        } else {
            ValueTest::Comparisons(Comparisons { parts, all, negated })
        },
        null_passes,
    })
}

fn numbers(test: &Test<NumberOperand>, column: &Column) -> Result<Predicate, Refusal> {
    if is_text(&column.data_type)
        && let Some(predicate) = numbers_as_texts(test)?
    {
        return Ok(predicate);
    }
    let measure = Measure::of(&column.data_type).filter(|measure| measure.is_number());
    comparisons(test, |operator, operand| {
        let Some(number) = operand.value()? else {
            return Ok(None);
        };
        let measure = measure.ok_or_else(|| {
            format!(
                "column {} is {} and cannot be compared with a number",
                column.name,
                spoken(&column.data_type)
            )
        })?;
        Comparison::with_number(operator, number, measure).map(Some)
    })
}

fn dates(
    test: &Test<DateOperand>,
    column: &Column,
    zone: Tz,
    context: &Context<'_>,
) -> Result<Predicate, Refusal> {
    let text = is_text(&column.data_type);
    let measure = match Measure::of(&column.data_type) {
        _ if text => Measure::Instant { unit_nanos: DAY_NANOS },
        Some(measure @ Measure::Instant { .. }) => measure,
        _ => {
            return Err(Refusal::Error(format!(
                "column {} is {} and cannot be compared with a date",
                column.name, column.data_type
            )));
        }
    };
    let whole_days = text || matches!(column.data_type, DataType::Date32 | DataType::Date64);
    let mut predicate = comparisons(test, |operator, operand| {
        let Some(nanos) = instant(operand, zone, context)? else {
            return Ok(None);
        };
        let day = i128::from(DAY_NANOS);
        let nanos = if whole_days { nanos.div_euclid(day) * day } else { nanos };
        Comparison::with_instant(operator, nanos, measure).map(Some)
    })?;
    if let (true, ValueTest::Comparisons(days)) = (text, &predicate.values) {
        predicate.values = ValueTest::Days(days.clone());
    }
    Ok(predicate)
}

impl Comparisons {
    fn apply(&self, numbers: &Numbers) -> BooleanBuffer {
        let bits = self
            .parts
            .iter()
            .map(|part| part.apply(&numbers.values))
            .reduce(|left, right| if self.all { &left & &right } else { &left | &right });
        match bits {
            Some(bits) if self.negated => !&bits,
            Some(bits) => bits,
            None => BooleanBuffer::new_unset(0),
        }
    }
}

impl Predicate {
    fn failed(&self, batch: &RecordBatch, column: &Column) -> Result<BooleanBuffer, String> {
        let array = &*column.of(batch)?;
        let (truth, valid) = match &self.values {
            ValueTest::Constant(truth) => {
                let bits = if *truth {
                    BooleanBuffer::new_set(array.len())
                } else {
                    BooleanBuffer::new_unset(array.len())
                };
                let valid = match Measure::of(&column.data_type) {
                    Some(Measure::Float) => Numbers::read(array)?.valid,
                    _ => valid_bits(array),
                };
                (bits, valid)
            }
            ValueTest::Comparisons(comparisons) => {
                let numbers = Numbers::read(array)?;
                (comparisons.apply(&numbers), numbers.valid)
            }
            ValueTest::Days(comparisons) => {
                let days = cast(array, &DataType::Date32).map_err(|error| error.to_string())?;
                let numbers = Numbers::read(&days)?;
                (comparisons.apply(&numbers), numbers.valid)
            }
            ValueTest::Texts(predicate) => {
                let (bits, valid) = Texts::read(array)?.test(|text| predicate.holds(text));
                (bits, valid.into_bits())
            }
        };
        let failed = !&truth;
        Ok(match valid {
            None => failed,
            Some(valid) if self.null_passes => &failed & &valid,
            Some(valid) => &failed | &!&valid,
        })
    }
}

impl Check for ColumnValues {
    fn row_level(&self) -> RowLevel {
        match self.predicate {
            Some(_) => RowLevel::Immediate,
            None => RowLevel::No,
        }
    }

    fn is_tolerant(&self) -> bool {
        self.goal.is_tolerant()
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        self.predicate.as_ref().map(|predicate| predicate.failed(batch, &self.column)).transpose()
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for ColumnValues {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        if !self.numeric && input.failing.is_none() {
            return Ok(());
        }
        let array = &*self.column.of(input.batch)?;
        let ordered =
            self.predicate.as_ref().is_some_and(|of| matches!(of.values, ValueTest::Comparisons(_)));
        if !self.numeric && !ordered {
            self.offenders.see_values(input.failing.as_ref(), array);
            return Ok(());
        }
        let numbers = Numbers::read(array)?;
        self.offenders.see_numbers(input.failing.as_ref(), array, &numbers);
        if self.numeric {
            numbers.for_each(&input.rows, |value| {
                let (low, high) = self.range.unwrap_or((value, value));
                self.range = Some((low.min(value), high.max(value)));
            });
        }
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let name = |metric: &str| metric_name(&[&self.column.name], metric);
        let mut metrics = Vec::new();
        if let Some((low, high)) = self.range {
            metrics.push((name("Minimum"), low));
            metrics.push((name("Maximum"), high));
        }
        if self.predicate.is_some() {
            metrics.push((name("ColumnValues.Compliance"), totals.compliance()));
        }
        Measurement::new(metrics, self.offenders.judge(&self.goal, totals, self.telling))
    }
}

#[cfg(test)]
mod tests;

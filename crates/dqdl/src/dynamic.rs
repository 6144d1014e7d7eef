//! Dynamic rules: operands like `0.8 * avg(last(5))`, replaced by their values before anything is compiled.
//!
//! `last(k)` is the history of the rule's own metric, the most recent first. It is used alone only for k = 1; more values
//! need `avg`, `median`, `max`, `min`, `sum`, `std` (of the population) or `index(last(k), i)`, which counts from 0. Under
//! ColumnValues and ColumnLength, lower bounds compare with the smallest values and upper bounds with the largest of
//! earlier runs; other conditions have no metric of their own there, and are an error. With fewer than k runs, those that
//! are there count.
//!
//! What can never be worked out, whatever the history holds, is an error before the history is looked at: see `shape.rs`.

pub(crate) mod shape;

use crate::ast::{Arithmetic, Check, Condition, NumberOperand, Operator, Term, Test};
use crate::check::{Context, Refusal};
use crate::history::{ColdStart, History, MetricKey, median};
use crate::metric_names::{Bound, dynamic_metric};
use crate::number::Number;

/// The furthest `last(k)` looks back.
const MAX_RUNS: usize = 10_000;

/// A check whose operands are constants.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) check: Check,
    pub(crate) missing: Option<MissingHistory>,
}

/// A metric that no earlier run measured.
#[derive(Debug)]
pub(crate) struct MissingHistory {
    /// The metric.
    pub(crate) metric: String,
    /// Whether it is the condition that needs it, rather than the threshold.
    pub(crate) condition: bool,
}

enum Stop {
    Missing(String),
    Error(String),
}

/// Replaces every operand that needs the history.
pub(crate) fn resolve(check: &Check, context: &Context<'_>) -> Result<Resolved, Refusal> {
    for condition in [&check.condition, &check.threshold].into_iter().flatten() {
        shape::of_condition(condition).map_err(|misshapen| Refusal::Error(misshapen.message))?;
    }
    let mut resolved = Resolved { check: check.clone(), missing: None };
    for (condition, is_condition) in
        [(&mut resolved.check.condition, true), (&mut resolved.check.threshold, false)]
    {
        let Some(Condition::Number(test)) = condition else {
            continue;
        };
        match resolve_test(test, check, !is_condition, context) {
            Ok(()) => {}
            Err(Stop::Error(message)) => return Err(Refusal::Error(message)),
            Err(Stop::Missing(metric)) => {
                let missing = MissingHistory { metric, condition: is_condition };
                // What is left of the rule is only shown.
                return Ok(Resolved { check: check.clone(), missing: Some(missing) });
            }
        }
    }
    Ok(resolved)
}

/// The check with 0 in place of every operand that needs the history.
pub(crate) fn with_zeros(check: &Check) -> Check {
    let mut check = check.clone();
    for condition in [&mut check.condition, &mut check.threshold].into_iter().flatten() {
        let Condition::Number(test) = condition else { continue };
        for operand in test.operands_mut() {
            if let NumberOperand::Expression(expression) = operand
                && expression.is_dynamic()
            {
                *expression = Arithmetic { first: Term::Literal("0".to_owned()), rest: Vec::new() };
            }
        }
    }
    check
}

fn resolve_test(
    test: &mut Test<NumberOperand>,
    check: &Check,
    threshold: bool,
    context: &Context<'_>,
) -> Result<(), Stop> {
    let bound = |bound| if threshold { Bound::Share } else { bound };
    match test {
        Test::Compare(operator, operand) => {
            let side = match operator {
                Operator::Greater | Operator::GreaterOrEqual => Bound::Lower,
                Operator::Less | Operator::LessOrEqual => Bound::Upper,
                Operator::Equal | Operator::NotEqual => Bound::Exact,
            };
            resolve_operand(operand, check, bound(side), context)
        }
        Test::Between { negated, low, high } => {
            let (lower, upper) =
                if *negated { (Bound::Exact, Bound::Exact) } else { (Bound::Lower, Bound::Upper) };
            resolve_operand(low, check, bound(lower), context)?;
            resolve_operand(high, check, bound(upper), context)
        }
        Test::In { values, .. } => values
            .iter_mut()
            .try_for_each(|operand| resolve_operand(operand, check, bound(Bound::Exact), context)),
    }
}

fn resolve_operand(
    operand: &mut NumberOperand,
    check: &Check,
    bound: Bound,
    context: &Context<'_>,
) -> Result<(), Stop> {
    let NumberOperand::Expression(expression) = operand else {
        return Ok(());
    };
    if !expression.is_dynamic() {
        return Ok(());
    }
    let history = context.history.as_deref().ok_or_else(|| {
        Stop::Error(format!("{expression} needs the history of earlier runs, and none was given"))
    })?;
    let source = Source { history, check, bound, context };
    let value = source.expression(expression)?.number(&*expression)?;
    let text = match value {
        Number::Exact { .. } => value.to_text(),
        Number::Float(value) if value.is_finite() => format!("{value}"),
        Number::Float(_) => return Err(Stop::Error(format!("{expression} is not finite"))),
    };
    *expression = Arithmetic { first: Term::Literal(text), rest: Vec::new() };
    Ok(())
}

impl Arithmetic {
    /// Whether a function is called, so that the value depends on earlier runs.
    pub fn is_dynamic(&self) -> bool {
        let mut terms = std::iter::once(&self.first).chain(self.rest.iter().map(|(_, term)| term));
        terms.any(|term| match term {
            Term::Literal(_) => false,
            Term::Call(..) => true,
            Term::Group(inner) => inner.is_dynamic(),
        })
    }
}

/// A value while an operand is worked out.
enum Value {
    Number(Number),
    List(Vec<f64>),
}

impl Value {
    fn number(self, shown: impl std::fmt::Display) -> Result<Number, Stop> {
        match self {
            Self::Number(number) => Ok(number),
            Self::List(_) => Err(Stop::Error(format!("{shown}: several values need avg, max or the like"))),
        }
    }

    fn list(self) -> Vec<f64> {
        match self {
            Self::Number(number) => vec![number.as_f64()],
            Self::List(values) => values,
        }
    }
}

/// Where `last(k)` comes from.
struct Source<'a> {
    history: &'a dyn History,
    check: &'a Check,
    bound: Bound,
    context: &'a Context<'a>,
}

impl Source<'_> {
    fn expression(&self, expression: &Arithmetic) -> Result<Value, Stop> {
        let first = self.term(&expression.first)?;
        if expression.rest.is_empty() {
            return Ok(first);
        }
        let mut value = first.number(expression)?;
        for (operator, term) in &expression.rest {
            value = value.combine(*operator, self.term(term)?.number(expression)?);
        }
        Ok(Value::Number(value))
    }

    fn term(&self, term: &Term) -> Result<Value, Stop> {
        match term {
            Term::Group(inner) => self.expression(inner),
            Term::Literal(text) => Number::parse(text)
                .map(Value::Number)
                .ok_or_else(|| Stop::Error(format!("{text} is not a number"))),
            Term::Call(name, arguments) => self.call(name, arguments, term),
        }
    }

    fn call(&self, name: &str, arguments: &[Arithmetic], term: &Term) -> Result<Value, Stop> {
        let wrong = || Stop::Error(format!("{term} is not a function of this language"));
        if name == "last" {
            return self.last(arguments, term);
        }
        let (first, second) = match arguments {
            [first] => (first, None),
            [first, second] => (first, Some(second)),
            _ => return Err(wrong()),
        };
        let value = self.expression(first)?;
        if let ("index", Some(at)) = (name, second) {
            let values = value.list();
            let at = self.whole(at)?.ok_or_else(wrong)?;
            return match values.get(at) {
                Some(value) => Ok(Value::Number(Number::Float(*value))),
                None => self.without_history(&self.key()?).map(|value| Value::Number(Number::Float(value))),
            };
        }
        if second.is_some() {
            return Err(wrong());
        }
        if name == "abs" {
            let value = value.number(term)?.as_f64().abs();
            return Ok(Value::Number(Number::Float(value)));
        }
        let values = value.list();
        let count = values.len() as f64;
        let sum: f64 = values.iter().sum();
        let result = match name {
            "avg" => sum / count,
            "sum" => sum,
            "median" => median(&values).unwrap_or(f64::NAN),
            "max" => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            "min" => values.iter().copied().fold(f64::INFINITY, f64::min),
            "std" => {
                let mean = sum / count;
                (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
            }
            _ => return Err(wrong()),
        };
        Ok(Value::Number(Number::Float(result)))
    }

    /// A small whole number.
    fn whole(&self, expression: &Arithmetic) -> Result<Option<usize>, Stop> {
        let value = self.expression(expression)?.number(expression)?.as_f64();
        let whole = value.fract() == 0.0 && (0.0..=MAX_RUNS as f64).contains(&value);
        Ok(whole.then_some(value as usize))
    }

    fn key(&self) -> Result<MetricKey, Stop> {
        dynamic_metric(self.check, self.bound, self.context).map_err(Stop::Error)
    }

    fn last(&self, arguments: &[Arithmetic], term: &Term) -> Result<Value, Stop> {
        let k = match arguments {
            [] => Some(1),
            [k] => self.whole(k)?,
            _ => None,
        };
        let Some(k @ 1..) = k else {
            return Err(Stop::Error(format!("{term}: last takes a whole number from 1 to {MAX_RUNS}")));
        };
        let key = self.key()?;
        let mut values = self.history.last(&key, k);
        values.retain(|value| value.is_finite());
        values.truncate(k);
        if values.is_empty() {
            values.push(self.without_history(&key)?);
        }
        Ok(match values.as_slice() {
            [value] if k == 1 => Value::Number(Number::Float(*value)),
            _ => Value::List(values),
        })
    }

    fn without_history(&self, key: &MetricKey) -> Result<f64, Stop> {
        match self.context.cold_start {
            ColdStart::Glue => Ok(0.0),
            ColdStart::Skip => Err(Stop::Missing(key.metric.clone())),
        }
    }
}

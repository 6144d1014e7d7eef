//! Aggregates over one table: `count`, `sum`, `avg`, `min`, `max`, and arithmetic between them.
//!
//! NULL (and NaN) values do not take part, except that `count(*)` counts rows. Without values, `count` is 0 and the others
//! are NULL, as is division by zero. Sums of whole numbers and decimals are exact.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array, NullArray, RecordBatch};
use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator,
};

use super::compile::{Compiler, unsupported};
use super::value::Value;
use super::{Expression, Predicate};
use crate::ast::ArithmeticOperator;
use crate::column::{Numbers, Rows, Values, slice};
use crate::keys::Keys;
use crate::number::Number;
use crate::summation::Summation;

/// A compiled query of aggregates.
#[derive(Debug)]
pub(crate) struct Aggregation {
    predicate: Option<Predicate>,
    aggregates: Vec<Aggregate>,
    result: Scalar,
}

#[derive(Debug)]
pub(super) struct Aggregate {
    kind: Kind,
    /// `None` for `count(*)`.
    argument: Option<Expression>,
    /// `filter (where ...)`
    filter: Option<Predicate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Count,
    CountDistinct,
    Sum,
    Average,
    Minimum,
    Maximum,
}

/// An expression over the results of aggregates.
#[derive(Debug)]
enum Scalar {
    Number(Number),
    Null,
    Aggregate(usize),
    Arithmetic(ArithmeticOperator, Box<Scalar>, Box<Scalar>),
    Abs(Box<Scalar>),
    Coalesce(Vec<Scalar>),
    Float(Box<Scalar>),
    /// Any other expression, over cells that are the aggregates.
    Expression(Expression),
}

/// Whether an expression has an aggregate in it.
pub(super) fn is_aggregate(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) | Expr::UnaryOp { expr: inner, .. } | Expr::Cast { expr: inner, .. } => {
            is_aggregate(inner)
        }
        Expr::BinaryOp { left, right, .. } => is_aggregate(left) || is_aggregate(right),
        Expr::Ceil { expr, .. } | Expr::Floor { expr, .. } | Expr::IsNull(expr) | Expr::IsNotNull(expr) => {
            is_aggregate(expr)
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.as_deref().is_some_and(is_aggregate)
                || else_result.as_deref().is_some_and(is_aggregate)
                || conditions.iter().any(|when| is_aggregate(&when.condition) || is_aggregate(&when.result))
        }
        Expr::Function(function) => {
            kind_of(function).is_some()
                || arguments(function).is_some_and(|list| list.into_iter().any(is_aggregate))
        }
        _ => false,
    }
}

pub(super) fn kind_of(function: &Function) -> Option<Kind> {
    Some(match function.name.to_string().to_ascii_lowercase().as_str() {
        "count" => Kind::Count,
        "sum" => Kind::Sum,
        "avg" | "mean" => Kind::Average,
        "min" => Kind::Minimum,
        "max" => Kind::Maximum,
        _ => return None,
    })
}

fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    list.args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) => Some(argument),
            _ => None,
        })
        .collect()
}

impl Aggregation {
    /// Compiles an expression over aggregates and tries it on no rows.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        item: &Expr,
        predicate: Option<Predicate>,
        empty: &RecordBatch,
    ) -> Result<Self, String> {
        let mut aggregates = Vec::new();
        let result = scalar(compiler, item, &mut aggregates)?;
        let compiled = Self { predicate, aggregates, result };
        compiled.start().observe(&compiled, empty, &Rows::all(0))?;
        Ok(compiled)
    }

    /// Compiles the text of an expression over aggregates of the table `qualifier`.
    pub(crate) fn of_text(
        text: &str,
        qualifier: &str,
        schema: &arrow::datatypes::Schema,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Self, String> {
        let mut parser = super::compile::parser(text)?;
        let parsed = parser.parse_expr().map_err(|error| error.to_string())?;
        super::compile::end(&parser)?;
        let mut compiler = Compiler::new(schema, now);
        compiler.qualifiers = vec![qualifier.to_owned()];
        let empty = RecordBatch::new_empty(std::sync::Arc::new(schema.clone()));
        Self::compile(&mut compiler, &parsed, None, &empty)
    }

    /// Starts an evaluation.
    pub(crate) fn start(&self) -> State {
        State { running: self.aggregates.iter().map(|_| Running::default()).collect() }
    }
}

fn scalar(compiler: &mut Compiler<'_>, expr: &Expr, found: &mut Vec<Aggregate>) -> Result<Scalar, String> {
    compiler.enter()?;
    let compiled = scalar_level(compiler, expr, found);
    compiler.leave();
    compiled
}

fn scalar_level(
    compiler: &mut Compiler<'_>,
    expr: &Expr,
    found: &mut Vec<Aggregate>,
) -> Result<Scalar, String> {
    Ok(match expr {
        Expr::Nested(inner) => scalar(compiler, inner, found)?,
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => scalar(compiler, expr, found)?,
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            let zero = Scalar::Number(Number::Exact { mantissa: 0, scale: 0 });
            let inner = scalar(compiler, expr, found)?;
            Scalar::Arithmetic(ArithmeticOperator::Subtract, Box::new(zero), Box::new(inner))
        }
        Expr::BinaryOp { left, op, right } => {
            let operator = match op {
                BinaryOperator::Plus => ArithmeticOperator::Add,
                BinaryOperator::Minus => ArithmeticOperator::Subtract,
                BinaryOperator::Multiply => ArithmeticOperator::Multiply,
                BinaryOperator::Divide => ArithmeticOperator::Divide,
                _ => return Err(unsupported(expr)),
            };
            let (left, right) = (scalar(compiler, left, found)?, scalar(compiler, right, found)?);
            Scalar::Arithmetic(operator, Box::new(left), Box::new(right))
        }
        Expr::Cast { expr: inner, data_type, .. } => {
            use sqlparser::ast::DataType;
            match data_type {
                DataType::Double(_) | DataType::DoublePrecision | DataType::Float(_) | DataType::Real => {
                    Scalar::Float(Box::new(scalar(compiler, inner, found)?))
                }
                _ => compiler.over_aggregates(expr, found).map(Scalar::Expression)?,
            }
        }
        Expr::Case { .. } | Expr::Ceil { .. } | Expr::Floor { .. } if is_aggregate(expr) => {
            compiler.over_aggregates(expr, found).map(Scalar::Expression)?
        }
        Expr::Function(function) => match kind_of(function) {
            Some(kind) => {
                let aggregate = aggregate(compiler, kind, function, expr)?;
                found.push(aggregate);
                Scalar::Aggregate(found.len() - 1)
            }
            None if !matches!(
                function.name.to_string().to_ascii_lowercase().as_str(),
                "abs" | "coalesce"
            ) =>
            {
                compiler.over_aggregates(expr, found).map(Scalar::Expression)?
            }
            None => {
                let mut parts = arguments(function)
                    .ok_or_else(|| unsupported(expr))?
                    .into_iter()
                    .map(|argument| scalar(compiler, argument, found))
                    .collect::<Result<Vec<_>, _>>()?;
                if function.over.is_some() || function.filter.is_some() {
                    return Err(unsupported(expr));
                }
                match (function.name.to_string().to_ascii_lowercase().as_str(), parts.len()) {
                    ("abs", 1) => Scalar::Abs(Box::new(parts.pop().unwrap_or(Scalar::Null))),
                    ("coalesce", 1..) => Scalar::Coalesce(parts),
                    _ => return Err(unsupported(expr)),
                }
            }
        },
        constant => match compiler.expression(constant)? {
            Expression::Literal(super::Literal::Null) => Scalar::Null,
            Expression::Literal(literal @ super::Literal::Number(_)) => {
                literal.number().map_or(Scalar::Null, Scalar::Number)
            }
            _ => return Err(format!("`{expr}` stands beside an aggregate and is none")),
        },
    })
}

pub(super) fn aggregate(
    compiler: &mut Compiler<'_>,
    kind: Kind,
    function: &Function,
    whole: &Expr,
) -> Result<Aggregate, String> {
    if function.over.is_some() {
        return Err(format!("the window function `{whole}` is not supported"));
    }
    let FunctionArguments::List(list) = &function.args else {
        return Err(unsupported(whole));
    };
    if !list.clauses.is_empty() || !function.within_group.is_empty() || function.null_treatment.is_some() {
        return Err(unsupported(whole));
    }
    let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let argument = match (list.args.as_slice(), kind) {
        ([FunctionArg::Unnamed(FunctionArgExpr::Wildcard)], Kind::Count) if !distinct => None,
        ([FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))], _) => {
            if is_aggregate(argument) {
                return Err(format!("an aggregate inside another: `{whole}`"));
            }
            Some(compiler.expression(argument)?)
        }
        _ => return Err(unsupported(whole)),
    };
    let kind = match (kind, distinct) {
        (Kind::Count, true) => Kind::CountDistinct,
        // The same with and without duplicates.
        (Kind::Minimum | Kind::Maximum, _) | (_, false) => kind,
        _ => return Err(unsupported(whole)),
    };
    let filter = match &function.filter {
        Some(filter) => Some(Predicate::of(compiler.expression(filter)?)),
        None => None,
    };
    Ok(Aggregate { kind, argument, filter })
}

/// A query of aggregates in progress.
#[derive(Debug)]
pub(crate) struct State {
    running: Vec<Running>,
}

#[derive(Debug, Default)]
struct Running {
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
            result => Ok(self.evaluate(result, query)),
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

    fn evaluate(&self, scalar: &Scalar, query: &Aggregation) -> Option<Number> {
        match scalar {
            Scalar::Expression(expression) => self.of_cells(expression, query).ok().flatten(),
            Scalar::Number(number) => Some(*number),
            Scalar::Null => None,
            Scalar::Aggregate(at) => self.running.get(*at)?.finish(query.aggregates.get(*at)?.kind),
            Scalar::Arithmetic(operator, left, right) => {
                let (left, right) = (self.evaluate(left, query)?, self.evaluate(right, query)?);
                if *operator == ArithmeticOperator::Divide && right.as_f64() == 0.0 {
                    return None;
                }
                Some(left.combine(*operator, right))
            }
            Scalar::Abs(inner) => Some(match self.evaluate(inner, query)? {
                Number::Exact { mantissa, scale } => {
                    Number::Exact { mantissa: mantissa.checked_abs()?, scale }
                }
                Number::Float(value) => Number::Float(value.abs()),
            }),
            Scalar::Coalesce(parts) => parts.iter().find_map(|part| self.evaluate(part, query)),
            Scalar::Float(inner) => Some(Number::Float(self.evaluate(inner, query)?.as_f64())),
        }
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
            Kind::Average => {
                (self.sum.count() > 0).then(|| Number::Float(self.sum.value() / self.sum.count() as f64))
            }
            Kind::Minimum | Kind::Maximum => self.extreme,
        }
    }
}

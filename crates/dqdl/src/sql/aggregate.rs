//! Aggregates over one table: `count`, `sum`, `avg`, `min`, `max`, and arithmetic between them.
//!
//! NULL (and NaN) values do not take part, except that `count(*)` counts rows. Without values, `count` is 0 and the others
//! are NULL, as is division by zero. Sums of whole numbers and decimals are exact.

mod state;

use arrow::array::RecordBatch;
use sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator,
};

use super::compile::{Compiler, unsupported};
use super::{Expression, Predicate};
use crate::ast::ArithmeticOperator;
use crate::column::Rows;
use crate::number::Number;
use state::Running;
pub(crate) use state::State;

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

    /// The call that a text is, where its function is not known: `total` of `total(r.a)`.
    pub(crate) fn unknown_call(text: &str) -> Option<String> {
        let parsed = super::compile::parser(text).ok()?.parse_expr().ok()?;
        let Expr::Function(function) = parsed else { return None };
        let name = function.name.to_string();
        let lower = name.to_ascii_lowercase();
        let known = kind_of(&function).is_some() || super::functions::names().any(|known| known == lower);
        (!known).then_some(name)
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
        Expr::Function(function) => call(compiler, function, expr, found)?,
        constant => match compiler.expression(constant)? {
            Expression::Literal(super::Literal::Null) => Scalar::Null,
            Expression::Literal(literal @ super::Literal::Number(_)) => {
                literal.number().map_or(Scalar::Null, Scalar::Number)
            }
            _ => return Err(format!("`{expr}` is used with an aggregate and is none")),
        },
    })
}

/// An aggregate, or a function of aggregates.
fn call(
    compiler: &mut Compiler<'_>,
    function: &Function,
    expr: &Expr,
    found: &mut Vec<Aggregate>,
) -> Result<Scalar, String> {
    if let Some(kind) = kind_of(function) {
        let aggregate = aggregate(compiler, kind, function, expr)?;
        found.push(aggregate);
        return Ok(Scalar::Aggregate(found.len() - 1));
    }
    let name = function.name.to_string().to_ascii_lowercase();
    if !matches!(name.as_str(), "abs" | "coalesce") {
        return compiler.over_aggregates(expr, found).map(Scalar::Expression);
    }
    let mut parts = arguments(function)
        .ok_or_else(|| unsupported(expr))?
        .into_iter()
        .map(|argument| scalar(compiler, argument, found))
        .collect::<Result<Vec<_>, _>>()?;
    if function.over.is_some() || function.filter.is_some() {
        return Err(unsupported(expr));
    }
    match (name.as_str(), parts.len()) {
        ("abs", 1) => Ok(Scalar::Abs(Box::new(parts.pop().unwrap_or(Scalar::Null)))),
        ("coalesce", 1..) => Ok(Scalar::Coalesce(parts)),
        _ => Err(unsupported(expr)),
    }
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

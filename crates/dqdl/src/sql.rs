//! SQL of `where` and CustomSql: parsed by `sqlparser`, evaluated on Arrow columns.
//!
//! `compile.rs` turns the syntax tree into an [`Expression`], `eval.rs` evaluates it with `value.rs` (three-valued logic,
//! literals), `arithmetic.rs`, `cast.rs`, `choose.rs` and `functions.rs`; `query.rs` reads a SELECT and `aggregate.rs` its
//! aggregates. What is known is written down in `reference.rs` and `functions.rs`; what is not is an error, never a guess.
//!
//! Decimals stay exact except through `/` and functions that say so, which are floating point; a zero divisor gives NULL. NaN is
//! NULL. A text compared with a number or a date is read as one.

mod aggregate;
mod arithmetic;
mod cast;
mod choose;
mod compile;
mod eval;
mod functions;
mod literals;
mod patterns;
mod query;
mod reference;
mod syntax;
mod texts_to_numbers;
mod value;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use regex::Regex;

use crate::ast::{ArithmeticOperator, Operator};
use crate::column::Column;
use cast::Target;
use functions::Patterned;
use value::Literal;

pub(crate) use aggregate::{Aggregation, State};
pub(crate) use literals::{lone_escape, standard};
pub(crate) use query::Query;
pub use reference::sql_reference;
pub(crate) use syntax::{function_names, is_function, names, predicate_syntax, query_syntax};
pub(crate) use value::parse_instant;

/// A compiled predicate.
#[derive(Debug)]
pub(crate) struct Predicate {
    expression: Expression,
}

/// A compiled expression.
#[derive(Debug, Clone)]
enum Expression {
    Column(Column),
    /// An aggregate, by its number.
    Cell(usize),
    Literal(Literal),
    Compare(Operator, Box<Expression>, Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    IsNull(Box<Expression>),
    /// `is true` or `is false`
    Is(bool, Box<Expression>),
    Matches(Box<Expression>, Regex),
    Arithmetic(Binary, Box<Expression>, Box<Expression>),
    Negate(Box<Expression>),
    Abs(Box<Expression>),
    Coalesce(Vec<Expression>),
    Length(Box<Expression>),
    MapText(TextFunction, Box<Expression>),
    Cast(Box<Expression>, Target),
    /// `<=>`: NULL equals NULL.
    Same(Box<Expression>, Box<Expression>),
    /// The first whose condition is TRUE.
    Case {
        branches: Vec<(Expression, Expression)>,
        otherwise: Box<Expression>,
    },
    Call(functions::Rows, Vec<Expression>),
    Patterned(Box<Patterned>, Box<Expression>),
}

/// An arithmetic operator of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Binary {
    Basic(ArithmeticOperator),
    Remainder,
}

/// A function from text to text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextFunction {
    Upper,
    Lower,
}

impl Predicate {
    /// Compiles a predicate and tries it on no rows, so that a type error shows before any data does.
    pub(crate) fn compile(text: &str, schema: &Schema, now: DateTime<Utc>) -> Result<Self, String> {
        let compiled = compile::predicate(text, schema, now).map(|expression| Self { expression }).and_then(
            |predicate| {
                let empty = RecordBatch::new_empty(Arc::new(schema.clone()));
                predicate.evaluate(&empty)?;
                Ok(predicate)
            },
        );
        compiled.map_err(|error| {
            let shown: String = text.chars().take(120).collect();
            format!("where \"{shown}\": {error}")
        })
    }

    /// The rows for which the predicate is TRUE.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanBuffer, String> {
        Ok(self.expression.truth(batch)?.yes)
    }
}

#[cfg(test)]
mod tests;

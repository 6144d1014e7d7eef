//! From the SQL syntax tree to an [`Expression`]; what has a syntax of its own in `forms.rs`.

mod forms;

use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value as SqlValue, ValueWithSpan,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::aggregate::{Aggregate, aggregate, kind_of};
use super::cast::Target;
use super::functions;
use super::literals::standard;
use super::patterns::{find, like};
use super::syntax::plain;
use super::value::{Literal, parse_instant};
use super::{Binary, Expression};
use crate::ast::{ArithmeticOperator, Operator};
use crate::column::{Column, DAY_NANOS};
use crate::number::Number;

/// Tokens in a predicate: bounds the depth of the tree that `sqlparser` builds for a chain of operators.
pub(super) const MAX_TOKENS: usize = 2000;
/// Levels of the compiled expression.
const MAX_DEPTH: usize = 128;

type Compiled = Result<Expression, String>;

pub(super) fn predicate(text: &str, schema: &Schema, now: DateTime<Utc>) -> Compiled {
    let mut parser = parser(text)?;
    let parsed = parser.parse_expr().map_err(|error| plain(&error.to_string()))?;
    end(&parser)?;
    Compiler::new(schema, now).expression(&parsed)
}

/// A parser at the start of `text`, which is not too long for it.
pub(super) fn parser(text: &str) -> Result<Parser<'static>, String> {
    let text = standard(text);
    let tokens = Tokenizer::new(&GenericDialect {}, &text).tokenize().map_err(|error| error.to_string())?;
    let tokens: Vec<Token> =
        tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    if tokens.len() > MAX_TOKENS {
        return Err(format!("more than {MAX_TOKENS} tokens"));
    }
    Ok(Parser::new(&GenericDialect {}).with_tokens(tokens))
}

/// Nothing may follow.
pub(super) fn end(parser: &Parser<'_>) -> Result<(), String> {
    match parser.peek_token() {
        rest if rest.token == Token::EOF => Ok(()),
        rest => Err(format!("unexpected {rest}")),
    }
}

/// Compiles expressions over one table.
pub(super) struct Compiler<'a> {
    schema: &'a Schema,
    now: DateTime<Utc>,
    depth: usize,
    /// The aggregates found so far, while an expression over aggregates is compiled.
    cells: Option<Vec<Aggregate>>,
    /// Names of the table that may precede a column.
    pub(super) qualifiers: Vec<String>,
}

pub(super) fn unsupported(what: impl std::fmt::Display) -> String {
    format!("`{what}` is not supported")
}

impl<'a> Compiler<'a> {
    /// Over the table `primary`.
    pub(super) fn new(schema: &'a Schema, now: DateTime<Utc>) -> Self {
        Self { schema, now, depth: 0, cells: None, qualifiers: vec!["primary".to_owned()] }
    }

    pub(super) fn expression(&mut self, sql: &Expr) -> Compiled {
        self.enter()?;
        let compiled = self.level(sql);
        self.leave();
        compiled
    }

    /// Compiles an expression over aggregates, which become cells behind those that were found before.
    pub(super) fn over_aggregates(&mut self, sql: &Expr, found: &mut Vec<Aggregate>) -> Compiled {
        self.cells = Some(std::mem::take(found));
        let compiled = self.expression(sql);
        *found = self.cells.take().unwrap_or_default();
        compiled
    }

    /// One level deeper, as far as that goes.
    pub(super) fn enter(&mut self) -> Result<(), String> {
        if self.depth >= MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} levels"));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    fn boxed(&mut self, sql: &Expr) -> Result<Box<Expression>, String> {
        self.expression(sql).map(Box::new)
    }

    fn negated(&self, negated: bool, expression: Expression) -> Expression {
        if negated { Expression::Not(Box::new(expression)) } else { expression }
    }

    fn level(&mut self, sql: &Expr) -> Compiled {
        Ok(match sql {
            Expr::Nested(inner) => self.expression(inner)?,
            Expr::Identifier(name) => self.column(&name.value)?,
            Expr::CompoundIdentifier(parts) => {
                let way = match parts.as_slice() {
                    [table, way @ ..] if self.is_qualifier(&table.value) => way,
                    way => way,
                };
                let names: Vec<&str> = way.iter().map(|part| part.value.as_str()).collect();
                self.column(&names.join("."))?
            }
            Expr::Value(value) => Expression::Literal(literal(&value.value)?),
            Expr::TypedString(typed) => typed_literal(&typed.data_type, &typed.value.value)?,
            Expr::UnaryOp { op, expr } => self.unary(*op, expr)?,
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, sql)?,
            Expr::IsNull(inner) => Expression::IsNull(self.boxed(inner)?),
            Expr::IsNotNull(inner) => {
                let null = Expression::IsNull(self.boxed(inner)?);
                self.negated(true, null)
            }
            Expr::IsTrue(inner) => Expression::Is(true, self.boxed(inner)?),
            Expr::IsFalse(inner) => Expression::Is(false, self.boxed(inner)?),
            Expr::IsNotTrue(inner) => {
                let is = Expression::Is(true, self.boxed(inner)?);
                self.negated(true, is)
            }
            Expr::IsNotFalse(inner) => {
                let is = Expression::Is(false, self.boxed(inner)?);
                self.negated(true, is)
            }
            Expr::Between { expr, negated, low, high } => {
                let part = |operator, value, end| Expression::Compare(operator, value, end);
                let all = Expression::All(vec![
                    part(Operator::GreaterOrEqual, self.boxed(expr)?, self.boxed(low)?),
                    part(Operator::LessOrEqual, self.boxed(expr)?, self.boxed(high)?),
                ]);
                self.negated(*negated, all)
            }
            Expr::InList { expr, list, negated } => {
                let mut any = Vec::with_capacity(list.len());
                for item in list {
                    let (value, item) = (self.boxed(expr)?, self.boxed(item)?);
                    any.push(Expression::Compare(Operator::Equal, value, item));
                }
                self.negated(*negated, Expression::Any(any))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let regex = like(text_of(pattern)?, escape(escape_char.as_ref())?, false)?;
                let like = Expression::Matches(self.boxed(expr)?, regex);
                self.negated(*negated, like)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                let regex = like(text_of(pattern)?, escape(escape_char.as_ref())?, true)?;
                let like = Expression::Matches(self.boxed(expr)?, regex);
                self.negated(*negated, like)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let matches = Expression::Matches(self.boxed(expr)?, find(text_of(pattern)?)?);
                self.negated(*negated, matches)
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::TryCast, expr, data_type, .. } => {
                let target = Target::of(data_type).ok_or_else(|| unsupported(sql))?;
                Expression::Cast(self.boxed(expr)?, target)
            }
            Expr::Function(function) => self.function(function, sql)?,
            _ => self.syntax(sql)?,
        })
    }

    pub(super) fn is_qualifier(&self, name: &str) -> bool {
        self.qualifiers.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn column(&self, name: &str) -> Compiled {
        if self.cells.is_some() {
            return Err(format!("`{name}` is used with an aggregate and is none"));
        }
        Column::find(self.schema, name).map(Expression::Column).ok_or_else(|| {
            Column::inside_list(self.schema, name).unwrap_or_else(|| format!("there is no column {name}"))
        })
    }

    fn unary(&mut self, operator: UnaryOperator, inner: &Expr) -> Compiled {
        let compiled = self.boxed(inner)?;
        Ok(match (operator, *compiled) {
            (UnaryOperator::Not, inner) => Expression::Not(Box::new(inner)),
            (UnaryOperator::Plus, inner) => inner,
            (UnaryOperator::Minus, Expression::Literal(Literal::Number(number))) => {
                Expression::Literal(Literal::Number(match number {
                    Number::Exact { mantissa, scale } => Number::Exact {
                        mantissa: mantissa.checked_neg().ok_or("a number is out of range")?,
                        scale,
                    },
                    Number::Float(value) => Number::Float(-value),
                }))
            }
            (UnaryOperator::Minus, inner) => Expression::Negate(Box::new(inner)),
            (operator, _) => return Err(unsupported(operator)),
        })
    }

    fn binary(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr, whole: &Expr) -> Compiled {
        if matches!(right, Expr::Interval(_)) {
            return self.later(left, operator, right);
        }
        let comparison = match operator {
            BinaryOperator::And => return self.chain(whole, operator).map(Expression::All),
            BinaryOperator::Or => return self.chain(whole, operator).map(Expression::Any),
            BinaryOperator::Eq => Some(Operator::Equal),
            BinaryOperator::NotEq => Some(Operator::NotEqual),
            BinaryOperator::Lt => Some(Operator::Less),
            BinaryOperator::LtEq => Some(Operator::LessOrEqual),
            BinaryOperator::Gt => Some(Operator::Greater),
            BinaryOperator::GtEq => Some(Operator::GreaterOrEqual),
            BinaryOperator::Spaceship => {
                return Ok(Expression::Same(self.boxed(left)?, self.boxed(right)?));
            }
            BinaryOperator::StringConcat => {
                return Ok(functions::joined(self.expression(left)?, self.expression(right)?));
            }
            _ => None,
        };
        let arithmetic = match operator {
            BinaryOperator::Plus => Some(Binary::Basic(ArithmeticOperator::Add)),
            BinaryOperator::Minus => Some(Binary::Basic(ArithmeticOperator::Subtract)),
            BinaryOperator::Multiply => Some(Binary::Basic(ArithmeticOperator::Multiply)),
            BinaryOperator::Divide => Some(Binary::Basic(ArithmeticOperator::Divide)),
            BinaryOperator::Modulo => Some(Binary::Remainder),
            _ => None,
        };
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        match (comparison, arithmetic) {
            (Some(operator), _) => Ok(Expression::Compare(operator, left, right)),
            (None, Some(operator)) => Ok(Expression::Arithmetic(operator, left, right)),
            (None, None) => Err(unsupported(operator)),
        }
    }

    /// The members of `a and b and c`, however long, without recursion.
    fn chain(&mut self, whole: &Expr, joint: &BinaryOperator) -> Result<Vec<Expression>, String> {
        let mut parts = Vec::new();
        let mut rest = whole;
        while let Expr::BinaryOp { left, op, right } = rest
            && op == joint
        {
            parts.push(self.expression(right)?);
            rest = left;
        }
        parts.push(self.expression(rest)?);
        parts.reverse();
        Ok(parts)
    }

    fn function(&mut self, function: &Function, whole: &Expr) -> Compiled {
        if let Some(kind) = kind_of(function)
            && let Some(mut cells) = self.cells.take()
        {
            // What is aggregated is about columns again.
            let aggregate = aggregate(self, kind, function, whole)?;
            cells.push(aggregate);
            let cell = Expression::Cell(cells.len() - 1);
            self.cells = Some(cells);
            return Ok(cell);
        }
        let name = function.name.to_string().to_ascii_lowercase();
        let mut arguments = Vec::new();
        match &function.args {
            FunctionArguments::None => {}
            FunctionArguments::List(list)
                if list.clauses.is_empty() && list.duplicate_treatment.is_none() =>
            {
                for argument in &list.args {
                    let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
                        return Err(unsupported(whole));
                    };
                    arguments.push(self.expression(argument)?);
                }
            }
            _ => return Err(unsupported(whole)),
        }
        if function.filter.is_some() || function.over.is_some() {
            return Err(unsupported(whole));
        }
        self.named(&name, arguments, whole)
    }

    /// The call of a function by its name.
    fn named(&mut self, name: &str, arguments: Vec<Expression>, whole: &Expr) -> Compiled {
        let now = i128::from(self.now.timestamp()) * 1_000_000_000;
        match name {
            "current_timestamp" | "now" if arguments.is_empty() => {
                Ok(Expression::Literal(Literal::Instant(now)))
            }
            "current_date" | "curdate" if arguments.is_empty() => {
                let day = now.div_euclid(i128::from(DAY_NANOS));
                let day = i64::try_from(day).map_err(|_| unsupported(whole))?;
                Ok(Expression::Literal(Literal::Day(day)))
            }
            name => functions::find(name, arguments).unwrap_or_else(|| {
                let near = nearest(name).map(|near| format!(": did you mean {near}?")).unwrap_or_default();
                Err(unsupported(whole) + &near)
            }),
        }
    }
}

/// The name of a function that is nearly that.
fn nearest(name: &str) -> Option<&'static str> {
    let plain = name.replace('_', "");
    functions::names().find(|known| known.replace('_', "") == plain)
}

fn literal(value: &SqlValue) -> Result<Literal, String> {
    Ok(match value {
        SqlValue::Null => Literal::Null,
        SqlValue::Boolean(value) => Literal::Boolean(*value),
        SqlValue::SingleQuotedString(text) => Literal::Text(text.clone()),
        SqlValue::Number(text, _) => Literal::Number(Number::parse(text).ok_or_else(|| unsupported(value))?),
        _ => return Err(unsupported(value)),
    })
}

fn typed_literal(data_type: &DataType, value: &SqlValue) -> Compiled {
    let SqlValue::SingleQuotedString(text) = value else {
        return Err(unsupported(value));
    };
    if !matches!(data_type, DataType::Date | DataType::Timestamp(..)) {
        return Err(unsupported(format!("{data_type} '{text}'")));
    }
    let nanos = parse_instant(text).ok_or_else(|| format!("'{text}' is not a date or timestamp"))?;
    let day = nanos.div_euclid(i128::from(DAY_NANOS));
    Ok(Expression::Literal(match (data_type, i64::try_from(day)) {
        (DataType::Date, Ok(day)) => Literal::Day(day),
        _ => Literal::Instant(nanos),
    }))
}

/// The character that makes what follows it a letter of the pattern.
fn escape(named: Option<&ValueWithSpan>) -> Result<char, String> {
    let Some(named) = named else { return Ok('\\') };
    match &named.value {
        SqlValue::SingleQuotedString(text) if text.chars().count() == 1 => {
            Ok(text.chars().next().unwrap_or('\\'))
        }
        other => Err(unsupported(format!("escape {other}"))),
    }
}

fn text_of(pattern: &Expr) -> Result<&str, String> {
    match pattern {
        Expr::Value(value) => match &value.value {
            SqlValue::SingleQuotedString(text) => Ok(text),
            _ => Err(unsupported(pattern)),
        },
        _ => Err(unsupported(pattern)),
    }
}

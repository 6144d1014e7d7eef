//! From the SQL syntax tree to an [`Expression`].

use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use regex::Regex;
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value as SqlValue,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

use super::cast::Target;
use super::value::{Literal, parse_instant};
use super::{Binary, Expression, TextFunction};
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
    let parsed = parser.parse_expr().map_err(|error| error.to_string())?;
    end(&parser)?;
    Compiler::new(schema, now).expression(&parsed)
}

/// A parser at the start of `text`, which is not too long for it.
pub(super) fn parser(text: &str) -> Result<Parser<'static>, String> {
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().map_err(|error| error.to_string())?;
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
    /// Names of the table that may stand before a column.
    pub(super) qualifiers: Vec<String>,
}

pub(super) fn unsupported(what: impl std::fmt::Display) -> String {
    format!("`{what}` is not supported")
}

impl<'a> Compiler<'a> {
    /// Over the table `primary`.
    pub(super) fn new(schema: &'a Schema, now: DateTime<Utc>) -> Self {
        Self { schema, now, depth: 0, qualifiers: vec!["primary".to_owned()] }
    }

    pub(super) fn expression(&mut self, sql: &Expr) -> Compiled {
        self.enter()?;
        let compiled = self.level(sql);
        self.leave();
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
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] if self.is_qualifier(&table.value) => self.column(&name.value)?,
                _ => return Err(unsupported(sql)),
            },
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
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let like = Expression::Matches(self.boxed(expr)?, like(pattern, "")?);
                self.negated(*negated, like)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                let like = Expression::Matches(self.boxed(expr)?, like(pattern, "(?i)")?);
                self.negated(*negated, like)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let regex = Regex::new(text_of(pattern)?).map_err(|_| unsupported(pattern))?;
                let matches = Expression::Matches(self.boxed(expr)?, regex);
                self.negated(*negated, matches)
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::TryCast, expr, data_type, .. } => {
                let target = Target::of(data_type).ok_or_else(|| unsupported(sql))?;
                Expression::Cast(self.boxed(expr)?, target)
            }
            Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters: None } => {
                Expression::MapText(TextFunction::Trim, self.boxed(expr)?)
            }
            Expr::Function(function) => self.function(function, sql)?,
            _ => return Err(unsupported(sql)),
        })
    }

    pub(super) fn is_qualifier(&self, name: &str) -> bool {
        self.qualifiers.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn column(&self, name: &str) -> Compiled {
        Column::find(self.schema, name)
            .map(Expression::Column)
            .ok_or_else(|| format!("there is no column {name}"))
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
        let comparison = match operator {
            BinaryOperator::And => return self.chain(whole, operator).map(Expression::All),
            BinaryOperator::Or => return self.chain(whole, operator).map(Expression::Any),
            BinaryOperator::Eq => Some(Operator::Equal),
            BinaryOperator::NotEq => Some(Operator::NotEqual),
            BinaryOperator::Lt => Some(Operator::Less),
            BinaryOperator::LtEq => Some(Operator::LessOrEqual),
            BinaryOperator::Gt => Some(Operator::Greater),
            BinaryOperator::GtEq => Some(Operator::GreaterOrEqual),
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
        if name == "coalesce" && !arguments.is_empty() {
            return Ok(Expression::Coalesce(arguments));
        }
        let argument = arguments.pop().map(Box::new);
        match (name.as_str(), argument, arguments.is_empty()) {
            ("abs", Some(inner), true) => Ok(Expression::Abs(inner)),
            ("length" | "len" | "char_length" | "character_length", Some(inner), true) => {
                Ok(Expression::Length(inner))
            }
            ("upper" | "ucase", Some(inner), true) => Ok(Expression::MapText(TextFunction::Upper, inner)),
            ("lower" | "lcase", Some(inner), true) => Ok(Expression::MapText(TextFunction::Lower, inner)),
            ("current_timestamp" | "now", None, _) => {
                let nanos = i128::from(self.now.timestamp()) * 1_000_000_000;
                Ok(Expression::Literal(Literal::Instant(nanos)))
            }
            ("current_date", None, _) => {
                let day = i128::from(DAY_NANOS);
                let nanos = i128::from(self.now.timestamp()) * 1_000_000_000;
                let midnight = nanos.div_euclid(day) * day;
                Ok(Expression::Literal(Literal::Instant(midnight)))
            }
            _ => Err(unsupported(whole)),
        }
    }
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
    parse_instant(text)
        .map(|nanos| Expression::Literal(Literal::Instant(nanos)))
        .ok_or_else(|| format!("'{text}' is not a date or timestamp"))
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

/// A LIKE pattern as a regular expression; `\` escapes.
fn like(pattern: &Expr, flags: &str) -> Result<Regex, String> {
    let mut regex = format!(r"(?s){flags}\A");
    let mut chars = text_of(pattern)?.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '\\' => regex.push_str(&regex::escape(&chars.next().unwrap_or('\\').to_string())),
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push_str(r"\z");
    Regex::new(&regex).map_err(|_| unsupported(pattern))
}

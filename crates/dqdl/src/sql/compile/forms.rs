//! What has a syntax of its own: CASE, `trim(both ... from ...)`, `substring(... from ... for ...)`, EXTRACT, intervals.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, TrimWhereField, Value as SqlValue,
};

use super::{Compiled, Compiler, literal, unsupported};
use crate::ast::Operator;
use crate::sql::Expression;
use crate::sql::functions::{self, Patterned};
use crate::sql::value::Literal;

impl Compiler<'_> {
    /// What has a syntax of its own, though it is a function. Apart from the operators: these are many deep.
    pub(super) fn syntax(&mut self, sql: &Expr) -> Compiled {
        Ok(match sql {
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let (start, end) = match trim_where {
                    Some(TrimWhereField::Leading) => (true, false),
                    Some(TrimWhereField::Trailing) => (false, true),
                    Some(TrimWhereField::Both) | None => (true, true),
                };
                let mut arguments = vec![self.expression(expr)?];
                match (trim_what, trim_characters.as_deref()) {
                    (None, None) => {}
                    (Some(what), None) => arguments.push(self.expression(what)?),
                    (None, Some([what])) => arguments.push(self.expression(what)?),
                    _ => return Err(unsupported(sql)),
                }
                functions::trimmed(start, end, arguments)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())?
            }
            Expr::IsDistinctFrom(left, right) => {
                let same = Expression::Same(self.boxed(left)?, self.boxed(right)?);
                self.negated(true, same)
            }
            Expr::IsNotDistinctFrom(left, right) => Expression::Same(self.boxed(left)?, self.boxed(right)?),
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut arguments = vec![self.expression(expr)?, self.expression(from)?];
                if let Some(length) = substring_for {
                    arguments.push(self.expression(length)?);
                }
                self.named("substring", arguments, sql)?
            }
            Expr::Position { expr, r#in } => {
                let arguments = vec![self.expression(expr)?, self.expression(r#in)?];
                self.named("position", arguments, sql)?
            }
            Expr::Ceil { expr, field } => self.rounded("ceil", expr, field, sql)?,
            Expr::Floor { expr, field } => self.rounded("floor", expr, field, sql)?,
            Expr::Extract { field, expr, .. } => {
                let name = part_function(field).ok_or_else(|| unsupported(sql))?;
                let arguments = vec![self.expression(expr)?];
                self.named(name, arguments, sql)?
            }
            _ => return Err(unsupported(sql)),
        })
    }

    /// `left + interval ...`
    pub(super) fn later(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Compiled {
        let (months, nanos) = interval(right)?;
        let sign = match operator {
            BinaryOperator::Plus => 1,
            BinaryOperator::Minus => -1,
            _ => return Err(unsupported(right)),
        };
        let later = Patterned::Later { months: months * sign, nanos: nanos * i128::from(sign) };
        Ok(Expression::Patterned(Box::new(later), self.boxed(left)?))
    }

    /// `ceil` and `floor`, to places or whole numbers.
    fn rounded(&mut self, name: &str, inner: &Expr, field: &CeilFloorKind, whole: &Expr) -> Compiled {
        let mut arguments = vec![self.expression(inner)?];
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {}
            CeilFloorKind::DateTimeField(_) => return Err(unsupported(whole)),
            CeilFloorKind::Scale(places) => arguments.push(Expression::Literal(literal(&places.value)?)),
        }
        self.named(name, arguments, whole)
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
    ) -> Compiled {
        let mut branches = Vec::with_capacity(conditions.len());
        for CaseWhen { condition, result } in conditions {
            let condition = match operand {
                None => self.expression(condition)?,
                Some(operand) => {
                    Expression::Compare(Operator::Equal, self.boxed(operand)?, self.boxed(condition)?)
                }
            };
            branches.push((condition, self.expression(result)?));
        }
        let otherwise = match otherwise {
            Some(otherwise) => self.expression(otherwise)?,
            None => Expression::Literal(Literal::Null),
        };
        Ok(Expression::Case { branches, otherwise: Box::new(otherwise) })
    }
}

/// The function of a part that `extract` names.
fn part_function(field: &DateTimeField) -> Option<&'static str> {
    Some(match field.to_string().to_ascii_lowercase().as_str() {
        "year" | "years" => "year",
        "quarter" => "quarter",
        "month" | "months" => "month",
        "week" | "weeks" => "week",
        "day" | "days" => "day",
        "dow" | "dayofweek" => "dayofweek",
        "doy" | "dayofyear" => "dayofyear",
        "hour" | "hours" => "hour",
        "minute" | "minutes" => "minute",
        "second" | "seconds" => "second",
        _ => return None,
    })
}

/// Months and nanoseconds of `interval 7 days`, `interval '7' day` or `interval '7 days'`.
fn interval(expr: &Expr) -> Result<(i64, i128), String> {
    let refused = || unsupported(expr);
    let Expr::Interval(found) = expr else { return Err(refused()) };
    let (text, unit) = match (found.value.as_ref(), &found.leading_field) {
        (Expr::Value(value), unit) => {
            let text = match &value.value {
                SqlValue::Number(text, _) | SqlValue::SingleQuotedString(text) => text.trim().to_owned(),
                _ => return Err(refused()),
            };
            match unit {
                Some(unit) => (text, unit.to_string()),
                None => {
                    let (text, unit) = text.split_once(' ').ok_or_else(refused)?;
                    (text.to_owned(), unit.trim().to_owned())
                }
            }
        }
        _ => return Err(refused()),
    };
    if found.last_field.is_some() || found.leading_precision.is_some() {
        return Err(refused());
    }
    let count: i64 = text.parse().map_err(|_| refused())?;
    let unit = unit.to_ascii_lowercase();
    let nanos = |seconds: i64| Some((0, i128::from(count) * i128::from(seconds) * 1_000_000_000));
    let months = |each: i64| count.checked_mul(each).map(|months| (months, 0));
    let found = match unit.trim_end_matches('s') {
        "year" => months(12),
        "quarter" => months(3),
        "month" => months(1),
        "week" => nanos(604_800),
        "day" => nanos(86_400),
        "hour" => nanos(3_600),
        "minute" => nanos(60),
        "second" => nanos(1),
        _ => None,
    };
    found.ok_or_else(refused)
}

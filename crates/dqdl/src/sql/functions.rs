//! The functions of SQL: what they are called, what they take, what they do. Their semantics are
//! [Spark's](https://spark.apache.org/docs/latest/api/sql/), without its ANSI mode: NULL in, NULL out, and NULL for what cannot be.
//!
//! [`FUNCTIONS`] is all there is: the compiler looks here and the reference page is made of it.

mod arguments;
mod dates;
mod numbers;
mod table;
mod texts;

use regex::Regex;

use super::Expression;
use super::value::Value;
use crate::date_pattern::DatePattern;
pub(super) use table::FUNCTIONS;

/// The values that a function is called with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arguments<'a> {
    values: &'a [Value],
    rows: usize,
}

impl<'a> Arguments<'a> {
    fn get(self, at: usize) -> Result<&'a Value, String> {
        self.values.get(at).ok_or_else(|| "an argument is missing".to_owned())
    }

    fn optional(self, at: usize) -> Option<&'a Value> {
        self.values.get(at)
    }

    fn all(self) -> &'a [Value] {
        self.values
    }
}

/// A function of values.
pub(super) type Rows = fn(Arguments<'_>) -> Result<Value, String>;

/// Calls a function for so many rows.
pub(super) fn call(function: Rows, values: &[Value], rows: usize) -> Result<Value, String> {
    function(Arguments { values, rows })
}

/// What a call becomes.
#[derive(Clone, Copy)]
enum Make {
    /// A function of its arguments' values.
    Rows(Rows),
    /// Another expression.
    Built(fn(Vec<Expression>) -> Result<Expression, String>),
}

/// A function.
#[derive(Clone, Copy)]
pub(super) struct Function {
    /// What it is called, the usual name first.
    pub(super) names: &'static [&'static str],
    /// Its arguments, as the reference shows them.
    pub(super) form: &'static str,
    /// What it gives.
    pub(super) about: &'static str,
    /// Arguments, at least and at most.
    takes: (usize, usize),
    make: Make,
}

/// A function whose pattern is known before any data is.
#[derive(Debug, Clone)]
pub(super) enum Patterned {
    Replaced(Regex, String),
    Extracted(Regex, usize),
    Parsed {
        pattern: DatePattern,
        to_date: bool,
    },
    Formatted(DatePattern),
    Truncated {
        unit: String,
        to_date: bool,
    },
    /// Months, then nanoseconds later.
    Later {
        months: i64,
        nanos: i128,
    },
}

impl Patterned {
    pub(super) fn of(&self, value: &Value) -> Result<Value, String> {
        match self {
            Self::Replaced(pattern, new) => Ok(texts::regexp_replace(value, pattern, new)),
            Self::Extracted(pattern, group) => Ok(texts::regexp_extract(value, pattern, *group)),
            Self::Parsed { pattern, to_date } => dates::parsed(value, pattern, *to_date),
            Self::Formatted(pattern) => dates::formatted(value, pattern),
            Self::Truncated { unit, to_date } => dates::truncate(value, unit, *to_date),
            Self::Later { months, nanos } => dates::later(value, *months, *nanos),
        }
    }
}

/// The call of a function by name; `None` where there is none of that name.
pub(super) fn find(name: &str, arguments: Vec<Expression>) -> Option<Result<Expression, String>> {
    let mut all = FUNCTIONS.iter().flat_map(|(_, functions)| functions.iter());
    let function = all.find(|function| function.names.contains(&name))?;
    let (least, most) = function.takes;
    if arguments.len() < least || arguments.len() > most {
        return Some(Err(format!("{name} takes {}, not {} arguments", function.form, arguments.len())));
    }
    Some(match function.make {
        Make::Rows(function) => Ok(Expression::Call(function, arguments)),
        Make::Built(build) => build(arguments),
    })
}

/// Every name of a function.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|(_, functions)| functions.iter()).flat_map(|function| function.names).copied()
}

/// `x + 1` and `x - 1` of a date.
pub(super) fn days_later(value: &Value, days: Value, back: bool, rows: usize) -> Result<Value, String> {
    let function = if back { dates::subtract_days } else { dates::add_days };
    call(function, &[value.clone(), days], rows)
}

/// `a || b`
pub(super) fn joined(left: Expression, right: Expression) -> Expression {
    Expression::Call(texts::concat, vec![left, right])
}

/// `trim(leading ... from ...)`
pub(super) fn trimmed(start: bool, end: bool, arguments: Vec<Expression>) -> Expression {
    let function = match (start, end) {
        (true, false) => texts::trim_start,
        (false, true) => texts::trim_end,
        _ => texts::trim,
    };
    Expression::Call(function, arguments)
}

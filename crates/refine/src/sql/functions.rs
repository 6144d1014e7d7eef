//! Functions: which are the same on every engine, and what comes out of them.

use sqlparser::ast::{Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments};

use super::kind::{Kind, Value};
use super::lint::Linter;
use super::portable_functions::{FUNCTIONS, NON_DETERMINISTIC};
use super::scope::{Scope, is_below_one};
use super::windows::is_of_windows;
use crate::sql_text::table_name;

/// Aggregates that only some engines have, or that each calls otherwise.
const PERCENTILES: [&str; 7] = [
    "median",
    "percentile_cont",
    "percentile_disc",
    "approx_percentile",
    "approx_percentile_cont",
    "quantile_cont",
    "quantile_disc",
];
const TEXTS_OF_ROWS: [&str; 3] = ["string_agg", "listagg", "group_concat"];

impl Linter<'_> {
    pub(super) fn function(&mut self, function: &Function, scope: &Scope<'_>, is_cast: bool) -> Value {
        self.pass(&function.name);
        let name = table_name(&function.name);
        let values = self.arguments(function, scope);
        if let Some(filter) = &function.filter {
            self.expr(filter, scope);
        }
        self.pass(&function.name);
        if !self.is_known_function(&name, function, is_cast, &values) {
            return Value::UNKNOWN;
        }
        self.window(&name, function, scope);
        if name == "substring" && second_is_below_one(function) {
            self.listed(function, "substring_from_zero");
        }
        if matches!(name.as_str(), "greatest" | "least") && values.iter().any(|value| value.nullable) {
            self.listed(function, "greatest_of_null");
        }
        self.value_of(&name, function, &values, is_cast)
    }

    /// The values of a function's arguments. Those of `count(*)` are none.
    fn arguments(&mut self, function: &Function, scope: &Scope<'_>) -> Vec<Value> {
        let FunctionArguments::List(list) = &function.args else { return Vec::new() };
        let mut values = Vec::new();
        for arg in &list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => values.push(self.expr(expr, scope)),
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
                other => self.dialect(other, "this form of an argument"),
            }
        }
        values
    }

    /// Whether a function is one that every engine has, used as every engine reads it.
    fn is_known_function(
        &mut self,
        name: &str,
        function: &Function,
        is_cast: bool,
        values: &[Value],
    ) -> bool {
        let clauses = match &function.args {
            FunctionArguments::List(list) => list.clauses.as_slice(),
            _ => &[],
        };
        let is_ordered = !function.within_group.is_empty()
            || clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::OrderBy(_)));
        let ignores_nulls = function.null_treatment.is_some()
            || clauses.iter().any(|clause| matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_)));
        let code = match name {
            name if PERCENTILES.contains(&name) => "median",
            name if TEXTS_OF_ROWS.contains(&name) => "string_agg",
            "product" => "product",
            _ if is_ordered => "ordered_aggregate",
            name if is_of_windows(name) && function.over.is_none() => "ordered_aggregate",
            name if NON_DETERMINISTIC.contains(&name) => "non_deterministic",
            "concat" => "concat",
            "ifnull" | "nvl" => "",
            _ if ignores_nulls => "ignore_nulls",
            "avg" if !is_cast && values.first().is_some_and(|value| value.kind.is_decimal()) => "average",
            "date_trunc" if !is_cast && values.get(1).is_some_and(|value| value.kind == Kind::Date) => {
                "date_trunc"
            }
            _ if FUNCTIONS.iter().any(|(known, _)| *known == name) => return true,
            _ => "",
        };
        match code {
            "" => {
                let known: Vec<&str> = FUNCTIONS.iter().map(|(known, _)| *known).collect();
                let message = format!(
                    "{name} is not among the functions that are the same on every engine: {}",
                    known.join(", ")
                );
                self.fault(&function.name, "function", message);
                false
            }
            code => {
                self.listed(&function.name, code);
                matches!(code, "average" | "date_trunc")
            }
        }
    }

    fn value_of(&mut self, name: &str, function: &Function, values: &[Value], is_cast: bool) -> Value {
        let first = values.first().copied().unwrap_or(Value::UNKNOWN);
        match name {
            "count" | "row_number" | "rank" | "dense_rank" | "ntile" => Value::of(Kind::Integer),
            "sum" => match first.kind {
                Kind::Decimal(digits) => {
                    let digits = digits.map(|(precision, scale)| ((precision + 10).min(38), scale));
                    Value::from(Kind::Decimal(digits), &[first]).or_null()
                }
                _ => first.or_null(),
            },
            "avg" => match first.kind {
                Kind::Decimal(_) => Value::from(Kind::Decimal(None), &[first]).or_null(),
                _ => Value::of(Kind::Float).or_null(),
            },
            "min" | "max" | "first_value" | "last_value" | "nth_value" | "nullif" => first.or_null(),
            "lag" | "lead" => match values.get(2) {
                Some(default) => Value::either(&[first, *default]),
                None => first.or_null(),
            },
            "bool_and" | "bool_or" => Value::of(Kind::Boolean).or_null(),
            "coalesce" => {
                Value { nullable: values.iter().all(|value| value.nullable), ..Value::either(values) }
            }
            "greatest" | "least" => Value::either(values),
            "abs" => first,
            "round" if first.kind.is_decimal() => Value::from(Kind::Decimal(first.kind.digits()), &[first]),
            "ceil" | "floor" if first.kind.is_decimal() => {
                Value::from(Kind::Decimal(first.kind.digits().map(|(precision, _)| (precision, 0))), &[first])
            }
            "round" | "ceil" | "floor" => first,
            "ln" | "exp" | "sqrt" | "power" | "stddev_samp" | "var_samp" => {
                Value { nullable: true, ..Value::from(Kind::Float, values) }
            }
            "lower" | "upper" | "trim" | "replace" | "substring" => Value::from(Kind::Text, values),
            "length" => Value::from(Kind::Integer, values),
            "date_trunc" => {
                let of = values.get(1).copied().unwrap_or(Value::UNKNOWN);
                Value::from(if is_cast { of.kind } else { Kind::Timestamp }, &[of])
            }
            _ => {
                self.pass(&function.name);
                Value::UNKNOWN
            }
        }
    }
}

fn second_is_below_one(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    matches!(list.args.get(1), Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(from))) if is_below_one(from))
}

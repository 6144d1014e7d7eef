//! What parses and is probably not meant, or cannot be evaluated whatever the data are.
//!
//! None of it makes a text less of a ruleset: the findings are warnings. Each says what to write instead, where that is known.

use std::collections::HashSet;

use crate::ast::{
    Arithmetic, ArithmeticOperator, Check, Condition, DateOperand, Duration, Label, NumberOperand, Rule,
    RuleBody, Ruleset, Size, Span, Term, Test, TextOperand, TextTest, TimeUnit,
};
use crate::checks;
use crate::dynamic::shape::{self, Misshapen};
use crate::mistakes::{in_quotes, shown};
use crate::number::Number;
use crate::rule_types::{RuleType, distance};
use crate::sql;

/// Functions of SQL that people misspell.
const SQL_FUNCTIONS: [&str; 14] = [
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "abs",
    "coalesce",
    "length",
    "upper",
    "lower",
    "trim",
    "cast",
    "round",
    "substring",
];

/// Variables that are named as not used; a text with more of them has another fault.
const MOST_UNUSED: usize = 20;

/// The names that follow a `$`.
fn used_variables(text: &str) -> HashSet<&str> {
    let names = text.split('$').skip(1);
    names
        .map(|rest| {
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            rest.get(..end).unwrap_or("")
        })
        .collect()
}

/// A finding: the text that it is about, searched in the rule, and what is wrong.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) span: Span,
    pub(super) needle: String,
    pub(super) message: String,
}

/// Everything that is found.
pub(super) fn findings(ruleset: &Ruleset, text: &str) -> Vec<Finding> {
    let mut search = Search { ruleset, findings: Vec::new() };
    let used = used_variables(text);
    let unused = ruleset.variables.iter().filter(|variable| !used.contains(variable.name.as_str()));
    for variable in unused.take(MOST_UNUSED) {
        search.add(
            Span { start: 0, end: text.len() },
            &variable.name,
            format!("the variable `{}` is not used", variable.name),
        );
    }
    let start = text.find("DefaultLabels").unwrap_or(0);
    search.labels(&ruleset.default_labels, Span { start, end: text.len() });
    ruleset.rules.iter().for_each(|rule| search.rule(rule));
    for analyzer in &ruleset.analyzers {
        if let Some(filter) = &analyzer.filter {
            search.predicate(analyzer.span, filter);
        }
        if analyzer.rule_type == RuleType::CustomSql {
            search.custom_sql(
                analyzer.span,
                analyzer.parameters.first().map_or("", |parameter| &parameter.value),
            );
        }
    }
    search.findings
}

struct Search<'a> {
    ruleset: &'a Ruleset,
    findings: Vec<Finding>,
}

impl Search<'_> {
    fn add(&mut self, span: Span, needle: &str, message: impl Into<String>) {
        self.findings.push(Finding { span, needle: needle.to_owned(), message: message.into() });
    }

    /// A label that is nearly one of severity says nothing.
    fn labels(&mut self, labels: &[Label], span: Span) {
        for Label { key, .. } in labels {
            let lower = key.to_lowercase();
            let known = ["severity", "criticality"];
            let near = known.into_iter().find(|known| lower.len() < 20 && distance(&lower, known) <= 2);
            if let Some(near) = near.filter(|near| near != key) {
                let message = format!(
                    "label `{}` says no severity, and the rule has severity error; did you mean `{near}`?",
                    shown(key)
                );
                self.add(span, key, message);
            }
        }
    }

    fn rule(&mut self, rule: &Rule) {
        self.labels(&rule.labels, rule.span);
        match &rule.body {
            RuleBody::Composite(_, members) => members.iter().for_each(|member| self.rule(member)),
            RuleBody::Check(check) => self.check(check, rule.span),
        }
    }

    fn check(&mut self, check: &Check, span: Span) {
        if let Some(filter) = &check.filter {
            self.predicate(span, filter);
        }
        if check.rule_type == RuleType::CustomSql {
            self.custom_sql(span, check.parameters.first().map_or("", |parameter| &parameter.value));
        }
        // The name of a rule among the columns: a comma, or brackets around rules that are joined, are missing.
        let swallowed = check
            .parameters
            .iter()
            .find(|parameter| !parameter.quoted && RuleType::from_name(&parameter.value).is_some());
        if let Some(swallowed) = swallowed.filter(|_| check.rule_type != RuleType::DetectAnomalies) {
            let how = match &swallowed.connector {
                Some(word) => format!("rules joined by `{word}` are each written in brackets"),
                None => format!("a comma is missing before `{}`", swallowed.value),
            };
            let message =
                format!("`{}` is taken for a column of {}: {how}", swallowed.value, check.rule_type);
            let needle = swallowed.value.clone();
            self.add(span, &needle, message);
        }
        if check.rule_type == RuleType::ColumnNamesMatchPattern {
            self.pattern(span, check.parameters.first().map_or("", |parameter| &parameter.value), false);
        }
        if let Err(what) = checks::known_tags(check) {
            let name = check.tags.first().map_or("with", |tag| tag.name.as_str());
            self.add(span, name, what);
        }
        for condition in [&check.condition, &check.threshold].into_iter().flatten() {
            self.condition(condition, span);
        }
        if check.rule_type == RuleType::ColumnDataType {
            self.data_types(check, span);
        }
        if check.rule_type.is_share() {
            self.share(check.condition.as_ref(), span, check.rule_type.name());
        }
        self.share(check.threshold.as_ref(), span, "a threshold");
    }

    /// A share is from 0 to 1.
    fn share(&mut self, condition: Option<&Condition>, span: Span, what: &str) {
        let Some(Condition::Number(test)) = condition else { return };
        for operand in test.operands() {
            let NumberOperand::Expression(Arithmetic { first: Term::Literal(text), rest }) = operand else {
                continue;
            };
            let value = Number::parse(text).map_or(0.0, Number::as_f64);
            if rest.is_empty() && value > 1.0 && value <= 100.0 {
                let share = crate::mistakes::hundredth(text);
                self.add(
                    span,
                    text,
                    format!(
                        "{what} is a share from 0 to 1, and never {text}; write `{share}` for {text} of 100"
                    ),
                );
            }
        }
    }

    fn condition(&mut self, condition: &Condition, span: Span) {
        match condition {
            Condition::Number(test) => {
                let before = self.findings.len();
                for operand in test.operands() {
                    if let NumberOperand::Expression(expression) = operand {
                        self.expression(expression, span);
                    }
                }
                if self.findings.len() == before
                    && let Err(Misshapen { needle, message }) = shape::of_condition(condition)
                    // AWS's page has `abs(last(2))` and does not say what it is: an error only where rules are evaluated.
                    && needle != "abs"
                {
                    self.add(span, &needle, message);
                }
                self.ends(test, span);
            }
            Condition::Date(test) => self.ordered(test, span, |low, high| {
                let later = |a: &DateOperand, b: &DateOperand| match (a, b) {
                    (DateOperand::Date(a), DateOperand::Date(b)) => a >= b,
                    (DateOperand::Time(a, _), DateOperand::Time(b, _)) => a >= b,
                    _ => match (from_now(a), from_now(b)) {
                        (Some(a), Some(b)) => a >= b,
                        _ => false,
                    },
                };
                later(low, high)
            }),
            Condition::Duration(test) => self.ordered(test, span, |low, high| minutes(low) >= minutes(high)),
            Condition::Size(test) => self.ordered(test, span, |low, high| bytes(low) >= bytes(high)),
            Condition::Text(TextTest::Matches { pattern, .. }) => self.pattern(span, pattern, true),
            _ => {}
        }
    }

    /// `between 5 and 1` holds for nothing.
    fn ends(&mut self, test: &Test<NumberOperand>, span: Span) {
        let Test::Between { negated: false, low, high } = test else { return };
        let literal = |operand: &NumberOperand| match operand {
            NumberOperand::Expression(expression)
                if !expression.is_dynamic() && date_of(expression).is_none() =>
            {
                expression.value().ok().map(Number::as_f64)
            }
            _ => None,
        };
        if let (Some(low_value), Some(high_value)) = (literal(low), literal(high))
            && low_value >= high_value
        {
            let hint = if low_value == high_value {
                "both ends are left out"
            } else {
                "the smaller number comes first"
            };
            self.add(span, "between", format!("no number lies between {low} and {high}: {hint}"));
        }
    }

    /// The same of dates, ages and sizes.
    fn ordered<T: std::fmt::Display>(
        &mut self,
        test: &Test<T>,
        span: Span,
        reversed: impl Fn(&T, &T) -> bool,
    ) {
        if let Test::Between { negated: false, low, high } = test
            && reversed(low, high)
        {
            let message = format!(
                "nothing lies between {low} and {high}: the smaller end comes first, and both are left out"
            );
            self.add(span, "between", message);
        }
    }

    fn expression(&mut self, expression: &Arithmetic, span: Span) {
        if let Some((year, month, day)) = date_of(expression) {
            let value = expression.value().map(Number::as_f64).unwrap_or_default();
            let sign = if matches!(expression.rest.first(), Some((ArithmeticOperator::Divide, _))) {
                "/"
            } else {
                "-"
            };
            let written = format!("{year}{sign}{month}{sign}{day}");
            let message = format!(
                "`{written}` is arithmetic, {value}: a date is written in quotes; write `\"{year}-{month:0>2}-{day:0>2}\"`"
            );
            return self.add(span, &written, message);
        }
        let terms = std::iter::once(&expression.first).chain(expression.rest.iter().map(|(_, term)| term));
        terms.for_each(|term| self.term(term, span));
    }

    fn term(&mut self, term: &Term, span: Span) {
        match term {
            Term::Literal(_) => {}
            Term::Group(inner) => self.expression(inner, span),
            Term::Call(name, arguments) => {
                arguments.iter().for_each(|argument| self.expression(argument, span));
                if let Err(Misshapen { needle, message }) = shape::call(name, arguments.len()) {
                    self.add(span, &needle, message);
                }
            }
        }
    }

    fn data_types(&mut self, check: &Check, span: Span) {
        let operands = match &check.condition {
            Some(Condition::Text(TextTest::Equal { value, .. })) => std::slice::from_ref(value),
            Some(Condition::Text(TextTest::In { values, .. })) => values.as_slice(),
            _ => return,
        };
        for operand in operands {
            let TextOperand::Text(name) = operand else { continue };
            let Err(what) = checks::known_data_type(name) else { continue };
            let hint = match name.to_ascii_lowercase().split('(').next().unwrap_or("").trim() {
                "varchar" | "string" | "text" | "char" | "str" => {
                    "; every value is a text, so nothing is to be checked: take the rule away, or check its length by ColumnLength"
                }
                "bigint" | "int64" => "; did you mean `Long`?",
                "smallint" | "tinyint" | "number" | "int32" => "; did you mean `Integer`?",
                "datetime" => "; did you mean `Timestamp`?",
                "real" | "float64" => "; did you mean `Double`?",
                "bool" => "; did you mean `Boolean`?",
                "numeric" | "decimal" => "; did you mean `DECIMAL(18,2)`, with digits and decimals?",
                _ => "",
            };
            self.add(span, name, format!("{what}{hint}"));
        }
    }

    fn pattern(&mut self, span: Span, pattern: &str, of_values: bool) {
        self.doubled_escape(span, pattern);
        let Err(what) = checks::known_pattern(pattern) else { return };
        // `^(?!x).*$` is the contrary of a match.
        let start = pattern.trim_start_matches('^');
        let ahead = start.strip_prefix("(?!").and_then(|rest| rest.split_once(')'));
        let hint = match ahead {
            Some((inner, rest))
                if of_values && !inner.contains('(') && matches!(rest, ".*" | ".*$" | ".+" | ".+$" | "") =>
            {
                format!("; write `not matches {}`", in_quotes(&format!("{}.*", inner.trim_end_matches(".*"))))
            }
            _ if pattern.starts_with('*') => format!("; did you mean `.{pattern}`?"),
            _ => String::new(),
        };
        self.add(span, pattern, format!("{what}{hint}"));
    }

    /// `"\\d"`, as other languages write the class `\d`, is a backslash and a d here.
    fn doubled_escape(&mut self, span: Span, pattern: &str) {
        let mut chars = pattern.chars();
        // Several backslashes are meant as such.
        let mut after_another = false;
        while let Some(c) = chars.next() {
            let behind = if c == '\\' { chars.next() } else { None };
            let before = std::mem::replace(&mut after_another, behind == Some('\\'));
            if behind == Some('\\')
                && !before
                && let Some(class @ ('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B')) = chars.clone().next()
            {
                let message = format!(
                    "in a pattern `\\\\{class}` is a backslash and the letter {class}; write `\\{class}` for the class"
                );
                return self.add(span, &format!("\\\\{class}"), message);
            }
        }
    }

    fn predicate(&mut self, span: Span, predicate: &str) {
        let plain = predicate.replace("\\\"", "\"");
        if let Err(what) = sql::predicate_syntax(&plain) {
            let hint = if plain.contains("==") { "; equality is `=` in SQL" } else { "" };
            return self.add(span, predicate, format!("where \"{}\": {what}{hint}", shown(predicate)));
        }
        self.lone_escape(span, predicate, &plain);
        self.functions(span, predicate, &plain);
    }

    fn custom_sql(&mut self, span: Span, query: &str) {
        let plain = query.replace("\\\"", "\"");
        match sql::query_syntax(&plain) {
            Err(what) => self.add(span, query, format!("CustomSql \"{}\": {what}", shown(query))),
            Ok(tables) => {
                let known = |table: &String| {
                    table.eq_ignore_ascii_case("primary")
                        || self
                            .ruleset
                            .additional_sources
                            .iter()
                            .any(|source| source.eq_ignore_ascii_case(table))
                        || self
                            .ruleset
                            .primary_source
                            .as_deref()
                            .is_some_and(|source| source.eq_ignore_ascii_case(table))
                };
                if let Some(table) = tables.iter().find(|table| !known(table)) {
                    let message = format!(
                        "the rows that are judged are the table `primary`, and `{}` is known only where a reference brings it; write `from primary`",
                        shown(table)
                    );
                    let table = table.clone();
                    self.add(span, &table, message);
                }
                self.lone_escape(span, query, &plain);
                self.functions(span, query, &plain);
            }
        }
    }

    /// `'\d'` in SQL is the letter d.
    fn lone_escape(&mut self, span: Span, written: &str, plain: &str) {
        if let Some(c) = sql::lone_escape(plain) {
            let message = format!(
                "in a text of SQL `\\{c}` is {c} without its backslash, as in Spark; write `\\\\{c}` where the backslash is meant"
            );
            let needle = format!("\\{c}");
            self.add(span, if written.contains(&needle) { &needle } else { written }, message);
        }
    }

    /// Names before brackets that are nearly those of functions.
    fn functions(&mut self, span: Span, written: &str, plain: &str) {
        for name in sql::function_names(plain) {
            let lower = name.to_ascii_lowercase();
            if SQL_FUNCTIONS.contains(&lower.as_str()) {
                continue;
            }
            let near = SQL_FUNCTIONS
                .iter()
                .filter(|known| lower.len() > 2 && lower.len() < 20 && **known != lower)
                .find(|known| {
                    let most = 1 + usize::from(known.len() > 4);
                    known.len() > 3
                        && lower.len().abs_diff(known.len()) <= 1
                        && distance(&lower, known) <= most
                });
            if let Some(near) = near.filter(|_| !sql::is_function(&lower)) {
                let needle = if written.contains(&name) { &name } else { written };
                self.add(
                    span,
                    needle,
                    format!("there is no function `{}` in SQL; did you mean `{near}`?", shown(&name)),
                );
            }
        }
    }
}

/// Minutes from now.
fn from_now(operand: &DateOperand) -> Option<i64> {
    match operand {
        DateOperand::Now => Some(0),
        DateOperand::NowPlus(age) => Some(minutes(age)),
        _ => None,
    }
}

fn minutes(age: &Duration) -> i64 {
    let unit = match age.unit {
        TimeUnit::Days => 1440,
        TimeUnit::Hours => 60,
        TimeUnit::Minutes => 1,
    };
    age.amount.saturating_mul(unit)
}

fn bytes(size: &Size) -> i64 {
    let power = ["KB", "MB", "GB", "TB"].iter().position(|unit| *unit == size.unit).map_or(0, |at| at + 1);
    (0..power).fold(size.amount, |bytes, _| bytes.saturating_mul(1024))
}

/// Year, month and day of an expression that is three whole numbers with the same sign between.
fn date_of(expression: &Arithmetic) -> Option<(&str, &str, &str)> {
    let [(first, month), (second, day)] = expression.rest.as_slice() else { return None };
    let dated = first == second && matches!(first, ArithmeticOperator::Subtract | ArithmeticOperator::Divide);
    let literal = |term: &'_ Term| matches!(term, Term::Literal(text) if text.bytes().all(|byte| byte.is_ascii_digit()));
    if !dated || ![&expression.first, month, day].into_iter().all(literal) {
        return None;
    }
    let (Term::Literal(year), Term::Literal(month), Term::Literal(day)) = (&expression.first, month, day)
    else {
        return None;
    };
    let fits = year.len() == 4
        && ["19", "20"].iter().any(|century| year.starts_with(century))
        && month.len() <= 2
        && day.len() <= 2;
    fits.then_some((year.as_str(), month.as_str(), day.as_str()))
}

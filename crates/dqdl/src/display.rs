//! Canonical text: what printing a parsed rule gives.
//!
//! A rule with both a threshold and labels is printed as `(... with threshold ...) labels=[...]`, the one form that
//! every known parser accepts.

use std::fmt::{self, Display, Formatter, Write};

use crate::ast::{
    Analyzer, Arithmetic, ArithmeticOperator, Check, Condition, Connective, DateOperand, Duration, Label,
    NumberOperand, Operator, Parameter, Rule, RuleBody, Size, Tag, TagValue, Term, Test, TextOperand,
    TextTest, TimeUnit,
};

/// Writes `items` with `separator` between them.
fn joined<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

fn labels(f: &mut Formatter<'_>, labels: &[Label]) -> fmt::Result {
    if labels.is_empty() {
        return Ok(());
    }
    f.write_str(" labels=[")?;
    joined(f, labels, ", ")?;
    f.write_char(']')
}

impl Rule {
    /// The canonical text without labels; what results show as the rule's description.
    pub fn description(&self) -> String {
        self.body.to_string()
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let guarded = match &self.body {
            RuleBody::Composite(..) => true,
            RuleBody::Check(check) => check.threshold.is_some() || !check.tags.is_empty(),
        };
        if guarded && !self.labels.is_empty() {
            write!(f, "({})", self.body)?;
        } else {
            self.body.fmt(f)?;
        }
        labels(f, &self.labels)
    }
}

impl Display for RuleBody {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(check) => check.fmt(f),
            Self::Composite(connective, members) => {
                for (at, member) in members.iter().enumerate() {
                    if at > 0 {
                        write!(f, " {connective} ")?;
                    }
                    write!(f, "({member})")?;
                }
                Ok(())
            }
        }
    }
}

impl Display for Connective {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::And => "AND",
            Self::Or => "OR",
        })
    }
}

impl Display for Check {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule_type.name())?;
        for parameter in &self.parameters {
            write!(f, " {parameter}")?;
        }
        if let Some(condition) = &self.condition {
            write!(f, " {condition}")?;
        }
        if let Some(filter) = &self.filter {
            write!(f, " where \"{filter}\"")?;
        }
        if let Some(threshold) = &self.threshold {
            write!(f, " with threshold {threshold}")?;
        }
        for tag in &self.tags {
            write!(f, " with {tag}")?;
        }
        Ok(())
    }
}

impl Display for Analyzer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule_type.name())?;
        for parameter in &self.parameters {
            write!(f, " {parameter}")?;
        }
        match &self.filter {
            Some(filter) => write!(f, " where \"{filter}\""),
            None => Ok(()),
        }
    }
}

impl Display for Parameter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(connector) = &self.connector {
            write!(f, "{connector} ")?;
        }
        if self.quoted { write!(f, "\"{}\"", self.value) } else { f.write_str(&self.value) }
    }
}

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"=\"{}\"", self.key, self.value)
    }
}

impl Display for Tag {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.value {
            TagValue::Text(text) => write!(f, "{} = \"{text}\"", self.name),
            TagValue::Number(number) => write!(f, "{} = {number}", self.name),
        }
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(test) => test.fmt(f),
            Self::Text(test) => test.fmt(f),
            Self::Date(test) => test.fmt(f),
            Self::Duration(test) => test.fmt(f),
            Self::Size(test) => test.fmt(f),
        }
    }
}

impl<T: Display> Display for Test<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(operator, operand) => write!(f, "{operator} {operand}"),
            Self::Between { negated, low, high } => {
                write!(f, "{}between {low} and {high}", not(*negated))
            }
            Self::In { negated, values } => list(f, *negated, values),
        }
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "not " } else { "" }
}

fn list<T: Display>(f: &mut Formatter<'_>, negated: bool, values: &[T]) -> fmt::Result {
    write!(f, "{}in [", not(negated))?;
    joined(f, values, ",")?;
    f.write_char(']')
}

impl Display for TextTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal { negated, value } => {
                write!(f, "{} {value}", if *negated { "!=" } else { "=" })
            }
            Self::In { negated, values } => list(f, *negated, values),
            Self::Matches { negated, pattern } => {
                write!(f, "{}matches \"{pattern}\"", not(*negated))
            }
        }
    }
}

impl Display for TextOperand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Null => f.write_str("NULL"),
            Self::Empty => f.write_str("EMPTY"),
            Self::WhitespacesOnly => f.write_str("WHITESPACES_ONLY"),
        }
    }
}

impl Display for Operator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        })
    }
}

impl Display for NumberOperand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Expression(expression) => expression.fmt(f),
        }
    }
}

impl Display for Arithmetic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        for (operator, term) in &self.rest {
            write!(f, " {operator} {term}")?;
        }
        Ok(())
    }
}

impl Display for ArithmeticOperator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char(match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
        })
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Call(name, arguments) => {
                write!(f, "{name}(")?;
                joined(f, arguments, ", ")?;
                f.write_char(')')
            }
            Self::Group(inner) => write!(f, "({inner})"),
        }
    }
}

impl Display for TimeUnit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Minutes => "minutes",
        })
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.unit)
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.unit.as_str() {
            "" => write!(f, "{}", self.amount),
            unit => write!(f, "{} {unit}", self.amount),
        }
    }
}

impl Display for DateOperand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Date(date) => write!(f, "\"{}\"", date.format("%Y-%m-%d")),
            Self::Time(_, text) => write!(f, "\"{text}\""),
            Self::Now => f.write_str("now()"),
            Self::NowPlus(duration) => {
                let sign = if duration.amount < 0 { '-' } else { '+' };
                write!(f, "(now() {sign} {} {})", duration.amount.unsigned_abs(), duration.unit)
            }
        }
    }
}

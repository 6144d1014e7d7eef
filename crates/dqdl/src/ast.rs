//! A ruleset as data: what [`parse`](crate::parse) returns.
//!
//! Variables are already resolved and default labels kept apart; everything else is as written, so printing a rule
//! gives the canonical text. Chains (`and`, `+`) are flat lists: no text, however long, makes a deep tree.

use std::collections::BTreeMap;

use crate::rule_types::RuleType;

/// A range of bytes in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A whole document.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruleset {
    /// The `Metadata` block; only `Version` may occur.
    pub metadata: BTreeMap<String, String>,
    /// The `Primary` data source.
    pub primary_source: Option<String>,
    /// The `AdditionalDataSources`.
    pub additional_sources: Vec<String>,
    /// Declared variables, in order.
    pub variables: Vec<Variable>,
    /// `DefaultLabels`, which every rule inherits.
    pub default_labels: Vec<Label>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The analyzers, in order.
    pub analyzers: Vec<Analyzer>,
    /// Things that parse here and may surprise elsewhere.
    pub lints: Vec<Lint>,
}

/// Something that is accepted but not portable, or probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lint {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What and why.
    pub message: String,
    /// Whether it only says what is needed: the ruleset works where that is there.
    pub note: bool,
    /// Whether the text is no ruleset that can be used, here or anywhere.
    pub error: bool,
}

/// `name = "text"` or `name = ["a", "b"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Name without `$`.
    pub name: String,
    /// Its value.
    pub value: VariableValue,
}

/// What a variable holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableValue {
    /// A text, raw.
    Text(String),
    /// A list of texts, raw.
    List(Vec<String>),
}

/// `"key"="value"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// 1 to 128 characters.
    pub key: String,
    /// 1 to 256 characters.
    pub value: String,
}

/// A rule: one check, or several joined by AND or OR.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Where it is.
    pub span: Span,
    /// What it checks.
    pub body: RuleBody,
    /// Its own labels (of a composite: those after the closing parenthesis).
    pub labels: Vec<Label>,
}

/// One check or a composition of rules.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleBody {
    /// A single rule type with its condition.
    Check(Box<Check>),
    /// Rules of which all (`And`) or any (`Or`) must hold; at least two.
    Composite(Connective, Vec<Rule>),
}

/// How the members of a composite are joined. AND binds tighter than OR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connective {
    /// All members hold.
    And,
    /// At least one member holds.
    Or,
}

/// `Type parameter* condition? where? with*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The rule type.
    pub rule_type: RuleType,
    /// Columns, patterns or SQL, by rule type.
    pub parameters: Vec<Parameter>,
    /// The condition on the metric or on each value; `None` for boolean rule types.
    pub condition: Option<Condition>,
    /// The SQL text of `where`, raw.
    pub filter: Option<String>,
    /// `with threshold ...`: a condition on the share of rows that pass.
    pub threshold: Option<Condition>,
    /// Other `with name = value` clauses.
    pub tags: Vec<Tag>,
}

/// A parameter of a rule type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// `of` or `and` before it, as written.
    pub connector: Option<String>,
    /// The raw text between the quotes, or the identifier.
    pub value: String,
    /// Whether it is printed in quotes.
    pub quoted: bool,
}

/// `with name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Name, for instance `ignoreCase`.
    pub name: String,
    /// Its value.
    pub value: TagValue,
}

/// The value of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagValue {
    /// A text, raw.
    Text(String),
    /// A number, as written.
    Number(String),
}

impl TagValue {
    /// The value without quotes.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A condition, by the kind of its operands.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// On numbers; also every condition whose only operand is NULL.
    Number(Test<NumberOperand>),
    /// On texts.
    Text(TextTest),
    /// On dates and times.
    Date(Test<DateOperand>),
    /// On ages.
    Duration(Test<Duration>),
    /// On file sizes.
    Size(Test<Size>),
}

/// The shapes a condition can have. `Between` excludes both ends; its negation is `<= low or >= high`.
#[derive(Debug, Clone, PartialEq)]
pub enum Test<T> {
    /// `op operand`
    Compare(Operator, T),
    /// `between low and high`
    Between {
        /// `not between`
        negated: bool,
        /// Exclusive lower end.
        low: T,
        /// Exclusive upper end.
        high: T,
    },
    /// `in [...]`
    In {
        /// `not in`
        negated: bool,
        /// The list, never empty.
        values: Vec<T>,
    },
}

impl<T> Test<T> {
    /// All operands.
    pub fn operands(&self) -> Vec<&T> {
        match self {
            Self::Compare(_, operand) => vec![operand],
            Self::Between { low, high, .. } => vec![low, high],
            Self::In { values, .. } => values.iter().collect(),
        }
    }

    /// The same, to change.
    pub(crate) fn operands_mut(&mut self) -> Vec<&mut T> {
        match self {
            Self::Compare(_, operand) => vec![operand],
            Self::Between { low, high, .. } => vec![low, high],
            Self::In { values, .. } => values.iter_mut().collect(),
        }
    }
}

/// Conditions on texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    /// `= "x"` or `!= "x"`
    Equal {
        /// `!=`
        negated: bool,
        /// The operand.
        value: TextOperand,
    },
    /// `in [...]`
    In {
        /// `not in`
        negated: bool,
        /// The list, never empty.
        values: Vec<TextOperand>,
    },
    /// `matches "pattern"`: the whole value must match.
    Matches {
        /// `not matches`
        negated: bool,
        /// The pattern, raw.
        pattern: String,
    },
}

/// A text, or one of the keywords for special texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOperand {
    /// `"..."`, raw.
    Text(String),
    /// `NULL`
    Null,
    /// `EMPTY`: the text of length 0.
    Empty,
    /// `WHITESPACES_ONLY`: a text of white space, at least one character.
    WhitespacesOnly,
}

/// A numeric operand, or NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum NumberOperand {
    /// `NULL`
    Null,
    /// An expression.
    Expression(Arithmetic),
}

/// `first op term op term ...`: one precedence level, left to right.
#[derive(Debug, Clone, PartialEq)]
pub struct Arithmetic {
    /// The first term.
    pub first: Term,
    /// The others, in order.
    pub rest: Vec<(ArithmeticOperator, Term)>,
}

/// `+ - * /`, all of the same precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArithmeticOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

/// A term of an arithmetic expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// A literal as written, with its sign.
    Literal(String),
    /// `name(argument, ...)`, for instance `avg(last(5))`.
    Call(String, Vec<Arithmetic>),
    /// `( ... )`
    Group(Box<Arithmetic>),
}

/// A unit of time. Only these plurals exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// `days`
    Days,
    /// `hours`
    Hours,
    /// `minutes`
    Minutes,
}

/// `N days|hours|minutes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duration {
    /// As written; negative allowed.
    pub amount: i64,
    /// Unit.
    pub unit: TimeUnit,
}

/// `N B|KB|MB|GB|TB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// As written.
    pub amount: i64,
    /// `B`, `KB`, `MB`, `GB` or `TB`; empty where none is written, which means bytes.
    pub unit: String,
}

/// A date operand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateOperand {
    /// `NULL`
    Null,
    /// `"YYYY-MM-DD"`
    Date(chrono::NaiveDate),
    /// `"HH:MM"` or `"H:MM AM"`: that time today. The text is as written.
    Time(chrono::NaiveTime, String),
    /// `now()`
    Now,
    /// `(now() + N unit)`; the amount is negative for `-`.
    NowPlus(Duration),
}

/// `Type parameter* where?`: a metric to record.
#[derive(Debug, Clone, PartialEq)]
pub struct Analyzer {
    /// Where it is.
    pub span: Span,
    /// The rule type whose metric is recorded.
    pub rule_type: RuleType,
    /// Columns, or `AllColumns`.
    pub parameters: Vec<Parameter>,
    /// The SQL text of `where`, raw.
    pub filter: Option<String>,
}

//! A ruleset bound to a schema, as data: what `plan` makes, `masks` evaluates and `run` accumulates.
//!
//! A *leaf* is one check with its `where`. Rules point at leaves, composites at several; two rules that say the same
//! thing share one.

use std::collections::BTreeMap;

use crate::ast::Connective;
use crate::check::{Check, Refusal, RowLevel};
use crate::options::FilteredRows;
use crate::rule_types::RuleType;
use crate::severity::Severity;
use crate::sql::Predicate;

#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) analyzers: Vec<PlannedAnalyzer>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) filters: Vec<Predicate>,
    pub(crate) filtered_rows: FilteredRows,
    pub(crate) warnings: Vec<String>,
}

/// A rule as the plan sees it.
#[derive(Debug)]
pub struct PlannedRule {
    /// `Rule_1`, `Rule_2`, ...
    pub name: String,
    /// Canonical text without labels.
    pub description: String,
    /// The same with dynamic operands resolved.
    pub evaluated: String,
    /// Own labels over the default ones.
    pub labels: BTreeMap<String, String>,
    /// From the labels.
    pub severity: Severity,
    /// The rule type, or how a composite joins its members.
    pub kind: RuleKind,
    /// How its rows are judged.
    pub rows: RowLevel,
    /// Whether it can pass although rows fail it, as one about their share can: only its outcome says whether they matter.
    pub tolerant: bool,
    /// Whether the outcome is that of the rows, for a composite.
    pub(crate) by_row: bool,
    /// Whether a later batch can make it an ERROR, after rows of earlier ones failed it.
    pub(crate) fallible: bool,
    pub(crate) node: Node,
}

/// What a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// One rule type.
    Check(RuleType),
    /// Several rules.
    Composite(Connective),
}

#[derive(Debug)]
pub(crate) struct PlannedAnalyzer {
    pub(crate) description: String,
    pub(crate) leaf: usize,
}

#[derive(Debug)]
pub(crate) enum Node {
    Leaf(usize),
    Composite(Connective, Vec<Node>),
}

#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) check: Result<Box<dyn Check>, Refusal>,
    pub(crate) filter: Option<usize>,
    /// What its metrics are scoped by.
    pub(crate) scope: Option<String>,
}

//! A ruleset bound to a schema: every rule compiled once, every predicate shared.
//!
//! A *leaf* is one check with its `where`. Rules point at leaves, composites at several; two rules that say the same
//! thing share one. A leaf that cannot run carries its verdict (FAIL for a missing column, ERROR otherwise) instead of
//! a check, so compiling never fails.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};

use crate::ast::{Analyzer, Check as CheckAst, Connective, Label, Rule, RuleBody, Ruleset};
use crate::checks::{self, Check, Context, Refusal};
use crate::masks::RowMasks;
use crate::rule_types::RuleType;
use crate::run::Run;
use crate::severity::Severity;
use crate::sql::Predicate;

/// What evaluation depends on besides rules and data.
#[derive(Debug, Clone)]
pub struct Options {
    /// The value of `now()`; truncated to the minute, as the language does.
    pub now: DateTime<Utc>,
    /// Whether NULL is one more value for `DistinctValuesCount`.
    pub null_is_value: bool,
}

impl Options {
    /// Glue's behaviour at that instant.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { now, null_is_value: true }
    }
}

/// A compiled ruleset. Cheap to clone and to share between threads.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) rules: Vec<PlannedRule>,
    pub(crate) analyzers: Vec<PlannedAnalyzer>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) filters: Vec<Predicate>,
    warnings: Vec<String>,
}

/// A rule as the plan sees it.
#[derive(Debug)]
pub struct PlannedRule {
    /// `Rule_1`, `Rule_2`, ...
    pub name: String,
    /// Canonical text without labels.
    pub description: String,
    /// Own labels over the default ones.
    pub labels: BTreeMap<String, String>,
    /// From the labels.
    pub severity: Severity,
    /// The rule type, or how a composite joins its members.
    pub kind: RuleKind,
    /// How its rows are judged.
    pub rows: RowLevel,
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

/// Whether and when a rule says which rows fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowLevel {
    /// Per row, in [`RowMasks`].
    Immediate,
    /// Per row, at the end: [`Report::late_failures`](crate::Report::late_failures).
    Late,
    /// Never: the rule judges the data set as a whole.
    No,
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
}

impl Plan {
    /// Binds a ruleset to a schema. Infallible: a rule that cannot run carries its verdict and its reason.
    pub fn compile(ruleset: &Ruleset, schema: SchemaRef, options: &Options) -> Self {
        let mut compiler = Compiler {
            context: Context::new(&schema, options),
            leaves: Vec::new(),
            known: HashMap::new(),
            filters: Vec::new(),
            known_filters: HashMap::new(),
        };
        let mut warnings = Vec::new();
        let rules = ruleset
            .rules
            .iter()
            .enumerate()
            .map(|(at, rule)| {
                let name = format!("Rule_{}", at + 1);
                let labels = merged(&ruleset.default_labels, &rule.labels);
                let (severity, warning) = Severity::of(&labels);
                warnings.extend(warning.map(|warning| format!("{name}: {warning}")));
                let node = compiler.node(rule);
                PlannedRule {
                    rows: compiler.row_level(&node),
                    kind: match &rule.body {
                        RuleBody::Check(check) => RuleKind::Check(check.rule_type),
                        RuleBody::Composite(connective, _) => RuleKind::Composite(*connective),
                    },
                    name,
                    description: rule.description(),
                    labels,
                    severity,
                    node,
                }
            })
            .collect();
        let analyzers = ruleset
            .analyzers
            .iter()
            .map(|analyzer| PlannedAnalyzer {
                description: analyzer.to_string(),
                leaf: compiler.analyzer(analyzer),
            })
            .collect();
        Self {
            inner: Arc::new(Inner {
                rules,
                analyzers,
                leaves: compiler.leaves,
                filters: compiler.filters,
                warnings,
            }),
        }
    }

    /// The rules, in the order of the ruleset.
    pub fn rules(&self) -> &[PlannedRule] {
        &self.inner.rules
    }

    /// Rule `index`, counted from 0.
    pub fn rule(&self, index: usize) -> Option<&PlannedRule> {
        self.inner.rules.get(index)
    }

    /// Labels that could not be understood.
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// Evaluates every per-row predicate on a batch, each once. Pure: nothing is accumulated.
    pub fn row_masks(&self, batch: &RecordBatch) -> RowMasks {
        RowMasks::evaluate(&self.inner, batch)
    }

    /// Starts an evaluation of one data set.
    pub fn start(&self) -> Run {
        Run::new(Arc::clone(&self.inner))
    }
}

fn merged(defaults: &[Label], own: &[Label]) -> BTreeMap<String, String> {
    defaults.iter().chain(own).map(|label| (label.key.clone(), label.value.clone())).collect()
}

struct Compiler<'a> {
    context: Context<'a>,
    leaves: Vec<Leaf>,
    known: HashMap<String, usize>,
    filters: Vec<Predicate>,
    known_filters: HashMap<String, Result<usize, String>>,
}

impl Compiler<'_> {
    fn node(&mut self, rule: &Rule) -> Node {
        match &rule.body {
            RuleBody::Check(check) => Node::Leaf(self.leaf(check)),
            RuleBody::Composite(connective, members) => {
                Node::Composite(*connective, members.iter().map(|member| self.node(member)).collect())
            }
        }
    }

    fn leaf(&mut self, check: &CheckAst) -> usize {
        self.shared(check.to_string(), check.filter.as_deref(), |context| checks::compile(check, context))
    }

    fn analyzer(&mut self, analyzer: &Analyzer) -> usize {
        let key = format!("analyzer {analyzer}");
        self.shared(key, analyzer.filter.as_deref(), |context| checks::compile_analyzer(analyzer, context))
    }

    /// The leaf with this text, compiled when it is new.
    fn shared(
        &mut self,
        key: String,
        filter: Option<&str>,
        compile: impl FnOnce(&Context<'_>) -> Result<Box<dyn Check>, Refusal>,
    ) -> usize {
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let (filter, filter_error) = match filter.map(|text| self.filter(text)) {
            Some(Ok(filter)) => (Some(filter), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        let check = match (compile(&self.context), filter_error) {
            (Ok(_), Some(error)) => Err(Refusal::Error(error)),
            (check, _) => check,
        };
        self.leaves.push(Leaf { check, filter });
        self.known.insert(key, self.leaves.len() - 1);
        self.leaves.len() - 1
    }

    fn filter(&mut self, text: &str) -> Result<usize, String> {
        if let Some(known) = self.known_filters.get(text) {
            return known.clone();
        }
        let sql = text.replace("\\\"", "\"");
        let compiled = Predicate::compile(&sql, self.context.schema, self.context.now).map(|predicate| {
            self.filters.push(predicate);
            self.filters.len() - 1
        });
        self.known_filters.insert(text.to_owned(), compiled.clone());
        compiled
    }

    fn row_level(&self, node: &Node) -> RowLevel {
        match node {
            Node::Leaf(leaf) => match self.leaves.get(*leaf).map(|leaf| &leaf.check) {
                Some(Ok(check)) => check.row_level(),
                _ => RowLevel::No,
            },
            // Late members would need the whole data set before a single row is judged.
            Node::Composite(_, members) => {
                let immediate = members.iter().all(|member| self.row_level(member) == RowLevel::Immediate);
                if immediate { RowLevel::Immediate } else { RowLevel::No }
            }
        }
    }
}

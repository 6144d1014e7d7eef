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
use crate::dynamic::{self, Resolved};
use crate::files::FileSource;
use crate::history::{ColdStart, History};
use crate::masks::RowMasks;
use crate::references::References;
use crate::rule_types::RuleType;
use crate::run::Run;
use crate::severity::Severity;
use crate::sql::Predicate;
use crate::sql_engine::SqlEngine;

/// What evaluation depends on besides rules and data.
#[derive(Debug, Clone)]
pub struct Options {
    /// The value of `now()`; truncated to the minute, as the language does.
    pub now: DateTime<Utc>,
    /// Whether NULL is one more value for `DistinctValuesCount`.
    pub null_is_value: bool,
    /// The metrics of earlier runs. Without them dynamic rules and DetectAnomalies are ERROR.
    pub history: Option<Arc<dyn History>>,
    /// What a dynamic rule does while a history is empty.
    pub cold_start: ColdStart,
    /// Tables that rules compare with.
    pub references: References,
    /// Answers the SQL of CustomSql that goes beyond `select ... from primary [where ...]`. Without one such a rule is ERROR.
    pub sql: Option<Arc<dyn SqlEngine>>,
    /// The files that the data is in. Without them the rules about files are ERROR.
    pub files: Option<Arc<dyn FileSource>>,
    /// How a composite is judged.
    pub composites: CompositeEvaluation,
    /// How rows that `where` leaves out are labelled in [`RowOutcomes`](crate::RowOutcomes).
    pub filtered_rows: FilteredRows,
}

/// How a composite is judged; Glue's `compositeRuleEvaluation.method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompositeEvaluation {
    /// By the outcomes of its members.
    #[default]
    Column,
    /// Row by row: it passes when every row passes all (`and`) or any (`or`) of its members. Composites with a member
    /// that judges no rows, or is about a share of them (Completeness, Uniqueness, DatasetMatch, ReferentialIntegrity,
    /// anything with a threshold), stay as under `Column`.
    Row,
}

/// Glue's `rowLevelConfiguration.filteredRowLabel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilteredRows {
    /// Under the rules that passed.
    #[default]
    Passed,
    /// Under the rules that were skipped.
    Skipped,
}

impl Options {
    /// Glue's behaviour at that instant, except that a rule without history is not tried.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            null_is_value: true,
            history: None,
            cold_start: ColdStart::default(),
            references: References::default(),
            sql: None,
            files: None,
            composites: CompositeEvaluation::default(),
            filtered_rows: FilteredRows::default(),
        }
    }

    /// With the metrics of earlier runs.
    #[must_use]
    pub fn with_history(self, history: Arc<dyn History>) -> Self {
        Self { history: Some(history), ..self }
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
    pub(crate) filtered_rows: FilteredRows,
    warnings: Vec<String>,
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
    /// What its metrics are scoped by.
    pub(crate) scope: Option<String>,
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
                let (node, resolved) = compiler.node(rule);
                let rows = compiler.row_level(&node);
                PlannedRule {
                    by_row: options.composites == CompositeEvaluation::Row
                        && rows == RowLevel::Immediate
                        && matches!(node, Node::Composite(..))
                        && about_rows(&rule.body),
                    tolerant: compiler.is_tolerant(&node),
                    rows,
                    kind: match &rule.body {
                        RuleBody::Check(check) => RuleKind::Check(check.rule_type),
                        RuleBody::Composite(connective, _) => RuleKind::Composite(*connective),
                    },
                    name,
                    description: rule.description(),
                    evaluated: resolved.description(),
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
                filtered_rows: options.filtered_rows,
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

/// Whether the rule says something about each row, rather than about a share of the rows.
fn about_rows(body: &RuleBody) -> bool {
    match body {
        RuleBody::Composite(_, members) => members.iter().all(|member| about_rows(&member.body)),
        RuleBody::Check(check) => {
            let shares = [
                RuleType::Completeness,
                RuleType::Uniqueness,
                RuleType::DatasetMatch,
                RuleType::ReferentialIntegrity,
            ];
            check.threshold.is_none() && !shares.contains(&check.rule_type)
        }
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
    /// The node of a rule, and the rule with dynamic operands resolved.
    fn node(&mut self, rule: &Rule) -> (Node, Rule) {
        let mut resolved = rule.clone();
        let node = match (&rule.body, &mut resolved.body) {
            (RuleBody::Composite(connective, members), RuleBody::Composite(_, shown)) => {
                let nodes = members.iter().zip(shown).map(|(member, shown)| {
                    let (node, resolved) = self.node(member);
                    *shown = resolved;
                    node
                });
                Node::Composite(*connective, nodes.collect())
            }
            (RuleBody::Check(check), RuleBody::Check(shown)) => {
                let (leaf, resolved) = self.leaf(check);
                **shown = resolved;
                Node::Leaf(leaf)
            }
            // The body was cloned.
            _ => Node::Composite(Connective::And, Vec::new()),
        };
        (node, resolved)
    }

    fn leaf(&mut self, check: &CheckAst) -> (usize, CheckAst) {
        let (resolved, compiled) = match dynamic::resolve(check, &self.context) {
            Ok(resolved) => (resolved.check.clone(), Ok(resolved)),
            Err(refusal) => (check.clone(), Err(refusal)),
        };
        let scope = checks::scope(check.rule_type, &check.parameters, check.filter.as_deref());
        let leaf = self.shared(check.to_string(), check.filter.as_deref(), scope, |context| {
            let Resolved { check, cold } = compiled?;
            match &cold {
                Some(cold) => checks::compile_cold(&check, cold, context),
                None => checks::compile(&check, context),
            }
        });
        (leaf, resolved)
    }

    fn analyzer(&mut self, analyzer: &Analyzer) -> usize {
        let key = format!("analyzer {analyzer}");
        let scope = checks::scope(analyzer.rule_type, &analyzer.parameters, analyzer.filter.as_deref());
        self.shared(key, analyzer.filter.as_deref(), scope, |context| {
            checks::compile_analyzer(analyzer, context)
        })
    }

    /// The leaf with this text, compiled when it is new.
    fn shared(
        &mut self,
        key: String,
        filter: Option<&str>,
        scope: Option<String>,
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
        self.leaves.push(Leaf { check, filter, scope });
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

    /// A row that fails a composite of strict members fails one of them under `and` and all of them under `or`, so the
    /// composite fails with it.
    fn is_tolerant(&self, node: &Node) -> bool {
        match node {
            Node::Leaf(leaf) => match self.leaves.get(*leaf).map(|leaf| &leaf.check) {
                Some(Ok(check)) => check.is_tolerant(),
                _ => false,
            },
            Node::Composite(_, members) => members.iter().any(|member| self.is_tolerant(member)),
        }
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

//! A ruleset bound to a schema: every rule compiled once, every predicate shared.
//!
//! A leaf that cannot run carries its verdict (FAIL for a missing column, ERROR otherwise) instead of a check, so compiling
//! never fails. What comes of it is in `compiled`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::ast::{Analyzer, Check as CheckAst, Connective, Label, Rule, RuleBody, Ruleset};
use crate::check::{Check, Context, Refusal, RowLevel};
use crate::checks;
use crate::compiled::{Compiled, Leaf, Node, PlannedAnalyzer, PlannedRule, RuleKind};
use crate::dynamic::{self, Resolved};
use crate::masks::RowMasks;
use crate::metric_names;
use crate::options::{CompositeEvaluation, Options};
use crate::run::Run;
use crate::severity::Severity;
use crate::sql::Predicate;

/// A compiled ruleset. Cheap to clone and to share between threads.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) inner: Arc<Compiled>,
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
                    fallible: compiler.is_fallible(&node),
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
            inner: Arc::new(Compiled {
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
        RuleBody::Check(check) => check.threshold.is_none() && !check.rule_type.is_share(),
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
        let scope = metric_names::scope(check.rule_type, &check.parameters, check.filter.as_deref());
        let leaf = self.shared(check.to_string(), check.filter.as_deref(), scope, |context| {
            let Resolved { check, missing } = compiled?;
            match &missing {
                Some(missing) => checks::compile_not_evaluated(&check, missing, context),
                None => checks::compile(&check, context),
            }
        });
        (leaf, resolved)
    }

    fn analyzer(&mut self, analyzer: &Analyzer) -> usize {
        let key = format!("analyzer {analyzer}");
        let scope = metric_names::scope(analyzer.rule_type, &analyzer.parameters, analyzer.filter.as_deref());
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

    /// SQL can leave the range of its numbers on any row.
    fn is_fallible(&self, node: &Node) -> bool {
        match node {
            Node::Leaf(leaf) => self.leaves.get(*leaf).is_some_and(|leaf| {
                leaf.filter.is_some() || leaf.check.as_ref().is_ok_and(|check| check.is_fallible())
            }),
            Node::Composite(_, members) => members.iter().any(|member| self.is_fallible(member)),
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

//! What an evaluation found.

use std::collections::BTreeMap;
use std::fmt;

use crate::history::Statistic;
use crate::severity::Severity;

/// How a rule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Outcome {
    /// The rule holds.
    Pass,
    /// The rule does not hold.
    Fail,
    /// The rule could not be evaluated. Never counts as passed.
    #[default]
    Error,
}

impl Outcome {
    /// `PASS`, `FAIL` or `ERROR`, as Glue writes them.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The results of one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One per rule, in the order of the ruleset.
    pub results: Vec<RuleResult>,
    /// One per analyzer, in the order of the ruleset.
    pub analyzers: Vec<AnalyzerResult>,
    /// Rows that fail rules which judge rows only at the end (uniqueness), sorted by rule, batch and row.
    pub late_failures: Vec<LateFailure>,
    /// Rows observed.
    pub rows: u64,
    /// Rows that fail at least one rule, of any severity.
    pub rows_failed: u64,
    /// What DetectAnomalies saw, whether it was anomalous or not.
    pub observations: Vec<Observation>,
    pub(crate) statistics: Vec<Statistic>,
}

/// A metric and its history.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// In words.
    pub description: String,
    /// The metric, under Glue's name.
    pub metric: String,
    /// Its value in this run.
    pub actual: f64,
    /// What the history lets expect.
    pub expected: f64,
    /// The least value that is not anomalous.
    pub lower: f64,
    /// The largest value that is not anomalous.
    pub upper: f64,
    /// Whether the value lies outside the limits.
    pub anomalous: bool,
    /// Of an anomaly: the rule that would have found it without a history.
    pub new_rules: Vec<String>,
}

/// The result of one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleResult {
    /// `Rule_1`, `Rule_2`, ...
    pub name: String,
    /// Canonical text without labels.
    pub rule: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not pass, or why it passed without being tried.
    pub message: Option<String>,
    /// Metrics under Glue's names.
    pub metrics: BTreeMap<String, f64>,
    /// Whether rows are judged one by one. If not, every row counts as skipped.
    pub row_level: bool,
    /// Rows that pass. Passed, failed and skipped add up to the rows observed.
    pub rows_passed: u64,
    /// Rows that fail. A rule with a threshold can pass and still have some; a composite can fail and have none.
    pub rows_failed: u64,
    /// Rows that `where` leaves out.
    pub rows_skipped: u64,
    /// Own labels over the default ones.
    pub labels: BTreeMap<String, String>,
    /// From the labels.
    pub severity: Severity,
    /// The rule with dynamic operands resolved.
    pub evaluated_rule: String,
}

/// The result of one analyzer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyzerResult {
    /// `Analyzer_1`, `Analyzer_2`, ...
    pub name: String,
    /// Canonical text.
    pub analyzer: String,
    /// Why there are no metrics.
    pub message: Option<String>,
    /// Metrics under Glue's names.
    pub metrics: BTreeMap<String, f64>,
}

/// A row that turned out to fail a rule after the last batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LateFailure {
    /// Index of the rule.
    pub rule: usize,
    /// Ordinal of the `observe` call, from 0.
    pub batch: usize,
    /// Row in that batch.
    pub row: usize,
}

impl Report {
    /// Every metric of rules and analyzers once, to be stored as the history of the next runs; sorted by key.
    pub fn statistics(&self) -> &[Statistic] {
        &self.statistics
    }

    /// The share of rules that passed; 1.0 without rules.
    pub fn score(&self) -> f64 {
        if self.results.is_empty() {
            return 1.0;
        }
        self.count(Outcome::Pass) as f64 / self.results.len() as f64
    }

    /// How many rules ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.results.iter().filter(|result| result.outcome == outcome).count()
    }
}

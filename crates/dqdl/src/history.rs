//! The metrics of earlier runs, which dynamic rules and DetectAnomalies compare with.
//!
//! A run reads them through [`History`] while its plan is compiled and offers its own as
//! [`Report::statistics`](crate::Report::statistics). Which data set and which context (provider, interval, ...) a history
//! belongs to is its adapter's business, as is leaving out the statistics of batches that were not published.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a metric is known by, within one data set and context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MetricKey {
    /// Glue's name, for instance `Column.close.Completeness`.
    pub metric: String,
    /// The text of `where`, or the SQL of CustomSql: two rules that differ in it have two metrics.
    pub scope: Option<String>,
}

impl fmt::Display for MetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(scope) => write!(f, "{} [{scope}]", self.metric),
            None => f.write_str(&self.metric),
        }
    }
}

/// A port: the metrics of earlier runs.
pub trait History: fmt::Debug + Send + Sync {
    /// The last values of a metric, at most `k`, the most recent first; empty when there is none.
    fn last(&self, metric: &MetricKey, k: usize) -> Vec<f64>;
}

/// What a dynamic operand is worth before there is any history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColdStart {
    /// 0.0, as in Glue: `between 0.8 * avg(last(5)) and ...` fails on the first run.
    Glue,
    /// Nothing: the rule passes with a message and its metric is recorded.
    #[default]
    Skip,
}

/// A metric's value in this run, to be stored for the next ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistic {
    /// What was measured.
    pub key: MetricKey,
    /// Its value.
    pub value: f64,
    /// Whether DetectAnomalies found it anomalous.
    pub anomalous: bool,
}

/// A history in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryHistory {
    /// The most recent last.
    values: BTreeMap<MetricKey, Vec<f64>>,
}

impl MemoryHistory {
    /// Adds the most recent value of a metric without a scope.
    pub fn push(&mut self, metric: impl Into<String>, value: f64) {
        let key = MetricKey { metric: metric.into(), scope: None };
        self.values.entry(key).or_default().push(value);
    }

    /// Adds the statistics of a run, except the anomalous ones.
    pub fn record(&mut self, statistics: &[Statistic]) {
        for statistic in statistics.iter().filter(|statistic| !statistic.anomalous) {
            self.values.entry(statistic.key.clone()).or_default().push(statistic.value);
        }
    }
}

impl History for MemoryHistory {
    fn last(&self, metric: &MetricKey, k: usize) -> Vec<f64> {
        self.values
            .get(metric)
            .map(|values| values.iter().rev().take(k).copied().collect())
            .unwrap_or_default()
    }
}

/// The middle of some values, the mean of both for an even number; `None` without values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    sorted.get(half.checked_sub(1)?).map(|lower| lower + (upper - lower) / 2.0)
}

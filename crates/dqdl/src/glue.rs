//! A report in the shape of AWS Glue's `DataQualityResult`.
//!
//! Field names and nesting are those of the
//! [Glue API](https://docs.aws.amazon.com/glue/latest/webapi/API_GetDataQualityResult.html), which rejects unknown ones.
//! The keys inside `RuleMetrics` are this crate's own; Glue documents none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::report::{AnalyzerResult, Observation, Outcome, Report, RuleResult};

/// Characters of a description, at most: the API's `DescriptionString`.
const MAX_TEXT: usize = 2048;
const ELLIPSIS: &str = "...";

/// What a result says about the run it comes from.
#[derive(Debug, Clone)]
pub struct GlueContext {
    /// `ResultId`
    pub result_id: String,
    /// `RulesetName`
    pub ruleset_name: String,
    /// `EvaluationContext`, for instance `bars_1d/yahoo/2026-11-20`.
    pub evaluation_context: String,
    /// `StartedOn`
    pub started_on: DateTime<Utc>,
    /// `CompletedOn`
    pub completed_on: DateTime<Utc>,
    /// `JobName`
    pub job_name: String,
    /// `JobRunId`
    pub job_run_id: String,
}

/// Glue's `DataQualityResult`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueResult {
    pub result_id: String,
    #[serde(deserialize_with = "number")]
    pub score: f64,
    pub ruleset_name: String,
    pub evaluation_context: String,
    /// RFC 3339 with milliseconds, UTC.
    pub started_on: String,
    /// RFC 3339 with milliseconds, UTC.
    pub completed_on: String,
    pub job_name: String,
    pub job_run_id: String,
    pub rule_results: Vec<GlueRuleResult>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analyzer_results: Vec<GlueAnalyzerResult>,
    /// Anomalies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<GlueObservation>,
    pub aggregated_metrics: GlueAggregatedMetrics,
}

/// Glue's `DataQualityObservation`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueObservation {
    pub description: String,
    pub metric_based_observation: GlueMetricBasedObservation,
}

/// Glue's `MetricBasedObservation`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueMetricBasedObservation {
    pub metric_name: String,
    pub metric_values: GlueMetricValues,
    pub new_rules: Vec<String>,
}

/// Glue's `DataQualityMetricValues`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueMetricValues {
    #[serde(deserialize_with = "number")]
    pub actual_value: f64,
    #[serde(deserialize_with = "number")]
    pub expected_value: f64,
    #[serde(deserialize_with = "number")]
    pub lower_limit: f64,
    #[serde(deserialize_with = "number")]
    pub upper_limit: f64,
}

/// Glue's `DataQualityRuleResult`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueRuleResult {
    pub name: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_message: Option<String>,
    /// `PASS`, `FAIL` or `ERROR`.
    pub result: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "numbers")]
    pub evaluated_metrics: BTreeMap<String, f64>,
    pub evaluated_rule: String,
    /// `RowsPassed`, `RowsFailed` and `RowsSkipped` of row-level rules.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "numbers")]
    pub rule_metrics: BTreeMap<String, f64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Glue's `DataQualityAnalyzerResult`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueAnalyzerResult {
    pub name: String,
    pub description: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_message: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "numbers")]
    pub evaluated_metrics: BTreeMap<String, f64>,
}

/// Glue's `DataQualityAggregatedMetrics`. Rules that are ERROR count as failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the names are the Glue API's own")]
pub struct GlueAggregatedMetrics {
    pub total_rows_processed: f64,
    pub total_rows_passed: f64,
    pub total_rows_failed: f64,
    pub total_rules_processed: f64,
    pub total_rules_passed: f64,
    pub total_rules_failed: f64,
}

/// JSON has no word for a number that is none, and writes `null`.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let numbers = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|(name, number)| (name, number.unwrap_or(f64::NAN))).collect())
}

impl Report {
    /// The report as Glue would store it.
    pub fn to_glue(&self, context: &GlueContext) -> GlueResult {
        let rules = self.results.len() as f64;
        let passed = self.count(Outcome::Pass) as f64;
        let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        GlueResult {
            result_id: context.result_id.clone(),
            score: self.score(),
            ruleset_name: context.ruleset_name.clone(),
            evaluation_context: context.evaluation_context.clone(),
            started_on: time(context.started_on),
            completed_on: time(context.completed_on),
            job_name: context.job_name.clone(),
            job_run_id: context.job_run_id.clone(),
            rule_results: self.results.iter().map(GlueRuleResult::from).collect(),
            analyzer_results: self.analyzers.iter().map(GlueAnalyzerResult::from).collect(),
            observations: self
                .observations
                .iter()
                .filter(|observation| observation.anomalous && observation.actual.is_finite())
                .map(GlueObservation::from)
                .collect(),
            aggregated_metrics: GlueAggregatedMetrics {
                total_rows_processed: self.rows as f64,
                total_rows_passed: self.rows.saturating_sub(self.rows_failed) as f64,
                total_rows_failed: self.rows_failed as f64,
                total_rules_processed: rules,
                total_rules_passed: passed,
                total_rules_failed: rules - passed,
            },
        }
    }
}

impl From<&RuleResult> for GlueRuleResult {
    fn from(result: &RuleResult) -> Self {
        let counts = [
            ("RowsPassed", result.rows_passed),
            ("RowsFailed", result.rows_failed),
            ("RowsSkipped", result.rows_skipped),
        ];
        Self {
            name: result.name.clone(),
            description: short(&result.rule),
            evaluation_message: result.message.as_deref().map(short),
            result: result.outcome.as_str().into(),
            evaluated_metrics: finite(&result.metrics),
            evaluated_rule: short(&result.evaluated_rule),
            rule_metrics: counts
                .iter()
                .filter(|_| result.row_level)
                .map(|(name, count)| ((*name).to_owned(), *count as f64))
                .collect(),
            labels: result.labels.clone(),
        }
    }
}

impl From<&AnalyzerResult> for GlueAnalyzerResult {
    fn from(result: &AnalyzerResult) -> Self {
        Self {
            name: result.name.clone(),
            description: short(&result.analyzer),
            evaluation_message: result.message.as_deref().map(short),
            evaluated_metrics: finite(&result.metrics),
        }
    }
}

impl From<&Observation> for GlueObservation {
    fn from(observation: &Observation) -> Self {
        Self {
            description: short(&observation.description),
            metric_based_observation: GlueMetricBasedObservation {
                metric_name: observation.metric.clone(),
                metric_values: GlueMetricValues {
                    actual_value: observation.actual,
                    expected_value: observation.expected,
                    lower_limit: observation.lower,
                    upper_limit: observation.upper,
                },
                new_rules: observation.new_rules.clone(),
            },
        }
    }
}

/// The beginning of a text that is longer than the API takes.
fn short(text: &str) -> String {
    // Units of UTF-16, of which a character has one or two: whichever are counted, there are no more.
    if text.len() <= MAX_TEXT || text.encode_utf16().count() <= MAX_TEXT {
        return text.to_owned();
    }
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units + ELLIPSIS.len() <= MAX_TEXT
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push_str(ELLIPSIS);
    short
}

/// JSON has no infinities.
fn finite(metrics: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    metrics
        .iter()
        .filter(|(_, value)| value.is_finite())
        .map(|(name, value)| (name.clone(), *value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_where_the_api_ends() {
        assert_eq!(short(&"a".repeat(2048)), "a".repeat(2048));
        assert_eq!(short(&"a".repeat(2049)), format!("{}...", "a".repeat(2045)));
        assert_eq!(short(&"\u{e9}".repeat(2048)), "\u{e9}".repeat(2048));
        let wide = short(&"\u{1f4a9}".repeat(2000));
        assert_eq!(wide.encode_utf16().count(), 2047);
        assert!(wide.ends_with("..."));
    }
}

//! DetectAnomalies: a metric of this run against those of earlier ones.
//!
//! Expected is the median of the last 30 values, and the limits are 3.5 robust standard deviations around it (1.4826
//! times the median absolute deviation, at least a billionth of the median). Values outside the limits are then left out
//! and the limits taken again, so an earlier anomaly does not widen them. With fewer than 8 values the rule passes, and
//! its metric is recorded. AWS does not publish its model; this one is meant to be explained in one sentence.

use std::sync::Arc;

use super::compile_analyzer;
use crate::ast::{Analyzer, Parameter, Span};
use crate::check::{Accumulator, Check, Context, EmptyPolicy, Input, Measurement, Refusal, Totals, Verdict};
use crate::history::{History, MetricKey, median};
use crate::report::Observation;
use crate::rule_types::RuleType;

/// How many values are looked at.
const POINTS: usize = 30;
/// How few are too few.
const MIN_POINTS: usize = 8;
/// Robust standard deviations from the median to the limits.
const WIDTH: f64 = 3.5;
/// The standard deviation of a normal distribution in median absolute deviations.
const SCALE: f64 = 1.4826;
/// The least deviation, relative to the median.
const FLOOR: f64 = 1e-9;

#[derive(Debug, Clone)]
struct Anomalies {
    inner: Arc<dyn Check>,
    analyzer: Analyzer,
    scope: Option<String>,
    history: Arc<dyn History>,
}

/// The analyzer whose metric is watched.
pub(super) fn watched(parameters: &[Parameter]) -> Result<Analyzer, String> {
    let (name, rest) = parameters.split_first().ok_or("a parameter is missing")?;
    let rule_type = RuleType::from_any_case(&name.value)
        .filter(|rule_type| {
            // The first has many metrics; those of the others come from rows that fail, and an anomaly fails no row.
            let excluded = [RuleType::AllStatistics, RuleType::ReferentialIntegrity, RuleType::DatasetMatch];
            rule_type.is_analyzer() && !excluded.contains(rule_type)
        })
        .ok_or_else(|| format!("DetectAnomalies cannot watch {}", name.value))?;
    let (min, max) = rule_type.arity();
    if !(min..=max).contains(&rest.len()) {
        return Err(format!("{rule_type} does not take {} parameters", rest.len()));
    }
    Ok(Analyzer { span: Span::default(), rule_type, parameters: rest.to_vec(), filter: None })
}

pub(super) fn compile(parameters: &[Parameter], context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let analyzer = watched(parameters)?;
    let inner = compile_analyzer(&analyzer, context)?;
    let history = context.history.clone().ok_or_else(|| {
        Refusal::Error("DetectAnomalies needs the history of earlier runs, and none was given".to_owned())
    })?;
    let scope = crate::metric_names::scope(analyzer.rule_type, &analyzer.parameters, None);
    Ok(Box::new(Anomalies { inner: Arc::from(inner), analyzer, scope, history }))
}

impl Check for Anomalies {
    fn empty_policy(&self) -> EmptyPolicy {
        self.inner.empty_policy()
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(Running { check: self.clone(), inner: self.inner.start() })
    }
}

#[derive(Debug)]
struct Running {
    check: Anomalies,
    inner: Box<dyn Accumulator>,
}

impl Accumulator for Running {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        self.inner.observe(input)
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let mut measurement = self.inner.finish(totals);
        if matches!(measurement.verdict, Verdict::Fail(_)) {
            return measurement;
        }
        let (mut found, mut young) = (Vec::new(), Vec::new());
        for (metric, actual) in &measurement.metrics {
            let key = MetricKey { metric: metric.clone(), scope: self.check.scope.clone() };
            let points = self.check.history.last(&key, POINTS);
            match limits(&points) {
                Some(limits) => {
                    let observation = self.check.observe(metric, *actual, limits);
                    if observation.anomalous {
                        found.push(observation.description.clone());
                    }
                    measurement.observations.push(observation);
                }
                None => young.push(format!("{metric} has {} of {MIN_POINTS} earlier values", points.len())),
            }
        }
        measurement.verdict = match (found.is_empty(), young.is_empty()) {
            (false, _) => Verdict::Fail(found.join("; ")),
            (true, false) => Verdict::PassWith(young.join("; ")),
            (true, true) => Verdict::Pass,
        };
        measurement
    }
}

/// Expected value, lower and upper limit.
type Limits = (f64, f64, f64);

impl Anomalies {
    fn observe(&self, metric: &str, actual: f64, (expected, lower, upper): Limits) -> Observation {
        let anomalous = !(lower..=upper).contains(&actual);
        let place = if anomalous { "outside" } else { "within" };
        Observation {
            description: format!("{metric} is {actual}, {place} {lower} to {upper}; expected {expected}"),
            metric: metric.to_owned(),
            actual,
            expected,
            lower,
            upper,
            anomalous,
            new_rules: if anomalous { vec![self.suggestion(metric, lower, upper)] } else { Vec::new() },
        }
    }

    /// The rule that says the same without a history.
    fn suggestion(&self, metric: &str, lower: f64, upper: f64) -> String {
        let rule = &self.analyzer;
        if metric.ends_with(".Minimum") || metric.ends_with(".MinimumLength") {
            format!("{rule} >= {lower}")
        } else if metric.ends_with(".Maximum") || metric.ends_with(".MaximumLength") {
            format!("{rule} <= {upper}")
        } else if lower == upper {
            format!("{rule} = {lower}")
        } else {
            format!("{rule} between {lower} and {upper}")
        }
    }
}

fn limits(points: &[f64]) -> Option<Limits> {
    let points: Vec<f64> = points.iter().copied().filter(|point| point.is_finite()).collect();
    let wide = limits_of(&points)?;
    let inside: Vec<f64> = points.iter().copied().filter(|point| (wide.1..=wide.2).contains(point)).collect();
    limits_of(&inside).or(Some(wide))
}

fn limits_of(points: &[f64]) -> Option<Limits> {
    if points.len() < MIN_POINTS {
        return None;
    }
    let expected = median(points)?;
    let deviations: Vec<f64> = points.iter().map(|point| (point - expected).abs()).collect();
    let deviation = (WIDTH * SCALE * median(&deviations)?).max(FLOOR * expected.abs());
    Some((expected, expected - deviation, expected + deviation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_robust_and_leave_out_earlier_anomalies() {
        assert_eq!(limits(&[1.0; 7]), None);
        assert_eq!(limits(&[0.0; 8]), Some((0.0, 0.0, 0.0)));
        let points: Vec<f64> = (0..9).map(|i| 96.0 + f64::from(i)).collect();
        let (expected, lower, upper) = limits(&points).unwrap();
        assert_eq!(expected, 100.0);
        assert!((lower - (100.0 - 3.5 * 1.4826 * 2.0)).abs() < 1e-9);
        assert!((upper - (100.0 + 3.5 * 1.4826 * 2.0)).abs() < 1e-9);
        let with_outlier: Vec<f64> = points.iter().copied().chain([5000.0]).collect();
        assert_eq!(limits(&with_outlier), Some((expected, lower, upper)));
        assert_eq!(limits(&[f64::NAN; 20]), None);
    }
}

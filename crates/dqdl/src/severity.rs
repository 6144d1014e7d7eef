//! How bad it is when a rule fails, from its labels.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::ast::{Label, Rule, RuleBody, Ruleset};
use crate::error::{Edit, Fault, ParseError};
use crate::rule_types::distance;

/// The severity of a rule: label `severity`, or `criticality` with high, medium and low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// For the record.
    Info,
    /// Worth a look; rows are published.
    Warn,
    /// Failing rows are quarantined. The default.
    #[default]
    Error,
    /// A failing row or rule blocks the batch.
    Critical,
}

impl Severity {
    /// The severity of a rule with these labels, and a warning when a label's value is not a known one.
    pub(crate) fn of(labels: &BTreeMap<String, String>) -> (Self, Option<String>) {
        let Some((key, value)) = KEYS.iter().find_map(|key| labels.get_key_value(*key)) else {
            return (Self::default(), None);
        };
        match Self::parse(value) {
            Some(severity) => (severity, None),
            None => {
                let warning = format!("label {key}={value} is no known severity; error is assumed");
                (Self::Error, Some(warning))
            }
        }
    }

    /// The severity of a rule with these labels; `error` where they say none that is known.
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Self {
        Self::of(labels).0
    }

    fn parse(value: &str) -> Option<Self> {
        Some(match value.to_ascii_lowercase().as_str() {
            "critical" | "high" => Self::Critical,
            "error" | "medium" => Self::Error,
            "warn" | "warning" | "low" => Self::Warn,
            "info" => Self::Info,
            _ => return None,
        })
    }

    /// Whether a row that breaks such a rule is not published; otherwise the rule only reports.
    pub fn quarantines(self) -> bool {
        self >= Self::Error
    }

    /// Whether a label is one of those that say the severity.
    pub fn is_label(key: &str) -> bool {
        KEYS.contains(&key)
    }

    /// `critical`, `error`, `warn` or `info`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The labels that say a severity.
const KEYS: [&str; 2] = ["severity", "criticality"];
const KNOWN: &str = "critical, error, warn or info; of `criticality` high, medium or low";

/// How many faults are named: each is looked for in the text.
const MOST_FAULTS: usize = 50;

/// The labels that say an unknown severity, in the order of the text.
pub(crate) fn severity_faults(ruleset: &Ruleset, text: &str) -> Vec<ParseError> {
    let mut faults = Vec::new();
    let start = text.find("DefaultLabels").unwrap_or(0);
    unknown(&ruleset.default_labels, text, start, text.len(), &mut faults);
    for rule in &ruleset.rules {
        of_rule(rule, text, &mut faults);
    }
    faults
}

fn of_rule(rule: &Rule, text: &str, faults: &mut Vec<ParseError>) {
    if let RuleBody::Composite(_, members) = &rule.body {
        members.iter().for_each(|member| of_rule(member, text, faults));
    }
    unknown(&rule.labels, text, rule.span.start, rule.span.end, faults);
}

fn unknown(labels: &[Label], text: &str, start: usize, end: usize, faults: &mut Vec<ParseError>) {
    let of_severity = labels.iter().filter(|label| Severity::is_label(&label.key));
    let left = MOST_FAULTS.saturating_sub(faults.len());
    let none = of_severity.filter(|label| Severity::parse(&label.value).is_none());
    for Label { key, value } in none.take(left) {
        // Labels keep no place of their own: it is where the value follows the key.
        let within = text.get(start..end).unwrap_or_default();
        let at = within.find(&format!("\"{key}\"")).unwrap_or(0);
        let behind = within.get(at..).unwrap_or_default();
        let offset = start + at + behind.find(&format!("\"{value}\"")).unwrap_or(0);
        let fault = Fault::new(offset, format!("label \"{key}\"=\"{value}\" is no known severity"));
        let near = ["critical", "error", "warn", "info", "warning", "high", "medium", "low"]
            .into_iter()
            .map(|known| (distance(&value.to_ascii_lowercase(), known), known))
            .min()
            .filter(|(distance, known)| value.len() < 20 && *distance <= known.len() / 2);
        let mut fault = *fault.expecting(KNOWN);
        if let Some((_, near)) = near {
            fault.suggestion = Some(format!("did you mean \"{near}\"?"));
            fault.edits =
                vec![Edit { start: offset + 1, end: offset + 1 + value.len(), text: near.to_owned() }];
        }
        faults.push(fault.locate(text));
    }
}

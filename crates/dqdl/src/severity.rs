//! How bad it is when a rule fails, from its labels.

use std::collections::BTreeMap;
use std::fmt;

/// The severity of a rule: label `severity`, or `criticality` with high, medium and low.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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
        let Some((key, value)) =
            ["severity", "criticality"].iter().find_map(|key| labels.get_key_value(*key))
        else {
            return (Self::default(), None);
        };
        let severity = match value.to_ascii_lowercase().as_str() {
            "critical" | "high" => Self::Critical,
            "error" | "medium" => Self::Error,
            "warn" | "warning" | "low" => Self::Warn,
            "info" => Self::Info,
            _ => {
                let warning = format!("label {key}={value} is no known severity; error is assumed");
                return (Self::Error, Some(warning));
            }
        };
        (severity, None)
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

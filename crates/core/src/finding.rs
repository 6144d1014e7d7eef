//! What a look at a lake or a deployed stack found, in one form: how bad, what was looked at, what to do. `quotelake doctor`
//! and `status` print findings, and `aws` makes those of a stack.

use serde::Serialize;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    /// As it should be.
    Ok,
    /// It works now, and may not later.
    Warning,
    /// It does not work.
    Error,
}

/// One thing that was looked at, in a lake or a deployed stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: FindingLevel,
    /// What was looked at: `bucket`, `queue check`...
    pub subject: String,
    /// What was found.
    pub found: String,
    /// What to do; empty where nothing is to be done.
    pub fix: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self { severity: FindingLevel::Ok, subject: subject.into(), found: found.into(), fix: String::new() }
    }

    /// It works for now.
    pub fn warning(subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            severity: FindingLevel::Warning,
            subject: subject.into(),
            found: found.into(),
            fix: fix.into(),
        }
    }

    /// It does not work.
    pub fn error(subject: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: FindingLevel::Error, subject: subject.into(), found: found.into(), fix: fix.into() }
    }
}

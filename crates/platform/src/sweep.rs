//! The request to look for work that nobody asked for: a message that a schedule sends to a function's queue.

use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Days that a sweep looks back where its request does not say: longer than a work queue keeps a message, so that what was
/// asked for and forgotten is found as well.
const DAYS: u32 = 7;

/// The body `{"sweep":{}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepRequest {
    /// What to look through.
    pub sweep: Sweep,
}

/// What to look through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// Objects that were written in the last so many days, at most 400.
    #[serde(default = "days")]
    pub days: u32,
    /// Only keys behind this one: where an earlier invocation ran out of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// The most: each day is a listing of its own.
const MOST_DAYS: u32 = 400;

fn days() -> u32 {
    DAYS
}

impl SweepRequest {
    /// The request, where a message is one; `InvalidInput` for one that has a mistake. Any other message is looked at no further than
    /// its first key.
    ///
    /// ```
    /// use quotelake_platform::sweep::SweepRequest;
    /// assert_eq!(SweepRequest::parse(r#"{"sweep":{"days":30}}"#).unwrap().unwrap().sweep.days, 30);
    /// assert!(SweepRequest::parse(r#"{"sweep":{"day":30}}"#).is_err());
    /// assert!(SweepRequest::parse(r#"{"sweep":{"days":4000000000}}"#).is_err());
    /// assert!(SweepRequest::parse(r#"{"Records":[]}"#).unwrap().is_none());
    /// ```
    pub fn parse(body: &str) -> Result<Option<Self>> {
        let first = body.trim_start().strip_prefix('{').map(str::trim_start);
        if !first.is_some_and(|rest| rest.starts_with("\"sweep\"")) {
            return Ok(None);
        }
        let read: Self = serde_json::from_str(body)
            .map_err(|e| Error::invalid("message is no request to sweep").with_source(e))?;
        if read.sweep.days > MOST_DAYS {
            let days = read.sweep.days;
            return Err(Error::invalid(format!("a sweep looks back at most {MOST_DAYS} days, not {days}")));
        }
        Ok(Some(read))
    }
}

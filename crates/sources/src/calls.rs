//! How a source is asked: its pace, limits, budget, retries.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::size::MAX_BODY_BYTES;

/// The most calls in any window of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallLimit {
    /// Calls.
    pub calls: u32,
    /// Milliseconds.
    pub per_ms: u64,
}

/// The most calls in a calendar period, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallBudget {
    /// Calls.
    pub calls: u64,
    /// The period.
    pub per: BudgetPeriod,
}

/// A calendar period, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// From midnight to midnight.
    Day,
    /// From the first to the last day.
    Month,
}

/// When a source that keeps failing is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker {
    /// Passing faults in a row, over all units, that open it.
    pub failures: u32,
    /// How long it stays open the first time; it doubles each time, up to a quarter of an hour.
    pub open_for: Duration,
}

/// How a run asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where the key is kept, e.g. `secretsmanager:quotelake/polygon`.
    pub secret: Option<String>,
    /// Whether the answers are a recording's: then no key is sent, and an answer's `x-quotelake-recorded-at` is its instant.
    pub replay: bool,
    /// The least time between the starts of two requests.
    pub min_interval: Duration,
    /// The most calls in any window, over all workers.
    pub limit: Option<CallLimit>,
    /// The most calls in a day or a month, over all workers.
    pub budget: Option<CallBudget>,
    /// When a source that keeps failing is left alone.
    pub breaker: Breaker,
    /// The time that one request may take.
    pub timeout: Duration,
    /// The largest body that is read.
    pub max_body_bytes: usize,
    /// How often one request is asked again within the run.
    pub quick_retries: u32,
    /// The longest wait before the first retry of a passing fault; it doubles with each, up to 30 s.
    pub backoff: Duration,
    /// The longest single wait that is sat out; a longer one hands the unit back.
    pub longest_wait: Duration,
    /// Time kept free before the deadline for delivering and reporting.
    pub reserve: Duration,
    /// The most pages of one unit, against a link that never ends.
    pub max_pages: u32,
    /// Seeds the jitter: equal seeds wait equally long.
    pub seed: u64,
}

impl Default for Options {
    /// For a vendor of unknown patience: no pacing, requests of 30 s and 8 MiB, 3 retries from 0.5 s, waits up to 75 s (one rate
    /// window and its jitter), 10 s of reserve, and a minute of
    /// rest after ten faults in a row.
    fn default() -> Self {
        Self {
            secret: None,
            replay: false,
            min_interval: Duration::ZERO,
            limit: None,
            budget: None,
            breaker: Breaker { failures: 10, open_for: Duration::from_secs(60) },
            timeout: Duration::from_secs(30),
            max_body_bytes: MAX_BODY_BYTES,
            quick_retries: 3,
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_secs(75),
            reserve: Duration::from_secs(10),
            max_pages: 10_000,
            seed: 0,
        }
    }
}

impl Options {
    /// The defaults at a source's pace: `min_interval_ms` between the starts of two requests.
    pub fn paced(min_interval_ms: u64, replay: bool) -> Self {
        Self { min_interval: Duration::from_millis(min_interval_ms), replay, ..Self::default() }
    }
}

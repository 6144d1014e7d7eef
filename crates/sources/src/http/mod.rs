//! Asking a source over HTTP.
//!
//! - [`Http`] sends one request; [`ReqwestHttp`] is the real one, and tests put a fake in its place.
//! - [`Executor`] carries units through: it paces, retries, pages, watches the deadline, adds the secret, and hands each page to a
//!   [`PageSink`]. It decides nothing about a vendor: that is [`Source::classify`](crate::Source::classify).
//!
//! A source's limits hold over every worker that asks it: which calls were given, pauses that the vendor asked for, and the breaker
//! are kept in one small document of the lake, `pacing/source=<name>.json`, changed by conditional writes.
//!
//! What becomes of a unit is one of four things ([`UnitEnd`]): delivered, empty, failed for good, or handed back for
//! another run. None of them is silent.

mod client;
mod coverage;
mod executor;
mod key;
mod masking;
mod pace;
mod rules;
mod state;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use quotelake_core::ports::Secret;
use quotelake_core::{Envelope, FetchUnit};
use serde::{Deserialize, Serialize};

pub use client::ReqwestHttp;
pub use coverage::CoverageShort;
pub use executor::{Executor, RunEnd};
pub use pace::{Sleep, Standing, TokioSleep};
pub use rules::{Breaker, BudgetPeriod, CallBudget, CallLimit, LONGEST_HOLD, LONGEST_OPEN};

use crate::size::MAX_BODY_BYTES;
use crate::{Failure, FailureKind, HttpSpec, RawResponse};

/// Sends requests.
#[async_trait]
pub trait Http: fmt::Debug + Send + Sync {
    /// One request, one answer, whatever its status. Follows no redirect. The failure's kind says whether asking again can help.
    async fn send(&self, request: Outgoing<'_>) -> Result<RawResponse, Failure>;
}

/// A request with all that sending it takes.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// What the source asks for.
    pub spec: &'a HttpSpec,
    /// The key, where the request needs one.
    pub key: Option<&'a Secret>,
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    /// The largest body that is read.
    pub max_body_bytes: usize,
}

/// Takes a unit's pages on.
#[async_trait]
pub trait PageSink: Send {
    /// Takes a sealed page. It may be held back until [`PageSink::finish`]. [`FailureKind::TooLarge`] for a page that can never be
    /// taken.
    async fn deliver(&mut self, page: Envelope) -> Result<(), Failure>;

    /// Ends a unit: on `Ok` every page delivered since the last call is safe; on an error at least one is not, and which ones is
    /// unknown.
    async fn finish(&mut self) -> Result<(), Failure>;
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
    /// What the source allows.
    fn rules(&self) -> rules::Rules {
        rules::Rules {
            min_interval: self.min_interval,
            limit: self.limit,
            budget: self.budget,
            breaker: self.breaker,
        }
    }
}

/// A unit to carry through, from its start or from where an earlier run stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// The unit; `page` is the number of the next page.
    pub unit: FetchUnit,
    /// Path and query of the next page, `None` at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<String>,
    /// How many runs failed on it in a row without a page.
    #[serde(default)]
    pub attempt: u32,
}

impl Work {
    /// A unit from its start.
    pub fn new(unit: FetchUnit) -> Self {
        Self { unit, resume_at: None, attempt: 0 }
    }
}

/// What became of a unit in this run.
#[derive(Debug, Clone, PartialEq)]
pub enum UnitEnd {
    /// Every page was taken by the sink.
    Delivered {
        /// Pages delivered in this run.
        pages: u32,
        /// Rows in them.
        rows: u64,
        /// Where the bars do not reach the ends of the window that was asked for.
        short: Option<CoverageShort>,
    },
    /// The vendor has nothing; its answer was taken by the sink all the same.
    Empty,
    /// It will fail again: for the dead letters. Pages before the failing one may have been delivered.
    Failed(Failure),
    /// It can succeed later: for the queue.
    HandedBack {
        /// What is left to do.
        work: Box<Work>,
        /// Not before this has passed.
        delay: Duration,
        /// Pages delivered in this run.
        pages: u32,
        /// Why; `None` when time ran out.
        failure: Option<Failure>,
    },
}

/// The failure of a body above the cap.
fn too_large(limit: usize) -> Failure {
    Failure::new(
        FailureKind::TooLarge,
        format!("the body is larger than {limit} bytes, the most that is read: lower the page limit"),
    )
}

//! Asking a source over HTTP.
//!
//! - [`Http`] sends one request; [`ReqwestHttp`] is the real one, and tests put a fake in its place.
//! - [`Executor`] carries units through: it paces, retries, pages, watches the deadline, adds the secret, and hands each page to a
//!   [`PageSink`]. It decides nothing about a vendor: that is [`Source::classify`](crate::Source::classify).
//!
//! A source's limits hold over every worker that asks it: which calls were given, pauses that the vendor asked for, and the breaker
//! are kept in one small document of the lake, `pacing/source=<name>.json`, changed by conditional writes.
//!
//! What becomes of a task is one of four things ([`TaskOutcome`]): delivered, empty, failed for good, or handed back for
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
pub use executor::{Executor, RunOutcome};
pub use pace::{PaceStatus, Sleep, TokioSleep};
pub use rules::{LONGEST_HOLD, LONGEST_OPEN};

pub use crate::calls::{Breaker, BudgetPeriod, CallBudget, CallLimit, Options};
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

/// One unit to fetch, from its start or from where an earlier run stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchTask {
    /// The unit; `page` is the number of the next page.
    pub unit: FetchUnit,
    /// Path and query of the next page, `None` at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_at: Option<String>,
    /// How many runs failed on it in a row without a page.
    #[serde(default)]
    pub attempt: u32,
}

impl FetchTask {
    /// A unit from its start.
    pub fn new(unit: FetchUnit) -> Self {
        Self { unit, resume_at: None, attempt: 0 }
    }
}

/// What became of a unit in this run.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskOutcome {
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
        task: Box<FetchTask>,
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

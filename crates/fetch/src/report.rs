//! What a run of `fetch` answers: each unit with its outcome, and the sums of units, pages, rows and requests. Its JSON is the
//! answer to a direct call or a Function URL.

use quotelake_sources::http::{CoverageShort, TaskOutcome};
use quotelake_sources::{Failure, FailureKind};
use serde::{Deserialize, Serialize};

/// What a run came to: every unit with its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchReport {
    /// The run.
    pub run_id: String,
    /// The source.
    pub source: String,
    /// Units by outcome.
    pub counts: Counts,
    /// Pages on the stream.
    pub pages: u64,
    /// Rows in them.
    pub rows: u64,
    /// Requests sent, retries included.
    pub requests: u64,
    /// The units, in the plan's order.
    pub units: Vec<UnitReport>,
}

/// Units by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Every page is on the stream.
    pub delivered: u64,
    /// The vendor has nothing.
    pub empty: u64,
    /// Dead letters.
    pub failed: u64,
    /// For a later run.
    pub handed_back: u64,
}

impl Counts {
    /// All units.
    pub fn total(self) -> u64 {
        self.delivered + self.empty + self.failed + self.handed_back
    }
}

/// One unit and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitReport {
    /// The unit.
    pub unit_id: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: UnitOutcome,
}

/// What became of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum UnitOutcome {
    /// Every page is on the stream.
    Delivered {
        /// Pages of this run.
        pages: u32,
        /// Rows in them.
        rows: u64,
        /// Where the bars do not reach the ends of the window that was asked for: clipped by the vendor, or younger than the window.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        short: Option<CoverageShort>,
    },
    /// The vendor has nothing.
    Empty,
    /// It is a dead letter.
    Failed {
        /// What kind of failure.
        kind: FailureKind,
        /// The dead letter's `error_code`.
        code: String,
        /// HTTP status, where there was an answer.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<u16>,
        /// For people.
        message: String,
        /// Whether the same request could succeed another day.
        retryable: bool,
    },
    /// It waits for a later run.
    HandedBack {
        /// Pages that were delivered before.
        pages: u32,
        /// The delay that was asked for, in seconds.
        delay_seconds: u64,
        /// Why.
        reason: String,
    },
}

impl UnitOutcome {
    pub(crate) fn of(outcome: &TaskOutcome) -> Self {
        match outcome {
            TaskOutcome::Delivered { pages, rows, short } => {
                Self::Delivered { pages: *pages, rows: *rows, short: *short }
            }
            TaskOutcome::Empty => Self::Empty,
            TaskOutcome::Failed(failure) => Self::failed(failure),
            TaskOutcome::HandedBack { delay, pages, failure, .. } => Self::HandedBack {
                pages: *pages,
                delay_seconds: delay.as_secs(),
                reason: failure.as_ref().map_or_else(|| "no time left".to_owned(), ToString::to_string),
            },
        }
    }

    fn failed(failure: &Failure) -> Self {
        Self::Failed {
            kind: failure.kind,
            code: failure.kind.code().to_owned(),
            status: failure.status,
            message: failure.message.clone(),
            retryable: failure.kind.is_retryable(),
        }
    }
}

impl FetchReport {
    /// A report of these units.
    pub(crate) fn new(run_id: &str, source: &str, requests: u64, units: Vec<UnitReport>) -> Self {
        let mut report = Self {
            run_id: run_id.to_owned(),
            source: source.to_owned(),
            counts: Counts::default(),
            pages: 0,
            rows: 0,
            requests,
            units,
        };
        for unit in &report.units {
            let (counter, pages, rows) = match unit.outcome {
                UnitOutcome::Delivered { pages, rows, .. } => (&mut report.counts.delivered, pages, rows),
                UnitOutcome::Empty => (&mut report.counts.empty, 1, 0),
                UnitOutcome::Failed { .. } => (&mut report.counts.failed, 0, 0),
                UnitOutcome::HandedBack { pages, .. } => (&mut report.counts.handed_back, pages, 0),
            };
            *counter += 1;
            report.pages += u64::from(pages);
            report.rows += rows;
        }
        report
    }
}

//! The calls that the functions make, counted in a run: `infra/generated/calls.json`. `make e2e-aws` counts them on an emulator, between
//! the functions and the services; `crates/cli/tests/counted_calls.rs` counts them at the ports and holds the file against that.

use std::collections::BTreeMap;

use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The counts, built into the program.
const CALLS: &str = include_str!("../../../../infra/generated/calls.json");

/// `infra/generated/calls.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountedCalls {
    /// What the file is.
    pub about: String,
    /// Calls by `<stage> <IAM action> <first part of the key or prefix>`, e.g. `check s3:PutObject quality`.
    pub calls: BTreeMap<String, u64>,
}

/// What a call is made for, so that its number grows with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// An invocation of `fetch` that brought pages.
    Fetch,
    /// A landing object.
    Object,
    /// A dataset of a landing object.
    Check,
    /// A request to publish a dataset.
    Request,
    /// A partition that has new rows.
    Partition,
}

/// A call that the estimate prices by a formula instead: the pace of a source, of which one write is for many calls
/// (`PAGES_PER_PACE_WRITE`), and dropped files, which no profile has.
fn is_priced_elsewhere(stage: &str, area: &str) -> bool {
    stage == "ingest" || area == "pacing"
}

/// What makes a call happen; none for a call of which it is not known.
fn driver(stage: &str, area: &str) -> Option<Driver> {
    Some(match (stage, area) {
        ("fetch", _) => Driver::Fetch,
        ("check", "landing" | "contracts") => Driver::Object,
        ("check", _) => Driver::Check,
        ("publish", "bronze" | "staged-ranges" | "events") => Driver::Partition,
        ("publish", _) => Driver::Request,
        _ => return None,
    })
}

impl CountedCalls {
    /// The file that is built in.
    pub fn built_in() -> Result<Self> {
        serde_json::from_str(CALLS).map_err(|e| Error::bug("infra/generated/calls.json").with_source(e))
    }

    fn parts(call: &str) -> (&str, &str, &str) {
        let mut parts = call.split(' ');
        (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""))
    }

    /// How often something happened in the run that was counted.
    pub fn happened(&self, driver: Driver) -> u64 {
        let call = match driver {
            Driver::Fetch => "fetch s3:PutObject state",
            Driver::Object => "check s3:GetObject landing",
            Driver::Check => "check events:PutEvents events",
            Driver::Request => "publish s3:ListBucket staged",
            Driver::Partition => "publish events:PutEvents events",
        };
        self.calls.get(call).copied().unwrap_or(0)
    }

    /// Calls of an action that so much of each would lead to: counted, and scaled. `Bug` names a call that nothing is known to lead to.
    pub fn of(&self, action: &str, amount: impl Fn(Driver) -> f64) -> Result<f64> {
        let mut sum = 0.0;
        for (call, count) in &self.calls {
            let (stage, its_action, area) = Self::parts(call);
            if its_action != action || is_priced_elsewhere(stage, area) {
                continue;
            }
            let driver = driver(stage, area)
                .ok_or_else(|| Error::bug(format!("infra/generated/calls.json: {call:?} has no driver")))?;
            let happened = self.happened(driver);
            if happened == 0 {
                return Err(Error::bug(format!(
                    "infra/generated/calls.json: nothing that leads to {call:?}"
                )));
            }
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let each = *count as f64 / happened as f64;
            sum += each * amount(driver);
        }
        Ok(sum)
    }
}

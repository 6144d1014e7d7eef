//! The port that says what time it is, in UTC. Time is an argument everywhere, so that a test, a replay or the demo decides it.

use std::fmt;

use chrono::{DateTime, Utc};

/// What time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current instant, never before an earlier answer by more than clock corrections allow.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that stands still: for tests, replays and the demo.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

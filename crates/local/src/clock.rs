//! The port `Clock` on the computer's clock, in UTC: what commands on a laptop and functions on AWS are started with.

use chrono::{DateTime, Utc};
use quotelake_core::ports::Clock;

/// The computer's clock: the one place of the workspace that reads it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everything else takes as an argument"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

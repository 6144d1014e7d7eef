//! What a source allows: how often it may be asked, and how long it may be left alone.

use std::fmt;
use std::time::Duration;

use chrono::TimeDelta;

use crate::calls::{Breaker, BudgetPeriod, CallBudget, CallLimit};

/// The longest time for which a breaker stays open, and the time after a block.
pub const LONGEST_OPEN: Duration = Duration::from_secs(15 * 60);

/// The longest pause that is kept to, whatever the vendor asks for.
pub const LONGEST_HOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// Workers of one source that may wait for their turns at the same time.
const WAITING_WORKERS: u32 = 64;

/// What a source allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) min_interval: Duration,
    pub(super) limit: Option<CallLimit>,
    pub(super) budget: Option<CallBudget>,
    pub(super) breaker: Breaker,
}

impl Rules {
    /// Whether any number of calls may be made at any time.
    pub(super) fn is_unlimited(&self) -> bool {
        self.min_interval.is_zero() && self.limit.is_none() && self.budget.is_none()
    }

    /// How far ahead a call may be promised: so many workers may wait for their turns, one behind the other.
    pub(super) fn furthest(&self) -> TimeDelta {
        let of_window = self.limit.map_or(Duration::ZERO, |limit| {
            (Duration::from_millis(limit.per_ms) + self.guard().to_std().unwrap_or_default())
                / limit.calls.max(1)
        });
        let step = self.min_interval.max(of_window);
        TimeDelta::from_std(step.saturating_mul(WAITING_WORKERS))
            .unwrap_or(TimeDelta::MAX)
            .max(TimeDelta::from_std(LONGEST_OPEN).unwrap_or(TimeDelta::MAX))
    }

    /// The pause after which any number of calls that are not known of no longer count.
    pub(super) fn whole_window(&self) -> TimeDelta {
        let window = Duration::from_millis(self.limit.map_or(60_000, |limit| limit.per_ms));
        TimeDelta::from_std(window.max(self.min_interval)).unwrap_or(TimeDelta::minutes(1))
    }

    /// How far a call may reach the vendor from the instant that it was given: calls that close a window keep this distance more.
    pub(super) fn guard(&self) -> TimeDelta {
        let window_ms = self.limit.map_or(0, |limit| limit.per_ms);
        TimeDelta::milliseconds(i64::try_from((window_ms / 10).clamp(25, 2000)).unwrap_or(2000))
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |duration: Duration| format!("{} s", duration.as_secs_f64());
        let mut rules = Vec::new();
        if !self.min_interval.is_zero() {
            rules.push(format!("{} between calls", seconds(self.min_interval)));
        }
        if let Some(limit) = self.limit {
            rules.push(format!("{} calls in {}", limit.calls, seconds(Duration::from_millis(limit.per_ms))));
        }
        if let Some(budget) = self.budget {
            let per = match budget.per {
                BudgetPeriod::Day => "day",
                BudgetPeriod::Month => "month",
            };
            rules.push(format!("{} calls a {per}", budget.calls));
        }
        f.write_str(if rules.is_empty() { "no limit" } else { "" })?;
        f.write_str(&rules.join(", "))
    }
}

//! The products of an event's steps over time: one interval between every two bars on which something takes effect.

use super::events::{Event, Reason};
use super::ratio::Ratio;
use crate::daily::decimals::ONE;

/// What prices and volumes of an interval are multiplied by, in 10^-18, each rounded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rounded {
    pub(super) split: i128,
    pub(super) volume: i128,
    pub(super) dividend_previous_close: i128,
    pub(super) dividend_ex_close: i128,
    pub(super) price_previous_close: i128,
    pub(super) price_ex_close: i128,
}

impl Rounded {
    const ONE: Self = Self {
        split: ONE,
        volume: ONE,
        dividend_previous_close: ONE,
        dividend_ex_close: ONE,
        price_previous_close: ONE,
        price_ex_close: ONE,
    };
}

/// The factors of the bars from one date to another, both included, in days since 1970; without an end of all later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: i32,
    pub(super) to: Option<i32>,
    pub(super) factors: Rounded,
}

/// The products so far, walking back in time, exact.
struct Products {
    split: Ratio,
    previous_close: Ratio,
    ex_close: Ratio,
}

impl Products {
    fn take(&mut self, event: &Event<'_>) {
        let Some(steps) = &event.steps else { return };
        if event.is_split() {
            self.split = self.split.times(&steps.previous_close);
        } else {
            self.previous_close = self.previous_close.times(&steps.previous_close);
            self.ex_close = self.ex_close.times(&steps.ex_close);
        }
    }

    /// `None` where one has more than 38 digits, or none that is not zero.
    fn rounded(&self) -> Option<Rounded> {
        let dividend_previous_close = self.previous_close.rounded()?;
        let dividend_ex_close = self.ex_close.rounded()?;
        if self.split.is_one() {
            return Some(Rounded {
                dividend_previous_close,
                dividend_ex_close,
                price_previous_close: dividend_previous_close,
                price_ex_close: dividend_ex_close,
                ..Rounded::ONE
            });
        }
        Some(Rounded {
            split: self.split.rounded()?,
            volume: Ratio::one().divided_by(&self.split).rounded()?,
            dividend_previous_close,
            dividend_ex_close,
            price_previous_close: self.split.times(&self.previous_close).rounded()?,
            price_ex_close: self.split.times(&self.ex_close).rounded()?,
        })
    }
}

/// The intervals of a series from its first bar on, in order of time. `None` where a factor does not fit its column.
pub(super) fn intervals(first_date: i32, events: &[Event<'_>]) -> Option<Vec<Interval>> {
    let effective = |event: &Event<'_>| event.effective.map(|close| close.date);
    // Behind the first event after the base date nothing is told: prices there are in other shares.
    let after_base = events.iter().find(|event| event.reason == Some(Reason::AfterBaseDate));
    let mut to = after_base.and_then(effective).map(|date| date - 1);
    let mut products = Products { split: Ratio::one(), previous_close: Ratio::one(), ex_close: Ratio::one() };
    let mut applied: Vec<&Event<'_>> = events.iter().filter(|event| event.reason.is_none()).collect();
    let mut intervals = Vec::new();
    while let Some(from) = applied.last().and_then(|event| effective(event)) {
        intervals.push(Interval { from, to, factors: products.rounded()? });
        while let Some(event) = applied.pop_if(|event| effective(event) == Some(from)) {
            products.take(event);
        }
        to = Some(from - 1);
    }
    intervals.push(Interval { from: first_date, to, factors: products.rounded()? });
    intervals.reverse();
    Some(intervals)
}

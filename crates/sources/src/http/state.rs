//! What is known of a source's rhythm: which calls were allowed when, and until when it is left alone. Pure arithmetic on
//! instants; where the state is kept [`Pacer`](super::pace::Pacer) decides.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::rules::{LONGEST_HOLD, LONGEST_OPEN, Rules};
use crate::calls::BudgetPeriod;
use crate::{Failure, FailureKind};

/// How far the clocks of two workers may be apart.
const LARGEST_SKEW: TimeDelta = TimeDelta::minutes(1);

/// The state, as it is kept between calls and, shared, between invocations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PaceState {
    /// Starts of the newest calls, in order; those still to come are promised to somebody.
    pub(super) calls: Vec<DateTime<Utc>>,
    /// Nothing is asked before this instant: the vendor said so.
    #[serde(default)]
    pub(super) held_until: Option<DateTime<Utc>>,
    /// Nothing is asked before this instant: the breaker is open.
    #[serde(default)]
    pub(super) open_until: Option<DateTime<Utc>>,
    /// Why the breaker is open.
    #[serde(default)]
    pub(super) open_why: Option<String>,
    /// Passing faults in a row.
    #[serde(default)]
    pub(super) failures: u32,
    /// How often the breaker opened since the last success.
    #[serde(default)]
    pub(super) opened: u32,
    /// The budget's period that `spent` counts.
    #[serde(default)]
    pub(super) period: String,
    /// Calls in it.
    #[serde(default)]
    pub(super) spent: u64,
    /// When this was written, on the clock of the one who wrote it.
    #[serde(default)]
    pub(super) written_at: Option<DateTime<Utc>>,
}

/// What asking for a call's turn came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may start then.
    At(DateTime<Utc>),
    /// It may not start soon enough; the wait, and why where it is not the rhythm.
    TooLate(Duration, Option<Failure>),
}

impl PaceState {
    /// Drops what lies further ahead than the rules could give, as after a run on a clock that was ahead: otherwise nothing would be
    /// asked until that time has come. As it is unknown what was asked really, a whole window is waited for instead. Says what was
    /// dropped.
    pub(super) fn drop_impossible(&mut self, now: DateTime<Utc>, rules: &Rules) -> Option<String> {
        let after = |span: TimeDelta| now.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let mut dropped = Vec::new();
        if let Some(written_at) = self.written_at.filter(|at| *at > after(LARGEST_SKEW)) {
            dropped.push(format!("it was written at {written_at}, which is still to come"));
            self.calls.clear();
            self.held_until = None;
            self.open_until = None;
            self.written_at = None;
        }
        let furthest = after(rules.furthest().checked_add(&LARGEST_SKEW).unwrap_or(TimeDelta::MAX));
        if let Some(call) = self.calls.last().filter(|call| **call > furthest) {
            dropped.push(format!("a call is promised for {call}"));
            self.calls.retain(|call| *call <= furthest);
        }
        for (pause, longest, what) in [
            (&mut self.held_until, LONGEST_HOLD, "the vendor's pause"),
            (&mut self.open_until, LONGEST_OPEN, "the breaker's rest"),
        ] {
            let latest = after(TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX) + LARGEST_SKEW);
            if let Some(until) = pause.filter(|until| *until > latest) {
                dropped.push(format!("{what} lasts until {until}"));
                *pause = None;
            }
        }
        if dropped.is_empty() {
            return None;
        }
        self.hold(now.checked_add_signed(rules.whole_window()));
        Some(dropped.join("; "))
    }

    /// The instant at which a next call could start, and why not before where it is not the rhythm. Changes nothing.
    pub(super) fn next_call(&self, now: DateTime<Utc>, rules: &Rules) -> (DateTime<Utc>, Option<String>) {
        let mut state = self.clone();
        if let Some(failure) = state.spend(now, rules) {
            let rest = TimeDelta::from_std(rest_of_period(now, rules)).unwrap_or_default();
            return (now.checked_add_signed(rest).unwrap_or(now), Some(failure.message));
        }
        let rhythm = state.next_start(now, rules);
        let open = state.open_until.filter(|until| *until > rhythm);
        let held = state.held_until.filter(|until| *until > rhythm);
        match (open, held) {
            (Some(open), held) if held.is_none_or(|held| held <= open) => {
                let why = state.open_why.as_deref().unwrap_or("it failed too often in a row");
                (open, Some(format!("it is left alone: {why}")))
            }
            (_, Some(held)) => (held, Some("a pause that was asked for".to_owned())),
            _ => (rhythm, None),
        }
    }

    /// Takes back promises that were not used.
    pub(super) fn give_back(&mut self, unused: &[DateTime<Utc>]) {
        for unused in unused {
            if let Some(index) = self.calls.iter().rposition(|call| call == unused) {
                self.calls.remove(index);
                self.spent = self.spent.saturating_sub(1);
            }
        }
    }

    /// Promises up to `wanted` further calls, each `apart` from the one before it at least and none later than [`PROMISED_AHEAD`]: one
    /// write of the state for all of them. Fewer where there is no room for more.
    pub(super) fn reserve_more(
        &mut self,
        (now, latest): (DateTime<Utc>, Option<DateTime<Utc>>),
        (first, apart): (DateTime<Utc>, TimeDelta),
        rules: &Rules,
        wanted: usize,
    ) -> Vec<DateTime<Utc>> {
        let horizon = now.checked_add_signed(PROMISED_AHEAD).unwrap_or(now);
        let mut starts: Vec<DateTime<Utc>> = Vec::new();
        while starts.len() < wanted.min(MOST_PROMISED) {
            let mut next = self.clone();
            let from = starts.last().unwrap_or(&first).checked_add_signed(apart).unwrap_or(first);
            match next.promise((now, from), latest, Duration::ZERO, rules) {
                Turn::At(start) if start <= horizon => {
                    *self = next;
                    starts.push(start);
                }
                _ => break,
            }
        }
        starts
    }

    /// Promises the next call to the caller, or says that it would come after `latest`.
    pub(super) fn reserve(
        &mut self,
        now: DateTime<Utc>,
        latest: Option<DateTime<Utc>>,
        longest_wait: Duration,
        rules: &Rules,
    ) -> Turn {
        self.promise((now, now), latest, longest_wait, rules)
    }

    /// Promises a call that starts no sooner than at `from`.
    fn promise(
        &mut self,
        (now, from): (DateTime<Utc>, DateTime<Utc>),
        latest: Option<DateTime<Utc>>,
        longest_wait: Duration,
        rules: &Rules,
    ) -> Turn {
        if let Some(failure) = self.spend(now, rules) {
            return Turn::TooLate(rest_of_period(now, rules), Some(failure));
        }
        let paused = self.held_until.max(self.open_until).filter(|until| *until > now);
        let start = self.next_start(from, rules).max(paused.unwrap_or(now));
        let wait = (start - now).to_std().unwrap_or_default();
        // A vendor's rhythm is sat out however slow; a pause is only sat out when it is short.
        let soon = now.checked_add_signed(rules.furthest()).is_none_or(|furthest| start <= furthest);
        let sat_out = soon && (paused.is_none() || wait <= longest_wait.max(rules.min_interval));
        if !sat_out || latest.is_some_and(|latest| start >= latest) {
            let open = self.open_until.is_some_and(|until| until > now);
            let why = open.then(|| {
                let why = self.open_why.as_deref().unwrap_or("it failed too often in a row");
                Failure::new(FailureKind::BreakerOpen, format!("the source is left alone: {why}"))
            });
            return Turn::TooLate(wait, why);
        }
        self.spent += 1;
        self.calls.push(start);
        self.calls.sort_unstable();
        // Those to come are promised to somebody, however many they are.
        let keep = rules.limit.map_or(1, |limit| (limit.calls as usize).max(1)) + KEPT_BESIDE;
        let past = self.calls.partition_point(|call| *call <= now);
        self.calls.drain(..past.saturating_sub(keep));
        Turn::At(start)
    }

    /// The earliest start by the rhythm alone: in a gap between calls that are promised, where one is wide enough.
    fn next_start(&self, now: DateTime<Utc>, rules: &Rules) -> DateTime<Utc> {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        let later = |at: DateTime<Utc>, by| at.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let window_free = rules.limit.and_then(|limit| {
            let index = self.calls.len().checked_sub(limit.calls.max(1) as usize)?;
            let window = delta(Duration::from_millis(limit.per_ms)) + rules.guard();
            self.calls[index].checked_add_signed(window)
        });
        let mut start = window_free.map_or(now, |free| free.max(now));
        let interval = delta(rules.min_interval);
        for call in &self.calls {
            if *call >= later(start, interval) {
                break;
            }
            start = start.max(later(*call, interval));
        }
        start
    }

    /// Whether the budget still has a call; begins a new period where one has begun.
    fn spend(&mut self, now: DateTime<Utc>, rules: &Rules) -> Option<Failure> {
        let budget = rules.budget?;
        let period = match budget.per {
            BudgetPeriod::Day => now.format("%Y-%m-%d").to_string(),
            BudgetPeriod::Month => now.format("%Y-%m").to_string(),
        };
        if self.period != period {
            // A period that is still to come was counted on a clock that was ahead: its calls were made before now.
            if self.period < period {
                self.spent = 0;
            }
            self.period = period;
        }
        (self.spent >= budget.calls).then(|| {
            let what = format!("the budget of {} calls is spent for {}", budget.calls, self.period);
            Failure::new(FailureKind::Budget, what)
        })
    }

    /// Whether nothing may be asked at an instant.
    pub(super) fn is_paused(&self, at: DateTime<Utc>) -> bool {
        self.held_until.max(self.open_until).is_some_and(|until| until > at)
    }

    /// The vendor asked for a pause.
    pub(super) fn hold(&mut self, until: Option<DateTime<Utc>>) {
        self.held_until = self.held_until.max(until);
    }

    /// A passing fault.
    pub(super) fn failed(&mut self, now: DateTime<Utc>, why: &str, rules: &Rules) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= rules.breaker.failures {
            let open_for = rules.breaker.open_for.saturating_mul(1 << self.opened.min(10)).min(LONGEST_OPEN);
            self.open(now, open_for, format!("{} faults in a row, the last: {why}", self.failures));
        }
    }

    /// Leaves the source alone.
    pub(super) fn open(&mut self, now: DateTime<Utc>, open_for: Duration, why: String) {
        self.opened = self.opened.saturating_add(1);
        self.open_until = now.checked_add_signed(TimeDelta::from_std(open_for).unwrap_or(TimeDelta::MAX));
        self.open_why = Some(why);
    }

    /// Whether a success would change anything.
    pub(super) fn is_troubled(&self) -> bool {
        self.failures > 0 || self.opened > 0
    }

    /// An answer: whatever was wrong has passed.
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.opened = 0;
        self.open_until = None;
        self.open_why = None;
    }
}

/// How far ahead calls are promised to one worker beyond its next: others wait so much longer for their turns.
const PROMISED_AHEAD: TimeDelta = TimeDelta::seconds(60);

/// Calls that are promised to one worker beyond its next.
const MOST_PROMISED: usize = 49;

/// Calls that are remembered beyond the limit's, so that promises given back leave the window known.
const KEPT_BESIDE: usize = MOST_PROMISED + 16;

/// How long until a budget's period ends.
fn rest_of_period(now: DateTime<Utc>, rules: &Rules) -> Duration {
    use chrono::{Datelike as _, Months, NaiveTime};
    let today = now.date_naive();
    let next = match rules.budget.map(|budget| budget.per) {
        Some(BudgetPeriod::Month) => {
            today.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)))
        }
        _ => today.succ_opt(),
    };
    next.and_then(|date| (date.and_time(NaiveTime::MIN).and_utc() - now).to_std().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{Breaker, CallBudget, CallLimit};
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-26T{text}Z").parse().unwrap()
    }

    fn rules() -> Rules {
        Rules {
            min_interval: Duration::ZERO,
            limit: Some(CallLimit { calls: 2, per_ms: 10_000 }),
            budget: None,
            breaker: Breaker { failures: 2, open_for: Duration::from_secs(60) },
        }
    }

    fn reserve(state: &mut PaceState, now: &str, rules: &Rules) -> Turn {
        state.reserve(at(now), None, Duration::from_secs(75), rules)
    }

    #[test]
    fn a_window_never_holds_more_than_its_calls() {
        let mut state = PaceState::default();
        let starts: Vec<_> = (0..5).map(|_| reserve(&mut state, "10:00:00", &rules())).collect();
        // Ten seconds and the guard of one.
        let expected =
            ["10:00:00", "10:00:00", "10:00:11", "10:00:11", "10:00:22"].map(|text| Turn::At(at(text)));
        assert_eq!(starts, expected);
    }

    #[test]
    fn what_a_clock_that_was_ahead_left_is_dropped() {
        let now = at("10:00:00");
        let later = |seconds| now + TimeDelta::seconds(seconds);
        let calls = |calls: Vec<_>| PaceState { calls, ..PaceState::default() };
        let impossible = [
            PaceState { written_at: Some(later(3600)), ..calls(vec![later(3590), later(3600)]) },
            // A document of an earlier version does not say when it was written.
            calls(vec![later(3600)]),
            calls(vec![later(-5), "2096-01-01T00:00:00Z".parse().unwrap()]),
            calls(vec![DateTime::<Utc>::MAX_UTC]),
            PaceState { held_until: Some(later(2 * 86_400)), ..PaceState::default() },
            PaceState { open_until: Some(later(3600)), ..PaceState::default() },
        ];
        for mut state in impossible {
            let why = state.drop_impossible(now, &rules()).unwrap();
            let Turn::At(start) = reserve(&mut state, "10:00:00", &rules()) else { panic!("{why}") };
            assert_eq!(start, later(10), "a whole window: {why}");
            assert_eq!(state.drop_impossible(now, &rules()), None, "{state:?}");
        }
    }

    #[test]
    fn what_the_rules_can_give_stays() {
        let now = at("10:00:00");
        for rules in [
            rules(),
            Rules { limit: None, min_interval: Duration::from_secs(12), ..rules() },
            Rules { limit: None, min_interval: Duration::from_secs(7200), ..rules() },
        ] {
            let mut state = PaceState { written_at: Some(at("10:00:30")), ..PaceState::default() };
            while let Turn::At(_) = state.reserve(now, None, Duration::from_secs(75), &rules) {}
            state.hold(Some(now + TimeDelta::hours(24)));
            state.open(now, LONGEST_OPEN, "a block".into());
            let before = state.clone();
            assert_eq!(state.drop_impossible(now, &rules), None);
            assert_eq!(state, before);
        }
    }

    #[test]
    fn calls_of_a_period_to_come_count_in_this_one() {
        let budget = Some(CallBudget { calls: 3, per: BudgetPeriod::Day });
        let rules = Rules { limit: None, budget, ..rules() };
        let mut state = PaceState { period: "2026-11-27".into(), spent: 2, ..PaceState::default() };
        assert_eq!(reserve(&mut state, "23:00:00", &rules), Turn::At(at("23:00:00")));
        assert!(matches!(reserve(&mut state, "23:00:00", &rules), Turn::TooLate(_, Some(_))));
    }

    #[test]
    fn a_promise_that_was_not_used_is_given_back() {
        let mut state = PaceState::default();
        reserve(&mut state, "10:00:00", &rules());
        reserve(&mut state, "10:00:00", &rules());
        state.give_back(&[at("10:00:00")]);
        let again = state.reserve(at("10:00:01"), None, Duration::ZERO, &rules());
        assert_eq!(again, Turn::At(at("10:00:01")));
        assert_eq!(state.spent, 2);
    }

    #[test]
    fn a_worker_that_is_promised_many_calls_leaves_the_turns_that_it_cannot_use_to_others() {
        let rules = Rules { limit: None, min_interval: Duration::from_millis(200), ..rules() };
        let (now, mut state) = (at("10:00:00"), PaceState::default());
        let mut all = Vec::new();
        // Each needs a second for a call, and five of them share five calls a second.
        for _ in 0..5 {
            let Turn::At(first) = state.reserve(now, None, Duration::ZERO, &rules) else { panic!() };
            let more = state.reserve_more((now, None), (first, TimeDelta::seconds(1)), &rules, 100);
            assert_eq!(more.len(), MOST_PROMISED);
            assert_eq!(more[0] - first, TimeDelta::seconds(1));
            all.push(first);
            all.extend(more);
        }
        all.sort_unstable();
        assert!(
            all.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::milliseconds(200)),
            "no turn is left out"
        );
        assert_eq!(all, state.calls);
    }

    #[test]
    fn many_calls_are_promised_in_one_write_and_none_beyond_the_rules() {
        let now = at("10:00:00");
        let more = |rules: &Rules, latest, apart_ms, wanted| {
            let mut state = PaceState::default();
            let Turn::At(first) = state.reserve(now, None, Duration::ZERO, rules) else { panic!() };
            let apart = TimeDelta::milliseconds(apart_ms);
            let starts = state.reserve_more((now, latest), (first, apart), rules, wanted);
            assert_eq!(state.calls.len(), starts.len() + 1);
            starts.iter().map(|start| (*start - now).num_milliseconds()).collect::<Vec<_>>()
        };
        let slow = Rules { limit: None, min_interval: Duration::from_secs(12), ..rules() };
        assert_eq!(more(&slow, None, 300, 100), [12_000, 24_000, 36_000, 48_000, 60_000], "a minute ahead");
        assert_eq!(more(&slow, None, 300, 2), [12_000, 24_000], "no more than are wanted");
        assert_eq!(more(&slow, Some(at("10:00:30")), 300, 100), [12_000, 24_000], "none after the deadline");
        let fast = Rules { limit: Some(CallLimit { calls: 100, per_ms: 1000 }), ..rules() };
        assert_eq!(more(&fast, None, 20, 1000).len(), MOST_PROMISED);
        assert_eq!(more(&fast, None, 20, 3), [20, 40, 60], "as fast as this worker asks");
        assert_eq!(
            more(&rules(), None, 20, 4),
            [20, 11_000, 11_020, 22_000],
            "two in ten seconds and the guard"
        );
        let budget = Some(CallBudget { calls: 3, per: BudgetPeriod::Day });
        assert_eq!(more(&Rules { budget, ..slow }, None, 300, 100).len(), 2, "what the budget has");
    }

    #[test]
    fn a_budget_ends_with_its_period() {
        let budget = Some(CallBudget { calls: 1, per: BudgetPeriod::Day });
        let rules = Rules { limit: None, budget, ..rules() };
        let mut state = PaceState::default();
        assert_eq!(reserve(&mut state, "23:00:00", &rules), Turn::At(at("23:00:00")));
        let Turn::TooLate(wait, Some(failure)) = reserve(&mut state, "23:30:00", &rules) else { panic!() };
        assert_eq!((wait.as_secs(), failure.kind), (1800, FailureKind::Budget));
        let tomorrow = "2026-11-27T00:00:00Z".parse().unwrap();
        assert_eq!(state.reserve(tomorrow, None, Duration::ZERO, &rules), Turn::At(tomorrow));
    }

    #[test]
    fn the_breaker_opens_for_longer_each_time_and_closes_with_an_answer() {
        let (mut state, rules) = (PaceState::default(), Rules { limit: None, ..rules() });
        state.failed(at("10:00:00"), "http 503", &rules);
        assert!(!state.is_paused(at("10:00:01")));
        state.failed(at("10:00:00"), "http 503", &rules);
        assert!(state.is_paused(at("10:00:59")) && !state.is_paused(at("10:01:00")));
        state.failed(at("10:01:00"), "http 503", &rules);
        assert!(state.is_paused(at("10:02:59")));
        let Turn::TooLate(wait, Some(failure)) = reserve(&mut state, "10:01:00", &rules) else { panic!() };
        assert_eq!((wait.as_secs(), failure.kind), (120, FailureKind::BreakerOpen));
        state.succeeded();
        assert_eq!(reserve(&mut state, "10:01:30", &rules), Turn::At(at("10:01:30")));
    }
}

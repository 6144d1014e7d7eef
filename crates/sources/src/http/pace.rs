//! Waiting: how long, and whether there is time for it.
//!
//! Where several workers may ask one source, its state lies in one small document of a lake, and every turn is a conditional
//! write: of two workers that read the same version one wins, the other reads again. A worker that waited for its turn looks
//! again before it asks, since another may have been told to stop meanwhile.
//!
//! A worker that has more to ask is promised its next calls in the same write, as many as a minute takes: a write of S3 costs as much
//! as twelve reads. It looks before each of them all the same, and gives back what it does not use.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use quotelake_core::ports::{Clock, Lake, Object, Precondition};
use quotelake_core::{Error, ErrorKind, Result, pacing_key};

use super::Options;
use super::rules::{LONGEST_HOLD, LONGEST_OPEN, Rules};
use super::state::{PaceState, Turn};
use crate::{Failure, FailureKind};

/// The longest backoff.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Spreads waits, so that many clients that were refused together do not come back together: equally for an equal seed.
#[derive(Debug, Clone)]
pub(super) struct Jitter(Rng);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// Uniform in `0..=longest`, by the millisecond.
    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        let most = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.0.u64(..=most))
    }

    /// The wait before retry `retry` (from 0): half of `first * 2^retry`, and up to the other half by chance.
    pub(super) fn backoff(&mut self, first: Duration, retry: u32) -> Duration {
        let half = first.saturating_mul(1 << retry.min(16)).min(LONGEST_BACKOFF) / 2;
        half + self.up_to(half)
    }

    /// A wait that somebody asked for, and up to a tenth more.
    pub(super) fn at_least(&mut self, asked: Duration) -> Duration {
        asked.saturating_add(self.up_to(asked / 10))
    }
}

/// Lets time pass.
#[async_trait]
pub trait Sleep: std::fmt::Debug + Send + Sync {
    /// Returns when this long has passed on the clock that the executor reads.
    async fn sleep(&self, duration: Duration);
}

/// Real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioSleep;

#[async_trait]
impl Sleep for TokioSleep {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A longer wait is said.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// What a call that may take longer than the one before it has to spare.
const LEAST_LEFT: TimeDelta = TimeDelta::milliseconds(50);

/// Conditional writes that are tried before a worker gives up on its turn for now.
const WRITES: u32 = 60;
/// The longest wait between two of them.
const LONGEST_WRITE_WAIT: Duration = Duration::from_millis(40);

/// When the next request may start.
pub(super) struct Pacer<'a> {
    clock: &'a dyn Clock,
    sleep: &'a dyn Sleep,
    rules: Rules,
    longest_wait: Duration,
    deadline: Option<DateTime<Utc>>,
    /// The start of this worker's newest call: time goes on from there even on a clock that stands still.
    reached: Option<DateTime<Utc>>,
    /// Calls that are promised to this worker, in order.
    promised: VecDeque<DateTime<Utc>>,
    /// When its newest call was let go, and the time that one took with all that it led to: the next one comes no sooner.
    let_go: Option<DateTime<Utc>>,
    took: Option<TimeDelta>,
    /// No call can start before the deadline any more: nothing is looked up for those that follow.
    over: Option<NoTime>,
    /// What this worker last saw; all there is where nothing is shared.
    state: PaceState,
    shared: Option<(&'a dyn Lake, String)>,
    source: String,
    jitter: Jitter,
}

/// There is no time to wait in this run; the wait that would have been needed, and why where it is not the rhythm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoTime(pub(super) Duration, pub(super) Option<Failure>);

impl<'a> Pacer<'a> {
    /// `deadline` is the last instant at which a request may still be under way. The state of a source without any limit is not shared.
    pub(super) fn new(
        (clock, sleep): (&'a dyn Clock, &'a dyn Sleep),
        rules: Rules,
        longest_wait: Duration,
        deadline: Option<DateTime<Utc>>,
        (pacing, source): (Option<&'a dyn Lake>, &str),
        jitter: Jitter,
    ) -> Self {
        let shared = pacing.filter(|_| !rules.is_unlimited()).map(|lake| (lake, pacing_key(source)));
        Self {
            clock,
            sleep,
            rules,
            longest_wait,
            deadline,
            reached: None,
            promised: VecDeque::new(),
            let_go: None,
            took: None,
            over: None,
            state: PaceState::default(),
            shared,
            source: source.to_owned(),
            jitter,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        self.reached.map_or(now, |reached| reached.max(now))
    }

    /// Waits for the next request's turn and returns the time that it may take at most. `more` requests are known to come after it.
    pub(super) async fn turn(&mut self, timeout: Duration, more: usize) -> Result<Duration, NoTime> {
        if let Some(over) = &self.over {
            return Err(over.clone());
        }
        let mut unused = Vec::new();
        let asked = self.now();
        self.took = self.let_go.take().map(|let_go| asked - let_go);
        loop {
            let now = self.now();
            let (promised, turn) = match self.promised.pop_front() {
                Some(start) => (true, Ok(Turn::At(start))),
                None => (false, self.reserve(now, more, &unused).await),
            };
            let start = match turn {
                Ok(Turn::At(start)) => start,
                Ok(Turn::TooLate(wait, why)) => {
                    let no_time = NoTime(wait, why);
                    let next = TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait));
                    self.over = self
                        .latest()
                        .filter(|end| next.is_none_or(|next| next >= *end))
                        .map(|_| no_time.clone());
                    return Err(no_time);
                }
                Err(failure) => {
                    return Err(NoTime(self.jitter.at_least(Duration::from_secs(5)), Some(failure)));
                }
            };
            let wait = (start - now).to_std().unwrap_or_default();
            if wait > LONGEST_SILENCE {
                tracing::warn!(
                    source = self.source,
                    wait_s = wait.as_secs(),
                    until = %start.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                    "waiting for the source's pace"
                );
            }
            if !wait.is_zero() {
                self.sleep.sleep(wait).await;
            }
            self.reached = Some(start);
            let woken = self.now();
            let late = self.is_late(woken - start, promised);
            let looks = !late && (promised || !wait.is_zero());
            let paused = looks && self.read().await.is_ok_and(|state| state.is_paused(woken));
            if !late && !paused {
                self.let_go = Some(woken);
                let left = self.deadline.map(|end| (end - woken).to_std().unwrap_or_default());
                return match left {
                    Some(left) if left.is_zero() => Err(NoTime(Duration::ZERO, None)),
                    left => Ok(left.map_or(timeout, |left| left.min(timeout))),
                };
            }
            // Somebody was told to stop, or this worker slept through its turn: the call would fall into another's window.
            unused = vec![start];
            unused.extend(self.promised.drain(..));
        }
    }

    /// Whether a turn was slept through. One of a row of promises may not be made up for either: the next would follow at once.
    fn is_late(&self, by: TimeDelta, promised: bool) -> bool {
        let interval = TimeDelta::from_std(self.rules.min_interval).unwrap_or(TimeDelta::MAX);
        (self.rules.limit.is_some() && by > self.rules.guard() / 2)
            || (promised && !interval.is_zero() && by > interval / 10)
    }

    /// Reserves the next call, and in the same write those that are known to follow, each as long after the one before as this worker
    /// takes for one: turns in between are left to others.
    async fn reserve(
        &mut self,
        now: DateTime<Utc>,
        more: usize,
        unused: &[DateTime<Utc>],
    ) -> Result<Turn, Failure> {
        let (rules, latest, longest) = (self.rules, self.latest(), self.longest_wait);
        let apart = self.took.filter(|_| self.shared.is_some());
        let (turn, promised) = self
            .update(|state| {
                state.give_back(unused);
                let turn = state.reserve(now, latest, longest, &rules);
                let promised = match (&turn, apart) {
                    (Turn::At(first), Some(apart)) => {
                        state.reserve_more((now, latest), (*first, apart), &rules, more)
                    }
                    _ => Vec::new(),
                };
                (turn, promised)
            })
            .await?;
        self.promised = promised.into();
        Ok(turn)
    }

    /// No call starts at this instant or later: it takes as long as the one before it, or it would be asked for once more.
    fn latest(&self) -> Option<DateTime<Utc>> {
        let needs = self.took.map_or(TimeDelta::zero(), |took| took.max(TimeDelta::zero()) + LEAST_LEFT);
        self.deadline.map(|deadline| deadline.checked_sub_signed(needs).unwrap_or(deadline))
    }

    /// Gives back what was promised and is not needed any more.
    pub(super) async fn finish(&mut self) {
        let unused: Vec<_> = self.promised.drain(..).collect();
        if !unused.is_empty() {
            self.note(|state| state.give_back(&unused)).await;
        }
    }

    /// Nothing is asked for this long: the vendor said so, of whatever unit.
    pub(super) async fn hold(&mut self, wait: Duration) {
        let until = TimeDelta::from_std(wait.min(LONGEST_HOLD))
            .ok()
            .and_then(|wait| self.now().checked_add_signed(wait));
        self.note(|state| state.hold(until)).await;
    }

    /// A passing fault.
    pub(super) async fn failed(&mut self, why: &str) {
        let (now, rules) = (self.now(), self.rules);
        self.note(|state| state.failed(now, why, &rules)).await;
    }

    /// The source blocks us: everybody leaves it alone for a while.
    pub(super) async fn blocked(&mut self, why: &str) {
        let now = self.now();
        self.note(|state| state.open(now, LONGEST_OPEN, why.to_owned())).await;
    }

    /// An answer.
    pub(super) async fn succeeded(&mut self) {
        if self.state.is_troubled() {
            self.note(PaceState::succeeded).await;
        }
    }

    /// Changes the state as far as it can be written; this worker keeps to it in any case.
    async fn note(&mut self, change: impl Fn(&mut PaceState)) {
        if let Err(failure) = self.update(|state| change(state)).await {
            change(&mut self.state);
            tracing::warn!(reason = %failure, "the source's pace could not be shared");
        }
    }

    async fn read(&mut self) -> Result<PaceState, Failure> {
        if let Some((lake, key)) = &self.shared {
            self.state = load(*lake, key, &self.rules, self.clock.now()).await?.0;
        }
        Ok(self.state.clone())
    }

    /// Applies a change to the state, shared or not.
    async fn update<T>(&mut self, change: impl Fn(&mut PaceState) -> T) -> Result<T, Failure> {
        let Some((lake, key)) = &self.shared else {
            // The clock may have been set back while this worker runs.
            tell_dropped(&self.source, self.state.drop_impossible(self.clock.now(), &self.rules));
            return Ok(change(&mut self.state));
        };
        for _ in 0..WRITES {
            let (mut state, when) = load(*lake, key, &self.rules, self.clock.now()).await?;
            let before = state.clone();
            let done = change(&mut state);
            if state == before {
                self.state = state;
                return Ok(done);
            }
            state.written_at = Some(self.clock.now());
            let bytes = serde_json::to_vec(&state)
                .map_err(|e| Failure::new(FailureKind::Config, format!("cannot write {key}: {e}")))?;
            match lake.put(key, bytes.into(), when).await {
                Ok(_) => {
                    self.state = state;
                    return Ok(done);
                }
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tokio::time::sleep(self.jitter.up_to(LONGEST_WRITE_WAIT)).await;
                }
                Err(error) => return Err(unavailable(key, &error)),
            }
        }
        Err(Failure::new(
            FailureKind::Network,
            format!("{key} was changed by others {WRITES} times in a row"),
        ))
    }
}

/// The document, and the condition under which it may be written back. One that cannot be read is replaced by a pause of a whole
/// window: what it said is unknown, and over-driving a vendor is worse than waiting.
async fn load(
    lake: &dyn Lake,
    key: &str,
    rules: &Rules,
    now: DateTime<Utc>,
) -> Result<(PaceState, Precondition), Failure> {
    let read = match lake.get(key).await {
        // One that is damaged says as little as one that cannot be read.
        Err(error) if error.kind() == ErrorKind::Damaged => {
            tracing::warn!(key, error = %error, "the pacing document is damaged");
            let lying_there = lake.get_unchecked(key).await;
            lying_there.map(|object| Object { bytes: bytes::Bytes::new(), ..object })
        }
        read => read,
    };
    match read {
        Ok(object) => {
            let mut state: PaceState = serde_json::from_slice(&object.bytes).unwrap_or_else(|error| {
                tracing::warn!(key, error = %error, "the pacing document cannot be read and is started over");
                let pause = rules.whole_window();
                PaceState { held_until: now.checked_add_signed(pause), ..PaceState::default() }
            });
            tell_dropped(key, state.drop_impossible(now, rules));
            Ok((state, Precondition::IfVersion(object.version)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok((PaceState::default(), Precondition::IfAbsent))
        }
        Err(error) => Err(unavailable(key, &error)),
    }
}

fn tell_dropped(of: &str, dropped: Option<String>) {
    if let Some(why) = dropped {
        tracing::warn!(of, why, "the source's pace is started over after a pause: a clock was ahead");
    }
}

/// The pace of a source, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaceStatus {
    /// What it allows.
    pub rules: String,
    /// When it could be asked next.
    pub next_call: DateTime<Utc>,
    /// Why not before, where it is not the rhythm.
    pub why: Option<String>,
    /// What its document holds that cannot be, and that the next run drops.
    pub impossible: Option<String>,
}

impl Options {
    /// What the lake's document says of a source that is asked like this; nothing where it has not been asked yet. The error is the
    /// lake's, or that of a document that cannot be read.
    pub async fn pace_status(
        &self,
        lake: &dyn Lake,
        source: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<PaceStatus>> {
        let (key, rules) = (pacing_key(source), self.rules());
        let object = match lake.get(&key).await {
            Ok(object) => object,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut state: PaceState = serde_json::from_slice(&object.bytes)
            .map_err(|e| Error::invalid(format!("{key} cannot be read")).with_source(e))?;
        let impossible = state.drop_impossible(now, &rules);
        let (next_call, why) = state.next_call(now, &rules);
        Ok(Some(PaceStatus { rules: rules.to_string(), next_call, why, impossible }))
    }
}

fn unavailable(key: &str, error: &quotelake_core::Error) -> Failure {
    let kind = if error.kind().is_retryable() { FailureKind::Network } else { FailureKind::Config };
    Failure::new(kind, format!("the pace of the source cannot be shared: {key}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_within_its_bounds_and_repeats_with_its_seed() {
        let first = Duration::from_millis(500);
        let waits = |seed| {
            let mut jitter = Jitter::new(seed);
            (0..12).map(|retry| jitter.backoff(first, retry)).collect::<Vec<_>>()
        };
        for (retry, wait) in waits(7).into_iter().enumerate() {
            let longest = first.saturating_mul(1 << retry).min(LONGEST_BACKOFF);
            assert!(wait >= longest / 2 && wait <= longest, "retry {retry}: {wait:?}");
        }
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }
}

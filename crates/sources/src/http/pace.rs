//! Waiting: how long, and whether there is time for it.

use std::time::Duration;

use tokio::time::Instant;

/// The longest backoff.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Spreads waits, so that many clients that were refused together do not come back together. `SplitMix64`, see
/// <https://prng.di.unimi.it/splitmix64.c>: no quality is needed, only an equal sequence for an equal seed.
#[derive(Debug, Clone)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Uniform in `0..=longest`, by the millisecond.
    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let range = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        Duration::from_millis(bits % range)
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

/// When the next request may start.
#[derive(Debug)]
pub(super) struct Pacer {
    min_interval: Duration,
    longest_wait: Duration,
    deadline: Option<Instant>,
    not_before: Option<Instant>,
}

/// There is no time to wait in this run; the wait that would have been needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoTime(pub(super) Duration);

impl Pacer {
    /// `deadline` is the last instant at which a request may still be under way.
    pub(super) fn new(min_interval: Duration, longest_wait: Duration, deadline: Option<Instant>) -> Self {
        Self { min_interval, longest_wait, deadline, not_before: None }
    }

    /// Nothing is asked for this long: the vendor said so, of whatever unit.
    pub(super) fn hold(&mut self, wait: Duration) {
        let until = Instant::now().checked_add(wait);
        self.not_before = self.not_before.max(until);
    }

    /// Waits for the next request's turn and returns the time that it may take at most.
    pub(super) async fn turn(&mut self, timeout: Duration) -> Result<Duration, NoTime> {
        let now = Instant::now();
        let start = self.not_before.unwrap_or(now).max(now);
        let wait = start - now;
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(start));
        // A vendor's rhythm is sat out however slow; a pause is only sat out when it is short.
        if wait > self.longest_wait.max(self.min_interval) || left.is_some_and(|left| left.is_zero()) {
            return Err(NoTime(wait));
        }
        if !wait.is_zero() {
            tokio::time::sleep_until(start).await;
        }
        self.not_before = start.checked_add(self.min_interval);
        Ok(left.map_or(timeout, |left| left.min(timeout)))
    }
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

    #[tokio::test(start_paused = true)]
    async fn requests_keep_their_distance() {
        let mut pacer = Pacer::new(Duration::from_secs(12), Duration::from_secs(75), None);
        let start = Instant::now();
        for _ in 0..6 {
            pacer.turn(Duration::from_secs(30)).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_after_the_deadline_is_refused_at_once() {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut pacer = Pacer::new(Duration::from_secs(12), Duration::from_secs(75), Some(deadline));
        assert_eq!(pacer.turn(Duration::from_secs(30)).await, Ok(Duration::from_secs(20)));
        assert_eq!(pacer.turn(Duration::from_secs(30)).await, Ok(Duration::from_secs(8)));
        let before = Instant::now();
        assert_eq!(pacer.turn(Duration::from_secs(30)).await, Err(NoTime(Duration::from_secs(12))));
        assert_eq!(before, Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_pause_is_not_sat_out() {
        let mut pacer = Pacer::new(Duration::ZERO, Duration::from_secs(75), None);
        pacer.hold(Duration::from_secs(3600));
        assert_eq!(pacer.turn(Duration::from_secs(30)).await, Err(NoTime(Duration::from_secs(3600))));
    }
}

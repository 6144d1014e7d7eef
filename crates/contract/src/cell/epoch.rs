//! Instants as a count since 1970 in seconds, milliseconds, microseconds or nanoseconds, to milliseconds in UTC. A column names
//! its unit and a range of instants, so that a count in another unit is refused and not read as a date far away.

use std::fmt;

use chrono::NaiveDate;

use quotelake_core::time::{days_since_epoch, instant_from_ms};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochUnit {
    /// `epoch_s`.
    Seconds,
    /// `epoch_ms`.
    Milliseconds,
    /// `epoch_us`.
    Microseconds,
    /// `epoch_ns`.
    Nanoseconds,
}

impl EpochUnit {
    /// Every unit.
    pub const ALL: [Self; 4] = [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    /// Its name in a contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "epoch_s",
            Self::Milliseconds => "epoch_ms",
            Self::Microseconds => "epoch_us",
            Self::Nanoseconds => "epoch_ns",
        }
    }

    /// Its name for people.
    fn words(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        }
    }

    /// The count that is so many milliseconds; `None` where no whole one is, or past an i64.
    pub fn count_of(self, ms: i64) -> Option<i64> {
        match self {
            Self::Seconds => (ms.rem_euclid(1000) == 0).then(|| ms.div_euclid(1000)),
            Self::Milliseconds => Some(ms),
            Self::Microseconds => ms.checked_mul(1000),
            Self::Nanoseconds => ms.checked_mul(1_000_000),
        }
    }

    /// The count in whole milliseconds, rounded down, and whether it is a whole number of them. `None` past an i64.
    #[inline]
    fn in_ms(self, count: i64) -> Option<(i64, bool)> {
        let part = |size: i64| (count.div_euclid(size), count.rem_euclid(size) == 0);
        Some(match self {
            Self::Milliseconds => (count, true),
            Self::Seconds => (count.checked_mul(1000)?, true),
            Self::Microseconds => part(1000),
            Self::Nanoseconds => part(1_000_000),
        })
    }
}

/// How a column counts, and which instants it can hold: a count in another unit falls outside and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// The unit.
    pub unit: EpochUnit,
    /// The first instant and the one behind the last, in milliseconds. `None` for the years 1900 to 2199 without the first 115
    /// days of 1970, where seconds of today would fall that are taken for milliseconds.
    pub range: Option<(i64, i64)>,
}

/// 1900-01-01 and 2200-01-01.
const USUAL: (i64, i64) = (-2_208_988_800_000, 7_258_118_400_000);
/// Nearer to 1970 than this lie counts in a greater unit.
const TOO_NEAR_MS: u64 = 10_000_000_000;
const DAY_MS: i64 = 86_400_000;

impl Epoch {
    /// Milliseconds with the usual range.
    pub fn of(unit: EpochUnit) -> Self {
        Self { unit, range: None }
    }

    /// A range from the first day to the last, both within it.
    pub fn between(unit: EpochUnit, first: NaiveDate, last: NaiveDate) -> Self {
        let ms = |date: NaiveDate| i64::from(days_since_epoch(date)) * DAY_MS;
        Self { unit, range: Some((ms(first), ms(last) + DAY_MS)) }
    }

    /// The instant of a count in milliseconds. `None` where [`Self::fault`] says why.
    #[inline]
    pub fn ms(self, count: i64) -> Option<i64> {
        match self.unit.in_ms(count) {
            Some((ms, true)) if self.holds(ms) => Some(ms),
            _ => None,
        }
    }

    #[inline]
    fn holds(self, ms: i64) -> bool {
        match self.range {
            None => (ms == 0 || ms.unsigned_abs() >= TOO_NEAR_MS) && USUAL.0 <= ms && ms < USUAL.1,
            Some((first, behind)) => first <= ms && ms < behind,
        }
    }

    /// What is wrong with a count that is no instant here, without the count: it is finer than a millisecond, or outside the
    /// range, and in which unit it would not be.
    pub fn fault(self, count: i64) -> String {
        if let Some((ms, false)) = self.unit.in_ms(count)
            && self.holds(ms)
        {
            return format!("is finer than a millisecond ({})", self.unit.name());
        }
        let likely = EpochUnit::ALL.into_iter().find_map(|unit| {
            let (ms, _) = unit.in_ms(count).filter(|(ms, _)| *ms != 0 && self.holds(*ms))?;
            let instant = instant_from_ms(ms).ok()?.format("%Y-%m-%dT%H:%M:%SZ");
            Some(format!("; in {} ({}) it would be {instant}", unit.words(), unit.name()))
        });
        let likely = likely.unwrap_or_default();
        format!("is outside what {} holds here, {self}{likely}", self.unit.name())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = |ms: i64| instant_from_ms(ms).map(|instant| instant.date_naive().to_string());
        match self.range {
            None => f.write_str("1900 to 2199 without the 115 days around 1970-01-01"),
            Some((first, behind)) => match (date(first), date(behind - DAY_MS)) {
                (Ok(first), Ok(last)) => write!(f, "{first} to {last}"),
                _ => f.write_str("within the calendar"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_in_another_unit_is_refused_and_its_unit_named() {
        use EpochUnit::{Microseconds, Milliseconds, Nanoseconds, Seconds};
        let second = 1_767_323_045;
        for (unit, size) in
            [(Seconds, 1), (Milliseconds, 1000), (Microseconds, 1_000_000), (Nanoseconds, 1_000_000_000)]
        {
            let count = second * size;
            for reader in EpochUnit::ALL {
                let epoch = Epoch::of(reader);
                if reader == unit {
                    assert_eq!(epoch.ms(count), Some(second * 1000));
                    assert_eq!(unit.count_of(second * 1000), Some(count));
                } else {
                    assert_eq!(epoch.ms(count), None, "{count} as {}", reader.name());
                    let fault = epoch.fault(count);
                    let says =
                        format!("in {} ({}) it would be 2026-01-02T03:04:05Z", unit.words(), unit.name());
                    assert!(fault.ends_with(&says), "{fault}");
                }
            }
        }
        assert_eq!(Epoch::of(Milliseconds).ms(-1_350_000_000_000), Some(-1_350_000_000_000));
        assert_eq!(Epoch::of(Seconds).ms(0), Some(0));
        assert_eq!(Epoch::of(Microseconds).ms(1_767_323_045_000_001), None);
        assert!(Epoch::of(Microseconds).fault(1_767_323_045_000_001).contains("finer than a millisecond"));
        for count in [i64::MIN, i64::MIN + 1, -1, 1, i64::MAX] {
            EpochUnit::ALL
                .into_iter()
                .for_each(|unit| drop((Epoch::of(unit).ms(count), Epoch::of(unit).fault(count))));
        }
    }

    #[test]
    fn a_contract_may_say_which_days_there_are() {
        let date = |text: &str| text.parse().unwrap();
        let epoch = Epoch::between(EpochUnit::Milliseconds, date("1970-01-01"), date("1970-01-31"));
        assert_eq!(epoch.ms(31 * 86_400_000 - 1), Some(31 * 86_400_000 - 1));
        assert_eq!((epoch.ms(31 * 86_400_000), epoch.ms(-1)), (None, None));
        assert!(epoch.fault(-1).contains("1970-01-01 to 1970-01-31"), "{}", epoch.fault(-1));
    }
}

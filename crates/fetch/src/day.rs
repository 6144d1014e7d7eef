//! A day as a request spells it: a date, or `today-7d`, counted on the calendar of an exchange's time zone. A schedule's text
//! stays the same from day to day.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use quotelake_core::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of a request: a date, or a day counted from today, for a schedule whose text never changes.
///
/// ```
/// use quotelake_fetch::Day;
/// let monday = "2026-11-23T02:00:00Z".parse().unwrap();
/// let day = |text: &str| text.parse::<Day>().unwrap().resolve(monday, chrono_tz::America::New_York).unwrap();
/// assert_eq!(day("2013-03-01").to_string(), "2013-03-01");
/// assert_eq!(day("today").to_string(), "2026-11-22"); // still Sunday evening in New York
/// assert_eq!(day("today-7d").to_string(), "2026-11-15");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// `YYYY-MM-DD`.
    Date(NaiveDate),
    /// `today`, or `today-7d`: that many calendar days before.
    BeforeToday(u32),
}

impl Day {
    /// The date, where today is the date in `zone` at `now`.
    pub fn resolve(self, now: DateTime<Utc>, zone: Tz) -> Result<NaiveDate> {
        match self {
            Self::Date(date) => Ok(date),
            Self::BeforeToday(days) => now
                .with_timezone(&zone)
                .date_naive()
                .checked_sub_days(Days::new(u64::from(days)))
                .ok_or_else(|| Error::invalid(format!("{self} is before the calendar begins"))),
        }
    }
}

impl FromStr for Day {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let other = || Error::invalid(format!("{text:?} is not a day: YYYY-MM-DD, today, or today-7d"));
        match text.strip_prefix("today") {
            Some("") => Ok(Self::BeforeToday(0)),
            Some(rest) => {
                let days =
                    rest.strip_prefix('-').and_then(|rest| rest.strip_suffix('d')).ok_or_else(other)?;
                let digits = !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit());
                if digits { days.parse().map(Self::BeforeToday).map_err(|_| other()) } else { Err(other()) }
            }
            None => {
                let date: NaiveDate = text.parse().map_err(|_| other())?;
                if date.to_string() == text { Ok(Self::Date(date)) } else { Err(other()) }
            }
        }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{date}"),
            Self::BeforeToday(0) => f.write_str("today"),
            Self::BeforeToday(days) => write!(f, "today-{days}d"),
        }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_day_are_inverse() {
        for text in ["2013-03-01", "today", "today-7d"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "2013-3-1",
            "today-",
            "today-d",
            "today+1d",
            "today--1d",
            "today-7",
            "yesterday",
            "2013-02-30",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}

//! Formats of dates and instants, and a moment on somebody's clock as an instant.

use chrono::{NaiveDate, NaiveTime, SecondsFormat, TimeZone as _};
use chrono_tz::Tz;

use super::excel::DateSystem;
use super::iso;
use super::pattern::{Pattern, Written};
use quotelake_core::Result;
use quotelake_core::time::{days_since_epoch, instant_from_ms};

/// How dates or instants are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// `iso`: year first, see the reference of cells.
    Iso,
    /// `excel`, `excel-1904`: a spreadsheet's serial number.
    Excel(DateSystem),
    /// A `strftime` format.
    Pattern(Pattern),
}

/// What is done with digits behind the milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fractions {
    /// A text that has some is refused.
    #[default]
    Refuse,
    /// They are cut off.
    Truncate,
}

impl TimeFormat {
    /// Reads a contract's word: `iso`, `excel`, `excel-1904`, or a `strftime` format.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "iso" => Self::Iso,
            "excel" => Self::Excel(DateSystem::From1900),
            "excel-1904" => Self::Excel(DateSystem::From1904),
            format => Self::Pattern(Pattern::parse(format)?),
        })
    }

    /// The contract's word.
    pub fn name(&self) -> &str {
        match self {
            Self::Iso => "iso",
            Self::Excel(DateSystem::From1900) => "excel",
            Self::Excel(DateSystem::From1904) => "excel-1904",
            Self::Pattern(pattern) => pattern.text(),
        }
    }

    /// What a text says, `None` where it is not in this format.
    pub fn read(&self, text: &str) -> Option<Written> {
        match self {
            Self::Iso => iso::read(text),
            Self::Excel(system) => system.read(text),
            Self::Pattern(pattern) => pattern.read(text),
        }
    }

    /// Whether a moment in this format may have no time of the day: then midnight is meant.
    pub fn is_dates_only(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if !pattern.has_time())
    }

    /// The format that a text of this one may be of as well: day and month, or point and comma, in the other order.
    pub fn mistaken_for(&self) -> Option<Self> {
        match self {
            Self::Pattern(pattern) => pattern.mistaken_for().map(Self::Pattern),
            _ => None,
        }
    }
}

/// The instant in milliseconds at which clocks in a zone show a moment. Of a moment that they show twice, the first. The error
/// says why there is none, without the moment.
pub fn local_ms(zone: Tz, date: NaiveDate, day_ms: i64) -> Result<i64, String> {
    let seconds = u32::try_from(day_ms / 1000).ok();
    let nanos = u32::try_from(day_ms % 1000 * 1_000_000).ok();
    seconds
        .zip(nanos)
        .and_then(|(seconds, nanos)| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos))
        .and_then(|time| zone.from_local_datetime(&date.and_time(time)).earliest())
        .map(|instant| instant.timestamp_millis())
        .ok_or_else(|| format!("does not exist in {zone}: clocks were put forward"))
}

/// The instant of what was written. The error says what is wrong with the text, without the text.
pub(super) fn instant_ms(written: Written, zone: Option<Tz>, fractions: Fractions) -> Result<i64, String> {
    let time = written.time.unwrap_or_default();
    if time.is_finer && fractions == Fractions::Refuse {
        return Err("is finer than a millisecond (`fractions: truncate` cuts that off)".to_owned());
    }
    match (written.offset, zone) {
        (Some(offset), _) => {
            Ok(i64::from(days_since_epoch(written.date)) * 86_400_000 + time.ms - i64::from(offset) * 1000)
        }
        (None, Some(zone)) => local_ms(zone, written.date, time.ms),
        (None, None) => Err("names no zone, and the contract gives no `timezone`".to_owned()),
    }
}

/// An instant in ISO 8601, in a zone of its own or the column's. The error says what is wrong with the text, without it.
pub fn read_iso_instant(text: &str, zone: Option<Tz>) -> Result<i64, String> {
    match iso::read(text) {
        Some(written) if written.time.is_some() => instant_ms(written, zone, Fractions::Refuse),
        Some(_) => Err("is a date without a time of the day".to_owned()),
        None => Err("is not a date and time (YYYY-MM-DD HH:MM:SS)".to_owned()),
    }
}

/// The canonical text of an instant. `None` outside the years that a line can hold.
pub(super) fn canonical_instant(ms: i64) -> Option<String> {
    let text = instant_from_ms(ms).ok()?.to_rfc3339_opts(SecondsFormat::Millis, true);
    (text.len() == "2026-01-02T03:04:05.000Z".len()).then_some(text)
}

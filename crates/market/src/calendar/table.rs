//! The embedded tables, as `make_calendars.py` writes them.

use chrono::{NaiveDate, NaiveTime};
use serde::Deserialize;

use super::{Calendar, is_weekday};
use quotelake_core::time::parse_zone;
use quotelake_core::{Context as _, Error, Result};

/// Regular hours from a date on, in the venue's zone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Hours {
    pub(super) from: NaiveDate,
    pub(super) open: NaiveTime,
    pub(super) close: NaiveTime,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    /// The package and version that the dates are from.
    #[serde(rename = "source")]
    _source: String,
    mic: String,
    zone: String,
    first: NaiveDate,
    last: NaiveDate,
    hours: Vec<Hours>,
    /// Weekdays without a session.
    closures: Vec<NaiveDate>,
    early_closes: Vec<(NaiveDate, NaiveTime)>,
    late_opens: Vec<(NaiveDate, NaiveTime)>,
    /// The number of sessions, as the package counts them.
    pub(super) sessions: usize,
    /// The sum of all closes in Unix minutes, as the package has them.
    #[cfg_attr(not(test), expect(dead_code, reason = "a checksum for the test of the tables"))]
    pub(super) close_minutes: i64,
}

/// The calendar of an embedded table.
#[expect(clippy::expect_used, reason = "the table is part of the program, and a test reads every one")]
pub(super) fn embedded(text: &str) -> Calendar {
    parse(text).expect("an embedded calendar").0
}

/// A calendar and the table it was made of.
pub(super) fn parse(text: &str) -> Result<(Calendar, Table)> {
    let table: Table =
        serde_json::from_str(text).map_err(|e| Error::bug("a calendar's table is damaged").with_source(e))?;
    let sessions: Vec<NaiveDate> = table
        .first
        .iter_days()
        .take_while(|date| *date <= table.last)
        .filter(|date| is_weekday(*date) && table.closures.binary_search(date).is_err())
        .collect();
    if sessions.len() != table.sessions {
        return Err(Error::bug(format!(
            "{} has {} sessions, not {}",
            table.mic,
            sessions.len(),
            table.sessions
        )));
    }
    let calendar = Calendar {
        mic: table.mic.clone(),
        zone: parse_zone(&table.zone).with_context(|| format!("calendar of {}", table.mic))?,
        first: table.first,
        last: table.last,
        sessions: Some(sessions),
        hours: table.hours.clone(),
        early_closes: table.early_closes.clone(),
        late_opens: table.late_opens.clone(),
    };
    Ok((calendar, table))
}

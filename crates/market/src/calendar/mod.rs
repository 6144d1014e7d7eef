//! Trading calendars: on which dates a venue has a session, and when it opens and closes.
//!
//! The tables under `crates/market/calendars` are made from the Python package `exchange_calendars` and embedded; they reach
//! from 2000 to the last year whose holidays the venue has published. Outside that range, and for venues without a table,
//! the answer is `None`: unknown, neither open nor closed. Half days and late opens are in the tables. Not in them are
//! auctions after the close, halts, and closures that were announced after the table was made; for the last,
//! [`Calendar::without_sessions`] makes a corrected copy.
//!
//! B3's close is 18:00 all year in the source from 2019-11-04 on, while the exchange closes an hour earlier as long as New
//! York has summer time: the real close is never later than the one given here.

mod table;

use std::sync::LazyLock;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use table::Hours;

/// The sessions of one venue.
///
/// ```
/// use chrono::NaiveDate;
/// use quotelake_market::calendar::Calendar;
/// let nyse = Calendar::of_mic("XNYS").unwrap();
/// let independence_day_eve = NaiveDate::from_ymd_opt(2013, 7, 3).unwrap();
/// assert_eq!(nyse.is_session(independence_day_eve), Some(true));
/// assert_eq!(nyse.session_close(independence_day_eve).unwrap().to_rfc3339(), "2013-07-03T17:00:00+00:00");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    mic: String,
    zone: Tz,
    first: NaiveDate,
    last: NaiveDate,
    /// Dates of sessions in order; `None` where every day is one.
    sessions: Option<Vec<NaiveDate>>,
    /// Regular hours in order of the date from which they hold.
    hours: Vec<Hours>,
    early_closes: Vec<(NaiveDate, NaiveTime)>,
    late_opens: Vec<(NaiveDate, NaiveTime)>,
}

static XNYS: LazyLock<Calendar> =
    LazyLock::new(|| table::embedded(include_str!("../../calendars/XNYS.json")));
static XLON: LazyLock<Calendar> =
    LazyLock::new(|| table::embedded(include_str!("../../calendars/XLON.json")));
static BVMF: LazyLock<Calendar> =
    LazyLock::new(|| table::embedded(include_str!("../../calendars/BVMF.json")));
static ALWAYS_OPEN: LazyLock<Calendar> = LazyLock::new(|| Calendar {
    mic: "24/7".into(),
    zone: Tz::UTC,
    first: NaiveDate::MIN,
    last: NaiveDate::MAX,
    sessions: None,
    hours: Vec::new(),
    early_closes: Vec::new(),
    late_opens: Vec::new(),
});

impl Calendar {
    /// The calendar of an ISO 10383 code, `None` where there is no table. The US equity venues and Nasdaq's segments share
    /// the New York Stock Exchange's sessions.
    pub fn of_mic(mic: &str) -> Option<&'static Self> {
        match mic {
            "XNYS" | "XNAS" | "XNGS" | "XNMS" | "XNCM" | "XASE" | "ARCX" | "BATS" | "IEXG" => Some(&XNYS),
            "XLON" | "AIMX" => Some(&XLON),
            "BVMF" => Some(&BVMF),
            _ => None,
        }
    }

    /// The calendar by which an instrument trades: of its venue ([`Calendar::of_mic`]), and for the asset class `crypto` every day.
    /// `None` when nothing is known about the venue. Everything that counts sessions asks it, so that they agree. What vendors
    /// announce (the dataset `market_holidays`) is for people to query: it names days ahead and no history, so no check goes by it.
    pub fn of_instrument(asset_class: Option<&str>, exchange_mic: Option<&str>) -> Option<&'static Self> {
        match asset_class {
            Some("crypto") => Some(Self::always_open()),
            _ => Self::of_mic(exchange_mic?),
        }
    }

    /// Every day from midnight to midnight UTC, as coins trade.
    pub fn always_open() -> &'static Self {
        &ALWAYS_OPEN
    }

    /// The venue whose table this is, or `24/7`.
    pub fn mic(&self) -> &str {
        &self.mic
    }

    /// The zone in which the venue's dates are meant.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first and the last date that the table knows about.
    pub fn coverage(&self) -> (NaiveDate, NaiveDate) {
        (self.first, self.last)
    }

    /// Whether a date is a session. `None` outside the table.
    pub fn is_session(&self, date: NaiveDate) -> Option<bool> {
        if !self.covers(date) {
            return None;
        }
        Some(self.sessions.as_ref().is_none_or(|sessions| sessions.binary_search(&date).is_ok()))
    }

    /// How many sessions lie after `after`, up to and with `until`; 0 when `until` is not later. `None` when either lies
    /// outside the table. Steps add up: `(a, c] = (a, b] + (b, c]`.
    pub fn sessions_between(&self, after: NaiveDate, until: NaiveDate) -> Option<usize> {
        if !self.covers(after) || !self.covers(until) {
            return None;
        }
        Some(match &self.sessions {
            Some(sessions) => through(sessions, until).saturating_sub(through(sessions, after)),
            None => usize::try_from((until - after).num_days()).unwrap_or(0),
        })
    }

    /// The first session after a date. `None` when the table does not reach it.
    pub fn next_session(&self, date: NaiveDate) -> Option<NaiveDate> {
        let known = self.covers(date).then_some(date)?;
        match &self.sessions {
            Some(sessions) => sessions.get(through(sessions, known)).copied(),
            None => known.succ_opt(),
        }
    }

    /// The last session before a date. `None` when the table does not reach it.
    pub fn previous_session(&self, date: NaiveDate) -> Option<NaiveDate> {
        let before = self.covers(date).then_some(date)?.pred_opt()?;
        match &self.sessions {
            Some(sessions) => sessions.get(through(sessions, before).checked_sub(1)?).copied(),
            None => Some(before),
        }
    }

    /// When the session of a date opens. `None` when it is no session or outside the table.
    pub fn session_open(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        self.is_session(date)?.then_some(())?;
        let usual = self.hours_on(date).map(|hours| hours.open);
        self.instant(date, exception(&self.late_opens, date).or(usual).unwrap_or(NaiveTime::MIN))
    }

    /// When the session of a date closes: at the early close on a half day, at the next midnight where trading never
    /// stops. `None` when it is no session or outside the table.
    pub fn session_close(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        self.is_session(date)?.then_some(())?;
        match exception(&self.early_closes, date).or(self.hours_on(date).map(|hours| hours.close)) {
            Some(close) => self.instant(date, close),
            None => self.instant(date.checked_add_days(Days::new(1))?, NaiveTime::MIN),
        }
    }

    /// The newest session that has closed by an instant. `None` when the table does not reach so far, in either direction.
    pub fn last_closed_session(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        let today = now.with_timezone(&self.zone).date_naive();
        if self.session_close(today).is_some_and(|close| close <= now) {
            return Some(today);
        }
        self.previous_session(today)
    }

    /// A copy in which these dates are no sessions: closures that the table does not know.
    #[must_use]
    pub fn without_sessions(&self, closures: &[NaiveDate]) -> Self {
        let mut calendar = self.clone();
        if let Some(sessions) = &mut calendar.sessions {
            sessions.retain(|date| !closures.contains(date));
        }
        calendar
    }

    fn covers(&self, date: NaiveDate) -> bool {
        self.first <= date && date <= self.last
    }

    fn hours_on(&self, date: NaiveDate) -> Option<&Hours> {
        self.hours.iter().rev().find(|hours| hours.from <= date)
    }

    /// A wall-clock time as an instant. No venue opens or closes in the hour that a clock change skips.
    fn instant(&self, date: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
        Some(self.zone.from_local_datetime(&date.and_time(time)).earliest()?.with_timezone(&Utc))
    }
}

/// How many sessions there are up to and with a date.
fn through(sessions: &[NaiveDate], date: NaiveDate) -> usize {
    sessions.partition_point(|session| *session <= date)
}

fn exception(times: &[(NaiveDate, NaiveTime)], date: NaiveDate) -> Option<NaiveTime> {
    let index = times.binary_search_by_key(&date, |(day, _)| *day).ok()?;
    Some(times[index].1)
}

fn is_weekday(date: NaiveDate) -> bool {
    date.weekday().number_from_monday() <= 5
}

#[cfg(test)]
mod tests;

//! Functions of dates and timestamps. A day begins at midnight in UTC.

use chrono::{Datelike as _, Days, Months, NaiveDate, NaiveDateTime, Timelike as _};

use super::Arguments;
use super::arguments::{days, instants, of_days, of_floats, of_nanos, of_texts, of_wholes, texts, wholes};
use crate::column::DAY_NANOS;
use crate::date_pattern::DatePattern;
use crate::sql::cast::date_time;
use crate::sql::value::Value;

type Answer = Result<Value, String>;

/// What is asked of an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Quarter,
    Month,
    /// The ISO week.
    Week,
    Day,
    /// 1 is Sunday.
    DayOfWeek,
    /// 0 is Monday.
    Weekday,
    DayOfYear,
    Hour,
    Minute,
    Second,
}

impl Part {
    fn of(self, time: NaiveDateTime) -> i64 {
        match self {
            Self::Year => i64::from(time.year()),
            Self::Quarter => i64::from(time.month0() / 3 + 1),
            Self::Month => i64::from(time.month()),
            Self::Week => i64::from(time.iso_week().week()),
            Self::Day => i64::from(time.day()),
            Self::DayOfWeek => i64::from(time.weekday().number_from_sunday()),
            Self::Weekday => i64::from(time.weekday().num_days_from_monday()),
            Self::DayOfYear => i64::from(time.ordinal()),
            Self::Hour => i64::from(time.hour()),
            Self::Minute => i64::from(time.minute()),
            Self::Second => i64::from(time.second()),
        }
    }
}

/// Declares the functions of one part each.
macro_rules! parts {
    ($($name:ident $part:ident;)*) => {$(
        pub(super) fn $name(arguments: Arguments<'_>) -> Answer {
            let part = |nanos: Option<i128>| Some(Part::$part.of(date_time(nanos?)?));
            Ok(of_wholes(instants(arguments.get(0)?)?.into_iter().map(part)))
        }
    )*};
}

parts! {
    year Year;
    quarter Quarter;
    month Month;
    week Week;
    day Day;
    day_of_week DayOfWeek;
    weekday Weekday;
    day_of_year DayOfYear;
    hour Hour;
    minute Minute;
    second Second;
}

fn date(day: i64) -> Option<NaiveDate> {
    Some(date_time(i128::from(day) * i128::from(DAY_NANOS))?.date())
}

fn day_of(date: NaiveDate) -> i64 {
    (date - NaiveDate::default()).num_days()
}

/// `datediff(end, start)`
pub(super) fn difference(arguments: Arguments<'_>) -> Answer {
    let (end, start) = (days(arguments.get(0)?)?, days(arguments.get(1)?)?);
    Ok(of_wholes(end.into_iter().zip(start).map(|(end, start)| Some(end? - start?))))
}

fn moved(arguments: Arguments<'_>, sign: i64) -> Answer {
    let (days, by) = (days(arguments.get(0)?)?, wholes(arguments.get(1)?)?);
    Ok(of_days(days.into_iter().zip(by).map(|(day, by)| day?.checked_add(by?.checked_mul(sign)?))))
}

pub(super) fn add_days(arguments: Arguments<'_>) -> Answer {
    moved(arguments, 1)
}

pub(super) fn subtract_days(arguments: Arguments<'_>) -> Answer {
    moved(arguments, -1)
}

/// The same day of another month, or that month's last.
fn months_on(date: NaiveDate, months: i64) -> Option<NaiveDate> {
    let by = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    if months < 0 { date.checked_sub_months(by) } else { date.checked_add_months(by) }
}

pub(super) fn add_months(arguments: Arguments<'_>) -> Answer {
    let (days, by) = (days(arguments.get(0)?)?, wholes(arguments.get(1)?)?);
    Ok(of_days(days.into_iter().zip(by).map(|(day, by)| Some(day_of(months_on(date(day?)?, by?)?)))))
}

fn is_last(date: NaiveDate) -> bool {
    date.checked_add_days(Days::new(1)).is_none_or(|next| next.day() == 1)
}

/// Whole where both are the same day of a month or both the last; else by months of 31 days, to 8 places.
pub(super) fn months_between(arguments: Arguments<'_>) -> Answer {
    let (end, start) = (instants(arguments.get(0)?)?, instants(arguments.get(1)?)?);
    let between = |end: NaiveDateTime, start: NaiveDateTime| {
        let whole =
            i64::from(end.year() - start.year()) * 12 + i64::from(end.month()) - i64::from(start.month());
        if end.day() == start.day() || (is_last(end.date()) && is_last(start.date())) {
            return whole as f64;
        }
        let seconds = |time: NaiveDateTime| {
            i64::from(time.day()) * 86_400 + i64::from(time.num_seconds_from_midnight())
        };
        let months = whole as f64 + (seconds(end) - seconds(start)) as f64 / (31.0 * 86_400.0);
        (months * 1e8).round() / 1e8
    };
    let rows = end.into_iter().zip(start);
    Ok(of_floats(rows.map(|(end, start)| Some(between(date_time(end?)?, date_time(start?)?)))))
}

pub(super) fn last_day(arguments: Arguments<'_>) -> Answer {
    let last = |day: Option<i64>| {
        let first = date(day?)?.with_day(1)?;
        Some(day_of(first.checked_add_months(Months::new(1))?) - 1)
    };
    Ok(of_days(days(arguments.get(0)?)?.into_iter().map(last)))
}

pub(super) fn make_date(arguments: Arguments<'_>) -> Answer {
    let [year, month, day] = [0, 1, 2].map(|at| wholes(arguments.get(at)?));
    let (year, month, day) = (year?, month?, day?);
    let row = |row: usize| {
        let (month, day) = (u32::try_from(month[row]?).ok()?, u32::try_from(day[row]?).ok()?);
        NaiveDate::from_ymd_opt(i32::try_from(year[row]?).ok()?, month, day).map(day_of)
    };
    Ok(of_days((0..arguments.rows).map(row)))
}

pub(super) fn unix_timestamp(arguments: Arguments<'_>) -> Answer {
    let seconds = |nanos: Option<i128>| i64::try_from(nanos?.div_euclid(1_000_000_000)).ok();
    Ok(of_wholes(instants(arguments.get(0)?)?.into_iter().map(seconds)))
}

/// `trunc` and `date_trunc`: the start of what an instant is in; NULL of a unit that is none.
pub(super) fn truncate(value: &Value, unit: &str, to_date: bool) -> Answer {
    let unit = unit.to_ascii_uppercase();
    let start = |time: NaiveDateTime| -> Option<NaiveDateTime> {
        let date = time.date();
        let first = |date: NaiveDate| date.with_day(1);
        let midnight = |date: Option<NaiveDate>| date?.and_hms_opt(0, 0, 0);
        match unit.as_str() {
            "YEAR" | "YYYY" | "YY" => midnight(NaiveDate::from_ymd_opt(date.year(), 1, 1)),
            "QUARTER" => midnight(NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)),
            "MONTH" | "MM" | "MON" => midnight(first(date)),
            "WEEK" => {
                midnight(date.checked_sub_days(Days::new(u64::from(date.weekday().num_days_from_monday()))))
            }
            _ if to_date => None,
            "DAY" | "DD" => midnight(Some(date)),
            "HOUR" => date.and_hms_opt(time.hour(), 0, 0),
            "MINUTE" => date.and_hms_opt(time.hour(), time.minute(), 0),
            "SECOND" => date.and_hms_opt(time.hour(), time.minute(), time.second()),
            _ => None,
        }
    };
    let rows = instants(value)?.into_iter().map(|nanos| nanos_of(start(date_time(nanos?)?)?));
    Ok(if to_date {
        of_days(rows.map(|nanos| i64::try_from(nanos?.div_euclid(i128::from(DAY_NANOS))).ok()))
    } else {
        of_nanos(rows)
    })
}

fn nanos_of(time: NaiveDateTime) -> Option<i128> {
    let time = time.and_utc();
    Some(i128::from(time.timestamp()) * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos()))
}

/// Texts of a pattern as dates or timestamps; NULL where one is none.
pub(super) fn parsed(value: &Value, pattern: &DatePattern, to_date: bool) -> Answer {
    if matches!(value, Value::Instants { .. }) {
        return Ok(if to_date {
            of_days(days(value)?.into_iter())
        } else {
            of_nanos(instants(value)?.into_iter())
        });
    }
    let times = texts(value).into_iter().map(|text| pattern.read(&text?));
    Ok(if to_date {
        of_days(times.map(|time| Some(day_of(time?.date()))))
    } else {
        of_nanos(times.map(|time| nanos_of(time?)))
    })
}

pub(super) fn formatted(value: &Value, pattern: &DatePattern) -> Answer {
    Ok(of_texts(instants(value)?.into_iter().map(|nanos| Some(pattern.write(date_time(nanos?)?)))))
}

/// So many months, then nanoseconds later; dates stay dates where whole days are added.
pub(super) fn later(value: &Value, months: i64, nanos: i128) -> Answer {
    let is_date =
        matches!(value, Value::Instants { unit_nanos: DAY_NANOS, .. }) && nanos % i128::from(DAY_NANOS) == 0;
    let rows = instants(value)?.into_iter().map(|at| {
        let time = date_time(at?)?;
        nanos_of(months_on(time.date(), months)?.and_time(time.time()))?.checked_add(nanos)
    });
    Ok(if is_date {
        of_days(rows.map(|at| i64::try_from(at?.div_euclid(i128::from(DAY_NANOS))).ok()))
    } else {
        of_nanos(rows)
    })
}

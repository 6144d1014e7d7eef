//! The cells of a row, and the form of a file's dates.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use quotelake_core::{Decimal, Error, Result};

use super::header::Columns;
use super::model::{DateForm, Field, Numbers};
use super::values::{Stamp, on_clock, period, short_volume, time_of_day};
use super::{FileRow, Profile, Settings};
use crate::Interval;
use crate::record::{Cell, Refusal};

/// The one form that a file's dates have.
pub(super) fn date_form(columns: &Columns, settings: &Settings, rows: &[&FileRow]) -> Result<DateForm> {
    let known = &columns.layout.dates;
    let place = columns.place(Field::Date).unwrap_or_default();
    if let Some(form) = settings.date_form {
        return if known.contains(&form) {
            Ok(form)
        } else {
            let known: Vec<&str> = known.iter().map(|form| form.shown()).collect();
            Err(Error::invalid(format!(
                "its dates are written {}; date_format is no choice",
                known.join(" or ")
            )))
        };
    }
    let texts: Vec<&str> = rows.iter().map(|row| row.cells[place].trim()).collect();
    let read =
        |form: &DateForm| -> Vec<bool> { texts.iter().map(|text| form.read(text).is_some()).collect() };
    let all: Vec<(DateForm, Vec<bool>)> = known.iter().map(|form| (*form, read(form))).collect();
    let covers = |a: &[bool], b: &[bool]| a.iter().zip(b).all(|(a, b)| *a || !b);
    let best: Vec<DateForm> = all
        .iter()
        .filter(|(_, own)| all.iter().all(|(_, other)| covers(own, other)))
        .map(|(form, _)| *form)
        .collect();
    match (best.as_slice(), texts.first()) {
        ([form], None) => Ok(*form),
        ([form, ..], _) if texts.is_empty() => Ok(*form),
        ([form], Some(text)) if !texts.iter().any(|text| form.read(text).is_some()) => {
            Err(Error::invalid(format!(
                "its dates, such as {text:?}, are not written {}; the whole file is rejected",
                form.shown()
            )))
        }
        ([form], _) => Ok(*form),
        ([form, ..], Some(text)) if texts.iter().any(|text| form.read(text).is_some()) => {
            Err(Error::invalid(format!(
                "its dates, such as {text:?}, all fit {}: say which they are, e.g. --set date_format={}",
                best.iter().map(|form| form.shown()).collect::<Vec<_>>().join(" and "),
                form.shown()
            )))
        }
        (_, text) => Err(Error::invalid(format!(
            "its dates, such as {:?}, are not all written {}; the whole file is rejected",
            text.copied().unwrap_or_default(),
            known.iter().map(|form| form.shown()).collect::<Vec<_>>().join(", or all ")
        ))),
    }
}

/// When a bar is.
pub(super) enum When {
    /// A day, and its stamp, Unix milliseconds.
    Day(NaiveDate, i64),
    /// The start of a bar, Unix milliseconds.
    Instant(i64),
}

/// The cells of a row.
pub(super) struct Cells<'a> {
    pub(super) profile: &'static Profile,
    pub(super) columns: &'a Columns,
    pub(super) row: &'a FileRow,
}

impl<'a> Cells<'a> {
    /// The text of a column; `None` where there is no such column, or no value.
    pub(super) fn text(&self, field: Field) -> Option<&'a str> {
        let text = self.row.cells.get(self.columns.place(field)?)?.trim();
        let missing = text.is_empty() || self.profile.null_texts.iter().any(|null| null == text);
        (!missing).then_some(text)
    }

    pub(super) fn refusal(&self, field: Field, text: &str, what: &str) -> Refusal {
        let reason = format!("on line {} {what} (column {:?})", self.row.line, self.columns.name(field));
        Refusal::new(text, reason)
    }

    pub(super) fn read<T>(&self, field: Field, read: impl Fn(&str) -> Option<T>) -> Option<Cell<T>> {
        let text = self.text(field)?;
        let refused = || Cell::Refused(Box::new(self.refusal(field, text, "is no number")));
        Some(read(text).map_or_else(refused, Cell::Value))
    }

    pub(super) fn volume(&self) -> Option<Cell<Decimal>> {
        // Volumes are printed from 64 bits wherever prices are from 32.
        let numbers = match self.profile.numbers {
            Numbers::Float32 => Numbers::Plain,
            other => other,
        };
        let volume = self.read(Field::Volume, |text| numbers.read(text));
        volume.or_else(|| self.read(Field::ShortVolume, short_volume))
    }

    pub(super) fn stamp(
        &self,
        form: DateForm,
        zone: Option<Tz>,
        interval: Interval,
    ) -> Result<When, (&'static str, Refusal)> {
        let column = if interval == Interval::Day1 { "trading_date" } else { "bar_start" };
        let refused = |field, text: &str, what: &str| (column, self.refusal(field, text, what));
        let text = self.text(Field::Date).unwrap_or_default();
        let Some(stamp) = form.read(text) else {
            return Err(refused(Field::Date, text, &format!("is not written {}", form.shown())));
        };
        let local = match stamp {
            Stamp::Instant(ms) => return Ok(When::Instant(ms)),
            Stamp::Day(date, stamp_ms) if interval == Interval::Day1 => {
                let midnight = date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
                return Ok(When::Day(date, stamp_ms.unwrap_or(midnight)));
            }
            Stamp::Day(date, _) => {
                let text = self.text(Field::Time).unwrap_or_default();
                let time = time_of_day(text)
                    .ok_or_else(|| refused(Field::Time, text, "is no time of day such as 09:30:00"))?;
                date.and_time(time)
            }
            Stamp::Local(local) => local,
        };
        let instant = zone.and_then(|zone| on_clock(local, zone));
        instant.map(When::Instant).ok_or_else(|| {
            refused(Field::Date, &local.to_string(), "is a time that the clock skips, or shows twice")
        })
    }

    /// Why a row is not of the file's length.
    pub(super) fn length(&self, interval: Interval) -> Option<Refusal> {
        let text = self.text(Field::Period)?;
        (period(text) != Some(interval))
            .then(|| self.refusal(Field::Period, text, "is another length than the file's"))
    }
}

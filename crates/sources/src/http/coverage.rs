//! Whether the days that a unit's bars cover are the days that were asked for. Vendors clip a window in silence: to what the plan
//! includes, or to what they have.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use quotelake_core::{Envelope, FetchUnit};
use serde::{Deserialize, Serialize};

use crate::origin::{calendar_of, instruments};
use crate::page::map;
use crate::{Record, Source};

/// Days by which bars may miss a window's ends where no calendar says which of them are sessions.
const SLACK: TimeDelta = TimeDelta::days(7);

/// Bars that do not reach the ends of the window that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageShort {
    /// The first day of a bar.
    pub first: NaiveDate,
    /// The last day of a bar.
    pub last: NaiveDate,
    /// The first day on which a bar was to be expected.
    pub expected_first: NaiveDate,
    /// The last.
    pub expected_last: NaiveDate,
}

/// The days seen so far.
#[derive(Debug, Default)]
pub(super) struct DaysSeen(Option<(NaiveDate, NaiveDate)>);

impl DaysSeen {
    /// Adds the days of a page's bars. A page that cannot be mapped adds none: `transform` says so where it counts.
    pub(super) fn add(&mut self, source: &dyn Source, envelope: &Envelope) {
        if envelope.unit.from.is_none() || envelope.unit.interval.is_none() {
            return;
        }
        let Ok(mapped) = map(source, envelope) else { return };
        let bars = mapped
            .records
            .iter()
            .filter(|record| matches!(record, Record::DailyBars(_) | Record::IntradayBars(_)));
        for date in bars.filter_map(Record::date) {
            let (first, last) = self.0.unwrap_or((date, date));
            self.0 = Some((first.min(date), last.max(date)));
        }
    }

    /// What is missing, where anything is. The first day is not judged when an earlier run fetched the unit's first pages.
    pub(super) fn short(
        &self,
        unit: &FetchUnit,
        from_start: bool,
        now: DateTime<Utc>,
    ) -> Option<CoverageShort> {
        let (first, last) = self.0?;
        let date = |text: &Option<String>| text.as_deref()?.parse::<NaiveDate>().ok();
        let (from, to) = (date(&unit.from)?, date(&unit.to)?);
        let instrument = instruments(unit).into_iter().next()?;
        let calendar = calendar_of(instrument.mic.as_deref(), &instrument.asset_class);
        let known = calendar.and_then(|calendar| {
            let first = from.pred_opt().and_then(|before| calendar.next_session(before))?;
            let closed = calendar.last_closed_session(now)?;
            let last = to.succ_opt().and_then(|after| calendar.previous_session(after))?;
            Some((first, last.min(closed)))
        });
        let (expected_first, expected_last, slack) = match known {
            Some((first, last)) => (first, last, TimeDelta::zero()),
            None => (from, to.min(now.date_naive()), SLACK),
        };
        if expected_first > expected_last {
            return None;
        }
        let starts_late = from_start && first - expected_first > slack;
        let ends_early = expected_last - last > slack;
        (starts_late || ends_early).then_some(CoverageShort { first, last, expected_first, expected_last })
    }
}

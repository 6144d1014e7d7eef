//! What was asked for, and whether the rows of an answer are of it.
//!
//! A row that was not asked for would replace a good one of the table, or fill a day with another company's price. It keeps what it
//! says and is refused by name; `check` sets it aside with the reason.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use quotelake_core::time::parse_zone;
use quotelake_core::{FetchUnit, Result};

use crate::Mapped;
use crate::read::Reader;
use crate::record::{Cell, Record, Refusal};

/// What clocks differ by: a bar that begins later than this behind its answer has not begun.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(15);

/// The same where a trading date begins on the evening before, as futures and exchange rates have it, and what follows them.
const EVENING_BEFORE: TimeDelta = TimeDelta::hours(7);

/// The least hole in a series of daily bars that is worth a word: another company may have had the ticker before.
const LONG_HOLE_DAYS: i64 = 366;

/// The window of a unit. Without one, every row answers.
#[derive(Debug, Clone)]
pub struct Question {
    window: Option<Window>,
    bars_only: bool,
}

#[derive(Debug, Clone)]
struct Window {
    from: NaiveDate,
    to: NaiveDate,
    /// The same on the clock of the zone that the unit names: an answer may compute its dates in another one.
    from_ms: i64,
    /// Exclusive.
    to_ms: i64,
    /// What trades around the clock is dated by UTC at some vendors, whatever zone it is watched in.
    by_utc: bool,
}

impl Question {
    /// Of a unit. `InvalidInput` when its zone is none.
    pub fn of(unit: &FetchUnit) -> Result<Self> {
        let zone = parse_zone(&unit.exchange_tz)?;
        let day = |text: &Option<String>| text.as_deref()?.parse::<NaiveDate>().ok();
        let window = day(&unit.from).zip(day(&unit.to)).and_then(|(from, to)| {
            let by_utc = matches!(unit.asset_class.as_str(), "crypto" | "fx");
            Some(Window {
                from,
                to,
                from_ms: start_of(from, zone)?.timestamp_millis(),
                to_ms: start_of(to.succ_opt()?, zone)?.timestamp_millis(),
                by_utc,
            })
        });
        Ok(Self { window, bars_only: false })
    }

    /// The same of an endpoint that sends all splits and dividends whatever the window is: they are good, and kept.
    #[must_use]
    pub fn of_bars(self) -> Self {
        Self { bars_only: true, ..self }
    }

    /// Whether a day, or an instant of it, was asked for. What has neither is not judged here: it lacks its key.
    pub fn holds(&self, date: Option<NaiveDate>, stamp_ms: Option<i64>) -> bool {
        let Some(window) = &self.window else { return true };
        let within = |date: NaiveDate| window.from <= date && date <= window.to;
        let at = |ms: i64| {
            let utc = || DateTime::<Utc>::from_timestamp_millis(ms).is_some_and(|at| within(at.date_naive()));
            (window.from_ms <= ms && ms < window.to_ms) || (window.by_utc && utc())
        };
        date.is_none_or(within) || stamp_ms.is_some_and(at)
    }

    /// Why a row of that day is refused.
    fn refusal(&self, date: NaiveDate) -> Refusal {
        let (from, to) = self.window.as_ref().map_or((date, date), |window| (window.from, window.to));
        Refusal::not_asked(
            date.to_string().as_str(),
            format!("lies outside the window that was asked for, {from} to {to}"),
        )
    }

    /// A page's records as the answer: those that were not asked for are refused, see [`Question::judge`].
    pub fn answer(&self, mut reader: Reader, mut records: Vec<Record>) -> Mapped {
        self.judge(&mut records, &mut reader);
        reader.into_mapped(records)
    }

    /// Refuses the rows that had not begun when the answer arrived, and those that are of other days than the window's, by the column
    /// of their day; one warning counts each. Says where a series of daily bars has a hole of more than a year.
    pub fn judge(&self, records: &mut [Record], reader: &mut Reader) {
        let mut stray: Option<(NaiveDate, usize)> = None;
        let mut early: Option<(NaiveDate, usize)> = None;
        let mut clock = Clock::default();
        let mut before: Option<(Arc<str>, NaiveDate)> = None;
        for record in records {
            let Some(date) = record.date() else { continue };
            if let Some((column, refusal)) = clock.refusal(record) {
                record.refuse(column, refusal);
                early.get_or_insert((date, 0)).1 += 1;
                continue;
            }
            let stamp_ms = match record {
                Record::DailyBars(bar) | Record::IntradayBars(bar) => {
                    bar.provider_ts.as_ref().and_then(Cell::value).copied()
                }
                _ if self.bars_only => continue,
                _ => None,
            };
            if !self.holds(Some(date), stamp_ms) {
                record.refuse(record.date_column(), self.refusal(date));
                stray.get_or_insert((date, 0)).1 += 1;
                continue;
            }
            let Record::DailyBars(bar) = record else { continue };
            let Some(symbol) = &bar.symbol else { continue };
            match &mut before {
                Some((of, last)) if of == symbol => {
                    let days = (date - *last).num_days();
                    if days > LONG_HOLE_DAYS {
                        reader.at(format!("{symbol}:"));
                        reader.note(&format!(
                            "no bars for {days} days from {last} to {date}: another company may have had the ticker before"
                        ));
                    }
                    *last = date;
                }
                other => *other = Some((Arc::clone(symbol), date)),
            }
        }
        let lies = [
            (early, "had not begun when the answer arrived"),
            (stray, "lie outside the window that was asked for"),
        ];
        for (rows, what) in lies {
            if let Some((first, count)) = rows {
                reader.at(format!("{count} rows"));
                reader.note(&format!("{what}, the first on {first}: refused"));
            }
        }
    }
}

/// What had begun when an answer arrived, by the clocks of the zones that its rows are dated in.
#[derive(Debug, Default)]
struct Clock {
    /// The zone and the asset class that were asked for last, and their newest date that had begun.
    newest: Option<(Arc<str>, Arc<str>, NaiveDate)>,
}

impl Clock {
    /// Why a bar, or what is said of a fund's day, cannot be: it had not begun when the answer arrived. Events are announced ahead.
    fn refusal(&mut self, record: &Record) -> Option<(&'static str, Refusal)> {
        let fetched_at = record.provenance().fetched_at.0;
        let refused = |column: &'static str, value: &str| {
            (
                column,
                Refusal::not_asked(value, format!("had not begun when the answer arrived, at {fetched_at}")),
            )
        };
        let (date, zone, asset_class) = match record {
            Record::DailyBars(bar) => (bar.trading_date?, &bar.exchange_tz, &bar.asset_class),
            Record::IntradayBars(bar) => {
                let start = bar.bar_start?.0;
                return (start - fetched_at > CLOCKS_DIFFER)
                    .then(|| refused("bar_start", &start.to_string()));
            }
            // A page has no zone: nowhere on Earth is it later than fourteen hours past UTC.
            Record::FundSnapshots(_) => {
                let date = record.date()?;
                let newest = (fetched_at + TimeDelta::hours(14)).date_naive();
                return (date > newest).then(|| refused("as_of_date", &date.to_string()));
            }
            _ => return None,
        };
        let known = self.newest.as_ref().filter(|(of, class, _)| of == zone && class == asset_class);
        let newest = match known {
            Some((.., newest)) => *newest,
            None => {
                let newest = newest_date(fetched_at, zone, asset_class);
                self.newest = Some((Arc::clone(zone), Arc::clone(asset_class), newest));
                newest
            }
        };
        (date > newest).then(|| refused("trading_date", &date.to_string()))
    }
}

/// The newest trading date that had begun at an instant: by the zone's clock, and by UTC's where that is the vendors' for the class.
pub(crate) fn newest_date(at: DateTime<Utc>, zone: &str, asset_class: &str) -> NaiveDate {
    let ahead = if matches!(asset_class, "equity" | "etf" | "fund") { CLOCKS_DIFFER } else { EVENING_BEFORE };
    let at = at + ahead;
    let local = parse_zone(zone).map_or(at.date_naive(), |zone| at.with_timezone(&zone).date_naive());
    if matches!(asset_class, "crypto" | "fx") { local.max(at.date_naive()) } else { local }
}

/// The first instant of a day on a zone's clock; where a clock change skips midnight, an hour later.
fn start_of(date: NaiveDate, zone: Tz) -> Option<DateTime<Tz>> {
    [0, 1].into_iter().find_map(|hour| {
        zone.from_local_datetime(&date.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?)).earliest()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(zone: &str, asset_class: &str) -> Question {
        Question::of(&FetchUnit {
            from: Some("2024-03-04".into()),
            to: Some("2024-03-05".into()),
            exchange_tz: zone.into(),
            asset_class: asset_class.into(),
            ..FetchUnit::default()
        })
        .unwrap()
    }

    #[test]
    fn days_and_instants_of_the_window_answer() {
        let ms = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap().timestamp_millis());
        let date = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
        let asked = question("America/New_York", "equity");
        assert!(asked.holds(date("2024-03-04"), None) && asked.holds(date("2024-03-05"), None));
        assert!(!asked.holds(date("2024-03-03"), None) && !asked.holds(date("2024-03-06"), None));
        // An answer that is dated in another zone than the watchlist's: its instant was asked for.
        assert!(asked.holds(date("2024-03-06"), ms("2024-03-06T04:59:59Z")));
        assert!(!asked.holds(date("2024-03-06"), ms("2024-03-06T05:00:00Z")));
        assert!(asked.holds(None, None), "what has no day lacks its key, which is another fault");
        let coin = |class: &str| {
            question("America/New_York", class).holds(date("2024-03-03"), ms("2024-03-04T00:00:00Z"))
        };
        assert!(coin("crypto") && !coin("equity"));
        let all = Question::of(&FetchUnit { exchange_tz: "UTC".into(), ..FetchUnit::default() }).unwrap();
        assert!(all.holds(date("1970-01-01"), None));
    }
}

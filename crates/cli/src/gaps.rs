//! Sessions that a table should have and has not, by the exchanges' calendars.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt as _;
use quotelake_contract::Contract;
use quotelake_core::ports::Lake;
use quotelake_core::{Error, ObjectKey, Result, Zone};
use quotelake_market::calendar::Calendar;
use quotelake_table::{Published, RowFault};
use serde::{Deserialize, Serialize};

use crate::collect::{quarantined_rows, warn_of};
use crate::tables::{dates, texts};

/// What tells one series of bars from another.
const SERIES: [&str; 5] = ["provider", "provider_symbol", "interval", "adjustment", "session"];
/// What a vendor is asked with.
const INSTRUMENT: [&str; 5] = ["symbol", "exchange_mic", "exchange_tz", "asset_class", "quote_unit"];

/// One series of bars and the sessions that it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Who sent it.
    pub provider: String,
    /// The symbol as the vendor writes it.
    pub provider_symbol: String,
    /// The bars' length.
    pub interval: String,
    /// How prices are adjusted.
    pub adjustment: String,
    /// Which hours.
    pub session: String,
    /// The lake's symbol.
    pub symbol: String,
    /// The exchange, where it is known.
    pub exchange_mic: Option<String>,
    /// Its zone.
    pub exchange_tz: String,
    /// What is traded.
    pub asset_class: String,
    /// The currency as the vendor quotes it.
    pub quote_unit: String,
    /// The first session that is there.
    pub first: NaiveDate,
    /// The last session that is there.
    pub last: NaiveDate,
    /// Sessions that are there.
    pub sessions: u64,
    /// Sessions that are not: between the first and the last, and after it where that was asked for. What is in quarantine came,
    /// and is not among them.
    pub missing: Vec<NaiveDate>,
    /// Sessions that the table lacks because their rows are in quarantine. Asking again would bring the same rows.
    pub quarantined: Vec<QuarantinedSession>,
    /// Dates that are there and no sessions by the calendar: worth a look.
    pub unexpected: Vec<NaiveDate>,
    /// Whether there is a calendar for all of it; without one nothing can be said.
    pub calendar: bool,
}

/// A session whose row is in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct QuarantinedSession {
    /// The session.
    pub date: NaiveDate,
    /// Why, by the row's first reason.
    pub reason: String,
}

impl Series {
    /// The missing sessions as windows without a session in between that is there.
    pub fn windows(&self) -> Vec<(NaiveDate, NaiveDate)> {
        let Some(calendar) = Calendar::of_instrument(Some(&self.asset_class), self.exchange_mic.as_deref())
        else {
            return Vec::new();
        };
        let mut windows: Vec<(NaiveDate, NaiveDate)> = Vec::new();
        for date in &self.missing {
            match windows.last_mut() {
                Some((_, to)) if calendar.next_session(*to) == Some(*date) => *to = *date,
                _ => windows.push((*date, *date)),
            }
        }
        windows
    }
}

/// What to look at.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Only these symbols, the lake's or the vendor's; all where there is none.
    pub symbols: Vec<String>,
    /// Also sessions after a series' last one, up to this date and no later than the newest session that has closed.
    pub until: Option<NaiveDate>,
    /// Dates on which an exchange was closed and the calendar does not know it.
    pub closures: Vec<NaiveDate>,
    /// The time.
    pub now: DateTime<Utc>,
}

impl Question {
    /// Whether it asks for a series.
    pub fn wants(&self, series: &Series) -> bool {
        let symbols = &self.symbols;
        symbols.is_empty()
            || symbols.iter().any(|symbol| *symbol == series.symbol || *symbol == series.provider_symbol)
    }
}

/// The values of [`INSTRUMENT`] in a series' first row, and its dates.
type Found = (Vec<Option<String>>, BTreeSet<NaiveDate>);

/// The columns that a table of bars has.
fn columns() -> impl Iterator<Item = &'static str> {
    SERIES.into_iter().chain(INSTRUMENT).chain(["trading_date"])
}

/// Whether a table is one of bars, in series with sessions.
pub fn has_series(contract: &Contract) -> bool {
    columns().all(|name| contract.index_of(name).is_some())
}

/// Every series of a table with what it lacks. `Config` for a dataset without the columns of bars.
pub async fn find(lake: &dyn Lake, contract: &Contract, question: &Question) -> Result<Vec<Series>> {
    if let Some(column) = columns().find(|name| contract.index_of(name).is_none()) {
        return Err(Error::config(format!(
            "{} has no column {column}: gaps are those of bars",
            contract.name
        )));
    }
    let mut found: BTreeMap<Vec<String>, Found> = BTreeMap::new();
    // One partition at a time: of each series only its dates are kept.
    let wanted: Vec<&str> = columns().collect();
    let mut parts = Published::new(lake, contract).scan_all(&wanted).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        let columns =
            |names: &[&str]| names.iter().map(|name| texts(&batch, name)).collect::<Result<Vec<_>>>();
        let (series, instrument) = (columns(&SERIES)?, columns(&INSTRUMENT)?);
        let trading_dates = dates(&batch, "trading_date")?;
        for (row, date) in trading_dates.into_iter().enumerate() {
            let key: Vec<String> =
                series.iter().map(|column| column[row].clone().unwrap_or_default()).collect();
            let of_row = || instrument.iter().map(|column| column[row].clone()).collect();
            let (_, dates) = found.entry(key).or_insert_with(|| (of_row(), BTreeSet::new()));
            dates.extend(date);
        }
    }
    let all =
        found.into_iter().filter_map(|(key, (instrument, dates))| judge(key, instrument, &dates, question));
    Ok(all.filter(|series| question.wants(series)).collect())
}

fn judge(
    key: Vec<String>,
    instrument: Vec<Option<String>>,
    dates: &BTreeSet<NaiveDate>,
    question: &Question,
) -> Option<Series> {
    let [provider, provider_symbol, interval, adjustment, session] = <[String; 5]>::try_from(key).ok()?;
    let [symbol, exchange_mic, exchange_tz, asset_class, quote_unit] =
        <[Option<String>; 5]>::try_from(instrument).ok()?;
    let first = *dates.first()?;
    // A bar of a day that has not begun says nothing of how far a series reaches; it is named as unexpected.
    let begun = dates.iter().rev().find(|date| has_begun(**date, question.now));
    let last = begun.or(dates.last()).copied()?;
    let mut series = Series {
        provider,
        provider_symbol,
        interval,
        adjustment,
        session,
        symbol: symbol.unwrap_or_default(),
        exchange_mic,
        exchange_tz: exchange_tz.unwrap_or_default(),
        asset_class: asset_class.unwrap_or_default(),
        quote_unit: quote_unit.unwrap_or_default(),
        first,
        last,
        sessions: dates.len() as u64,
        missing: Vec::new(),
        quarantined: Vec::new(),
        unexpected: Vec::new(),
        calendar: false,
    };
    let Some(calendar) = Calendar::of_instrument(Some(&series.asset_class), series.exchange_mic.as_deref())
    else {
        return Some(series);
    };
    let calendar = calendar.without_sessions(&question.closures);
    let until = last.max(question.until.map_or(last, |until| until.min(newest(&calendar, question.now))));
    series.calendar = true;
    for day in first.iter_days().take_while(|day| *day <= until) {
        match (calendar.is_session(day), dates.contains(&day)) {
            (Some(true), false) => series.missing.push(day),
            (Some(false), true) => series.unexpected.push(day),
            (Some(_), _) => {}
            (None, _) => series.calendar = false,
        }
    }
    series.unexpected.extend(dates.iter().filter(|date| **date > until && !has_begun(**date, question.now)));
    Some(series)
}

/// Whether a trading date can have begun: nowhere on Earth is it later than a day past UTC.
pub fn has_begun(date: NaiveDate, now: DateTime<Utc>) -> bool {
    now.date_naive().succ_opt().is_none_or(|tomorrow| date <= tomorrow)
}

/// What a quarantined bar says of itself, where that can be read.
#[derive(Debug, Deserialize)]
struct QuarantinedBar {
    provider: String,
    provider_symbol: String,
    interval: String,
    adjustment: String,
    session: String,
    trading_date: NaiveDate,
}

/// Takes the sessions that are in quarantine out of those that are missing, each with its reason.
pub async fn tell_quarantine(lake: &dyn Lake, contract: &Contract, all: &mut [Series]) -> Result<()> {
    if all.iter().all(|series| series.missing.is_empty()) {
        return Ok(());
    }
    let mut reasons: BTreeMap<[String; 5], BTreeMap<NaiveDate, String>> = BTreeMap::new();
    let (prefix, mut unreadable) = (ObjectKey::dataset_prefix(Zone::Quarantine, &contract.name), Vec::new());
    let rows = quarantined_rows(lake, &prefix, &mut unreadable).await?;
    warn_of(&unreadable);
    for row in rows {
        // What came unasked says nothing of its day: asking for that day may bring another row.
        if row.reason == RowFault::NOT_ASKED {
            continue;
        }
        // A row that does not say what it is of could be any.
        let bar = row.raw.as_deref().and_then(|raw| serde_json::from_str::<QuarantinedBar>(raw).ok());
        let Some(bar) = bar else { continue };
        let series = [bar.provider, bar.provider_symbol, bar.interval, bar.adjustment, bar.session];
        reasons.entry(series).or_default().insert(bar.trading_date, row.reason);
    }
    for series in all {
        let key = [
            &series.provider,
            &series.provider_symbol,
            &series.interval,
            &series.adjustment,
            &series.session,
        ];
        let Some(reasons) = reasons.get(&key.map(Clone::clone)) else { continue };
        let missing = std::mem::take(&mut series.missing);
        for date in missing {
            match reasons.get(&date) {
                Some(reason) => series.quarantined.push(QuarantinedSession { date, reason: reason.clone() }),
                None => series.missing.push(date),
            }
        }
    }
    Ok(())
}

/// The newest session that has closed; where the calendar does not reach so far, its end.
fn newest(calendar: &Calendar, now: DateTime<Utc>) -> NaiveDate {
    calendar.last_closed_session(now).unwrap_or(calendar.coverage().1)
}

/// Series for tests.
#[cfg(test)]
pub(crate) mod made_up {
    use super::Series;

    /// Of the exchange `mic`, with one session.
    pub(crate) fn series(symbol: &str, mic: Option<&str>, last: &str) -> Series {
        Series {
            provider: "polygon".into(),
            provider_symbol: symbol.into(),
            interval: "1d".into(),
            adjustment: "raw".into(),
            session: "regular".into(),
            symbol: symbol.into(),
            exchange_mic: mic.map(str::to_owned),
            exchange_tz: "America/New_York".into(),
            asset_class: "equity".into(),
            quote_unit: "USD".into(),
            first: "2026-01-02".parse().unwrap(),
            last: last.parse().unwrap(),
            sessions: 1,
            missing: Vec::new(),
            quarantined: Vec::new(),
            unexpected: Vec::new(),
            calendar: true,
        }
    }
}

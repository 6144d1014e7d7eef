//! How recent each series of bars is, and the sessions that it lacks, by the exchanges' calendars.

use std::cmp::Reverse;

use chrono::{DateTime, NaiveDate, Utc};
use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Finding, Result};

use super::SHOWN;
use crate::gaps::{self, Question, Series};
use crate::lateness;
use crate::report::data::{GapWindow, Gaps, Newest, SeriesFreshness};
use crate::tables::table_read;

/// What is said of the series of every table of bars.
pub(super) async fn read(
    lake: &dyn Lake,
    contracts: &Contracts,
    now: DateTime<Utc>,
    unreadable: &mut Vec<Finding>,
) -> Result<(Vec<SeriesFreshness>, Gaps)> {
    let question = Question { now, ..Question::default() };
    let (mut freshness, mut gaps, mut windows) = (Vec::new(), Gaps::default(), Vec::new());
    for dataset in contracts.all()? {
        let contract = &dataset.contract;
        if !gaps::has_series(contract) {
            continue;
        }
        let found = gaps::find(lake, contract, &question).await;
        let Some(mut all) = table_read(found, contract, unreadable)? else { continue };
        gaps::tell_quarantine(lake, contract, &mut all).await?;
        for series in &all {
            if !lateness::goes_on(series, &all) {
                freshness.push(fresh(&contract.name, series, now));
            }
            gaps.series += 1;
            if !series.calendar {
                gaps.without_calendar += 1;
                continue;
            }
            gaps.missing += series.missing.len() as u64;
            gaps.quarantined += series.quarantined.len() as u64;
            windows.extend(windows_of(&contract.name, series));
        }
    }
    freshness.sort_by(|a, b| {
        let behind = |of: &SeriesFreshness| Reverse(of.sessions_behind.map_or(0, |behind| behind + 1));
        (behind(a), &a.symbol, &a.table, &a.series).cmp(&(behind(b), &b.symbol, &b.table, &b.series))
    });
    windows.sort_by(|a, b| (&b.to, &a.symbol, &a.series).cmp(&(&a.to, &b.symbol, &b.series)));
    let all = windows.len() as u64;
    windows.truncate(SHOWN);
    gaps.windows = Newest { rows: windows, all };
    Ok((freshness, gaps))
}

fn named(series: &Series) -> String {
    format!("{}, {}, {}", series.provider, series.adjustment, series.interval)
}

fn fresh(table: &str, series: &Series, now: DateTime<Utc>) -> SeriesFreshness {
    let late = lateness::of_series(series, now);
    SeriesFreshness {
        table: table.to_owned(),
        symbol: series.symbol.clone(),
        series: named(series),
        last: series.last.to_string(),
        sessions: series.sessions,
        expected: late.map(|late| late.expected.to_string()),
        sessions_behind: late.map(|late| late.sessions_behind),
    }
}

fn windows_of(table: &str, series: &Series) -> Vec<GapWindow> {
    let window = |from: NaiveDate, to: NaiveDate, sessions: u64, quarantined: Option<String>| GapWindow {
        from: from.to_string(),
        to: to.to_string(),
        sessions,
        table: table.to_owned(),
        symbol: series.symbol.clone(),
        series: named(series),
        quarantined,
    };
    let missing = series.windows().into_iter().map(|(from, to)| {
        let inside = series.missing.iter().filter(|date| (from..=to).contains(*date));
        window(from, to, inside.count() as u64, None)
    });
    let quarantined = series
        .quarantined
        .iter()
        .map(|session| window(session.date, session.date, 1, Some(session.reason.clone())));
    missing.chain(quarantined).collect()
}

//! Reads a lake and adds up what its report says.
//!
//! - `prices`: of each symbol the daily bars of its preferred series, with factors and averages; `returns`: their returns
//! - `quality`: result documents, by dataset and by day
//! - `rows`: rows that were warned of, rows that were refused; `flag_details`: what flags are about; `by_now`: whether a good row
//!   of a refused one's key is published meanwhile
//! - `coverage`: how recent the series are, and the sessions that they lack
//! - `work`: what the stages did

mod by_now;
mod coverage;
mod flag_details;
mod prices;
mod quality;
mod returns;
mod rows;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_contract::Contracts;
use quotelake_core::ports::Lake;
use quotelake_core::{Result, Zone};

use crate::collect::quarantined_rows;
use crate::report::ReportData;
use crate::report::data::{ActionCounts, DateRange, TableFacts, Totals};
use crate::tables::{TableSummary, summaries};

pub use by_now::good_by_now;
pub use rows::{Wanted, newest_refused, warned};

/// Rows of a list that are shown.
const SHOWN: usize = 200;

/// Everything the report shows, as of `now`.
pub async fn collect(
    lake: &dyn Lake,
    contracts: &Contracts,
    now: DateTime<Utc>,
    lake_name: &str,
) -> Result<ReportData> {
    let mut unreadable = Vec::new();
    let tables = summaries(lake, contracts, &mut unreadable).await?;
    let (prices, pivot) = prices::read(lake, contracts, &mut unreadable).await?;
    let documents = quality::documents(lake, &mut unreadable).await?;
    let quarantined = quarantined_rows(lake, Zone::Quarantine.prefix(), &mut unreadable).await?;
    let (flags, warned) = rows::warned(lake, contracts, &rows::Wanted::default(), &mut unreadable).await?;
    let (freshness, gaps) = coverage::read(lake, contracts, now, &mut unreadable).await?;
    let runs = work::runs(lake, &mut unreadable).await?;
    Ok(ReportData {
        title: "Quotelake".into(),
        generated_at: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        lake: lake_name.to_owned(),
        range: trading_dates(&tables),
        totals: totals(&tables),
        prices,
        pivot,
        scorecard: quality::scorecard(&documents),
        quality_days: quality::by_day(&documents),
        flags,
        warned,
        freshness,
        gaps,
        quarantine: rows::reasons(&quarantined),
        refused: rows::refused(&quarantined, contracts, &documents),
        runs,
        actions: actions(&tables),
        tables: tables.iter().map(facts).collect(),
        unreadable: unreadable.into_iter().map(|finding| finding.found).collect(),
    })
}

fn range<'t>(tables: impl Iterator<Item = &'t TableSummary> + Clone) -> Option<DateRange> {
    let first = tables.clone().filter_map(|table| table.first).min()?;
    let last = tables.filter_map(|table| table.last).max()?;
    Some(DateRange { first: first.to_string(), last: last.to_string() })
}

fn trading_dates(tables: &[TableSummary]) -> Option<DateRange> {
    range(tables.iter().filter(|table| table.table.ends_with("_bars")))
}

fn totals(tables: &[TableSummary]) -> Totals {
    let symbols: BTreeSet<&String> = tables.iter().flat_map(|table| table.by_symbol.keys()).collect();
    Totals {
        rows: tables.iter().map(|table| table.rows).sum(),
        symbols: symbols.len() as u64,
        partitions: tables.iter().map(|table| table.partitions).sum(),
        files: tables.iter().map(|table| table.partitions).sum(),
        bytes: tables.iter().map(|table| table.bytes).sum(),
    }
}

fn facts(table: &TableSummary) -> TableFacts {
    TableFacts {
        table: table.table.clone(),
        rows: table.rows,
        symbols: table.symbols,
        range: range(std::iter::once(table)),
        partitions: table.partitions,
        bytes: table.bytes,
    }
}

fn actions(tables: &[TableSummary]) -> Vec<ActionCounts> {
    let mut counts: BTreeMap<&String, ActionCounts> = BTreeMap::new();
    for table in tables {
        for (symbol, (rows, last)) in &table.by_symbol {
            let (splits, dividends) = match table.table.as_str() {
                "splits" => (*rows, 0),
                "dividends" => (0, *rows),
                _ => continue,
            };
            let entry = counts.entry(symbol).or_insert_with(|| ActionCounts {
                symbol: symbol.clone(),
                splits: 0,
                dividends: 0,
                last_ex_date: None,
            });
            entry.splits += splits;
            entry.dividends += dividends;
            entry.last_ex_date = entry.last_ex_date.take().max(last.map(|date| date.to_string()));
        }
    }
    counts.into_values().collect()
}

//! `quotelake status`: what each table holds, how fresh it is, and what waits.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use quotelake_contract::{Contract, Contracts};
use quotelake_core::ports::Lake;
use quotelake_core::{Finding, FindingLevel, Result, Zone};
use quotelake_local::SpoolDepth;
use quotelake_platform::settings::Settings;
use quotelake_platform::{connect, contracts};
use serde::Serialize;

use super::open_existing;
use crate::args::StatusArgs;
use crate::collect::{LastCheck, last_checks};
use crate::gaps::{self, Question, Series};
use crate::laptop::{Laptop, QUEUES};
use crate::lateness::{self, Lateness};
use crate::left_behind::LeftBehind;
use crate::misfits::misfits;
use crate::models::{StaleModel, stale_models};
use crate::output::{Exit, Output};
use crate::runs::{self, DayOfRuns, NewestRuns};
use crate::sent::{NotLanded, not_landed};
use crate::tables::{flagged, summary_of, table_read};
use crate::undelivered::{self, UndeliveredCount};
use quotelake_table::Published;

/// How a lake is.
#[derive(Debug, Serialize)]
struct Status {
    lake: String,
    at: DateTime<Utc>,
    tables: Vec<TableStatus>,
    /// Series of bars whose newest session is not the newest that has closed.
    late: Vec<LateSeries>,
    /// Messages that wait and dead letters, by queue; empty for a lake on S3, whose queues `dlq --sqs` shows.
    queues: Vec<QueueStatus>,
    /// Objects of `staged/`: checked and not published yet.
    staged: u64,
    /// Pages that the stream took and did not deliver yet; nothing for a lake on S3.
    stream: Option<StreamStatus>,
    /// Pages that could not be delivered: their rows are in no table.
    undelivered: UndeliveredCount,
    /// Units that `fetch` sent on AWS more than a quarter of an hour ago and that are not in `landing/`.
    not_landed: Vec<NotLanded>,
    /// Models that are on and not up to date: `quotelake refine` computes what is stale of them.
    stale_models: Vec<StaleModel>,
    /// What the stages did on the newest of the last seven days that has runs.
    runs: Option<DayOfRuns>,
    /// What does not fit, cannot be read, or was left behind.
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct StreamStatus {
    batches: u64,
    bytes: u64,
    oldest: Option<DateTime<Utc>>,
}

impl Status {
    fn exit(&self) -> Exit {
        let queued = self.queues.iter().any(|queue| queue.waiting + queue.dead_letters > 0);
        let on_its_way = self.stream.as_ref().is_some_and(|stream| stream.batches > 0);
        if queued
            || on_its_way
            || self.staged > 0
            || self.undelivered.objects > 0
            || !self.not_landed.is_empty()
            || self.findings.iter().any(|finding| finding.severity == FindingLevel::Error)
        {
            Exit::SomeFailed
        } else if self.late.is_empty() && self.findings.is_empty() && self.stale_models.is_empty() {
            Exit::Done
        } else {
            Exit::QualityFailure
        }
    }
}

#[derive(Debug, Serialize)]
struct TableStatus {
    table: String,
    rows: u64,
    files: u64,
    bytes: u64,
    /// The newest date of the table's key.
    last: Option<NaiveDate>,
    /// Of a table of bars: its series, and how many of them have the newest session that has closed.
    series: Option<SeriesCount>,
    last_check: Option<LastCheck>,
    /// Rows by flag.
    flags: BTreeMap<String, u64>,
}

#[derive(Debug, Default, Serialize)]
struct SeriesCount {
    all: u64,
    current: u64,
    late: u64,
    /// Series of an exchange without a calendar: nothing can be said of them.
    no_calendar: u64,
}

#[derive(Debug, Serialize)]
struct LateSeries {
    table: String,
    symbol: String,
    provider: String,
    exchange_mic: Option<String>,
    last: NaiveDate,
    /// The newest session that has closed.
    expected: NaiveDate,
    sessions_behind: u64,
}

#[derive(Debug, Serialize)]
struct QueueStatus {
    queue: String,
    waiting: u64,
    dead_letters: u64,
}

/// Runs the command.
pub async fn run(args: StatusArgs, output: Output) -> Result<Exit> {
    let (lake, contracts, laptop) = open(&args.lake).await?;
    let now = connect::clock().now();
    let mut status = Status {
        lake: args.lake.clone(),
        at: now,
        tables: Vec::new(),
        late: Vec::new(),
        queues: match &laptop {
            Some(laptop) => queues(laptop).await?,
            None => Vec::new(),
        },
        staged: lake.list(Zone::Staged.prefix()).await?.len() as u64,
        stream: match &laptop {
            Some(laptop) => {
                let SpoolDepth { batches, bytes, oldest } = laptop.stream_depth().await?;
                Some(StreamStatus { batches: batches as u64, bytes, oldest })
            }
            None => None,
        },
        undelivered: undelivered::count(lake.as_ref()).await?,
        not_landed: not_landed(lake.as_ref(), now).await?,
        stale_models: stale_models(lake.as_ref(), &contracts).await?,
        runs: None,
        findings: match &laptop {
            Some(laptop) => {
                let catalog = (laptop.catalog().as_ref(), laptop.catalog_tables().await?);
                let mut findings = misfits(lake.as_ref(), &contracts, Some(catalog)).await?;
                findings.extend(LeftBehind::of_laptop(laptop).await?.findings());
                findings
            }
            None => {
                let mut findings = misfits(lake.as_ref(), &contracts, None).await?;
                findings.extend(LeftBehind::of_lake(lake.as_ref(), now, false).await?.findings());
                findings
            }
        },
    };
    let question = Question { symbols: args.symbols, now, ..Question::default() };
    for dataset in contracts.all()? {
        let contract = &dataset.contract;
        // One table that cannot be read does not hide the others.
        let read = table_status(lake.as_ref(), contract, &question, &mut status.late).await;
        status.tables.extend(table_read(read, contract, &mut status.findings)?.flatten());
    }
    let mut missing: BTreeSet<&str> = status.tables.iter().map(|table| table.table.as_str()).collect();
    let NewestRuns { day, mut checks } =
        runs::newest(lake.as_ref(), now, &missing, &mut status.findings).await?;
    status.runs = day;
    // What was not checked for days, or by a program that wrote down no runs.
    missing.retain(|table| !checks.contains_key(*table));
    checks.extend(last_checks(lake.as_ref(), &missing, &mut status.findings).await?);
    for table in &mut status.tables {
        table.last_check = checks.remove(&table.table);
    }
    output.finish(&status, || text::text(&status))?;
    Ok(status.exit())
}

/// A table, where it has files.
async fn table_status(
    lake: &dyn Lake,
    contract: &Contract,
    question: &Question,
    late: &mut Vec<LateSeries>,
) -> Result<Option<TableStatus>> {
    let counted = Published::new(lake, contract).count().await?;
    if counted.partitions == 0 {
        return Ok(None);
    }
    let now = question.now;
    // Each table is read once: one of bars for its series, another for its dates.
    let (last, series) = if gaps::has_series(contract) {
        let every = Question { now, ..Question::default() };
        let mut all = gaps::find(lake, contract, &every).await?;
        let last = all.iter().map(|series| series.last).max();
        all.retain(|series| question.wants(series));
        (last, Some(judge(&contract.name, &all, now, late)))
    } else {
        (summary_of(lake, contract).await?.and_then(|summary| summary.last), None)
    };
    let flags = flagged(lake, contract).await?;
    Ok(Some(TableStatus {
        table: contract.name.clone(),
        rows: counted.rows,
        files: counted.partitions,
        bytes: counted.bytes,
        last,
        series,
        last_check: None,
        flags,
    }))
}

/// A folder with its queues, or what a URI names.
async fn open(place: &str) -> Result<(Arc<dyn Lake>, Contracts, Option<Laptop>)> {
    if !place.contains("://") {
        let laptop = open_existing(place.as_ref()).await?;
        return Ok((Arc::clone(laptop.lake()), laptop.contracts.clone(), Some(laptop)));
    }
    let settings = Settings::from_lookup(|name| (name == "LAKE_URI").then(|| place.to_owned()));
    let lake = connect::lake(&settings).await?;
    let contracts = contracts::load(lake.as_ref()).await?;
    Ok((lake, contracts, None))
}

async fn queues(laptop: &Laptop) -> Result<Vec<QueueStatus>> {
    let mut all = Vec::new();
    for name in QUEUES {
        all.push(QueueStatus {
            queue: name.to_owned(),
            waiting: laptop.queue(name)?.list().await?.len() as u64,
            dead_letters: laptop.queue(&format!("{name}-dlq"))?.list().await?.len() as u64,
        });
    }
    Ok(all)
}

/// Counts a table's series, and adds the late ones to `late`, the latest first.
fn judge(table: &str, all: &[Series], now: DateTime<Utc>, late: &mut Vec<LateSeries>) -> SeriesCount {
    let mut count = SeriesCount::default();
    let before = late.len();
    for series in all.iter().filter(|series| !lateness::goes_on(series, all)) {
        count.all += 1;
        let Some(Lateness { expected, sessions_behind: behind }) = lateness::of_series(series, now) else {
            count.no_calendar += 1;
            continue;
        };
        if behind == 0 {
            count.current += 1;
            continue;
        }
        count.late += 1;
        late.push(LateSeries {
            table: table.to_owned(),
            symbol: series.symbol.clone(),
            provider: series.provider.clone(),
            exchange_mic: series.exchange_mic.clone(),
            last: series.last,
            expected,
            sessions_behind: behind,
        });
    }
    late[before..].sort_by(|a, b| b.sessions_behind.cmp(&a.sessions_behind).then(a.symbol.cmp(&b.symbol)));
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gaps::made_up::series;

    #[test]
    fn lateness_counts_sessions_not_days() {
        // A Monday morning in New York: Friday's session is the newest that has closed.
        let now = "2026-11-23T14:00:00Z".parse().unwrap();
        let all = [
            series("GOOD", Some("XNYS"), "2026-11-20"),
            series("LATE", Some("XNYS"), "2026-11-18"),
            series("OLD", Some("XNYS"), "2026-10-30"),
            series("ELSEWHERE", None, "2026-11-20"),
        ];
        let mut late = Vec::new();
        let count = judge("daily_bars", &all, now, &mut late);
        assert_eq!((count.all, count.current, count.late, count.no_calendar), (4, 1, 2, 1));
        let found: Vec<_> =
            late.iter().map(|s| (s.symbol.as_str(), s.expected.to_string(), s.sessions_behind)).collect();
        assert_eq!(found, [("OLD", "2026-11-20".into(), 15), ("LATE", "2026-11-20".into(), 2)]);
    }
}

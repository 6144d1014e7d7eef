//! `quotelake status`: what each table holds, how fresh it is, and what waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use quotelake_core::calendar::Calendar;
use quotelake_core::market::Calendars;
use quotelake_core::ports::Lake;
use quotelake_core::{Contract, Contracts, Finding, Result, Severity, Zone};
use quotelake_local::SpoolDepth;
use quotelake_platform::settings::Settings;
use quotelake_platform::{connect, contracts};
use serde::Serialize;

use super::open_existing;
use crate::args::StatusArgs;
use crate::collect::{LastCheck, last_checks};
use crate::gaps::{self, Question, Series};
use crate::laptop::{Laptop, QUEUES};
use crate::left_behind::LeftBehind;
use crate::misfits::misfits;
use crate::output::{Exit, Output, bytes_text, table, thousands, visible};
use crate::sent::{NotLanded, not_landed};
use crate::tables::{count, flagged, summary_of};
use crate::undelivered::{self, UndeliveredCount};

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
            || self.findings.iter().any(|finding| finding.severity == Severity::Error)
        {
            Exit::SomeFailed
        } else if self.late.is_empty() && self.findings.is_empty() {
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
    let mut checks = last_checks(lake.as_ref(), &mut status.findings).await?;
    let question = Question { symbols: args.symbols, now, ..Question::default() };
    for dataset in contracts.iter() {
        let contract = &dataset.contract;
        match table_status(lake.as_ref(), contract, &question, &mut status.late).await {
            Ok(found) => status.tables.extend(found),
            Err(error) if error.kind().is_retryable() => return Err(error),
            // One table that cannot be read does not hide the others.
            Err(error) => status.findings.push(Finding::error(
                format!("table {}", contract.name),
                error.to_string(),
                "restore the file from a backup, or make it again with `quotelake rebuild`",
            )),
        }
    }
    for table in &mut status.tables {
        table.last_check = checks.remove(&table.table);
    }
    output.finish(&status, || text(&status))?;
    Ok(status.exit())
}

/// A table, where it has files.
async fn table_status(
    lake: &dyn Lake,
    contract: &Contract,
    question: &Question,
    late: &mut Vec<LateSeries>,
) -> Result<Option<TableStatus>> {
    let counted = count(lake, &contract.name).await?;
    if counted.files == 0 {
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
    let flags = flagged(lake, contract).await?.into_iter().map(|(flag, of)| (flag, of.rows)).collect();
    Ok(Some(TableStatus {
        table: contract.name.clone(),
        rows: counted.rows,
        files: counted.files,
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
    let calendars = Calendars::built_in();
    let mut count = SeriesCount { all: all.len() as u64, ..SeriesCount::default() };
    let before = late.len();
    for series in all {
        let calendar = calendars.of(Some(&series.asset_class), series.exchange_mic.as_deref());
        let Some((expected, behind)) = calendar.and_then(|calendar| behind(calendar, series.last, now))
        else {
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

/// The newest session that has closed, and how many sessions a series that ends at `last` is behind it; nothing where the
/// calendar does not reach that far.
fn behind(calendar: &Calendar, last: NaiveDate, now: DateTime<Utc>) -> Option<(NaiveDate, u64)> {
    let expected = calendar.last_closed_session(now)?;
    let behind = if last >= expected { 0 } else { calendar.sessions_between(last, expected)? as u64 };
    Some((expected, behind))
}

/// Late series that are printed; the JSON has all of them.
const SHOWN: usize = 20;

fn text(status: &Status) -> String {
    let mut text = match status.tables.is_empty() {
        true => format!("{} has no table yet", status.lake),
        false => tables_text(status),
    };
    waiting_text(status, &mut text);
    text
}

fn tables_text(status: &Status) -> String {
    let mut text = table(
        &[
            "table",
            "rows",
            "files",
            "size",
            "newest",
            "series",
            "up to date",
            "last check",
            "decision",
            "rules passed",
        ],
        &[1, 2, 3, 5, 6, 9],
        status.tables.iter().map(|row| {
            let (series, current) = match &row.series {
                Some(series) => (thousands(series.all), thousands(series.current)),
                None => Default::default(),
            };
            let (at, decision, score) = match &row.last_check {
                Some(check) => (
                    check.at.to_rfc3339_opts(SecondsFormat::Secs, true),
                    check.decision.clone(),
                    check.score.map(|score| format!("{:.0} %", score * 100.0)).unwrap_or_default(),
                ),
                None => Default::default(),
            };
            vec![
                row.table.clone(),
                thousands(row.rows),
                thousands(row.files),
                bytes_text(row.bytes),
                row.last.map(|date| date.to_string()).unwrap_or_default(),
                series,
                current,
                at,
                decision,
                score,
            ]
        }),
    );
    if !status.late.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(
            &["late", "table", "provider", "exchange", "newest", "expected", "sessions behind"],
            &[6],
            status.late.iter().take(SHOWN).map(|series| {
                vec![
                    series.symbol.clone(),
                    series.table.clone(),
                    series.provider.clone(),
                    series.exchange_mic.clone().unwrap_or_default(),
                    series.last.to_string(),
                    series.expected.to_string(),
                    thousands(series.sessions_behind),
                ]
            }),
        ));
        if status.late.len() > SHOWN {
            text.push_str(&format!("\nand {} more; --json has all of them", status.late.len() - SHOWN));
        }
    }
    for row in status.tables.iter().filter(|row| !row.flags.is_empty()) {
        let flags: Vec<String> =
            row.flags.iter().map(|(flag, rows)| format!("{} {}", visible(flag), thousands(*rows))).collect();
        text.push_str(&format!("\n{}: rows with a flag: {}", row.table, flags.join(", ")));
    }
    let unknown: u64 =
        status.tables.iter().filter_map(|row| row.series.as_ref()).map(|s| s.no_calendar).sum();
    if unknown > 0 {
        text.push_str(&format!("\n{unknown} series of exchanges without a calendar: not judged"));
    }
    text
}

/// What waits, and what got no further.
fn waiting_text(status: &Status, text: &mut String) {
    let instant = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    for queue in &status.queues {
        if queue.waiting > 0 {
            text.push_str(&format!(
                "\n{}: {} messages wait for the next `quotelake run`",
                queue.queue, queue.waiting
            ));
        }
        if queue.dead_letters > 0 {
            text.push_str(&format!(
                "\n{}: {} dead letters: see `quotelake dlq ls`",
                queue.queue, queue.dead_letters
            ));
        }
    }
    for finding in &status.findings {
        text.push_str(&format!("\n{}: {}: {}", finding.subject, visible(&finding.found), finding.fix));
    }
    if status.staged > 0 {
        text.push_str(&format!("\n{} checked objects wait to be published", status.staged));
    }
    if let Some(StreamStatus { batches: 1.., bytes, oldest }) = &status.stream {
        let since =
            oldest.as_ref().map(|at| format!(", the oldest since {}", instant(at))).unwrap_or_default();
        text.push_str(&format!(
            "\n{} of pages wait in the stream for the next `quotelake run`{since}",
            bytes_text(*bytes)
        ));
    }
    let undelivered = &status.undelivered;
    if undelivered.objects > 0 {
        let since = undelivered
            .oldest
            .as_ref()
            .map(|at| format!(", the oldest of {}", instant(at)))
            .unwrap_or_default();
        text.push_str(&format!(
            "\n{} objects of pages that could not be delivered{since}: their rows are in no table\n",
            undelivered.objects
        ));
        text.push_str(undelivered::text(&undelivered.pages).trim_end());
    }
    for unit in status.not_landed.iter().take(SHOWN) {
        text.push_str(&format!(
            "\nnot landed {} of run {}, sent {}: see undelivered/ and the stream's log, or ask for it again",
            visible(&unit.unit_id),
            visible(&unit.run_id),
            instant(&unit.sent_at)
        ));
    }
    if status.not_landed.len() > SHOWN {
        text.push_str(&format!("\nand {} more; --json has all of them", status.not_landed.len() - SHOWN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(symbol: &str, mic: Option<&str>, last: &str) -> Series {
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

    #[test]
    fn after_the_close_the_day_itself_is_expected() {
        let calendar = Calendar::of_mic("XNYS").unwrap();
        let last = "2026-11-23".parse().unwrap();
        let at = |text: &str| behind(calendar, last, text.parse().unwrap()).unwrap().1;
        assert_eq!(at("2026-11-24T20:59:00Z"), 0);
        assert_eq!(at("2026-11-24T21:00:00Z"), 1);
        // Thanksgiving is no session.
        assert_eq!(at("2026-11-26T22:00:00Z"), 2);
    }
}

//! A run: plan, ask, deliver, report.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use quotelake_core::time::parse_zone;
use quotelake_core::{Error, Result, sha256_hex};
use quotelake_platform::freshness::Freshness;
use quotelake_platform::sqs::CORRELATION_ID;
use quotelake_sources::http::{Executor, FetchTask, TaskOutcome, TokioSleep};
use quotelake_sources::{Failure, FailureKind, Job};

use crate::deliver::{Destination, Pages};
use crate::queues::queue_unfinished;
use crate::report::{FetchReport, UnitOutcome, UnitReport};
use crate::run_row;
use crate::{Context, FetchRequest, Sent, UnitsMessage, WatchlistRef};

/// Fetches what a request asks for. With `time_left`, stops in time and hands the rest back.
///
/// `InvalidInput` for a request that cannot be planned, before anything is asked. Otherwise `Err` only when a dead letter or a
/// unit could not be queued; what fails at the vendor is in the report.
pub async fn run(
    context: &Context,
    request: &FetchRequest,
    time_left: Option<Duration>,
) -> Result<FetchReport> {
    let source = context.sources.get(&request.source).map_err(|e| Error::invalid(e.to_string()))?;
    let watchlist = match &request.watchlist {
        WatchlistRef::Named(name) => context.watchlists.get(name)?,
        WatchlistRef::Inline(watchlist) => watchlist,
    };
    // Today is one date for the whole run: that of the first instrument's exchange.
    let first = watchlist.instruments.first();
    let zone = first.map_or(Ok(chrono_tz::UTC), |instrument| parse_zone(&instrument.exchange_tz))?;
    let now = context.clock.now();
    let job = Job {
        instruments: watchlist.instruments.clone(),
        datasets: request.datasets.clone(),
        intraday_interval: request.interval,
        from: request.from.resolve(now, zone)?,
        to: request.to.resolve(now, zone)?,
    };
    let units = source.plan(&job)?;
    let run_id = match &request.run_id {
        Some(run_id) => checked_run_id(run_id)?.to_owned(),
        None => new_run_id(context, units.iter().map(|unit| unit.id.as_str())),
    };
    report_freshness(context, request).await;
    let tasks = units.into_iter().map(FetchTask::new).collect();
    run_units(context, &request.source, &run_id, tasks, time_left).await
}

/// Carries units through, new ones or those of an earlier run. As [`run`].
pub async fn run_units(
    context: &Context,
    source_name: &str,
    run_id: &str,
    tasks: Vec<FetchTask>,
    time_left: Option<Duration>,
) -> Result<FetchReport> {
    let message = UnitsMessage {
        source: source_name.to_owned(),
        run_id: run_id.to_owned(),
        units: tasks,
        hops: 0,
        failure: None,
    };
    run_message(context, message, time_left).await
}

/// Carries a message's units through. Those that are handed back go on in a message that counts one hop more.
pub(crate) async fn run_message(
    context: &Context,
    message: UnitsMessage,
    time_left: Option<Duration>,
) -> Result<FetchReport> {
    let UnitsMessage { source: source_name, run_id, units: tasks, hops, .. } = message;
    let (source_name, run_id) = (source_name.as_str(), run_id.as_str());
    tracing::Span::current().record(CORRELATION_ID, run_id);
    let started_at = context.clock.now();
    let source = context.sources.get(source_name).map_err(|e| Error::invalid(e.to_string()))?;
    let options = context.options_of(source_name);
    let executor = Executor {
        source: source.as_ref(),
        http: context.http.as_ref(),
        secrets: context.secrets.as_ref(),
        clock: context.clock.as_ref(),
        sleep: &TokioSleep,
        pacing: context.pacing.as_deref(),
        options: &options,
    };
    let mut sink = Pages::new(Destination {
        stream: context.stream.as_ref(),
        lake: context.lake.as_deref(),
        sources: &context.sources,
    });
    let mut outcome = executor.run(run_id, tasks, &mut sink, time_left).await;
    for (_, of_task) in &mut outcome.units {
        fail_if_spent(context, hops, of_task);
    }
    note_sent(context, source_name, run_id, &sink).await;
    let reports = outcome
        .units
        .iter()
        .map(|(task, of_task)| UnitReport {
            unit_id: task.unit.id.clone(),
            outcome: UnitOutcome::of(of_task),
        })
        .collect();
    warn_of_short_coverage(run_id, source_name, &outcome.units);
    let report = FetchReport::new(run_id, source_name, outcome.requests, reports);
    let queued = queue_unfinished(context, source_name, run_id, hops, &outcome.units).await;
    if let Some(lake) = context.lake.as_deref().filter(|_| !report.units.is_empty()) {
        let took = (started_at, context.clock.now());
        run_row::record(lake, &report, took, sink.bytes(), &queued).await;
    }
    tracing::info!(
        target: "quotelake::metrics",
        rows_fetched = report.rows,
        units_failed = report.counts.failed,
    );
    tracing::info!(
        run_id,
        source = source_name,
        units = report.units.len(),
        delivered = report.counts.delivered,
        empty = report.counts.empty,
        failed = report.counts.failed,
        handed_back = report.counts.handed_back,
        pages = report.pages,
        rows = report.rows,
        requests = report.requests,
        "fetched"
    );
    queued.map(|()| report)
}

/// Reports how long ago each dataset that is asked for was last published: a metric, of which an alarm watches the oldest. A time that cannot
/// be read costs nothing but the metric.
async fn report_freshness(context: &Context, request: &FetchRequest) {
    let Some(lake) = &context.sent else { return };
    let freshness = Freshness::new(Arc::clone(lake), Arc::clone(&context.clock));
    for dataset in &request.datasets {
        match freshness.hours_since(dataset.as_str()).await {
            Ok(Some(hours)) => {
                tracing::info!(target: "quotelake::metrics", hours_since_published = hours);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(dataset = dataset.as_str(), error = %error, "when it was published is unknown");
            }
        }
    }
}

/// Notes the units of which the stream took pages, also of those that are handed back and go on from there. A note that cannot be
/// written costs nothing but the note.
async fn note_sent(context: &Context, source: &str, run_id: &str, pages: &Pages<'_>) {
    let Some(lake) = &context.sent else { return };
    let sent = Sent {
        source: source.to_owned(),
        run_id: run_id.to_owned(),
        sent_at: context.clock.now(),
        units: pages.streamed().keys().cloned().collect(),
        pages: pages.streamed().clone(),
    };
    if sent.units.is_empty() {
        return;
    }
    if let Err(error) = sent.write(lake.as_ref()).await {
        tracing::warn!(run_id, source, units = sent.units.len(), error = %error, "what was sent is not noted");
    }
}

/// A vendor clips a window in silence; the log does not.
fn warn_of_short_coverage(run_id: &str, source: &str, units: &[(FetchTask, TaskOutcome)]) {
    for (task, end) in units {
        if let TaskOutcome::Delivered { short: Some(short), .. } = end {
            tracing::warn!(
                run_id,
                source,
                unit_id = task.unit.id,
                first = %short.first,
                last = %short.last,
                expected_first = %short.expected_first,
                expected_last = %short.expected_last,
                "bars do not reach the ends of the window"
            );
        }
    }
}

/// A unit that failed in too many runs, or that too many invocations handed on, is a dead letter: its reason stays, and a person can
/// send it again.
fn fail_if_spent(context: &Context, hops: u32, outcome: &mut TaskOutcome) {
    if let TaskOutcome::HandedBack { failure, .. } = outcome
        && hops >= context.max_hops
    {
        let why = failure.as_ref().map_or_else(|| "no time was left".to_owned(), ToString::to_string);
        let kind = failure.as_ref().map_or(FailureKind::Timeout, |failure| failure.kind);
        let what = format!("given up after {hops} invocations that handed it on, the last: {why}");
        *outcome = TaskOutcome::Failed(Failure::new(kind, what));
    } else if let TaskOutcome::HandedBack { task, failure: Some(failure), .. } = outcome
        && task.attempt >= context.max_attempts
    {
        let mut failure = failure.clone();
        failure.message = format!("given up after {} runs: {}", task.attempt, failure.message);
        *outcome = TaskOutcome::Failed(failure);
    }
}

/// `20130302T020000.000Z-1f2e3d4c`: sortable by time, and another for another plan in the same millisecond.
fn new_run_id<'a>(context: &Context, units: impl Iterator<Item = &'a str>) -> String {
    let now = context.clock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let plan = units.collect::<Vec<_>>().join("\n");
    let hash = sha256_hex(format!("{now}\n{plan}").as_bytes());
    format!("{}-{}", now.replace(['-', ':'], ""), &hash[..8])
}

/// A run id becomes part of every line.
fn checked_run_id(run_id: &str) -> Result<&str> {
    let fits = (1..=64).contains(&run_id.len())
        && run_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    if fits {
        Ok(run_id)
    } else {
        Err(Error::invalid(format!("run_id {run_id:?} is not 1 to 64 letters, digits, and - _ . :")))
    }
}

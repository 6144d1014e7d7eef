//! The pace that workers share, against a real server on this machine that counts.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::{Clock as _, Lake};
use quotelake_local::MemoryLake;
use quotelake_sources::http::{
    BudgetPeriod, CallBudget, CallLimit, Executor, FetchTask, Options, ReqwestHttp, RunOutcome, TaskOutcome,
};
use quotelake_sources::polygon::{Polygon, PolygonConfig};
use quotelake_sources::{DatasetName, FailureKind, Source as _};
use quotelake_testkit::{CallPlan, Faulty};
use support::asking::{Collected, RotatedSecret, TestClock};
use support::job;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const EMPTY: &str = r#"{"status":"OK","results":[]}"#;
const EPOCH: &str = "2026-11-26T10:00:00Z";

/// A vendor that notes when it was asked, for what and with which key, and answers by a rule.
struct Vendor {
    base_url: url::Url,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: JoinHandle<()>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// When a request came, and its head.
type Seen = (DateTime<Utc>, String);

/// Status, further header lines, body.
type Answer = (u16, &'static str, &'static str);

impl Vendor {
    async fn start(clock: TestClock, answer: impl Fn(usize, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let accepting = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let number = {
                        let mut seen = log.lock().unwrap();
                        seen.push((clock.now(), request.clone()));
                        seen.len() - 1
                    };
                    let (status, headers, body) = answer(number, &request);
                    let head = format!(
                        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(head.as_bytes()).await;
                });
            }
        });
        Self { base_url, seen, accepting }
    }

    fn times(&self) -> Vec<DateTime<Utc>> {
        let mut times: Vec<_> = self.seen.lock().unwrap().iter().map(|(at, _)| *at).collect();
        times.sort_unstable();
        times
    }

    fn polygon(&self) -> Polygon {
        Polygon::new(PolygonConfig::with_base_url(self.base_url.clone())).unwrap()
    }
}

fn units(polygon: &Polygon, symbols: std::ops::Range<usize>) -> Vec<FetchTask> {
    let symbols: Vec<String> = symbols.map(|n| format!("S{n}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    polygon.plan(&job(&symbols, &[DatasetName::Splits])).unwrap().into_iter().map(FetchTask::new).collect()
}

/// One invocation.
async fn invoke(
    (polygon, clock, lake): (&Polygon, TestClock, &dyn Lake),
    options: &Options,
    (run_id, task): (&str, Vec<FetchTask>),
    time_left: Option<Duration>,
) -> RunOutcome {
    let (http, secrets) = (ReqwestHttp::new(), RotatedSecret::new("key", "key"));
    let executor = Executor {
        source: polygon,
        http: &http,
        secrets: &secrets,
        clock: &clock,
        sleep: &clock,
        pacing: Some(lake),
        options,
    };
    executor.run(run_id, task, &mut Collected::default(), time_left).await
}

/// Three workers at once, each with a third of the units.
async fn three_workers(
    polygon: &Polygon,
    clock: TestClock,
    options: &Options,
    units_each: usize,
) -> Vec<RunOutcome> {
    let lake = MemoryLake::new();
    let world = (polygon, clock, &lake as &dyn Lake);
    let task = |worker: usize| units(polygon, worker * units_each..(worker + 1) * units_each);
    let (a, b, c) = tokio::join!(
        invoke(world, options, ("run-a", task(0)), None),
        invoke(world, options, ("run-b", task(1)), None),
        invoke(world, options, ("run-c", task(2)), None),
    );
    vec![a, b, c]
}

fn options() -> Options {
    Options { secret: Some("test:key".into()), ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_window_holds_more_than_the_allowed_calls_of_three_workers() {
    let clock = TestClock::new(EPOCH, 1);
    let vendor = Vendor::start(clock, |_, _| (200, "", EMPTY)).await;
    let limit = CallLimit { calls: 5, per_ms: 500 };
    let options = Options { limit: Some(limit), ..options() };
    let ends = three_workers(&vendor.polygon(), clock, &options, 10).await;
    assert_eq!(ends.iter().map(|end| end.requests).sum::<u64>(), 30);
    let times = vendor.times();
    assert_eq!(times.len(), 30);
    for sixth in 5..times.len() {
        let span = times[sixth] - times[sixth - 5];
        assert!(span >= TimeDelta::milliseconds(500), "six calls within {span}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_429_nobody_asks_for_as_long_as_it_says() {
    // A hundred times faster than life: half a minute is 300 ms.
    let clock = TestClock::new(EPOCH, 100);
    let vendor = Vendor::start(clock, |number, _| match number {
        2 => (429, "retry-after: 30\r\n", ""),
        _ => (200, "", EMPTY),
    })
    .await;
    let options = Options { min_interval: Duration::from_secs(6), ..options() };
    let ends = three_workers(&vendor.polygon(), clock, &options, 3).await;
    assert!(ends.iter().all(|end| end.units.iter().all(|(_, end)| *end == TaskOutcome::Empty)), "{ends:?}");
    let times = vendor.times();
    assert_eq!(times.len(), 10, "nine units, one of them asked for twice");
    let pause = times[3] - times[2];
    assert!(pause >= TimeDelta::seconds(30), "{pause}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_symbols_under_a_deadline_are_all_asked_for_over_several_invocations() {
    let clock = TestClock::new(EPOCH, 1);
    let vendor = Vendor::start(clock, |_, _| (200, "", EMPTY)).await;
    let polygon = vendor.polygon();
    let lake = MemoryLake::new();
    let options = Options {
        limit: Some(CallLimit { calls: 100, per_ms: 700 }),
        // What is left when the time is up is handed back in a debug build, on a slow machine too.
        reserve: Duration::from_millis(1200),
        ..options()
    };
    let mut task = units(&polygon, 0..1000);
    let mut done = BTreeSet::new();
    let mut invocations = 0;
    while !task.is_empty() {
        invocations += 1;
        assert!(invocations < 30, "{} units are left", task.len());
        let started = clock.now();
        let world = (&polygon, clock, &lake as &dyn Lake);
        let deadline = Duration::from_secs(3);
        let end = invoke(world, &options, ("run-1", std::mem::take(&mut task)), Some(deadline)).await;
        assert!(clock.now() - started < TimeDelta::seconds(3), "the deadline holds");
        for (unit, end) in end.units {
            match end {
                TaskOutcome::Empty => assert!(done.insert(unit.unit.id), "asked for twice"),
                TaskOutcome::HandedBack { task: left, .. } => task.push(*left),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(invocations > 1);
    assert_eq!((done.len(), vendor.times().len()), (1000, 1000));
}

#[tokio::test]
async fn a_budget_is_one_for_all_invocations_and_its_end_is_no_failed_attempt() {
    let clock = TestClock::new(EPOCH, 1);
    let vendor = Vendor::start(clock, |_, _| (200, "", EMPTY)).await;
    let (polygon, lake) = (vendor.polygon(), MemoryLake::new());
    let budget = Some(CallBudget { calls: 3, per: BudgetPeriod::Day });
    let options = Options { budget, ..options() };
    let world = (&polygon, clock, &lake as &dyn Lake);
    let first = invoke(world, &options, ("run-1", units(&polygon, 0..2)), None).await;
    let second = invoke(world, &options, ("run-2", units(&polygon, 2..4)), None).await;
    assert_eq!((first.requests, second.requests), (2, 1));
    let TaskOutcome::HandedBack { task, failure: Some(failure), .. } = &second.units[1].1 else {
        panic!("{second:?}")
    };
    assert_eq!((failure.kind, task.attempt), (FailureKind::Budget, 0));
}

#[tokio::test]
async fn the_breaker_is_shared_and_belongs_to_one_source() {
    let clock = TestClock::new(EPOCH, 1);
    let vendor = Vendor::start(clock, |_, _| (200, "", "<html>who are you?</html>")).await;
    let (polygon, lake) = (vendor.polygon(), MemoryLake::new());
    let options = Options { min_interval: Duration::from_millis(1), ..options() };
    let world = (&polygon, clock, &lake as &dyn Lake);
    let first = invoke(world, &options, ("run-1", units(&polygon, 0..2)), None).await;
    assert_eq!(first.requests, 1, "a block stops the run");
    let second = invoke(world, &options, ("run-2", units(&polygon, 2..4)), None).await;
    assert_eq!(second.requests, 0, "and the next one leaves the source alone");
    for (_, end) in &second.units {
        let TaskOutcome::HandedBack { failure: Some(failure), .. } = end else { panic!("{end:?}") };
        assert_eq!(failure.kind, FailureKind::BreakerOpen);
    }
    let keys: Vec<String> = lake.list("").await.unwrap().into_iter().map(|meta| meta.key).collect();
    assert_eq!(keys, ["pacing/source=polygon.json"]);
}

#[tokio::test]
async fn a_document_that_cannot_be_read_costs_a_pause_and_no_unit() {
    let clock = TestClock::new(EPOCH, 100);
    let vendor = Vendor::start(clock, |_, _| (200, "", EMPTY)).await;
    let (polygon, lake) = (vendor.polygon(), MemoryLake::new());
    let when = quotelake_core::ports::Precondition::None;
    lake.put("pacing/source=polygon.json", "{".into(), when).await.unwrap();
    let options = Options { limit: Some(CallLimit { calls: 2, per_ms: 10_000 }), ..options() };
    let world = (&polygon, clock, &lake as &dyn Lake);
    let end = invoke(world, &options, ("run-1", units(&polygon, 0..1)), None).await;
    assert_eq!(end.units[0].1, TaskOutcome::Empty);
    assert!(vendor.times()[0] - EPOCH.parse::<DateTime<Utc>>().unwrap() >= TimeDelta::seconds(10));
}

#[tokio::test]
async fn a_run_on_a_clock_that_was_ahead_does_not_hold_up_the_next() {
    // A hundred times faster than life.
    let (ahead, clock) = (TestClock::new("2026-11-26T11:00:00Z", 100), TestClock::new(EPOCH, 100));
    let vendor = Vendor::start(clock, |_, _| (200, "", EMPTY)).await;
    let (polygon, lake) = (vendor.polygon(), MemoryLake::new());
    let options = Options { min_interval: Duration::from_secs(12), ..options() };
    let early = invoke((&polygon, ahead, &lake), &options, ("run-1", units(&polygon, 0..3)), None).await;
    assert_eq!(early.requests, 3);
    let status = options.pace_status(&lake, "polygon", clock.now()).await.unwrap().unwrap();
    assert!(status.impossible.is_some_and(|what| what.contains("still to come")));
    assert_eq!(status.rules, "12 s between calls");

    let started = clock.now();
    let end = invoke((&polygon, clock, &lake), &options, ("run-2", units(&polygon, 3..5)), None).await;
    assert!(end.units.iter().all(|(_, end)| *end == TaskOutcome::Empty), "{end:?}");
    let took = clock.now() - started;
    assert!(took >= TimeDelta::seconds(60) && took < TimeDelta::minutes(30), "{took}");
    let status = options.pace_status(&lake, "polygon", clock.now()).await.unwrap().unwrap();
    assert!(status.impossible.is_none() && status.next_call < clock.now() + TimeDelta::minutes(1));
    assert!(options.pace_status(&lake, "yahoo", clock.now()).await.unwrap().is_none());
}

/// What a lake charges for: a write costs as much as twelve reads.
fn calls_of(plan: &CallPlan, kind: &str) -> usize {
    plan.log().iter().filter(|call| call.starts_with(kind)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_are_reserved_in_one_write_and_what_is_not_used_is_given_back() {
    // Twenty times faster than life: the 12 seconds of the free plan are 600 ms.
    let clock = TestClock::new(EPOCH, 20);
    let vendor = Vendor::start(clock, |_, _| (200, "", EMPTY)).await;
    let (polygon, plan) = (vendor.polygon(), CallPlan::new());
    let memory: Arc<dyn Lake> = Arc::new(MemoryLake::new());
    let lake = Faulty::new(Arc::clone(&memory), &plan);
    let options = Options { min_interval: Duration::from_secs(12), ..options() };
    let world = (&polygon, clock, &lake as &dyn Lake);
    let end = invoke(world, &options, ("run-1", units(&polygon, 0..13)), None).await;
    assert!(end.units.iter().all(|(_, end)| *end == TaskOutcome::Empty), "{end:?}");
    let times = vendor.times();
    assert_eq!(times.len(), 13);
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= TimeDelta::seconds(9), "{} apart", pair[1] - pair[0]);
    }
    // The first call, then six in each write; some more on a machine that sleeps through its turns.
    let writes = calls_of(&plan, "put pacing/");
    assert!((3..=8).contains(&writes), "{writes} writes for 13 calls");
    let bytes = memory.get("pacing/source=polygon.json").await.unwrap().bytes;
    let state: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let last: DateTime<Utc> =
        state["calls"].as_array().unwrap().last().unwrap().as_str().unwrap().parse().unwrap();
    assert!(last <= clock.now(), "no turn is kept that nobody needs");
}

//! The executor's clockwork, on a paused clock and a scripted connection.
#![cfg(feature = "http")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::asking::{Collected, RotatedSecret, TestClock};
use crate::support::{answer, job};
use async_trait::async_trait;
use quotelake_core::Envelope;
use quotelake_sources::brapi::{Brapi, BrapiConfig};
use quotelake_sources::http::{
    Executor, FetchTask, Http, Options, Outgoing, PageSink, RunOutcome, TaskOutcome,
};
use quotelake_sources::polygon::Polygon;
use quotelake_sources::{DatasetName, Failure, FailureKind, RawResponse, Source as _};
use tokio::time::Instant;

const EMPTY: &str = r#"{"status":"OK","results":[]}"#;

/// Answers from a script, then with empty pages; remembers when it was asked.
#[derive(Debug, Default)]
struct Scripted {
    answers: Mutex<VecDeque<RawResponse>>,
    asked: Mutex<Vec<(Instant, Duration)>>,
}

impl Scripted {
    fn new(answers: impl IntoIterator<Item = RawResponse>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() }
    }

    fn seconds(&self, start: Instant) -> Vec<u64> {
        self.asked.lock().unwrap().iter().map(|(at, _)| (*at - start).as_secs()).collect()
    }
}

#[async_trait]
impl Http for Scripted {
    async fn send(&self, request: Outgoing<'_>) -> Result<RawResponse, Failure> {
        self.asked.lock().unwrap().push((Instant::now(), request.timeout));
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(self.answers.lock().unwrap().pop_front().unwrap_or_else(|| answer(200, EMPTY)))
    }
}

fn options() -> Options {
    Options { secret: Some("test:key".into()), ..Options::default() }
}

fn units(count: usize) -> Vec<FetchTask> {
    let symbols: Vec<String> = (0..count).map(|n| format!("S{n}")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    Polygon::default()
        .plan(&job(&symbols, &[DatasetName::Splits]))
        .unwrap()
        .into_iter()
        .map(FetchTask::new)
        .collect()
}

async fn carry(
    http: &Scripted,
    options: &Options,
    task: Vec<FetchTask>,
    time_left: Option<Duration>,
) -> RunOutcome {
    carry_into(http, options, task, time_left, &mut Collected::default()).await
}

async fn carry_into(
    http: &Scripted,
    options: &Options,
    task: Vec<FetchTask>,
    time_left: Option<Duration>,
    sink: &mut dyn PageSink,
) -> RunOutcome {
    let clock = TestClock::new("2026-11-21T12:00:00Z", 1);
    let secrets = RotatedSecret::new("key", "key");
    let source = Polygon::default();
    let executor = Executor {
        source: &source,
        http,
        secrets: &secrets,
        clock: &clock,
        sleep: &clock,
        pacing: None,
        options,
    };
    executor.run("run-1", task, sink, time_left).await
}

#[tokio::test(start_paused = true)]
async fn a_free_plans_rhythm_is_kept() {
    let http = Scripted::default();
    let start = Instant::now();
    let options = Options { min_interval: Duration::from_secs(12), ..options() };
    carry(&http, &options, units(6), None).await;
    assert_eq!(http.seconds(start), [0, 12, 24, 36, 48, 60]);
}

#[tokio::test(start_paused = true)]
async fn units_that_the_deadline_leaves_over_are_handed_back_untried() {
    let http = Scripted::default();
    let options = Options { min_interval: Duration::from_secs(12), ..options() };
    let run = carry(&http, &options, units(10), Some(Duration::from_secs(60))).await;
    // 10 s are reserved: requests at 0, 12, 24, 36 and 48 s.
    assert_eq!(run.requests, 5);
    let timeouts: Vec<u64> =
        http.asked.lock().unwrap().iter().map(|(_, timeout)| timeout.as_secs()).collect();
    assert_eq!(timeouts, [30, 30, 26, 14, 2], "no request may outlast the deadline");
    for (task, end) in &run.units[5..] {
        let TaskOutcome::HandedBack { task: left, pages: 0, failure: None, .. } = end else {
            panic!("{end:?}")
        };
        assert_eq!((left.as_ref(), left.attempt), (task, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn one_rate_window_is_waited_for_then_the_unit_is_handed_back() {
    let http = Scripted::new(std::iter::repeat_n(answer(429, ""), 20));
    let start = Instant::now();
    let run = carry(&http, &options(), units(2), None).await;
    for (_, end) in &run.units {
        let TaskOutcome::HandedBack { task, delay, failure: Some(failure), .. } = end else {
            panic!("{end:?}")
        };
        assert_eq!((failure.kind, task.attempt), (FailureKind::RateLimited, 1));
        assert!((60..=66).contains(&delay.as_secs()), "{delay:?}");
    }
    assert_eq!(run.requests, 8, "each unit once, and three times again");
    let asked = http.seconds(start);
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 60), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_is_not_sat_out_by_any_unit() {
    let mut patience = answer(429, "");
    patience.headers.push(("retry-after".into(), "3600".into()));
    let http = Scripted::new([patience]);
    let start = Instant::now();
    let run = carry(&http, &options(), units(3), Some(Duration::from_secs(900))).await;
    assert_eq!((run.requests, start.elapsed().as_secs()), (1, 1));
    for (_, end) in &run.units {
        assert!(matches!(end, TaskOutcome::HandedBack { delay, .. } if delay.as_secs() >= 3599), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_the_deadline_forbids_is_handed_back_with_its_reason() {
    let http = Scripted::new(std::iter::repeat_n(answer(429, ""), 20));
    let run = carry(&http, &options(), units(1), Some(Duration::from_secs(30))).await;
    let TaskOutcome::HandedBack { failure: Some(failure), task, .. } = &run.units[0].1 else {
        panic!("{run:?}")
    };
    assert_eq!((failure.kind, task.attempt, run.requests), (FailureKind::RateLimited, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_block_stops_the_source() {
    let http = Scripted::new([answer(200, "<html>consent</html>")]);
    let run = carry(&http, &options(), units(3), None).await;
    assert_eq!(run.requests, 1);
    for (_, end) in &run.units {
        assert!(
            matches!(end, TaskOutcome::Failed(failure) if failure.kind == FailureKind::Blocked),
            "{end:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_secret_nothing_is_asked() {
    for (secret, text) in
        [(None, "no secret is configured"), (Some("test:other".to_owned()), "no secret test:other")]
    {
        let http = Scripted::default();
        let run = carry(&http, &Options { secret, ..options() }, units(2), None).await;
        assert_eq!(run.requests, 0);
        let TaskOutcome::Failed(failure) = &run.units[0].1 else { panic!("{run:?}") };
        assert!(failure.kind == FailureKind::Config && failure.message.contains(text), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_in_a_circle_ends() {
    let link = "https://api.massive.com/v3/reference/splits?cursor=x";
    let page = format!(r#"{{"status":"OK","results":[],"next_url":"{link}"}}"#);
    let http = Scripted::new(std::iter::repeat_n(answer(200, page), 9));
    let run = carry(&http, &options(), units(1), None).await;
    assert_eq!(run.requests, 2);
    assert!(
        matches!(&run.units[0].1, TaskOutcome::Failed(failure) if failure.message.contains("leads back"))
    );
}

/// Takes pages, and says at the end that one is lost.
#[derive(Debug)]
struct Leaking(FailureKind);

#[async_trait]
impl PageSink for Leaking {
    async fn deliver(&mut self, _page: Envelope) -> Result<(), Failure> {
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        Err(Failure::new(self.0, "lost"))
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_the_stream_lost_starts_its_unit_over() {
    let run =
        carry_into(&Scripted::default(), &options(), units(1), None, &mut Leaking(FailureKind::Stream)).await;
    let TaskOutcome::HandedBack { task, failure: Some(_), .. } = &run.units[0].1 else { panic!("{run:?}") };
    assert_eq!((task.unit.page, &task.resume_at, task.attempt), (0, &None, 1));
    let run =
        carry_into(&Scripted::default(), &options(), units(2), None, &mut Leaking(FailureKind::Config)).await;
    assert!(
        run.units.iter().all(
            |(_, end)| matches!(end, TaskOutcome::Failed(failure) if failure.kind == FailureKind::Config)
        )
    );
    assert_eq!(run.requests, 1, "a stream that may not be written to stops the run");
}

#[tokio::test(start_paused = true)]
async fn symbols_that_are_refused_together_are_asked_for_one_by_one() {
    let config = BrapiConfig {
        symbols_per_request: 3,
        ..BrapiConfig::with_base_url("https://vendor.example.com".parse().unwrap())
    };
    let source = Brapi::new(config).unwrap();
    let plan = source.plan(&job(&["AAAA3", "BBBB4", "CCCC3"], &[DatasetName::DailyBars])).unwrap();
    let unit = plan.first().unwrap().clone();
    let not_found = || answer(404, r#"{"error":true,"message":"no such share"}"#);
    let page = |symbol: &str| {
        answer(
            200,
            format!(
                r#"{{"results":[{{"symbol":"{symbol}","historicalDataPrice":[{{"date":1362142800,"close":9}}]}}]}}"#
            ),
        )
    };
    let clock = TestClock::new("2026-11-21T12:00:00Z", 1);
    let secrets = RotatedSecret::new("key", "key");
    let options = options();
    let carry = async |answers: Vec<RawResponse>| {
        let http = Scripted::new(answers);
        let executor = Executor {
            source: &source,
            http: &http,
            secrets: &secrets,
            clock: &clock,
            sleep: &clock,
            pacing: None,
            options: &options,
        };
        let mut sink = Collected::default();
        let run = executor.run("run-1", vec![FetchTask::new(unit.clone())], &mut sink, None).await;
        (run, sink.pages.len())
    };
    let (run, pages) = carry(vec![not_found(), page("AAAA3"), not_found(), page("CCCC3")]).await;
    let TaskOutcome::Delivered { pages: 2, rows: 2, .. } = run.units[0].1 else { panic!("{run:?}") };
    let (lost, TaskOutcome::Failed(failure)) = &run.units[1] else { panic!("{run:?}") };
    assert_eq!((lost.unit.symbol.as_deref(), failure.kind), (Some("BBBB4"), FailureKind::NotFound));
    assert_eq!((run.units.len(), run.requests, pages), (2, 4, 2));

    // Nothing of it is known: one dead letter, not four.
    let (run, pages) = carry(vec![not_found(), not_found(), not_found(), not_found()]).await;
    assert!(
        matches!(&run.units[..], [(_, TaskOutcome::Failed(failure))] if failure.kind == FailureKind::NotFound)
    );
    assert_eq!(pages, 0);

    // One that cannot be had now: the whole again later.
    let gone = || answer(503, "later");
    let answers = std::iter::once(not_found()).chain(std::iter::repeat_with(gone).take(20)).collect();
    let (run, _) = carry(answers).await;
    let [(_, TaskOutcome::HandedBack { task, .. })] = &run.units[..] else { panic!("{run:?}") };
    assert_eq!((&task.unit, task.resume_at.as_deref()), (&unit, None));
}

/// Longer than what a failure quotes of a text, so that a cut falls into it.
const KEY: &str = "k3y/Of+A=Lake 7f0c1d2e3b4a5968778695a4b3c2d1e0f";

/// A vendor, or the way to it, that echoes the key.
#[derive(Debug)]
struct Echoing(fn(&str) -> Result<RawResponse, Failure>, &'static str);

#[async_trait]
impl Http for Echoing {
    async fn send(&self, _: Outgoing<'_>) -> Result<RawResponse, Failure> {
        (self.0)(self.1)
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_vendor_echoes_is_in_no_failure() {
    type Echo = fn(&str) -> Result<RawResponse, Failure>;
    let with_status: [(u16, FailureKind); 7] = [
        (401, FailureKind::Auth),
        (403, FailureKind::Entitlement),
        (400, FailureKind::BadRequest),
        (404, FailureKind::NotFound),
        (429, FailureKind::RateLimited),
        (500, FailureKind::Server),
        (200, FailureKind::Malformed),
    ];
    let bodies: [Echo; 8] = [
        |key| Ok(answer(0, format!(r#"{{"status":"ERROR","error":"unknown key {key}"}}"#))),
        |key| Ok(answer(0, format!("Authorization: Bearer {}", key.to_uppercase()))),
        |key| Ok(answer(0, format!(r#"{{"status":"ERROR","error":"apiKey={}"}}"#, percent(key)))),
        |key| Ok(answer(0, format!(r#"{{"error":"unknown key {}"}}"#, key.replace('/', r"\/")))),
        // The quote ends within the key.
        |key| Ok(answer(0, format!("{}{key}", "x ".repeat(90)))),
        |key| Ok(answer(0, format!("{}{key}", "x".repeat(190)))),
        |key| Ok(answer(0, format!("<html><a href=\"/?apiKey={}\">log in</a>", percent(key)))),
        |key| {
            let mut moved = answer(302, "");
            moved
                .headers
                .push(("location".into(), format!("https://elsewhere.example/?apiKey={}", percent(key))));
            Ok(moved)
        },
    ];
    for (status, kind) in with_status {
        for (number, body) in bodies.into_iter().enumerate() {
            let mut echo = body(KEY).unwrap();
            if echo.status == 0 {
                echo.status = status;
            }
            let http = Scripted::new(std::iter::repeat_n(echo, 20));
            let told = what_is_told(&http).await;
            assert!(!holds_part_of_the_key(&told), "{status}, body {number}: {told}");
            assert!(number > 3 || told.contains(kind.code()), "{status}, body {number}: {told}");
        }
    }
    let on_the_way: Echo = |key| Err(Failure::new(FailureKind::Network, format!("proxy refused {key}")));
    let told = what_is_told(&Echoing(on_the_way, KEY)).await;
    assert!(told.contains("proxy refused ***"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_key_in_a_link_or_a_header_goes_no_further_than_the_page() {
    let next = format!("https://api.massive.com/v3/reference/splits?cursor=x&token={}", percent(KEY));
    let mut page = answer(200, format!(r#"{{"status":"OK","results":[],"next_url":"{next}"}}"#));
    page.headers.push(("x-request-id".into(), format!("req-{KEY}")));
    let mut sink = Collected::default();
    let http = Scripted::new(std::iter::repeat_n(page, 9));
    let run = carry_with_key(&http, &mut sink).await;
    assert!(!holds_part_of_the_key(&format!("{run:?}")), "{run:?}");
    for page in sink.pages {
        assert!(!holds_part_of_the_key(&page.request_id), "{}", page.request_id);
        assert!(holds_part_of_the_key(&page.body), "raw/ keeps what came");
    }
}

/// Percent-encoded, each byte that is no letter or digit.
fn percent(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(encoded).collect()
}

fn holds_part_of_the_key(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("k3y") || text.contains("7f0c1d2e")
}

/// Everything that a run says of two units.
async fn what_is_told(http: &dyn Http) -> String {
    format!("{:?}", carry_with_key(http, &mut Collected::default()).await)
        .replace("RateLimited", "rate_limited")
        .to_lowercase()
        .replace("badrequest", "bad_request")
        .replace("notfound", "not_found")
}

async fn carry_with_key(http: &dyn Http, sink: &mut dyn PageSink) -> RunOutcome {
    let clock = TestClock::new("2026-11-21T12:00:00Z", 1);
    let secrets = RotatedSecret::new(KEY, KEY);
    let source = Polygon::default();
    let options = options();
    let executor = Executor {
        source: &source,
        http,
        secrets: &secrets,
        clock: &clock,
        sleep: &clock,
        pacing: None,
        options: &options,
    };
    executor.run("run-1", units(2), sink, None).await
}

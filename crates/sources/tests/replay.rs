//! The executor over real HTTP, against the sample recording.
#![cfg(all(feature = "http", feature = "replay"))]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::asking::{Collected, RotatedSecret};
use crate::support::{job, sample_recording};
use bytes::Bytes;
use quotelake_core::Envelope;
use quotelake_core::ports::FixedClock;
use quotelake_sources::http::{
    Executor, FetchTask, Http, Options, Outgoing, ReqwestHttp, RunOutcome, TaskOutcome, TokioSleep,
};
use quotelake_sources::polygon::{Polygon, PolygonConfig};
use quotelake_sources::replay::{Fault, Recording, ReplayServer};
use quotelake_sources::{Auth, DatasetName, FailureKind, HttpSpec, Record, Source as _};

const NOW: &str = "2026-11-21T12:00:00.123456Z";

struct Setting {
    server: ReplayServer,
    polygon: Polygon,
    http: ReqwestHttp,
    secret: RotatedSecret,
    options: Options,
    sink: Collected,
}

impl Setting {
    async fn new() -> Self {
        let server = ReplayServer::start(Recording::load(&sample_recording()).unwrap()).await.unwrap();
        let polygon = Polygon::new(PolygonConfig::with_base_url(server.base_url())).unwrap();
        Self {
            server,
            polygon,
            http: ReqwestHttp::new(),
            secret: RotatedSecret::new("old", "new"),
            options: Options {
                secret: Some("test:key".into()),
                replay: true,
                backoff: Duration::from_millis(4),
                reserve: Duration::ZERO,
                ..Options::default()
            },
            sink: Collected::default(),
        }
    }

    async fn run(&mut self, symbols: &[&str], datasets: &[DatasetName]) -> RunOutcome {
        let task =
            self.polygon.plan(&job(symbols, datasets)).unwrap().into_iter().map(FetchTask::new).collect();
        self.carry(task, None).await
    }

    async fn carry(&mut self, task: Vec<FetchTask>, time_left: Option<Duration>) -> RunOutcome {
        let clock = FixedClock(NOW.parse().unwrap());
        let executor = Executor {
            source: &self.polygon,
            http: &self.http,
            secrets: &self.secret,
            clock: &clock,
            sleep: &TokioSleep,
            pacing: None,
            options: &self.options,
        };
        executor.run("run-1", task, &mut self.sink, time_left).await
    }

    fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        for page in &self.sink.pages {
            // Through the stream's own form and back.
            let envelope = Envelope::from_record(&page.to_record().unwrap()).unwrap();
            let mapped = self.polygon.transform(&envelope).unwrap();
            assert!(mapped.warnings.is_empty(), "{:?}", mapped.warnings);
            records.extend(mapped.records);
        }
        records
    }
}

fn ends(run: &RunOutcome) -> Vec<&TaskOutcome> {
    run.units.iter().map(|(_, end)| end).collect()
}

#[tokio::test]
async fn the_whole_recording_comes_through() {
    let mut setting = Setting::new().await;
    let run = setting
        .run(
            &["AAPL", "FB", "GOOG", "IBM", "MSFT"],
            &[DatasetName::DailyBars, DatasetName::Splits, DatasetName::Dividends],
        )
        .await;

    // 26 answers are recorded: each is asked for once.
    assert_eq!((run.requests, setting.server.requests(), setting.sink.pages.len()), (26, 26, 26));
    assert_eq!(setting.sink.finished, 15);
    let requests: std::collections::HashSet<_> =
        setting.server.seen().into_iter().map(|seen| seen.request).collect();
    assert_eq!(requests.len(), 26);
    assert!(setting.server.seen().iter().all(|seen| seen.authorization.is_none()), "a recording gets no key");
    assert_eq!(ends(&run)[0], &TaskOutcome::Delivered { pages: 4, rows: 3270, short: None });
    assert_eq!(ends(&run)[4], &TaskOutcome::Empty, "FB had no split");

    let records = setting.records();
    let count = |dataset| records.iter().filter(|record| record.dataset() == dataset).count();
    assert_eq!((count("daily_bars"), count("splits"), count("dividends")), (12_154, 3, 93));
    for record in &records {
        if let Record::DailyBars(bar) = record {
            assert_eq!(bar.is_final, Some(true));
            assert_eq!(bar.provenance.fetched_at.0.to_rfc3339(), "2013-03-02T02:00:00+00:00");
        }
    }
    let mut first = Vec::new();
    records[0].write_line(&mut first);
    insta::assert_snapshot!("first_line_of_the_recording", String::from_utf8(first).unwrap());
    setting.server.stop().await;
}

#[tokio::test]
async fn live_answers_carry_this_clock_and_the_key() {
    let mut setting = Setting::new().await;
    setting.options.replay = false;
    setting.run(&["IBM"], &[DatasetName::Splits]).await;
    assert_eq!(setting.server.seen()[0].authorization.as_deref(), Some("Bearer old"));
    assert!(!setting.server.seen()[0].request.contains("old"));
    assert_eq!(setting.sink.pages[0].fetched_at.to_rfc3339(), "2026-11-21T12:00:00.123+00:00");
    assert_eq!(setting.sink.pages[0].request_id, "run-1/polygon/splits/IBM/0");
}

#[tokio::test]
async fn passing_faults_are_asked_again() {
    let mut setting = Setting::new().await;
    let too_many =
        Fault::Answer { status: 429, headers: vec![("retry-after", "1".into())], body: Bytes::new() };
    setting.server.script([too_many, Fault::status(500), Fault::Cut]);
    let run = setting.run(&["IBM"], &[DatasetName::Splits]).await;
    assert_eq!((ends(&run)[0], run.requests), (&TaskOutcome::Empty, 4));
}

#[tokio::test]
async fn a_page_that_keeps_failing_is_handed_back_where_it_stopped_and_taken_up_there() {
    let mut setting = Setting::new().await;
    setting.server.script([Fault::None, Fault::None]);
    setting.server.script(std::iter::repeat_n(Fault::status(503), 4));
    let run = setting.run(&["AAPL", "FB"], &[DatasetName::DailyBars]).await;
    let TaskOutcome::HandedBack { task, pages: 2, failure: Some(failure), .. } = ends(&run)[0] else {
        panic!("{run:?}")
    };
    assert_eq!(failure.kind, FailureKind::Server);
    assert_eq!((task.unit.page, task.attempt), (2, 1));
    let TaskOutcome::Delivered { pages: 1, rows: 196, short: Some(short) } = ends(&run)[1] else {
        panic!("other units go on: {run:?}")
    };
    // The shares were first sold to the public that day: to us, that looks like a window that was clipped.
    assert_eq!(
        (short.first.to_string(), short.expected_first.to_string()),
        ("2012-05-18".into(), "2000-03-01".into())
    );

    // Through a queue's text and back.
    let task: FetchTask = serde_json::from_str(&serde_json::to_string(task).unwrap()).unwrap();
    let run = setting.carry(vec![task], None).await;
    assert_eq!(ends(&run)[0], &TaskOutcome::Delivered { pages: 2, rows: 1270, short: None });
    let bars = setting.records().len();
    assert_eq!(bars, 3270 + 196, "no page twice, none missing");
}

#[tokio::test]
async fn a_slow_answer_is_given_up_and_asked_again() {
    let mut setting = Setting::new().await;
    setting.options.timeout = Duration::from_millis(150);
    setting.server.script([Fault::Slow(Duration::from_secs(20))]);
    let run = setting.run(&["IBM"], &[DatasetName::Splits]).await;
    assert_eq!((ends(&run)[0], run.requests), (&TaskOutcome::Empty, 2));
}

#[tokio::test]
async fn a_rotated_key_is_read_anew_once() {
    let mut setting = Setting::new().await;
    setting.options.replay = false;
    let unknown = || Fault::Answer {
        status: 401,
        headers: vec![("content-type", "application/json".into())],
        body: r#"{"status":"ERROR","error":"Unknown API Key"}"#.into(),
    };
    setting.server.script([unknown()]);
    let run = setting.run(&["IBM"], &[DatasetName::Splits]).await;
    assert_eq!(ends(&run)[0], &TaskOutcome::Empty);
    let keys: Vec<_> = setting.server.seen().into_iter().filter_map(|seen| seen.authorization).collect();
    assert_eq!(keys, ["Bearer old", "Bearer new"]);

    // When the new one is refused as well, nothing else is asked: it would only be refused.
    setting.server.script([unknown(), unknown()]);
    let run = setting.run(&["IBM", "FB", "MSFT"], &[DatasetName::Splits]).await;
    for end in ends(&run) {
        assert!(matches!(end, TaskOutcome::Failed(failure) if failure.kind == FailureKind::Auth), "{end:?}");
    }
    assert!(
        matches!(ends(&run)[2], TaskOutcome::Failed(failure) if failure.message == "not asked: Unknown API Key")
    );
    assert_eq!(setting.server.requests(), 2 + 1, "the same key is not tried twice");
    assert_eq!(setting.secret.forgotten.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_is_not_recorded_is_named() {
    let mut setting = Setting::new().await;
    let run = setting.run(&["TSLA"], &[DatasetName::Splits]).await;
    let TaskOutcome::Failed(failure) = ends(&run)[0] else { panic!("{run:?}") };
    assert_eq!((failure.kind, failure.status), (FailureKind::NotFound, Some(404)));
    assert_eq!(
        failure.message,
        "not in the recording: GET /v3/reference/splits?ticker=TSLA&order=asc&limit=1000&sort=execution_date"
    );
}

#[tokio::test]
async fn a_body_above_the_cap_fails_its_unit_alone() {
    let mut setting = Setting::new().await;
    setting.options.max_body_bytes = 10_000;
    let run = setting.run(&["IBM"], &[DatasetName::DailyBars, DatasetName::Splits]).await;
    assert!(matches!(ends(&run)[0], TaskOutcome::Failed(failure) if failure.kind == FailureKind::TooLarge));
    assert_eq!(ends(&run)[1], &TaskOutcome::Empty);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut setting = Setting::new().await;
    let elsewhere = ReplayServer::start(Recording::new("none", NOW.parse().unwrap())).await.unwrap();
    let headers = vec![("location", elsewhere.base_url().to_string())];
    setting.server.script([Fault::Answer { status: 302, headers, body: Bytes::new() }]);
    let run = setting.run(&["IBM"], &[DatasetName::Splits]).await;
    assert!(matches!(ends(&run)[0], TaskOutcome::Failed(failure) if failure.kind == FailureKind::Blocked));
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn when_nobody_listens_the_unit_is_handed_back() {
    let mut setting = Setting::new().await;
    let gone = ReplayServer::start(Recording::new("none", NOW.parse().unwrap())).await.unwrap();
    setting.polygon = Polygon::new(PolygonConfig::with_base_url(gone.base_url())).unwrap();
    gone.stop().await;
    let run = setting.run(&["IBM"], &[DatasetName::Splits]).await;
    let TaskOutcome::HandedBack { failure: Some(failure), task, .. } = ends(&run)[0] else {
        panic!("{run:?}")
    };
    assert_eq!((failure.kind, task.attempt, run.requests), (FailureKind::Network, 1, 4));
    assert!(!failure.message.contains("127.0.0.1/"), "{}", failure.message);
}

#[tokio::test]
async fn a_tampered_recording_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.json");
    std::fs::write(&page, "{}").unwrap();
    let index = folder.path().join("recording.json");
    let write = |body_file: &str, sha256: &str| {
        let entry = format!(
            r#"{{"method":"GET","path":"/","status":200,"body_file":"{body_file}","sha256":"{sha256}"}}"#
        );
        let text = format!(r#"{{"source":"x","recorded_at":"2013-03-02T02:00:00Z","responses":[{entry}]}}"#);
        std::fs::write(&index, text).unwrap();
    };
    let hash = quotelake_core::sha256_hex(b"{}");
    write("page.json", &hash);
    assert_eq!(Recording::load(&index).unwrap().len(), 1);
    write("page.json", "00");
    assert!(Recording::load(&index).unwrap_err().to_string().contains("00 was recorded"));
    write("../page.json", &hash);
    assert!(Recording::load(&index).unwrap_err().to_string().contains("outside the folder"));
}

#[tokio::test]
async fn the_query_is_a_set() {
    let setting = Setting::new().await;
    let ask = async |query: &str| {
        let mut url = setting.server.base_url();
        url.set_path("/v3/reference/splits");
        url.set_query(Some(query));
        let spec = HttpSpec { url, auth: Auth::None, accept: "application/json" };
        let request =
            Outgoing { spec: &spec, key: None, timeout: Duration::from_secs(5), max_body_bytes: 1 << 20 };
        setting.http.send(request).await.unwrap().status
    };
    assert_eq!(ask("sort=execution_date&limit=1000&order=asc&ticker=AAPL").await, 200);
    assert_eq!(ask("sort=execution_date&limit=1000&order=asc&ticker=AAPL&adjusted=true").await, 404);
    assert_eq!(ask("sort=execution_date&limit=1000&ticker=AAPL").await, 404);
}

//! Large answers, through the program, from the vendor's HTTP to the table: every row, exact, and "done" only then.

use crate::common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::common::{Crashing, files, small_config, small_recording};
use arrow::array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{Datelike as _, NaiveDate};
use quotelake_cli::backfill::{Plan, WhenFinished};
use quotelake_cli::commands::backfill::ask;
use quotelake_cli::laptop::{Laptop, PortWrapper};
use quotelake_cli::output::{Exit, Output};
use quotelake_cli::pipeline;
use quotelake_cli::run_config::RunConfig;
use quotelake_cli::tables::decimals;
use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog, Events, Lake, PutOutcome, Queue, RecordStream};
use quotelake_core::time::parse_zone;
use quotelake_core::{Error, Result};
use quotelake_local::SystemClock;
use quotelake_sources::brapi::{Brapi, BrapiConfig};
use quotelake_sources::replay::{Recorded, Recording, ReplayServer};
use quotelake_sources::yahoo::{Yahoo, YahooConfig};
use quotelake_sources::{DatasetName, Instrument, Interval, Job, Source, Sources};
use quotelake_table::parquet_file;
use quotelake_testkit::{CallPlan, Moment};
use serde_json::{Value, json};
use url::Url;

/// A vendor, what is asked of it, and a lake for the answers.
struct World {
    folder: tempfile::TempDir,
    server: ReplayServer,
    source: &'static str,
    job: Job,
}

fn job(symbols: &[String], class: &str, zone: &str, dataset: DatasetName, from: &str, to: &str) -> Job {
    Job {
        instruments: symbols
            .iter()
            .map(|symbol| Instrument {
                symbol: symbol.clone(),
                mic: None,
                exchange_tz: zone.into(),
                currency: Some("USD".into()),
                asset_class: class.into(),
            })
            .collect(),
        datasets: vec![dataset],
        intraday_interval: (dataset == DatasetName::IntradayBars).then_some(Interval::Minute1),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
    }
}

/// Somewhere to plan for: answers are found by path and query.
fn anywhere() -> Url {
    "http://127.0.0.1:1".parse().unwrap()
}

impl World {
    /// Answers every request that `source` plans for the job with the body that `answer` makes for the unit's symbols.
    async fn start(
        source: &dyn Source,
        settings: &str,
        job: Job,
        answer: impl Fn(&[String]) -> String,
    ) -> Self {
        let mut recording = Recording::new(source.name(), "2026-01-02T03:00:00Z".parse().unwrap());
        for unit in source.plan(&job).unwrap() {
            let symbols: Vec<String> =
                quotelake_sources::origin::instruments(&unit).into_iter().map(|one| one.symbol).collect();
            let url = source.request(&unit).unwrap().url;
            let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
            let page = Recorded { status: 200, headers, body: answer(&symbols).into() };
            recording.add("GET", url.path(), &query, page).unwrap();
        }
        let server = ReplayServer::start(recording).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let one = &job.instruments[0];
        let watchlist = json!({
            "name": "all", "exchange_tz": one.exchange_tz, "asset_class": one.asset_class, "currency": one.currency,
            "symbols": job.instruments.iter().map(|one| json!({"symbol": one.symbol})).collect::<Vec<_>>(),
        });
        std::fs::write(folder.path().join("all.json"), watchlist.to_string()).unwrap();
        std::fs::write(
            folder.path().join("run.yaml"),
            format!(
                "lake: lake\nwatchlists: [all.json]\n{}: {{base_url: '{}', min_interval_ms: 0, replay: true{settings}}}\njobs: []\n",
                source.name(),
                server.base_url()
            ),
        )
        .unwrap();
        Self { folder, server, source: source.name(), job }
    }

    fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    async fn backfill(&self) -> (i32, Value, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        command.args(["--json", "backfill", "--source", self.source, "--watchlist", "all"]);
        command.args(["--datasets", self.job.datasets[0].as_str()]);
        command.args(["--from", &self.job.from.to_string(), "--to", &self.job.to.to_string()]);
        if let Some(interval) = self.job.intraday_interval {
            command.args(["--interval", interval.as_str()]);
        }
        command.arg("--config").arg(self.folder.path().join("run.yaml")).env_remove("RUST_LOG");
        run(command).await
    }

    /// The rows of the table, and the sums of `close` and `volume` in the units of their last places.
    async fn sums(&self) -> (usize, i128, i128) {
        let laptop = Laptop::open(&self.lake(), Arc::new(SystemClock)).await.unwrap();
        let contracts = Contracts::built_in().unwrap();
        let contract = &contracts.get(self.job.datasets[0].as_str()).unwrap().contract;
        let (mut rows, mut close, mut volume) = (0, 0, 0);
        for (_, batch) in common::read_table(laptop.lake().as_ref(), contract).await.unwrap() {
            let sum = |column: &str| -> i128 {
                let (values, scale) = decimals(&batch, column).unwrap();
                // In millionths, whatever the column's scale is.
                let values = values.into_iter().map(|value| value.unwrap() * 1_000_000);
                values.map(|value| value / 10i128.pow(u32::from(scale))).sum()
            };
            rows += batch.num_rows();
            close += sum("close");
            volume += sum("volume");
        }
        (rows, close, volume)
    }

    async fn finish(self, rows: u64, requests: usize) {
        let (code, report, stderr) = self.backfill().await;
        assert_eq!(code, 0, "{report}\n{stderr}");
        assert_eq!(self.server.requests(), requests);
        assert_eq!(report["backfill"]["rows"], rows, "{report}");
        let checked = &report["checked"];
        assert_eq!(
            (&checked["rows_in"], &checked["staged"], &checked["quarantined"]),
            (&rows.into(), &rows.into(), &0.into()),
            "{report}"
        );
        assert_eq!((&report["settled"]["undelivered"], &report["undelivered"]), (&0.into(), &json!([])));
        let (found, close, volume) = self.sums().await;
        // Closes go from 100.01 to 100.50 and again, volumes count up.
        let expected: i128 = (0..rows as i128)
            .map(|row| 100_000_000 + (row % per_symbol(&self.job, rows) as i128 % 50 + 1) * 10_000)
            .sum();
        assert_eq!((found as u64, close), (rows, expected));
        let each = per_symbol(&self.job, rows) as i128;
        assert_eq!(
            volume,
            self.job.instruments.len() as i128 * (0..each).map(|row| (1000 + row) * 1_000_000).sum::<i128>()
        );

        let (code, report, _) = self.backfill().await;
        assert_eq!((code, &report["backfill"]["asked"]), (0, &0.into()), "{report}");
        assert_eq!(self.server.requests(), requests, "what is done is not asked for again");

        // The page is in raw/ as it came: the tables can be made of it again.
        let mut rebuild = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        rebuild.args(["--json", "rebuild", "--lake"]).arg(self.folder.path().join("new"));
        rebuild.arg("--from").arg(self.lake());
        let (code, rebuilt, stderr) = run(rebuild).await;
        assert_eq!(code, 0, "{rebuilt}\n{stderr}");
        assert_eq!(rebuilt["checked"]["staged"], rows);
        self.server.stop().await;
    }
}

fn per_symbol(job: &Job, rows: u64) -> u64 {
    rows / job.instruments.len() as u64
}

/// Runs the program on another thread: the vendor answers from this process.
async fn run(mut command: Command) -> (i32, Value, String) {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {stderr}"));
    (output.status.code().unwrap(), json, stderr)
}

fn weekdays(from: &str, count: usize) -> Vec<NaiveDate> {
    let from: NaiveDate = from.parse().unwrap();
    from.iter_days().filter(|day| day.weekday().number_from_monday() <= 5).take(count).collect()
}

/// Half past nine in New York.
fn stamp(day: NaiveDate, zone: &str) -> i64 {
    let zone = parse_zone(zone).unwrap();
    day.and_hms_opt(9, 30, 0).unwrap().and_local_timezone(zone).earliest().unwrap().timestamp()
}

fn yahoo() -> Yahoo {
    Yahoo::new(YahooConfig { base_url: anywhere(), personal_use: true }).unwrap()
}

/// A chart of these stamps: the close of row i is 100.01 + i % 50 cents, its volume 1000 + i.
fn chart(symbol: &str, zone: &str, stamps: &[i64]) -> String {
    let column = |plus: usize| -> Vec<Value> {
        (0..stamps.len())
            .map(|row| serde_json::from_str(&format!("100.{:02}", row % 50 + plus)).unwrap())
            .collect()
    };
    let volumes: Vec<usize> = (0..stamps.len()).map(|row| 1000 + row).collect();
    json!({"chart": {"error": null, "result": [{
        "meta": {"currency": "USD", "symbol": symbol, "exchangeTimezoneName": zone,
                 "regularMarketTime": stamps[stamps.len() - 1] + 23_400},
        "timestamp": stamps,
        "indicators": {"quote": [{"open": column(1), "high": column(2), "low": column(0), "close": column(1),
                                  "volume": volumes}]},
    }]}})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_five_years_of_daily_bars_in_one_answer() {
    let zone = "America/New_York";
    let days = weekdays("1980-01-02", 11_754);
    let stamps: Vec<i64> = days.iter().map(|day| stamp(*day, zone)).collect();
    let to = days[days.len() - 1].to_string();
    let job = job(&["LONG".into()], "equity", zone, DatasetName::DailyBars, "1980-01-02", &to);
    let world = World::start(&yahoo(), ", personal_use: true", job, |_| chart("LONG", zone, &stamps)).await;
    world.finish(11_754, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_week_of_a_coins_minutes() {
    let first = 1_725_148_800; // 2024-09-01
    let stamps: Vec<i64> = (0..10_080).map(|minute| first + minute * 60).collect();
    let job =
        job(&["BTC-USD".into()], "crypto", "UTC", DatasetName::IntradayBars, "2024-09-01", "2024-09-07");
    let world =
        World::start(&yahoo(), ", personal_use: true", job, |_| chart("BTC-USD", "UTC", &stamps)).await;
    world.finish(10_080, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thirteen_months_of_twenty_symbols() {
    let zone = "America/Sao_Paulo";
    let days = weekdays("2023-01-02", 283);
    let bars: Vec<Value> = days
        .iter()
        .enumerate()
        .map(|(row, day)| {
            let price = |plus: usize| -> Value {
                serde_json::from_str(&format!("100.{:02}", row % 50 + plus)).unwrap()
            };
            json!({"date": stamp(*day, zone) + 1800, "open": price(1), "high": price(2), "low": price(0),
                   "close": price(1), "volume": 1000 + row, "adjustedClose": price(1)})
        })
        .collect();
    let symbols: Vec<String> = (1..=20).map(|number| format!("ABCD{number}")).collect();
    let mut job = job(&symbols, "equity", zone, DatasetName::DailyBars, "2023-01-02", &days[282].to_string());
    job.instruments.iter_mut().for_each(|one| one.currency = Some("BRL".into()));
    let brapi = Brapi::new(BrapiConfig { symbols_per_request: 20, ..BrapiConfig::with_base_url(anywhere()) })
        .unwrap();
    let answer = |symbols: &[String]| {
        let results: Vec<Value> = symbols
            .iter()
            .map(|symbol| json!({"symbol": symbol, "currency": "BRL", "historicalDataPrice": bars}))
            .collect();
        json!({"results": results, "requestedAt": "2024-06-03T12:00:00.000Z", "took": "1ms"}).to_string()
    };
    let world = World::start(&brapi, ", symbols_per_request: 20", job, answer).await;
    world.finish(20 * 283, 1).await;
}

/// A stream that carries records of a few bytes only, so that every page goes around it; its lake and queues die by a plan.
#[derive(Debug)]
struct Narrow(Crashing);

#[derive(Debug)]
struct NarrowStream(Arc<dyn RecordStream>);

#[async_trait]
impl RecordStream for NarrowStream {
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        self.0.put(records).await
    }

    fn max_record_bytes(&self) -> usize {
        100
    }
}

impl PortWrapper for Narrow {
    fn lake(&self, port: Arc<dyn Lake>) -> Arc<dyn Lake> {
        self.0.lake(port)
    }
    fn queue(&self, port: Arc<dyn Queue>) -> Arc<dyn Queue> {
        self.0.queue(port)
    }
    fn stream(&self, port: Arc<dyn RecordStream>) -> Arc<dyn RecordStream> {
        Arc::new(NarrowStream(port))
    }
    fn catalog(&self, port: Arc<dyn Catalog>) -> Arc<dyn Catalog> {
        self.0.catalog(port)
    }
    fn events(&self, port: Arc<dyn Events>) -> Arc<dyn Events> {
        self.0.events(port)
    }
}

/// The rows of every published file, without their flags: what was beside a row when it was checked depends on how pages came
/// together in objects.
fn rows(root: &Path) -> BTreeMap<String, RecordBatch> {
    let contracts = Contracts::built_in().unwrap();
    let read = |key: String| {
        let contract = &contracts.get(key.split('/').next().unwrap()).unwrap().contract;
        let file =
            parquet_file::read(contract, std::fs::read(root.join("bronze").join(&key)).unwrap().into());
        let rows = file.unwrap();
        let content: Vec<usize> =
            (0..rows.num_columns()).filter(|index| Some(*index) != contract.flags()).collect();
        (key, rows.project(&content).unwrap())
    };
    files(&root.join("bronze")).into_keys().map(read).collect()
}

/// The tables of a lake after a pass that may die, and one that may not.
async fn tables_after(root: &Path, config: &RunConfig, plan: &CallPlan) -> BTreeMap<String, RecordBatch> {
    let narrow = |plan: &CallPlan| Arc::new(Narrow(Crashing(plan.clone())));
    let laptop = Laptop::open_wrapped(root, Arc::new(SystemClock), narrow(plan)).await.unwrap();
    let _ = pipeline::run(&laptop, config, Output::silent(), None).await;
    drop(laptop);
    let laptop = Laptop::open_wrapped(root, Arc::new(SystemClock), narrow(&CallPlan::new())).await.unwrap();
    for queue in ["fetch", "check", "publish"] {
        let dead = laptop.queue(&format!("{queue}-dlq")).unwrap();
        quotelake_local::redrive(dead, laptop.queue(queue).unwrap(), &Default::default()).await.unwrap();
    }
    let report = pipeline::run(&laptop, config, Output::silent(), None).await.unwrap();
    assert_eq!((report.dead_letters, report.settled.waiting), (0, 0), "{report:?}");
    rows(root)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_on_the_way_past_the_stream_loses_nothing() {
    let server = ReplayServer::start(small_recording()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = small_config(folder.path(), &server);
    // The pages by the stream, as everybody has them.
    let by_stream = folder.path().join("stream");
    let laptop = Laptop::open(&by_stream, Arc::new(SystemClock)).await.unwrap();
    let report = pipeline::run(&laptop, &config, Output::silent(), None).await.unwrap();
    let expected = rows(&by_stream);
    let plan = CallPlan::new();
    assert_eq!(tables_after(&folder.path().join("healthy"), &config, &plan).await, expected);
    assert!(report.settled.delivered > 0);
    let raw = files(&folder.path().join("healthy/raw"));
    assert!(raw.keys().all(|key| key.contains("/page-")) && raw.len() == 4, "{raw:?}");
    assert_eq!(files(&folder.path().join("healthy/landing")).len(), 4);
    // Each page is three calls: its record, its lines, the word to `check`. What comes after is everybody's way.
    let log = plan.log();
    let past_the_stream: Vec<usize> = (1..log.len())
        .filter(|call| {
            let landing = |call: usize| log[call - 1].starts_with("put landing/");
            log[call - 1].starts_with("put raw/") || landing(*call) || (*call > 1 && landing(call - 1))
        })
        .collect();
    assert_eq!(past_the_stream.len(), 12, "{log:?}");
    for call in past_the_stream.into_iter().step_by(2) {
        for moment in [Moment::Before, Moment::After] {
            let root = folder.path().join(format!("{call}-{moment:?}"));
            let found = tables_after(&root, &config, &CallPlan::crash_at(call, moment)).await;
            assert_eq!(found, expected, "call {call} {moment:?}");
            std::fs::remove_dir_all(&root).unwrap();
        }
    }
    server.stop().await;
}

/// A stream that damages the records of one symbol on their way.
#[derive(Debug)]
struct Damaging {
    symbol: &'static str,
    from: &'static str,
    to: &'static str,
}

#[derive(Debug)]
struct DamagingStream(Arc<dyn RecordStream>, &'static str, &'static str, &'static str);

#[async_trait]
impl RecordStream for DamagingStream {
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        let damaged = records.iter().map(|record| {
            let text = std::str::from_utf8(record).map_err(|_| Error::bug("a record is no text"))?;
            let hit = text.contains(&format!("\"symbol\":\"{}\"", self.1));
            Ok(if hit { Bytes::from(text.replace(self.2, self.3)) } else { record.clone() })
        });
        self.0.put(&damaged.collect::<Result<Vec<Bytes>>>()?).await
    }

    fn max_record_bytes(&self) -> usize {
        self.0.max_record_bytes()
    }
}

impl PortWrapper for Damaging {
    fn stream(&self, port: Arc<dyn RecordStream>) -> Arc<dyn RecordStream> {
        Arc::new(DamagingStream(port, self.symbol, self.from, self.to))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_page_is_a_unit_that_is_not_done() {
    let zone = "America/New_York";
    let stamps: Vec<i64> = weekdays("2024-01-02", 5).iter().map(|day| stamp(*day, zone)).collect();
    let symbols = ["AAA".to_owned(), "BBB".to_owned(), "CCC".to_owned()];
    let job = job(&symbols, "equity", zone, DatasetName::DailyBars, "2024-01-02", "2024-01-08");
    let units = yahoo().plan(&job).unwrap();
    let bad = units[1].id.clone();
    let world =
        World::start(&yahoo(), ", personal_use: true", job, |symbols| chart(&symbols[0], zone, &stamps))
            .await;
    let config = RunConfig::load(&world.folder.path().join("run.yaml")).unwrap();
    let plan = Plan { source: "yahoo".into(), units };
    let go = async |wrapper: Arc<dyn PortWrapper>| {
        let laptop = Laptop::open_wrapped(&world.lake(), Arc::new(SystemClock), wrapper).await.unwrap();
        ask(&laptop, &config, &plan, WhenFinished::Keep, None, Output::silent()).await.unwrap()
    };
    let damaging = Damaging { symbol: "BBB", from: "\"status\":200", to: "\"status\":500" };
    let done = go(Arc::new(damaging)).await;
    assert_eq!(done.exit(), Exit::SomeFailed);
    assert_eq!((done.backfill.undelivered.as_slice(), done.backfill.left), ([bad.clone()].as_slice(), 1));
    let [page] = done.undelivered.as_slice() else { panic!("{done:?}") };
    assert_eq!((page.unit_id.as_ref(), page.page), (Some(&bad), Some(0)));
    assert!(page.reason.contains("status is 500") && !page.remedy.is_empty(), "{page:?}");
    assert_eq!(world.sums().await.0, 10);

    // The next call asks for that unit and no other, and says what is still lying about.
    let requests = world.server.requests();
    let (code, report, stderr) = world.backfill().await;
    assert_eq!(code, 0, "{report}\n{stderr}");
    assert_eq!((&report["backfill"]["asked"], &report["backfill"]["resumed"]), (&1.into(), &2.into()));
    assert_eq!(world.server.requests(), requests + 1);
    assert_eq!(world.sums().await.0, 15);
    let (code, report, _) = world.backfill().await;
    assert_eq!((code, &report["backfill"]["asked"]), (0, &0.into()));

    let status = async || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        command.args(["--json", "status", "--lake"]).arg(world.lake());
        run(command).await
    };
    let (code, report, _) = status().await;
    assert_eq!((code, &report["undelivered"]["objects"]), (3, &1.into()), "{report}");
    let page = &report["undelivered"]["pages"][0];
    assert_eq!(page["unit_id"], bad);
    assert!(page["reason"].as_str().unwrap().contains("status is 500"), "{page}");
    assert!(report["undelivered"]["oldest"].is_string(), "{report}");
    std::fs::remove_dir_all(world.lake().join("undelivered")).unwrap();
    assert_eq!(status().await.1["undelivered"]["objects"], 0);

    // A record that is no page any more: nobody can tell whose it was, so every unit of the delivery is asked for again.
    let damaging = Damaging { symbol: "AAA", from: "\"sha256\":\"", to: "\"sha256\":\"0" };
    let laptop =
        Laptop::open_wrapped(&world.lake(), Arc::new(SystemClock), Arc::new(damaging)).await.unwrap();
    let done = ask(&laptop, &config, &plan, WhenFinished::Restart, None, Output::silent()).await.unwrap();
    drop(laptop);
    assert_eq!(done.exit(), Exit::SomeFailed);
    assert_eq!(done.backfill.undelivered.len(), 3, "they were delivered together");
    assert!(
        done.undelivered[0].unit_id.is_none() && done.undelivered[0].reason.contains("sha256"),
        "{done:?}"
    );
    let (code, report, _) = world.backfill().await;
    assert_eq!((code, &report["backfill"]["asked"]), (0, &3.into()), "{report}");
    world.server.stop().await;
}

#[test]
fn every_plan_keeps_to_the_rows_of_a_page() {
    assert!(["yahoo", "brapi"].iter().all(|name| Sources::default().get(name).is_ok()));
    let symbols: Vec<String> = (0..40).map(|n| format!("C{n}-BRL")).collect();
    let coins = job(&symbols, "crypto", "UTC", DatasetName::DailyBars, "2016-01-04", "2025-12-31");
    let brapi = Brapi::new(BrapiConfig { symbols_per_request: 20, ..BrapiConfig::with_base_url(anywhere()) })
        .unwrap();
    // Ten years are 3,651 rows of a coin: five of them are a page.
    assert_eq!(brapi.plan(&coins).unwrap().len(), 8);
    let all_time = Job { from: "2000-01-01".parse().unwrap(), ..coins.clone() };
    assert_eq!(brapi.plan(&all_time).unwrap().len(), 40, "the whole history of a coin is a page of its own");
    let month = Job { from: "2025-12-05".parse().unwrap(), ..coins };
    assert_eq!(brapi.plan(&month).unwrap().len(), 2);
    let minutes =
        job(&["BTC-USD".into()], "crypto", "UTC", DatasetName::IntradayBars, "2025-12-01", "2025-12-28");
    assert_eq!(yahoo().plan(&minutes).unwrap().len(), 4);
}

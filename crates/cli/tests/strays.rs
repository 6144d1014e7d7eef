//! Answers with rows that nobody asked for, from the vendor's HTTP to the table: the row that was asked for is published, the others
//! are in quarantine by name, and nothing is asked for twice.

use crate::common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use quotelake_cli::laptop::Laptop;
use quotelake_contract::Contracts;
use quotelake_local::SystemClock;
use quotelake_sources::brapi::{Brapi, BrapiConfig};
use quotelake_sources::polygon::{Polygon, PolygonConfig};
use quotelake_sources::replay::{Recorded, Recording, ReplayServer};
use quotelake_sources::yahoo::{Yahoo, YahooConfig};
use quotelake_sources::{DatasetName, Instrument, Interval, Job, Source};
use serde_json::{Value, json};
use url::Url;

/// 2024-03-01, 04 and 05 at New York's open and at its midnight, and the same days two years before, in seconds.
const OPENS: [i64; 3] = [1_709_303_400, 1_709_562_600, 1_709_649_000];
const MIDNIGHTS: [i64; 3] = [1_709_269_200, 1_709_528_400, 1_709_614_800];
const TWO_YEARS: i64 = 731 * 86_400;

fn anywhere() -> Url {
    "http://127.0.0.1:1".parse().unwrap()
}

/// One symbol and one dataset, of 2024-03-04 and 05.
fn job(dataset: DatasetName) -> Job {
    Job {
        instruments: vec![Instrument {
            symbol: "ANY".into(),
            mic: Some("XNYS".into()),
            exchange_tz: "America/New_York".into(),
            currency: Some("USD".into()),
            asset_class: "equity".into(),
        }],
        datasets: vec![dataset],
        intraday_interval: (dataset == DatasetName::IntradayBars).then_some(Interval::Minute1),
        from: "2024-03-04".parse().unwrap(),
        to: "2024-03-05".parse().unwrap(),
    }
}

/// What became of an answer: the table's rows as `start close session`, and quarantined rows by reason.
struct Outcome {
    code: i32,
    rows: Vec<String>,
    quarantined: BTreeMap<String, usize>,
    report: Value,
}

async fn run(args: &[&str], folder: &Path) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.arg("--json").args(args).current_dir(folder).env_remove("RUST_LOG");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {stderr}"));
    (output.status.code().unwrap(), json)
}

async fn outcome(source: &dyn Source, settings: &str, dataset: DatasetName, answer: &Value) -> Outcome {
    let job = job(dataset);
    let mut recording = Recording::new(source.name(), "2024-03-06T02:00:00Z".parse().unwrap());
    for unit in source.plan(&job).unwrap() {
        let url = source.request(&unit).unwrap().url;
        let query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let headers = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
        let page = Recorded { status: 200, headers, body: answer.to_string().into() };
        recording.add("GET", url.path(), &query, page).unwrap();
    }
    let server = ReplayServer::start(recording).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let watchlist = json!({
        "name": "one", "exchange_tz": "America/New_York", "asset_class": "equity", "currency": "USD",
        "symbols": [{"symbol": "ANY", "mic": "XNYS"}],
    });
    std::fs::write(folder.path().join("one.json"), watchlist.to_string()).unwrap();
    let config = format!(
        "lake: lake\nwatchlists: [one.json]\n{}: {{base_url: '{}', min_interval_ms: 0, replay: true{settings}}}\njobs: []\n",
        source.name(),
        server.base_url()
    );
    std::fs::write(folder.path().join("run.yaml"), config).unwrap();
    let mut args = vec!["backfill", "--source", source.name(), "--watchlist", "one", "--config", "run.yaml"];
    args.extend(["--datasets", dataset.as_str(), "--from", "2024-03-04", "--to", "2024-03-05"]);
    if dataset == DatasetName::IntradayBars {
        args.extend(["--interval", "1m"]);
    }
    let (code, report) = run(&args, folder.path()).await;
    let requests = server.requests();
    run(&args, folder.path()).await;
    assert_eq!(server.requests(), requests, "what came is not asked for again: {report}");
    let (_, found) = run(&["quarantine", "ls", "--lake", "lake"], folder.path()).await;
    let mut quarantined: BTreeMap<String, usize> = BTreeMap::new();
    for row in found.as_array().unwrap_or_else(|| panic!("{found}")) {
        *quarantined.entry(row["reason"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let rows = table(&folder.path().join("lake"), dataset.as_str()).await;
    server.stop().await;
    Outcome { code, rows, quarantined, report }
}

async fn table(lake: &Path, dataset: &str) -> Vec<String> {
    let laptop = Laptop::open(lake, Arc::new(SystemClock)).await.unwrap();
    let contracts = Contracts::built_in().unwrap();
    let contract = &contracts.get(dataset).unwrap().contract;
    let mut rows = Vec::new();
    for (_, batch) in common::read_table(laptop.lake().as_ref(), contract).await.unwrap() {
        let text = |name: &str| cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
        let starts = cast(batch.column_by_name("bar_start").unwrap(), &DataType::Int64).unwrap();
        let (close, session) = (text("close"), text("session"));
        for row in 0..starts.len() {
            let start = starts.as_primitive::<Int64Type>().value(row);
            let start = chrono::DateTime::from_timestamp_millis(start).unwrap().format("%FT%R");
            let value = |column: &arrow::array::ArrayRef| column.as_string::<i32>().value(row).to_owned();
            let close = value(&close);
            let close = close.trim_end_matches('0').trim_end_matches('.');
            rows.push(format!("{start} {close} {}", value(&session)));
        }
    }
    rows.sort();
    rows
}

fn chart(meta: &Value, stamps: &[i64], closes: &[f64]) -> Value {
    let mut whole = json!({"symbol": "ANY", "currency": "USD", "exchangeTimezoneName": "America/New_York"});
    whole.as_object_mut().unwrap().extend(meta.as_object().unwrap().clone());
    let volumes = vec![100; stamps.len()];
    json!({"chart": {"error": null, "result": [{"meta": whole, "timestamp": stamps, "indicators": {"quote": [
        {"open": closes, "high": closes, "low": closes, "close": closes, "volume": volumes}]}}]}})
}

fn yahoo() -> Yahoo {
    Yahoo::new(YahooConfig { base_url: anywhere(), personal_use: true }).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn strays_beside_one_good_row_do_not_hold_it_back() {
    // A day before the window, and one years before it.
    let stamps = [OPENS[1] - TWO_YEARS, OPENS[0], OPENS[1]];
    let answer = chart(&json!({"regularMarketTime": OPENS[2]}), &stamps, &[3.0, 20.0, 20.5]);
    let found = outcome(&yahoo(), ", personal_use: true", DatasetName::DailyBars, &answer).await;
    assert_eq!(found.rows, ["2024-03-04T00:00 20.5 regular"], "{}", found.report);
    assert_eq!((found.code, found.quarantined), (2, BTreeMap::from([("not_asked".to_owned(), 2)])));

    let bar = |stamp: i64, close: f64| json!({"t": stamp * 1000, "o": close, "h": close, "l": close, "c": close, "v": 7});
    let results = [bar(MIDNIGHTS[1] - TWO_YEARS, 3.0), bar(MIDNIGHTS[0], 20.0), bar(MIDNIGHTS[2], 20.5)];
    let answer = json!({"ticker": "ANY", "adjusted": false, "status": "OK", "queryCount": 3, "resultsCount": 3,
        "results": results});
    let polygon = Polygon::new(PolygonConfig::with_base_url(anywhere())).unwrap();
    let found = outcome(&polygon, "", DatasetName::DailyBars, &answer).await;
    assert_eq!(found.rows, ["2024-03-05T00:00 20.5 regular"], "{}", found.report);
    assert_eq!((found.code, found.quarantined), (2, BTreeMap::from([("not_asked".to_owned(), 2)])));

    let day = |stamp: i64, close: f64| json!({"date": stamp, "open": close, "high": close, "low": close, "close": close, "volume": 7});
    let entry = |symbol: &str, days: &[Value]| json!({"symbol": symbol, "currency": "USD", "historicalDataPrice": days});
    let answer = json!({"results": [
        entry("ANY", &[day(MIDNIGHTS[0], 20.0), day(MIDNIGHTS[1], 20.5)]),
        entry("ZZZZ3", &[day(MIDNIGHTS[1], 9.0), day(MIDNIGHTS[2], 9.5)]),
    ], "requestedAt": "2024-03-06T02:00:00.000Z", "took": "1ms"});
    let brapi = Brapi::new(BrapiConfig::with_base_url(anywhere())).unwrap();
    let found = outcome(&brapi, "", DatasetName::DailyBars, &answer).await;
    assert_eq!(found.rows, ["2024-03-04T00:00 20.5 regular"], "{}", found.report);
    assert_eq!((found.code, found.quarantined), (2, BTreeMap::from([("not_asked".to_owned(), 3)])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_trade_behind_the_close_reaches_no_table() {
    let (last, close) = (OPENS[2] + 389 * 60, OPENS[2] + 390 * 60);
    let stamps = [last - 60, last, close + 1];
    let answer = chart(&json!({"regularMarketTime": close + 1}), &stamps, &[20.0, 20.25, 20.5]);
    let found = outcome(&yahoo(), ", personal_use: true", DatasetName::IntradayBars, &answer).await;
    assert_eq!(found.code, 0, "{}", found.report);
    assert_eq!(found.rows, ["2024-03-05T20:58 20 regular", "2024-03-05T20:59 20.25 regular"]);
    assert!(found.quarantined.is_empty());
}

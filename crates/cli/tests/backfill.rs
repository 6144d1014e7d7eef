//! `quotelake backfill` and `quotelake gaps` against a vendor that counts: what is done is never asked for again, and only what
//! is missing is asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use arrow::array::{AsArray as _, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use chrono::NaiveDate;
use quotelake_contract::Contracts;
use quotelake_core::time::date_from_days;
use quotelake_market::calendar::Calendar;
use quotelake_sources::replay::{Fault, Recorded, Recording, ReplayServer};
use quotelake_table::parquet_file;
use serde_json::Value;

const SYMBOLS: [&str; 6] = ["AAA", "BBB", "CCC", "DDD", "EEE", "FFF"];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The vendor's page of a window: a bar for each session of New York in it.
fn add_page(recording: &mut Recording, (symbol, from, to): (&str, &str, &str), change: fn(String) -> String) {
    let nyse = Calendar::of_mic("XNYS").unwrap();
    let sessions = day(from).iter_days().take_while(|date| *date <= day(to));
    let bars: Vec<String> = sessions
        .filter(|date| nyse.is_session(*date).unwrap())
        .map(|date| {
            // Midnight in New York, in winter.
            let t = date.and_hms_opt(5, 0, 0).unwrap().and_utc().timestamp_millis();
            format!(r#"{{"v":1000,"o":10.5,"c":10.25,"h":10.75,"l":10.01,"t":{t}}}"#)
        })
        .collect();
    let body = format!(
        r#"{{"ticker":"{symbol}","adjusted":false,"queryCount":{n},"resultsCount":{n},"status":"OK","request_id":"r","results":[{bars}]}}"#,
        n = bars.len(),
        bars = bars.join(",")
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    recording
        .add(
            "GET",
            &format!("/v2/aggs/ticker/{symbol}/range/1/day/{from}/{to}"),
            &[pair("adjusted", "false"), pair("sort", "asc"), pair("limit", "1000")],
            Recorded {
                status: 200,
                headers: BTreeMap::from([pair("content-type", "application/json")]),
                body: change(body).into(),
            },
        )
        .unwrap();
}

struct World {
    folder: tempfile::TempDir,
    server: ReplayServer,
}

impl World {
    async fn start(pages: &[(&str, &str, &str)], min_interval_ms: u64) -> Self {
        Self::start_with(pages, min_interval_ms, |body| body).await
    }

    /// The same where the vendor's answers are `change`d.
    async fn start_with(
        pages: &[(&str, &str, &str)],
        min_interval_ms: u64,
        change: fn(String) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = Recording::new("polygon", "2013-03-02T02:00:00Z".parse().unwrap());
        for page in pages {
            add_page(&mut recording, *page, change);
        }
        let server = ReplayServer::start(recording).await.unwrap();
        let symbols: Vec<String> = SYMBOLS.iter().map(|s| format!("{{symbol: {s}, mic: XNYS}}")).collect();
        std::fs::write(
            folder.path().join("watchlist.yaml"),
            format!(
                "name: six\nexchange_tz: America/New_York\ncurrency: USD\nasset_class: equity\nsymbols: [{}]\n",
                symbols.join(", ")
            ),
        )
        .unwrap();
        std::fs::write(
            folder.path().join("run.yaml"),
            format!(
                "lake: lake\nwatchlists: [watchlist.yaml]\npolygon:\n  base_url: {}\n  page_limit: 1000\n  min_interval_ms: {min_interval_ms}\n  replay: true\njobs: []\n",
                server.base_url()
            ),
        )
        .unwrap();
        Self { folder, server }
    }

    fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        command.args(args).arg("--json").arg("--config").arg(self.folder.path().join("run.yaml"));
        command
    }

    async fn run(&self, args: &[&str]) -> (i32, Value) {
        let mut command = self.command(args);
        // On another thread: the vendor answers from this process.
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains("panicked"), "{stderr}");
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {stderr}"));
        (output.status.code().unwrap(), json)
    }

    /// Units that the state says are done; 0 where there is no state.
    fn done(&self) -> u64 {
        let Ok(states) = std::fs::read_dir(self.lake().join("state/backfill")) else { return 0 };
        let states = states.map(|entry| entry.unwrap().path());
        // The hidden record beside it is not the state.
        let states: Vec<PathBuf> =
            states.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
        let [state] = states.as_slice() else { return 0 };
        let state: Value = serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
        state["done"].as_u64().unwrap()
    }
}

const BACKFILL: [&str; 9] =
    ["backfill", "--source", "polygon", "--watchlist", "six", "--from", "2012-12-26", "--to", "2013-02-05"];

fn six_pages() -> Vec<(&'static str, &'static str, &'static str)> {
    SYMBOLS.iter().map(|symbol| (*symbol, "2012-12-26", "2013-02-05")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backfill_goes_on_and_asks_nothing_twice() {
    let world = World::start(&six_pages(), 500).await;
    let (code, plan) =
        world.run(&[BACKFILL.as_slice(), &["--dry-run", "--price-per-call", "0.02"]].concat()).await;
    assert_eq!((code, world.server.requests()), (0, 0));
    // 28 sessions of each: 2012-12-26 to 2013-02-05 without New Year's Day and Martin Luther King's.
    let expected = serde_json::json!({"source": "polygon", "plan": {
        "units": 6, "calls": 6, "seconds": 2, "rows": 168, "money": 0.12, "without_calendar": 0}});
    assert_eq!(plan, expected);

    let mut running = world.command(&BACKFILL).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while world.done() < 3 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} units are done", world.done());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!((world.done(), world.server.requests()), (3, 3));

    let (code, report) = world.run(&BACKFILL).await;
    assert_eq!(code, 0, "{report}");
    let backfill = &report["backfill"];
    assert_eq!(
        (&backfill["resumed"], &backfill["asked"], &backfill["left"]),
        (&3.into(), &3.into(), &0.into())
    );
    assert_eq!(world.server.requests(), 6, "every page was asked for once");
    let mut paths: Vec<String> = world.server.seen().into_iter().map(|seen| seen.request).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 6);
    assert_eq!(report["checked"]["rows_in"], 168, "what was fetched before the kill is delivered too");

    let (code, report) = world.run(&BACKFILL).await;
    assert_eq!((code, &report["backfill"]["asked"], world.server.requests()), (0, &0.into(), 6));
    // Rows may have been in what cannot be read.
    let message = world.lake().join("_platform/queues/check/messages/00000000000000000009-1.json");
    std::fs::write(&message, "{\"id\":").unwrap();
    let (code, report) = world.run(&BACKFILL).await;
    assert_eq!(code, 3, "{report}");
    assert!(report["findings"][0]["found"].as_str().unwrap().contains("is damaged"), "{report}");
    std::fs::remove_file(message).unwrap();
    let (code, _) = world.run(&[BACKFILL.as_slice(), &["--restart"]].concat()).await;
    assert_eq!((code, world.server.requests()), (0, 12));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_or_the_end_of_the_time_leaves_the_rest_for_the_same_command() {
    let world = World::start(&six_pages(), 0).await;
    let (code, report) = world.run(&[BACKFILL.as_slice(), &["--stop-after", "0"]].concat()).await;
    assert_eq!((code, &report["backfill"]["left"], world.server.requests()), (3, &6.into(), 0));
    world.server.script([Fault::status(401)]);
    let (code, report) = world.run(&BACKFILL).await;
    assert_eq!((code, &report["backfill"]["left"]), (3, &6.into()), "{report}");
    assert!(report["backfill"]["stopped"].is_string(), "{report}");
    assert_eq!(world.server.requests(), 1, "the other five are not asked for");
    let (_, report) = world.run(&BACKFILL).await;
    assert_eq!((&report["backfill"]["left"], world.server.requests()), (&0.into(), 7));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_was_done_before_ends_as_it_ended() {
    let page = ("AAA", "2012-12-26", "2013-02-05");
    let world = World::start_with(&[page], 0, |body| body.replacen("\"v\":1000", "\"v\":-1", 2)).await;
    let args =
        ["backfill", "--source", "polygon", "--symbols", "AAA", "--from", "2012-12-26", "--to", "2013-02-05"];
    let mut asked = Vec::new();
    for again in [&[][..], &[], &["--restart"], &[]] {
        let (code, report) = world.run(&[args.as_slice(), again].concat()).await;
        assert_eq!((code, &report["backfill"]["quarantined"]), (2, &2.into()), "{report}");
        assert_eq!(report["backfill"]["left"], 0);
        asked.push(world.server.requests());
    }
    assert_eq!(asked, [1, 1, 2, 2]);
    // In the words of the first call.
    let config = world.folder.path().join("run.yaml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
    command.args(args).arg("--config").arg(config);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text.contains("it was done before: --restart asks again\n2 rows of it are in quarantine"),
        "{text}"
    );
    assert!(text.contains("see `quotelake quarantine ls`"), "{text}");
    world.server.stop().await;
}

/// Takes rows out of the published table.
fn delete(lake: &Path, symbol: &str, dates: &[&str]) {
    let contract = Contracts::built_in().unwrap().get("daily_bars").unwrap().contract.clone();
    for month in std::fs::read_dir(lake.join("bronze/daily_bars")).unwrap() {
        let path = month.unwrap().path().join("part-0.parquet");
        let batch = parquet_file::read(&contract, std::fs::read(&path).unwrap().into()).unwrap();
        let symbols = quotelake_cli::tables::texts(&batch, "provider_symbol").unwrap();
        let days = batch.column_by_name("trading_date").unwrap().as_primitive::<Date32Type>().clone();
        let keep: BooleanArray = symbols
            .iter()
            .zip(days.iter())
            .map(|(found, date)| {
                let date = date_from_days(date.unwrap()).unwrap().to_string();
                Some(!(found.as_deref() == Some(symbol) && dates.contains(&date.as_str())))
            })
            .collect();
        let left = filter_record_batch(&batch, &keep).unwrap();
        std::fs::write(&path, parquet_file::write(&contract, &left).unwrap()).unwrap();
        // Meant so: without its record the file is taken as it is.
        let _gone_before = std::fs::remove_file(path.with_file_name(".part-0.parquet.sum"));
    }
}

/// Puts a bar into quarantine.
fn quarantine(lake: &Path, symbol: &str, date: &str, reason: &str) {
    let bar = serde_json::json!({
        "dataset": "daily_bars", "provider": "polygon", "provider_symbol": symbol, "interval": "1d",
        "adjustment": "raw", "session": "regular", "trading_date": date, "close": 1025
    });
    let row = serde_json::json!({
        "dataset": "daily_bars", "reason": reason, "reasons": [{"reason": reason, "severity": "error"}],
        "source": "landing/x", "line": 1, "check_id": "c", "raw": bar.to_string()
    });
    let folder = lake.join("quarantine/dataset=daily_bars");
    std::fs::create_dir_all(&folder).unwrap();
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut file, format!("{row}\n").as_bytes()).unwrap();
    std::fs::write(folder.join(format!("{}.ndjson.gz", "0".repeat(16))), file.finish().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_exactly_the_sessions_that_are_missing_and_fix_asks_for_those_alone() {
    let mut pages = six_pages();
    pages.push(("BBB", "2013-01-18", "2013-01-22"));
    pages.push(("BBB", "2013-01-09", "2013-01-09"));
    let world = World::start(&pages, 0).await;
    assert_eq!(world.run(&BACKFILL).await.0, 0);
    let (code, report) = world.run(&["gaps"]).await;
    assert_eq!((code, &report["series"], &report["missing"]), (0, &6.into(), &0.into()), "{report}");
    assert_eq!(report["gaps"], serde_json::json!([]));

    // The weekend and the holiday between the 18th and the 22nd are no sessions: one window.
    delete(&world.lake(), "BBB", &["2013-01-09", "2013-01-18", "2013-01-22"]);
    let (code, report) = world.run(&["gaps", "--dataset", "daily_bars"]).await;
    assert_eq!((code, &report["missing"]), (2, &3.into()), "{report}");
    assert_eq!(report["gaps"].as_array().unwrap().len(), 1);
    assert_eq!(report["gaps"][0]["symbol"], "BBB.XNYS");
    assert_eq!(report["gaps"][0]["missing"], serde_json::json!(["2013-01-09", "2013-01-18", "2013-01-22"]));
    let (_, report) = world.run(&["gaps", "--symbols", "BBB", "--closures", "2013-01-09"]).await;
    assert_eq!(report["gaps"][0]["missing"], serde_json::json!(["2013-01-18", "2013-01-22"]));
    let (code, report) = world.run(&["gaps", "--symbols", "AAA", "--until", "2013-02-07"]).await;
    assert_eq!((code, &report["gaps"][0]["missing"]), (2, &serde_json::json!(["2013-02-06", "2013-02-07"])));

    // Looking needs no configuration, fixing does.
    let lake = world.lake();
    let without = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_quotelake"));
        let output = command.args(args).arg("--lake").arg(&lake).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = without(&["gaps"]);
    assert!(code == 2 && text.contains("2013-01-09 2013-01-18 2013-01-22"), "{text}");
    assert_eq!(without(&["gaps", "--fix"]).0, 1);

    let asked = world.server.requests();
    let (code, report) = world.run(&["gaps", "--fix", "--dry-run"]).await;
    assert_eq!((code, &report["fixed"][0]["plan"]["calls"]), (2, &2.into()), "{report}");
    assert_eq!(world.server.requests(), asked);
    let (code, report) = world.run(&["gaps", "--fix"]).await;
    assert_eq!((code, &report["missing"]), (0, &0.into()), "{report}");
    assert_eq!(world.server.requests(), asked + 2);
    assert_eq!(report["fixed"][0]["backfill"]["rows"], 3);

    // What came unasked and was set aside says nothing of its day: the day is asked for.
    delete(&world.lake(), "BBB", &["2013-01-09"]);
    quarantine(&world.lake(), "BBB", "2013-01-09", "not_asked");
    let asked = world.server.requests();
    let (code, report) = world.run(&["gaps", "--fix"]).await;
    assert_eq!((code, &report["missing"], &report["quarantined"]), (0, &0.into(), &0.into()), "{report}");
    assert_eq!(world.server.requests(), asked + 1);

    // A session that came and was set aside is not asked for, as often as one fixes.
    delete(&world.lake(), "BBB", &["2013-01-18"]);
    quarantine(&world.lake(), "BBB", "2013-01-18", "unit_jump");
    let asked = world.server.requests();
    for _ in 0..2 {
        let (code, report) = world.run(&["gaps", "--fix"]).await;
        assert_eq!((code, &report["missing"], &report["quarantined"]), (2, &0.into(), &1.into()), "{report}");
        let expected = serde_json::json!([{"date": "2013-01-18", "reason": "unit_jump"}]);
        assert_eq!(report["gaps"][0]["quarantined"], expected);
    }
    assert_eq!(world.server.requests(), asked);
    let (_, text) = without(&["gaps"]);
    assert!(text.contains("BBB.XNYS: in quarantine: unit_jump: 2013-01-18"), "{text}");
    world.server.stop().await;
}

//! The report of whole lakes, as they come out of the program: what it says of their series, and that it fits a phone and a screen.
#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and says so"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::browser::run_in;
use chrono::{Datelike as _, NaiveDate, Weekday};
use serde_json::json;

/// Widths of a phone and of a screen.
const WIDTHS: [u32; 2] = [390, 1300];

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn quotelake(args: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_quotelake")).args(args).output().expect("the program runs");
    // 2: some row was refused.
    let done = matches!(ran.status.code(), Some(0 | 2));
    assert!(done, "{args:?}: {}\n{}", ran.status, String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// A lake in a folder of its own.
struct World(tempfile::TempDir);

impl World {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn lake(&self) -> String {
        self.0.path().join("lake").display().to_string()
    }

    /// Loads daily bars, a line each.
    fn load(&self, bars: &[String]) {
        let file = self.0.path().join("bars.ndjson");
        std::fs::write(&file, bars.join("\n") + "\n").expect("a file");
        quotelake(&["load", "--lake", &self.lake(), "--dataset", "daily_bars", &file.display().to_string()]);
    }

    fn report(&self) -> String {
        let out = self.0.path().join("report.html").display().to_string();
        quotelake(&["report", "--lake", &self.lake(), "--out", &out]);
        std::fs::read_to_string(out).expect("the report")
    }
}

/// Who sends which prices of what.
struct Of<'a> {
    provider: &'a str,
    adjustment: &'a str,
    symbol: &'a str,
    mic: &'a str,
    zone: &'a str,
    currency: &'a str,
    close: f64,
}

/// Bars of every weekday of half a year, all of one close; holidays are refused, one day is not there, one is upside down.
fn bars(of: &Of<'_>) -> Vec<String> {
    let first: NaiveDate = "2026-03-02".parse().expect("a date");
    let is_weekday = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let days = first.iter_days().filter(is_weekday).take(130).enumerate();
    let bar = |(at, day): (usize, NaiveDate)| {
        let high = if at == 50 { of.close / 2.0 } else { of.close + 1.0 };
        json!({
            "dataset": "daily_bars", "provider": of.provider, "provider_symbol": of.symbol,
            "symbol": format!("{}.{}", of.symbol, of.mic), "asset_class": "equity", "exchange_mic": of.mic, "interval": "1d",
            "trading_date": day, "bar_start": format!("{day}T00:00:00.000Z"), "exchange_tz": of.zone, "open": of.close,
            "high": high, "low": of.close - 1.0, "close": of.close, "volume": 1_000 + at, "adjustment": of.adjustment,
            "session": "regular", "currency": of.currency, "quote_unit": of.currency, "unit_divisor": 1, "is_final": true,
            "delay_class": "eod", "provider_ts": 1_790_000_000_000_i64, "fetched_at": "2026-10-01T02:00:00.000Z",
            "request_id": "r1", "run_id": "run-1", "unit_id": "u1", "raw_sha256": "0".repeat(64), "schema_version": 1,
        })
        .to_string()
    };
    days.filter(|(at, _)| *at != 20).map(bar).collect()
}

const POLYGON: Of<'_> = Of {
    provider: "polygon",
    adjustment: "raw",
    symbol: "IBM",
    mic: "XNYS",
    zone: "America/New_York",
    currency: "USD",
    close: 196.25,
};

/// No sideways panning of the page, nothing below its footer, no complaint of the browser.
fn fits(page: &str) {
    let script = "const root = document.documentElement; const footer = document.querySelector('footer');\
                  const bottom = footer.getBoundingClientRect().bottom + scrollY;\
                  return [innerWidth, root.scrollWidth, root.scrollHeight - Math.max(bottom, innerHeight)];";
    for width in WIDTHS {
        let Some((found, console)) = run_in(page, width, script) else { return };
        assert_eq!(console, Vec::<String>::new());
        let [window, content, blank]: [f64; 3] = serde_json::from_value(found).expect("three numbers");
        assert_eq!(window, f64::from(width), "the window is as wide as was asked for");
        assert!(content <= window, "at {width} the page is {content} wide");
        assert!(blank <= 1.0, "at {width} there is {blank} of blank below the footer");
    }
}

/// What there is from `start` up to `end`.
fn between<'p>(page: &'p str, start: &str, end: &str) -> &'p str {
    let from = page.find(start).unwrap_or_else(|| panic!("no {start}"));
    page[from..].split(end).next().unwrap_or_default()
}

/// A row of a table by the text of one of its cells.
fn row<'p>(page: &'p str, table: &str, cell: &str) -> &'p str {
    let table =
        &page[page.find(&format!("<table id=\"{table}\"")).unwrap_or_else(|| panic!("no table {table}"))..];
    let table = table.split("</table>").next().unwrap_or(table);
    let found = table.split("<tr").find(|row| row.contains(&format!(">{cell}<")));
    found.unwrap_or_else(|| panic!("no row {cell} in {table}"))
}

#[test]
fn the_demo_fits_and_has_one_clock() {
    let world = World::new();
    let recording = project().join("samples/polygon").display().to_string();
    let out = world.0.path().join("demo.html").display().to_string();
    quotelake(&["demo", "--lake", &world.lake(), "--recording", &recording, "--out", &out]);
    let page = std::fs::read_to_string(&out).expect("the report");
    fits(&page);
    assert!(page.contains("Closes as traded, not adjusted"));
    assert!(row(&page, "shown-series", "MSFT.XNAS").contains("by factors"));
    // The recording ends in 2013: the report says what `status` says.
    let ran = Command::new(env!("CARGO_BIN_EXE_quotelake"))
        .args(["--json", "status", "--lake", &world.lake()])
        .output()
        .expect("status runs");
    let status: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    let late = status["late"].as_array().expect("late series");
    assert_eq!(late.len(), 5);
    assert!(page.contains("5 series late"));
    for series in late {
        let symbol = series["symbol"].as_str().expect("a symbol");
        assert!(
            row(&page, "recency", symbol).contains(series["expected"].as_str().expect("a date")),
            "{series}"
        );
    }
    assert!(page.len() < 1_400_000, "{} bytes", page.len());
}

#[test]
fn two_providers_are_never_one_line_or_one_average() {
    let world = World::new();
    let yahoo = Of { provider: "yahoo", adjustment: "split", close: 656.25, ..POLYGON };
    world.load(&[bars(&POLYGON), bars(&yahoo), bars(&Of { symbol: "KO", close: 60.5, ..yahoo })].concat());
    let page = world.report();
    fits(&page);
    let shown = row(&page, "shown-series", "IBM.XNYS");
    assert!(
        shown.contains(">polygon<") && shown.contains(">as traded<") && shown.contains(">yahoo split<"),
        "{shown}"
    );
    assert!(row(&page, "shown-series", "KO.XNYS").contains(">split-adjusted by the provider<"));
    let month = row(&page, "pivot", "2026-04");
    assert!(month.contains(">196.25<") && month.contains(">60.50<"), "{month}");
    let averages = between(&page, "<table id=\"pivot\"", "</table>");
    assert!(
        !averages.contains("656.25") && !averages.contains("426.25"),
        "no average of another provider, or of two"
    );
    assert!(!page.contains("Closes as traded, not adjusted"), "not all of them are");
    // What was refused is readable: symbol, date, value, reason, line.
    let refused = row(&page, "refused-rows", "landing/dataset=daily_bars/bars.ndjson:50");
    for text in ["2026-05-11", "IBM.XNYS", ">polygon<", "low = 195.25, high = 98.125", "high lt low"] {
        assert!(refused.contains(text), "{text}: {refused}");
    }
    assert!(!page.contains("{&quot;"), "no raw JSON");
    let gap = row(&page, "gap-windows", "2026-03-30");
    assert!(gap.contains("never came"), "{gap}");
}

#[test]
fn prices_that_are_not_raw_are_never_called_as_traded() {
    let london = Of { mic: "XLON", zone: "Europe/London", currency: "GBP", symbol: "VOD", ..POLYGON };
    let brazil = Of { mic: "BVMF", zone: "America/Sao_Paulo", currency: "BRL", symbol: "PETR4", ..POLYGON };
    for of in [
        Of { provider: "yahoo", adjustment: "split", ..london },
        Of { provider: "brapi", adjustment: "split", ..brazil },
    ] {
        let world = World::new();
        world.load(&bars(&of));
        let page = world.report();
        fits(&page);
        let markup = page.split("<script").next().unwrap_or_default();
        for lie in ["Closes as traded", ">as traded<", "unadjusted"] {
            assert!(!markup.contains(lie), "{}: {lie}", of.provider);
        }
        let shown = row(&page, "shown-series", &format!("{}.{}", of.symbol, of.mic));
        assert!(shown.contains(of.provider) && shown.contains(of.currency), "{shown}");
        assert!(row(&page, "pivot", "2026-04").contains(">196.25<"));
    }
}

#[test]
fn a_lake_without_bars_says_what_it_has() {
    let world = World::new();
    let [contract, file] = ["samples/contracts/orders.yaml", "samples/csv/orders.csv"]
        .map(|path| project().join(path).display().to_string());
    quotelake(&["load", "--lake", &world.lake(), "--dataset", "orders", "--contract", &contract, &file]);
    let page = world.report();
    fits(&page);
    assert!(row(&page, "table-facts", "orders").contains(">4<"), "four rows");
    assert!(page.contains("There are no daily bars in this lake"));
    assert!(!page.contains("id=\"freshness\"") && !page.contains("id=\"closes\""), "nothing about bars");
    let refused = row(&page, "refused-rows", "2026-11-03");
    for text in ["A-1003", "shipped_on = 2026-11-01, ordered_on = 2026-11-03", "orders.csv:6"] {
        assert!(refused.contains(text), "{text}: {refused}");
    }
}

#[test]
fn an_empty_lake_fits() {
    let world = World::new();
    std::fs::create_dir_all(Path::new(&world.lake()).join("inbox")).expect("a folder");
    let page = world.report();
    fits(&page);
    assert!(page.contains("Nothing has been checked yet.") && page.contains("No table holds a row."));
}

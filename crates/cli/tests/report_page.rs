//! Opens the report in a real browser and looks at what a reader would see.
//!
//! It needs Chromium or Chrome: on the `PATH`, or named by the variable `CHROMIUM`. On Debian and Ubuntu:
//! `apt-get install chromium`. Without a browser the tests that need one say so and pass, except where `CI` is
//! `true`: there they fail.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and says so"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use dqdl::Severity;
use quotelake_check::Decision;
use quotelake_cli::report::data::{
    ActionCounts, DatasetScore, DateRange, FailingRule, FlaggedRows, Freshness, Pivot, PivotMonth,
    PivotSymbol, QuarantineExample, QuarantineReason, ReportData, Split, SymbolCloses, Totals,
};
use quotelake_cli::report::render;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";
const BROWSER_TIMEOUT: Duration = Duration::from_secs(90);

#[test]
fn every_series_is_drawn_and_nothing_goes_wrong() {
    let Some(seen) = open(&render(&lake())) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    // A drawn line is a path stroked in its series' colour; one colour for each of the five symbols.
    let chart = between(&seen.dom, "<div id=\"closes-chart\"", "</section>");
    for series in 1..=5 {
        let stroke = format!("stroke=\"var(--series-{series})\"");
        let lines: Vec<&str> = chart
            .split("<path ")
            .filter(|path| tag(path).contains(&stroke) && tag(path).contains("fill=\"none\""))
            .collect();
        assert_eq!(lines.len(), 1, "series {series}");
        let points = tag(lines[0]).matches(['L', ' ']).count();
        assert!(points > 100, "series {series} is drawn with {points} points: {}", tag(lines[0]));
    }
    assert!(!chart.contains("var(--series-6)"), "five symbols, five lines");
    assert!(chart.contains(">4:1</text>"), "the split is marked");
    assert!(
        chart.contains("aria-label=\"Line chart of unadjusted daily closes, 2020-01-01 to"),
        "the chart has a name"
    );
}

#[test]
fn the_averages_are_a_table_with_headers() {
    let Some(seen) = open(&render(&lake())) else { return };
    let pivot = between(&seen.dom, "<table id=\"pivot\"", "</table>");
    assert!(pivot.contains("<th scope=\"row\">2020-01</th>"));
    assert_eq!(pivot.matches("<th scope=\"col\"").count(), 6);
    assert!(pivot.contains("<td class=\"n\" title=\"1234.56789\">1,234.57</td>"));
    assert!(pivot.contains("<span class=\"hidden\">no bar</span>"));
}

#[test]
fn hostile_text_is_inert() {
    let Some(seen) = open(&render(&hostile())) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    assert!(!without_scripts(&seen.dom).contains("<img"), "no vendor text became an element");
    assert_eq!(seen.dom.matches("<script").count(), 3, "the data, the library and the script of the page");
    assert!(
        seen.dom.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"),
        "the text itself is shown"
    );
    let chart = between(&seen.dom, "<div id=\"closes-chart\"", "</section>");
    assert!(chart.contains("stroke=\"var(--series-1)\""), "and the chart of that symbol is drawn");
}

#[test]
fn an_empty_lake_is_a_quiet_page() {
    let Some(seen) = open(&render(&empty())) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    assert!(!seen.dom.contains("<svg"));
    assert!(seen.dom.contains("No row was quarantined."));
}

#[test]
fn eight_of_many_symbols_are_drawn_first() {
    let mut data = lake();
    data.closes = (0..40).map(|n| closes(&format!("S{n:02}"), 10 + n)).collect();
    let Some(seen) = open(&render(&data)) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    assert_eq!(seen.dom.matches("<label class=\"symbol\">").count(), 40);
    let chart = between(&seen.dom, "<div id=\"closes-chart\"", "</section>");
    for series in 1..=8 {
        assert_eq!(
            chart.matches(&format!("stroke=\"var(--series-{series})\"")).count(),
            1,
            "series {series}"
        );
    }
}

#[test]
fn one_day_of_bars_is_a_point() {
    let mut data = lake();
    data.closes.truncate(1);
    data.closes[0].dates.truncate(1);
    data.closes[0].splits.clear();
    let Some(seen) = open(&render(&data)) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    let chart = between(&seen.dom, "<div id=\"closes-chart\"", "</section>");
    assert!(chart.contains("var(--series-1)"), "{chart}");
}

/// Needs no browser: the text of the page names nothing to load.
#[test]
fn the_page_asks_the_network_for_nothing() {
    let page = render(&lake());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\"", ">");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src &#39;sha256-"));
    assert!(!policy.contains("http://") && !policy.contains("https://") && !policy.contains('*'));
    // The policy keeps the scripts from asking; what is left is markup and style.
    let markup = without_scripts(&page);
    for asking in
        ["http://", "https://", "src=", "<link", "<iframe", "<object", "<embed", "url(", "@import", "//cdn"]
    {
        assert!(!markup.contains(asking), "{asking}");
    }
    let links: Vec<&str> = markup.split("href=\"").skip(1).collect();
    assert!(!links.is_empty() && links.iter().all(|to| to.starts_with('#')), "every link stays in the page");
}

// ---- the lakes

fn lake() -> ReportData {
    let mut split = closes("AAPL", 400);
    split.splits.push(Split {
        ex_date: split.dates[200].clone(),
        new_shares: "4.0000".to_owned(),
        old_shares: "1".to_owned(),
    });
    let closes = vec![split, closes("MSFT", 200), closes("KO", 50), closes("PETR4", 30), closes("VALE3", 80)];
    let mut averages: Vec<Option<String>> = vec![Some("1234.56789".to_owned()); closes.len()];
    averages[4] = None;
    ReportData {
        title: "Market data".to_owned(),
        generated_at: "2021-01-04T12:00:00Z".to_owned(),
        lake: "lake/".to_owned(),
        range: Some(DateRange { first: "2020-01-01".to_owned(), last: "2020-12-28".to_owned() }),
        totals: Totals { rows: 1_680, symbols: 5, partitions: 12, files: 12, bytes: 99_000 },
        pivot: Pivot {
            symbols: closes
                .iter()
                .map(|of| PivotSymbol { symbol: of.symbol.clone(), currency: of.currency.clone() })
                .collect(),
            months: vec![PivotMonth { month: "2020-01".to_owned(), averages }],
        },
        closes,
        scorecard: vec![DatasetScore {
            dataset: "daily_bars".to_owned(),
            objects: 3,
            rows_in: 1_690,
            staged: 1_680,
            quarantined: 7,
            duplicates: 3,
            score: Some(0.9),
            last_decision: Some(Decision::PublishWithQuarantine),
            failing_rules: vec![FailingRule {
                rule: "ColumnValues \"high\" > 0".to_owned(),
                labels: vec!["reason: price_not_positive".to_owned()],
                rows: 7,
                runs: 2,
                severity: Severity::Error,
            }],
        }],
        flags: vec![FlaggedRows {
            table: "daily_bars".to_owned(),
            flag: "open_outside_range".to_owned(),
            rows: 12,
            newest: "2020-12-28".parse().ok().map(|date| (date, "AAPL".to_owned())),
        }],
        freshness: vec![Freshness {
            dataset: "daily_bars".to_owned(),
            symbol: "AAPL".to_owned(),
            last_trading_date: Some("2020-12-28".to_owned()),
            rows: 336,
            days_behind: Some(7),
        }],
        late_after_days: 4,
        quarantine: vec![QuarantineReason {
            dataset: "daily_bars".to_owned(),
            reason: "high is not above zero".to_owned(),
            rows: 7,
            example: Some(QuarantineExample {
                source: "landing/bars.ndjson.gz".to_owned(),
                line: Some(12),
                raw: "{\"high\": \"-1\"}".to_owned(),
            }),
        }],
        unreadable: Vec::new(),
        actions: vec![ActionCounts {
            symbol: "AAPL".to_owned(),
            splits: 1,
            dividends: 4,
            last_ex_date: Some("2020-11-06".to_owned()),
        }],
    }
}

/// A year of closes that swing around `base`, twenty-eight days a month.
fn closes(symbol: &str, base: u32) -> SymbolCloses {
    let days = (1..=12).flat_map(|month| (1..=28).map(move |day| format!("2020-{month:02}-{day:02}")));
    let dates: Vec<String> = days.collect();
    let closes = (0..dates.len()).map(|n| format!("{base}.{:08}", (n * 37_000_003) % 100_000_000)).collect();
    SymbolCloses { symbol: symbol.to_owned(), currency: "USD".to_owned(), dates, closes, splits: Vec::new() }
}

/// [`lake`] with every text that a vendor, a file or a person may choose turned against the page.
fn hostile() -> ReportData {
    let bad = || HOSTILE.to_owned();
    let mut data = lake();
    data.title = bad();
    data.lake = bad();
    data.generated_at = format!("\"{HOSTILE}");
    data.range = Some(DateRange { first: bad(), last: format!("{{{{script}}}}{HOSTILE}") });
    let of = &mut data.closes[0];
    of.symbol = bad();
    of.currency = bad();
    of.closes[3] = bad();
    of.dates.push(bad());
    of.closes.push("1".to_owned());
    of.splits[0].new_shares = bad();
    data.pivot.symbols[0] = PivotSymbol { symbol: bad(), currency: bad() };
    data.pivot.months[0].month = bad();
    data.pivot.months[0].averages[0] = Some(format!("1\" onmouseover=\"alert(1)\"{HOSTILE}"));
    data.scorecard[0].dataset = bad();
    data.scorecard[0].failing_rules[0].rule = bad();
    data.flags[0].table = bad();
    data.flags[0].flag = bad();
    data.flags[0].newest = data.flags[0].newest.take().map(|(date, _)| (date, bad()));
    data.freshness[0].dataset = bad();
    data.freshness[0].symbol = bad();
    data.freshness[0].last_trading_date = Some(bad());
    data.quarantine[0] = QuarantineReason {
        dataset: bad(),
        reason: bad(),
        rows: 1,
        example: Some(QuarantineExample {
            source: bad(),
            line: Some(1),
            raw: format!("\0\u{202e}{HOSTILE}"),
        }),
    };
    data.actions[0].symbol = bad();
    data.actions[0].last_ex_date = Some(bad());
    data
}

fn empty() -> ReportData {
    ReportData {
        range: None,
        totals: Totals::default(),
        closes: Vec::new(),
        pivot: Pivot::default(),
        scorecard: Vec::new(),
        flags: Vec::new(),
        freshness: Vec::new(),
        quarantine: Vec::new(),
        actions: Vec::new(),
        ..lake()
    }
}

// ---- the browser

/// A page after its scripts ran.
struct Seen {
    dom: String,
    /// What the browser's console printed, errors and refusals of the policy included.
    console: Vec<String>,
}

/// Opens a page; `None`, with a message, where there is no browser.
fn open(page: &str) -> Option<Seen> {
    let Some(browser) = find_browser() else {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "no Chromium found, and CI is true: install chromium or name it in CHROMIUM"
        );
        eprintln!("skipped: no Chromium on the PATH (apt-get install chromium, or set CHROMIUM to its path)");
        return None;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).expect("the page is written");
    let (dom, log) = dump_dom(&browser, folder.path(), &file);
    assert!(dom.contains("</html>"), "the browser gave no page:\n{log}");
    let console = log.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect();
    Some(Seen { dom, console })
}

fn find_browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named));
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

/// Runs the browser once on a file and gives its document and its log.
///
/// Both go to files, so that neither pipe can fill up while the other is read.
fn dump_dom(browser: &Path, folder: &Path, page: &Path) -> (String, String) {
    let (dom, log) = (folder.join("dom.html"), folder.join("log.txt"));
    let mut child = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--enable-logging=stderr",
            "--window-size=1280,1000",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&dom).expect("a file"))
        .stderr(File::create(&log).expect("a file"))
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", browser.display()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the browser can be waited for") {
            break status;
        }
        if started.elapsed() > BROWSER_TIMEOUT {
            child.kill().expect("the browser can be stopped");
            child.wait().expect("the browser ended");
            panic!("the browser gave no page in {BROWSER_TIMEOUT:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let read = |file: &Path| String::from_utf8_lossy(&std::fs::read(file).expect("a file")).into_owned();
    assert!(status.success(), "the browser ended with {status}:\n{}", read(&log));
    (read(&dom), read(&log))
}

// ---- looking at text

/// What there is from `start` up to `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let from = text.find(start).unwrap_or_else(|| panic!("no {start}"));
    let to = text[from..].find(end).unwrap_or_else(|| panic!("no {end} after {start}"));
    &text[from..from + to]
}

/// A page's text without the content of its scripts: the library has markup in its strings.
fn without_scripts(page: &str) -> String {
    let mut parts = page.split("<script");
    let mut markup = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        markup.push_str(part.split_once("</script>").expect("a script ends").1);
    }
    markup
}

/// The attributes of a tag whose name was just cut off.
fn tag(text: &str) -> &str {
    text.split('>').next().unwrap_or(text)
}

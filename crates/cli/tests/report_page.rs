//! Opens the report in a real browser and looks at what a reader would see.
//!
//! The browser and where it is looked for: `common/browser.rs`.

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise and says so"
)]

use crate::common::browser::{open, run_in};
use dqdl::Severity;
use quotelake_check::Decision;
use quotelake_cli::report::data::{
    ActionCounts, Candle, DatasetScore, DateRange, FactorPeriod, FailingRule, Fault, FlaggedRows, GapWindow,
    Gaps, Newest, Pivot, PivotMonth, PivotSymbol, PriceSeries, QualityDay, QuarantineReason, RefusedRow,
    ReportData, Run, SeriesFreshness, Split, TableFacts, Totals, WarnedRow,
};
use quotelake_cli::report::render;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

#[test]
fn every_series_is_drawn_and_nothing_goes_wrong() {
    let Some(seen) = open(&render(&lake())) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    // A drawn line is a path stroked in its series' colour; one colour for each of the five symbols.
    let chart = between(&seen.dom, "id=\"closes-chart\"", "</section>");
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
    assert!(chart.contains("aria-label=\"Line chart of daily closes, 2020-01-01 to"), "the chart has a name");
}

#[test]
fn the_averages_are_a_table_with_headers() {
    let Some(seen) = open(&render(&lake())) else { return };
    let pivot = between(&seen.dom, "<table id=\"pivot\"", "</table>");
    assert!(pivot.contains("<th scope=\"row\">2020-01</th>"));
    assert_eq!(pivot.matches("scope=\"col\"").count(), 6);
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
    assert!(!seen.dom.contains('\u{202e}') && seen.dom.contains("\\u{202e}"), "what hides is written out");
    let chart = between(&seen.dom, "id=\"closes-chart\"", "</section>");
    assert!(chart.contains("stroke=\"var(--series-1)\""), "and the chart of that symbol is drawn");
}

#[test]
fn an_empty_lake_is_a_quiet_page() {
    let Some(seen) = open(&render(&empty())) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    assert!(!seen.dom.contains("<svg") && !seen.dom.contains("<script"));
    assert!(seen.dom.contains("No row was quarantined."));
}

#[test]
fn eight_of_many_symbols_are_drawn_first() {
    let mut data = lake();
    data.prices = (0..40).map(|n| closes(&format!("S{n:02}"), 10 + n)).collect();
    let Some(seen) = open(&render(&data)) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    assert_eq!(seen.dom.matches("<label class=\"symbol\">").count(), 40);
    let chart = between(&seen.dom, "id=\"closes-chart\"", "</section>");
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
    data.prices.truncate(1);
    data.prices[0].dates.truncate(1);
    data.prices[0].splits.clear();
    let Some(seen) = open(&render(&data)) else { return };
    assert_eq!(seen.console, Vec::<String>::new());
    let chart = between(&seen.dom, "id=\"closes-chart\"", "</section>");
    assert!(chart.contains("var(--series-1)"), "{chart}");
}

#[test]
fn labels_of_splits_do_not_cover_each_other() {
    let mut data = lake();
    for (at, day) in [(0, 200), (1, 203), (2, 206), (3, 201)] {
        let of = &mut data.prices[at];
        let ex_date = of.dates[day].clone();
        of.splits = vec![Split { ex_date, new_shares: "4".to_owned(), old_shares: "1".to_owned() }];
    }
    let script = "const of = [...document.querySelectorAll('#closes-chart text')].filter((of) => of.textContent === '4:1')\
                  .map((of) => of.getBoundingClientRect()); return of.map(({x, y, right, bottom}) => [x, y, right, bottom]);";
    for width in [390, 1300] {
        let Some((labels, _)) = run_in(&render(&data), width, script) else { return };
        let labels: Vec<[f64; 4]> = serde_json::from_value(labels).expect("boxes");
        assert_eq!(labels.len(), 4, "{width}");
        for (at, a) in labels.iter().enumerate() {
            for b in &labels[at + 1..] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                assert!(apart, "{width}: {a:?} covers {b:?}");
            }
        }
    }
}

#[test]
fn buttons_say_what_is_seen() {
    let mut data = lake();
    let factor = |from: &str, to: Option<&str>, price: &str| FactorPeriod {
        from: from.to_owned(),
        to: to.map(str::to_owned),
        price: price.to_owned(),
        volume: "4".to_owned(),
    };
    data.prices[0].factors =
        vec![factor("2020-01-01", Some("2020-08-04"), "0.25"), factor("2020-08-05", None, "1")];
    // Two years more, so that there is a range to choose.
    data.prices[0].dates[0] = "2017-01-03".to_owned();
    let script = "\
        const pressed = (id) => [...document.querySelectorAll(`#${id} button`)].filter((of) => \
            of.getAttribute('aria-pressed') === 'true').map((of) => of.textContent);\
        const label = () => document.getElementById('closes-chart').getAttribute('aria-label');\
        const note = () => document.getElementById('candles-note').textContent;\
        const steps = [pressed('ranges')];\
        document.querySelector('#ranges button').click(); steps.push(pressed('ranges'));\
        document.querySelector('#candle-ranges button').click(); steps.push(pressed('candle-ranges'));\
        steps.push([label(), note()]);\
        document.querySelector('input[value=adjusted]').click(); steps.push([label(), note()]);\
        steps.push([document.getElementById('closes-note').textContent]);\
        steps.push([...document.querySelectorAll('#closes > p, #closes label')].filter((of) => !of.hidden).map((of) => of.textContent));\
        return steps;";
    let Some((steps, console)) = run_in(&render(&data), 1300, script) else { return };
    assert_eq!(console, Vec::<String>::new());
    let steps: Vec<Vec<String>> = serde_json::from_value(steps).expect("steps");
    assert_eq!(steps[..3], [["All"], ["1 year"], ["6 months"]].map(|of| of.map(str::to_owned).to_vec()));
    assert!(
        steps[3][0].contains("AAPL (polygon, as traded, USD), MSFT (polygon, as traded, USD)"),
        "{steps:?}"
    );
    assert!(steps[3][1].starts_with("AAPL, polygon, as traded, USD: daily candles, "), "{steps:?}");
    // Adjusted, only what has factors is drawn.
    assert!(steps[4][0].contains("of AAPL (polygon, adjusted for splits and dividends, USD). "), "{steps:?}");
    assert!(steps[4][1].starts_with("AAPL, polygon, adjusted for splits and dividends, USD: "), "{steps:?}");
    assert_eq!(steps[5], ["Without factors, and not drawn: MSFT, KO, PETR4, VALE3."]);
    assert!(steps[6].iter().all(|text| !text.contains("traded")), "nothing is as traded now: {steps:?}");
    assert!(steps[6].contains(&"AAPLpolygon, adjusted, USD".to_owned()), "{steps:?}");
}

#[test]
fn the_axis_begins_where_the_chosen_data_begins() {
    let mut data = lake();
    data.prices[1].dates[0] = "1999-01-04".to_owned();
    data.prices.swap(0, 1);
    let script = "document.querySelector('#symbol-list input').click();\
                  return document.getElementById('closes-chart').getAttribute('aria-label');";
    let Some((label, _)) = run_in(&render(&data), 1300, script) else { return };
    assert!(label.as_str().is_some_and(|label| label.contains("2020-01-01 to 2020-12-28")), "{label}");
}

#[test]
fn one_symbol_has_candles_and_returns() {
    let Some(seen) = open(&render(&lake())) else { return };
    let candles = between(&seen.dom, "id=\"candles-chart\"", "<h3>");
    // The bodies of days that rose, and of none that fell: closes are opens here.
    assert!(candles.matches("var(--up)").count() > 100, "{}", candles.len());
    let returns = between(&seen.dom, "id=\"returns\"", "</section>");
    assert!(returns.contains("<th scope=\"row\">2020</th>"), "{returns}");
    assert!(returns.contains(">1.5</td>") && returns.contains(">-2.3</td>"), "{returns}");
}

/// Needs no browser: the text of the page names nothing to load.
#[test]
fn the_page_asks_the_network_for_nothing() {
    let page = render(&lake());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\"", ">");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'sha256-"));
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
                .map(|of| PivotSymbol {
                    symbol: of.symbol.clone(),
                    series: "polygon raw".to_owned(),
                    currency: of.currency.clone(),
                })
                .collect(),
            months: vec![PivotMonth { month: "2020-01".to_owned(), averages }],
        },
        prices: closes,
        tables: vec![TableFacts {
            table: "daily_bars".to_owned(),
            rows: 1_680,
            symbols: 5,
            range: Some(DateRange { first: "2020-01-01".to_owned(), last: "2020-12-28".to_owned() }),
            partitions: 12,
            bytes: 99_000,
        }],
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
                reason: Some("price_not_positive".to_owned()),
                rule: "ColumnValues \"high\" > 0".to_owned(),
                last: Some("2021-01-04T11:00:00Z".to_owned()),
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
        quality_days: vec![QualityDay {
            day: "2021-01-04".to_owned(),
            dataset: "daily_bars".to_owned(),
            checks: 3,
            blocked: 0,
            rows_in: 1_690,
            quarantined: 7,
            score: Some(0.9),
        }],
        warned: Newest {
            rows: vec![WarnedRow {
                date: Some("2020-12-28".to_owned()),
                symbol: Some("AAPL".to_owned()),
                table: "daily_bars".to_owned(),
                provider: Some("polygon".to_owned()),
                close: Some("10.50000000".to_owned()),
                flags: vec!["open_outside_range".to_owned()],
                ..WarnedRow::default()
            }],
            all: 12,
        },
        freshness: vec![SeriesFreshness {
            table: "daily_bars".to_owned(),
            symbol: "AAPL".to_owned(),
            series: "polygon, raw, 1d".to_owned(),
            last: "2020-12-28".to_owned(),
            sessions: 336,
            expected: Some("2020-12-31".to_owned()),
            sessions_behind: Some(3),
        }],
        gaps: Gaps {
            series: 5,
            without_calendar: 1,
            missing: 2,
            quarantined: 0,
            windows: Newest {
                rows: vec![GapWindow {
                    from: "2020-06-01".to_owned(),
                    to: "2020-06-02".to_owned(),
                    sessions: 2,
                    table: "daily_bars".to_owned(),
                    symbol: "AAPL".to_owned(),
                    series: "polygon, raw, 1d".to_owned(),
                    quarantined: None,
                }],
                all: 1,
            },
        },
        runs: Newest {
            rows: vec![Run {
                started_at: "2021-01-04T10:59:00.000Z".to_owned(),
                millis: 1_290,
                stage: "check".to_owned(),
                subject: "landing/bars.ndjson.gz".to_owned(),
                dataset: Some("daily_bars".to_owned()),
                outcome: "succeeded".to_owned(),
                rows_in: Some(1_690),
                rows_out: Some(1_680),
                quarantined: Some(7),
                bytes: Some(99_000),
                error: None,
            }],
            all: 1,
        },
        quarantine: vec![QuarantineReason {
            dataset: "daily_bars".to_owned(),
            reason: "price_not_positive".to_owned(),
            rows: 7,
        }],
        refused: Newest {
            rows: vec![RefusedRow {
                at: Some("2021-01-04T11:00:00Z".to_owned()),
                dataset: "daily_bars".to_owned(),
                subject: Some("AAPL".to_owned()),
                provider: Some("polygon".to_owned()),
                date: Some("2020-12-28".to_owned()),
                faults: vec![Fault {
                    reason: "price_not_positive".to_owned(),
                    value: Some("high = -1".to_owned()),
                    detail: None,
                }],
                place: "bars.csv:12".to_owned(),
            }],
            all: 7,
        },
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
fn closes(symbol: &str, base: u32) -> PriceSeries {
    let days = (1..=12).flat_map(|month| (1..=28).map(move |day| format!("2020-{month:02}-{day:02}")));
    let dates: Vec<String> = days.collect();
    let price = |n: usize, more: u32| format!("{}.{:08}", base + more, (n * 37_000_003) % 100_000_000);
    let candle = |n: usize| Candle {
        open: Some(price(n, 0)),
        high: Some(price(n, 1)),
        low: Some(price(n, 0)),
        volume: Some((1_000 + n).to_string()),
    };
    PriceSeries {
        symbol: symbol.to_owned(),
        provider: "polygon".to_owned(),
        adjustment: "raw".to_owned(),
        currency: "USD".to_owned(),
        closes: (0..dates.len()).map(|n| price(n, 0)).collect(),
        candles: (0..dates.len()).map(candle).collect(),
        dates,
        factors: Vec::new(),
        splits: Vec::new(),
        monthly_returns: vec![("2020-02".to_owned(), 1.5), ("2020-03".to_owned(), -2.25)],
        yearly_returns: Vec::new(),
        others: Vec::new(),
    }
}

/// [`lake`] with every text that a vendor, a file or a person may choose turned against the page.
fn hostile() -> ReportData {
    let bad = || HOSTILE.to_owned();
    let mut data = lake();
    data.title = bad();
    data.lake = bad();
    data.generated_at = format!("\"{HOSTILE}");
    data.range = Some(DateRange { first: bad(), last: format!("{{{{script}}}}{HOSTILE}") });
    let of = &mut data.prices[0];
    of.symbol = bad();
    of.currency = bad();
    of.closes[3] = bad();
    of.dates.push(bad());
    of.closes.push("1".to_owned());
    of.splits[0].new_shares = bad();
    of.provider = bad();
    of.adjustment = bad();
    of.others = vec![bad()];
    of.factors = vec![FactorPeriod { from: bad(), to: Some(bad()), price: bad(), volume: bad() }];
    of.candles[3] = Candle { open: Some(bad()), high: Some(bad()), low: Some(bad()), volume: Some(bad()) };
    of.monthly_returns[0].0 = bad();
    data.tables[0].table = bad();
    data.pivot.symbols[0] = PivotSymbol { symbol: bad(), series: bad(), currency: bad() };
    data.pivot.months[0].month = bad();
    data.pivot.months[0].averages[0] = Some(format!("1\" onmouseover=\"alert(1)\"{HOSTILE}"));
    data.scorecard[0].dataset = bad();
    data.scorecard[0].failing_rules[0].rule = bad();
    data.scorecard[0].failing_rules[0].reason = Some(bad());
    data.flags[0].table = bad();
    data.flags[0].flag = bad();
    data.flags[0].newest = data.flags[0].newest.take().map(|(date, _)| (date, bad()));
    let warned = &mut data.warned.rows[0];
    (warned.date, warned.symbol, warned.close) = (Some(bad()), Some(bad()), Some(bad()));
    warned.flags = vec![bad()];
    data.freshness[0].table = bad();
    data.freshness[0].symbol = bad();
    data.freshness[0].series = bad();
    data.freshness[0].last = bad();
    let gap = &mut data.gaps.windows.rows[0];
    (gap.from, gap.symbol, gap.quarantined) = (bad(), bad(), Some(bad()));
    let run = &mut data.runs.rows[0];
    (run.stage, run.subject, run.outcome) = (bad(), bad(), bad());
    (run.started_at, run.error) = (bad(), Some(bad()));
    data.quarantine[0] = QuarantineReason { dataset: bad(), reason: bad(), rows: 1 };
    data.refused.rows[0] = RefusedRow {
        at: Some(bad()),
        dataset: bad(),
        subject: Some(format!("\0\u{202e}{HOSTILE}")),
        provider: Some(bad()),
        date: Some(bad()),
        faults: vec![Fault { reason: bad(), value: Some(bad()), detail: Some(bad()) }],
        place: bad(),
    };
    data.actions[0].symbol = bad();
    data.actions[0].last_ex_date = Some(bad());
    data
}

fn empty() -> ReportData {
    ReportData {
        range: None,
        totals: Totals::default(),
        tables: Vec::new(),
        prices: Vec::new(),
        pivot: Pivot::default(),
        scorecard: Vec::new(),
        quality_days: Vec::new(),
        flags: Vec::new(),
        warned: Newest::default(),
        freshness: Vec::new(),
        gaps: Gaps::default(),
        quarantine: Vec::new(),
        refused: Newest::default(),
        runs: Newest::default(),
        actions: Vec::new(),
        ..lake()
    }
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

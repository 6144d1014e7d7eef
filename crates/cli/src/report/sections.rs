//! The sections of the page, each a pure function of the part of the data that it shows.

use dqdl::Severity;
use quotelake_check::Decision;

use super::data::{
    ActionCounts, DatasetScore, FailingRule, FlaggedRows, Freshness, Pivot, PivotSymbol, QuarantineExample,
    QuarantineReason, ReportData,
};
use super::html::{Align, Cell, Html, Table};
use crate::number::{bytes, counted, percent, thousands, two_places};

/// A quarantined row is shown up to this many characters.
const RAW_CHARS: usize = 600;

/// What is missing on the page, because it cannot be read; nothing where all can.
pub(super) fn unreadable(reasons: &[String]) -> Html {
    if reasons.is_empty() {
        return Html::new();
    }
    let mut html = Html::new().markup("<p>Objects that cannot be read, and are missing below:</p>\n<ul>\n");
    for reason in reasons {
        html = html.markup("<li>").text(reason).markup("</li>\n");
    }
    html.markup("</ul>\n")
}

/// Where, from when, how much.
pub(super) fn facts(data: &ReportData) -> Html {
    let range = match &data.range {
        Some(range) => Html::new().html(&date(&range.first)).markup(" to ").html(&date(&range.last)),
        None => Html::new().markup("no bars"),
    };
    let totals = data.totals;
    let size = Html::new()
        .markup("<span")
        .attr("title", &counted(totals.bytes, "byte", "bytes"))
        .markup(">")
        .text(&bytes(totals.bytes))
        .markup("</span>");
    let count = |number: u64| Html::new().text(&thousands(number));

    let mut html = Html::new().markup("<dl class=\"facts\">\n");
    for (name, value) in [
        ("Trading dates", range),
        ("Rows", count(totals.rows)),
        ("Symbols", count(totals.symbols)),
        ("Partitions", count(totals.partitions)),
        ("Files", count(totals.files)),
        ("Stored size", size),
    ] {
        html = html.markup("<div><dt>").markup(name).markup("</dt><dd>").html(&value).markup("</dd></div>\n");
    }
    html.markup("</dl>\n")
}

/// The report in one sentence.
pub(super) fn verdict(data: &ReportData) -> Html {
    let blocked = data.scorecard.iter().filter(|of| of.last_decision == Some(Decision::Block)).count() as u64;
    let held: u64 = data.quarantine.iter().map(|of| of.rows).sum();
    let late = data.freshness.iter().filter(|of| is_late(of, data.late_after_days)).count() as u64;
    let findings: Vec<String> = [
        (blocked, counted(blocked, "dataset blocked", "datasets blocked")),
        (held, counted(held, "row in quarantine", "rows in quarantine")),
        (late, counted(late, "series late", "series late")),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(_, words)| words)
    .collect();

    if data.scorecard.is_empty() && findings.is_empty() {
        return Html::new().markup("<p class=\"verdict\">Nothing has been checked yet.</p>\n");
    }
    if findings.is_empty() {
        return Html::new()
            .markup("<p class=\"verdict good\">No dataset is blocked, no row is in quarantine, no series is late.</p>\n");
    }
    let class = if blocked > 0 { "verdict bad" } else { "verdict fair" };
    Html::new().markup("<p").attr("class", class).markup(">").text(&findings.join(", ")).markup(".</p>\n")
}

/// The chart of closes; `report.js` fills it.
pub(super) fn closes(data: &ReportData) -> Html {
    if data.closes.iter().all(|of| of.closes.is_empty()) {
        return empty("The lake holds no bars, so there is no close to draw.");
    }
    Html::new().markup(include_str!("../../assets/closes.html"))
}

/// Average close for each month and symbol.
pub(super) fn pivot(pivot: &Pivot) -> Html {
    if pivot.symbols.is_empty() || pivot.months.is_empty() {
        return empty("The lake holds no bars, so there is no month to average.");
    }
    let caption = match one_currency(&pivot.symbols) {
        Some(currency) => Html::new().markup("Average unadjusted close by month, in ").text(currency),
        None => Html::new().markup("Average unadjusted close by month, each symbol in its own currency"),
    };
    let mut table = Table::new("pivot", caption).titled("Month", Align::Text);
    for of in &pivot.symbols {
        let title = Html::new()
            .text(&of.symbol)
            .markup(" <span class=\"unit\">")
            .text(&of.currency)
            .markup("</span>");
        table = table.column(title, Align::Number);
    }
    let mut year = "";
    for row in &pivot.months {
        let this_year = row.month.split('-').next().unwrap_or_default();
        let class = if year != this_year && !year.is_empty() { "new-year" } else { "" };
        year = this_year;
        let averages = row.averages.iter().take(pivot.symbols.len()).map(|average| match average {
            Some(exact) => Cell::rounded(&two_places(exact), exact),
            None => Cell::none("no bar"),
        });
        table = table.row_of(class, std::iter::once(Cell::text(&row.month)).chain(averages));
    }
    let note = "<p class=\"note\">Two decimal places are shown; rest the pointer on a number for the exact average.</p>\n";
    Html::new().html(&table.finish()).markup(note)
}

fn one_currency(symbols: &[PivotSymbol]) -> Option<&str> {
    let first = symbols.first()?.currency.as_str();
    symbols.iter().all(|of| of.currency == first).then_some(first)
}

/// What the checks found in each dataset, and which rules failed.
pub(super) fn quality(scorecard: &[DatasetScore]) -> Html {
    if scorecard.is_empty() {
        return empty("No object has been checked.");
    }
    let mut table = Table::new("scorecard", Html::new().markup("Checks by dataset"))
        .titled("Dataset", Align::Text)
        .titled("Last decision", Align::Text)
        .titled("Rules passed", Align::Number)
        .titled("Objects", Align::Number)
        .titled("Rows in", Align::Number)
        .titled("Staged", Align::Number)
        .titled("Quarantined", Align::Number)
        .titled("Duplicates", Align::Number);
    for of in scorecard {
        table = table.row([
            code(&of.dataset),
            of.last_decision.map_or_else(|| Cell::none("not checked"), decision),
            of.score.map_or_else(|| Cell::none("no rule ran"), |score| Cell::text(&percent(score))),
            count(of.objects),
            count(of.rows_in),
            count(of.staged),
            count(of.quarantined),
            count(of.duplicates),
        ]);
    }
    Html::new().html(&table.finish()).html(&failing_rules(scorecard))
}

fn failing_rules(scorecard: &[DatasetScore]) -> Html {
    let failing: Vec<(&str, &FailingRule)> = scorecard
        .iter()
        .flat_map(|of| of.failing_rules.iter().map(|rule| (of.dataset.as_str(), rule)))
        .collect();
    if failing.is_empty() {
        return empty("No rule failed.");
    }
    let mut table = Table::new("failing-rules", Html::new().markup("Rules that failed"))
        .titled("Dataset", Align::Text)
        .titled("Severity", Align::Text)
        .titled("Rule", Align::Text)
        .titled("Labels", Align::Text)
        .titled("Failures", Align::Number);
    for (dataset, rule) in failing {
        let labels = match rule.labels.is_empty() {
            true => Cell::none("no label"),
            false => Cell::text(&rule.labels.join(", ")),
        };
        table = table.row([
            code(dataset),
            severity(rule.severity),
            code(&rule.rule),
            labels,
            Cell::text(&failures(rule)),
        ]);
    }
    table.finish()
}

/// `12 rows in 3 runs`, or `3 runs` of a rule that judges no rows.
fn failures(rule: &FailingRule) -> String {
    let runs = counted(rule.runs, "run", "runs");
    match rule.rows {
        0 => runs,
        rows => format!("{} in {runs}", counted(rows, "row", "rows")),
    }
}

/// How recent each symbol is in each dataset.
pub(super) fn freshness(rows: &[Freshness], late_after_days: u32) -> Html {
    if rows.is_empty() {
        return empty("No dataset holds a row.");
    }
    let mut table = Table::new("recency", Html::new().markup("Newest row by dataset and symbol"))
        .titled("Dataset", Align::Text)
        .titled("Symbol", Align::Text)
        .titled("Last date", Align::Text)
        .titled("Days behind", Align::Number)
        .titled("Rows", Align::Number);
    for of in rows {
        let behind = match of.days_behind {
            Some(days) if is_late(of, late_after_days) => {
                Html::new().markup("<span class=\"tag fair\">late</span> ").text(&days.to_string()).into()
            }
            Some(days) => Cell::text(&days.to_string()),
            None => Cell::none("does not apply"),
        };
        table = table.row([
            code(&of.dataset),
            Cell::text(&of.symbol),
            of.last_trading_date.as_deref().map_or_else(|| Cell::none("no row"), |day| date(day).into()),
            behind,
            count(of.rows),
        ]);
    }
    let limit = counted(u64::from(late_after_days), "calendar day", "calendar days");
    Html::new()
        .html(&table.finish())
        .markup("<p class=\"note\">Days are calendar days up to the report’s instant; more than ")
        .text(&limit)
        .markup(" is late. Dividends and splits have no schedule to be behind.</p>\n")
}

fn is_late(of: &Freshness, late_after_days: u32) -> bool {
    of.days_behind.is_some_and(|days| days > i64::from(late_after_days))
}

/// Published rows by flag; nothing where there are none.
pub(super) fn flags(rows: &[FlaggedRows]) -> Html {
    if rows.is_empty() {
        return Html::new();
    }
    let mut table = Table::new("flags", Html::new().markup("Published rows by flag"))
        .titled("Table", Align::Text)
        .titled("Flag", Align::Text)
        .titled("Rows", Align::Number)
        .titled("Newest", Align::Text);
    for of in rows {
        let newest = of.newest.as_ref().map(|(date, symbol)| format!("{symbol} {date}"));
        table = table.row([
            code(&of.table),
            Cell::text(&of.flag),
            count(of.rows),
            newest.as_deref().map_or_else(|| Cell::none("no date"), Cell::text),
        ]);
    }
    table.finish()
}

/// Rows set aside, by reason, with one example each.
pub(super) fn quarantine(reasons: &[QuarantineReason]) -> Html {
    if reasons.is_empty() {
        return empty("No row was quarantined.");
    }
    let mut table = Table::new("reasons", Html::new().markup("Quarantined rows by reason"))
        .titled("Dataset", Align::Text)
        .titled("Reason", Align::Text)
        .titled("Rows", Align::Number)
        .titled("Example", Align::Text);
    for of in reasons {
        table = table.row([
            code(&of.dataset),
            Cell::text(&of.reason),
            count(of.rows),
            of.example.as_ref().map_or_else(|| Cell::none("no example"), example),
        ]);
    }
    table.finish()
}

fn example(example: &QuarantineExample) -> Cell {
    let mut html = Html::new().markup("<div class=\"source\">").text(&example.source);
    if let Some(line) = example.line {
        html = html.markup(", line ").text(&thousands(line));
    }
    let shown: String = example.raw.chars().take(RAW_CHARS).collect();
    html = html.markup("</div><pre>").text(&shown);
    if shown.len() < example.raw.len() {
        html = html.markup("…");
    }
    html.markup("</pre>").into()
}

/// Splits and dividends known for each symbol.
pub(super) fn actions(rows: &[ActionCounts]) -> Html {
    if rows.is_empty() {
        return empty("No corporate action is known.");
    }
    let mut table = Table::new("action-counts", Html::new().markup("Corporate actions by symbol"))
        .titled("Symbol", Align::Text)
        .titled("Splits", Align::Number)
        .titled("Dividends", Align::Number)
        .titled("Last ex-date", Align::Text);
    for of in rows {
        table = table.row([
            Cell::text(&of.symbol),
            count(of.splits),
            count(of.dividends),
            of.last_ex_date.as_deref().map_or_else(|| Cell::none("none"), |day| date(day).into()),
        ]);
    }
    table.finish()
}

/// An instant as a reader takes it in: `2026-11-20T09:22:07Z` is `2026-11-20 09:22:07 UTC`.
pub(super) fn instant(rfc3339: &str) -> Html {
    let shown = match rfc3339.strip_suffix('Z').and_then(|local| local.split_once('T')) {
        Some((day, time)) => format!("{day} {} UTC", time.split('.').next().unwrap_or(time)),
        None => rfc3339.to_owned(),
    };
    Html::new().markup("<time").attr("datetime", rfc3339).markup(">").text(&shown).markup("</time>")
}

fn date(day: &str) -> Html {
    Html::new().markup("<time>").text(day).markup("</time>")
}

fn count(number: u64) -> Cell {
    Cell::text(&thousands(number))
}

fn code(text: &str) -> Cell {
    Html::new().markup("<code>").text(text).markup("</code>").into()
}

fn decision(decision: Decision) -> Cell {
    Html::new()
        .markup(match decision {
            Decision::Publish => "<span class=\"tag good\">published</span>",
            Decision::PublishWithQuarantine => "<span class=\"tag fair\">published, bad rows held</span>",
            Decision::Block => "<span class=\"tag bad\">blocked</span>",
        })
        .into()
}

fn severity(severity: Severity) -> Cell {
    Html::new()
        .markup(match severity {
            Severity::Critical => "<span class=\"tag bad\">critical</span>",
            Severity::Error => "<span class=\"tag fair\">error</span>",
            Severity::Warn => "<span class=\"tag\">warn</span>",
            Severity::Info => "<span class=\"tag\">info</span>",
        })
        .into()
}

fn empty(sentence: &'static str) -> Html {
    Html::new().markup("<p class=\"empty\">").markup(sentence).markup("</p>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_readable_and_keeps_its_exact_form() {
        assert_eq!(
            instant("2026-11-20T09:22:07.123Z").as_str(),
            "<time datetime=\"2026-11-20T09:22:07.123Z\">2026-11-20 09:22:07 UTC</time>"
        );
        assert_eq!(
            instant("2026-11-20T09:22:07-03:00").as_str(),
            "<time datetime=\"2026-11-20T09:22:07-03:00\">2026-11-20T09:22:07-03:00</time>"
        );
    }

    #[test]
    fn a_long_raw_row_is_cut_at_a_character() {
        let raw = "é".repeat(RAW_CHARS + 1);
        let cell = example(&QuarantineExample { source: "a.csv".to_owned(), line: Some(1_204), raw });
        let table = Table::new("t", Html::new()).row([cell]).finish();
        assert!(table.as_str().contains("a.csv, line 1,204</div>"));
        assert!(table.as_str().contains(&format!("<pre>{}…</pre>", "é".repeat(RAW_CHARS))));
    }

    #[test]
    fn a_pivot_in_one_currency_says_so_once() {
        let symbol =
            |name: &str, currency: &str| PivotSymbol { symbol: name.into(), currency: currency.into() };
        assert_eq!(one_currency(&[symbol("A", "USD"), symbol("B", "USD")]), Some("USD"));
        assert_eq!(one_currency(&[symbol("A", "USD"), symbol("B", "BRL")]), None);
    }
}

//! What is in the lake: the report in one sentence, sizes, tables, corporate actions.

use maud::{Markup, html};
use quotelake_check::Decision;

use super::data::{ActionCounts, DateRange, ReportData};
use super::markup::{Cell, Table, empty};
use crate::number::{bytes, counted, thousands};

/// What is missing on the page, because it cannot be read; nothing where all can.
pub(super) fn unreadable(reasons: &[String]) -> Markup {
    html! {
        @if !reasons.is_empty() {
            p { "Objects that cannot be read, and are missing below:" }
            ul.unreadable { @for reason in reasons { li { (reason) } } }
        }
    }
}

/// Where, from when, how much.
pub(super) fn facts(data: &ReportData) -> Markup {
    let totals = data.totals;
    let size = html! { span title=(counted(totals.bytes, "byte", "bytes")) { (bytes(totals.bytes)) } };
    let count = |number: u64| html! { (thousands(number)) };
    let mut facts = match &data.range {
        Some(range) => vec![("Trading dates", dates(range))],
        None => vec![("Tables", count(data.tables.len() as u64))],
    };
    facts.push(("Rows", count(totals.rows)));
    if totals.symbols > 0 {
        facts.push(("Symbols", count(totals.symbols)));
    }
    facts.push(("Partitions", count(totals.partitions)));
    facts.push(("Files", count(totals.files)));
    facts.push(("Stored size", size));
    html! {
        dl.facts { @for (name, value) in &facts { div { dt { (name) } dd { (value) } } } }
    }
}

fn dates(range: &DateRange) -> Markup {
    html! { time { (range.first) } " to " time { (range.last) } }
}

/// The report in one sentence.
pub(super) fn verdict(data: &ReportData) -> Markup {
    let blocked = data.scorecard.iter().filter(|of| of.last_decision == Some(Decision::Block)).count() as u64;
    let held: u64 = data.quarantine.iter().map(|of| of.rows).sum();
    let late = data.freshness.iter().filter(|of| of.is_late()).count() as u64;
    let missing = data.gaps.missing;
    let unread = data.unreadable.len() as u64;
    let findings: Vec<String> = [
        (unread, counted(unread, "object cannot be read", "objects cannot be read")),
        (blocked, counted(blocked, "dataset blocked", "datasets blocked")),
        (held, counted(held, "row in quarantine", "rows in quarantine")),
        (late, counted(late, "series late", "series late")),
        (missing, counted(missing, "session missing", "sessions missing")),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(_, words)| words)
    .collect();
    let (class, sentence) = match (findings.is_empty(), data.scorecard.is_empty()) {
        (true, true) => ("verdict", "Nothing has been checked yet.".to_owned()),
        (true, false) => ("verdict good", nothing_found(data)),
        (false, _) if blocked > 0 || unread > 0 => ("verdict bad", findings.join(", ") + "."),
        (false, _) => ("verdict fair", findings.join(", ") + "."),
    };
    html! { p class=(class) { (sentence) } }
}

/// What is not the matter, as far as it was looked at.
fn nothing_found(data: &ReportData) -> String {
    let judged = data.freshness.iter().any(|of| of.sessions_behind.is_some());
    let mut sentence = "No dataset is blocked, no row is in quarantine".to_owned();
    if judged {
        sentence.push_str(", no series is late, no session is missing");
    }
    sentence + "."
}

/// Every table with what it holds.
pub(super) fn tables(data: &ReportData) -> Markup {
    if data.tables.is_empty() {
        return empty("No table holds a row.");
    }
    let mut table = Table::new("table-facts", "What each table holds")
        .text("Table")
        .number("Rows")
        .number("Symbols")
        .text("Dates")
        .number("Partitions")
        .number("Size");
    for of in &data.tables {
        let symbols = (of.symbols > 0).then_some(of.symbols);
        table.row([
            Cell::code(&of.table),
            Cell::count(of.rows),
            Cell::maybe_count(symbols, "no symbols"),
            of.range.as_ref().map_or_else(|| Cell::none("no date in its key"), |range| dates(range).into()),
            Cell::count(of.partitions),
            Cell::rounded(&bytes(of.bytes), &counted(of.bytes, "byte", "bytes")),
        ]);
    }
    html! {
        (table.finish())
        @if data.prices.is_empty() {
            p.note { "There are no daily bars in this lake, so it has no prices to draw." }
        }
    }
}

/// Splits and dividends known for each symbol.
pub(super) fn actions(rows: &[ActionCounts]) -> Markup {
    let mut table = Table::new("action-counts", "Corporate actions by symbol")
        .text("Symbol")
        .number("Splits")
        .number("Dividends")
        .text("Last ex-date");
    for of in rows {
        table.row([
            Cell::text(&of.symbol),
            Cell::count(of.splits),
            Cell::count(of.dividends),
            Cell::maybe_day(of.last_ex_date.as_deref(), "none"),
        ]);
    }
    table.finish()
}

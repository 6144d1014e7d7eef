//! What the lake is kept up by: how recent its series are, the sessions that they lack, the runs of the stages.

use maud::{Markup, html};

use super::data::{Gaps, Newest, Run, SeriesFreshness};
use super::markup::{Cell, Table, empty, instant, newest_of};
use super::words::{duration, spaced};
use crate::number::{bytes, counted, thousands};

/// How recent each series of bars is, the latest first.
pub(super) fn freshness(rows: &[SeriesFreshness]) -> Markup {
    let late = rows.iter().filter(|of| of.is_late()).count() as u64;
    let judged = rows.iter().filter(|of| of.sessions_behind.is_some()).count() as u64;
    let unknown = rows.len() as u64 - judged;
    let mut table = Table::new("recency", "Newest session of each series of bars, the latest first")
        .text("Symbol")
        .text("Series")
        .text("Table")
        .text("Newest")
        .text("Expected")
        .number("Sessions behind")
        .number("Sessions");
    for of in rows {
        let behind = match of.sessions_behind {
            None => Cell::none("no calendar"),
            Some(0) => Cell::text("0"),
            Some(behind) => html! { span.tag.fair { "late" } " " (thousands(behind)) }.into(),
        };
        table.row([
            Cell::text(&of.symbol),
            Cell::text(&of.series),
            Cell::code(&of.table),
            Cell::day(&of.last),
            Cell::maybe_day(of.expected.as_deref(), "no calendar"),
            behind,
            Cell::count(of.sessions),
        ]);
    }
    html! {
        p {
            (thousands(late)) " of " (counted(judged, "series", "series")) " late"
            @if unknown > 0 {
                "; " (counted(unknown, "series", "series")) " of exchanges without a calendar not judged"
            }
            "."
        }
        (table.finish())
        p.note {
            "Late is a series whose newest session is not the newest that its exchange has closed at the report’s instant, by "
            "the exchange’s calendar. " code { "quotelake status" } " says the same."
        }
    }
}

/// Sessions that are not there, the newest first.
pub(super) fn gaps(gaps: &Gaps) -> Markup {
    let judged = gaps.series - gaps.without_calendar;
    let summary = html! {
        p {
            (counted(gaps.missing, "session", "sessions")) " missing and "
            (counted(gaps.quarantined, "session", "sessions")) " in quarantine, in "
            (counted(judged, "series", "series")) ", each from its first session to its last"
            @if gaps.without_calendar > 0 {
                "; " (counted(gaps.without_calendar, "series", "series")) " without a calendar not judged"
            }
            "."
        }
    };
    if gaps.windows.rows.is_empty() {
        return summary;
    }
    let mut table = Table::new("gap-windows", "Sessions that are not there, newest first")
        .text("From")
        .text("To")
        .number("Sessions")
        .text("Symbol")
        .text("Series")
        .text("Table")
        .text("Why");
    for of in &gaps.windows.rows {
        table.row([
            Cell::day(&of.from),
            Cell::day(&of.to),
            Cell::count(of.sessions),
            Cell::text(&of.symbol),
            Cell::text(&of.series),
            Cell::code(&of.table),
            match &of.quarantined {
                Some(reason) => Cell::text(&format!("in quarantine: {}", spaced(reason))),
                None => Cell::text("never came"),
            },
        ]);
    }
    html! {
        (summary)
        (table.finish())
        (newest_of(gaps.windows.rows.len(), gaps.windows.all, "gaps"))
    }
}

/// What the stages did, newest first.
pub(super) fn runs(runs: &Newest<Run>) -> Markup {
    if runs.rows.is_empty() {
        return empty("No run is on record.");
    }
    let mut table = Table::new("run-rows", "Runs of the stages, newest first")
        .text("Began")
        .text("Stage")
        .text("Outcome")
        .number("Took")
        .text("Dataset")
        .number("Rows in")
        .number("Rows out")
        .number("Quarantined")
        .number("Size")
        .text("What");
    for of in &runs.rows {
        let what = html! {
            span.source { (of.subject) }
            @if let Some(error) = &of.error { span.detail { (error) } }
        };
        table.row([
            instant(&of.started_at).into(),
            Cell::text(&of.stage),
            outcome(&of.outcome),
            Cell::text(&duration(of.millis)),
            of.dataset.as_deref().map_or_else(|| Cell::none("several"), Cell::code),
            Cell::maybe_count(of.rows_in, "reads no rows"),
            Cell::maybe_count(of.rows_out, "gives no rows"),
            Cell::maybe_count(of.quarantined, "refuses no rows"),
            of.bytes.map_or_else(
                || Cell::none("not counted"),
                |size| Cell::rounded(&bytes(size), &counted(size, "byte", "bytes")),
            ),
            what.into(),
        ]);
    }
    html! {
        (table.finish())
        @if (runs.rows.len() as u64) < runs.all {
            p.note { "The newest " (counted(runs.rows.len() as u64, "run", "runs")) "; the table " code { "runs" } " has all of them." }
        }
    }
}

fn outcome(outcome: &str) -> Cell {
    let class = match outcome {
        "succeeded" => "tag good",
        "partial" => "tag fair",
        "failed" => "tag bad",
        _ => "tag",
    };
    html! { span class=(class) { (outcome) } }.into()
}

//! How good the rows are: what the checks found, rows that were warned of, rows that were refused.

use dqdl::Severity;
use maud::{Markup, html};
use quotelake_check::Decision;

use super::data::{DatasetScore, FailingRule, Fault, QualityDay, QuarantineReason, RefusedRow, ReportData};
use super::markup::{Cell, Table, empty, instant, newest_of};
use super::words::spaced;
use crate::number::{counted, percent, plain};

/// What the checks found in each dataset, over time, and which rules failed.
pub(super) fn quality(data: &ReportData) -> Markup {
    if data.scorecard.is_empty() {
        return empty("No object has been checked.");
    }
    html! {
        (scorecard(&data.scorecard))
        (over_time(&data.quality_days))
        (failing_rules(&data.scorecard))
    }
}

fn scorecard(scores: &[DatasetScore]) -> Markup {
    let mut table = Table::new("scorecard", "Checks by dataset")
        .text("Dataset")
        .text("Last decision")
        .number("Rules passed")
        .number("Objects")
        .number("Rows in")
        .number("Staged")
        .number("Quarantined")
        .number("Duplicates");
    for of in scores {
        table.row([
            Cell::code(&of.dataset),
            of.last_decision.map_or_else(|| Cell::none("not checked"), decision),
            of.score.map_or_else(|| Cell::none("no rule ran"), |score| Cell::text(&percent(score))),
            Cell::count(of.objects),
            Cell::count(of.rows_in),
            Cell::count(of.staged),
            Cell::count(of.quarantined),
            Cell::count(of.duplicates),
        ]);
    }
    table.finish()
}

fn over_time(days: &[QualityDay]) -> Markup {
    if days.is_empty() {
        return html! {};
    }
    let mut table = Table::new("quality-days", "Quality over time, newest day first")
        .text("Day")
        .text("Dataset")
        .text("Rules passed")
        .number("Checks")
        .number("Blocked")
        .number("Rows in")
        .number("Quarantined");
    for of in days {
        let passed = |score: f64| {
            // A bar as long as the share; its colour says whether all passed.
            let class = if score >= 1.0 { "bar all" } else { "bar" };
            html! {
                span.share {
                    span class=(class) style=(format!("width:{:.1}%", score.clamp(0.0, 1.0) * 100.0)) {}
                }
                " " (percent(score))
            }
        };
        table.row([
            Cell::day(&of.day),
            Cell::code(&of.dataset),
            of.score.map_or_else(|| Cell::none("no rule ran"), |score| passed(score).into()),
            Cell::count(of.checks),
            Cell::count(of.blocked),
            Cell::count(of.rows_in),
            Cell::count(of.quarantined),
        ]);
    }
    table.finish()
}

fn failing_rules(scorecard: &[DatasetScore]) -> Markup {
    let failing: Vec<(&str, &FailingRule)> = scorecard
        .iter()
        .flat_map(|of| of.failing_rules.iter().map(|rule| (of.dataset.as_str(), rule)))
        .collect();
    if failing.is_empty() {
        return empty("No rule failed.");
    }
    let mut table = Table::new("failing-rules", "Rules that failed, the last failure first")
        .text("What was wrong")
        .text("Dataset")
        .text("Severity")
        .number("Failures")
        .text("Last")
        .text("Rule");
    for (dataset, rule) in failing {
        let reason = rule.reason.as_deref().map_or_else(|| "no name".to_owned(), spaced);
        table.row([
            Cell::text(&reason),
            Cell::code(dataset),
            severity(rule.severity),
            Cell::text(&failures(rule)),
            rule.last.as_deref().map_or_else(|| Cell::none("not known"), |at| instant(at).into()),
            rule_in_words(&rule.rule)
                .map_or_else(|| Cell::code(&rule.rule), |words| Cell::rounded(&words, &rule.rule)),
        ]);
    }
    table.finish()
}

/// A rule about the values of one column, without the quotes and the words of DQDL; the whole rule is the cell's tooltip.
///
/// No value is equal to NULL: a rule that asks for it under a condition forbids the condition.
fn rule_in_words(rule: &str) -> Option<String> {
    let (column, rest) = rule.strip_prefix("ColumnValues \"")?.split_once("\" ")?;
    let (wanted, condition) = match rest.split_once(" where \"") {
        Some((wanted, condition)) => (wanted, Some(condition.strip_suffix('"')?)),
        None => (rest, None),
    };
    Some(match (wanted, condition) {
        ("= NULL", Some(condition)) => format!("no row where {condition}"),
        (wanted, Some(condition)) => format!("{column} {wanted}, in rows where {condition}"),
        (wanted, None) => format!("{column} {wanted}"),
    })
}

/// `12 rows in 3 runs`, or `3 runs` of a rule that judges no rows.
fn failures(rule: &FailingRule) -> String {
    let runs = counted(rule.runs, "run", "runs");
    match rule.rows {
        0 => runs,
        rows => format!("{} in {runs}", counted(rows, "row", "rows")),
    }
}

/// Published rows with flags.
pub(super) fn warned(data: &ReportData) -> Markup {
    if data.flags.is_empty() {
        return empty("No published row has a flag.");
    }
    let mut flags = Table::new("flags", "Published rows by flag")
        .text("Flag")
        .text("Table")
        .number("Rows")
        .text("Newest");
    for of in &data.flags {
        let newest = of.newest.as_ref().map(|(date, symbol)| format!("{date} {symbol}"));
        flags.row([
            Cell::text(&spaced(&of.flag)),
            Cell::code(&of.table),
            Cell::count(of.rows),
            Cell::maybe(newest.as_deref(), "no date"),
        ]);
    }
    let mut rows = Table::new("warned-rows", "These rows, newest first")
        .text("Date")
        .text("Symbol")
        .text("Flags")
        .number("Close")
        .text("Provider")
        .text("Table");
    for of in &data.warned.rows {
        let spaced: Vec<String> = of.flags.iter().map(|flag| spaced(flag)).collect();
        let close = of.close.as_deref().map(|close| plain(close).unwrap_or_else(|| close.to_owned()));
        rows.row([
            Cell::maybe_day(of.date.as_deref(), "no date"),
            Cell::maybe(of.symbol.as_deref(), "no symbol"),
            Cell::text(&spaced.join(", ")),
            Cell::maybe(close.as_deref(), "no close"),
            Cell::maybe(of.provider.as_deref(), "no provider"),
            Cell::code(&of.table),
        ]);
    }
    html! {
        p { "Rows that are published and worth a look: unlikely, but not impossible." }
        (flags.finish())
        (rows.finish())
        (newest_of(data.warned.rows.len(), data.warned.all, "rows"))
    }
}

/// Rows in quarantine: by reason, and themselves.
pub(super) fn refused(data: &ReportData) -> Markup {
    if data.quarantine.is_empty() {
        return empty("No row was quarantined.");
    }
    html! {
        (by_reason(&data.quarantine))
        (refused_rows(&data.refused.rows))
        (newest_of(data.refused.rows.len(), data.refused.all, "rows"))
    }
}

fn by_reason(reasons: &[QuarantineReason]) -> Markup {
    let mut table =
        Table::new("reasons", "Rows in quarantine by reason").text("Reason").text("Dataset").number("Rows");
    for of in reasons {
        table.row([Cell::text(&spaced(&of.reason)), Cell::code(&of.dataset), Cell::count(of.rows)]);
    }
    table.finish()
}

fn refused_rows(rows: &[RefusedRow]) -> Markup {
    let mut table = Table::new("refused-rows", "These rows, newest first")
        .text("Date")
        .text("Symbol or key")
        .text("Reason")
        .text("Value")
        .text("File and line")
        .text("Dataset")
        .text("Checked");
    for of in rows {
        table.row([
            Cell::maybe_day(of.date.as_deref(), "no date"),
            subject(of),
            reasons(&of.faults),
            values(&of.faults),
            html! { span.source { (of.place) } }.into(),
            Cell::code(&of.dataset),
            of.at.as_deref().map_or_else(|| Cell::none("not known"), |at| instant(at).into()),
        ]);
    }
    table.finish()
}

fn subject(of: &RefusedRow) -> Cell {
    let Some(subject) = &of.subject else { return Cell::none("cannot be read") };
    html! { (subject) @if let Some(provider) = &of.provider { " " span.unit { (provider) } } }.into()
}

fn values(faults: &[Fault]) -> Cell {
    let values: Vec<&String> = faults.iter().filter_map(|fault| fault.value.as_ref()).collect();
    match values.is_empty() {
        true => Cell::none("no single value"),
        false => html! { @for value in values { div.value { (value) } } }.into(),
    }
}

fn reasons(faults: &[Fault]) -> Cell {
    html! {
        @for fault in faults {
            div { (spaced(&fault.reason)) @if let Some(detail) = &fault.detail { span.detail { (detail) } } }
        }
    }
    .into()
}

fn decision(decision: Decision) -> Cell {
    let (class, words) = match decision {
        Decision::Publish => ("tag good", "published"),
        Decision::PublishWithQuarantine => ("tag fair", "published, bad rows held"),
        Decision::Block => ("tag bad", "blocked"),
    };
    html! { span class=(class) { (words) } }.into()
}

fn severity(severity: Severity) -> Cell {
    let (class, words) = match severity {
        Severity::Critical => ("tag bad", "critical"),
        Severity::Error => ("tag fair", "error"),
        Severity::Warn => ("tag", "warn"),
        Severity::Info => ("tag", "info"),
    };
    html! { span class=(class) { (words) } }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_about_one_column_are_in_words() {
        for (rule, words) in [
            ("ColumnValues \"close\" = NULL where \"high < low\"", Some("no row where high < low")),
            ("ColumnValues \"a\" = 1 where \"a is not null\"", Some("a = 1, in rows where a is not null")),
            ("ColumnValues \"volume\" >= 0", Some("volume >= 0")),
            ("RowCount > 0", None),
        ] {
            assert_eq!(rule_in_words(rule).as_deref(), words, "{rule}");
        }
    }
}

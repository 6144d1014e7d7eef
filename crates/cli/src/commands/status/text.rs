//! A lake's status, for people.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Status, StreamStatus};
use crate::number::{bytes, counted, thousands};
use crate::output::{Text, table, visible};
use crate::undelivered;

/// Late series that are printed; the JSON has all of them.
const SHOWN: usize = 20;

/// All of it.
pub(super) fn text(status: &Status) -> Text {
    let mut text = match status.tables.is_empty() {
        true => Text::from(format!("{} has no table yet", status.lake)),
        false => tables_text(status),
    };
    for stale in &status.stale_models {
        text.push_str(&format!(
            "\nstale      {}: {}: `quotelake refine`",
            visible(&stale.model),
            stale.text()
        ));
    }
    runs_text(status, &mut text);
    waiting_text(status, &mut text);
    text
}

/// What the stages did on the newest day.
fn runs_text(status: &Status, text: &mut Text) {
    let Some(runs) = &status.runs else { return };
    let number = |count: Option<u64>| count.map(thousands).unwrap_or_default();
    text.push_str("\n\n");
    let stages = table(
        &[
            &format!("runs of {}", runs.day),
            "runs",
            "failed",
            "partial",
            "rows in",
            "rows out",
            "retries",
            "last ended",
        ],
        &[1, 2, 3, 4, 5, 6],
        runs.stages.iter().map(|stage| {
            vec![
                stage.stage.clone(),
                thousands(stage.runs),
                thousands(stage.failed),
                thousands(stage.partial),
                number(stage.rows_in),
                number(stage.rows_out),
                thousands(stage.retries),
                stage.last_ended.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)).unwrap_or_default(),
            ]
        }),
    );
    text.push(stages.optional(&["retries", "partial", "rows out"]).judged(&["failed", "partial"]));
    for stage in &runs.stages {
        if let Some(error) = &stage.last_error {
            text.push_str(&format!("\n{}: last error: {}", stage.stage, visible(error)));
        }
    }
}

fn tables_text(status: &Status) -> Text {
    let tables = table(
        &[
            "table",
            "rows",
            "files",
            "size",
            "newest",
            "series",
            "up to date",
            "last check",
            "decision",
            "rules passed",
        ],
        &[1, 2, 3, 5, 6, 9],
        status.tables.iter().map(|row| {
            let (series, current) = match &row.series {
                Some(series) => (thousands(series.all), thousands(series.current)),
                None => Default::default(),
            };
            let (at, decision, score) = match &row.last_check {
                Some(check) => (
                    check.at.to_rfc3339_opts(SecondsFormat::Secs, true),
                    check.decision.clone(),
                    check.score.map(|score| format!("{:.0} %", score * 100.0)).unwrap_or_default(),
                ),
                None => Default::default(),
            };
            vec![
                row.table.clone(),
                thousands(row.rows),
                thousands(row.files),
                bytes(row.bytes),
                row.last.map(|date| date.to_string()).unwrap_or_default(),
                series,
                current,
                at,
                decision,
                score,
            ]
        }),
    );
    let tables = tables.optional(&["files", "size", "rules passed", "last check"]).judged(&["decision"]);
    let mut text = Text::from(tables);
    late_text(status, &mut text);
    for row in status.tables.iter().filter(|row| !row.flags.is_empty()) {
        let flags: Vec<String> =
            row.flags.iter().map(|(flag, rows)| format!("{} {}", visible(flag), thousands(*rows))).collect();
        text.push_str(&format!("\n{}: rows with a flag: {}", row.table, flags.join(", ")));
    }
    let unknown: u64 =
        status.tables.iter().filter_map(|row| row.series.as_ref()).map(|s| s.no_calendar).sum();
    if unknown > 0 {
        text.push_str(&format!("\n{unknown} series of exchanges without a calendar: not judged"));
    }
    text
}

/// The series that are behind.
fn late_text(status: &Status, text: &mut Text) {
    if status.late.is_empty() {
        return;
    }
    text.push_str("\n\n");
    let late = table(
        &["late", "table", "provider", "exchange", "newest", "expected", "sessions behind"],
        &[6],
        status.late.iter().take(SHOWN).map(|series| {
            vec![
                series.symbol.clone(),
                series.table.clone(),
                series.provider.clone(),
                series.exchange_mic.clone().unwrap_or_default(),
                series.last.to_string(),
                series.expected.to_string(),
                thousands(series.sessions_behind),
            ]
        }),
    );
    text.push(late.optional(&["exchange", "expected", "provider"]).judged(&["sessions behind"]));
    if status.late.len() > SHOWN {
        text.push_str(&format!("\nand {} more; --json has all of them", status.late.len() - SHOWN));
    }
}

/// What waits, and what got no further.
fn waiting_text(status: &Status, text: &mut Text) {
    let instant = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    for queue in &status.queues {
        if queue.waiting > 0 {
            text.push_str(&format!(
                "\n{}: {} {} for the next `quotelake run`",
                queue.queue,
                counted(queue.waiting, "message", "messages"),
                if queue.waiting == 1 { "waits" } else { "wait" }
            ));
        }
        if queue.dead_letters > 0 {
            text.push_str(&format!(
                "\n{}: {}: see `quotelake dlq ls`",
                queue.queue,
                counted(queue.dead_letters, "dead letter", "dead letters")
            ));
        }
    }
    for finding in &status.findings {
        text.push_str(&format!("\n{}: {}: {}", finding.subject, visible(&finding.found), finding.fix));
    }
    if status.staged > 0 {
        text.push_str(&format!(
            "\n{} to be published",
            counted(status.staged, "checked object", "checked objects")
        ));
    }
    if let Some(StreamStatus { batches: 1.., bytes, oldest }) = &status.stream {
        let since =
            oldest.as_ref().map(|at| format!(", the oldest since {}", instant(at))).unwrap_or_default();
        text.push_str(&format!(
            "\n{} of pages wait in the stream for the next `quotelake run`{since}",
            crate::number::bytes(*bytes)
        ));
    }
    let undelivered = &status.undelivered;
    if undelivered.objects > 0 {
        let since = undelivered
            .oldest
            .as_ref()
            .map(|at| format!(", the oldest of {}", instant(at)))
            .unwrap_or_default();
        text.push_str(&format!(
            "\n{} of pages that could not be delivered{since}: their rows are in no table\n",
            counted(undelivered.objects, "object", "objects")
        ));
        text.push_str(undelivered::text(&undelivered.pages).trim_end());
    }
    for unit in status.not_landed.iter().take(SHOWN) {
        let pages = match unit.pages {
            0 => String::new(),
            1 => "a page of ".to_owned(),
            more => format!("{more} pages of "),
        };
        text.push_str(&format!(
            "\nnot landed {pages}{} of run {}, sent {}: see undelivered/ and the stream's log, or ask for it again",
            visible(&unit.unit_id),
            visible(&unit.run_id),
            instant(&unit.sent_at)
        ));
    }
    if status.not_landed.len() > SHOWN {
        text.push_str(&format!("\nand {} more; --json has all of them", status.not_landed.len() - SHOWN));
    }
}

//! `quotelake run`: one pass over the configured sources.

use std::sync::Arc;

use quotelake_core::{Finding, Result};
use quotelake_fetch::UnitOutcome;
use quotelake_local::SystemClock;
use quotelake_platform::connect;

use crate::args::{RunArgs, default_lake};
use crate::laptop::Laptop;
use crate::number::{bytes, counted, thousands};
use crate::output::{Exit, Output, Table, Text, table, visible};
use crate::pipeline::{self, RunReport};
use crate::run_config::RunConfig;
use crate::tables::TableSummary;
use crate::undelivered::{self, Undelivered};

/// Runs the command.
pub async fn run(args: RunArgs, output: Output) -> Result<Exit> {
    let config = RunConfig::load(&args.config)?;
    let sources = config.jobs.iter().map(|job| job.source.as_str());
    config.read_keys(sources, connect::secrets().as_ref()).await?;
    let root = args.lake.or_else(|| config.lake.clone()).unwrap_or_else(default_lake);
    let laptop = Laptop::open(&root, Arc::new(SystemClock)).await?;
    let report = pipeline::run(&laptop, &config, output, None).await?;
    output.finish(&report, || text(&report))?;
    Ok(report.exit())
}

/// What a pass did, for people.
pub fn text(report: &RunReport) -> Text {
    let mut text = Text::default();
    for fetched in &report.fetched {
        text.push_str(&format!(
            "fetched    {} of {}: {}, {}, {}\n",
            counted(fetched.counts.total(), "unit", "units"),
            fetched.source,
            counted(fetched.pages, "page", "pages"),
            counted(fetched.rows, "row", "rows"),
            counted(fetched.requests, "request", "requests"),
        ));
        for unit in &fetched.units {
            match &unit.outcome {
                UnitOutcome::Failed { code, message, .. } => {
                    text.push_str(&format!(
                        "  failed      {} ({code}): {}\n",
                        visible(&unit.unit_id),
                        visible(message)
                    ));
                }
                UnitOutcome::HandedBack { reason, delay_seconds, .. } => {
                    text.push_str(&format!(
                        "  handed back {} for {delay_seconds} s: {}\n",
                        visible(&unit.unit_id),
                        visible(reason)
                    ));
                }
                UnitOutcome::Delivered { .. } | UnitOutcome::Empty => {}
            }
        }
    }
    let checked = &report.checked;
    text.push_str(&format!(
        "delivered  {} to {}\n",
        counted(report.settled.delivered, "page", "pages"),
        counted(report.settled.objects, "landing object", "landing objects")
    ));
    text.push_str(&format!("checked    {}\n", checked.sum()));
    text.push_str(&undelivered_text(report.settled.undelivered, &report.undelivered));
    if report.undelivered_before > 0 {
        text.push_str(&format!(
            "{} of pages that an earlier run could not deliver: see `quotelake status`\n",
            counted(report.undelivered_before, "object", "objects")
        ));
    }
    if checked.computed_quarantined > 0 {
        text.push_str(&format!(
            "{} of models in quarantine\n",
            counted(checked.computed_quarantined, "row", "rows")
        ));
    }
    if checked.quarantined + checked.computed_quarantined > 0 {
        text.push_str("rows in quarantine: see `quotelake quarantine ls`\n");
    }
    if report.settled.waiting > 0 {
        let waiting = report.settled.waiting;
        let wait = if waiting == 1 { "waits" } else { "wait" };
        text.push_str(&format!("{} {wait} for a later run\n", counted(waiting, "message", "messages")));
    }
    if report.dead_letters > 0 {
        text.push_str(&format!("{} dead letters: see `quotelake dlq ls`\n", report.dead_letters));
    }
    text.push_str("\n");
    text.push(tables_text(&report.tables));
    text.push_str(&findings_text(&report.findings));
    text
}

/// What was found wrong, for people, each on a line of its own behind a line feed.
pub fn findings_text(findings: &[Finding]) -> String {
    let line =
        |finding: &Finding| format!("\n{}: {}: {}", finding.subject, visible(&finding.found), finding.fix);
    findings.iter().map(line).collect()
}

/// The pages that could not be delivered, for people; nothing where there is none.
pub fn undelivered_text(count: u64, pages: &[Undelivered]) -> String {
    if count == 0 {
        return String::new();
    }
    format!(
        "{} could not be delivered: their rows are in no table\n{}",
        counted(count, "page", "pages"),
        undelivered::text(pages)
    )
}

/// The published tables, for people.
pub fn tables_text(tables: &[TableSummary]) -> Table {
    table(
        &["table", "rows", "symbols", "first", "last", "partitions", "size"],
        &[1, 2, 5, 6],
        tables.iter().map(|t| {
            let date =
                |date: Option<chrono::NaiveDate>| date.map_or_else(String::new, |date| date.to_string());
            vec![
                t.table.clone(),
                thousands(t.rows),
                thousands(t.symbols),
                date(t.first),
                date(t.last),
                thousands(t.partitions),
                bytes(t.bytes),
            ]
        }),
    )
    .optional(&["partitions", "symbols"])
}

//! `quotelake run`: one pass over the configured sources.

use std::sync::Arc;

use quotelake_core::Result;
use quotelake_fetch::UnitOutcome;
use quotelake_local::SystemClock;

use crate::args::{RunArgs, default_lake};
use crate::laptop::Laptop;
use crate::number::{bytes, thousands};
use crate::output::{Exit, Output, table, visible};
use crate::pipeline::{self, RunReport};
use crate::run_config::RunConfig;
use crate::tables::TableSummary;
use crate::undelivered::{self, Undelivered};

/// Runs the command.
pub async fn run(args: RunArgs, output: Output) -> Result<Exit> {
    let config = RunConfig::load(&args.config)?;
    let root = args.lake.or_else(|| config.lake.clone()).unwrap_or_else(default_lake);
    let laptop = Laptop::open(&root, Arc::new(SystemClock)).await?;
    let report = pipeline::run(&laptop, &config, output, None).await?;
    output.finish(&report, || text(&report))?;
    Ok(report.exit())
}

/// What a pass did, for people.
pub fn text(report: &RunReport) -> String {
    let mut text = String::new();
    for fetched in &report.fetched {
        text.push_str(&format!(
            "fetched    {} units of {}: {} pages, {} rows, {} requests\n",
            fetched.counts.total(),
            fetched.source,
            thousands(fetched.pages),
            thousands(fetched.rows),
            thousands(fetched.requests),
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
        "delivered  {} pages to {} landing objects\n",
        thousands(report.settled.delivered),
        thousands(report.settled.objects)
    ));
    text.push_str(&format!(
        "checked    {} rows in = {} staged + {} quarantined + {} duplicates\n",
        thousands(checked.rows_in),
        thousands(checked.staged),
        thousands(checked.quarantined),
        thousands(checked.duplicates),
    ));
    text.push_str(&undelivered_text(report.settled.undelivered, &report.undelivered));
    if report.undelivered_before > 0 {
        text.push_str(&format!(
            "{} objects of pages that an earlier run could not deliver: see `quotelake status`\n",
            thousands(report.undelivered_before)
        ));
    }
    if checked.computed_quarantined > 0 {
        text.push_str(&format!("{} rows of models in quarantine\n", thousands(checked.computed_quarantined)));
    }
    if checked.quarantined + checked.computed_quarantined > 0 {
        text.push_str("rows in quarantine: see `quotelake quarantine ls`\n");
    }
    if report.settled.waiting > 0 {
        text.push_str(&format!("{} messages wait for a later run\n", report.settled.waiting));
    }
    if report.dead_letters > 0 {
        text.push_str(&format!("{} dead letters: see `quotelake dlq ls`\n", report.dead_letters));
    }
    text.push('\n');
    text.push_str(&tables_text(&report.tables));
    for finding in &report.findings {
        text.push_str(&format!("\n{}: {}: {}", finding.subject, visible(&finding.found), finding.fix));
    }
    text
}

/// The pages that could not be delivered, for people; nothing where there is none.
pub fn undelivered_text(count: u64, pages: &[Undelivered]) -> String {
    if count == 0 {
        return String::new();
    }
    format!("{count} pages could not be delivered: their rows are in no table\n{}", undelivered::text(pages))
}

/// The published tables, for people.
pub fn tables_text(tables: &[TableSummary]) -> String {
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
}

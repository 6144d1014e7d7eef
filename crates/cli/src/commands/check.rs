//! `quotelake check`: files judged, nothing written.

use dqdl::{Outcome, Severity};
use quotelake_check::{CheckInputs, Decision, ResultDocument, RowCounts, evaluate_object};
use quotelake_contract::Contracts;
use quotelake_core::ports::{Clock as _, Lake};
use quotelake_core::{Error, Result};
use quotelake_local::SystemClock;
use serde::Serialize;

use super::price_files::PriceFiles;
use super::rules_test::{TestOptions, rules_table};
use crate::args::{CheckArgs, Composites, DatasetArgs, RuleDataArgs};
use crate::files::{add_dataset, find, land, lay_out};
use crate::number::{counted, thousands};
use crate::output::{Exit, Output, Text};

#[derive(Debug, Serialize)]
struct CheckedFiles {
    dataset: String,
    rows: RowCounts,
    results: Vec<ResultDocument>,
    /// The file of each result, as it was named.
    files: Vec<String>,
    /// What the files' texts say about the contract's formats.
    notes: Vec<String>,
}

/// Runs the command. Ends with a quality failure when a row would be quarantined, a batch blocked, or any rule fails that is
/// not `warn` or `info`.
pub async fn run(args: CheckArgs, output: Output) -> Result<Exit> {
    let CheckArgs { dataset, contract, rules, composites, layout, profile, paths } = args;
    if dataset.is_none() && contract.is_none() {
        let rules = rules.ok_or_else(|| Error::config("name a --dataset, or --rules for Parquet files"))?;
        let data = RuleDataArgs { data: paths, dataset: None, contract: None, layout };
        let how = TestOptions { composites, ..TestOptions::default() };
        return super::rules_test::run(&rules, &data, how, output).await;
    }
    let mut contracts = Contracts::built_in()?;
    let (dataset, _) = add_dataset(&mut contracts, &DatasetArgs { dataset, contract, rules })?;
    if let Some(method) = composites {
        contracts.set_composites_by_row(&dataset, method == Composites::Row)?;
    }
    let landing = match &profile.profile {
        Some(name) => {
            let files = PriceFiles::new(name, &dataset, &layout.set, profile.watchlist.as_deref())?;
            files.land(&paths).await?
        }
        None => {
            lay_out(&mut contracts, &dataset, &layout)?;
            let inputs = find(&contracts, &dataset, &paths)?;
            land(&contracts, inputs, None).await?
        }
    };
    if let Some((file, error)) = landing.rejected.into_iter().next() {
        return Err(error.context(file));
    }
    let now = SystemClock.now();
    let mut checked = CheckedFiles {
        dataset,
        rows: RowCounts::default(),
        results: Vec::new(),
        files: Vec::new(),
        notes: landing.notes,
    };
    let keys = landing.file_keys.iter().map(|key| (landing.files.as_ref() as &dyn Lake, key));
    let ingested = landing.ingested_keys.iter().map(|key| (landing.ingested.as_ref() as &dyn Lake, key));
    for (from, key) in keys.chain(ingested) {
        let inputs = CheckInputs { landing: from, published: None, contracts: &contracts, now };
        judge(inputs, key, &mut checked).await?;
        let name = landing.names.get(key).unwrap_or(key);
        checked.files.resize(checked.results.len(), name.clone());
    }
    output.finish(&checked, || text(&checked))?;
    let failed = checked
        .results
        .iter()
        .any(|result| result.gate.decision != Decision::Publish || has_failing_rule(result));
    Ok(if failed { Exit::QualityFailure } else { Exit::Done })
}

/// Whether a rule does not hold that is more than a report.
fn has_failing_rule(result: &ResultDocument) -> bool {
    let rules = result.glue.rule_results.iter().filter(|rule| rule.result != Outcome::Pass.as_str());
    rules.into_iter().any(|rule| Severity::from_labels(&rule.labels).quarantines())
}

async fn judge(inputs: CheckInputs<'_>, key: &str, checked: &mut CheckedFiles) -> Result<()> {
    let report = evaluate_object(inputs, key).await?.report;
    if !report.unknown.is_empty() {
        return Err(Error::bug("a file of one dataset has rows of none"));
    }
    checked.rows.add(&report.rows);
    checked.results.extend(report.documents);
    Ok(())
}

fn text(checked: &CheckedFiles) -> Text {
    let mut text = Text::default();
    checked.notes.iter().for_each(|note| text.push_str(&format!("warning: {note}\n")));
    for (result, file) in checked.results.iter().zip(&checked.files) {
        text.push_str(&format!("{file}\n"));
        let rows = result.glue.rule_results.iter().map(|rule| {
            let failed =
                rule.rule_metrics.get("RowsFailed").map_or(String::new(), |rows| thousands(*rows as u64));
            let severity = Severity::from_labels(&rule.labels).to_string();
            let why = rule.evaluation_message.clone().unwrap_or_default();
            vec![rule.result.to_string(), severity, failed, rule.description.clone(), why]
        });
        text.push(rules_table(rows));
        text.push_str(&format!(
            "\n{}: {} in, {} good, {} to quarantine, {}\n\n",
            match result.gate.decision {
                Decision::Publish => "publish",
                Decision::PublishWithQuarantine => "publish with quarantine",
                Decision::Block => "block",
            },
            counted(result.rows.rows_in, "row", "rows"),
            thousands(result.rows.staged),
            thousands(result.rows.quarantined),
            counted(result.rows.duplicates, "duplicate", "duplicates"),
        ));
        for (reason, rows) in &result.quarantine.by_reason {
            text.push_str(&format!("  {reason}: {}\n", counted(*rows, "row", "rows")));
        }
        for reason in &result.gate.reasons {
            text.push_str(&format!("  blocked by {reason}\n"));
        }
        // Where all of them are blocked, the reasons above name them.
        let blocked = if result.gate.reasons.is_empty() { &result.gate.blocked_series[..] } else { &[] };
        for blocked in blocked {
            text.push_str(&format!("  blocked {}: {}\n", blocked.series, blocked.reasons.join("; ")));
        }
        for (flag, rows) in &result.flags {
            text.push_str(&format!("  flag {flag}: {}\n", counted(*rows, "row", "rows")));
        }
    }
    text
}

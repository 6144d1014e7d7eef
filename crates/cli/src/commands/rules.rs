//! `quotelake rules`: rulesets, looked at without data here; `rules_test` and `rules_suggest` look at data.

use std::path::Path;

use arrow::datatypes::SchemaRef;
use dqdl::{PlannedRule, RowLevel, Severity};
use quotelake_check::Effect;
use quotelake_contract::{Contract, ContractText};
use quotelake_core::{Context as _, Error, Result};
use serde::Serialize;

use super::rules_test::TestOptions;
use crate::args::{DatasetArgs, LintColumns, LintTarget, RulesCommand};
use crate::files::{add_dataset, columns_of_rules, read_text};
use crate::output::{Exit, Output, Text, table};

/// Runs the command.
pub async fn run(command: RulesCommand, output: Output) -> Result<Exit> {
    match command {
        RulesCommand::Test { file, data, reference, composites, rows } => {
            let how = TestOptions { reference: &reference, composites, rows: rows.as_deref() };
            super::rules_test::run(&file, &data, how, output).await
        }
        RulesCommand::Suggest { data, out } => super::rules_suggest::run(&data, out.as_deref(), output).await,
        RulesCommand::Lint { file, target, columns } => lint(&file, target, &columns, output),
        RulesCommand::Explain { dataset } => explain(&dataset, output),
    }
}

#[derive(Debug, Serialize)]
struct Finding {
    line: usize,
    column: usize,
    message: String,
    note: bool,
    error: bool,
}

/// Says what a target would refuse or ignore. A text that is no ruleset ends in a quality failure; one that is may have warnings.
/// Where the columns are known, a rule that cannot be evaluated on them is no better.
fn lint(file: &Path, target: LintTarget, columns: &LintColumns, output: Output) -> Result<Exit> {
    let text = read_text(file)?;
    let columns = columns_of(columns)?;
    let target = match target {
        LintTarget::GlueEtl => dqdl::Target::GlueEtl,
        LintTarget::GlueCatalog => dqdl::Target::GlueCatalog,
        LintTarget::Deequ => dqdl::Target::Deequ,
    };
    let lints = match &columns {
        None => dqdl::lint(&text, target),
        Some(columns) => dqdl::lint_for(&text, target, columns),
    };
    let findings: Vec<Finding> = lints
        .into_iter()
        .map(|lint| Finding {
            line: lint.line,
            column: lint.column,
            message: lint.message,
            note: lint.note,
            error: lint.error,
        })
        .collect();
    output.finish(&findings, || {
        if findings.is_empty() {
            return "nothing to say".to_owned();
        }
        let lines = findings.iter().map(|f| {
            let kind = match (f.error, f.note) {
                (true, _) => "error",
                (false, true) => "note",
                (false, false) => "warning",
            };
            format!("{}:{}:{}: {kind}: {}", file.display(), f.line, f.column, f.message)
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(if findings.iter().any(|finding| finding.error) { Exit::QualityFailure } else { Exit::Done })
}

/// The columns of the dataset that the arguments name, if they name one.
fn columns_of(args: &LintColumns) -> Result<Option<SchemaRef>> {
    let mut contracts = quotelake_contract::Contracts::built_in()?;
    let dataset = match (&args.contract, &args.dataset) {
        (None, None) => return Ok(None),
        (None, Some(dataset)) => dataset.clone(),
        (Some(path), dataset) => {
            let yaml = read_text(path)?;
            let contract = ContractText::read(&yaml).with_context(|| path.display().to_string())?;
            let name = contracts.add_text(contract, None)?;
            if let Some(wanted) = dataset.as_ref().filter(|wanted| **wanted != name) {
                return Err(Error::config(format!("{} declares {name:?}, not {wanted:?}", path.display())));
            }
            name
        }
    };
    Ok(Some(columns_of_rules(&contracts.get(&dataset)?.contract)))
}

#[derive(Debug, Serialize)]
struct Explained {
    name: String,
    rule: String,
    severity: Severity,
    judges: &'static str,
    /// Whether it may hold although rows fail it.
    tolerant: bool,
    reason: Option<String>,
    /// What the gate does where it does not hold.
    effect: Effect,
}

impl Explained {
    fn of(rule: &PlannedRule, contract: &Contract) -> Self {
        Self {
            name: rule.name.clone(),
            rule: rule.description.clone(),
            severity: rule.severity,
            judges: match rule.rows {
                RowLevel::Immediate => "each row",
                RowLevel::Late => "each row, at the end",
                RowLevel::No => "the batch",
            },
            tolerant: rule.tolerant,
            reason: rule.labels.get("reason").cloned(),
            effect: Effect::of(rule, contract),
        }
    }

    /// The effect, for people.
    fn when_broken(&self) -> String {
        match &self.effect {
            Effect::Report => "is reported".to_owned(),
            Effect::Flag(flag) => format!("row is published with the flag {flag}"),
            Effect::QuarantineRow => "row to quarantine".to_owned(),
            Effect::QuarantineShare => "its rows to quarantine, where it does not hold".to_owned(),
            Effect::BlockSeries => "series is blocked".to_owned(),
            Effect::BlockBatch => "batch is blocked".to_owned(),
        }
    }
}

/// What the gate does whatever the rules are.
fn rest(contract: &Contract) -> String {
    let mut text = String::from("\na rule that is not warn or info and cannot be evaluated blocks the batch");
    if let Some(ratio) = contract.max_quarantine_ratio {
        let whose = if contract.series.is_empty() { "the batch" } else { "a series" };
        text.push_str(&format!(
            "\nmore than {} % of {whose} in quarantine: {whose} is blocked",
            ratio * 100.0
        ));
    }
    text
}

/// Says of each rule of a dataset what it judges and what its failure does.
fn explain(args: &DatasetArgs, output: Output) -> Result<Exit> {
    let mut contracts = quotelake_contract::Contracts::built_in()?;
    let (dataset, _) = add_dataset(&mut contracts, args)?;
    let dataset = contracts.get(&dataset)?;
    let ruleset = dqdl::parse_strict(&dataset.rules)
        .map_err(|error| Error::config(format!("ruleset {}: {error}", dataset.rules_name)))?;
    // What a rule judges does not depend on the time.
    let options = dqdl::Options::new(chrono::DateTime::UNIX_EPOCH);
    let contract = &dataset.contract;
    let plan = dqdl::Plan::compile(&ruleset, columns_of_rules(contract), &options);
    let rules: Vec<Explained> = plan.rules().iter().map(|rule| Explained::of(rule, contract)).collect();
    output.finish(&rules, || {
        let lines = rules.iter().map(|rule| {
            vec![
                rule.name.clone(),
                rule.judges.to_owned(),
                rule.when_broken(),
                rule.reason.clone().unwrap_or_default(),
                rule.rule.clone(),
            ]
        });
        let shown = table(&["rule", "judges", "when broken", "reason", "text"], &[], lines);
        let mut text = Text::from(shown);
        text.push_str(&rest(contract));
        text
    })?;
    Ok(Exit::Done)
}

//! `quotelake models lint`: what is wrong with models.

use quotelake_contract::{Contracts, Dataset};
use quotelake_core::Result;
use quotelake_platform::models;
use quotelake_refine::models::Models;
use serde::Serialize;

use super::{models::NO_ENGINE, open_existing};
use crate::args::LakeArg;
use crate::laptop::Laptop;
use crate::output::{Exit, Output};

/// What was found.
#[derive(Debug, Serialize)]
struct Linted {
    /// The models that were looked at.
    models: Vec<String>,
    /// What is wrong, by file.
    findings: Vec<Found>,
    /// What was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Something that is wrong with a file.
#[derive(Debug, Serialize)]
struct Found {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u64>,
    code: String,
    message: String,
}

impl Found {
    fn of(file: String, code: &str, message: impl Into<String>) -> Self {
        Self { file, line: None, column: None, code: code.to_owned(), message: message.into() }
    }

    fn text(&self) -> String {
        let Self { file, code, message, .. } = self;
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}: {message} [{code}]"),
            _ => format!("{file}: {message} [{code}]"),
        }
    }
}

/// Runs the command. A finding ends in a quality failure.
pub async fn run(names: &[String], list: bool, lake: &LakeArg, output: Output) -> Result<Exit> {
    if list {
        return listed(output);
    }
    let laptop = open_existing(&lake.lake).await?;
    let contracts = &laptop.contracts;
    let broken = models::load(laptop.lake().as_ref(), &mut contracts.clone()).await?;
    let all = Models::new(contracts)?;
    let is_asked = |name: &str| match names.is_empty() {
        true => Contracts::built_in_text(name).is_none(),
        false => names.iter().any(|asked| asked == name),
    };
    let mut linted = Linted {
        models: Vec::new(),
        findings: Vec::new(),
        note: (!cfg!(feature = "sql")).then_some(NO_ENGINE),
    };
    for model in broken.iter().filter(|model| is_asked(&model.model)) {
        linted.models.push(model.model.clone());
        linted.findings.push(Found::of(model.key.clone(), "file", model.error.to_string()));
    }
    for name in names.iter().filter(|name| !linted.models.contains(name)) {
        contracts.get(name)?;
    }
    for dataset in contracts.all()? {
        let name = dataset.contract.name.as_str();
        if dataset.contract.refine.is_none() || !is_asked(name) {
            continue;
        }
        linted.models.push(name.to_owned());
        linted.findings.extend(rules(dataset));
        let found = match sql(dataset, contracts) {
            found if found.is_empty() => unplanned(dataset, &all, &laptop).await,
            found => found,
        };
        if let (true, Some(fault)) = (found.is_empty(), all.faults().get(name)) {
            linted.findings.push(Found::of(
                format!("{}{name}.sql", models::PREFIX),
                "model",
                fault.to_string(),
            ));
        }
        linted.findings.extend(found);
    }
    linted.models.sort();
    output.finish(&linted, || text(&linted))?;
    Ok(if linted.findings.is_empty() { Exit::Done } else { Exit::QualityFailure })
}

fn text(linted: &Linted) -> String {
    let mut lines: Vec<String> = linted.findings.iter().map(Found::text).collect();
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    lines.push(format!(
        "{}, {}",
        count(linted.models.len(), "model"),
        count(linted.findings.len(), "finding")
    ));
    lines.extend(linted.note.map(str::to_owned));
    lines.join("\n")
}

/// What is wrong with a model's ruleset.
fn rules(dataset: &Dataset) -> Option<Found> {
    let error = dqdl::parse_strict(&dataset.rules).err()?;
    let file = format!("{}{}", models::PREFIX, dataset.rules_name);
    Some(Found::of(file, "rules", error.to_string()))
}

/// What is wrong with a model's SELECT.
#[cfg(feature = "sql")]
fn sql(dataset: &Dataset, contracts: &Contracts) -> Vec<Found> {
    let Some(sql) = &dataset.sql else { return Vec::new() };
    let file = format!("{}{}.sql", models::PREFIX, dataset.contract.name);
    let found = quotelake_refine::sql::lint(sql, &dataset.contract, contracts);
    let found = found.into_iter().map(|finding| Found {
        file: file.clone(),
        line: Some(finding.line),
        column: Some(finding.column),
        code: finding.code.to_owned(),
        message: finding.message,
    });
    found.collect()
}

/// What the engine finds wrong with a model in which nothing else is.
#[cfg(feature = "sql")]
async fn unplanned(dataset: &Dataset, all: &Models, laptop: &Laptop) -> Vec<Found> {
    use quotelake_refine::tables::Tables;

    let (Some(_), Ok(model)) = (&dataset.sql, all.get(&dataset.contract.name)) else { return Vec::new() };
    let tables = Tables::new(laptop.lake().as_ref(), &laptop.contracts);
    let checked = quotelake_refine::sql::check_plan(model, tables).await;
    let file = format!("{}{}.sql", models::PREFIX, dataset.contract.name);
    checked.err().map(|error| Found::of(file, "plan", error.to_string())).into_iter().collect()
}

/// Without an engine nothing is planned.
#[cfg(not(feature = "sql"))]
async fn unplanned(_: &Dataset, _: &Models, _: &Laptop) -> Vec<Found> {
    Vec::new()
}

/// Without a parser nothing is known of it.
#[cfg(not(feature = "sql"))]
fn sql(_: &Dataset, _: &Contracts) -> Vec<Found> {
    Vec::new()
}

/// The list of what SQL may not have.
#[cfg(feature = "sql")]
fn listed(output: Output) -> Result<Exit> {
    use quotelake_refine::sql::{FUNCTIONS, PORTABILITY, Portability};

    #[derive(Debug, Serialize)]
    struct List {
        not_portable: &'static [Portability],
        functions: Vec<Function>,
    }
    #[derive(Debug, Serialize)]
    struct Function {
        name: &'static str,
        example: &'static str,
    }
    let functions = FUNCTIONS.iter().map(|(name, example)| Function { name, example }).collect();
    let list = List { not_portable: PORTABILITY, functions };
    output.finish(&list, || {
        let rows = PORTABILITY
            .iter()
            .map(|entry| [entry.code, entry.what, entry.why, entry.instead].map(str::to_owned).to_vec());
        crate::output::table(&["code", "what", "why", "instead"], &[], rows)
    })?;
    Ok(Exit::Done)
}

#[cfg(not(feature = "sql"))]
fn listed(_: Output) -> Result<Exit> {
    Err(quotelake_core::Error::new(quotelake_core::ErrorKind::Unsupported, NO_ENGINE))
}

//! `quotelake models test`: models computed from rows that are given.

use quotelake_contract::Contracts;
use quotelake_core::Result;
use quotelake_local::MemoryLake;
use quotelake_platform::models;
use quotelake_refine::built_in;
use quotelake_refine::engine;
use quotelake_refine::model_test::{ModelTest, Outcome};
use quotelake_refine::models::Models;
use serde::Serialize;

use super::{models::NO_ENGINE, open_existing};
use crate::args::LakeArg;
use crate::number::counted;
use crate::output::{Exit, Output, Table, Text, table};

/// How the tests ended.
#[derive(Debug, Serialize)]
struct Tested {
    models: Vec<TestedModel>,
    /// Why some were not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// How a model's test ended.
#[derive(Debug, Serialize)]
struct TestedModel {
    model: String,
    result: TestResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TestResult {
    Passed,
    Failed,
    NoTest,
    NotRun,
}

impl TestedModel {
    fn of(model: &str, result: TestResult) -> Self {
        Self { model: model.to_owned(), result, outcome: None, error: None }
    }
}

/// Runs the command. A test that fails, and one that cannot be run, ends in a quality failure.
pub async fn run(names: &[String], lake: &LakeArg, output: Output) -> Result<Exit> {
    let laptop = open_existing(&lake.lake).await?;
    let contracts = &laptop.contracts;
    let all = Models::new(contracts)?;
    let broken = models::load(laptop.lake().as_ref(), &mut contracts.clone()).await?;
    let own = |name: &&str| Contracts::built_in_text(name).is_none();
    let known = all.all().iter().map(|model| model.name()).chain(all.faults().keys().map(String::as_str));
    let mut asked: Vec<&str> = match names.is_empty() {
        true => known.chain(broken.iter().map(|model| model.model.as_str())).filter(own).collect(),
        false => names.iter().map(String::as_str).collect(),
    };
    asked.sort_unstable();
    asked.dedup();
    let mut tested = Tested { models: Vec::new(), note: None };
    for name in asked {
        if let Some(model) = broken.iter().find(|model| model.model == name) {
            let error = Some(format!("{}: {}", model.key, model.error));
            tested.models.push(TestedModel { error, ..TestedModel::of(name, TestResult::Failed) });
            continue;
        }
        let done = one(name, &all, contracts, laptop.lake().as_ref()).await;
        tested.models.push(match done {
            Ok(done) => done,
            Err(error) => {
                TestedModel { error: Some(error.to_string()), ..TestedModel::of(name, TestResult::Failed) }
            }
        });
    }
    if tested.models.iter().any(|model| model.result == TestResult::NotRun) {
        tested.note = Some(NO_ENGINE);
    }
    output.finish(&tested, || text(&tested))?;
    let is_fine = |model: &TestedModel| matches!(model.result, TestResult::Passed | TestResult::NoTest);
    Ok(if tested.models.iter().all(is_fine) { Exit::Done } else { Exit::QualityFailure })
}

async fn one(
    name: &str,
    all: &Models,
    contracts: &Contracts,
    lake: &dyn quotelake_core::ports::Lake,
) -> Result<TestedModel> {
    let model = all.get(name)?;
    let Some(yaml) = models::test_of(lake, name).await? else {
        return Ok(TestedModel::of(name, TestResult::NoTest));
    };
    let test = ModelTest::parse(&yaml)?;
    let engine = built_in::engine();
    if !engine::computes(model, engine) {
        return Ok(TestedModel::of(name, TestResult::NotRun));
    }
    let outcome = test.run(model, contracts, engine, &MemoryLake::new()).await?;
    let result = if outcome.is_passed() { TestResult::Passed } else { TestResult::Failed };
    Ok(TestedModel { outcome: Some(outcome), ..TestedModel::of(name, result) })
}

fn text(tested: &Tested) -> Text {
    let mut text = Text::default();
    for model in &tested.models {
        let name = &model.model;
        let line = match (model.result, &model.outcome) {
            (TestResult::Passed, Some(outcome)) => {
                format!("{name}: passed, {}", counted(outcome.rows as u64, "row", "rows"))
            }
            (TestResult::NoTest, _) => format!("{name}: there is no {}{name}.yaml", models::TESTS),
            (TestResult::NotRun, _) => format!("{name}: not run"),
            (_, Some(_)) => format!("{name}: FAILED"),
            (_, None) => format!("{name}: FAILED: {}", model.error.as_deref().unwrap_or_default()),
        };
        text.push_str(&format!("{line}\n"));
        if let (TestResult::Failed, Some(outcome)) = (model.result, &model.outcome) {
            text.push_str("expected (-) and computed (+):\n");
            text.push(difference(outcome));
            text.push_str("\n");
        }
    }
    let failed = tested.models.iter().filter(|model| model.result == TestResult::Failed).count();
    text.push_str(&format!(
        "{} of {} failed",
        failed,
        counted(tested.models.len() as u64, "model", "models")
    ));
    tested.note.iter().for_each(|note| text.push_str(&format!("\n{note}")));
    text
}

/// The rows of either side that the other one lacks: `-` was expected, `+` came.
fn difference(outcome: &Outcome) -> Table {
    let rows = |sign: &'static str, rows: &[Vec<Option<String>>]| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
        let row = |row: &Vec<Option<String>>| {
            std::iter::once(sign.to_owned()).chain(row.iter().map(text)).collect()
        };
        rows.iter().map(row).collect::<Vec<Vec<String>>>()
    };
    let mut all = rows("-", &outcome.missing);
    all.extend(rows("+", &outcome.unexpected));
    // Rows of one key stand beside each other.
    all.sort_by(|a, b| a[1..].cmp(&b[1..]).then(a[0].cmp(&b[0])));
    let header: Vec<&str> = std::iter::once("").chain(outcome.columns.iter().map(String::as_str)).collect();
    table(&header, &[], all)
}

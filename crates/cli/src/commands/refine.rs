//! `quotelake refine`: tables computed from published tables.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use quotelake_core::{Error, Result};
use quotelake_local::{PRIVATE_FOLDER, Turn};
use quotelake_refine::built_in;
use quotelake_refine::dates::Dates;
use quotelake_refine::enabled::Enabled;
use quotelake_refine::engine;
use quotelake_refine::model::Model;
use quotelake_refine::models::Models;
use quotelake_refine::plan::Reach;
use quotelake_refine::ports::Ports;
use quotelake_refine::preview::{Preview, preview};
use quotelake_refine::report::ModelReport;
use quotelake_refine::run::refine;
use quotelake_refine::stale::stale;
use serde::Serialize;

use super::open_existing;
use crate::args::RefineArgs;
use crate::laptop::Laptop;
use crate::number::{counted, thousands};
use crate::output::{Exit, Output, Table, Text, table, visible};

/// What was computed.
#[derive(Debug, Serialize)]
struct Refined {
    dry_run: bool,
    /// The models that were looked at, in the order of computing.
    models: Vec<RefinedModel>,
}

#[derive(Debug, Serialize)]
struct RefinedModel {
    model: String,
    /// Nothing of it was to be computed.
    up_to_date: bool,
    /// What computing it would take; only of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    would: Option<Preview>,
    /// What it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ModelReport>,
    /// Why it failed: its last table stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Runs the command.
pub async fn run(args: RefineArgs, output: Output) -> Result<Exit> {
    let mut laptop = open_existing(&args.lake.lake).await?;
    let contracts = laptop.contracts.clone();
    let models = Models::new(&contracts)?;
    let asked = Asked::of(&args, &laptop, &models).await?;
    let _turn = match args.dry_run {
        true => None,
        false => Some(Turn::take(laptop.root().join(PRIVATE_FOLDER).join("turns"), "refine").await?),
    };
    if !args.dry_run {
        laptop.switch_on(asked.named.iter().map(String::as_str)).await?;
    }
    let context = laptop.refine_context()?;
    // The models behind one are looked at right after it: nobody has to be told.
    let ports = Ports { changes: None, ..context.ports() };
    let mut refined = Refined { dry_run: args.dry_run, models: Vec::new() };
    for model in models.all().iter().filter(|model| asked.all.contains(model.name())) {
        let done = one(ports, model, &asked, args.dry_run).await?;
        refined.models.push(done);
    }
    for (name, fault) in models.faults().iter().filter(|(name, _)| asked.all.contains(*name)) {
        let mut model = RefinedModel::new(name);
        model.error = Some(fault.to_string());
        refined.models.push(model);
    }
    if !args.dry_run {
        laptop.follow().await?;
        laptop.keep_few_runs().await;
    }
    output.finish(&refined, || text(&refined))?;
    Ok(refined.exit())
}

/// What was asked for.
struct Asked {
    /// The models that are computed, whether they were on or not.
    named: BTreeSet<String>,
    /// Those, those that they read, and those that are on.
    all: BTreeSet<String>,
    /// What of the named ones; `None` for what is stale.
    reach: Option<Reach>,
}

impl Asked {
    async fn of(args: &RefineArgs, laptop: &Laptop, models: &Models) -> Result<Self> {
        let (enabled, engine) = (Enabled::load(laptop.lake().as_ref()).await?, built_in::engine());
        let computed = |model: &&Model| model.is_published() && engine::computes(model, engine);
        let on = |name: &str| enabled.is_on(name);
        let mut named = BTreeSet::new();
        for name in &args.models {
            let model = models.get(name)?;
            if !computed(&model) {
                return Err(Error::config(format!(
                    "{name} is not computed: it is a view, or in SQL without an engine"
                )));
            }
            named.insert(name.clone());
        }
        let mut all = named.clone();
        if args.models.is_empty() {
            let mut chosen: BTreeSet<String> =
                models.all().iter().filter(computed).map(|model| model.name().to_owned()).collect();
            if !args.all {
                chosen.retain(|name| on(name));
            }
            named.clone_from(&chosen);
            all.extend(chosen);
            all.extend(models.faults().keys().filter(|name| on(name)).cloned());
        }
        // Each model is behind those that it reads.
        for model in models.all().iter().rev().filter(computed) {
            let readers = models.readers(model.name()).any(|reader| all.contains(reader.name()));
            if readers {
                all.insert(model.name().to_owned());
            }
        }
        for model in models.all().iter().filter(computed).filter(|model| on(model.name())) {
            if model.inputs.iter().any(|input| all.contains(&input.table)) {
                all.insert(model.name().to_owned());
            }
        }
        let reach = match (args.all, args.from, args.to) {
            (true, ..) => Some(Reach::Everything),
            (false, None, None) => None,
            (false, from, to) => {
                let dates = Dates { from: from.unwrap_or(NaiveDate::MIN), to: to.unwrap_or(NaiveDate::MAX) };
                if dates.from > dates.to {
                    return Err(Error::config("--from is later than --to"));
                }
                Some(Reach::Dates(vec![dates]))
            }
        };
        Ok(Self { named, all, reach })
    }
}

/// Computes a model, or says what that would take. An error is one of the lake, not of the model.
async fn one(ports: Ports<'_>, model: &Model, asked: &Asked, dry_run: bool) -> Result<RefinedModel> {
    let mut done = RefinedModel::new(model.name());
    let stale = stale(model, ports.tables(), ports.engine).await?;
    let reach = match &asked.reach {
        Some(reach) if asked.named.contains(model.name()) => Some(reach.clone()),
        _ => stale.map(|stale| stale.reach),
    };
    let Some(reach) = reach else {
        done.up_to_date = true;
        return Ok(done);
    };
    if dry_run {
        done.would = Some(preview(model, &reach, ports.tables(), ports.engine).await?);
        return Ok(done);
    }
    match refine(ports, model, &reach).await {
        Ok(report) => done.report = Some(report),
        Err(error) if error.kind().is_retryable() => return Err(error),
        Err(error) => done.error = Some(error.to_string()),
    }
    Ok(done)
}

impl RefinedModel {
    fn new(model: &str) -> Self {
        Self { model: model.to_owned(), up_to_date: false, would: None, report: None, error: None }
    }
}

impl Refined {
    fn exit(&self) -> Exit {
        let quarantined =
            |model: &RefinedModel| model.report.as_ref().is_some_and(|report| report.quarantined > 0);
        if self.models.iter().any(|model| model.error.is_some()) {
            Exit::SomeFailed
        } else if self.models.iter().any(quarantined) {
            Exit::QualityFailure
        } else {
            Exit::Done
        }
    }
}

fn text(refined: &Refined) -> Text {
    if refined.models.is_empty() {
        return "no model is on: `quotelake refine --all` computes every one, `--model NAME` one of them"
            .into();
    }
    if refined.dry_run {
        return dry_text(refined).into();
    }
    let mut rows = Vec::new();
    let mut errors = String::new();
    for model in &refined.models {
        let Some(report) = &model.report else {
            let what = if model.up_to_date { "up to date" } else { "failed" };
            let cells = [visible(&model.model).to_string(), what.to_owned()];
            rows.push(cells.into_iter().chain(std::iter::repeat_n(String::new(), 5)).collect());
            if let Some(error) = &model.error {
                errors.push_str(&format!("\n{}: {}", visible(&model.model), visible(error)));
            }
            continue;
        };
        let sum = |count: fn(&quotelake_refine::report::ComputedPartition) -> usize| {
            thousands(report.partitions.iter().map(|partition| count(partition) as u64).sum())
        };
        rows.push(vec![
            visible(&model.model).to_string(),
            format!(
                "{}, {} changed",
                counted(report.partitions.len() as u64, "partition", "partitions"),
                thousands(report.changed().count() as u64)
            ),
            sum(|partition| partition.rows),
            sum(|partition| partition.inserted),
            sum(|partition| partition.revised),
            sum(|partition| partition.removed),
            thousands(report.quarantined),
        ]);
    }
    let head = ["model", "computed", "rows", "new", "revised", "gone", "quarantined"];
    let models = table(&head, &[2, 3, 4, 5, 6], rows).optional(&["gone", "revised", "new"]);
    let mut text = Text::from(models.judged(&["computed", "quarantined"]));
    text.push_str(&errors);
    text
}

fn dry_text(refined: &Refined) -> Table {
    let rows = refined.models.iter().map(|model| {
        let Some(would) = &model.would else {
            let what = model.error.as_deref().unwrap_or("up to date");
            return vec![
                visible(&model.model).to_string(),
                visible(what).to_string(),
                String::new(),
                String::new(),
                String::new(),
            ];
        };
        vec![
            visible(&model.model).to_string(),
            would.dates.join(", "),
            thousands(would.partitions as u64),
            thousands(would.rows),
            would.engine.clone(),
        ]
    });
    table(&["model", "would compute", "partitions", "rows to read", "engine"], &[2, 3], rows)
}

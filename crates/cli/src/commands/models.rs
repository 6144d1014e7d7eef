//! `quotelake models`: the models of a lake, looked at.

use quotelake_contract::{Contract, Contracts, Materialization};
use quotelake_core::{Error, Result};
use quotelake_refine::enabled::Enabled;
use quotelake_refine::model::{Kind, Model};
use quotelake_refine::models::Models;
use serde::Serialize;

use super::{models_enable, models_lint, models_test, open_existing};
use crate::args::{ModelsCommand, ViewEngine};
use crate::output::{Exit, Output, Table, Text, table};

/// Says how to get the engine, where a command has to do without it.
pub(super) const NO_ENGINE: &str =
    "this build has no SQL engine: what needs one is left out; `make full` builds one that has";

/// Runs the command.
pub async fn run(command: ModelsCommand, output: Output) -> Result<Exit> {
    match command {
        ModelsCommand::Ls { lake } => {
            let laptop = open_existing(&lake.lake).await?;
            let enabled = Enabled::load(laptop.lake().as_ref()).await?;
            let listed = list(&laptop.contracts, &enabled)?;
            output.finish(&listed, || text(&listed))?;
        }
        ModelsCommand::Show { name, sql, lake } => {
            let laptop = open_existing(&lake.lake).await?;
            let models = Models::new(&laptop.contracts)?;
            let model = models.get(&name)?;
            match sql {
                Some(engine) => {
                    let view = view(model, engine)?;
                    output.finish(&view, || Text::verbatim(view.as_str()))?;
                }
                None => {
                    let shown = Shown::of(model);
                    output.finish(&shown, || shown.text(&model.dataset.contract))?;
                }
            }
        }
        ModelsCommand::Enable { names, all, lake } => {
            return models_enable::run(&names, all, true, &lake, output).await;
        }
        ModelsCommand::Disable { names, lake } => {
            return models_enable::run(&names, false, false, &lake, output).await;
        }
        ModelsCommand::Lint { names, list, lake } => {
            return models_lint::run(&names, list, &lake, output).await;
        }
        ModelsCommand::Test { names, lake } => return models_test::run(&names, &lake, output).await,
    }
    Ok(Exit::Done)
}

/// A model in the list.
#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    /// Whether it ships, rather than being the lake's own.
    ships: bool,
    engine: &'static str,
    kept: &'static str,
    reads: Vec<String>,
    /// Whether it is on.
    on: bool,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

fn list(contracts: &Contracts, enabled: &Enabled) -> Result<Vec<Listed>> {
    let models = Models::new(contracts)?;
    let listed = |name: &str, engine, kept, reads| Listed {
        model: name.to_owned(),
        ships: Contracts::built_in_text(name).is_some(),
        engine,
        kept,
        reads,
        on: enabled.is_on(name),
        fault: None,
    };
    let sound = models.all().iter().map(|model| {
        let reads = model.inputs.iter().map(|input| input.table.clone()).collect();
        listed(model.name(), engine_of(model), kept(model), reads)
    });
    let faulty = models
        .faults()
        .iter()
        .map(|(name, fault)| Listed { fault: Some(fault.to_string()), ..listed(name, "", "", Vec::new()) });
    let mut all: Vec<Listed> = sound.chain(faulty).collect();
    all.sort_by(|a, b| (a.ships, &a.model).cmp(&(b.ships, &b.model)));
    Ok(all)
}

fn text(listed: &[Listed]) -> Table {
    let rows = listed.iter().map(|model| {
        let state = match (&model.fault, model.on) {
            (Some(fault), _) => format!("at fault: {fault}"),
            (None, true) => "on".to_owned(),
            (None, false) => "off".to_owned(),
        };
        let origin = if model.ships { "ships" } else { "this lake" };
        vec![
            model.model.clone(),
            origin.to_owned(),
            model.engine.to_owned(),
            model.kept.to_owned(),
            model.reads.join(", "),
            state,
        ]
    });
    table(&["model", "of", "engine", "kept as", "reads", "state"], &[], rows)
        .optional(&["of", "engine", "kept as"])
}

fn engine_of(model: &Model) -> &'static str {
    match model.kind {
        Kind::Sql(_) => "sql",
        Kind::Native(_) => "native",
    }
}

fn kept(model: &Model) -> &'static str {
    match model.refine.materialization {
        Materialization::Table => "table",
        Materialization::Full => "table, whole",
        Materialization::View => "view",
    }
}

/// One model.
#[derive(Debug, Serialize)]
struct Shown {
    model: String,
    description: String,
    engine: &'static str,
    kept: &'static str,
    key: Vec<String>,
    partitions: Vec<String>,
    reads: Vec<ShownInput>,
    columns: Vec<ShownColumn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownInput {
    table: String,
    /// Calendar days that it is read before the first date that is computed.
    lookback_days: u32,
}

#[derive(Debug, Serialize)]
struct ShownColumn {
    name: String,
    r#type: String,
    nullable: bool,
    /// Whether it goes through floating point.
    floating_point: bool,
}

impl Shown {
    fn of(model: &Model) -> Self {
        let contract = &model.dataset.contract;
        let reads = model.inputs.iter();
        let columns = contract.columns.iter();
        Self {
            model: contract.name.clone(),
            description: contract.description.clone(),
            engine: engine_of(model),
            kept: kept(model),
            key: contract.key.iter().map(|index| contract.columns[*index].name.clone()).collect(),
            partitions: contract.partitions.iter().map(|partition| partition.name.clone()).collect(),
            reads: reads
                .map(|input| ShownInput { table: input.table.clone(), lookback_days: input.lookback_days })
                .collect(),
            columns: columns
                .map(|column| ShownColumn {
                    name: column.name.clone(),
                    r#type: column.ty.to_string(),
                    nullable: column.nullable,
                    floating_point: column.floating_point,
                })
                .collect(),
            sql: match &model.kind {
                Kind::Sql(sql) => Some(sql.clone()),
                Kind::Native(_) => None,
            },
        }
    }

    fn text(&self, contract: &Contract) -> Text {
        let reads = self.reads.iter().map(|input| match input.lookback_days {
            0 => input.table.clone(),
            1 => format!("{} (and 1 day before)", input.table),
            days => format!("{} (and {days} days before)", input.table),
        });
        let mut text = Text::from(format!(
            "{}: {}\n\nengine: {}; kept as: {}; key: {}; reads: {}\n\n",
            self.model,
            self.description,
            self.engine,
            self.kept,
            self.key.join(", "),
            reads.collect::<Vec<_>>().join(", ")
        ));
        let columns = self.columns.iter().zip(&contract.columns).map(|(column, declared)| {
            let ty = if column.floating_point {
                format!("{}, floating point", column.r#type)
            } else {
                column.r#type.clone()
            };
            vec![column.name.clone(), ty, declared.description.clone()]
        });
        text.push(table(&["column", "type", "description"], &[], columns));
        if let Some(sql) = &self.sql {
            text.push_str("\n\n");
            text.push_verbatim(sql.trim_end());
        }
        text
    }
}

/// A statement that makes a view of a model's SELECT.
fn view(model: &Model, engine: ViewEngine) -> Result<String> {
    let Kind::Sql(sql) = &model.kind else {
        return Err(Error::config(format!("{} is code of this program and has no SELECT", model.name())));
    };
    let select = sql.trim_end().trim_end_matches(';').trim_end();
    let end = match engine {
        ViewEngine::Duckdb => ";",
        // Athena takes one statement, without a semicolon.
        ViewEngine::Athena => "",
    };
    Ok(format!("CREATE OR REPLACE VIEW {} AS\n{select}{end}", model.name()))
}

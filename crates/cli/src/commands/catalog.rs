//! `quotelake catalog repair`: the catalog from the lake's files.

use std::path::Path;
use std::sync::Arc;

use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog, Lake};
use quotelake_core::{Error, Result};
use quotelake_local::{JsonCatalog, PRIVATE_FOLDER};
use quotelake_platform::settings::Settings;
use quotelake_platform::{connect, contracts};
use serde::Serialize;

use super::open_existing;
use crate::args::{CatalogCommand, CatalogRepairArgs};
use crate::catalog_repair::Disagreement;
use crate::output::{Exit, Output};

/// What was found, and whether it was corrected.
#[derive(Debug, Serialize)]
struct Repaired {
    lake: String,
    applied: bool,
    /// Tables whose file in the catalog is damaged: it is set aside, and the table listed again.
    damaged: Vec<String>,
    /// Whether partitions without a file were, or would be, taken out.
    forgets: bool,
    #[serde(flatten)]
    found: Disagreement,
}

/// Runs the command.
pub async fn run(command: CatalogCommand, output: Output) -> Result<Exit> {
    let CatalogCommand::Repair(args) = command;
    let (lake, catalog, known, tables) = open(&args).await?;
    let damaged = set_aside(&args).await?;
    let mut found = Disagreement::between(lake.as_ref(), catalog.as_ref(), &known, tables).await?;
    found.failed.retain(|reason| !damaged.iter().any(|table| reason.starts_with(&format!("{table}: "))));
    if args.apply {
        found.repair(catalog.as_ref(), args.forget).await?;
    }
    let repaired =
        Repaired { lake: args.lake.clone(), applied: args.apply, damaged, forgets: args.forget, found };
    output.finish(&repaired, || text(&repaired))?;
    let found = &repaired.found;
    let stays = !found.failed.is_empty() || (!args.forget && !found.without_file.is_empty());
    let is_left = if args.apply { stays } else { !found.is_none() || !repaired.damaged.is_empty() };
    Ok(if is_left { Exit::SomeFailed } else { Exit::Done })
}

/// The tables whose files in a folder's catalog are damaged; with `--apply`, those are set aside.
async fn set_aside(args: &CatalogRepairArgs) -> Result<Vec<String>> {
    if args.lake.contains("://") {
        return Ok(Vec::new());
    }
    let catalog = JsonCatalog::open(Path::new(&args.lake).join(PRIVATE_FOLDER).join("catalog"))?;
    let damaged = catalog.damaged().await?;
    if args.apply && !damaged.is_empty() {
        catalog.set_damaged_aside().await?;
    }
    Ok(damaged)
}

type Opened = (Arc<dyn Lake>, Arc<dyn Catalog>, Contracts, Vec<String>);

async fn open(args: &CatalogRepairArgs) -> Result<Opened> {
    if !args.lake.contains("://") {
        if args.catalog.is_some() {
            return Err(Error::config("--catalog is for a lake on S3: a folder has its own"));
        }
        let laptop = open_existing(args.lake.as_ref()).await?;
        let (lake, catalog) = (Arc::clone(laptop.lake()), Arc::clone(laptop.catalog()));
        let tables = laptop.catalog_tables().await?;
        return Ok((lake, catalog, laptop.contracts, tables));
    }
    let Some(uri) = &args.catalog else {
        return Err(Error::config("a lake that is no folder needs --catalog glue://database"));
    };
    let settings = Settings::from_lookup(|name| match name {
        "LAKE_URI" => Some(args.lake.clone()),
        "CATALOG_URI" => Some(uri.clone()),
        _ => None,
    });
    let lake = connect::lake(&settings).await?;
    let catalog = connect::catalog(&settings).await?;
    let known = contracts::load(lake.as_ref()).await?;
    Ok((lake, catalog, known, Vec::new()))
}

fn text(repaired: &Repaired) -> String {
    let Repaired { applied, forgets, found, .. } = repaired;
    let verb = |done: &'static str, would: &'static str| if *applied { done } else { would };
    let mut text = String::new();
    for table in &repaired.damaged {
        let what = verb("set aside", "would set aside");
        text.push_str(&format!("{what} the catalog's file of {table}, which is damaged\n"));
    }
    for partition in &found.misplaced {
        let what = verb("took out", "would take out");
        text.push_str(&format!("{what} {}, where no file of it is\n", partition.location));
    }
    for partition in &found.unlisted {
        text.push_str(&format!("{} {}\n", verb("listed", "would list"), partition.location));
    }
    for partition in &found.without_file {
        let what = if *forgets { verb("took out", "would take out") } else { "kept" };
        text.push_str(&format!("{what} {}, which has no file\n", partition.location));
    }
    for reason in &found.failed {
        text.push_str(&format!("failed {reason}\n"));
    }
    if !found.without_file.is_empty() && !forgets {
        text.push_str(
            "partitions without a file: restore it, `quotelake rebuild --partition`, or --forget\n",
        );
    }
    text.push_str(match (found.is_none() && repaired.damaged.is_empty(), applied) {
        (true, _) => "the catalog lists what the files are",
        (false, false) => "nothing was changed: --apply does it",
        (false, true) => "the catalog was repaired",
    });
    text
}

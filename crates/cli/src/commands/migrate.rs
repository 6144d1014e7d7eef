//! `quotelake migrate`: an existing PostgreSQL database to the lake, and both sides added up.

use std::sync::Arc;

use quotelake_core::{Context as _, Error, Result};
use quotelake_local::SystemClock;
use quotelake_migrate::{
    Checkpoint, Copy, CopyOptions, Database, DatasetMapping, Mapping, Snapshot, Totals, totals,
};
use quotelake_platform::connect;
use serde::Serialize;

use super::files::{read_text, store_contract};
use crate::args::MigrateArgs;
use crate::collect::Checked;
use crate::laptop::{Laptop, Settled};
use crate::output::{Exit, Output, table, thousands};
use crate::pipeline::{checked_since, dead_letters, quality_versions};
use crate::reconcile::{Reconciled, compare, lake_totals};

/// What a migration did, and what both sides hold afterwards.
#[derive(Debug, Serialize)]
struct MigrateReport {
    migration: String,
    datasets: Vec<MigratedDataset>,
    settled: Settled,
    checked: Checked,
    dead_letters: u64,
}

#[derive(Debug, Serialize)]
struct MigratedDataset {
    dataset: String,
    table: String,
    /// Rows and landing objects of all runs of this migration.
    rows: u64,
    parts: u64,
    /// Rows that this run copied; the others were there from an earlier one.
    rows_copied: u64,
    /// The columns whose sums are compared.
    sums: Vec<String>,
    equal: bool,
    symbols: Vec<Reconciled>,
}

impl MigrateReport {
    fn exit(&self) -> Exit {
        if self.dead_letters + self.settled.waiting + self.settled.undelivered > 0 {
            Exit::SomeFailed
        } else if self.datasets.iter().all(|dataset| dataset.equal) {
            Exit::Done
        } else {
            Exit::QualityFailure
        }
    }
}

/// Runs the command.
pub async fn run(args: MigrateArgs, output: Output) -> Result<Exit> {
    let mut laptop = Laptop::open(&args.lake.lake, Arc::new(SystemClock)).await?;
    for path in &args.contracts {
        store_contract(&mut laptop, path).await?;
    }
    let yaml = read_text(&args.mapping)?;
    let mapping =
        Mapping::parse(&yaml, &laptop.contracts).with_context(|| args.mapping.display().to_string())?;
    let url = connect::secrets().read(&args.database_url_secret).await?;
    let snapshot = Database::new(&url)?.snapshot().await?;
    let before = quality_versions(&laptop).await?;
    if args.restart {
        for dataset in &mapping.datasets {
            laptop.lake().delete(&Checkpoint::key_of(&mapping.name, &dataset.dataset)).await?;
        }
    }
    let options = CopyOptions { page_rows: args.page_rows, part_rows: args.part_rows };
    let mut copied = Vec::new();
    for dataset in &mapping.datasets {
        let database = totals(&snapshot, dataset).await.with_context(|| dataset.dataset.clone())?;
        let (checkpoint, rows_copied) =
            copy(&laptop, &mapping, dataset, &snapshot, options, &database, output)
                .await
                .with_context(|| dataset.dataset.clone())?;
        copied.push((dataset, database, checkpoint, rows_copied));
    }
    drop(snapshot);
    let settled = laptop.settle(None, None).await?;
    let mut datasets = Vec::new();
    for (dataset, database, checkpoint, rows_copied) in copied {
        let contract = &laptop.contracts.get(&dataset.dataset)?.contract;
        let lake = lake_totals(laptop.lake().as_ref(), contract, dataset).await?;
        let symbols = compare(&database, &lake, dataset.reconcile.sum.len());
        datasets.push(MigratedDataset {
            dataset: dataset.dataset.clone(),
            table: format!("{}.{}", dataset.table.0, dataset.table.1),
            rows: checkpoint.rows,
            parts: checkpoint.parts,
            rows_copied,
            sums: dataset.reconcile.sum.clone(),
            equal: symbols.iter().all(|symbol| symbol.equal),
            symbols,
        });
    }
    let report = MigrateReport {
        migration: mapping.name,
        datasets,
        settled,
        checked: checked_since(&laptop, &before).await?,
        dead_letters: dead_letters(&laptop).await?,
    };
    output.finish(&report, || text(&report, args.all))?;
    Ok(report.exit())
}

async fn copy(
    laptop: &Laptop,
    mapping: &Mapping,
    dataset: &DatasetMapping,
    snapshot: &Snapshot,
    options: CopyOptions,
    database: &Totals,
    output: Output,
) -> Result<(Checkpoint, u64)> {
    if options.page_rows == 0 || options.part_rows == 0 {
        return Err(Error::config("--page-rows and --part-rows must be at least 1"));
    }
    let lake = laptop.landing_lake()?;
    let contract = Arc::clone(&laptop.contracts.get(&dataset.dataset)?.contract);
    let checkpoint = Checkpoint::load(lake.as_ref(), &mapping.name, dataset, laptop.clock().now()).await?;
    let bar = output.progress("copying", database.values().map(|side| side.rows).sum());
    let before = checkpoint.rows;
    bar.set_position(before);
    let copy = Copy { lake: lake.as_ref(), snapshot, mapping: dataset, contract: &contract, options };
    let checkpoint = copy.run(checkpoint, &|rows| bar.inc(rows)).await?;
    bar.finish_and_clear();
    let rows_copied = checkpoint.rows - before;
    Ok((checkpoint, rows_copied))
}

fn text(report: &MigrateReport, all: bool) -> String {
    let mut text = String::new();
    for dataset in &report.datasets {
        text.push_str(&format!(
            "{}: {} rows of {} in {} landing objects, {} in this run\n",
            dataset.dataset,
            thousands(dataset.rows),
            dataset.table,
            thousands(dataset.parts),
            thousands(dataset.rows_copied),
        ));
    }
    let checked = &report.checked;
    text.push_str(&format!(
        "checked: {} rows in = {} staged + {} quarantined + {} duplicates\n\n",
        thousands(checked.rows_in),
        thousands(checked.staged),
        thousands(checked.quarantined),
        thousands(checked.duplicates),
    ));
    for dataset in &report.datasets {
        let different = dataset.symbols.iter().filter(|symbol| !symbol.equal).count();
        text.push_str(&format!(
            "{}: {} of {} equal on both sides\n",
            dataset.dataset,
            dataset.symbols.len() - different,
            dataset.symbols.len()
        ));
        if different > 0 || all {
            text.push_str(&reconciliation(dataset, all));
        }
    }
    if report.dead_letters > 0 {
        text.push_str(&format!("{} dead letters: see `quotelake dlq ls`\n", report.dead_letters));
    }
    text
}

/// Two lines for each symbol, one for each side.
fn reconciliation(dataset: &MigratedDataset, all: bool) -> String {
    let mut header = vec!["", "side", "rows", "first", "last"];
    let sums: Vec<String> = dataset.sums.iter().map(|column| format!("sum of {column}")).collect();
    header.extend(sums.iter().map(String::as_str));
    let numbers: Vec<usize> = std::iter::once(2).chain(5..header.len()).collect();
    let rows = dataset.symbols.iter().filter(|symbol| all || !symbol.equal).flat_map(|symbol| {
        [("database", &symbol.database), ("lake", &symbol.lake)].map(|(name, side)| {
            let mut row = vec![
                symbol.by.clone(),
                name.to_owned(),
                thousands(side.rows),
                side.first.clone().unwrap_or_default(),
                side.last.clone().unwrap_or_default(),
            ];
            row.extend(side.sums.iter().map(|sum| sum.clone().unwrap_or_default()));
            row
        })
    });
    let mut text = table(&header, &numbers, rows);
    text.push('\n');
    text
}

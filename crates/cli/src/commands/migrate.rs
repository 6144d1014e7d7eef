//! `quotelake migrate`: an existing PostgreSQL database to the lake, and both sides added up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quotelake_contract::Contract;
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_local::SystemClock;
use quotelake_migrate::{
    Checkpoint, Content, Copy, CopyOptions, Database, DatasetMapping, Difference, Mapping, Snapshot, Source,
    What, tells_versions, versions_unknown,
};
use quotelake_platform::connect;
use serde::Serialize;

use crate::args::MigrateArgs;
use crate::collect::Checked;
use crate::files::{read_text, store_contract};
use crate::laptop::{Laptop, Settled};
use crate::number::{counted, thousands};
use crate::output::{Exit, Output, Table, Text, table};
use crate::pipeline::{checked_since, dead_letters, quality_versions};
use crate::reconcile::{Reconciled, compare, differences, lake_content};

/// Keys that are named of each dataset: in the text, and with `--json` or `--all`.
const SHOWN_KEYS: usize = 10;
const LISTED_KEYS: usize = 1000;

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
    /// Keys that differ, at most a thousand.
    differences: Vec<Difference>,
    /// What of the mapping and the contract does not go together for the runs after this one.
    note: Option<String>,
    /// What a run after this one can do about a difference.
    next: Option<String>,
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
            let contract = &laptop.contracts.incoming(&dataset.dataset)?.contract;
            Checkpoint::restart(laptop.lake().as_ref(), &mapping.name, dataset, contract).await?;
        }
    }
    let options = CopyOptions { page_rows: args.page_rows, part_rows: args.part_rows };
    let mut copied = Vec::new();
    for dataset in &mapping.datasets {
        let contract = &laptop.contracts.get(&dataset.dataset)?.contract;
        let source = Source { snapshot: &snapshot, mapping: dataset, contract };
        let database = source.content().await.with_context(|| dataset.dataset.clone())?;
        let (checkpoint, rows_copied) =
            copy(&laptop, &mapping, dataset, &snapshot, options, &database, output)
                .await
                .with_context(|| dataset.dataset.clone())?;
        copied.push(Copied { dataset, database, checkpoint, rows_copied });
    }
    let settled = laptop.settle(None, None).await?;
    let mut datasets = Vec::new();
    for copied in copied {
        datasets.push(reconciled(&laptop, &snapshot, copied).await?);
    }
    drop(snapshot);
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

/// A dataset whose rows are copied.
struct Copied<'m> {
    dataset: &'m DatasetMapping,
    /// What the database holds of it.
    database: Content,
    checkpoint: Checkpoint,
    /// Rows that this run copied.
    rows_copied: u64,
}

/// What both sides hold of a dataset.
async fn reconciled(laptop: &Laptop, snapshot: &Snapshot, copied: Copied<'_>) -> Result<MigratedDataset> {
    let Copied { dataset, database, checkpoint, rows_copied } = copied;
    let contract = &laptop.contracts.get(&dataset.dataset)?.contract;
    let lake = lake_content(laptop.lake().as_ref(), contract, dataset).await?;
    let source = Source { snapshot, mapping: dataset, contract };
    let named = differences(laptop.lake().as_ref(), &source, &database, &lake, LISTED_KEYS).await;
    let (differences, next) = match named {
        Ok(found) => {
            let quarantined = ObjectKey::dataset_prefix(Zone::Quarantine, &dataset.dataset);
            let has_quarantined = !laptop.lake().list(&quarantined).await?.is_empty();
            let next = next(dataset, contract, &found, has_quarantined);
            (found, next)
        }
        // Everything is copied by now, and that the sides differ is known: a connection that ended costs the names alone.
        Err(error) if error.kind() == ErrorKind::Unavailable => {
            (Vec::new(), Some(format!("the rows that differ could not be named: {error}")))
        }
        Err(error) => return Err(error).with_context(|| dataset.dataset.clone()),
    };
    let symbols = compare(&database.totals, &lake.totals, dataset.reconcile.sum.len());
    Ok(MigratedDataset {
        dataset: dataset.dataset.clone(),
        table: format!("{}.{}", dataset.table.0, dataset.table.1),
        rows: checkpoint.rows,
        parts: checkpoint.parts,
        rows_copied,
        sums: dataset.reconcile.sum.clone(),
        equal: symbols.iter().all(|symbol| symbol.equal),
        note: versions_unknown(dataset, contract),
        next,
        symbols,
        differences,
    })
}

async fn copy(
    laptop: &Laptop,
    mapping: &Mapping,
    dataset: &DatasetMapping,
    snapshot: &Snapshot,
    options: CopyOptions,
    database: &Content,
    output: Output,
) -> Result<(Checkpoint, u64)> {
    if options.page_rows == 0 || options.part_rows == 0 {
        return Err(Error::config("--page-rows and --part-rows must be at least 1"));
    }
    let lake = laptop.landing_lake()?;
    let contract = Arc::clone(&laptop.contracts.get(&dataset.dataset)?.contract);
    let checkpoint = Checkpoint::load(lake.as_ref(), &mapping.name, dataset, laptop.clock().now()).await?;
    let bar = output.progress("copying", database.totals.values().map(|side| side.rows).sum());
    let copied = AtomicU64::new(0);
    let progress = |rows| {
        copied.fetch_add(rows, Ordering::Relaxed);
        bar.inc(rows);
    };
    if !checkpoint.done && !dataset.key.is_empty() {
        bar.set_position(checkpoint.rows);
    }
    let copy = Copy { lake: lake.as_ref(), snapshot, mapping: dataset, contract: &contract, options };
    let checkpoint = copy.run(checkpoint, &progress).await?;
    bar.finish_and_clear();
    Ok((checkpoint, copied.into_inner()))
}

/// What can be done about a difference that another run like this one would leave. Nothing is said that would not help.
fn next(
    dataset: &DatasetMapping,
    contract: &Contract,
    differences: &[Difference],
    has_quarantined: bool,
) -> Option<String> {
    if differences.is_empty() {
        return None;
    }
    let any = |wanted: &[What]| differences.iter().any(|difference| wanted.contains(&difference.what));
    let (missing, values) = (any(&[What::OnlyInDatabase, What::Copies]), any(&[What::Values]));
    let is_keyless = contract.file_columns.is_some();
    let has_versions = tells_versions(dataset, contract);
    let mut said = Vec::new();
    if missing && has_quarantined {
        said.push("rows that were refused are in `quotelake quarantine ls`".to_owned());
    }
    if missing || values && has_versions {
        let by = match (&dataset.updated_at, dataset.key.is_empty()) {
            (Some(column), _) => {
                format!("a run copies the rows whose {column} is the last one seen, or later")
            }
            (None, false) => "a run copies the rows whose keys come after the last one copied".to_owned(),
            (None, true) => "a table without key and updated_at is copied once".to_owned(),
        };
        said.push(match is_keyless {
            true => format!("{by}, and --restart copies all of them again and adds those that are not there"),
            false => format!("{by}, and --restart copies all of them again"),
        });
    }
    if values && !has_versions {
        said.push(format!(
            "the contract of {} names no `revisionColumn` that the mapping fills: of two versions of a row the one with the greater content wins, so a value \
             that became smaller does not come by any run. Name a column as its revisionColumn that grows with each change and that the \
             mapping fills, and start over with --restart",
            dataset.dataset
        ));
    }
    if any(&[What::OnlyInLake, What::Copies]) {
        said.push("rows that only the lake has stay in it".to_owned());
    }
    Some(said.join("; "))
}

fn text(report: &MigrateReport, all: bool) -> Text {
    let mut text = Text::default();
    for dataset in &report.datasets {
        text.push_str(&format!(
            "{}: {} of {} in {}, {} in this run\n",
            dataset.dataset,
            counted(dataset.rows, "row", "rows"),
            dataset.table,
            counted(dataset.parts, "landing object", "landing objects"),
            thousands(dataset.rows_copied),
        ));
    }
    let checked = &report.checked;
    text.push_str(&format!("checked: {}\n\n", checked.sum()));
    for dataset in &report.datasets {
        let different = dataset.symbols.iter().filter(|symbol| !symbol.equal).count();
        text.push_str(&format!(
            "{}: {} of {} equal on both sides\n",
            dataset.dataset,
            dataset.symbols.len() - different,
            dataset.symbols.len()
        ));
        if different > 0 || all {
            text.push(reconciliation(dataset, all));
            text.push_str("\n");
        }
        text.push_str(&named(dataset, all));
    }
    if report.dead_letters > 0 {
        text.push_str(&format!("{} dead letters: see `quotelake dlq ls`\n", report.dead_letters));
    }
    text
}

/// The keys that differ, each with its columns.
fn named(dataset: &MigratedDataset, all: bool) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_owned());
    let mut text = String::new();
    let shown = if all { LISTED_KEYS } else { SHOWN_KEYS };
    for difference in dataset.differences.iter().take(shown) {
        let key: Vec<String> =
            difference.key.iter().map(|(column, text)| format!("{column}={}", value(text))).collect();
        let what = match difference.what {
            What::OnlyInDatabase => "only in the database".to_owned(),
            What::OnlyInLake => "only in the lake".to_owned(),
            What::Copies => "not as many rows on both sides".to_owned(),
            What::Values => {
                let columns: Vec<String> = difference
                    .columns
                    .iter()
                    .map(|c| {
                        format!("{} is {} and {} in the lake", c.column, value(&c.database), value(&c.lake))
                    })
                    .collect();
                columns.join(", ")
            }
        };
        text.push_str(&format!("  {}: {what}\n", key.join(" ")));
    }
    if dataset.differences.len() > shown {
        text.push_str("  and more: see --all, or --json\n");
    }
    if let Some(note) = &dataset.note {
        text.push_str(&format!("  note: {note}\n"));
    }
    if let Some(next) = &dataset.next {
        text.push_str(&format!("  {next}\n"));
    }
    text
}

/// Two lines for each symbol, one for each side.
fn reconciliation(dataset: &MigratedDataset, all: bool) -> Table {
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
    table(&header, &numbers, rows)
}

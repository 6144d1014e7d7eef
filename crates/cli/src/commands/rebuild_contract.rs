//! `quotelake rebuild --contract`: a lake once more, with tables by new contracts: their own rows, checked as rows of those.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt as _;
use quotelake_contract::{Contract, ContractText};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, ObjectKey, Result, Zone};
use quotelake_local::{FolderLake, SystemClock};
use quotelake_platform::contracts;
use quotelake_publish::UNFIT;
use quotelake_table::published::table_prefix;
use quotelake_table::{Published, staged_rows};
use serde::Serialize;

use super::open_existing;
use super::rebuild::refuse_used;
use crate::again;
use crate::args::{RebuildArgs, default_lake};
use crate::catalog_repair::Disagreement;
use crate::collect::Checked;
use crate::files::{add_contract, store_contract};
use crate::laptop::{Laptop, QUEUES};
use crate::number::{counted, thousands};
use crate::output::{Exit, Output, Text, table};
use crate::pipeline::{checked_since, dead_letters, quality_versions};

/// What was done.
#[derive(Debug, Serialize)]
struct Rebuilt {
    /// Objects that were taken along as they are.
    objects: u64,
    tables: Vec<RebuiltTable>,
    checked: Checked,
    dead_letters: u64,
    /// Those of the old lake, which stay there.
    dead_letters_before: u64,
}

/// A table by its new contract.
#[derive(Debug, Serialize)]
struct RebuiltTable {
    dataset: String,
    before: String,
    after: String,
    /// Published rows and staged ones of the old lake.
    rows_before: u64,
    /// Rows of the new table.
    rows: u64,
}

impl Rebuilt {
    /// Whether every row of the old tables is in a new one, in quarantine, or the same as another.
    fn is_whole(&self) -> bool {
        let read: u64 = self.tables.iter().map(|table| table.rows_before).sum();
        read == self.checked.rows_in
            && self.checked.staged + self.checked.quarantined + self.checked.duplicates == read
    }
}

/// Runs the command. The old lake is only read; a new one that is not complete is said to be so, and made again in another folder.
pub(super) async fn run(args: &RebuildArgs, folder: &Path, output: Output) -> Result<Exit> {
    let old = open_existing(&args.from.clone().unwrap_or_else(default_lake)).await?;
    refuse_used(folder)?;
    refuse_unfinished(&old).await?;
    let mut by = old.contracts.clone();
    let mut rebuilt = BTreeSet::new();
    for path in &args.contracts {
        rebuilt.insert(add_contract(&mut by, path, None)?.0);
    }
    let renames = renames(&args.rename, &rebuilt)?;
    let objects = copy_others(old.lake().as_ref(), folder, &rebuilt).await?;
    let mut new = Laptop::open(folder, Arc::new(SystemClock)).await?;
    for path in &args.contracts {
        store_contract(&mut new, path).await?;
    }
    let (lake, catalog) = (new.lake().as_ref(), new.catalog().as_ref());
    Disagreement::between(lake, catalog, &new.contracts, Vec::new()).await?.repair(catalog, false).await?;
    let (checked_before, landing) = (quality_versions(&new).await?, new.landing_lake()?);
    let mut tables = Vec::new();
    for dataset in &rebuilt {
        let (before, after) = (contract_of(&old, dataset).await?, &new.contracts.get(dataset)?.contract);
        let none = BTreeMap::new();
        let renamed = renames.get(dataset).unwrap_or(&none);
        let rows_before = land(old.lake().as_ref(), &before, landing.as_ref(), after, renamed).await?;
        tables.push(RebuiltTable {
            dataset: dataset.clone(),
            before: before.version.clone(),
            after: after.version.clone(),
            rows_before,
            rows: 0,
        });
    }
    new.settle(None, None).await?;
    for table in &mut tables {
        table.rows = Published::new(new.lake().as_ref(), &new.contracts.get(&table.dataset)?.contract)
            .count()
            .await?
            .rows;
    }
    let rebuilt = Rebuilt {
        objects,
        tables,
        checked: checked_since(&new, &checked_before).await?,
        dead_letters: dead_letters(&new).await?,
        dead_letters_before: dead_letters(&old).await?,
    };
    output.finish(&rebuilt, || text(&rebuilt, folder))?;
    Ok(if rebuilt.dead_letters > 0 || !rebuilt.is_whole() {
        Exit::SomeFailed
    } else if rebuilt.checked.quarantined > 0 {
        Exit::QualityFailure
    } else {
        Exit::Done
    })
}

/// Rows that are on their way would be in neither lake.
async fn refuse_unfinished(old: &Laptop) -> Result<()> {
    let batches = old.stream_depth().await?.batches;
    let mut waiting = 0;
    for queue in QUEUES.iter().filter(|queue| **queue != "publish") {
        waiting += old.queue(queue)?.list().await?.len();
    }
    if batches > 0 || waiting > 0 {
        return Err(Error::config(format!(
            "{batches} batches of pages and {waiting} messages of the old lake wait: finish them first with `quotelake run` or `inbox run`"
        )));
    }
    Ok(())
}

/// Columns' new names, by dataset.
fn renames(
    arguments: &[String],
    rebuilt: &BTreeSet<String>,
) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let mut renames: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for argument in arguments {
        let wrong = |why: &str| Error::config(format!("--rename {argument:?} {why}"));
        let (old, new) = argument.split_once('=').ok_or_else(|| wrong("wants OLD=NEW"))?;
        let (dataset, old) = match (old.split_once('.'), rebuilt.first()) {
            (Some((dataset, old)), _) => (dataset, old),
            (None, Some(only)) if rebuilt.len() == 1 => (only.as_str(), old),
            (None, _) => return Err(wrong("wants DATASET.OLD=NEW, where several contracts are given")),
        };
        if !rebuilt.contains(dataset) {
            return Err(wrong("names a dataset of which no contract is given"));
        }
        renames.entry(dataset.to_owned()).or_default().insert(old.to_owned(), new.to_owned());
    }
    Ok(renames)
}

/// Takes every object along but those of the tables that are made again.
async fn copy_others(old: &dyn Lake, folder: &Path, rebuilt: &BTreeSet<String>) -> Result<u64> {
    let mut left = BTreeSet::new();
    for dataset in rebuilt {
        left.insert(table_prefix(Zone::Bronze, dataset));
        left.insert(ObjectKey::dataset_prefix(Zone::Staged, dataset));
        left.insert(format!("{UNFIT}dataset={dataset}/"));
        left.insert(ObjectKey::keys_prefix(dataset));
        left.insert(contracts::table_contract_key(dataset));
        left.insert(format!("{}{dataset}.yaml", contracts::PREFIX));
        left.insert(format!("{}{dataset}.dqdl", contracts::PREFIX));
        left.insert(format!("{}history/dataset={dataset}/", Zone::Quality.prefix()));
    }
    let new = FolderLake::open(folder)?;
    let mut copied = 0;
    for meta in old.list("").await? {
        if left.iter().any(|prefix| meta.key.starts_with(prefix)) {
            continue;
        }
        let bytes = old.get(&meta.key).await?.bytes;
        new.put(&meta.key, bytes, Precondition::None).await?;
        copied += 1;
    }
    Ok(copied)
}

/// The contract by which a table's files were written.
async fn contract_of(old: &Laptop, dataset: &str) -> Result<Arc<Contract>> {
    match contracts::of_table(old.lake().as_ref(), dataset).await? {
        Some(kept) => {
            let text = ContractText::read_kept(&kept.yaml);
            let text = text.with_context(|| contracts::table_contract_key(dataset))?;
            Ok(Arc::new(text.contract().clone()))
        }
        None => Ok(Arc::clone(&old.contracts.get(dataset)?.contract)),
    }
}

/// Lands the rows of a table: those of its files, and those that are staged for it or were set aside. Returns their number.
async fn land(
    old: &dyn Lake,
    before: &Contract,
    landing: &dyn Lake,
    after: &Contract,
    renamed: &BTreeMap<String, String>,
) -> Result<u64> {
    if let Some(unknown) = renamed.keys().find(|name| before.index_of(name).is_none()) {
        return Err(Error::config(format!(
            "--rename: {}@{} has no column {unknown:?}",
            before.name, before.version
        )));
    }
    let mut rows = 0;
    let table = Published::new(old, before);
    let mut parts = table.scan_all(&table.columns()).await?;
    while let Some((stored, batch)) = parts.try_next().await? {
        again::land(landing, after, &batch, renamed, &stored.key).await?;
        rows += batch.num_rows() as u64;
    }
    let staged = ObjectKey::dataset_prefix(Zone::Staged, &before.name);
    for prefix in [staged, format!("{UNFIT}dataset={}/", before.name)] {
        for meta in old.list(&prefix).await? {
            let batch = staged_rows(old.get(&meta.key).await?.bytes).with_context(|| meta.key.clone())?;
            again::land(landing, after, &batch, renamed, &meta.key).await?;
            rows += batch.num_rows() as u64;
        }
    }
    Ok(rows)
}

fn text(rebuilt: &Rebuilt, folder: &Path) -> Text {
    let mut text = Text::from(table(
        &["table", "contract", "rows before", "rows"],
        &[2, 3],
        rebuilt.tables.iter().map(|table| {
            vec![
                table.dataset.clone(),
                format!("{} to {}", table.before, table.after),
                thousands(table.rows_before),
                thousands(table.rows),
            ]
        }),
    ));
    text.push_str(&format!(
        "\nchecked    {}\ntaken      {} as they are\n",
        rebuilt.checked.sum(),
        counted(rebuilt.objects, "other object", "other objects"),
    ));
    if rebuilt.checked.quarantined > 0 {
        text.push_str("rows in quarantine: see `quotelake quarantine ls`\n");
    }
    if rebuilt.dead_letters_before > 0 {
        let letters = thousands(rebuilt.dead_letters_before);
        text.push_str(&format!("{letters} dead letters stay in the old lake: see `quotelake dlq ls`\n"));
    }
    text.push_str(&match rebuilt.is_whole() && rebuilt.dead_letters == 0 {
        true => format!("{} is the lake from now on; the old one is as it was\n", folder.display()),
        false => format!(
            "{} is not complete: see `quotelake dlq ls`; the old lake is as it was\n",
            folder.display()
        ),
    });
    text
}

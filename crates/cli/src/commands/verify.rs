//! `quotelake verify`: the whole lake against its records, catalog, contracts and results. Writes nothing, but where it is asked to
//! accept what there is.

use std::path::Path;

use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog as _, Lake as _};
use quotelake_core::{Error, ErrorKind, Result};
use quotelake_local::{FolderLake, JsonCatalog, PRIVATE_FOLDER};
use quotelake_platform::contracts;
use quotelake_table::published::listed_as;
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::number::{bytes, thousands};
use crate::output::{Exit, Output, Text, table};
use crate::verify::{Verified, Wrong, verify};

/// Runs the command.
pub async fn run(args: VerifyArgs, output: Output) -> Result<Exit> {
    let root = &args.lake.lake;
    if !root.is_dir() {
        return Err(Error::not_found(format!(
            "there is no lake in {}; name another with --lake",
            root.display()
        )));
    }
    if !args.accept.is_empty() {
        return accept(root, &args.accept, output).await;
    }
    let lake = FolderLake::read_only(root);
    let catalog = JsonCatalog::read_only(root.join(PRIVATE_FOLDER).join("catalog"));
    let known = contracts::load(&lake).await;
    let contracts = match &known {
        Ok(contracts) => contracts.clone(),
        Err(_) => Contracts::built_in()?,
    };
    let mut verified = verify(&lake, &catalog, &contracts).await?;
    // A damaged contract has its finding; one that never was any has not.
    if let Err(error) = known
        && error.kind() != ErrorKind::Damaged
    {
        let fix = "correct the contract or ruleset that it names";
        verified.find(Wrong::Damaged, contracts::PREFIX, error.to_string(), fix);
    }
    output.finish(&verified, || text(&verified))?;
    Ok(match verified.worst() {
        None => Exit::Done,
        Some(Wrong::Unverified) => Exit::QualityFailure,
        Some(_) => Exit::SomeFailed,
    })
}

#[derive(Debug, Serialize)]
struct Accepted {
    /// The objects that are taken for what they are now, or as gone.
    accepted: Vec<String>,
}

/// Takes objects for what they are now: the named ones, and those below a name that ends in a slash. A partition that has no file is
/// none of the catalog's any more.
async fn accept(root: &Path, names: &[String], output: Output) -> Result<Exit> {
    let lake = FolderLake::open(root)?;
    let catalog = JsonCatalog::open(lake.private_folder().join("catalog"))?;
    let mut accepted = Vec::new();
    for name in names {
        if name.ends_with('/') {
            accept_below(&lake, name, &mut accepted).await?;
            forget_below(&lake, &catalog, name, &mut accepted).await?;
            continue;
        }
        let noted = lake.accept(name).await;
        if !is_gone_and_forgotten(&lake, &catalog, name).await? {
            noted?;
        }
        accepted.push(name.clone());
    }
    let answer = Accepted { accepted };
    output.finish(&answer, || {
        let mut text = format!("{} objects are taken as they are\n", thousands(answer.accepted.len() as u64));
        answer.accepted.iter().for_each(|key| text.push_str(&format!("  {key}\n")));
        text
    })?;
    Ok(Exit::Done)
}

/// Takes the objects below a prefix for what they are now.
async fn accept_below(lake: &FolderLake, prefix: &str, accepted: &mut Vec<String>) -> Result<()> {
    let keys: Vec<String> = lake.list(prefix).await?.into_iter().map(|meta| meta.key).collect();
    for key in keys.into_iter().chain(lake.missing(prefix).await?) {
        // One whose record fits, or was deleted meanwhile, needs nothing.
        match lake.get(&key).await {
            Ok(object) if object.verified => continue,
            Err(error) if !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotFound) => {
                return Err(error);
            }
            _ => {}
        }
        match lake.accept(&key).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => {
                done?;
                accepted.push(key);
            }
        }
    }
    Ok(())
}

/// Takes the partitions below a prefix that have no file out of the catalog.
async fn forget_below(
    lake: &FolderLake,
    catalog: &JsonCatalog,
    prefix: &str,
    accepted: &mut Vec<String>,
) -> Result<()> {
    for table in catalog.tables().await? {
        let listed = catalog.partitions(&table).await?;
        for partition in listed.into_iter().filter(|partition| partition.location.starts_with(prefix)) {
            if lake.list(&partition.location).await?.is_empty() {
                catalog.forget_partitions(std::slice::from_ref(&partition)).await?;
                accepted.push(partition.location);
            }
        }
    }
    Ok(())
}

/// Takes a partition whose file is gone out of the catalog. Whether the file is gone and the catalog had it.
async fn is_gone_and_forgotten(lake: &FolderLake, catalog: &JsonCatalog, key: &str) -> Result<bool> {
    let Some(partition) = listed_as(key) else { return Ok(false) };
    if lake.head(key).await?.is_some() || !catalog.partitions(&partition.table).await?.contains(&partition) {
        return Ok(false);
    }
    catalog.forget_partitions(&[partition]).await?;
    Ok(true)
}

fn text(verified: &Verified) -> Text {
    let mut text = Text::from(format!(
        "objects    {} read ({}): {} as written, {} without a record\ntables     {} rows\nresults    {} checks\n",
        thousands(verified.objects),
        bytes(verified.bytes),
        thousands(verified.intact),
        thousands(verified.unverified),
        thousands(verified.rows),
        thousands(verified.results),
    ));
    if verified.findings.is_empty() {
        text.push_str("\nnothing is damaged, missing, misplaced or foreign\n");
        return text;
    }
    text.push_str("\n");
    let findings = table(
        &["", "object", "found", "do"],
        &[],
        verified.findings.iter().map(|finding| {
            let key = finding.key.clone();
            vec![finding.wrong.name().to_owned(), key, finding.found.clone(), finding.fix.clone()]
        }),
    );
    text.push(findings.judged(&[""]));
    text
}

//! `quotelake rebuild --partition`: one published file again, from what landed.

use std::path::Path;
use std::sync::Arc;

use quotelake_check::check_object;
use quotelake_core::ports::Precondition;
use quotelake_core::{Context as _, Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_publish::drain;
use quotelake_table::parquet_file;
use quotelake_table::published::{listed_as, table_of, table_prefix};
use serde::Serialize;

use super::open_existing;
use crate::laptop::Laptop;
use crate::number::thousands;
use crate::output::{Exit, Output};
use crate::pipeline::dead_letters;

/// What was done.
#[derive(Debug, Serialize)]
struct Rebuilt {
    /// The file.
    key: String,
    /// Where what lay there is now; none where nothing did.
    set_aside: Option<String>,
    /// Objects of `landing/` that were checked again.
    landing_objects: u64,
    /// Those that could not be, each with its reason.
    failed: Vec<String>,
    /// Rows that the file has now; none where no landing object has a row for it.
    rows: Option<u64>,
    dead_letters: u64,
}

/// Sets the file aside, and checks and publishes every landing object again. What is published already changes nothing.
pub(super) async fn run(root: &Path, key: &str, output: Output) -> Result<Exit> {
    let laptop = open_existing(root).await?;
    let Some((table, _)) = table_of(key) else {
        return Err(Error::invalid(format!(
            "{key} is no published file: wants {}",
            table_prefix(Zone::Bronze, "<table>") + "<partition>/part-0.parquet"
        )));
    };
    laptop.contracts.get(&table)?;
    let set_aside = set_aside(&laptop, key).await?;
    let (landing_objects, failed) = check_again(&laptop, &table, output).await?;
    laptop.settle(None, None).await?;
    // Rows that wait for this file may have lost their request to the dead letters.
    drain(&laptop.publish_context()?, &table).await?;
    laptop.follow().await?;
    let rows = match laptop.lake().get(key).await {
        Ok(object) => parquet_file::row_count(&object.bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let dead_letters = dead_letters(&laptop).await?;
    let rebuilt = Rebuilt { key: key.to_owned(), set_aside, landing_objects, failed, rows, dead_letters };
    output.finish(&rebuilt, || text(&rebuilt))?;
    let is_done = rebuilt.rows.is_some() && rebuilt.failed.is_empty() && rebuilt.dead_letters == 0;
    Ok(if is_done { Exit::Done } else { Exit::SomeFailed })
}

/// Moves the file out of the way, its bytes kept, whatever they are. From then on nothing says that it was there, so that rows are
/// published in its place.
async fn set_aside(laptop: &Laptop, key: &str) -> Result<Option<String>> {
    let lake = laptop.lake();
    let aside = match lake.get_unchecked(key).await {
        Ok(object) => {
            let aside = format!("{}{key}", Zone::Undelivered.prefix());
            lake.put(&aside, object.bytes, Precondition::None).await?;
            Some(aside)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let listed: Vec<_> = listed_as(key).into_iter().collect();
    laptop.catalog().forget_partitions(&listed).await?;
    lake.delete(key).await?;
    Ok(aside)
}

/// Checks the landing objects that may have rows of the table.
async fn check_again(laptop: &Laptop, table: &str, output: Output) -> Result<(u64, Vec<String>)> {
    let lake = laptop.lake();
    let mut listed = lake.list(Zone::Landing.prefix()).await?;
    listed.retain(|meta| {
        !matches!(ObjectKey::parse(&meta.key), Ok(ObjectKey::Landing { dataset, .. }) if dataset != table)
    });
    let context = laptop.check_context(Arc::clone(lake))?;
    // A request of its own: one of an earlier check of the same object may have been remembered.
    let delivery = format!("{}-rebuild", laptop.clock().now().timestamp_micros());
    let bar = output.progress("checking", listed.len() as u64);
    let mut failed = Vec::new();
    for meta in &listed {
        match check_object(&context, &meta.key, &delivery).await {
            Ok(_) => {}
            Err(error) if error.kind().is_retryable() => return Err(error).context(&meta.key),
            Err(error) => failed.push(error.to_string()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((listed.len() as u64, failed))
}

fn text(rebuilt: &Rebuilt) -> String {
    let Rebuilt { key, set_aside, landing_objects, failed, rows, dead_letters } = rebuilt;
    let mut text = String::new();
    if let Some(aside) = set_aside {
        text.push_str(&format!("set aside  {aside}\n"));
    }
    text.push_str(&format!("checked    {} objects of landing/\n", thousands(*landing_objects)));
    for reason in failed {
        text.push_str(&format!("  failed   {reason}\n"));
    }
    match rows {
        Some(rows) => text.push_str(&format!("rebuilt    {key} has {} rows\n", thousands(*rows))),
        None => text.push_str(&format!("nothing    in landing/ has a row for {key}\n")),
    }
    if *dead_letters > 0 {
        text.push_str(&format!("{dead_letters} dead letters wait: `quotelake dlq ls`\n"));
    }
    text.push_str("rows that `quotelake load` took from files are not in landing/: load those files again\n");
    text
}

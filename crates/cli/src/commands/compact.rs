//! `quotelake compact`: the small files that stages write about their work, put together by day; what is too old, removed.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use quotelake_check::result::ResultDocument;
use quotelake_contract::{Contract, runs_table};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Finding, ObjectKey, Result, Zone, sha256_hex};
use quotelake_platform::connect;
use quotelake_platform::runs::{self, RunRow};
use quotelake_platform::settings::Settings;
use serde::Serialize;

use super::open_existing;
use crate::args::CompactArgs;
use crate::collect::{read_document, readable, result_documents, warn_of};
use crate::output::{Exit, Output};
use crate::runs::{files, put_together, tables};

#[derive(Debug, Default, Serialize)]
struct Compacted {
    /// Days whose files are one now, over all tables.
    days: u64,
    /// Files that those were.
    files: u64,
    /// Checks of before there were rows of runs, which have one now.
    added_checks: u64,
    /// Objects that were too old.
    removed: u64,
    /// Objects that could not be read: their days are left as they are.
    unreadable: Vec<Finding>,
}

/// Runs the command.
pub async fn run(args: CompactArgs, output: Output) -> Result<Exit> {
    let lake = open(&args.lake).await?;
    let (lake, today) = (lake.as_ref(), connect::clock().now().date_naive());
    let mut done = Compacted::default();
    let tables = tables()?;
    let oldest = args.keep_days.and_then(|days| today.checked_sub_days(Days::new(u64::from(days))));
    if let Some(oldest) = oldest {
        done.removed = remove_before(lake, &tables, oldest).await?;
    }
    done.added_checks = add_checks(lake, oldest, &mut done.unreadable).await?;
    let open_from = today.checked_sub_days(Days::new(u64::from(args.open_days) - 1)).unwrap_or(today);
    for (table, prefix) in &tables {
        for (day, keys) in by_day(lake, prefix).await? {
            if day < open_from
                && keys.len() > 1
                && put_together(lake, table, prefix, day, &keys, &mut done.unreadable).await?
            {
                done.days += 1;
                done.files += keys.len() as u64;
            }
        }
    }
    warn_of(&done.unreadable);
    output.finish(&done, || {
        format!(
            "{} files of {} days put together, {} earlier checks added, {} old objects removed",
            done.files, done.days, done.added_checks, done.removed
        )
    })?;
    Ok(if done.unreadable.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

async fn open(place: &str) -> Result<Arc<dyn Lake>> {
    if !place.contains("://") {
        return Ok(Arc::clone(open_existing(place.as_ref()).await?.lake()));
    }
    connect::lake(&Settings::from_lookup(|name| (name == "LAKE_URI").then(|| place.to_owned()))).await
}

/// The files of a table by their day, the newest day first.
async fn by_day(lake: &dyn Lake, prefix: &str) -> Result<Vec<(NaiveDate, Vec<String>)>> {
    let mut days: BTreeMap<NaiveDate, Vec<String>> = BTreeMap::new();
    for key in files(lake, prefix).await? {
        let day = key[prefix.len()..].strip_prefix("day=").and_then(|rest| rest.get(..10));
        if let Some(day) = day.and_then(|day| day.parse().ok()) {
            days.entry(day).or_default().push(key);
        }
    }
    Ok(days.into_iter().rev().collect())
}

async fn remove_before(
    lake: &dyn Lake,
    tables: &[(Arc<Contract>, String)],
    oldest: NaiveDate,
) -> Result<u64> {
    let mut removed = 0;
    for (_, prefix) in tables {
        for (_, keys) in by_day(lake, prefix).await?.into_iter().filter(|(day, _)| *day < oldest) {
            for key in keys {
                lake.delete(&key).await?;
                removed += 1;
            }
        }
    }
    for (key, document) in documents(lake, &mut Vec::new()).await? {
        if document.started_at()?.date_naive() < oldest {
            lake.delete(&key).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The result documents that can be read; the others are added to `unreadable`.
async fn documents(lake: &dyn Lake, unreadable: &mut Vec<Finding>) -> Result<Vec<(String, ResultDocument)>> {
    let mut found = Vec::new();
    for meta in result_documents(lake).await? {
        let read = read_document(lake, &meta.key).await.and_then(|document| {
            document.started_at().and(document.completed_at()).with_context(|| meta.key.clone())?;
            Ok(document)
        });
        if let Some(document) = readable(read, &meta.key, unreadable)? {
            found.push((meta.key, document));
        }
    }
    Ok(found)
}

/// Gives the checks of before there was a table of runs their rows: those that began before the first day of the table. The newest day
/// comes first, so that a run that is broken off is gone on with.
async fn add_checks(
    lake: &dyn Lake,
    oldest: Option<NaiveDate>,
    unreadable: &mut Vec<Finding>,
) -> Result<u64> {
    let first_day = by_day(lake, Zone::Runs.prefix()).await?.last().map(|(day, _)| *day);
    let mut days: BTreeMap<NaiveDate, Vec<RunRow>> = BTreeMap::new();
    for (_, document) in documents(lake, unreadable).await? {
        let day = document.started_at()?.date_naive();
        if first_day.is_none_or(|first| day < first) && oldest.is_none_or(|oldest| day >= oldest) {
            days.entry(day).or_default().push(of_document(document)?);
        }
    }
    let mut added = 0;
    for (day, rows) in days.into_iter().rev() {
        let table = runs_table()?;
        let Some(bytes) = runs::parquet_of(&table, rows.iter())? else { continue };
        let key = ObjectKey::runs(&day.to_string(), "check", &sha256_hex(&bytes)[..32]).to_string();
        lake.put(&key, bytes, Precondition::None).await?;
        added += rows.len() as u64;
    }
    Ok(added)
}

fn of_document(document: ResultDocument) -> Result<RunRow> {
    let (started_at, ended_at, score) = (document.started_at()?, document.completed_at()?, document.score());
    let ResultDocument { gate, rows, quarantine, lineage, .. } = document;
    let work = format!("{} {}", lineage.check_id, lineage.dataset);
    Ok(RunRow {
        dataset: Some(lineage.dataset),
        check_id: Some(lineage.check_id),
        ended_at,
        decision: Some(gate.decision.as_str().to_owned()),
        score,
        rows_in: Some(rows.rows_in),
        rows_out: Some(rows.staged),
        rows_quarantined: Some(rows.quarantined),
        rows_duplicate: Some(rows.duplicates),
        quarantined_by_reason: quarantine.by_reason,
        ..RunRow::of("check", &lineage.source, &work, started_at)
    })
}

//! A lake held against what is known of it: every object against its record, the tables against catalog and contracts, rows
//! against the results of their checks. Changes nothing.
//!
//! Each object by itself is read here; `tables` is what is published, `results` what checks counted.

mod results;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use quotelake_contract::Contracts;
use quotelake_core::ports::{Catalog, Lake, ObjectMeta};
use quotelake_core::{Error, ErrorKind, ObjectKey, Result, Zone};
use quotelake_table::published::is_published;
use serde::Serialize;

pub use tables::held_against_catalog;

/// What is wrong with something that was found, or was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// It is not what was written, cannot be decoded, or contradicts itself.
    Damaged,
    /// It was written, or is referred to, and is gone.
    Missing,
    /// It is whole and in the wrong place.
    Misplaced,
    /// No part of Quotelake made it, as far as can be told.
    Foreign,
    /// Nothing is known of what was written: it is read as it is.
    Unverified,
}

impl Wrong {
    /// The word of the command's answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::Misplaced => "misplaced",
            Self::Foreign => "foreign",
            Self::Unverified => "unverified",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Wronged {
    /// What is wrong.
    pub wrong: Wrong,
    /// The object; of unverified ones the prefix that they share.
    pub key: String,
    /// What was expected and found.
    pub found: String,
    /// What to do.
    pub fix: String,
}

/// What a verification looked at, and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Objects that were read.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that are what was written.
    pub intact: u64,
    /// Objects of which nothing is known.
    pub unverified: u64,
    /// Those of them that should have a record.
    pub unverified_keys: Vec<String>,
    /// Published rows that were read.
    pub rows: u64,
    /// Results of checks that were held against what they speak of.
    pub results: u64,
    /// What is wrong, in order.
    pub findings: Vec<Wronged>,
}

impl Verified {
    pub(crate) fn find(
        &mut self,
        wrong: Wrong,
        key: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.findings.push(Wronged { wrong, key: key.into(), found: found.into(), fix: fix.into() });
    }

    /// What is wrong, in order: of one thing that is found in two ways the first.
    pub fn take_findings(&mut self) -> Vec<Wronged> {
        let mut findings = std::mem::take(&mut self.findings);
        findings.sort();
        findings.dedup_by(|a, b| (a.wrong, &a.key) == (b.wrong, &b.key));
        findings
    }

    /// The first of what is worse than being unverified.
    pub fn worst(&self) -> Option<Wrong> {
        self.findings.iter().map(|finding| finding.wrong).min()
    }
}

/// Verifies a lake. An error is one of the lake itself, such as a folder that may not be listed.
pub async fn verify(lake: &dyn Lake, catalog: &dyn Catalog, contracts: &Contracts) -> Result<Verified> {
    let mut verified = Verified::default();
    let listed = listed(lake).await?;
    objects(lake, &listed, &mut verified).await?;
    missing(lake, &mut verified).await?;
    tables::verify(lake, catalog, contracts, &listed, &mut verified).await?;
    results::verify(lake, contracts, &listed, &mut verified).await?;
    verified.findings = verified.take_findings();
    Ok(verified)
}

/// The report that `demo` and `report` write into the folder is no object of the lake.
const REPORT: &str = "report.html";

/// Every object of a lake.
pub async fn listed(lake: &dyn Lake) -> Result<Vec<ObjectMeta>> {
    let mut listed = lake.list("").await?;
    listed.retain(|meta| meta.key != REPORT);
    Ok(listed)
}

/// Whether an object is expected to have a record: what people drop is read once, by its own end and checksum.
pub fn has_record(key: &str) -> bool {
    key != REPORT && !key.starts_with(Zone::Inbox.prefix())
}

/// Names and sizes alone: what is gone, and what is no longer as long as it was written.
pub async fn sizes(lake: &dyn Lake, listed: &[ObjectMeta], verified: &mut Verified) -> Result<()> {
    for meta in listed {
        match lake.get_range(&meta.key, 0..0).await {
            Err(error) if error.kind() == ErrorKind::Damaged => {
                verified.find(Wrong::Damaged, &meta.key, words(&error, &meta.key), fix(&meta.key));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            looked => drop(looked?),
        }
    }
    missing(lake, verified).await
}

async fn missing(lake: &dyn Lake, verified: &mut Verified) -> Result<()> {
    for key in lake.missing("").await? {
        verified.find(Wrong::Missing, &key, "it was written, and is gone", fix(&key));
    }
    Ok(())
}

/// Unverified objects that a finding names; `unverified_keys` has all.
const NAMED: usize = 20;

/// Reads every object.
async fn objects(lake: &dyn Lake, listed: &[ObjectMeta], verified: &mut Verified) -> Result<()> {
    let mut unverified: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for meta in listed {
        if !belongs(&meta.key) {
            let fix = "move it out of the lake, or leave it: nothing reads it";
            verified.find(Wrong::Foreign, &meta.key, "no part of a lake has this name", fix);
        }
        verified.objects += 1;
        verified.bytes += meta.size;
        match lake.get(&meta.key).await {
            Ok(object) if object.verified => verified.intact += 1,
            Ok(_) => {
                verified.unverified += 1;
                if has_record(&meta.key) {
                    unverified.entry(zone(&meta.key)).or_default().push(&meta.key);
                }
            }
            Err(error) if error.kind() == ErrorKind::Damaged => {
                verified.find(Wrong::Damaged, &meta.key, words(&error, &meta.key), fix(&meta.key));
            }
            // Deleted since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                verified.find(Wrong::Damaged, &meta.key, words(&error, &meta.key), "see that it can be read");
            }
        }
    }
    for (zone, keys) in unverified {
        let what = if keys.len() == 1 { "object has" } else { "objects have" };
        let named = keys.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = keys.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        verified.find(
            Wrong::Unverified,
            zone,
            format!("{} {what} no record of what was written that can be read: {named}{more}", keys.len()),
            format!(
                "an older Quotelake, a crash or a full disk left it so, or a copy without hidden files, or its `.sum` file was changed; look \
                 at it, then `quotelake verify --accept {zone}` notes it as it is"
            ),
        );
        verified.unverified_keys.extend(keys.into_iter().map(str::to_owned));
    }
    Ok(())
}

/// The first segment of a key, with its slash.
fn zone(key: &str) -> &str {
    key.find('/').map_or(key, |slash| &key[..=slash])
}

/// Whether a key is one that some part of Quotelake, or a person whom it asked to, may have written.
fn belongs(key: &str) -> bool {
    let free = [Zone::Raw, Zone::Landing, Zone::Undelivered, Zone::Inbox, Zone::Ingested, Zone::State];
    let free = free.map(Zone::prefix).into_iter().chain(["pacing/", "contracts/", "models/"]);
    free.into_iter().any(|prefix| key.starts_with(prefix)) || ObjectKey::parse(key).is_ok()
}

/// An error's words without the key, which is beside them.
pub(crate) fn words(error: &Error, key: &str) -> String {
    let text = error.to_string();
    let text = text.strip_prefix(key).map_or(text.as_str(), |rest| rest.trim_start_matches(": "));
    text.trim_start().strip_prefix("is damaged: ").unwrap_or(text.trim_start()).to_owned()
}

/// What to do about an object that is damaged or gone.
fn fix(key: &str) -> String {
    if is_published(key) {
        return rebuild(key);
    }
    let fix = match zone(key) {
        "raw/" => "restore it from a backup: nothing makes it again but asking the vendor",
        "landing/" => {
            "restore it, or make it again from raw/ with `quotelake rebuild`; its published rows stay"
        }
        "staged/" => {
            "`quotelake run` sets it aside; its landing object is checked again by `quotelake dlq redrive`"
        }
        "contracts/" => {
            "restore it, load it again with --contract, or take it as it is: `quotelake verify --accept`"
        }
        "models/" => "put it back, or take it as it is: `quotelake verify --accept`",
        "quality/" | "quarantine/" | "runs/" => {
            "restore it; what it says of its work is lost, no row of a table is"
        }
        "inbox/" => "drop the file again",
        _ => "restore it from a backup, or remove it and start that work over",
    };
    fix.to_owned()
}

fn rebuild(key: &str) -> String {
    format!("`quotelake rebuild --partition {key}`")
}

/// The keys of a listing.
pub(crate) fn keys(listed: &[ObjectMeta]) -> BTreeSet<&str> {
    listed.iter().map(|meta| meta.key.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use quotelake_table::published::table_prefix;

    use super::*;

    #[test]
    fn what_belongs_to_a_lake() {
        let published = |file: &str| format!("{}month=2026-10/{file}", table_prefix(Zone::Bronze, "orders"));
        for key in [
            "raw/2026/11/29/07/x.gz",
            "landing/dataset=orders/a.ndjson.gz",
            "contracts/orders.yaml",
            &published("part-0.parquet"),
            "pacing/source=polygon.json",
            "quality/dataset=orders/0a.json",
        ] {
            assert!(belongs(key), "{key}");
        }
        for key in ["notes.txt", &published("copy.parquet"), "staged/x.arrow", "backup/a"] {
            assert!(!belongs(key), "{key}");
        }
    }
}

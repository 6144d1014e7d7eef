//! `quotelake inbox`: what a bucket's notifications do on AWS, for files in the lake's `inbox/` folder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use quotelake_contract::{PriceFolder, PriceFolders};
use quotelake_core::ports::ObjectMeta;
use quotelake_core::{Error, ObjectKey, Result, Zone};
use quotelake_ingest::names::is_passed_over;
use quotelake_ingest::{ByProfile, Outcome, Receipt, forget_drop};
use quotelake_local::{ObjectCreated as _, SystemClock};
use quotelake_sources::profiles::find;
use serde::Serialize;

use super::price_files::changed_at;
use crate::args::{InboxArgs, InboxCommand};
use crate::collect::Checked;
use crate::files::{lay_out, store_contract};
use crate::laptop::{Laptop, Settled};
use crate::number::thousands;
use crate::output::{Exit, Output, Text, table};
use crate::pipeline::{checked_since, dead_letters, quality_versions};

/// What one pass over the inbox did.
#[derive(Debug, Clone, Serialize)]
pub struct InboxReport {
    /// The receipts of the files that were new.
    pub files: Vec<Receipt>,
    /// Files that changed while they were looked at: the next pass takes them.
    pub unfinished: Vec<String>,
    /// What was handled.
    pub settled: Settled,
    /// What was checked in this pass.
    pub checked: Checked,
    /// Dead letters that wait, over all queues.
    pub dead_letters: u64,
    /// Those of this pass.
    #[serde(skip)]
    pub new_dead_letters: u64,
}

impl InboxReport {
    fn exit(&self) -> Exit {
        let rejected = self.files.iter().any(|receipt| receipt.outcome == Outcome::Rejected);
        if rejected || self.settled.waiting + self.new_dead_letters + self.settled.undelivered > 0 {
            Exit::SomeFailed
        } else if self.checked.blocked + self.checked.quarantined > 0 {
            Exit::QualityFailure
        } else {
            Exit::Done
        }
    }
}

/// Runs the command.
pub async fn run(command: InboxCommand, output: Output) -> Result<Exit> {
    match command {
        InboxCommand::Run(args) => {
            let laptop = open(&args).await?;
            let report = pass(&laptop, &mut BTreeSet::new(), Duration::from_millis(args.quiet_ms)).await?;
            output.finish(&report, || text(&report))?;
            Ok(report.exit())
        }
        InboxCommand::Watch { inbox, interval } => {
            let laptop = open(&inbox).await?;
            let mut seen = BTreeSet::new();
            loop {
                let report = pass(&laptop, &mut seen, Duration::from_millis(inbox.quiet_ms)).await?;
                if !report.files.is_empty() {
                    output.finish(&report, || text(&report))?;
                }
                tokio::time::sleep(Duration::from_secs(interval)).await;
            }
        }
    }
}

async fn open(args: &InboxArgs) -> Result<Laptop> {
    let mut laptop = Laptop::open(&args.lake.lake, Arc::new(SystemClock)).await?;
    for path in &args.contracts {
        store_contract(&mut laptop, path).await?;
    }
    let inbox = args.lake.lake.join(Zone::Inbox.prefix());
    std::fs::create_dir_all(&inbox)
        .map_err(|e| Error::unavailable(format!("cannot make {}", inbox.display())).with_source(e))?;
    let layout = &args.layout;
    if let Some(profile) = &args.profile {
        say_profile(&mut laptop, profile, &layout.set)?;
    } else if !layout.set.is_empty() || layout.file_name.is_some() || layout.file_format.is_some() {
        for dataset in folders(&inbox)? {
            // The files of an unknown dataset are rejected one by one.
            if laptop.contracts.get(&dataset).is_ok() {
                lay_out(&mut laptop.contracts, &dataset, layout)?;
            }
        }
    }
    if args.again {
        forget(&laptop).await?;
    }
    Ok(laptop)
}

/// Has the files of all datasets that a profile has files of read by it. `InvalidInput` for a setting that means nothing.
fn say_profile(laptop: &mut Laptop, profile: &str, set: &[String]) -> Result<()> {
    let split = |text: &String| {
        text.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
    };
    let said: BTreeMap<String, String> = set.iter().filter_map(split).collect();
    let mut folders = PriceFolders::default();
    for dataset in find(profile)?.datasets() {
        ByProfile::new(profile, dataset.as_str(), set)?;
        folders.insert(dataset.as_str(), PriceFolder { profile: profile.to_owned(), set: said.clone() });
    }
    laptop.contracts.say_price_folders(&folders);
    Ok(())
}

/// The datasets that have a folder in the inbox.
fn folders(inbox: &std::path::Path) -> Result<Vec<String>> {
    let unreadable = |e| Error::unavailable(format!("cannot read {}", inbox.display())).with_source(e);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(inbox).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Takes every file that is new and does not change for `quiet`. `seen` remembers what needs no second look.
pub async fn pass(
    laptop: &Laptop,
    seen: &mut BTreeSet<(String, String)>,
    quiet: Duration,
) -> Result<InboxReport> {
    let (before, letters) = (quality_versions(laptop).await?, dead_letters(laptop).await?);
    let mut new = look(laptop, seen).await?;
    let mut unfinished = Vec::new();
    if !new.is_empty() && !quiet.is_zero() {
        tokio::time::sleep(quiet).await;
        let again = look(laptop, seen).await?;
        let changed;
        (new, changed) = again.into_iter().partition(|meta| new.contains(meta));
        unfinished = changed.into_iter().map(|meta| meta.key).collect();
    }
    for meta in &new {
        let created_at = changed_at(&laptop.root().join(&meta.key));
        laptop.notifier_at("ingest", created_at)?.object_created(meta).await?;
    }
    let settled = laptop.settle(None, None).await?;
    let mut files = Vec::new();
    for meta in &new {
        // None while its message waits: a later pass reports it.
        files.extend(receipt(laptop, meta).await?);
        seen.insert((meta.key.clone(), meta.version.as_str().to_owned()));
    }
    let waiting = dead_letters(laptop).await?;
    Ok(InboxReport {
        files,
        unfinished,
        settled,
        checked: checked_since(laptop, &before).await?,
        dead_letters: waiting,
        new_dead_letters: waiting.saturating_sub(letters),
    })
}

/// Files without a receipt.
async fn look(laptop: &Laptop, seen: &BTreeSet<(String, String)>) -> Result<Vec<ObjectMeta>> {
    let mut new = Vec::new();
    for meta in laptop.lake().list(Zone::Inbox.prefix()).await? {
        if is_passed_over(&meta.key) || seen.contains(&(meta.key.clone(), meta.version.as_str().to_owned())) {
            continue;
        }
        if laptop.lake().head(&receipt_key(&meta)).await?.is_none() {
            new.push(meta);
        }
    }
    Ok(new)
}

/// Forgets what became of the files in the inbox, so that a pass takes them again.
async fn forget(laptop: &Laptop) -> Result<()> {
    for meta in laptop.lake().list(Zone::Inbox.prefix()).await? {
        if !is_passed_over(&meta.key) {
            forget_drop(laptop.lake().as_ref(), &laptop.contracts, &meta).await?;
        }
    }
    Ok(())
}

async fn receipt(laptop: &Laptop, meta: &ObjectMeta) -> Result<Option<Receipt>> {
    let key = receipt_key(meta);
    if laptop.lake().head(&key).await?.is_none() {
        return Ok(None);
    }
    let bytes = laptop.lake().get(&key).await?.bytes;
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| Error::config(format!("{key} is no receipt of a dropped file")).with_source(e))
}

fn receipt_key(meta: &ObjectMeta) -> String {
    let dataset = match ObjectKey::parse(&meta.key) {
        Ok(ObjectKey::Inbox { dataset, .. }) => dataset,
        _ => quotelake_ingest::UNKNOWN_DATASET.to_owned(),
    };
    Receipt::key_of(&dataset, &meta.key, &meta.version)
}

fn text(report: &InboxReport) -> Text {
    let files = table(
        &["file", "outcome", "rows", "unreadable"],
        &[2, 3],
        report.files.iter().map(|receipt| {
            let outcome = match receipt.outcome {
                Outcome::Landed => "landed",
                Outcome::SameContent => "skipped: same content",
                Outcome::OverLimit => "skipped: one a day",
                Outcome::Rejected => "rejected",
            };
            vec![
                receipt.key.clone(),
                outcome.to_owned(),
                thousands(receipt.rows),
                thousands(receipt.unreadable),
            ]
        }),
    );
    let mut text = match report.files.is_empty() {
        true => Text::from("no new file\n"),
        false => files.judged(&["outcome", "unreadable"]).into(),
    };
    text.push_str(&format!("\nchecked    {}\n", report.checked.sum()));
    for receipt in &report.files {
        if let Some(reason) = &receipt.reason {
            text.push_str(&format!("{}: {reason}\n", receipt.key));
        }
    }
    for key in &report.unfinished {
        text.push_str(&format!("{key}: is still being written, the next pass takes it\n"));
    }
    if report.dead_letters > 0 {
        text.push_str(&format!("{} dead letters: see `quotelake dlq ls`\n", report.dead_letters));
    }
    text
}

//! Work that nobody will come back to: its message is gone, damaged, or was thrown away. What it is about still lies in the lake,
//! so it can be found there, and asked for again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use quotelake_core::ports::{Lake, Message, ObjectMeta, Queue};
use quotelake_core::{ErrorKind, Finding, ObjectKey, Result, Zone, check_id, sha256_hex};
use quotelake_local::{ObjectCreated, StoredMessage};
use quotelake_platform::s3_event::created_keys;
use serde::Serialize;

use crate::collect::{checked_sources, result_documents};
use crate::laptop::{Laptop, QUEUES};

/// What a lake holds that nothing asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeftBehind {
    /// Landing objects that were never checked.
    pub landing: Vec<String>,
    /// Datasets with staged objects that no request would publish, and how many each has.
    pub staged: BTreeMap<String, u64>,
    /// Files of messages that are damaged. What they asked for is among the others, or is asked of a vendor again.
    pub damaged_messages: Vec<String>,
    /// Files of pages that the stream accepted and could not read again: only their vendor has them.
    pub damaged_pages: Vec<String>,
}

/// On AWS, where nobody can look through a queue, what came in the last hours may be on its way.
const ON_ITS_WAY: TimeDelta = TimeDelta::hours(2);

impl LeftBehind {
    /// What is damaged among what was accepted: messages, and pages of the stream.
    pub async fn damaged(laptop: &Laptop) -> Result<Self> {
        let mut found = Self::default();
        for name in QUEUES.iter().flat_map(|name| [(*name).to_owned(), format!("{name}-dlq")]) {
            let damaged = laptop.queue(&name)?.damaged().await?;
            found.damaged_messages.extend(damaged.iter().map(|path| path.display().to_string()));
        }
        found.damaged_pages =
            laptop.damaged_pages().await?.iter().map(|path| path.display().to_string()).collect();
        Ok(found)
    }

    /// Looks through a lake's folder.
    pub async fn of_laptop(laptop: &Laptop) -> Result<Self> {
        let mut found = Self::damaged(laptop).await?;
        let lake = laptop.lake().as_ref();
        // Objects first, messages then, results last: a message goes when its results are written.
        let (landing, staged) =
            (lake.list(Zone::Landing.prefix()).await?, lake.list(Zone::Staged.prefix()).await?);
        let asked = asked_objects(&messages(laptop, "check").await?);
        let requested: BTreeSet<String> =
            messages(laptop, "publish").await?.iter().filter_map(requested_dataset).collect();
        let landing = landing.into_iter().map(|meta| meta.key).filter(|key| !asked.contains(key)).collect();
        found.landing = unchecked(lake, landing).await?;
        found.staged = staged_by_dataset(&staged);
        found.staged.retain(|dataset, _| !requested.contains(dataset));
        Ok(found)
    }

    /// Looks through a lake alone. With `all`, what may still be on its way is named as well.
    pub async fn of_lake(lake: &dyn Lake, now: DateTime<Utc>, all: bool) -> Result<Self> {
        let landing = lake.list(Zone::Landing.prefix()).await?.into_iter().map(|meta| meta.key);
        let is_old = |key: &String| landed_at(key).is_some_and(|at| now - at > ON_ITS_WAY);
        let landing = landing.filter(|key| all || is_old(key)).collect();
        let staged = match all {
            true => staged_by_dataset(&lake.list(Zone::Staged.prefix()).await?),
            false => BTreeMap::new(),
        };
        Ok(Self { landing: unchecked(lake, landing).await?, staged, ..Self::default() })
    }

    /// Whether there is nothing that can be asked for again.
    pub fn is_empty(&self) -> bool {
        self.landing.is_empty() && self.staged.is_empty() && self.damaged_messages.is_empty()
    }

    /// For `status` and `doctor`.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let repair = "`quotelake repair` asks for them again";
        if let Some(first) = self.landing.first() {
            let found = format!(
                "{} objects were never checked, and no message asks for it: {first}{}",
                self.landing.len(),
                more(self.landing.len())
            );
            findings.push(Finding::error(Zone::Landing.prefix(), found, repair));
        }
        for (dataset, objects) in &self.staged {
            let found = format!(
                "{objects} checked objects of {dataset} are not published, and no message asks for it"
            );
            findings.push(Finding::error(Zone::Staged.prefix(), found, repair));
        }
        for file in &self.damaged_messages {
            findings.push(Finding::error(
                "queues",
                format!("the message {file} is damaged"),
                "`quotelake repair` asks for what the lake holds again and keeps the file aside; see docs/runbooks/left-behind.md",
            ));
        }
        for file in &self.damaged_pages {
            findings.push(Finding::error(
                "stream",
                format!("the accepted pages of {file} cannot be read: their rows are in no table"),
                "ask for the days again, `quotelake gaps` names them; then move the file away",
            ));
        }
        findings
    }

    /// Asks for all of it again: each landing object of `check`, each dataset of `publish`. Done twice, it does no harm.
    pub async fn ask_again(
        &self,
        lake: &dyn Lake,
        check: &dyn ObjectCreated,
        publish: &dyn Queue,
        now: DateTime<Utc>,
    ) -> Result<()> {
        for key in &self.landing {
            if let Some(meta) = lake.head(key).await? {
                check.object_created(&meta).await?;
            }
        }
        for dataset in self.staged.keys() {
            let request = Message {
                body: serde_json::json!({ "dataset": dataset }).to_string(),
                group: Some(dataset.clone()),
                deduplication_id: Some(sha256_hex(format!("repair {dataset} {now}").as_bytes())),
                ..Message::default()
            };
            publish.send(request).await?;
        }
        Ok(())
    }
}

fn more(count: usize) -> String {
    if count > 1 { format!(" and {} more", count - 1) } else { String::new() }
}

/// The messages of a queue and its dead letters: somebody comes back to both.
async fn messages(laptop: &Laptop, queue: &str) -> Result<Vec<StoredMessage>> {
    let mut all = laptop.queue(queue)?.list().await?;
    all.extend(laptop.queue(&format!("{queue}-dlq"))?.list().await?);
    Ok(all)
}

fn asked_objects(messages: &[StoredMessage]) -> BTreeSet<String> {
    messages.iter().flat_map(|stored| created_keys(&stored.message.body).unwrap_or_default()).collect()
}

fn requested_dataset(stored: &StoredMessage) -> Option<String> {
    let request: quotelake_publish::PublishRequest = serde_json::from_str(&stored.message.body).ok()?;
    Some(request.dataset)
}

fn staged_by_dataset(objects: &[ObjectMeta]) -> BTreeMap<String, u64> {
    let mut staged = BTreeMap::new();
    for meta in objects {
        if let Ok(ObjectKey::Staged { dataset, .. }) = ObjectKey::parse(&meta.key) {
            *staged.entry(dataset).or_insert(0) += 1;
        }
    }
    staged
}

/// The hour under which the stream filed an object: the end of it.
fn landed_at(key: &str) -> Option<DateTime<Utc>> {
    let hour = key.strip_prefix(Zone::Landing.prefix())?.get(..13)?;
    let start = NaiveDateTime::parse_from_str(&format!("{hour}:00"), "%Y/%m/%d/%H:%M").ok()?;
    Some(start.and_utc() + TimeDelta::hours(1))
}

/// Those of the landing objects that no result names.
async fn unchecked(lake: &dyn Lake, landing: Vec<String>) -> Result<Vec<String>> {
    if landing.is_empty() {
        return Ok(landing);
    }
    let sources = checked_sources(lake).await?;
    let unnamed: Vec<String> = landing.into_iter().filter(|key| !sources.contains(key)).collect();
    if unnamed.is_empty() {
        return Ok(unnamed);
    }
    // An object of rows of no known dataset has no result document, and a document may be damaged: names say both.
    let mut ids = BTreeSet::new();
    for meta in result_documents(lake).await?.into_iter().chain(lake.list(Zone::Quarantine.prefix()).await?) {
        if let Ok(ObjectKey::Quality { id, .. } | ObjectKey::Quarantine { id, .. }) =
            ObjectKey::parse(&meta.key)
        {
            ids.insert(id);
        }
    }
    let mut unchecked = Vec::new();
    for key in unnamed {
        match lake.get(&key).await {
            Ok(object) if ids.contains(&check_id(&key, &sha256_hex(&object.bytes))) => {}
            Ok(_) => unchecked.push(key),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.kind().is_retryable() => return Err(error),
            // It cannot be read, and `check` will say so of it.
            Err(_) => unchecked.push(key),
        }
    }
    Ok(unchecked)
}

//! The port `Queue` on a folder, with both ends: send, receive, acknowledge, list, purge. A JSON file with a checksum is a
//! message, and a lock of the queue orders all changes. The event fabric receives from it, and `quotelake dlq`, `status` and
//! `doctor` look into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use quotelake_core::ports::{Clock, Message, Queue};
use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::message::{Received, StoredMessage};
use crate::files::{self, Durability, Lock, Use, blocking};

/// SQS swallows a second message with the same deduplication id for this long.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>
const DEDUPLICATION_WINDOW: TimeDelta = TimeDelta::minutes(5);

/// The largest message, body and attributes, in bytes.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// How many messages a queue holds, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Ready to be received, their group permitting.
    pub visible: usize,
    /// Received and not answered yet, or given back with a delay.
    pub hidden: usize,
}

/// A durable queue: a folder with one JSON file per message. Clones share it; so do processes.
///
/// - A message is on disk before `send` returns, and stays until it is acknowledged: delivery is at least once.
/// - A receive hides the messages it returns for a while. While a message of a group is hidden the group's later ones
///   are not handed out: a group is handled in order, by one receiver at a time. One receive may return several
///   messages of a group, in order, as SQS does.
/// - A second message with the same deduplication id within 5 minutes is swallowed, even after the first was
///   acknowledged.
/// - The files' names begin with a sequence number, so the order of names is the order of sending.
#[derive(Debug, Clone)]
pub struct FolderQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    folder: PathBuf,
    durability: Durability,
    clock: Arc<dyn Clock>,
    usage: Use,
}

/// What a message's file holds.
enum Loaded {
    Message(Box<StoredMessage>),
    /// Acknowledged since the folder was read.
    Gone,
    /// Not a message: what it asked for is found by `quotelake doctor`.
    Damaged,
}

/// What the queue remembers of recent deduplication ids.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Seen(BTreeMap<String, DateTime<Utc>>);

impl FolderQueue {
    /// Opens the queue `name` as a folder of that name below `folder`, which is created when missing.
    ///
    /// `InvalidInput` unless the name is one that SQS would take: letters, digits, `-`, `_` and the ending `.fifo`.
    pub fn open(folder: impl AsRef<Path>, name: &str, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(folder, name, clock, Durability::default())
    }

    /// Opens the queue with a chosen durability of sent messages.
    pub fn open_with(
        folder: impl AsRef<Path>,
        name: &str,
        clock: Arc<dyn Clock>,
        durability: Durability,
    ) -> Result<Self> {
        let stem = name.strip_suffix(".fifo").unwrap_or(name);
        if stem.is_empty() || !stem.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            return Err(Error::invalid(format!("{name:?} is not a queue name")));
        }
        let folder = folder.as_ref().join(name);
        let usage = match files::create_folder(&folder.join("messages")) {
            Ok(()) => Use::begin(&folder.join("tmp"), &folder.join("tmp.lock"))?,
            Err(error) => Use::reading(error)?,
        };
        let shared = Shared { name: name.to_owned(), folder, durability, clock, usage };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Hands out up to `max` messages, oldest first, and hides them for `visibility`.
    pub async fn receive(&self, max: usize, visibility: TimeDelta) -> Result<Vec<Received>> {
        self.run(move |shared| shared.receive(max, visibility, None)).await
    }

    /// [`receive`](Self::receive) in a random order of messages and groups; order within a group stays.
    pub(crate) async fn receive_shuffled(
        &self,
        max: usize,
        visibility: TimeDelta,
        seed: u64,
    ) -> Result<Vec<Received>> {
        self.run(move |shared| shared.receive(max, visibility, Some(seed))).await
    }

    /// Removes a message that was handled. Succeeds and does nothing when it is gone or was handed out again since.
    pub async fn ack(&self, receipt_handle: &str) -> Result<()> {
        self.answer(receipt_handle, |shared, name, _| files::remove(&shared.message_path(name))).await
    }

    /// Hides a message for another `visibility` from now; zero gives it back. Succeeds and does nothing when it is gone or
    /// was handed out again since.
    pub async fn change_visibility(&self, receipt_handle: &str, visibility: TimeDelta) -> Result<()> {
        self.answer(receipt_handle, move |shared, name, mut stored| {
            stored.hidden_until = (visibility > TimeDelta::zero()).then(|| shared.clock.now() + visibility);
            shared.store(name, &stored, shared.durability)
        })
        .await
    }

    /// Makes every hidden message visible: for the only receiver, at its start, after an earlier one died.
    pub async fn release_hidden(&self) -> Result<usize> {
        self.run(|shared| {
            let _lock = shared.lock()?;
            let mut released = 0;
            for (name, mut stored) in shared.messages()? {
                if stored.hidden_until.take().is_some() {
                    shared.store(&name, &stored, shared.durability)?;
                    released += 1;
                }
            }
            Ok(released)
        })
        .await
    }

    /// The files of messages that are damaged: nobody is handed them, and they stay until [`FolderQueue::set_damaged_aside`].
    pub async fn damaged(&self) -> Result<Vec<PathBuf>> {
        self.run(|shared| {
            let names = shared.message_names()?.into_iter();
            let damaged = names.filter(|name| matches!(shared.load(name), Ok(Loaded::Damaged)));
            Ok(damaged.map(|name| shared.message_path(&name)).collect())
        })
        .await
    }

    /// Moves the files of damaged messages to the folder `damaged` beside the messages, where they are kept; returns how many.
    pub async fn set_damaged_aside(&self) -> Result<usize> {
        self.run(|shared| {
            let _lock = shared.lock()?;
            let folder = shared.folder.join("damaged");
            let mut moved = 0;
            for name in shared.message_names()? {
                if matches!(shared.load(&name)?, Loaded::Damaged) {
                    files::create_folder(&folder)?;
                    let (from, to) = (shared.message_path(&name), folder.join(&name));
                    std::fs::rename(&from, &to).map_err(|error| files::io_error("move", &from, error))?;
                    moved += 1;
                }
            }
            Ok(moved)
        })
        .await
    }

    /// Every message, oldest first, hidden ones too; none that is damaged.
    pub async fn list(&self) -> Result<Vec<StoredMessage>> {
        self.run(|shared| Ok(shared.messages()?.into_iter().map(|(_, stored)| stored).collect())).await
    }

    /// How many messages there are.
    pub async fn depth(&self) -> Result<Depth> {
        self.run(|shared| {
            let (now, mut depth) = (shared.clock.now(), Depth::default());
            for (_, stored) in shared.messages()? {
                *(if stored.is_hidden(now) { &mut depth.hidden } else { &mut depth.visible }) += 1;
            }
            Ok(depth)
        })
        .await
    }

    /// Removes one message by its id. Succeeds when there is none.
    pub async fn remove(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.run(move |shared| {
            let _lock = shared.lock()?;
            match shared.name_of(&id)? {
                Some(name) => files::remove(&shared.message_path(&name)),
                None => Ok(()),
            }
        })
        .await
    }

    /// Removes every message and returns how many there were. Deduplication ids stay remembered.
    pub async fn purge(&self) -> Result<usize> {
        self.run(|shared| {
            let _lock = shared.lock()?;
            let names = shared.message_names()?;
            names.iter().try_for_each(|name| files::remove(&shared.message_path(name)))?;
            Ok(names.len())
        })
        .await
    }

    /// Sends a message that was in a queue before: the cause that a dead letter carries may make it larger than a new
    /// message may be.
    pub(crate) async fn send_again(&self, message: Message) -> Result<()> {
        self.run(move |shared| shared.send(message)).await
    }

    /// The right to be the only one who works this queue, or `None` while another process has it.
    pub(crate) async fn try_consume(&self) -> Result<Option<Lock>> {
        self.run(|shared| Lock::try_exclusive(&shared.folder.join("consumer.lock"))).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        blocking(move || work(&shared).map_err(|error| error.context(format!("queue {}", shared.name)))).await
    }

    /// Applies an answer to the message that the handle names, if it is still that receive's.
    async fn answer<F>(&self, receipt_handle: &str, apply: F) -> Result<()>
    where
        F: FnOnce(&Shared, &str, StoredMessage) -> Result<()> + Send + 'static,
    {
        let parsed =
            receipt_handle.rsplit_once('#').and_then(|(id, count)| Some((id, count.parse::<u32>().ok()?)));
        let (id, count) = parsed.ok_or_else(|| {
            Error::invalid(format!("{receipt_handle:?} is not a receipt handle of queue {}", self.name()))
        })?;
        let id = id.to_owned();
        self.run(move |shared| {
            let _lock = shared.lock()?;
            let Some(name) = shared.name_of(&id)? else { return Ok(()) };
            match shared.load(&name)? {
                Loaded::Message(stored) if stored.receive_count == count => apply(shared, &name, *stored),
                _ => Ok(()),
            }
        })
        .await
    }
}

#[async_trait]
impl Queue for FolderQueue {
    async fn send(&self, message: Message) -> Result<()> {
        let attributes =
            message.attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let size = message.body.len() + attributes;
        if size > MAX_MESSAGE_BYTES {
            let what = format!(
                "queue {}: a message of {size} bytes is larger than {MAX_MESSAGE_BYTES}",
                self.name()
            );
            return Err(Error::invalid(what));
        }
        self.send_again(message).await
    }
}

impl Shared {
    fn lock(&self) -> Result<Lock> {
        self.usage.check_writable()?;
        Lock::exclusive(&self.folder.join("queue.lock"))
    }

    fn message_path(&self, name: &str) -> PathBuf {
        self.folder.join("messages").join(name)
    }

    fn message_names(&self) -> Result<Vec<String>> {
        files::names(&self.folder.join("messages"))
    }

    fn name_of(&self, id: &str) -> Result<Option<String>> {
        // The sequence number is the id's first part, so the name follows from the id and no folder has to be read.
        let name = format!("{id}.json");
        let known = !id.contains(['/', '\\']) && self.message_path(&name).exists();
        Ok(known.then_some(name))
    }

    fn load(&self, name: &str) -> Result<Loaded> {
        let Some(bytes) = files::read(&self.message_path(name))? else { return Ok(Loaded::Gone) };
        // One under another's name would be answered in its place.
        let stored = files::open_sealed::<StoredMessage>(&bytes)
            .filter(|stored| name.strip_suffix(".json") == Some(stored.id.as_str()));
        Ok(stored.map_or(Loaded::Damaged, |stored| Loaded::Message(Box::new(stored))))
    }

    fn store(&self, name: &str, stored: &StoredMessage, durability: Durability) -> Result<()> {
        files::replace_sealed(&self.folder.join("tmp"), &self.message_path(name), stored, durability)
    }

    fn messages(&self) -> Result<Vec<(String, StoredMessage)>> {
        let names = self.message_names()?;
        let mut messages = Vec::with_capacity(names.len());
        for name in names {
            if let Loaded::Message(stored) = self.load(&name)? {
                messages.push((name, *stored));
            }
        }
        Ok(messages)
    }

    fn send(&self, message: Message) -> Result<()> {
        let _lock = self.lock()?;
        let now = self.clock.now();
        let mut seen = self.seen()?;
        // What was sent by a clock that was ahead swallows nothing until that date comes.
        seen.0.retain(|_, sent_at| (TimeDelta::zero()..DEDUPLICATION_WINDOW).contains(&(now - *sent_at)));
        if message.deduplication_id.as_ref().is_some_and(|id| seen.0.contains_key(id)) {
            return Ok(());
        }
        let sequence = self.next_sequence()?;
        let id = format!("{sequence:020}-{:016x}", fastrand::u64(..));
        let deduplication_id = message.deduplication_id.clone();
        let stored = StoredMessage {
            id: id.clone(),
            sequence,
            not_before: (message.delay_seconds > 0)
                .then(|| now + TimeDelta::seconds(i64::from(message.delay_seconds))),
            message,
            sent_at: now,
            receive_count: 0,
            first_received_at: None,
            hidden_until: None,
        };
        self.store(&format!("{id}.json"), &stored, self.durability)?;
        // After the message: a crash in between may deliver twice what is sent twice, the other order would lose it.
        if let Some(id) = deduplication_id {
            seen.0.insert(id, now);
            self.replace_state("deduplication.json", &seen)?;
        }
        Ok(())
    }

    fn seen(&self) -> Result<Seen> {
        // Forgotten, a message may be delivered twice, which it may be anyway.
        Ok(files::read_json_or_forget(&self.folder.join("deduplication.json"))?.unwrap_or_default())
    }

    /// The next number, remembered before it is used: a crash leaves a gap and never uses a number twice.
    fn next_sequence(&self) -> Result<u64> {
        let last = match files::read_json_or_forget::<u64>(&self.folder.join("sequence.json"))? {
            Some(last) => last,
            None => self.message_names()?.last().and_then(|name| name.get(..20)?.parse().ok()).unwrap_or(0),
        };
        self.replace_state("sequence.json", &(last + 1))?;
        Ok(last + 1)
    }

    fn replace_state<T: Serialize>(&self, name: &str, state: &T) -> Result<()> {
        files::replace_json(&self.folder.join("tmp"), &self.folder.join(name), state, self.durability)
    }

    fn receive(&self, max: usize, visibility: TimeDelta, shuffle: Option<u64>) -> Result<Vec<Received>> {
        let _lock = self.lock()?;
        let now = self.clock.now();
        let (mut ready, mut busy_groups) = (Vec::new(), BTreeSet::new());
        for name in self.message_names()? {
            if ready.len() >= max && shuffle.is_none() {
                break;
            }
            let Loaded::Message(stored) = self.load(&name)? else { continue };
            if stored.is_hidden(now) {
                busy_groups.extend(stored.message.group);
            } else if stored.message.group.as_ref().is_none_or(|group| !busy_groups.contains(group)) {
                ready.push((name, *stored));
            }
        }
        if let Some(seed) = shuffle {
            shuffle_groups(&mut ready, seed);
        }
        ready.truncate(max);
        ready.into_iter().map(|(name, stored)| self.hand_out(&name, stored, now, visibility)).collect()
    }

    fn hand_out(
        &self,
        name: &str,
        mut stored: StoredMessage,
        now: DateTime<Utc>,
        visibility: TimeDelta,
    ) -> Result<Received> {
        stored.receive_count += 1;
        stored.first_received_at.get_or_insert(now);
        stored.hidden_until = Some(now + visibility);
        self.store(name, &stored, self.durability)?;
        let receipt_handle = format!("{}#{}", stored.id, stored.receive_count);
        Ok(Received { stored, receipt_handle })
    }
}

/// Puts messages in a random order in which those of one group keep theirs.
fn shuffle_groups(ready: &mut [(String, StoredMessage)], seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut ranks: BTreeMap<String, u64> = BTreeMap::new();
    for (name, stored) in ready.iter() {
        let unit =
            stored.message.group.as_ref().map_or_else(|| name.clone(), |group| format!("group {group}"));
        ranks.entry(unit).or_insert_with(|| random.u64(..));
    }
    // A stable sort: equal ranks are one group.
    ready.sort_by_key(|(name, stored)| match &stored.message.group {
        Some(group) => ranks.get(&format!("group {group}")).copied(),
        None => ranks.get(name).copied(),
    });
}

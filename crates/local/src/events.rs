//! The port `Events` on a file of JSON lines, appended under a lock that processes share. A subscriber follows the file;
//! [`LogEntry`] is one line of it.

use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use quotelake_core::ports::{Clock, Event, Events};
use quotelake_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::files::{self, Durability, Lock, blocking, io_error};

/// Events as lines of a file, `<root>/_platform/events.ndjson` by convention: a subscriber reads the file or follows it.
/// A notification is a line as well, and a warning in the log. Clones share the file; so do processes.
#[derive(Debug, Clone)]
pub struct LogEvents {
    path: Arc<PathBuf>,
    clock: Arc<dyn Clock>,
    durability: Durability,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogEntry {
    /// A published event.
    Event {
        /// When it was published.
        time: DateTime<Utc>,
        /// The event.
        #[serde(flatten)]
        event: Event,
    },
    /// A message to a person.
    Notice {
        /// When it was sent.
        time: DateTime<Utc>,
        /// The subject.
        subject: String,
        /// The text.
        text: String,
    },
}

impl LogEvents {
    /// Events to the file, which is created with the first of them.
    pub fn new(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self::with_durability(path, clock, Durability::default())
    }

    /// Events to the file, with a chosen durability of each. A line that a loss of power tore is passed over.
    pub fn with_durability(path: impl Into<PathBuf>, clock: Arc<dyn Clock>, durability: Durability) -> Self {
        Self { path: Arc::new(path.into()), clock, durability }
    }

    /// Every whole line of the file, oldest first. `Config` for a line that is none of ours.
    pub async fn entries(&self) -> Result<Vec<LogEntry>> {
        let path = Arc::clone(&self.path);
        blocking(move || {
            let bytes = files::read(&path)?.unwrap_or_default();
            let mut entries = Vec::new();
            // Without its line break, so that a torn line is one that ends early and nothing else.
            let lines =
                bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
            for line in lines {
                match serde_json::from_slice(line) {
                    Ok(entry) => entries.push(entry),
                    // A crash while a line was written; the next write ended it.
                    Err(error) if error.is_eof() => {}
                    Err(error) => {
                        let what = format!("{} holds a line that is no event", path.display());
                        return Err(Error::config(what).with_source(error));
                    }
                }
            }
            Ok(entries)
        })
        .await
    }

    async fn append(&self, entry: LogEntry) -> Result<()> {
        let (path, durability) = (Arc::clone(&self.path), self.durability);
        let mut line =
            serde_json::to_vec(&entry).map_err(|e| Error::bug("cannot format an event").with_source(e))?;
        line.push(b'\n');
        blocking(move || append_line(&path, line, durability)).await
    }
}

fn append_line(path: &Path, mut line: Vec<u8>, durability: Durability) -> Result<()> {
    if let Some(folder) = path.parent() {
        files::create_folder(folder)?;
    }
    let failed = |error| io_error("append to", path, error);
    // Locked beside the file, so that tools which rotate or copy it are not in the way.
    let _lock = Lock::exclusive(&path.with_extension("lock"))?;
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if size > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(size - 1)).and_then(|_| file.read_exact(&mut last)).map_err(failed)?;
        if last != *b"\n" {
            line.insert(0, b'\n');
        }
    }
    let written = file.write_all(&line).and_then(|()| match durability {
        Durability::PowerLoss => file.sync_data(),
        Durability::ProcessCrash => Ok(()),
    });
    written.map_err(failed)
}

#[async_trait]
impl Events for LogEvents {
    async fn publish(&self, event: Event) -> Result<()> {
        tracing::info!(source = event.source, detail_type = event.detail_type, "event published");
        self.append(LogEntry::Event { time: self.clock.now(), event }).await
    }

    async fn notify(&self, subject: &str, text: &str) -> Result<()> {
        // On a laptop the command that caused it says it in its own words.
        tracing::info!(subject, text, "notification");
        let (subject, text) = (subject.to_owned(), text.to_owned());
        self.append(LogEntry::Notice { time: self.clock.now(), subject, text }).await
    }
}

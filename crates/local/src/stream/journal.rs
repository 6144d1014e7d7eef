//! Accepted records on disk, between the halves of the stream: files of batches in a binary format with a checksum (magic, CRC,
//! then each record behind its length, 32 bits little-endian), and the claim of those that are being delivered.

use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use quotelake_core::time::instant_from_ms;
use quotelake_core::{Error, ErrorKind, Result};

use crate::checksum::crc;
use crate::files::{self, Durability, Lock, Use};

/// Starts every batch file; the number is the format's version. A checksum of the rest follows.
const MAGIC: &[u8; 8] = b"QLSPOOL2";
/// Starts a batch file of an earlier version, which has no checksum.
const UNSUMMED: &[u8; 8] = b"QLSPOOL1";

/// Where the records begin.
const START: usize = MAGIC.len() + 8;

const BATCH: &str = ".batch";
const CLAIM: &str = "claim.json";
/// The folder of batches that cannot be read.
const DAMAGED: &str = "damaged";

/// What waits in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolDepth {
    /// Batches.
    pub batches: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// When the oldest batch arrived.
    pub oldest: Option<DateTime<Utc>>,
}

/// Accepted batches on disk: a folder with one immutable file per batch, and `claim.json`, the names of the batches that
/// are being delivered together.
///
/// The claim makes a redelivery write the same objects: after a crash the same batches are taken again, however many
/// have arrived since.
#[derive(Debug)]
pub(super) struct Journal {
    folder: PathBuf,
    durability: Durability,
    usage: Use,
}

/// A batch as the folder lists it.
#[derive(Debug, Clone)]
pub(super) struct BatchName {
    pub(super) name: String,
    pub(super) arrived_at: DateTime<Utc>,
    pub(super) bytes: u64,
}

/// A record and its identity, which is the same in every delivery.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) arrived_at: DateTime<Utc>,
    pub(super) data: Bytes,
}

impl Journal {
    pub(super) fn open(folder: PathBuf, durability: Durability) -> Result<Self> {
        let usage = Use::begin(&folder.join("tmp"), &folder.join("tmp.lock"))?;
        Ok(Self { folder, durability, usage })
    }

    /// Writes one batch; it is in the journal when this returns and not at all when it fails.
    pub(super) fn append(&self, arrived_at: DateTime<Utc>, records: &[Bytes]) -> Result<()> {
        self.usage.check_writable()?;
        let payload = records.iter().map(|record| record.len() + 4).sum::<usize>();
        let mut file = Vec::with_capacity(START + payload);
        file.extend_from_slice(&[0; START]);
        for record in records {
            let length = u32::try_from(record.len())
                .map_err(|_| Error::bug(format!("a record of {} bytes passed the limit", record.len())))?;
            file.extend_from_slice(&length.to_le_bytes());
            file.extend_from_slice(record);
        }
        let sum = crc(&file[START..]).to_le_bytes();
        file[..MAGIC.len()].copy_from_slice(MAGIC);
        file[MAGIC.len()..START].copy_from_slice(&sum);
        // The name sorts by arrival; what follows the time tells batches of one millisecond apart.
        let name = format!("{:014}-{:016x}{BATCH}", arrived_at.timestamp_millis(), fastrand::u64(..));
        files::replace(&self.folder.join("tmp"), &self.folder.join(name), &file, self.durability)
    }

    /// The batches, oldest first.
    pub(super) fn batches(&self) -> Result<Vec<BatchName>> {
        let mut batches = Vec::new();
        for name in files::names(&self.folder)? {
            let Some(millis) = name.strip_suffix(BATCH).and_then(|stem| stem.split('-').next()) else {
                continue;
            };
            let path = self.folder.join(&name);
            let bytes = match std::fs::metadata(&path) {
                Ok(metadata) => metadata.len(),
                // Delivered since the folder was read.
                Err(error) if files::is_absent(&error) => continue,
                Err(error) => return Err(files::io_error("read", &path, error)),
            };
            let millis = millis
                .parse()
                .map_err(|_| Error::config(format!("{name} has the name of no batch of pages")))?;
            batches.push(BatchName { arrived_at: instant_from_ms(millis)?, bytes, name });
        }
        Ok(batches)
    }

    /// The records of one batch, `None` when it was dropped.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<Record>>> {
        let Some(file) = files::read(&self.folder.join(name))? else { return Ok(None) };
        let damaged = || Error::config(format!("{} is damaged", self.folder.join(name).display()));
        let stem = name.strip_suffix(BATCH).ok_or_else(damaged)?;
        let millis = stem.split('-').next().and_then(|millis| millis.parse().ok()).ok_or_else(damaged)?;
        let arrived_at = instant_from_ms(millis)?;
        let file = Bytes::from(file);
        let mut rest = match file.strip_prefix(MAGIC) {
            Some(summed) => {
                let (sum, payload) = summed.split_first_chunk::<8>().ok_or_else(damaged)?;
                if u64::from_le_bytes(*sum) != crc(payload) {
                    return Err(damaged());
                }
                file.slice(START..)
            }
            None if file.starts_with(UNSUMMED) => file.slice(UNSUMMED.len()..),
            None => return Err(damaged()),
        };
        let mut records = Vec::new();
        while !rest.is_empty() {
            let length = rest.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
            let end = length.map(|length| 4 + length).filter(|end| *end <= rest.len()).ok_or_else(damaged)?;
            let data = rest.split_to(end).slice(4..);
            records.push(Record { id: format!("{stem}-{:06}", records.len()), arrived_at, data });
        }
        Ok(Some(records))
    }

    /// The records of one batch. One that is damaged is set aside in the folder `damaged`, so that it does not hold up the others.
    pub(super) fn read_or_set_aside(&self, name: &str) -> Result<Option<Vec<Record>>> {
        match self.read(name) {
            Err(error) if error.kind() == ErrorKind::Config => {
                tracing::error!(batch = name, error = %error, "accepted pages cannot be delivered: the batch is set aside");
                let folder = self.folder.join(DAMAGED);
                files::create_folder(&folder)?;
                let (from, to) = (self.folder.join(name), folder.join(name));
                std::fs::rename(&from, &to).map_err(|error| files::io_error("move", &from, error))?;
                Ok(None)
            }
            read => read,
        }
    }

    /// The batches that were set aside.
    pub(super) fn damaged(&self) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join(DAMAGED);
        Ok(files::names(&folder)?.into_iter().map(|name| folder.join(name)).collect())
    }

    /// The batches that an earlier delivery claimed and did not finish.
    pub(super) fn claimed(&self) -> Result<Vec<String>> {
        // Without its claim a delivery may write rows again under another name: a merge takes them once.
        Ok(files::read_json_or_forget(&self.folder.join(CLAIM))?.unwrap_or_default())
    }

    /// Claims batches for one delivery.
    pub(super) fn claim(&self, names: &[String]) -> Result<()> {
        files::replace_json(&self.folder.join("tmp"), &self.folder.join(CLAIM), &names, self.durability)
    }

    /// Drops delivered batches, then the claim: a crash in between leaves a claim of batches that are gone, which is done.
    pub(super) fn drop_claimed(&self, names: &[String]) -> Result<()> {
        names.iter().try_for_each(|name| files::remove(&self.folder.join(name)))?;
        files::remove(&self.folder.join(CLAIM))
    }

    /// Waits for the right to deliver.
    pub(super) fn lock(&self) -> Result<Lock> {
        self.usage.check_writable()?;
        Lock::exclusive(&self.folder.join("delivery.lock"))
    }

    pub(super) fn depth(&self) -> Result<SpoolDepth> {
        let batches = self.batches()?;
        Ok(SpoolDepth {
            batches: batches.len(),
            bytes: batches.iter().map(|batch| batch.bytes).sum(),
            oldest: batches.first().map(|batch| batch.arrived_at),
        })
    }
}

/// The bytes of records, one after another, as the service writes them: it adds no delimiter.
pub(super) fn concatenate<'a>(parts: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let mut whole = BytesMut::with_capacity(parts.clone().map(Bytes::len).sum());
    parts.for_each(|part| whole.extend_from_slice(part));
    whole.freeze()
}

//! A dropped file, a few megabytes at a time: memory does not grow with the file, nor with what it unpacks to.
//!
//! `unpack` takes off gzip, zstd and bzip2, `zip` finds the one file of an archive, `text` makes UTF-8 of other encodings.

mod text;
mod unpack;
mod zip;

use std::ops::Range;

use bytes::{Buf as _, Bytes};
use quotelake_contract::TextEncoding;
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Error, Result};
use sha2::{Digest, Sha256};

use crate::names;
use text::Decode;
use unpack::Unpack;

/// Bytes asked for at once.
const CHUNK_BYTES: u64 = 4 << 20;
/// Bytes unpacked at once, of any packing.
const PIECE_BYTES: usize = 1 << 20;

/// Whether bytes may be the beginning of a text: a file that was unpacked and kept its name.
fn is_text(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(512)];
    // Of a character of several bytes that is cut there is one error at most, at the end.
    let whole = std::str::from_utf8(beginning).err().is_none_or(|e| e.error_len().is_none());
    whole && !beginning.iter().any(|byte| *byte < 0x09)
}

/// Reads one version of an object from its beginning to its end, unpacked, hashing it as it is stored.
pub(crate) struct Source<'a> {
    lake: &'a dyn Lake,
    meta: &'a ObjectMeta,
    /// The part of the object that is unpacked: all, or the one file of an archive.
    wanted: Range<u64>,
    offset: u64,
    stored: Bytes,
    hash: Sha256,
    /// Of what is unpacked.
    content: Sha256,
    unpack: Option<Unpack>,
    decode: Decode,
    inner_name: Option<String>,
    begun: bool,
    ended: bool,
}

impl<'a> Source<'a> {
    /// Opens an object and finds out how it is packed, by its first bytes. A `workbook` is an archive that is not unpacked.
    /// `InvalidInput` for an archive that does not hold one file.
    pub(crate) async fn open(lake: &'a dyn Lake, meta: &'a ObjectMeta, workbook: bool) -> Result<Self> {
        let mut source = Self {
            lake,
            meta,
            wanted: 0..meta.size,
            offset: 0,
            stored: Bytes::new(),
            hash: Sha256::new(),
            content: Sha256::new(),
            unpack: None,
            decode: Decode::default(),
            inner_name: None,
            begun: false,
            ended: false,
        };
        let named = names::is_packed(&meta.key) || names::is_archive(&meta.key);
        if !source.fetch().await? {
            let cut = || Error::invalid("is empty, and by its name a packed file: it was cut off");
            return if named { Err(cut()) } else { Ok(source) };
        }
        if source.stored.starts_with(&zip::END_MAGIC) {
            return Err(Error::invalid("zip holds no file; wanted is one"));
        }
        if !source.stored.starts_with(&zip::MAGIC) {
            source.unpack = Unpack::by_magic(&source.stored)?;
            if named && source.unpack.is_none() && !is_text(&source.stored) {
                return Err(Error::invalid("is by its name a packed file, and neither that nor text"));
            }
        } else if !workbook {
            let entry = zip::only_file(lake, meta).await?;
            // From the beginning once more, for the file in it.
            (source.offset, source.stored, source.hash) = (0, Bytes::new(), Sha256::new());
            source.wanted = entry.data.clone();
            source.unpack = Some(Unpack::entry(&entry));
            source.inner_name = Some(entry.name);
        }
        Ok(source)
    }

    /// The name of the file in an archive.
    pub(crate) fn inner_name(&self) -> Option<&str> {
        self.inner_name.as_deref()
    }

    /// Says how the text is encoded, before the first piece is asked for.
    pub(crate) fn decode(&mut self, encoding: TextEncoding) {
        self.decode = Decode::new(encoding);
    }

    /// The encoding that the text was in, if not UTF-8.
    pub(crate) fn decoded(&self) -> Option<TextEncoding> {
        self.decode.changed_from()
    }

    /// The next piece of text, `None` after the last. `InvalidInput` for a packed file that is damaged or cut, and for a
    /// byte order mark of another encoding; `Conflict` when the object is no longer what it was.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let Some(mut piece) = self.piece().await? else {
            self.ended = true;
            let rest = self.decode.finish()?;
            return Ok((!rest.is_empty()).then_some(rest));
        };
        if !self.begun {
            self.begun = true;
            // Pieces of a packed file may be small: a mark needs its bytes.
            while piece.len() < text::MARK_BYTES {
                let Some(more) = self.piece().await? else { break };
                piece.extend(more);
            }
            piece.drain(..self.decode.begin(&piece)?);
        }
        self.decode.piece(piece).map(Some)
    }

    /// The next bytes as they are unpacked, `None` after the last.
    pub(crate) async fn piece(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let more = !self.stored.is_empty() || self.fetch().await?;
            let Some(unpack) = &mut self.unpack else {
                return Ok(more.then(|| std::mem::take(&mut self.stored).into()));
            };
            let mut piece = vec![0; PIECE_BYTES];
            let step = unpack.step(&self.stored, &mut piece)?;
            self.stored.advance(step.read);
            if step.written > 0 {
                piece.truncate(step.written);
                self.content.update(&piece);
                return Ok(Some(piece));
            }
            if !more {
                unpack.finish()?;
                return Ok(None);
            }
            if step.read == 0 {
                return Err(unpack.damaged());
            }
        }
    }

    /// The whole of a workbook. `InvalidInput` where it is larger than `most`, or unpacks to more than `most_unpacked`.
    pub(crate) async fn workbook(&mut self, most: usize, most_unpacked: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            bytes.extend(piece);
            if bytes.len() > most {
                let most = most >> 20;
                return Err(Error::invalid(format!("is a workbook of more than {most} MiB: save it as CSV")));
            }
        }
        if bytes.starts_with(&zip::MAGIC) && !zip::unpacks_to_at_most(&bytes, most_unpacked)? {
            let most = most_unpacked >> 20;
            return Err(Error::invalid(format!(
                "is a workbook that unpacks to more than {most} MiB: save it as CSV"
            )));
        }
        Ok(bytes)
    }

    /// Asks for more bytes. False at the end.
    async fn fetch(&mut self) -> Result<bool> {
        while self.offset < self.meta.size {
            let begin = self.offset;
            let end = (begin + CHUNK_BYTES).min(self.meta.size);
            let bytes = self.lake.get_range(&self.meta.key, begin..end).await?;
            if bytes.len() as u64 != end - begin {
                return Err(changed(&self.meta.key));
            }
            self.hash.update(&bytes);
            self.offset = end;
            let within = |place: u64| place.clamp(begin, end) - begin;
            let (from, to) = (within(self.wanted.start) as usize, within(self.wanted.end) as usize);
            if from < to {
                self.stored = bytes.slice(from..to);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether all that was read so far belongs to the version that was asked for: `Conflict` where somebody replaced it.
    pub(crate) async fn verify(&self) -> Result<()> {
        match self.lake.head(&self.meta.key).await? {
            Some(now) if now.version == self.meta.version => Ok(()),
            _ => Err(changed(&self.meta.key)),
        }
    }

    /// The SHA-256 of the object as it is stored, lowercase hex: after the last piece.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(self.hash.clone().finalize())
    }

    /// The SHA-256 of what the object holds once it is unpacked, lowercase hex: after the last piece. Of a workbook, which is an
    /// archive itself, that of the object.
    pub(crate) fn content_sha256(&self) -> String {
        match self.unpack {
            Some(_) => hex::encode(self.content.clone().finalize()),
            None => self.sha256(),
        }
    }
}

fn changed(key: &str) -> Error {
    Error::conflict(format!("{key} was replaced while it was read"))
}

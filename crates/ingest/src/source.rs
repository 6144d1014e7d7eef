//! A dropped file, a few megabytes at a time: memory does not grow with the file.

use std::io::Write as _;

use bytes::{Buf as _, Bytes};
use flate2::write::MultiGzDecoder;
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Error, Result};
use sha2::{Digest, Sha256};

/// Bytes asked for at once.
const CHUNK_BYTES: u64 = 4 << 20;
/// Bytes unpacked at once: a thousandfold expansion, the most that gzip can do, stays below 64 MB.
const UNPACK_BYTES: usize = 64 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Reads one version of an object from its beginning to its end, unpacked, hashing it as it is stored.
pub(crate) struct Source<'a> {
    lake: &'a dyn Lake,
    meta: &'a ObjectMeta,
    offset: u64,
    stored: Bytes,
    hash: Sha256,
    gunzip: Option<MultiGzDecoder<Vec<u8>>>,
    begun: bool,
}

impl<'a> Source<'a> {
    pub(crate) fn new(lake: &'a dyn Lake, meta: &'a ObjectMeta) -> Self {
        let (stored, hash) = (Bytes::new(), Sha256::new());
        Self { lake, meta, offset: 0, stored, hash, gunzip: None, begun: false }
    }

    /// The next piece of text, `None` after the last. `InvalidInput` for a gzip file that is damaged or cut; `Conflict` when
    /// the object is no longer what it was.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(mut text) = self.unpack().await? else { return Ok(None) };
        if !self.begun {
            self.begun = true;
            // Pieces of a gzip file may be small: the mark needs its three bytes.
            while text.len() < UTF8_BOM.len() {
                let Some(more) = self.unpack().await? else { break };
                text.extend(more);
            }
            if text.starts_with(&UTF8_BOM) {
                text.drain(..UTF8_BOM.len());
            }
        }
        Ok(Some(text))
    }

    async fn unpack(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if self.stored.is_empty() && !self.fetch().await? {
                let Some(mut gunzip) = self.gunzip.take() else { return Ok(None) };
                gunzip.try_finish().map_err(damaged)?;
                let rest = std::mem::take(gunzip.get_mut());
                return Ok((!rest.is_empty()).then_some(rest));
            }
            let Some(gunzip) = &mut self.gunzip else {
                return Ok(Some(std::mem::take(&mut self.stored).into()));
            };
            let packed = self.stored.split_to(UNPACK_BYTES.min(self.stored.len()));
            gunzip.write_all(packed.chunk()).map_err(damaged)?;
            let text = std::mem::take(gunzip.get_mut());
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
    }

    /// Asks for more bytes. False at the end.
    async fn fetch(&mut self) -> Result<bool> {
        if self.offset >= self.meta.size {
            return Ok(false);
        }
        let end = (self.offset + CHUNK_BYTES).min(self.meta.size);
        let bytes = self.lake.get_range(&self.meta.key, self.offset..end).await?;
        if bytes.len() as u64 != end - self.offset {
            return Err(changed(&self.meta.key));
        }
        if self.offset == 0 && bytes.starts_with(&GZIP_MAGIC) {
            self.gunzip = Some(MultiGzDecoder::new(Vec::new()));
        }
        self.hash.update(&bytes);
        self.offset = end;
        self.stored = bytes;
        Ok(true)
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
}

fn changed(key: &str) -> Error {
    Error::conflict(format!("{key} was replaced while it was read"))
}

fn damaged(error: std::io::Error) -> Error {
    Error::invalid("gzip cannot be read to its end").with_source(error)
}

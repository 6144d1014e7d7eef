//! The directory of a ZIP archive, as far as it takes to find its one file. See
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, 4.3.

use std::ops::Range;

use flate2::{Decompress, FlushDecompress, Status};
use quotelake_core::ports::{Lake, ObjectMeta};
use quotelake_core::{Error, Result};

/// How an archive with a file in it begins.
pub(super) const MAGIC: [u8; 4] = *b"PK\x03\x04";
const ENTRY_MAGIC: [u8; 4] = *b"PK\x01\x02";
/// With what the end of an archive begins, and an archive of no file.
pub(super) const END_MAGIC: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
/// The longest comment behind an archive's end.
const MAX_COMMENT_BYTES: u64 = 0xffff;
const ENTRY_BYTES: usize = 46;
const HEADER_BYTES: u64 = 30;
/// A larger directory is of more files than one.
const MAX_DIRECTORY_BYTES: u64 = 4 << 20;
const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// What a field of an archive holds that is too large for it.
const ZIP64: u32 = u32::MAX;

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// Its packed bytes in the archive.
    pub(super) data: Range<u64>,
    pub(super) is_deflated: bool,
    pub(super) crc: u32,
}

/// The one file of an archive. `InvalidInput` where there is none or more than one, and where it is packed in a way that is
/// not read.
pub(super) async fn only_file(lake: &dyn Lake, meta: &ObjectMeta) -> Result<Entry> {
    let tail_start = meta.size.saturating_sub(MAX_COMMENT_BYTES + END_BYTES as u64);
    let tail = lake.get_range(&meta.key, tail_start..meta.size).await?;
    let directory = lake.get_range(&meta.key, directory(&tail, meta.size)?).await?;
    let files = files(&directory)?;
    let [(name, entry)] = files.as_slice() else {
        if files.iter().any(|(name, _)| name == "[Content_Types].xml") {
            return Err(Error::invalid(
                "is a workbook of Excel: its name must end in .xlsx, or say `fileFormat: xlsx` (--file-format xlsx)",
            ));
        }
        let names: Vec<&str> = files.iter().take(3).map(|(name, _)| name.as_str()).collect();
        return Err(Error::invalid(format!(
            "zip holds {} files ({}); wanted is one: drop each by itself",
            files.len(),
            names.join(", ")
        )));
    };
    let (flags, method) = (short(entry, 8)?, short(entry, 10)?);
    let (packed, header) = (long(entry, 20)?, long(entry, 42)?);
    if flags & ENCRYPTED != 0 {
        return Err(Error::invalid(format!("{name:?} in the zip is encrypted")));
    }
    if method != STORED && method != DEFLATED {
        return Err(Error::invalid(format!(
            "{name:?} in the zip is packed by method {method}; read is deflate, 8"
        )));
    }
    if packed == ZIP64 || header == ZIP64 {
        return Err(Error::invalid(format!("{name:?} in the zip is larger than 4 GB; use gzip")));
    }
    let header = u64::from(header);
    let bytes = lake.get_range(&meta.key, header..(header + HEADER_BYTES).min(meta.size)).await?;
    if !bytes.starts_with(&MAGIC) {
        return Err(damaged());
    }
    let start = header + HEADER_BYTES + u64::from(short(&bytes, 26)?) + u64::from(short(&bytes, 28)?);
    let data = start..start + u64::from(packed);
    if data.end > meta.size {
        return Err(damaged());
    }
    Ok(Entry { name: name.clone(), data, is_deflated: method == DEFLATED, crc: long(entry, 16)? })
}

/// Whether the parts of an archive in memory unpack to at most so many bytes, whatever it says of them: they are unpacked and
/// thrown away.
pub(super) fn unpacks_to_at_most(archive: &[u8], most: u64) -> Result<bool> {
    let size = archive.len() as u64;
    let tail = &archive[archive.len().saturating_sub(MAX_COMMENT_BYTES as usize + END_BYTES)..];
    let directory = directory(tail, size)?;
    let mut left = most;
    let mut buffer = vec![0; 64 << 10];
    for (_, entry) in files(&archive[directory.start as usize..directory.end as usize])? {
        let (packed, header) = (u64::from(long(entry, 20)?), u64::from(long(entry, 42)?));
        let local = archive.get(header as usize..).ok_or_else(damaged)?;
        let begin = header + HEADER_BYTES + u64::from(short(local, 26)?) + u64::from(short(local, 28)?);
        let end = (begin + packed).min(size);
        let mut data = archive.get(begin as usize..end as usize).ok_or_else(damaged)?;
        let mut inflate = Decompress::new(false);
        while short(entry, 10)? == DEFLATED {
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let step = inflate.decompress(data, &mut buffer, FlushDecompress::None);
            data = &data[(inflate.total_in() - read) as usize..];
            let written = inflate.total_out() - written;
            if written > left {
                return Ok(false);
            }
            left -= written;
            // What is damaged, the reader of the archive says.
            if !matches!(step, Ok(Status::Ok)) || (data.is_empty() && written == 0) {
                break;
            }
        }
    }
    Ok(true)
}

/// Where the directory of an archive is, by the end of it.
fn directory(tail: &[u8], size: u64) -> Result<Range<u64>> {
    let mut ends = (0..tail.len().saturating_sub(END_BYTES - 1)).rev();
    let end = ends.find(|at| tail[*at..].starts_with(&END_MAGIC)).ok_or_else(damaged)?;
    let end = &tail[end..];
    let (length, start) = (long(end, 12)?, long(end, 16)?);
    let range = u64::from(start)..u64::from(start) + u64::from(length);
    if range.is_empty() {
        return Err(damaged());
    }
    if start == ZIP64 || range.end > size {
        return Err(Error::invalid(
            "zip of more than 4 GB, or one that is cut, is not read; unpack it, or use gzip",
        ));
    }
    if u64::from(length) > MAX_DIRECTORY_BYTES {
        return Err(Error::invalid("zip holds thousands of files; wanted is one"));
    }
    Ok(range)
}

/// The files of a directory: name and entry.
fn files(directory: &[u8]) -> Result<Vec<(String, &[u8])>> {
    let mut files = Vec::new();
    let mut rest = directory;
    while rest.starts_with(&ENTRY_MAGIC) {
        let length = |at| short(rest, at).map(usize::from);
        let (name, beside) = (length(28)?, length(30)? + length(32)?);
        let text = rest.get(ENTRY_BYTES..ENTRY_BYTES + name).ok_or_else(damaged)?;
        let text = String::from_utf8_lossy(text).into_owned();
        if is_file(&text) {
            files.push((text, rest));
        }
        rest = rest.get(ENTRY_BYTES + name + beside..).ok_or_else(damaged)?;
    }
    Ok(files)
}

/// Folders, and what a Mac puts beside its files, are none.
fn is_file(name: &str) -> bool {
    !name.ends_with('/')
        && !name.starts_with("__MACOSX/")
        && !name.split('/').any(|part| part.starts_with('.'))
}

fn short(bytes: &[u8], at: usize) -> Result<u16> {
    let bytes = bytes.get(at..at + 2).ok_or_else(damaged)?;
    Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn long(bytes: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from(short(bytes, at)?) | u32::from(short(bytes, at + 2)?) << 16)
}

fn damaged() -> Error {
    Error::invalid("zip cannot be read to its end")
}

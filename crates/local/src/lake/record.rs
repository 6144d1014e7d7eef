//! What a folder lake notes of an object's content: its size and the checksum of each block, in a hidden file beside the object.
//!
//! `part-0.parquet` has its record in `.part-0.parquet.sum`: globs for `*.parquet` pass it over, and so does every reader that
//! follows Hive's rule for names with a dot in front. Not `.crc`: Hadoop's local file system takes such a file for its own.
//!
//! A process that dies between the two files leaves an object whose content is not known, never one that looks damaged:
//!
//! - a new object gets its name first and its record second;
//! - one that is replaced has a record of both contents first, then the new one, and then the old content is struck out;
//! - one that is deleted loses its record first.
//!
//! A record is one line for each content that may be there, and every line ends in its own checksum: a line that was cut or
//! changed says nothing.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::ops::Range;
use std::path::{Path, PathBuf};

use quotelake_core::{Result, sha256_hex};

use crate::checksum::crc;
use crate::files::{self, Durability, io_error};

/// The smallest block: a range that is read is rounded to whole ones.
const BLOCK_BYTES: u64 = 64 << 10;
/// A larger object has larger blocks.
const MOST_BLOCKS: u64 = 4096;
/// A file name has at most 255 bytes; a longer one than this goes by its hash.
const LONGEST_NAME: usize = 250;
const MARK: &str = "quotelake-sum-1";
/// The line of a content that had no record.
const UNKNOWN: &str = "unknown";
const SUFFIX: &str = ".sum";

/// Whether a file's name is one of a record: no object may have it.
pub(super) fn is_record(name: &str) -> bool {
    name.len() > SUFFIX.len() + 1 && name.starts_with('.') && name.ends_with(SUFFIX)
}

/// The name of the object that a record is about; `None` where only the record's hash stands for it.
pub(super) fn object_of(record: &str) -> Option<&str> {
    let name = record.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if name.is_empty() || is_hash { None } else { Some(name) }
}

/// The record of an object's file.
pub(super) fn path_of(object: &Path) -> PathBuf {
    let name = object.file_name().unwrap_or_default();
    let mut record = std::ffi::OsString::from(".");
    match name.len() {
        0..=LONGEST_NAME => record.push(name),
        _ => record.push(sha256_hex(name.as_encoded_bytes())),
    }
    record.push(SUFFIX);
    object.with_file_name(record)
}

/// The size and the CRC-64 (NVME) of each block of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    size: u64,
    blocks: Vec<u64>,
}

/// What is wrong with bytes that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mismatch {
    Size { expected: u64, found: u64 },
    Block { range: Range<u64>, expected: u64, found: u64 },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { expected, found } => write!(f, "{expected} bytes were written, {found} are there"),
            Self::Block { range, expected, found } => write!(
                f,
                "bytes {} to {} were written with the CRC-64 {expected:016x}, they have {found:016x}",
                range.start, range.end
            ),
        }
    }
}

/// The size of the blocks of a content.
fn block_bytes(size: u64) -> u64 {
    let mut block = BLOCK_BYTES;
    while size.div_ceil(block) > MOST_BLOCKS {
        block *= 2;
    }
    block
}

impl Sums {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let size = bytes.len() as u64;
        let block = usize::try_from(block_bytes(size)).unwrap_or(usize::MAX);
        Self { size, blocks: bytes.chunks(block).map(crc).collect() }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The whole blocks that `range` touches, clipped to the content's end.
    pub(super) fn around(&self, range: &Range<u64>) -> Range<u64> {
        let block = block_bytes(self.size);
        let end = range.end.min(self.size);
        let start = (range.start.min(end) / block) * block;
        start..end.div_ceil(block).saturating_mul(block).min(self.size)
    }

    /// What is wrong with whole blocks that begin at `start`, read from a file of `size` bytes.
    pub(super) fn mismatch(&self, start: u64, bytes: &[u8], size: u64) -> Option<Mismatch> {
        if size != self.size {
            return Some(Mismatch::Size { expected: self.size, found: size });
        }
        let block = block_bytes(self.size);
        let first = usize::try_from(start / block).unwrap_or(usize::MAX);
        let chunks = bytes.chunks(usize::try_from(block).unwrap_or(usize::MAX));
        for (index, chunk) in chunks.enumerate() {
            let (expected, found) = (self.blocks.get(first + index).copied(), crc(chunk));
            if expected != Some(found) {
                let at = start + index as u64 * block;
                let expected = expected.unwrap_or_default();
                return Some(Mismatch::Block { range: at..at + chunk.len() as u64, expected, found });
            }
        }
        None
    }

    fn line(&self) -> String {
        let mut line = format!("{MARK} {} ", self.size);
        self.blocks.iter().for_each(|block| line.push_str(&format!("{block:016x}")));
        sealed(line)
    }

    fn parse(text: &str) -> Option<Self> {
        let (size, blocks) = text.split_once(' ')?;
        let size: u64 = size.parse().ok()?;
        let chunks = blocks.as_bytes().chunks(16);
        let blocks = chunks
            .map(|block| u64::from_str_radix(std::str::from_utf8(block).ok()?, 16).ok())
            .collect::<Option<Vec<_>>>()?;
        (blocks.len() as u64 == size.div_ceil(block_bytes(size))).then_some(Self { size, blocks })
    }
}

/// A line with its own checksum at the end.
fn sealed(mut line: String) -> String {
    let seal = crc(line.as_bytes());
    line.push_str(&format!(" {seal:016x}\n"));
    line
}

/// What a record says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// There is none, or none that can be read.
    None,
    /// The object is one of these contents, the newest first; or, with `or_unknown`, one that was there before there were records.
    Contents { contents: Vec<Sums>, or_unknown: bool },
}

impl Record {
    pub(super) fn read(path: &Path) -> Result<Self> {
        Ok(files::read(path)?.map_or(Self::None, |bytes| Self::parse(&bytes)))
    }

    fn parse(bytes: &[u8]) -> Self {
        let (mut contents, mut or_unknown) = (Vec::new(), false);
        let lines = std::str::from_utf8(bytes).unwrap_or_default();
        for line in lines.split_inclusive('\n') {
            let body = line.trim_end_matches('\n').rsplit_once(' ').map(|(body, _)| body);
            let Some(body) = body.filter(|body| sealed((*body).to_owned()) == line) else {
                return Self::None;
            };
            match body.strip_prefix(MARK).and_then(|rest| rest.strip_prefix(' ')) {
                Some(UNKNOWN) => or_unknown = true,
                Some(text) => match Sums::parse(text) {
                    Some(sums) => contents.push(sums),
                    None => return Self::None,
                },
                // A record of a later version.
                None => return Self::None,
            }
        }
        if contents.is_empty() { Self::None } else { Self::Contents { contents, or_unknown } }
    }
}

/// Notes the content of a new object. A record that is cut off by a crash says nothing.
pub(super) fn write(path: &Path, sums: &Sums) -> Result<()> {
    fs::write(path, sums.line()).map_err(|error| io_error("write", path, error))
}

/// The record of an object that is about to be replaced: of the new content and of the old.
#[derive(Debug)]
pub(super) struct Replacing {
    path: PathBuf,
    file: File,
    /// The length of the new content's line.
    new_bytes: u64,
}

impl Replacing {
    /// Notes both contents. The record is replaced as a whole: a full disk leaves the old one.
    pub(super) fn begin(folder: &Path, path: &Path, sums: &Sums) -> Result<Self> {
        let new = sums.line();
        let new_bytes = new.len() as u64;
        let old = match Record::read(path)? {
            Record::Contents { contents, or_unknown: false } => {
                contents.iter().map(Sums::line).collect::<String>()
            }
            _ => sealed(format!("{MARK} {UNKNOWN}")),
        };
        files::replace(folder, path, (new + &old).as_bytes(), Durability::ProcessCrash)?;
        let file = OpenOptions::new().write(true).open(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|error| io_error("open", path, error))?,
            new_bytes,
        })
    }

    /// The new content is there: the old one is struck out.
    pub(super) fn end(self) -> Result<()> {
        self.file.set_len(self.new_bytes).map_err(|error| io_error("write", &self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_any_block_is_noticed() {
        let block = BLOCK_BYTES as usize;
        for size in [0, 1, 100, block - 1, block, block + 1, 3 * block + 17] {
            let bytes: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
            let sums = Sums::of(&bytes);
            assert_eq!(
                Record::parse(sums.line().as_bytes()),
                Record::Contents { contents: vec![sums.clone()], or_unknown: false }
            );
            assert_eq!(sums.mismatch(0, &bytes, size as u64), None);
            for at in [0, size / 3, size / 2, size.saturating_sub(1)] {
                let mut damaged = bytes.clone();
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= 4;
                    let found = sums.mismatch(0, &damaged, size as u64).unwrap();
                    assert!(matches!(found, Mismatch::Block { range, .. } if range.contains(&(at as u64))));
                }
            }
            assert_eq!(
                sums.mismatch(0, &bytes, size as u64 + 1),
                Some(Mismatch::Size { expected: size as u64, found: size as u64 + 1 })
            );
        }
    }

    #[test]
    fn ranges_are_rounded_to_blocks_and_clipped() {
        let sums = Sums::of(&vec![7; 3 * BLOCK_BYTES as usize + 5]);
        let end = 3 * BLOCK_BYTES + 5;
        for (range, wanted) in [
            (0..1, 0..BLOCK_BYTES),
            (BLOCK_BYTES - 1..BLOCK_BYTES + 1, 0..2 * BLOCK_BYTES),
            (end - 1..end, 3 * BLOCK_BYTES..end),
            (2 * BLOCK_BYTES..u64::MAX, 2 * BLOCK_BYTES..end),
            (end..end + 9, 3 * BLOCK_BYTES..end),
        ] {
            assert_eq!(sums.around(&range), wanted, "{range:?}");
        }
    }

    #[test]
    fn a_record_that_was_cut_or_changed_says_nothing() {
        let line = Sums::of(b"some rows").line();
        for cut in 1..line.len() {
            assert_eq!(Record::parse(&line.as_bytes()[..cut]), Record::None, "{cut}");
        }
        for at in 0..line.len() {
            let mut changed = line.clone().into_bytes();
            changed[at] ^= 1;
            assert_eq!(Record::parse(&changed), Record::None, "{at}");
        }
        assert_eq!(Record::parse(b""), Record::None);
        assert_eq!(Record::parse(sealed(format!("{MARK} {UNKNOWN}")).as_bytes()), Record::None);
    }

    #[test]
    fn names_of_records_are_hidden_and_fit() {
        let path = |name: &str| path_of(Path::new(name)).to_str().unwrap().to_owned();
        assert_eq!(path("t/month=1/part-0.parquet"), "t/month=1/.part-0.parquet.sum");
        assert!(
            is_record(".part-0.parquet.sum")
                && !is_record(".sum")
                && !is_record("a.sum")
                && !is_record(".hidden")
        );
        assert_eq!(object_of(".part-0.parquet.sum"), Some("part-0.parquet"));
        let long = path(&"n".repeat(255));
        assert!(long.len() <= 255 && is_record(&long) && object_of(&long).is_none());
    }
}

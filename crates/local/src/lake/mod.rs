//! The `Lake` port on a folder, in memory, and over files that stay where they are.

mod folder;
mod memory;
mod notifying;
mod read_only_files;
mod record;

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use quotelake_core::Error;
use quotelake_core::ports::Version;

pub use folder::{FolderLake, PRIVATE_FOLDER};
pub use memory::MemoryLake;
pub use notifying::NotifyingLake;
pub use read_only_files::ReadOnlyFiles;

/// Size, time of the last change in nanoseconds, and inode: cheap to ask for, and new whenever a file was replaced.
fn version_of(metadata: &Metadata) -> Version {
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed_ns = changed.map_or(0, |since| since.as_nanos());
    Version::new(format!("{:x}-{changed_ns:x}-{:x}", metadata.len(), inode(metadata)))
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}

/// The rest of an open file, at most `limit` bytes.
fn read_at_most(file: &mut File, limit: u64) -> std::io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(limit).unwrap_or(0));
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// A range of an open file, clipped to its end.
fn read_range(file: &mut File, size: u64, range: &Range<u64>) -> std::io::Result<Bytes> {
    let end = range.end.min(size);
    if range.start >= end {
        return Ok(Bytes::new());
    }
    file.seek(SeekFrom::Start(range.start))?;
    read_at_most(file, end - range.start)
}

/// `NotFound`, naming the object.
fn absent(key: &str) -> Error {
    Error::not_found(format!("no object {key}"))
}

/// The error of a failed read of an object.
fn read_error(key: &str, path: &Path, error: std::io::Error) -> Error {
    if crate::files::is_absent(&error) { absent(key) } else { crate::files::io_error("read", path, error) }
}

//! Files, the way every adapter of this crate uses them: whole files written to a temporary name and renamed, decisions
//! under advisory locks, blocking calls on the blocking pool, errors that name the path and the cause.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use quotelake_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::checksum::crc;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A loss of power: file contents are flushed to the disk before they get their name (some milliseconds a write).
    #[default]
    PowerLoss,
    /// The death of the process, `kill -9` included; contents may still be in the system's memory.
    ProcessCrash,
}

/// Runs blocking file work off the executor's threads. When the caller's future is dropped the work still ends: a
/// cancelled put may have happened, as with any remote store.
pub(crate) async fn blocking<T, F>(work: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::bug("file work panicked").with_source(error)),
    }
}

/// The error of a failed file call: what the caller should do, the path and the system's own words.
///
/// A refusal (permissions, a read-only disk) is `Config`: it stays until somebody changes it. A full disk, too many open
/// files and everything unforeseen is `Unavailable`.
pub(crate) fn io_error(verb: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Config,
        io::ErrorKind::InvalidFilename => ErrorKind::InvalidInput,
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => ErrorKind::Unsupported,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot {verb} {}", path.display())).with_source(error)
}

/// Makes a folder and its parents.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| io_error("create folder", path, error))
}

/// The names of temporary files: unique in this process by the counter, between processes by the process id, and after a
/// process id came round again because a temporary file is created with `create_new`.
static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// Writes a temporary file in `folder`, complete and, if asked, flushed. The caller renames, links or removes it.
pub(crate) fn write_temporary(folder: &Path, bytes: &[u8], durability: Durability) -> Result<PathBuf> {
    loop {
        let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}.tmp", std::process::id()));
        let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(io_error("create", &path, error)),
        };
        let written = file.write_all(bytes).and_then(|()| match durability {
            Durability::PowerLoss => file.sync_data(),
            Durability::ProcessCrash => Ok(()),
        });
        return match written {
            Ok(()) => Ok(path),
            Err(error) => {
                // On a full disk the part that fitted must not stay behind.
                let _ = fs::remove_file(&path);
                Err(io_error("write", &path, error))
            }
        };
    }
}

/// Replaces `target` as a whole: a reader sees the old content or the new one. `folder` is on the same file system.
pub(crate) fn replace(folder: &Path, target: &Path, bytes: &[u8], durability: Durability) -> Result<()> {
    let temporary = write_temporary(folder, bytes, durability)?;
    fs::rename(&temporary, target).map_err(|error| {
        let _ = fs::remove_file(&temporary);
        io_error("write", target, error)
    })
}

/// [`replace`] with a JSON document.
pub(crate) fn replace_json<T: Serialize>(
    folder: &Path,
    target: &Path,
    document: &T,
    durability: Durability,
) -> Result<()> {
    let bytes = serde_json::to_vec(document)
        .map_err(|error| Error::bug(format!("cannot format {}", target.display())).with_source(error))?;
    replace(folder, target, &bytes, durability)
}

/// What a sealed document ends in, before its checksum.
const SEAL: &[u8] = br#","crc64":""#;
/// A checksum in hex, the quote behind it and the document's brace.
const SEAL_END: usize = 18;

/// [`replace_json`] of an object that ends in a checksum of all that is before it, as its last member `crc64`.
pub(crate) fn replace_sealed<T: Serialize>(
    folder: &Path,
    target: &Path,
    document: &T,
    durability: Durability,
) -> Result<()> {
    let mut bytes = serde_json::to_vec(document)
        .map_err(|error| Error::bug(format!("cannot format {}", target.display())).with_source(error))?;
    let sum = crc(&bytes);
    bytes.pop();
    bytes.extend_from_slice(SEAL);
    bytes.extend_from_slice(format!("{sum:016x}\"}}").as_bytes());
    replace(folder, target, &bytes, durability)
}

/// A document that was sealed; `None` where it is not what was written. One of an earlier version has no seal and is read as it is.
pub(crate) fn open_sealed<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if let Some((rest, end)) = bytes.split_last_chunk::<SEAL_END>()
        && let Some(document) = rest.strip_suffix(SEAL)
    {
        let whole = [document, b"}"].concat();
        let sum = std::str::from_utf8(&end[..16]).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
        return (sum == Some(crc(&whole))).then(|| serde_json::from_slice(&whole).ok()).flatten();
    }
    serde_json::from_slice(bytes).ok()
}

/// A sealed document, `None` when there is none. `Config` for one that is damaged.
pub(crate) fn read_sealed<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    open_sealed(&bytes).map(Some).ok_or_else(|| damaged(path))
}

/// A whole file, `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(io_error("read", path, error)),
    }
}

/// A JSON document without which nothing is lost, `None` when there is none: one that is damaged counts as absent, and is said.
pub(crate) fn read_json_or_forget<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    Ok(serde_json::from_slice(&bytes).map_or_else(
        |error| {
            tracing::warn!(path = %path.display(), error = %error, "the file is damaged and is started over");
            None
        },
        Some,
    ))
}

/// `Config`: the file is not what it should be.
pub(crate) fn damaged(path: &Path) -> Error {
    Error::config(format!("{} is damaged: see `quotelake doctor`", path.display()))
}

/// Removes a file; succeeds when there is none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if !is_absent(&error) => Err(io_error("remove", path, error)),
        _ => Ok(()),
    }
}

/// The file names in a folder, sorted; empty when there is no folder. Other names than UTF-8 are none of ours.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(io_error("list", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io_error("list", folder, error))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether the error says that no file has this name: no entry, a file where a folder would have to be, a name that no
/// file can have.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// An advisory lock on a file, between processes and between handles of one process; released on drop.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    fn open(path: &Path) -> Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path).map_err(|error| io_error("open lock", path, error))
    }

    /// Waits for the only lock.
    pub(crate) fn exclusive(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        file.lock().map_err(|error| io_error("lock", path, error))?;
        Ok(Self { file })
    }

    /// The only lock, or `None` when another holder has it or a shared one.
    pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Self>> {
        let file = Self::open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(io_error("lock", path, error)),
        }
    }

    /// Waits for a lock that others may share, for somebody who may not write here; `None` where it cannot be had.
    pub(crate) fn shared_existing(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        file.lock_shared().ok()?;
        Some(Self { file })
    }

    /// Waits for a lock that others may share.
    pub(crate) fn shared(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        file.lock_shared().map_err(|error| io_error("lock", path, error))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases the lock as well; this only does it at once where a child process inherited it.
        let _ = self.file.unlock();
    }
}

/// Empties a folder of temporary files if no other process can be using it, and registers as a user of it: everybody who
/// writes there holds the shared lock that this returns.
pub(crate) fn clean_temporary(folder: &Path, lock: &Path) -> Result<Lock> {
    create_folder(folder)?;
    if let Some(_alone) = Lock::try_exclusive(lock)? {
        for name in names(folder)?.iter().filter(|name| name.ends_with(".tmp")) {
            remove(&folder.join(name))?;
        }
    }
    Lock::shared(lock)
}

/// Whether files may be written in a folder, and the lock that says that they are: see [`clean_temporary`].
#[derive(Debug)]
pub(crate) enum Use {
    /// They may.
    Writing {
        /// Held as long as they are.
        _user: Lock,
    },
    /// They may not: a backup, a read-only mount, another user's folder. What is there can be read all the same.
    Reading {
        /// The system's words.
        refused: String,
    },
}

impl Use {
    /// Opens a folder for temporary files; where the system refuses, what is there is only read.
    pub(crate) fn begin(temporary: &Path, lock: &Path) -> Result<Self> {
        match clean_temporary(temporary, lock) {
            Ok(user) => Ok(Self::Writing { _user: user }),
            Err(error) => Self::reading(error),
        }
    }

    /// A refusal, as far as it leaves something to read.
    pub(crate) fn reading(error: Error) -> Result<Self> {
        match error.kind() {
            ErrorKind::Config => Ok(Self::Reading { refused: error.to_string() }),
            _ => Err(error),
        }
    }

    /// Of what somebody wants to read and nothing else.
    pub(crate) fn asked_to_read() -> Self {
        Self::Reading { refused: "it was opened to be read".to_owned() }
    }

    /// `Config` where files may only be read.
    pub(crate) fn check_writable(&self) -> Result<()> {
        match self {
            Self::Writing { .. } => Ok(()),
            Self::Reading { refused } => Err(Error::config(format!("the lake may only be read: {refused}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_removed_only_when_nobody_else_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, lock) = (dir.path().join("tmp"), dir.path().join("lock"));
        let first = clean_temporary(&folder, &lock).unwrap();
        write_temporary(&folder, b"in progress", Durability::ProcessCrash).unwrap();
        let second = clean_temporary(&folder, &lock).unwrap();
        assert_eq!(names(&folder).unwrap().len(), 1, "another user may be writing it");
        drop((first, second));
        let _third = clean_temporary(&folder, &lock).unwrap();
        assert_eq!(names(&folder).unwrap().len(), 0);
    }

    #[test]
    fn errors_name_path_cause_and_what_to_do() {
        let full = io_error("write", Path::new("lake/x"), io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.kind(), ErrorKind::Unavailable);
        assert_eq!(full.to_string(), "cannot write lake/x: no storage space");
        let refused =
            io_error("write", Path::new("lake/x"), io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(refused.kind(), ErrorKind::Config);
    }
}

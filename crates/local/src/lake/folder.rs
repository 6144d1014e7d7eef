//! The port `Lake` on a folder: how an object is put (temporary file, stamp, lock, rename, record of its checksums), headed and
//! deleted. `read` holds what is read against the record; `walk` lists keys, and finds objects that are gone or have no record.

mod read;
mod walk;

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{Lake, Object, ObjectMeta, Precondition, Version};
use quotelake_core::{Error, ErrorKind, Result, check_key, sha256_hex};

use super::record::{self, Record, Replacing, Sums};
use super::{absent, read_error, read_range, version_of};
use crate::files::{self, Durability, Lock, Use, blocking, io_error};

/// The folder at a lake's root that is no part of its key space: temporary files, locks, queues, journals, the catalog.
pub const PRIVATE_FOLDER: &str = "_platform";

/// A lake on a folder: an object is a file and its key is the path below the root. Clones share it; so do processes.
///
/// - A put writes a temporary file below `_platform/tmp` (the same file system) and renames it, so that a reader sees
///   the old bytes or the new ones. Every change of a key happens under a lock that keys share by hash, which makes the
///   preconditions hold between processes.
/// - A version is the file's size, time of change and inode. A put stamps each file with a time of change that no other
///   write of the same millisecond has, so a version is not seen twice even when the system reuses the inode at once.
/// - A key that starts with `_platform/` is `InvalidInput`, as is one that would pass a symbolic link: no key leaves the
///   root. Links and files whose names are no valid keys are not listed.
/// - Each object has a record of its size and checksums in a hidden file beside it, `.<name>.sum`; no object may be called so.
/// - Unlike in S3, `a` and `a/b` cannot both be objects; the second put is `Unsupported`.
#[derive(Debug, Clone)]
pub struct FolderLake {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    temporary: PathBuf,
    locks: PathBuf,
    durability: Durability,
    /// Says that temporary files may be in use, where the folder may be written.
    usage: Use,
}

impl FolderLake {
    /// Opens the lake below `root`, which is created when missing; an acknowledged put survives a loss of power.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        Self::open_with(root, Durability::default())
    }

    /// Opens the lake with a chosen durability. A folder that may only be read is opened as well: then every put and delete is
    /// `Config`.
    pub fn open_with(root: impl Into<PathBuf>, durability: Durability) -> Result<Self> {
        let root = root.into();
        let private = root.join(PRIVATE_FOLDER);
        let (temporary, locks) = (private.join("tmp"), private.join("locks"));
        let usage = match files::create_folder(&locks) {
            Ok(()) => Use::begin(&temporary, &private.join("tmp.lock"))?,
            Err(error) if root.is_dir() => Use::reading(error)?,
            Err(error) => return Err(error),
        };
        Ok(Self { shared: Arc::new(Shared { root, temporary, locks, durability, usage }) })
    }

    /// The lake below `root`, to be read only: nothing is written, not even a lock, so that a folder of another user, a backup or
    /// a mount can be read. A put or a delete is `Config`.
    pub fn read_only(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let private = root.join(PRIVATE_FOLDER);
        let (temporary, locks) = (private.join("tmp"), private.join("locks"));
        let durability = Durability::default();
        Self { shared: Arc::new(Shared { root, temporary, locks, durability, usage: Use::asked_to_read() }) }
    }

    /// The objects whose keys start with `prefix` and of which nothing is known: they are read as they are.
    pub async fn unrecorded(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.run(prefix, Shared::unrecorded).await
    }

    /// Takes an object for what it is now: notes its size and checksums, or forgets it where it is gone. For somebody who changed
    /// or removed a file by hand and meant it. `NotFound` where there is neither an object nor a record.
    pub async fn accept(&self, key: &str) -> Result<()> {
        self.run(key, Shared::accept).await
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.shared.root
    }

    /// The folder for what is not an object, `<root>/_platform`.
    pub fn private_folder(&self) -> PathBuf {
        self.shared.root.join(PRIVATE_FOLDER)
    }

    async fn run<T, F>(&self, key: &str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Shared, &str) -> Result<T> + Send + 'static,
    {
        let (shared, key) = (Arc::clone(&self.shared), key.to_owned());
        blocking(move || work(&shared, &key)).await
    }
}

impl Shared {
    /// The file of a key. `InvalidInput` for a key that is not valid, private, or passes a symbolic link.
    fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        if key == PRIVATE_FOLDER || key.strip_prefix(PRIVATE_FOLDER).is_some_and(|rest| rest.starts_with('/'))
        {
            return Err(Error::invalid(format!("{key} is private to the platform")));
        }
        if key.rsplit('/').next().is_some_and(record::is_record) {
            return Err(Error::invalid(format!("{key} has the name of a record of the lake")));
        }
        let mut path = self.root.clone();
        for segment in key.split('/') {
            // A backslash or a drive letter is a plain character where it is one, and refused where it is not.
            if !matches!(
                Path::new(segment).components().collect::<Vec<_>>()[..],
                [std::path::Component::Normal(_)]
            ) {
                return Err(Error::invalid(format!("{key:?} is not a valid key on this system")));
            }
            path.push(segment);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_symlink() => {
                    return Err(Error::invalid(format!("{} is a symbolic link", path.display())));
                }
                Ok(_) => {}
                // What is not there is no link; the call that follows says what else is wrong.
                Err(_) => continue,
            }
        }
        Ok(path)
    }

    fn lock_file(&self, key: &str) -> PathBuf {
        // 16 files serve all keys: two keys that share one wait for each other for microseconds, and a new lake has few to make.
        self.locks.join(&sha256_hex(key.as_bytes())[..1])
    }

    fn lock(&self, key: &str) -> Result<Lock> {
        Lock::exclusive(&self.lock_file(key))
    }

    fn open(&self, key: &str) -> Result<(PathBuf, File, fs::Metadata)> {
        let path = self.path(key)?;
        let file = File::open(&path).map_err(|error| read_error(key, &path, error))?;
        let metadata = file.metadata().map_err(|error| read_error(key, &path, error))?;
        if metadata.is_file() { Ok((path, file, metadata)) } else { Err(absent(key)) }
    }

    fn head(&self, key: &str, path: &Path) -> Result<Option<ObjectMeta>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(ObjectMeta {
                key: key.to_owned(),
                size: metadata.len(),
                version: version_of(&metadata),
                modified: metadata.modified().ok().map(Into::into),
            })),
            Ok(_) => Ok(None),
            Err(error) if files::is_absent(&error) => Ok(None),
            Err(error) => Err(io_error("read", path, error)),
        }
    }

    fn put(&self, key: &str, bytes: &[u8], when: &Precondition) -> Result<Version> {
        let path = self.path(key)?;
        self.usage.check_writable()?;
        let sums = Sums::of(bytes);
        // The bytes are on disk before the lock is taken: only the decision and the rename happen under it.
        let temporary = files::write_temporary(&self.temporary, bytes, self.durability)?;
        let result = self.stamp(&temporary).and_then(|version| {
            let _lock = self.lock(key)?;
            let current = self.head(key, &path)?;
            if let (Precondition::IfAbsent, Some(current)) = (when, &current) {
                self.note_if_unknown(&path, current, bytes, &sums)?;
            }
            check(key, when, current.as_ref())?;
            let record = record::path_of(&path);
            if current.is_some() {
                let replacing = Replacing::begin(&self.temporary, &record, &sums)?;
                self.place(&temporary, &path, when)?;
                replacing.end()?;
            } else {
                self.place(&temporary, &path, when)?;
                record::write(&record, &sums)?;
            }
            Ok(version)
        });
        if result.is_err() || *when == Precondition::IfAbsent {
            // What is left behind by a failure here is removed when the lake is next opened.
            let _ = files::remove(&temporary);
        }
        result
    }

    /// Somebody puts again what is there: of an object whose writer died before it could note its content, that is the content.
    fn note_if_unknown(&self, path: &Path, current: &ObjectMeta, bytes: &[u8], sums: &Sums) -> Result<()> {
        let record = record::path_of(path);
        if current.size != bytes.len() as u64 || Record::read(&record)? != Record::None {
            return Ok(());
        }
        match files::read(path)? {
            Some(found) if found == bytes => record::write(&record, sums),
            _ => Ok(()),
        }
    }

    fn accept(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        self.usage.check_writable()?;
        let _lock = self.lock(key)?;
        let record = record::path_of(&path);
        match files::read(&path)? {
            Some(bytes) => record::write(&record, &Sums::of(&bytes)),
            None if files::read(&record)?.is_some() => files::remove(&record),
            None => Err(absent(key)),
        }
    }

    /// Gives the file a time of change of its own: the system's clock for this ticks every few milliseconds only, in which
    /// a reused inode and an equal size would make two contents look like one version.
    fn stamp(&self, temporary: &Path) -> Result<Version> {
        let stamped = || {
            let file = File::options().write(true).open(temporary)?;
            let since = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
            let millis = Duration::new(since.as_secs(), since.subsec_millis() * 1_000_000);
            file.set_modified(UNIX_EPOCH + millis + Duration::from_nanos(fastrand::u64(..1_000_000)))?;
            file.metadata()
        };
        stamped().map(|metadata| version_of(&metadata)).map_err(|error| io_error("stamp", temporary, error))
    }

    /// Gives the temporary file its name.
    fn place(&self, temporary: &Path, path: &Path, when: &Precondition) -> Result<()> {
        // Shared by all who fill folders: nobody removes an emptied one between its making and its use.
        let _filling = Lock::shared(&self.folders_lock())?;
        let folder = path.parent().unwrap_or(&self.root);
        let placed = fs::create_dir_all(folder).and_then(|()| match when {
            // A link cannot replace a file, so this holds even against a program that takes no locks.
            Precondition::IfAbsent => fs::hard_link(temporary, path).or_else(|error| match error.kind() {
                // Some file systems have no links; the key's lock is enough among ourselves.
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => fs::rename(temporary, path),
                _ => Err(error),
            }),
            _ => fs::rename(temporary, path),
        });
        placed.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists if path.is_file() => {
                Error::conflict(format!("{} exists already", path.display()))
            }
            io::ErrorKind::AlreadyExists => {
                let what = format!("cannot write {}: a file is in the way of a folder", path.display());
                Error::new(ErrorKind::Unsupported, what).with_source(error)
            }
            // Somebody removed what was just made; a put has no missing object to speak of.
            io::ErrorKind::NotFound => {
                Error::unavailable(format!("cannot write {}", path.display())).with_source(error)
            }
            _ => io_error("write", path, error),
        })
    }

    fn folders_lock(&self) -> PathBuf {
        self.locks.join("folders")
    }

    fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        self.usage.check_writable()?;
        let _lock = self.lock(key)?;
        if path.is_dir() {
            return Ok(());
        }
        files::remove(&record::path_of(&path))?;
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if files::is_absent(&error) => return Ok(()),
            Err(error) => return Err(io_error("remove", &path, error)),
        }
        // Best effort: an emptied folder means nothing, it only clutters. It stays while somebody fills folders.
        let Some(_emptying) = Lock::try_exclusive(&self.folders_lock())? else { return Ok(()) };
        let mut folder = path.parent();
        while let Some(parent) = folder.filter(|parent| *parent != self.root) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
            folder = parent.parent();
        }
        Ok(())
    }
}

fn check(key: &str, when: &Precondition, current: Option<&ObjectMeta>) -> Result<()> {
    match (when, current) {
        (Precondition::IfAbsent, Some(_)) => Err(Error::conflict(format!("{key} exists already"))),
        (Precondition::IfVersion(expected), current)
            if current.map(|meta| &meta.version) != Some(expected) =>
        {
            Err(Error::conflict(format!("{key} is no longer at version {expected}")))
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl Lake for FolderLake {
    async fn get(&self, key: &str) -> Result<Object> {
        self.run(key, |shared, key| {
            let (bytes, version, verified) = shared.read(key, None)?;
            Ok(Object { bytes, version, verified })
        })
        .await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.run(key, move |shared, key| Ok(shared.read(key, Some(&range))?.0)).await
    }

    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.run(key, |shared, key| {
            let (path, mut file, metadata) = shared.open(key)?;
            let bytes = read_range(&mut file, metadata.len(), &(0..metadata.len()))
                .map_err(|error| read_error(key, &path, error))?;
            Ok(Object { bytes, version: version_of(&metadata), verified: false })
        })
        .await
    }

    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        self.run(key, move |shared, key| shared.put(key, &bytes, &when)).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.run(key, |shared, key| shared.head(key, &shared.path(key)?)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.run(prefix, Shared::list).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.run(key, Shared::delete).await
    }

    async fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        self.run(prefix, Shared::missing).await
    }
}

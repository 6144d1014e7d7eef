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

use super::{absent, read_at_most, read_error, read_range, version_of};
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

    fn lock(&self, key: &str) -> Result<Lock> {
        // 16 files serve all keys: two keys that share one wait for each other for microseconds, and a new lake has few to make.
        Lock::exclusive(&self.locks.join(&sha256_hex(key.as_bytes())[..1]))
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
            })),
            Ok(_) => Ok(None),
            Err(error) if files::is_absent(&error) => Ok(None),
            Err(error) => Err(io_error("read", path, error)),
        }
    }

    fn put(&self, key: &str, bytes: &[u8], when: &Precondition) -> Result<Version> {
        let path = self.path(key)?;
        self.usage.check_writable()?;
        // The bytes are on disk before the lock is taken: only the decision and the rename happen under it.
        let temporary = files::write_temporary(&self.temporary, bytes, self.durability)?;
        let result = self.stamp(&temporary).and_then(|version| {
            let _lock = self.lock(key)?;
            self.check(key, &path, when)?;
            self.place(&temporary, &path, when).map(|()| version)
        });
        if result.is_err() || *when == Precondition::IfAbsent {
            // What is left behind by a failure here is removed when the lake is next opened.
            let _ = files::remove(&temporary);
        }
        result
    }

    /// Gives the file a time of change of its own: the system's clock for this ticks every few milliseconds only, in which
    /// a reused inode and an equal size would make two contents look like one version.
    fn stamp(&self, temporary: &Path) -> Result<Version> {
        let stamped = || {
            let file = File::options().write(true).open(temporary)?;
            let since = file.metadata()?.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
            let millis = Duration::new(since.as_secs(), since.subsec_millis() * 1_000_000);
            file.set_modified(
                UNIX_EPOCH + millis + Duration::from_nanos(crate::random::entropy() % 1_000_000),
            )?;
            file.metadata()
        };
        stamped().map(|metadata| version_of(&metadata)).map_err(|error| io_error("stamp", temporary, error))
    }

    fn check(&self, key: &str, path: &Path, when: &Precondition) -> Result<()> {
        match (when, self.head(key, path)?) {
            (Precondition::IfAbsent, Some(_)) => Err(Error::conflict(format!("{key} exists already"))),
            (Precondition::IfVersion(expected), current)
                if current.as_ref().map(|meta| &meta.version) != Some(expected) =>
            {
                Err(Error::conflict(format!("{key} is no longer at version {expected}")))
            }
            _ => Ok(()),
        }
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
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if files::is_absent(&error) => return Ok(()),
            Err(_) if path.is_dir() => return Ok(()),
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

    fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let mut found = Vec::new();
        let parent = prefix.rfind('/').map_or("", |slash| &prefix[..slash]);
        // No key starts like this, and the walk must not start outside the root.
        if prefix.starts_with('/') || !(parent.is_empty() || quotelake_core::is_valid_key(parent)) {
            return Ok(found);
        }
        if !parent.is_empty() {
            match self.path(parent) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::InvalidInput => return Ok(found),
                Err(error) => return Err(error),
            }
        }
        self.walk(parent, prefix, &mut found)?;
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn walk(&self, folder: &str, prefix: &str, found: &mut Vec<ObjectMeta>) -> Result<()> {
        let path = self.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if files::is_absent(&error) => return Ok(()),
            Err(error) => return Err(io_error("list", &path, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| io_error("list", &path, error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let below = key.starts_with(prefix)
                || prefix.strip_prefix(&key).is_some_and(|rest| rest.starts_with('/'));
            if !below || key == PRIVATE_FOLDER {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.walk(&key, prefix, found)?,
                Ok(kind)
                    if kind.is_file() && key.starts_with(prefix) && quotelake_core::is_valid_key(&key) =>
                {
                    // Deleted since it was listed: not there.
                    found.extend(self.head(&key, &entry.path())?);
                }
                Ok(_) => {}
                Err(error) if files::is_absent(&error) => {}
                Err(error) => return Err(io_error("list", &entry.path(), error)),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Lake for FolderLake {
    async fn get(&self, key: &str) -> Result<Object> {
        self.run(key, |shared, key| {
            // A file is never changed once it has its name, so what is read belongs to the version asked for first.
            let (path, mut file, metadata) = shared.open(key)?;
            let bytes =
                read_at_most(&mut file, metadata.len()).map_err(|error| read_error(key, &path, error))?;
            Ok(Object { bytes, version: version_of(&metadata) })
        })
        .await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.run(key, move |shared, key| {
            let (path, mut file, metadata) = shared.open(key)?;
            read_range(&mut file, metadata.len(), &range).map_err(|error| read_error(key, &path, error))
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
}

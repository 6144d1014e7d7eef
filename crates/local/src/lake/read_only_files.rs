//! The port `Lake` over files of a person, read where they are and never written: what `quotelake load` hands to `ingest`
//! without a copy.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{Lake, Object, ObjectMeta, Precondition, Version};
use quotelake_core::{Error, ErrorKind, Result, check_key};

use super::{absent, read_at_most, read_error, read_range, version_of};
use crate::files::{blocking, io_error};

/// Files of a user as a read-only lake: each stays where it is and is read under a key of the caller's choice.
///
/// A put or a delete is `Unsupported`, and nothing is known of their content beforehand. Somebody may write to a file while it is
/// read; a read that notices is `Unavailable`.
#[derive(Debug, Clone)]
pub struct ReadOnlyFiles {
    files: Arc<BTreeMap<String, PathBuf>>,
}

impl ReadOnlyFiles {
    /// The files by key. `InvalidInput` for a key that is not valid or named twice; whether a file exists is seen when it is
    /// read.
    pub fn new(files: impl IntoIterator<Item = (String, PathBuf)>) -> Result<Self> {
        let mut by_key = BTreeMap::new();
        for (key, path) in files {
            check_key(&key)?;
            if let Some(other) = by_key.insert(key.clone(), path) {
                return Err(Error::invalid(format!("{key} names {} and another file", other.display())));
            }
        }
        Ok(Self { files: Arc::new(by_key) })
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        self.files.get(key).cloned().ok_or_else(|| absent(key))
    }

    /// Reads with `read` and makes sure that all of it belongs to one version.
    async fn read<T: Send + 'static>(
        &self,
        key: &str,
        read: impl FnOnce(&mut File, u64) -> std::io::Result<T> + Send + 'static,
    ) -> Result<(T, Version)> {
        let (key, path) = (key.to_owned(), self.path(key)?);
        blocking(move || {
            let failed = |error| read_error(&key, &path, error);
            let mut file = File::open(&path).map_err(failed)?;
            let before = file.metadata().map_err(failed)?;
            if !before.is_file() {
                return Err(absent(&key));
            }
            let content = read(&mut file, before.len()).map_err(failed)?;
            let version = version_of(&before);
            if version_of(&file.metadata().map_err(failed)?) != version {
                return Err(Error::unavailable(format!("{} changed while it was read", path.display())));
            }
            Ok((content, version))
        })
        .await
    }
}

fn read_only(verb: &str, key: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("cannot {verb} {key}: the files are read in place"))
}

fn meta(key: &str, path: &Path) -> Result<Option<ObjectMeta>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(ObjectMeta {
            key: key.to_owned(),
            size: metadata.len(),
            version: version_of(&metadata),
            modified: metadata.modified().ok().map(Into::into),
        })),
        Ok(_) => Ok(None),
        Err(error) if crate::files::is_absent(&error) => Ok(None),
        Err(error) => Err(io_error("read", path, error)),
    }
}

#[async_trait]
impl Lake for ReadOnlyFiles {
    async fn get(&self, key: &str) -> Result<Object> {
        let (bytes, version) =
            self.read(key, |file, size| read_at_most(file, size.saturating_add(1))).await?;
        Ok(Object { bytes, version, verified: false })
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        Ok(self.read(key, move |file, size| read_range(file, size, &range)).await?.0)
    }

    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.get(key).await
    }

    async fn put(&self, key: &str, _: Bytes, _: Precondition) -> Result<Version> {
        Err(read_only("write", key))
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        check_key(key)?;
        let Some(path) = self.files.get(key).cloned() else { return Ok(None) };
        let key = key.to_owned();
        blocking(move || meta(&key, &path)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let (files, prefix) = (Arc::clone(&self.files), prefix.to_owned());
        blocking(move || {
            let listed = files.iter().filter(|(key, _)| key.starts_with(&prefix));
            listed.filter_map(|(key, path)| meta(key, path).transpose()).collect()
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        Err(read_only("delete", key))
    }

    /// None: the files are their owner's, who may remove them.
    async fn missing(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

//! The port `Lake` in memory: for tests, for the URI `memory:`, and for what a command keeps no longer than it runs (receipts
//! of the files that `load` reads).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{Lake, Object, ObjectMeta, Precondition, Version};
use quotelake_core::{Error, Result, check_key, sha256_hex};

use super::absent;

/// A lake in memory, for tests and dry runs. Clones share the objects. A version is the content's hash, as S3's ETag is:
/// equal bytes have equal versions.
#[derive(Debug, Clone, Default)]
pub struct MemoryLake {
    objects: Arc<Mutex<BTreeMap<String, Object>>>,
}

impl MemoryLake {
    /// An empty lake.
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        // No code that can panic runs under the lock.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn meta(key: &str, object: &Object) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size: object.bytes.len() as u64,
        version: object.version.clone(),
        modified: None,
    }
}

#[async_trait]
impl Lake for MemoryLake {
    async fn get(&self, key: &str) -> Result<Object> {
        check_key(key)?;
        self.objects().get(key).cloned().ok_or_else(|| absent(key))
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.get(key).await?.bytes;
        let clip = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let (start, end) = (clip(range.start), clip(range.end));
        Ok(if start < end { bytes.slice(start..end) } else { Bytes::new() })
    }

    /// Memory does not change under anybody: the same as [`Lake::get`].
    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        Ok(Object { verified: false, ..self.get(key).await? })
    }

    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        check_key(key)?;
        let version = Version::new(&sha256_hex(&bytes)[..32]);
        let mut objects = self.objects();
        let current = objects.get(key).map(|object| &object.version);
        match (&when, current) {
            (Precondition::IfAbsent, Some(_)) => {
                return Err(Error::conflict(format!("{key} exists already")));
            }
            (Precondition::IfVersion(expected), current) if current != Some(expected) => {
                return Err(Error::conflict(format!("{key} is no longer at version {expected}")));
            }
            _ => {}
        }
        objects.insert(key.to_owned(), Object { bytes, version: version.clone(), verified: true });
        Ok(version)
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        check_key(key)?;
        Ok(self.objects().get(key).map(|object| meta(key, object)))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let objects = self.objects();
        let from = objects.range(prefix.to_owned()..);
        Ok(from
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, object)| meta(key, object))
            .collect())
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.objects().remove(key);
        Ok(())
    }

    /// None: nobody else can remove an object.
    async fn missing(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

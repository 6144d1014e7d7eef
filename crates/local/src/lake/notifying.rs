//! A `Lake` around another that announces new objects below a prefix: a bucket's notification on a laptop. The command line
//! wraps the lake of `ingest` in it, so that what lands is checked.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::Result;
use quotelake_core::ports::{Lake, Object, ObjectMeta, Precondition, Version};

use crate::notify::ObjectCreated;

/// A lake that announces every object written under a prefix, as a bucket with a notification does. The put fails when nobody
/// could be notified: a second put notifies again.
#[derive(Debug, Clone)]
pub struct NotifyingLake {
    lake: Arc<dyn Lake>,
    prefix: String,
    created: Arc<dyn ObjectCreated>,
}

impl NotifyingLake {
    /// Tells `created` of objects whose key begins with `prefix`.
    pub fn new(lake: Arc<dyn Lake>, prefix: impl Into<String>, created: Arc<dyn ObjectCreated>) -> Self {
        Self { lake, prefix: prefix.into(), created }
    }
}

#[async_trait]
impl Lake for NotifyingLake {
    async fn get(&self, key: &str) -> Result<Object> {
        self.lake.get(key).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.lake.get_range(key, range).await
    }

    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        self.lake.get_unchecked(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        let size = bytes.len() as u64;
        let version = self.lake.put(key, bytes, when).await?;
        if key.starts_with(&self.prefix) {
            let object = ObjectMeta { key: key.to_owned(), size, version: version.clone(), modified: None };
            self.created.object_created(&object).await?;
        }
        Ok(version)
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.lake.head(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.lake.list(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.lake.delete(key).await
    }

    async fn missing(&self, prefix: &str) -> Result<Vec<String>> {
        self.lake.missing(prefix).await
    }
}

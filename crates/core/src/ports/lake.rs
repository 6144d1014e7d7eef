//! The port for objects: bytes under keys, written whole, with compare-and-swap by version, and verified when they are read.
//! All that a stage reads or leaves behind in the lake goes through it; the layout of the keys is
//! [`ObjectKey`](crate::ObjectKey)'s.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Result;

/// An opaque version of an object: equal versions mean equal bytes. S3 uses the ETag, a folder size, time
/// and place of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// Wraps an adapter's version text.
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// The adapter's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// When a put may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Always: replaces what is there.
    None,
    /// Only if no object has this key.
    IfAbsent,
    /// Only if the object's version is this one.
    IfVersion(Version),
}

/// An object's bytes and the version they belong to.
#[derive(Debug, Clone)]
pub struct Object {
    /// The whole content.
    pub bytes: Bytes,
    /// The version that was read.
    pub version: Version,
    /// Whether the bytes were held against what the lake noted when they were put. False for an object that has no such
    /// note: one that an older Quotelake wrote, or that came into the lake some other way.
    pub verified: bool,
}

/// An object without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The key, without a leading slash.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// The current version.
    pub version: Version,
    /// When it was written, where the lake knows.
    pub modified: Option<DateTime<Utc>>,
}

/// Objects under keys, see [`ObjectKey`](crate::ObjectKey).
///
/// Keys have no leading slash, no empty, `.` or `..` segment. A put is atomic: a reader sees the old bytes or the new
/// ones, never a part. There are no folders: a prefix is text.
///
/// What was put is what is read: a put notes the content's size and checksums, and anyone who reads bytes of it gets those that
/// were put or `Damaged`, with the key, what was expected and what was found. An object without such a note is read as it is.
#[async_trait]
pub trait Lake: fmt::Debug + Send + Sync {
    /// The whole object. `NotFound` when there is none, `Damaged` when it is not what was put.
    async fn get(&self, key: &str) -> Result<Object>;

    /// Bytes `range` of the object, clipped to its end; empty when the range starts at or after the end. `NotFound` when
    /// there is no object, `Damaged` when the bytes are not those that were put.
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes>;

    /// The whole object as it lies there, damaged or not: to set it aside or to look at it, never to go on with it. `verified` is
    /// false. `NotFound` when there is none.
    async fn get_unchecked(&self, key: &str) -> Result<Object>;

    /// Writes the object and returns its new version. `Conflict` when the precondition does not hold; of concurrent
    /// puts with the same precondition exactly one wins.
    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version>;

    /// Size and version, `None` when there is no object.
    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>>;

    /// Every object whose key starts with `prefix`, in key order.
    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>>;

    /// Removes the object. Succeeds when there is none.
    async fn delete(&self, key: &str) -> Result<()>;

    /// The keys that start with `prefix` of objects that were put, were not deleted through this port, and are gone all the same,
    /// in key order. Empty where an adapter keeps no account of its objects apart from them.
    async fn missing(&self, prefix: &str) -> Result<Vec<String>>;
}

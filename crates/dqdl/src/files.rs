//! The files that a data set was read from, for the rules about files.

use std::fmt::Debug;

use chrono::{DateTime, Utc};

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFact {
    /// Its path or key.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// When it was last written, where that is known.
    pub modified: Option<DateTime<Utc>>,
}

/// How a content is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashAlgorithm {
    /// 32 hexadecimal digits.
    Md5,
    /// 40 hexadecimal digits.
    Sha1,
    /// 64 hexadecimal digits.
    #[default]
    Sha256,
}

/// Knows files and their contents. A rule that asks for what is not there is ERROR with what is said here.
pub trait FileSource: Debug + Send + Sync {
    /// The files of the data set, or those that a path names: one file, or all in a folder.
    fn files(&self, path: Option<&str>) -> Result<Vec<FileFact>, String>;

    /// The hash of a file's content, in lower-case hexadecimal digits.
    fn hash(&self, file: &FileFact, algorithm: HashAlgorithm) -> Result<String, String>;
}

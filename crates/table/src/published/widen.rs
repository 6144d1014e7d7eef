//! A table whose contract's integers or decimals grew: its files are rewritten before the first one of the wider type is written.
//!
//! Engines take a table's types from one of its files. DuckDB, given a folder of old and new files, rounds the digits of the new
//! ones away to fit the old type and says nothing, so the two must not lie beside each other.

use quotelake_core::{Context as _, Error, ErrorKind, Result};

use super::format::FOOTER_BYTES;
use super::{Published, StoredPartition};
use crate::parquet_file;

impl Published<'_> {
    /// Rewrites the table's files that hold numbers of narrower types than the contract's, and says how many those were. One file
    /// is in memory at a time.
    ///
    /// From the last file to the first: as long as the first one has the contract's types all have, which is all that is looked at
    /// in a table that needs nothing. Stopped at any point, the next call goes on. A file that cannot be read is left to the merge
    /// that needs it, with an error in the log. `Conflict` when somebody else writes the same files.
    pub async fn widen(&self) -> Result<usize> {
        if !self.contract.has_wide_types() {
            return Ok(0);
        }
        let files = self.partitions().await?;
        let mut first_is_narrower = None;
        for file in &files {
            first_is_narrower = self.is_narrower(file).await?;
            if first_is_narrower.is_some() {
                break;
            }
        }
        let mut widened = 0;
        if first_is_narrower != Some(true) {
            return Ok(widened);
        }
        for file in files.iter().rev() {
            if self.is_narrower(file).await? == Some(true) && self.rewrite(&file.key).await? {
                widened += 1;
            }
        }
        Ok(widened)
    }

    /// Whether a file holds narrower numbers than the contract's; `None` for one that is no Parquet, or gone.
    async fn is_narrower(&self, file: &StoredPartition) -> Result<Option<bool>> {
        let tail = file.bytes.saturating_sub(FOOTER_BYTES);
        let footer = match self.lake.get_range(&file.key, tail..file.bytes).await {
            Ok(footer) => footer,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Damaged => return left(&file.key, &error, None),
            Err(error) => return Err(error),
        };
        match parquet_file::has_narrower_types(self.contract, &footer) {
            None if tail > 0 => match self.lake.get(&file.key).await {
                Ok(whole) => Ok(parquet_file::has_narrower_types(self.contract, &whole.bytes)),
                Err(error) if error.kind() == ErrorKind::Damaged => left(&file.key, &error, None),
                Err(error) => Err(error),
            },
            found => Ok(found),
        }
    }

    /// The same rows in the contract's types. False for a file that cannot be read.
    async fn rewrite(&self, key: &str) -> Result<bool> {
        let swapped = match self.format.open(self.lake, self.contract, key).await {
            Ok((file, version)) => {
                self.format.swap(self.lake, self.contract, key, Some(&version), &file).await
            }
            Err(error) if error.kind().is_retryable() => return Err(error),
            Err(error) => return left(key, &error, false),
        };
        match swapped.with_context(|| format!("rewriting {key}")) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::InvalidInput) => {
                left(key, &error, false)
            }
            Err(error) => Err(error),
        }
    }
}

/// A file that cannot be read is left as it is.
fn left<T>(key: &str, error: &Error, answer: T) -> Result<T> {
    tracing::error!(key, error = %error, "a file that may be of an older type cannot be read");
    Ok(answer)
}

//! A table whose contract's integers or decimals grew: its files are rewritten before the first one of the wider type is written.
//!
//! Engines take a table's types from one of its files. DuckDB, given a folder of old and new files, rounds the digits of the new
//! ones away to fit the old type and says nothing, so the two must not lie beside each other.

use quotelake_core::ports::{Lake, ObjectMeta, Precondition};
use quotelake_core::table::parquet_file::{self, PublishedFile};
use quotelake_core::{Context as _, Contract, Error, ErrorKind, ObjectKey, Result, Zone};

/// Most footers are smaller.
const FOOTER_BYTES: u64 = 64 << 10;

/// Rewrites the table's files that hold numbers of narrower types than the contract's, and says how many those were. One file
/// is in memory at a time.
///
/// From the last file to the first: as long as the first one has the contract's types all have, which is all that is looked at
/// in a table that needs nothing. Stopped at any point, the next call goes on. A file that cannot be read is left to the merge
/// that needs it, with an error in the log. `Conflict` when somebody else writes the same files.
pub async fn widen(lake: &dyn Lake, contract: &Contract) -> Result<usize> {
    if !contract.has_wide_types() {
        return Ok(0);
    }
    let files = lake.list(&ObjectKey::dataset_prefix(Zone::Bronze, &contract.name)).await?;
    let mut first_is_narrower = None;
    for file in &files {
        first_is_narrower = is_narrower(lake, contract, file).await?;
        if first_is_narrower.is_some() {
            break;
        }
    }
    let mut widened = 0;
    if first_is_narrower != Some(true) {
        return Ok(widened);
    }
    for file in files.iter().rev() {
        if is_narrower(lake, contract, file).await? == Some(true)
            && rewrite(lake, contract, &file.key).await?
        {
            widened += 1;
        }
    }
    tracing::warn!(
        table = contract.name,
        files = widened,
        "numbers grew: files of the older type were rewritten, no value changed"
    );
    Ok(widened)
}

/// Whether a file holds narrower numbers than the contract's; `None` for one that is no Parquet, or gone.
async fn is_narrower(lake: &dyn Lake, contract: &Contract, file: &ObjectMeta) -> Result<Option<bool>> {
    let tail = file.size.saturating_sub(FOOTER_BYTES);
    let footer = match lake.get_range(&file.key, tail..file.size).await {
        Ok(footer) => footer,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == ErrorKind::Damaged => return left(&file.key, &error, None),
        Err(error) => return Err(error),
    };
    match parquet_file::has_narrower_types(contract, &footer) {
        None if tail > 0 => match lake.get(&file.key).await {
            Ok(whole) => Ok(parquet_file::has_narrower_types(contract, &whole.bytes)),
            Err(error) if error.kind() == ErrorKind::Damaged => left(&file.key, &error, None),
            Err(error) => Err(error),
        },
        found => Ok(found),
    }
}

/// The same rows in the contract's types. False for a file that cannot be read.
async fn rewrite(lake: &dyn Lake, contract: &Contract, key: &str) -> Result<bool> {
    let object = match lake.get(key).await {
        Err(error) if error.kind() == ErrorKind::Damaged => return left(key, &error, false),
        object => object?,
    };
    let wider = PublishedFile::open(contract, object.bytes)
        .and_then(|file| parquet_file::write(contract, &file))
        .with_context(|| format!("rewriting {key}"));
    match wider {
        Ok(bytes) => {
            lake.put(key, bytes, Precondition::IfVersion(object.version)).await?;
            Ok(true)
        }
        Err(error) => left(key, &error, false),
    }
}

/// A file that cannot be read is left as it is.
fn left<T>(key: &str, error: &Error, answer: T) -> Result<T> {
    tracing::error!(key, error = %error, "a file that may be of an older type cannot be read");
    Ok(answer)
}

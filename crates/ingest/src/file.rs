//! One dropped file to one landing object.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::GzBuilder;
use flate2::read::MultiGzDecoder;
use quotelake_core::ports::Precondition;
use quotelake_core::{Context as _, Error, ObjectKey, Result, sha256_hex};
use serde::Serialize;

use crate::{Context, landing_lines};

/// What became of a dropped file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IngestReport {
    /// The dataset.
    pub dataset: String,
    /// The landing object that it became.
    pub landing_key: String,
    /// Data rows, readable or not.
    pub rows: u64,
    /// Rows that could not be read, which `check` will quarantine.
    pub unreadable: u64,
}

/// Turns one dropped CSV file into a landing object.
///
/// `InvalidInput` when the key names no dataset, the header does not fit the contract, or the file is not readable to its
/// end: the whole file is rejected and stays where it is. `NotFound` for an unknown dataset or a missing file.
pub async fn ingest_object(context: &Context, key: &str) -> Result<IngestReport> {
    let (dataset, name) =
        key.strip_prefix("inbox/").and_then(|rest| rest.split_once('/')).ok_or_else(|| {
            Error::invalid(format!("{key:?} is not in an inbox folder: wants inbox/<dataset>/<file>"))
        })?;
    let contract = &context.contracts.get(dataset)?.contract;
    let object = context.inbox.get(key).await?.bytes;
    let hash = sha256_hex(&object);
    let text = gunzip(object).with_context(|| format!("reading {key}"))?;
    let lines = landing_lines(contract, &text).with_context(|| format!("file {name}"))?;
    let landing_key =
        ObjectKey::landing(dataset, &format!("{}-{}.ndjson.gz", stem(name), &hash[..16])).to_string();
    context.lake.put(&landing_key, gzip(&lines.text)?, Precondition::None).await?;
    Ok(IngestReport {
        dataset: dataset.to_owned(),
        landing_key,
        rows: lines.rows,
        unreadable: lines.unreadable,
    })
}

fn stem(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.strip_suffix(".csv").unwrap_or(name)
}

fn gunzip(object: Bytes) -> Result<Vec<u8>> {
    if !object.starts_with(&[0x1f, 0x8b]) {
        return Ok(object.into());
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(object.as_ref())
        .read_to_end(&mut text)
        .map_err(|e| Error::invalid("gzip cannot be read to its end").with_source(e))?;
    Ok(text)
}

fn gzip(text: &[u8]) -> Result<Bytes> {
    let failed = |e| Error::bug("cannot compress in memory").with_source(e);
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).map_err(failed)?;
    Ok(encoder.finish().map_err(failed)?.into())
}

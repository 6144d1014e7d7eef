//! Pages that `transform` gave back to the stream, which filed them: those that can be read are landed past the stream.
//!
//! Reading a page depends on nothing but the page. One that this version reads was refused for want of room in the answer of its
//! batch, or by an older version; either way it needs no stream any more ([ADR 15](../../../docs/adr/0015-pages-past-the-stream.md)).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Envelope, Error, ErrorKind, Result, Zone};
use quotelake_landing::gzip;
use quotelake_sources::Sources;
use quotelake_sources::page::write_lines;
use serde::Deserialize;

use crate::{Context, bulk};

/// What became of the pages under `undelivered/processing-failed/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedReport {
    /// Pages that were landed.
    pub landed: u64,
    /// Pages that this version cannot read: a person has to look, `quotelake status` says why.
    pub left: u64,
}

/// The line of a record that failed, as the stream writes it.
/// See <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html#data-transformation-failure-handling>.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    raw_data: String,
}

/// The lines of an object under `undelivered/`, each with its record where it has one. `InvalidInput` for an object that is damaged.
pub fn records(object: &[u8]) -> Result<Vec<(Vec<u8>, Option<Bytes>)>> {
    // The stream packs what it files as it packs everything else; what a person put there may be plain.
    let text = if object.starts_with(&[0x1f, 0x8b]) { gzip::unpack(object)? } else { object.to_vec() };
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let record = |line: &[u8]| {
        let line: Line = serde_json::from_slice(line).ok()?;
        BASE64.decode(&line.raw_data).ok().map(Bytes::from)
    };
    Ok(lines.map(|line| (line.to_vec(), record(line))).collect())
}

/// Lands every page that can be read and takes it out of `undelivered/`; what cannot be read stays. Done twice, it lands the same
/// objects. `Config` without a lake; else the kinds of the lake.
pub async fn land_refused(context: &Context) -> Result<RefusedReport> {
    let lake = context.lake.as_deref().ok_or_else(|| Error::config("LAKE_URI is not set"))?;
    let mut report = RefusedReport::default();
    let prefix = format!("{}processing-failed/", Zone::Undelivered.prefix());
    for meta in lake.list(&prefix).await? {
        land_object(lake, &context.sources, &meta.key, &mut report).await?;
    }
    if report.landed > 0 {
        tracing::warn!(landed = report.landed, "pages that transform refused are landed past the stream");
    }
    tracing::info!(landed = report.landed, left = report.left, "sweep is done");
    Ok(report)
}

async fn land_object(
    lake: &dyn Lake,
    sources: &Sources,
    key: &str,
    report: &mut RefusedReport,
) -> Result<()> {
    let object = match lake.get(key).await {
        Ok(object) => object,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let Ok(records) = records(&object.bytes) else {
        report.left += 1;
        return Ok(());
    };
    let (before, mut left) = (report.landed, Vec::new());
    for (line, record) in records {
        let landed = match record {
            Some(record) => land_record(lake, sources, &record).await?,
            None => false,
        };
        if landed {
            report.landed += 1;
        } else {
            report.left += 1;
            left.extend(line);
            left.push(b'\n');
        }
    }
    if report.landed == before {
        return Ok(());
    }
    if left.is_empty() {
        return lake.delete(key).await;
    }
    // What cannot be read stays by itself, so that the rest is not landed again with every sweep.
    match lake.put(key, gzip::pack(&left)?, Precondition::IfVersion(object.version)).await {
        Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
        _ => Ok(()),
    }
}

/// Whether the page could be read, and is landed. Its record is in `raw/` already: the stream keeps all that it took.
async fn land_record(lake: &dyn Lake, sources: &Sources, record: &[u8]) -> Result<bool> {
    let Ok(envelope) = Envelope::from_record(record) else { return Ok(false) };
    let mut lines = Vec::new();
    let Ok(page) = write_lines(sources, &envelope, &mut lines) else { return Ok(false) };
    let objects = bulk::land(lake, &envelope, &lines).await?;
    tracing::info!(
        unit_id = envelope.unit.id,
        page = envelope.unit.page,
        run_id = envelope.run_id,
        rows = page.rows,
        objects,
        "landed a page that transform had refused"
    );
    Ok(true)
}

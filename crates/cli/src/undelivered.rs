//! Pages that the stream filed under `undelivered/`: what each is of, why it is there, and what to do.
//!
//! The stream says only that `transform` refused a record. Reading a page depends on nothing but the page, so it is read once more
//! here, and the reason is what comes of it: on a laptop and for a lake on S3 alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::ports::Lake;
use quotelake_core::time::instant_from_ms;
use quotelake_core::{Envelope, Error, ErrorKind, Result, Zone};
use quotelake_fetch::{Destination, Pages};
use quotelake_landing::gzip;
use quotelake_publish::UNFIT;
use quotelake_sources::page::write_lines;
use quotelake_sources::size::fits_stream;
use quotelake_sources::{Failure, Sources};
use quotelake_table::published::is_published;
use serde::{Deserialize, Serialize};

/// One page of `undelivered/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undelivered {
    /// The object that it is in.
    pub key: String,
    /// When the stream took it.
    pub arrived_at: Option<DateTime<Utc>>,
    /// The source, the unit and the page's number in it; nothing of a record that is no page.
    pub source: Option<String>,
    /// The unit.
    pub unit_id: Option<String>,
    /// The page's number in the unit, from 0.
    pub page: Option<u32>,
    /// The run that fetched it.
    pub run_id: Option<String>,
    /// Why it is here.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

/// How many there are, since when, and what the newest are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UndeliveredCount {
    /// Objects of `undelivered/`.
    pub objects: u64,
    /// When the oldest page that was looked at arrived.
    pub oldest: Option<DateTime<Utc>>,
    /// The pages of the oldest objects and of the newest.
    pub pages: Vec<Undelivered>,
}

/// Objects that are read for [`count`]: the oldest one, and so many of the newest.
const READ: usize = 20;

/// The line of a record that failed, as Firehose writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    #[serde(default)]
    arrival_timestamp: Option<i64>,
    #[serde(default)]
    error_code: String,
    #[serde(default)]
    error_message: String,
    raw_data: String,
}

/// What lies under `undelivered/`.
pub async fn count(lake: &dyn Lake) -> Result<UndeliveredCount> {
    let mut keys: Vec<String> =
        lake.list(Zone::Undelivered.prefix()).await?.into_iter().map(|meta| meta.key).collect();
    let objects = keys.len() as u64;
    if keys.len() > READ + 1 {
        // Keys go by the hour of arrival.
        keys.drain(1..keys.len() - READ);
    }
    let pages = of_objects(lake, &keys).await?;
    Ok(UndeliveredCount { objects, oldest: pages.iter().filter_map(|page| page.arrived_at).min(), pages })
}

/// Every page that lies under `undelivered/`.
pub async fn all(lake: &dyn Lake) -> Result<Vec<Undelivered>> {
    let objects = lake.list(Zone::Undelivered.prefix()).await?;
    of_objects(lake, &objects.into_iter().map(|meta| meta.key).collect::<Vec<_>>()).await
}

/// The pages of these objects; one that is gone has none.
pub async fn of_objects(lake: &dyn Lake, keys: &[String]) -> Result<Vec<Undelivered>> {
    let sources = Sources::default();
    let mut pages = Vec::new();
    for key in keys {
        if let Some(aside) = set_aside(key) {
            pages.push(aside);
            continue;
        }
        let bytes = match lake.get(key).await {
            Ok(object) => object.bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            // One object says nothing about the others.
            Err(error) if error.kind() == ErrorKind::Damaged => {
                pages.push(unknown(key, None, error.to_string()));
                continue;
            }
            Err(error) => return Err(error),
        };
        match gzip::unpack(&bytes) {
            Ok(text) => {
                let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                pages.extend(lines.map(|line| page_of(&sources, key, line)));
            }
            Err(error) => pages.push(unknown(key, None, format!("the object cannot be read: {error}"))),
        }
    }
    Ok(pages)
}

/// An object that is no page: what was staged or published, and was set aside.
fn set_aside(key: &str) -> Option<Undelivered> {
    let key_there = key.strip_prefix(Zone::Undelivered.prefix())?;
    let (reason, remedy) = if key.starts_with(UNFIT) {
        (
            "its rows were staged by another contract than the lake has now",
            "`quotelake repair` checks them again",
        )
    } else if key_there.starts_with(Zone::Staged.prefix()) || is_published(key_there) {
        ("it was damaged, and set aside", "see docs/runbooks/damaged-objects.md; then remove it")
    } else {
        return None;
    };
    Some(Undelivered { remedy: remedy.to_owned(), ..unknown(key, None, reason.to_owned()) })
}

/// An object whose pages can all be read by now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// Its key.
    pub key: String,
    /// The records as the stream took them.
    records: Vec<Bytes>,
}

/// The objects of `undelivered/` of which this version reads every page, so that the stream may have them again.
pub async fn readable(lake: &dyn Lake) -> Result<Vec<Readable>> {
    let sources = Sources::default();
    let mut found = Vec::new();
    for meta in lake.list(Zone::Undelivered.prefix()).await? {
        let bytes = match lake.get(&meta.key).await {
            Ok(object) => object.bytes,
            Err(error) if error.kind().is_retryable() => return Err(error),
            Err(_) => continue,
        };
        let Ok(text) = gzip::unpack(&bytes) else { continue };
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let records: Option<Vec<Bytes>> = lines.map(|line| record_of(&sources, line)).collect();
        if let Some(records) = records.filter(|records| !records.is_empty()) {
            found.push(Readable { key: meta.key, records });
        }
    }
    Ok(found)
}

/// The record of a line, where it is a page that can be read.
fn record_of(sources: &Sources, line: &[u8]) -> Option<Bytes> {
    let failed: Failed = serde_json::from_slice(line).ok()?;
    let record = BASE64.decode(&failed.raw_data).ok()?;
    let envelope = Envelope::from_record(&record).ok()?;
    write_lines(sources, &envelope, &mut Vec::new()).ok()?;
    Some(record.into())
}

/// Puts the pages of an object on the stream, or lands those that it cannot carry, and removes the object once all are taken.
pub async fn put_again(lake: &dyn Lake, to: Destination<'_>, object: &Readable) -> Result<()> {
    let refused = |failure: Failure| Error::unavailable(format!("{}: {failure}", object.key));
    let mut pages = Pages::new(to);
    for record in &object.records {
        pages.send_record(record.clone()).await.map_err(refused)?;
    }
    pages.end().await.map_err(refused)?;
    lake.delete(&object.key).await
}

fn page_of(sources: &Sources, key: &str, line: &[u8]) -> Undelivered {
    let failed: Failed = match serde_json::from_slice(line) {
        Ok(failed) => failed,
        Err(error) => return unknown(key, None, format!("not what the stream files: {error}")),
    };
    let arrived_at = failed.arrival_timestamp.and_then(|ms| instant_from_ms(ms).ok());
    let envelope = BASE64
        .decode(&failed.raw_data)
        .map_err(|e| Error::invalid("the record is not base64").with_source(e))
        .and_then(|record| Ok((Envelope::from_record(&record)?, record.len())));
    let (envelope, record_bytes) = match envelope {
        Ok(read) => read,
        Err(error) => return unknown(key, arrived_at, error.to_string()),
    };
    let (reason, remedy) = verdict(sources, &envelope, record_bytes, &failed);
    Undelivered {
        key: key.to_owned(),
        arrived_at,
        source: Some(envelope.source),
        unit_id: Some(envelope.unit.id),
        page: Some(envelope.unit.page),
        run_id: Some(envelope.run_id),
        reason,
        remedy: remedy.to_owned(),
    }
}

fn unknown(key: &str, arrived_at: Option<DateTime<Utc>>, reason: String) -> Undelivered {
    Undelivered {
        key: key.to_owned(),
        arrived_at,
        source: None,
        unit_id: None,
        page: None,
        run_id: None,
        reason,
        remedy: "the record changed on its way: look at the disk, and ask for the days again".to_owned(),
    }
}

/// Why a page is here, and what helps.
fn verdict(
    sources: &Sources,
    envelope: &Envelope,
    record_bytes: usize,
    failed: &Failed,
) -> (String, &'static str) {
    let mut lines = Vec::new();
    match write_lines(sources, envelope, &mut lines) {
        Err(error) => {
            let remedy = match error.kind() {
                ErrorKind::Bug => "a bug: report it with the page",
                ErrorKind::NotFound => "use the version that fetched it, or a newer one",
                _ => {
                    "the vendor sent something else than was asked for: look at the body, and ask for the days again"
                }
            };
            (error.to_string(), remedy)
        }
        Ok(page) if !fits_stream(usize::MAX, record_bytes, lines.len()) => (
            format!("its {} lines are too many for the stream", page.rows),
            "`quotelake repair --apply` lands it past the stream; on AWS the daily sweep does",
        ),
        Ok(_) if failed.error_code != REFUSED => (
            format!("transform failed: {}: {}", failed.error_code, failed.error_message),
            "see the log of transform; then ask for the days again",
        ),
        Ok(page) => (
            format!("it was refused, and this version reads {} lines of it", page.rows),
            "ask for the days again, with this version on both sides of the stream",
        ),
    }
}

/// The error code of a record that `transform` gave back.
const REFUSED: &str = "Lambda.ProcessingFailedStatus";

/// Pages, for people: a line or two for each.
pub fn text(pages: &[Undelivered]) -> String {
    let mut text = String::new();
    for page in pages {
        let what = match (&page.unit_id, page.page) {
            (Some(unit), Some(number)) => format!("{unit} page {number}"),
            _ => page.key.clone(),
        };
        text.push_str(&format!(
            "  undelivered {what}: {}\n    {}; it lies in {}\n",
            page.reason, page.remedy, page.key
        ));
    }
    text
}

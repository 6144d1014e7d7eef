//! A page that the stream cannot carry: `fetch` does for it what the stream and `transform` do for every other.
//!
//! The record goes to `raw/` as the stream's backup would hold it, then its lines to `landing/`, where each object is notified like
//! any that the stream wrote. Names follow from the arrival of the page and from content, so the same page is the same objects, and
//! a crash between two of them costs nothing: the unit is not done, its page is asked for again, and rows that are there twice merge.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Envelope, ErrorKind, Result, Zone, sha256_hex};
use quotelake_landing::gzip;

/// Lines of one landing object, in bytes before compression.
const OBJECT_BYTES: usize = 16 << 20;

/// Keeps a page's record in `raw/`. The body is safe there before anybody tries to read it.
pub(crate) async fn keep(lake: &dyn Lake, envelope: &Envelope, record: &Bytes) -> Result<()> {
    let key = key(Zone::Raw, envelope.fetched_at, record);
    match lake.put(&key, gzip::pack(record)?, Precondition::IfAbsent).await {
        Ok(_) => Ok(()),
        // The name is the content's: it is there already.
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        Err(error) => Err(error.context(format!("writing {key}"))),
    }
}

/// Writes a page's lines as landing objects of at most 16 MiB of lines, and returns how many there are.
pub(crate) async fn land(lake: &dyn Lake, envelope: &Envelope, lines: &[u8]) -> Result<u64> {
    let mut objects = 0;
    for part in parts(lines, OBJECT_BYTES) {
        let key = key(Zone::Landing, envelope.fetched_at, part);
        // Over what an earlier try wrote, which has the same bytes: a second write notifies `check` again.
        lake.put(&key, gzip::pack(part)?, Precondition::None)
            .await
            .map_err(|error| error.context(format!("writing {key}")))?;
        objects += 1;
    }
    Ok(objects)
}

/// The key of an object: the hour of the answer's arrival, as the stream's prefixes have it, and the content.
fn key(zone: Zone, at: DateTime<Utc>, content: &[u8]) -> String {
    let hash = &sha256_hex(content)[..16];
    format!("{}{}/page-{}-{hash}.gz", zone.prefix(), at.format("%Y/%m/%d/%H"), at.format("%Y-%m-%d-%H-%M-%S"))
}

/// Whole lines, together no longer than `most` unless a single one is.
fn parts(mut lines: &[u8], most: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while !lines.is_empty() {
        let newline = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
        let end = if lines.len() <= most {
            lines.len()
        } else {
            newline(&lines[..most])
                .or_else(|| lines.iter().position(|byte| *byte == b'\n'))
                .map_or(lines.len(), |at| at + 1)
        };
        let (part, rest) = lines.split_at(end);
        parts.push(part);
        lines = rest;
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn parts_are_whole_lines() {
        let text = b"aaa\nbb\ncccccccc\nd\n";
        let cut: Vec<&str> =
            parts(text, 7).into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect();
        assert_eq!(cut, ["aaa\nbb\n", "cccccccc\n", "d\n"]);
        assert_eq!(parts(text, 100).concat(), text);
        assert!(parts(b"", 7).is_empty());
        assert_eq!(parts(b"no end", 3), [b"no end"]);
    }
}

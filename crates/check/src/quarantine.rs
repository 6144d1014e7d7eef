//! Rows that failed: whole, with every reason and where they came from, NDJSON.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::write::GzEncoder;
use quotelake_core::{Error, Result};
use quotelake_landing::{Origins, gzip};
use serde::{Deserialize, Serialize};

/// One row in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedRow {
    /// The dataset, `unknown` where the row names none that is known.
    pub dataset: String,
    /// The first reason's name, to group by.
    pub reason: String,
    /// Everything that is wrong.
    pub reasons: Vec<Reason>,
    /// The landing object.
    pub source: String,
    /// The line in it, from 1.
    pub line: u64,
    /// The file that a person dropped or loaded, where the landing object says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of that file on which the row begins, from 1; of a sheet the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_line: Option<u64>,
    /// The check that found it.
    pub check_id: String,
    /// The line as it was; of a line too long to be a row its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The same in base64, where it is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_base64: Option<String>,
}

/// One thing that is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A short name: a fault's code, or the rule's `reason` label.
    pub reason: String,
    /// `error` or `critical`.
    pub severity: String,
    /// The column at fault, or the rule that was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The rule as written in the ruleset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What is wrong with the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl QuarantinedRow {
    /// Where to look for it: `orders.csv:12`, or the landing object and its line.
    pub fn place(&self) -> String {
        match (&self.file, self.file_line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => format!("{}:{}", self.source, self.line),
        }
    }
}

impl Reason {
    /// A fault that no rule had to find.
    pub(crate) fn fault(code: &str, column: Option<String>, detail: impl Into<String>) -> Self {
        Self {
            reason: code.to_owned(),
            severity: "error".into(),
            column,
            rule: None,
            detail: Some(detail.into()),
        }
    }
}

const BUFFER_BYTES: usize = 32 << 10;

/// Compressing a few bytes at a time costs many times as much: it gets them by the buffer.
type Encoder = BufWriter<GzEncoder<Vec<u8>>>;

fn encoder() -> Encoder {
    BufWriter::with_capacity(BUFFER_BYTES, gzip::encoder())
}

/// Collects the rows of one dataset and object into a gzip object.
#[derive(Debug)]
pub(crate) struct Quarantine {
    dataset: String,
    source: String,
    check_id: String,
    /// Made for the first row: most objects have none, and its tables are as large as a small object.
    encoder: Option<Encoder>,
    /// Where the lines come from in the file that a person dropped.
    pub(crate) origins: Origins,
    pub(crate) rows: u64,
    pub(crate) by_reason: BTreeMap<String, u64>,
}

impl Quarantine {
    pub(crate) fn new(dataset: &str, source: &str, check_id: &str) -> Self {
        Self {
            dataset: dataset.to_owned(),
            source: source.to_owned(),
            check_id: check_id.to_owned(),
            encoder: None,
            origins: Origins::default(),
            rows: 0,
            by_reason: BTreeMap::new(),
        }
    }

    /// Adds a line with its reasons, of which there must be one.
    pub(crate) fn push(&mut self, line: u64, raw: &[u8], reasons: Vec<Reason>) -> Result<()> {
        let first =
            reasons.first().ok_or_else(|| Error::bug("a row without a reason cannot be quarantined"))?;
        let reason = first.reason.clone();
        let (raw, raw_base64) = match std::str::from_utf8(raw) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(BASE64.encode(raw))),
        };
        *self.by_reason.entry(reason.clone()).or_default() += 1;
        self.rows += 1;
        let origin = self.origins.of(line);
        let row = QuarantinedRow {
            dataset: self.dataset.clone(),
            reason,
            reasons,
            source: self.source.clone(),
            line,
            file: origin.map(|(file, _)| file.to_owned()),
            file_line: origin.map(|(_, line)| line),
            check_id: self.check_id.clone(),
            raw,
            raw_base64,
        };
        let failed = |e: std::io::Error| Error::bug("cannot compress in memory").with_source(e);
        let encoder = self.encoder.get_or_insert_with(encoder);
        serde_json::to_writer(&mut *encoder, &row).map_err(|e| failed(e.into()))?;
        encoder.write_all(b"\n").map_err(failed)
    }

    /// The bytes that it takes by now, packed.
    pub(crate) fn bytes(&self) -> usize {
        self.encoder.as_ref().map_or(0, |encoder| encoder.get_ref().get_ref().len())
    }

    /// The finished object; the same rows give the same bytes.
    pub(crate) fn finish(self) -> Result<Bytes> {
        let failed = |e| Error::bug("cannot compress in memory").with_source(e);
        let encoder =
            self.encoder.unwrap_or_else(encoder).into_inner().map_err(|e| failed(e.into_error()))?;
        Ok(encoder.finish().map_err(failed)?.into())
    }
}

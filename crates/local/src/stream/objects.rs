//! What the stream writes: prefixes, object names, failed records.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use quotelake_core::{Error, Result, sha256_hex};
use serde::Serialize;

use super::journal::Record;

/// A prefix expression of S3 destinations, parsed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A chrono format.
    Timestamp(String),
    ErrorOutputType,
}

impl Prefix {
    /// Reads an expression. `Config` names what is not understood.
    pub(super) fn parse(expression: &str) -> Result<Self> {
        let wrong = |what: &str| Error::config(format!("prefix {expression:?}: {what}"));
        let (mut parts, mut rest) = (Vec::new(), expression);
        while let Some((text, after)) = rest.split_once("!{") {
            parts.push(Part::Text(text.to_owned()));
            let (inner, after) = after.split_once('}').ok_or_else(|| wrong("!{ is not closed"))?;
            parts.push(match inner.split_once(':') {
                Some(("timestamp", pattern)) => Part::Timestamp(java_format(pattern).ok_or_else(|| {
                    wrong(
                        "a timestamp takes yyyy, MM, dd, HH, mm, ss and text that is no letter or is quoted",
                    )
                })?),
                Some(("firehose", "error-output-type")) => Part::ErrorOutputType,
                _ => return Err(wrong(&format!("!{{{inner}}} is not understood"))),
            });
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// Whether it tells kinds of errors apart, as AWS wants of an error prefix.
    pub(super) fn names_error_type(&self) -> bool {
        self.0.contains(&Part::ErrorOutputType)
    }

    pub(super) fn format(&self, at: DateTime<Utc>, error_output_type: &str) -> String {
        let mut prefix = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => prefix.push_str(text),
                Part::ErrorOutputType => prefix.push_str(error_output_type),
                // Writing to a String does not fail, and the format was made here.
                Part::Timestamp(format) => {
                    let _ = write!(prefix, "{}", at.format(format));
                }
            }
        }
        prefix
    }
}

/// A pattern of Java's DateTimeFormatter as one of chrono.
fn java_format(pattern: &str) -> Option<String> {
    let (mut format, mut rest) = (String::new(), pattern);
    while let Some(first) = rest.chars().next() {
        if let Some((quoted, after)) = rest.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
            format.push_str(&quoted.replace('%', "%%"));
            rest = after;
            continue;
        }
        let run = rest.len() - rest.trim_start_matches(first).len();
        let (token, after) = rest.split_at(run);
        rest = after;
        match token {
            "yyyy" => format.push_str("%Y"),
            "MM" => format.push_str("%m"),
            "dd" => format.push_str("%d"),
            "HH" => format.push_str("%H"),
            "mm" => format.push_str("%M"),
            "ss" => format.push_str("%S"),
            "'" => return None,
            _ if first.is_ascii_alphabetic() => return None,
            text => format.push_str(&text.replace('%', "%%")),
        }
    }
    Some(format)
}

/// The key of an object: `<prefix><stream>-1-<arrival>-<content hash>`. Equal content that arrived at the same time has
/// the same name, so a redelivery writes no second object.
pub(super) fn object_key(
    prefix: &str,
    stream: &str,
    at: DateTime<Utc>,
    identity: &[u8],
    ending: &str,
) -> String {
    format!("{prefix}{stream}-1-{}-{}{ending}", at.format("%Y-%m-%d-%H-%M-%S"), &sha256_hex(identity)[..16])
}

/// Why a record was not transformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) attempts: u32,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) ended_at: DateTime<Utc>,
}

/// A failed record as Firehose files it under `processing-failed`.
/// <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html>; the field's name is
/// `lambdaARN` in objects that Firehose wrote, whatever that page says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FailedRecord<'a> {
    attempts_made: u32,
    /// Milliseconds since 1970.
    arrival_timestamp: i64,
    error_code: &'a str,
    error_message: &'a str,
    /// Milliseconds since 1970.
    attempt_ending_timestamp: i64,
    raw_data: String,
    #[serde(rename = "lambdaARN")]
    lambda_arn: &'a str,
}

/// One line of an error object.
pub(super) fn failed_line(record: &Record, failure: &Failure, lambda_arn: &str) -> Result<Vec<u8>> {
    let failed = FailedRecord {
        attempts_made: failure.attempts,
        arrival_timestamp: record.arrived_at.timestamp_millis(),
        error_code: &failure.code,
        error_message: &failure.message,
        attempt_ending_timestamp: failure.ended_at.timestamp_millis(),
        raw_data: BASE64.encode(&record.data),
        lambda_arn,
    };
    let mut line = serde_json::to_vec(&failed)
        .map_err(|e| Error::bug("cannot format a failed record").with_source(e))?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_format_arrival_and_error_type() {
        let at = DateTime::parse_from_rfc3339("2026-11-21T06:07:08Z").unwrap().to_utc();
        let format = |expression: &str| Prefix::parse(expression).unwrap().format(at, "processing-failed");
        assert_eq!(format("landing/!{timestamp:yyyy/MM/dd/HH}/"), "landing/2026/11/21/06/");
        assert_eq!(
            format("landing/ingest_date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"),
            "landing/ingest_date=2026-11-21/hour=06/"
        );
        assert_eq!(format("raw/!{timestamp:'year='yyyy}/100%/"), "raw/year=2026/100%/");
        assert_eq!(format("undelivered/!{firehose:error-output-type}/"), "undelivered/processing-failed/");
        for wrong in ["x/!{timestamp:YYYY}/", "x/!{timestamp:HH", "x/!{firehose:random-string}/", "!{x}"] {
            assert_eq!(
                Prefix::parse(wrong).unwrap_err().kind(),
                quotelake_core::ErrorKind::Config,
                "{wrong}"
            );
        }
    }
}

//! One invocation of the transform function: its event, and the contract that its answer must keep.
//! <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use quotelake_core::{Error, Result, sha256_hex};
use serde::{Deserialize, Serialize};

use super::journal::Record;
use crate::function::{Function, FunctionError, invoke_guarded};

/// A synchronous invocation's request and response are each at most this large.
pub(super) const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    invocation_id: String,
    delivery_stream_arn: &'a str,
    region: &'a str,
    records: Vec<EventRecord<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventRecord<'a> {
    record_id: &'a str,
    /// Milliseconds since 1970.
    approximate_arrival_timestamp: i64,
    data: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    records: Vec<AnswerRecord>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerRecord {
    record_id: String,
    result: String,
    data: Option<String>,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Transformed into these bytes.
    Ok(Bytes),
    /// Left out on purpose.
    Dropped,
    /// The function could not read it.
    ProcessingFailed,
}

/// Cuts records into runs for one invocation each: about `hint` bytes, and never more than an event may hold.
pub(super) fn invocations(records: &[Record], hint: usize) -> Vec<&[Record]> {
    // Base64 makes four bytes of three; the rest is the record's id, time and punctuation.
    let encoded = |record: &Record| record.data.len().div_ceil(3) * 4 + record.id.len() + 100;
    let (mut runs, mut start, mut bytes, mut payload) = (Vec::new(), 0, 0, 1024);
    for (at, record) in records.iter().enumerate() {
        let full = bytes + record.data.len() > hint || payload + encoded(record) > MAX_PAYLOAD_BYTES;
        if at > start && full {
            runs.push(&records[start..at]);
            (start, bytes, payload) = (at, 0, 1024);
        }
        bytes += record.data.len();
        payload += encoded(record);
    }
    if start < records.len() {
        runs.push(&records[start..]);
    }
    runs
}

/// The event of an invocation. Its id follows from its records: a retry is the same event.
pub(super) fn event(records: &[Record], stream_arn: &str, region: &str) -> Result<Bytes> {
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    let hash = sha256_hex(ids.join("\n").as_bytes());
    let event = Event {
        invocation_id: format!(
            "{}-{}-{}-{}-{}",
            &hash[..8],
            &hash[8..12],
            &hash[12..16],
            &hash[16..20],
            &hash[20..32]
        ),
        delivery_stream_arn: stream_arn,
        region,
        records: records
            .iter()
            .map(|record| EventRecord {
                record_id: &record.id,
                approximate_arrival_timestamp: record.arrived_at.timestamp_millis(),
                data: BASE64.encode(&record.data),
            })
            .collect(),
    };
    serde_json::to_vec(&event)
        .map(Bytes::from)
        .map_err(|e| Error::bug("cannot format an event").with_source(e))
}

/// Invokes the function once and holds its answer to the contract: one outcome per record, in the records' order.
pub(super) async fn invoke(
    function: &Arc<dyn Function>,
    event: Bytes,
    records: &[Record],
) -> Result<Vec<Outcome>, FunctionError> {
    let answer = invoke_guarded(function, event)
        .await
        .map_err(|error| FunctionError::new("Lambda.FunctionError", error.to_string()))?;
    read_answer(&answer, records)
}

/// The error codes are the ones that Firehose logs.
/// <https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-logs.html>
pub(super) fn read_answer(answer: &[u8], records: &[Record]) -> Result<Vec<Outcome>, FunctionError> {
    if answer.len() > MAX_PAYLOAD_BYTES {
        let what = format!("the response is {} bytes, more than {MAX_PAYLOAD_BYTES}", answer.len());
        return Err(FunctionError::new("Lambda.FunctionError", what));
    }
    let malformed = |what: String| FunctionError::new("Lambda.JsonProcessingException", what);
    let answer: Answer = serde_json::from_slice(answer)
        .map_err(|error| malformed(format!("the response is no answer: {error}")))?;
    let mut by_id: BTreeMap<String, AnswerRecord> = BTreeMap::new();
    for record in answer.records {
        if let Some(twice) = by_id.insert(record.record_id.clone(), record) {
            let what = format!("multiple records were returned with the same record id {}", twice.record_id);
            return Err(FunctionError::new("Lambda.DuplicatedRecordId", what));
        }
    }
    let mut outcomes = Vec::with_capacity(records.len());
    for record in records {
        let Some(answer) = by_id.remove(&record.id) else {
            let what = format!("record id {} was not returned", record.id);
            return Err(FunctionError::new("Lambda.MissingRecordId", what));
        };
        outcomes.push(match (answer.result.as_str(), answer.data) {
            ("Ok", Some(data)) => match BASE64.decode(data) {
                Ok(bytes) => Outcome::Ok(bytes.into()),
                Err(error) => {
                    return Err(malformed(format!("data of record {} is not base64: {error}", record.id)));
                }
            },
            ("Ok", None) => return Err(malformed(format!("record {} is Ok and has no data", record.id))),
            ("Dropped", _) => Outcome::Dropped,
            ("ProcessingFailed", _) => Outcome::ProcessingFailed,
            (other, _) => {
                return Err(malformed(format!("record {} has the unknown result {other:?}", record.id)));
            }
        });
    }
    match by_id.into_keys().next() {
        Some(id) => Err(malformed(format!("record id {id} was never sent"))),
        None => Ok(outcomes),
    }
}

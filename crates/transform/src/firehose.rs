//! Firehose's record transformation, to the letter.
//! See <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>.

use serde::{Deserialize, Serialize};

/// A batch of records to transform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirehoseEvent {
    /// The invocation, the same when the batch is tried again.
    pub invocation_id: String,
    /// The stream.
    pub delivery_stream_arn: String,
    /// The stream's region.
    pub region: String,
    /// The records.
    pub records: Vec<FirehoseRecord>,
}

/// A record to transform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirehoseRecord {
    /// The id under which it has to be answered.
    pub record_id: String,
    /// Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approximate_arrival_timestamp: Option<i64>,
    /// The record in base64.
    pub data: String,
}

/// The answer: every record id of the event exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirehoseResponse {
    /// The records, in the event's order.
    pub records: Vec<TransformedRecord>,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransformedRecord {
    /// The id that the record came with.
    pub record_id: String,
    /// The verdict.
    pub result: RecordResult,
    /// Base64: the lines of an `Ok` record, nothing for a `Dropped` one, the record itself for one that failed.
    pub data: String,
}

/// The service's verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordResult {
    /// Deliver `data`.
    Ok,
    /// Deliver nothing, on purpose.
    Dropped,
    /// Keep the record under the error prefix.
    ProcessingFailed,
}

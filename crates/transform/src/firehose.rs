//! Firehose's record transformation, to the letter.
//! See <https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>.

use base64_simd::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirehoseResponse {
    /// The records, in the event's order.
    pub records: Vec<TransformedRecord>,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransformedRecord {
    /// The id that the record came with.
    pub record_id: String,
    /// The verdict.
    pub result: RecordResult,
    /// The lines of an `Ok` record, nothing for a `Dropped` one, the record itself for one that failed.
    pub data: Data,
}

/// Base64, kept as the JSON string that the answer carries: writing megabytes out is then a copy.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Data(Box<RawValue>);

impl Data {
    /// Bytes in base64.
    pub fn encode(bytes: &[u8]) -> Self {
        let mut json = String::with_capacity(BASE64.encoded_length(bytes.len()) + 2);
        json.push('"');
        BASE64.encode_append(bytes, &mut json);
        json.push('"');
        // What base64 is made of needs no escape.
        Self(
            RawValue::from_string(json).unwrap_or_else(|_| unreachable!("base64 in quotes is a JSON string")),
        )
    }

    /// The text, as it is without JSON.
    pub fn text(&self) -> String {
        serde_json::from_str(self.0.get()).unwrap_or_else(|_| unreachable!("data is a JSON string"))
    }
}

impl From<&str> for Data {
    /// Text that is base64 already, or whatever else a record came with.
    fn from(text: &str) -> Self {
        Self(
            serde_json::value::to_raw_value(text).unwrap_or_else(|_| unreachable!("a text is a JSON string")),
        )
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::from("")
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Eq for Data {}

/// The service's verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RecordResult {
    /// Deliver `data`.
    Ok,
    /// Deliver nothing, on purpose.
    Dropped,
    /// Keep the record under the error prefix.
    ProcessingFailed,
}

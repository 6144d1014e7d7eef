//! The events' JSON, field by field as Lambda functions get it.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use quotelake_core::percent::event_key;
use quotelake_core::{Error, Result};
use serde_json::{Map, Value, json};

use crate::queue::Received;

/// The region and account that laptop events name.
const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";

/// The SQS event of a batch.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
pub fn sqs_event(queue: &str, batch: &[Received]) -> Result<Bytes> {
    let records: Vec<Value> = batch.iter().map(|received| sqs_record(queue, received)).collect();
    serde_json::to_vec(&json!({ "Records": records }))
        .map(Bytes::from)
        .map_err(|error| Error::bug("cannot format an SQS event").with_source(error))
}

fn sqs_record(queue: &str, received: &Received) -> Value {
    let stored = &received.stored;
    let mut attributes = Map::new();
    let mut attribute = |name: &str, value: String| attributes.insert(name.to_owned(), Value::String(value));
    attribute("ApproximateReceiveCount", stored.receive_count.to_string());
    attribute("SentTimestamp", stored.sent_at.timestamp_millis().to_string());
    attribute("SenderId", ACCOUNT.to_owned());
    let first = stored.first_received_at.unwrap_or(stored.sent_at);
    attribute("ApproximateFirstReceiveTimestamp", first.timestamp_millis().to_string());
    if let Some(group) = &stored.message.group {
        attribute("MessageGroupId", group.clone());
        attribute("SequenceNumber", format!("{:020}", stored.sequence));
        // A queue with content-based deduplication fills in what the sender left out; the id serves as well.
        let id = stored.message.deduplication_id.as_ref().unwrap_or(&stored.id);
        attribute("MessageDeduplicationId", id.clone());
    }
    let message_attributes: Map<String, Value> = stored
        .message
        .attributes
        .iter()
        .map(|(name, value)| {
            let value = json!({
                "stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"
            });
            (name.clone(), value)
        })
        .collect();
    json!({
        "messageId": stored.id,
        "receiptHandle": received.receipt_handle,
        "body": stored.message.body,
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"),
        "awsRegion": REGION,
    })
}

/// An object that was written, for [`s3_object_created`].
#[derive(Debug, Clone, Copy)]
pub struct S3Object<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key as it is, not encoded.
    pub key: &'a str,
    /// Bytes.
    pub size: u64,
    /// The ETag without quotes, or a local version.
    pub etag: &'a str,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// The event that S3 sends when an object was written.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
pub fn s3_object_created(object: &S3Object<'_>) -> Value {
    let at = object.created_at;
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": ACCOUNT },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": "LOCAL", "x-amz-id-2": "local" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "object-created",
            "bucket": {
                "name": object.bucket,
                "ownerIdentity": { "principalId": ACCOUNT },
                "arn": format!("arn:aws:s3:::{}", object.bucket),
            },
            "object": {
                "key": event_key(object.key),
                "size": object.size,
                "eTag": object.etag,
                // Larger for the later of two writes of one key; compared as text.
                "sequencer": format!("{:016X}", at.timestamp_micros().max(0)),
            },
        },
    }]})
}

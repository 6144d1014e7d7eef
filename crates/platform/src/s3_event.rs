//! The S3 notification inside an SQS message: the fields that are used.

use chrono::{DateTime, Utc};
use quotelake_core::percent::{event_key, event_key_of};
use quotelake_core::{Error, Result};
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    event_name: String,
    #[serde(rename = "eventTime")]
    event_time: Option<DateTime<Utc>>,
    s3: S3,
}

#[derive(Debug, Deserialize)]
struct S3 {
    object: Object,
}

#[derive(Debug, Deserialize)]
struct Object {
    key: String,
}

#[derive(Debug, Deserialize)]
struct TestEvent {
    #[serde(rename = "Event")]
    event: String,
}

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its key, decoded.
    pub key: String,
    /// When it was; the same however often the notification comes.
    pub at: Option<DateTime<Utc>>,
}

/// The keys of the objects that were created, decoded. None for the test event that S3 sends when notifications are set up.
pub fn created_keys(body: &str) -> Result<Vec<String>> {
    Ok(created(body)?.into_iter().map(|created| created.key).collect())
}

/// The same with the time of each.
pub fn created(body: &str) -> Result<Vec<Created>> {
    if let Ok(test) = serde_json::from_str::<TestEvent>(body)
        && test.event == "s3:TestEvent"
    {
        return Ok(Vec::new());
    }
    let notification: Notification = serde_json::from_str(body)
        .map_err(|e| Error::invalid("message is no S3 notification").with_source(e))?;
    notification
        .records
        .into_iter()
        .filter(|record| record.event_name.trim_start_matches("s3:").starts_with("ObjectCreated"))
        .map(|record| Ok(Created { key: event_key_of(&record.s3.object.key)?, at: record.event_time }))
        .collect()
}

/// The notification that S3 would send of an object, as far as [`created_keys`] reads it.
///
/// ```
/// use quotelake_platform::s3_event::{created_body, created_keys};
/// let key = "landing/dataset=a/x y+é%.gz";
/// assert_eq!(created_keys(&created_body(key)).unwrap(), [key]);
/// ```
pub fn created_body(key: &str) -> String {
    let object = json!({ "key": event_key(key) });
    json!({ "Records": [{ "eventName": "ObjectCreated:Put", "s3": { "object": object } }] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded() {
        let body = r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"landing/dataset%3Da/x+y%C3%A9.gz"}}},
            {"eventName":"ObjectRemoved:Delete","s3":{"object":{"key":"gone"}}}]}"#;
        assert_eq!(created_keys(body).unwrap(), ["landing/dataset=a/x yé.gz"]);
        assert!(created_keys(r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#).unwrap().is_empty());
        let at = body.replace(
            "\"eventName\":\"ObjectCreated:Put\"",
            "\"eventName\":\"ObjectCreated:Put\",\"eventTime\":\"2026-03-06T20:00:00.000Z\"",
        );
        assert_eq!(created(&at).unwrap()[0].at, Some("2026-03-06T20:00:00Z".parse().unwrap()));
        assert_eq!(created(body).unwrap()[0].at, None);
        assert!(created_keys("{}").is_err());
        assert!(
            created_keys(r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"%zz"}}}]}"#)
                .is_err()
        );
    }
}

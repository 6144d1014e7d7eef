//! The port `Lake` on one S3 bucket. A precondition is a conditional write, a version an ETag, and the checksum of a whole
//! object is S3's CRC-64, which the SDK checks when the object is read.

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::ResponseChecksumValidation;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use aws_smithy_checksums::body::validate;
use bytes::Bytes;
use quotelake_core::ports::{Lake, Object, ObjectMeta, Precondition, Version};
use quotelake_core::{Error, ErrorKind, Result, check_key};

use crate::Aws;
use crate::error::failed;

/// The largest object of one `PutObject`: 5 GiB.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>.
const MAX_PUT_BYTES: u64 = 5 << 30;

/// A lake in one bucket. A version is the object's ETag.
///
/// Every put carries a CRC-64 (NVME) that S3 checks and keeps, and a whole object is held against it when it is read, no matter who put
/// it. S3 answers no checksum with a range: of its bytes, what S3 itself and TLS vouch for is all that is known. Anyone who may read has to be
/// allowed to list the bucket as well: without that, S3 answers 403 instead of 404 for an object that is not there.
#[derive(Debug, Clone)]
pub struct S3Lake {
    client: Client,
    bucket: String,
}

impl S3Lake {
    /// The lake in this bucket.
    pub fn new(aws: &Aws, bucket: impl Into<String>) -> Self {
        Self { client: aws.s3(), bucket: bucket.into() }
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    async fn fetch(&self, key: &str, mode: Option<ChecksumMode>) -> Result<Fetched> {
        check_key(key)?;
        let uri = self.uri(key);
        let request = self.client.get_object().bucket(&self.bucket).key(key).set_checksum_mode(mode.clone());
        let mut config = aws_sdk_s3::config::Builder::new();
        if mode.is_none() {
            // Else the SDK asks for it of its own accord.
            config = config.response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        let answer = request
            .customize()
            .config_override(config)
            .send()
            .await
            .map_err(|error| failed(format!("reading {uri}"), error))?;
        let version = version(answer.e_tag(), &uri)?;
        let verified = has_checksum(&answer);
        match answer.body.collect().await {
            Ok(bytes) => Ok(Fetched::Whole(Object { bytes: bytes.into_bytes(), version, verified })),
            Err(error) => match mismatch(&error) {
                Some(mismatch) => Ok(Fetched::Damaged(mismatch)),
                // A connection that broke off.
                None => Err(broken(&uri, error)),
            },
        }
    }
}

/// An object as it was answered.
enum Fetched {
    Whole(Object),
    /// Its bytes are not those of its checksum; the text says which was expected and which found.
    Damaged(String),
}

/// Whether the SDK held the body against a checksum of the whole object. One of an object in parts (`...-2`) it passes over.
fn has_checksum(answer: &GetObjectOutput) -> bool {
    let checksums = [
        answer.checksum_crc64_nvme(),
        answer.checksum_crc32(),
        answer.checksum_crc32_c(),
        answer.checksum_sha1(),
        answer.checksum_sha256(),
    ];
    checksums.into_iter().flatten().any(|checksum| !checksum.contains('-'))
}

/// The SDK's words on a checksum that does not fit.
fn mismatch(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(validate::Error::ChecksumMismatch { expected, actual }) = error.downcast_ref() {
            let hex = |bytes: &Bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            return Some(format!(
                "it was written with the checksum {}, its bytes have {}",
                hex(expected),
                hex(actual)
            ));
        }
        cause = error.source();
    }
    None
}

fn version(etag: Option<&str>, uri: &str) -> Result<Version> {
    etag.map(Version::new).ok_or_else(|| Error::unavailable(format!("{uri}: the answer has no ETag")))
}

fn size(bytes: Option<i64>, uri: &str) -> Result<u64> {
    bytes
        .and_then(|bytes| u64::try_from(bytes).ok())
        .ok_or_else(|| Error::unavailable(format!("{uri}: the answer has no size")))
}

#[async_trait]
impl Lake for S3Lake {
    async fn get(&self, key: &str) -> Result<Object> {
        let fetch = || self.fetch(key, Some(ChecksumMode::Enabled));
        // What was damaged on its way is whole when it is asked for again.
        match fetch().await? {
            Fetched::Whole(object) => return Ok(object),
            Fetched::Damaged(why) => tracing::warn!(key, why, "an object does not fit its checksum"),
        }
        match fetch().await? {
            Fetched::Whole(object) => Ok(object),
            Fetched::Damaged(why) => Err(Error::damaged(format!("{} is damaged: {why}", self.uri(key)))),
        }
    }

    async fn get_unchecked(&self, key: &str) -> Result<Object> {
        match self.fetch(key, None).await? {
            Fetched::Whole(object) => Ok(Object { verified: false, ..object }),
            Fetched::Damaged(why) => Err(Error::damaged(format!("{} is damaged: {why}", self.uri(key)))),
        }
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        check_key(key)?;
        let uri = self.uri(key);
        if range.is_empty() {
            // HTTP has no empty range.
            return match self.head(key).await? {
                Some(_) => Ok(Bytes::new()),
                None => Err(Error::not_found(format!("no object {uri}"))),
            };
        }
        // A signed number is as much as every server reads; no object is as long.
        let last = (range.end - 1).min(i64::MAX.cast_unsigned());
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let answer = request.range(format!("bytes={}-{last}", range.start)).send().await;
        match answer {
            Ok(answer) => {
                let bytes = answer.body.collect().await.map_err(|error| broken(&uri, error))?;
                Ok(bytes.into_bytes())
            }
            // The range starts at the end or after it.
            Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 416) => {
                Ok(Bytes::new())
            }
            Err(error) => Err(failed(format!("reading {uri}"), error)),
        }
    }

    async fn put(&self, key: &str, bytes: Bytes, when: Precondition) -> Result<Version> {
        check_key(key)?;
        let uri = self.uri(key);
        if bytes.len() as u64 > MAX_PUT_BYTES {
            let what = format!("{uri}: {} bytes are more than one put takes ({MAX_PUT_BYTES})", bytes.len());
            return Err(Error::invalid(what));
        }
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .body(bytes.into())
            .checksum_algorithm(ChecksumAlgorithm::Crc64Nvme);
        let expects_one = matches!(when, Precondition::IfVersion(_));
        let request = match when {
            Precondition::None => request,
            Precondition::IfAbsent => request.if_none_match("*"),
            Precondition::IfVersion(version) => request.if_match(version.as_str()),
        };
        match request.send().await {
            Ok(answer) => version(answer.e_tag(), &uri),
            Err(error) => {
                let error = failed(format!("writing {uri}"), error);
                // S3 answers 404 where the object of the expected version was deleted.
                if expects_one && error.kind() == ErrorKind::NotFound {
                    return Err(Error::conflict(format!("{uri} is gone")).with_source(error));
                }
                Err(error)
            }
        }
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        check_key(key)?;
        let uri = self.uri(key);
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(answer) => Ok(Some(ObjectMeta {
                key: key.to_owned(),
                size: size(answer.content_length(), &uri)?,
                version: version(answer.e_tag(), &uri)?,
                modified: answer.last_modified().and_then(instant),
            })),
            Err(error) => match failed(format!("asking for {uri}"), error) {
                error if error.kind() == ErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let uri = self.uri(prefix);
        let mut pages =
            self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed(format!("listing {uri}"), error))?;
            for object in page.contents() {
                let key =
                    object.key().ok_or_else(|| Error::unavailable(format!("{uri}: a key is missing")))?;
                // An object that another tool put under a key of no use to us, such as a folder's marker.
                if check_key(key).is_err() {
                    continue;
                }
                listed.push(ObjectMeta {
                    key: key.to_owned(),
                    size: size(object.size(), &uri)?,
                    version: version(object.e_tag(), &uri)?,
                    modified: object.last_modified().and_then(instant),
                });
            }
        }
        Ok(listed)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let deleted = self.client.delete_object().bucket(&self.bucket).key(key).send().await;
        deleted.map(drop).map_err(|error| failed(format!("deleting {}", self.uri(key)), error))
    }

    /// None: a bucket keeps no account of its objects apart from them.
    async fn missing(&self, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// An instant of the SDK's, to the second: a listing may say milliseconds, a header cannot.
fn instant(at: &aws_smithy_types::DateTime) -> Option<chrono::DateTime<chrono::Utc>> {
    chrono::DateTime::from_timestamp(at.secs(), 0)
}

fn broken(uri: &str, error: aws_smithy_types::byte_stream::error::Error) -> Error {
    Error::unavailable(format!("reading {uri}: the body broke off")).with_source(error)
}

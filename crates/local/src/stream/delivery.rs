//! The delivering half of the stream: which batches are due, the function's invocations, and the order of writes (backup,
//! landing, failed records, notification, journal) that makes a crash between any two of them harmless.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use quotelake_core::ports::{Clock, Lake, ObjectMeta, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, Result};
use quotelake_landing::gzip;

use super::journal::{Journal, Record, concatenate};
use super::objects::{Failure, Prefix, failed_line, object_key};
use super::transform::{self, MAX_PAYLOAD_BYTES, Outcome};
use super::{DeliverySettings, SpoolStream};
use crate::files::blocking;
use crate::function::Function;
use crate::notify::ObjectCreated;

/// What deliveries did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Invocations of the function, retries included.
    pub invocations: u64,
    /// Records delivered as transformed.
    pub delivered: u64,
    /// Records that the function dropped on purpose.
    pub dropped: u64,
    /// Records that went to the error prefix.
    pub failed: u64,
    /// Lines in the objects under the landing prefix.
    pub rows: u64,
    /// The size of those objects.
    pub bytes: u64,
    /// Keys of the objects under the landing prefix, in order of writing.
    pub objects: Vec<String>,
    /// Keys of the objects under the error prefix.
    pub failed_objects: Vec<String>,
}

/// The delivering half of the embedded stream.
///
/// A delivery takes the oldest batches of the journal and claims them, then writes, in this order: the backup of the
/// untouched records, the transformed records, the failed records; then announces the new landing object; then drops the
/// batches. A crash or an error anywhere leaves the claim, so the next delivery does the same batches again before any
/// other: the same objects get the same names, and are not written when they are there. So nothing accepted is lost,
/// and what is delivered twice is delivered as the same object.
#[derive(Debug)]
pub struct Delivery {
    journal: Arc<Journal>,
    function: Arc<dyn Function>,
    lake: Arc<dyn Lake>,
    created: Arc<dyn ObjectCreated>,
    clock: Arc<dyn Clock>,
    settings: DeliverySettings,
    prefixes: Prefixes,
    stream_arn: String,
    lambda_arn: String,
}

#[derive(Debug)]
struct Prefixes {
    landing: Prefix,
    backup: Prefix,
    error: Prefix,
}

/// The records of one delivery, after the function answered.
#[derive(Debug, Default)]
struct Transformed {
    landing: Vec<Bytes>,
    failed: Vec<(usize, Failure)>,
}

impl Transformed {
    /// The outcomes of one invocation, whose first record is number `first` of the delivery.
    fn add(
        &mut self,
        first: usize,
        outcomes: Vec<Outcome>,
        failure: impl Fn() -> Failure,
        report: &mut DeliveryReport,
    ) {
        for (at, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Ok(bytes) => {
                    report.delivered += 1;
                    self.landing.push(bytes);
                }
                Outcome::Dropped => report.dropped += 1,
                Outcome::ProcessingFailed => self.failed.push((first + at, failure())),
            }
        }
    }
}

impl Delivery {
    /// A delivery from the stream's journal through the function to the lake. `Config` names a setting that is wrong.
    pub fn new(
        stream: &SpoolStream,
        function: Arc<dyn Function>,
        lake: Arc<dyn Lake>,
        created: Arc<dyn ObjectCreated>,
        clock: Arc<dyn Clock>,
        settings: DeliverySettings,
    ) -> Result<Self> {
        let prefixes = Prefixes {
            landing: Prefix::parse(&settings.prefix)?,
            backup: Prefix::parse(&settings.backup_prefix)?,
            error: Prefix::parse(&settings.error_prefix)?,
        };
        if !prefixes.error.names_error_type() {
            return Err(Error::config(format!(
                "error prefix {:?} lacks !{{firehose:error-output-type}}",
                settings.error_prefix
            )));
        }
        let region = &settings.region;
        Ok(Self {
            stream_arn: format!("arn:aws:firehose:{region}:000000000000:deliverystream/{}", settings.stream),
            lambda_arn: format!(
                "arn:aws:lambda:{region}:000000000000:function:{}:$LATEST",
                settings.function
            ),
            journal: Arc::clone(&stream.journal),
            function,
            lake,
            created,
            clock,
            settings,
            prefixes,
        })
    }

    /// Delivers everything that was accepted: an unfinished delivery first, then one object after another, each as large as the buffer.
    pub async fn flush(&self) -> Result<DeliveryReport> {
        let mut report = DeliveryReport::default();
        let journal = Arc::clone(&self.journal);
        // One delivery at a time, in whatever process: the claim has one owner.
        let _lock = blocking(move || journal.lock()).await?;
        loop {
            let (journal, most) = (Arc::clone(&self.journal), self.settings.object_buffer_bytes);
            let names = blocking(move || next_claim(&journal, most)).await?;
            if names.is_empty() {
                return Ok(report);
            }
            self.deliver(&names, &mut report).await.context("delivering to the lake")?;
            let journal = Arc::clone(&self.journal);
            blocking(move || journal.drop_claimed(&names)).await?;
        }
    }

    async fn deliver(&self, names: &[String], report: &mut DeliveryReport) -> Result<()> {
        let (journal, names) = (Arc::clone(&self.journal), names.to_vec());
        let records = blocking(move || {
            let batches: Result<Vec<_>> = names.iter().map(|name| journal.read_or_set_aside(name)).collect();
            // A claimed batch that is gone was delivered: the crash came while batches were dropped.
            Ok(batches?.into_iter().flatten().flatten().collect::<Vec<Record>>())
        })
        .await?;
        let Some(arrived_at) = records.iter().map(|record| record.arrived_at).min() else { return Ok(()) };

        let backup = concatenate(records.iter().map(|record| &record.data));
        self.write(&self.prefixes.backup, "source-backup", arrived_at, &backup, &backup).await?;

        let transformed = self.transform(&records, report).await?;
        let landing = concatenate(transformed.landing.iter());
        let written = match landing.is_empty() {
            true => None,
            false => Some(self.write(&self.prefixes.landing, "", arrived_at, &landing, &landing).await?),
        };
        let failed = self.write_failed(&records, &transformed.failed, arrived_at).await?;
        report.failed_objects.extend(failed);
        if let Some(object) = written {
            self.created.object_created(&object).await?;
            report.rows += landing.iter().filter(|byte| **byte == b'\n').count() as u64;
            report.bytes += object.size;
            report.objects.push(object.key);
        }
        report.failed += transformed.failed.len() as u64;
        Ok(())
    }

    async fn transform(&self, records: &[Record], report: &mut DeliveryReport) -> Result<Transformed> {
        let mut all = Transformed::default();
        let mut first = 0;
        for run in transform::invocations(records, self.settings.transform_buffer_bytes) {
            match self.invoke(run, report).await? {
                Ok((attempts, outcomes)) => {
                    let failure = || Failure {
                        attempts,
                        code: "Lambda.ProcessingFailedStatus".into(),
                        message: "ProcessingFailed status set for record".into(),
                        ended_at: self.clock.now(),
                    };
                    all.add(first, outcomes, failure, report);
                }
                Err(failure) => all.failed.extend((first..first + run.len()).map(|at| (at, failure.clone()))),
            }
            first += run.len();
        }
        Ok(all)
    }

    /// Invokes the function until it keeps the contract, at most once and `retries` more.
    async fn invoke(
        &self,
        records: &[Record],
        report: &mut DeliveryReport,
    ) -> Result<std::result::Result<(u32, Vec<Outcome>), Failure>> {
        let event = transform::event(records, &self.stream_arn, &self.settings.region)?;
        if event.len() > MAX_PAYLOAD_BYTES {
            return Err(Error::bug(format!("an event of {} bytes was made for the function", event.len())));
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            report.invocations += 1;
            match transform::invoke(&self.function, event.clone(), records).await {
                Ok(outcomes) => return Ok(Ok((attempts, outcomes))),
                Err(error) if attempts <= self.settings.retries => {
                    tracing::warn!(attempt = attempts, error = %error, "transform failed, trying again");
                }
                Err(error) => {
                    tracing::error!(attempts, records = records.len(), error = %error, "transform failed, giving up");
                    let (code, message) = (error.error_type, error.error_message);
                    return Ok(Err(Failure { attempts, code, message, ended_at: self.clock.now() }));
                }
            }
        }
    }

    async fn write_failed(
        &self,
        records: &[Record],
        failed: &[(usize, Failure)],
        arrived_at: DateTime<Utc>,
    ) -> Result<Option<String>> {
        if failed.is_empty() {
            return Ok(None);
        }
        let (mut lines, mut identity) = (Vec::new(), Vec::new());
        for (at, failure) in failed {
            lines.extend(failed_line(&records[*at], failure, &self.lambda_arn)?);
            // Times of failing differ from try to try; the name follows from what does not.
            identity.extend_from_slice(records[*at].id.as_bytes());
            identity.extend_from_slice(failure.code.as_bytes());
            identity.push(b'\n');
        }
        let object =
            self.write(&self.prefixes.error, "processing-failed", arrived_at, &identity, &lines).await?;
        Ok(Some(object.key))
    }

    /// Writes one object unless an earlier try of this delivery did.
    async fn write(
        &self,
        prefix: &Prefix,
        error_output_type: &str,
        arrived_at: DateTime<Utc>,
        identity: &[u8],
        content: &[u8],
    ) -> Result<ObjectMeta> {
        let prefix = prefix.format(arrived_at, error_output_type);
        let key = object_key(&prefix, &self.settings.stream, arrived_at, identity, ".gz");
        let bytes = gzip::pack(content)?;
        let size = bytes.len() as u64;
        match self.lake.put(&key, bytes, Precondition::IfAbsent).await {
            Ok(version) => Ok(ObjectMeta { key, size, version, modified: None }),
            // Left as it is: the same version means the same check, and readers keep what they have.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                match self.lake.head(&key).await? {
                    Some(object) => Ok(object),
                    None => Err(Error::unavailable(format!("{key} was removed while it was written"))
                        .with_source(error)),
                }
            }
            Err(error) => Err(error),
        }
    }
}

/// The batches to deliver next, claimed: those of an unfinished delivery, or the oldest ones that make an object of at most `most`
/// bytes.
fn next_claim(journal: &Journal, most: u64) -> Result<Vec<String>> {
    let unfinished = journal.claimed()?;
    if !unfinished.is_empty() {
        return Ok(unfinished);
    }
    let (mut names, mut bytes) = (Vec::new(), 0);
    for batch in journal.batches()? {
        // The next batch is the next object's, unless a single batch is larger than the buffer.
        if !names.is_empty() && bytes + batch.bytes > most {
            break;
        }
        bytes += batch.bytes;
        names.push(batch.name);
    }
    if !names.is_empty() {
        journal.claim(&names)?;
    }
    Ok(names)
}

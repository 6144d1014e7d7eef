use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{PutOutcome, RecordStream};
use quotelake_core::{Envelope, Error, ErrorKind};
use quotelake_sources::http::PageSink;
use quotelake_sources::{Failure, FailureKind};

/// Puts before giving up on a batch.
const PUTS: u32 = 4;
/// The wait before the second put; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// Pages wait until this many bytes are together, or their unit ends.
const BATCH_BYTES: usize = 1 << 20;

/// Puts pages on the stream.
#[derive(Debug)]
pub(crate) struct StreamSink<'a> {
    stream: &'a dyn RecordStream,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    /// A batch of this unit that failed; [`PageSink::finish`] has to say so.
    failure: Option<Failure>,
}

impl<'a> StreamSink<'a> {
    pub(crate) fn new(stream: &'a dyn RecordStream) -> Self {
        Self { stream, batch: Vec::new(), batch_bytes: 0, failure: None }
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        self.batch_bytes = 0;
        let put = put_all(self.stream, std::mem::take(&mut self.batch)).await;
        if let Err(failure) = &put {
            self.failure = Some(failure.clone());
        }
        put
    }
}

#[async_trait]
impl PageSink for StreamSink<'_> {
    async fn deliver(&mut self, page: Envelope) -> Result<(), Failure> {
        let record =
            page.to_record().map_err(|error| Failure::new(FailureKind::Malformed, error.to_string()))?;
        let limit = self.stream.max_record_bytes();
        if record.len() > limit {
            return Err(Failure::new(
                FailureKind::TooLarge,
                format!(
                    "the page makes a record of {} bytes, the stream takes {limit}: lower the page limit",
                    record.len()
                ),
            ));
        }
        self.batch_bytes += record.len();
        self.batch.push(record);
        if self.batch_bytes >= BATCH_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        let flushed = self.flush().await;
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => flushed,
        }
    }
}

/// Puts every record. What the stream refuses for now, and only that, is put again; what it refuses for good fails the batch
/// after the others are safe.
async fn put_all(stream: &dyn RecordStream, mut left: Vec<Bytes>) -> Result<(), Failure> {
    let mut refused = None;
    let mut last = None;
    for put in 0..PUTS {
        if left.is_empty() {
            break;
        }
        if put > 0 {
            tokio::time::sleep(FIRST_WAIT * 2u32.pow(put - 1)).await;
        }
        match stream.put(&left).await {
            // Nothing of it is known to be there: all of it again.
            Err(error) if error.kind().is_retryable() => last = Some(error),
            Err(error) => return Err(failure(&error)),
            Ok(outcomes) if outcomes.len() != left.len() => {
                let what = format!("the stream answered {} of {} records", outcomes.len(), left.len());
                return Err(Failure::new(FailureKind::Stream, what));
            }
            Ok(outcomes) => {
                let mut again = Vec::new();
                for (record, outcome) in left.into_iter().zip(outcomes) {
                    match outcome {
                        PutOutcome::Accepted => {}
                        PutOutcome::Rejected(error) if error.kind().is_retryable() => {
                            again.push(record);
                            last = Some(error);
                        }
                        PutOutcome::Rejected(error) => refused = Some(failure(&error)),
                    }
                }
                left = again;
            }
        }
    }
    match (refused, left.len(), last) {
        (Some(refused), _, _) => Err(refused),
        (None, 0, _) => Ok(()),
        (None, count, last) => {
            let reason = last.map_or_else(String::new, |error| format!(": {error}"));
            Err(Failure::new(
                FailureKind::Stream,
                format!("the stream refused {count} pages {PUTS} times{reason}"),
            ))
        }
    }
}

/// A refusal that another try does not cure.
fn failure(error: &Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::InvalidInput => FailureKind::Malformed,
        // No permission, no stream: no other page will fare better.
        _ => FailureKind::Config,
    };
    Failure::new(kind, format!("the stream refuses the page: {error}"))
}

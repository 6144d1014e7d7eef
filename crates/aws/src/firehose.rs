//! The port `RecordStream` on Firehose with direct put: batches cut to the limits of one call, one outcome for each record, and
//! records that were refused in an accepted call put again.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_firehose::Client;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::{PutRecordBatchResponseEntry, Record};
use bytes::Bytes;
use quotelake_core::ports::{PutOutcome, RecordStream};
use quotelake_core::{Error, Result};

use crate::Aws;
use crate::backoff::pause;
use crate::error::{failed, kind_of};

/// Records of one `PutRecordBatch`.
/// See <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>, as for the next two.
const MAX_BATCH_RECORDS: usize = 500;
/// Bytes of one call. The documentation does not say whether before or after base64; what holds after it holds before.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// Bytes of one record, before base64.
const MAX_RECORD_BYTES: usize = 1000 << 10;
/// Puts of one record, the first included.
const PUTS: u32 = 3;
/// The longest wait before the second put; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// A Firehose delivery stream with direct put.
///
/// A batch is cut to the service's limits. The service takes a call and refuses single records of it: those, and only those, are
/// put again, a few times with growing waits. What it still refuses is the caller's.
#[derive(Debug, Clone)]
pub struct FirehoseStream {
    client: Client,
    name: String,
}

impl FirehoseStream {
    /// The stream of this name.
    pub fn new(aws: &Aws, name: impl Into<String>) -> Self {
        Self { client: Client::new(aws.sdk_config()), name: name.into() }
    }

    /// Puts records that one call takes. `Err` when nothing is known to be accepted.
    async fn put_batch(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        let mut outcomes: Vec<Option<PutOutcome>> = records.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..records.len()).collect();
        for put in 0..PUTS {
            if put > 0 {
                pause(FIRST_WAIT, put).await;
            }
            let answers = match self.call(left.iter().map(|index| &records[*index])).await {
                Ok(answers) => answers,
                // Nothing was accepted before: all of it is the caller's. Else what was accepted stays so.
                Err(error) if put == 0 => return Err(error),
                Err(error) => {
                    let refused = left.drain(..).map(|index| (index, PutOutcome::Rejected(again(&error))));
                    refused.for_each(|(index, outcome)| outcomes[index] = Some(outcome));
                    break;
                }
            };
            let mut refused = Vec::new();
            for (index, answer) in left.into_iter().zip(answers) {
                let outcome = self.outcome(&answer);
                if matches!(&outcome, PutOutcome::Rejected(error) if error.kind().is_retryable()) {
                    refused.push(index);
                }
                outcomes[index] = Some(outcome);
            }
            left = refused;
            if left.is_empty() {
                break;
            }
        }
        let unanswered = || Error::bug(format!("firehose://{}: a record has no outcome", self.name));
        outcomes.into_iter().map(|outcome| outcome.ok_or_else(unanswered)).collect()
    }

    async fn call(
        &self,
        records: impl ExactSizeIterator<Item = &Bytes>,
    ) -> Result<Vec<PutRecordBatchResponseEntry>> {
        let count = records.len();
        let what = || format!("putting {count} records on firehose://{}", self.name);
        let records = records
            .map(|record| Record::builder().data(Blob::new(record.to_vec())).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| Error::bug(what()).with_source(e))?;
        let request =
            self.client.put_record_batch().delivery_stream_name(&self.name).set_records(Some(records));
        let answer = request.send().await.map_err(|error| failed(what(), error))?;
        let answers = answer.request_responses;
        if answers.len() == count {
            return Ok(answers);
        }
        Err(Error::unavailable(format!("{}: {} were answered", what(), answers.len())))
    }

    /// A record's answer: an id, or an error code.
    fn outcome(&self, answer: &PutRecordBatchResponseEntry) -> PutOutcome {
        let Some(code) = answer.error_code() else { return PutOutcome::Accepted };
        let words = answer.error_message().unwrap_or_default();
        // The codes are `ServiceUnavailableException` and `InternalFailure`: one that is neither is passing too.
        let kind = kind_of(Some(code), 500);
        PutOutcome::Rejected(Error::new(
            kind,
            format!("firehose://{} refuses a record: {code}: {words}", self.name),
        ))
    }
}

#[async_trait]
impl RecordStream for FirehoseStream {
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        let mut outcomes = Vec::with_capacity(records.len());
        let mut accepted = false;
        for chunk in chunks(records) {
            let chunk = match chunk {
                Chunk::Batch(range) => &records[range],
                Chunk::TooLarge(bytes) => {
                    let what = format!("a record of {bytes} bytes is larger than {MAX_RECORD_BYTES}");
                    outcomes.push(PutOutcome::Rejected(Error::invalid(what)));
                    continue;
                }
            };
            match self.put_batch(chunk).await {
                Ok(put) => {
                    accepted |= put.iter().any(|outcome| matches!(outcome, PutOutcome::Accepted));
                    outcomes.extend(put);
                }
                Err(error) if !accepted => return Err(error),
                Err(error) => outcomes.extend(chunk.iter().map(|_| PutOutcome::Rejected(again(&error)))),
            }
        }
        Ok(outcomes)
    }

    fn max_record_bytes(&self) -> usize {
        MAX_RECORD_BYTES
    }
}

/// A part of the records.
#[derive(Debug, PartialEq, Eq)]
enum Chunk {
    /// These go into one call.
    Batch(Range<usize>),
    /// The next record, of so many bytes, goes into none.
    TooLarge(usize),
}

/// Cuts records to what one call takes, in order.
fn chunks(records: &[Bytes]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, record) in records.iter().enumerate() {
        let encoded = record.len().div_ceil(3) * 4;
        let too_large = record.len() > MAX_RECORD_BYTES;
        let full = index - start == MAX_BATCH_RECORDS || bytes + encoded > MAX_BATCH_BYTES;
        if (too_large || full) && start < index {
            chunks.push(Chunk::Batch(start..index));
            (start, bytes) = (index, 0);
        }
        if too_large {
            chunks.push(Chunk::TooLarge(record.len()));
            start = index + 1;
        } else {
            bytes += encoded;
        }
    }
    if start < records.len() {
        chunks.push(Chunk::Batch(start..records.len()));
    }
    chunks
}

/// The same error once more, for another record of the same call.
fn again(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.to_string());
    match error.retry_after() {
        Some(after) => copy.with_retry_after(after),
        None => copy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[test]
    fn records_are_cut_by_count() {
        let records: Vec<Bytes> = (0..1201).map(|_| of(10)).collect();
        let expected = [0..500, 500..1000, 1000..1201].map(Chunk::Batch);
        assert_eq!(chunks(&records), expected);
        assert_eq!(chunks(&[]), []);
    }

    #[test]
    fn records_are_cut_by_bytes_and_large_ones_left_out() {
        let max = of(MAX_RECORD_BYTES);
        let records = vec![max.clone(); 4];
        assert_eq!(chunks(&records), [Chunk::Batch(0..3), Chunk::Batch(3..4)]);
        let too_large = of(MAX_RECORD_BYTES + 1);
        let records = [too_large.clone(), of(1), of(2), too_large.clone(), of(3), too_large];
        let length = MAX_RECORD_BYTES + 1;
        assert_eq!(
            chunks(&records),
            [
                Chunk::TooLarge(length),
                Chunk::Batch(1..3),
                Chunk::TooLarge(length),
                Chunk::Batch(4..5),
                Chunk::TooLarge(length)
            ]
        );
    }

    #[test]
    fn every_record_is_in_one_chunk_and_no_chunk_is_over_a_limit() {
        let records: Vec<Bytes> = (0..700).map(|index| of((index * 7919) % 40_000)).collect();
        let mut next = 0;
        for chunk in chunks(&records) {
            let Chunk::Batch(range) = chunk else { panic!("no record is too large") };
            assert_eq!(range.start, next);
            next = range.end;
            assert!(range.len() <= MAX_BATCH_RECORDS);
            let bytes: usize = records[range].iter().map(|record| record.len().div_ceil(3) * 4).sum();
            assert!(bytes <= MAX_BATCH_BYTES);
        }
        assert_eq!(next, records.len());
    }
}

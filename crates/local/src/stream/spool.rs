//! The accepting half of the stream: the port `RecordStream` on the journal, with Firehose's limits of a record and of a batch,
//! so that what a laptop accepts AWS accepts.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use quotelake_core::ports::{Clock, PutOutcome, RecordStream};
use quotelake_core::{Error, Result};

use super::journal::{Journal, SpoolDepth};
use crate::files::{Durability, blocking};

/// Limits of one PutRecordBatch call and of a record.
/// <https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html>
const MAX_BATCH_RECORDS: usize = 500;
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;
const MAX_RECORD_BYTES: usize = 1000 * 1024;

/// The accepting half of the embedded delivery stream: a record is accepted when it is in the journal on disk, and stays
/// there until [`Delivery`](super::Delivery) has written it to the lake. Clones share the journal; so do processes.
///
/// A batch of any size is cut to at most 500 records and 4 MiB a journal entry. A record of more than 1000 KiB is rejected
/// as `InvalidInput`, the others of its batch are not. An entry that cannot be written rejects its records with the
/// disk's error; when no record at all was accepted because of it, the whole put is that error.
#[derive(Debug, Clone)]
pub struct SpoolStream {
    pub(super) journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
}

impl SpoolStream {
    /// Opens the journal in `folder`, which is created when missing.
    pub fn open(folder: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(folder, clock, Durability::default())
    }

    /// Opens the journal with a chosen durability of accepted records.
    pub fn open_with(
        folder: impl Into<PathBuf>,
        clock: Arc<dyn Clock>,
        durability: Durability,
    ) -> Result<Self> {
        Ok(Self { journal: Arc::new(Journal::open(folder.into(), durability)?), clock })
    }

    /// Files of accepted batches that could not be read and were set aside: their pages are in no table.
    pub async fn damaged(&self) -> Result<Vec<PathBuf>> {
        let journal = Arc::clone(&self.journal);
        blocking(move || journal.damaged()).await
    }

    /// What is accepted and not delivered yet.
    pub async fn depth(&self) -> Result<SpoolDepth> {
        let journal = Arc::clone(&self.journal);
        blocking(move || journal.depth()).await
    }
}

/// The ends of the runs into which records of these sizes are cut.
fn cuts(sizes: impl Iterator<Item = usize>) -> Vec<usize> {
    let (mut ends, mut count, mut bytes, mut at) = (Vec::new(), 0, 0, 0);
    for size in sizes {
        if count == MAX_BATCH_RECORDS || (count > 0 && bytes + size > MAX_BATCH_BYTES) {
            ends.push(at);
            (count, bytes) = (0, 0);
        }
        count += 1;
        bytes += size;
        at += 1;
    }
    if count > 0 {
        ends.push(at);
    }
    ends
}

#[async_trait]
impl RecordStream for SpoolStream {
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>> {
        let mut outcomes: Vec<Option<PutOutcome>> = records.iter().map(too_large).collect();
        let open: Vec<usize> = (0..records.len()).filter(|at| outcomes[*at].is_none()).collect();
        let (mut start, mut accepted, mut failure) = (0, 0, None);
        for end in cuts(open.iter().map(|at| records[*at].len())) {
            let batch: Vec<Bytes> = open[start..end].iter().map(|at| records[*at].clone()).collect();
            let (journal, arrived_at) = (Arc::clone(&self.journal), self.clock.now());
            let written = blocking(move || journal.append(arrived_at, &batch)).await;
            for at in &open[start..end] {
                outcomes[*at] = Some(match &written {
                    Ok(()) => PutOutcome::Accepted,
                    Err(error) => PutOutcome::Rejected(Error::new(error.kind(), error.to_string())),
                });
            }
            match written {
                Ok(()) => accepted += end - start,
                Err(error) => failure = Some(error),
            }
            start = end;
        }
        match failure {
            Some(error) if accepted == 0 => Err(error.context("no record was accepted")),
            _ => outcomes
                .into_iter()
                .map(|outcome| outcome.ok_or_else(|| Error::bug("a record of a batch has no outcome")))
                .collect(),
        }
    }

    fn max_record_bytes(&self) -> usize {
        MAX_RECORD_BYTES
    }
}

fn too_large(record: &Bytes) -> Option<PutOutcome> {
    (record.len() > MAX_RECORD_BYTES).then(|| {
        let what = format!("record of {} bytes is larger than {MAX_RECORD_BYTES}", record.len());
        PutOutcome::Rejected(Error::invalid(what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_cut_at_500_records_and_4_mib() {
        assert_eq!(cuts([].into_iter()), Vec::<usize>::new());
        assert_eq!(cuts((0..1001).map(|_| 10)), [500, 1000, 1001]);
        assert_eq!(cuts([1024 * 1024; 9].into_iter()), [4, 8, 9]);
    }
}

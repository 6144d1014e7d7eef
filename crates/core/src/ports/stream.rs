//! The port for the delivery stream between `fetch` and `transform`: batches of records in, one outcome for each record.
//! Firehose on AWS, a journal on disk on a laptop.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Error, Result};

/// What became of one record of a batch.
#[derive(Debug)]
pub enum PutOutcome {
    /// The stream has it and will deliver it at least once.
    Accepted,
    /// The stream does not have it. The error's kind says whether sending it again can help.
    Rejected(Error),
}

/// Appends records to a delivery stream, which hands them to `transform` and writes the answer to the lake.
#[async_trait]
pub trait RecordStream: fmt::Debug + Send + Sync {
    /// Puts a batch of any size (the adapter cuts it to the service's limits) and returns one outcome per record, in
    /// order. An `Err` means that nothing is known to be accepted. Delivery is at least once and in no order.
    async fn put(&self, records: &[Bytes]) -> Result<Vec<PutOutcome>>;

    /// The largest record in bytes that the stream takes.
    fn max_record_bytes(&self) -> usize;
}

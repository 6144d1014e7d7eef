//! Computed rows, by partition, as the files that they become: encoded beside the computing of the next ones, and packed where they
//! have to wait.
//!
//! What is held at a time is the encoded files of what is computed together, the rows of as many partitions as are encoded at the
//! same time, and at most [`MAX_WAITING_BYTES`] of rows of which more may come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use bytes::Bytes;
use quotelake_contract::{ColumnType, Contract};
use quotelake_core::{Context as _, Error, ErrorKind, Result};
use quotelake_table::{ArrowSchema as _, PartitionKey, Replacement, parquet_file};
use tokio::task::{JoinSet, spawn_blocking};

use crate::made::{Made, digest};

/// Rows that wait for the rest of their partition are packed when they take more than this.
const MAX_WAITING_BYTES: usize = 48 << 20;
/// What a text takes, about.
const TEXT_BYTES: usize = 24;

/// Encodes the partitions of one computation.
pub(crate) struct Encoder {
    contract: Arc<Contract>,
    fingerprint: Arc<str>,
    parallelism: usize,
    row_bytes: usize,
    waiting: BTreeMap<PartitionKey, Part>,
    waiting_bytes: usize,
    complete: BTreeSet<PartitionKey>,
    at_work: JoinSet<(PartitionKey, Result<EncodedFile>)>,
    /// Of which rows partitions were made before; none where that is not kept.
    known: Option<BTreeMap<PartitionKey, Made>>,
    encoded: Encoded,
}

/// The partitions of one computation, encoded.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    /// The files.
    pub(crate) partitions: BTreeMap<PartitionKey, File>,
    /// Of which rows, where that is known.
    pub(crate) made: BTreeMap<PartitionKey, Made>,
    /// Partitions whose rows are none of a table: two of them have one key.
    pub(crate) faults: Vec<String>,
}

/// What is to be a partition's file.
#[derive(Debug)]
pub(crate) enum File {
    /// These rows.
    New(Replacement),
    /// The one that was made of the same rows: so many, and the hash of its bytes.
    Known {
        /// Rows in it.
        rows: usize,
        /// SHA-256 of it.
        sha256: String,
    },
}

/// A file, and of which rows it is where that is kept.
type EncodedFile = (File, Option<Made>);

/// The rows of a partition of which more may come.
#[derive(Default)]
struct Part {
    packed: Vec<Bytes>,
    rows: Vec<RecordBatch>,
}

impl Encoder {
    /// Of a contract's rows. What is `known` of partitions is what files that are there were made of; without it nothing is kept of those
    /// that are made now either.
    pub(crate) fn new(
        contract: &Arc<Contract>,
        fingerprint: &str,
        parallelism: usize,
        known: Option<BTreeMap<PartitionKey, Made>>,
    ) -> Self {
        Self {
            known,
            row_bytes: contract.columns.iter().map(|column| width(column.ty)).sum(),
            contract: Arc::clone(contract),
            fingerprint: fingerprint.into(),
            parallelism: parallelism.max(1),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            complete: BTreeSet::new(),
            at_work: JoinSet::new(),
            encoded: Encoded::default(),
        }
    }

    /// Takes rows of a partition, all of them where it `is_complete`. `Bug` where it was complete before.
    pub(crate) async fn push(
        &mut self,
        partition: PartitionKey,
        rows: RecordBatch,
        is_complete: bool,
    ) -> Result<()> {
        if self.complete.contains(&partition) {
            let name = &self.contract.name;
            return Err(Error::bug(format!("{partition} of {name} was complete before")));
        }
        if is_complete && !self.waiting.contains_key(&partition) {
            self.complete.insert(partition.clone());
            return self.encode(partition, Part { packed: Vec::new(), rows: vec![rows] }).await;
        }
        self.waiting_bytes += rows.num_rows() * self.row_bytes;
        self.waiting.entry(partition).or_default().rows.push(rows);
        if self.waiting_bytes > MAX_WAITING_BYTES {
            self.pack().await?;
        }
        Ok(())
    }

    /// The files, once all rows are there.
    pub(crate) async fn finish(mut self) -> Result<Encoded> {
        for (partition, part) in std::mem::take(&mut self.waiting) {
            self.encode(partition, part).await?;
        }
        while !self.at_work.is_empty() {
            self.take_one().await?;
        }
        Ok(self.encoded)
    }

    async fn encode(&mut self, partition: PartitionKey, part: Part) -> Result<()> {
        while self.at_work.len() >= self.parallelism {
            self.take_one().await?;
        }
        let (contract, fingerprint) = (Arc::clone(&self.contract), Arc::clone(&self.fingerprint));
        let known = self.known.as_mut().map(|known| known.remove(&partition));
        self.at_work.spawn_blocking(move || {
            let file = part.into_file(&contract, &fingerprint, known);
            let file = file.with_context(|| partition.to_string());
            (partition, file)
        });
        Ok(())
    }

    async fn take_one(&mut self) -> Result<()> {
        let Some(done) = self.at_work.join_next().await else { return Ok(()) };
        let (partition, encoded) = done.map_err(|e| Error::bug("encoding stopped").with_source(e))?;
        match encoded {
            Ok((file, made)) => {
                self.encoded.made.extend(made.map(|made| (partition.clone(), made)));
                self.encoded.partitions.insert(partition, file);
            }
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                self.encoded.faults.push(error.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Packs the rows that wait.
    async fn pack(&mut self) -> Result<()> {
        let (mut waiting, contract) = (std::mem::take(&mut self.waiting), Arc::clone(&self.contract));
        let packed = spawn_blocking(move || {
            for part in waiting.values_mut().filter(|part| !part.rows.is_empty()) {
                let rows = std::mem::take(&mut part.rows);
                let rows = concat_batches(&contract.schema(), &rows)?;
                part.packed.push(parquet_file::write(&contract, &rows)?);
            }
            Ok::<_, Error>(waiting)
        });
        self.waiting = packed.await.map_err(|e| Error::bug("packing stopped").with_source(e))??;
        self.waiting_bytes = 0;
        Ok(())
    }
}

impl Part {
    /// The file of the rows. Rows that came in parts are in no order that comes again: nothing is known of them.
    fn into_file(
        self,
        contract: &Contract,
        fingerprint: &str,
        known: Option<Option<Made>>,
    ) -> Result<EncodedFile> {
        let is_whole = known.is_some() && self.packed.is_empty() && self.rows.len() == 1;
        let rows = self.into_rows(contract)?;
        let digest = is_whole.then(|| digest(&rows)).flatten();
        if let Some(made) = known.flatten().filter(|known| digest.as_ref() == Some(&known.rows)) {
            let file = File::Known { rows: rows.num_rows(), sha256: made.file.clone() };
            return Ok((file, Some(made)));
        }
        let file = Replacement::new(contract, &rows, fingerprint)?;
        let made = digest.map(|rows| Made::of(rows, &file));
        Ok((File::New(file), made))
    }

    fn into_rows(self, contract: &Contract) -> Result<RecordBatch> {
        let packed = self.packed.into_iter().map(|bytes| parquet_file::read(contract, bytes));
        let mut all = packed.collect::<Result<Vec<_>>>()?;
        all.extend(self.rows);
        match <[RecordBatch; 1]>::try_from(all) {
            Ok([only]) => Ok(only),
            Err(all) => Ok(concat_batches(&contract.schema(), &all)?),
        }
    }
}

/// Bytes of a value in memory, about.
fn width(ty: ColumnType) -> usize {
    match ty {
        ColumnType::String => TEXT_BYTES,
        ColumnType::Decimal { precision, .. } if precision > 18 => 16,
        ColumnType::Bigint | ColumnType::Double | ColumnType::Decimal { .. } | ColumnType::Timestamp => 8,
        ColumnType::Int | ColumnType::Date => 4,
        ColumnType::Boolean => 1,
    }
}

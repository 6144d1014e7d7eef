//! The file between `check` and `publish`: Arrow IPC, the rows of each partition together, and in the footer which batches
//! belong to which partition. A reader fetches the footer, the dictionaries, and then only the partitions it wants.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::Block;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use bytes::Bytes;

use super::{PartitionKey, Partitioner};
use crate::contract::Contract;
use crate::ports::Lake;
use crate::{Context as _, Error, Result};

const PARTITIONS: &str = "quotelake.partitions";
const TRAILER_BYTES: u64 = 10;

/// Writes checked rows of one object.
pub fn write(contract: &Contract, batches: &[RecordBatch]) -> Result<Bytes> {
    let room = batches.iter().map(RecordBatch::get_array_memory_size).sum();
    let mut writer = FileWriter::try_new(Vec::with_capacity(room), &contract.schema())?;
    let mut partitions = Vec::new();
    let partitioner = Partitioner::new(contract);
    for batch in batches {
        for (key, rows) in partitioner.split(batch)? {
            partitions.push(key.to_string());
            writer.write(&RecordBatch::try_new(contract.schema(), rows.columns().to_vec())?)?;
        }
    }
    let index =
        serde_json::to_string(&partitions).map_err(|e| Error::bug("partition index").with_source(e))?;
    writer.write_metadata(PARTITIONS, index);
    Ok(writer.into_inner()?.into())
}

/// A staged object, opened: its partitions are known, its rows are read on demand.
#[derive(Debug)]
pub struct StagedObject {
    /// Its key.
    pub key: String,
    /// The partition of each batch, and where the batch lies.
    batches: Vec<(PartitionKey, Block)>,
    decoder: FileDecoder,
}

impl StagedObject {
    /// Opens a staged object. `NotFound` when it is gone, `InvalidInput` when it is damaged.
    pub async fn open(lake: &dyn Lake, key: &str, size: u64) -> Result<Self> {
        Self::read(lake, key, size).await.with_context(|| format!("staged object {key}"))
    }

    async fn read(lake: &dyn Lake, key: &str, size: u64) -> Result<Self> {
        let damaged = |what: &str| Error::invalid(format!("is damaged: {what}"));
        let start = size.checked_sub(TRAILER_BYTES).ok_or_else(|| damaged("too short"))?;
        let trailer = lake.get_range(key, start..size).await?;
        let trailer: [u8; 10] = trailer.as_ref().try_into().map_err(|_| damaged("cut short"))?;
        let length = read_footer_length(trailer).map_err(|e| damaged("no footer").with_source(e))? as u64;
        let footer_start =
            start.checked_sub(length).ok_or_else(|| damaged("footer is longer than the object"))?;
        let footer_bytes = lake.get_range(key, footer_start..start).await?;
        let footer = root_as_footer(&footer_bytes).map_err(|e| damaged(&format!("footer: {e}")))?;
        let schema = fb_to_schema(footer.schema().ok_or_else(|| damaged("no schema"))?);
        let mut decoder = FileDecoder::new(Arc::new(schema), footer.version());
        for block in footer.dictionaries().iter().flatten() {
            let buffer = fetch(lake, key, block).await?;
            decoder.read_dictionary(block, &buffer)?;
        }
        let index = footer
            .custom_metadata()
            .iter()
            .flatten()
            .find(|entry| entry.key() == Some(PARTITIONS))
            .and_then(|entry| entry.value())
            .ok_or_else(|| damaged("no partition index"))?;
        let names: Vec<String> =
            serde_json::from_str(index).map_err(|e| damaged("partition index").with_source(e))?;
        let blocks: Vec<Block> = footer.recordBatches().iter().flatten().copied().collect();
        if names.len() != blocks.len() {
            return Err(damaged("the partition index and the batches differ in number"));
        }
        let batches = names
            .iter()
            .zip(blocks)
            .map(|(name, block)| Ok((name.parse()?, block)))
            .collect::<Result<_>>()?;
        Ok(Self { key: key.to_owned(), batches, decoder })
    }

    /// The partitions that it has rows for.
    pub fn partitions(&self) -> impl Iterator<Item = &PartitionKey> {
        self.batches.iter().map(|(key, _)| key)
    }

    /// The rows of one partition.
    pub async fn rows(&self, lake: &dyn Lake, partition: &PartitionKey) -> Result<Vec<RecordBatch>> {
        let mut rows = Vec::new();
        for (_, block) in self.batches.iter().filter(|(key, _)| key == partition) {
            let buffer = fetch(lake, &self.key, block).await?;
            rows.extend(self.decoder.read_record_batch(block, &buffer)?);
        }
        Ok(rows)
    }
}

async fn fetch(lake: &dyn Lake, key: &str, block: &Block) -> Result<Buffer> {
    let bad = || Error::invalid(format!("staged object {key} is damaged: a block lies outside it"));
    let start = u64::try_from(block.offset()).map_err(|_| bad())?;
    let length = u64::try_from(block.bodyLength() + i64::from(block.metaDataLength())).map_err(|_| bad())?;
    let bytes = lake.get_range(key, start..start + length).await?;
    if bytes.len() as u64 != length {
        return Err(bad());
    }
    Ok(Buffer::from(bytes))
}

/// Groups the opened objects by partition: which objects have rows for it, in partition order.
pub fn by_partition(objects: &[StagedObject]) -> Vec<(PartitionKey, Vec<&StagedObject>)> {
    let mut parts: HashMap<&PartitionKey, Vec<&StagedObject>> = HashMap::new();
    for object in objects {
        for partition in object.partitions() {
            let holders = parts.entry(partition).or_default();
            if holders.last().is_none_or(|last| last.key != object.key) {
                holders.push(object);
            }
        }
    }
    let mut parts: Vec<_> = parts.into_iter().map(|(key, objects)| (key.clone(), objects)).collect();
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts
}

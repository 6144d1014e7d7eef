//! The file between `check` and `publish`: Arrow IPC, columns packed (see [`super::packing`]), the rows of each partition
//! together, and in the footer which batches belong to which partition. A reader fetches the footer, the dictionaries, and
//! then only the partitions it wants.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{
    ArrayRef, DictionaryArray, PrimitiveArray, RecordBatch, StringArray, UInt32Array, new_empty_array,
    new_null_array,
};
use arrow::buffer::Buffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::ipc::Block;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::root_as_footer;
use arrow::ipc::writer::FileWriter;
use bytes::Bytes;
use futures::future::{FutureExt as _, ready};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::columnar::{Columnar, by_part};
use super::columns::TextDictionary;
use super::decoding::decoding;
use super::packing::{Packed, codes_of, pack, recode};
use super::partition::chosen_rows;
use super::staged_fit::{PLACEMENT, check_fit, coded_as};
use super::unpacking::unpack;
use super::{PartitionKey, Partitioner};
use crate::ArrowSchema as _;
use quotelake_contract::Contract;
use quotelake_contract::changes::placement;
use quotelake_core::ports::Lake;
use quotelake_core::{Context as _, Error, ErrorKind, Result};

const PARTITIONS: &str = "quotelake.partitions";
const TRAILER_BYTES: usize = 10;
/// What is read of an object's end at once: most footers are shorter.
const TAIL_BYTES: u64 = 64 << 10;
/// Objects that are opened, or blocks that are fetched, at the same time.
const FETCHES: usize = 8;
/// An object of at most this size is read once, as a whole.
const SMALL_BYTES: u64 = 256 << 10;
/// Small objects that are held at the same time, together.
const HELD_BYTES: u64 = 16 << 20;

/// Writes checked rows of one object.
pub fn write(contract: &Contract, batches: &[RecordBatch]) -> Result<Bytes> {
    let parts =
        |index: usize| -> Vec<&ArrayRef> { batches.iter().map(|batch| batch.column(index)).collect() };
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (index, field) in contract.schema().fields().iter().enumerate() {
        let (field, column) = pack(field, &parts(index))?;
        fields.push(field);
        columns.push(column);
    }
    let schema = Arc::new(Schema::new(fields));
    let all = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let members = Partitioner::new(contract).members(all.num_rows(), |index| {
        let parts: Vec<_> = parts(index).into_iter().map(AsRef::as_ref).collect();
        Ok(concat(&parts)?)
    })?;
    let mut writer =
        FileWriter::try_new(Vec::with_capacity(all.get_array_memory_size() + (1 << 14)), &schema)?;
    let mut partitions = Vec::new();
    for (key, rows) in members {
        partitions.push(key.to_string());
        writer.write(&chosen_rows(&all, rows)?)?;
    }
    let index =
        serde_json::to_string(&partitions).map_err(|e| Error::bug("partition index").with_source(e))?;
    writer.write_metadata(PARTITIONS, index);
    writer.write_metadata(PLACEMENT, placement(contract));
    Ok(writer.into_inner()?.into())
}

/// Staged objects of one dataset, opened: their partitions are known, their rows are read on demand.
#[derive(Debug)]
pub struct StagedObjects {
    contract: Arc<Contract>,
    objects: Vec<StagedObject>,
    /// Where the rows of each partition lie: objects and batches in them.
    partitions: BTreeMap<PartitionKey, Vec<(usize, Block)>>,
    held: u64,
    /// For each dictionary-coded column of the contract, the values of all objects.
    texts: HashMap<usize, Mutex<TextDictionary>>,
    /// The objects whose rows could not be read after they were opened, and why.
    faults: Mutex<BTreeMap<String, Error>>,
}

#[derive(Debug)]
struct StagedObject {
    key: String,
    /// All of it, when it is small.
    whole: Option<Bytes>,
    schema: Schema,
    /// By which key and partitions its rows were put, where it says so.
    placement: Option<String>,
    decoder: FileDecoder,
    /// For each dictionary-coded column, its values' codes among those of all objects.
    codes: HashMap<usize, OnceLock<Vec<i32>>>,
}

/// A partition's rows as they lie in the objects.
#[derive(Debug)]
pub struct StagedBlocks {
    /// Object, and a batch's place and bytes.
    blocks: Vec<(usize, Block, Buffer)>,
}

impl StagedObjects {
    /// None yet.
    pub fn new(contract: Arc<Contract>) -> Self {
        let coded = |column: &Field| matches!(column.data_type(), DataType::Dictionary(..));
        let schema = contract.schema();
        let texts = schema.fields().iter().enumerate().filter(|(_, field)| coded(field));
        let texts = texts.map(|(index, _)| (index, Mutex::default())).collect();
        Self {
            contract,
            objects: Vec::new(),
            partitions: BTreeMap::new(),
            held: 0,
            texts,
            faults: Mutex::default(),
        }
    }

    /// Opens one more object. `NotFound` when it is gone, `Damaged` when it is that, `InvalidInput` when its rows are none of the
    /// contract.
    pub async fn open(&mut self, lake: &dyn Lake, key: &str, size: u64) -> Result<()> {
        let failed = self.open_all(lake, &[(key, size)]).await;
        failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Opens more objects, keys with their sizes, some at the same time; they are in this order afterwards. Returns those that
    /// cannot be opened, and why, as for [`StagedObjects::open`]; behind one that may be tried again, no other is opened.
    pub async fn open_all(&mut self, lake: &dyn Lake, objects: &[(&str, u64)]) -> Vec<(String, Error)> {
        let dictionaries: Vec<usize> = self.texts.keys().copied().collect();
        let opening: Vec<_> = objects
            .iter()
            .map(|(key, size)| {
                let hold = *size <= SMALL_BYTES && self.held + size <= HELD_BYTES;
                self.held += if hold { *size } else { 0 };
                StagedObject::open(lake, key, *size, hold, &dictionaries).boxed()
            })
            .collect();
        let mut opened = stream::iter(opening).buffered(FETCHES).zip(stream::iter(objects));
        let mut failed = Vec::new();
        while let Some((object, (key, _))) = opened.next().await {
            let added = object.and_then(|(object, batches)| self.add(object, batches));
            if let Err(error) = added.with_context(|| format!("staged object {key}")) {
                let is_last = error.kind().is_retryable();
                failed.push(((*key).to_owned(), error));
                if is_last {
                    break;
                }
            }
        }
        failed
    }

    fn add(&mut self, object: StagedObject, batches: Vec<(PartitionKey, Block)>) -> Result<()> {
        let partitions = batches.iter().map(|(partition, _)| partition);
        let put = object.placement.as_deref();
        check_fit(&self.contract, &self.contract.schema(), &object.schema, put, partitions)?;
        for (partition, block) in batches {
            self.partitions.entry(partition).or_default().push((self.objects.len(), block));
        }
        self.objects.push(object);
        Ok(())
    }

    /// The keys of the objects.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().map(|object| object.key.as_str())
    }

    /// The partitions that they have rows for, in order, and the bytes of their blocks.
    pub fn partitions(&self) -> Vec<(PartitionKey, u64)> {
        let bytes = |blocks: &[(usize, Block)]| {
            blocks.iter().map(|(_, block)| u64::try_from(block.bodyLength()).unwrap_or(0)).sum()
        };
        self.partitions.iter().map(|(partition, blocks)| (partition.clone(), bytes(blocks))).collect()
    }

    /// The objects whose rows could not be read after they were opened, and why: no call will ever read them, while the others
    /// are as good as before.
    pub fn faults(&self) -> Vec<(String, Error)> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *faults).into_iter().collect()
    }

    /// Notes what is wrong with an object, and says it in an error that names it.
    fn fault(&self, key: &str, error: Error) -> Error {
        let error = error.context(format!("staged object {key}"));
        if !error.kind().is_retryable() {
            let noted = Error::new(error.kind(), error.to_string());
            self.faults.lock().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_insert(noted);
        }
        error
    }

    /// Fetches the rows of a partition. An object that is gone by now has none: the drain that removed it has published them all.
    pub async fn fetch(&self, lake: &dyn Lake, partition: &PartitionKey) -> Result<StagedBlocks> {
        let wanted = self.partitions.get(partition).cloned().unwrap_or_default();
        let blocks = stream::iter(wanted)
            .map(|(index, block)| async move {
                let object = &self.objects[index];
                match fetch(lake, &object.key, object.whole.as_ref(), &block).await {
                    Ok(bytes) => Ok(Some((index, block, bytes))),
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(self.fault(&object.key, error)),
                }
            })
            .buffered(FETCHES)
            .try_filter_map(|block| ready(Ok(block)))
            .try_collect()
            .await?;
        Ok(StagedBlocks { blocks })
    }

    /// The rows of a partition, objects in the order in which they were opened. `Damaged` for a damaged block.
    pub fn rows(&self, blocks: &StagedBlocks) -> Result<StagedRows<'_>> {
        let mut parts = Vec::with_capacity(blocks.blocks.len());
        for (index, block, bytes) in &blocks.blocks {
            let object = &self.objects[*index];
            let batch = decoding(|| Ok(object.decoder.read_record_batch(block, bytes)?));
            let batch = batch.map_err(|error| self.fault(&object.key, error))?;
            parts.extend(batch.map(|batch| StagedPart { object, batch }));
        }
        Ok(StagedRows { schema: self.contract.schema(), objects: self, parts })
    }
}

/// A partition's staged rows, packed.
#[derive(Debug)]
pub struct StagedRows<'a> {
    schema: SchemaRef,
    objects: &'a StagedObjects,
    parts: Vec<StagedPart<'a>>,
}

#[derive(Debug)]
struct StagedPart<'a> {
    object: &'a StagedObject,
    batch: RecordBatch,
}

impl Columnar for StagedRows<'_> {
    fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.batch.num_rows()).sum()
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        let field = self.schema.field(index);
        let parts = self.parts.iter().map(|part| self.packed(part, || part.column(field)));
        self.unpack(index, &parts.collect::<Result<Vec<_>>>()?)
    }

    fn read_some(&self, index: usize, rows: &[u32]) -> Result<ArrayRef> {
        let field = self.schema.field(index);
        let parts = by_part(rows, &self.parts, |part| part.batch.num_rows()).map(|(part, rows)| {
            self.packed(part, || {
                let (field, column) = part.column(field)?;
                Ok((field, take(&column, &UInt32Array::from(rows), None)?))
            })
        });
        self.unpack(index, &parts.collect::<Result<Vec<_>>>()?)
    }
}

impl<'a> StagedRows<'a> {
    /// A column of one part, with the object that it is of.
    fn packed(
        &self,
        part: &StagedPart<'a>,
        column: impl FnOnce() -> Result<Packed>,
    ) -> Result<(&'a StagedObject, Packed)> {
        match decoding(column) {
            Ok(packed) => Ok((part.object, packed)),
            Err(error) => Err(self.objects.fault(&part.object.key, error)),
        }
    }

    /// Packed columns of objects as one column of the contract.
    fn unpack(&self, index: usize, parts: &[(&StagedObject, Packed)]) -> Result<ArrayRef> {
        let whole = decoding(|| self.unpack_whole(index, parts));
        let Err(error) = whole else { return whole };
        // Which of them is it? One that cannot be unpacked alone.
        for part in parts {
            if let Err(error) = decoding(|| self.unpack_whole(index, std::slice::from_ref(part))) {
                return Err(self.objects.fault(&part.0.key, error));
            }
        }
        Err(error)
    }

    fn unpack_whole(&self, index: usize, parts: &[(&StagedObject, Packed)]) -> Result<ArrayRef> {
        let field = self.schema.field(index);
        if parts.is_empty() {
            return Ok(new_empty_array(field.data_type()));
        }
        let Some(texts) = self.objects.texts.get(&index) else {
            return unpack(field, &parts.iter().map(|(_, packed)| packed.clone()).collect::<Vec<_>>());
        };
        let mut coded = Vec::with_capacity(parts.len());
        for (object, (field, column)) in parts {
            let codes = match field.data_type() {
                DataType::Dictionary(..) => Cow::Borrowed(object.codes(index, column, texts)?),
                // Each batch has a dictionary of its own.
                _ => Cow::Owned(codes_of(column, &mut texts.lock().unwrap_or_else(PoisonError::into_inner))?),
            };
            coded.push((codes, Arc::clone(column)));
        }
        let coded: Vec<_> =
            coded.iter().map(|(codes, column)| (codes.as_ref(), Arc::clone(column))).collect();
        let values = texts.lock().unwrap_or_else(PoisonError::into_inner).values()?;
        recode(&coded, &Arc::new(values))
    }
}

impl StagedPart<'_> {
    /// A column of the contract, by its name. One that the object does not have yet is missing values, if the contract allows
    /// them.
    fn column(&self, field: &Field) -> Result<Packed> {
        let schema = &self.object.schema;
        match schema.column_with_name(field.name()) {
            Some((index, _)) => {
                let column = self.batch.column(index);
                if !field.is_nullable() && column.null_count() > 0 {
                    return Err(Error::invalid(format!(
                        "column {:?} has {} missing values, which the contract does not allow",
                        field.name(),
                        column.null_count()
                    )));
                }
                coded_as(field, (Arc::clone(&schema.fields()[index]), Arc::clone(column)))
            }
            None if field.is_nullable() => {
                Ok((Arc::new(field.clone()), missing(field, self.batch.num_rows())))
            }
            None => {
                Err(Error::invalid(format!("has no column {:?}, which the contract requires", field.name())))
            }
        }
    }
}

/// A column without values.
fn missing(field: &Field, rows: usize) -> ArrayRef {
    match field.data_type() {
        DataType::Dictionary(..) => {
            let texts = StringArray::from(Vec::<&str>::new());
            Arc::new(DictionaryArray::new(PrimitiveArray::<Int32Type>::new_null(rows), Arc::new(texts)))
        }
        ty => new_null_array(ty, rows),
    }
}

impl StagedObject {
    /// Opens an object: itself, and the partition and place of each batch in it.
    async fn open(
        lake: &dyn Lake,
        key: &str,
        size: u64,
        hold: bool,
        coded: &[usize],
    ) -> Result<(Self, Vec<(PartitionKey, Block)>)> {
        let damaged = |what: &str| Error::damaged(format!("is damaged: {what}"));
        let whole = if hold { Some(lake.get(key).await?.bytes) } else { None };
        let mut tail = match &whole {
            Some(bytes) => bytes.clone(),
            None => lake.get_range(key, size.saturating_sub(TAIL_BYTES)..size).await?,
        };
        let trailer: [u8; TRAILER_BYTES] = *tail.last_chunk().ok_or_else(|| damaged("too short"))?;
        let length = read_footer_length(trailer).map_err(|e| damaged("no footer").with_source(e))?;
        let end = length + TRAILER_BYTES;
        if tail.len() < end && whole.is_none() {
            let start = size.checked_sub(end as u64);
            tail = lake.get_range(key, start.unwrap_or(size)..size).await?;
        }
        let start = tail.len().checked_sub(end).ok_or_else(|| damaged("footer is longer than the object"))?;
        let footer =
            root_as_footer(&tail[start..start + length]).map_err(|e| damaged(&format!("footer: {e}")))?;
        let schema = footer.schema().ok_or_else(|| damaged("no schema"))?;
        let schema = decoding(|| Ok(fb_to_schema(schema)))?;
        let mut decoder = FileDecoder::new(Arc::new(schema.clone()), footer.version());
        for block in footer.dictionaries().iter().flatten() {
            let buffer = fetch(lake, key, whole.as_ref(), block).await?;
            decoding(|| Ok(decoder.read_dictionary(block, &buffer)?))?;
        }
        let said = |name: &str| {
            let mut entries = footer.custom_metadata().into_iter().flatten();
            entries.find(|entry| entry.key() == Some(name)).and_then(|entry| entry.value())
        };
        let index = said(PARTITIONS).ok_or_else(|| damaged("no partition index"))?;
        let placement = said(PLACEMENT).map(str::to_owned);
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
        let codes = coded.iter().map(|index| (*index, OnceLock::new())).collect();
        Ok((Self { key: key.to_owned(), whole, schema, placement, decoder, codes }, batches))
    }

    /// The codes of a dictionary-coded column's values among those of all objects.
    fn codes(&self, index: usize, column: &ArrayRef, texts: &Mutex<TextDictionary>) -> Result<&[i32]> {
        let known = self.codes.get(&index).ok_or_else(|| Error::bug("a column without a dictionary"))?;
        if let Some(codes) = known.get() {
            return Ok(codes);
        }
        let codes = {
            let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            codes_of(column, &mut texts)?
        };
        Ok(known.get_or_init(|| codes))
    }
}

/// The bytes of a block: of the object that is held, or from the lake.
async fn fetch(lake: &dyn Lake, key: &str, whole: Option<&Bytes>, block: &Block) -> Result<Buffer> {
    let bad = || Error::damaged("is damaged: a block lies outside it");
    let start = u64::try_from(block.offset()).map_err(|_| bad())?;
    let length = block.bodyLength().checked_add(i64::from(block.metaDataLength())).ok_or_else(bad)?;
    let length = u64::try_from(length).map_err(|_| bad())?;
    let Range { start, end } = start..start.checked_add(length).ok_or_else(bad)?;
    let bytes = match whole {
        Some(bytes) if end <= bytes.len() as u64 => bytes.slice(start as usize..end as usize),
        Some(_) => return Err(bad()),
        None => lake.get_range(key, start..end).await?,
    };
    if bytes.len() as u64 != length {
        return Err(bad());
    }
    Ok(Buffer::from(bytes))
}

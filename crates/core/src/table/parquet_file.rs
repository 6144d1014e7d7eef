//! The published file: one per partition, sorted, zstd, with statistics. The same rows give the same bytes.

use std::iter::Enumerate;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::vec::IntoIter;

use arrow::array::{RecordBatch, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, KeyValue, ParquetMetaDataReader, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::coded_column;
use crate::contract::{ColumnType, Contract};
use crate::{Error, Result};

const ZSTD_LEVEL: i32 = 1;
/// One row group holds the whole of any sensible partition; readers prune by it.
const ROW_GROUP_ROWS: usize = 1 << 20;
/// The columns of so many rows are encoded side by side: other partitions may be too large to be merged at the same time.
const MANY_ROWS: usize = 100_000;
/// Room for a row of a file: most take less.
const ROW_BYTES: usize = 32;

/// Writes a sorted batch of the contract's columns.
pub fn write(contract: &Contract, batch: &RecordBatch) -> Result<Bytes> {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).map_err(|e| Error::bug("zstd level").with_source(e))?;
    write_as(contract, batch, Compression::ZSTD(zstd))
}

/// The same without compression, for a file of a few rows: a compressor's tables take longer to make than the rest of it.
pub fn write_uncompressed(contract: &Contract, batch: &RecordBatch) -> Result<Bytes> {
    write_as(contract, batch, Compression::UNCOMPRESSED)
}

fn write_as(contract: &Contract, batch: &RecordBatch, compression: Compression) -> Result<Bytes> {
    let typed = RecordBatch::try_new(contract.schema(), batch.columns().to_vec())?;
    encode(&typed, properties(contract, compression), compression != Compression::UNCOMPRESSED)
        .map_err(|error| Error::bug("cannot encode Parquet").with_source(error))
}

/// Without compression it is a file of a few rows, which is not worth codes of our own either.
fn encode(
    batch: &RecordBatch,
    properties: WriterProperties,
    is_compressed: bool,
) -> Result<Bytes, ParquetError> {
    let schema = batch.schema();
    let parquet_schema = ArrowSchemaConverter::new().convert(&schema)?;
    let mut bytes = Vec::with_capacity(batch.num_rows() * ROW_BYTES);
    // Engines read the logical types; an embedded Arrow schema would only tie them to ours.
    let mut file =
        SerializedFileWriter::new(&mut bytes, parquet_schema.root_schema_ptr(), Arc::new(properties))?;
    let writers = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&schema));
    for (group, start) in (0..batch.num_rows()).step_by(ROW_GROUP_ROWS).enumerate() {
        let rows = batch.slice(start, ROW_GROUP_ROWS.min(batch.num_rows() - start));
        let columns = Columns {
            rows: &rows,
            schema: &parquet_schema,
            is_compressed,
            waiting: Mutex::new(writers.create_column_writers(group)?.into_iter().enumerate()),
        };
        let mut row_group = file.next_row_group()?;
        for chunk in columns.encode()? {
            match chunk {
                Chunk::Coded(bytes, close) => row_group.append_column(&bytes, close)?,
                Chunk::Plain(chunk) => chunk.append_to_row_group(&mut row_group)?,
            }
        }
        row_group.close()?;
    }
    file.close()?;
    Ok(bytes.into())
}

/// An encoded column.
enum Chunk {
    Coded(Bytes, ColumnCloseResult),
    Plain(ArrowColumnChunk),
}

/// The columns of a row group, to be encoded by one thread or several.
struct Columns<'a> {
    rows: &'a RecordBatch,
    schema: &'a SchemaDescriptor,
    is_compressed: bool,
    waiting: Mutex<Enumerate<IntoIter<ArrowColumnWriter>>>,
}

impl Columns<'_> {
    /// All columns, in order.
    fn encode(&self) -> Result<Vec<Chunk>, ParquetError> {
        let helpers = match self.rows.num_rows() {
            0..MANY_ROWS => 0,
            _ => thread::available_parallelism().map_or(0, |cores| cores.get() - 1),
        };
        let mut chunks = thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(|| self.encode_waiting())).collect();
            let mut chunks = self.encode_waiting()?;
            for helper in helpers {
                let died = |_| ParquetError::General("a thread that encodes columns died".into());
                chunks.extend(helper.join().map_err(died)??);
            }
            Ok::<_, ParquetError>(chunks)
        })?;
        chunks.sort_by_key(|(index, _)| *index);
        Ok(chunks.into_iter().map(|(_, chunk)| chunk).collect())
    }

    /// Encodes columns until none waits.
    fn encode_waiting(&self) -> Result<Vec<(usize, Chunk)>, ParquetError> {
        let mut coded = self.is_compressed.then(coded_column::Encoder::new).transpose()?;
        let mut chunks = Vec::new();
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, mut writer)) = next else { return Ok(chunks) };
            let column = self.rows.column(index);
            let chunk = coded.as_mut().map(|coded| coded.encode(column, &self.schema.column(index)));
            if let Some((bytes, close)) = chunk.transpose()?.flatten() {
                chunks.push((index, Chunk::Coded(bytes, close)));
                continue;
            }
            // The columns are flat: each field is one leaf.
            for leaf in compute_leaves(self.rows.schema().field(index), column)? {
                writer.write(&leaf)?;
            }
            chunks.push((index, Chunk::Plain(writer.close()?)));
        }
    }
}

fn properties(contract: &Contract, compression: Compression) -> WriterProperties {
    let sorting = contract
        .sort
        .iter()
        .map(|index| SortingColumn { column_idx: *index as i32, descending: false, nulls_first: true })
        .collect();
    let mut builder = WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("quotelake".to_owned())
        .set_sorting_columns(Some(sorting))
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "quotelake.contract".to_owned(),
            format!("{}@{}", contract.name, contract.version),
        )]));
    for column in &contract.columns {
        let path = ColumnPath::from(column.name.as_str());
        builder = match column.ty {
            // Instants and days of a sorted file have small and often equal differences.
            ColumnType::Date | ColumnType::Timestamp => builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            // Numbers have not. Where they repeat they become codes (`coded_column`); where they do not, zstd finds more in their
            // plain bytes, where digits stay at their places, than in packed differences.
            ColumnType::Decimal { precision, .. } if precision <= 18 => {
                builder.set_column_dictionary_enabled(path, false)
            }
            ColumnType::Int | ColumnType::Bigint | ColumnType::Double | ColumnType::Boolean => {
                builder.set_column_dictionary_enabled(path, false)
            }
            ColumnType::String | ColumnType::Decimal { .. } => {
                builder.set_column_dictionary_enabled(path, true)
            }
        };
    }
    builder.build()
}

/// Reads a published file as the contract's columns. A column that the file does not have yet is missing values, if the
/// contract allows them; one of another type is an error that names it.
pub fn read(contract: &Contract, bytes: Bytes) -> Result<RecordBatch> {
    let failed = |error| Error::invalid("not a readable Parquet file").with_source(error);
    let found = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).map_err(failed)?;
    let schema = contract.schema();
    let mut wanted = Vec::new();
    for field in found.schema().fields() {
        match schema.field_with_name(field.name()) {
            Ok(ours) => {
                wanted.push(Arc::new(Field::new(ours.name(), ours.data_type().clone(), field.is_nullable())))
            }
            Err(_) => wanted.push(Arc::clone(field)),
        }
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(wanted)));
    let metadata = ArrowReaderMetadata::load(&bytes, options).map_err(|error| {
        Error::invalid(format!(
            "the file's columns do not fit the contract {}@{}",
            contract.name, contract.version
        ))
        .with_source(error)
    })?;
    let rows = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata)
        .with_batch_size(rows.max(1))
        .build()
        .map_err(failed)?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    let batch = match batches.as_slice() {
        [only] => only.clone(),
        [first, ..] => concat_batches(&first.schema(), &batches)?,
        [] => return Ok(RecordBatch::new_empty(schema)),
    };
    let columns = contract
        .columns
        .iter()
        .map(|column| match batch.column_by_name(&column.name) {
            Some(values) => Ok(Arc::clone(values)),
            None if column.nullable => {
                Ok(new_null_array(&column.ty.arrow(column.dictionary), batch.num_rows()))
            }
            None => Err(Error::invalid(format!(
                "the file lacks column {:?}, which the contract requires",
                column.name
            ))),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The rows that a file holds, from its last bytes. `None` when the bytes do not reach back to the footer's start, or are
/// no Parquet.
pub fn row_count(tail: &[u8]) -> Option<u64> {
    let trailer: &[u8; FOOTER_SIZE] = tail.last_chunk()?;
    let footer = FooterTail::try_new(trailer).ok()?;
    let end = tail.len() - FOOTER_SIZE;
    let start = end.checked_sub(footer.metadata_length())?;
    let metadata = ParquetMetaDataReader::decode_metadata(&tail[start..end]).ok()?;
    u64::try_from(metadata.file_metadata().num_rows()).ok()
}

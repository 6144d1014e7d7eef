//! The published file: one per partition, sorted, zstd, with statistics. The same rows give the same bytes.

use std::fmt;
use std::iter::Enumerate;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::vec::IntoIter;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchReader as _, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask, parquet_to_arrow_schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, KeyValue, ParquetMetaData, ParquetMetaDataReader, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use super::coded_column;
use super::columnar::{self, Columnar};
use super::decoding::decoding;
use super::widening::{is_narrower, widened};
use crate::ArrowSchema as _;
use quotelake_contract::{ColumnType, Contract};
use quotelake_core::{Error, Result};

const ZSTD_LEVEL: i32 = 1;
/// One row group holds the whole of any sensible partition; readers prune by it.
const ROW_GROUP_ROWS: usize = 1 << 20;
/// The columns of so many rows are encoded side by side: other partitions may be too large to be merged at the same time.
const MANY_ROWS: usize = 100_000;
/// A file of at most so many rows is read at once: a reader for each column takes longer than the rows.
const WHOLE_ROWS: usize = 50_000;
/// Room for a row of a file: most take less.
const ROW_BYTES: usize = 32;

/// Writes sorted rows of the contract's columns, one column after the other.
pub fn write(contract: &Contract, rows: &dyn Columnar) -> Result<Bytes> {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).map_err(|e| Error::bug("zstd level").with_source(e))?;
    encode(contract, rows, Compression::ZSTD(zstd), ROW_GROUP_ROWS)
}

/// The key of a file's metadata under which the fingerprint of the model is that its rows were computed by.
const MODEL: &str = "quotelake.model";

/// The same of rows that a model computed.
pub fn write_computed(contract: &Contract, rows: &dyn Columnar, fingerprint: &str) -> Result<Bytes> {
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).map_err(|e| Error::bug("zstd level").with_source(e))?;
    let properties = properties(contract, Compression::ZSTD(zstd));
    let mut notes = properties.key_value_metadata().cloned().unwrap_or_default();
    notes.push(KeyValue::new(MODEL.to_owned(), fingerprint.to_owned()));
    let properties = properties.into_builder().set_key_value_metadata(Some(notes)).build();
    encode_by(contract, rows, properties, ROW_GROUP_ROWS)
}

/// The fingerprint of the model that computed a file's rows, from its last bytes; `None` where none did, or as for [`row_count`].
pub fn fingerprint(tail: &[u8]) -> Option<String> {
    let metadata = footer(tail)?;
    let notes = metadata.file_metadata().key_value_metadata()?;
    notes.iter().find(|note| note.key == MODEL)?.value.clone()
}

/// The same without compression, for a file of a few rows: a compressor's tables take longer to make than the rest of it.
pub fn write_uncompressed(contract: &Contract, rows: &dyn Columnar) -> Result<Bytes> {
    encode(contract, rows, Compression::UNCOMPRESSED, ROW_GROUP_ROWS)
}

fn encode(
    contract: &Contract,
    rows: &dyn Columnar,
    compression: Compression,
    group_rows: usize,
) -> Result<Bytes> {
    encode_by(contract, rows, properties(contract, compression), group_rows)
}

fn encode_by(
    contract: &Contract,
    rows: &dyn Columnar,
    properties: WriterProperties,
    group_rows: usize,
) -> Result<Bytes> {
    let schema = contract.schema();
    let parquet_schema = ArrowSchemaConverter::new().convert(&schema).map_err(failed)?;
    let mut bytes = Vec::with_capacity(rows.rows() * ROW_BYTES);
    // Engines read the logical types; an embedded Arrow schema would only tie them to ours.
    let are_coded = properties.compression(&ColumnPath::new(Vec::new())) != Compression::UNCOMPRESSED;
    let mut file =
        SerializedFileWriter::new(&mut bytes, parquet_schema.root_schema_ptr(), Arc::new(properties))
            .map_err(failed)?;
    let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&schema));
    let groups = rows.rows().div_ceil(group_rows);
    let mut writers: Vec<Vec<ArrowColumnWriter>> = schema.fields().iter().map(|_| Vec::new()).collect();
    for group in 0..groups {
        let of_group = factory.create_column_writers(group).map_err(failed)?;
        writers.iter_mut().zip(of_group).for_each(|(column, writer)| column.push(writer));
    }
    let columns = Columns {
        rows,
        group_rows,
        schema: &schema,
        parquet_schema: &parquet_schema,
        // Without compression it is a file of a few rows, which is not worth codes of our own either.
        are_coded,
        waiting: Mutex::new(writers.into_iter().enumerate()),
    };
    let mut columns: Vec<IntoIter<Chunk>> = columns.encode()?.into_iter().map(Vec::into_iter).collect();
    for _ in 0..groups {
        let mut group = file.next_row_group().map_err(failed)?;
        for chunk in columns.iter_mut().filter_map(Iterator::next) {
            match chunk {
                Chunk::Coded(bytes, close) => group.append_column(&bytes, close),
                Chunk::Plain(chunk) => chunk.append_to_row_group(&mut group),
            }
            .map_err(failed)?;
        }
        group.close().map_err(failed)?;
    }
    file.close().map_err(failed)?;
    Ok(bytes.into())
}

fn failed(error: ParquetError) -> Error {
    Error::bug("cannot encode Parquet").with_source(error)
}

/// An encoded column of a row group.
enum Chunk {
    Coded(Bytes, ColumnCloseResult),
    Plain(ArrowColumnChunk),
}

/// The columns of a file, to be encoded by one thread or several.
struct Columns<'a> {
    rows: &'a dyn Columnar,
    /// Rows of each row group but the last.
    group_rows: usize,
    schema: &'a SchemaRef,
    parquet_schema: &'a SchemaDescriptor,
    are_coded: bool,
    /// For each column a writer for each row group.
    waiting: Mutex<Enumerate<IntoIter<Vec<ArrowColumnWriter>>>>,
}

impl Columns<'_> {
    /// All columns in order, a chunk of each for each row group.
    fn encode(&self) -> Result<Vec<Vec<Chunk>>> {
        let helpers = match self.rows.rows() {
            0..MANY_ROWS => 0,
            _ => thread::available_parallelism().map_or(0, |cores| cores.get() - 1),
        };
        let mut columns = thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(|| self.encode_waiting())).collect();
            let mut columns = self.encode_waiting()?;
            for helper in helpers {
                let died = |_| Error::bug("a thread that encodes columns died");
                columns.extend(helper.join().map_err(died)??);
            }
            Ok::<_, Error>(columns)
        })?;
        columns.sort_by_key(|(index, _)| *index);
        Ok(columns.into_iter().map(|(_, chunks)| chunks).collect())
    }

    /// Encodes columns until none waits.
    fn encode_waiting(&self) -> Result<Vec<(usize, Vec<Chunk>)>> {
        let mut coded = self.are_coded.then(coded_column::Encoder::new).transpose().map_err(failed)?;
        let mut columns = Vec::new();
        loop {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, writers)) = next else { return Ok(columns) };
            columns.push((index, self.encode_column(index, writers, coded.as_mut())?));
        }
    }

    fn encode_column(
        &self,
        index: usize,
        writers: Vec<ArrowColumnWriter>,
        mut coded: Option<&mut coded_column::Encoder>,
    ) -> Result<Vec<Chunk>> {
        let field = self.schema.field(index);
        let column = self.rows.read(index)?;
        if column.data_type() != field.data_type() || (!field.is_nullable() && column.null_count() > 0) {
            return Err(Error::bug(format!(
                "column {:?} is {} with {} missing values, the contract says {}",
                field.name(),
                column.data_type(),
                column.null_count(),
                field.data_type()
            )));
        }
        let mut chunks = Vec::with_capacity(writers.len());
        for (mut writer, start) in writers.into_iter().zip((0..column.len()).step_by(self.group_rows)) {
            let part = column.slice(start, self.group_rows.min(column.len() - start));
            let chunk = coded.as_mut().map(|coded| coded.encode(&part, &self.parquet_schema.column(index)));
            if let Some((bytes, close)) = chunk.transpose().map_err(failed)?.flatten() {
                chunks.push(Chunk::Coded(bytes, close));
                continue;
            }
            // The columns are flat: each field is one leaf.
            for leaf in compute_leaves(field, &part).map_err(failed)? {
                writer.write(&leaf).map_err(failed)?;
            }
            chunks.push(Chunk::Plain(writer.close().map_err(failed)?));
        }
        Ok(chunks)
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
            ColumnType::Decimal { .. }
            | ColumnType::Int
            | ColumnType::Bigint
            | ColumnType::Double
            | ColumnType::Boolean => builder.set_column_dictionary_enabled(path, false),
            ColumnType::String => builder.set_column_dictionary_enabled(path, true),
        };
    }
    builder.build()
}

/// Reads a published file as the contract's columns. A column that the file does not have yet is missing values, if the
/// contract allows them; narrower numbers are widened, exactly; a column of any other type is an error that names it.
pub fn read(contract: &Contract, bytes: Bytes) -> Result<RecordBatch> {
    let file = PublishedFile::open(contract, bytes)?;
    columnar::batch(Arc::clone(&file.schema), |index| file.read(index))
}

/// A published file whose columns can be read. `Damaged` for one that is no Parquet, or whose pages cannot be decoded.
pub struct PublishedFile {
    bytes: Bytes,
    /// The contract's columns.
    schema: SchemaRef,
    metadata: ArrowReaderMetadata,
    rows: usize,
    /// The file's columns, where it is small.
    whole: Option<RecordBatch>,
}

impl PublishedFile {
    /// Opens a file as the contract's columns. A column that the file does not have yet is missing values, if the contract
    /// allows them; narrower numbers are widened, exactly; a column of any other type is an error that names it.
    pub fn open(contract: &Contract, bytes: Bytes) -> Result<Self> {
        let mut file = decoding(|| Self::open_for_columns(contract, bytes))?;
        if file.rows <= WHOLE_ROWS {
            file.whole = Some(file.read_columns(&ProjectionMask::all(), [file.groups().collect()])?);
        }
        Ok(file)
    }

    /// The same, with every column read when it is asked for.
    fn open_for_columns(contract: &Contract, bytes: Bytes) -> Result<Self> {
        let found = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).map_err(not_readable)?;
        let schema = contract.schema();
        let mut wanted = Vec::new();
        for field in found.schema().fields() {
            match schema.field_with_name(field.name()) {
                Ok(ours) => {
                    // Narrower numbers are read as they are, and widened by column.
                    let ty = match digits(field).zip(digits(ours)) {
                        _ if is_narrower(field.data_type(), ours.data_type()) => field.data_type(),
                        Some((found, wanted)) if found != wanted => return Err(other_type(field, ours)),
                        _ => ours.data_type(),
                    };
                    wanted.push(Arc::new(Field::new(ours.name(), ty.clone(), field.is_nullable())));
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
        let lacks = |field: &&FieldRef| metadata.schema().field_with_name(field.name()).is_err();
        if let Some(field) = schema.fields().iter().filter(|field| !field.is_nullable()).find(lacks) {
            return Err(Error::invalid(format!(
                "the file lacks column {:?}, which the contract requires",
                field.name()
            )));
        }
        let rows = usize::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self { bytes, schema, metadata, rows, whole: None })
    }

    /// Some of the file's columns, as one batch, read a run of row groups at a time.
    fn read_columns(
        &self,
        columns: &ProjectionMask,
        runs: impl IntoIterator<Item = Vec<usize>>,
    ) -> Result<RecordBatch> {
        decoding(|| self.decode_columns(columns, runs))
    }

    fn decode_columns(
        &self,
        columns: &ProjectionMask,
        runs: impl IntoIterator<Item = Vec<usize>>,
    ) -> Result<RecordBatch> {
        let (mut schema, mut batches) = (Arc::clone(self.metadata.schema()), Vec::new());
        for groups in runs {
            let reader =
                ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone())
                    .with_projection(columns.clone())
                    .with_row_groups(groups)
                    .with_batch_size(self.rows.max(1))
                    .build()
                    .map_err(not_readable)?;
            schema = reader.schema();
            for batch in reader {
                // Whatever the decoder's complaint is, it is about the bytes.
                batches
                    .push(batch.map_err(|e| Error::damaged("the Parquet file is damaged").with_source(e))?);
            }
        }
        match batches.as_slice() {
            [only] => Ok(only.clone()),
            batches => Ok(concat_batches(&schema, batches)?),
        }
    }

    /// The file's bytes, counted.
    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn groups(&self) -> Range<usize> {
        0..self.metadata.metadata().num_row_groups()
    }
}

impl fmt::Debug for PublishedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedFile").field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl Columnar for PublishedFile {
    fn rows(&self) -> usize {
        self.rows
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        let field = self.schema.field(index);
        let Ok(found) = self.metadata.schema().index_of(field.name()) else {
            return Ok(new_null_array(field.data_type(), self.rows));
        };
        let column = match &self.whole {
            Some(columns) => Arc::clone(columns.column(found)),
            None => {
                let mask = ProjectionMask::roots(self.metadata.parquet_schema(), [found]);
                let rows = match field.data_type() {
                    // The texts of one row group stay codes into its dictionary; those of a batch that reaches over two are
                    // looked up one by one.
                    DataType::Dictionary(..) => {
                        self.read_columns(&mask, self.groups().map(|group| vec![group]))
                    }
                    _ => self.read_columns(&mask, [self.groups().collect()]),
                };
                Arc::clone(rows?.column(0))
            }
        };
        match field.is_nullable() || column.null_count() == 0 {
            true => widened(&column, field.data_type()),
            false => Err(Error::invalid(format!(
                "column {:?} has {} missing values, which the contract does not allow",
                field.name(),
                column.null_count()
            ))),
        }
    }
}

/// The digits and places of a decimal.
fn digits(field: &Field) -> Option<(u8, i8)> {
    match field.data_type() {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}

fn other_type(found: &Field, wanted: &Field) -> Error {
    let (name, found, wanted) = (wanted.name(), found.data_type(), wanted.data_type());
    Error::invalid(format!("column {name:?} of the file is {found}, the contract says {wanted}"))
}

/// Whether a file holds numbers of narrower types than the contract's, by its last bytes. `None` when the bytes do not reach back
/// to the footer's start, or are no Parquet.
pub fn has_narrower_types(contract: &Contract, tail: &[u8]) -> Option<bool> {
    let metadata = footer(tail)?;
    let found = parquet_to_arrow_schema(metadata.file_metadata().schema_descr(), None).ok()?;
    let schema = contract.schema();
    let mut columns =
        found.fields().iter().filter_map(|found| Some((found, schema.field_with_name(found.name()).ok()?)));
    Some(columns.any(|(found, wanted)| is_narrower(found.data_type(), wanted.data_type())))
}

fn not_readable(error: ParquetError) -> Error {
    Error::damaged("not a readable Parquet file").with_source(error)
}

/// The rows that a file holds, from its last bytes. `None` when the bytes do not reach back to the footer's start, or are
/// no Parquet.
pub fn row_count(tail: &[u8]) -> Option<u64> {
    u64::try_from(footer(tail)?.file_metadata().num_rows()).ok()
}

fn footer(tail: &[u8]) -> Option<ParquetMetaData> {
    let trailer: &[u8; FOOTER_SIZE] = tail.last_chunk()?;
    let footer = FooterTail::try_new(trailer).ok()?;
    let end = tail.len() - FOOTER_SIZE;
    let start = end.checked_sub(footer.metadata_length())?;
    ParquetMetaDataReader::decode_metadata(&tail[start..end]).ok()
}

#[cfg(test)]
mod tests;

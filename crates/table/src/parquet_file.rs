//! The published file: one per partition, sorted, zstd, with statistics. The same rows give the same bytes.

mod encoding;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchReader as _, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory};
use parquet::arrow::{ArrowSchemaConverter, ProjectionMask, parquet_to_arrow_schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, KeyValue, ParquetMetaData, ParquetMetaDataReader, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use encoding::{Chunk, Columns};

use super::coded_column::ZSTD_LEVEL;
use super::columnar::{self, Columnar};
use super::decoding::decoding;
use super::widening::{is_narrower, widened};
use crate::ArrowSchema as _;
use quotelake_contract::{ColumnType, Contract};
use quotelake_core::{Error, Result};

/// One row group holds the whole of any sensible partition; readers prune by it.
const ROW_GROUP_ROWS: usize = 1 << 20;
/// A file of at most so many rows is read at once: a reader for each column takes longer than the rows.
const WHOLE_ROWS: usize = 50_000;
/// Room for a row of a file: most take less. Memory that is not written to is none.
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
    // Engines read the logical types; an embedded Arrow schema would only tie them to ours.
    let are_coded = properties.compression(&ColumnPath::new(Vec::new())) != Compression::UNCOMPRESSED;
    let bytes = Vec::with_capacity(rows.rows() * ROW_BYTES);
    let mut file = SerializedFileWriter::new(bytes, parquet_schema.root_schema_ptr(), Arc::new(properties))
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
        preparing: Mutex::default(),
    };
    columns.encode(|chunks| {
        for group in 0..groups {
            let mut writer = file.next_row_group().map_err(failed)?;
            for column in 0..schema.fields().len() {
                // Each goes into the file as soon as those before it are there: chunks that wait take room between the columns.
                match chunks.take(group, column)? {
                    Chunk::Coded(bytes, close) => writer.append_column(&bytes, close),
                    Chunk::Plain(chunk) => chunk.append_to_row_group(&mut writer),
                }
                .map_err(failed)?;
            }
            writer.close().map_err(failed)?;
        }
        Ok(())
    })?;
    Ok(file.into_inner().map_err(failed)?.into())
}

fn failed(error: ParquetError) -> Error {
    Error::bug("cannot encode Parquet").with_source(error)
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
    let file = PublishedFile::open(contract, bytes, None)?;
    columnar::batch(Arc::clone(&file.schema), |index| file.read(index))
}

/// A published file whose columns can be read. `Damaged` for one that is no Parquet, or whose pages cannot be decoded.
pub struct PublishedFile {
    bytes: Bytes,
    /// The contract's columns.
    schema: SchemaRef,
    metadata: ArrowReaderMetadata,
    rows: usize,
    /// What is read at once, where the file is small.
    whole: Option<Whole>,
}

/// Columns of a file.
struct Whole {
    columns: RecordBatch,
    /// Which of the file's they are, ascending; `None` of all of them.
    places: Option<Vec<usize>>,
}

impl Whole {
    fn column(&self, place: usize) -> Option<&ArrayRef> {
        match &self.places {
            None => Some(self.columns.column(place)),
            Some(places) => Some(self.columns.column(places.binary_search(&place).ok()?)),
        }
    }
}

impl PublishedFile {
    /// Opens a file as the contract's columns. A column that the file does not have yet is missing values, if the contract
    /// allows them; narrower numbers are widened, exactly; a column of any other type is an error that names it.
    ///
    /// `columns` are those of the contract that will be read, hardly another; `None` for all of them.
    pub fn open(contract: &Contract, bytes: Bytes, columns: Option<&[usize]>) -> Result<Self> {
        let mut file = decoding(|| Self::open_for_columns(contract, bytes))?;
        if file.rows <= WHOLE_ROWS {
            let places = columns.map(|columns| file.places_of(columns));
            let mask = match &places {
                Some(places) => ProjectionMask::roots(file.metadata.parquet_schema(), places.iter().copied()),
                None => ProjectionMask::all(),
            };
            let columns = file.read_columns(&mask, [file.groups().collect()])?;
            file.whole = Some(Whole { columns, places });
        }
        Ok(file)
    }

    /// Where the file has these columns of the contract, ascending; not where it lacks them.
    fn places_of(&self, columns: &[usize]) -> Vec<usize> {
        let place = |index: &usize| self.metadata.schema().index_of(self.schema.field(*index).name()).ok();
        let mut places: Vec<usize> = columns.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
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
        let metadata =
            ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options).map_err(|error| {
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
        let column = match self.whole.as_ref().and_then(|whole| whole.column(found)) {
            Some(column) => Arc::clone(column),
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

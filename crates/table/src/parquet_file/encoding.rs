//! The columns of a file, encoded by one thread or several.

use std::collections::BTreeMap;
use std::iter::Enumerate;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::vec::IntoIter;

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::{Field, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::properties::{DEFAULT_DATA_PAGE_ROW_COUNT_LIMIT, DEFAULT_WRITE_BATCH_SIZE};
use parquet::schema::types::SchemaDescriptor;
use quotelake_core::{Error, Result};

use super::failed;
use crate::coded_column::{Encoder, Prepared};
use crate::columnar::Columnar;

/// The columns of so many rows are encoded side by side: other partitions may be too large to be merged at the same time.
const MANY_ROWS: usize = 100_000;

/// An encoded column of a row group.
pub(super) enum Chunk {
    Coded(Bytes, ColumnCloseResult),
    Plain(ArrowColumnChunk),
}

/// The columns of a file, to be encoded by one thread or several.
pub(super) struct Columns<'a> {
    pub(super) rows: &'a dyn Columnar,
    /// Rows of each row group but the last.
    pub(super) group_rows: usize,
    pub(super) schema: &'a SchemaRef,
    pub(super) parquet_schema: &'a SchemaDescriptor,
    pub(super) are_coded: bool,
    /// For each column a writer for each row group.
    pub(super) waiting: Mutex<Enumerate<IntoIter<Vec<ArrowColumnWriter>>>>,
    /// Held by the thread that reads a column.
    pub(super) preparing: Mutex<()>,
}

/// A column's rows of one row group, to be encoded.
enum Part {
    Coded(Box<Prepared>),
    Plain(ArrayRef),
}

/// A column, and its chunk of each row group.
type EncodedColumn = Result<(usize, Vec<Chunk>)>;

impl Columns<'_> {
    /// Encodes all columns, and hands their chunks to `write` as it takes them.
    pub(super) fn encode(&self, write: impl FnOnce(&mut Chunks<'_, '_>) -> Result<()>) -> Result<()> {
        let helpers = match self.rows.rows() {
            0..MANY_ROWS => 0,
            _ => thread::available_parallelism().map_or(0, |cores| cores.get() - 1),
        };
        thread::scope(|scope| {
            let (sender, encoded) = mpsc::channel();
            let helpers: Vec<_> = (0..helpers)
                .map(|_| {
                    let sender = sender.clone();
                    scope.spawn(move || self.encode_waiting(&sender))
                })
                .collect();
            drop(sender);
            let written = self.encoder().and_then(|coded| {
                write(&mut Chunks { columns: self, coded, encoded, ready: BTreeMap::new() })
            });
            for helper in helpers {
                helper.join().map_err(|_| died())?;
            }
            written
        })
    }

    fn encoder(&self) -> Result<Option<Encoder>> {
        self.are_coded.then(Encoder::new).transpose().map_err(failed)
    }

    /// Encodes columns until none waits, or nobody takes them any more.
    fn encode_waiting(&self, encoded: &Sender<EncodedColumn>) {
        let mut coded = match self.encoder() {
            Ok(coded) => coded,
            Err(error) => return drop(encoded.send(Err(error))),
        };
        while let Some((index, writers)) = self.next_waiting() {
            let chunks = self.encode_column(index, writers, coded.as_mut());
            if encoded.send(chunks.map(|chunks| (index, chunks))).is_err() {
                return;
            }
        }
    }

    fn next_waiting(&self) -> Option<(usize, Vec<ArrowColumnWriter>)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// Reads a column and makes codes of it. One thread at a time does that, which takes memory several times the column's;
    /// packing the codes, which takes as long, takes little.
    fn prepare_column(
        &self,
        index: usize,
        writers: Vec<ArrowColumnWriter>,
    ) -> Result<Vec<(ArrowColumnWriter, Part)>> {
        let _alone = self.preparing.lock().unwrap_or_else(PoisonError::into_inner);
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
        let parts = writers.into_iter().zip((0..column.len()).step_by(self.group_rows));
        let prepared = |(writer, start): (ArrowColumnWriter, usize)| {
            let part = column.slice(start, self.group_rows.min(column.len() - start));
            let descriptor = self.parquet_schema.column(index);
            let prepared = self.are_coded.then(|| Prepared::of(&part, &descriptor)).flatten();
            (writer, prepared.map_or(Part::Plain(part), |prepared| Part::Coded(Box::new(prepared))))
        };
        Ok(parts.map(prepared).collect())
    }

    fn encode_column(
        &self,
        index: usize,
        writers: Vec<ArrowColumnWriter>,
        mut coded: Option<&mut Encoder>,
    ) -> Result<Vec<Chunk>> {
        let mut chunks = Vec::with_capacity(writers.len());
        for (mut writer, part) in self.prepare_column(index, writers)? {
            match (part, coded.as_mut()) {
                (Part::Coded(prepared), Some(coded)) => {
                    let chunk = coded.encode(&prepared, &self.parquet_schema.column(index));
                    let (bytes, close) = chunk.map_err(failed)?;
                    chunks.push(Chunk::Coded(bytes, close));
                }
                (Part::Coded(_), None) => return Err(Error::bug("there is no encoder of codes")),
                (Part::Plain(part), _) => {
                    write_plain(&mut writer, self.schema.field(index), &part)?;
                    chunks.push(Chunk::Plain(writer.close().map_err(failed)?));
                }
            }
        }
        Ok(chunks)
    }
}

/// Writes a column, some rows at a time where it has many.
fn write_plain(writer: &mut ArrowColumnWriter, field: &Field, column: &ArrayRef) -> Result<()> {
    let at_once = rows_at_once(field, column);
    if column.len() <= at_once {
        return write_rows(writer, field, column);
    }
    (0..column.len()).step_by(at_once).try_for_each(|start| {
        write_rows(writer, field, &column.slice(start, at_once.min(column.len() - start)))
    })
}

fn write_rows(writer: &mut ArrowColumnWriter, field: &Field, column: &ArrayRef) -> Result<()> {
    // The columns are flat: each field is one leaf.
    for leaf in compute_leaves(field, column).map_err(failed)? {
        writer.write(&leaf).map_err(failed)?;
    }
    Ok(())
}

/// How many rows the writer is given at once: it notes eight bytes for each of them. It looks whether a page is full after so many
/// rows, counted from the first that it is given: with a multiple of them, pages end where they would if it were given all.
fn rows_at_once(field: &Field, column: &ArrayRef) -> usize {
    match (field.is_nullable(), column.nulls()) {
        (false, _) => 64 * DEFAULT_WRITE_BATCH_SIZE,
        (true, None) => 4 * DEFAULT_DATA_PAGE_ROW_COUNT_LIMIT,
        // After either number, as the rows that it is given have missing values or none.
        (true, Some(_)) => column.len(),
    }
}

fn died() -> Error {
    Error::bug("a thread that encodes columns died")
}

/// The chunks of a file, in whatever order they are encoded: by this thread while it waits for one, and by those that help.
pub(super) struct Chunks<'c, 'r> {
    columns: &'c Columns<'r>,
    coded: Option<Encoder>,
    /// What the others have encoded.
    encoded: Receiver<EncodedColumn>,
    /// By row group and column.
    ready: BTreeMap<(usize, usize), Chunk>,
}

impl Chunks<'_, '_> {
    /// A column's chunk of a row group; each is taken once.
    pub(super) fn take(&mut self, group: usize, column: usize) -> Result<Chunk> {
        loop {
            while let Ok(encoded) = self.encoded.try_recv() {
                self.add(encoded)?;
            }
            if let Some(chunk) = self.ready.remove(&(group, column)) {
                return Ok(chunk);
            }
            let encoded = match self.columns.next_waiting() {
                Some((index, writers)) => {
                    let chunks = self.columns.encode_column(index, writers, self.coded.as_mut());
                    chunks.map(|chunks| (index, chunks))
                }
                None => self.encoded.recv().map_err(|_| died())?,
            };
            self.add(encoded)?;
        }
    }

    fn add(&mut self, encoded: EncodedColumn) -> Result<()> {
        let (column, chunks) = encoded?;
        self.ready.extend((0..).zip(chunks).map(|(group, chunk)| ((group, column), chunk)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::Schema;
    use parquet::arrow::ArrowSchemaConverter;
    use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
    use parquet::basic::Encoding;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;

    use super::*;

    const ROWS: i64 = 200_001;

    type Write = fn(&mut ArrowColumnWriter, &Field, &ArrayRef) -> Result<()>;

    fn file(field: &Field, column: &ArrayRef, write: Write) -> Vec<u8> {
        let schema = Arc::new(Schema::new(vec![field.clone()]));
        let parquet = ArrowSchemaConverter::new().convert(&schema).unwrap();
        let mut properties = WriterProperties::builder();
        if column.data_type().is_primitive() {
            properties = properties.set_dictionary_enabled(false).set_encoding(
                match column.data_type().is_floating() {
                    true => Encoding::PLAIN,
                    false => Encoding::DELTA_BINARY_PACKED,
                },
            );
        }
        let properties = Arc::new(properties.build());
        let mut file = SerializedFileWriter::new(Vec::new(), parquet.root_schema_ptr(), properties).unwrap();
        let factory = ArrowRowGroupWriterFactory::new(&file, schema);
        let mut writer = factory.create_column_writers(0).unwrap().remove(0);
        write(&mut writer, field, column).unwrap();
        let mut group = file.next_row_group().unwrap();
        writer.close().unwrap().append_to_row_group(&mut group).unwrap();
        group.close().unwrap();
        file.into_inner().unwrap()
    }

    #[test]
    fn rows_some_at_a_time_make_the_same_bytes_as_all_at_once() {
        let mixed = |row: i64| row.wrapping_mul(7919) % 100_003;
        let some = |row: i64| (row < ROWS / 2 || row % 3 > 0).then(|| mixed(row));
        let columns: [ArrayRef; 6] = [
            Arc::new(Int64Array::from_iter_values((0..ROWS).map(mixed))),
            Arc::new(Int64Array::from_iter((0..ROWS).map(some))),
            Arc::new(Date32Array::from_iter_values((0..ROWS).map(|row| (row / 1000) as i32))),
            Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| mixed(row) as f64 / 7.0))),
            Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("text {}", mixed(row))))),
            Arc::new((0..ROWS).map(|row| Some(mixed(row) % 2 == 0)).collect::<BooleanArray>()),
        ];
        for column in columns {
            for nullable in [false, true] {
                if nullable || column.null_count() == 0 {
                    let field = Field::new("column", column.data_type().clone(), nullable);
                    let whole = file(&field, &column, write_rows);
                    assert!(whole == file(&field, &column, write_plain), "{field:?}");
                }
            }
        }
    }
}

//! The columns of a file, encoded by one thread or several.

use std::collections::BTreeMap;
use std::iter::Enumerate;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::vec::IntoIter;

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves};
use parquet::column::writer::ColumnCloseResult;
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
                    // The columns are flat: each field is one leaf.
                    for leaf in compute_leaves(self.schema.field(index), &part).map_err(failed)? {
                        writer.write(&leaf).map_err(failed)?;
                    }
                    chunks.push(Chunk::Plain(writer.close().map_err(failed)?));
                }
            }
        }
        Ok(chunks)
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

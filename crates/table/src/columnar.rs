//! Rows of which one column at a time is in memory.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::SchemaRef;

use crate::ArrowSchema as _;
use quotelake_contract::Contract;
use quotelake_core::Result;

/// Rows of a contract's columns, to be read column by column: what makes a published file of a large partition need the memory
/// of a few columns, not of all. Several threads may read at the same time.
pub trait Columnar: Sync {
    /// How many rows there are.
    fn rows(&self) -> usize;

    /// The column at this place of the contract, of the contract's type. `InvalidInput` for one that cannot be read as that.
    fn read(&self, index: usize) -> Result<ArrayRef>;

    /// Its values in some rows, ascending.
    fn read_some(&self, index: usize, rows: &[u32]) -> Result<ArrayRef> {
        Ok(take(&self.read(index)?, &UInt32Array::from(rows.to_vec()), None)?)
    }
}

impl Columnar for RecordBatch {
    fn rows(&self) -> usize {
        self.num_rows()
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        Ok(ArrayRef::clone(self.column(index)))
    }
}

/// Some rows of others, in their order.
pub struct Chosen<'a> {
    rows: &'a dyn Columnar,
    /// Ascending.
    chosen: Vec<u32>,
}

impl<'a> Chosen<'a> {
    /// The rows of these numbers, ascending.
    pub fn new(rows: &'a dyn Columnar, chosen: Vec<u32>) -> Self {
        Self { rows, chosen }
    }

    /// All of their columns at once.
    pub fn batch(&self, contract: &Contract) -> Result<RecordBatch> {
        batch(contract.schema(), |index| self.read(index))
    }
}

impl std::fmt::Debug for Chosen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("rows", &self.chosen.len()).finish_non_exhaustive()
    }
}

impl Columnar for Chosen<'_> {
    fn rows(&self) -> usize {
        self.chosen.len()
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        if self.chosen.is_empty() {
            // Rows of no part have no columns to choose from.
            return Ok(self.rows.read(index)?.slice(0, 0));
        }
        self.rows.read_some(index, &self.chosen)
    }

    fn read_some(&self, index: usize, rows: &[u32]) -> Result<ArrayRef> {
        let rows: Vec<u32> = rows.iter().map(|row| self.chosen[*row as usize]).collect();
        self.rows.read_some(index, &rows)
    }
}

/// All columns of a schema as one batch, each read by its place.
pub(super) fn batch(schema: SchemaRef, read: impl Fn(usize) -> Result<ArrayRef>) -> Result<RecordBatch> {
    let columns = (0..schema.fields().len()).map(read).collect::<Result<_>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Rows that follow other rows.
pub(super) struct Chain<'a> {
    parts: Vec<&'a dyn Columnar>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(parts: impl IntoIterator<Item = &'a dyn Columnar>) -> Self {
        Self { parts: parts.into_iter().filter(|part| part.rows() > 0).collect() }
    }
}

impl Columnar for Chain<'_> {
    fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows()).sum()
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        joined(self.parts.iter().map(|part| part.read(index)))
    }

    fn read_some(&self, index: usize, rows: &[u32]) -> Result<ArrayRef> {
        joined(
            by_part(rows, &self.parts, |part| part.rows()).map(|(part, rows)| part.read_some(index, &rows)),
        )
    }
}

/// Splits ascending numbers of rows by the part that they lie in and counts them from its first row; parts without any are left
/// out.
pub(super) fn by_part<'p, T>(
    mut rows: &[u32],
    parts: &'p [T],
    length: impl Fn(&T) -> usize,
) -> impl Iterator<Item = (&'p T, Vec<u32>)> {
    let mut start = 0;
    parts.iter().filter_map(move |part| {
        // Anyone who counts rows in 32 bits has no more of them.
        let end = start + length(part) as u32;
        let (inside, behind) = rows.split_at(rows.partition_point(|row| *row < end));
        let inside: Vec<u32> = inside.iter().map(|row| row - start).collect();
        (rows, start) = (behind, end);
        (!inside.is_empty()).then_some((part, inside))
    })
}

/// Columns of at least one part as one.
fn joined(parts: impl Iterator<Item = Result<ArrayRef>>) -> Result<ArrayRef> {
    let parts = parts.collect::<Result<Vec<_>>>()?;
    match parts.as_slice() {
        [only] => Ok(ArrayRef::clone(only)),
        _ => Ok(concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
    }
}

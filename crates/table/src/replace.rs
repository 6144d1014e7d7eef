//! Rows that take the place of all that a partition had.

use std::fmt;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};

use crate::ArrowSchema as _;
use crate::columnar::{self, Chain, Columnar};
use crate::merge::MergeCounts;
use crate::order::Ordered;
use crate::parquet_file::{self, PublishedFile};

/// Rows that are to take the place of a partition's, as the file that they become.
pub struct Replacement {
    rows: usize,
    bytes: Bytes,
}

impl Replacement {
    /// Puts rows in order and encodes them, with the fingerprint of the model that computed them. The same rows give the same bytes.
    ///
    /// `InvalidInput` where two of them have one key.
    pub fn new(contract: &Contract, rows: &dyn Columnar, fingerprint: &str) -> Result<Self> {
        let sorted = Sorted::new(contract, rows)?;
        let bytes = parquet_file::write_computed(contract, &sorted, fingerprint)?;
        Ok(Self { rows: rows.rows(), bytes })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The counts where there was nothing before.
    pub(crate) fn all_new(&self) -> MergeCounts {
        MergeCounts { rows_in: self.rows, inserted: self.rows, ..MergeCounts::default() }
    }

    /// The counts where they were there before.
    pub(crate) fn none_new(&self) -> MergeCounts {
        MergeCounts { rows_in: self.rows, duplicates: self.rows, ..MergeCounts::default() }
    }

    /// The counts beside those that are there.
    pub(crate) fn compared_with(&self, contract: &Contract, before: &dyn Columnar) -> Result<MergeCounts> {
        compare(contract, before, &PublishedFile::open(contract, self.bytes.clone(), None)?)
    }
}

impl fmt::Debug for Replacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replacement").field("rows", &self.rows).field("bytes", &self.bytes.len()).finish()
    }
}

/// Rows in the contract's order.
struct Sorted<'a> {
    rows: &'a dyn Columnar,
    /// Their numbers in order; `None` where they come in it.
    order: Option<UInt32Array>,
}

impl<'a> Sorted<'a> {
    /// Puts rows in order. `InvalidInput` where two of them have one key.
    fn new(contract: &Contract, rows: &'a dyn Columnar) -> Result<Self> {
        if rows.rows() == 0 {
            return Ok(Self { rows, order: None });
        }
        // The key behind the order breaks ties, so that there is one order only.
        let mut columns = contract.sort.clone();
        columns.extend(contract.key.iter().filter(|index| !contract.sort.contains(index)));
        let ordered = Ordered::by(read(rows, &columns)?, None)?;
        let keys_alone = contract.sort.iter().all(|index| contract.key.contains(index));
        let is_twice = if keys_alone {
            ordered.groups().any(|group| group.len() > 1)
        } else {
            Ordered::by(read(rows, &contract.key)?, None)?.groups().any(|group| group.len() > 1)
        };
        if is_twice {
            return Err(Error::invalid(format!(
                "rows for {} have one key, which are to take the place of others",
                contract.name
            )));
        }
        let order = ordered.into_rows();
        let in_order = order.iter().copied().eq(0..rows.rows() as u32);
        Ok(Self { rows, order: (!in_order).then(|| UInt32Array::from(order)) })
    }
}

impl Columnar for Sorted<'_> {
    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        let column = self.rows.read(index)?;
        match &self.order {
            Some(order) => Ok(take(&column, order, None)?),
            None => Ok(column),
        }
    }
}

fn read(rows: &dyn Columnar, columns: &[usize]) -> Result<Vec<ArrayRef>> {
    columns.iter().map(|index| rows.read(*index)).collect()
}

/// How a partition's rows differ from those that take their place, by key and by every column.
fn compare(contract: &Contract, before: &dyn Columnar, after: &dyn Columnar) -> Result<MergeCounts> {
    let mut counts = MergeCounts { rows_in: after.rows(), ..MergeCounts::default() };
    let all = Chain::new([before, after]);
    if all.rows() == 0 {
        return Ok(counts);
    }
    let ordered = Ordered::by(read(&all, &contract.key)?, None)?;
    let old = before.rows();
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for group in ordered.groups() {
        match *group {
            [row] if (row as usize) < old => counts.removed += 1,
            [_] => counts.inserted += 1,
            // The rows of a group come in the order in which they are counted.
            [row, other, ..] => pairs.push((row, other)),
            [] => {}
        }
    }
    let (firsts, seconds): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
    let fields = contract.schema().fields().iter().map(|f| SortField::new(f.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let firsts = converter.convert_columns(some(contract, &all, firsts)?.columns())?;
    let seconds = converter.convert_columns(some(contract, &all, seconds)?.columns())?;
    counts.duplicates = firsts.iter().zip(seconds.iter()).filter(|(a, b)| a == b).count();
    counts.revised = counts.rows_in - counts.inserted - counts.duplicates;
    Ok(counts)
}

fn some(contract: &Contract, rows: &Chain<'_>, some: Vec<u32>) -> Result<RecordBatch> {
    let some = UInt32Array::from(some);
    columnar::batch(contract.schema(), |index| Ok(take(&rows.read(index)?, &some, None)?))
}

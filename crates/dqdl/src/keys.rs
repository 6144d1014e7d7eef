//! Keys of one or more columns, numbered in the order they first occur.
//!
//! Every column becomes one or two machine words per row: whole numbers and instants are themselves, texts are numbered
//! by an [`Interner`] (a dictionary entry once per batch). A key is a fixed number of words in one growing array and an
//! open hash table of indices with it, so a key costs no allocation and a row costs one probe.

mod table;

use std::ops::Range;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::row::{RowConverter, SortField};

use crate::column::{Measure, Numbers, Rows, Texts, Values, is_text, valid_bits};
use table::{Interner, Table};

/// Rows whose words are laid out at a time.
const CHUNK: usize = 2048;
const TOO_MANY: &str = "more than four billion distinct keys";

/// One column of a batch, ready to be part of keys.
#[derive(Debug)]
pub(crate) struct Part {
    data: Data,
    valid: Option<BooleanBuffer>,
}

#[derive(Debug)]
enum Data {
    Long(ScalarBuffer<i64>),
    Wide(ScalarBuffer<i128>),
    /// Equal numbers have equal bits: one NaN, one zero.
    Float(ScalarBuffer<f64>),
    Numbered(Vec<u32>),
}

impl Data {
    fn width(&self) -> usize {
        if matches!(self, Self::Wide(_)) { 2 } else { 1 }
    }
}

/// Distinct keys. All batches must have the same column types.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    interners: Vec<Interner>,
    stride: usize,
    words: Vec<u64>,
    table: Table,
}

impl Keys {
    /// How many distinct keys there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Forgets every key; they are numbered from 0 again. Texts keep their numbers.
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.table.clear();
    }

    /// Reads the columns of a batch, numbering texts that are new.
    pub(crate) fn read(&mut self, arrays: &[ArrayRef]) -> Result<Vec<Part>, String> {
        self.interners.resize_with(arrays.len().max(self.interners.len()), Interner::default);
        arrays
            .iter()
            .zip(&mut self.interners)
            .map(|(array, interner)| Part::read(array, |text| interner.insert(text)))
            .collect()
    }

    /// A column of values that are not in an array.
    pub(crate) fn part(&mut self, values: &Values, valid: Option<&BooleanBuffer>) -> Part {
        Part { data: Data::of(values), valid: valid.cloned() }
    }

    /// A column of texts that are not in an array; the only column of its keys.
    pub(crate) fn texts(&mut self, texts: &Texts) -> Result<Part, String> {
        self.interners.resize_with(1, Interner::default);
        let (interner, valid) = (self.interners.first_mut(), texts.test(|_| true).1.into_bits());
        let interner = interner.ok_or(TOO_MANY)?;
        Ok(Part { data: Data::Numbered(texts.numbered(|text| interner.insert(text.as_bytes()))?), valid })
    }

    /// Numbers the key of every row, calling `f` with the row, the key's number and whether it is new.
    pub(crate) fn insert(
        &mut self,
        parts: &[Part],
        rows: &Rows,
        mut f: impl FnMut(usize, usize, bool),
    ) -> Result<(), String> {
        let stride = stride(parts);
        self.stride = stride;
        let (words, table) = (&mut self.words, &mut self.table);
        let (mut full, mut hashes) = (false, Vec::with_capacity(CHUNK));
        each_chunk(parts, rows, |chunk, keys| {
            hashes.clear();
            hashes.extend(keys.chunks_exact(stride).take(chunk.len()).map(|key| table.hash(key)));
            table.touch(&hashes);
            for ((row, key), hash) in chunk.zip(keys.chunks_exact(stride)).zip(&hashes) {
                let (index, new) = table.insert(*hash, |index| {
                    let start = index * stride;
                    words.get(start..start + stride) == Some(key)
                });
                match index {
                    Some(index) => {
                        if new {
                            words.extend_from_slice(key);
                        }
                        f(row, index, new);
                    }
                    None => full = true,
                }
            }
        });
        if full { Err(TOO_MANY.to_owned()) } else { Ok(()) }
    }

    /// The rows whose key is among these. NULL equals NULL.
    pub(crate) fn contains(&self, arrays: &[ArrayRef]) -> Result<BooleanBuffer, String> {
        let none = Interner::default();
        let parts = arrays
            .iter()
            .enumerate()
            .map(|(at, array)| {
                let interner = self.interners.get(at).unwrap_or(&none);
                Part::read(array, |text| Ok(interner.find(text)))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let len = arrays.first().map_or(0, |array| array.len());
        let mut found = vec![false; len];
        if self.stride == stride(&parts) {
            let stride = self.stride;
            each_chunk(&parts, &Rows::all(len), |chunk, keys| {
                for (row, key) in chunk.zip(keys.chunks_exact(stride)) {
                    let same = |index: usize| {
                        let start = index * stride;
                        self.words.get(start..start + stride) == Some(key)
                    };
                    if let Some(found) = found.get_mut(row) {
                        *found = self.table.find(self.table.hash(key), same).is_some();
                    }
                }
            });
        }
        Ok(BooleanBuffer::from(found))
    }
}

fn width(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.data.width()).sum()
}

/// Words of a key: its values, and a bit per column for NULL.
fn stride(parts: &[Part]) -> usize {
    width(parts) + parts.len().div_ceil(64)
}

/// Calls `f` with ranges of rows and the words of their keys, one after the other.
fn each_chunk(parts: &[Part], rows: &Rows, mut f: impl FnMut(Range<usize>, &[u64])) {
    let stride = stride(parts);
    let mut scratch = vec![0_u64; CHUNK * stride];
    rows.for_each_range(|range| {
        let mut start = range.start;
        while start < range.end {
            let chunk = start..range.end.min(start + CHUNK);
            start = chunk.end;
            lay_out(parts, chunk.clone(), stride, &mut scratch);
            f(chunk, &scratch);
        }
    });
}

fn lay_out(parts: &[Part], rows: Range<usize>, stride: usize, scratch: &mut [u64]) {
    let flags = width(parts);
    scratch.chunks_mut(stride).for_each(|cell| cell.iter_mut().skip(flags).for_each(|word| *word = 0));
    let mut offset = 0;
    for (at, part) in parts.iter().enumerate() {
        let cells = scratch.get_mut(offset..).unwrap_or_default().chunks_mut(stride);
        match &part.data {
            Data::Long(values) => fill(cells, values, rows.clone(), |value| value.cast_unsigned()),
            Data::Float(values) => fill(cells, values, rows.clone(), f64::to_bits),
            Data::Numbered(ids) => fill(cells, ids, rows.clone(), u64::from),
            Data::Wide(values) => {
                let values = values.get(rows.clone()).unwrap_or_default();
                for (cell, value) in cells.zip(values) {
                    if let [low, high, ..] = cell {
                        let bits = value.cast_unsigned();
                        (*low, *high) = (bits as u64, (bits >> 64) as u64);
                    }
                }
            }
        }
        if let Some(valid) = &part.valid {
            // What an array holds where it is NULL is arbitrary.
            for (row, cell) in rows.clone().zip(scratch.chunks_mut(stride)) {
                if !valid.value(row) {
                    cell.iter_mut().skip(offset).take(part.data.width()).for_each(|word| *word = 0);
                    if let Some(word) = cell.get_mut(flags + at / 64) {
                        *word |= 1 << (at % 64);
                    }
                }
            }
        }
        offset += part.data.width();
    }
}

fn fill<'s, T: Copy>(
    cells: impl Iterator<Item = &'s mut [u64]>,
    values: &[T],
    rows: Range<usize>,
    word: impl Fn(T) -> u64,
) {
    for (cell, value) in cells.zip(values.get(rows).unwrap_or_default()) {
        if let Some(first) = cell.first_mut() {
            *first = word(*value);
        }
    }
}

impl Data {
    fn of(values: &Values) -> Self {
        match values {
            Values::I64(values) => Self::Long(values.clone()),
            Values::I128(values) => Self::Wide(values.clone()),
            Values::F64(values) => Self::Float(
                values.iter().map(|value| if value.is_nan() { f64::NAN } else { value + 0.0 }).collect(),
            ),
        }
    }
}

impl Part {
    fn read(array: &ArrayRef, mut number: impl FnMut(&[u8]) -> Result<u32, String>) -> Result<Self, String> {
        let valid = valid_bits(array);
        let data = if is_text(array.data_type()) {
            Data::Numbered(Texts::read(array)?.numbered(|text| number(text.as_bytes()))?)
        } else if Measure::of(array.data_type()).is_some() {
            Data::of(&Numbers::read(array)?.values)
        } else {
            let field = SortField::new(array.data_type().clone());
            let converter = RowConverter::new(vec![field]).map_err(|error| error.to_string())?;
            let rows =
                converter.convert_columns(std::slice::from_ref(array)).map_err(|error| error.to_string())?;
            let ids = rows.iter().map(|row| number(row.as_ref())).collect::<Result<_, _>>()?;
            Data::Numbered(ids)
        };
        Ok(Self { data, valid })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn numbers(keys: &mut Keys, arrays: &[ArrayRef]) -> Vec<usize> {
        let parts = keys.read(arrays).unwrap();
        let mut out = Vec::new();
        keys.insert(&parts, &Rows::all(arrays[0].len()), |_, index, _| out.push(index)).unwrap();
        out
    }

    #[test]
    fn keys_are_numbered_across_batches_and_null_is_a_value() {
        let mut keys = Keys::default();
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some(""), None, Some("a")]));
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, None, Some(1)]));
        assert_eq!(numbers(&mut keys, &[texts, longs]), [0, 1, 2, 0]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["b", "a", "a"]));
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(0), None]));
        assert_eq!(numbers(&mut keys, &[texts.clone(), longs.clone()]), [3, 4, 5]);
        assert_eq!(keys.len(), 6);
        let found: Vec<bool> = keys.contains(&[texts, longs]).unwrap().iter().collect();
        assert_eq!(found, [true, true, true]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("c"), None]));
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let found: Vec<bool> = keys.contains(&[texts, longs]).unwrap().iter().collect();
        assert_eq!(found, [false, true]);
    }

    #[test]
    fn a_key_of_many_columns_knows_which_is_null() {
        let columns = |null: usize| -> Vec<ArrayRef> {
            let value = |at: usize| if at == null { None } else { Some(0) };
            (0..70).map(|at| Arc::new(Int64Array::from(vec![value(at)])) as ArrayRef).collect()
        };
        let mut keys = Keys::default();
        assert_eq!(numbers(&mut keys, &columns(0)), [0]);
        assert_eq!(numbers(&mut keys, &columns(64)), [1]);
        assert_eq!(numbers(&mut keys, &columns(0)), [0]);
    }

    #[test]
    fn zeros_and_nans_are_one_key_each() {
        let values = vec![0.0, -0.0, f64::NAN, -f64::NAN, 1.0];
        let mut keys = Keys::default();
        assert_eq!(numbers(&mut keys, &[Arc::new(Float64Array::from(values))]), [0, 0, 1, 1, 2]);
    }

    #[test]
    fn many_keys_survive_growing() {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values((0..50_000).map(|i| i % 20_000)));
        let mut keys = Keys::default();
        let found = numbers(&mut keys, &[values]);
        assert_eq!(keys.len(), 20_000);
        assert_eq!(found[45_000], 5_000);
    }
}

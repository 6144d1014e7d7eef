//! Growing columns: one per column of a contract.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, DictionaryArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int32Type,
    Int64Type, TimestampMillisecondType,
};
use hashbrown::HashMap;

use super::known::Known;
use crate::arrow_type;
use quotelake_contract::{Column, ColumnType};
use quotelake_core::Result;

/// A value that fits its column.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Slot {
    #[default]
    Unset,
    Null,
    Int(i64),
    /// One of the wide numbers, by its number.
    Wide(u32),
    Float(f64),
    Bool(bool),
    /// Bytes `start..end` of the line.
    Span(u32, u32),
    /// One of the texts that had escapes, by its number.
    Unescaped(u32),
}

/// What slots are taken from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) line: &'a str,
    pub(super) aside: &'a Aside,
}

/// Values of a line that are too large for a slot.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// Texts that had escapes.
    pub(super) unescaped: Vec<String>,
    /// Numbers of more than 18 digits.
    pub(super) wide: Vec<i128>,
}

impl Aside {
    pub(super) fn clear(&mut self) {
        self.unescaped.clear();
        self.wide.clear();
    }
}

impl<'a> Texts<'a> {
    #[inline]
    pub(super) fn of(self, slot: Slot) -> Option<&'a str> {
        match slot {
            Slot::Span(start, end) => self.line.get(start as usize..end as usize),
            Slot::Unescaped(number) => self.aside.unescaped.get(number as usize).map(String::as_str),
            _ => None,
        }
    }
}

/// Nothing of a line is too large for a slot.
pub(super) const NOTHING: Aside = Aside { unescaped: Vec::new(), wide: Vec::new() };

/// A growing column.
pub(super) struct ColumnBuilder {
    values: Values,
    /// Which rows have a value; empty while all have.
    valid: Vec<bool>,
}

enum Values {
    /// `int` and `date`.
    Narrow(Vec<i32>, DataType),
    /// `bigint`, `timestamp` and decimals of up to 18 digits.
    Whole(Vec<i64>, DataType),
    Wide(Vec<i128>, DataType),
    Double(Vec<f64>),
    Bool(Vec<bool>),
    Text(Vec<i32>, Vec<u8>),
    Dictionary(Vec<i32>, TextDictionary),
}

impl ColumnBuilder {
    /// A column without rows.
    pub(super) fn new(column: &Column) -> Self {
        let ty = arrow_type(column.ty, column.dictionary);
        let values = match column.ty {
            ColumnType::Int | ColumnType::Date => Values::Narrow(Vec::new(), ty),
            ColumnType::Bigint | ColumnType::Timestamp => Values::Whole(Vec::new(), ty),
            ColumnType::Decimal { precision, .. } if precision <= 18 => Values::Whole(Vec::new(), ty),
            ColumnType::Decimal { .. } => Values::Wide(Vec::new(), ty),
            ColumnType::Double => Values::Double(Vec::new()),
            ColumnType::Boolean => Values::Bool(Vec::new()),
            ColumnType::String if column.dictionary => {
                Values::Dictionary(Vec::new(), TextDictionary::default())
            }
            ColumnType::String => Values::Text(Vec::new(), Vec::new()),
        };
        Self { values, valid: Vec::new() }
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Narrow(values, _) | Values::Dictionary(values, _) | Values::Text(values, _) => {
                values.len()
            }
            Values::Whole(values, _) => values.len(),
            Values::Wide(values, _) => values.len(),
            Values::Double(values) => values.len(),
            Values::Bool(values) => values.len(),
        }
    }

    /// Makes room for so many rows: growing bit by bit copies everything several times.
    pub(super) fn reserve(&mut self, rows: usize) {
        match &mut self.values {
            Values::Narrow(values, _) | Values::Dictionary(values, _) | Values::Text(values, _) => {
                values.reserve(rows);
            }
            Values::Whole(values, _) => values.reserve(rows),
            Values::Wide(values, _) => values.reserve(rows),
            Values::Double(values) => values.reserve(rows),
            Values::Bool(values) => values.reserve(rows),
        }
    }

    /// Takes back the rows behind the first `rows`.
    pub(super) fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Narrow(values, _) | Values::Dictionary(values, _) => values.truncate(rows),
            Values::Whole(values, _) => values.truncate(rows),
            Values::Wide(values, _) => values.truncate(rows),
            Values::Double(values) => values.truncate(rows),
            Values::Bool(values) => values.truncate(rows),
            Values::Text(ends, bytes) => {
                ends.truncate(rows);
                bytes.truncate(ends.last().map_or(0, |end| *end as usize));
            }
        }
        self.valid.truncate(rows);
    }

    /// Appends a slot that was made for this column; anything else is a missing value.
    pub(super) fn push(&mut self, slot: Slot, texts: Texts<'_>) {
        if self.values.push(slot, texts) {
            self.push_valid();
        } else {
            self.push_missing();
        }
    }

    /// Appends a whole number, as a slot of one.
    #[inline(always)]
    pub(super) fn push_int(&mut self, value: i64) {
        let Values::Whole(values, _) = &mut self.values else {
            return self.push(Slot::Int(value), Texts { line: "", aside: &NOTHING });
        };
        values.push(value);
        self.push_valid();
    }

    /// Appends a number of a decimal of more than 18 digits.
    #[inline]
    pub(super) fn push_wide(&mut self, value: i128) {
        match &mut self.values {
            Values::Wide(values, _) => values.push(value),
            _ => return self.push_missing(),
        }
        self.push_valid();
    }

    /// Appends the first `length` bytes of a text.
    #[inline]
    pub(super) fn push_text(&mut self, text: &[u8], length: usize) {
        match &mut self.values {
            Values::Dictionary(keys, dictionary) => keys.push(dictionary.push(text, length)),
            Values::Text(ends, bytes) => {
                bytes.extend_from_slice(&text[..length]);
                // A window's text has no more than a few megabytes.
                ends.push(bytes.len() as i32);
            }
            _ => return self.push_missing(),
        }
        self.push_valid();
    }

    #[inline]
    fn push_valid(&mut self) {
        if !self.valid.is_empty() {
            self.valid.push(true);
        }
    }

    /// Appends a missing value.
    #[cold]
    pub(super) fn push_missing(&mut self) {
        self.valid.resize(self.len(), true);
        self.valid.push(false);
        match &mut self.values {
            Values::Narrow(values, _) | Values::Dictionary(values, _) => values.push(0),
            Values::Whole(values, _) => values.push(0),
            Values::Wide(values, _) => values.push(0),
            Values::Double(values) => values.push(0.0),
            Values::Bool(values) => values.push(false),
            Values::Text(ends, bytes) => ends.push(bytes.len() as i32),
        }
    }

    /// All values so far of a dictionary-coded column.
    pub(super) fn dictionary_values(&self) -> Result<Option<Arc<StringArray>>> {
        match &self.values {
            Values::Dictionary(_, dictionary) => Ok(Some(Arc::new(dictionary.values()?))),
            _ => Ok(None),
        }
    }

    /// The rows so far. The column is empty afterwards; a dictionary stays, so that the batches of one object share their
    /// codes.
    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        let valid = std::mem::take(&mut self.valid);
        let nulls = (!valid.is_empty()).then(|| NullBuffer::from(valid));
        Ok(match &mut self.values {
            Values::Narrow(values, DataType::Date32) => {
                primitive::<Date32Type>(values, nulls, &DataType::Date32)
            }
            Values::Narrow(values, ty) => primitive::<Int32Type>(values, nulls, ty),
            Values::Whole(values, ty @ DataType::Decimal64(..)) => {
                primitive::<Decimal64Type>(values, nulls, ty)
            }
            Values::Whole(values, ty @ DataType::Timestamp(..)) => {
                primitive::<TimestampMillisecondType>(values, nulls, ty)
            }
            Values::Whole(values, ty) => primitive::<Int64Type>(values, nulls, ty),
            Values::Wide(values, ty) => primitive::<Decimal128Type>(values, nulls, ty),
            Values::Double(values) => primitive::<Float64Type>(values, nulls, &DataType::Float64),
            Values::Bool(values) => Arc::new(BooleanArray::new(std::mem::take(values).into(), nulls)),
            Values::Text(ends, bytes) => {
                let mut offsets = Vec::with_capacity(ends.len() + 1);
                offsets.push(0);
                offsets.append(ends);
                let offsets = OffsetBuffer::new(offsets.into());
                Arc::new(StringArray::try_new(offsets, std::mem::take(bytes).into(), nulls)?)
            }
            Values::Dictionary(keys, dictionary) => dictionary.coded(std::mem::take(keys), nulls)?,
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
    ty: &DataType,
) -> ArrayRef {
    let values = std::mem::take(values);
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(ty.clone()))
}

impl Values {
    /// False for a slot without a value for this column; nothing is appended then.
    fn push(&mut self, slot: Slot, texts: Texts<'_>) -> bool {
        match (self, slot) {
            (Self::Narrow(values, _), Slot::Int(n)) => {
                let Ok(n) = i32::try_from(n) else { return false };
                values.push(n);
            }
            (Self::Whole(values, _), Slot::Int(n)) => values.push(n),
            (Self::Wide(values, _), Slot::Wide(number)) => {
                let Some(n) = texts.aside.wide.get(number as usize) else { return false };
                values.push(*n);
            }
            (Self::Double(values), Slot::Float(n)) => values.push(n),
            (Self::Bool(values), Slot::Bool(value)) => values.push(value),
            (Self::Text(ends, bytes), slot) => {
                let Some(text) = texts.of(slot) else { return false };
                bytes.extend_from_slice(text.as_bytes());
                // A window's text has no more than a few megabytes.
                ends.push(bytes.len() as i32);
            }
            (Self::Dictionary(keys, dictionary), slot) => {
                let Some(text) = texts.of(slot) else { return false };
                keys.push(dictionary.push(text.as_bytes(), text.len()));
            }
            _ => return false,
        }
        true
    }
}

/// The rows of a dictionary-coded column with all values that its dictionary has by now: codes never change.
pub(super) fn with_values(column: &ArrayRef, values: &Arc<StringArray>) -> Result<ArrayRef> {
    let keys = column.as_dictionary::<Int32Type>().keys().clone();
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::<StringArray>::clone(values))?))
}

/// The values of a dictionary-coded text column. They repeat in runs or in turns, so the last one and the one that followed it
/// before are tried ahead of the map.
#[derive(Debug, Default)]
pub(super) struct TextDictionary {
    codes: HashMap<Box<[u8]>, i32>,
    values: Vec<Known>,
    /// The code that followed each code the last time.
    next: Vec<i32>,
    last: i32,
}

impl TextDictionary {
    /// The code of a value: the first `length` bytes of `text`, which are UTF-8.
    #[inline]
    pub(super) fn push(&mut self, text: &[u8], length: usize) -> i32 {
        let code = self.code(text, length);
        self.last = code;
        code
    }

    #[inline(always)]
    fn code(&mut self, text: &[u8], length: usize) -> i32 {
        let is = |code: i32| {
            self.values.get(code as usize).is_some_and(|known| known.len() == length && known.begins(text))
        };
        if is(self.last) {
            return self.last;
        }
        let guess = self.next.get(self.last as usize).copied().unwrap_or(0);
        if is(guess) {
            return guess;
        }
        self.find(&text[..length])
    }

    fn find(&mut self, value: &[u8]) -> i32 {
        let code = match self.codes.get(value) {
            Some(code) => *code,
            None => {
                let code = self.values.len() as i32;
                self.codes.insert(value.into(), code);
                self.values.push(Known::new(value));
                self.next.push(0);
                code
            }
        };
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = code;
        }
        code
    }

    /// The values so far.
    pub(super) fn values(&self) -> Result<StringArray> {
        let values = BinaryArray::from_iter_values(self.values.iter().map(Known::bytes));
        Ok(StringArray::try_from_binary(values)?)
    }

    fn coded(&self, keys: Vec<i32>, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let values = self.values()?;
        let keys = if values.is_empty() {
            // A column without a single value has no value for key 0 to point at.
            PrimitiveArray::<Int32Type>::new_null(keys.len())
        } else {
            PrimitiveArray::new(keys.into(), nulls)
        };
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
    }
}

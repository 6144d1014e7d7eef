//! Growing columns: one per column of a contract.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Decimal64Builder, Decimal128Builder,
    DictionaryArray, Float64Builder, Int32Array, Int32Builder, Int64Builder, StringArray, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow::datatypes::Int32Type;
use hashbrown::HashMap;

use crate::Result;
use crate::contract::{Column, ColumnType};

/// A value that fits its column, before the whole row is known to fit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Slot {
    #[default]
    Unset,
    Null,
    Int(i64),
    Wide(i128),
    Float(f64),
    Bool(bool),
    /// Bytes `start..end` of the line.
    Span(u32, u32),
    /// One of the texts that had escapes, by its number.
    Unescaped(u32),
}

/// What a slot's text is taken from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) line: &'a str,
    /// Texts of the line that had escapes.
    pub(super) unescaped: &'a [String],
}

pub(super) enum ColumnBuilder {
    Int(Int32Builder),
    Bigint(Int64Builder),
    Double(Float64Builder),
    Narrow(Decimal64Builder, u8, u8),
    Wide(Decimal128Builder, u8, u8),
    Date(Date32Builder),
    Timestamp(TimestampMillisecondBuilder),
    Bool(BooleanBuilder),
    Text(StringBuilder),
    Dictionary(TextDictionary),
}

impl ColumnBuilder {
    /// A column with room for some rows.
    pub(super) fn new(column: &Column, rows: usize) -> Self {
        match column.ty {
            ColumnType::Int => Self::Int(Int32Builder::with_capacity(rows)),
            ColumnType::Bigint => Self::Bigint(Int64Builder::with_capacity(rows)),
            ColumnType::Double => Self::Double(Float64Builder::with_capacity(rows)),
            ColumnType::Decimal { precision, scale } if precision <= 18 => {
                Self::Narrow(Decimal64Builder::with_capacity(rows), precision, scale)
            }
            ColumnType::Decimal { precision, scale } => {
                Self::Wide(Decimal128Builder::with_capacity(rows), precision, scale)
            }
            ColumnType::Date => Self::Date(Date32Builder::with_capacity(rows)),
            ColumnType::Timestamp => Self::Timestamp(TimestampMillisecondBuilder::with_capacity(rows)),
            ColumnType::Boolean => Self::Bool(BooleanBuilder::with_capacity(rows)),
            ColumnType::String if column.dictionary => Self::Dictionary(TextDictionary::default()),
            ColumnType::String => Self::Text(StringBuilder::new()),
        }
    }

    /// Starts the next batch with room for some rows: growing bit by bit copies everything several times. A dictionary stays,
    /// so that the batches of one object share their codes.
    pub(super) fn restart(&mut self, column: &Column, rows: usize) {
        match self {
            Self::Dictionary(dictionary) => dictionary.keys.reserve(rows),
            other => *other = Self::new(column, rows),
        }
    }

    /// Appends a slot that was made for this column; anything else stands as a missing value.
    #[inline]
    pub(super) fn push(&mut self, slot: Slot, texts: Texts<'_>) {
        match (self, slot) {
            (Self::Int(b), Slot::Int(n)) => b.append_option(i32::try_from(n).ok()),
            (Self::Bigint(b), Slot::Int(n)) => b.append_value(n),
            (Self::Double(b), Slot::Float(n)) => b.append_value(n),
            (Self::Narrow(b, ..), Slot::Int(n)) => b.append_value(n),
            (Self::Wide(b, ..), Slot::Wide(n)) => b.append_value(n),
            (Self::Date(b), Slot::Int(n)) => b.append_option(i32::try_from(n).ok()),
            (Self::Timestamp(b), Slot::Int(n)) => b.append_value(n),
            (Self::Bool(b), Slot::Bool(value)) => b.append_value(value),
            (Self::Text(b), slot) => b.append_option(texts.of(slot)),
            (Self::Dictionary(b), slot) => b.push(texts.of(slot)),
            (Self::Int(b), _) => b.append_null(),
            (Self::Bigint(b), _) => b.append_null(),
            (Self::Double(b), _) => b.append_null(),
            (Self::Narrow(b, ..), _) => b.append_null(),
            (Self::Wide(b, ..), _) => b.append_null(),
            (Self::Date(b), _) => b.append_null(),
            (Self::Timestamp(b), _) => b.append_null(),
            (Self::Bool(b), _) => b.append_null(),
        }
    }

    /// All values so far of a dictionary-coded column.
    pub(super) fn dictionary_values(&self) -> Option<Arc<StringArray>> {
        match self {
            Self::Dictionary(dictionary) => Some(Arc::new(dictionary.values())),
            _ => None,
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Int(b) => Arc::new(b.finish()),
            Self::Bigint(b) => Arc::new(b.finish()),
            Self::Double(b) => Arc::new(b.finish()),
            Self::Narrow(b, precision, scale) => {
                Arc::new(b.finish().with_precision_and_scale(*precision, *scale as i8)?)
            }
            Self::Wide(b, precision, scale) => {
                Arc::new(b.finish().with_precision_and_scale(*precision, *scale as i8)?)
            }
            Self::Date(b) => Arc::new(b.finish()),
            Self::Timestamp(b) => Arc::new(b.finish().with_timezone("UTC")),
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
            Self::Dictionary(b) => b.finish()?,
        })
    }
}

/// The rows of a dictionary-coded column with all values that its dictionary has by now: codes never change.
pub(super) fn with_values(column: &ArrayRef, values: &Arc<StringArray>) -> Result<ArrayRef> {
    let keys = column.as_dictionary::<Int32Type>().keys().clone();
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::<StringArray>::clone(values))?))
}

impl<'a> Texts<'a> {
    #[inline]
    fn of(self, slot: Slot) -> Option<&'a str> {
        match slot {
            Slot::Span(start, end) => self.line.get(start as usize..end as usize),
            Slot::Unescaped(number) => self.unescaped.get(number as usize).map(String::as_str),
            _ => None,
        }
    }
}

/// A dictionary-coded text column. Values repeat in runs or in turns, so the last one and the one that followed it before are
/// tried ahead of the map.
#[derive(Debug, Default)]
pub(super) struct TextDictionary {
    codes: HashMap<Box<str>, i32>,
    values: Vec<Box<str>>,
    /// The code that followed each code the last time.
    next: Vec<i32>,
    keys: Vec<i32>,
    /// Which rows have a value; empty while all have.
    valid: Vec<bool>,
    last: i32,
}

impl TextDictionary {
    #[inline]
    fn push(&mut self, value: Option<&str>) {
        let Some(value) = value else {
            self.valid.resize(self.keys.len(), true);
            self.valid.push(false);
            self.keys.push(0);
            return;
        };
        let code = self.code(value);
        if !self.valid.is_empty() {
            self.valid.push(true);
        }
        self.keys.push(code);
        self.last = code;
    }

    #[inline]
    fn code(&mut self, value: &str) -> i32 {
        let is = |code: i32| self.values.get(code as usize).is_some_and(|known| **known == *value);
        if is(self.last) {
            return self.last;
        }
        let guess = self.next.get(self.last as usize).copied().unwrap_or(0);
        if is(guess) {
            return guess;
        }
        let code = match self.codes.get(value) {
            Some(code) => *code,
            None => {
                let code = self.values.len() as i32;
                self.codes.insert(value.into(), code);
                self.values.push(value.into());
                self.next.push(0);
                code
            }
        };
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = code;
        }
        code
    }

    fn values(&self) -> StringArray {
        StringArray::from_iter_values(self.values.iter())
    }

    /// The rows so far; the dictionary stays, so that the batches of one object share their codes.
    fn finish(&mut self) -> Result<ArrayRef> {
        let keys = std::mem::take(&mut self.keys);
        let valid = std::mem::take(&mut self.valid);
        let values = self.values();
        let keys = if values.is_empty() {
            // A column without a single value has no value for key 0 to point at.
            Int32Array::new_null(keys.len())
        } else {
            Int32Array::new(keys.into(), (!valid.is_empty()).then(|| valid.into()))
        };
        Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(values))?))
    }
}

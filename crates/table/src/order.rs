//! Rows in the order of some columns, rows of equal values together.
//!
//! What usually orders a table are symbols and times, whose values of one batch fit in a few bits each once they are counted from
//! the smallest. Such a row's key and its number are packed into one integer, and sorting compares nothing else. Columns
//! that do not fit are compared as the bytes of [`RowKeys`].

use std::cmp::Ordering;
use std::ops::{BitOr, Shl, Shr};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal64Type, Int32Type, Int64Type, TimestampMillisecondType,
};

use super::radix::sort_by_bits;
use super::row_keys::{RowKeys, ranks};
use super::steps::Steps;
use quotelake_core::{Error, Result};

/// Rows of a batch in order; rows with equal values are in the batch's order.
pub(super) struct Ordered {
    rows: Vec<u32>,
    /// Whether a row's values differ from those of the row before it.
    starts: Vec<bool>,
}

impl Ordered {
    /// The `chosen` rows, or all, by these columns, missing values first. A column that nobody else has is gone as soon as it is not
    /// needed any more.
    pub(super) fn by(columns: Vec<ArrayRef>, chosen: Option<&BooleanBuffer>) -> Result<Self> {
        let count = columns.first().map_or(0, |column| column.len());
        let count = u32::try_from(count).map_err(|_| Error::bug("a batch has more than 2^32 rows"))?;
        if let Some(codes) = columns.iter().map(Codes::of).collect::<Option<Vec<Codes>>>() {
            let row_bits = bits_of(u64::from(count).saturating_sub(1));
            let bits = codes.iter().map(|column| column.bits).sum::<u32>() + row_bits;
            if bits <= 128 {
                drop(columns);
                return Ok(match bits {
                    0..=64 => packed::<u64>(codes, count, row_bits, chosen),
                    _ => packed::<u128>(codes, count, row_bits, chosen),
                });
            }
        }
        by_bytes(&RowKeys::of(&columns)?, count, chosen)
    }

    /// The rows in order.
    pub(super) fn into_rows(self) -> Vec<u32> {
        self.rows
    }

    /// Rows of equal values, group by group.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        std::iter::from_fn(move || {
            let rest = self.starts.get(start + 1..)?;
            let end = start + 1 + rest.iter().position(|begins| *begins).unwrap_or(rest.len());
            let group = &self.rows[start..end];
            start = end;
            Some(group)
        })
    }
}

/// Each row's value of a column as a number that compares as the values do.
struct Codes {
    column: ArrayRef,
    steps: Steps,
    /// Whether 0 is a missing value.
    has_nulls: bool,
    /// 0 for a column in which all rows are equal.
    bits: u32,
}

impl Codes {
    /// `None` for a type that is compared as bytes.
    fn of(column: &ArrayRef) -> Option<Self> {
        match column.data_type() {
            DataType::Dictionary(..) => match ranks(column.as_dictionary::<Int32Type>()) {
                None => Some(Self {
                    column: Arc::clone(column),
                    steps: Steps::of(std::iter::empty),
                    has_nulls: false,
                    bits: 0,
                }),
                Some(ranks) => Self::numbers::<Int32Type>(ranks),
            },
            DataType::Int32 => Self::numbers::<Int32Type>(Arc::clone(column)),
            DataType::Int64 => Self::numbers::<Int64Type>(Arc::clone(column)),
            DataType::Date32 => Self::numbers::<Date32Type>(Arc::clone(column)),
            DataType::Decimal64(..) => Self::numbers::<Decimal64Type>(Arc::clone(column)),
            DataType::Timestamp(..) => Self::numbers::<TimestampMillisecondType>(Arc::clone(column)),
            _ => None,
        }
    }

    fn numbers<T: ArrowPrimitiveType>(column: ArrayRef) -> Option<Self>
    where
        T::Native: Into<i64>,
    {
        let numbers = column.as_primitive::<T>();
        let has_nulls = numbers.null_count() > 0;
        let steps = match has_nulls {
            false => Steps::of(|| numbers.values().iter().map(|value| (*value).into())),
            true => Steps::of(|| numbers.iter().flatten().map(Into::into)),
        };
        let bits = bits_of(steps.greatest().checked_add(u64::from(has_nulls))?);
        Some(Self { column, steps, has_nulls, bits })
    }

    /// Puts each row's number behind what its tag has so far.
    fn append_to<T: Tag>(&self, tags: &mut [T]) {
        match self.column.data_type() {
            DataType::Int32 => self.append::<Int32Type, T>(tags),
            DataType::Int64 => self.append::<Int64Type, T>(tags),
            DataType::Date32 => self.append::<Date32Type, T>(tags),
            DataType::Decimal64(..) => self.append::<Decimal64Type, T>(tags),
            DataType::Timestamp(..) => self.append::<TimestampMillisecondType, T>(tags),
            _ => {}
        }
    }

    fn append<C: ArrowPrimitiveType, T: Tag>(&self, tags: &mut [T])
    where
        C::Native: Into<i64>,
    {
        let numbers = self.column.as_primitive::<C>();
        let codes = numbers.values().iter().map(|number| self.steps.code((*number).into()));
        match numbers.nulls().filter(|_| self.has_nulls) {
            None => tags.iter_mut().zip(codes).for_each(|(tag, code)| *tag = tag.then(self.bits, code)),
            Some(valid) => tags.iter_mut().zip(codes).zip(valid).for_each(|((tag, code), valid)| {
                *tag = tag.then(self.bits, if valid { code + 1 } else { 0 });
            }),
        }
    }
}

/// Bits that a number of at most this size needs.
fn bits_of(greatest: u64) -> u32 {
    u64::BITS - greatest.leading_zeros()
}

/// An integer that a row's key and number are packed into.
trait Tag:
    Copy + Ord + From<u64> + Shl<u32, Output = Self> + Shr<u32, Output = Self> + BitOr<Output = Self>
{
    fn low(self) -> u64;

    /// The same with `bits` more, which hold a number. A shift by all bits of an integer is none.
    fn then(self, bits: u32, number: u64) -> Self {
        let shifted = if bits < 64 { self << bits } else { self << 32 << (bits - 32) };
        shifted | Self::from(number)
    }

    /// Sorts by the bits `from..to`, in which alone the integers differ but for lower ones that ascend.
    fn sort(tags: &mut Vec<Self>, from: u32, to: u32);
}

impl Tag for u64 {
    fn low(self) -> u64 {
        self
    }

    fn sort(tags: &mut Vec<Self>, from: u32, to: u32) {
        sort_by_bits(tags, from, to);
    }
}

impl Tag for u128 {
    fn low(self) -> u64 {
        self as u64
    }

    fn sort(tags: &mut Vec<Self>, _: u32, _: u32) {
        tags.sort_unstable();
    }
}

fn packed<T: Tag>(codes: Vec<Codes>, count: u32, row_bits: u32, chosen: Option<&BooleanBuffer>) -> Ordered {
    let mut tags = vec![T::from(0); count as usize];
    let bits = codes.iter().map(|column| column.bits).sum::<u32>();
    codes.into_iter().filter(|column| column.bits > 0).for_each(|column| column.append_to(&mut tags));
    tags.iter_mut().zip(0..).for_each(|(tag, row)| *tag = tag.then(row_bits, row));
    if let Some(chosen) = chosen {
        tags = chosen.set_indices().map(|row| tags[row]).collect();
    }
    T::sort(&mut tags, row_bits, row_bits + bits);
    let mask = (1u64 << row_bits) - 1;
    let mut before = None;
    let starts = tags
        .iter()
        .map(|tag| {
            let key = *tag >> row_bits;
            before.replace(key) != Some(key)
        })
        .collect();
    Ordered { rows: tags.iter().map(|tag| (tag.low() & mask) as u32).collect(), starts }
}

fn by_bytes(keys: &RowKeys, count: u32, chosen: Option<&BooleanBuffer>) -> Result<Ordered> {
    // The first bytes decide almost always: they travel with the row, so that a comparison touches no other memory.
    let tag = |row: u32| (keys.prefix(row as usize), row);
    let mut tagged: Vec<(u128, u32)> = match chosen {
        None => (0..count).map(tag).collect(),
        Some(chosen) => chosen.set_indices().map(|row| tag(row as u32)).collect(),
    };
    let compare = |a: &(u128, u32), b: &(u128, u32)| -> Ordering {
        a.0.cmp(&b.0).then_with(|| keys.get(a.1 as usize).cmp(keys.get(b.1 as usize)))
    };
    tagged.sort_unstable_by(|a, b| compare(a, b).then(a.1.cmp(&b.1)));
    let mut starts = vec![true; tagged.len()];
    for (pair, start) in tagged.windows(2).zip(starts.iter_mut().skip(1)) {
        *start = compare(&pair[0], &pair[1]).is_ne();
    }
    Ok(Ordered { rows: tagged.into_iter().map(|(_, row)| row).collect(), starts })
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, Int32Array, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Packed or not, rows come in the order of their values, missing ones first, equal ones in the batch's order and in one
        /// group.
        #[test]
        fn orders_as_a_stable_sort_does(
            rows in proptest::collection::vec(
                (
                    proptest::option::of(0usize..5),
                    prop_oneof![Just(None), (-3i64..3).prop_map(Some), any::<i64>().prop_map(Some)],
                    proptest::option::of("[a-b]{0,2}"),
                    any::<bool>(),
                ),
                0..40,
            ),
            narrow in any::<bool>(),
            text in any::<bool>(),
            some in any::<bool>(),
        ) {
            // A value may appear twice in a dictionary: concatenated batches do that.
            let values = ["b", "a", "c", "a", ""];
            let number = |n: Option<i64>| n.map(|n| if narrow { n % 8 } else { n });
            let keys: Int32Array = rows.iter().map(|row| row.0.map(|code| code as i32)).collect();
            let names: ArrayRef =
                Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(values.to_vec()))).unwrap());
            let numbers: ArrayRef = Arc::new(rows.iter().map(|row| number(row.1)).collect::<Int64Array>());
            let texts: ArrayRef = Arc::new(rows.iter().map(|row| row.2.clone()).collect::<StringArray>());
            let chosen: BooleanBuffer = rows.iter().map(|row| row.3 || !some).collect();
            let columns = if text { vec![names, texts, numbers] } else { vec![names, numbers] };
            let key = |row: u32| {
                let (name, n, t, _) = &rows[row as usize];
                (name.map(|code| values[code]), if text { t.clone() } else { None }, number(*n))
            };
            let mut expected: Vec<u32> = chosen.set_indices().map(|row| row as u32).collect();
            expected.sort_by_key(|row| key(*row));
            let ordered = Ordered::by(columns, some.then_some(&chosen)).unwrap();
            let groups: Vec<Vec<u32>> = ordered.groups().map(<[u32]>::to_vec).collect();
            prop_assert_eq!(ordered.into_rows(), expected.as_slice());
            let wanted: Vec<Vec<u32>> = expected.chunk_by(|a, b| key(*a) == key(*b)).map(<[u32]>::to_vec).collect();
            prop_assert_eq!(groups, wanted);
        }
    }
}

//! A column put in order part by part: what it is made of goes straight to where it belongs, and the column is never there twice.

use arrow::array::{Array, ArrayData, ArrayRef, BooleanBufferBuilder, UInt32Array, make_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::compute::take;
use arrow::datatypes::{ArrowNativeType, DataType};

use crate::columnar::Columnar;
use quotelake_core::{Error, Result};

/// The place of a row that is left out.
const NOWHERE: u32 = u32::MAX;
/// Fewer rows are taken from the whole column: it is small, and its parts may be many.
const MANY_ROWS: usize = if cfg!(test) { 20 } else { 100_000 };

/// Which rows of others are kept, and in which order.
#[derive(Debug)]
pub(super) struct Places {
    /// The rows that are kept, in order.
    kept: UInt32Array,
    /// For each row the place that it is kept at; nothing where there are few.
    place_of: Vec<u32>,
}

impl Places {
    /// Of rows that are kept in this order, out of so many.
    pub(super) fn new(kept: Vec<u32>, out_of: usize) -> Self {
        let mut place_of = Vec::new();
        if kept.len() >= MANY_ROWS {
            place_of.resize(out_of, NOWHERE);
            for (place, row) in (0..).zip(&kept) {
                place_of[*row as usize] = place;
            }
        }
        Self { kept: kept.into(), place_of }
    }

    /// How many rows are kept.
    pub(super) fn rows(&self) -> usize {
        self.kept.len()
    }

    /// The kept rows of a column of this type, in order.
    pub(super) fn read(&self, rows: &dyn Columnar, index: usize, data_type: &DataType) -> Result<ArrayRef> {
        match data_type {
            _ if self.place_of.is_empty() => Ok(take(&rows.read(index)?, &self.kept, None)?),
            DataType::Int32 | DataType::Date32 => self.put::<i32>(rows, index, data_type),
            DataType::Int64 | DataType::Float64 | DataType::Timestamp(..) | DataType::Decimal64(..) => {
                self.put::<i64>(rows, index, data_type)
            }
            DataType::Decimal128(..) => self.put::<i128>(rows, index, data_type),
            _ => Ok(take(&rows.read(index)?, &self.kept, None)?),
        }
    }

    /// The same of a column whose values are as wide as `T`.
    fn put<T: ArrowNativeType>(
        &self,
        rows: &dyn Columnar,
        index: usize,
        data_type: &DataType,
    ) -> Result<ArrayRef> {
        let mut values = vec![T::default(); self.rows()];
        let mut valid = None;
        rows.each_part(index, &mut |first, part| {
            if part.data_type() != data_type {
                return Err(Error::bug(format!(
                    "a part of a column is {}, not {data_type}",
                    part.data_type()
                )));
            }
            let places = &self.place_of[first..first + part.len()];
            let data = part.to_data();
            for (place, value) in places.iter().zip(data.buffer::<T>(0)) {
                if let Some(target) = values.get_mut(*place as usize) {
                    *target = *value;
                }
            }
            if let Some(nulls) = part.nulls().filter(|nulls| nulls.null_count() > 0) {
                let valid = valid.get_or_insert_with(|| all_valid(self.rows()));
                let missing = places.iter().zip(nulls).filter(|(_, is_valid)| !is_valid);
                for (place, _) in missing.filter(|(place, _)| **place != NOWHERE) {
                    valid.set_bit(*place as usize, false);
                }
            }
            Ok(())
        })?;
        let nulls = valid.map(|mut valid| NullBuffer::new(valid.finish()));
        let column =
            ArrayData::builder(data_type.clone()).len(self.rows()).add_buffer(Buffer::from_vec(values));
        Ok(make_array(column.nulls(nulls).build()?))
    }
}

fn all_valid(rows: usize) -> BooleanBufferBuilder {
    let mut valid = BooleanBufferBuilder::new(rows);
    valid.append_n(rows, true);
    valid
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray};
    use arrow::compute::concat;
    use proptest::prelude::*;

    use super::*;

    /// Columns of parts.
    struct Parts(Vec<ArrayRef>);

    impl Columnar for Parts {
        fn rows(&self) -> usize {
            self.0.iter().map(|part| part.len()).sum()
        }

        fn read(&self, _: usize) -> Result<ArrayRef> {
            Ok(concat(&self.0.iter().map(AsRef::as_ref).collect::<Vec<_>>())?)
        }

        fn each_part(&self, _: usize, take: &mut dyn FnMut(usize, ArrayRef) -> Result<()>) -> Result<()> {
            let mut first = 0;
            for part in &self.0 {
                take(first, ArrayRef::clone(part))?;
                first += part.len();
            }
            Ok(())
        }
    }

    fn column(kind: usize, values: &[Option<i32>]) -> ArrayRef {
        let longs = values.iter().map(|value| value.map(i64::from));
        match kind {
            0 => Arc::new(Int32Array::from(values.to_vec())),
            1 => Arc::new(longs.collect::<Int64Array>()),
            2 => Arc::new(values.iter().map(|value| value.map(f64::from)).collect::<Float64Array>()),
            3 => Arc::new(values.iter().map(|value| value.map(i128::from)).collect::<Decimal128Array>()),
            4 => Arc::new(values.iter().map(|value| value.map(|value| value > 0)).collect::<BooleanArray>()),
            _ => Arc::new(
                values.iter().map(|value| value.map(|value| value.to_string())).collect::<StringArray>(),
            ),
        }
    }

    proptest! {
        /// As Arrow takes rows of the whole column, whatever the type, the parts, what is left out and where a part begins.
        #[test]
        fn parts_are_put_in_order_as_the_whole_is(
            kind in 0usize..6,
            parts in proptest::collection::vec(
                (proptest::collection::vec(proptest::option::weighted(0.8, -9i32..9), 0..30), 0usize..4),
                1..5,
            ),
            order in any::<prop::sample::Index>(),
            stride in 1usize..7,
        ) {
            let parts = parts.iter().map(|(values, cut)| {
                let part = column(kind, values);
                let cut = (*cut).min(part.len());
                part.slice(cut, part.len() - cut)
            });
            let parts = Parts(parts.collect());
            let rows = parts.rows();
            let mut kept: Vec<u32> = (0..rows as u32).step_by(stride).collect();
            if !kept.is_empty() {
                let middle = order.index(kept.len());
                kept.rotate_left(middle);
                kept[..middle].reverse();
            }
            let whole = parts.read(0).unwrap();
            let wanted = take(&whole, &UInt32Array::from(kept.clone()), None).unwrap();
            let places = Places::new(kept, rows);
            prop_assert_eq!(&places.read(&parts, 0, whole.data_type()).unwrap(), &wanted);
        }
    }
}

//! Several columns of a row as bytes that compare as the columns do.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{RowConverter, Rows, SortField};

use quotelake_core::Result;

/// Keys of rows. Bytes of two of them compare as the columns do, one after the other; bytes of
/// other rows' keys do not.
pub(super) struct RowKeys {
    rows: Rows,
}

impl RowKeys {
    /// The keys by these columns. A dictionary-coded column counts by the rank of its value, five bytes instead of the text;
    /// one that has a single value counts not at all.
    pub(super) fn of(columns: &[ArrayRef]) -> Result<Self> {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for column in columns {
            match column.data_type() {
                DataType::Dictionary(..) => arrays.extend(ranks(column.as_dictionary::<Int32Type>())),
                _ => arrays.push(Arc::clone(column)),
            }
        }
        if arrays.is_empty() {
            // Every column is constant: all rows are equal.
            arrays.push(Arc::new(Int32Array::from(vec![0; rows])));
        }
        let fields = arrays.iter().map(|array| SortField::new(array.data_type().clone())).collect();
        Ok(Self { rows: RowConverter::new(fields)?.convert_columns(&arrays)? })
    }

    #[inline]
    pub(super) fn get(&self, row: usize) -> &[u8] {
        self.rows.row(row).data()
    }

    /// The first 16 bytes as a number that compares as they do.
    #[inline]
    pub(super) fn prefix(&self, row: usize) -> u128 {
        let bytes = self.get(row);
        let mut prefix = [0; 16];
        let length = bytes.len().min(16);
        prefix[..length].copy_from_slice(&bytes[..length]);
        u128::from_be_bytes(prefix)
    }
}

/// Each row's value by its rank among the dictionary's values; equal values have equal ranks, wherever the dictionary holds
/// them. `None` when all rows have the same value.
pub(super) fn ranks(column: &DictionaryArray<Int32Type>) -> Option<ArrayRef> {
    let values: &StringArray = column.values().as_string();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by_key(|code| values.value(*code));
    let mut rank_of = vec![0i32; values.len()];
    let mut rank = 0;
    for pair in 0..order.len() {
        if pair > 0 && values.value(order[pair]) != values.value(order[pair - 1]) {
            rank += 1;
        }
        rank_of[order[pair]] = rank;
    }
    if rank == 0 && column.null_count() == 0 {
        return None;
    }
    let ranks = column.keys().unary::<_, Int32Type>(|code| rank_of.get(code as usize).copied().unwrap_or(0));
    Some(Arc::new(ranks))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The bytes order rows as the texts and numbers do, missing values first, whatever the dictionary looks like.
        #[test]
        fn bytes_compare_as_columns_do(
            rows in proptest::collection::vec((proptest::option::of(0usize..6), any::<i32>()), 1..40),
        ) {
            // A value may appear twice in a dictionary: concatenated batches do that.
            let values = ["b", "a", "c", "a", "", "bb"];
            let keys: Int32Array = rows.iter().map(|(code, _)| code.map(|code| code as i32)).collect();
            let texts: ArrayRef =
                Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(values.to_vec()))).unwrap());
            let numbers: ArrayRef = Arc::new(rows.iter().map(|(_, n)| Some(*n)).collect::<Int32Array>());
            let keys = RowKeys::of(&[texts, numbers]).unwrap();
            let value = |row: usize| (rows[row].0.map(|code| values[code]), rows[row].1);
            for a in 0..rows.len() {
                for b in 0..rows.len() {
                    prop_assert_eq!(keys.get(a).cmp(keys.get(b)), value(a).cmp(&value(b)));
                    if keys.prefix(a) != keys.prefix(b) {
                        prop_assert_eq!(keys.prefix(a).cmp(&keys.prefix(b)), value(a).cmp(&value(b)));
                    }
                }
            }
        }
    }
}

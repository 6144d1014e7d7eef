//! Of which rows a partition's file was made. Where the same rows come again, and the file is still those bytes, it is known without
//! encoding them once more.

use arrow::array::{
    Array, ArrowPrimitiveType, AsArray as _, BooleanArray, DictionaryArray, PrimitiveArray, RecordBatch,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMillisecondType,
};
use quotelake_core::sha256_hex;
use quotelake_table::Replacement;
use serde::{Deserialize, Serialize};

/// The rows of a file and its bytes, each by a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// SHA-256 of the rows.
    pub(crate) rows: String,
    /// SHA-256 of the file.
    pub(crate) file: String,
}

impl Made {
    pub(crate) fn of(rows: String, file: &Replacement) -> Self {
        Self { rows, file: sha256_hex(file.bytes()) }
    }
}

/// SHA-256 of rows, however their texts are coded. `None` where a column is of a type that no contract has.
pub(crate) fn digest(rows: &RecordBatch) -> Option<String> {
    let mut bytes = Vec::with_capacity(rows.get_array_memory_size() + 64);
    bytes.extend(rows.num_rows().to_le_bytes());
    for column in rows.columns() {
        add(column.as_ref(), &mut bytes)?;
    }
    Some(sha256_hex(&bytes))
}

fn add(column: &dyn Array, bytes: &mut Vec<u8>) -> Option<()> {
    match column.data_type() {
        DataType::Dictionary(_, _) => texts(column.as_dictionary_opt()?, bytes)?,
        DataType::Boolean => booleans(column.as_boolean(), bytes),
        DataType::Int32 => numbers(column.as_primitive::<Int32Type>(), bytes),
        DataType::Int64 => numbers(column.as_primitive::<Int64Type>(), bytes),
        DataType::Float64 => numbers(column.as_primitive::<Float64Type>(), bytes),
        DataType::Date32 => numbers(column.as_primitive::<Date32Type>(), bytes),
        DataType::Decimal64(..) => numbers(column.as_primitive::<Decimal64Type>(), bytes),
        DataType::Decimal128(..) => numbers(column.as_primitive::<Decimal128Type>(), bytes),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            numbers(column.as_primitive::<TimestampMillisecondType>(), bytes);
        }
        _ => return None,
    }
    Some(())
}

/// Each text with its length before it, a missing one with none.
fn texts(column: &DictionaryArray<Int32Type>, bytes: &mut Vec<u8>) -> Option<()> {
    let texts = column.values().as_string_opt::<i32>()?;
    for key in column.keys() {
        let text = key.and_then(|key| usize::try_from(key).ok()).filter(|key| texts.is_valid(*key));
        match text {
            Some(key) => {
                let text = texts.value(key);
                bytes.extend(text.len().to_le_bytes());
                bytes.extend(text.as_bytes());
            }
            None => bytes.extend(usize::MAX.to_le_bytes()),
        }
    }
    Some(())
}

fn booleans(column: &BooleanArray, bytes: &mut Vec<u8>) {
    bytes.extend(column.iter().map(|value| value.map_or(2, u8::from)));
}

/// Which are missing, and the others as they lie in memory.
fn numbers<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, bytes: &mut Vec<u8>) {
    let values = column.values().inner().as_slice();
    if column.null_count() == 0 {
        bytes.push(0);
        return bytes.extend(values);
    }
    bytes.push(1);
    let width = values.len() / column.len().max(1);
    for (row, value) in values.chunks(width.max(1)).enumerate() {
        bytes.push(u8::from(column.is_valid(row)));
        if column.is_valid(row) {
            bytes.extend(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, StringArray};

    use super::*;

    fn batch(
        texts: &[Option<&str>],
        keys: &[Option<i32>],
        days: &[Option<i32>],
        closes: &[i128],
    ) -> RecordBatch {
        let texts: StringArray = texts.iter().copied().collect();
        let keys: Int32Array = keys.iter().copied().collect();
        let coded = DictionaryArray::new(keys, Arc::new(texts));
        let columns: [(&str, ArrayRef); 4] = [
            ("text", Arc::new(coded)),
            ("day", Arc::new(days.iter().copied().collect::<Date32Array>())),
            ("close", Arc::new(closes.iter().map(|close| Some(*close)).collect::<Decimal128Array>())),
            ("is", Arc::new(days.iter().map(|day| day.map(|day| day > 1)).collect::<BooleanArray>())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
    }

    #[test]
    fn rows_are_told_apart_by_what_they_say_and_not_by_how_they_are_coded() {
        let of = |rows: &RecordBatch| digest(rows).unwrap();
        let one =
            batch(&[Some("a"), Some("bc")], &[Some(0), Some(1), None], &[Some(1), None, Some(3)], &[1, 2, 3]);
        let recoded = batch(
            &[Some("x"), Some("bc"), None, Some("a")],
            &[Some(3), Some(1), Some(2)],
            &[Some(1), None, Some(3)],
            &[1, 2, 3],
        );
        assert_eq!(of(&one), of(&recoded));
        let longer = batch(
            &[Some("a"), Some("bc")],
            &[Some(1), Some(0), Some(1), None],
            &[Some(9), Some(1), None, Some(3)],
            &[7, 1, 2, 3],
        );
        assert_eq!(of(&one), of(&longer.slice(1, 3)));
        for other in [
            batch(&[Some("ab"), Some("c")], &[Some(0), Some(1), None], &[Some(1), None, Some(3)], &[1, 2, 3]),
            batch(
                &[Some("a"), Some("bc")],
                &[Some(0), Some(1), None],
                &[Some(1), Some(0), Some(3)],
                &[1, 2, 3],
            ),
            batch(&[Some("a"), Some("bc")], &[Some(0), Some(1), None], &[Some(1), None, Some(3)], &[1, 2, 4]),
            one.slice(0, 2),
        ] {
            assert_ne!(of(&one), of(&other));
        }
        let floats = Float64Array::from(vec![0.0]);
        let plain = RecordBatch::try_from_iter([("a", Arc::new(floats) as ArrayRef)]).unwrap();
        assert!(digest(&plain).is_some());
        let text =
            RecordBatch::try_from_iter([("a", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]).unwrap();
        assert_eq!(digest(&text), None, "contracts have coded texts");
    }
}

use std::collections::BTreeSet;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int32Type};

/// The column that says which run fetched a row.
const RUN_ID: &str = "run_id";

/// The runs that fetched these rows: what ties a partition to the schedule or the request that asked for it. Rows of a dataset
/// without such a column are of none.
pub fn run_ids<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for column in batches.into_iter().filter_map(|batch| batch.column_by_name(RUN_ID)) {
        match column.data_type() {
            DataType::Utf8 => collect(column.as_string::<i32>().iter(), &mut ids),
            DataType::Dictionary(key, _) if **key == DataType::Int32 => {
                let dictionary = column.as_dictionary::<Int32Type>();
                if let Some(texts) = dictionary.downcast_dict::<StringArray>() {
                    collect(texts.into_iter(), &mut ids);
                }
            }
            _ => {}
        }
    }
    ids
}

fn collect<'a>(texts: impl Iterator<Item = Option<&'a str>>, ids: &mut BTreeSet<String>) {
    // Rows of one run stand together: most are like the one before.
    let mut last = "";
    for text in texts.flatten().filter(|text| !text.is_empty()) {
        if text != last && !ids.contains(text) {
            ids.insert(text.to_owned());
        }
        last = text;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, DictionaryArray, Int64Array};

    use super::*;

    fn batch(name: &str, column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([(name, column, true)]).unwrap()
    }

    #[test]
    fn runs_are_found_in_texts_and_dictionaries() {
        let plain = StringArray::from(vec![Some("b"), Some("b"), None, Some("a"), Some("")]);
        let dictionary: DictionaryArray<Int32Type> = [Some("c"), None, Some("b")].into_iter().collect();
        let batches = [
            batch("run_id", Arc::new(plain)),
            batch("run_id", Arc::new(dictionary)),
            batch("run_id", Arc::new(Int64Array::from(vec![1]))),
            batch("symbol", Arc::new(StringArray::from(vec!["AAPL.XNAS"]))),
        ];
        assert_eq!(Vec::from_iter(run_ids(&batches)), ["a", "b", "c"]);
        assert!(run_ids(&batches[2..]).is_empty());
    }
}

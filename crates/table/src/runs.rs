//! The ids of the runs that fetched some rows, from the column `run_id`: `check` writes them into its result, `publish` into
//! the event of a partition, so that both can be traced to the request that asked for the rows.

use std::collections::BTreeSet;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray};
use arrow::datatypes::{DataType, Int32Type};

use super::Columnar;
use quotelake_contract::Contract;
use quotelake_core::Result;

/// The column that says which run fetched a row.
const RUN_ID: &str = "run_id";

/// The runs that fetched these rows: what ties a partition to the schedule or the request that asked for it. Rows of a contract
/// without such a column are of none.
pub fn run_ids<'a>(
    contract: &Contract,
    parts: impl IntoIterator<Item = &'a dyn Columnar>,
) -> Result<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    if let Some(index) = contract.index_of(RUN_ID) {
        for part in parts {
            collect_column(&part.read(index)?, &mut ids);
        }
    }
    Ok(ids)
}

fn collect_column(column: &ArrayRef, ids: &mut BTreeSet<String>) {
    match column.data_type() {
        DataType::Utf8 => collect(column.as_string::<i32>().iter(), ids),
        DataType::Dictionary(key, _) if **key == DataType::Int32 => {
            let dictionary = column.as_dictionary::<Int32Type>();
            if let Some(texts) = dictionary.downcast_dict::<StringArray>() {
                collect(texts.into_iter(), ids);
            }
        }
        _ => {}
    }
}

fn collect<'a>(texts: impl Iterator<Item = Option<&'a str>>, ids: &mut BTreeSet<String>) {
    // Rows of one run are together: most are like the one before.
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
    use crate::{ArrowSchema as _, arrow_type};
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int64Array, RecordBatch, new_null_array};
    use arrow::compute::cast;

    use super::*;
    use quotelake_contract::Contracts;

    #[test]
    fn runs_are_found_in_texts_and_dictionaries() {
        let mut ids = BTreeSet::new();
        let plain = StringArray::from(vec![Some("b"), Some("b"), None, Some("a"), Some("")]);
        let dictionary: DictionaryArray<Int32Type> = [Some("c"), None, Some("b")].into_iter().collect();
        let columns: [ArrayRef; 3] =
            [Arc::new(plain), Arc::new(dictionary), Arc::new(Int64Array::from(vec![1]))];
        columns.iter().for_each(|column| collect_column(column, &mut ids));
        assert_eq!(Vec::from_iter(ids), ["a", "b", "c"]);
    }

    #[test]
    fn rows_of_a_contract_without_runs_are_of_none() {
        let contracts = Contracts::built_in().unwrap();
        let mut contract = Contract::clone(&contracts.get("daily_bars").unwrap().contract);
        let columns = contract.columns.iter().map(|column| {
            let ty = arrow_type(column.ty, column.dictionary);
            let runs = StringArray::from(vec!["run-1"]);
            if column.name == RUN_ID { cast(&runs, &ty).unwrap() } else { new_null_array(&ty, 1) }
        });
        let rows = RecordBatch::try_new(contract.unchecked_schema(), columns.collect()).unwrap();
        assert_eq!(Vec::from_iter(run_ids(&contract, [&rows as &dyn Columnar]).unwrap()), ["run-1"]);
        let index = contract.index_of(RUN_ID).unwrap();
        contract.columns[index].name = "other".into();
        assert!(run_ids(&contract, [&rows as &dyn Columnar]).unwrap().is_empty());
    }
}

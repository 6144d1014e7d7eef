//! What a contract demands of a batch's values beyond their types: that they are there, that they are on a list, and that those
//! which name a partition can name a folder.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::Int32Type;

use super::decode::RowFault;
use super::partition::fits_a_folder;
use crate::contract::{Column, Contract, Derivation, Role};

/// Where a batch breaks its contract: for each fault the rows (set bits) that have it. Missing values first, then values
/// that are not on their column's list.
pub fn unfit_values(contract: &Contract, batch: &RecordBatch) -> Vec<(RowFault, BooleanBuffer)> {
    let mut faults = missing_values(contract, batch);
    for (column, values) in contract.columns.iter().zip(batch.columns()) {
        if !column.allowed_values.is_empty() && !column.informational {
            faults.extend(unlisted_values(column, values));
        }
    }
    for field in &contract.partitions {
        if let Derivation::Copy { from } = field.derivation
            && let Some(values) = batch.columns().get(from)
        {
            let fits = |text: &str| fits_a_folder(&field.name, text, contract.partitions.len());
            let fault = |text: &str| RowFault {
                code: "partition_too_long",
                column: Some(contract.columns[from].name.clone()),
                detail: format!(
                    "{:?}... names a partition, and is too long for the name of a folder",
                    text.chars().take(20).collect::<String>()
                ),
            };
            faults.extend(values_that_do_not_fit(values, &fits, &fault));
        }
    }
    faults
}

/// Where a batch lacks a value that the contract requires.
fn missing_values(contract: &Contract, batch: &RecordBatch) -> Vec<(RowFault, BooleanBuffer)> {
    let mut faults = Vec::new();
    for (column, values) in contract.columns.iter().zip(batch.columns()) {
        if column.nullable || values.null_count() == 0 {
            continue;
        }
        let missing = values
            .logical_nulls()
            .map_or_else(|| BooleanBuffer::new_unset(values.len()), |nulls: NullBuffer| !nulls.inner());
        let code = if column.role == Role::Key { "key_null" } else { "required_null" };
        let fault = RowFault {
            code,
            column: Some(column.name.clone()),
            detail: "is missing, the contract requires it".into(),
        };
        faults.push((fault, BooleanArray::new(missing, None).values().clone()));
    }
    faults
}

/// One fault for each value that is not on the column's list.
fn unlisted_values(column: &Column, values: &ArrayRef) -> Vec<(RowFault, BooleanBuffer)> {
    let listed = |text: &str| column.allowed_values.iter().any(|allowed| allowed == text);
    let fault = |text: &str| RowFault {
        code: "value_not_listed",
        column: Some(column.name.clone()),
        detail: format!("{text:?} is none of {}", column.allowed_values.join(", ")),
    };
    values_that_do_not_fit(values, &listed, &fault)
}

/// One fault for each text that does not fit. Values are looked at once where they are dictionary-coded; what is no text fits.
fn values_that_do_not_fit(
    values: &ArrayRef,
    fits: &dyn Fn(&str) -> bool,
    fault: &dyn Fn(&str) -> RowFault,
) -> Vec<(RowFault, BooleanBuffer)> {
    let mut faults = Vec::new();
    if let Some(coded) = values.as_any().downcast_ref::<arrow::array::DictionaryArray<Int32Type>>() {
        let Some(texts) = coded.values().as_string_opt::<i32>() else { return faults };
        for (code, text) in texts.iter().enumerate() {
            let Some(text) = text.filter(|text| !fits(text)) else { continue };
            let rows: BooleanBuffer =
                coded.keys().iter().map(|key| key.is_some_and(|key| key as usize == code)).collect();
            // The dictionary may hold values of rows that were refused or lie in another batch.
            if rows.count_set_bits() > 0 {
                faults.push((fault(text), rows));
            }
        }
    } else if let Some(texts) = values.as_string_opt::<i32>() {
        let mut unlisted: Vec<&str> = texts.iter().flatten().filter(|text| !fits(text)).collect();
        unlisted.sort_unstable();
        unlisted.dedup();
        for text in unlisted {
            faults.push((fault(text), texts.iter().map(|value| value == Some(text)).collect()));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Contracts;
    use crate::table::RowDecoder;

    fn faults(dataset: &str, lines: &[&str]) -> Vec<String> {
        let contract = Arc::clone(&Contracts::built_in().unwrap().get(dataset).unwrap().contract);
        let mut decoder = RowDecoder::new(Arc::clone(&contract));
        lines.iter().for_each(|line| decoder.push(line).unwrap());
        unfit_values(&contract, &decoder.take_batch().unwrap())
            .into_iter()
            .map(|(fault, rows)| {
                let rows: Vec<usize> = rows.set_indices().collect();
                format!("{} {} {rows:?}", fault.code, fault.column.unwrap_or_default())
            })
            .collect()
    }

    #[test]
    fn missing_values_and_unlisted_ones_are_found_by_column() {
        let found = faults(
            "dividends",
            &[
                r#"{"provider":"a","dividend_type":"cash","ex_date":"2024-01-02"}"#,
                r#"{"provider":null,"dividend_type":"XX","ex_date":"2024-01-02"}"#,
                r#"{"provider":"a","dividend_type":"jcp","ex_date":"2024-01-02"}"#,
                r#"{"provider":"a","dividend_type":"XX","ex_date":"2024-01-02"}"#,
            ],
        );
        assert!(found.contains(&"key_null provider [1]".to_owned()), "{found:?}");
        assert_eq!(found.last().unwrap(), "value_not_listed dividend_type [1, 3]");
    }
}

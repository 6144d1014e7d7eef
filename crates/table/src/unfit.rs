//! What a contract demands of a batch's values beyond their types: that they are there, that they are on a list, and that they
//! can name a partition.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::Int32Type;

use super::partition::unfit_text;
use super::row_fault::{RowFault, shortened};
use quotelake_contract::{Column, Contract, Derivation, PartitionField, Role};

/// Where a batch breaks its contract: for each fault the rows (set bits) that have it. Missing values first, then values
/// that are not on their column's list, then texts that can be no partition's value.
pub fn unfit_values(contract: &Contract, batch: &RecordBatch) -> Vec<(RowFault, BooleanBuffer)> {
    let mut faults = missing_values(contract, batch);
    for (column, values) in contract.columns.iter().zip(batch.columns()) {
        if !column.allowed_values.is_empty() && !column.informational {
            faults.extend(unlisted_values(column, values));
        }
    }
    for field in &contract.partitions {
        let from = field.derivation.from();
        if matches!(field.derivation, Derivation::Copy { .. }) {
            faults.extend(values_of_no_partition(contract, field, batch.column(from)));
        }
    }
    faults
}

/// Texts that can be no value of a partition column.
fn values_of_no_partition(
    contract: &Contract,
    field: &PartitionField,
    values: &ArrayRef,
) -> Vec<(RowFault, BooleanBuffer)> {
    let column = &contract.columns[field.derivation.from()];
    faults_of_texts(values, |text| {
        let detail = unfit_text(contract, field, text)?;
        Some(RowFault { code: "partition_value", column: Some(column.name.clone()), detail })
    })
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
    faults_of_texts(values, |text| {
        let listed = column.allowed_values.iter().any(|allowed| allowed == text);
        (!listed).then(|| RowFault {
            code: "value_not_listed",
            column: Some(column.name.clone()),
            detail: format!("{:?} is none of {}", shortened(text), column.allowed_values.join(", ")),
        })
    })
}

/// The faults of a column of texts, one for each text that has one, with its rows; none for other columns. Values are looked at
/// once where they are dictionary-coded.
fn faults_of_texts(
    values: &ArrayRef,
    fault_of: impl Fn(&str) -> Option<RowFault>,
) -> Vec<(RowFault, BooleanBuffer)> {
    let mut faults = Vec::new();
    if let Some(coded) = values.as_any().downcast_ref::<arrow::array::DictionaryArray<Int32Type>>() {
        let Some(texts) = coded.values().as_string_opt::<i32>() else { return faults };
        for (code, text) in texts.iter().enumerate() {
            let Some(fault) = text.and_then(&fault_of) else { continue };
            let rows: BooleanBuffer =
                coded.keys().iter().map(|key| key.is_some_and(|key| key as usize == code)).collect();
            // The dictionary may hold values of rows that were refused or lie in another batch.
            if rows.count_set_bits() > 0 {
                faults.push((fault, rows));
            }
        }
    } else if let Some(texts) = values.as_string_opt::<i32>() {
        let mut unfit: Vec<(&str, RowFault)> =
            texts.iter().flatten().filter_map(|text| Some((text, fault_of(text)?))).collect();
        unfit.sort_unstable_by_key(|(text, _)| *text);
        unfit.dedup_by_key(|(text, _)| *text);
        for (text, fault) in unfit {
            faults.push((fault, texts.iter().map(|value| value == Some(text)).collect()));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::RowDecoder;
    use quotelake_contract::Contracts;

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

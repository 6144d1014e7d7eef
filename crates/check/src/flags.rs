//! What is remarkable about the rows that go on: short names in the contract's column of flags.
//!
//! A rule that only reports (`warn`, `info`) and carries a label `flag` gives that name to the rows that break it; a value of
//! an informational column that did not fit, or was refused, gives `<column>_refused`. The names of a row are in
//! alphabetical order with commas between, as one text: every engine filters it with LIKE, splits it where it has lists, and
//! reads it from a file that is years older.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, DictionaryArray, PrimitiveArray, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::Int32Type;
use dqdl::{PlannedRule, Report};
use quotelake_contract::Contract;
use quotelake_core::Result;

use crate::data_set::{DataSet, quarantines};
use crate::window_rows::WindowRows;

/// The label of a rule that names the flag.
const LABEL: &str = "flag";

/// The flags of rows, by window and row.
#[derive(Debug, Default)]
pub(crate) struct Flags(BTreeMap<(usize, usize), BTreeSet<String>>);

impl Flags {
    /// Everything that is remarkable about the rows that stay.
    pub(crate) fn of(
        contract: &Contract,
        windows: &[WindowRows],
        data: &DataSet<'_>,
        report: &Report,
        stays: &[BooleanBuffer],
    ) -> Self {
        let mut flags = Self::default();
        if contract.flags().is_none() {
            return flags;
        }
        let stays_at = |window: usize, row: usize| stays[window].value(row);
        for (window, rows) in windows.iter().enumerate() {
            for misfit in rows.misfits.iter().filter(|misfit| stays_at(window, misfit.row)) {
                let column = &contract.columns[misfit.column].name;
                flags.add(window, misfit.row, format!("{column}_refused"));
            }
        }
        for (rule, masks) in data.masked() {
            let Some(flag) = flag_of(rule) else { continue };
            for (window, failed) in masks.iter().enumerate() {
                let Some(failed) = failed else { continue };
                for row in (*failed & &stays[window]).set_indices() {
                    flags.add(window, row, flag.to_owned());
                }
            }
        }
        for failure in &report.late_failures {
            let flag = data.rule(failure.rule).and_then(flag_of);
            if let Some(flag) = flag.filter(|_| stays_at(failure.batch, failure.row)) {
                flags.add(failure.batch, failure.row, flag.to_owned());
            }
        }
        flags
    }

    fn add(&mut self, window: usize, row: usize, flag: String) {
        self.0.entry((window, row)).or_default().insert(flag);
    }

    /// How many of the rows that stay have each flag.
    pub(crate) fn counts(&self, stays: &[BooleanBuffer]) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for ((window, row), flags) in &self.0 {
            if stays[*window].value(*row) {
                flags.iter().for_each(|flag| *counts.entry(flag.clone()).or_default() += 1);
            }
        }
        counts
    }

    /// The windows with their rows' flags, which share one dictionary.
    pub(crate) fn write(&self, contract: &Contract, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        let (Some(index), false) = (contract.flags(), self.0.is_empty()) else { return Ok(batches) };
        let (mut codes, mut texts): (HashMap<String, i32>, Vec<String>) = (HashMap::new(), Vec::new());
        let mut keys: Vec<Vec<Option<i32>>> =
            batches.iter().map(|batch| vec![None; batch.num_rows()]).collect();
        for ((window, row), flags) in &self.0 {
            let text = flags.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            let next = texts.len() as i32;
            let code = *codes.entry(text.clone()).or_insert(next);
            if code == next {
                texts.push(text);
            }
            keys[*window][*row] = Some(code);
        }
        let texts = Arc::new(StringArray::from(texts));
        let mut written = Vec::with_capacity(batches.len());
        for (batch, keys) in batches.into_iter().zip(keys) {
            let keys = PrimitiveArray::<Int32Type>::from(keys);
            let texts = Arc::<StringArray>::clone(&texts);
            let column: ArrayRef = Arc::new(DictionaryArray::try_new(keys, texts)?);
            let mut columns = batch.columns().to_vec();
            let schema = batch.schema();
            let wanted = schema.field(index).data_type();
            columns[index] = if column.data_type() == wanted { column } else { cast(&column, wanted)? };
            written.push(RecordBatch::try_new(schema, columns)?);
        }
        Ok(written)
    }
}

/// The flag that a rule gives to rows that break it: none of a rule that quarantines them.
pub fn flag_of(rule: &PlannedRule) -> Option<&str> {
    rule.labels.get(LABEL).map(String::as_str).filter(|flag| !flag.is_empty() && !quarantines(rule))
}

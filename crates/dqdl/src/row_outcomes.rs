//! What every row passed, failed and skipped, in the four columns that Glue appends to a data set.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::{BooleanBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

use crate::check::RowLevel;
use crate::masks::RowMasks;
use crate::options::FilteredRows;
use crate::plan::Plan;
use crate::report::Report;

/// The outcomes of the rows of one batch.
#[derive(Debug, Clone)]
pub struct RowOutcomes {
    rows: usize,
    rules: Vec<RuleRows>,
}

#[derive(Debug, Clone)]
struct RuleRows {
    text: String,
    /// `None` when the rule does not judge rows: all skip.
    failed: Option<BooleanBuffer>,
    skipped: Option<BooleanBuffer>,
}

/// How a row fared under one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowOutcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It was not judged: the rule is about the data set, or could not be evaluated, or `where` left the row out and
    /// such rows are labelled so.
    Skipped,
}

impl Plan {
    /// The outcomes of the rows of batch number `batch` (the ordinal of its `observe` call), once the report is there.
    pub fn row_outcomes(&self, masks: &RowMasks, batch: usize, report: &Report) -> RowOutcomes {
        let filtered_pass = self.inner.filtered_rows == FilteredRows::Passed;
        let rules = self.rules().iter().enumerate().map(|(index, rule)| {
            let judged = report.results.get(index).is_some_and(|result| result.row_level);
            let failed = match rule.rows {
                RowLevel::Immediate if judged => masks.failed(index).cloned(),
                RowLevel::Late if judged => {
                    let mut bits = vec![false; masks.len()];
                    // They are sorted by rule, batch and row.
                    let from =
                        report.late_failures.partition_point(|late| (late.rule, late.batch) < (index, batch));
                    let late = report.late_failures.iter().skip(from);
                    for late in late.take_while(|late| (late.rule, late.batch) == (index, batch)) {
                        if let Some(bit) = bits.get_mut(late.row) {
                            *bit = true;
                        }
                    }
                    Some(BooleanBuffer::from(bits))
                }
                _ => None,
            };
            let skipped = if filtered_pass { None } else { masks.skipped(index).cloned() };
            RuleRows { text: rule.description.clone(), failed, skipped }
        });
        RowOutcomes { rows: masks.len(), rules: rules.collect() }
    }
}

impl RowOutcomes {
    /// The names of the four columns.
    pub const COLUMNS: [&str; 4] = [
        "DataQualityRulesPass",
        "DataQualityRulesFail",
        "DataQualityRulesSkip",
        "DataQualityEvaluationResult",
    ];

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// How `row` fared under rule `rule`; a row that is not there was skipped.
    pub fn of(&self, rule: usize, row: usize) -> RowOutcome {
        let set = |bits: &BooleanBuffer| row < bits.len() && bits.value(row);
        match self.rules.get(rule) {
            Some(RuleRows { failed: Some(failed), .. }) if set(failed) => RowOutcome::Failed,
            Some(RuleRows { failed: Some(_), skipped, .. }) if !skipped.as_ref().is_some_and(set) => {
                RowOutcome::Passed
            }
            _ => RowOutcome::Skipped,
        }
    }

    /// The columns of [`Self::COLUMNS`]: three lists of rule texts (dictionary-coded, since rows share them), and `Passed` or
    /// `Failed` (when a rule failed).
    ///
    /// # Errors
    ///
    /// More rules than a list's offsets can count for this many rows.
    pub fn to_columns(&self) -> Result<[ArrayRef; 4], ArrowError> {
        let patterns = Patterns::of(self);
        let texts: ArrayRef =
            Arc::new(StringArray::from_iter_values(self.rules.iter().map(|rule| &rule.text)));
        let list = |wanted: RowOutcome| patterns.list(wanted, &texts);
        let failed: Vec<bool> =
            patterns.outcomes.iter().map(|outcomes| outcomes.contains(&RowOutcome::Failed)).collect();
        let results =
            patterns.of_row.iter().map(|pattern| if failed[*pattern as usize] { "Failed" } else { "Passed" });
        Ok([
            list(RowOutcome::Passed)?,
            list(RowOutcome::Failed)?,
            list(RowOutcome::Skipped)?,
            Arc::new(StringArray::from_iter_values(results)),
        ])
    }

    /// `batch` with the four columns appended.
    ///
    /// # Errors
    ///
    /// A batch of another length, or more rules than lists can hold.
    pub fn append_to(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        for (name, column) in Self::COLUMNS.iter().zip(self.to_columns()?) {
            fields.push(Arc::new(Field::new(*name, column.data_type().clone(), true)));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

/// The distinct ways in which rows fared: most rows pass everything, so there are few.
#[derive(Debug)]
struct Patterns {
    /// The pattern of each row.
    of_row: Vec<u32>,
    /// For each pattern, how its rows fared under every rule.
    outcomes: Vec<Vec<RowOutcome>>,
}

impl Patterns {
    fn of(rows: &RowOutcomes) -> Self {
        let mut this = Self { of_row: vec![0; rows.rows], outcomes: vec![Vec::new()] };
        for (at, rule) in rows.rules.iter().enumerate() {
            let Some(failed) = &rule.failed else {
                this.outcomes.iter_mut().for_each(|outcomes| outcomes.push(RowOutcome::Skipped));
                continue;
            };
            let usual = RowOutcome::Passed;
            this.outcomes.iter_mut().for_each(|outcomes| outcomes.push(usual));
            // Only rows that fared otherwise than usual get another pattern.
            let mut split: HashMap<(u32, RowOutcome), u32> = HashMap::new();
            let odd = match &rule.skipped {
                Some(skipped) => failed | skipped,
                None => failed.clone(),
            };
            for row in odd.set_indices().take_while(|row| *row < rows.rows) {
                let outcome = rows.of(at, row);
                if outcome == usual {
                    continue;
                }
                let before = this.of_row[row];
                let outcomes = &mut this.outcomes;
                this.of_row[row] = *split.entry((before, outcome)).or_insert_with(|| {
                    let mut pattern = outcomes[before as usize].clone();
                    pattern[at] = outcome;
                    outcomes.push(pattern);
                    // Rows are fewer than 2^32, and so are their patterns.
                    (outcomes.len() - 1) as u32
                });
            }
        }
        this
    }

    /// For each row, the rules under which it fared so.
    fn list(&self, wanted: RowOutcome, texts: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let rules: Vec<Vec<i32>> = self
            .outcomes
            .iter()
            .map(|outcomes| {
                let found = outcomes.iter().zip(0..).filter(|(outcome, _)| **outcome == wanted);
                found.map(|(_, rule)| rule).collect()
            })
            .collect();
        let lengths = self.of_row.iter().map(|pattern| rules[*pattern as usize].len());
        let total: usize = lengths.clone().sum();
        if i32::try_from(total).is_err() {
            return Err(ArrowError::InvalidArgumentError(format!("a list of {total} rules is too long")));
        }
        let mut keys = Vec::with_capacity(total);
        self.of_row.iter().for_each(|pattern| keys.extend_from_slice(&rules[*pattern as usize]));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let values = DictionaryArray::try_new(Int32Array::from(keys), Arc::clone(texts))?;
        let item = Arc::new(Field::new("item", values.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(values), None)?))
    }
}

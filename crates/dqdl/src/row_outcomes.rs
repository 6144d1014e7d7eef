//! What every row passed, failed and skipped, in the four columns that Glue appends to a data set.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListBuilder, RecordBatch, StringArray, StringBuilder};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

use crate::masks::RowMasks;
use crate::plan::{FilteredRows, Plan, RowLevel};
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// The columns of [`Self::COLUMNS`]: three lists of rule texts, and `Passed` or `Failed` (when a rule failed).
    pub fn to_columns(&self) -> [ArrayRef; 4] {
        let list = |wanted: RowOutcome| -> ArrayRef {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for row in 0..self.rows {
                for (at, rule) in self.rules.iter().enumerate() {
                    if self.of(at, row) == wanted {
                        lists.values().append_value(&rule.text);
                    }
                }
                lists.append(true);
            }
            Arc::new(lists.finish())
        };
        let failed = |row: usize| (0..self.rules.len()).any(|rule| self.of(rule, row) == RowOutcome::Failed);
        let results = (0..self.rows).map(|row| if failed(row) { "Failed" } else { "Passed" });
        [
            list(RowOutcome::Passed),
            list(RowOutcome::Failed),
            list(RowOutcome::Skipped),
            Arc::new(StringArray::from_iter_values(results)),
        ]
    }

    /// `batch` with the four columns appended.
    ///
    /// # Errors
    ///
    /// A batch of another length.
    pub fn append_to(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut fields: Vec<Arc<Field>> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        for (name, column) in Self::COLUMNS.iter().zip(self.to_columns()) {
            fields.push(Arc::new(Field::new(*name, column.data_type().clone(), true)));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}

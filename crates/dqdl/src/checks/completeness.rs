//! Completeness and IsComplete: values that are not NULL / rows for which `where` is TRUE.
//!
//! An empty text and a NaN are values. A row fails when its value is NULL.

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use crate::check::{Accumulator, Check, Goal, Input, Measurement, Refusal, RowLevel, Totals, Verdict};
use crate::column::{Column, valid_bits};
use crate::metric_names::metric_name;

#[derive(Debug, Clone)]
struct Completeness {
    column: Column,
    goal: Goal,
    /// Rows with a value.
    present: u64,
}

pub(super) fn compile(column: Column, goal: Goal) -> Result<Box<dyn Check>, Refusal> {
    Ok(Box::new(Completeness { column, goal, present: 0 }))
}

impl Check for Completeness {
    fn row_level(&self) -> RowLevel {
        RowLevel::Immediate
    }

    fn is_tolerant(&self) -> bool {
        self.goal.is_tolerant()
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        let array = &*self.column.of(batch)?;
        Ok(Some(match valid_bits(array) {
            Some(valid) => !&valid,
            None => BooleanBuffer::new_unset(array.len()),
        }))
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for Completeness {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        let valid = valid_bits(&*self.column.of(input.batch)?);
        self.present += input.rows.and(valid.as_ref()).count() as u64;
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let name = metric_name(&[&self.column.name], "Completeness");
        let (present, rows) = (self.present, totals.considered());
        let mut measurement = Measurement::of(name, present as f64 / rows as f64, &self.goal);
        if let Verdict::Fail(message) = &mut measurement.verdict {
            message.push_str(&format!(" {} of {rows} rows have no value", rows - present));
        }
        measurement
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome::{Fail, Pass};
    use crate::testing::{assert_metric, assert_rows};

    #[test]
    fn empty_texts_and_nan_are_values() {
        assert_rows(r#"IsComplete "key""#, &[]);
        for column in ["count", "price", "ratio", "symbol", "note", "day", "at", "flag"] {
            assert_rows(&format!("IsComplete \"{column}\""), &[3]);
        }
        let metric = "Column.note.Completeness";
        assert_metric(r#"Completeness "note" >= 0.8"#, metric, 0.8, Pass);
        assert_metric(r#"Completeness "note" > 0.8"#, metric, 0.8, Fail);
        let filtered = r#"Completeness "note" = 1.0 where "flag""#;
        assert_metric(filtered, metric, 1.0, Pass);
    }
}

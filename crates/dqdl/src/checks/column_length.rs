//! ColumnLength: the length of each text, in characters; NULL has length 0.
//!
//! A row fails when its length does not satisfy the condition; the rule passes when no row fails. Metrics:
//! `MinimumLength`, `MaximumLength` and `LengthCompliance` (rows that pass / rows for which `where` is TRUE).

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use super::first;
use super::offenders::{Offenders, Telling, shown};
use crate::ast::{Condition, Parameter};
use crate::check::{Accumulator, Check, Context, Goal, Input, Measurement, Refusal, RowLevel, Totals};
use crate::column::{Column, Texts, is_text, spoken};
use crate::metric_names::metric_name;
use crate::number::MetricTest;

#[derive(Debug, Clone)]
struct ColumnLength {
    column: Column,
    /// `None` for an analyzer.
    test: Option<MetricTest>,
    range: Option<(i64, i64)>,
    offenders: Offenders,
}

pub(super) fn compile(
    parameters: &[Parameter],
    condition: Option<&Condition>,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    let column = context.column(first(parameters)?)?;
    if !is_text(&column.data_type) {
        return Err(Refusal::Error(format!(
            "ColumnLength needs a text column, and {} is {}",
            column.name,
            spoken(&column.data_type)
        )));
    }
    let test = match condition {
        None => None,
        Some(Condition::Number(test)) => Some(MetricTest::new(test)?),
        Some(other) => return Err(Refusal::Error(format!("`{other}` is not about a length"))),
    };
    Ok(Box::new(ColumnLength { column, test, range: None, offenders: Offenders::default() }))
}

impl Check for ColumnLength {
    fn row_level(&self) -> RowLevel {
        match self.test {
            Some(_) => RowLevel::Immediate,
            None => RowLevel::No,
        }
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        let Some(test) = &self.test else {
            return Ok(None);
        };
        let lengths = Texts::read(&*self.column.of(batch)?)?.lengths();
        Ok(Some(lengths.iter().map(|length| !test.holds(*length as f64)).collect()))
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for ColumnLength {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        let array = &*self.column.of(input.batch)?;
        let lengths = Texts::read(array)?.lengths();
        self.offenders.see(input.failing.as_ref(), |row| {
            let length = lengths.get(row).copied().unwrap_or(0);
            format!("length {length} of {}", shown(array, row))
        });
        input.rows.for_each(|row| {
            let length = lengths.get(row).copied().unwrap_or(0);
            let (low, high) = self.range.unwrap_or((length, length));
            self.range = Some((low.min(length), high.max(length)));
        });
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let name = |metric: &str| metric_name(&[&self.column.name], metric);
        let mut metrics = Vec::new();
        if let Some((low, high)) = self.range {
            metrics.push((name("MinimumLength"), low as f64));
            metrics.push((name("MaximumLength"), high as f64));
        }
        let goal = match self.test {
            Some(_) => {
                metrics.push((name("LengthCompliance"), totals.compliance()));
                Goal::Whole
            }
            None => Goal::Record,
        };
        Measurement::new(metrics, self.offenders.judge(&goal, totals, Telling::Both))
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome;
    use crate::testing::{assert_metric, assert_outcome, assert_rows, batch};

    #[test]
    fn null_has_length_zero_and_characters_count() {
        assert_rows(r#"ColumnLength "note" < 4"#, &[4]);
        assert_rows(r#"ColumnLength "note" > 0"#, &[1, 3]);
        assert_rows(r#"ColumnLength "note" in [0, 2, 3, 4]"#, &[]);
        assert_rows(r#"ColumnLength "symbol" between 3 and 5"#, &[3, 4]);
        let metric = "Column.note.MaximumLength";
        assert_metric(r#"ColumnLength "note" <= 4"#, metric, 4.0, Outcome::Pass);
        let metric = "Column.note.LengthCompliance";
        assert_metric(r#"ColumnLength "note" != 4"#, metric, 0.8, Outcome::Fail);
        let message = "needs a text column";
        assert_outcome(r#"ColumnLength "count" > 1"#, &batch(), Outcome::Error, message);
    }
}

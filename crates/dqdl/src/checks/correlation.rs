//! ColumnCorrelation: Pearson's coefficient of two numeric columns.
//!
//! Over the rows for which `where` is TRUE and both values are neither NULL nor NaN, in one pass (Welford's method for
//! covariance). Without such rows, or when a column does not vary, the rule fails.

use crate::ast::Parameter;
use crate::check::{Accumulator, Check, Context, Goal, Input, Measurement, Refusal, Totals, Verdict};
use crate::column::{Column, Measure, Numbers, spoken};
use crate::metric_names::metric_name;

#[derive(Debug, Clone)]
struct Correlation {
    columns: [Column; 2],
    goal: Goal,
    count: f64,
    mean: [f64; 2],
    squares: [f64; 2],
    products: f64,
}

pub(super) fn compile(
    parameters: &[Parameter],
    goal: Goal,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    let [left, right] = parameters else {
        return Err(Refusal::Error("ColumnCorrelation takes two columns".to_owned()));
    };
    let columns = [context.column(&left.value)?, context.column(&right.value)?];
    if let Some(column) =
        columns.iter().find(|column| !Measure::of(&column.data_type).is_some_and(Measure::is_number))
    {
        return Err(Refusal::Error(format!(
            "ColumnCorrelation needs numeric columns, and {} is {}",
            column.name,
            spoken(&column.data_type)
        )));
    }
    Ok(Box::new(Correlation { columns, goal, count: 0.0, mean: [0.0; 2], squares: [0.0; 2], products: 0.0 }))
}

impl Check for Correlation {
    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for Correlation {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        let [left, right] = &self.columns;
        let left = Numbers::read(&*left.of(input.batch)?)?;
        let right = Numbers::read(&*right.of(input.batch)?)?;
        let rows = input.rows.and(left.valid.as_ref()).and(right.valid.as_ref());
        let mut pairs = Vec::with_capacity(rows.count());
        left.for_each(&rows, |value| pairs.push((value, 0.0)));
        let mut pair = pairs.iter_mut();
        right.for_each(&rows, |value| {
            if let Some(pair) = pair.next() {
                pair.1 = value;
            }
        });
        for (x, y) in pairs {
            self.add(x, y);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _totals: &Totals) -> Measurement {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let value = self.products / (self.squares[0] * self.squares[1]).sqrt();
        if self.count == 0.0 || !value.is_finite() {
            let message = format!("Columns {} have no correlation", names.join(","));
            return Measurement::new([], Verdict::Fail(message));
        }
        // Rounding must not leave the range.
        Measurement::of(metric_name(&names, "ColumnCorrelation"), value.clamp(-1.0, 1.0), &self.goal)
    }
}

impl Correlation {
    fn add(&mut self, x: f64, y: f64) {
        self.count += 1.0;
        let (dx, dy) = (x - self.mean[0], y - self.mean[1]);
        self.mean[0] += dx / self.count;
        self.mean[1] += dy / self.count;
        self.squares[0] += dx * (x - self.mean[0]);
        self.squares[1] += dy * (y - self.mean[1]);
        self.products += dx * (y - self.mean[1]);
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome::{Error, Fail, Pass};
    use crate::testing::{assert_metric, assert_outcome, batch};

    #[test]
    fn pairs_without_null_correlate() {
        let metric = "Multicolumn.count,key.ColumnCorrelation";
        // (1, 1) (2, 2) (3, 2) (4, 4)
        let expected = 4.5 / (5.0_f64 * 4.75).sqrt();
        assert_metric(r#"ColumnCorrelation "count" "key" > 0.9"#, metric, expected, Pass);
        let metric = "Multicolumn.count,count.ColumnCorrelation";
        assert_metric(r#"ColumnCorrelation "count" "count" < 1"#, metric, 1.0, Fail);
        let still = r#"ColumnCorrelation "count" "key" > 0 where "count = 1""#;
        assert_outcome(still, &batch(), Fail, "have no correlation");
        let text = r#"ColumnCorrelation "count" "note" > 0"#;
        assert_outcome(text, &batch(), Error, "needs numeric columns");
    }
}

//! Mean, Sum, StandardDeviation and Variance of a numeric column.
//!
//! Over the values that are neither NULL nor NaN of the rows for which `where` is TRUE. Deviation and variance are those
//! of the population (divided by n). Integer and decimal sums are exact; floating point sums are compensated (Neumaier),
//! variances are by Welford's method. Without a value the rule fails.

use crate::check::{Accumulator, Check, Goal, Input, Measurement, Refusal, Totals, Verdict};
use crate::column::{Column, Measure, Numbers, spoken};
use crate::metric_names::metric_name;
use crate::rule_types::RuleType;
use crate::summation::Summation;

#[derive(Debug, Clone)]
struct Statistic {
    column: Column,
    rule_type: RuleType,
    goal: Goal,
    total: Summation,
    count: u64,
    mean: f64,
    squares: f64,
}

pub(super) fn compile(rule_type: RuleType, column: Column, goal: Goal) -> Result<Box<dyn Check>, Refusal> {
    if !Measure::of(&column.data_type).is_some_and(Measure::is_number) {
        return Err(Refusal::Error(format!(
            "{rule_type} needs a numeric column, and {} is {}",
            column.name,
            spoken(&column.data_type)
        )));
    }
    Ok(Box::new(Statistic {
        column,
        rule_type,
        goal,
        total: Summation::default(),
        count: 0,
        mean: 0.0,
        squares: 0.0,
    }))
}

impl Check for Statistic {
    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for Statistic {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        let numbers = Numbers::read(&*self.column.of(input.batch)?)?;
        match self.rule_type {
            RuleType::StandardDeviation | RuleType::Variance => {
                numbers.for_each(&input.rows, |value| self.spread(value));
            }
            _ => self.total.add(&numbers, &input.rows),
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _totals: &Totals) -> Measurement {
        let count = self.count + self.total.count();
        if count == 0 {
            let message = format!("Column {} has no values", self.column.name);
            return Measurement::new([], Verdict::Fail(message));
        }
        let (count, sum) = (count as f64, self.total.value());
        let value = match self.rule_type {
            RuleType::Sum => sum,
            RuleType::Mean => sum / count,
            RuleType::Variance => self.squares / count,
            _ => (self.squares / count).sqrt(),
        };
        let name = metric_name(&[&self.column.name], self.rule_type.name());
        Measurement::of(name, value, &self.goal)
    }
}

impl Statistic {
    fn spread(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome::{Error, Fail, Pass};
    use crate::testing::{assert_metric, assert_outcome, batch};

    #[test]
    fn null_and_nan_are_left_out() {
        assert_metric(r#"Sum "count" = 10"#, "Column.count.Sum", 10.0, Pass);
        assert_metric(r#"Mean "count" = 2.5"#, "Column.count.Mean", 2.5, Pass);
        assert_metric(r#"Variance "count" = 1.25"#, "Column.count.Variance", 1.25, Pass);
        let deviation = "Column.count.StandardDeviation";
        assert_metric(r#"StandardDeviation "count" < 1"#, deviation, 1.25_f64.sqrt(), Fail);
        assert_metric(r#"Sum "price" = 0.20000001"#, "Column.price.Sum", 0.200_000_01, Pass);
        assert_metric(r#"Mean "ratio" > 0"#, "Column.ratio.Mean", 2.0 / 3.0, Pass);
        let filtered = r#"Sum "value" = 0.3 where "value > 0.01""#;
        assert_metric(filtered, "Column.value.Sum", 0.3, Pass);
        assert_metric(r#"Sum "flag" = 3"#, "Column.flag.Sum", 3.0, Pass);
    }

    #[test]
    fn without_a_number_there_is_no_statistic() {
        let empty = r#"Mean "count" > 0 where "count is null""#;
        assert_outcome(empty, &batch(), Fail, "has no values");
        assert_outcome(r#"Mean "note" > 0"#, &batch(), Error, "needs a numeric column");
    }
}

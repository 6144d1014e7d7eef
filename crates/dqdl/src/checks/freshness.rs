//! DataFreshness: the age of each value, now minus the value.
//!
//! Ages are compared in hours of two decimals, so in steps of 36 seconds; operands are rounded alike. A value of the
//! future has a negative age and passes `<=`. A row fails when its value is NULL, or its age does not satisfy the
//! condition. The metric is rows that pass / rows for which `where` is TRUE, and must be 1.0. A date is its midnight in UTC;
//! a text is read as a date or timestamp, and is NULL when it is none.

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::first;
use super::offenders::{Offenders, Telling, shown};
use crate::ast::{self, Condition, Duration, Test, TimeUnit};
use crate::check::{Accumulator, Check, Context, Goal, Input, Measurement, Refusal, RowLevel, Totals};
use crate::column::{Column, Measure, Numbers, Texts, Values, is_text, spoken};
use crate::metric_names::metric_name;
use crate::sql::parse_instant;

/// The hundredth of an hour.
const STEP_NANOS: i128 = 36_000_000_000;

#[derive(Debug, Clone)]
struct Freshness {
    column: Column,
    /// Nanoseconds since 1970-01-01 UTC.
    now: i128,
    /// Operands in steps.
    test: Test<i128>,
    offenders: Offenders,
}

pub(super) fn compile(check: &ast::Check, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let column = context.column(first(&check.parameters)?)?;
    let instants = matches!(Measure::of(&column.data_type), Some(Measure::Instant { .. }));
    if !instants && !is_text(&column.data_type) {
        return Err(Refusal::Error(format!(
            "DataFreshness needs dates or timestamps, and {} is {}",
            column.name,
            spoken(&column.data_type)
        )));
    }
    let Some(Condition::Duration(test)) = &check.condition else {
        return Err(Refusal::Error("DataFreshness needs a condition on an age".to_owned()));
    };
    let now = i128::from(context.instant.timestamp()) * 1_000_000_000
        + i128::from(context.instant.timestamp_subsec_nanos());
    Ok(Box::new(Freshness { column, now, test: steps(test), offenders: Offenders::default() }))
}

fn steps(test: &Test<Duration>) -> Test<i128> {
    let step = |Duration { amount, unit }: &Duration| {
        let minutes: i128 = match unit {
            TimeUnit::Days => 24 * 60,
            TimeUnit::Hours => 60,
            TimeUnit::Minutes => 1,
        };
        rounded(i128::from(*amount) * minutes * 60_000_000_000)
    };
    match test {
        Test::Compare(operator, operand) => Test::Compare(*operator, step(operand)),
        Test::Between { negated, low, high } => {
            Test::Between { negated: *negated, low: step(low), high: step(high) }
        }
        Test::In { negated, values } => {
            Test::In { negated: *negated, values: values.iter().map(step).collect() }
        }
    }
}

/// Nanoseconds to steps, half away from zero.
fn rounded(nanos: i128) -> i128 {
    nanos.signum() * ((nanos.abs() + STEP_NANOS / 2) / STEP_NANOS)
}

impl Freshness {
    fn fails(&self, instant: i128) -> bool {
        let age = rounded(self.now - instant);
        let holds = match &self.test {
            Test::Compare(operator, operand) => operator.accepts(age.cmp(operand)),
            Test::Between { negated: false, low, high } => age > *low && age < *high,
            Test::Between { negated: true, low, high } => age <= *low || age >= *high,
            Test::In { negated, values } => values.contains(&age) != *negated,
        };
        !holds
    }
}

impl Check for Freshness {
    fn row_level(&self) -> RowLevel {
        RowLevel::Immediate
    }

    fn failed_rows(&self, batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        let array = &*self.column.of(batch)?;
        if is_text(array.data_type()) {
            let fresh = |text: &str| parse_instant(text).is_some_and(|instant| !self.fails(instant));
            let (bits, rows) = Texts::read(array)?.test(fresh);
            let passed = rows.and(Some(&bits)).into_bits();
            return Ok(passed.map(|passed| !&passed));
        }
        let Some(Measure::Instant { unit_nanos }) = Measure::of(array.data_type()) else {
            return Err(format!("{} is not a date or timestamp", array.data_type()));
        };
        let (numbers, unit) = (Numbers::read(array)?, i128::from(unit_nanos));
        let valid = |row: usize| numbers.valid.as_ref().is_none_or(|valid| valid.value(row));
        let failed = match &numbers.values {
            Values::I64(values) => BooleanBuffer::collect_bool(values.len(), |row| {
                !valid(row) || self.fails(i128::from(values[row]) * unit)
            }),
            Values::I128(_) | Values::F64(_) => return Err("a date cannot be read".to_owned()),
        };
        Ok(Some(failed))
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for Freshness {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        if input.failing.is_none() {
            return Ok(());
        }
        let (array, now) = (&*self.column.of(input.batch)?, self.now);
        self.offenders.see(input.failing.as_ref(), |row| match instant_at(array, row) {
            Some(instant) => format!("age {} of {}", age(now - instant), shown(array, row)),
            None => shown(array, row),
        });
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let name = metric_name(&[&self.column.name], "DataFreshness.Compliance");
        let verdict = self.offenders.judge(&Goal::Whole, totals, Telling::Both);
        Measurement::new([(name, totals.compliance())], verdict)
    }
}

/// The instant in one row, in nanoseconds since 1970-01-01 UTC.
fn instant_at(array: &ArrayRef, row: usize) -> Option<i128> {
    let one = array.slice(row, 1);
    if is_text(one.data_type()) {
        let Texts::Plain(texts) = Texts::read(&cast(&one, &DataType::Utf8).ok()?).ok()? else { return None };
        return texts.is_valid(0).then(|| parse_instant(texts.value(0))).flatten();
    }
    let Some(Measure::Instant { unit_nanos }) = Measure::of(one.data_type()) else { return None };
    let numbers = Numbers::read(&one).ok()?;
    match &numbers.values {
        Values::I64(values) if numbers.valid.is_none() => {
            values.first().map(|value| i128::from(*value) * i128::from(unit_nanos))
        }
        _ => None,
    }
}

/// `2 days 3 hours`, in the largest units.
fn age(nanos: i128) -> String {
    let minutes = nanos.abs() / 60_000_000_000;
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    let text = match (days, hours) {
        (0, 0) => format!("{rest} minutes"),
        (0, hours) => format!("{hours} hours {rest} minutes"),
        (days, 0) => format!("{days} days"),
        (days, hours) => format!("{days} days {hours} hours"),
    };
    if nanos < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray, TimestampSecondArray};

    use crate::Outcome::{Error, Fail, Pass};
    use crate::testing::{assert_metric, assert_outcome, batch, now, try_rule};

    /// Timestamps so many seconds old.
    fn ages(seconds: &[i64]) -> RecordBatch {
        let at = seconds.iter().map(|age| now().timestamp() - age);
        let at = TimestampSecondArray::from_iter_values(at).with_timezone("UTC");
        RecordBatch::try_from_iter([("t", Arc::new(at) as _)]).unwrap()
    }

    #[test]
    fn null_fails_and_the_future_is_fresh() {
        let metric = "Column.at.DataFreshness.Compliance";
        assert_metric(r#"DataFreshness "at" <= 1 hours"#, metric, 0.6, Fail);
        let rule = r#"DataFreshness "at" <= 1 hours where "at > '2026-01-01'""#;
        assert_metric(rule, metric, 1.0, Pass);
        assert_eq!(try_rule(r#"DataFreshness "at" <= 1 hours"#, &batch()).1, [3, 4]);
        assert_eq!(try_rule(r#"DataFreshness "day" < 24 hours"#, &batch()).1, [1, 3, 4]);
        assert_eq!(try_rule(r#"DataFreshness "note" < 24 hours"#, &batch()).1, [0, 1, 2, 3, 4]);
        assert_outcome(r#"DataFreshness "key" < 2 days"#, &batch(), Error, "needs dates");
    }

    #[test]
    fn ages_have_a_grain_of_36_seconds() {
        let batch = ages(&[600, 610, 619, 640, -600]);
        assert_eq!(try_rule(r#"DataFreshness "t" <= 10 minutes"#, &batch).1, [3]);
        assert_eq!(try_rule(r#"DataFreshness "t" < 10 minutes"#, &batch).1, [0, 1, 2, 3]);
        assert_eq!(try_rule(r#"DataFreshness "t" in [10 minutes, 1 hours]"#, &batch).1, [3, 4]);
        assert_eq!(try_rule(r#"DataFreshness "t" between 0 minutes and 1 hours"#, &batch).1, [4]);
    }

    #[test]
    fn texts_are_read_as_timestamps() {
        let texts = vec![Some("2026-11-20T20:30:30Z"), Some("2026-11-20"), Some("soon"), None];
        let texts = Arc::new(StringArray::from(texts));
        let batch = RecordBatch::try_from_iter([("t", texts as _)]).unwrap();
        assert_eq!(try_rule(r#"DataFreshness "t" < 1 hours"#, &batch).1, [1, 2, 3]);
    }
}

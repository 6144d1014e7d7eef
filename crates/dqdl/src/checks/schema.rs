//! Rules about the data set as a whole: RowCount, ColumnCount, ColumnExists, ColumnNamesMatchPattern.
//!
//! None judges single rows, and all have a value for an empty data set.

use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, Totals, Verdict,
};
use crate::pattern::full_match;

/// A value known from the schema, or the row count.
#[derive(Debug, Clone)]
struct Dataset {
    metric: &'static str,
    /// `None` for the number of rows for which `where` is TRUE.
    value: Option<f64>,
    goal: Goal,
    /// What to say where the goal is missed.
    detail: Option<String>,
}

/// RowCount: rows for which `where` is TRUE; 0 is a value like any other.
pub(super) fn row_count(goal: Goal) -> Box<dyn Check> {
    Box::new(Dataset { metric: "RowCount", value: None, goal, detail: None })
}

/// ColumnCount: columns of the schema.
pub(super) fn column_count(context: &Context<'_>, goal: Goal) -> Box<dyn Check> {
    let value = Some(context.schema.fields().len() as f64);
    Box::new(Dataset { metric: "ColumnCount", value, goal, detail: None })
}

/// ColumnExists: the schema has the column, whatever the case of its name.
pub(super) fn column_exists(name: &str, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    context.column(name)?;
    Ok(Box::new(Dataset { metric: "ColumnExists", value: Some(1.0), goal: Goal::Whole, detail: None }))
}

/// ColumnNamesMatchPattern: the share of column names that match wholly must be 1.0.
pub(super) fn names_match(pattern: &str, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let pattern = full_match(pattern, false)?;
    let fields = context.schema.fields();
    let (matching, others): (Vec<&String>, Vec<&String>) =
        fields.iter().map(|field| field.name()).partition(|name| pattern.is_match(name));
    let others: Vec<&str> = others.into_iter().map(String::as_str).collect();
    Ok(Box::new(Dataset {
        metric: "ColumnNamesPatternMatchRatio",
        value: Some(if fields.is_empty() { 1.0 } else { matching.len() as f64 / fields.len() as f64 }),
        goal: Goal::Whole,
        detail: Some(format!("Columns that do not match the pattern: {}", others.join(", "))),
    }))
}

impl Check for Dataset {
    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Always
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(self.clone())
    }
}

impl Accumulator for Dataset {
    fn observe(&mut self, _input: &Input<'_>) -> Result<(), String> {
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let value = self.value.unwrap_or(totals.considered() as f64);
        let mut measurement = Measurement::of(format!("Dataset.*.{}", self.metric), value, &self.goal);
        if let (Verdict::Fail(message), Some(detail)) = (&mut measurement.verdict, &self.detail) {
            message.push_str(&format!(" {detail}"));
        }
        measurement
    }
}

#[cfg(test)]
mod tests {
    use crate::Outcome::{Error, Fail, Pass};
    use crate::testing::{assert_metric, assert_outcome, batch};

    #[test]
    fn counts_and_names() {
        assert_metric("RowCount = 5", "Dataset.*.RowCount", 5.0, Pass);
        assert_metric(r#"RowCount = 0 where "count > 9""#, "Dataset.*.RowCount", 0.0, Pass);
        assert_metric(r#"RowCount > 2 where "count > 2""#, "Dataset.*.RowCount", 2.0, Fail);
        assert_metric("ColumnCount >= 10", "Dataset.*.ColumnCount", 10.0, Pass);
        assert_metric(r#"ColumnExists "Price""#, "Dataset.*.ColumnExists", 1.0, Pass);
        let ratio = "Dataset.*.ColumnNamesPatternMatchRatio";
        assert_metric(r#"ColumnNamesMatchPattern "[a-z]+""#, ratio, 1.0, Pass);
        assert_metric(r#"ColumnNamesMatchPattern "[a-o].*""#, ratio, 0.6, Fail);
        assert_outcome(r#"ColumnExists "nope""#, &batch(), Fail, "does not include column nope");
    }

    #[test]
    fn an_empty_data_set_has_counts_and_nothing_else() {
        let empty = batch().slice(0, 0);
        assert_outcome("RowCount = 0", &empty, Pass, "");
        assert_outcome("ColumnCount = 10", &empty, Pass, "");
        assert_outcome(r#"DistinctValuesCount "key" = 0"#, &empty, Pass, "");
        for rule in [
            r#"IsComplete "key""#,
            r#"IsUnique "key""#,
            r#"ColumnValues "key" > 0"#,
            r#"ColumnLength "note" > 0"#,
            r#"Mean "count" > 0"#,
            r#"IsComplete "key" where "count > 0""#,
        ] {
            assert_outcome(rule, &empty, Fail, "no rows");
        }
    }

    #[test]
    fn what_is_not_implemented_is_an_error() {
        for rule in ["FileSize < 5 B", r#"FileFreshness "s3://b/k" < 2 days"#, "FileUniqueness > 0.5"] {
            assert_outcome(rule, &batch(), Error, "not supported");
        }
        assert_outcome("RowCount > avg(last(5))", &batch(), Error, "history");
        let bad = r#"RowCount = 0 where "nope > 1""#;
        assert_outcome(bad, &batch(), Error, "there is no column nope");
        let either = r#"(RowCount > 0) or (FileSize < 5 B)"#;
        assert_outcome(either, &batch(), Error, "not supported");
    }
}

//! AllStatistics: the common metrics of a column, or of every column with `AllColumns`.
//!
//! RowCount, then per column Completeness and Uniqueness, of numbers Minimum, Maximum, Mean and StandardDeviation, of
//! texts MinimumLength and MaximumLength. Each is defined where its rule type is.

use super::{column_length, column_values, completeness, first, schema, statistics, uniqueness};
use crate::ast::Parameter;
use crate::check::{
    Accumulator, Check, Context, EmptyPolicy, Goal, Input, Measurement, Refusal, Totals, Verdict,
};
use crate::column::{Measure, is_text};
use crate::rule_types::RuleType;

/// Several checks of which only the metrics matter.
#[derive(Debug)]
struct AllStatistics {
    checks: Vec<Box<dyn Check>>,
}

pub(super) fn compile(parameters: &[Parameter], context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    let wanted = first(parameters)?;
    let names: Vec<String> = match context.column(wanted) {
        Ok(column) => vec![column.name],
        Err(_) if wanted.eq_ignore_ascii_case("AllColumns") => {
            context.schema.fields().iter().map(|field| field.name().clone()).collect()
        }
        Err(refusal) => return Err(refusal),
    };
    let mut checks = vec![schema::row_count(Goal::Record)];
    for name in names {
        let parameters = [Parameter { connector: None, value: name.clone(), quoted: true }];
        let column = context.column(&name)?;
        let data_type = column.data_type.clone();
        checks.push(completeness::compile(column.clone(), Goal::Record)?);
        // Types that cannot be keys have no uniqueness.
        checks.extend(uniqueness::compile(RuleType::Uniqueness, &parameters, Goal::Record, context).ok());
        if is_text(&data_type) {
            checks.push(column_length::compile(&parameters, None, context)?);
        } else if Measure::of(&data_type).is_some_and(Measure::is_number) {
            checks.push(column_values::range(&parameters, context)?);
            for rule_type in [RuleType::Mean, RuleType::StandardDeviation] {
                checks.push(statistics::compile(rule_type, column.clone(), Goal::Record)?);
            }
        }
    }
    Ok(Box::new(AllStatistics { checks }))
}

impl Check for AllStatistics {
    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Always
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(Running {
            parts: self.checks.iter().map(|check| (check.empty_policy(), check.start())).collect(),
        })
    }
}

#[derive(Debug)]
struct Running {
    parts: Vec<(EmptyPolicy, Box<dyn Accumulator>)>,
}

impl Accumulator for Running {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        self.parts.iter_mut().try_for_each(|(_, part)| part.observe(input))
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let empty = totals.considered() == 0;
        let metrics = self
            .parts
            .into_iter()
            .filter(|(policy, _)| !empty || *policy == EmptyPolicy::Always)
            .flat_map(|(_, part)| part.finish(totals).metrics);
        Measurement::new(metrics.collect::<Vec<_>>(), Verdict::Pass)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{batch, report};

    #[test]
    fn every_column_has_the_metrics_of_its_type() {
        let found = report("Analyzers = [ AllStatistics AllColumns ]", &batch());
        let metrics = &found.analyzers[0].metrics;
        assert_eq!(metrics["Dataset.*.RowCount"], 5.0);
        assert_eq!(metrics["Column.symbol.Completeness"], 0.8);
        assert_eq!(metrics["Column.key.Uniqueness"], 0.6);
        assert_eq!(metrics["Column.count.Maximum"], 4.0);
        assert_eq!(metrics["Column.count.Mean"], 2.5);
        assert_eq!(metrics["Column.note.MaximumLength"], 4.0);
        assert!(!metrics.contains_key("Column.note.Maximum"));
        assert!(!metrics.contains_key("Column.at.Mean"));
        let found = report(r#"Analyzers = [ AllStatistics "count", AllStatistics "nope" ]"#, &batch());
        assert!(found.analyzers[0].metrics.keys().all(|name| name.contains("count") || name.contains('*')));
        assert!(found.analyzers[1].message.as_ref().unwrap().contains("nope"));
        let found = report("Analyzers = [ AllStatistics AllColumns ]", &batch().slice(0, 0));
        assert_eq!(found.analyzers[0].metrics.len(), 1);
    }
}

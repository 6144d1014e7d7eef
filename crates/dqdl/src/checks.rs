//! The rule types, compiled: what each measures and which rows it fails.
//!
//! Each is a [`Check`] in a file of its own, and has a line in [`metric`], or in [`compile`] where its condition is not on one
//! metric. A row of `rule_types` that has none does not compile.

mod all_statistics;
mod anomalies;
mod column_data_type;
mod column_length;
mod column_values;
mod completeness;
mod correlation;
mod custom_sql;
mod files;
mod freshness;
mod not_evaluated;
mod offenders;
mod reference_rows;
mod reference_tables;
mod schema;
mod statistics;
mod uniqueness;

use crate::ast::{self, Analyzer};
use crate::check::{Check, Context, Goal, Refusal, unescape};
use crate::pattern;
use crate::rule_types::RuleType;

pub(crate) use not_evaluated::compile_not_evaluated;

fn unsupported(rule_type: RuleType) -> Refusal {
    Refusal::Error(format!("{rule_type} is not supported here"))
}

/// Tags whose meaning each rule type knows; any other makes the rule an ERROR rather than be ignored.
fn check_tags(check: &ast::Check) -> Result<(), Refusal> {
    known_tags(check).map_err(Refusal::Error)
}

/// What is wrong with the tags of a check, whatever the data are.
pub(crate) fn known_tags(check: &ast::Check) -> Result<(), String> {
    let known = check.rule_type.tags();
    match check.tags.iter().find(|tag| !known.contains(&tag.name.as_str())) {
        None => Ok(()),
        Some(tag) => Err(format!("`with {tag}` is not supported for {}", check.rule_type)),
    }
}

/// Compiles the check of a rule.
pub(crate) fn compile(check: &ast::Check, context: &Context<'_>) -> Result<Box<dyn Check>, Refusal> {
    check_tags(check)?;
    match check.rule_type {
        RuleType::ColumnValues => column_values::compile(check, context),
        RuleType::ColumnDataType => column_data_type::compile(check, context),
        RuleType::CustomSql => custom_sql::compile(check, context),
        RuleType::DataFreshness => freshness::compile(check, context),
        RuleType::DetectAnomalies => anomalies::compile(&check.parameters, context),
        RuleType::FileSize | RuleType::FileFreshness | RuleType::FileUniqueness | RuleType::FileMatch => {
            files::compile(check, context)
        }
        RuleType::ColumnLength => {
            column_length::compile(&check.parameters, check.condition.as_ref(), context)
        }
        rule_type => metric(rule_type, &check.parameters, || Goal::of(check.condition.as_ref()), context),
    }
}

/// Compiles an analyzer: the same metrics without a condition.
pub(crate) fn compile_analyzer(
    analyzer: &Analyzer,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    match analyzer.rule_type {
        RuleType::ColumnValues => column_values::range(&analyzer.parameters, context),
        RuleType::CustomSql => custom_sql::analyzer(&analyzer.parameters, context),
        RuleType::AllStatistics => all_statistics::compile(&analyzer.parameters, context),
        RuleType::ColumnLength => column_length::compile(&analyzer.parameters, None, context),
        rule_type => metric(rule_type, &analyzer.parameters, || Ok(Goal::Record), context),
    }
}

/// The rule types whose condition is on one metric of the data set.
fn metric(
    rule_type: RuleType,
    parameters: &[ast::Parameter],
    goal: impl FnOnce() -> Result<Goal, Refusal>,
    context: &Context<'_>,
) -> Result<Box<dyn Check>, Refusal> {
    match rule_type {
        RuleType::RowCount => Ok(schema::row_count(goal()?)),
        RuleType::ColumnCount => Ok(schema::column_count(context, goal()?)),
        RuleType::ColumnExists => schema::column_exists(first(parameters)?, context),
        RuleType::ColumnNamesMatchPattern => schema::names_match(first(parameters)?, context),
        RuleType::Completeness | RuleType::IsComplete => {
            completeness::compile(context.column(first(parameters)?)?, goal()?)
        }
        RuleType::Uniqueness
        | RuleType::IsUnique
        | RuleType::IsPrimaryKey
        | RuleType::UniqueValueRatio
        | RuleType::DistinctValuesCount
        | RuleType::Entropy => uniqueness::compile(rule_type, parameters, goal()?, context),
        RuleType::Mean | RuleType::Sum | RuleType::StandardDeviation | RuleType::Variance => {
            statistics::compile(rule_type, context.column(first(parameters)?)?, goal()?)
        }
        RuleType::ColumnCorrelation => correlation::compile(parameters, goal()?, context),
        RuleType::ReferentialIntegrity | RuleType::DatasetMatch => {
            reference_rows::compile(rule_type, parameters, goal()?, context)
        }
        RuleType::RowCountMatch | RuleType::SchemaMatch | RuleType::AggregateMatch => {
            reference_tables::compile(rule_type, parameters, goal()?, context)
        }
        // Their conditions are not on one metric: above.
        RuleType::ColumnValues
        | RuleType::ColumnLength
        | RuleType::ColumnDataType
        | RuleType::DataFreshness
        | RuleType::CustomSql
        | RuleType::DetectAnomalies
        | RuleType::AllStatistics
        | RuleType::FileMatch
        | RuleType::FileUniqueness
        | RuleType::FileFreshness
        | RuleType::FileSize => Err(unsupported(rule_type)),
    }
}

/// What is wrong with a rule that compares with reference tables, whatever these are.
pub(crate) fn own_faults(check: &ast::Check, context: &Context<'_>) -> Result<(), Refusal> {
    check_tags(check)?;
    match check.rule_type {
        RuleType::ReferentialIntegrity | RuleType::DatasetMatch => {
            reference_rows::own_faults(check.rule_type, &check.parameters, context)
        }
        RuleType::AggregateMatch => reference_tables::own_faults(&check.parameters, context),
        _ => Ok(()),
    }
}

/// Why no row of its column can be of the types of a ColumnDataType.
pub(crate) fn never_of_type(check: &ast::Check, context: &Context<'_>) -> Option<String> {
    column_data_type::never(check, context)
}

/// What is wrong with the name of a type of ColumnDataType.
pub(crate) fn known_data_type(name: &str) -> Result<(), String> {
    column_data_type::known(&unescape(name))
}

/// What is wrong with a regular expression.
pub(crate) fn known_pattern(pattern: &str) -> Result<(), String> {
    pattern::full_match(pattern, false).map(|_| ())
}

fn first(parameters: &[ast::Parameter]) -> Result<&str, Refusal> {
    parameters
        .first()
        .map(|parameter| parameter.value.as_str())
        .ok_or_else(|| Refusal::Error("a parameter is missing".to_owned()))
}

/// The text of a tag, empty without it.
fn tag<'t>(tags: &'t [ast::Tag], name: &str) -> &'t str {
    tags.iter().find(|tag| tag.name == name).map_or("", |tag| tag.value.as_str())
}

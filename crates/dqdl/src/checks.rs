//! The rule types, compiled: what each measures and which rows it fails.
//!
//! A [`Check`] knows its per-row predicate, if it has one, and starts an [`Accumulator`] for its metric. The run counts
//! rows and failures for all of them ([`Totals`]), applies `where`, and settles the cases without rows
//! ([`EmptyPolicy`]). A new rule type is a new `Check` and a line in [`compile`]; a rule type without one is ERROR.

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
mod metric_names;
mod offenders;
pub(crate) mod pattern;
mod reference_rows;
mod reference_tables;
mod schema;
mod statistics;
mod uniqueness;
mod untried;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Schema;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::ast::{self, Analyzer, Condition};
use crate::column::{Column, Rows};
use crate::files::FileSource;
use crate::history::{ColdStart, History};
use crate::number::MetricTest;
use crate::plan::{Options, RowLevel};
use crate::references::References;
use crate::report::Observation;
use crate::rule_types::RuleType;
use crate::sql_engine::SqlEngine;

pub(crate) use column_data_type::format::Pattern as DatePattern;
use metric_names::metric_name;
pub(crate) use metric_names::{dynamic_metric, scope};
pub(crate) use untried::compile_cold;

/// What compiling depends on.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) schema: &'a Schema,
    /// `now()`, whole minutes.
    pub(crate) now: DateTime<Utc>,
    /// The instant itself, from which ages are counted.
    pub(crate) instant: DateTime<Utc>,
    pub(crate) null_is_value: bool,
    pub(crate) history: Option<Arc<dyn History>>,
    pub(crate) cold_start: ColdStart,
    pub(crate) references: References,
    pub(crate) sql: Option<Arc<dyn SqlEngine>>,
    pub(crate) files: Option<Arc<dyn FileSource>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(schema: &'a Schema, options: &Options) -> Self {
        Self {
            schema,
            now: options.now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(options.now),
            instant: options.now,
            null_is_value: options.null_is_value,
            history: options.history.clone(),
            cold_start: options.cold_start,
            references: options.references.clone(),
            sql: options.sql.clone(),
            files: options.files.clone(),
        }
    }

    /// The column a parameter names; with `\"` for a quote in the name.
    pub(crate) fn column(&self, name: &str) -> Result<Column, Refusal> {
        Column::find(self.schema, name).or_else(|| Column::find(self.schema, &unescape(name))).ok_or_else(
            || match Column::inside_list(self.schema, name) {
                Some(why) => Refusal::Error(why),
                None => Refusal::Fail(format!("Input data does not include column {name}!")),
            },
        )
    }
}

/// `\x` to `x`.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// Why a rule cannot run, and what that makes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The data is at fault: a missing column.
    Fail(String),
    /// The rule is at fault, or not supported.
    Error(String),
}

impl From<String> for Refusal {
    fn from(message: String) -> Self {
        Self::Error(message)
    }
}

/// What a check does when there is nothing to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmptyPolicy {
    /// It has a value all the same: a count of zero, the number of columns.
    Always,
    /// It has a value for an empty data set, but passes when `where` leaves nothing.
    UnlessFiltered,
    /// It fails on an empty data set, and passes when `where` leaves nothing.
    Never,
}

/// A compiled rule type.
pub(crate) trait Check: Debug + Send + Sync {
    /// Whether rows are judged, and when.
    fn row_level(&self) -> RowLevel {
        RowLevel::No
    }

    /// Whether the rule can hold although rows fail it: it is about their share.
    fn is_tolerant(&self) -> bool {
        false
    }

    /// The rows whose predicate does not hold, before `where`.
    fn failed_rows(&self, _batch: &RecordBatch) -> Result<Option<BooleanBuffer>, String> {
        Ok(None)
    }

    fn empty_policy(&self) -> EmptyPolicy {
        EmptyPolicy::Never
    }

    fn start(&self) -> Box<dyn Accumulator>;
}

/// A check in progress.
pub(crate) trait Accumulator: Debug + Send {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String>;

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement;
}

/// One batch, as a check sees it.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) batch: &'a RecordBatch,
    /// Ordinal of the batch.
    pub(crate) ordinal: u32,
    /// Selected rows for which `where` is TRUE.
    pub(crate) rows: Rows,
    /// Those of them that fail the per-row predicate; `None` when none does.
    pub(crate) failing: Option<Rows>,
}

/// Rows of a whole data set, for one check.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    /// Selected rows.
    pub(crate) rows: u64,
    /// Of these, left out by `where`.
    pub(crate) skipped: u64,
    /// Of these, failed by the per-row predicate.
    pub(crate) failed: u64,
}

impl Totals {
    /// Rows that take part.
    pub(crate) fn considered(&self) -> u64 {
        self.rows - self.skipped
    }

    /// The share of considered rows that pass.
    pub(crate) fn compliance(&self) -> f64 {
        (self.considered() - self.failed) as f64 / self.considered() as f64
    }
}

/// What a check found.
#[derive(Debug)]
pub(crate) struct Measurement {
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) verdict: Verdict,
    /// (batch, row) of rows that fail, for checks that judge rows at the end.
    pub(crate) late: Vec<(u32, u32)>,
    pub(crate) observations: Vec<Observation>,
}

#[derive(Debug)]
pub(crate) enum Verdict {
    Pass,
    /// It passes, and there is something to say.
    PassWith(String),
    Fail(String),
    /// It could not be worked out after all.
    Error(String),
}

impl Measurement {
    pub(crate) fn new(metrics: impl IntoIterator<Item = (String, f64)>, verdict: Verdict) -> Self {
        Self { metrics: metrics.into_iter().collect(), verdict, late: Vec::new(), observations: Vec::new() }
    }

    /// Nothing was measured, and why.
    pub(crate) fn refused(error: String) -> Self {
        Self::new([], Verdict::Error(error))
    }

    /// A single metric, judged by `goal`.
    pub(crate) fn of(name: String, value: f64, goal: &Goal) -> Self {
        Self::new([(name, value)], goal.judge(value))
    }
}

/// What a metric must satisfy.
#[derive(Debug, Clone)]
pub(crate) enum Goal {
    /// A condition.
    Test(MetricTest),
    /// To be 1.0.
    Whole,
    /// Nothing: an analyzer only records it.
    Record,
}

impl Goal {
    pub(crate) fn judge(&self, value: f64) -> Verdict {
        let holds = match self {
            Self::Test(test) => test.holds(value),
            Self::Whole => value == 1.0,
            Self::Record => true,
        };
        if holds { Verdict::Pass } else { Verdict::Fail(offenders::unmet(format_args!("{value:?}"))) }
    }

    /// Whether it can be met by a share of less than 1.0.
    fn is_tolerant(&self) -> bool {
        matches!(self, Self::Test(_))
    }

    /// The goal of a threshold on the share of rows that pass; all of them without one.
    fn of_threshold(threshold: Option<&Condition>) -> Result<Self, Refusal> {
        match threshold {
            None => Ok(Self::Whole),
            Some(Condition::Number(test)) => Ok(Self::Test(MetricTest::new(test)?)),
            Some(other) => Err(Refusal::Error(format!("`{other}` is not a threshold"))),
        }
    }

    /// The goal of a condition on the metric itself.
    fn of(condition: Option<&Condition>) -> Result<Self, Refusal> {
        match condition {
            None => Ok(Self::Whole),
            Some(Condition::Number(test)) => Ok(Self::Test(MetricTest::new(test)?)),
            Some(other) => Err(Refusal::Error(format!("`{other}` is not a condition on a number"))),
        }
    }
}

fn unsupported(rule_type: RuleType) -> Refusal {
    Refusal::Error(format!("{rule_type} is not supported here"))
}

/// Tags whose meaning each rule type knows; any other makes the rule an ERROR rather than be ignored.
fn check_tags(check: &ast::Check) -> Result<(), Refusal> {
    known_tags(check).map_err(Refusal::Error)
}

/// What is wrong with the tags of a check, whatever the data are.
pub(crate) fn known_tags(check: &ast::Check) -> Result<(), String> {
    let known: &[&str] = match check.rule_type {
        rule_type if files::tags(rule_type).is_some() => files::tags(rule_type).unwrap_or_default(),
        RuleType::ColumnValues => &["ignoreCase", "timeZone"],
        RuleType::ColumnDataType => &["format"],
        _ => &[],
    };
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
        _ => Err(unsupported(rule_type)),
    }
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

//! What a rule type is once it is compiled: the [`Check`], what it sees of the data and what it answers with.
//!
//! A check knows its per-row predicate, if it has one, and starts an [`Accumulator`] for its metric. The run counts
//! rows and failures for all of them ([`Totals`]), applies `where`, and decides the cases without rows
//! ([`EmptyPolicy`]). The rule types themselves are in `checks`.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::Schema;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::ast::Condition;
use crate::column::{Column, Rows};
use crate::files::FileSource;
use crate::history::{ColdStart, History};
use crate::number::MetricTest;
use crate::options::Options;
use crate::references::References;
use crate::report::Observation;
use crate::sql_engine::SqlEngine;

/// Whether and when a rule says which rows fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowLevel {
    /// Per row, in [`RowMasks`](crate::RowMasks).
    Immediate,
    /// Per row, at the end: [`Report::late_failures`](crate::Report::late_failures).
    Late,
    /// Never: the rule judges the data set as a whole.
    No,
}

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

/// What a text of a rule stands for: `\x` is `x`, so `\"` is a quote and `\\` a backslash.
pub fn unescape(text: &str) -> String {
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

    /// Whether it can be evaluated on some rows and not on others.
    fn is_fallible(&self) -> bool {
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

    /// No row to come has the values of these columns, by number, that a row so far has.
    fn keys_end(&mut self, _columns: &[usize]) {}

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
        // -0.0 is a rounding of sums and differences, and no metric: comparisons tell it from 0.0.
        let metrics = metrics.into_iter().map(|(name, value)| (name, value + 0.0)).collect();
        Self { metrics, verdict, late: Vec::new(), observations: Vec::new() }
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
        let value = value + 0.0;
        let holds = match self {
            Self::Test(test) => test.holds(value),
            Self::Whole => value == 1.0,
            Self::Record => true,
        };
        if holds { Verdict::Pass } else { Verdict::Fail(unmet(format_args!("{value:?}"))) }
    }

    /// Whether it can be met by a share of less than 1.0.
    pub(crate) fn is_tolerant(&self) -> bool {
        matches!(self, Self::Test(_))
    }

    /// The goal of a threshold on the share of rows that pass; all of them without one.
    pub(crate) fn of_threshold(threshold: Option<&Condition>) -> Result<Self, Refusal> {
        match threshold {
            None => Ok(Self::Whole),
            Some(Condition::Number(test)) => Ok(Self::Test(MetricTest::new(test)?)),
            Some(other) => Err(Refusal::Error(format!("`{other}` is not a threshold"))),
        }
    }

    /// The goal of a condition on the metric itself.
    pub(crate) fn of(condition: Option<&Condition>) -> Result<Self, Refusal> {
        match condition {
            None => Ok(Self::Whole),
            Some(Condition::Number(test)) => Ok(Self::Test(MetricTest::new(test)?)),
            Some(other) => Err(Refusal::Error(format!("`{other}` is not a condition on a number"))),
        }
    }
}

/// That a value is not what a rule wants.
pub(crate) fn unmet(value: impl std::fmt::Display) -> String {
    format!("Value: {value} does not meet the constraint requirement!")
}

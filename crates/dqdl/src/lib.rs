#![doc = include_str!("../README.md")]
//!
//! # How the parts meet
//!
//! Modules depend on those before them, never in a circle (a test of the workspace draws the graph).
//!
//! - Text: `lexer` and `parser` turn it into the [`Ruleset`] of `ast`, checked against the table in `rule_types`; `reading`
//!   is the way in, which asks `mistakes` what was meant where the parser stops; `display` prints a ruleset back, and
//!   `rule_inputs` says what of the data and of earlier runs a rule reads.
//! - Data: `column`, `compare`, `keys`, `number` and `summation` are how all others look at Arrow data; `pattern` and
//!   `date_pattern` are Java's regular expressions and formats of dates; `sql` is the SQL of `where` and CustomSql, and
//!   `sql_engine` the port for SQL beyond one table.
//! - Rules: `options` is what evaluation depends on besides rules and data; `check` what a compiled rule type is, `checks` the
//!   rule types; `metric_names` names their metrics and `dynamic` replaces operands that look at earlier runs (`history`).
//! - Evaluation: `plan` binds a ruleset to a schema and makes a `compiled` one; `masks` are the per-row verdicts of a batch,
//!   `run` accumulates metrics over batches, `report` is the outcome, `glue` its JSON shape, `row_outcomes` the rows';
//!   `joined` makes one report of two parts of a ruleset.
//! - Apart from it: `lint` says what is not portable, probably not meant, or does not fit a schema; `suggest` makes a ruleset of
//!   data.

mod ast;
mod check;
mod checks;
mod column;
mod compare;
mod compiled;
mod date_pattern;
mod display;
mod dynamic;
mod error;
mod files;
mod glue;
mod history;
mod joined;
mod keys;
mod lexer;
mod lint;
mod masks;
mod metric_names;
mod mistakes;
mod number;
mod options;
mod parser;
mod pattern;
mod places;
mod plan;
mod reading;
mod references;
mod report;
mod row_outcomes;
mod rule_inputs;
mod rule_types;
mod run;
mod severity;
mod sql;
mod sql_engine;
mod suggest;
mod summation;
#[cfg(test)]
mod testing;
mod whole_part;

pub use ast::*;
pub use check::{RowLevel, unescape};
pub use compiled::{PlannedRule, RuleKind};
pub use error::{Edit, ParseError};
pub use files::{FileFact, FileSource, HashAlgorithm};
pub use glue::{
    GlueAggregatedMetrics, GlueAnalyzerResult, GlueContext, GlueMetricBasedObservation, GlueMetricValues,
    GlueObservation, GlueResult, GlueRuleResult,
};
pub use history::{ColdStart, History, MemoryHistory, MetricKey, Statistic};
pub use joined::ReportPart;
pub use lint::{Target, lint, lint_for, unfit};
pub use masks::RowMasks;
pub use number::Number;
pub use options::{CompositeEvaluation, FilteredRows, Options};
pub use plan::Plan;
pub use reading::{parse, parse_strict};
pub use references::References;
pub use report::{AnalyzerResult, LateFailure, Observation, Outcome, Report, RuleResult};
pub use row_outcomes::{RowOutcome, RowOutcomes};
pub use rule_inputs::ColumnsRead;
pub use rule_types::{Returns, RuleType};
pub use run::Run;
pub use severity::Severity;
pub use sql::sql_reference;
#[cfg(feature = "datafusion")]
pub use sql_engine::{DataFusionEngine, exact_numbers, wide_decimals};
pub use sql_engine::{SqlEngine, SqlTable};
pub use suggest::{Profile, Proposed, SuggestOptions};

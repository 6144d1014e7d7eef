#![doc = include_str!("../README.md")]
//!
//! # How the parts meet
//!
//! `lexer` and `parser` turn text into the [`Ruleset`] of `ast`, checked against the table in `rule_types`; `display`
//! prints it back and `lint` says what is not portable. `plan` binds it to a schema: `dynamic` replaces operands that look
//! at earlier runs (`history`), then each rule becomes one of the `checks`, its `where` a predicate of `sql`
//! (`sql_engine` is the door for other SQL). `masks` are
//! the per-row verdicts of a batch, `run` accumulates metrics over batches, `report` is the outcome, `glue` its JSON shape
//! and `row_outcomes` the rows'. `joined` makes one report of two parts of a ruleset,
//! `suggest` a ruleset of data. `column`, `compare`, `keys` and
//! `summation` are how all of them look at Arrow data.

mod ast;
mod checks;
mod column;
mod compare;
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
mod mistakes;
mod number;
mod parser;
mod places;
mod plan;
mod references;
mod report;
mod row_outcomes;
mod rule_types;
mod run;
mod severity;
mod sql;
mod sql_engine;
mod suggest;
mod summation;
#[cfg(test)]
mod testing;

pub use ast::*;
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
pub use parser::parse;
pub use plan::{CompositeEvaluation, FilteredRows, Options, Plan, PlannedRule, RowLevel, RuleKind};
pub use references::References;
pub use report::{AnalyzerResult, LateFailure, Observation, Outcome, Report, RuleResult};
pub use row_outcomes::{RowOutcome, RowOutcomes};
pub use rule_types::{Returns, RuleType};
pub use run::Run;
pub use severity::{Severity, parse_strict};
pub use sql::sql_reference;
#[cfg(feature = "datafusion")]
pub use sql_engine::{DataFusionEngine, exact_numbers, wide_decimals};
pub use sql_engine::{SqlEngine, SqlTable};
pub use suggest::{Profile, Proposed, SuggestOptions};

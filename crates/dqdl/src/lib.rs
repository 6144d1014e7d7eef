#![doc = include_str!("../README.md")]
//!
//! # How the parts meet
//!
//! `lexer` and `parser` turn text into the [`Ruleset`] of `ast`, checked against the table in `rule_types`; `display`
//! prints it back. `plan` binds it to a schema: each rule becomes one of the `checks`, its `where` a predicate of `sql`.
//! `masks` are the per-row verdicts of a batch, `run` accumulates metrics over batches, `report` is the outcome and
//! `glue` its JSON shape. `column` and `compare` are how all of them look at Arrow data.

mod ast;
mod checks;
mod column;
mod compare;
mod display;
mod error;
mod glue;
mod keys;
mod lexer;
mod masks;
mod number;
mod parser;
mod plan;
mod report;
mod rule_types;
mod run;
mod severity;
mod sql;
mod summation;
#[cfg(test)]
mod testing;

pub use ast::*;
pub use error::ParseError;
pub use glue::{GlueAggregatedMetrics, GlueAnalyzerResult, GlueContext, GlueResult, GlueRuleResult};
pub use masks::RowMasks;
pub use number::Number;
pub use parser::parse;
pub use plan::{Options, Plan, PlannedRule, RowLevel, RuleKind};
pub use report::{AnalyzerResult, LateFailure, Outcome, Report, RuleResult};
pub use rule_types::{Returns, RuleType};
pub use run::Run;
pub use severity::Severity;

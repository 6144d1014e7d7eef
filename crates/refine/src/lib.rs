//! The refine function: tables that models compute from published tables.
//!
//! A message tells of a partition that changed. [`handler::handle`] takes a batch of them as one set of changes; each model that is on
//! ([`enabled`]) computes what they reach of it ([`run::refine`]).
//!
//! - [`model`] is one model and [`models`] all of a lake, each behind those that it reads;
//! - [`dates`] says which dates a partition holds, [`plan`] which partitions of a model a change of its inputs reaches;
//! - [`tables`] are the published tables that models read; [`engine`] is the port for what computes a model in SQL, [`native`] are those
//!   that are code of this program;
//! - [`ports`] is what computing models may use;
//! - `conform` gives computed rows the types of their contract; the rules of the model's table are `quotelake_check::computed`;
//! - [`run`] computes a span of dates and puts it into the place of what there was; `encoder` makes files of rows while others are
//!   computed, but not of rows that a file was made of already (`made`); `news` tells of them;
//! - `snapshot` says from which versions of its inputs a partition is computed, `state` keeps that, [`stale`] compares;
//! - [`model_test`] holds a model against rows that are given and rows that are expected;
//! - [`preview`] is what computing a model would take; [`report`] is what computing a model came to, `run_row` the same as a row of the table `runs`; [`Context`] lists what the function
//!   may touch.

pub mod built_in;
pub mod computed;
mod conform;
mod context;
pub mod dates;
pub mod enabled;
mod encoder;
pub mod engine;
pub mod handler;
mod made;
pub mod model;
pub mod model_test;
pub mod models;
pub mod native;
mod news;
pub mod plan;
pub mod ports;
pub mod preview;
pub mod report;
pub mod run;
mod run_row;
mod snapshot;
#[cfg(feature = "sql")]
pub mod sql;
#[cfg(feature = "sql")]
pub mod sql_text;
pub mod stale;
mod state;
pub mod tables;

pub use context::Context;
pub use handler::handle;

//! The refine function: tables that models compute from published tables.
//!
//! - [`model`] is one model and [`models`] all of a lake, each behind those that it reads;
//! - [`dates`] says which dates a partition holds, [`plan`] which partitions of a model a change of its inputs reaches;
//! - [`tables`] are the published tables that models read; [`engine`] is the port for what computes a model in SQL, [`native`] are those
//!   that are code of this program;
//! - `conform` gives computed rows the types of their contract;
//! - [`run`] computes what is reached and puts it into the place of what there was.

mod conform;
pub mod dates;
pub mod engine;
pub mod model;
pub mod models;
pub mod native;
pub mod plan;
pub mod run;
#[cfg(feature = "sql")]
pub mod sql;
pub mod tables;

//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod botocore;
mod conformance;
mod documented;
mod dynamic;
mod messages;
mod parity;
mod parse;
mod properties;
mod references;
mod report;
mod row_outcomes;
mod scenarios;
mod sql_engine;
mod suggest;
mod unfit;

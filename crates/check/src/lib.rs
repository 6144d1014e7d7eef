//! The check function: a landing object in; good rows staged, bad rows quarantined whole with every reason, a result
//! document, an event, a publish request.
//!
//! - [`handler`] takes the SQS event apart;
//! - [`object`] checks one landing object and writes what comes of it, in the order quarantine, staged, result, event,
//!   request: a crash between any two is mended by the redelivery, which writes the same keys with the same bytes;
//! - `windows` reads an object of any size a few megabytes of whole lines at a time, `sorting` hands them out by dataset;
//! - `judge` holds the rows of one dataset against its contract and ruleset: `rules` takes the ruleset apart, `deferred`
//!   judges what needs more than a window of rows, `data_set` what is about all rows and the gate's reasons, `series` holds
//!   back one series for its faults and lets its neighbours go, `flags` names what is remarkable about rows that go on;
//! - `keyless` numbers the lines of a dataset without a key;
//! - `surroundings` are the published bars, splits, dividends and sessions that bars are judged beside, `history` what
//!   earlier checks measured;
//! - `quarantine` keeps what failed, as it stood; [`result`] is the document that says how it went, `quality_rows`
//!   the same as rows of tables, `run_rows` what the run came to as rows of the table `runs`;
//! - [`sweep`] finds landing objects and staged rows that nobody asked for.
//!
//! Rows in = rows staged + rows quarantined + duplicates, for every object.

pub mod context;
mod data_set;
mod deferred;
mod flags;
pub mod handler;
mod history;
mod judge;
mod keyless;
pub mod object;
mod quality_rows;
mod quarantine;
pub mod result;
mod rules;
mod run_rows;
mod series;
mod shares;
mod sorting;
mod surroundings;
pub mod sweep;
mod windows;

pub use context::Context;
pub use handler::handle;
pub use object::{CheckInputs, CheckReport, Evaluation, check_object, evaluate_object, record};
pub use quarantine::QuarantinedRow;
pub use result::{BlockedSeries, Decision, ResultDocument, RowCounts};
pub use run_rows::record_failure;
pub use windows::release_memory;

//! The check function: a landing object in; good rows staged, bad rows quarantined whole with every reason, a result
//! document, an event, a publish request.
//!
//! - [`handler`] reads the SQS event;
//! - [`object`] checks one landing object: `landing_reader` reads an object of any size a few megabytes of whole lines at a
//!   time, `dataset_router` hands the lines to the checker of their dataset;
//! - `dataset_checker` holds the rows of one dataset against its contract and ruleset, window by window (`window_rows`):
//!   `rules` splits the ruleset, `keyless` numbers the lines of a dataset without a key;
//! - `conclusion` is the end of an object: `deferred` evaluates what needs more than a window of rows, `shares` rules about a
//!   share of the rows, `data_set` what is about all rows and the gate's reasons; `series` holds back one series for its faults
//!   and lets the others go, `flags` names what is remarkable about rows that go on;
//! - `reference_data` are the published bars, splits, dividends and sessions that rules compare with, `history` what earlier
//!   checks measured;
//! - `evaluation` is what came of an object; `record` writes it in the order quarantine, staged, result, event, request: after a
//!   crash between any two, the redelivery writes the same keys with the same bytes;
//! - `quarantine` keeps what failed, as it came; [`result`] is the document that says how it went, `quality_rows`
//!   the same as rows of tables, `run_rows` what the run came to as rows of the table `runs`;
//! - [`computed`] is the same of rows that a model computed: they come as columns, and are published by `refine`;
//! - [`sweep`] finds landing objects and staged rows that nobody asked for.
//!
//! Rows in = rows staged + rows quarantined + duplicates, for every object.

pub mod computed;
mod conclusion;
pub mod context;
mod data_set;
mod dataset_checker;
mod dataset_router;
mod deferred;
mod effect;
mod evaluation;
mod flags;
pub mod handler;
mod history;
mod keyless;
mod landing_reader;
pub mod object;
mod quality_rows;
mod quarantine;
mod record;
mod reference_data;
pub mod result;
mod rules;
mod run_rows;
mod series;
mod shares;
pub mod sweep;
mod window_rows;

pub use context::Context;
pub use effect::Effect;
pub use evaluation::{CheckReport, Evaluation};
pub use flags::flag_of;
pub use handler::handle;
pub use landing_reader::release_memory;
pub use object::{CheckInputs, check_object, evaluate_object};
pub use quarantine::QuarantinedRow;
pub use record::{Recorder, record};
pub use result::{BlockedSeries, Decision, InputVersion, ResultDocument, RowCounts};
pub use run_rows::record_failure;

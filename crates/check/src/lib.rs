//! The check function: a landing object in; good rows staged, bad rows quarantined whole with every reason, a result
//! document, an event, a publish request.
//!
//! - [`handler`] takes the SQS event apart;
//! - [`object`] checks one landing object and writes what comes of it, in the order quarantine, staged, result, event,
//!   request: a crash between any two is mended by the redelivery, which writes the same keys with the same bytes;
//! - `windows` reads an object of any size a few megabytes of whole lines at a time;
//! - `judge` holds the rows of one dataset against its contract and ruleset;
//! - `quarantine` keeps what failed, as it stood; [`result`] is the document that says how it went.
//!
//! Rows in = rows staged + rows quarantined + duplicates, for every object.

pub mod context;
pub mod handler;
mod judge;
pub mod object;
mod quarantine;
pub mod result;
mod windows;

pub use context::Context;
pub use handler::handle;
pub use object::{CheckReport, check_object, evaluate_object};
pub use quarantine::QuarantinedRow;
pub use result::{Decision, ResultDocument, RowCounts};

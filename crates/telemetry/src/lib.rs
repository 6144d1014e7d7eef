//! The shell of a function on Lambda: its event loop, its log lines, its metrics.
//!
//! - [`run`] polls for invocations and hands each to the function, with the time that is left for it.
//! - [`init`] makes every `tracing` event a line of JSON on standard output, with the keys of Powertools: see `lines.rs`. What is
//!   true of a whole invocation (request id, trace id, whether it was a cold start) is in a span, and so do the fields of
//!   any other span of ours: `correlation_id` is one.
//! - An event of the target [`METRICS`] is a set of metrics instead, in CloudWatch's embedded format: see `metrics.rs`. On a
//!   laptop, where nobody calls [`init`], such an event is one nobody listens to.
//!
//! # Correlation
//!
//! `correlation_id` is the id of the run that fetched the data: `fetch` takes it from the request's `run_id` (a schedule puts
//! its execution id there), every envelope and row carries it, `check` hands it on beside the publish request.

mod facts;
mod fields;
mod invocation;
mod lines;
mod metrics;

pub use invocation::{Invocation, run};
pub use lambda_runtime::Error;
pub use lines::init;
pub use metrics::METRICS;

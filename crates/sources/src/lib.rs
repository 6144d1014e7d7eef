//! The sources of market data: what to ask, how to judge an answer, how to map it to canonical records.
//!
//! A source is a pure description ([`Source`]): it plans units, spells each request, classifies each answer and maps a
//! sealed page to canonical lines. It opens no connection, reads no clock and knows no secret, so a page kept in the raw
//! zone maps to the same lines years later.
//!
//! - [`source`]: the interface, with the job, the request and the verdicts it speaks in.
//! - [`record`]: canonical records, one struct per contract, and the exact NDJSON line of each.
//! - [`page`], [`size`]: a page's lines, the same wherever they are made, and how large a page may be.
//! - [`money`]: units of prices; [`question`]: whether rows are of what was asked for.
//! - [`vendors`]: a folder each, and the registry; [`settings`]: what configurations say of sources, by name.
//! - `http` (feature `http`): the executor that asks: retries, pacing, deadline, secrets.
//! - `replay` (feature `replay`): a local server that plays a recording back over real HTTP.
//!
//! A new source is a folder in `vendors/`, its line in `vendors.rs`, and a case of the conformance suite. Nothing else names it.

mod calls;
mod cell;
#[cfg(feature = "http")]
pub mod http;
mod job;
pub mod money;
pub mod origin;
pub mod page;
pub mod profiles;
pub mod question;
pub mod read;
pub mod record;
mod registry;
#[cfg(feature = "replay")]
pub mod replay;
pub mod settings;
pub mod size;
pub mod source;
pub mod tolerant;
pub mod units;
pub mod vendors;

pub use calls::{Breaker, BudgetPeriod, CallBudget, CallLimit, Options};
pub use job::{DatasetName, DelayClass, Instrument, Interval, Job};
pub use record::Record;
pub use registry::Sources;
pub use source::{
    Auth, Capabilities, Disposition, FailedPart, Failure, FailureKind, HttpSpec, Mapped, RawResponse, Rows,
    Source,
};
pub use vendors::*;

//! The fetch function: a watchlist and a source in, one envelope per vendor page to the record stream.
//!
//! - `event.rs`: who invokes it, and how each is answered: a schedule or a direct call, a Function URL, a queue of units.
//! - `watchlist.rs`, `day.rs`: what a request is written in.
//! - `handler.rs`: [`handle`], from an invocation to its answer.
//! - `run.rs`: [`run()`]: plan, ask, deliver, report. The handler is a shell around it.
//! - `deliver.rs`: pages to the stream, with a second chance for those that it refused; `bulk.rs`: around it, those that it cannot
//!   carry; `refused.rs`: for those that `transform` gave back.
//! - `queues.rs`: what is not done, to the dead letters or the units queue.
//! - `report.rs`: what became of every unit; `sent.rs`: what the stream took, to look up whether it landed.
//! - `context.rs`: the ports it may use, which is its IAM policy.
//!
//! # What becomes of a unit
//!
//! | unit | report | then |
//! |---|---|---|
//! | every page is on the stream, or landed | `delivered` | |
//! | the vendor has nothing | `empty` | its answer is on the stream all the same, for the raw zone |
//! | it will fail again, failed in [`Context::max_attempts`] runs, or was handed on [`Context::max_hops`] times | `failed` | dead letter with `error_code` |
//! | it can succeed later: rate limit, vendor down, time ran out | `handed_back` | the units queue, with a delay |
//!
//! When a dead letter or a unit cannot be queued, the invocation fails: nothing is lost in silence.

mod bulk;
mod context;
mod day;
mod deliver;
mod event;
mod handler;
mod queues;
mod refused;
mod report;
mod run;
mod run_row;
mod sent;
mod watchlist;

pub use context::{Context, DEFAULT_MAX_ATTEMPTS, DEFAULT_MAX_HOPS};
pub use day::Day;
pub use deliver::{Destination, Pages};
pub use event::{FetchRequest, Invocation, UnitsMessage, WatchlistRef};
pub use handler::handle;
pub use refused::{RefusedReport, land_refused, records};
pub use report::{Counts, FetchReport, UnitOutcome, UnitReport};
pub use run::{run, run_units};
pub use sent::{SENT, Sent};
pub use watchlist::{Watchlist, Watchlists};

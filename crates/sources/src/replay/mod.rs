//! A recording played back by a real HTTP server on this machine: the demo's vendor, and the tests'.
//!
//! - [`Recording`] is a `recording.json` with its bodies, read and checked against their SHA-256.
//! - [`ReplayServer`] answers exactly the recorded requests (method, path, and the query as a set), each with
//!   `x-quotelake-recorded-at`; any other with a 404 that names it. A script of [`Fault`]s goes first.

mod recording;
mod server;

pub use recording::{Recorded, Recording};
pub use server::{Fault, ReplayServer, Seen};

//! What the tests of every crate share.
//!
//! - [`suites`]: the contract of each port as a test that runs on any adapter. An adapter is done when its suite passes.
//! - [`Faulty`] and [`CallPlan`]: any port, failing at a chosen call, before or after the call took effect. A test that
//!   loops over every call of a run proves that no failure becomes silence.
//! - [`RuntimeApi`]: the Lambda Runtime API on a local port, for the real `bootstrap` binaries.
//! - [`PostgresServer`]: a real database server in a folder, for as long as a test lasts.
//! - [`build`]: small values of the core types.
//! - [`StepClock`]: time that moves when the test says so.

pub mod build;
mod clock;
mod faults;
mod postgres;
mod random;
mod runtime_api;
pub mod suites;

pub use clock::StepClock;
pub use faults::{CallPlan, Faulty, Moment};
pub use postgres::PostgresServer;
pub use runtime_api::{FunctionError, Memory, Running, RuntimeApi};

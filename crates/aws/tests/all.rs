//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod faults;
mod pipeline;
mod receivers;
mod repair;
mod suites;
mod support;

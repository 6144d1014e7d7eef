//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod adjustment;
mod calendar;
mod daily_stats;
mod market;
mod native;
mod wiki;

//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod conformance;
mod executor;
mod odd_answers;
mod polygon_ask;
mod polygon_map;
mod profiles;
mod quirks;
mod recordings;
mod replay;
mod settings;
mod support;

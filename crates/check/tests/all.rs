//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod beside;
mod bootstrap;
mod check;
mod corpus;
mod flags;
mod gate;
mod kept_formats;
mod newer_contracts;
mod runs;
mod shares;
mod support;
mod sweep;

//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bootstrap;
mod cells;
mod files;
mod inbox;
mod kept_formats;
mod postgres_csv;
mod sheet;
mod support;

//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod contracts;
mod folder_lake;
mod folder_queue;
mod kept_formats;
mod kill;
mod records;

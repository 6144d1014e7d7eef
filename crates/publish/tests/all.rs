//! The integration tests of this crate, as one program: linked one by one they would take most of a build.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bootstrap;
mod changes;
mod contracts;
mod damaged;
mod drain;
mod moves;
mod moving;
mod widen;

//! The embedded delivery stream, in two halves joined by a journal on disk.
//!
//! [`SpoolStream`] accepts records and journals them; [`Delivery`] takes journalled batches, has them transformed and
//! writes them to the lake. They may run in different processes, at different times.
//!
//! - `journal`: batches on disk, and the one file that says which of them are being delivered.
//! - `spool`: the `RecordStream` port, cutting what it is given to the service's limits.
//! - `delivery`: buffering, and the order of writes that makes a crash anywhere harmless.
//! - `transform`: one invocation, its event and the contract of its answer.
//! - `objects`: what is written: prefixes, names, the shape of failed records.

mod delivery;
mod journal;
mod objects;
mod settings;
mod spool;
mod transform;

pub use delivery::{Delivery, DeliveryReport};
pub use journal::SpoolDepth;
pub use settings::DeliverySettings;
pub use spool::SpoolStream;

#[cfg(test)]
mod tests;

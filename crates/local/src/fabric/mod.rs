//! The event fabric: what Lambda's event source mappings, SQS redrive policies and S3 notifications do, in process.
//!
//! - [`Fabric`] takes batches from queues, invokes functions with the JSON that Lambda would, and answers the queue: what
//!   was handled is gone, what was not comes back, what comes back too often goes to the dead letter queue.
//! - `event`: the JSON of the events.
//! - [`Chaos`]: duplicates, reorderings and failures on purpose, repeatable by seed.
//! - [`dead_letters`], [`redrive()`]: what an operator does with a dead letter queue.

mod binding;
mod chaos;
mod event;
mod redrive;
mod run;

pub use binding::{Binding, FabricReport};
pub use chaos::Chaos;
pub use event::{S3Object, s3_object_created, sqs_event};
pub use redrive::{Cause, Redrive, RedriveReport, by_cause, dead_letters, redrive};
pub use run::Fabric;

#[cfg(test)]
mod tests;

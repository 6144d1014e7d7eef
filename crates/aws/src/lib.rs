//! The ports on AWS, one file for each service. This is the only crate that names the SDK.
//!
//! - `config.rs`: [`Aws`], what all clients share: region, credentials, endpoints, TLS, timeouts, retries.
//! - `error.rs`: every SDK failure to one of our kinds, in one place.
//! - `s3.rs`: [`S3Lake`] · `firehose.rs`: [`FirehoseStream`] · `sqs.rs`: [`SqsQueue`], `dead_letters.rs`:
//!   [`SqsDeadLetters`] · `glue.rs`: [`GlueCatalog`] ·
//!   `secrets.rs`: [`AwsSecrets`] · `events.rs`: [`BusEvents`] · `inspect.rs`: what is wrong with a deployed stack.
//!
//! The contract suites of the ports run on two emulators, see `tests/`. Endpoints come from the standard variables
//! (`AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_S3`...); there is no other switch for an emulator.

mod backoff;
mod config;
mod dead_letters;
mod error;
mod events;
mod firehose;
mod glue;
mod inspect;
mod s3;
mod secrets;
mod sqs;

pub use config::Aws;
pub use dead_letters::{Choice, DeadLetter, SqsDeadLetters};
pub use events::BusEvents;
pub use firehose::FirehoseStream;
pub use glue::GlueCatalog;
pub use inspect::{Stack, inspect};
pub use s3::S3Lake;
pub use secrets::AwsSecrets;
pub use sqs::SqsQueue;

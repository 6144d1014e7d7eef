//! The composition root: the environment is read once, URIs become ports.
//!
//! - [`settings`]: the variables a function reads, all problems in one message;
//! - [`connect`]: a URI to an adapter;
//! - [`sqs`]: one message at a time out of an SQS batch, with partial failures and dead letters;
//! - [`s3_event`]: the keys of an S3 notification;
//! - [`contracts`]: the contracts that users added to a lake;
//! - [`models`]: the models that users keep in a lake;
//! - [`news`]: the event that a partition was published;
//! - [`freshness`]: when each dataset was last published;
//! - [`runs`]: what every stage did, as rows of a table;
//! - [`function`]: the one main of functions that a queue invokes;
//! - [`logging`]: plain lines for a terminal.

pub mod connect;
pub mod contracts;
pub mod freshness;
pub mod function;
pub mod logging;
pub mod models;
pub mod news;
pub mod runs;
pub mod s3_event;
pub mod settings;
pub mod sqs;
pub mod sweep;

//! The publish function: staged rows of one dataset become one Parquet file per partition.
//!
//! A message on the publish queue names a dataset. [`handler::handle`] takes the messages one at a time; [`drain::drain`] does the
//! work for one dataset: read what is staged, merge it by key into each partition's file (`partitions`), swap the file only if nobody
//! else did meanwhile, make the partition visible, and only then delete what was staged. Where a contract's types grew, its files are
//! rewritten first (`Published::widen`); where a corrected row may come to lie in another partition, `moves` takes its older version
//! out of the one in which it was; `changes` announces what was published, `run_row` writes down what a drain came to. [`context::Context`]
//! lists what the function may touch. A crash between any two steps leaves a state from which the next drain reaches the same table.

mod changes;
mod context;
pub mod drain;
pub mod handler;
mod moves;
mod partitions;
mod report;
mod request;
mod run_row;

pub use context::Context;
pub use drain::{UNFIT, drain};
pub use handler::handle;
pub use report::{PublishReport, PublishedPartition};
pub use request::PublishRequest;

//! Rows on their way from a line of text to a published file.
//!
//! [`RowDecoder`] turns lines into typed columns by a contract, those that look like one before by their `shape` and others by
//! `quotelake_landing`'s scanner, and says what is wrong with a line that does not fit; [`dedupe`] and [`merge()`]
//! decide which of several rows with one key wins; [`Partitioner`] tells which partition a row belongs to; [`staged`] is
//! the file between `check` and `publish`, its columns as `packing` makes them and `unpacking` reads them; [`parquet_file`] is the published one.

mod coded_column;
mod columnar;
mod columns;
mod data_page;
mod decode;
mod decoding;
mod key_hash;
mod key_list;
mod known;
mod merge;
mod order;
mod packing;
pub mod parquet_file;
mod partition;
mod precedence;
pub mod published;
mod radix;
mod ranks;
mod refused;
mod replace;
mod row_fault;
mod row_keys;
mod row_lines;
mod runs;
mod schema;
mod shape;
pub mod staged;
mod staged_fit;
mod steps;
mod unfit;
mod unpacking;
mod wide_steps;
mod widening;

pub use columnar::{Chosen, Columnar};
pub use decode::{Misfit, RowDecoder};
pub use key_hash::key_hashes;
pub use key_list::KeyList;
pub use merge::{MergeCounts, Merged, dedupe, merge};
pub use partition::{PartitionKey, Partitioner};
pub use precedence::winning_rows;
pub use published::{Change, Committed, Listed, Published, StoredPartition, StoredRows, TableCount};
pub use replace::Replacement;
pub use row_fault::RowFault;
pub use row_lines::{row_lines, staged_rows};
pub use runs::run_ids;
pub use schema::{ArrowSchema, arrow_type, field};
pub use unfit::unfit_values;

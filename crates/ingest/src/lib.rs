//! The ingest function: a file that somebody dropped in the inbox becomes canonical landing lines.
//!
//! The dataset is the folder: `inbox/orders/2026-11-20.csv` belongs to the contract `orders`. Columns are found by header,
//! never by position; a header that does not fit rejects the whole file, since nobody can tell what its columns mean. A row
//! that cannot be read goes on as it stood, with the reason, for `check` to quarantine.
//!
//! - [`handler`] takes the SQS event apart;
//! - [`inbox`] decides about one file: is it new, is its content, may it come today; and tells what became of it;
//! - [`receipt`] is what the lake keeps of that;
//! - [`mod@file`] turns a file into landing objects: `source` reads it a few megabytes at a time, `records` cuts it into CSV
//!   records, `mapping` makes each a line by header and contract.
//!
//! [`fn@raw_rows`] reads a file by no contract: rows as they stand.
//!
//! Landing objects are named by the file's content: taking the same file twice writes the same objects.

pub mod context;
pub mod file;
pub mod handler;
pub mod inbox;
mod mapping;
mod raw_rows;
pub mod receipt;
mod records;
mod source;

pub use context::Context;
pub use file::{IngestReport, ingest_object};
pub use handler::handle;
pub use inbox::{UNKNOWN_DATASET, is_csv, take_drop};
pub use raw_rows::{RawRow, RawRows, raw_rows};
pub use receipt::{Outcome, Receipt};

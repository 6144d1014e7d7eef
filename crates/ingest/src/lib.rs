//! The ingest function: a file that somebody dropped in the inbox becomes canonical landing lines.
//!
//! The dataset is the folder: `inbox/orders/2026-11-20.csv` belongs to the contract `orders`. Columns are found by header,
//! never by position; a header that does not fit rejects the whole file, since nobody can tell what its columns mean. A row
//! that cannot be read goes on as it was, with the reason, for `check` to quarantine.
//!
//! - [`handler`] takes the SQS event apart;
//! - [`inbox`] decides about one file: is it new, is its content, may it come today; and tells what became of it;
//! - [`receipt`] is what the lake keeps of that, `run_row` its row of the table `runs`;
//! - [`names`] says of an object whether anybody means to load it, and what kind of file it is;
//! - [`mod@file`] turns a file into landing objects. `reading` puts the parts of that together: `source` reads the file a few
//!   megabytes at a time, unpacked and as UTF-8; `records` cuts CSV into records, `json_lines` cuts lines, `sheet` reads a
//!   workbook; `table` keeps the header and the footer apart, `header` says which cell is which column, `outside` adds the columns that no
//!   cell holds; `mapping` makes each row a line, `place` adds where it was where the dataset has no key, `parts`
//!   makes objects of lines.
//!
//! [`fn@raw_rows`] reads a file by no contract: rows as they are. [`price_file`] makes landing lines of them by a vendor's profile, where
//! the lake or an option says that a folder holds its files.
//!
//! Landing objects are named by the file's content: taking the same file twice writes the same objects.

pub mod context;
pub mod file;
pub mod handler;
mod header;
pub mod inbox;
mod json_lines;
mod mapping;
pub mod names;
mod outside;
mod parts;
mod place;
pub mod price_file;
mod raw_rows;
mod reading;
pub mod receipt;
mod records;
mod run_row;
mod sheet;
mod source;
mod table;

pub use context::Context;
pub use file::{IngestReport, ingest_object};
pub use handler::{datasets, handle};
pub use inbox::{UNKNOWN_DATASET, forget_drop, take_created, take_drop};
pub use price_file::{ByProfile, PriceFile};
pub use raw_rows::{RawRow, RawRows, raw_rows};
pub use receipt::{Outcome, Receipt};

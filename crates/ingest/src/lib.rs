//! The ingest function: a file that somebody dropped in the inbox becomes canonical landing lines.
//!
//! The dataset is the folder: `inbox/orders/2026-11-20.csv` belongs to the contract `orders`. Columns are found by header,
//! never by position; a header that does not fit rejects the whole file, since nobody can tell what its columns mean. A row
//! that cannot be read goes on as it stood, with the reason, for `check` to quarantine. The landing object is named by the
//! file's content: dropping the same file twice writes the same object.

pub mod context;
mod csv_file;
pub mod file;

pub use context::Context;
pub use csv_file::landing_lines;
pub use file::{IngestReport, ingest_object};

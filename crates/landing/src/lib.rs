//! Landing: objects of canonical lines, between the stages that bring rows and `check`.
//!
//! - `scan.rs`: one flat JSON object, read without copying;
//! - `write.rs`: [`write_cell`], a cell of a file into a canonical line; `lines.rs`: [`SourceLines`], NDJSON lines as people write
//!   them; `readings.rs`: [`Readings`], what a column's texts say about a format that they may be mistaken for;
//! - `ingest_origin.rs`: [`IngestOrigin`], the file that an object's lines are from; `ingest_fault.rs`: [`IngestFault`], a row that could not be
//!   made a line;
//! - `gzip.rs`: how objects are packed.

pub mod gzip;
mod ingest_fault;
mod ingest_origin;
mod lines;
mod readings;
mod scan;
mod write;

pub use ingest_fault::IngestFault;
pub use ingest_origin::{IngestOrigin, Origins};
pub use lines::SourceLines;
pub use readings::{Doubts, Readings};
pub use scan::{Raw, dataset_of, scan_object, unescape};
pub use write::{Refusals, write_cell};

//! The one reader of texts in people's files: a CSV cell, a string of an NDJSON line, a text column of a database.
//!
//! A landing line holds canonical values: `2026-01-02`, `2026-01-02T03:04:05.123Z`, `1234.56`, `true`, null. What a file
//! holds is whatever its contract says, and nothing else: a text that is not of the contract's format is refused with the format's
//! name, never read in another one. [`CellReader`] is a column's part of the contract, made ready once. How a cell becomes a canonical line: the crate `landing`.
//!
//! - `number.rs`: [`NumberFormat`]; `pattern.rs`: [`Pattern`], dates and instants by `strftime`; `iso.rs`: ISO 8601 and its
//!   relatives; `excel.rs`: serial numbers; `epoch.rs`: [`Epoch`], counts since 1970;
//! - `moment.rs`: [`TimeFormat`], and a moment in a zone as an instant;

mod epoch;
mod excel;
mod iso;
mod moment;
mod number;
mod pattern;
mod reader;

pub use epoch::{Epoch, EpochUnit};
pub use excel::DateSystem;
pub use moment::{Fractions, TimeFormat, local_ms, read_iso_instant};
pub use number::{Grouping, NUMBER_FORMATS, NumberFormat, Percent};
pub use pattern::{Pattern, Time, Written};
pub use reader::{BooleanTexts, CellReader, CellValue, Form, Formats};

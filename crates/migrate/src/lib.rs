//! An existing PostgreSQL database to the lake: history, dividends, any dataset with a contract.
//!
//! - [`mapping`]: the YAML file that says which table is which dataset, and which column is which, with [`cast`]s;
//! - [`database`]: one consistent snapshot, and connections that read from it; `connection` reads the connection string;
//! - `relation`: what a mapped table looks like, checked before anything is read;
//! - `expression`: the SQL of its values, by `quoting`; `cell`: texts that people wrote, by the contract's formats;
//! - [`copy`]: a cursor in the key's order into landing objects (`lines`), with a [`checkpoint`] after each;
//! - [`mod@totals`] and [`content`]: what each side of a reconciliation holds, by hashes of rows in one `spelling`;
//! - [`differences`]: the rows that differ.
//!
//! Every value is read as the text that PostgreSQL writes of it: a `numeric` keeps its digits, and what the contract does not
//! take (`NaN`, `infinity`, a year before Christ) arrives as it was and is quarantined with its reason.

pub mod cast;
mod cell;
pub mod checkpoint;
mod connection;
pub mod content;
pub mod copy;
pub mod database;
pub mod differences;
mod expression;
mod lines;
pub mod mapping;
mod quoting;
mod relation;
mod spelling;
pub mod totals;

pub use checkpoint::Checkpoint;
pub use content::{Compared, Content, Ledger, Side, Totals};
pub use copy::{Copy, CopyOptions, tells_versions, versions_unknown};
pub use database::{Database, Snapshot};
pub use differences::{Difference, Differences, What};
pub use mapping::{DatasetMapping, Mapping};
pub use totals::{Source, totals};

//! An existing PostgreSQL database to the lake: history, dividends, any dataset with a contract.
//!
//! - [`mapping`]: the YAML file that says which table is which dataset, and which column is which;
//! - [`database`]: one consistent snapshot, and connections that read from it;
//! - `table`: what a mapped table looks like, checked before anything is read, and the SQL that reads it;
//! - [`copy`]: pages by key into landing objects, with a checkpoint after each;
//! - [`mod@totals`]: counts, sums, first and last date by symbol, in the database: one side of a reconciliation.
//!
//! Every value is read as the text that PostgreSQL writes of it: a `numeric` keeps its digits, and what the contract does not
//! take (`NaN`, `infinity`) arrives as it stood and is quarantined with its reason.

pub mod copy;
pub mod database;
pub mod mapping;
mod table;
pub mod totals;

pub use copy::{Checkpoint, Copy, CopyOptions};
pub use database::{Database, Snapshot};
pub use mapping::{DatasetMapping, Mapping};
pub use totals::{Side, Totals, totals};

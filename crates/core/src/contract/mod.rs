//! A dataset is declared once, in an Open Data Contract Standard (ODCS v3.1) file. From a [`Contract`] come the Arrow and
//! Parquet schema, the Glue columns, the data dictionary, the business key, the partitions and the order of a file.
//! Nothing infers a type.
//!
//! - `odcs.rs` reads the standard's YAML;
//! - `keys.rs` knows every key that a contract may have;
//! - `formats.rs` reads how the cells of people's files are written, `drops.rs` what else it says of them;
//! - `placement.rs` reads what it says of the key and the partitions;
//! - `model.rs` is what the rest of the program uses;
//! - `builtin.rs` holds the shipped contracts and rulesets, and the set that a run works with;
//! - `generate.rs` writes the Glue columns and the data dictionary.

mod builtin;
mod drops;
mod formats;
mod generate;
mod keys;
mod model;
mod odcs;
pub(crate) mod placement;

pub use builtin::{Contracts, Dataset, QualityTables};
pub use generate::{data_dictionary, glue_columns};
pub use model::{
    Column, ColumnType, Contract, Derivation, DropLimit, FileColumns, PartitionField, Role, TextEncoding,
};

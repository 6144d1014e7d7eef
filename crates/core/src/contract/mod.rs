//! A dataset is declared once, in an Open Data Contract Standard (ODCS v3.1) file. From a [`Contract`] come the Arrow and
//! Parquet schema, the Glue columns, the data dictionary, the business key, the partitions and the order of a file.
//! Nothing infers a type.
//!
//! - `odcs.rs` reads the standard's YAML;
//! - `drops.rs` reads what it says of people's files, `layout.rs` how those are laid out, `file_name.rs` what their names say;
//! - `model.rs` is what the rest of the program uses;
//! - `builtin.rs` holds the shipped contracts and rulesets, and the set that a run works with;
//! - `generate.rs` writes the Glue columns and the data dictionary.

mod builtin;
mod drops;
mod file_name;
mod generate;
mod layout;
mod model;
mod odcs;

pub use builtin::{Contracts, Dataset, QualityTables};
pub use file_name::FileNamePattern;
pub use generate::{data_dictionary, glue_columns};
pub use layout::{
    ExtraColumns, FileFormat, FileLayout, HeaderFrom, KEYS as LAYOUT_KEYS, QuotedEmpty, Quoting, Sheet,
    TextEncoding,
};
pub use model::{Column, ColumnType, Contract, Derivation, DropLimit, NumberFormat, PartitionField, Role};

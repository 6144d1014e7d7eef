//! A dataset is declared once, in an Open Data Contract Standard (ODCS v3.1) file. From a [`Contract`] come the Arrow and
//! Parquet schema, the Glue columns, the data dictionary, the business key, the partitions and the order of a file.
//! Nothing infers a type.
//!
//! - `odcs.rs` reads the standard's YAML, `custom.rs` what is in it beyond the standard;
//! - `known_keys.rs` lists every key that a contract may have, and `keys.rs` refuses others; `recent.rs` remembers the
//!   texts that were read last;
//! - `formats.rs` reads how the cells of people's files are written, `layout.rs` how those files are laid out, `file_name.rs` what
//!   their names say, `drops.rs` what else a contract says of them;
//! - `price_folders.rs` says which folders of the inbox are read by a vendor's profile instead;
//! - `placement.rs` reads what it says of the key and the partitions;
//! - `model.rs` is what the rest of the program uses, with the columns of `column.rs`;
//! - `changes.rs` says what may change of one whose table has rows;
//! - `builtin.rs` holds the shipped contracts and rulesets, and the set that a run works with;
//! - `generate.rs` writes the Glue columns and the data dictionary.

mod builtin;
pub mod cell;
pub mod changes;
mod column;
mod custom;
mod drops;
mod file_name;
mod formats;
mod generate;
mod keys;
mod known_keys;
mod layout;
mod model;
mod odcs;
mod placement;
mod preferred;
mod price_folders;
mod recent;
mod refine;

pub use builtin::{ContractText, Contracts, Dataset, QualityTables, runs_table};
pub use changes::Change;
pub use column::{Column, ColumnType, Derivation, Role};
pub use file_name::FileNamePattern;
pub use generate::{data_dictionary, glue_columns};
pub use layout::{
    ExtraColumns, FileFormat, FileLayout, HeaderFrom, KEYS as LAYOUT_KEYS, QuotedEmpty, Quoting, Sheet,
    TextEncoding,
};
pub use model::{Contract, DropLimit, Fields, FileColumns, PartitionField};
pub use placement::HIVE_NULL;
pub use preferred::Preference;
pub use price_folders::{PriceFolder, PriceFolders};
pub use refine::{Lookback, Materialization, ModelEngine, Refine};

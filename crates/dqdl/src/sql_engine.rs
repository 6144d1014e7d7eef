//! The port for SQL that goes beyond one table: an engine that answers what the crate's own evaluator does not.
//!
//! The crate evaluates `select ... from primary [where ...]` by itself, streaming. What it refuses (joins, groups, windows,
//! subqueries) it hands to the engine of [`Options::sql`](crate::Options::sql), if there is one. The engine needs the whole
//! data set, so its rows are kept in memory until the end.

#[cfg(feature = "datafusion")]
mod datafusion_engine;

use std::fmt::Debug;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

#[cfg(feature = "datafusion")]
pub use datafusion_engine::{DataFusionEngine, exact_numbers, wide_decimals};

/// A table that a query may name.
#[derive(Debug, Clone)]
pub struct SqlTable {
    /// `primary`, or the alias of a reference table.
    pub name: String,
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
}

/// Answers queries over tables in memory.
pub trait SqlEngine: Debug + Send + Sync {
    /// The rows that a query returns; an error is said in the report, where the rule is ERROR.
    fn query(&self, sql: &str, tables: Vec<SqlTable>) -> Result<Vec<RecordBatch>, String>;
}

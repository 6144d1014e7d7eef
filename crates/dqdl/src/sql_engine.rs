//! A door for SQL that goes beyond one table: an engine that answers what the crate's own evaluator does not.
//!
//! The crate evaluates `select ... from primary [where ...]` by itself, streaming. What it refuses (joins, groups, windows,
//! subqueries) it hands to the engine of [`Options::sql`](crate::Options::sql), if there is one. The engine needs the whole
//! data set, so its rows are kept in memory until the end.

#[cfg(feature = "datafusion")]
mod datafusion_engine;

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};

#[cfg(feature = "datafusion")]
pub use datafusion_engine::{DataFusionEngine, exact_numbers, wide_decimals};

use crate::checks::{Accumulator, Check, EmptyPolicy, Goal, Input, Measurement, Totals, Verdict};
use crate::references::References;

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

/// A CustomSql that the engine answers.
#[derive(Debug, Clone)]
pub(crate) struct EngineQuery {
    pub(crate) sql: String,
    pub(crate) engine: Arc<dyn SqlEngine>,
    pub(crate) schema: SchemaRef,
    pub(crate) references: References,
    pub(crate) form: EngineForm,
}

/// What a query's answer is taken for.
#[derive(Debug, Clone)]
pub(crate) enum EngineForm {
    /// One row of one number.
    Number(Goal),
    /// Rows: their number over that of `primary`. Which rows they are is not known.
    Rows(Goal),
}

impl Check for EngineQuery {
    fn empty_policy(&self) -> EmptyPolicy {
        match self.form {
            EngineForm::Number(_) => EmptyPolicy::Always,
            EngineForm::Rows(_) => EmptyPolicy::Never,
        }
    }

    fn start(&self) -> Box<dyn Accumulator> {
        Box::new(EngineRun { query: self.clone(), batches: Vec::new() })
    }
}

#[derive(Debug)]
struct EngineRun {
    query: EngineQuery,
    batches: Vec<RecordBatch>,
}

impl Accumulator for EngineRun {
    fn observe(&mut self, input: &Input<'_>) -> Result<(), String> {
        self.batches.push(match input.rows.clone().into_bits() {
            None => input.batch.clone(),
            Some(bits) => filter_record_batch(input.batch, &BooleanArray::new(bits, None))
                .map_err(|error| error.to_string())?,
        });
        Ok(())
    }

    fn finish(self: Box<Self>, totals: &Totals) -> Measurement {
        let Self { query, batches } = *self;
        let rows = totals.rows - totals.skipped;
        match answer(&query, batches) {
            Err(error) => Measurement::refused(error),
            Ok(batches) => match &query.form {
                EngineForm::Rows(goal) => {
                    let returned: usize = batches.iter().map(RecordBatch::num_rows).sum();
                    Measurement::of(
                        "Dataset.*.CustomSQL.Compliance".to_owned(),
                        returned as f64 / rows as f64,
                        goal,
                    )
                }
                EngineForm::Number(goal) => match number(&batches) {
                    Ok(Some(value)) => Measurement::of("Dataset.*.CustomSQL".to_owned(), value, goal),
                    Ok(None) => Measurement::new([], Verdict::Fail("The query returned NULL".to_owned())),
                    Err(error) => Measurement::refused(error),
                },
            },
        }
    }
}

fn answer(query: &EngineQuery, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, String> {
    let primary = SqlTable { name: "primary".to_owned(), schema: Arc::clone(&query.schema), batches };
    let mut tables = vec![primary];
    for alias in query.references.aliases() {
        tables.push(SqlTable {
            name: alias.to_owned(),
            schema: query.references.schema(alias)?,
            batches: query.references.table(alias)?.to_vec(),
        });
    }
    query.engine.query(&query.sql, tables)
}

/// The one number that a query returned; `None` for NULL.
fn number(batches: &[RecordBatch]) -> Result<Option<f64>, String> {
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let columns = batches.first().map_or(0, RecordBatch::num_columns);
    let [batch] = &batches.iter().filter(|batch| batch.num_rows() > 0).collect::<Vec<_>>()[..] else {
        return Err(format!("the query returned {rows} rows of {columns} columns, not one number"));
    };
    if rows != 1 || columns != 1 {
        return Err(format!("the query returned {rows} rows of {columns} columns, not one number"));
    }
    let column = batch.column(0);
    if !column.data_type().is_numeric() {
        return Err(format!("the query returned a {}, not a number", column.data_type()));
    }
    let numbers = cast(column, &DataType::Float64).map_err(|error| error.to_string())?;
    let numbers = numbers.as_primitive::<Float64Type>();
    Ok(numbers.is_valid(0).then(|| numbers.value(0)))
}

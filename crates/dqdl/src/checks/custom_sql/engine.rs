//! A CustomSql that an engine answers: its rows are kept until the end and handed over whole.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};

use super::METRIC;
use crate::check::{Accumulator, Check, EmptyPolicy, Goal, Input, Measurement, Totals, Verdict};
use crate::references::References;
use crate::sql_engine::{SqlEngine, SqlTable};

/// A CustomSql that the engine answers.
#[derive(Debug, Clone)]
pub(super) struct EngineQuery {
    pub(super) sql: String,
    pub(super) engine: Arc<dyn SqlEngine>,
    pub(super) schema: SchemaRef,
    pub(super) references: References,
    pub(super) form: EngineForm,
}

/// What a query's answer is taken for.
#[derive(Debug, Clone)]
pub(super) enum EngineForm {
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
                    Measurement::of(format!("{METRIC}.Compliance"), returned as f64 / rows as f64, goal)
                }
                EngineForm::Number(goal) => match number(&batches) {
                    Ok(Some(value)) => Measurement::of(METRIC.to_owned(), value, goal),
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

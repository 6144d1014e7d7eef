//! Tests of models: rows that are given, and rows that have to come of them.
//!
//! ```yaml
//! given:
//!   daily_bars:
//!     - {provider_symbol: ABC, trading_date: 2024-01-02, close: 10.50}
//! defaults:
//!   daily_bars: {provider: a, symbol: ABC, interval: 1d, adjustment: raw}
//! expect:
//!   - {provider_symbol: ABC, close: 10.50}
//! ```
//!
//! Rows are typed by the contracts of their tables. `defaults` are for every row of a table. A column that a row does not name is missing;
//! where the contract requires it, it has to be named, but for columns of provenance, which are filled. Expected are the rows of the model
//! in any order, in the columns that are named: a decimal to its last digit, a number that goes through floating point to nine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;
use futures::TryStreamExt as _;
use quotelake_contract::{Column, ColumnType, Contract, Contracts, Role};
use quotelake_core::ports::{Lake, Precondition};
use quotelake_core::{Context as _, Error, Result, check_yaml};
use quotelake_table::{Partitioner, RowDecoder, parquet_file};
use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::conform::conform;
use crate::dates::Dates;
use crate::engine::{self, Engine};
use crate::model::Model;
use crate::tables::Tables;

/// A row of a test: values by column.
type Row = BTreeMap<String, Value>;

/// A test of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelTest {
    /// The rows of each table that the model reads; a table that is not named has none.
    #[serde(default)]
    given: BTreeMap<String, Vec<Row>>,
    /// What every row of a table has, unless it says otherwise.
    #[serde(default)]
    defaults: BTreeMap<String, Row>,
    /// The rows that have to come out.
    expect: Vec<Row>,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// The columns that were compared.
    pub columns: Vec<String>,
    /// Rows that were expected and did not come, in these columns; a missing value is null.
    pub missing: Vec<Vec<Option<String>>>,
    /// Rows that came and were not expected.
    pub unexpected: Vec<Vec<Option<String>>>,
    /// Rows that came.
    pub rows: usize,
}

impl Outcome {
    /// Whether what came is what was expected.
    pub fn is_passed(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty()
    }
}

impl ModelTest {
    /// Reads a test. `Config` names what is wrong.
    pub fn parse(yaml: &str) -> Result<Self> {
        check_yaml(yaml)?;
        serde_yaml_ng::from_str(yaml).map_err(|e| {
            Error::config(
                "a test has `given` (rows by table), `defaults` (values by table) and `expect` (rows)",
            )
            .with_source(e)
        })
    }

    /// Computes the model from the given rows, which are put into a lake that has to be empty.
    ///
    /// `Config` for rows that are none of their contract, and for a model that is at fault; `InvalidInput` where it fails on them.
    pub async fn run(
        &self,
        model: &Model,
        contracts: &Contracts,
        engine: &dyn Engine,
        lake: &dyn Lake,
    ) -> Result<Outcome> {
        let tables = Tables::new(lake, contracts);
        for table in self.given.keys().chain(self.defaults.keys()) {
            if !reads(model, contracts, table)? {
                return Err(Error::config(format!("{} does not read {table:?}", model.name())));
            }
        }
        for (table, rows) in &self.given {
            let rows =
                self.rows_of(tables.contract(table)?, rows).with_context(|| format!("given {table}"))?;
            put(lake, tables.contract(table)?, &rows).await?;
        }
        let contract = &model.dataset.contract;
        let (columns, expected) = self.expected(contract).context("expect")?;
        let mut came = Vec::new();
        let mut computed = engine::compute(model, engine, tables, Dates::ALL).await?;
        while let Some(part) = computed.try_next().await? {
            let conformed = conform(contract, &part.rows)?;
            if let Some((_, fault)) = conformed.faults.first() {
                return Err(Error::invalid(format!("a computed row does not fit the contract: {fault:?}")));
            }
            came.extend(texts(contract, &conformed.rows, &columns)?);
        }
        let rows = came.len();
        let (missing, unexpected) = difference(expected, came);
        let columns = columns.iter().map(|index| contract.columns[*index].name.clone()).collect();
        Ok(Outcome { columns, missing, unexpected, rows })
    }

    /// The rows of a table, complete.
    fn rows_of(&self, contract: &Contract, rows: &[Row]) -> Result<RecordBatch> {
        let defaults = self.defaults.get(&contract.name);
        let complete = rows.iter().map(|row| {
            let mut row = row.clone();
            for (column, value) in defaults.into_iter().flatten() {
                row.entry(column.clone()).or_insert_with(|| value.clone());
            }
            for column in contract.columns.iter().filter(|column| is_needed(column)) {
                match (row.contains_key(&column.name), provenance(column)) {
                    (true, _) => {}
                    (false, Some(value)) => drop(row.insert(column.name.clone(), value)),
                    (false, None) => {
                        return Err(Error::config(format!(
                            "a row lacks {:?}, which is required: name it, or say it once under `defaults`",
                            column.name
                        )));
                    }
                }
            }
            Ok(row)
        });
        batch(contract, complete.collect::<Result<Vec<_>>>()?.iter())
    }

    /// The expected rows in the columns that they name.
    fn expected(&self, contract: &Contract) -> Result<(Vec<usize>, Vec<Texts>)> {
        let named: BTreeSet<&str> = self.expect.iter().flatten().map(|(name, _)| name.as_str()).collect();
        let all = 0..contract.columns.len();
        let columns: Vec<usize> = match named.is_empty() {
            true => all.collect(),
            false => all.filter(|index| named.contains(contract.columns[*index].name.as_str())).collect(),
        };
        let rows = batch(contract, self.expect.iter())?;
        Ok((columns.clone(), texts(contract, &rows, &columns)?))
    }
}

/// A row as text, a missing value as none.
type Texts = Vec<Option<String>>;

/// Whether a model reads a table, by itself or through views.
fn reads(model: &Model, contracts: &Contracts, table: &str) -> Result<bool> {
    for input in &model.inputs {
        if input.table == table {
            return Ok(true);
        }
        if let Some(view) = Model::new(contracts.get(&input.table)?)?.filter(|view| !view.is_published())
            && reads(&view, contracts, table)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_needed(column: &Column) -> bool {
    !column.nullable && column.is_read()
}

/// What a column of provenance has that a test does not name.
fn provenance(column: &Column) -> Option<Value> {
    (column.role == Role::Provenance).then(|| match column.ty {
        ColumnType::Timestamp => Value::String("2000-01-01T00:00:00.000Z".to_owned()),
        ColumnType::Date => Value::String("2000-01-01".to_owned()),
        ColumnType::Boolean => Value::Bool(false),
        ColumnType::String => Value::String("test".to_owned()),
        _ => Value::Number(0.into()),
    })
}

/// Rows by a contract's types.
fn batch<'r>(contract: &Contract, rows: impl Iterator<Item = &'r Row>) -> Result<RecordBatch> {
    let mut decoder = RowDecoder::new(Arc::new(contract.clone()));
    for (number, row) in rows.enumerate() {
        let mut line = serde_json::Map::new();
        for (column, value) in row {
            if contract.index_of(column).is_none() {
                return Err(Error::config(format!(
                    "row {}: {} has no column {column:?}",
                    number + 1,
                    contract.name
                )));
            }
            let value = json(value).with_context(|| format!("row {}, {column}", number + 1))?;
            line.extend(value.map(|value| (column.clone(), value)));
        }
        let line = serde_json::Value::Object(line).to_string();
        decoder.push(&line).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(|fault| format!("{fault:?}")).collect();
            Error::config(format!("row {}: {}", number + 1, faults.join("; ")))
        })?;
    }
    decoder.take_batch()
}

/// A value as a line has it; none for one that is missing.
fn json(value: &Value) -> Result<Option<serde_json::Value>> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(float)) => {
                let text = float.to_string();
                if text.bytes().filter(u8::is_ascii_digit).count() > 15 {
                    return Err(Error::config(
                        "a number of more than 15 digits is not read exactly: put it into quotes",
                    ));
                }
                text.into()
            }
            (None, None) => return Err(Error::config("this number cannot be read: put it into quotes")),
        },
        _ => return Err(Error::config("a value is a text, a number, true, false or null")),
    }))
}

/// Puts rows into a table.
async fn put(lake: &dyn Lake, contract: &Contract, rows: &RecordBatch) -> Result<()> {
    for (partition, rows) in Partitioner::new(contract).split(rows)? {
        let key = partition.object_key(contract.zone(), &contract.name).to_string();
        let bytes = parquet_file::write(contract, &rows)?;
        lake.put(&key, bytes, Precondition::IfAbsent).await?;
    }
    Ok(())
}

/// Rows as texts of these columns.
fn texts(contract: &Contract, rows: &RecordBatch, columns: &[usize]) -> Result<Vec<Texts>> {
    let mut all = vec![Vec::with_capacity(columns.len()); rows.num_rows()];
    for index in columns {
        let values = rows.column(*index);
        let is_rounded = contract.columns[*index].floating_point && *values.data_type() == DataType::Float64;
        for (row, texts) in all.iter_mut().enumerate() {
            texts.push(match values.is_valid(row) {
                false => None,
                true if is_rounded => {
                    Some(format!("{:.8e}", values.as_primitive::<Float64Type>().value(row)))
                }
                true => Some(array_value_to_string(values.as_ref(), row)?),
            });
        }
    }
    Ok(all)
}

/// What is only on one side.
fn difference(mut expected: Vec<Texts>, came: Vec<Texts>) -> (Vec<Texts>, Vec<Texts>) {
    let mut unexpected = Vec::new();
    for row in came {
        match expected.iter().position(|other| *other == row) {
            Some(place) => drop(expected.swap_remove(place)),
            None => unexpected.push(row),
        }
    }
    expected.sort();
    unexpected.sort();
    (expected, unexpected)
}

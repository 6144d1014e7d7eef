//! The published tables, read for people: what there is, and columns as plain values.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, PrimitiveArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{ArrowPrimitiveType, DataType, Date32Type};
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use quotelake_contract::{ColumnType, Contract, Contracts};
use quotelake_core::ports::Lake;
use quotelake_core::time::date_from_days;
use quotelake_core::{Error, ErrorKind, Finding, Result};
use quotelake_market::DailySeries;
use quotelake_table::Published;
use serde::Serialize;

/// One published table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableSummary {
    /// The table.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Distinct symbols, where the table has a `symbol` column.
    pub symbols: u64,
    /// Partitions, each of one file.
    pub partitions: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// First date of the business key's date column, where it has one.
    pub first: Option<NaiveDate>,
    /// Last date of it.
    pub last: Option<NaiveDate>,
    /// Rows and last date by symbol.
    #[serde(skip)]
    pub by_symbol: BTreeMap<String, (u64, Option<NaiveDate>)>,
}

/// The tables that have rows. One that cannot be read does not hide the others: it is added to `findings`.
pub async fn summaries(
    lake: &dyn Lake,
    contracts: &Contracts,
    findings: &mut Vec<Finding>,
) -> Result<Vec<TableSummary>> {
    let mut tables = Vec::new();
    for dataset in contracts.all()? {
        let summary = summary_of(lake, &dataset.contract).await;
        tables.extend(table_read(summary, &dataset.contract, findings)?.flatten());
    }
    Ok(tables)
}

/// What was read of a table; nothing where its files are to blame: then there is a finding more.
pub fn table_read<T>(read: Result<T>, contract: &Contract, findings: &mut Vec<Finding>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind().is_retryable() || error.kind() == ErrorKind::Unauthorized => Err(error),
        Err(error) => {
            let fix = match error.kind() {
                ErrorKind::Damaged => {
                    "restore the file from a backup, or make it again with `quotelake rebuild`"
                }
                _ => {
                    "put the contract of before back, or make the table again with `quotelake rebuild --contract`"
                }
            };
            let table = format!("table {}", contract.name);
            // Several readers of one table find the same.
            if !findings.iter().any(|finding| finding.subject == table) {
                findings.push(Finding::error(table, error.to_string(), fix));
            }
            Ok(None)
        }
    }
}

/// One table, if it has rows.
pub async fn summary_of(lake: &dyn Lake, contract: &Contract) -> Result<Option<TableSummary>> {
    let (date_column, has_symbols) = (date_of_key(contract), contract.index_of("symbol").is_some());
    let columns: Vec<&str> = date_column.into_iter().chain(has_symbols.then_some("symbol")).collect();
    let mut by_symbol: BTreeMap<String, (u64, Option<NaiveDate>)> = BTreeMap::new();
    let (mut first, mut last) = (None, None);
    let (mut rows, mut partitions, mut bytes) = (0, 0, 0);
    let mut parts = Published::new(lake, contract).scan_all(&columns).await?;
    while let Some((stored, batch)) = parts.try_next().await? {
        (rows, partitions, bytes) = (rows + batch.num_rows() as u64, partitions + 1, bytes + stored.bytes);
        let dates = match date_column {
            Some(column) => dates(&batch, column)?,
            None => vec![None; batch.num_rows()],
        };
        for date in dates.iter().flatten() {
            first = Some(first.map_or(*date, |known: NaiveDate| known.min(*date)));
            last = Some(last.map_or(*date, |known: NaiveDate| known.max(*date)));
        }
        if has_symbols {
            for (symbol, date) in texts(&batch, "symbol")?.iter().zip(&dates) {
                let entry = by_symbol.entry(symbol.clone().unwrap_or_default()).or_default();
                entry.0 += 1;
                entry.1 = entry.1.max(*date);
            }
        }
    }
    let table = contract.name.clone();
    let symbols = by_symbol.len() as u64;
    let summary = TableSummary { table, rows, symbols, partitions, bytes, first, last, by_symbol };
    Ok((partitions > 0).then_some(summary))
}

/// The name of the business key's first date column.
pub fn date_of_key(contract: &Contract) -> Option<&str> {
    let columns = contract.key.iter().map(|index| &contract.columns[*index]);
    columns.into_iter().find(|column| column.ty == ColumnType::Date).map(|column| column.name.as_str())
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::config(format!("there is no column {name}")))
}

fn other_type(name: &str, wanted: &str, column: &ArrayRef) -> Error {
    Error::config(format!("column {name} holds no {wanted} but {}", column.data_type()))
}

/// A text column's values. `Config` names a column that is not there or holds no texts.
pub fn texts(batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>> {
    let values = column(batch, name)?;
    let is_text = match values.data_type() {
        DataType::Dictionary(_, value) => **value == DataType::Utf8,
        ty => *ty == DataType::Utf8,
    };
    if !is_text {
        return Err(other_type(name, "texts", values));
    }
    let plain: ArrayRef = cast(values, &DataType::Utf8)?;
    let plain: &StringArray = plain.as_string();
    Ok(plain.iter().map(|value| value.map(str::to_owned)).collect())
}

/// A column of one of Arrow's plain types. `Config` names a column that is not there or is of another.
pub fn primitive<'b, T: ArrowPrimitiveType>(
    batch: &'b RecordBatch,
    name: &str,
) -> Result<&'b PrimitiveArray<T>> {
    let values = column(batch, name)?;
    values.as_primitive_opt().ok_or_else(|| other_type(name, &T::DATA_TYPE.to_string(), values))
}

/// A date column's values. `Config` names a column that is not there or holds no dates.
pub fn dates(batch: &RecordBatch, name: &str) -> Result<Vec<Option<NaiveDate>>> {
    let days = primitive::<Date32Type>(batch, name)?;
    Ok(days.iter().map(|day| day.and_then(date_from_days)).collect())
}

/// A decimal column's values and its scale: `value / 10^scale`. `Config` names a column that is not there or holds no decimals.
pub fn decimals(batch: &RecordBatch, name: &str) -> Result<(Vec<Option<i128>>, u8)> {
    let values = column(batch, name)?;
    let scale = match values.data_type() {
        DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => return Err(other_type(name, "decimals", values)),
    };
    let wide = cast(values, &DataType::Decimal128(38, scale))?;
    let wide = wide.as_primitive::<arrow::datatypes::Decimal128Type>();
    let all = (0..wide.len()).map(|row| wide.is_valid(row).then(|| wide.value(row))).collect();
    Ok((all, u8::try_from(scale).unwrap_or(0)))
}

/// How many of a table's rows have each flag; none where its contract has no flags.
pub async fn flagged(lake: &dyn Lake, contract: &Contract) -> Result<BTreeMap<String, u64>> {
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    let Some(flags) = contract.flags().map(|index| contract.columns[index].name.as_str()) else {
        return Ok(all);
    };
    let mut parts = Published::new(lake, contract).scan_all(&[flags]).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        if column(&batch, flags)?.null_count() == batch.num_rows() {
            continue;
        }
        for of_row in texts(&batch, flags)?.iter().flatten() {
            of_row.split(',').for_each(|flag| *all.entry(flag.to_owned()).or_default() += 1);
        }
    }
    Ok(all)
}

/// The series of daily bars, or of what is computed of them, that each row is of.
pub fn daily_series(batch: &RecordBatch) -> Result<Vec<DailySeries>> {
    let read = |name| texts(batch, name);
    let columns = [read("provider")?, read("provider_symbol")?, read("adjustment")?, read("session")?];
    let series = |row: usize| {
        let [provider, provider_symbol, adjustment, session] =
            columns.each_ref().map(|column| column[row].clone().unwrap_or_default());
        DailySeries { provider, provider_symbol, adjustment, session }
    };
    Ok((0..batch.num_rows()).map(series).collect())
}

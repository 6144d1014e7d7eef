//! The published tables, read for people: what there is, and columns as plain values.

use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type};
use chrono::NaiveDate;
use quotelake_core::contract::ColumnType;
use quotelake_core::ports::Lake;
use quotelake_core::table::parquet_file;
use quotelake_core::time::date_from_days;
use quotelake_core::{Context as _, Contract, Contracts, Error, ObjectKey, Result, Zone};
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

/// Every partition of a table, in order.
pub async fn read_table(lake: &dyn Lake, contract: &Contract) -> Result<Vec<(u64, RecordBatch)>> {
    let mut parts = Vec::new();
    for meta in lake.list(&ObjectKey::dataset_prefix(Zone::Bronze, &contract.name)).await? {
        let bytes = lake.get(&meta.key).await?.bytes;
        parts.push((meta.size, parquet_file::read(contract, bytes).with_context(|| meta.key.clone())?));
    }
    Ok(parts)
}

/// The tables that have rows.
pub async fn summaries(lake: &dyn Lake, contracts: &Contracts) -> Result<Vec<TableSummary>> {
    let mut tables = Vec::new();
    for dataset in contracts.all()? {
        tables.extend(summary_of(lake, &dataset.contract).await?);
    }
    Ok(tables)
}

/// One table, if it has rows.
pub async fn summary_of(lake: &dyn Lake, contract: &Contract) -> Result<Option<TableSummary>> {
    let parts = read_table(lake, contract).await?;
    (!parts.is_empty()).then(|| summary(contract, &parts)).transpose()
}

fn summary(contract: &Contract, parts: &[(u64, RecordBatch)]) -> Result<TableSummary> {
    let mut by_symbol: BTreeMap<String, (u64, Option<NaiveDate>)> = BTreeMap::new();
    let (mut first, mut last) = (None, None);
    let date_column =
        contract.key.iter().map(|index| &contract.columns[*index]).find(|c| c.ty == ColumnType::Date);
    for (_, batch) in parts {
        let dates = match date_column {
            Some(column) => dates(batch, &column.name)?,
            None => vec![None; batch.num_rows()],
        };
        for date in dates.iter().flatten() {
            first = Some(first.map_or(*date, |known: NaiveDate| known.min(*date)));
            last = Some(last.map_or(*date, |known: NaiveDate| known.max(*date)));
        }
        if batch.column_by_name("symbol").is_some() {
            for (symbol, date) in texts(batch, "symbol")?.iter().zip(&dates) {
                let entry = by_symbol.entry(symbol.clone().unwrap_or_default()).or_default();
                entry.0 += 1;
                entry.1 = entry.1.max(*date);
            }
        }
    }
    Ok(TableSummary {
        table: contract.name.clone(),
        rows: parts.iter().map(|(_, batch)| batch.num_rows() as u64).sum(),
        symbols: by_symbol.len() as u64,
        partitions: parts.len() as u64,
        bytes: parts.iter().map(|(bytes, _)| bytes).sum(),
        first,
        last,
        by_symbol,
    })
}

/// A text column's values.
pub fn texts(batch: &RecordBatch, column: &str) -> Result<Vec<Option<String>>> {
    let Some(values) = batch.column_by_name(column) else { return Ok(vec![None; batch.num_rows()]) };
    let plain: ArrayRef = cast(values, &DataType::Utf8)?;
    let plain: &StringArray = plain.as_string();
    Ok(plain.iter().map(|value| value.map(str::to_owned)).collect())
}

/// A date column's values.
pub fn dates(batch: &RecordBatch, column: &str) -> Result<Vec<Option<NaiveDate>>> {
    let values = batch.column_by_name(column).and_then(|values| values.as_primitive_opt::<Date32Type>());
    Ok(match values {
        Some(days) => days.iter().map(|day| day.and_then(date_from_days)).collect(),
        None => vec![None; batch.num_rows()],
    })
}

/// A decimal column's values and its scale: `value / 10^scale`.
pub fn decimals(batch: &RecordBatch, column: &str) -> Result<(Vec<Option<i128>>, u8)> {
    let Some(values) = batch.column_by_name(column) else { return Ok((vec![None; batch.num_rows()], 0)) };
    let scale = match values.data_type() {
        DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    };
    let wide = cast(values, &DataType::Decimal128(38, scale))?;
    let wide = wide.as_primitive::<arrow::datatypes::Decimal128Type>();
    let all = (0..wide.len()).map(|row| wide.is_valid(row).then(|| wide.value(row))).collect();
    Ok((all, u8::try_from(scale).unwrap_or(0)))
}

/// Rows of a table that have a flag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Flagged {
    /// How many.
    pub rows: u64,
    /// The newest of them, by the business key's date: date and symbol.
    pub newest: Option<(NaiveDate, String)>,
}

/// A table's rows by flag; none where its contract has no flags.
pub async fn flagged(lake: &dyn Lake, contract: &Contract) -> Result<BTreeMap<String, Flagged>> {
    let mut all: BTreeMap<String, Flagged> = BTreeMap::new();
    let Some(flags) = contract.flags().map(|index| &contract.columns[index].name) else { return Ok(all) };
    let date_column =
        contract.key.iter().map(|index| &contract.columns[*index]).find(|c| c.ty == ColumnType::Date);
    for (_, batch) in read_table(lake, contract).await? {
        if batch.column_by_name(flags).is_none_or(|column| column.null_count() == batch.num_rows()) {
            continue;
        }
        let (flags, symbols) = (texts(&batch, flags)?, texts(&batch, "symbol")?);
        let dates = match date_column {
            Some(column) => dates(&batch, &column.name)?,
            None => vec![None; batch.num_rows()],
        };
        for (row, flags) in flags.iter().enumerate() {
            for flag in flags.iter().flat_map(|flags| flags.split(',')) {
                let flagged = all.entry(flag.to_owned()).or_default();
                flagged.rows += 1;
                let of_row = dates[row].map(|date| (date, symbols[row].clone().unwrap_or_default()));
                flagged.newest = flagged.newest.take().max(of_row);
            }
        }
    }
    Ok(all)
}

/// A table's size, without reading its columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableCount {
    /// Rows.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Counts a table by its files' footers.
pub async fn count(lake: &dyn Lake, table: &str) -> Result<TableCount> {
    let mut count = TableCount::default();
    for meta in lake.list(&ObjectKey::dataset_prefix(Zone::Bronze, table)).await? {
        let tail = meta.size.saturating_sub(FOOTER_BYTES);
        let footer = lake.get_range(&meta.key, tail..meta.size).await?;
        count.rows += match parquet_file::row_count(&footer) {
            Some(rows) => rows,
            None => parquet_file::row_count(&lake.get(&meta.key).await?.bytes)
                .ok_or_else(|| Error::damaged(format!("{} is damaged: it is no Parquet file", meta.key)))?,
        };
        count.files += 1;
        count.bytes += meta.size;
    }
    Ok(count)
}

/// Most footers are smaller.
const FOOTER_BYTES: u64 = 64 << 10;

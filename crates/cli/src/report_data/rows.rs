//! Rows that were warned of, and rows that were refused, the newest first.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::NaiveDate;
use futures::TryStreamExt as _;
use quotelake_check::QuarantinedRow;
use quotelake_check::result::ResultDocument;
use quotelake_contract::{ColumnType, Contract, Contracts, Dataset};
use quotelake_core::ports::Lake;
use quotelake_core::{Decimal, Finding, Result};
use quotelake_table::Published;
use serde_json::value::RawValue;

use super::SHOWN;
use super::flag_details::FlagDetails;
use crate::report::data::{Fault, FlaggedRows, Newest, QuarantineReason, RefusedRow, WarnedRow};
use crate::tables::{date_of_key, dates, decimals, table_read, texts};

/// Characters of a value that are shown.
const VALUE_CHARS: usize = 80;
/// Columns of a fault that are shown.
const COLUMNS: usize = 5;
/// What is shown of a bar whose fault is in no column of it.
const PRICE: &str = "close";

/// Which rows with flags are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only this dataset's.
    pub dataset: Option<String>,
    /// Only those with this flag.
    pub flag: Option<String>,
    /// Only those of this date and after it.
    pub since: Option<NaiveDate>,
    /// With what the flags are about, and where the row came from.
    pub details: bool,
    /// So many; as many as the page shows where it is not said.
    pub most: Option<usize>,
}

/// The published rows that have flags: counted by flag, and the newest themselves.
pub async fn warned(
    lake: &dyn Lake,
    contracts: &Contracts,
    wanted: &Wanted,
    unreadable: &mut Vec<Finding>,
) -> Result<(Vec<FlaggedRows>, Newest<WarnedRow>)> {
    let (mut flags, mut newest) = (Vec::new(), Newest::default());
    for dataset in contracts.all()? {
        let contract = &dataset.contract;
        if wanted.dataset.as_ref().is_some_and(|name| *name != contract.name) {
            continue;
        }
        let read = warned_of(lake, dataset, wanted).await;
        let Some((counts, rows)) = table_read(read, contract, unreadable)? else { continue };
        flags.extend(counts);
        newest.all += rows.all;
        newest.rows.extend(rows.rows);
    }
    keep_newest(&mut newest.rows, wanted);
    Ok((flags, newest))
}

/// Newest first, and no more than are shown.
fn keep_newest(rows: &mut Vec<WarnedRow>, wanted: &Wanted) {
    rows.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.cmp(b)));
    rows.truncate(wanted.most.unwrap_or(SHOWN));
}

async fn warned_of(
    lake: &dyn Lake,
    dataset: &Dataset,
    wanted: &Wanted,
) -> Result<(Vec<FlaggedRows>, Newest<WarnedRow>)> {
    let contract = &dataset.contract;
    let (mut counts, mut newest) = (BTreeMap::<String, FlaggedRows>::new(), Newest::default());
    let Some(flags) = contract.flags().map(|index| contract.columns[index].name.as_str()) else {
        return Ok((Vec::new(), newest));
    };
    let date = date_of_key(contract);
    let [symbol, provider, close] =
        ["symbol", "provider", "close"].map(|name| contract.index_of(name).map(|_| name));
    let details = if wanted.details { Some(FlagDetails::of(dataset)) } else { None };
    let mut columns: BTreeSet<&str> =
        [Some(flags), date, symbol, provider, close].into_iter().flatten().collect();
    columns.extend(details.iter().flat_map(FlagDetails::columns));
    let columns: Vec<&str> = columns.into_iter().collect();
    let mut parts = Published::new(lake, contract).scan_all(&columns).await?;
    while let Some((_, batch)) = parts.try_next().await? {
        if batch.column_by_name(flags).is_some_and(|column| column.null_count() == batch.num_rows()) {
            continue;
        }
        let flags = texts(&batch, flags)?;
        let dates = date.map(|name| dates(&batch, name)).transpose()?;
        let symbols = symbol.map(|name| texts(&batch, name)).transpose()?;
        let providers = provider.map(|name| texts(&batch, name)).transpose()?;
        let closes = close.map(|name| decimals(&batch, name)).transpose()?;
        for (row, flags) in flags.iter().enumerate() {
            let Some(flags) = flags else { continue };
            let day = dates.as_ref().and_then(|dates| dates[row]);
            let is_named = |flag: &String| flags.split(',').any(|of_row| of_row == flag);
            if wanted.since.is_some_and(|since| day.is_none_or(|day| day < since))
                || !wanted.flag.as_ref().is_none_or(is_named)
            {
                continue;
            }
            let text = |column: &Option<Vec<Option<String>>>| column.as_ref().and_then(|of| of[row].clone());
            let symbol = text(&symbols);
            let flags: Vec<String> = flags.split(',').map(str::to_owned).collect();
            for flag in &flags {
                let entry = counts.entry(flag.clone()).or_insert_with(|| FlaggedRows {
                    table: contract.name.clone(),
                    flag: flag.clone(),
                    rows: 0,
                    newest: None,
                });
                entry.rows += 1;
                let of_row = day.map(|day| (day, symbol.clone().unwrap_or_default()));
                entry.newest = entry.newest.take().max(of_row);
            }
            newest.all += 1;
            newest.rows.push(WarnedRow {
                date: day.map(|day| day.to_string()),
                symbol,
                table: contract.name.clone(),
                provider: text(&providers),
                close: closes.as_ref().and_then(|(values, scale)| {
                    values[row].map(|value| Decimal::new(value, *scale).to_string())
                }),
                values: details.as_ref().and_then(|details| details.values(&batch, row, &flags)),
                source: details.as_ref().and_then(|details| details.source(&batch, row)),
                flags,
            });
        }
        keep_newest(&mut newest.rows, wanted);
    }
    Ok((counts.into_values().collect(), newest))
}

/// Rows in quarantine, counted by dataset and first reason.
pub(super) fn reasons(rows: &[QuarantinedRow]) -> Vec<QuarantineReason> {
    let mut reasons: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for row in rows {
        *reasons.entry((&row.dataset, &row.reason)).or_default() += 1;
    }
    let reason = |((dataset, reason), rows): ((&str, &str), u64)| QuarantineReason {
        dataset: dataset.to_owned(),
        reason: reason.to_owned(),
        rows,
    };
    reasons.into_iter().map(reason).collect()
}

/// Rows in quarantine for the page, the newest first.
pub(super) fn refused(
    rows: &[QuarantinedRow],
    contracts: &Contracts,
    documents: &[ResultDocument],
) -> Newest<RefusedRow> {
    let checked: BTreeMap<String, String> = documents
        .iter()
        .map(|document| (document.lineage.check_id.clone(), document.glue.completed_on.clone()))
        .collect();
    let mut refused = newest_refused(rows, contracts, &checked);
    refused.truncate(SHOWN);
    Newest { rows: refused.into_iter().map(|(_, row)| row).collect(), all: rows.len() as u64 }
}

/// Rows in quarantine as a reader wants to see them, each with its place in `rows`: those of the newest check first, in it the newest
/// date. `checked` says when a check ended, by its id.
pub fn newest_refused(
    rows: &[QuarantinedRow],
    contracts: &Contracts,
    checked: &BTreeMap<String, String>,
) -> Vec<(usize, RefusedRow)> {
    let at = |row: &QuarantinedRow| checked.get(&row.check_id).map(String::as_str);
    let readable = rows.iter().map(|row| one_refused(row, at(row), contracts));
    let mut refused: Vec<(usize, RefusedRow)> = readable.enumerate().collect();
    refused.sort_by(|(_, a), (_, b)| {
        (&b.at, &b.date, &a.subject, &a.place).cmp(&(&a.at, &a.date, &b.subject, &b.place))
    });
    refused
}

fn one_refused(row: &QuarantinedRow, at: Option<&str>, contracts: &Contracts) -> RefusedRow {
    let fields = fields(row);
    let contract = contracts.get(&row.dataset).ok().map(|dataset| &dataset.contract);
    let value = |name: &str| fields.get(name).and_then(|value| text(value));
    let key = |contract: &Contract| {
        let names = contract.key.iter().map(|index| contract.columns[*index].name.as_str());
        let values: Vec<String> = names.filter_map(value).collect();
        (!values.is_empty()).then(|| shortened(&values.join(" ")))
    };
    let faults = row.reasons.iter().map(|reason| Fault {
        reason: reason.reason.clone(),
        value: value_at_fault(reason.column.as_deref(), reason.rule.as_deref(), |name| {
            fields.get(name).map(|value| text(value))
        }),
        detail: reason.detail.clone(),
    });
    RefusedRow {
        at: at.map(str::to_owned),
        dataset: row.dataset.clone(),
        subject: value("symbol")
            .map(|symbol| shortened(&symbol))
            .or_else(|| contract.and_then(|contract| key(contract))),
        provider: value("provider").map(|provider| shortened(&provider)),
        date: contract
            .and_then(|contract| date_column(contract))
            .and_then(value)
            .map(|date| shortened(&date)),
        faults: faults.collect(),
        place: row.place(),
    }
}

/// The date that a row is of: that of its business key, else the first of its dates.
fn date_column(contract: &Contract) -> Option<&str> {
    let first = || contract.columns.iter().find(|column| column.ty == ColumnType::Date);
    date_of_key(contract).or_else(|| first().map(|column| column.name.as_str()))
}

/// The values of the columns that a fault is about: the one that it names, else those in the text of its rule.
/// `value` tells a column's, none of a column that is not there.
pub(super) fn value_at_fault(
    column: Option<&str>,
    rule: Option<&str>,
    value: impl Fn(&str) -> Option<Option<String>>,
) -> Option<String> {
    let columns = columns_at_fault(column, rule, |name| value(name).is_some());
    let told = columns.iter().map(|column| {
        let value = value(column).flatten();
        format!("{column} = {}", value.map_or_else(|| "missing".to_owned(), |of| shortened(&of)))
    });
    (!columns.is_empty()).then(|| told.collect::<Vec<_>>().join(", "))
}

/// The columns that a fault is about, of those that are there.
pub(super) fn columns_at_fault<'r>(
    column: Option<&'r str>,
    rule: Option<&'r str>,
    is_there: impl Fn(&str) -> bool,
) -> Vec<&'r str> {
    // No value is equal to NULL: such a rule is about its condition.
    let condition = rule.and_then(|rule| rule.split_once(" = NULL where ")).map(|(_, condition)| condition);
    let (column, rule) = if condition.is_some() { (None, condition) } else { (column, rule) };
    let in_rule = rule.iter().flat_map(|rule| {
        rule.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| is_there(word))
    });
    let named = column.into_iter().filter(|column| is_there(column));
    let mut columns: Vec<&str> = Vec::new();
    for column in named.chain(in_rule) {
        if !columns.contains(&column) && columns.len() < COLUMNS {
            columns.push(column);
        }
    }
    if columns.is_empty() && is_there(PRICE) {
        columns.push(PRICE);
    }
    columns
}

/// The fields of a row as it came, each value as it is written.
pub(super) type Fields = BTreeMap<String, Box<RawValue>>;

/// None where the row is no object.
pub(super) fn fields(row: &QuarantinedRow) -> Fields {
    let unpacked = row.raw_base64.as_deref().and_then(|coded| BASE64.decode(coded).ok());
    let bytes = row.raw.as_deref().map(str::as_bytes).or(unpacked.as_deref()).unwrap_or_default();
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// A value as it is written, a text without its quotes; none of a missing one.
fn text(value: &RawValue) -> Option<String> {
    match value.get() {
        "null" => None,
        written => Some(serde_json::from_str::<String>(written).unwrap_or_else(|_| written.to_owned())),
    }
}

pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(VALUE_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

//! Rows that were warned of, and rows that were refused, the newest first.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::TryStreamExt as _;
use quotelake_check::QuarantinedRow;
use quotelake_check::result::ResultDocument;
use quotelake_contract::{ColumnType, Contract, Contracts};
use quotelake_core::ports::Lake;
use quotelake_core::{Decimal, Finding, Result};
use quotelake_table::Published;
use serde_json::value::RawValue;

use super::SHOWN;
use crate::report::data::{Fault, FlaggedRows, Newest, QuarantineReason, RefusedRow, WarnedRow};
use crate::tables::{date_of_key, dates, decimals, table_read, texts};

/// Characters of a value that are shown.
const VALUE_CHARS: usize = 80;
/// Columns of a fault that are shown.
const COLUMNS: usize = 5;
/// What is shown of a bar whose fault is in no column of it.
const PRICE: &str = "close";

/// The published rows that have flags: counted by flag, and the newest themselves.
pub(super) async fn warned(
    lake: &dyn Lake,
    contracts: &Contracts,
    unreadable: &mut Vec<Finding>,
) -> Result<(Vec<FlaggedRows>, Newest<WarnedRow>)> {
    let (mut flags, mut newest) = (Vec::new(), Newest::default());
    for dataset in contracts.all()? {
        let contract = &dataset.contract;
        let read = warned_of(lake, contract).await;
        let Some((counts, rows)) = table_read(read, contract, unreadable)? else { continue };
        flags.extend(counts);
        newest.all += rows.all;
        newest.rows.extend(rows.rows);
    }
    keep_newest(&mut newest.rows);
    Ok((flags, newest))
}

/// Newest first, and no more than are shown.
fn keep_newest(rows: &mut Vec<WarnedRow>) {
    rows.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.cmp(b)));
    rows.truncate(SHOWN);
}

async fn warned_of(lake: &dyn Lake, contract: &Contract) -> Result<(Vec<FlaggedRows>, Newest<WarnedRow>)> {
    let (mut counts, mut newest) = (BTreeMap::<String, FlaggedRows>::new(), Newest::default());
    let Some(flags) = contract.flags().map(|index| contract.columns[index].name.as_str()) else {
        return Ok((Vec::new(), newest));
    };
    let date = date_of_key(contract);
    let [symbol, provider, close] =
        ["symbol", "provider", "close"].map(|name| contract.index_of(name).map(|_| name));
    let columns: BTreeSet<&str> =
        [Some(flags), date, symbol, provider, close].into_iter().flatten().collect();
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
                flags,
            });
        }
        keep_newest(&mut newest.rows);
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

/// Rows in quarantine as a reader wants to see them: those of the newest check first, in it the newest date.
pub(super) fn refused(
    rows: &[QuarantinedRow],
    contracts: &Contracts,
    documents: &[ResultDocument],
) -> Newest<RefusedRow> {
    let checked: BTreeMap<&str, &str> = documents
        .iter()
        .map(|document| (document.lineage.check_id.as_str(), document.glue.completed_on.as_str()))
        .collect();
    let at = |row: &QuarantinedRow| checked.get(row.check_id.as_str()).copied();
    let mut refused: Vec<RefusedRow> = rows.iter().map(|row| one_refused(row, at(row), contracts)).collect();
    refused
        .sort_by(|a, b| (&b.at, &b.date, &a.subject, &a.place).cmp(&(&a.at, &a.date, &b.subject, &b.place)));
    refused.truncate(SHOWN);
    Newest { rows: refused, all: rows.len() as u64 }
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
        value: value_at_fault(reason.column.as_deref(), reason.rule.as_deref(), &fields),
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
fn value_at_fault(column: Option<&str>, rule: Option<&str>, fields: &Fields) -> Option<String> {
    // No value is equal to NULL: such a rule is about its condition.
    let condition = rule.and_then(|rule| rule.split_once(" = NULL where ")).map(|(_, condition)| condition);
    let (column, rule) = if condition.is_some() { (None, condition) } else { (column, rule) };
    let in_rule = rule.iter().flat_map(|rule| {
        rule.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| fields.contains_key(*word))
    });
    let named = column.into_iter().filter(|column| fields.contains_key(*column));
    let mut columns: Vec<&str> = Vec::new();
    for column in named.chain(in_rule) {
        if !columns.contains(&column) && columns.len() < COLUMNS {
            columns.push(column);
        }
    }
    if columns.is_empty() && fields.contains_key(PRICE) {
        columns.push(PRICE);
    }
    let told = columns.iter().map(|column| {
        let value = fields.get(*column).and_then(|value| text(value));
        format!("{column} = {}", value.map_or_else(|| "missing".to_owned(), |of| shortened(&of)))
    });
    (!columns.is_empty()).then(|| told.collect::<Vec<_>>().join(", "))
}

/// The fields of a row as it came, each value as it is written.
type Fields = BTreeMap<String, Box<RawValue>>;

/// None where the row is no object.
fn fields(row: &QuarantinedRow) -> Fields {
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

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(VALUE_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

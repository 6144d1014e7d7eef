//! The mapping file: which table is which dataset, and which column is which.

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;
use quotelake_contract::{ColumnType, Contract, Contracts};
use quotelake_core::time::parse_zone;
use quotelake_core::{Context as _, Error, Result, sha256_hex};
use serde::Deserialize;

use crate::cast::Cast;

/// What a checkpoint's place in a table means: keys in the order of their types. Checkpoints of an earlier order do not go on.
const READING_ORDER: &str = "by type";
/// Columns of provenance that the migration fills where the mapping does not.
pub(crate) const PROVENANCE: [&str; 6] =
    ["fetched_at", "request_id", "run_id", "unit_id", "raw_sha256", "schema_version"];

/// A mapping file, read and checked against the contracts.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Names the migration and its checkpoints.
    pub name: String,
    /// The datasets, in the file's order.
    pub datasets: Vec<DatasetMapping>,
}

/// One table that becomes rows of one dataset.
#[derive(Debug, Clone)]
pub struct DatasetMapping {
    /// The dataset.
    pub dataset: String,
    /// Schema and table.
    pub table: (String, String),
    /// The columns of a unique key, in the order in which rows are read; none where the table has no key.
    pub key: Vec<String>,
    /// The table's column that says when a row was last changed: a later migration reads what changed since.
    pub updated_at: Option<String>,
    /// Where each column of the contract comes from, by the contract's name.
    pub columns: BTreeMap<String, Origin>,
    /// How both sides are added up.
    pub reconcile: Reconcile,
    /// SHA-256 of all of this: a checkpoint belongs to one mapping.
    pub sha256: String,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A column of the table.
    Column(Value),
    /// Text around columns of the table: `{symbol}.XNYS`.
    Template(Vec<Piece>),
    /// One value for all rows.
    Constant(String),
}

/// A value of a table's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The column.
    pub column: String,
    /// Of a `timestamp` without time zone, the zone in which it is meant; of one with a zone that is cast to a date, the zone
    /// whose date it is.
    pub zone: Option<Tz>,
    /// The type to which it is cast before anything else.
    pub cast: Option<Cast>,
}

impl Value {
    /// A column as it is.
    pub fn plain(column: &str) -> Self {
        Self { column: column.to_owned(), zone: None, cast: None }
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// A column's value.
    Column(String),
}

/// How a table and what became of it are added up, for people: whether both are equal is found out without it. All are columns
/// of the contract that the mapping fills.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reconcile {
    /// Rows are counted by this column; all together where there is none.
    #[serde(default)]
    pub by: Option<String>,
    /// Its first and last value are shown: a column of dates.
    #[serde(default)]
    pub date: Option<String>,
    /// Their sums are shown: columns of numbers.
    #[serde(default)]
    pub sum: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMapping {
    name: String,
    datasets: Vec<WrittenDataset>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDataset {
    dataset: String,
    table: String,
    #[serde(default)]
    key: Vec<String>,
    updated_at: Option<String>,
    columns: BTreeMap<String, WrittenColumn>,
    #[serde(default)]
    templates: BTreeMap<String, String>,
    #[serde(default)]
    constants: BTreeMap<String, serde_yaml_ng::Value>,
    #[serde(default)]
    reconcile: Reconcile,
}

/// A name, or a name with a zone or a cast.
#[derive(Debug)]
struct WrittenColumn {
    column: String,
    timezone: Option<String>,
    cast: Option<String>,
}

impl<'de> Deserialize<'de> for WrittenColumn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Converted {
            column: String,
            timezone: Option<String>,
            cast: Option<String>,
        }
        let value = serde_yaml_ng::Value::deserialize(deserializer)?;
        if let Some(column) = value.as_str() {
            return Ok(Self { column: column.to_owned(), timezone: None, cast: None });
        }
        let Converted { column, timezone, cast } =
            serde_yaml_ng::from_value(value).map_err(serde::de::Error::custom)?;
        Ok(Self { column, timezone, cast })
    }
}

impl Mapping {
    /// Reads a mapping file. `Config` names the dataset and the column that is wrong.
    pub fn parse(yaml: &str, contracts: &Contracts) -> Result<Self> {
        let written: WrittenMapping = quotelake_core::from_yaml(yaml, "not a mapping file")?;
        let named = !written.name.is_empty()
            && written.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !named {
            return Err(Error::config(format!("name {:?} is not of letters, digits, - and _", written.name)));
        }
        let mut seen = BTreeSet::new();
        let mut datasets = Vec::new();
        for dataset in written.datasets {
            let name = dataset.dataset.clone();
            if !seen.insert(name.clone()) {
                return Err(Error::config(format!("dataset {name:?} is mapped twice")));
            }
            let contract = &contracts.get(&name)?.contract;
            datasets.push(
                DatasetMapping::new(dataset, contract).with_context(|| format!("mapping of {name:?}"))?,
            );
        }
        Ok(Self { name: written.name, datasets })
    }
}

impl DatasetMapping {
    fn new(written: WrittenDataset, contract: &Contract) -> Result<Self> {
        let sha256 = sha256_hex(format!("{READING_ORDER} {written:?}").as_bytes());
        let (schema, table) = written.table.split_once('.').unwrap_or(("public", &written.table));
        let table = (schema.to_owned(), table.to_owned());
        let mut columns = BTreeMap::new();
        let mut map = |name: String, origin: Origin| match columns.insert(name.clone(), origin) {
            None => Ok(()),
            Some(_) => Err(Error::config(format!("column {name:?} is mapped twice"))),
        };
        for (name, column) in written.columns {
            let zone = column.timezone.map(|zone| parse_zone(&zone)).transpose()?;
            let cast = column.cast.as_deref().map(Cast::parse).transpose()?;
            map(name, Origin::Column(Value { column: column.column, zone, cast }))?;
        }
        for (name, template) in written.templates {
            map(name, Origin::Template(pieces(&template)?))?;
        }
        for (name, value) in written.constants {
            let text = constant(&value).ok_or_else(|| {
                Error::config(format!("constant {name:?} is neither text nor a number nor true or false"))
            })?;
            map(name, Origin::Constant(text))?;
        }
        let mapping = Self {
            dataset: written.dataset,
            table,
            key: written.key,
            updated_at: written.updated_at,
            columns,
            reconcile: written.reconcile,
            sha256,
        };
        mapping.check_columns(contract)?;
        mapping.check_reconcile(contract)?;
        Ok(mapping)
    }

    fn check_columns(&self, contract: &Contract) -> Result<()> {
        for name in self.columns.keys() {
            match contract.index_of(name).map(|index| &contract.columns[index]) {
                Some(column) if column.is_read() => {}
                Some(_) => return Err(Error::config(format!("column {name:?} is computed, never read"))),
                None => return Err(Error::config(format!("the contract has no column {name:?}"))),
            }
        }
        let missing: Vec<&str> = (0..contract.columns.len())
            .filter(|index| contract.is_in_files(*index))
            .map(|index| &contract.columns[index])
            .filter(|column| !column.nullable)
            .map(|column| column.name.as_str())
            .filter(|name| !self.columns.contains_key(*name) && !PROVENANCE.contains(name))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::config(format!(
            "the contract requires {}: map them, or give constants",
            missing.join(", ")
        )))
    }

    fn check_reconcile(&self, contract: &Contract) -> Result<()> {
        let Reconcile { by, date, sum } = &self.reconcile;
        let ty = |name: &String| contract.index_of(name).map(|index| contract.columns[index].ty);
        for name in by.iter().chain(date).chain(sum) {
            if !matches!(self.columns.get(name), Some(Origin::Column(_) | Origin::Template(_))) {
                return Err(Error::config(format!(
                    "reconcile: {name:?} does not come straight from a column of the table"
                )));
            }
        }
        if let Some(date) = date.as_ref().filter(|date| ty(date) != Some(ColumnType::Date)) {
            return Err(Error::config(format!("reconcile.date: {date:?} is no date column of the contract")));
        }
        let number = |name: &&String| {
            !matches!(ty(name), Some(ColumnType::Int | ColumnType::Bigint | ColumnType::Decimal { .. }))
        };
        match sum.iter().find(number) {
            Some(name) => {
                Err(Error::config(format!("reconcile.sum: {name:?} is no exact number of the contract")))
            }
            None => Ok(()),
        }
    }

    /// Values of the key that all rows of this migration have: what tells them from other rows of the table in the lake.
    pub fn constant_key(&self, contract: &Contract) -> Vec<(String, String)> {
        contract
            .key
            .iter()
            .filter_map(|index| {
                let name = &contract.columns[*index].name;
                match self.columns.get(name) {
                    Some(Origin::Constant(value)) => Some((name.clone(), value.clone())),
                    _ => None,
                }
            })
            .collect()
    }
}

fn constant(value: &serde_yaml_ng::Value) -> Option<String> {
    use serde_yaml_ng::Value;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The parts of `{symbol}.XNYS`.
fn pieces(template: &str) -> Result<Vec<Piece>> {
    let bad = || Error::config(format!("template {template:?}: a {{ without its }}"));
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let (column, after) = after.split_once('}').ok_or_else(bad)?;
        if !text.is_empty() {
            pieces.push(Piece::Text(text.to_owned()));
        }
        pieces.push(Piece::Column(column.to_owned()));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const DIVIDENDS: &str = include_str!("../../../samples/migrate/mapping.yaml");

    #[test]
    fn the_sample_is_sound() {
        let mapping = Mapping::parse(DIVIDENDS, &Contracts::built_in().unwrap()).unwrap();
        assert_eq!(mapping.datasets.len(), 2);
        let bars = &mapping.datasets[0];
        assert_eq!(bars.table, ("legacy".to_owned(), "daily_prices".to_owned()));
        let symbol =
            vec![Piece::Column("symbol".into()), Piece::Text(".".into()), Piece::Column("mic".into())];
        assert_eq!(bars.columns["symbol"], Origin::Template(symbol));
        let contract = &Contracts::built_in().unwrap().get("daily_bars").unwrap().contract.clone();
        let key = bars.constant_key(contract);
        assert!(key.contains(&("provider".into(), "legacy_pg".into())), "{key:?}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let contracts = Contracts::built_in().unwrap();
        for (from, to, says) in [
            (
                "      close: close_price\n",
                "",
                "mapping of \"daily_bars\": the contract requires close: map them",
            ),
            ("close: close_price", "closing: close_price", "the contract has no column \"closing\""),
            ("date: trading_date", "date: close", "reconcile.date: \"close\" is no date column"),
            ("by: provider_symbol", "by: provider", "\"provider\" does not come straight from a column"),
            ("{symbol}.{mic}", "{symbol", "a { without its }"),
            ("America/Sao_Paulo", "Brazil/Rio", "Brazil/Rio"),
        ] {
            assert!(DIVIDENDS.contains(from), "{from}");
            let error = Mapping::parse(&DIVIDENDS.replacen(from, to, 1), &contracts).unwrap_err();
            assert!(format!("{error}").contains(says), "{error}");
        }
    }
}

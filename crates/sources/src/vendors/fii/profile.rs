//! How a site's tables are read.

use std::collections::BTreeMap;

use quotelake_core::{Error, Result};
use scraper::Selector;
use serde::Deserialize;

use crate::DatasetName;

/// A site, as `profiles/fundamentus.yaml` describes one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name of the site, lower case.
    pub name: String,
    /// Raised with every change of the profile.
    pub version: u32,
    /// Scheme and host.
    pub base_url: String,
    /// How pages are encoded where their `Content-Type` does not say, e.g. `iso-8859-1`.
    pub encoding: String,
    /// The tables.
    pub tables: Vec<TableProfile>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableProfile {
    /// What its rows become: `fund_snapshots`, of all funds on one page, or `dividends`, of one fund.
    pub dataset: DatasetName,
    /// Path of the page.
    pub path: String,
    /// Its query; `{symbol}` stands for the fund.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// CSS selector of the table.
    pub table: String,
    /// A page with fewer rows is refused.
    pub min_rows: usize,
    /// What is taken, by the text of the header.
    pub columns: Vec<Column>,
    /// Headers that are known and not taken. Any other is a changed layout.
    #[serde(default)]
    pub ignored: Vec<String>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The header's text.
    pub header: String,
    /// The dataset's column.
    pub to: String,
    /// How its cells are written.
    pub read: ColumnKind,
    /// Where a `title` inside the cell goes.
    #[serde(default)]
    pub title_to: Option<String>,
    /// Zero means that it does not apply.
    #[serde(default)]
    pub zero_is_null: bool,
    /// Zero means that it does not apply in rows where that other column does not.
    #[serde(default)]
    pub zero_is_null_without: Option<String>,
}

/// How a cell is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// As it is.
    Text,
    /// `1.234,56`.
    Number,
    /// `8,63%`, a fraction of 0.0863.
    Percent,
    /// `31/08/2026`.
    Date,
}

/// What columns of the datasets a table may fill, and with what.
const FUND_COLUMNS: [(&str, &[ColumnKind]); 14] = [
    ("symbol", &[ColumnKind::Text]),
    ("name", &[ColumnKind::Text]),
    ("segment", &[ColumnKind::Text]),
    ("price", &[ColumnKind::Number]),
    ("ffo_yield", &[ColumnKind::Number, ColumnKind::Percent]),
    ("dividend_yield_12m", &[ColumnKind::Number, ColumnKind::Percent]),
    ("price_to_nav", &[ColumnKind::Number]),
    ("market_cap", &[ColumnKind::Number]),
    ("avg_daily_liquidity", &[ColumnKind::Number]),
    ("properties_count", &[ColumnKind::Number]),
    ("price_per_m2", &[ColumnKind::Number]),
    ("rent_per_m2", &[ColumnKind::Number]),
    ("cap_rate", &[ColumnKind::Number, ColumnKind::Percent]),
    ("vacancy_rate", &[ColumnKind::Number, ColumnKind::Percent]),
];
const DIVIDEND_COLUMNS: [(&str, &[ColumnKind]); 4] = [
    ("last_date_prior", &[ColumnKind::Date]),
    ("dividend_type", &[ColumnKind::Text]),
    ("pay_date", &[ColumnKind::Date]),
    ("amount", &[ColumnKind::Number]),
];

impl Profile {
    /// Reads YAML. `Config` names what is wrong: an unknown key, encoding, selector or column.
    pub fn parse(text: &str) -> Result<Self> {
        let profile: Self = serde_yaml_ng::from_str(text)
            .map_err(|e| Error::config("the profile cannot be read").with_source(e))?;
        profile.check().map_err(|error| error.context(format!("profile {}", profile.name)))?;
        Ok(profile)
    }

    /// The profile of `https://www.fundamentus.com.br`.
    pub fn fundamentus() -> Self {
        #[expect(clippy::expect_used, reason = "a file of this crate, which a test reads")]
        Self::parse(include_str!("../../../profiles/fundamentus.yaml")).expect("the shipped profile")
    }

    /// Every version of every profile that this build can map.
    pub(super) fn shipped() -> Vec<Self> {
        vec![Self::fundamentus()]
    }

    /// Name and version, as endpoints and rows carry them.
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    fn check(&self) -> Result<()> {
        let bad = |what: String| Err(Error::config(what));
        if self.name.is_empty()
            || !self.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        {
            return bad(format!("name {:?} is not lower-case letters and digits", self.name));
        }
        if encoding_rs::Encoding::for_label(self.encoding.as_bytes()).is_none() {
            return bad(format!("encoding {:?} is not known", self.encoding));
        }
        for table in &self.tables {
            let dataset = table.dataset;
            if Selector::parse(&table.table).is_err() {
                return bad(format!("{dataset}: table {:?} is no CSS selector", table.table));
            }
            let known: &[(&str, &[ColumnKind])] = match dataset {
                DatasetName::FundSnapshots => &FUND_COLUMNS,
                DatasetName::Dividends => &DIVIDEND_COLUMNS,
                other => return bad(format!("{other} cannot be read from a table")),
            };
            for column in &table.columns {
                let kinds = known.iter().find(|(name, _)| *name == column.to);
                if !kinds.is_some_and(|(_, kinds)| kinds.contains(&column.read)) {
                    return bad(format!("{dataset}: no column {:?} takes {:?}", column.to, column.read));
                }
                if column.title_to.as_deref().is_some_and(|to| to != "name") {
                    return bad(format!("{dataset}: title_to may be \"name\", for {:?}", column.header));
                }
            }
            let needed = if dataset == DatasetName::Dividends { "last_date_prior" } else { "symbol" };
            if !table.columns.iter().any(|column| column.to == needed) {
                return bad(format!("{dataset}: no header becomes {needed:?}"));
            }
        }
        Ok(())
    }
}

//! The custom property `refine`, which makes a dataset a model's output: what computes it, from which tables, and how it is kept.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::custom::Custom;
use quotelake_core::{Error, Result};

/// How a table is computed from others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refine {
    /// What computes it.
    #[serde(default)]
    pub engine: ModelEngine,
    /// The tables that a native model reads. Those of a SQL model are in its SQL.
    #[serde(default)]
    pub from: Vec<String>,
    /// How far before the first date of what is computed an input is read, by its table; not at all where nothing is said.
    #[serde(default, with = "serde_yaml_ng::with::singleton_map_recursive")]
    pub lookback: BTreeMap<String, Lookback>,
    /// How it is kept.
    #[serde(default)]
    pub materialization: Materialization,
}

/// What computes a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ModelEngine {
    /// The model's SELECT.
    #[default]
    Sql,
    /// Code of this program.
    Native,
}

/// How a model's rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Materialization {
    /// A table of which the partitions are recomputed that a change of an input reaches.
    #[default]
    Table,
    /// A table that is recomputed whole each time.
    Full,
    /// Not at all: a view that is computed when it is asked.
    View,
}

/// How far back an input is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Lookback {
    /// Calendar days.
    Days(u32),
    /// Sessions of a venue. Read are as many calendar days as cover them with holidays and gaps, see [`Lookback::days`].
    Sessions(u32),
}

impl Lookback {
    /// Calendar days: a window of `n` sessions is read three times `n` days wide, and a week.
    ///
    /// ```
    /// use quotelake_contract::Lookback;
    /// assert_eq!(Lookback::Days(31).days(), 31);
    /// assert_eq!(Lookback::Sessions(20).days(), 67);
    /// ```
    pub fn days(self) -> u32 {
        match self {
            Self::Days(days) => days,
            Self::Sessions(sessions) => sessions.saturating_mul(3).saturating_add(7),
        }
    }
}

/// Reads the property, where there is one.
pub(super) fn read(custom: &Custom) -> Result<Option<Refine>> {
    let Some(value) = custom.value("refine") else { return Ok(None) };
    let refine: Refine = serde_yaml_ng::from_value(value.clone()).map_err(|e| {
        Error::config("custom property \"refine\" is an object of engine (sql, native), from, lookback ({table: {sessions: n}} or {days: n}) and materialization (table, full, view)").with_source(e)
    })?;
    match (refine.engine, refine.from.is_empty()) {
        (ModelEngine::Native, true) => {
            Err(Error::config("refine: a native model names its tables in `from`"))
        }
        (ModelEngine::Sql, false) => Err(Error::config(
            "refine: the tables of a SQL model are those of its FROM, `from` is for native ones",
        )),
        _ => Ok(Some(refine)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Contracts;
    use quotelake_core::Zone;

    fn refine(value: &str) -> Result<Option<Refine>> {
        let yaml = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: m\n    customProperties:\n      - {{property: partitionBy, value: none}}\n      - {{property: refine, value: {value}}}\n    properties:\n      - {{name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}}\n"
        );
        let mut contracts = Contracts::built_in()?;
        contracts.add(&yaml, None)?;
        let contract = &contracts.get("m")?.contract;
        assert_eq!(contract.zone(), Zone::Silver);
        Ok(contract.refine.clone())
    }

    #[test]
    fn a_model_says_what_computes_it() {
        let read = refine("{lookback: {daily_bars: {sessions: 20}}}").unwrap().unwrap();
        assert_eq!((read.engine, read.materialization), (ModelEngine::Sql, Materialization::Table));
        assert_eq!(read.lookback["daily_bars"], Lookback::Sessions(20));
        let read = refine("{engine: native, from: [splits], materialization: full}").unwrap().unwrap();
        assert_eq!((read.engine, read.from), (ModelEngine::Native, vec!["splits".to_owned()]));
    }

    #[test]
    fn what_is_wrong_with_it_is_said() {
        for (value, what) in [
            ("{engine: native}", "names its tables in `from`"),
            ("{from: [splits]}", "`from` is for native ones"),
            ("{lookbacks: {}}", "is an object of engine"),
            ("{lookback: {daily_bars: 20}}", "is an object of engine"),
            ("table", "is an object of engine"),
        ] {
            let error = refine(value).unwrap_err().to_string();
            assert!(error.contains(what), "{value}: {error}");
        }
    }
}

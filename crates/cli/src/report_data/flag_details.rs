//! What the flags of a dataset are about, and where its rows come from.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use quotelake_contract::{Contract, Dataset};
use quotelake_sources::profiles;

use super::rows::{columns_at_fault, value_at_fault};
use crate::number::plain;

/// The end of a flag of a value that was refused; the column's name is before it.
const REFUSED: &str = "_refused";

/// The rule of each flag, and the columns that they read.
#[derive(Debug)]
pub(super) struct FlagDetails<'d> {
    contract: &'d Contract,
    rules: BTreeMap<String, String>,
    columns: BTreeSet<&'d str>,
}

impl<'d> FlagDetails<'d> {
    /// Reads the dataset's rules. Of a ruleset that cannot be read nothing is told.
    pub(super) fn of(dataset: &'d Dataset) -> Self {
        let contract = dataset.contract.as_ref();
        let mut rules = BTreeMap::new();
        if let Ok(ruleset) = dqdl::parse_strict(&dataset.rules) {
            let options = dqdl::Options::new(chrono::DateTime::UNIX_EPOCH);
            let plan = dqdl::Plan::compile(&ruleset, crate::files::columns_of_rules(contract), &options);
            for rule in plan.rules() {
                if let Some(flag) = quotelake_check::flag_of(rule) {
                    rules.insert(flag.to_owned(), rule.description.clone());
                }
            }
        }
        let known = |name: &str| contract.index_of(name).map(|at| contract.columns[at].name.as_str());
        let mut columns: BTreeSet<&str> = rules
            .values()
            .flat_map(|rule| columns_at_fault(None, Some(rule), |name| known(name).is_some()))
            .filter_map(known)
            .collect();
        columns.extend(["request_id", "unit_id", "provider"].into_iter().filter_map(known));
        // A value that is unfit is refused where the row is good without it.
        columns.extend(contract.columns.iter().filter(|one| one.informational).map(|one| one.name.as_str()));
        Self { contract, rules, columns }
    }

    /// What has to be read of a row.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'d str> {
        self.columns.iter().copied()
    }

    /// The values that a row's flags are about, each column once.
    pub(super) fn values(&self, batch: &RecordBatch, row: usize, flags: &[String]) -> Option<String> {
        let mut told: Vec<String> = Vec::new();
        for flag in flags {
            let column = flag.strip_suffix(REFUSED).filter(|name| self.contract.index_of(name).is_some());
            let rule = self.rules.get(flag).map(String::as_str);
            let of_flag = value_at_fault(column, rule, |name| self.value(batch, row, name));
            for pair in of_flag.iter().flat_map(|pairs| pairs.split(", ")) {
                if !told.iter().any(|known| known == pair) {
                    told.push(pair.to_owned());
                }
            }
        }
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// The file that the row was loaded from, else the unit that fetched it.
    pub(super) fn source(&self, batch: &RecordBatch, row: usize) -> Option<String> {
        let of = |name: &str| self.value(batch, row, name).flatten();
        match of("provider").is_some_and(|provider| profiles::find(&provider).is_ok()) {
            true => of("request_id"),
            false => of("unit_id"),
        }
    }

    /// None of a column that was not read; of one that was, its value.
    fn value(&self, batch: &RecordBatch, row: usize, name: &str) -> Option<Option<String>> {
        let column = batch.column_by_name(name)?;
        let text = column.is_valid(row).then(|| array_value_to_string(column, row).ok()).flatten();
        let is_decimal = matches!(column.data_type(), DataType::Decimal64(..) | DataType::Decimal128(..));
        Some(text.map(|text| if is_decimal { plain(&text).unwrap_or(text) } else { text }))
    }
}

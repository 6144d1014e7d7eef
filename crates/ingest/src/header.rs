//! The header of a file: which column each of its cells is.

use std::collections::{BTreeSet, HashMap, HashSet};

use quotelake_contract::{Column, Contract, ExtraColumns, HeaderFrom};
use quotelake_core::{Error, Result};

/// The names of a file's columns out of its header rows.
pub(crate) fn names(from: HeaderFrom, rows: &[Vec<String>]) -> Vec<String> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    match from {
        HeaderFrom::First => rows.first().cloned().unwrap_or_default(),
        HeaderFrom::Last => rows.last().cloned().unwrap_or_default(),
        HeaderFrom::Join => (0..width)
            .map(|at| {
                let parts = rows.iter().filter_map(|row| row.get(at)).filter(|part| !part.is_empty());
                parts.map(String::as_str).collect::<Vec<_>>().join(" ")
            })
            .collect(),
    }
}

/// The columns of a file without a header: the contract's, in its order, without those that come from outside.
pub(crate) fn by_place(contract: &Contract) -> Vec<Option<&Column>> {
    from_file(contract).map(Some).collect()
}

/// The column of each cell, `None` of one that is left out. Every column that is read from files must be there, unless a file may
/// lack it, and nothing else, unless it may be there. `InvalidInput` names what does not fit.
pub(crate) fn by_names<'c>(contract: &'c Contract, names: &[String]) -> Result<Vec<Option<&'c Column>>> {
    let layout = &contract.layout;
    let wanted: Vec<&Column> = from_file(contract).collect();
    let mut by_header: HashMap<&str, &Column> = HashMap::with_capacity(wanted.len());
    for column in &wanted {
        by_header.entry(layout.header_of(column)).or_insert(column);
    }
    let given: HashSet<&str> = names.iter().map(String::as_str).collect();
    let column_of = |name: &str| by_header.get(name).copied();
    let lacks: Vec<&str> = wanted
        .iter()
        .filter(|column| !layout.optional_columns.contains(&column.name))
        .map(|column| layout.header_of(column))
        .filter(|header| !given.contains(header))
        .collect();
    let unknown = names.iter().map(String::as_str).filter(|name| column_of(name).is_none());
    let set_outside: HashSet<&str> = contract
        .columns
        .iter()
        .filter(|column| layout.is_outside(&column.name))
        .map(|column| layout.header_of(column))
        .collect();
    let outside = |name: &&str| set_outside.contains(name);
    let both: Vec<&str> = unknown.clone().filter(outside).collect();
    let extra: Vec<&str> = match layout.extra_columns {
        ExtraColumns::Refuse => unknown.filter(|name| !outside(name)).collect(),
        ExtraColumns::Ignore => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| column_of(name).is_some() || layout.extra_columns == ExtraColumns::Refuse)
        .filter(|name| !seen.insert(*name))
        .collect();
    let mut problems = Vec::new();
    for (what, names) in [
        ("lacks", &lacks),
        ("has unknown", &extra),
        ("has twice", &twice),
        ("has, though the contract or an option sets them from outside,", &both),
    ] {
        if !names.is_empty() {
            problems.push(format!("{what} {}", shown(names)));
        }
    }
    if problems.is_empty() {
        return Ok(names.iter().map(|name| column_of(name)).collect());
    }
    let hint = hint(names, lacks.len() == wanted.len());
    Err(Error::invalid(format!(
        "header does not fit contract {}@{}: {}; the whole file is rejected{hint}",
        contract.name,
        contract.version,
        problems.join("; "),
    )))
}

/// Names that are listed: a file may have any number of columns.
const MOST_LISTED: usize = 10;

/// Names for a message, the first of them, and how many there are.
fn shown(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().take(MOST_LISTED).map(|name| format!("{name:?}")).collect();
    match names.len() {
        count if count > MOST_LISTED => format!("{} and {} more", quoted.join(", "), count - MOST_LISTED),
        _ => quoted.join(", "),
    }
}

/// What a header of which nothing fits looks like.
fn hint(names: &[String], fits_nothing: bool) -> &'static str {
    let any = |test: &dyn Fn(&str) -> bool| names.iter().any(|name| test(name));
    if any(&|name| name.contains('\0')) {
        return ". It holds NUL bytes, as UTF-16 does: say `csvEncoding: utf-16le`";
    }
    if !fits_nothing || names.len() != 1 {
        return "";
    }
    if any(&|name| name.contains(';')) {
        return ". It holds semicolons: say `csvDelimiter: \";\"`";
    }
    if any(&|name| name.contains('\t')) {
        return ". It holds tabs: say `csvDelimiter: \"\\t\"`";
    }
    ""
}

/// The columns that a file has.
fn from_file(contract: &Contract) -> impl Iterator<Item = &Column> {
    let columns = contract.columns.iter().enumerate();
    columns
        .filter(|(index, column)| contract.is_in_files(*index) && !contract.layout.is_outside(&column.name))
        .map(|(_, column)| column)
}

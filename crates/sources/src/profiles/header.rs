//! Which column of a file is what.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_core::{Error, Result};

use super::model::{Field, Layout, event_field};
use super::{FileRow, Profile};
use crate::DatasetName;

/// The columns of one instrument, or of all where the rows name theirs.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) layout: &'static Layout,
    /// The instrument, where the header names it.
    pub(super) ticker: Option<String>,
    /// Where each is, and its name in the header.
    places: BTreeMap<Field, (usize, String)>,
}

impl Columns {
    /// Where a column is.
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        self.places.get(&field).map(|(place, _)| *place)
    }

    /// What it is called.
    pub(super) fn name(&self, field: Field) -> &str {
        self.places.get(&field).map_or("", |(_, name)| name.as_str())
    }
}

/// Names of columns, each with its place.
type Names<'a> = Vec<(usize, &'a str)>;

/// A file's header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) groups: Vec<Columns>,
    /// Columns of a row.
    pub(super) width: usize,
    /// How many rows it takes.
    pub(super) rows: usize,
}

/// Finds the header. `InvalidInput` names the columns that are missing, unknown or there twice: then nobody can tell what the file's
/// columns mean.
pub(super) fn find(profile: &'static Profile, dataset: DatasetName, rows: &[FileRow]) -> Result<Header> {
    let Some(first) = rows.first() else {
        return Err(Error::invalid("is empty: there is no header; the whole file is rejected"));
    };
    let names: Vec<&str> =
        first.cells.iter().map(|cell| cell.trim_start_matches('\u{feff}').trim()).collect();
    let has_date = names.iter().any(|name| is_date(profile, name));
    if profile.levels && !has_date && matches!(names.first(), Some(&("Price" | "Ticker" | ""))) {
        return levels(profile, dataset, rows);
    }
    let positional = profile.layouts.iter().find(|layout| !layout.positions.is_empty());
    if let Some(layout) = positional
        && names.first().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    {
        if names.len() != layout.positions.len() {
            return Err(Error::invalid(format!(
                "has {} columns and no header; {} of profile {} are known: {}; the whole file is rejected",
                names.len(),
                layout.positions.len(),
                profile.name,
                layout.positions.join(", ")
            )));
        }
        let columns = layout.positions.iter().map(String::as_str).enumerate().collect();
        let groups = vec![fit(profile, dataset, columns, None)?];
        return Ok(Header { groups, width: names.len(), rows: 0 });
    }
    let width = names.len();
    let groups = vec![fit(profile, dataset, names.into_iter().enumerate().collect(), None)?];
    Ok(Header { groups, width, rows: 1 })
}

/// Whether a column of the profile's files has this name and is the date.
fn is_date(profile: &Profile, name: &str) -> bool {
    profile.layouts.iter().any(|layout| layout.columns.get(name) == Some(&Field::Date))
}

/// A header of several rows: names in one, tickers in another, the index in the last, whose other cells are empty.
fn levels(profile: &'static Profile, dataset: DatasetName, rows: &[FileRow]) -> Result<Header> {
    let known: BTreeSet<&str> =
        profile.layouts.iter().flat_map(|layout| layout.columns.keys()).map(String::as_str).collect();
    let is_index = |row: &FileRow| {
        row.cells.first().is_some_and(|cell| known.contains(cell.trim()))
            && row.cells.iter().skip(1).all(|cell| cell.trim().is_empty())
    };
    let unknown = || {
        Error::invalid(format!(
            "begins with {:?}, and no header of profile {} does; the whole file is rejected",
            rows.first().map_or("", |row| row.raw.as_str()),
            profile.name
        ))
    };
    let index = rows.iter().take(4).position(is_index).filter(|at| *at >= 1).ok_or_else(unknown)?;
    let names_row =
        rows[..index].iter().position(|row| row.cells.iter().skip(1).any(|cell| known.contains(cell.trim())));
    let names = &rows[names_row.ok_or_else(unknown)?];
    let tickers = rows[..index].iter().find(|row| row.line != names.line);
    let width = names.cells.len();
    let mut groups: Vec<(Option<String>, Names<'_>)> = Vec::new();
    for (place, name) in names.cells.iter().enumerate().skip(1) {
        let ticker = tickers.map(|row| row.cells.get(place).map_or("", |cell| cell.trim()).to_owned());
        if ticker.as_deref() == Some("") {
            return Err(Error::invalid(format!("the header names no ticker over column {}", place + 1)));
        }
        match groups.iter_mut().find(|(of, _)| *of == ticker) {
            Some((_, columns)) => columns.push((place, name.trim())),
            None => groups.push((ticker, vec![(place, name.trim())])),
        }
    }
    let date = rows[index].cells.first().map_or("", |cell| cell.trim());
    let groups = groups
        .into_iter()
        .map(|(ticker, mut columns)| {
            columns.insert(0, (0, date));
            fit(profile, dataset, columns, ticker)
        })
        .collect::<Result<_>>()?;
    Ok(Header { groups, width, rows: index + 1 })
}

/// The layout that names fit.
fn fit(
    profile: &'static Profile,
    dataset: DatasetName,
    names: Names<'_>,
    ticker: Option<String>,
) -> Result<Columns> {
    let (own, others): (Vec<&Layout>, Vec<&Layout>) =
        profile.layouts.iter().partition(|layout| layout.is_of(dataset));
    let of_own = own.iter().map(|layout| (*layout, Misfit::of(layout, &names)));
    let best = of_own.min_by_key(|(_, misfit)| misfit.count());
    if let Some((layout, Misfit { missing, unknown, twice })) = &best
        && missing.is_empty()
        && unknown.is_empty()
        && twice.is_empty()
    {
        if let Some(field) = event_field(dataset)
            && !names.iter().any(|(_, name)| layout.columns.get(*name) == Some(&field))
        {
            let of = layout.columns.iter().filter(|(_, own)| **own == field);
            return Err(Error::invalid(format!(
                "has no column of {dataset}, which profile {} reads from {:?}; the whole file is rejected",
                profile.name,
                of.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" or ")
            )));
        }
        let place = |(place, name): &(usize, &str)| {
            let field = layout.columns.get(*name).filter(|field| **field != Field::Ignored)?;
            Some((*field, (*place, (*name).to_owned())))
        };
        return Ok(Columns { layout, ticker, places: names.iter().filter_map(place).collect() });
    }
    let other = others.iter().find(|layout| Misfit::of(layout, &names).count() == 0);
    if let Some(other) = other.and_then(|layout| layout.dataset) {
        return Err(Error::invalid(format!(
            "is a file of {other}, not of {dataset}, by its header; load it with --dataset {other}"
        )));
    }
    let Some((_, misfit)) = best else {
        return Err(Error::invalid(format!("profile {} has no files of {dataset}", profile.name)));
    };
    Err(Error::invalid(format!(
        "header does not fit profile {}: {}; it reads {}; the whole file is rejected",
        profile.name,
        misfit.text(),
        profile.headers(dataset).join(" or ")
    )))
}

/// How a header differs from a layout's.
struct Misfit<'a> {
    missing: Vec<&'a str>,
    unknown: Vec<&'a str>,
    twice: Vec<&'a str>,
}

impl<'a> Misfit<'a> {
    fn of(layout: &'a Layout, names: &[(usize, &'a str)]) -> Self {
        let needed = layout.columns.keys().filter(|name| !layout.optional.contains(name));
        let missing = needed.map(String::as_str).filter(|name| !names.iter().any(|(_, n)| n == name));
        let is_known = |name: &str| {
            layout.columns.contains_key(name) || layout.ignored.iter().any(|ignored| ignored == name)
        };
        let mut seen = BTreeSet::new();
        Self {
            missing: missing.collect(),
            unknown: names.iter().map(|(_, name)| *name).filter(|name| !is_known(name)).collect(),
            twice: names.iter().map(|(_, name)| *name).filter(|name| !seen.insert(*name)).collect(),
        }
    }

    fn count(&self) -> usize {
        self.missing.len() + self.unknown.len() + self.twice.len()
    }

    fn text(&self) -> String {
        let list = |what: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
        };
        let parts = [
            list("lacks", &self.missing),
            list("has unknown", &self.unknown),
            list("has twice", &self.twice),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

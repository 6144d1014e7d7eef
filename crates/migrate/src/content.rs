//! What one side of a reconciliation holds, added up so that the order of rows does not matter.
//!
//! A row's mapped columns are spelled by the contract's types (see `spelling`) and hashed with SHA-256; the first and the second
//! eight bytes, as numbers, are added up. Sums are kept twice: by the column that people count by, and by ranges of the hash of
//! the business key, which are equal parts of any table. The server does the same in SQL, see `totals`.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use quotelake_contract::{ColumnType, Contract};
use quotelake_core::{Decimal, Error, Result, parse_scaled};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::mapping::DatasetMapping;
use crate::spelling::SpelledBatch;

/// Ranges of the key's hash: three hexadecimal digits of it.
pub(crate) const RANGES: usize = 1 << 12;
/// Ends a column of a row that is hashed. In a text it appears twice.
pub(crate) const SEPARATOR: char = '\u{1f}';

/// Totals by symbol, or by whatever the mapping counts by. A row without a symbol is under an empty text, and so are all rows
/// where the mapping counts by nothing.
pub type Totals = BTreeMap<String, Side>;

/// What one side holds of one symbol.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Rows.
    pub rows: u64,
    /// First date, `YYYY-MM-DD`.
    pub first: Option<String>,
    /// Last date.
    pub last: Option<String>,
    /// Sums in the mapping's order: exact decimals in their shortest form, or what the database says where it is none, `NaN`.
    /// None where every value is missing.
    pub sums: Vec<Option<String>>,
    /// The sum of its rows' hashes.
    pub content: String,
}

/// One side, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// For people.
    pub totals: Totals,
    /// By range of the key's hash: rows and the sum of their hashes.
    pub(crate) ranges: Vec<(u64, HashSum)>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Content {
    /// The ranges that differ.
    pub fn differing(&self, other: &Self) -> Vec<u16> {
        let pairs = self.ranges.iter().zip(&other.ranges).enumerate();
        pairs
            .filter(|(_, (one, two))| one != two)
            .filter_map(|(index, _)| u16::try_from(index).ok())
            .collect()
    }

    /// Rows in some ranges.
    pub fn rows_in(&self, ranges: &[u16]) -> u64 {
        ranges.iter().filter_map(|range| self.ranges.get(usize::from(*range))).map(|(rows, _)| rows).sum()
    }
}

/// Two sums of 64-bit numbers, the halves of a hash's beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HashSum(pub(crate) i128, pub(crate) i128);

impl HashSum {
    fn add(&mut self, hash: &[u8]) {
        let half = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&hash[at..at + 8]);
            i128::from(i64::from_be_bytes(bytes))
        };
        self.0 += half(0);
        self.1 += half(8);
    }
}

impl std::fmt::Display for HashSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// Which columns of a contract are compared, and what they are for.
#[derive(Debug, Clone)]
pub struct Compared<'c> {
    pub(crate) contract: &'c Contract,
    /// The mapped columns, by their places in the contract, in the order of their names.
    pub(crate) columns: Vec<usize>,
    /// Places in `columns`: all of them, and the key's.
    pub(crate) whole: Vec<usize>,
    pub(crate) key: Vec<usize>,
    pub(crate) by: Option<usize>,
    pub(crate) date: Option<usize>,
    pub(crate) sums: Vec<usize>,
}

impl<'c> Compared<'c> {
    /// What a mapping fills. Where it fills no column of the business key, a row's key is all of it.
    pub fn new(mapping: &DatasetMapping, contract: &'c Contract) -> Self {
        let columns: Vec<usize> = mapping.columns.keys().filter_map(|name| contract.index_of(name)).collect();
        let place = |name: &String| columns.iter().position(|index| contract.columns[*index].name == *name);
        let mut key: Vec<usize> =
            contract.key.iter().filter_map(|index| columns.iter().position(|at| at == index)).collect();
        let whole: Vec<usize> = (0..columns.len()).collect();
        if key.is_empty() {
            key.clone_from(&whole);
        }
        Self {
            contract,
            whole,
            key,
            by: mapping.reconcile.by.as_ref().and_then(place),
            date: mapping.reconcile.date.as_ref().and_then(place),
            sums: mapping.reconcile.sum.iter().filter_map(place).collect(),
            columns,
        }
    }

    pub(crate) fn is_text(&self, place: usize) -> bool {
        self.contract.columns[self.columns[place]].ty == ColumnType::String
    }

    /// A batch's rows that `ours` says belong to the migration, spelled: `take` gets each.
    pub(crate) fn spell_rows(
        &self,
        batch: &RecordBatch,
        ours: &[bool],
        take: &mut dyn FnMut(&SpelledRow) -> Result<()>,
    ) -> Result<()> {
        let batch = SpelledBatch::new(batch, self.contract, &self.columns)?;
        let mut spelled = SpelledRow::default();
        for row in (0..batch.rows()).filter(|row| ours.get(*row).copied().unwrap_or(true)) {
            spelled.clear();
            for column in 0..self.columns.len() {
                let some = batch.spell(column, row, &mut spelled.text)?;
                spelled.end_value(some);
            }
            take(&spelled)?;
        }
        Ok(())
    }
}

/// One row's values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SpelledRow {
    text: String,
    /// Where each value ends, and whether there is one.
    ends: Vec<(usize, bool)>,
}

impl SpelledRow {
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn end_value(&mut self, some: bool) {
        self.ends.push((self.text.len(), some));
    }

    pub(crate) fn push(&mut self, value: Option<&str>) {
        self.text.push_str(value.unwrap_or_default());
        self.end_value(value.is_some());
    }

    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        let (end, some) = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before].0);
        some.then(|| &self.text[start..end])
    }
}

/// Adds rows up.
#[derive(Debug)]
pub struct Ledger<'c> {
    compared: Compared<'c>,
    groups: BTreeMap<String, Group>,
    ranges: Vec<(u64, HashSum)>,
    buffer: String,
}

#[derive(Debug, Default)]
struct Group {
    rows: u64,
    first: Option<String>,
    last: Option<String>,
    sums: Vec<Option<Sum>>,
    hashes: HashSum,
}

#[derive(Debug, Clone, Copy)]
enum Sum {
    /// Unscaled, and its scale.
    Exact(i128, u8),
    NotANumber,
}

impl<'c> Ledger<'c> {
    /// An empty one.
    pub fn new(compared: Compared<'c>) -> Self {
        Self {
            compared,
            groups: BTreeMap::new(),
            ranges: vec![(0, HashSum::default()); RANGES],
            buffer: String::new(),
        }
    }

    /// Adds the rows of a batch that `ours` says belong to the migration.
    pub fn add_batch(&mut self, batch: &RecordBatch, ours: &[bool]) -> Result<()> {
        let compared = self.compared.clone();
        compared.spell_rows(batch, ours, &mut |row| self.add(row))
    }

    pub(crate) fn add(&mut self, row: &SpelledRow) -> Result<()> {
        let Self { compared, groups, ranges, buffer } = self;
        let by = compared.by.and_then(|place| row.get(place)).unwrap_or_default();
        if !groups.contains_key(by) {
            let sums = vec![None; compared.sums.len()];
            groups.insert(by.to_owned(), Group { sums, ..Group::default() });
        }
        let Some(group) = groups.get_mut(by) else { return Ok(()) };
        group.rows += 1;
        if let Some(date) = compared.date.and_then(|place| row.get(place)) {
            if group.first.as_deref().is_none_or(|first| date < first) {
                group.first = Some(date.to_owned());
            }
            if group.last.as_deref().is_none_or(|last| date > last) {
                group.last = Some(date.to_owned());
            }
        }
        for (sum, place) in group.sums.iter_mut().zip(&compared.sums) {
            if let Some(value) = row.get(*place) {
                let column = &compared.contract.columns[compared.columns[*place]];
                let scale = if let ColumnType::Decimal { scale, .. } = column.ty { scale } else { 0 };
                *sum = added(*sum, value, scale)?;
            }
        }
        let hash = hashed(compared, row, &compared.whole, buffer);
        group.hashes.add(&hash);
        let range = &mut ranges[range_of(&hashed(compared, row, &compared.key, buffer))];
        range.0 += 1;
        range.1.add(&hash);
        Ok(())
    }

    /// What was added.
    pub fn finish(self) -> Content {
        let totals = self.groups.into_iter().map(|(by, group)| (by, group.into())).collect();
        Content { totals, ranges: self.ranges }
    }
}

/// The SHA-256 of some of a row's values.
fn hashed(compared: &Compared<'_>, row: &SpelledRow, places: &[usize], buffer: &mut String) -> [u8; 32] {
    buffer.clear();
    for (index, place) in places.iter().enumerate() {
        if index > 0 {
            buffer.push(SEPARATOR);
        }
        match row.get(*place) {
            None => buffer.push('-'),
            Some(value) => {
                buffer.push('=');
                if compared.is_text(*place) && value.contains(SEPARATOR) {
                    buffer.push_str(&value.replace(SEPARATOR, "\u{1f}\u{1f}"));
                } else {
                    buffer.push_str(value);
                }
            }
        }
    }
    Sha256::digest(buffer.as_bytes()).into()
}

/// The range of a key.
pub(crate) fn range_of_row(compared: &Compared<'_>, row: &SpelledRow) -> usize {
    range_of(&hashed(compared, row, &compared.key, &mut String::new()))
}

fn range_of(hash: &[u8; 32]) -> usize {
    usize::from(hash[0]) << 4 | usize::from(hash[1] >> 4)
}

/// A value that is no number of the contract adds nothing: its row is not in the lake, or the value is not.
fn added(sum: Option<Sum>, value: &str, scale: u8) -> Result<Option<Sum>> {
    if value == "NaN" {
        return Ok(Some(Sum::NotANumber));
    }
    let signed_scale = i8::try_from(scale).unwrap_or(0);
    let (Ok(value), Some(Sum::Exact(..)) | None) = (parse_scaled(value.as_bytes(), 38, signed_scale), sum)
    else {
        return Ok(sum);
    };
    let known = match sum {
        Some(Sum::Exact(known, _)) => known,
        _ => 0,
    };
    let total = known
        .checked_add(value)
        .ok_or_else(|| Error::new(quotelake_core::ErrorKind::Unsupported, "a sum has more than 38 digits"))?;
    Ok(Some(Sum::Exact(total, scale)))
}

impl From<Group> for Side {
    fn from(group: Group) -> Self {
        let shown = |sum: Sum| match sum {
            Sum::Exact(value, scale) => Decimal::new(value, scale).to_string(),
            Sum::NotANumber => "NaN".to_owned(),
        };
        Self {
            rows: group.rows,
            first: group.first,
            last: group.last,
            sums: group.sums.into_iter().map(|sum| sum.map(shown)).collect(),
            content: group.hashes.to_string(),
        }
    }
}

//! The rows that differ between the database and the lake, by name.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use quotelake_core::Result;
use serde::Serialize;

use crate::content::{Compared, Content, SpelledRow, range_of_row};
use crate::spelling::shown;
use crate::totals::Source;

/// The most rows that are looked at to name those that differ: the ranges of a table with more of them are taken in turn.
const MOST_ROWS: u64 = 50_000;

/// One key that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The columns of the business key that the mapping fills, all of its columns where it fills none.
    pub key: BTreeMap<String, Option<String>>,
    /// How.
    pub what: What,
    /// The columns whose values differ, where both sides have one row.
    pub columns: Vec<ColumnDifference>,
}

/// How a key differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The lake has no such row: it was refused, or has not arrived.
    OnlyInDatabase,
    /// The database has no such row, or has it no longer.
    OnlyInLake,
    /// Both have it, with different values.
    Values,
    /// The sides have different numbers of rows of this key.
    Copies,
}

/// Two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDifference {
    /// The column of the contract.
    pub column: String,
    /// The database's value.
    pub database: Option<String>,
    /// The lake's.
    pub lake: Option<String>,
}

/// The rows of one key.
#[derive(Default)]
struct BothSides {
    database: Vec<SpelledRow>,
    lake: Vec<SpelledRow>,
}

/// Finds the rows that differ, in as many ranges of the key's hash as may be looked at.
#[derive(Debug)]
pub struct Differences<'c> {
    compared: Compared<'c>,
    ranges: Vec<u16>,
    lake: Vec<SpelledRow>,
}

impl<'c> Differences<'c> {
    /// Of two sides. None where they are equal.
    pub fn between(compared: Compared<'c>, database: &Content, lake: &Content) -> Option<Self> {
        let mut ranges = Vec::new();
        let mut rows = 0;
        for range in database.differing(lake) {
            rows += database.rows_in(&[range]) + lake.rows_in(&[range]);
            if !ranges.is_empty() && rows > MOST_ROWS {
                break;
            }
            ranges.push(range);
        }
        (!ranges.is_empty()).then(|| Self { compared, ranges, lake: Vec::new() })
    }

    /// Takes the lake's rows of a batch that may be in question.
    pub fn add_batch(&mut self, batch: &RecordBatch, ours: &[bool]) -> Result<()> {
        let Self { compared, ranges, lake } = self;
        compared.spell_rows(batch, ours, &mut |row| {
            if ranges.iter().any(|range| usize::from(*range) == range_of_row(compared, row)) {
                lake.push(row.clone());
            }
            Ok(())
        })
    }

    /// At most so many of them, in the order of their keys.
    pub async fn named(self, source: &Source<'_>, most: usize) -> Result<Vec<Difference>> {
        let database = source.rows(&self.ranges).await?;
        let Self { compared, lake, .. } = self;
        let key = |row: &SpelledRow| -> Vec<Option<String>> {
            compared.key.iter().map(|place| row.get(*place).map(str::to_owned)).collect()
        };
        let mut sides: BTreeMap<Vec<Option<String>>, BothSides> = BTreeMap::new();
        for row in database {
            sides.entry(key(&row)).or_default().database.push(row);
        }
        for row in lake {
            sides.entry(key(&row)).or_default().lake.push(row);
        }
        let mut found = Vec::new();
        for (key, BothSides { mut database, mut lake }) in sides {
            database.sort();
            lake.sort();
            if database != lake && found.len() < most {
                found.push(difference(&compared, &key, &database, &lake));
            }
        }
        Ok(found)
    }
}

fn difference(
    compared: &Compared<'_>,
    key: &[Option<String>],
    database: &[SpelledRow],
    lake: &[SpelledRow],
) -> Difference {
    let column = |place: usize| &compared.contract.columns[compared.columns[place]];
    let value = |row: &SpelledRow, place: usize| row.get(place).map(|text| shown(column(place).ty, text));
    let mut columns = Vec::new();
    let what = match (database, lake) {
        (_, []) => What::OnlyInDatabase,
        ([], _) => What::OnlyInLake,
        ([one], [other]) => {
            for place in (0..compared.columns.len()).filter(|place| one.get(*place) != other.get(*place)) {
                columns.push(ColumnDifference {
                    column: column(place).name.clone(),
                    database: value(one, place),
                    lake: value(other, place),
                });
            }
            What::Values
        }
        _ => What::Copies,
    };
    let key = compared
        .key
        .iter()
        .zip(key)
        .map(|(place, text)| {
            let shown = text.as_deref().map(|text| shown(column(*place).ty, text));
            (column(*place).name.clone(), shown)
        })
        .collect();
    Difference { key, what, columns }
}

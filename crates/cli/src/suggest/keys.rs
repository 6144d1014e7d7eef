//! The smallest sets of columns that tell rows apart.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use super::column::Kind;
use super::table::Table;

/// Columns of which pairs and triples are tried.
const MOST_COLUMNS: usize = 12;
/// Rows by which sets are ruled out before all rows are asked.
const SAMPLE: usize = 2_000;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keys {
    /// Sets of columns of which none can be left out, the likeliest first; empty where no set of up to three columns is unique.
    pub(super) sets: Vec<Vec<usize>>,
    /// Whether there are rows that are equal in all columns.
    pub(super) has_equal_rows: bool,
}

/// Looks for keys among the columns that have a value in every row.
pub(super) fn find(table: &Table, kinds: &[Kind]) -> Keys {
    let all: Vec<usize> = (0..table.headers.len()).collect();
    let has_equal_rows = !is_unique(table, &all);
    if has_equal_rows || table.rows.len() < 2 {
        return Keys { sets: Vec::new(), has_equal_rows };
    }
    let mut candidates: Vec<usize> =
        all.into_iter().filter(|at| kinds[*at].required && kinds[*at].can_be_key()).collect();
    let cost = |at: &usize| kinds[*at].key_cost(&table.headers[*at]);
    candidates.sort_by_key(|at| (cost(at), *at));
    candidates.truncate(MOST_COLUMNS);
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for size in 1..=3 {
        for set in sets_of(&candidates, size) {
            // With a column more, what was unique is so still.
            let is_minimal = !sets.iter().any(|known| known.iter().all(|at| set.contains(at)));
            if is_minimal && is_unique(table, &set) {
                sets.push(set);
            }
        }
    }
    sets.sort_by_key(|set| set.iter().map(cost).sum::<u32>());
    Keys { sets, has_equal_rows }
}

/// The sets of a size, those of the first candidates first.
fn sets_of(candidates: &[usize], size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut sets = Vec::new();
    for (place, first) in candidates.iter().enumerate() {
        for rest in sets_of(&candidates[place + 1..], size - 1) {
            sets.push(std::iter::once(*first).chain(rest).collect());
        }
    }
    sets
}

fn is_unique(table: &Table, set: &[usize]) -> bool {
    let sample = table.rows.len().min(SAMPLE);
    is_unique_in(table, set, sample)
        && (sample == table.rows.len() || is_unique_in(table, set, table.rows.len()))
}

/// Two sets of values with one hash count as equal: then a key is passed over, never a false one proposed.
fn is_unique_in(table: &Table, set: &[usize], rows: usize) -> bool {
    let hasher = RandomState::new();
    let mut seen = HashSet::with_capacity(rows);
    table.rows[..rows].iter().all(|row| {
        let values: Vec<Option<&str>> = set.iter().map(|at| row[*at].as_deref().map(str::trim)).collect();
        seen.insert(hasher.hash_one(values))
    })
}

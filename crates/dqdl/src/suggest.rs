//! A look at data, and a ruleset that it passes: a start for somebody who has none.
//!
//! [`Profile`] watches batches go by and remembers little of each column; [`Profile::suggest`] turns that into rules with
//! limits from the data and a wide margin, each under a comment that says what was seen. What it proposes holds for the data that
//! it has seen and is to hold for more of its kind; its rules warn and withhold nothing, use no history or other tables, and are a
//! proposal: only a person knows which limits mean something.

mod column_profile;
mod limits;
mod names;
mod propose;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use chrono::{DateTime, Utc};

use column_profile::ColumnProfile;

/// Distinct keys that are remembered; past that nothing is said about uniqueness.
const MAX_KEYS: usize = 8_000_000;

/// What is to be proposed.
#[derive(Debug, Clone)]
pub struct SuggestOptions {
    /// The columns that identify a row, where they are known.
    pub key: Vec<String>,
    /// Columns that say where a row comes from rather than what it says: of them only completeness is proposed.
    pub provenance: Vec<String>,
    /// The current instant: no proposal says that instants lie in the past when some do not.
    pub now: DateTime<Utc>,
}

/// What was seen of some batches of one schema.
#[derive(Debug)]
pub struct Profile {
    options: SuggestOptions,
    rows: u64,
    columns: Vec<ColumnProfile>,
    key: Option<Distinct>,
    bars: Option<Bars>,
}

impl Profile {
    /// Nothing seen yet. A key with a column that the schema lacks is as good as none.
    pub fn new(schema: &SchemaRef, options: SuggestOptions) -> Self {
        let places: Option<Vec<usize>> = options.key.iter().map(|name| schema.index_of(name).ok()).collect();
        Self {
            columns: schema.fields().iter().map(|field| ColumnProfile::new(field)).collect(),
            key: places.filter(|places| !places.is_empty()).map(Distinct::new),
            bars: Bars::of(schema),
            rows: 0,
            options,
        }
    }

    /// Looks at a batch.
    pub fn observe(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (profile, column) in self.columns.iter_mut().zip(batch.columns()) {
            profile.observe(column);
        }
        if let Some(key) = &mut self.key {
            key.observe(batch.columns());
        }
        if let Some(bars) = &mut self.bars {
            bars.observe(batch);
        }
    }

    /// Rows seen.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The rules that the rows seen pass.
    pub fn propose(&self) -> Vec<Proposed> {
        propose::rules(self)
    }

    /// A ruleset that the rows seen pass, with comments. Without rows it only counts them.
    pub fn suggest(&self) -> String {
        self.suggest_with(&BTreeMap::new())
    }

    /// The same, with a remark on some rules, by their [`Proposed::about`].
    pub fn suggest_with(&self, remarks: &BTreeMap<String, String>) -> String {
        propose::ruleset(self, remarks)
    }
}

/// A rule that is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// What it is about, the same whatever its limits are: `upper limit of "close"`.
    pub about: String,
    /// The rule.
    pub rule: String,
    /// What was seen.
    pub seen: String,
}

/// Whether the values of some columns together occur once each.
#[derive(Debug)]
struct Distinct {
    columns: Vec<usize>,
    converter: Option<RowConverter>,
    hasher: RandomState,
    seen: HashSet<u64>,
    /// False once a value came twice, had a NULL, or too many were seen.
    unique: bool,
}

impl Distinct {
    fn new(columns: Vec<usize>) -> Self {
        Self { columns, converter: None, hasher: RandomState::new(), seen: HashSet::new(), unique: true }
    }

    fn observe(&mut self, all: &[ArrayRef]) {
        if self.unique {
            self.unique = self.look_at(all).unwrap_or(false);
            if !self.unique {
                self.seen = HashSet::new();
            }
        }
    }

    /// `None` for types that cannot be compared. Two values of one hash count as one: then nothing is proposed.
    fn look_at(&mut self, all: &[ArrayRef]) -> Option<bool> {
        let columns: Vec<ArrayRef> =
            self.columns.iter().map(|at| all.get(*at).cloned()).collect::<Option<_>>()?;
        if columns.iter().any(|column| column.logical_null_count() > 0) {
            return Some(false);
        }
        let converter = match &self.converter {
            Some(converter) => converter,
            None => {
                let fields = columns.iter().map(|column| SortField::new(column.data_type().clone()));
                self.converter.insert(RowConverter::new(fields.collect()).ok()?)
            }
        };
        let rows = converter.convert_columns(&columns).ok()?;
        let fresh = rows.iter().all(|row| self.seen.insert(self.hasher.hash_one(row.as_ref())));
        Some(fresh && self.seen.len() <= MAX_KEYS)
    }
}

/// Open, high, low and close, where a schema has them.
#[derive(Debug)]
struct Bars {
    /// Places of open, high, low and close.
    places: [usize; 4],
    high_below_low: bool,
    open_outside: bool,
    close_outside: bool,
}

impl Bars {
    fn of(schema: &SchemaRef) -> Option<Self> {
        let place = |name: &str| {
            let (at, field) = schema.column_with_name(name)?;
            field.data_type().is_numeric().then_some(at)
        };
        let places = [place("open")?, place("high")?, place("low")?, place("close")?];
        Some(Self { places, high_below_low: false, open_outside: false, close_outside: false })
    }

    fn observe(&mut self, batch: &RecordBatch) {
        let numbers = self.places.map(|at| column_profile::doubles(batch.column(at)));
        let [Some(open), Some(high), Some(low), Some(close)] = numbers else {
            *self = Self { high_below_low: true, open_outside: true, close_outside: true, ..*self };
            return;
        };
        let at =
            |values: &arrow::array::Float64Array, row: usize| values.is_valid(row).then(|| values.value(row));
        for row in 0..batch.num_rows() {
            let (Some(high), Some(low)) = (at(&high, row), at(&low, row)) else { continue };
            self.high_below_low |= high < low;
            self.open_outside |= at(&open, row).is_some_and(|open| open < low || open > high);
            self.close_outside |= at(&close, row).is_some_and(|close| close < low || close > high);
        }
    }
}

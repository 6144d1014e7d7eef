//! A contract after it was read and checked: columns, business key, partitions, order, gate. Columns are named by their index in
//! file order. `odcs` builds it; every stage and crate that handles rows reads it.

use std::collections::HashMap;

use chrono_tz::Tz;
use quotelake_core::Zone;

use super::column::{Column, ColumnType, Derivation, Role};
use super::layout::FileLayout;
use super::refine::Refine;

/// How often a file of one name is taken from the inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropLimit {
    /// As often as it is dropped.
    #[default]
    None,
    /// Once a day, by the date in this zone.
    Daily(Tz),
}

/// One level of Hive partitioning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionField {
    /// The partition column's name, e.g. `month`.
    pub name: String,
    /// Its type in Glue.
    pub ty: ColumnType,
    /// How its value is computed.
    pub derivation: Derivation,
    /// What it means, for people.
    pub description: String,
}

/// The columns that tell the rows of a dataset without a key apart (`key: none`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileColumns {
    /// Index of the column of the file's SHA-256, lowercase hex.
    pub sha256: usize,
    /// Index of the column of the row's number in the file, from 1.
    pub row: usize,
}

/// The columns that fields of lines are read into, by the fields' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    places: HashMap<String, usize>,
}

impl Fields {
    /// The column of a field, see [`Contract::field_index`].
    #[inline]
    pub fn index(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }
}

/// A dataset's declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    /// The dataset and its table.
    pub name: String,
    /// The contract's own version, semantic.
    pub version: String,
    /// What the dataset is, for people.
    pub description: String,
    /// The columns, in file order.
    pub columns: Vec<Column>,
    /// Indices of the business key's columns, in key order.
    pub key: Vec<usize>,
    /// The key's columns, where the dataset has no key of its own and rows are kept as often as they come.
    pub file_columns: Option<FileColumns>,
    /// Partition levels, outermost first; none where one file holds the whole table.
    pub partitions: Vec<PartitionField>,
    /// What is in the place of a partition value that is missing; none where there cannot be such.
    pub null_partition: Option<String>,
    /// Indices of the columns that a file is sorted by.
    pub sort: Vec<usize>,
    /// Index of the column whose greatest value is the newest version of a row.
    pub revision: Option<usize>,
    /// Index of the column of the source's own stamps: of two versions of one revision the later stamp wins.
    pub stamp: Option<usize>,
    /// Indices of the text columns that tell one series of rows from another: a series is blocked for itself. Empty where the
    /// rows of an object are one series.
    pub series: Vec<usize>,
    /// Index of the boolean column that says that a row will not change any more.
    pub finality: Option<usize>,
    /// The shipped ruleset's file name, or one beside the contract's file.
    pub ruleset: Option<String>,
    /// Whether rules joined by `and` and `or` are judged row by row, rather than by the outcomes of their parts.
    pub composites_by_row: bool,
    /// The share of a series' rows in an object, from 0 to 1, above which quarantined rows block the series: so many bad rows
    /// are no slips but something systematic. Without one, any share goes.
    pub max_quarantine_ratio: Option<f64>,
    /// How dropped files are laid out.
    pub layout: FileLayout,
    /// How often a file of one name is taken from the inbox.
    pub drop_limit: DropLimit,
    /// How it is computed, where a model does it; none of a dataset whose rows come in.
    pub refine: Option<Refine>,
}

impl Contract {
    /// Where its table is: what models compute is apart from what came in.
    pub fn zone(&self) -> Zone {
        if self.refine.is_some() { Zone::Silver } else { Zone::Bronze }
    }

    /// The column that a field of a line is read into: by its name, or by the name that it has in people's files. The member
    /// `dataset` says what the line is of, whatever people's files call so.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        let find = |is: fn(&Column, &str) -> bool| {
            self.columns.iter().position(|column| is(column, name) && column.is_read())
        };
        find(|column, name| column.name == name)
            .or_else(|| find(|column, name| column.source_name == name && name != "dataset"))
    }

    /// The same of every name at once, for anyone who asks for each field of many lines.
    pub fn fields(&self) -> Fields {
        let mut places = HashMap::with_capacity(self.columns.len());
        let read = || self.columns.iter().enumerate().filter(|(_, column)| column.is_read());
        for (index, column) in read() {
            places.entry(column.name.clone()).or_insert(index);
        }
        for (index, column) in read().filter(|(_, column)| column.source_name != "dataset") {
            places.entry(column.source_name.clone()).or_insert(index);
        }
        Fields { places }
    }

    /// A column's index by its name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Whether people's files have this column: it is read, and no part of what tells rows without a key apart.
    pub fn is_in_files(&self, index: usize) -> bool {
        let is_added = self.file_columns.is_some_and(|added| index == added.sha256 || index == added.row);
        self.columns[index].is_read() && !is_added
    }

    /// Whether a row of the same key may come to lie in another partition: where a partition does not follow from the key.
    pub fn rows_move(&self) -> bool {
        self.partitions.iter().any(|field| !self.follows_from_key(field.derivation.from()))
    }

    /// Whether a column's value follows from the business key.
    pub(crate) fn follows_from_key(&self, index: usize) -> bool {
        follows_from_key(&self.columns, index, self.columns.len())
    }

    /// Whether a column's type is one that others are narrower than: older files may hold such.
    pub fn has_wide_types(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.ty, ColumnType::Decimal { .. } | ColumnType::Bigint))
    }

    /// Index of the column that holds the rows' flags.
    pub fn flags(&self) -> Option<usize> {
        self.columns.iter().position(|column| column.role == Role::Flags)
    }
}

/// Whether a column's value follows from the key, by at most so many steps: a column may be derived from one that is derived itself,
/// but not forever.
fn follows_from_key(columns: &[Column], index: usize, steps: usize) -> bool {
    let column = &columns[index];
    let next = |index: usize| steps > 0 && follows_from_key(columns, index, steps - 1);
    let named = |name: &String| columns.iter().any(|c| c.name == *name && c.role == Role::Key);
    column.role == Role::Key
        || column.derivation.as_ref().is_some_and(|derivation| next(derivation.from()))
        || (!column.determined_by.is_empty() && column.determined_by.iter().all(named))
}

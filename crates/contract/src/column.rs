//! A column of a contract: its type, its role and how it is derived from another one.

use std::fmt;

use chrono_tz::Tz;

use crate::cell::{CellReader, Epoch};

/// A column's type, in the lake's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// 32-bit integer.
    Int,
    /// 64-bit integer.
    Bigint,
    /// 64-bit float: for analytics, never for money.
    Double,
    /// `DECIMAL(precision, scale)`, at most 38 digits.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// A calendar date.
    Date,
    /// A UTC instant in milliseconds.
    Timestamp,
    /// True or false.
    Boolean,
}

impl ColumnType {
    /// Reads a physical type as Glue and Athena write it: `string`, `int`, `bigint`, `double`, `decimal(18,8)`, `date`,
    /// `timestamp`, `boolean`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "string" => Self::String,
            "int" => Self::Int,
            "bigint" => Self::Bigint,
            "double" => Self::Double,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "boolean" => Self::Boolean,
            other => {
                let (precision, scale) =
                    other.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
                let (precision, scale): (u8, u8) =
                    (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
                (1..=38).contains(&precision).then_some(())?;
                (scale <= precision).then_some(Self::Decimal { precision, scale })?
            }
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Int => f.write_str("int"),
            Self::Bigint => f.write_str("bigint"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Boolean => f.write_str("boolean"),
        }
    }
}

/// What a column means for merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Part of the business key.
    Key,
    /// Business content: a difference is a revision.
    Business,
    /// Where the row came from: a difference is no revision.
    Provenance,
    /// What `check` found remarkable about the row. No field is read into it, and a difference is no revision.
    Flags,
}

/// How a derived column or partition is computed from another column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derivation {
    /// `column`: the value as it is.
    Copy {
        /// Index of the source column.
        from: usize,
    },
    /// `date(column)`: the date of an instant.
    Date {
        /// Index of the source column, a timestamp.
        from: usize,
        /// The zone whose date it is, that of the source column; UTC where it has none.
        zone: Option<Tz>,
    },
    /// `strftime(column, 'format')`: a date or instant as text.
    Format {
        /// Index of the source column, a date or a timestamp.
        from: usize,
        /// `strftime` format.
        format: String,
        /// As above.
        zone: Option<Tz>,
    },
}

impl Derivation {
    /// Index of the source column.
    pub fn from(&self) -> usize {
        match self {
            Self::Copy { from } | Self::Date { from, .. } | Self::Format { from, .. } => *from,
        }
    }
}

/// One column of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// snake_case: the name in every table, file and query.
    pub name: String,
    /// The name in the files that people drop, where it differs (`physicalName`).
    pub source_name: String,
    /// The type.
    pub ty: ColumnType,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// What it means for merging.
    pub role: Role,
    /// Beside the row's identity and prices: a value that does not fit, or that was refused, becomes a missing one with a
    /// flag on the row. Of any other column it costs the row.
    pub informational: bool,
    /// Text only: the values that there are, where they are a list; empty where any text goes.
    pub allowed_values: Vec<String>,
    /// Decimals only: digits that can only be the rounding noise of a binary float are taken off.
    pub drops_float_noise: bool,
    /// Numbers only: computed in floating point, so that the last digits depend on what computes them.
    pub floating_point: bool,
    /// Text only: whether values repeat enough to be dictionary-coded.
    pub dictionary: bool,
    /// Instants only: the field holds a count since 1970 instead of text.
    pub epoch: Option<Epoch>,
    /// Instants only: the zone of text that names none.
    pub zone: Option<Tz>,
    /// How the texts of people's files are read.
    pub cell: CellReader,
    /// The unit of the values, for people.
    pub unit: Option<String>,
    /// What it means, for people.
    pub description: String,
    /// Computed from another column instead of read from a field.
    pub derivation: Option<Derivation>,
    /// Names of the key columns that its value follows from, where that is so although it is read: rows that are equal in them are
    /// equal in it.
    pub determined_by: Vec<String>,
}

impl Column {
    /// Whether it is read from a field: derived columns are computed, and flags are set when the rows are checked.
    pub fn is_read(&self) -> bool {
        self.derivation.is_none() && self.role != Role::Flags
    }
}

//! What is remembered of one column.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray as _, Float64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, TimeUnit, TimestampMillisecondType};

use super::Distinct;

/// Values of a text column that are remembered.
pub(super) const MAX_VALUES: usize = 20;

/// One column.
#[derive(Debug)]
pub(super) struct ColumnProfile {
    pub(super) name: String,
    pub(super) rows: u64,
    pub(super) nulls: u64,
    pub(super) kind: Kind,
    /// Whether every value occurs once; not asked of floating-point numbers.
    distinct: Option<Distinct>,
}

/// What is remembered by the kind of values.
#[derive(Debug)]
pub(super) enum Kind {
    /// Smallest and largest, whether there is a NaN, and whether the type has only whole numbers.
    Number { range: Option<(f64, f64)>, nan: bool, whole: bool },
    /// Texts.
    Text(TextProfile),
    /// The latest, Unix milliseconds.
    Instant { latest: Option<i64> },
    /// Nothing but whether values are there.
    Other,
}

/// A text column.
#[derive(Debug, Default)]
pub(super) struct TextProfile {
    /// The values with how often each came; `None` once there are more than [`MAX_VALUES`].
    pub(super) values: Option<BTreeMap<String, u64>>,
    /// Least and greatest number of characters.
    pub(super) lengths: Option<(usize, usize)>,
    /// Whether all values are upper-case ASCII letters, or digits.
    pub(super) upper: bool,
    pub(super) digits: bool,
}

impl ColumnProfile {
    pub(super) fn new(field: &Field) -> Self {
        let plain = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        let kind = match plain {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text(TextProfile {
                values: Some(BTreeMap::new()),
                upper: true,
                digits: true,
                ..TextProfile::default()
            }),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Kind::Instant { latest: None },
            numeric if numeric.is_numeric() => Kind::Number {
                range: None,
                nan: false,
                whole: numeric.is_integer()
                    || matches!(
                        numeric,
                        DataType::Decimal32(_, 0)
                            | DataType::Decimal64(_, 0)
                            | DataType::Decimal128(_, 0)
                            | DataType::Decimal256(_, 0)
                    ),
            },
            _ => Kind::Other,
        };
        let comparable = !plain.is_floating() && !matches!(plain, DataType::Boolean) && !plain.is_nested();
        Self {
            name: field.name().clone(),
            rows: 0,
            nulls: 0,
            kind,
            distinct: comparable.then(|| Distinct::new(vec![0])),
        }
    }

    pub(super) fn observe(&mut self, column: &ArrayRef) {
        self.rows += column.len() as u64;
        self.nulls += column.logical_null_count() as u64;
        if let Some(distinct) = &mut self.distinct {
            distinct.observe(std::slice::from_ref(column));
        }
        match &mut self.kind {
            Kind::Number { range, nan, .. } => {
                let Some(numbers) = doubles(column) else { return };
                for number in numbers.iter().flatten() {
                    *nan |= number.is_nan();
                    let (low, high) = range.unwrap_or((number, number));
                    *range = Some((low.min(number), high.max(number)));
                }
            }
            Kind::Text(profile) => profile.observe(column),
            Kind::Instant { latest } => {
                let milliseconds = DataType::Timestamp(TimeUnit::Millisecond, None);
                let Ok(instants) = cast(column, &milliseconds) else { return };
                let newest = instants.as_primitive::<TimestampMillisecondType>().iter().flatten().max();
                *latest = newest.max(*latest);
            }
            Kind::Other => {}
        }
    }

    /// Whether every row has a value and no two the same.
    pub(super) fn is_unique(&self) -> bool {
        self.rows > 1 && self.distinct.as_ref().is_some_and(|distinct| distinct.unique)
    }
}

impl TextProfile {
    fn observe(&mut self, column: &ArrayRef) {
        // The values of a dictionary that no row has are not looked at: casting takes the rows.
        let Ok(texts) = cast(column, &DataType::Utf8) else { return };
        let texts: &StringArray = texts.as_string();
        for text in texts.iter().flatten() {
            let characters = text.chars().count();
            let (least, most) = self.lengths.unwrap_or((characters, characters));
            self.lengths = Some((least.min(characters), most.max(characters)));
            self.upper &= !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase());
            self.digits &= !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if let Some(values) = &mut self.values {
                match values.get_mut(text) {
                    Some(count) => *count += 1,
                    None => drop(values.insert(text.to_owned(), 1)),
                }
                if values.len() > MAX_VALUES {
                    self.values = None;
                }
            }
        }
    }
}

/// A number column as doubles: limits need no more.
pub(super) fn doubles(column: &ArrayRef) -> Option<Float64Array> {
    cast(column, &DataType::Float64).ok().map(|numbers| numbers.as_primitive::<Float64Type>().clone())
}

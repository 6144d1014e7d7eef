//! Values of SQL expressions: columns of numbers, texts, instants or truth values, and literals.

use arrow::array::{Array, PrimitiveArray, StringArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime};

use super::TextFunction;
use super::texts_to_numbers;
use crate::column::{DAY_NANOS, Numbers, Texts, Values, valid_bits};
use crate::number::Number;
use crate::places::Places;

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    /// Nanoseconds since 1970-01-01 UTC.
    Instant(i128),
    /// Days since 1970-01-01.
    Day(i64),
}

impl Literal {
    /// What it is, for messages.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => format!("the number {number}"),
            Self::Text(text) => format!("the text '{}'", crate::mistakes::shown(text)),
            Self::Instant(_) | Self::Day(_) => "a date or timestamp".to_owned(),
        }
    }

    /// This literal as a number, reading a text as one.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => texts_to_numbers::number(text),
            _ => None,
        }
    }

    /// This literal as an instant, reading a text as one.
    pub(super) fn instant(&self) -> Option<i128> {
        match self {
            Self::Instant(nanos) => Some(*nanos),
            Self::Day(day) => Some(i128::from(*day) * i128::from(DAY_NANOS)),
            Self::Text(text) => parse_instant(text),
            _ => None,
        }
    }
}

/// `YYYY-MM-DD`, with an optional time of day and offset; UTC without an offset.
pub(crate) fn parse_instant(text: &str) -> Option<i128> {
    let text = text.trim();
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok().or_else(|| {
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
            .map(|time| time.and_utc())
    })?;
    let seconds = i128::from(time.timestamp());
    Some(seconds * 1_000_000_000 + i128::from(time.timestamp_subsec_nanos()))
}

/// A date as Spark casts a text to one: `2024`, `2024-5`, `2024-5-1`, with whatever follows a blank or a `T`.
pub(super) fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = |text: &str, least: usize, most: usize| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        (plain && (least..=most).contains(&text.len())).then(|| text.parse::<u32>().ok()).flatten()
    };
    let mut parts = text.splitn(3, '-');
    let year = digits(parts.next()?, 4, 6)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 1, 2))?;
    let day = match parts.next() {
        None => 1,
        Some(rest) => digits(rest.split([' ', 'T']).next()?, 1, 2)?,
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(i64::from(date.num_days_from_ce()) - UNIX_EPOCH_FROM_CE)
}

/// 1970-01-01 counted from the first day of the year 1.
const UNIX_EPOCH_FROM_CE: i64 = 719_163;

/// TRUE and FALSE of every row; NULL is neither.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) yes: BooleanBuffer,
    pub(super) no: BooleanBuffer,
}

impl Truth {
    pub(super) fn known(bits: BooleanBuffer, valid: Option<&BooleanBuffer>) -> Self {
        let no = !&bits;
        match valid {
            None => Self { yes: bits, no },
            Some(valid) => Self { yes: &bits & valid, no: &no & valid },
        }
    }

    pub(super) fn constant(value: Option<bool>, len: usize) -> Self {
        let bits = |set: bool| {
            if set { BooleanBuffer::new_set(len) } else { BooleanBuffer::new_unset(len) }
        };
        Self { yes: bits(value == Some(true)), no: bits(value == Some(false)) }
    }

    pub(super) fn and(self, other: &Self) -> Self {
        Self { yes: &self.yes & &other.yes, no: &self.no | &other.no }
    }

    pub(super) fn or(self, other: &Self) -> Self {
        Self { yes: &self.yes | &other.yes, no: &self.no & &other.no }
    }

    pub(super) fn not(self) -> Self {
        Self { yes: self.no, no: self.yes }
    }
}

/// A column of values.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// NULL in every row, of no type yet.
    Null(usize),
    Numbers(Numbers),
    Texts(Texts),
    Instants {
        raw: Numbers,
        unit_nanos: i64,
    },
    Booleans(Truth),
}

impl Value {
    /// A literal in every row.
    pub(super) fn of_literal(literal: &Literal, len: usize) -> Self {
        match literal {
            Literal::Null => Self::Null(len),
            Literal::Boolean(value) => Self::Booleans(Truth::constant(Some(*value), len)),
            Literal::Number(Number::Exact { mantissa, scale }) => Self::Numbers(Numbers {
                values: Values::I128(vec![*mantissa; len].into()),
                scale: *scale,
                valid: None,
            }),
            Literal::Number(Number::Float(value)) => Self::Numbers(Numbers {
                values: Values::F64(vec![*value; len].into()),
                scale: 0,
                valid: None,
            }),
            Literal::Text(text) => Self::Texts(Texts::Plain(StringArray::from(vec![text.as_str(); len]))),
            Literal::Instant(nanos) => Self::Instants {
                raw: Numbers { values: Values::I128(vec![*nanos; len].into()), scale: 0, valid: None },
                unit_nanos: 1,
            },
            Literal::Day(day) => Self::Instants {
                raw: Numbers { values: Values::I64(vec![*day; len].into()), scale: 0, valid: None },
                unit_nanos: DAY_NANOS,
            },
        }
    }

    /// Rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Null(len) => *len,
            Self::Numbers(numbers) | Self::Instants { raw: numbers, .. } => numbers.len(),
            Self::Texts(Texts::Plain(texts)) => texts.len(),
            Self::Texts(Texts::Dictionary { keys, .. }) => keys.len(),
            Self::Booleans(truth) => truth.yes.len(),
        }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null(_) => "NULL",
            Self::Numbers(_) => "a number",
            Self::Texts(_) => "a text",
            Self::Instants { .. } => "a date or timestamp",
            Self::Booleans(_) => "a truth value",
        }
    }

    /// The rows that are NULL, as a truth value.
    pub(super) fn is_null(&self) -> Truth {
        let valid = match self {
            Self::Null(len) => return Truth::constant(Some(true), *len),
            Self::Numbers(numbers) | Self::Instants { raw: numbers, .. } => match &numbers.valid {
                None => return Truth::constant(Some(false), numbers.len()),
                Some(valid) => valid.clone(),
            },
            Self::Texts(texts) => {
                let (bits, rows) = texts.test(|_| true);
                match rows.into_bits() {
                    None => return Truth::constant(Some(false), bits.len()),
                    Some(valid) => valid,
                }
            }
            Self::Booleans(truth) => &truth.yes | &truth.no,
        };
        Truth { yes: !&valid, no: valid }
    }
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::I64(values) => values.len(),
            Values::I128(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    pub(super) fn is_float(&self) -> bool {
        matches!(self.values, Values::F64(_))
    }

    pub(super) fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|valid| valid.value(row))
    }

    /// Every row as floating point; meaningless where NULL.
    pub(super) fn to_f64(&self) -> Vec<f64> {
        let divisor = self.divisor();
        match &self.values {
            Values::I64(values) => values.iter().map(|raw| *raw as f64 / divisor).collect(),
            Values::I128(values) => {
                let places = Places::of(self.scale);
                values.iter().map(|raw| places.float(*raw)).collect()
            }
            Values::F64(values) => values.to_vec(),
        }
    }

    /// Every row times `factor` as a whole number, 0 where NULL.
    pub(super) fn to_i128(&self, factor: i128) -> Result<Vec<i128>, String> {
        let scaled = |row: usize, raw: i128| {
            if self.is_valid(row) {
                raw.checked_mul(factor).ok_or_else(|| "a number is out of range".to_owned())
            } else {
                Ok(0)
            }
        };
        match &self.values {
            Values::I64(values) => {
                values.iter().enumerate().map(|(row, raw)| scaled(row, i128::from(*raw))).collect()
            }
            Values::I128(values) => values.iter().enumerate().map(|(row, raw)| scaled(row, *raw)).collect(),
            Values::F64(_) => Err("a floating point number is not exact".to_owned()),
        }
    }
}

/// Rows that are valid on both sides.
pub(super) fn both(left: Option<&BooleanBuffer>, right: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left & right),
        (one, other) => one.or(other).cloned(),
    }
}

impl Texts {
    /// Every row; `None` for NULL.
    pub(super) fn to_vec(&self) -> Vec<Option<&str>> {
        match self {
            Self::Plain(array) => array.iter().collect(),
            Self::Dictionary { values, keys } => keys
                .iter()
                .map(|key| {
                    let key = usize::try_from(key?).ok()?;
                    (key < values.len() && values.is_valid(key)).then(|| values.value(key))
                })
                .collect(),
        }
    }

    /// `function` of every text, of every dictionary entry once.
    pub(super) fn map(&self, function: TextFunction) -> Self {
        let map = |array: &StringArray| -> StringArray {
            array
                .iter()
                .map(|text| {
                    text.map(|text| match function {
                        TextFunction::Upper => text.to_uppercase(),
                        TextFunction::Lower => text.to_lowercase(),
                    })
                })
                .collect()
        };
        match self {
            Self::Plain(array) => Self::Plain(map(array)),
            Self::Dictionary { values, keys } => {
                Self::Dictionary { values: map(values), keys: PrimitiveArray::clone(keys) }
            }
        }
    }

    /// The length in characters; NULL for NULL.
    pub(super) fn length_column(&self) -> Numbers {
        let valid = match self {
            Self::Plain(array) => valid_bits(array),
            Self::Dictionary { .. } => self.test(|_| true).1.into_bits(),
        };
        Numbers { values: Values::I64(ScalarBuffer::from(self.lengths())), scale: 0, valid }
    }
}

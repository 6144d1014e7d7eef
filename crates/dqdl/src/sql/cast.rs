//! `cast`: between numbers, texts, dates and timestamps. What cannot be converted is NULL, as in Spark.

use arrow::array::StringArray;
use arrow::buffer::BooleanBuffer;
use sqlparser::ast::{DataType, ExactNumberInfo};

use super::value::{Value, parse_instant};
use crate::column::{DAY_NANOS, Numbers, Texts, Values};
use crate::number::Number;

/// What to cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Digits before and after the point; whole types have scale 0.
    Decimal {
        precision: u32,
        scale: u32,
    },
    /// A whole number: the fraction is cut off instead of rounded.
    Whole {
        digits: u32,
    },
    Float,
    Text,
    Date,
    Timestamp,
}

impl Target {
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        let digits = |value: u64| u32::try_from(value).ok().filter(|value| *value <= 38);
        Some(match data_type {
            DataType::TinyInt(_)
            | DataType::SmallInt(_)
            | DataType::Int(_)
            | DataType::Integer(_)
            | DataType::BigInt(_) => Self::Whole { digits: 19 },
            DataType::Decimal(info) | DataType::Numeric(info) | DataType::Dec(info) => {
                let (precision, scale) = match info {
                    ExactNumberInfo::None => (10, 0),
                    ExactNumberInfo::Precision(precision) => (digits(*precision)?, 0),
                    ExactNumberInfo::PrecisionAndScale(precision, scale) => {
                        (digits(*precision)?, digits(u64::try_from(*scale).ok()?)?)
                    }
                };
                Self::Decimal { precision, scale }
            }
            DataType::Double(_) | DataType::DoublePrecision | DataType::Float(_) | DataType::Real => {
                Self::Float
            }
            DataType::String(_) | DataType::Text | DataType::Varchar(_) => Self::Text,
            DataType::Date => Self::Date,
            DataType::Timestamp(..) => Self::Timestamp,
            _ => return None,
        })
    }
}

pub(super) fn cast(value: Value, target: Target) -> Result<Value, String> {
    let refused = format!("{} cannot be cast like that", value.kind());
    Ok(match (value, target) {
        (Value::Null(len), _) => Value::Null(len),
        (value @ Value::Texts(_), Target::Text) => value,
        (Value::Numbers(numbers), Target::Text) if !numbers.is_float() => {
            Value::Texts(Texts::Plain(to_text(&numbers)))
        }
        (Value::Numbers(numbers), Target::Float) => Value::Numbers(to_float(&numbers)),
        (Value::Numbers(numbers), Target::Whole { digits }) => {
            Value::Numbers(rescale(&numbers, digits, 0, false))
        }
        (Value::Numbers(numbers), Target::Decimal { precision, scale }) => {
            Value::Numbers(rescale(&numbers, precision, scale, true))
        }
        (Value::Texts(texts), Target::Date | Target::Timestamp) => {
            let instants = collect(texts.to_vec().into_iter().map(|text| parse_instant(text?)));
            to_instants(&instants, 1, target)?
        }
        (Value::Instants { raw, unit_nanos }, Target::Date | Target::Timestamp) => {
            to_instants(&raw, unit_nanos, target)?
        }
        (Value::Texts(texts), target) => cast(Value::Numbers(parse_numbers(&texts)), target)?,
        _ => return Err(refused),
    })
}

/// Exact numbers with NULL where there is none.
fn collect(rows: impl Iterator<Item = Option<i128>>) -> Numbers {
    let rows: Vec<Option<i128>> = rows.collect();
    let valid = BooleanBuffer::collect_bool(rows.len(), |row| rows[row].is_some());
    Numbers {
        values: Values::I128(rows.into_iter().map(Option::unwrap_or_default).collect()),
        scale: 0,
        valid: Some(valid),
    }
}

fn to_instants(raw: &Numbers, unit_nanos: i64, target: Target) -> Result<Value, String> {
    let nanos = raw.to_i128(i128::from(unit_nanos))?;
    let day = i128::from(DAY_NANOS);
    let (values, unit_nanos) = match target {
        Target::Date => (nanos.into_iter().map(|nanos| nanos.div_euclid(day)).collect(), DAY_NANOS),
        _ => (nanos, 1),
    };
    Ok(Value::Instants {
        raw: Numbers { values: Values::I128(values.into()), scale: 0, valid: raw.valid.clone() },
        unit_nanos,
    })
}

fn to_float(numbers: &Numbers) -> Numbers {
    Numbers { values: Values::F64(numbers.to_f64().into()), scale: 0, valid: numbers.valid.clone() }
}

/// Every text as a number with 18 decimals at most, NULL where it is none.
fn parse_numbers(texts: &Texts) -> Numbers {
    const SCALE: u32 = 18;
    let rows = texts.to_vec();
    let parsed = rows.into_iter().map(|text| match Number::parse(text?.trim())? {
        Number::Exact { mantissa, scale } if scale <= SCALE => {
            mantissa.checked_mul(10_i128.checked_pow(SCALE - scale)?)
        }
        Number::Exact { mantissa, scale } => Some(mantissa / 10_i128.checked_pow(scale - SCALE)?),
        Number::Float(_) => None,
    });
    Numbers { scale: SCALE, ..collect(parsed) }
}

/// Another scale, rounding half away from zero or cutting off; NULL when there are too many digits.
fn rescale(numbers: &Numbers, precision: u32, scale: u32, round: bool) -> Numbers {
    let limit = 10_i128.checked_pow(precision).unwrap_or(i128::MAX);
    let fits = |value: i128| (value > -limit && value < limit).then_some(value);
    let exact = |raw: i128| {
        if scale >= numbers.scale {
            return raw.checked_mul(10_i128.checked_pow(scale - numbers.scale)?);
        }
        let factor = 10_i128.checked_pow(numbers.scale - scale)?;
        let away = round && (raw % factor).abs() >= factor / 2;
        Some(raw / factor + if away { raw.signum() } else { 0 })
    };
    let float = |value: f64| {
        let scaled = value * 10_f64.powi(i32::try_from(scale).unwrap_or(0));
        let whole = if round { scaled.round() } else { scaled.trunc() };
        (whole.abs() < 1e38).then_some(whole as i128)
    };
    let rows = (0..numbers.len()).map(|row| {
        if !numbers.is_valid(row) {
            return None;
        }
        match &numbers.values {
            Values::I64(values) => exact(i128::from(values[row])),
            Values::I128(values) => exact(values[row]),
            Values::F64(values) => float(values[row]),
        }
        .and_then(fits)
    });
    Numbers { scale, ..collect(rows) }
}

fn to_text(numbers: &Numbers) -> StringArray {
    let digits = usize::try_from(numbers.scale).unwrap_or(0);
    let text = |raw: i128| {
        if digits == 0 {
            return raw.to_string();
        }
        let sign = if raw < 0 { "-" } else { "" };
        let all = format!("{:0>width$}", raw.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = all.split_at(all.len() - digits);
        format!("{sign}{whole}.{fraction}")
    };
    (0..numbers.len())
        .map(|row| {
            if !numbers.is_valid(row) {
                return None;
            }
            match &numbers.values {
                Values::I64(values) => Some(text(i128::from(values[row]))),
                Values::I128(values) => Some(text(values[row])),
                Values::F64(_) => None,
            }
        })
        .collect()
}

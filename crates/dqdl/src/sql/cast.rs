//! `cast`: between numbers, texts, dates and timestamps. What cannot be converted is NULL, as in Spark.

use arrow::array::StringArray;
use arrow::buffer::BooleanBuffer;
use chrono::{DateTime, NaiveDateTime};
use sqlparser::ast::{DataType, ExactNumberInfo};

use super::texts_to_numbers;
use super::value::{Truth, Value, parse_date, parse_instant};
use crate::column::{DAY_NANOS, Numbers, Texts, Values};

/// What to cast to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Digits before and after the point; whole types have scale 0.
    Decimal {
        precision: u32,
        scale: u32,
    },
    /// A whole number of so many bits: the fraction is cut off instead of rounded.
    Whole {
        bits: u32,
    },
    Float,
    Text,
    Date,
    Timestamp,
    Boolean,
}

/// What becomes of places that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// Half away from zero.
    HalfUp,
    /// Half to the even digit.
    HalfEven,
    /// Cut off.
    Truncate,
    /// To the next below.
    Down,
    /// To the next above.
    Up,
}

impl Target {
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        let digits = |value: u64| u32::try_from(value).ok().filter(|value| *value <= 38);
        Some(match data_type {
            DataType::TinyInt(_) => Self::Whole { bits: 8 },
            DataType::SmallInt(_) => Self::Whole { bits: 16 },
            DataType::Int(_) | DataType::Integer(_) => Self::Whole { bits: 32 },
            DataType::BigInt(_) => Self::Whole { bits: 64 },
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
            DataType::Boolean | DataType::Bool => Self::Boolean,
            _ => return None,
        })
    }
}

pub(super) fn cast(value: Value, target: Target) -> Result<Value, String> {
    let refused = format!("{} cannot be cast like that", value.kind());
    Ok(match (value, target) {
        (Value::Null(len), _) => Value::Null(len),
        (value @ Value::Texts(_), Target::Text) => value,
        (value, Target::Text) => {
            let rows = (0..value.len()).map(|row| text_of_row(&value, row));
            Value::Texts(Texts::Plain(rows.collect::<StringArray>()))
        }
        (value @ Value::Booleans(_), Target::Boolean) => value,
        (Value::Numbers(numbers), Target::Boolean) => {
            let floats = numbers.to_f64();
            let bits = BooleanBuffer::collect_bool(floats.len(), |row| floats[row] != 0.0);
            Value::Booleans(Truth::known(bits, numbers.valid.as_ref()))
        }
        (Value::Texts(texts), Target::Boolean) => {
            let rows: Vec<Option<bool>> = texts.to_vec().into_iter().map(|text| boolean(text?)).collect();
            let bits = |wanted| BooleanBuffer::collect_bool(rows.len(), |row| rows[row] == Some(wanted));
            Value::Booleans(Truth { yes: bits(true), no: bits(false) })
        }
        (
            Value::Booleans(truth),
            target @ (Target::Whole { .. } | Target::Decimal { .. } | Target::Float),
        ) => {
            let rows = truth.yes.iter().zip(truth.no.iter());
            let ones = collect(rows.map(|(yes, no)| (yes || no).then_some(i128::from(yes))));
            cast(Value::Numbers(ones), target)?
        }
        (Value::Numbers(numbers), Target::Float) => Value::Numbers(to_float(&numbers)),
        (Value::Numbers(numbers), Target::Whole { bits }) => Value::Numbers(whole(&numbers, bits)),
        (Value::Numbers(numbers), Target::Decimal { precision, scale }) => {
            Value::Numbers(rescale(&numbers, precision, scale, Rounding::HalfUp))
        }
        (Value::Texts(texts), Target::Date | Target::Timestamp) => {
            let read = |text: &str| match target {
                Target::Date => parse_date(text).map(|day| i128::from(day) * i128::from(DAY_NANOS)),
                _ => parse_instant(text),
            };
            let instants = collect(texts.to_vec().into_iter().map(|text| read(text?)));
            to_instants(&instants, 1, target)?
        }
        (Value::Instants { raw, unit_nanos }, Target::Date | Target::Timestamp) => {
            to_instants(&raw, unit_nanos, target)?
        }
        (Value::Texts(texts), Target::Whole { bits }) => {
            Value::Numbers(texts_to_numbers::wholes(&texts, bits))
        }
        (Value::Texts(texts), Target::Decimal { precision, scale }) => {
            Value::Numbers(texts_to_numbers::decimals(&texts, precision, scale))
        }
        (Value::Texts(texts), Target::Float) => Value::Numbers(texts_to_numbers::floats(&texts)),
        _ => return Err(refused),
    })
}

/// Exact numbers with NULL where there is none.
pub(super) fn collect(rows: impl Iterator<Item = Option<i128>>) -> Numbers {
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

/// Without the fraction; NULL where so many bits do not hold it. (Spark without ANSI mode lets it wrap around.)
fn whole(numbers: &Numbers, bits: u32) -> Numbers {
    let cut = truncated(numbers);
    let limit = 1_i128 << (bits - 1);
    let rows = (0..cut.len()).map(|row| match &cut.values {
        Values::I128(values) if cut.is_valid(row) => {
            values.get(row).copied().filter(|value| (-limit..limit).contains(value))
        }
        _ => None,
    });
    collect(rows)
}

/// Without the fraction; NULL where that is no whole number of 38 digits.
pub(super) fn truncated(numbers: &Numbers) -> Numbers {
    rescale(numbers, 38, 0, Rounding::Truncate)
}

/// Another scale; NULL when there are too many digits.
pub(super) fn rescale(numbers: &Numbers, precision: u32, scale: u32, rounding: Rounding) -> Numbers {
    let limit = 10_i128.checked_pow(precision).unwrap_or(i128::MAX);
    let fits = |value: i128| (value > -limit && value < limit).then_some(value);
    let exact = |raw: i128| {
        if scale >= numbers.scale {
            return raw.checked_mul(10_i128.checked_pow(scale - numbers.scale)?);
        }
        let factor = 10_i128.checked_pow(numbers.scale - scale)?;
        let (cut, rest) = (raw / factor, raw % factor);
        // Twice the rest might not fit.
        let beside_half = rest.unsigned_abs().cmp(&(factor.unsigned_abs() / 2));
        let away = match rounding {
            Rounding::Truncate => false,
            Rounding::HalfUp => beside_half.is_ge(),
            Rounding::HalfEven => beside_half.is_gt() || (beside_half.is_eq() && cut % 2 != 0),
            Rounding::Down => rest < 0,
            Rounding::Up => rest > 0,
        };
        Some(cut + if away { raw.signum() } else { 0 })
    };
    let float = |value: f64| {
        let scaled = value * 10_f64.powi(i32::try_from(scale).unwrap_or(0));
        let whole = match rounding {
            Rounding::HalfUp => scaled.round(),
            Rounding::HalfEven => scaled.round_ties_even(),
            Rounding::Truncate => scaled.trunc(),
            Rounding::Down => scaled.floor(),
            Rounding::Up => scaled.ceil(),
        };
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

/// The words that Spark takes for truth values.
fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A value as Spark writes it: decimals with their places, `2026-11-20`, `2026-11-20 21:00:00.5`, `1.0E10`.
pub(super) fn text_of_row(value: &Value, row: usize) -> Option<String> {
    match value {
        Value::Null(_) => None,
        Value::Texts(texts) => texts.to_vec().get(row).copied().flatten().map(str::to_owned),
        Value::Booleans(truth) => match (truth.yes.value(row), truth.no.value(row)) {
            (true, _) => Some("true".to_owned()),
            (_, true) => Some("false".to_owned()),
            _ => None,
        },
        Value::Numbers(numbers) if !numbers.is_valid(row) => None,
        Value::Numbers(numbers) => Some(match &numbers.values {
            Values::I64(values) => exact_text(i128::from(values[row]), numbers.scale),
            Values::I128(values) => exact_text(values[row], numbers.scale),
            Values::F64(values) => float_text(values[row]),
        }),
        Value::Instants { raw, .. } if !raw.is_valid(row) => None,
        Value::Instants { raw, unit_nanos } => {
            let value = match &raw.values {
                Values::I64(values) => i128::from(values[row]),
                Values::I128(values) => values[row],
                Values::F64(_) => return None,
            };
            instant_text(value.checked_mul(i128::from(*unit_nanos))?, *unit_nanos == DAY_NANOS)
        }
    }
}

fn exact_text(raw: i128, scale: u32) -> String {
    let digits = usize::try_from(scale).unwrap_or(0);
    if digits == 0 {
        return raw.to_string();
    }
    let sign = if raw < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", raw.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = all.split_at(all.len() - digits);
    format!("{sign}{whole}.{fraction}")
}

/// As Java's `Double.toString`: plain from 0.001 to 10,000,000, else with an exponent.
fn float_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

fn instant_text(nanos: i128, is_date: bool) -> Option<String> {
    let time = date_time(nanos)?;
    if is_date {
        return Some(time.format("%Y-%m-%d").to_string());
    }
    let text = time.format("%Y-%m-%d %H:%M:%S%.9f").to_string();
    Some(text.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// An instant on the calendar, in UTC; `None` beyond it.
pub(super) fn date_time(nanos: i128) -> Option<NaiveDateTime> {
    let second = 1_000_000_000_i128;
    let seconds = i64::try_from(nanos.div_euclid(second)).ok()?;
    let rest = u32::try_from(nanos.rem_euclid(second)).ok()?;
    DateTime::from_timestamp(seconds, rest).map(|time| time.naive_utc())
}

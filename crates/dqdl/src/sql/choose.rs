//! One value or another, row by row: `case`, `if`, `coalesce`, `greatest`.

use arrow::array::StringArray;
use arrow::buffer::BooleanBuffer;

use super::arithmetic::align;
use super::value::{Truth, Value};
use crate::column::{Numbers, Texts, Values};

/// `first` in the rows of `take`, `second` in the others, NULL where that one is. Both are of one kind; exact numbers stay exact.
pub(super) fn choose(take: &BooleanBuffer, first: Value, second: Value) -> Result<Value, String> {
    let len = take.len();
    let valid = |a: &Numbers, b: &Numbers| match (&a.valid, &b.valid) {
        (None, None) => None,
        _ => Some(BooleanBuffer::collect_bool(len, |row| {
            if take.value(row) { a.is_valid(row) } else { b.is_valid(row) }
        })),
    };
    Ok(match (first, second) {
        (Value::Null(_), Value::Null(_)) => Value::Null(len),
        (Value::Null(_), value) => value.without(take),
        (value, Value::Null(_)) => value.without(&!take),
        (Value::Numbers(a), Value::Numbers(b)) => {
            let (values, scale) = if a.is_float() || b.is_float() {
                (Values::F64(pick(take, &a.to_f64(), &b.to_f64()).into()), 0)
            } else {
                let (left, right, scale) = align(&a, &b)?;
                (Values::I128(pick(take, &left, &right).into()), scale)
            };
            Value::Numbers(Numbers { values, scale, valid: valid(&a, &b) })
        }
        (Value::Instants { raw: a, unit_nanos: a_unit }, Value::Instants { raw: b, unit_nanos: b_unit }) => {
            // Dates stay dates.
            let unit_nanos = if a_unit == b_unit { a_unit } else { 1 };
            let left = a.to_i128(i128::from(a_unit / unit_nanos))?;
            let right = b.to_i128(i128::from(b_unit / unit_nanos))?;
            let values = Values::I128(pick(take, &left, &right).into());
            let raw = Numbers { values, scale: 0, valid: valid(&a, &b) };
            Value::Instants { raw, unit_nanos }
        }
        (Value::Texts(a), Value::Texts(b)) => {
            let texts: StringArray = pick(take, &a.to_vec(), &b.to_vec()).into_iter().collect();
            Value::Texts(Texts::Plain(texts))
        }
        (Value::Booleans(a), Value::Booleans(b)) => Value::Booleans(Truth {
            yes: &(take & &a.yes) | &(&!take & &b.yes),
            no: &(take & &a.no) | &(&!take & &b.no),
        }),
        (a, b) => return Err(format!("{} and {} do not mix", a.kind(), b.kind())),
    })
}

fn pick<T: Copy>(take: &BooleanBuffer, left: &[T], right: &[T]) -> Vec<T> {
    let rows = left.iter().zip(right).zip(take.iter());
    rows.map(|((left, right), take)| if take { *left } else { *right }).collect()
}

/// `first` where it is not NULL, else `second`.
pub(super) fn coalesce(first: Value, second: Value) -> Result<Value, String> {
    choose(&first.is_null().no, first, second)
}

impl Value {
    /// NULL in these rows.
    pub(super) fn without(self, rows: &BooleanBuffer) -> Self {
        let kept = !rows;
        let narrowed = |numbers: Numbers| {
            let valid = Some(numbers.valid.as_ref().map_or_else(|| kept.clone(), |valid| valid & &kept));
            Numbers { valid, ..numbers }
        };
        match self {
            Self::Null(len) => Self::Null(len),
            Self::Numbers(numbers) => Self::Numbers(narrowed(numbers)),
            Self::Instants { raw, unit_nanos } => Self::Instants { raw: narrowed(raw), unit_nanos },
            Self::Texts(texts) => {
                let rows = texts.to_vec().into_iter().zip(kept.iter());
                let texts: StringArray = rows.map(|(text, kept)| text.filter(|_| kept)).collect();
                Self::Texts(Texts::Plain(texts))
            }
            Self::Booleans(truth) => Self::Booleans(Truth { yes: &truth.yes & &kept, no: &truth.no & &kept }),
        }
    }
}

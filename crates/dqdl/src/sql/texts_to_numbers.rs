//! Texts read as numbers: what Spark's `cast` takes, which is more than the rule language writes (`1e3`, `.5`, `+5`, `inf`).

use super::cast::collect;
use crate::column::{Numbers, Texts, Values};
use crate::number::Number;
use crate::whole_part::whole_part;

/// Digits of a decimal, at most.
const DIGITS: usize = 38;

/// A number that is written with digits: its digits without leading zeros, and how many of them are before the point (fewer
/// than none for `0.001`, more than there are for `1e9`).
struct Written {
    negative: bool,
    digits: String,
    point: i64,
}

impl Written {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => {
                let plain = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                // What is beyond is zero or infinite, and so is this.
                (mantissa, exponent.parse::<i64>().unwrap_or(i64::MAX / 4).clamp(-100_000, 100_000))
            }
        };
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (before, after) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all = format!("{before}{after}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_start_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let point = i64::try_from(before.len()).ok()?.checked_add(exponent)? - zeros;
        Some(Self { negative: mantissa.starts_with('-'), digits: digits.to_owned(), point })
    }

    /// Times 10^scale, rounded half away from zero; `None` for more than 38 digits.
    fn scaled(&self, scale: u32) -> Option<i128> {
        let kept = self.point + i64::from(scale);
        if kept < 0 || self.digits.is_empty() {
            return Some(0);
        }
        let kept = usize::try_from(kept).ok().filter(|kept| *kept <= DIGITS)?;
        let known = self.digits.get(..kept.min(self.digits.len()))?;
        let value: i128 = format!("0{known:0<kept$}").parse().ok()?;
        let up = self.digits.as_bytes().get(kept).is_some_and(|digit| *digit >= b'5');
        let value = value + i128::from(up);
        Some(if self.negative { -value } else { value })
    }

    /// Digits behind the point.
    fn places(&self) -> i64 {
        let digits = self.digits.trim_end_matches('0');
        i64::try_from(digits.len()).unwrap_or(i64::MAX) - self.point
    }
}

/// As `cast(text as decimal(precision, scale))`.
pub(super) fn decimals(texts: &Texts, precision: u32, scale: u32) -> Numbers {
    let limit = 10_i128.checked_pow(precision).unwrap_or(i128::MAX);
    let read = |text: &str| Written::parse(text)?.scaled(scale).filter(|value| value.abs() < limit);
    Numbers { scale, ..collect(texts.to_vec().into_iter().map(|text| read(text?))) }
}

/// As `cast(text as bigint)`, `int` and the like: of so many bits, what follows a point cut off.
pub(super) fn wholes(texts: &Texts, bits: u32) -> Numbers {
    let limit = 1_i128 << (bits - 1);
    let read = |text: &str| whole_part(text.trim()).filter(|value| (-limit..limit).contains(value));
    collect(texts.to_vec().into_iter().map(|text| read(text?)))
}

/// As `cast(text as double)`. NaN is NULL, as everywhere in this SQL.
pub(super) fn floats(texts: &Texts) -> Numbers {
    let read = |text: &str| text.trim().parse::<f64>().ok().filter(|value| !value.is_nan());
    of_floats(texts.to_vec().into_iter().map(|text| read(text?)).collect())
}

fn of_floats(rows: Vec<Option<f64>>) -> Numbers {
    let known = collect(rows.iter().map(|row| row.map(|_| 0)));
    Numbers { values: Values::F64(rows.into_iter().map(Option::unwrap_or_default).collect()), ..known }
}

/// Texts where a number is wanted: exact with as many places as they have, floating point where 38 digits do not hold them; NULL
/// for what is no number.
pub(super) fn numbers(texts: &Texts) -> Numbers {
    let rows = texts.to_vec();
    let written: Vec<Option<Written>> = rows.iter().map(|text| Written::parse((*text)?)).collect();
    let places = written.iter().flatten().map(Written::places).max().unwrap_or(0).max(0);
    let exact = |scale: u32| {
        let each = |(row, text): (&Option<Written>, &Option<&str>)| match (row, text) {
            (Some(row), _) => row.scaled(scale).map(Some),
            // Infinity is a number, and not an exact one.
            (None, Some(text)) if text.trim().parse::<f64>().is_ok_and(f64::is_infinite) => None,
            (None, _) => Some(None),
        };
        written.iter().zip(&rows).map(each).collect::<Option<Vec<Option<i128>>>>()
    };
    let scale = u32::try_from(places).ok().filter(|scale| *scale <= 38);
    match scale.and_then(|scale| Some((scale, exact(scale)?))) {
        Some((scale, rows)) => Numbers { scale, ..collect(rows.into_iter()) },
        None => floats(texts),
    }
}

/// A text that a number is compared with; exact where 38 digits hold it.
pub(super) fn number(text: &str) -> Option<Number> {
    let exact = Written::parse(text).and_then(|written| {
        let scale = u32::try_from(written.places().max(0)).ok().filter(|scale| *scale <= 38)?;
        Some(Number::Exact { mantissa: written.scaled(scale)?, scale })
    });
    exact.or_else(|| text.trim().parse::<f64>().ok().map(Number::Float))
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    fn texts(texts: &[&str]) -> Texts {
        Texts::Plain(StringArray::from(texts.to_vec()))
    }

    #[test]
    fn digits_round_half_away_from_zero_at_any_length() {
        for (text, scale, value) in [
            ("1e3", 2, Some(100_000)),
            (".5", 0, Some(1)),
            ("-.5", 0, Some(-1)),
            ("+5.", 1, Some(50)),
            ("0.000", 2, Some(0)),
            ("1.5E-3", 4, Some(15)),
            ("0.049", 1, Some(0)),
            ("0.05", 1, Some(1)),
            ("170141183460469231732", 0, Some(170_141_183_460_469_231_732)),
            ("99999999999999999999999999999999999999", 0, Some(10_i128.pow(38) - 1)),
            ("1e38", 0, None),
            ("1e-400", 38, Some(0)),
            ("1e999999999999999999999", 0, None),
        ] {
            assert_eq!(Written::parse(text).unwrap().scaled(scale), value, "{text}");
        }
        for text in ["", ".", "-", "e5", "1e", "1e+", "1 2", "0x10", "1_000", "inf", "--1"] {
            assert!(Written::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn texts_are_exact_while_38_digits_hold_them() {
        let found = numbers(&texts(&["1.25", "-3", "x", "1e2"]));
        assert!(!found.is_float() && found.scale == 2 && !found.is_valid(2));
        assert!(numbers(&texts(&["1e-30", "1e30"])).is_float());
        assert!(numbers(&texts(&["1", "Infinity"])).is_float());
    }
}

//! Reading a vendor's row: fields as they are, each read for itself, so that one bad value costs neither its row nor the
//! others.

use chrono::NaiveDate;
use quotelake_core::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::record::Cell;
use crate::{Mapped, Record};

/// A field as it is; `None` when it is absent or `null`.
pub type Raw<'a> = Option<&'a RawValue>;

/// A part of an answer that is read for itself: where it is of another shape than it should be, it is lost, and nothing beside it.
#[derive(Debug, Default)]
pub enum Lenient<'a, T> {
    /// Not there, or `null`.
    #[default]
    Absent,
    /// Read.
    Read(T),
    /// Of another shape.
    Unreadable(&'a RawValue),
}

impl<'a, T> Lenient<'a, T> {
    /// What was read.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// What is there in another shape.
    pub fn unreadable(&self) -> Option<&'a RawValue> {
        match self {
            Self::Unreadable(raw) => Some(raw),
            Self::Absent | Self::Read(_) => None,
        }
    }
}

impl Lenient<'_, String> {
    /// A text that says something.
    pub fn text(&self) -> Option<&str> {
        self.value().map(String::as_str).filter(|text| !text.trim().is_empty())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'a>> Deserialize<'de> for Lenient<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let Some(raw) = Option::<&'a RawValue>::deserialize(deserializer)? else { return Ok(Self::Absent) };
        Ok(serde_json::from_str(raw.get()).map_or(Self::Unreadable(raw), Self::Read))
    }
}

/// Reads the fields of one row after the other, and keeps what was wrong with them.
#[derive(Debug, Default)]
pub struct Reader {
    place: String,
    /// Whether the current row could be parsed; if not, one warning says so for all its fields.
    readable: bool,
    warnings: Vec<String>,
    skipped: u64,
}

impl Reader {
    /// Goes on to a row; `place` is in front of its warnings, e.g. `results[3]`.
    pub fn at(&mut self, place: String) {
        self.place = place;
        self.readable = true;
    }

    /// The row's fields; none of them when it is no object or names a field twice.
    pub fn row<'r, T: Deserialize<'r> + Default>(&mut self, raw: &'r RawValue) -> T {
        let row = serde_json::from_str(raw.get());
        self.readable = row.is_ok();
        row.unwrap_or_else(|error| {
            self.warnings.push(format!("{} cannot be read: {error}", self.place));
            T::default()
        })
    }

    /// A field that a good row has; its absence is a warning.
    pub fn required<T>(
        &mut self,
        raw: Raw<'_>,
        field: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Cell<T>> {
        if raw.is_none() {
            self.warn(field, "is missing");
        }
        self.optional(raw, field, read)
    }

    /// A field that may be absent. `read` takes its JSON literal.
    pub fn optional<T>(
        &mut self,
        raw: Raw<'_>,
        field: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Cell<T>> {
        let raw = raw?;
        Some(read(raw.get()).map_or_else(
            || {
                self.warn(field, "cannot be read");
                Cell::unreadable(raw)
            },
            Cell::Value,
        ))
    }

    /// Says that something is wrong with a field of the current row.
    pub fn warn(&mut self, field: &str, what: &str) {
        if self.readable {
            self.warnings.push(format!("{}.{field} {what}", self.place));
        }
    }

    /// Says that something is wrong with the current row as a whole, or with the page.
    pub fn note(&mut self, what: &str) {
        self.warnings.push(format!("{} {what}", self.place).trim_start().to_owned());
    }

    /// Counts rows that the endpoint sends along whatever it is asked for, and that are left out.
    pub fn skip(&mut self, rows: u64) {
        self.skipped += rows;
    }

    /// The page's records with everything that was wrong.
    pub fn into_mapped(self, records: Vec<Record>) -> Mapped {
        Mapped { records, warnings: self.warnings, skipped: self.skipped }
    }

    /// Everything that was wrong.
    pub fn into_warnings(self) -> Vec<String> {
        self.warnings
    }
}

/// A JSON number with its digits.
pub fn decimal(literal: &str) -> Option<Decimal> {
    literal.parse().ok()
}

/// The most significant digits that a 32-bit float needs; a literal with more was printed from a wider one.
const FLOAT32_DIGITS: usize = 9;

/// From 2^20 on a 32-bit float has no place for two decimals: a short literal of such a size is taken as it is.
const COARSE: f64 = 1_048_576.0;

/// A JSON number that a 32-bit float was printed as, brought back to the digits that the float stands for:
/// `129.0399932861328` is the float of 129.04. Any other number stays as it is: one that no 32-bit float is, a large one of few
/// digits, and a whole one, which is exact already.
///
/// ```
/// use quotelake_sources::read::float32_decimal;
/// let text = |literal| float32_decimal(literal).map(|decimal| decimal.to_string());
/// assert_eq!(text("129.0399932861328").as_deref(), Some("129.04"));
/// assert_eq!(text("0.205").as_deref(), Some("0.205"));
/// assert_eq!(text("123456792.0").as_deref(), Some("123456792"));
/// assert_eq!(text("Infinity"), None);
/// ```
pub fn float32_decimal(literal: &str) -> Option<Decimal> {
    let exact = decimal(literal)?;
    let mantissa = literal.split(['e', 'E']).next().unwrap_or(literal);
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    let double: f64 = literal.parse().ok()?;
    if digits <= FLOAT32_DIGITS && double.abs() >= COARSE {
        return Some(exact);
    }
    #[expect(clippy::cast_possible_truncation, reason = "what is lost is what is looked for")]
    let single = double as f32;
    // From 2^24 on every float of 32 bits is a whole number, and its shortest form drops digits.
    if double.fract() != 0.0 && single.is_finite() && f64::from(single) == double {
        // Display gives the shortest digits that read back as the same float.
        return single.to_string().parse().ok();
    }
    Some(exact)
}

/// A whole number, also when written as `1.5778e+12`.
pub fn integer(literal: &str) -> Option<i64> {
    literal.parse().ok().or_else(|| decimal(literal)?.to_string().parse().ok())
}

/// Seconds, also as a text or with a fraction, which is left out.
pub fn seconds(literal: &str) -> Option<i64> {
    let literal = literal.trim_matches('"');
    integer(literal).or_else(|| literal.split_once('.')?.0.parse().ok())
}

/// A JSON string.
pub fn text(literal: &str) -> Option<String> {
    serde_json::from_str(literal).ok()
}

/// A JSON string `YYYY-MM-DD` and nothing else.
pub fn date(literal: &str) -> Option<NaiveDate> {
    let text = text(literal)?;
    let date: NaiveDate = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

/// More shares than before is a split, fewer a reverse one; a ratio with a number that is not positive is neither.
pub fn split_type(from: &Decimal, to: &Decimal) -> Option<&'static str> {
    let positive = |number: &Decimal| !number.is_negative() && !number.is_zero();
    (positive(from) && positive(to)).then_some(if is_greater(to, from) { "split" } else { "reverse" })
}

/// Compares two positive decimals by their digits: whole parts by length, then digit by digit.
pub fn is_greater(a: &Decimal, b: &Decimal) -> bool {
    let (a, b) = (a.to_string(), b.to_string());
    let parts = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (whole.len(), whole.to_owned(), fraction.to_owned())
    };
    parts(&a) > parts(&b)
}

/// The kinds of B3's distributions, as its own and other pages write them.
pub fn kind_of_distribution(label: &str) -> Option<&'static str> {
    match label.trim().to_uppercase().as_str() {
        "DIVIDENDO" => Some("cash"),
        "JCP" | "JRS CAP PROPRIO" => Some("jcp"),
        "RENDIMENTO" => Some("rendimento"),
        "AMORTIZACAO" | "AMORTIZAÇÃO" => Some("amortizacao"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recovered(literal: &str) -> String {
        float32_decimal(literal).map(|decimal| decimal.to_string()).unwrap_or_default()
    }

    #[test]
    fn whole_numbers_and_wide_ones_keep_their_digits() {
        for (literal, value) in [
            ("16777217", "16777217"),
            ("123456792.0", "123456792"),
            ("1.565348864E9", "1565348864"),
            ("33554434.0", "33554434"),
            ("4194304.25", "4194304.25"),
            ("123456789.12", "123456789.12"),
            ("600000.125", "600000.1"),
            ("0.10000000149011612", "0.1"),
            ("20113.4171936942", "20113.4171936942"),
        ] {
            assert_eq!(recovered(literal), value, "{literal}");
        }
    }

    proptest! {
        /// The oracle is the standard library's shortest printing of the float itself.
        #[test]
        fn what_a_float_of_32_bits_stood_for_comes_back(cents in 1u32..10_000_000, places in 0u8..7) {
            let written = Decimal::new(i128::from(cents), places).to_string();
            let single: f32 = written.parse().unwrap();
            prop_assume!(single.to_string() == written);
            prop_assert_eq!(recovered(&f64::from(single).to_string()), written);
        }

        /// Printed from 64 bits, a number with digits that 32 bits do not hold is exact.
        #[test]
        fn what_needs_64_bits_stays(mantissa in 1_000_000_000i64..9_007_199_254_740_991, places in 0u8..12) {
            let written = Decimal::new(i128::from(mantissa), places).to_string();
            let double: f64 = written.parse().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "that is the question")]
            let narrow = f64::from(double as f32) == double;
            prop_assume!(!narrow);
            prop_assert_eq!(recovered(&written), written);
        }
    }
}

//! Reading a vendor's row: fields as they stand, each read for itself, so that one bad value costs neither its row nor the
//! others.

use chrono::NaiveDate;
use quotelake_core::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::record::Cell;

/// A field as it stands; `None` when it is absent or `null`.
pub type Raw<'a> = Option<&'a RawValue>;

/// Reads the fields of one row after the other, and keeps what was wrong with them.
#[derive(Debug, Default)]
pub struct Reader {
    place: String,
    /// Whether the current row could be taken apart; if not, one warning says so for all its fields.
    readable: bool,
    warnings: Vec<String>,
}

impl Reader {
    /// Goes on to a row; `place` stands in front of its warnings, e.g. `results[3]`.
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

    /// Everything that was wrong.
    pub fn into_warnings(self) -> Vec<String> {
        self.warnings
    }
}

/// A JSON number with its digits.
pub fn decimal(literal: &str) -> Option<Decimal> {
    literal.parse().ok()
}

/// A JSON number that a 32-bit float was printed as, brought back to the digits that the float stands for:
/// `129.0399932861328` is the float of 129.04. Any other number stays as it is.
///
/// ```
/// use quotelake_sources::read::float32_decimal;
/// let text = |literal| float32_decimal(literal).map(|decimal| decimal.to_string());
/// assert_eq!(text("129.0399932861328").as_deref(), Some("129.04"));
/// assert_eq!(text("0.205").as_deref(), Some("0.205"));
/// assert_eq!(text("Infinity"), None);
/// ```
pub fn float32_decimal(literal: &str) -> Option<Decimal> {
    let exact = decimal(literal)?;
    let double: f64 = literal.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "what is lost is what is looked for")]
    let single = double as f32;
    // Whole numbers are exact already, and a large one has digits that a 32-bit float's shortest form drops.
    if literal.contains('.') && single.is_finite() && f64::from(single) == double {
        // Display gives the shortest digits that read back as the same float.
        return single.to_string().parse().ok();
    }
    Some(exact)
}

/// A whole number, also when written as `1.5778e+12`.
pub fn integer(literal: &str) -> Option<i64> {
    literal.parse().ok().or_else(|| decimal(literal)?.to_string().parse().ok())
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

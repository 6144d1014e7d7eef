//! Decimals from their literals: a price is read from the digits that the vendor wrote, never through a float.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{Error, Result};

/// Digits that a 64-bit float always carries, and the most that one is printed with.
const FLOAT_DIGITS: usize = 15;
const PRINTED_DIGITS: usize = 17;
/// How many digits shorter a number must become to have been one with rounding noise behind it.
const NOISE_DIGITS: usize = 6;
/// How many floats the shorter number may lie away from the one that was printed.
const NOISE_STEPS: u64 = 4;

/// The number that a 64-bit float stood for before arithmetic left its rounding noise in the last digits:
/// `134.33999999999997` is 134.34. `None` for a literal that is no such float: one of fewer digits than noise needs, or one that
/// needs all its digits.
///
/// A float carries 15 digits and is printed with up to 17. A literal of 16 or more is noise where it is at least six digits
/// shorter once it is rounded to 15 and lies within four floats of that. Of numbers that are exact to their 17th digit one in
/// a hundred thousand looks like that.
///
/// ```
/// use quotelake_core::without_float_noise;
/// assert_eq!(without_float_noise("134.33999999999997").as_deref(), Some("134.34"));
/// assert_eq!(without_float_noise("0.30000000000000004").as_deref(), Some("0.3"));
/// assert_eq!(without_float_noise("12300.315533316923"), None);
/// assert_eq!(without_float_noise("134.34"), None);
/// ```
pub fn without_float_noise(literal: &str) -> Option<String> {
    // Most literals end here.
    if literal.len() <= FLOAT_DIGITS {
        return None;
    }
    let exact: Decimal = literal.parse().ok()?;
    let digits = exact.mantissa.unsigned_abs().to_string();
    let surplus = digits.len().checked_sub(FLOAT_DIGITS).filter(|surplus| *surplus > 0)?;
    // Whole numbers are counted, not computed, and no float is printed with more digits.
    if exact.scale == 0 || digits.len() > PRINTED_DIGITS {
        return None;
    }
    let unit = pow10(u32::try_from(surplus).ok()?)?;
    let half = if exact.mantissa < 0 { -unit / 2 } else { unit / 2 };
    let rounded = (exact.mantissa + half) / unit * unit;
    let shorter = Decimal::new(rounded, exact.scale);
    let left = shorter.mantissa.unsigned_abs().to_string();
    let left = left.trim_end_matches('0').len();
    let (printed, meant): (f64, f64) = (literal.parse().ok()?, shorter.to_string().parse().ok()?);
    let near = printed.to_bits().abs_diff(meant.to_bits()) <= NOISE_STEPS;
    (near && left + NOISE_DIGITS <= digits.len()).then(|| shorter.to_string())
}

/// Why a literal is not a decimal of the wanted size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// Not a number literal.
    NotANumber,
    /// More digits before the point than the precision leaves.
    OutOfRange,
    /// Digits behind the point that the scale cannot hold: they are never rounded away.
    TooPrecise,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "is not a number",
            Self::OutOfRange => "is out of range",
            Self::TooPrecise => "has more decimal places than the column holds",
        })
    }
}

/// An exact decimal number: `mantissa / 10^scale`, in its shortest form. At most 38 digits.
///
/// ```
/// use quotelake_core::Decimal;
/// assert_eq!("1.12117471e+08".parse::<Decimal>().unwrap().to_string(), "112117471");
/// assert_eq!("129.0400".parse::<Decimal>().unwrap().to_string(), "129.04");
/// assert!("NaN".parse::<Decimal>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i128,
    scale: u8,
}

impl Decimal {
    /// `mantissa / 10^scale`, brought to its shortest form.
    pub fn new(mut mantissa: i128, mut scale: u8) -> Self {
        // Nearly every number fits 64 bits, and dividing 128 takes several times as long.
        let tenth = |mantissa: i128| match i64::try_from(mantissa) {
            Ok(small) => (small % 10 == 0).then(|| i128::from(small / 10)),
            Err(_) => (mantissa % 10 == 0).then_some(mantissa / 10),
        };
        while scale > 0
            && let Some(shorter) = tenth(mantissa)
        {
            mantissa = shorter;
            scale -= 1;
        }
        Self { mantissa, scale }
    }

    /// Appends the text that [`Display`](fmt::Display) gives.
    pub fn append_to(self, out: &mut Vec<u8>) {
        for part in self.parts(&mut itoa::Buffer::new()) {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// Its text: sign, whole part, point, zeros behind the point, the digits behind them.
    fn parts(self, digits: &mut itoa::Buffer) -> [&str; 5] {
        let digits = digits.format(self.mantissa.unsigned_abs());
        let scale = usize::from(self.scale);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        match digits.len().checked_sub(scale) {
            _ if scale == 0 => [sign, digits, "", "", ""],
            Some(whole) if whole > 0 => {
                let (whole, fraction) = digits.split_at(whole);
                [sign, whole, ".", "", fraction]
            }
            _ => [sign, "0", ".", &ZEROS[..scale - digits.len()], digits],
        }
    }

    /// Below zero.
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Zero.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Multiplied by a count, exactly. `None` past 38 digits.
    pub fn times(self, count: u64) -> Option<Self> {
        Some(Self::new(self.mantissa.checked_mul(i128::from(count))?, self.scale))
    }

    /// Divided by a power of ten, exactly: pence to pounds is `shift_right(2)`. `None` past 38 decimal places.
    pub fn shift_right(self, places: u8) -> Option<Self> {
        let scale = self.scale.checked_add(places).filter(|scale| *scale <= MAX_DIGITS)?;
        Some(Self::new(self.mantissa, scale))
    }
}

const MAX_DIGITS: u8 = 38;

/// As many zeros as a scale can ask for.
const ZEROS: &str = match str::from_utf8(&[b'0'; u8::MAX as usize]) {
    Ok(zeros) => zeros,
    Err(_) => panic!("zeros are UTF-8"),
};

impl std::str::FromStr for Decimal {
    type Err = Error;

    fn from_str(literal: &str) -> Result<Self> {
        let parsed = Literal::parse(literal.as_bytes())
            .ok_or_else(|| Error::invalid(format!("{literal:?} {}", DecimalError::NotANumber)))?;
        let too_large = || Error::invalid(format!("{literal:?} {}", DecimalError::OutOfRange));
        let mantissa = parsed.signed().ok_or_else(too_large)?;
        if mantissa == 0 {
            return Ok(Self { mantissa: 0, scale: 0 });
        }
        if parsed.exponent >= 0 {
            let factor =
                pow10(u32::try_from(parsed.exponent).map_err(|_| too_large())?).ok_or_else(too_large)?;
            return Ok(Self::new(mantissa.checked_mul(factor).ok_or_else(too_large)?, 0));
        }
        let scale = u8::try_from(-parsed.exponent).ok().filter(|s| *s <= MAX_DIGITS).ok_or_else(too_large)?;
        Ok(Self::new(mantissa, scale))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts(&mut itoa::Buffer::new()).into_iter().try_for_each(|part| f.write_str(part))
    }
}

impl Serialize for Decimal {
    /// A JSON number with exactly these digits.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// Reads the number's literal. Works with `serde_json` only, where the literal can be had; a string that holds a
    /// number is read too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <Box<RawValue>>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(D::Error::custom)
    }
}

/// A number literal in its parts: `digits * 10^exponent`.
struct Literal {
    negative: bool,
    digits: u128,
    overflow: bool,
    exponent: i64,
}

impl Literal {
    /// JSON's number grammar, without its ban on leading zeros: digits, an optional fraction, an optional exponent.
    #[inline]
    fn parse(text: &[u8]) -> Option<Self> {
        let (negative, mut rest) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mut literal = Self { negative, digits: 0, overflow: false, exponent: 0 };
        let whole = literal.take_digits(&mut rest);
        let mut fraction = 0;
        if let [b'.', tail @ ..] = rest {
            rest = tail;
            fraction = literal.take_digits(&mut rest);
            literal.exponent -= fraction as i64;
            if fraction == 0 {
                return None;
            }
        }
        if whole == 0 || (whole + fraction) > 4096 {
            return None;
        }
        if let [b'e' | b'E', tail @ ..] = rest {
            rest = tail;
            let negative_exponent = match rest {
                [b'-', tail @ ..] => {
                    rest = tail;
                    true
                }
                [b'+', tail @ ..] => {
                    rest = tail;
                    false
                }
                _ => false,
            };
            if rest.is_empty() || rest.len() > 9 || !rest.iter().all(u8::is_ascii_digit) {
                return if rest.len() > 9 && rest.iter().all(u8::is_ascii_digit) {
                    literal.exponent = if negative_exponent { i64::MIN / 2 } else { i64::MAX / 2 };
                    Some(literal)
                } else {
                    None
                };
            }
            let value = rest.iter().fold(0i64, |n, digit| n * 10 + i64::from(digit - b'0'));
            literal.exponent += if negative_exponent { -value } else { value };
            rest = &[];
        }
        rest.is_empty().then_some(literal)
    }

    #[inline]
    fn take_digits(&mut self, rest: &mut &[u8]) -> usize {
        let mut taken = 0;
        let mut small: u64 = 0;
        let mut pending: u32 = 0;
        while let [digit @ b'0'..=b'9', tail @ ..] = *rest {
            small = small * 10 + u64::from(digit - b'0');
            pending += 1;
            taken += 1;
            *rest = tail;
            if pending == 18 {
                self.push(small, pending);
                (small, pending) = (0, 0);
            }
        }
        if pending > 0 {
            self.push(small, pending);
        }
        taken
    }

    #[inline]
    fn push(&mut self, value: u64, digits: u32) {
        match self.digits.checked_mul(10u128.pow(digits)).and_then(|n| n.checked_add(u128::from(value))) {
            Some(n) => self.digits = n,
            None => self.overflow = true,
        }
    }

    fn signed(&self) -> Option<i128> {
        if self.overflow {
            return None;
        }
        let digits = i128::try_from(self.digits).ok()?;
        Some(if self.negative { -digits } else { digits })
    }
}

fn pow10(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

/// Reads a number literal as the unscaled value of a `DECIMAL(precision, scale)`: exactly, or not at all.
///
/// ```
/// use quotelake_core::{DecimalError, parse_scaled};
/// assert_eq!(parse_scaled(b"129.04", 18, 8), Ok(12_904_000_000));
/// assert_eq!(parse_scaled(b"1e2", 18, 8), Ok(10_000_000_000));
/// assert_eq!(parse_scaled(b"1e400", 18, 8), Err(DecimalError::OutOfRange));
/// assert_eq!(parse_scaled(b"0.123456789", 18, 8), Err(DecimalError::TooPrecise));
/// assert_eq!(parse_scaled(b"12,34", 18, 8), Err(DecimalError::NotANumber));
/// ```
#[inline]
pub fn parse_scaled(literal: &[u8], precision: u8, scale: i8) -> Result<i128, DecimalError> {
    let parsed = Literal::parse(literal).ok_or(DecimalError::NotANumber)?;
    let mut value = match parsed.signed() {
        Some(value) => value,
        // More than 38 digits: trailing zeros behind the point may still fit, everything else cannot.
        None => {
            return Err(if parsed.exponent < 0 {
                DecimalError::TooPrecise
            } else {
                DecimalError::OutOfRange
            });
        }
    };
    if value == 0 {
        return Ok(0);
    }
    let shift = parsed.exponent.saturating_add(i64::from(scale));
    if shift >= 0 {
        let factor = u32::try_from(shift).ok().and_then(pow10).ok_or(DecimalError::OutOfRange)?;
        value = value.checked_mul(factor).ok_or(DecimalError::OutOfRange)?;
    } else {
        let divisor = u32::try_from(-shift).ok().and_then(pow10).ok_or(DecimalError::TooPrecise)?;
        if value % divisor != 0 {
            return Err(DecimalError::TooPrecise);
        }
        value /= divisor;
    }
    let limit = pow10(u32::from(precision)).unwrap_or(i128::MAX);
    if value.unsigned_abs() >= limit.unsigned_abs() { Err(DecimalError::OutOfRange) } else { Ok(value) }
}

/// `dividend / divisor` as a whole number, half to even: what every division of decimals is rounded by. `None` where the divisor is not
/// positive.
///
/// ```
/// use quotelake_core::divide_half_even;
/// assert_eq!([5, 7, -5, -7, 4].map(|dividend| divide_half_even(dividend, 2)), [2, 4, -2, -4, 2].map(Some));
/// assert_eq!(divide_half_even(1, 0), None);
/// ```
pub fn divide_half_even(dividend: i128, divisor: i128) -> Option<i128> {
    if divisor <= 0 {
        return None;
    }
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    // Not twice the rest, which may be too large.
    let up = match rest.cmp(&(divisor - rest)) {
        std::cmp::Ordering::Greater => 1,
        std::cmp::Ordering::Equal => quotient.rem_euclid(2),
        std::cmp::Ordering::Less => 0,
    };
    Some(quotient + up)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn literals_that_are_no_numbers() {
        for text in
            ["", "-", ".5", "1.", "1e", "1e+", "NaN", "Infinity", "0x10", "1_000", " 1", "1 ", "--1", "+1"]
        {
            assert_eq!(parse_scaled(text.as_bytes(), 18, 8), Err(DecimalError::NotANumber), "{text:?}");
        }
    }

    #[test]
    fn range_and_precision() {
        assert_eq!(parse_scaled(b"9999999999.99999999", 18, 8), Ok(999_999_999_999_999_999));
        assert_eq!(parse_scaled(b"10000000000", 18, 8), Err(DecimalError::OutOfRange));
        assert_eq!(parse_scaled(b"1e-9", 18, 8), Err(DecimalError::TooPrecise));
        assert_eq!(parse_scaled(b"1e-99999999999", 18, 8), Err(DecimalError::TooPrecise));
        assert_eq!(parse_scaled(b"1e99999999999", 18, 8), Err(DecimalError::OutOfRange));
        assert_eq!(parse_scaled(b"0e99999999999", 18, 8), Ok(0));
        assert_eq!(parse_scaled(b"-1.5", 18, 8), Ok(-150_000_000));
        assert_eq!(parse_scaled(b"1.50000000000000000000000", 18, 8), Ok(150_000_000));
    }

    #[test]
    fn texts() {
        for (mantissa, scale, text) in [
            (0, 0, "0"),
            (0, 5, "0"),
            (-1, 1, "-0.1"),
            (5, 8, "0.00000005"),
            (100, 2, "1"),
            (-12_300, 3, "-12.3"),
            (i128::from(i64::MAX) + 1, 4, "922337203685477.5808"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
            (10i128.pow(38), 38, "1"),
        ] {
            let decimal = Decimal::new(mantissa, scale);
            let mut appended = b"=".to_vec();
            decimal.append_to(&mut appended);
            assert_eq!((decimal.to_string().as_str(), appended), (text, format!("={text}").into_bytes()));
        }
    }

    proptest! {
        #[test]
        fn text_is_inverse(mantissa in any::<i64>(), scale in 0u8..18) {
            let decimal = Decimal::new(i128::from(mantissa), scale);
            prop_assert_eq!(decimal.to_string().parse::<Decimal>().unwrap(), decimal);
        }

        #[test]
        fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_scaled(&bytes, 18, 8);
        }

        #[test]
        fn scientific_equals_plain(mantissa in 1i64..1_000_000_000, exponent in 0u32..8) {
            let plain = i128::from(mantissa) * 10i128.pow(exponent);
            prop_assert_eq!(parse_scaled(format!("{mantissa}e{exponent}").as_bytes(), 38, 0), Ok(plain));
        }
    }
}

//! Numbers as a reader sees them. Decimals are handled as text: no digit goes through a float.

/// The parts of a decimal written as text.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

/// Reads `-?digits[.digits]`; anything else is `None`.
fn parse(text: &str) -> Option<Decimal<'_>> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(fraction)).then_some(Decimal { negative, whole, fraction })
}

/// The same decimal without zeros that say nothing: `187.23000000` is `187.23`. `None` where it is no decimal.
pub fn plain(text: &str) -> Option<String> {
    let decimal = parse(text)?;
    let whole = decimal.whole.trim_start_matches('0');
    let fraction = decimal.fraction.trim_end_matches('0');
    let mut out = String::new();
    if decimal.negative && !(whole.is_empty() && fraction.is_empty()) {
        out.push('-');
    }
    out.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    Some(out)
}

/// A decimal at two places, half away from zero, thousands grouped: `1234.565` is `1,234.57`.
///
/// Below 0.01 two places would show a price as nothing, so there it keeps two digits that count: `0.0012`.
/// What is no decimal is shown as it is.
pub fn two_places(text: &str) -> String {
    let Some(decimal) = parse(text) else { return text.to_owned() };
    let leading_zeros = decimal.fraction.bytes().take_while(|b| *b == b'0').count();
    let tiny = decimal.whole.bytes().all(|b| b == b'0') && leading_zeros >= 2;
    let places = if tiny && leading_zeros < decimal.fraction.len() { leading_zeros + 2 } else { 2 };

    let mut digits: Vec<u8> = decimal.whole.bytes().collect();
    digits.extend((0..places).map(|at| decimal.fraction.as_bytes().get(at).copied().unwrap_or(b'0')));
    if decimal.fraction.as_bytes().get(places).is_some_and(|next| *next >= b'5') {
        add_one(&mut digits);
    }

    let fraction = digits.split_off(digits.len() - places);
    let zero = digits.iter().chain(&fraction).all(|b| *b == b'0');
    let mut out = String::new();
    if decimal.negative && !zero {
        out.push('-');
    }
    push_grouped(&mut out, &digits);
    out.push('.');
    out.extend(fraction.into_iter().map(char::from));
    out
}

/// Adds one to the last of some ASCII digits.
fn add_one(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

fn push_grouped(out: &mut String, digits: &[u8]) {
    let zeros = digits.iter().take_while(|b| **b == b'0').count().min(digits.len().saturating_sub(1));
    let digits = &digits[zeros..];
    for (at, digit) in digits.iter().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(char::from(*digit));
    }
}

/// A count with its thousands grouped: `1,234,567`.
pub fn thousands(count: u64) -> String {
    let mut out = String::new();
    push_grouped(&mut out, count.to_string().as_bytes());
    out
}

/// A count and the word for it: `1 row`, `2 rows`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

/// A size in decimal units, as disks and object stores are billed: `48.2 MB`; below ten thousand the bytes themselves.
pub fn bytes(count: u64) -> String {
    let mut unit_bytes: u64 = 1_000;
    if count < 10 * unit_bytes {
        return format!("{} B", thousands(count));
    }
    for unit in ["kB", "MB", "GB"] {
        // The next unit starts where one decimal place would round up to it.
        if count < unit_bytes * 1_000 - unit_bytes / 20 {
            return tenths(count, unit_bytes, unit);
        }
        unit_bytes *= 1_000;
    }
    tenths(count, unit_bytes, "TB")
}

fn tenths(count: u64, unit_bytes: u64, unit: &str) -> String {
    let tenths = (u128::from(count) * 10 + u128::from(unit_bytes) / 2) / u128::from(unit_bytes);
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A share from 0 to 1 as a percentage, rounded down: only a perfect score shows `100%`.
pub fn percent(share: f64) -> String {
    if share >= 1.0 {
        return "100%".to_owned();
    }
    // The small term takes back what binary floats lose: 0.57 * 10000 is 5699.999.
    format!("{:.2}%", (share * 10_000.0 + 1e-6).floor() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_rounded_half_away_from_zero_as_text() {
        for (text, shown) in [
            ("187.23000000", "187.23"),
            ("187.235", "187.24"),
            ("187.2349999", "187.23"),
            ("-187.235", "-187.24"),
            ("999.995", "1,000.00"),
            ("1234567.1", "1,234,567.10"),
            ("12", "12.00"),
            ("0012.5", "12.50"),
            ("0", "0.00"),
            ("-0.00", "0.00"),
            ("0.00123", "0.0012"),
            ("0.00999", "0.0100"),
            ("0.0149", "0.01"),
            ("90071992547409931.015", "90,071,992,547,409,931.02"),
        ] {
            assert_eq!(two_places(text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_shown_as_it_is_and_never_drawn() {
        for text in ["", "NaN", "1e5", "1.", ".5", "--1", "1,5", "1.2.3", "</script>"] {
            assert_eq!(two_places(text), text);
            assert_eq!(plain(text), None, "{text}");
        }
    }

    #[test]
    fn plain_keeps_the_value() {
        for (text, same) in
            [("187.23000000", "187.23"), ("100", "100"), ("0.50", "0.5"), ("-0.0", "0"), ("007", "7")]
        {
            assert_eq!(plain(text).as_deref(), Some(same));
        }
    }

    #[test]
    fn counts_sizes_and_shares() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(counted(2_000, "row", "rows"), "2,000 rows");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(48_230_000), "48.2 MB");
        assert_eq!(bytes(999_960), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18446744.1 TB");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.999_999), "99.99%");
        assert_eq!(percent(0.57), "57.00%");
        assert_eq!(percent(0.0), "0.00%");
    }
}

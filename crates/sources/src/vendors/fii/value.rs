//! Values as Brazilian pages write them, read exactly or not at all.

use chrono::NaiveDate;
use quotelake_core::Decimal;

/// `1.234,56`: points group thousands, the comma begins the fraction. Anything else is no number; above all `1234.56`, which would be
/// another one by a hundred.
///
/// `None` for no number.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once(',').map_or((unsigned, None), |(w, f)| (w, Some(f)));
    let groups: Vec<&str> = whole.split('.').collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = match groups.as_slice() {
        [only] => digits(only),
        [first, rest @ ..] => {
            digits(first) && first.len() <= 3 && rest.iter().all(|group| digits(group) && group.len() == 3)
        }
        [] => false,
    };
    if !grouped || fraction.is_some_and(|fraction| !digits(fraction)) {
        return None;
    }
    let whole = groups.concat();
    format!("{sign}{whole}.{}", fraction.unwrap_or("0")).parse().ok()
}

/// `8,63%` as a fraction.
pub(super) fn percent(text: &str) -> Option<Decimal> {
    number(text.strip_suffix('%')?.trim_end())?.shift_right(2)
}

/// `31/08/2026`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || day.len() != 2 || month.len() != 2 || year.len() != 4 {
        return None;
    }
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brazilian_or_none() {
        let text = |literal| number(literal).map(|number| number.to_string());
        for (literal, value) in [
            ("98,91", "98.91"),
            ("6.863.330.000", "6863330000"),
            ("3.360,87", "3360.87"),
            ("1234,5", "1234.5"),
            ("0", "0"),
            ("-0,03", "-0.03"),
        ] {
            assert_eq!(text(literal).as_deref(), Some(value), "{literal}");
        }
        for literal in ["", "-", "98.91", "1.23,4", "1,2,3", "1.2345", ",5", "1,", "R$ 5,00", "1234.567,8"] {
            assert_eq!(text(literal), None, "{literal}");
        }
        assert_eq!(percent("8,63%").unwrap().to_string(), "0.0863");
        assert_eq!(percent("8,63"), None);
    }

    #[test]
    fn dates_are_day_month_year() {
        assert_eq!(date("31/08/2026").unwrap().to_string(), "2026-08-31");
        for text in ["08/31/2026", "2026-08-31", "1/8/2026", "31/08/26", "-"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}

//! ISO 8601 and its relatives: what PostgreSQL, pandas, Spark and JavaScript write unless they are told otherwise.

use chrono::NaiveDate;

use super::pattern::{Time, Written, fraction, offset};

/// A date, with a time behind it or not: `2026-01-02`, `2026-01-02T03:04:05.123Z`, `2026-01-02 03:04:05+00`,
/// `2026-01-02 03:04`, `2026-01-02 03:04:05 UTC`, `20260102T030405Z`. Year first, so that there is one reading. `None` for
/// anything else, and for a moment that no clock shows: second 60, hour 24.
pub(super) fn read(text: &str) -> Option<Written> {
    let bytes = text.as_bytes();
    let dashed = bytes.get(4) == Some(&b'-');
    let (date, rest) = text.split_at_checked(if dashed { 10 } else { 8 })?;
    let date = match (dashed, date.as_bytes()) {
        (true, [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]) => {
            civil([*y1, *y2, *y3, *y4, *m1, *m2, *d1, *d2])?
        }
        (false, compact) => civil(<[u8; 8]>::try_from(compact).ok()?)?,
        _ => return None,
    };
    if rest.is_empty() {
        return dashed.then_some(Written { date, time: None, offset: None });
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (hour, rest) = two(rest)?;
    let (minute, rest) = two(colon(rest, dashed)?)?;
    let (mut second, mut ms, mut is_finer) = (0, 0, false);
    let mut rest = rest;
    if let Some((value, after)) = colon(rest, dashed).and_then(two) {
        (second, rest) = (value, after);
        if let Some(digits) = rest.strip_prefix(['.', ',']) {
            (ms, is_finer, rest) = fraction(digits)?;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let zone = rest.strip_prefix(' ').unwrap_or(rest);
    let offset = match zone {
        "" if rest.is_empty() => None,
        "UTC" | "GMT" => Some(0),
        zone => Some(offset(zone).filter(|(_, rest)| rest.is_empty())?.0),
    };
    let time = Time { ms: i64::from((hour * 60 + minute) * 60 + second) * 1000 + i64::from(ms), is_finer };
    Some(Written { date, time: Some(time), offset })
}

fn colon(text: &str, wanted: bool) -> Option<&str> {
    if wanted { text.strip_prefix(':') } else { Some(text) }
}

fn two(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some((digits.parse().ok()?, rest)))?
}

fn civil(digits: [u8; 8]) -> Option<NaiveDate> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
    NaiveDate::from_ymd_opt(number(&digits[..4]) as i32, number(&digits[4..6]), number(&digits[6..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let shown = |text: &str| {
            read(text).map(|written| {
                let time = written.time.map(|time| (time.ms, time.is_finer));
                (written.date.to_string(), time, written.offset)
            })
        };
        let day = |ms: i64, offset: Option<i32>| Some(("2026-01-02".to_owned(), Some((ms, false)), offset));
        let at = 11_045_000;
        for (text, expected) in [
            ("2026-01-02 03:04:05", day(at, None)),
            ("2026-01-02T03:04:05", day(at, None)),
            ("2026-01-02T03:04:05Z", day(at, Some(0))),
            ("2026-01-02t03:04:05z", day(at, Some(0))),
            ("2026-01-02T03:04:05.123Z", day(at + 123, Some(0))),
            ("2026-01-02 03:04:05,5", day(at + 500, None)),
            ("2026-01-02 03:04:05.123000", day(at + 123, None)),
            ("2026-01-02 03:04:05+00", day(at, Some(0))),
            ("2026-01-02 03:04:05.5-05", day(at + 500, Some(-18_000))),
            ("2026-01-02T03:04:05+0530", day(at, Some(19_800))),
            ("2026-01-02T03:04:05-03:00", day(at, Some(-10_800))),
            ("2026-01-02 03:04:05 -0500", day(at, Some(-18_000))),
            ("2026-01-02 03:04:05 UTC", day(at, Some(0))),
            ("2026-01-02 03:04", day(at - 5000, None)),
            ("2026-01-02T03:04Z", day(at - 5000, Some(0))),
            ("20260102T030405Z", day(at, Some(0))),
            ("2026-01-02", Some(("2026-01-02".to_owned(), None, None))),
            ("2026-01-02 24:00:00", None),
            ("2026-01-02 23:59:60", None),
            ("2026-01-02 03:04:05 ", None),
            ("2026-01-02 03:04:05.", None),
            ("2026-01-02 3:04:05", None),
            ("2026-01-02 03:04:05+5", None),
            ("2026-01-02 03:04:05+05:3", None),
            ("2026-01-02 03:04:05 CET", None),
            ("2026-1-2 03:04:05", None),
            ("1/2/2026 3:04", None),
            ("20260102", None),
            ("1767323045", None),
            ("infinity", None),
            ("", None),
            ("2026-01-0\u{663} 03:04:05", None),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
        assert!(read("2026-01-02 03:04:05.123456").unwrap().time.unwrap().is_finer);
    }
}

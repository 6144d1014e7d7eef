//! Instants and trading dates. An instant is UTC; a trading date belongs to the exchange and is computed once, in the
//! exchange's own zone.

use chrono::{DateTime, Datelike, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use crate::{Error, Result};

/// Reads an IANA zone name such as `America/New_York`.
pub fn parse_zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|_| Error::invalid(format!("{name:?} is not an IANA time zone")))
}

/// The instant of a Unix time in milliseconds.
pub fn instant_from_ms(ms: i64) -> Result<DateTime<Utc>> {
    Utc.timestamp_millis_opt(ms)
        .single()
        .ok_or_else(|| Error::invalid(format!("{ms} ms is outside the calendar")))
}

/// The date on the exchange's wall calendar at an instant.
///
/// ```
/// use quotelake_core::time::{parse_zone, trading_date};
/// let new_york = parse_zone("America/New_York").unwrap();
/// // Polygon stamps one daily bar at midnight New York and another endpoint stamps it at 16:00: the same date.
/// assert_eq!(trading_date(1_112_331_600_000, new_york).unwrap().to_string(), "2005-04-01");
/// assert_eq!(trading_date(1_112_331_600_000 + 16 * 3_600_000, new_york).unwrap().to_string(), "2005-04-01");
/// ```
pub fn trading_date(unix_ms: i64, exchange: Tz) -> Result<NaiveDate> {
    Ok(instant_from_ms(unix_ms)?.with_timezone(&exchange).date_naive())
}

/// Days since 1970-01-01, as Arrow and Parquet store a date.
pub fn days_since_epoch(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - UNIX_EPOCH_FROM_CE
}

/// The date of a day count, `None` outside the calendar.
pub fn date_from_days(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(days.checked_add(UNIX_EPOCH_FROM_CE)?)
}

const UNIX_EPOCH_FROM_CE: i32 = 719_163;
const DAY_MS: i64 = 86_400_000;

/// The UTC date of an instant in milliseconds, as a day count.
pub fn utc_days(unix_ms: i64) -> i32 {
    i32::try_from(unix_ms.div_euclid(DAY_MS)).unwrap_or(if unix_ms < 0 { i32::MIN } else { i32::MAX })
}

/// Reads `YYYY-MM-DD` as a day count.
pub fn parse_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    civil_days(year, two(*m1, *m2)?, two(*d1, *d2)?)
}

/// Reads an RFC 3339 instant (`2013-03-02T02:00:00Z`, up to milliseconds, any offset) as Unix milliseconds. `None` when it
/// is none, or finer than a millisecond.
pub fn parse_instant(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let days = i64::from(parse_date(date)?);
    let [b'T' | b't' | b' ', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = rest else { return None };
    let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (millis, rest) = parse_fraction(rest)?;
    let offset_minutes = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = i64::from(hours * 60 + minutes);
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second) - offset_minutes * 60;
    Some(days * DAY_MS + seconds * 1000 + millis)
}

/// A fraction of a second in milliseconds, and what follows it. `None` when it is finer than a millisecond.
fn parse_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', digits @ ..] = text else { return Some((0, text)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || digits[..count].iter().skip(3).any(|digit| *digit != b'0') {
        return None;
    }
    let millis =
        (0..3).fold(0, |n, i| n * 10 + digits[..count].get(i).map_or(0, |digit| i64::from(digit - b'0')));
    Some((millis, &digits[count..]))
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| u32::from(tens - b'0') * 10 + u32::from(ones - b'0'))
}

fn civil_days(year: u32, month: u32, day: u32) -> Option<i32> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).map(days_since_epoch)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants() {
        let ms = |text: &str| parse_instant(text.as_bytes());
        assert_eq!(ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(ms("2026-11-21T05:00:00.123Z"), Some(1_795_237_200_123));
        assert_eq!(ms("2026-11-21T02:00:00.123-03:00"), Some(1_795_237_200_123));
        assert_eq!(ms("2026-11-21T05:00:00.123000Z"), Some(1_795_237_200_123));
        assert_eq!(ms("2026-11-21 05:00:00.1+00:00"), Some(1_795_237_200_100));
        for bad in
            ["2026-11-21T05:00:00", "2026-11-21", "2026-02-30T00:00:00Z", "2026-11-21T05:00:00.1234Z", "x"]
        {
            assert_eq!(ms(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_chrono(ms in -62_000_000_000_000i64..200_000_000_000_000) {
            let instant = instant_from_ms(ms).unwrap();
            let text = instant.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
            prop_assert_eq!(parse_instant(text.as_bytes()), Some(ms));
            prop_assert_eq!(date_from_days(utc_days(ms)).unwrap(), instant.date_naive());
        }
    }
}

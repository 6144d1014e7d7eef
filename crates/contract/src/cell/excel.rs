//! Dates as spreadsheets keep them: a count of days, with the time of the day as its fraction.

use chrono::NaiveDate;

use super::pattern::{Time, Written};
use quotelake_core::Decimal;
use quotelake_core::time::{date_from_days, days_since_epoch};

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateSystem {
    /// 1 is 1900-01-01, and 60 a 29 February 1900 that never was.
    From1900,
    /// 0 is 1904-01-01.
    From1904,
}

const DAY_MS: i128 = 86_400_000;
/// 9999-12-31.
const LAST_1900: i128 = 2_958_465;

impl DateSystem {
    /// The moment of a serial number such as `46024` or `46024.1278356481`, the time to the nearest millisecond. `None` for
    /// anything else, and for days before 1900 (or 1904), past 9999 or 29 February 1900.
    pub fn read(self, text: &str) -> Option<Written> {
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return None;
        }
        let serial: Decimal = text.parse().ok()?;
        let digits = serial.to_string();
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let mut days: i128 = whole.parse().ok()?;
        // Fifteen places are more than a float has beside five digits.
        let fraction = &fraction[..fraction.len().min(15)];
        let size = 10i128.pow(fraction.len() as u32);
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let mut ms = (part * DAY_MS * 2 + size) / (size * 2);
        if ms == DAY_MS {
            (days, ms) = (days + 1, 0);
        }
        let epoch = match self {
            Self::From1900 if (1..60).contains(&days) => NaiveDate::from_ymd_opt(1899, 12, 31)?,
            Self::From1900 if (61..=LAST_1900).contains(&days) => NaiveDate::from_ymd_opt(1899, 12, 30)?,
            Self::From1904 if (0..=LAST_1900 - 1462).contains(&days) => NaiveDate::from_ymd_opt(1904, 1, 1)?,
            _ => return None,
        };
        let date = date_from_days(days_since_epoch(epoch).checked_add(i32::try_from(days).ok()?)?)?;
        Some(Written {
            date,
            time: Some(Time { ms: i64::try_from(ms).ok()?, is_finer: false }),
            offset: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers() {
        let shown = |system: DateSystem, text: &str| {
            system.read(text).map(|written| (written.date.to_string(), written.time.unwrap_or_default().ms))
        };
        let at = |date: &str, ms: i64| Some((date.to_owned(), ms));
        use DateSystem::{From1900, From1904};
        assert_eq!(shown(From1900, "1"), at("1900-01-01", 0));
        assert_eq!(shown(From1900, "59"), at("1900-02-28", 0));
        assert_eq!(shown(From1900, "60"), None);
        assert_eq!(shown(From1900, "61"), at("1900-03-01", 0));
        assert_eq!(shown(From1900, "25569"), at("1970-01-01", 0));
        assert_eq!(shown(From1900, "46024"), at("2026-01-02", 0));
        assert_eq!(shown(From1900, "46024.1278356481"), at("2026-01-02", 11_045_000));
        assert_eq!(shown(From1900, "46024.127835648148"), at("2026-01-02", 11_045_000));
        assert_eq!(shown(From1900, "46023.9999999999999"), at("2026-01-02", 0));
        assert_eq!(shown(From1900, "2958465"), at("9999-12-31", 0));
        assert_eq!(shown(From1904, "44562"), at("2026-01-02", 0));
        for text in ["0", "-1", "2958466", "1e4", "", ".", "4602,5", "99999999999999999999", "2026-01-02"] {
            assert_eq!(shown(From1900, text), None, "{text:?}");
        }
    }
}

//! Cells of a price file: days and stamps, prices, volumes.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Timelike as _};
use chrono_tz::Tz;
use quotelake_core::Decimal;

use super::model::{DateForm, Numbers};
use crate::Interval;
use crate::read::{decimal, float32_decimal};

/// A day, or the start of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// A day on the exchange's calendar. The instant is the one that is beside it, Unix milliseconds.
    Day(NaiveDate, Option<i64>),
    /// An instant, Unix milliseconds.
    Instant(i64),
    /// A time on a clock that the file does not name.
    Local(NaiveDateTime),
}

impl DateForm {
    /// What a cell of this form says; `None` where it is not of the form.
    pub(super) fn read(self, text: &str) -> Option<Stamp> {
        match self {
            Self::Iso => day(text, "%Y-%m-%d", 10),
            Self::Compact => day(text, "%Y%m%d", 8),
            Self::Mdy => day(text, "%m/%d/%Y", 10),
            Self::Dmy => day(text, "%d/%m/%Y", 10),
            Self::MonthName => day(text, "%b %d, %Y", 12),
            Self::IsoLocal => {
                let form = if text.len() == 16 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S" };
                let local = NaiveDateTime::parse_from_str(text, form).ok()?;
                (local.format(form).to_string() == text && !is_leap(local.time()))
                    .then_some(Stamp::Local(local))
            }
            Self::IsoZoned => Some(Stamp::Instant(zoned(text)?.timestamp_millis())),
            Self::IsoZonedMidnight => {
                let instant = zoned(text)?;
                let local = instant.naive_local();
                (local.time() == NaiveTime::MIN)
                    .then(|| Stamp::Day(local.date(), Some(instant.timestamp_millis())))
            }
            Self::Epoch => epoch_ms(text).map(Stamp::Instant),
        }
    }

    /// As it is told to people.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Iso => "yyyy-mm-dd",
            Self::Compact => "yyyymmdd",
            Self::Mdy => "mm/dd/yyyy",
            Self::Dmy => "dd/mm/yyyy",
            Self::MonthName => "Mon dd, yyyy",
            Self::IsoLocal => "yyyy-mm-dd hh:mm:ss",
            Self::IsoZoned => "yyyy-mm-dd hh:mm:ss with an offset such as -05:00",
            Self::IsoZonedMidnight => "yyyy-mm-dd 00:00:00 with an offset such as -05:00",
            Self::Epoch => "Unix milliseconds (13 digits) or microseconds (16 digits)",
        }
    }
}

/// A date of full width: `2/1/24` is none.
fn day(text: &str, form: &str, width: usize) -> Option<Stamp> {
    let date = (text.len() == width).then(|| NaiveDate::parse_from_str(text, form).ok())??;
    (date.format(form).to_string() == text).then_some(Stamp::Day(date, None))
}

fn zoned(text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    let read = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%:z").ok()?;
    (read.format("%Y-%m-%d %H:%M:%S%:z").to_string() == text && !is_leap(read.time())).then_some(read)
}

/// Whether a time was written with `:60`: no bar starts there.
fn is_leap(time: NaiveTime) -> bool {
    time.nanosecond() >= 1_000_000_000
}

/// Unix milliseconds of thirteen digits or microseconds of sixteen: between 2001 and 2286 no number is both.
pub(super) fn epoch_ms(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        13 => Some(number),
        16 if number % 1000 == 0 => Some(number / 1000),
        _ => None,
    }
}

/// When a bar ends, milliseconds: the last one before the next bar, of a stamp in milliseconds or microseconds.
pub(super) fn epoch_end_ms(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        13 => number.checked_add(1),
        16 => Some(number.checked_add(1)? / 1000),
        _ => None,
    }
}

/// A time of day: `09:30:00`, `09:30` or `093000`.
pub(super) fn time_of_day(text: &str) -> Option<NaiveTime> {
    let form = match text.len() {
        8 => "%H:%M:%S",
        5 => "%H:%M",
        6 => "%H%M%S",
        _ => return None,
    };
    let time = NaiveTime::parse_from_str(text, form).ok()?;
    (time.format(form).to_string() == text && !is_leap(time)).then_some(time)
}

/// The instant of a time on a zone's clock; `None` where the clock shows it twice or never.
pub(super) fn on_clock(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) => Some(instant.timestamp_millis()),
        _ => None,
    }
}

/// The length of a bar in stooq's letters, Alpha Vantage's and Binance's: `D`, `5`, `60min`, `1h`.
pub(super) fn period(text: &str) -> Option<Interval> {
    let minutes = text.strip_suffix("min").unwrap_or(text);
    match minutes {
        "D" | "1d" => Some(Interval::Day1),
        "1" | "1m" => Some(Interval::Minute1),
        "5" | "5m" => Some(Interval::Minute5),
        "15" | "15m" => Some(Interval::Minute15),
        "60" | "1h" => Some(Interval::Hour1),
        _ => None,
    }
}

impl Numbers {
    /// A number of this form, exactly.
    pub(super) fn read(self, text: &str) -> Option<Decimal> {
        match self {
            Self::Plain => decimal(text),
            Self::Float32 => six_places_of_float32(text).or_else(|| float32_decimal(text)),
            Self::Thousands => decimal(&without_thousands(text)?),
        }
    }
}

/// From 2^20 on a 32-bit float has no place for two decimals: then six of them are not its noise.
const COARSE: f32 = 1_048_576.0;

/// A 32-bit float that was printed with six decimals, brought back to the digits that it stands for: `153.100006` is 153.1.
fn six_places_of_float32(text: &str) -> Option<Decimal> {
    let (_, decimals) = text.split_once('.')?;
    if decimals.len() != 6 {
        return None;
    }
    let single: f32 = text.parse().ok()?;
    if single.abs() >= COARSE {
        return decimal(text);
    }
    (format!("{:.6}", f64::from(single)) == text).then(|| decimal(&single.to_string()))?
}

/// `1,234.5` without its commas. `None` where they are not between groups of three digits.
fn without_thousands(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let mut groups = whole.strip_prefix('-').unwrap_or(whole).split(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next()?;
    let sound = (1..=3).contains(&first.len()) && digits(first);
    (sound && groups.all(|group| group.len() == 3 && digits(group))).then_some(())?;
    let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
    Some(format!("{}{fraction}", whole.replace(',', "")))
}

/// A volume in thousands, millions or billions: `1.2M` is 1,200,000. A number without a letter stands for itself.
pub(super) fn short_volume(text: &str) -> Option<Decimal> {
    let (number, factor) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1_000),
        b'M' => (&text[..text.len() - 1], 1_000_000),
        b'B' => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    Numbers::Thousands.read(number)?.times(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_they_are_and_nothing_else() {
        let day = |text: &str| Some(Stamp::Day(text.parse().unwrap(), None));
        assert_eq!(DateForm::Mdy.read("02/03/2024"), day("2024-02-03"));
        assert_eq!(DateForm::Dmy.read("02/03/2024"), day("2024-03-02"));
        assert_eq!(DateForm::Mdy.read("13/03/2024"), None);
        assert_eq!(DateForm::Mdy.read("2/3/24"), None);
        assert_eq!(DateForm::Iso.read("2024-02-30"), None);
        assert_eq!(DateForm::Iso.read("+202-02-03"), None);
        assert_eq!(DateForm::Iso.read("2024-02-03 00:00:00"), None);
        assert_eq!(DateForm::Compact.read("20240203"), day("2024-02-03"));
        assert_eq!(DateForm::MonthName.read("Feb 03, 2024"), day("2024-02-03"));
        let zoned = DateForm::IsoZonedMidnight.read("2024-02-03 00:00:00-05:00");
        assert_eq!(zoned, Some(Stamp::Day("2024-02-03".parse().unwrap(), Some(1_706_936_400_000))));
        assert_eq!(DateForm::IsoZonedMidnight.read("2024-02-03 09:30:00-05:00"), None);
        assert_eq!(DateForm::IsoZoned.read("2024-02-03 09:30:60-05:00"), None);
        assert_eq!(DateForm::Epoch.read("1706936400000"), DateForm::Epoch.read("1706936400000000"));
        for text in ["1706936400", "1706936400000001", "-170693640000", "17069364000.0"] {
            assert_eq!(DateForm::Epoch.read(text), None, "{text}");
        }
        assert_eq!(time_of_day("24:00"), None);
        assert_eq!(time_of_day("093000"), NaiveTime::from_hms_opt(9, 30, 0));
    }

    #[test]
    fn a_clock_that_is_turned_back_shows_an_hour_twice() {
        let at = |text| {
            on_clock(
                NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap(),
                chrono_tz::Europe::London,
            )
        };
        assert_eq!(at("2024-10-27 01:30"), None);
        assert_eq!(at("2024-03-31 01:30"), None);
        assert_eq!(at("2024-10-27 02:30"), Some(1_729_996_200_000));
    }

    #[test]
    fn floats_of_32_bits_are_what_they_stand_for() {
        for (text, is) in [
            ("153.100006", "153.1"),
            ("153.10000610351562", "153.1"),
            ("0.128348", "0.128348"),
            ("99.949997", "99.95"),
            ("543750.000000", "543750"),
            ("1048576.125000", "1048576.125"),
            ("12.345678", "12.345678"),
            ("100.123457", "100.123457"),
            ("153.100007", "153.100007"),
            ("-1.500000", "-1.5"),
        ] {
            assert_eq!(Numbers::Float32.read(text).unwrap().to_string(), is, "{text}");
        }
    }

    #[test]
    fn volumes_in_letters_are_exact() {
        for (text, is) in [
            ("1.2M", Some("1200000")),
            ("345.67K", Some("345670")),
            ("3.4B", Some("3400000000")),
            ("0.01K", Some("10")),
            ("12", Some("12")),
            ("1,234", Some("1234")),
            ("1,23", None),
            ("12,34.5", None),
            ("1.2T", None),
            ("M", None),
        ] {
            let read = short_volume(text).map(|number| number.to_string());
            assert_eq!(read.as_deref(), is, "{text}");
        }
    }
}

//! Which forms of dates, instants and numbers a text fits.

use chrono::{NaiveDate, NaiveDateTime};

/// A form of dates, as a contract writes it, and as people call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DateForm {
    /// `strftime`; none for `YYYY-MM-DD`.
    pub(super) format: Option<&'static str>,
    pub(super) shown: &'static str,
    /// The form with day and month exchanged.
    pub(super) twin: Option<&'static str>,
}

const fn form(format: &'static str, shown: &'static str, twin: Option<&'static str>) -> DateForm {
    DateForm { format: Some(format), shown, twin }
}

/// The forms that are looked for, the surest first.
pub(super) const DATES: [DateForm; 18] = [
    DateForm { format: None, shown: "yyyy-mm-dd", twin: None },
    form("%Y/%m/%d", "yyyy/mm/dd", None),
    form("%Y.%m.%d", "yyyy.mm.dd", None),
    form("%d/%m/%Y", "dd/mm/yyyy", Some("%m/%d/%Y")),
    form("%m/%d/%Y", "mm/dd/yyyy", Some("%d/%m/%Y")),
    form("%d-%m-%Y", "dd-mm-yyyy", Some("%m-%d-%Y")),
    form("%m-%d-%Y", "mm-dd-yyyy", Some("%d-%m-%Y")),
    form("%d.%m.%Y", "dd.mm.yyyy", Some("%m.%d.%Y")),
    form("%m.%d.%Y", "mm.dd.yyyy", Some("%d.%m.%Y")),
    form("%d/%m/%y", "dd/mm/yy", Some("%m/%d/%y")),
    form("%m/%d/%y", "mm/dd/yy", Some("%d/%m/%y")),
    form("%d.%m.%y", "dd.mm.yy", Some("%m.%d.%y")),
    form("%m.%d.%y", "mm.dd.yy", Some("%d.%m.%y")),
    form("%d-%b-%Y", "dd-Mon-yyyy", None),
    form("%d %b %Y", "dd Mon yyyy", None),
    form("%b %d, %Y", "Mon dd, yyyy", None),
    form("%d %B %Y", "dd Month yyyy", None),
    form("%B %d, %Y", "Month dd, yyyy", None),
];

/// The times of day that may follow a date.
const TIMES: [&str; 6] = ["%H:%M:%S", "%H:%M:%S%.f", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p"];

impl DateForm {
    pub(super) fn fits(self, text: &str) -> bool {
        let format = self.format.unwrap_or("%Y-%m-%d");
        NaiveDate::parse_from_str(text, format).is_ok_and(|date| {
            // A year of two digits where four are meant is a date in antiquity.
            let year = text.rsplit(|c: char| !c.is_ascii_digit()).next().map_or(0, str::len);
            let sound = match format.ends_with("%y") {
                true => year == 2,
                false => text.bytes().filter(u8::is_ascii_digit).count() >= 5,
            };
            // What .NET writes where there is no date is a date, and the only one of its year.
            let is_none = self.format.is_none() && text == "0001-01-01";
            sound && (is_none || (1000..=9999).contains(&chrono::Datelike::year(&date))) && is_tight(text)
        })
    }
}

/// chrono takes spaces where a format has none.
fn is_tight(text: &str) -> bool {
    text == text.trim() && !text.contains("  ") && !text.contains("/ ") && !text.contains("- ")
}

/// The forms of [`DATES`] that every text fits.
pub(super) fn dates_of(texts: &[&str]) -> Vec<DateForm> {
    DATES.into_iter().filter(|form| texts.iter().all(|text| form.fits(text))).collect()
}

/// How instants are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InstantForm {
    /// ISO: `2024-03-04T09:30:00Z`, `2024-03-04 09:30:00.123+01:00`; whether all name their zone, whether some have digits past the
    /// milliseconds.
    Iso { zoned: bool, finer: bool },
    /// Any other, of dates in one of these forms, with one form of times; no text names a zone.
    Pattern(Vec<(DateForm, &'static str)>),
}

/// The form that every text fits; `None` where there is none, or they are dates.
pub(super) fn instants_of(texts: &[&str]) -> Option<InstantForm> {
    let iso: Option<Vec<(bool, bool)>> = texts.iter().map(|text| iso_instant(text)).collect();
    if let Some(iso) = iso {
        let zoned = iso.iter().filter(|(zoned, _)| *zoned).count();
        // Some with a zone and some without are no one form.
        return (zoned == 0 || zoned == iso.len())
            .then(|| InstantForm::Iso { zoned: zoned > 0, finer: iso.iter().any(|(_, finer)| *finer) });
    }
    let mut found = Vec::new();
    for date in DATES.into_iter().filter(|form| form.format.is_some()) {
        let time = TIMES.into_iter().find(|time| {
            let format = format!("{} {time}", date.format.unwrap_or_default());
            texts.iter().all(|text| is_tight(text) && fits_instant(text, &format, date))
        });
        found.extend(time.map(|time| (date, time)));
    }
    (!found.is_empty()).then_some(InstantForm::Pattern(found))
}

fn fits_instant(text: &str, format: &str, date: DateForm) -> bool {
    let Some((first, _)) = text.split_once(' ') else { return false };
    let spaces = date.format.unwrap_or_default().matches(' ').count();
    let end = text.match_indices(' ').nth(spaces).map_or(first.len(), |(at, _)| at);
    date.fits(&text[..end]) && NaiveDateTime::parse_from_str(text, format).is_ok() && !text.contains(":60")
}

/// Whether it names its zone, and whether it has digits past the milliseconds.
fn iso_instant(text: &str) -> Option<(bool, bool)> {
    let (date, rest) = text.split_at_checked(10)?;
    DATES[0].fits(date).then_some(())?;
    let rest = rest.strip_prefix(['T', ' '])?;
    let (time, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let parts: Vec<u8> = clock.split(':').map(two).collect::<Option<_>>()?;
    let [hour, minute, second] = parts[..] else { return None };
    (hour < 24 && minute < 60 && second < 60).then_some(())?;
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    (digits && (!fraction.is_empty() || !time.contains('.'))).then_some(())?;
    let zoned = match zone {
        "" => false,
        "Z" | "z" => true,
        offset => {
            let offset = offset.trim_start_matches(['+', '-']);
            let (hours, minutes) = offset.split_once(':').unwrap_or((offset.get(..2)?, offset.get(2..)?));
            (two(hours)? < 24 && (minutes.is_empty() || two(minutes)? < 60)).then_some(true)?
        }
    };
    Some((zoned, fraction.bytes().skip(3).any(|byte| byte != b'0')))
}

fn two(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A number's size: digits before and behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Digits {
    pub(super) whole: usize,
    pub(super) fraction: usize,
}

/// A plain number: `-12.50`. `None` for anything else, also for `007`, which is a name.
pub(super) fn plain_number(text: &str) -> Option<Digits> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (digits, ""),
    };
    let sound = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let padded = whole.len() > 1 && whole.starts_with('0');
    (!whole.is_empty() && sound(whole) && sound(fraction) && !padded)
        .then_some(Digits { whole: whole.len(), fraction: fraction.len() })
}

/// A number with an exponent, or a plain one.
pub(super) fn is_float(text: &str) -> bool {
    if plain_number(text).is_some() {
        return true;
    }
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else { return false };
    let exponent = exponent.trim_start_matches(['+', '-']);
    plain_number(mantissa).is_some()
        && !exponent.is_empty()
        && exponent.len() <= 3
        && exponent.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_by_their_forms() {
        let shown = |texts: &[&str]| dates_of(texts).into_iter().map(|form| form.shown).collect::<Vec<_>>();
        assert_eq!(shown(&["2024-03-04"]), ["yyyy-mm-dd"]);
        assert_eq!(shown(&["03/04/2024"]), ["dd/mm/yyyy", "mm/dd/yyyy"]);
        assert_eq!(shown(&["03/04/2024", "13/04/2024"]), ["dd/mm/yyyy"]);
        assert_eq!(shown(&["04.03.24", "04.30.24"]), ["mm.dd.yy"]);
        assert_eq!(shown(&["04 Mar 2024"]), ["dd Mon yyyy", "dd Month yyyy"]);
        for none in ["2024-02-30", "2024-03-04 10:00", "3/4", "24-03-04", "20240304", "", "1.5.2"] {
            assert_eq!(shown(&[none]), [""; 0], "{none}");
        }
    }

    #[test]
    fn instants_are_told_by_their_forms() {
        let iso = |zoned, finer| Some(InstantForm::Iso { zoned, finer });
        assert_eq!(instants_of(&["2024-03-04T09:30:00Z", "2024-03-04 09:30:00.120+01:00"]), iso(true, false));
        assert_eq!(instants_of(&["2024-03-04 09:30:00.123456+00"]), iso(true, true));
        assert_eq!(instants_of(&["2024-03-04 09:30:00"]), iso(false, false));
        assert_eq!(instants_of(&["2024-03-04 09:30:00", "2024-03-04 09:30:00Z"]), None);
        assert_eq!(instants_of(&["2024-03-04 09:60:00"]), None);
        assert_eq!(instants_of(&["2024-03-04"]), None);
        let Some(InstantForm::Pattern(found)) = instants_of(&["13/04/2024 09:30", "01/04/2024 23:59"]) else {
            panic!("no form");
        };
        assert_eq!(
            found.iter().map(|(date, time)| (date.shown, *time)).collect::<Vec<_>>(),
            [("dd/mm/yyyy", "%H:%M")]
        );
    }

    #[test]
    fn numbers_are_told_by_their_points() {
        let digits = |whole, fraction| Some(Digits { whole, fraction });
        assert_eq!(plain_number("-12.50"), digits(2, 2));
        assert_eq!(plain_number("0"), digits(1, 0));
        for none in ["007", "1,2", "", "-", "1.", ".5", "1e5", "+1", "1 000", "１"] {
            assert_eq!(plain_number(none), None, "{none}");
        }
        assert!(
            is_float("1.5E-07") && is_float("3") && !is_float("1e") && !is_float("e5") && !is_float("1e999")
        );
    }
}

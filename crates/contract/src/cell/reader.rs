//! How the texts of one column of people's files are read: missing values, then the column's form of number, date, instant or
//! boolean. Compiled with the contract ([`Column`](crate::Column)'s `cell`), and called for each cell by `ingest`, JSON lines
//! and `migrate`.

use std::borrow::Cow;

use chrono_tz::Tz;

use super::moment::{Fractions, TimeFormat, canonical_instant, instant_ms};
use super::number::NumberFormat;
use super::pattern::Written;

/// What a contract says of a column's texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats {
    /// Texts that stand for a missing value.
    pub null_texts: Vec<String>,
    /// Dates, as files write them or as `YYYY-MM-DD`, that stand for a missing value.
    pub placeholder_dates: Vec<String>,
    /// How the others are written.
    pub form: Form,
}

/// How a column's texts are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Form {
    /// As a canonical line has them.
    #[default]
    Canonical,
    /// Text that is part of the key: one that a spreadsheet made a rounded number of is refused.
    Identifier,
    /// A number, and the format's name in the contract.
    Number(NumberFormat, String),
    /// A date in one of these formats.
    Date(Vec<TimeFormat>),
    /// An instant in one of these formats.
    Instant {
        /// The formats.
        formats: Vec<TimeFormat>,
        /// The zone of a text that names none.
        zone: Option<Tz>,
        /// What is done with digits behind the milliseconds.
        fractions: Fractions,
    },
    /// True and false.
    Boolean(Vec<BooleanTexts>),
}

/// A pair of texts: for true and for false, whatever their case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BooleanTexts {
    /// `yes`.
    pub yes: String,
    /// `no`.
    pub no: String,
}

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellValue<'t> {
    /// It stands for a missing value.
    Missing,
    /// The value as a canonical line writes it, in quotes.
    Text(Cow<'t, str>),
    /// True or false.
    Boolean(bool),
}

/// Reads a column's texts by its contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CellReader {
    formats: Formats,
}

impl CellReader {
    /// A reader.
    pub fn new(formats: Formats) -> Self {
        Self { formats }
    }

    /// Whether every text goes on as it is: a decoder of canonical lines judges it.
    #[inline]
    pub fn is_plain(&self) -> bool {
        let Formats { null_texts, placeholder_dates, form } = &self.formats;
        matches!(form, Form::Canonical) && null_texts.is_empty() && placeholder_dates.is_empty()
    }

    /// The same of strings in JSON lines, which no spreadsheet wrote.
    pub fn is_plain_in_json(&self) -> bool {
        let Formats { null_texts, placeholder_dates, form } = &self.formats;
        matches!(form, Form::Canonical | Form::Identifier)
            && null_texts.is_empty()
            && placeholder_dates.is_empty()
    }

    /// What the contract says.
    pub fn formats(&self) -> &Formats {
        &self.formats
    }

    /// Reads a text. The error says what is wrong with it and names the format; the text itself is left to the caller.
    ///
    /// ```
    /// use quotelake_contract::cell::{CellReader, CellValue, Form, Formats, TimeFormat};
    /// let form = Form::Date(vec![TimeFormat::parse("%d/%m/%Y").unwrap()]);
    /// let reader = CellReader::new(Formats { form, ..Formats::default() });
    /// assert_eq!(reader.read("02/01/2026"), Ok(CellValue::Text("2026-01-02".into())));
    /// assert_eq!(reader.read("2026-01-02"), Err("is not a date in the form %d/%m/%Y".into()));
    /// ```
    pub fn read<'t>(&self, text: &'t str) -> Result<CellValue<'t>, String> {
        if self.formats.null_texts.iter().any(|null| null == text) || self.is_placeholder(text) {
            return Ok(CellValue::Missing);
        }
        let owned = |text: String| CellValue::Text(Cow::Owned(text));
        Ok(match &self.formats.form {
            Form::Canonical => CellValue::Text(Cow::Borrowed(text)),
            Form::Identifier if is_rounded_by_spreadsheet(text) => {
                return Err("is a number that a spreadsheet shortened, its last digits are lost \
                            (`spreadsheetNumbers: keep` takes it as text)"
                    .to_owned());
            }
            Form::Identifier => CellValue::Text(Cow::Borrowed(text)),
            Form::Number(format, name) => match format.read(text) {
                Some(number) => owned(number),
                None => {
                    return Err(format!(
                        "is not a number in the form {} (numberFormat {name})",
                        format.example()
                    ));
                }
            },
            Form::Date(formats) => owned(self.date(formats, text)?),
            Form::Instant { formats, zone, fractions } => {
                let ms = instant_of(formats, text, *zone, *fractions)?;
                owned(canonical_instant(ms).ok_or("is outside the years 0 to 9999")?)
            }
            Form::Boolean(pairs) => {
                let says = |one: &str| one.eq_ignore_ascii_case(text);
                match pairs.iter().find_map(|pair| match (says(&pair.yes), says(&pair.no)) {
                    (true, _) => Some(true),
                    (_, true) => Some(false),
                    _ => None,
                }) {
                    Some(value) => CellValue::Boolean(value),
                    None => {
                        let known: Vec<String> =
                            pairs.iter().map(|pair| format!("{}/{}", pair.yes, pair.no)).collect();
                        return Err(format!("is none of {}", known.join(", ")));
                    }
                }
            }
        })
    }

    fn date(&self, formats: &[TimeFormat], text: &str) -> Result<String, String> {
        let (written, _) = one_of(formats, text, "date", |written| Ok(written.date))?;
        if written.time.is_some_and(|time| time.ms != 0 || time.is_finer) {
            return Err("has a time of the day, and the column holds dates".to_owned());
        }
        Ok(written.date.to_string())
    }

    /// Of an instant the date alone counts: `1900-01-01 00:00:00`.
    fn is_placeholder(&self, text: &str) -> bool {
        let placeholders = &self.formats.placeholder_dates;
        if placeholders.is_empty() {
            return false;
        }
        let formats = match &self.formats.form {
            Form::Date(formats) | Form::Instant { formats, .. } => formats.as_slice(),
            _ => &[],
        };
        let date = text.split([' ', 'T']).next().unwrap_or(text);
        let is = |date: &str| placeholders.iter().any(|placeholder| placeholder == date);
        is(text)
            || is(date)
            || formats
                .iter()
                .any(|format| format.read(text).is_some_and(|written| is(&written.date.to_string())))
    }
}

fn instant_of(
    formats: &[TimeFormat],
    text: &str,
    zone: Option<Tz>,
    fractions: Fractions,
) -> Result<i64, String> {
    let (written, ms) =
        one_of(formats, text, "date and time", |written| instant_ms(*written, zone, fractions))?;
    let dates_only = formats.iter().any(|format| format.is_dates_only() && format.read(text).is_some());
    if written.time.is_none() && !dates_only {
        return Err("is a date without a time of the day".to_owned());
    }
    Ok(ms)
}

/// What a text says in the formats that it fits, which must be one and the same.
fn one_of<T: PartialEq>(
    formats: &[TimeFormat],
    text: &str,
    what: &str,
    value: impl Fn(&Written) -> Result<T, String>,
) -> Result<(Written, T), String> {
    let mut found: Option<(Written, T, &TimeFormat)> = None;
    for format in formats {
        let Some(written) = format.read(text) else { continue };
        let new = value(&written)?;
        match &found {
            Some((_, known, other)) if *known != new => {
                return Err(format!("is one {what} as {} and another as {}", other.name(), format.name()));
            }
            Some(_) => {}
            None => found = Some((written, new, format)),
        }
    }
    if let Some((written, value, _)) = found {
        return Ok((written, value));
    }
    let names: Vec<&str> = formats.iter().map(TimeFormat::name).collect();
    let forms = if names.len() == 1 { "the form" } else { "any of the forms" };
    let rival = formats.iter().filter_map(TimeFormat::mistaken_for).find(|rival| rival.read(text).is_some());
    let rival = rival.map(|rival| format!("; it would be one in {}", rival.name())).unwrap_or_default();
    Err(format!("is not a {what} in {forms} {}{rival}", names.join(", ")))
}

/// `1.23457E+12`: what a spreadsheet saves of a long number in a narrow column.
fn is_rounded_by_spreadsheet(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    // Most identifiers end here.
    if !matches!(unsigned.as_bytes(), [b'0'..=b'9', b'.' | b',' | b'E', ..]) {
        return false;
    }
    let Some((digits, exponent)) = unsigned.split_once("E+") else { return false };
    let mut digits = digits.bytes();
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits.next().is_some_and(|first| first.is_ascii_digit())
        && digits.next().is_none_or(|point| matches!(point, b'.' | b','))
        && digits.all(|byte| byte.is_ascii_digit())
        && (2..=3).contains(&exponent.len())
        && all_digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_a_spreadsheet_shortened() {
        for (text, is) in [
            ("1.23457E+12", true),
            ("1,23457E+12", true),
            ("-8E+15", true),
            ("1.23457E+012", true),
            ("12E+10", false),
            ("A1E+10", false),
            ("1E+1", false),
            ("1.5e+10", false),
            ("1.2.3E+10", false),
            ("E+10", false),
            ("1234567890123", false),
        ] {
            assert_eq!(is_rounded_by_spreadsheet(text), is, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_two_formats_read_differently_is_refused() {
        let formats =
            |all: &[&str]| all.iter().map(|text| TimeFormat::parse(text).unwrap()).collect::<Vec<_>>();
        let reader =
            |all: &[&str]| CellReader::new(Formats { form: Form::Date(formats(all)), ..Formats::default() });
        let both = reader(&["%d/%m/%Y", "%m/%d/%Y"]);
        assert_eq!(both.read("02/01/2026"), Err("is one date as %d/%m/%Y and another as %m/%d/%Y".into()));
        assert_eq!(both.read("13/01/2026"), Ok(CellValue::Text("2026-01-13".into())));
        assert_eq!(both.read("02/02/2026"), Ok(CellValue::Text("2026-02-02".into())));
        let either = reader(&["iso", "%d.%m.%Y"]);
        assert_eq!(either.read("2026-01-02 00:00:00"), Ok(CellValue::Text("2026-01-02".into())));
        let error = either.read("2026-01-02 10:00:00").unwrap_err();
        assert_eq!(error, "has a time of the day, and the column holds dates");
        let error = either.read("31.13.2026").unwrap_err();
        assert_eq!(error, "is not a date in any of the forms iso, %d.%m.%Y");
        let error = reader(&["%d/%m/%Y"]).read("01/13/2026").unwrap_err();
        assert_eq!(error, "is not a date in the form %d/%m/%Y; it would be one in %m/%d/%Y");
    }
}

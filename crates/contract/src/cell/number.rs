//! Numbers as people's files write them: `1.234,56`, `$1,234.56`, `(5.00)`, `12%`, `1.2M`.

/// How numbers are written. What the format does not have is no number: nothing is tried besides.
///
/// ```
/// use quotelake_contract::cell::NumberFormat;
/// let brazil = NumberFormat::named("pt-BR").unwrap();
/// assert_eq!(brazil.read("1.234,56").as_deref(), Some("1234.56"));
/// assert_eq!(brazil.read("1234.56"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat {
    /// Between the whole part and the fraction.
    pub point: char,
    /// Between groups of digits, where there are groups. A number may also be without any. A space is also a no-break or a
    /// thin one, an apostrophe also the typographic one.
    pub group: Option<char>,
    /// How many digits a group has.
    pub grouping: Grouping,
    /// `+5`.
    pub plus: bool,
    /// `(5)` is below zero.
    pub parentheses: bool,
    /// `5-` is below zero.
    pub trailing_minus: bool,
    /// `.5` and `5.`.
    pub bare_point: bool,
    /// `1.5E+02`.
    pub exponent: bool,
    /// What `12%` is, where it is a number.
    pub percent: Option<Percent>,
    /// Texts that may be before or behind the number.
    pub currencies: Vec<String>,
    /// Texts that may follow the number, each with the power of ten that it means.
    pub multipliers: Vec<(String, u8)>,
}

/// How digits are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// `12,345,678`.
    Thousands,
    /// `1,23,45,678`.
    Indian,
}

/// What a percentage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Percent {
    /// `12%` is 0.12.
    Hundredth,
    /// `12%` is 12.
    Number,
}

/// The names that a contract may give instead of a description.
pub const NUMBER_FORMATS: [&str; 7] = ["plain", "en-US", "en-IN", "pt-BR", "de-DE", "de-CH", "fr-FR"];

/// The longest exponent that is written out.
const MOST_SHIFT: i32 = 64;

impl NumberFormat {
    /// The format of a name, see [`NUMBER_FORMATS`].
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "plain" => Self { exponent: true, ..Self::of('.', None) },
            "en-US" => Self::of('.', Some(',')),
            "en-IN" => Self { grouping: Grouping::Indian, ..Self::of('.', Some(',')) },
            "pt-BR" | "de-DE" => Self::of(',', Some('.')),
            "de-CH" => Self::of('.', Some('\'')),
            "fr-FR" => Self::of(',', Some(' ')),
            _ => return None,
        })
    }

    /// Digits around a point, perhaps in groups, and nothing else.
    pub fn of(point: char, group: Option<char>) -> Self {
        Self {
            point,
            group,
            grouping: Grouping::Thousands,
            plus: false,
            parentheses: false,
            trailing_minus: false,
            bare_point: false,
            exponent: false,
            percent: None,
            currencies: Vec::new(),
            multipliers: Vec::new(),
        }
    }

    /// Whether it is what a decoder of canonical lines reads by itself.
    pub fn is_plain(&self) -> bool {
        Self::named("plain").as_ref() == Some(self)
    }

    /// A number as it is written in this format, for messages: `1.234,56`.
    pub fn example(&self) -> String {
        let group = self.group.map(String::from).unwrap_or_default();
        match self.grouping {
            Grouping::Thousands => format!("1{group}234{}56", self.point),
            Grouping::Indian => format!("12{group}34{group}567{}89", self.point),
        }
    }

    /// The same format with the point and the mark between groups swapped, where both are a point or a comma: what a text may
    /// be mistaken for. A plain number may be one with points between its groups.
    pub fn mistaken_for(&self) -> Option<Self> {
        match (self.point, self.group) {
            ('.', Some(',')) | (',', Some('.')) => Some(Self {
                point: self.group?,
                group: Some(self.point),
                grouping: Grouping::Thousands,
                ..self.clone()
            }),
            _ if self.is_plain() => Some(Self::of(',', Some('.'))),
            _ => None,
        }
    }

    /// The number as plain digits: `-1234.56`. `None` for a text that is none in this format.
    pub fn read(&self, text: &str) -> Option<String> {
        let mut rest = text;
        let mut negative = None;
        if self.parentheses
            && let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'))
        {
            (rest, negative) = (inner.trim(), Some(true));
        }
        let mut currency = false;
        loop {
            if let Some(after) = rest.strip_prefix('-').filter(|_| negative.is_none()) {
                (rest, negative) = (after, Some(true));
            } else if let Some(after) = rest.strip_prefix('+').filter(|_| self.plus && negative.is_none()) {
                (rest, negative) = (after, Some(false));
            } else if let Some(after) = self.after_currency(rest).filter(|_| !currency) {
                (rest, currency) = (after.trim_start(), true);
            } else {
                break;
            }
        }
        let mut shift = 0;
        let (mut percent, mut multiplied) = (false, false);
        loop {
            if let Some(before) = rest.strip_suffix('-').filter(|_| self.trailing_minus && negative.is_none())
            {
                (rest, negative) = (before, Some(true));
            } else if let Some(before) = self.before_currency(rest).filter(|_| !currency) {
                (rest, currency) = (before.trim_end(), true);
            } else if let Some(what) = self.percent.filter(|_| !percent && rest.ends_with('%')) {
                (rest, percent) = (rest[..rest.len() - 1].trim_end(), true);
                shift -= if what == Percent::Hundredth { 2 } else { 0 };
            } else if let Some((before, power)) = self.before_multiplier(rest).filter(|_| !multiplied) {
                (rest, multiplied) = (before.trim_end(), true);
                shift += i32::from(power);
            } else {
                break;
            }
        }
        if self.exponent
            && let Some((digits, exponent)) = rest.split_once(['e', 'E'])
        {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            shift += exponent.parse::<i32>().ok().filter(|value| value.abs() <= MOST_SHIFT)?;
            rest = digits;
        }
        let (whole, fraction) = self.digits(rest)?;
        Some(plain(negative == Some(true), &whole, fraction, shift))
    }

    fn after_currency<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.currencies.iter().find_map(|currency| text.strip_prefix(currency.as_str()))
    }

    fn before_currency<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.currencies.iter().find_map(|currency| text.strip_suffix(currency.as_str()))
    }

    fn before_multiplier<'t>(&self, text: &'t str) -> Option<(&'t str, u8)> {
        self.multipliers.iter().find_map(|(name, power)| Some((text.strip_suffix(name.as_str())?, *power)))
    }

    /// The digits before the point, without marks between groups, and those behind it.
    fn digits<'t>(&self, text: &'t str) -> Option<(String, &'t str)> {
        let (whole, fraction) = match text.split_once(self.point) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (text, None),
        };
        let sound = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if !fraction.is_none_or(sound) {
            return None;
        }
        let bare = whole.is_empty() || fraction.is_some_and(str::is_empty);
        if bare && (!self.bare_point || whole.len() + fraction.map_or(0, str::len) == 0) {
            return None;
        }
        let whole = match self.group {
            Some(group) => self.without_groups(whole, group)?,
            None => whole.to_owned(),
        };
        sound(&whole).then(|| (whole, fraction.unwrap_or_default()))
    }

    fn without_groups(&self, whole: &str, group: char) -> Option<String> {
        let parts: Vec<&str> = whole
            .split(|c: char| match group {
                ' ' => matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}'),
                '\'' => matches!(c, '\'' | '\u{2019}'),
                other => c == other,
            })
            .collect();
        let [first, middle @ .., last] = parts.as_slice() else { return Some(whole.to_owned()) };
        let size = match self.grouping {
            Grouping::Thousands => 3,
            Grouping::Indian => 2,
        };
        // `0.500` is no five hundred in any country.
        let fits = (1..=size).contains(&first.len())
            && !first.starts_with('0')
            && middle.iter().all(|part| part.len() == size)
            && last.len() == 3;
        fits.then(|| parts.concat())
    }
}

/// `12345`, shifted by powers of ten.
fn plain(negative: bool, whole: &str, fraction: &str, shift: i32) -> String {
    let mut digits = format!("{whole}{fraction}");
    // Within a contract's powers of ten and MOST_SHIFT.
    let mut point = whole.len() as i64 + i64::from(shift);
    while point < 1 {
        digits.insert(0, '0');
        point += 1;
    }
    while (digits.len() as i64) < point {
        digits.push('0');
    }
    let (whole, fraction) = digits.split_at(point as usize);
    let sign = if negative { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use quotelake_core::Decimal;

    fn everything() -> NumberFormat {
        NumberFormat {
            plus: true,
            parentheses: true,
            trailing_minus: true,
            bare_point: true,
            exponent: true,
            percent: Some(Percent::Hundredth),
            currencies: vec!["US$".into(), "$".into(), "USD".into(), "€".into()],
            multipliers: vec![("M".into(), 6), ("B".into(), 9)],
            ..NumberFormat::of('.', Some(','))
        }
    }

    #[test]
    fn what_a_format_allows_is_read_and_nothing_else() {
        let all = everything();
        for (text, number) in [
            ("1.5", Some("1.5")),
            (".5", Some("0.5")),
            ("5.", Some("5")),
            ("+5", Some("5")),
            ("-.5", Some("-0.5")),
            ("1.5E+02", Some("150")),
            ("1.5e-2", Some("0.015")),
            ("1,234.56", Some("1234.56")),
            ("1234.56", Some("1234.56")),
            ("(5.00)", Some("-5.00")),
            ("($5.00)", Some("-5.00")),
            ("5-", Some("-5")),
            ("$5.00", Some("5.00")),
            ("-$5.00", Some("-5.00")),
            ("US$ -5", Some("-5")),
            ("5.00 USD", Some("5.00")),
            ("12%", Some("0.12")),
            ("12.5 %", Some("0.125")),
            ("1.2M", Some("1200000")),
            ("3.4 B", Some("3400000000")),
            ("$1.25B", Some("1250000000")),
            ("007", Some("007")),
            ("", None),
            (".", None),
            ("-", None),
            ("()", None),
            ("(-5)", None),
            ("--5", None),
            ("-5-", None),
            ("12%%", None),
            ("1,23.4", None),
            ("1234,567", None),
            ("1,2345", None),
            (",123", None),
            ("1.234.5", None),
            ("1e", None),
            ("1e400", None),
            ("1 234", None),
            ("0x10", None),
            ("1_000", None),
            ("\u{663}", None),
            ("NaN", None),
            ("inf", None),
        ] {
            assert_eq!(all.read(text).as_deref(), number, "{text:?}");
        }
        let plain = NumberFormat::named("plain").unwrap();
        for text in [".5", "+5", "5.", "(5)", "5-", "$5", "12%", "1,234", "1.2M"] {
            assert_eq!(plain.read(text), None, "{text:?}");
        }
    }

    #[test]
    fn formats_by_name() {
        for (name, text, number) in [
            ("pt-BR", "1.234.567,5", Some("1234567.5")),
            ("pt-BR", "1.234", Some("1234")),
            ("pt-BR", "9.12", None),
            ("pt-BR", "9.1255", None),
            ("pt-BR", "1234.5", None),
            ("pt-BR", "-0,5", Some("-0.5")),
            ("pt-BR", ",5", None),
            ("de-CH", "1'234.50", Some("1234.50")),
            ("de-CH", "1\u{2019}234.50", Some("1234.50")),
            ("fr-FR", "1\u{202f}234\u{a0}567,5", Some("1234567.5")),
            ("en-IN", "12,34,567.5", Some("1234567.5")),
            ("en-IN", "1,234,567", None),
            ("en-US", "12,34,567", None),
            ("pt-BR", "0.500", None),
            ("en-US", "0,500.5", None),
            ("pt-BR", "0500", Some("0500")),
        ] {
            assert_eq!(NumberFormat::named(name).unwrap().read(text).as_deref(), number, "{name} {text:?}");
        }
        for name in NUMBER_FORMATS {
            let format = NumberFormat::named(name).unwrap();
            assert!(format.is_plain() == (name == "plain"));
            if name != "plain" {
                assert!(format.read(&format.example()).is_some(), "{name}");
            }
        }
    }

    proptest! {
        /// Written by a format and read by it, a number is what it was.
        #[test]
        fn written_and_read(mantissa in any::<i64>(), scale in 0u8..6, name in prop::sample::select(&NUMBER_FORMATS[1..])) {
            let format = NumberFormat::named(name).unwrap();
            let number = Decimal::new(i128::from(mantissa), scale);
            let text = number.to_string();
            let (sign, text) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let mut grouped = String::new();
            for (index, digit) in whole.chars().enumerate() {
                let left = whole.len() - index;
                let ends = match format.grouping {
                    Grouping::Thousands => left.is_multiple_of(3),
                    Grouping::Indian => left == 3 || left > 3 && (left - 3).is_multiple_of(2),
                };
                if index > 0 && ends {
                    grouped.extend(format.group);
                }
                grouped.push(digit);
            }
            let fraction = if fraction.is_empty() { String::new() } else { format!("{}{fraction}", format.point) };
            let read = format.read(&format!("{sign}{grouped}{fraction}")).unwrap();
            prop_assert_eq!(read.parse::<Decimal>().unwrap(), number);
        }

        #[test]
        fn any_text_never_panics(text in any::<String>(), short in "[-+()$%.,0-9eEMB' \u{a0}]{0,12}") {
            for format in NUMBER_FORMATS.iter().filter_map(|name| NumberFormat::named(name)).chain([everything()]) {
                for text in [&text, &short] {
                    if let Some(number) = format.read(text) {
                        prop_assert!(number.parse::<Decimal>().is_ok() || number.len() > 38, "{text:?} {number:?}");
                    }
                }
            }
        }
    }
}

//! How the numbers of a column are written: with what point, with marks between groups of digits, with currencies and signs.

use quotelake_contract::cell::{NumberFormat, Percent};

use super::column::{FileHints, Kind, new, quoted};
use super::formats::{self, Digits};
use super::typed::sized;

/// Signs and codes of currencies that are looked for, the longest of those with one beginning first.
const CURRENCIES: [&str; 20] = [
    "US$", "R$", "A$", "C$", "$", "€", "£", "¥", "₹", "USD", "EUR", "GBP", "JPY", "CHF", "BRL", "CAD", "AUD",
    "INR", "SEK", "PLN",
];
/// Letters behind a number and the powers of ten that they mean.
const MULTIPLIERS: [(&str, u8); 5] = [("K", 3), ("k", 3), ("M", 6), ("B", 9), ("T", 12)];
/// Points and marks between groups, the plainest first.
const MARKS: [(char, Option<char>); 6] =
    [('.', None), ('.', Some(',')), (',', Some('.')), (',', Some(' ')), ('.', Some(' ')), ('.', Some('\''))];

/// The point that the numbers of a column have and cannot have otherwise; `None` where they are no numbers, or fit both.
pub(super) fn point_of(texts: &[&str]) -> Option<char> {
    match Written::of(texts)?.fitting(texts)[..] {
        [] => None,
        [(point, _), ref rest @ ..] => rest.iter().all(|(other, _)| *other == point).then_some(point),
    }
    // Whole numbers without any mark say nothing of it.
    .filter(|_| texts.iter().any(|text| text.contains(['.', ','])))
}

/// The type of numbers that every text is in one form; `None` where there is none.
pub(super) fn number(texts: &[&str], name: &str, hints: &FileHints) -> Option<Kind> {
    if texts.iter().any(|text| formats::plain_number(text).is_none())
        && texts.iter().all(|text| formats::is_float(text))
    {
        let seen = "numbers, some with an exponent: a float of 64 bits. For money take decimal(p,s)";
        return Some(new("double", "number", seen.into()));
    }
    let written = Written::of(texts)?;
    let fitting = written.fitting(texts);
    let (first, _) = *fitting.first()?;
    if let Some(what) = written.doubtful(texts) {
        let mut kind = new("string", "string", format!("text; such as {}", texts[0]));
        kind.comments.push(format!("looks like numbers with {what}: if so, say it by a `numberFormat`"));
        return Some(kind);
    }
    let both = fitting.iter().any(|(point, _)| *point != first);
    let (point, why) = match (&hints.point, both) {
        (_, false) => (first, None),
        _ if hints.are_numbers => ('.', None),
        (Some((point, column)), true) => (*point, Some(column)),
        (None, true) => return Some(ambiguous(texts, &written)),
    };
    let marks = fitting.into_iter().find(|(of, _)| *of == point)?;
    let format = written.format(marks);
    let plain: Vec<String> = texts.iter().map(|text| format.read(text)).collect::<Option<_>>()?;
    let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
    let digits: Vec<Digits> = plain.iter().map(|text| formats::plain_number(text)).collect::<Option<_>>()?;
    let mut kind = sized(&digits, &plain, name);
    if let Some(value) = written.spelled(marks) {
        kind.properties.push(("numberFormat", value));
        let is_marked = |text: &&&str| text.contains(|c: char| !c.is_ascii_digit());
        let example = texts.iter().find(is_marked).unwrap_or(&texts[0]);
        kind.comments.push(format!("written as {example}{}", written.said()));
    }
    if let Some(column) = why {
        let example = texts.iter().find(|text| text.contains([',', '.'])).unwrap_or(&texts[0]);
        kind.comments.push(format!("{example} alone would fit two forms; column {column:?} decides"));
    }
    Some(kind)
}

fn ambiguous(texts: &[&str], written: &Written) -> Kind {
    let example = texts.iter().find(|text| text.contains([',', '.'])).unwrap_or(&texts[0]);
    let mut kind = new("string", "string", format!("text; such as {example}"));
    let (point, comma) = match written.is_bare() {
        // A plain number needs no word.
        true if example.contains('.') => (
            "no numberFormat (a decimal point)".to_owned(),
            "{property: numberFormat, value: pt-BR} (a point between thousands)".to_owned(),
        ),
        true => (
            "{property: numberFormat, value: en-US} (a comma between thousands)".to_owned(),
            "pt-BR (a decimal comma)".to_owned(),
        ),
        false => {
            let spelled = |marks| written.spelled(marks).unwrap_or_default();
            (
                format!("{{property: numberFormat, value: {}}}", spelled(('.', Some(',')))),
                format!("value: {}", spelled((',', Some('.')))),
            )
        }
    };
    kind.comments.push(format!(
        "AMBIGUOUS: {example} is a number in two ways; say which: physicalType decimal(18,3) with {point} or {comma}"
    ));
    kind
}

/// What is around the digits of a column's numbers.
#[derive(Debug, Default)]
struct Written {
    currencies: Vec<&'static str>,
    multipliers: Vec<(&'static str, u8)>,
    plus: bool,
    parentheses: bool,
    trailing_minus: bool,
    bare_point: bool,
    percent: bool,
}

impl Written {
    /// Of texts of which each holds a digit and nothing but a number's parts.
    fn of(texts: &[&str]) -> Option<Self> {
        let mut written = Self::default();
        for text in texts {
            let mut rest = *text;
            if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
                (written.parentheses, rest) = (true, inner.trim());
            }
            rest = written.before(rest);
            rest = written.behind(rest);
            let sound = |c: char| {
                c.is_ascii_digit()
                    || matches!(c, '.' | ',' | ' ' | '\'' | '\u{2019}' | '\u{a0}' | '\u{202f}' | '\u{2009}')
            };
            if !rest.bytes().any(|byte| byte.is_ascii_digit()) || !rest.chars().all(sound) {
                return None;
            }
            written.bare_point |= rest.starts_with(['.', ',']) || rest.ends_with(['.', ',']);
        }
        Some(written)
    }

    /// Takes signs and currencies before the digits.
    fn before<'t>(&mut self, mut rest: &'t str) -> &'t str {
        for _ in 0..2 {
            if let Some(after) = rest.strip_prefix('-') {
                rest = after;
            } else if let Some(after) = rest.strip_prefix('+') {
                (self.plus, rest) = (true, after);
            } else if let Some(currency) = CURRENCIES.into_iter().find(|currency| rest.starts_with(currency))
            {
                self.add_currency(currency);
                rest = rest[currency.len()..].trim_start();
            }
        }
        rest
    }

    /// Takes what may follow the digits.
    fn behind<'t>(&mut self, mut rest: &'t str) -> &'t str {
        for _ in 0..2 {
            if let Some(before) = rest.strip_suffix('-') {
                (self.trailing_minus, rest) = (true, before);
            } else if let Some(before) = rest.strip_suffix('%') {
                (self.percent, rest) = (true, before.trim_end());
            } else if let Some(currency) = CURRENCIES.into_iter().find(|currency| rest.ends_with(currency)) {
                self.add_currency(currency);
                rest = rest[..rest.len() - currency.len()].trim_end();
            } else if let Some(multiplier) = MULTIPLIERS.into_iter().find(|(name, _)| rest.ends_with(name)) {
                if !self.multipliers.contains(&multiplier) {
                    self.multipliers.push(multiplier);
                }
                rest = rest[..rest.len() - multiplier.0.len()].trim_end();
            }
        }
        rest
    }

    fn add_currency(&mut self, currency: &'static str) {
        if !self.currencies.contains(&currency) {
            self.currencies.push(currency);
        }
    }

    /// Whether there is nothing but digits and marks between them.
    fn is_bare(&self) -> bool {
        let Self { currencies, multipliers, plus, parentheses, trailing_minus, bare_point, percent } = self;
        currencies.is_empty()
            && multipliers.is_empty()
            && !(*plus || *parentheses || *trailing_minus || *bare_point || *percent)
    }

    /// What may as well be no part of a number: `12B` is a seat, `(1)` a remark, `+4930123456` a telephone.
    fn doubtful(&self, texts: &[&str]) -> Option<String> {
        let all = |is: &dyn Fn(&str) -> bool| texts.iter().all(|text| is(text));
        let has_point = !all(&|text| !text.contains(['.', ',']));
        if !self.multipliers.is_empty() && !has_point {
            let names: Vec<&str> = self.multipliers.iter().map(|(name, _)| *name).collect();
            return Some(format!("`{}` for a power of ten", names.join("`, `")));
        }
        if self.parentheses && self.currencies.is_empty() && all(&|text| text.starts_with('(')) {
            return Some("parentheses for a minus".to_owned());
        }
        let has_minus = !all(&|text| !text.contains('-'));
        (self.plus && !has_point && !has_minus && !self.percent).then(|| "a plus".to_owned())
    }

    /// The points and marks in which every text is a number, the plainest first. Marks that no text has are left out, but for the first.
    fn fitting(&self, texts: &[&str]) -> Vec<(char, Option<char>)> {
        let mut fitting = Vec::new();
        for marks in MARKS {
            let format = self.format(marks);
            let is_number = |text: &&str| {
                format.read(text).is_some_and(|number| formats::plain_number(&number).is_some())
            };
            if texts.iter().all(is_number) {
                fitting.push(marks);
            }
        }
        // A writer of groups groups every number: one of four digits without speaks for a decimal point.
        let has_long = |text: &&str| {
            let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.bytes().take_while(u8::is_ascii_digit).count() > 3
        };
        if self.is_bare() && fitting.first() == Some(&('.', None)) && texts.iter().any(has_long) {
            fitting.retain(|(point, _)| *point == '.');
        }
        // Without any mark all forms say the same.
        if !texts.iter().any(|text| text.contains(['.', ','])) {
            fitting.retain(|(point, _)| *point == '.');
        }
        fitting
    }

    fn format(&self, (point, group): (char, Option<char>)) -> NumberFormat {
        NumberFormat {
            plus: self.plus,
            parentheses: self.parentheses,
            trailing_minus: self.trailing_minus,
            bare_point: self.bare_point,
            percent: self.percent.then_some(Percent::Number),
            currencies: self.currencies.iter().map(|currency| (*currency).to_owned()).collect(),
            multipliers: self.multipliers.iter().map(|(name, power)| ((*name).to_owned(), *power)).collect(),
            ..NumberFormat::of(point, group)
        }
    }

    /// The format as a contract says it; `None` for the one that it need not say.
    fn spelled(&self, (point, group): (char, Option<char>)) -> Option<String> {
        if self.is_bare() {
            match (point, group) {
                ('.', None) => return None,
                ('.', Some(',')) => return Some("en-US".into()),
                (',', Some('.')) => return Some("pt-BR".into()),
                (',', Some(' ')) => return Some("fr-FR".into()),
                ('.', Some('\'')) => return Some("de-CH".into()),
                _ => {}
            }
        }
        let mut parts = vec![format!("decimal: {}", quoted(&point.to_string()))];
        parts.extend(group.map(|group| format!("group: {}", quoted(&group.to_string()))));
        let allowed: Vec<&str> = [
            (self.plus, "plus"),
            (self.parentheses, "parentheses"),
            (self.trailing_minus, "trailingMinus"),
            (self.bare_point, "barePoint"),
        ]
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
        .collect();
        if !allowed.is_empty() {
            parts.push(format!("allow: [{}]", allowed.join(", ")));
        }
        if !self.currencies.is_empty() {
            let list: Vec<String> = self.currencies.iter().map(|currency| quoted(currency)).collect();
            parts.push(format!("currency: [{}]", list.join(", ")));
        }
        if self.percent {
            parts.push("percent: number".to_owned());
        }
        if !self.multipliers.is_empty() {
            let factor = |(name, power): &(&str, u8)| format!("{name}: 1{}", "0".repeat(usize::from(*power)));
            parts.push(format!(
                "multipliers: {{{}}}",
                self.multipliers.iter().map(factor).collect::<Vec<_>>().join(", ")
            ));
        }
        Some(format!("{{{}}}", parts.join(", ")))
    }

    /// What a person may want otherwise.
    fn said(&self) -> String {
        let mut said = String::new();
        if !self.currencies.is_empty() {
            said.push_str("; the currency itself is not kept");
        }
        if self.percent {
            said.push_str("; 12% is 12 (`percent: hundredth` makes it 0.12)");
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str], point: Option<char>) -> (String, Option<String>, bool) {
        let hints =
            FileHints { point: point.map(|point| (point, "other".to_owned())), ..FileHints::default() };
        let Some(kind) = number(texts, "n", &hints) else { return ("text".into(), None, false) };
        let format =
            kind.properties.iter().find(|(name, _)| *name == "numberFormat").map(|(_, value)| value.clone());
        let is_ambiguous = kind.comments.iter().any(|comment| comment.contains("AMBIGUOUS"));
        (kind.physical, format, is_ambiguous)
    }

    /// `1.234` and `1,234` are decided by what cannot be read otherwise, in the column or in the file, and by nothing else.
    #[test]
    fn a_mark_that_means_two_things_is_decided_by_the_file() {
        let plain = |ty: &str| (ty.to_owned(), None, false);
        let named = |ty: &str, format: &str| (ty.to_owned(), Some(format.to_owned()), false);
        let open = || ("string".to_owned(), None, true);
        for (texts, point, expected) in [
            (&["4.371", "1.403", "12.500"][..], Some(','), named("bigint", "pt-BR")),
            (&["4.371", "1.403", "12.500"], Some('.'), plain("decimal(18,5)")),
            (&["4.371", "1.403", "12.500"], None, open()),
            (&["4.371", "980"], None, open()),
            (&["4.371", "1403"], None, plain("decimal(18,5)")),
            (&["4.371", "0.980"], None, plain("decimal(18,5)")),
            (&["4.371", "1.5"], Some(','), plain("decimal(18,5)")),
            (&["-4.371"], None, open()),
            (&["1,234", "5,678"], None, open()),
            (&["1,234", "5,678"], Some('.'), named("bigint", "en-US")),
            (&["1,234", "5,678"], Some(','), named("decimal(18,5)", "pt-BR")),
            (&["1,234", "0,678"], None, named("decimal(18,5)", "pt-BR")),
            (&["1.234,5", "2"], None, named("decimal(18,4)", "pt-BR")),
            (&["1.234.567"], None, named("bigint", "pt-BR")),
            (&["1234", "5"], None, plain("bigint")),
            (&["007"], None, ("text".to_owned(), None, false)),
        ] {
            assert_eq!(of(texts, point), expected, "{texts:?} {point:?}");
        }
    }

    #[test]
    fn currencies_signs_and_groups_of_every_kind_are_described() {
        for (texts, ty, format) in [
            (&["$8682.28", "$10.00"][..], "decimal(18,4)", "{decimal: \".\", currency: [\"$\"]}"),
            (
                &["($17,551.26)", "$5.00"],
                "decimal(18,4)",
                "{decimal: \".\", group: \",\", allow: [parentheses], currency: [\"$\"]}",
            ),
            (
                &["66.106,56-", "1,00"],
                "decimal(18,4)",
                "{decimal: \",\", group: \".\", allow: [trailingMinus]}",
            ),
            (&["47 587,02 €"], "decimal(18,4)", "{decimal: \",\", group: \" \", currency: [\"€\"]}"),
            (&["47\u{202f}587,02"], "decimal(18,4)", "fr-FR"),
            (&["4371.00K", "1.25M"], "bigint", "{decimal: \".\", multipliers: {K: 1000, M: 1000000}}"),
            (&["9.24%", "-1.05%"], "decimal(18,4)", "{decimal: \".\", percent: number}"),
            (&["+1.5", "-2.5"], "decimal(18,4)", "{decimal: \".\", allow: [plus]}"),
            (&[".5", "1.25"], "decimal(18,4)", "{decimal: \".\", allow: [barePoint]}"),
            (&["1'234.50"], "decimal(18,4)", "de-CH"),
        ] {
            let (physical, found, is_ambiguous) = of(texts, None);
            assert_eq!(
                (physical.as_str(), found.as_deref(), is_ambiguous),
                (ty, Some(format), false),
                "{texts:?}"
            );
        }
        for doubtful in [&["12B", "14B"][..], &["(1)", "(2)"], &["+4930123456"]] {
            let kind = number(doubtful, "n", &FileHints::default()).unwrap();
            assert_eq!(kind.physical, "string");
            assert!(kind.comments[1].contains("looks like numbers"), "{:?}", kind.comments);
        }
        for text in ["12 34", "A$", "5 apples", "1-2", "--5", "12.01.2026", "1.2.3"] {
            assert!(number(&[text], "n", &FileHints::default()).is_none(), "{text}");
        }
    }
}

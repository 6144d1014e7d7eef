//! What a column's texts are.

use std::collections::BTreeSet;

use quotelake_core::{Error, Result};

use super::formats::{self, DateForm, InstantForm};
use super::numbers;
use super::table::{Known, Table};
use super::typed::{date, instant, typed};

/// Texts that stand for a missing value in columns of numbers, dates and the like.
pub(super) const NULL_TEXTS: [&str; 14] =
    ["NULL", "null", "Null", "N/A", "n/a", "NA", "#N/A", "nan", "NaN", "None", "-", "--", "\\N", "?"];

/// What a column is proposed as, and what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    /// As a contract writes it: `decimal(18,2)`.
    pub(super) physical: String,
    pub(super) logical: &'static str,
    /// Whether every row has a value.
    pub(super) required: bool,
    /// Custom properties, in YAML.
    pub(super) properties: Vec<(&'static str, String)>,
    /// What was seen, and what is ambiguous.
    pub(super) comments: Vec<String>,
    /// Whether some dates are of those that often stand for none.
    pub(super) has_far_dates: bool,
}

/// What the columns of a file say about each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FileHints {
    /// Forms of dates that one column has and no other fits.
    pub(super) decided: Vec<(&'static str, String)>,
    /// The point that some numbers have and cannot have otherwise.
    pub(super) point: Option<(char, String)>,
    /// Numbers are the file's own, and no texts: a point in them is one.
    pub(super) are_numbers: bool,
}

impl FileHints {
    /// A date that fits two forms is of the one that other columns of the file decide.
    pub(super) fn of(table: &Table) -> Self {
        let mut hints = Self { are_numbers: !table.is_text, ..Self::default() };
        for at in 0..table.headers.len() {
            let texts = values(table, at).texts;
            if texts.is_empty() {
                continue;
            }
            let name = table.headers[at].clone();
            let formats: Vec<&'static str> = match formats::dates_of(&texts)[..] {
                [form] => form.format.into_iter().collect(),
                _ => match formats::instants_of(&texts) {
                    Some(InstantForm::Pattern(found)) if found.len() == 1 => {
                        found[0].0.format.into_iter().collect()
                    }
                    _ => Vec::new(),
                },
            };
            hints.decided.extend(formats.into_iter().map(|format| (format, name.clone())));
            match numbers::point_of(&texts) {
                Some(',') => hints.point = Some((',', name)),
                Some(point) => hints.point = hints.point.or(Some((point, name))),
                None => {}
            }
        }
        hints
    }

    /// The one of two forms that another column decides, and that column.
    pub(super) fn decide(&self, forms: &[DateForm]) -> Option<(DateForm, &str)> {
        let decided = |form: &&DateForm| self.decided.iter().find(|(format, _)| Some(*format) == form.format);
        let mut found = forms.iter().filter_map(|form| Some((*form, decided(&form)?.1.as_str())));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }
}

/// The values of a column.
struct Values<'t> {
    /// Those that are there, null texts left out.
    texts: Vec<&'t str>,
    missing: usize,
    null_texts: BTreeSet<&'t str>,
}

fn values(table: &Table, at: usize) -> Values<'_> {
    let mut values = Values { texts: Vec::new(), missing: 0, null_texts: BTreeSet::new() };
    for row in &table.rows {
        match row[at].as_deref().map(str::trim) {
            None | Some("") => values.missing += 1,
            Some(text) if NULL_TEXTS.contains(&text) => {
                values.null_texts.insert(text);
            }
            Some(text) => values.texts.push(text),
        }
    }
    values
}

/// Dates that are none, which systems write where there is none.
const ZERO_DATES: [&str; 3] = ["0000-00-00", "0000-00-00 00:00:00", "00/00/0000"];
/// Dates that often stand for none.
const FAR_DATES: [&str; 5] = ["0001-01-01", "1900-01-01", "1970-01-01", "9999-12-31", "2999-12-31"];

/// What a column of dates is where some of them are none, and the rows that have one.
fn with_zero_dates<'t>(texts: &[&'t str], hints: &FileHints) -> Option<(Kind, Vec<&'t str>)> {
    let (zero, dates): (Vec<&str>, Vec<&str>) = texts.iter().partition(|text| ZERO_DATES.contains(text));
    let mut kind =
        date(&dates, hints).or_else(|| instant(&dates, hints)).filter(|kind| kind.physical != "string")?;
    let zero = quoted(zero.first()?.get(..10)?);
    kind.properties.push(("placeholderDates", format!("[{zero}]")));
    kind.comments.push(format!("{zero} is no date: such a row has none"));
    Some((kind, dates))
}

/// What a column is.
pub(super) fn kind_of(table: &Table, at: usize, hints: &FileHints) -> Kind {
    let Values { mut texts, missing, null_texts } = values(table, at);
    let rows = table.rows.len();
    let mut kind = match &texts[..] {
        [] => None,
        _ if table.known[at] == Some(Known::Float) => {
            Some(new("double", "number", "floats of 64 bits".into()))
        }
        texts => typed(texts, &table.headers[at], hints),
    };
    if kind.is_none()
        && let Some((dates, remaining)) = with_zero_dates(&texts, hints)
    {
        (kind, texts) = (Some(dates), remaining);
    }
    if let Some(kind) = &mut kind
        && matches!(kind.physical.as_str(), "date" | "timestamp")
        && let Some(far) = FAR_DATES.iter().find(|far| texts.iter().any(|text| text.starts_with(*far)))
    {
        kind.has_far_dates = true;
        kind.comments.push(format!(
            "some are {far}; if that stands for no date: {{property: placeholderDates, value: [\"{far}\"]}}"
        ));
    }
    if let (Some(kind), false) = (&mut kind, null_texts.is_empty()) {
        let list: Vec<String> = null_texts.iter().map(|text| quoted(text)).collect();
        kind.properties.push(("nullTexts", format!("[{}]", list.join(", "))));
        kind.comments.push(format!("{} stands for a missing value beside them", list.join(", ")));
    }
    let typed = kind.is_some();
    let mut kind = kind.unwrap_or_else(|| text(&texts, &null_texts));
    // In a column of text a null text is text.
    let without = if typed { rows - texts.len() } else { missing };
    kind.required = without == 0 && !(texts.is_empty() && null_texts.is_empty());
    match without {
        0 => {}
        all if all == rows => kind.comments.push("no row has a value: the type is unknown".into()),
        some => kind.comments.push(format!("{some} of {rows} rows have no value")),
    }
    let distinct = texts.iter().collect::<BTreeSet<_>>().len();
    if kind.physical == "string" && rows >= 1000 && distinct * 2 > rows {
        kind.properties.push(("cardinality", "high".into()));
    }
    kind
}

pub(super) fn new(physical: impl Into<String>, logical: &'static str, comment: String) -> Kind {
    Kind {
        physical: physical.into(),
        logical,
        required: false,
        properties: Vec::new(),
        comments: vec![comment],
        has_far_dates: false,
    }
}

fn text(texts: &[&str], null_texts: &BTreeSet<&str>) -> Kind {
    let lengths = texts.iter().map(|text| text.chars().count());
    let seen = match (lengths.clone().min(), lengths.max()) {
        (Some(least), Some(most)) if least == most => format!("text of {least} characters"),
        (Some(least), Some(most)) => format!("text of {least} to {most} characters"),
        _ => "text".to_owned(),
    };
    let mut kind = new("string", "string", seen);
    if !texts.is_empty() && texts.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_digit())) {
        let padded = texts.iter().find(|text| text.len() > 1 && text.starts_with('0'));
        if let Some(padded) = padded {
            kind.comments
                .push(format!("digits, and some begin with 0, such as {padded}: names, not numbers"));
        }
    }
    if !null_texts.is_empty() {
        let list: Vec<String> = null_texts.iter().map(|text| quoted(text)).collect();
        kind.comments.push(format!(
            "{} is kept as text; if it means that there is no value: {{property: nullTexts, value: [{}]}}",
            list.join(", "),
            list.join(", ")
        ));
    }
    kind
}

/// A text in YAML's double quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                out.push_str(&format!("\\U{:08X}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Kind {
    /// The same as text, for values that did not pass as what was proposed. `Bug` where it is text already.
    pub(super) fn as_text(&self, detail: &str) -> Result<Self> {
        if self.physical == "string" && !self.required && self.properties.is_empty() {
            return Err(Error::bug(format!("a column of text does not load: {detail}")));
        }
        let mut comments = self.comments.clone();
        comments.push(match self.physical.as_str() {
            "string" => format!("part of no key: {detail}"),
            physical => format!("kept as text, for as {physical} it does not load: {detail}"),
        });
        Ok(Self {
            physical: "string".into(),
            logical: "string",
            required: false,
            properties: Vec::new(),
            comments,
            has_far_dates: false,
        })
    }

    /// Whether it may be part of a key: measures are none.
    pub(super) fn can_be_key(&self) -> bool {
        let has_fraction = self.physical.starts_with("decimal(") && !self.physical.ends_with(",0)");
        self.physical != "double" && self.physical != "boolean" && !has_fraction
    }

    /// What it costs to have it in a key: little for what is called a name of rows, much for what is measured.
    pub(super) fn key_cost(&self, name: &str) -> u32 {
        const NAMES: [&str; 20] = [
            "id",
            "key",
            "uuid",
            "code",
            "number",
            "no",
            "nr",
            "n",
            "num",
            "numero",
            "nummer",
            "beleg",
            "belegnr",
            "reference",
            "ref",
            "sku",
            "isin",
            "symbol",
            "ticker",
            "codigo",
        ];
        const MEASURES: [&str; 17] = [
            "amount", "betrag", "montant", "valor", "wert", "price", "preis", "prix", "preco", "quantity",
            "qty", "menge", "saldo", "balance", "umsatz", "rating", "stars",
        ];
        const REGIONS: [&str; 5] = ["plz", "postcode", "zip", "postal", "cep"];
        const PLACES: [&str; 6] = ["line", "row", "seq", "sequence", "position", "item"];
        let name = super::draft::snake_case(name, "");
        let named = |known: &[&str]| name.split('_').any(|word| known.contains(&word));
        if self.is_change(&name) {
            return 8;
        }
        if named(&NAMES) {
            return 1;
        }
        if named(&PLACES) {
            return 2;
        }
        if named(&MEASURES) {
            return 9;
        }
        if named(&REGIONS) {
            return 7;
        }
        match self.physical.as_str() {
            "date" | "timestamp" => 3,
            "string" => 4,
            "bigint" => 5,
            _ => 9,
        }
    }

    /// Whether it says when a row was changed: then it tells versions of a row apart, not rows.
    pub(super) fn is_change(&self, name: &str) -> bool {
        let name = super::draft::snake_case(name, "");
        let words = ["updated", "modified", "changed", "version", "revision"];
        matches!(self.physical.as_str(), "date" | "timestamp" | "bigint")
            && name.split('_').any(|word| words.contains(&word))
    }
}

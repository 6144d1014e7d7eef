//! The custom properties that say how the cells of people's files are written: of the dataset for all its columns, of a column
//! for itself.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_yaml_ng::{Mapping, Value};

use super::column::ColumnType;
use super::custom::Custom;
use super::keys::unknown_key;
use crate::cell::{
    BooleanTexts, CellReader, Epoch, EpochUnit, Form, Formats, Fractions, Grouping, NUMBER_FORMATS,
    NumberFormat, Percent, TimeFormat,
};
use quotelake_core::{Context as _, Error, Result};

/// What the dataset says for columns that say nothing themselves.
#[derive(Debug, Default)]
pub(super) struct Shared(Written);

/// The properties of one place.
#[derive(Debug, Default)]
struct Written {
    number: Option<(NumberFormat, String)>,
    dates: Option<Vec<TimeFormat>>,
    instants: Option<Vec<TimeFormat>>,
    booleans: Option<Vec<BooleanTexts>>,
    null_texts: Option<Vec<String>>,
    placeholder_dates: Option<Vec<String>>,
    fractions: Option<Fractions>,
}

/// A column as its reader needs to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CellColumn {
    pub(super) ty: ColumnType,
    pub(super) epoch: Option<Epoch>,
    pub(super) zone: Option<Tz>,
    pub(super) is_key: bool,
}

impl Written {
    fn read(custom: &Custom) -> Result<Self> {
        let fractions = match custom.text("fractions")?.as_deref() {
            None => None,
            Some("refuse") => Some(Fractions::Refuse),
            Some("truncate") => Some(Fractions::Truncate),
            Some(other) => {
                return Err(Error::config(format!("fractions is `refuse` or `truncate`, found {other:?}")));
            }
        };
        Ok(Self {
            number: custom.value("numberFormat").map(number_format).transpose()?,
            dates: time_formats(custom, "dateFormat")?,
            instants: time_formats(custom, "timestampFormat")?,
            booleans: booleans(custom)?,
            null_texts: custom.texts("nullTexts")?,
            placeholder_dates: custom.texts("placeholderDates")?,
            fractions,
        })
    }
}

impl Shared {
    /// Reads the dataset's properties.
    pub(super) fn read(custom: &Custom) -> Result<Self> {
        Written::read(custom).map(Self)
    }

    /// The reader of a column, by its own properties and these.
    pub(super) fn cell_reader(&self, custom: &Custom, column: CellColumn) -> Result<CellReader> {
        let mut own = Written::read(custom)?;
        check_fits(custom, &own, column)?;
        let placeholder_dates = match own.placeholder_dates.take() {
            Some(dates) => dates,
            None if column.is_time() => self.0.placeholder_dates.clone().unwrap_or_default(),
            None => Vec::new(),
        };
        let null_texts = own.null_texts.take().or_else(|| self.0.null_texts.clone()).unwrap_or_default();
        let form = self.form(custom, own, column)?;
        Ok(CellReader::new(Formats { null_texts, placeholder_dates, form }))
    }

    /// How the column's values are written.
    fn form(&self, custom: &Custom, own: Written, column: CellColumn) -> Result<Form> {
        let form = match column.ty {
            ColumnType::Date => {
                own.dates.or_else(|| self.0.dates.clone()).map_or(Form::Canonical, Form::Date)
            }
            ColumnType::Timestamp if column.is_instant() => {
                let formats = own.instants.or_else(|| self.0.instants.clone());
                match (formats, own.fractions.or(self.0.fractions)) {
                    (None, None) => Form::Canonical,
                    (formats, fractions) => Form::Instant {
                        formats: formats.unwrap_or_else(|| vec![TimeFormat::Iso]),
                        zone: column.zone,
                        fractions: fractions.unwrap_or_default(),
                    },
                }
            }
            ColumnType::Boolean => {
                own.booleans.or_else(|| self.0.booleans.clone()).map_or(Form::Canonical, Form::Boolean)
            }
            _ if column.is_number() => match own.number.or_else(|| self.0.number.clone()) {
                Some((format, name)) if !format.is_plain() => Form::Number(format, name),
                _ => Form::Canonical,
            },
            ColumnType::String if column.is_key && !keeps_spreadsheet_numbers(custom)? => Form::Identifier,
            _ => Form::Canonical,
        };
        if let Form::Instant { formats, zone: None, .. } = &form
            && let Some(TimeFormat::Pattern(pattern)) = formats
                .iter()
                .find(|format| matches!(format, TimeFormat::Pattern(pattern) if !pattern.has_zone()))
        {
            return Err(Error::config(format!(
                "timestampFormat {:?} has no zone (%z), so the column needs a `timezone`",
                pattern.text()
            )));
        }
        Ok(form)
    }
}

impl CellColumn {
    /// An instant that is written as a date and a time.
    fn is_instant(&self) -> bool {
        self.ty == ColumnType::Timestamp && self.epoch.is_none()
    }

    fn is_number(&self) -> bool {
        use ColumnType::{Bigint, Decimal, Double, Int};
        matches!(self.ty, Int | Bigint | Double | Decimal { .. })
    }

    fn is_time(&self) -> bool {
        matches!(self.ty, ColumnType::Date | ColumnType::Timestamp)
    }
}

/// Whether the column's own properties are for its type.
fn check_fits(custom: &Custom, own: &Written, column: CellColumn) -> Result<()> {
    let ty = column.ty;
    let keeps_numbers = custom.value("spreadsheetNumbers").is_some();
    for (property, given, fits) in [
        ("numberFormat", own.number.is_some(), column.is_number()),
        ("dateFormat", own.dates.is_some(), ty == ColumnType::Date),
        ("timestampFormat", own.instants.is_some(), column.is_instant()),
        ("fractions", own.fractions.is_some(), column.is_instant()),
        ("booleans", own.booleans.is_some(), ty == ColumnType::Boolean),
        ("placeholderDates", own.placeholder_dates.is_some(), column.is_time()),
        ("spreadsheetNumbers", keeps_numbers, column.is_key && ty == ColumnType::String),
    ] {
        if given && !fits {
            let instead = if property == "placeholderDates" { "; use nullTexts" } else { "" };
            let what = match (property, column.epoch) {
                ("spreadsheetNumbers", _) => "any column but a text of the key".to_owned(),
                (_, Some(epoch)) => format!("{ty} with encoding {}", epoch.unit.name()),
                _ => ty.to_string(),
            };
            return Err(Error::config(format!("{property} is not for {what}{instead}")));
        }
    }
    Ok(())
}

fn keeps_spreadsheet_numbers(custom: &Custom) -> Result<bool> {
    match custom.text("spreadsheetNumbers")?.as_deref() {
        None | Some("refuse") => Ok(false),
        Some("keep") => Ok(true),
        Some(other) => {
            Err(Error::config(format!("spreadsheetNumbers is `refuse` or `keep`, found {other:?}")))
        }
    }
}

/// Whether a column's numbers go through floating point.
pub(super) fn floating_point(custom: &Custom, ty: ColumnType) -> Result<bool> {
    let is_number = matches!(ty, ColumnType::Double | ColumnType::Decimal { .. });
    match custom.value("floatingPoint") {
        None => Ok(false),
        Some(Value::Bool(said)) if is_number || !said => Ok(*said),
        Some(Value::Bool(_)) => {
            Err(Error::config(format!("floatingPoint is for double and decimals, not for {ty}")))
        }
        Some(_) => Err(Error::config("floatingPoint is true or false")),
    }
}

/// `encoding` and `epochRange`.
pub(super) fn epoch(custom: &Custom, ty: ColumnType) -> Result<Option<Epoch>> {
    let range = custom.texts("epochRange")?;
    let Some(encoding) = custom.text("encoding")? else {
        return match range {
            None => Ok(None),
            Some(_) => Err(Error::config("epochRange means nothing without an encoding such as epoch_ms")),
        };
    };
    let unit = EpochUnit::ALL
        .into_iter()
        .find(|unit| unit.name() == encoding)
        .filter(|_| ty == ColumnType::Timestamp)
        .ok_or_else(|| Error::config(format!("encoding {encoding:?} is not for {ty}")))?;
    let Some(range) = range else { return Ok(Some(Epoch::of(unit))) };
    let date = |text: &String| {
        text.parse::<NaiveDate>().ok().filter(|date| (1..=9999).contains(&chrono::Datelike::year(date)))
    };
    match range.iter().map(date).collect::<Option<Vec<_>>>().as_deref() {
        Some([first, last]) if first <= last => Ok(Some(Epoch::between(unit, *first, *last))),
        _ => Err(Error::config("epochRange is the first and the last day, as [1970-01-01, 2099-12-31]")),
    }
}

/// One format, or a list.
fn time_formats(custom: &Custom, name: &str) -> Result<Option<Vec<TimeFormat>>> {
    let texts = match custom.value(name) {
        None => return Ok(None),
        Some(Value::String(text)) => vec![text.clone()],
        Some(_) => custom.texts(name)?.unwrap_or_default(),
    };
    let formats =
        texts.iter().map(|text| TimeFormat::parse(text)).collect::<Result<Vec<_>>>().context(name)?;
    for format in &formats {
        if let TimeFormat::Pattern(pattern) = format
            && name == "dateFormat"
            && pattern.has_zone()
        {
            return Err(Error::config(format!(
                "dateFormat {:?} has a zone, and a date has none",
                pattern.text()
            )));
        }
    }
    if formats.is_empty() { Err(Error::config(format!("{name} names no format"))) } else { Ok(Some(formats)) }
}

/// `[t/f, yes/no]`.
fn booleans(custom: &Custom) -> Result<Option<Vec<BooleanTexts>>> {
    let Some(texts) = custom.texts("booleans")? else { return Ok(None) };
    let bad = || Error::config("booleans are pairs of texts for true and for false, as [t/f, yes/no, 1/0]");
    let mut pairs: Vec<BooleanTexts> = Vec::new();
    for text in &texts {
        let (yes, no) =
            text.split_once('/').filter(|(yes, no)| !yes.is_empty() && !no.is_empty()).ok_or_else(bad)?;
        let clashes =
            |known: &BooleanTexts| known.yes.eq_ignore_ascii_case(no) || known.no.eq_ignore_ascii_case(yes);
        if yes.eq_ignore_ascii_case(no) || pairs.iter().any(clashes) {
            return Err(Error::config(format!("booleans: {text:?} would be true and false")));
        }
        pairs.push(BooleanTexts { yes: yes.to_owned(), no: no.to_owned() });
    }
    if pairs.is_empty() { Err(bad()) } else { Ok(Some(pairs)) }
}

const NUMBER_KEYS: &[&str] = &["decimal", "group", "grouping", "allow", "currency", "percent", "multipliers"];
const ALLOWED: &[&str] = &["plus", "parentheses", "trailingMinus", "barePoint", "exponent"];

/// What is wrong with `numberFormat`.
fn bad_number(why: impl std::fmt::Display) -> Error {
    Error::config(format!("numberFormat {why}"))
}

/// A name, or a description.
fn number_format(value: &Value) -> Result<(NumberFormat, String)> {
    if let Some(name) = value.as_str() {
        let format = NumberFormat::named(name).ok_or_else(|| {
            let known = NUMBER_FORMATS.join(", ");
            bad_number(format!("is one of {known} or a description, found {name:?}"))
        })?;
        return Ok((format, name.to_owned()));
    }
    let Value::Mapping(parts) = value else { return Err(bad_number("is a name or a description")) };
    for key in parts.keys() {
        let key = key.as_str().unwrap_or_default();
        if !NUMBER_KEYS.contains(&key) {
            return Err(bad_number(unknown_key(key, NUMBER_KEYS)));
        }
    }
    Ok((described_number(&NumberParts(parts))?, "of the contract".to_owned()))
}

/// A number's description.
struct NumberParts<'a>(&'a Mapping);

impl NumberParts<'_> {
    /// A text, `None` where it is not said; `Some(None)` for what is no text.
    fn word(&self, name: &str) -> Option<Option<&str>> {
        self.0.get(name).map(Value::as_str)
    }

    /// One character; of the group none as well.
    fn character(&self, name: &str) -> Result<Option<char>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        match value.as_str().map(|text| text.chars().collect::<Vec<_>>()).as_deref() {
            Some([one]) => Ok(Some(*one)),
            Some([]) if name == "group" => Ok(None),
            _ => Err(bad_number(format!("{name} is one character"))),
        }
    }

    /// A list of texts, none of them empty.
    fn texts(&self, name: &str) -> Result<Vec<String>> {
        let text = |item: &Value| item.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        match self.0.get(name) {
            None => Some(Vec::new()),
            Some(Value::Sequence(items)) => items.iter().map(text).collect(),
            Some(_) => None,
        }
        .ok_or_else(|| bad_number(format!("{name} is a list of texts")))
    }
}

fn described_number(parts: &NumberParts<'_>) -> Result<NumberFormat> {
    let (point, group) = (parts.character("decimal")?.unwrap_or('.'), parts.character("group")?);
    let known = |c: char| matches!(c, '.' | ',' | ' ' | '\'' | '_');
    if !matches!(point, '.' | ',') || group.is_some_and(|group| group == point || !known(group)) {
        return Err(bad_number("has `.` or `,` as decimal, and another of . , _ ' or a space as group"));
    }
    let mut format = NumberFormat::of(point, group);
    format.grouping = match parts.word("grouping") {
        None | Some(Some("thousands")) => Grouping::Thousands,
        Some(Some("indian")) => Grouping::Indian,
        Some(_) => return Err(bad_number("grouping is `thousands` or `indian`")),
    };
    for allowed in parts.texts("allow")? {
        *match allowed.as_str() {
            "plus" => &mut format.plus,
            "parentheses" => &mut format.parentheses,
            "trailingMinus" => &mut format.trailing_minus,
            "barePoint" => &mut format.bare_point,
            "exponent" => &mut format.exponent,
            other => return Err(bad_number(format!("allow: {}", unknown_key(other, ALLOWED)))),
        } = true;
    }
    format.percent = match parts.word("percent") {
        None => None,
        Some(Some("hundredth")) => Some(Percent::Hundredth),
        Some(Some("number")) => Some(Percent::Number),
        Some(_) => return Err(bad_number("percent is `hundredth` (12% is 0.12) or `number` (12% is 12)")),
    };
    format.currencies = parts.texts("currency")?;
    format.multipliers = multipliers(parts.0.get("multipliers")).ok_or_else(|| {
        bad_number("multipliers are texts and the powers of ten that they mean, as {K: 1000, M: 1000000}")
    })?;
    let digits = |text: &String| text.contains(|c: char| c.is_ascii_digit() || "+-%()".contains(c));
    if format.currencies.iter().chain(format.multipliers.iter().map(|(text, _)| text)).any(digits) {
        return Err(bad_number("currency and multipliers have no digits and no signs"));
    }
    // US$ before $.
    format.currencies.sort_by_key(|text| std::cmp::Reverse(text.len()));
    format.multipliers.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    Ok(format)
}

fn multipliers(value: Option<&Value>) -> Option<Vec<(String, u8)>> {
    let Some(value) = value else { return Some(Vec::new()) };
    let one = |(name, value): (&Value, &Value)| {
        let (name, value) = (name.as_str().filter(|name| !name.is_empty())?, value.as_u64()?);
        let power = (0..=18u8).find(|power| 10u64.pow(u32::from(*power)) == value)?;
        Some((name.to_owned(), power))
    };
    value.as_mapping()?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use crate::cell::Form;
    use crate::{Contract, Contracts};
    use quotelake_core::Error;

    const CONTRACT: &str = r#"
apiVersion: v3.1.0
kind: DataContract
version: 1.0.0
schema:
  - name: drops
    customProperties:
      - {property: placeholderDates, value: ["0000-00-00", "1900-01-01"]}
      - {property: nullTexts, value: ["NULL"]}
      - {property: dateFormat, value: "%d/%m/%Y"}
    properties:
      - {name: id, logicalType: integer, physicalType: int, required: true, primaryKey: true}
      - {name: sold_on, logicalType: date, physicalType: date, required: true, partitioned: true}
      - {name: paid_on, logicalType: date, physicalType: date, customProperties: [{property: placeholderDates, value: ["1970-01-01"]}]}
      - {name: seen_at, logicalType: timestamp, physicalType: timestamp}
      - {name: note, logicalType: string, physicalType: string, customProperties: [{property: nullTexts, value: ["-"]}]}
"#;

    fn read(yaml: &str) -> Result<Contract, Error> {
        let mut contracts = Contracts::built_in()?;
        contracts.add(yaml, None)?;
        Ok(Contract::clone(&contracts.get("drops")?.contract))
    }

    #[test]
    fn the_datasets_properties_hold_for_columns_that_have_none_of_their_own() {
        let contract = read(CONTRACT).unwrap();
        let formats = |index: usize| contract.columns[index].cell.formats();
        let placeholders: Vec<usize> = (0..5).map(|index| formats(index).placeholder_dates.len()).collect();
        assert_eq!(placeholders, [0, 2, 1, 2, 0]);
        let nulls: Vec<&str> = (0..5).map(|index| formats(index).null_texts[0].as_str()).collect();
        assert_eq!(nulls, ["NULL", "NULL", "NULL", "NULL", "-"]);
        assert!(matches!(&formats(1).form, Form::Date(formats) if formats[0].name() == "%d/%m/%Y"));
        assert_eq!(formats(3).form, Form::Canonical);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let on = |column: &str, property: &str| {
            let from = format!("{{name: {column}, ");
            let to = format!("{{name: {column}, customProperties: [{property}], ");
            CONTRACT.replacen(&from, &to, 1)
        };
        for (yaml, says) in [
            (CONTRACT.replace("%d/%m/%Y", "%d/%m"), "dateFormat: format \"%d/%m\": does not make a whole date"),
            (CONTRACT.replace("%d/%m/%Y", "%d/%m/%Y %z"), "has a zone, and a date has none"),
            (on("sold_on", "{property: numberFormat, value: pt-BR}"), "column \"sold_on\": numberFormat is not for date"),
            (on("id", "{property: numberFormat, value: en-GB}"), "numberFormat is one of plain, en-US"),
            (on("id", "{property: numberFormat, value: {decimel: \",\"}}"), "numberFormat has no key \"decimel\"; did you mean \"decimal\"?"),
            (on("id", "{property: numberFormat, value: {decimal: \".\", group: \".\"}}"), "another of"),
            (on("id", "{property: numberFormat, value: {allow: [minus]}}"), "allow: has no key \"minus\""),
            (on("id", "{property: numberFormat, value: {multipliers: {K: 1024}}}"), "powers of ten"),
            (on("id", "{property: placeholderDates, value: [x]}"), "placeholderDates is not for int; use nullTexts"),
            (on("seen_at", "{property: timestampFormat, value: \"%d/%m/%Y %H:%M\"}"), "has no zone (%z), so the column needs a `timezone`"),
            (on("seen_at", "{property: encoding, value: epoch_m}"), "encoding \"epoch_m\" is not for timestamp"),
            (on("seen_at", "{property: encoding, value: epoch_s}, {property: timestampFormat, value: iso}"), "timestampFormat is not for timestamp with encoding epoch_s"),
            (on("seen_at", "{property: encoding, value: epoch_s}, {property: epochRange, value: [\"2026-01-02\"]}"), "epochRange is the first and the last day"),
            (on("seen_at", "{property: fractions, value: round}"), "fractions is `refuse` or `truncate`"),
            (on("sold_on", "{property: spreadsheetNumbers, value: keep}"), "spreadsheetNumbers is not for any column but a text of the key"),
            (CONTRACT.replace("nullTexts, value: [\"NULL\"]", "booleans, value: [yes/no, no/nil]"), "booleans: \"no/nil\" would be true and false"),
            (CONTRACT.replace("nullTexts, value: [\"NULL\"]", "booleans, value: [yes]"), "booleans are pairs of texts"),
            (
                CONTRACT.replace("partitioned: true}", "partitioned: true}\n      - {name: hour, logicalType: string, physicalType: string, transformLogic: \"strftime(sold_on, '%H')\"}"),
                "a date has no hour",
            ),
        ] {
            let error = read(&yaml).unwrap_err().to_string();
            assert!(error.contains(says), "{error}\n{says}");
        }
    }
}

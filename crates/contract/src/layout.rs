//! How a file of people's is laid out: where its rows are, how its cells are told apart, which columns it has, and which come
//! from outside it. What a cell's text means is another matter, see [`super::Column`].

use std::collections::BTreeMap;

use encoding_rs::Encoding;
use serde_yaml_ng::Value;

use super::column::Column;
use super::custom::Custom;
use super::file_name::FileNamePattern;
use quotelake_core::{Context as _, Error, Result};

/// The custom properties of a dataset that [`FileLayout`] is read from.
pub const KEYS: &[&str] = &[
    "fileFormat",
    "csvDelimiter",
    "csvEncoding",
    "quoting",
    "quote",
    "escape",
    "quotedEmpty",
    "comment",
    "skipRows",
    "headerRows",
    "headerFrom",
    "footerRows",
    "footerText",
    "sheet",
    "extraColumns",
    "optionalColumns",
    "constants",
    "fileName",
];

/// More rows than that are no title, header or footer.
const MAX_ROWS_BESIDE: u64 = 10_000;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Text with a delimiter between cells.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// An Excel workbook.
    Xlsx,
}

impl FileFormat {
    /// Reads `csv`, `ndjson` or `xlsx`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            "xlsx" => Ok(Self::Xlsx),
            other => {
                Err(Error::config(format!("a file's format is `csv`, `ndjson` or `xlsx`, found {other:?}")))
            }
        }
    }
}

/// How the text of a dropped file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextEncoding {
    /// UTF-8, with or without a byte order mark; a file that begins with the mark of UTF-16 is read as that.
    #[default]
    Utf8,
    /// UTF-16 of the byte order that the mark at its beginning says.
    Utf16,
    /// ISO-8859-1: each byte is the code point of its number. The control characters 0x80 to 0x9F are refused.
    Iso8859_1,
    /// Another one, by its name in <https://encoding.spec.whatwg.org/#names-and-labels>.
    Other(&'static Encoding),
}

impl TextEncoding {
    /// Windows-1252, in which western Windows writes text.
    pub const WINDOWS_1252: Self = Self::Other(encoding_rs::WINDOWS_1252);

    /// UTF-16 with the lesser byte first, with or without its mark.
    pub const UTF_16LE: Self = Self::Other(encoding_rs::UTF_16LE);

    /// UTF-16 with the greater byte first, with or without its mark.
    pub const UTF_16BE: Self = Self::Other(encoding_rs::UTF_16BE);

    /// Its name in a contract.
    pub fn name(self) -> String {
        match self {
            Self::Utf8 => "utf-8".to_owned(),
            Self::Utf16 => "utf-16".to_owned(),
            Self::Iso8859_1 => "iso-8859-1".to_owned(),
            Self::Other(encoding) => encoding.name().to_ascii_lowercase(),
        }
    }
}

/// What quotes mean in a CSV file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    /// RFC 4180: a quote begins a cell, ends it, or is doubled in a quoted one. Anywhere else it is an error.
    #[default]
    Strict,
    /// A quote inside a bare cell is text, and so is what follows a closing quote.
    Lenient,
    /// A quote is a character as any other.
    None,
}

/// Which of several header rows gives the columns' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderFrom {
    /// All: the cells of a column, joined by a space, without the empty ones.
    #[default]
    Join,
    /// The first.
    First,
    /// The last.
    Last,
}

/// What `""` is, an empty cell in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QuotedEmpty {
    /// A missing value, as a cell without anything is.
    #[default]
    Missing,
    /// The empty text, of text columns: PostgreSQL's exports tell the two apart.
    Text,
}

/// A sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sheet {
    /// By its name.
    Name(String),
    /// By its place, from 1.
    Place(u32),
}

/// What is done about columns that the contract does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExtraColumns {
    /// The whole file is rejected.
    #[default]
    Refuse,
    /// They are left out.
    Ignore,
}

/// How a file is laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLayout {
    /// The kind of file; by its name where it is not said.
    pub format: Option<FileFormat>,
    /// Between cells; where it is not said a comma, and a tab in files that are called `.tsv` or `.tab`.
    pub delimiter: Option<u8>,
    /// The encoding of the text.
    pub encoding: TextEncoding,
    /// What quotes mean.
    pub quoting: Quoting,
    /// The quote.
    pub quote: u8,
    /// Before a quote, a delimiter, a line end or itself: that character as text.
    pub escape: Option<u8>,
    /// What an empty cell in quotes is.
    pub quoted_empty: QuotedEmpty,
    /// With what a line of comment begins.
    pub comment: Option<String>,
    /// Lines before the header; of a sheet rows.
    pub skip_rows: u32,
    /// Rows of the header. None: the cells are the contract's columns, in its order.
    pub header_rows: u32,
    /// Which of them gives the names.
    pub header_from: HeaderFrom,
    /// Rows at the end that are none of the table.
    pub footer_rows: u32,
    /// A row whose first cell begins with it ends the table.
    pub footer_text: Option<String>,
    /// The sheet of a workbook; the first where it is not said.
    pub sheet: Option<Sheet>,
    /// Columns that the contract does not name.
    pub extra_columns: ExtraColumns,
    /// The columns, by name, that a file may lack; each may be missing.
    pub optional_columns: Vec<String>,
    /// Columns, by name, that have one value in all rows of a file.
    pub constants: BTreeMap<String, String>,
    /// Columns that are read from the file's name.
    pub file_name: Option<FileNamePattern>,
    /// The header of a column, by its name, in place of the contract's `physicalName`. No contract says it; it is for files of
    /// another make.
    pub headers: BTreeMap<String, String>,
}

impl Default for FileLayout {
    fn default() -> Self {
        Self {
            format: None,
            delimiter: None,
            encoding: TextEncoding::Utf8,
            quoting: Quoting::Strict,
            quote: b'"',
            escape: None,
            quoted_empty: QuotedEmpty::Missing,
            comment: None,
            skip_rows: 0,
            header_rows: 1,
            header_from: HeaderFrom::Join,
            footer_rows: 0,
            footer_text: None,
            sheet: None,
            extra_columns: ExtraColumns::Refuse,
            optional_columns: Vec::new(),
            constants: BTreeMap::new(),
            file_name: None,
            headers: BTreeMap::new(),
        }
    }
}

impl FileLayout {
    /// The column's header in a file.
    pub fn header_of<'a>(&'a self, column: &'a Column) -> &'a str {
        self.headers.get(&column.name).unwrap_or(&column.source_name)
    }

    /// Whether a column's value comes from outside the file: a constant, or a part of the file's name.
    pub fn is_outside(&self, column: &str) -> bool {
        self.constants.contains_key(column)
            || self.file_name.as_ref().is_some_and(|pattern| pattern.columns().any(|name| name == column))
    }

    /// Whether any column's value comes from outside the file.
    pub fn has_outside(&self) -> bool {
        !self.constants.is_empty()
            || self.file_name.as_ref().is_some_and(|pattern| pattern.columns().next().is_some())
    }

    /// `Config`, with what is wrong, where the layout does not go with the columns or with itself: to be called again after
    /// an option changed it.
    pub fn check(&self, columns: &[Column]) -> Result<()> {
        let captured: Vec<&str> = self.file_name.iter().flat_map(FileNamePattern::columns).collect();
        let named = captured.iter().map(|name| ("fileName", *name));
        let constants = self.constants.keys().map(|name| ("constants", name.as_str()));
        let optional = self.optional_columns.iter().map(|name| ("optionalColumns", name.as_str()));
        let headers = self.headers.keys().map(|name| ("headers", name.as_str()));
        for (key, name) in named.chain(constants).chain(optional).chain(headers) {
            let known = columns.iter().find(|column| column.name == name && column.is_read());
            let column = known.ok_or_else(|| {
                Error::config(format!("{key} names {name:?}, which is no column that is read from files"))
            })?;
            if key == "optionalColumns" && !column.nullable {
                return Err(Error::config(format!(
                    "{key} names {name:?}, which is `required`: a file cannot lack it"
                )));
            }
        }
        if let Some(name) = captured.into_iter().find(|name| self.constants.contains_key(*name)) {
            return Err(Error::config(format!(
                "column {name:?} is both a constant and a part of the file's name"
            )));
        }
        self.check_characters()
    }

    fn check_characters(&self) -> Result<()> {
        if self.quoting == Quoting::None && self.quote != b'"' {
            return Err(Error::config("quote means nothing with `quoting: none`"));
        }
        let quote = (self.quoting != Quoting::None).then_some(self.quote);
        let all = [("csvDelimiter", self.delimiter), ("quote", quote), ("escape", self.escape)];
        for (at, (name, byte)) in all.iter().enumerate() {
            let Some(byte) = byte else { continue };
            if let Some((other, _)) = all[..at].iter().find(|(_, other)| *other == Some(*byte)) {
                return Err(Error::config(format!("{other} and {name} are both {:?}", char::from(*byte))));
            }
        }
        Ok(())
    }
}

/// Reads the layout of a contract's files.
pub(super) fn read(custom: &Custom, columns: &[Column]) -> Result<FileLayout> {
    let layout = FileLayout {
        format: custom
            .text("fileFormat")?
            .map(|text| FileFormat::parse(&text))
            .transpose()
            .context("fileFormat")?,
        delimiter: character(custom, "csvDelimiter")?,
        encoding: encoding(custom)?,
        quoting: choice(
            custom,
            "quoting",
            &[("strict", Quoting::Strict), ("lenient", Quoting::Lenient), ("none", Quoting::None)],
        )?,
        quote: character(custom, "quote")?.unwrap_or(b'"'),
        escape: character(custom, "escape")?,
        quoted_empty: choice(
            custom,
            "quotedEmpty",
            &[("missing", QuotedEmpty::Missing), ("text", QuotedEmpty::Text)],
        )?,
        comment: beginning(custom, "comment")?,
        skip_rows: rows(custom, "skipRows")?.unwrap_or(0),
        header_rows: rows(custom, "headerRows")?.unwrap_or(1),
        header_from: choice(
            custom,
            "headerFrom",
            &[("join", HeaderFrom::Join), ("first", HeaderFrom::First), ("last", HeaderFrom::Last)],
        )?,
        footer_rows: rows(custom, "footerRows")?.unwrap_or(0),
        footer_text: beginning(custom, "footerText")?,
        sheet: sheet(custom)?,
        extra_columns: choice(
            custom,
            "extraColumns",
            &[("refuse", ExtraColumns::Refuse), ("ignore", ExtraColumns::Ignore)],
        )?,
        optional_columns: custom.texts("optionalColumns")?.unwrap_or_default(),
        constants: constants(custom)?,
        file_name: custom
            .text("fileName")?
            .map(|text| FileNamePattern::parse(&text))
            .transpose()
            .context("fileName")?,
        headers: BTreeMap::new(),
    };
    layout.check(columns)?;
    Ok(layout)
}

/// One of several words; the first where none is given.
fn choice<T: Copy>(custom: &Custom, name: &str, choices: &[(&str, T)]) -> Result<T> {
    let given = custom.text(name)?;
    let found = match &given {
        None => choices.first(),
        Some(text) => choices.iter().find(|(word, _)| word == text),
    };
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
        Error::config(format!("{name} is {}, found {:?}", words.join(", "), given.unwrap_or_default()))
    })
}

/// One character of ASCII that can be between or around cells.
fn character(custom: &Custom, name: &str) -> Result<Option<u8>> {
    let Some(text) = custom.text(name)? else { return Ok(None) };
    match text.as_bytes() {
        [byte] if !matches!(byte, b'\r' | b'\n' | 0) => Ok(Some(*byte)),
        _ => Err(Error::config(format!("{name} must be one character, found {text:?}"))),
    }
}

/// A text that is not empty.
fn beginning(custom: &Custom, name: &str) -> Result<Option<String>> {
    match custom.text(name)? {
        Some(text) if text.trim().is_empty() => Err(Error::config(format!("{name} must not be empty"))),
        text => Ok(text),
    }
}

fn rows(custom: &Custom, name: &str) -> Result<Option<u32>> {
    let Some(value) = custom.value(name) else { return Ok(None) };
    let rows = value.as_u64().filter(|rows| *rows <= MAX_ROWS_BESIDE);
    rows.and_then(|rows| u32::try_from(rows).ok()).map(Some).ok_or_else(|| {
        Error::config(format!("custom property {name:?} must be a number from 0 to {MAX_ROWS_BESIDE}"))
    })
}

fn sheet(custom: &Custom) -> Result<Option<Sheet>> {
    match custom.value("sheet") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(Sheet::Name(name.clone()))),
        Some(value) => match value.as_u64().and_then(|place| u32::try_from(place).ok()) {
            Some(place) if place > 0 => Ok(Some(Sheet::Place(place))),
            _ => Err(Error::config("sheet is a name, or a place from 1")),
        },
    }
}

fn constants(custom: &Custom) -> Result<BTreeMap<String, String>> {
    let bad = || Error::config("constants is a map of columns and texts, as `{exchange_mic: XLON}`");
    let Some(value) = custom.value("constants") else { return Ok(BTreeMap::new()) };
    let Value::Mapping(map) = value else { return Err(bad()) };
    map.iter()
        .map(|(column, text)| match (column, text) {
            (Value::String(column), Value::String(text)) => Ok((column.clone(), text.clone())),
            // A number's own spelling is lost in YAML: 1.50 comes as 1.5.
            (Value::String(column), _) => {
                Err(Error::config(format!("constants: the value of {column:?} must be text, in quotes")))
            }
            _ => Err(bad()),
        })
        .collect()
}

/// `csvEncoding`. Only an encoding's own name is taken: among its other labels is `iso-8859-1` for windows-1252.
fn encoding(custom: &Custom) -> Result<TextEncoding> {
    let Some(text) = custom.text("csvEncoding")? else { return Ok(TextEncoding::Utf8) };
    match text.as_str() {
        "utf-8" => return Ok(TextEncoding::Utf8),
        "utf-16" => return Ok(TextEncoding::Utf16),
        "iso-8859-1" => return Ok(TextEncoding::Iso8859_1),
        _ => {}
    }
    Encoding::for_label_no_replacement(text.as_bytes())
        .filter(|encoding| encoding.name().eq_ignore_ascii_case(&text))
        .map(TextEncoding::Other)
        .ok_or_else(|| {
            Error::config(format!(
                "csvEncoding is `utf-8`, `utf-16`, `windows-1252`, `iso-8859-1` or another name of the WHATWG's, found {text:?}"
            ))
        })
}

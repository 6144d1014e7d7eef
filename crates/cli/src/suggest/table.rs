//! A file as a table of texts.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use quotelake_contract::{FileLayout, Quoting, Sheet, TextEncoding};
use quotelake_core::ports::Lake as _;
use quotelake_core::{Context as _, Error, Result};
use quotelake_ingest::names::{format_of, is_archive};
use quotelake_ingest::{RawRow, raw_rows};
use quotelake_local::ReadOnlyFiles;

use super::column::quoted;
use super::frame::{self, Frame};
use super::{json_table, parquet_table, quotes};

/// Names of columns that a message lists.
const MOST_LISTED: usize = 20;
/// Delimiters that are tried.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What a column's values are known to be, beside their texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Floats of 64 bits.
    Float,
}

/// The rows of files of one table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The first file's name without endings.
    pub(super) name: String,
    /// As the file writes them.
    pub(super) headers: Vec<String>,
    pub(super) known: Vec<Option<Known>>,
    /// `None` for a cell without a value.
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// Properties of the dataset that say how the file is laid out, in YAML.
    pub(super) layout: Vec<(&'static str, String)>,
    /// What was seen of the file.
    pub(super) notes: Vec<String>,
    /// Whether its values are texts of people, and no numbers of a workbook or of JSON.
    pub(super) is_text: bool,
    /// Rows that no contract can read: they have more or fewer cells than the header.
    pub(super) ragged: u64,
}

/// What kind of file a name says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Text,
    Json,
    Parquet,
    Workbook,
}

fn kind(path: &Path) -> FileKind {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = [".gz", ".zst", ".bz2"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("ndjson" | "jsonl" | "json") => FileKind::Json,
        Some("parquet") => FileKind::Parquet,
        Some("xlsx") => FileKind::Workbook,
        _ => FileKind::Text,
    }
}

impl Table {
    /// Reads files of one table. `InvalidInput` names the file that differs from the first, or cannot be read.
    pub(super) async fn read(files: &[PathBuf]) -> Result<Self> {
        let mut whole: Option<Self> = None;
        for path in files {
            let table = Self::read_one(path).await.with_context(|| path.display().to_string())?;
            match &mut whole {
                None => whole = Some(table),
                Some(whole) => whole.append(table).with_context(|| path.display().to_string())?,
            }
        }
        whole.ok_or_else(|| Error::invalid("no file is named"))
    }

    async fn read_one(path: &Path) -> Result<Self> {
        let mut table = match kind(path) {
            FileKind::Text => text_table(path).await?,
            FileKind::Workbook => workbook_table(path).await?,
            FileKind::Json => json_table::read(path)?,
            FileKind::Parquet => parquet_table::read(path)?,
        };
        table.name = stem(path);
        table.known.resize(table.headers.len(), None);
        Ok(table)
    }

    fn append(&mut self, other: Self) -> Result<()> {
        if self.headers != other.headers {
            let listed = |headers: &[String]| match headers.len() {
                many if many > MOST_LISTED => {
                    format!("{} and {} more", headers[..MOST_LISTED].join(", "), many - MOST_LISTED)
                }
                _ => headers.join(", "),
            };
            return Err(Error::invalid(format!(
                "its columns are {}; those of the first file are {}",
                listed(&other.headers),
                listed(&self.headers)
            )));
        }
        if self.layout != other.layout {
            return Err(Error::invalid("it is laid out otherwise than the first file"));
        }
        self.rows.extend(other.rows);
        self.ragged += other.ragged;
        Ok(())
    }
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}

/// The rows of a file as they are in it, under the name that says what kind of file it is.
async fn rows_of(path: &Path, layout: &FileLayout) -> Result<Vec<RawRow>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let key = format!("inbox/suggest/{name}");
    let files = ReadOnlyFiles::new(vec![(key.clone(), path.to_owned())])?;
    let meta = files.head(&key).await?.ok_or_else(|| Error::not_found("is not there any more"))?;
    Ok(raw_rows(&files, &meta, layout).await?.rows)
}

/// Sheets that are looked into for a table.
const SHEETS: u32 = 8;

/// The first sheet of a workbook that has rows.
async fn workbook_table(path: &Path) -> Result<Table> {
    let mut sheet = 1;
    let mut rows = rows_of(path, &FileLayout::default()).await?;
    while rows.len() < 2 && sheet < SHEETS {
        let layout = FileLayout { sheet: Some(Sheet::Place(sheet + 1)), ..FileLayout::default() };
        let Ok(next) = rows_of(path, &layout).await else { break };
        sheet += 1;
        if next.len() > 1 {
            rows = next;
        }
    }
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    // A row of a sheet ends with its last cell that is not empty.
    rows.iter_mut().for_each(|row| row.cells.resize(width, String::new()));
    let mut table = of_rows(rows)?;
    match sheet {
        1 => table.notes.insert(0, "the first sheet of a workbook".into()),
        _ => {
            table.notes.insert(0, format!("sheet {sheet} of a workbook; those before it hold no table"));
            table.layout.push(("sheet", sheet.to_string()));
        }
    }
    Ok(table)
}

/// What quotes may mean in a file that is not written by the standard: the most usual first.
const DIALECTS: [(Quoting, u8, Option<u8>); 5] = [
    (Quoting::Strict, b'"', None),
    (Quoting::Strict, b'"', Some(b'\\')),
    (Quoting::Lenient, b'"', None),
    (Quoting::None, b'"', None),
    (Quoting::Strict, b'\'', None),
];

/// A file that was read in one way.
struct Reading {
    /// Cells that are in rows as wide as most are.
    regular: usize,
    /// All cells.
    cells: usize,
    layout: FileLayout,
    rows: Vec<RawRow>,
}

impl Reading {
    async fn of(path: &Path, layout: FileLayout) -> Result<Self> {
        let rows = rows_of(path, &layout).await?;
        let cells = rows.iter().map(|row| row.cells.len()).sum();
        Ok(Self { regular: regular(&rows), cells, layout, rows })
    }

    /// Whether all but titles, remarks and a row here and there are as wide as most.
    fn is_even(&self) -> bool {
        self.regular > 1 && self.regular * 10 >= self.cells * 9 || self.rows.len() < 10
    }
}

/// A text with delimiters.
async fn text_table(path: &Path) -> Result<Table> {
    let (mut best, mut failed): (Option<Reading>, Option<Error>) = (None, None);
    for encoding in encodings(path)? {
        for (quoting, quote, escape) in DIALECTS {
            for delimiter in DELIMITERS {
                let layout = FileLayout {
                    delimiter: Some(delimiter),
                    encoding,
                    quoting,
                    quote,
                    escape,
                    ..FileLayout::default()
                };
                match Reading::of(path, layout).await {
                    Ok(reading) if best.as_ref().is_none_or(|best| reading.regular > best.regular) => {
                        best = Some(reading)
                    }
                    Ok(_) => {}
                    // What the first says is of the way that most files are written.
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
            // Only a file that is not read evenly may be written in another way.
            if best.as_ref().is_some_and(Reading::is_even) {
                break;
            }
        }
        if best.is_some() {
            break;
        }
    }
    let Some(mut best) = best else {
        return Err(failed.unwrap_or_else(|| Error::invalid("cannot be read")));
    };
    if let Some(comment) = comment_of(&best.rows) {
        best = Reading::of(path, FileLayout { comment: Some(comment.to_owned()), ..best.layout }).await?;
    }
    let note;
    (best, note) = with_quotes_decided(path, best).await?;
    if best.layout.comment.is_none()
        && let Some(comment) = ruled_line(&best.rows)
    {
        best = Reading::of(path, FileLayout { comment: Some(comment), ..best.layout }).await?;
    }
    let mut table = of_rows(best.rows)?;
    table.is_text = true;
    say_layout(&best.layout, &mut table);
    table.notes.extend(note);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if format_of(&name).is_none() && !is_archive(&name) {
        table.layout.push(("fileFormat", "csv".to_owned()));
    }
    Ok(table)
}

/// A reading, or the one without quotes where those would swallow rows; and what is said of it to a person.
async fn with_quotes_decided(path: &Path, best: Reading) -> Result<(Reading, Option<String>)> {
    let quoting = best.layout.quoting;
    if quoting == Quoting::None {
        return Ok((best, None));
    }
    let without = FileLayout { quoting: Quoting::None, escape: None, ..best.layout.clone() };
    let without = Reading::of(path, without).await?;
    let delimiter = best.layout.delimiter.unwrap_or(b',');
    let decision = quotes::decide(&best.rows, &without.rows, delimiter, quoting == Quoting::Strict);
    Ok((if decision.without { without } else { best }, decision.note))
}

/// With what the lines that a report draws under its header begin, where no other line does.
fn ruled_line(rows: &[RawRow]) -> Option<String> {
    let is_ruled = |row: &&RawRow| {
        let mut drawn = row.raw.trim().chars();
        row.raw.starts_with(['-', '=', '+', '*'])
            && row.raw.trim().len() >= 3
            && drawn.all(|c| matches!(c, '-' | '=' | '+' | '*' | '|' | ' '))
    };
    let beginning = rows.iter().find(is_ruled)?.raw.get(..3)?;
    let others = rows.iter().filter(|row| !is_ruled(row)).any(|row| row.raw.starts_with(beginning));
    (!others).then(|| beginning.to_owned())
}

/// The encodings that a file may have, the likeliest first. UTF-16 says so itself by its first bytes, or by the zeros between letters.
fn encodings(path: &Path) -> Result<Vec<TextEncoding>> {
    let mut head = [0; 4096];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut head));
    let read = read.map_err(|e| Error::not_found("cannot be read").with_source(e))?;
    let zeros =
        |parity: usize| head[..read].iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let most = read / 4;
    Ok(match () {
        () if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) => vec![TextEncoding::Utf8],
        () if odd > most && even == 0 => vec![TextEncoding::UTF_16LE],
        () if even > most && odd == 0 => vec![TextEncoding::UTF_16BE],
        () => vec![TextEncoding::Utf8, TextEncoding::Iso8859_1, TextEncoding::WINDOWS_1252],
    })
}

/// With what the lines of comment at a file's beginning begin. A header may begin so as well: it is as wide as the table.
fn comment_of(rows: &[RawRow]) -> Option<&'static str> {
    let begins = |row: &RawRow, text: &str| row.raw.starts_with(text);
    let text = ["#", "//", "%"].into_iter().find(|text| rows.first().is_some_and(|row| begins(row, text)))?;
    let comments = rows.iter().take_while(|row| begins(row, text)).count();
    let table = rows.get(comments)?;
    let last = &rows[comments - 1];
    (last.cells.len() != table.cells.len() || table.cells.len() == 1).then_some(text)
}

/// Writes down how a text is read.
fn say_layout(layout: &FileLayout, table: &mut Table) {
    let delimiter = layout.delimiter.unwrap_or(b',');
    let shown = match delimiter {
        b'\t' => "tabs".to_owned(),
        other => format!("{:?}", char::from(other)),
    };
    table.notes.insert(0, format!("text with {shown} between cells"));
    let mut say = |property, value: String| table.layout.push((property, value));
    if delimiter != b',' {
        let text = if delimiter == b'\t' { "\\t".to_owned() } else { char::from(delimiter).to_string() };
        say("csvDelimiter", format!("\"{text}\""));
    }
    match layout.quoting {
        Quoting::Strict => {}
        Quoting::Lenient => say("quoting", "lenient".into()),
        Quoting::None => say("quoting", "none".into()),
    }
    if layout.quote != b'"' {
        say("quote", quoted(&char::from(layout.quote).to_string()));
    }
    if let Some(escape) = layout.escape {
        say("escape", quoted(&char::from(escape).to_string()));
    }
    if let Some(comment) = &layout.comment {
        say("comment", quoted(comment));
    }
    if layout.encoding != TextEncoding::Utf8 {
        let name = layout.encoding.name();
        table.layout.push(("csvEncoding", name.clone()));
        table.notes.push(format!("bytes that are no UTF-8: read as {name}, look at the accents"));
    }
}

/// How many cells are in rows as wide as most are; a column alone counts for little.
fn regular(rows: &[RawRow]) -> usize {
    let mut widths = std::collections::BTreeMap::<usize, usize>::new();
    rows.iter().for_each(|row| *widths.entry(row.cells.len()).or_default() += 1);
    let most = widths.into_iter().max_by_key(|(_, rows)| *rows);
    most.map_or(0, |(width, rows)| if width == 1 { 1 } else { width * rows })
}

fn of_rows(rows: Vec<RawRow>) -> Result<Table> {
    let frame = frame::find(&rows).ok_or_else(|| Error::invalid("is empty: there is no header"))?;
    let Frame { headers, first, end, layout, notes } = frame;
    let mut table = Table { headers, layout, notes, ..Table::default() };
    let width = table.headers.len();
    for row in rows.into_iter().take(end).skip(first) {
        if row.cells.len() != width {
            if table.ragged == 0 {
                table.notes.push(format!(
                    "line {} has {} cells, the header has {width}: such a row is set aside whatever a contract says",
                    row.line,
                    row.cells.len()
                ));
            }
            table.ragged += 1;
            continue;
        }
        let cells = row.cells.into_iter().map(|cell| (!cell.is_empty()).then_some(cell));
        table.rows.push(cells.collect());
    }
    Ok(table)
}

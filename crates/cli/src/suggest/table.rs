//! A file as a table of texts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use quotelake_core::contract::{FileLayout, TextEncoding};
use quotelake_core::ports::Lake as _;
use quotelake_core::{Context as _, Error, Result};
use quotelake_ingest::{RawRow, raw_rows};
use quotelake_local::FileSet;

use super::{json_table, parquet_table};

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
            return Err(Error::invalid(format!(
                "its columns are {}; those of the first file are {}",
                other.headers.join(", "),
                self.headers.join(", ")
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

/// The rows of a file as they stand in it, under the name that says what kind of file it is.
async fn rows_of(path: &Path, layout: &FileLayout) -> Result<Vec<RawRow>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let key = format!("inbox/suggest/{name}");
    let files = FileSet::new(vec![(key.clone(), path.to_owned())])?;
    let meta = files.head(&key).await?.ok_or_else(|| Error::not_found("is not there any more"))?;
    Ok(raw_rows(&files, &meta, layout).await?.rows)
}

/// The first sheet of a workbook.
async fn workbook_table(path: &Path) -> Result<Table> {
    let rows = rows_of(path, &FileLayout::default()).await?;
    let width = rows.first().map_or(0, |header| header.cells.len());
    // A row of a sheet ends with its last cell that is not empty.
    let filled = rows.into_iter().map(|mut row| {
        row.cells.resize(row.cells.len().max(width), String::new());
        row
    });
    let mut table = of_rows(b',', filled.collect())?;
    table.notes = vec!["the first sheet of a workbook".into()];
    Ok(table)
}

/// A text with delimiters.
async fn text_table(path: &Path) -> Result<Table> {
    let mut best: Option<(usize, u8, Vec<RawRow>)> = None;
    let (mut failed, mut used) = (None, TextEncoding::Utf8);
    // UTF-16 says so itself by its first bytes.
    for encoding in [TextEncoding::Utf8, TextEncoding::Iso8859_1, TextEncoding::WINDOWS_1252] {
        for delimiter in DELIMITERS {
            let layout = FileLayout { delimiter: Some(delimiter), encoding, ..FileLayout::default() };
            match rows_of(path, &layout).await {
                Ok(rows) => {
                    let fit = regular(&rows);
                    if best.as_ref().is_none_or(|(most, ..)| fit > *most) {
                        best = Some((fit, delimiter, rows));
                    }
                }
                // What the first says is of the encoding that most files have.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if best.is_some() {
            used = encoding;
            break;
        }
    }
    let Some((_, delimiter, rows)) = best else {
        return Err(failed.unwrap_or_else(|| Error::invalid("cannot be read")));
    };
    let mut table = of_rows(delimiter, rows)?;
    if used != TextEncoding::Utf8 {
        table.layout.push(("csvEncoding", used.name()));
        table.notes.push(format!("bytes that are no UTF-8: read as {}, look at the accents", used.name()));
    }
    Ok(table)
}

/// How many cells stand in rows as wide as most are; a column alone counts for little.
fn regular(rows: &[RawRow]) -> usize {
    let mut widths = std::collections::BTreeMap::<usize, usize>::new();
    rows.iter().for_each(|row| *widths.entry(row.cells.len()).or_default() += 1);
    let most = widths.into_iter().max_by_key(|(_, rows)| *rows);
    most.map_or(0, |(width, rows)| if width == 1 { 1 } else { width * rows })
}

fn of_rows(delimiter: u8, rows: Vec<RawRow>) -> Result<Table> {
    let mut table = Table::default();
    let Some(header) = rows.first() else { return Err(Error::invalid("is empty: there is no header")) };
    table.headers = header.cells.iter().map(|cell| cell.trim().to_owned()).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = table.headers.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(Error::invalid(format!(
            "its header names {twice:?} twice: nobody can tell the columns apart"
        )));
    }
    let shown = match delimiter {
        b'\t' => "tabs".to_owned(),
        other => format!("{:?}", char::from(other)),
    };
    table.notes.push(format!("text with {shown} between cells"));
    if delimiter != b',' {
        let text = if delimiter == b'\t' { "\\t".to_owned() } else { char::from(delimiter).to_string() };
        table.layout.push(("csvDelimiter", format!("\"{text}\"")));
    }
    let width = table.headers.len();
    for row in rows.into_iter().skip(1) {
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

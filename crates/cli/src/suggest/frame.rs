//! Where a table begins and ends among the rows of a file: titles above it, rows of the header, what is below.
//!
//! What is typed decides: in most columns of a table there are numbers or dates, and in none of a header's cells. Where nothing is typed the
//! first row that is as wide as the table is its header.

use std::collections::{BTreeMap, BTreeSet};

use quotelake_ingest::RawRow;

use super::column::{NULL_TEXTS, quoted};
use super::formats;

/// Header rows at most.
const MOST_HEADER_ROWS: usize = 4;
/// Rows below the table at most: more of another width are rows that a person has to look at.
const MOST_FOOTER_ROWS: usize = 5;
/// Rows that are looked at to tell what a column holds.
const SAMPLE: usize = 500;
/// Of [`ENDS`] those that a row of totals begins with: it has values too. A remark is alone in its row.
const TOTALS: usize = 9;
/// With what a row of totals, or a remark below a table, begins.
const ENDS: [&str; 22] = [
    "grand total",
    "total",
    "subtotal",
    "sum",
    "summe",
    "gesamt",
    "totais",
    "totale",
    "totaux",
    "média",
    "average",
    "mean",
    "count",
    "source",
    "quelle",
    "fonte",
    "note",
    "notes",
    "remark",
    "generated",
    "end of",
    "***",
];

/// Where the table is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The columns' names; made unique where `by_place`.
    pub(super) headers: Vec<String>,
    /// The row behind the header.
    pub(super) first: usize,
    /// The row behind the last.
    pub(super) end: usize,
    /// Properties of the dataset that say so, in YAML.
    pub(super) layout: Vec<(&'static str, String)>,
    /// What was seen.
    pub(super) notes: Vec<String>,
}

/// Finds the table among rows; `None` where there is no row.
pub(super) fn find(rows: &[RawRow]) -> Option<Frame> {
    let width = usual_width(rows)?;
    let mut end = rows.len();
    let top = first_row(rows, width)?;
    // Below the header, however many rows it has.
    let body = top + MOST_HEADER_ROWS.min((rows.len() - top) / 2);
    let columns = Columns::of(&rows[body..], width);
    let mut frame = Frame::default();
    let header_rows = columns.header_rows(&rows[top..]);
    frame.first = top + header_rows;
    frame.cut_footer(rows, &columns, &mut end);
    frame.end = end.max(frame.first);
    frame.name(rows, top, header_rows, width);
    Some(frame)
}

/// The number of cells that most rows have, of several the greatest.
fn usual_width(rows: &[RawRow]) -> Option<usize> {
    let mut widths = BTreeMap::<usize, usize>::new();
    rows.iter().for_each(|row| *widths.entry(row.cells.len()).or_default() += 1);
    widths.into_iter().max_by_key(|(width, rows)| (*rows, *width)).map(|(width, _)| width)
}

fn filled(row: &RawRow) -> usize {
    row.cells.iter().filter(|cell| !cell.trim().is_empty()).count()
}

/// The first row of the table: as wide as most are, and not a title that is alone in its row.
fn first_row(rows: &[RawRow], width: usize) -> Option<usize> {
    let is_wide = |row: &&RawRow| row.cells.len() == width;
    let at = rows.iter().position(|row| is_wide(&row))?;
    let most = rows.iter().filter(is_wide).map(filled).max().unwrap_or(0);
    let speaks = |row: &RawRow| filled(row) <= 2 || !row.cells.iter().any(|cell| is_typed(cell));
    let is_title =
        |row: &RawRow| row.cells.len() != width || width > 2 && filled(row) * 2 < most && speaks(row);
    // Where all rows but a few have as little, it is how the table is.
    let titles = rows[at..].iter().take_while(|row| is_title(row)).count();
    Some(if titles > MOST_HEADER_ROWS * 2 || at + titles >= rows.len() { at } else { at + titles })
}

/// Whether a text is a number, a date or an instant in some spelling.
fn is_typed(text: &str) -> bool {
    let text = text.trim();
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let plain = |c: char| c.is_ascii_digit() || " .,:+-/%()'_\u{a0}\u{202f}".contains(c);
    let number = text
        .trim_start_matches(['$', '€', '£', '¥'])
        .trim_end_matches(['K', 'M', 'B', 'T', '$', '€', '£', '¥']);
    number.chars().all(plain)
        || text.parse::<f64>().is_ok()
        || !formats::dates_of(&[text]).is_empty()
        || formats::instants_of(&[text]).is_some()
}

/// Which columns of a table hold typed values.
struct Columns {
    typed: Vec<bool>,
}

impl Columns {
    fn of(rows: &[RawRow], width: usize) -> Self {
        let typed = |at: usize| {
            let cells = rows.iter().take(SAMPLE).filter_map(|row| row.cells.get(at)).map(|cell| cell.trim());
            let (mut values, mut all) = (0_usize, 0_usize);
            for cell in cells.filter(|cell| !cell.is_empty() && !NULL_TEXTS.contains(cell)) {
                all += 1;
                values += usize::from(is_typed(cell));
            }
            all > 0 && values * 10 >= all * 9
        };
        Self { typed: (0..width).map(typed).collect() }
    }

    /// The cells of a row in typed columns that hold something.
    fn typed_cells<'r>(&self, row: &'r RawRow) -> impl Iterator<Item = &'r str> {
        let cells = row.cells.iter().zip(self.typed.clone());
        cells.filter(|(_, typed)| *typed).map(|(cell, _)| cell.trim()).filter(|cell| !cell.is_empty())
    }

    /// How many of the first rows are the header.
    fn header_rows(&self, rows: &[RawRow]) -> usize {
        let Some(first) = rows.first() else { return 0 };
        let typed = self.typed.iter().filter(|typed| **typed).count();
        let is_value = |cell: &str| is_typed(cell) || NULL_TEXTS.contains(&cell);
        if typed > 0 && self.typed_cells(first).count() > 0 && self.typed_cells(first).all(is_value) {
            return usize::from(are_names(first));
        }
        // Of further rows a name above some value is not enough: a row without values is one of the table.
        let is_header = |row: &RawRow| {
            let cells: Vec<&str> = self.typed_cells(row).collect();
            let named = cells.iter().filter(|cell| !is_value(cell)).count();
            named == cells.len() && (named >= 2 || named == 1 && (typed == 1 || filled(row) == 1))
        };
        let further = rows.iter().skip(1).take(MOST_HEADER_ROWS - 1).take_while(|row| is_header(row)).count();
        // A table of texts and one number, of which a first value is no number.
        let doubtful = typed == 1 && further == 1 && !has_gaps(first) && !rows.get(1).is_some_and(has_gaps);
        1 + if doubtful { 0 } else { further }
    }
}

fn has_gaps(row: &RawRow) -> bool {
    let mut seen = BTreeSet::new();
    row.cells.iter().any(|cell| cell.trim().is_empty() || !seen.insert(cell.trim()))
}

/// Numbers that count on name columns: years, or places from 0 or 1.
fn are_names(row: &RawRow) -> bool {
    let numbers: Vec<i64> = row.cells.iter().filter_map(|cell| cell.trim().parse().ok()).collect();
    let count_on = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let begins = numbers.first().is_some_and(|first| matches!(first, 0 | 1 | 1900..=2100));
    numbers.len() >= 3 && count_on && begins && numbers.len() + 1 >= row.cells.len()
}

impl Frame {
    /// Takes what is below the table off it.
    fn cut_footer(&mut self, rows: &[RawRow], columns: &Columns, end: &mut usize) {
        let width = columns.typed.len();
        let of_table = |row: &RawRow| {
            let first = row.cells.first().map_or("", |cell| cell.trim());
            let named = columns.typed.first() == Some(&true)
                && !first.is_empty()
                && !is_typed(first)
                && !NULL_TEXTS.contains(&first)
                && (width > 1 && filled(row) < width || end_of(first).is_some());
            let total = match end_of(first).map(|end| ENDS[..TOTALS].contains(&end)) {
                Some(true) => filled(row) < width && width > 1,
                Some(false) => filled(row) == 1 && width > 1,
                None => false,
            };
            // A row of the table that was cut off is none of a footer: it is set aside, and said.
            let is_cut = row.cells.len() != width
                && filled(row) > 1
                && end_of(first).is_none()
                && columns.typed.first() == Some(&is_typed(first));
            is_cut || row.cells.len() == width && !named && !total
        };
        let footer = rows[self.first..].iter().rev().take_while(|row| !of_table(row)).count();
        if footer == 0 || footer > MOST_FOOTER_ROWS || self.first + footer >= rows.len() {
            return;
        }
        *end = rows.len() - footer;
        let row = &rows[*end];
        let text = row.cells.first().map_or("", |cell| cell.as_str());
        let begins = end_of(text.trim())
            .map(|word| text.trim_start().chars().take(word.chars().count()).collect::<String>());
        // As it begins in the file; no row of the table may begin so, not the least.
        let begins = begins.filter(|begins| text.starts_with(begins.as_str())).filter(|begins| {
            let table = &rows[self.first..*end];
            !table.iter().any(|row| row.cells.first().is_some_and(|cell| cell.starts_with(begins.as_str())))
        });
        match begins {
            Some(begins) => {
                self.notes.push(format!(
                    "line {} begins with {begins:?}: it and what follows are no rows of the table",
                    row.line
                ));
                self.layout.push(("footerText", quoted(&begins)));
            }
            None => {
                self.notes.push(format!(
                    "AMBIGUOUS: {footer} rows at the end, from line {} on, are none of the table; footerRows leaves out as many of every file",
                    row.line
                ));
                self.layout.push(("footerRows", footer.to_string()));
            }
        }
    }

    /// Names the columns, and says where the header is.
    fn name(&mut self, rows: &[RawRow], top: usize, header_rows: usize, width: usize) {
        let texts = |row: &RawRow| row.cells.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let header: Vec<Vec<String>> = rows[top..top + header_rows].iter().map(texts).collect();
        // Empty lines and comments are passed over anyway.
        let skipped = if top == 0 { 0 } else { rows[top].line.saturating_sub(1) };
        if skipped > 0 {
            self.notes
                .push(format!("the table begins on line {}: what is above it is left out", skipped + 1));
        }
        let joined = || -> Vec<String> {
            let part = |at: usize| {
                let parts = header.iter().map(|row| row[at].as_str()).filter(|part| !part.is_empty());
                parts.collect::<Vec<_>>().join(" ")
            };
            (0..width).map(part).collect()
        };
        let mut choices: Vec<(&'static str, Vec<String>)> = Vec::new();
        if let (Some(first), Some(last)) = (header.first(), header.last()) {
            choices = match header_rows {
                1 => vec![("join", first.clone())],
                _ => vec![("first", first.clone()), ("last", last.clone()), ("join", joined())],
            };
        }
        let is_distinct = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
        let is_whole = |names: &[String]| names.len() == width && is_distinct(names);
        let full = |names: &[String]| names.iter().all(|name| !name.is_empty());
        let best = choices.iter().find(|(_, names)| is_whole(names) && full(names));
        let best = best.or_else(|| choices.iter().rev().find(|(_, names)| is_whole(names)));
        if let Some((from, names)) = best {
            if skipped > 0 {
                self.layout.push(("skipRows", skipped.to_string()));
            }
            if header_rows > 1 {
                self.notes.push(format!("{header_rows} header rows; the columns' names are {from} of them"));
                self.layout.push(("headerRows", header_rows.to_string()));
                self.layout.push(("headerFrom", (*from).to_owned()));
            }
            self.headers.clone_from(names);
            return;
        }
        // Nobody can tell columns of one name apart but by their place.
        let header_lines = rows.get(self.first).map_or(0, |row| row.line.saturating_sub(1)).max(skipped);
        let skipped = if header_rows == 0 { skipped } else { header_lines };
        if skipped > 0 {
            self.layout.push(("skipRows", skipped.to_string()));
        }
        self.layout.push(("headerRows", "0".to_owned()));
        self.notes.push(match header_rows {
            0 => {
                "AMBIGUOUS: there is no header, only values: columns are taken by their place, and want names"
                    .to_owned()
            }
            _ => "AMBIGUOUS: the header does not tell the columns apart: they are taken by their place"
                .to_owned(),
        });
        let names = choices.pop().map(|(_, names)| names).unwrap_or_default();
        self.headers = unique(&names, width);
    }
}

/// The word of [`ENDS`] that a text begins with.
fn end_of(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let begins = |end: &str| {
        lower
            .strip_prefix(end)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    ENDS.into_iter().find(|end| begins(end))
}

/// As many names, no two the same.
fn unique(names: &[String], width: usize) -> Vec<String> {
    let mut unique: Vec<String> = Vec::with_capacity(width);
    for at in 0..width {
        let name = names
            .get(at)
            .filter(|name| !name.is_empty())
            .cloned()
            .unwrap_or_else(|| format!("column {}", at + 1));
        let mut free = name.clone();
        let mut count = 2;
        while unique.contains(&free) {
            free = format!("{name} {count}");
            count += 1;
        }
        unique.push(free);
    }
    unique
}

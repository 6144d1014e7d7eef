//! A command's answer for people: lines and tables, laid out when it is known what they are shown on.

use std::fmt::Write as _;

use quotelake_core::visible_lines;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::screen::Screen;
use super::table::Table;

/// How far into a line its continuation may be set in.
const DEEPEST: usize = 16;

/// Lines and tables.
#[derive(Debug, Default)]
pub struct Text(Vec<Part>);

#[derive(Debug)]
enum Part {
    /// Lines that go on below where they are too long.
    Lines(String),
    /// Lines that are to be copied: they stay whole.
    Verbatim(String),
    Table(Table),
}

impl Text {
    /// What is to be copied, such as a statement or a file: it is never broken.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self(vec![Part::Verbatim(text.into())])
    }

    /// Adds lines, or a part of one.
    pub fn push_str(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Part::Lines(lines)) => lines.push_str(text),
            _ => self.0.push(Part::Lines(text.to_owned())),
        }
    }

    /// Adds what is to be copied: see [`Text::verbatim`].
    pub fn push_verbatim(&mut self, text: &str) {
        self.push(Self::verbatim(text));
    }

    /// Adds a table, or another text. A table does not end its last line.
    pub fn push(&mut self, other: impl Into<Self>) {
        for part in other.into().0 {
            match part {
                Part::Lines(lines) => self.push_str(&lines),
                other => self.0.push(other),
            }
        }
    }

    /// All of it as it is shown, with everything that hides written out.
    pub fn lay_out(&self, screen: Screen) -> String {
        let mut all = String::new();
        for part in &self.0 {
            match part {
                Part::Verbatim(text) => all.push_str(&visible_lines(text)),
                Part::Table(table) => all.push_str(&table.lay_out(screen)),
                Part::Lines(lines) => {
                    let lines = visible_lines(lines);
                    match screen.width {
                        None => all.push_str(&lines),
                        Some(width) => all.push_str(&broken(&lines, width)),
                    }
                }
            }
        }
        all
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(vec![Part::Lines(text)])
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<Table> for Text {
    fn from(table: Table) -> Self {
        Self(vec![Part::Table(table)])
    }
}

/// Rows as CSV (RFC 4180), with a header.
pub fn csv(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut all = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (at, cell) in cells.enumerate() {
            if at > 0 {
                all.push(',');
            }
            push_csv_cell(&mut all, cell);
        }
        all.push('\n');
    };
    line(&mut header.iter().copied());
    rows.into_iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
    all
}

/// A cell of CSV, quoted where it has to be.
pub fn push_csv_cell(line: &mut String, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) {
        line.push('"');
        line.push_str(&cell.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(cell);
    }
}

/// Lines that are too long, broken at words. A word that is longer stays whole: it is a key or a path that is copied.
fn broken(lines: &str, width: usize) -> String {
    let mut all = String::with_capacity(lines.len());
    for (number, line) in lines.split('\n').enumerate() {
        if number > 0 {
            all.push('\n');
        }
        if line.width() <= width {
            all.push_str(line);
            continue;
        }
        let margin = margin(line).min(width / 2);
        for (at, piece) in wrapped(line, width, width - margin, false).into_iter().enumerate() {
            // Writing to a String does not fail.
            let _ = match at {
                0 => write!(all, "{piece}"),
                _ => write!(all, "\n{:margin$}{piece}", ""),
            };
        }
    }
    all
}

/// Where the continuation of a line begins: below what follows its first word where that is set apart, else two further in.
fn margin(line: &str) -> usize {
    let begin = line.len() - line.trim_start().len();
    let word = line[begin..].find("  ").map(|at| begin + at);
    let column = word.map(|at| at + line[at..].len() - line[at..].trim_start().len());
    column.filter(|column| *column <= DEEPEST).unwrap_or(begin + 2)
}

/// A line in pieces of at most `first` and then `rest` columns, broken at spaces; also within a word that is longer where `within`.
pub(super) fn wrapped(line: &str, first: usize, rest: usize, within: bool) -> Vec<String> {
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    let limit = |pieces: &Vec<String>| if pieces.is_empty() { first } else { rest };
    for word in line.split_inclusive(' ') {
        let room = limit(&pieces);
        if piece.width() + word.trim_end().width() > room && !piece.trim().is_empty() {
            pieces.push(piece.trim_end().to_owned());
            piece.clear();
        }
        if !within || piece.width() + word.trim_end().width() <= limit(&pieces) {
            piece.push_str(word);
            continue;
        }
        for c in word.chars() {
            if piece.width() + c.width().unwrap_or(0) > limit(&pieces) && !piece.is_empty() && c != ' ' {
                pieces.push(std::mem::take(&mut piece));
            }
            piece.push(c);
        }
    }
    if !piece.trim().is_empty() || pieces.is_empty() {
        pieces.push(piece.trim_end().to_owned());
    }
    pieces
}

/// A text's beginning, with an ellipsis where something is left out.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if short.width() + c.width().unwrap_or(0) + 1 > width {
            break;
        }
        short.push(c);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_their_text() {
        let line = "checked    12,250 rows in = 12,250 staged + 0 quarantined";
        assert_eq!(
            broken(line, 30),
            "checked    12,250 rows in =\n           12,250 staged + 0\n           quarantined"
        );
        assert_eq!(broken("  a word and another", 12), "  a word and\n    another");
        assert_eq!(broken("short\n\nlines", 12), "short\n\nlines");
        let key = "landing/dataset=daily_bars/object.ndjson.gz";
        assert_eq!(
            broken(&format!("{key}: rejected"), 20),
            format!("{key}:\n  rejected"),
            "a key stays whole"
        );
    }

    #[test]
    fn cells_of_csv_are_quoted_where_they_have_to_be() {
        let row = ["a,b", "say \"c\"", "d"].map(str::to_owned).to_vec();
        assert_eq!(csv(&["x", "y", "z"], [row]), "x,y,z\n\"a,b\",\"say \"\"c\"\"\",d\n");
    }

    #[test]
    fn pieces_are_no_wider_than_told() {
        for text in ["a key/that/is/long and words", "東京証券取引所 株式", "", "onelongwordwithoutanyspace"]
        {
            let pieces = wrapped(text, 8, 8, true);
            assert!(pieces.iter().all(|piece| piece.width() <= 8), "{pieces:?}");
            let squeezed = |text: &str| text.replace(' ', "");
            assert_eq!(squeezed(&pieces.concat()), squeezed(text));
        }
        assert_eq!(
            (cut("abcdef", 4).as_str(), cut("abc", 4).as_str(), cut("東京都", 4).as_str()),
            ("abc…", "abc", "東…")
        );
    }
}

//! A table that fits what it is shown on.
//!
//! Where it is too wide, columns that matter less go first, long cells are broken or cut, and what is too narrow still for a table
//! is written as `name  value` lines, a row below the other. What was left out is said below the table.

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table as Drawn, Width};
use quotelake_core::visible_lines;
use unicode_width::UnicodeWidthStr as _;

use super::screen::Screen;
use super::text::{cut, wrapped};

/// A column that is no wider keeps its width: names, numbers, dates and instants.
const KEPT: usize = 24;
/// The narrowest that a column of longer texts gets.
const NARROWEST: usize = 16;
/// The same of a column whose texts are cut: less of them says nothing.
const NARROWEST_CUT: usize = 26;
/// A cell with more lines makes a table hard to read: then a row is written as lines.
const MOST_LINES: usize = 5;
/// What a column takes besides its cells, and the space between two columns.
const PADDING: usize = 2;
const BETWEEN: usize = 1;

/// Tag characters about a coloured cell. They have no width, and no text has them: they hide, and are written out.
const RED: char = '\u{e0072}';
const YELLOW: char = '\u{e0079}';
const GREEN: char = '\u{e0067}';
const END: char = '\u{e007f}';

/// A table. A cell may have several lines.
#[derive(Debug, Default)]
pub struct Table {
    header: Vec<String>,
    numbers: Vec<usize>,
    /// Columns that may be left out, the first of them first.
    optional: Vec<usize>,
    /// Columns whose cells are cut and not broken.
    cut: Vec<usize>,
    /// Columns whose cells say how it went.
    judged: Vec<usize>,
    rows: Vec<Vec<String>>,
}

/// A table; columns named in `numbers` are aligned to the right.
pub fn table(header: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    // Before widths are counted.
    let cell = |cell: &str| visible_lines(&cell.replace('\t', " ")).into_owned();
    Table {
        header: header.iter().map(|name| cell(name)).collect(),
        numbers: numbers.to_vec(),
        rows: rows.into_iter().map(|row| row.iter().map(|text| cell(text)).collect()).collect(),
        ..Table::default()
    }
}

impl Table {
    /// Names the columns that may be left out where there is no room, the first of them first.
    #[must_use]
    pub fn optional(self, names: &[&str]) -> Self {
        Self { optional: self.places(names), ..self }
    }

    /// Names columns whose long cells are cut where there is no room.
    #[must_use]
    pub fn cut(self, names: &[&str]) -> Self {
        Self { cut: self.places(names), ..self }
    }

    /// Names columns whose cells say how it went, or count what went wrong: they are coloured.
    #[must_use]
    pub fn judged(self, names: &[&str]) -> Self {
        Self { judged: self.places(names), ..self }
    }

    fn places(&self, names: &[&str]) -> Vec<usize> {
        names.iter().filter_map(|name| self.header.iter().position(|known| known == name)).collect()
    }

    /// The table as it is shown, without a line feed at its end.
    pub fn lay_out(&self, screen: Screen) -> String {
        let all: Vec<usize> = (0..self.header.len()).collect();
        let Some(width) = screen.width else {
            return painted(&self.draw(&all, None), screen.colour);
        };
        for left_out in 0..=self.optional.len() {
            let gone = &self.optional[..left_out];
            let columns: Vec<usize> = all.iter().copied().filter(|column| !gone.contains(column)).collect();
            let Some(widths) = self.widths(&columns, width) else { continue };
            let is_cut = columns.iter().zip(&widths).any(|(column, width)| self.is_cut(*column, *width));
            let mut shown = self.draw(&columns, Some((&widths, width)));
            if is_cut || left_out > 0 {
                shown.push('\n');
                shown.push_str(&self.remark(gone, is_cut, width));
            }
            return painted(&shown, screen.colour);
        }
        painted(&self.stacked(width), screen.colour)
    }

    /// The widest line of a column.
    fn natural(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).chain([&self.header[column]]);
        cells.flat_map(|cell| cell.lines()).map(|line| line.width()).max().unwrap_or(0)
    }

    /// The widths of these columns where they fit, each without its padding. None where they do not, or where a cell gets too many
    /// lines.
    fn widths(&self, columns: &[usize], width: usize) -> Option<Vec<usize>> {
        let mut widths: Vec<usize> = columns.iter().map(|column| self.natural(*column)).collect();
        let room = width.checked_sub(columns.len() * PADDING + columns.len().saturating_sub(1) * BETWEEN)?;
        let kept: usize = widths.iter().filter(|width| **width <= KEPT).sum();
        let mut room = room.checked_sub(kept)?;
        // The shorter ones get what they want, the others share what is left.
        let mut long: Vec<usize> = (0..widths.len()).filter(|at| widths[*at] > KEPT).collect();
        long.sort_by_key(|at| widths[*at]);
        while let Some((at, others)) = long.split_first() {
            let share = room / (others.len() + 1);
            let least = if self.cut.contains(&columns[*at]) { NARROWEST_CUT } else { NARROWEST };
            if widths[*at] > share && share < least.max(self.header[columns[*at]].width()) {
                return None;
            }
            widths[*at] = widths[*at].min(share);
            room -= widths[*at];
            long = others.to_vec();
        }
        let fits = |(column, width): (&usize, &usize)| {
            let cells = self.rows.iter().filter_map(|row| row.get(*column));
            self.cut.contains(column) || cells.into_iter().all(|cell| lines(cell, *width) <= MOST_LINES)
        };
        columns.iter().zip(&widths).all(fits).then_some(widths)
    }

    fn is_cut(&self, column: usize, width: usize) -> bool {
        self.cut.contains(&column) && self.natural(column) > width
    }

    /// What is missing, and how to have it.
    fn remark(&self, gone: &[usize], is_cut: bool, width: usize) -> String {
        let mut names: Vec<&str> = gone.iter().map(|column| self.header[*column].as_str()).collect();
        names.reverse();
        let what = match (names.is_empty(), is_cut) {
            (true, _) => "cells are cut".to_owned(),
            (false, false) => format!("not shown: {}", names.join(", ")),
            (false, true) => format!("cells are cut; not shown: {}", names.join(", ")),
        };
        wrapped(&format!("{what}; --wide shows all"), width, width, true).join("\n")
    }

    /// The table of these columns; with their widths, and that of the whole.
    fn draw(&self, columns: &[usize], widths: Option<(&[usize], usize)>) -> String {
        let mut drawn = Drawn::new();
        drawn.load_style(UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
        drawn.set_header(columns.iter().map(|column| self.header[*column].as_str()));
        for row in &self.rows {
            let cells = columns.iter().enumerate().map(|(at, column)| {
                let cell = row.get(*column).map(String::as_str).unwrap_or_default();
                let cell = match widths {
                    Some((widths, _)) if self.cut.contains(column) => {
                        cut(&cell.replace('\n', " "), widths[at])
                    }
                    Some((widths, _)) => refilled(cell, widths[at]),
                    None => cell.to_owned(),
                };
                self.marked(*column, cell)
            });
            drawn.add_row(cells);
        }
        for (at, column) in columns.iter().enumerate() {
            let Some(drawn) = drawn.column_mut(at) else { continue };
            if self.numbers.contains(column) {
                drawn.set_cell_alignment(CellAlignment::Right);
            }
            if let Some((widths, _)) = widths {
                let width = u16::try_from(widths[at] + PADDING).unwrap_or(u16::MAX);
                drawn.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
            }
        }
        if let Some((_, width)) = widths {
            drawn.set_content_arrangement(ContentArrangement::Dynamic);
            drawn.set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        drawn.to_string()
    }

    /// A row below the other, each value on a line of its own.
    fn stacked(&self, width: usize) -> String {
        let names = self.header.iter().map(|name| name.width()).max().unwrap_or(0).min(width / 3);
        let value_width = width - names - 2;
        let mut all = Vec::new();
        for row in &self.rows {
            let mut of_row = Vec::new();
            for (column, (name, cell)) in self.header.iter().zip(row).enumerate() {
                if cell.is_empty() {
                    continue;
                }
                let room = if name.is_empty() { width } else { value_width };
                let pieces = cell.lines().flat_map(|line| wrapped(line, room, room, true));
                for (at, piece) in pieces.enumerate() {
                    let piece = self.marked(column, piece);
                    of_row.push(match (name.is_empty(), at) {
                        (true, _) => piece,
                        (false, 0) => format!("{}  {piece}", padded(&cut(name, names), names)),
                        (false, _) => format!("{}  {piece}", padded("", names)),
                    });
                }
            }
            all.push(of_row.join("\n"));
        }
        all.join("\n\n") + "\n"
    }

    /// A cell between the marks of its colour.
    fn marked(&self, column: usize, cell: String) -> String {
        match self.judged.contains(&column).then(|| colour_of(&cell)).flatten() {
            Some(colour) if !cell.contains('\n') => format!("{colour}{cell}{END}"),
            _ => cell,
        }
    }
}

/// A text and spaces up to a width.
fn padded(text: &str, width: usize) -> String {
    format!("{text}{:1$}", "", width.saturating_sub(text.width()))
}

/// A cell's lines, broken so that none is wider.
fn refilled(cell: &str, width: usize) -> String {
    let pieces = cell.split('\n').flat_map(|line| wrapped(line, width, width, true));
    pieces.collect::<Vec<_>>().join("\n")
}

fn lines(cell: &str, width: usize) -> usize {
    cell.split('\n').map(|line| wrapped(line, width, width, true).len()).sum()
}

/// What a word says of how it went; a number counts what went wrong.
fn colour_of(word: &str) -> Option<char> {
    Some(match word {
        "" | "0" => return None,
        "pass" | "Pass" | "PASS" | "ok" | "publish" | "landed" | "yes" => GREEN,
        "warn"
        | "warning"
        | "info"
        | "note"
        | "publish_with_quarantine"
        | "partial"
        | "late"
        | "stale"
        | "unverified"
        | "foreign" => YELLOW,
        "fail" | "FAIL" | "error" | "ERROR" | "critical" | "failed" | "block" | "blocked" | "rejected"
        | "damaged" | "missing" | "misplaced" | "no" => RED,
        number if number.chars().all(|c| c.is_ascii_digit() || c == ',') => RED,
        _ => return None,
    })
}

/// The marks as a terminal takes them, or none.
fn painted(text: &str, colour: bool) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            RED | YELLOW | GREEN | END if !colour => {}
            RED => all.push_str("\u{1b}[31m"),
            YELLOW => all.push_str("\u{1b}[33m"),
            GREEN => all.push_str("\u{1b}[32m"),
            END => all.push_str("\u{1b}[0m"),
            c => all.push(c),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "ColumnValues \"close\" between 0.000001 and 1000000 where \"asset_class = 'equity'\"";
    const WHY: &str =
        "Value: -11 does not meet the constraint requirement! orders.csv line 12; orders.csv line 13";

    fn rules() -> Table {
        let row = |result: &str, failed: &str, why: &str| {
            [result, "error", failed, RULE, why].map(str::to_owned).to_vec()
        };
        let rows = [row("PASS", "0", ""), row("FAIL", "12", WHY)];
        table(&["result", "severity", "rows failed", "rule", "why"], &[2], rows)
    }

    fn at(table: &Table, width: usize) -> String {
        let shown = table.lay_out(Screen { width: Some(width), colour: false });
        let too_wide: Vec<&str> = shown.lines().filter(|line| line.width() > width).collect();
        assert!(too_wide.is_empty(), "{too_wide:?}\n{shown}");
        shown
    }

    #[test]
    fn long_cells_are_cut_or_broken_and_columns_left_out() {
        let shown = at(&rules().cut(&["rule"]), 100);
        assert!(shown.contains("…") && shown.ends_with("cells are cut; --wide shows all"), "{shown}");
        assert!(!shown.contains("not shown"), "{shown}");
        let shown = at(&rules().cut(&["rule"]).optional(&["severity", "rows failed"]), 66);
        assert!(
            shown.ends_with("cells are cut; not shown: rows failed, severity; --wide shows all"),
            "{shown}"
        );
        assert!(!shown.contains("error"), "{shown}");
        let whole = rules().lay_out(Screen::default());
        assert!(whole.contains(RULE) && whole.contains(WHY) && !whole.contains("--wide"), "{whole}");
    }

    #[test]
    fn what_is_too_narrow_for_a_table_is_written_in_lines() {
        let shown = at(&rules(), 60);
        assert!(
            shown.starts_with("result       PASS\nseverity     error\nrows failed  0\nrule         "),
            "{shown}"
        );
        assert!(shown.contains("\n\nresult       FAIL\n"), "a blank line is between two rows: {shown}");
        // Nothing is lost: spaces apart, every cell is there.
        let squeezed = |text: &str| text.replace([' ', '\n'], "");
        assert!(squeezed(&shown).contains(&squeezed(WHY)), "{shown}");
        at(&rules(), 20);
    }

    #[test]
    fn colour_is_about_words_that_judge_and_does_not_count() {
        let plain = rules().judged(&["result", "rows failed"]);
        let screen = Screen { width: Some(120), colour: true };
        let shown = plain.lay_out(screen);
        assert!(
            shown.contains("\u{1b}[32mPASS\u{1b}[0m") && shown.contains("\u{1b}[31mFAIL\u{1b}[0m"),
            "{shown:?}"
        );
        assert!(shown.contains("\u{1b}[31m12\u{1b}[0m") && !shown.contains("\u{1b}[31m0"), "{shown:?}");
        let bare =
            ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[0m"].iter().fold(shown, |text, code| text.replace(code, ""));
        assert_eq!(bare, rules().lay_out(Screen { colour: false, ..screen }));
    }

    #[test]
    fn a_table_without_rows_or_columns_is_no_fault() {
        let none = table(&["a", "b"], &[], Vec::new());
        assert!(at(&none, 20).contains('a'));
        at(&table(&[], &[], Vec::new()), 20);
    }
}

//! What quotes mean in a file: the beginning and end of cells, or characters as others.
//!
//! A quote that is taken for the beginning of a cell joins lines until another one comes: rows are swallowed, and what is left looks like a
//! table. Read without quotes no line is ever joined, so the two readings are held against each other, and what was decided is said.

use quotelake_ingest::RawRow;

/// What is done about a reading by quotes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Whether quotes are taken as characters.
    pub(super) without: bool,
    /// What a person is told.
    pub(super) note: Option<String>,
}

/// Decides between the rows that a file has by its quotes and those that it has without; `is_strict` says whether its quotes are all
/// where RFC 4180 has them.
pub(super) fn decide(by_quotes: &[RawRow], without: &[RawRow], delimiter: u8, is_strict: bool) -> Decision {
    let (joined, first) = joined_lines(by_quotes, delimiter);
    let irregular = irregular(without);
    let (wrapped, open) = quoted_cells(without);
    let (lines, rows) = (without.len(), by_quotes.len());
    let is_quoted = wrapped > open;
    if joined > irregular && !(is_strict && is_quoted) {
        return Decision {
            without: true,
            note: Some(format!(
                "AMBIGUOUS: quotes begin cells and do not end them, the first on line {first}: taken for the beginnings of cells they would \
                 join {lines} lines to {rows} rows, so they are taken as characters (`quoting: none`), and every line is a row"
            )),
        };
    }
    if joined > 0 {
        return Decision {
            without: false,
            note: Some(format!(
                "AMBIGUOUS: {joined} lines are inside cells in quotes and look like rows, the first of them in the record that begins on \
                 line {first}: if they are rows, say {{property: quoting, value: none}}"
            )),
        };
    }
    let plain = !is_strict && irregular == 0 && open > 0 && !is_quoted;
    Decision {
        without: plain,
        note: plain.then(|| {
            format!(
                "{open} cells begin with a quote that does not end them: quotes are taken as characters (`quoting: none`), and all {lines} \
                 lines are rows"
            )
        }),
    }
}

/// How many lines inside cells have as many delimiters as a row, in records of which every line has; and where the first such record is.
fn joined_lines(rows: &[RawRow], delimiter: u8) -> (usize, u64) {
    let (mut joined, mut first) = (0, 0);
    for row in rows {
        let least = row.cells.len().saturating_sub(1).max(1);
        let lines: Vec<&str> = row.raw.split(['\r', '\n']).filter(|line| !line.is_empty()).collect();
        let is_full = |line: &&str| line.bytes().filter(|byte| *byte == delimiter).count() >= least;
        if lines.len() > 1 && lines.iter().all(is_full) {
            joined += lines.len() - 1;
            first = if first == 0 { row.line } else { first };
        }
    }
    (joined, first)
}

/// Rows that are not as wide as most.
fn irregular(rows: &[RawRow]) -> usize {
    let mut widths = std::collections::BTreeMap::<usize, usize>::new();
    rows.iter().for_each(|row| *widths.entry(row.cells.len()).or_default() += 1);
    rows.len() - widths.into_values().max().unwrap_or(0)
}

/// Cells in quotes, and cells that begin with a quote or end with one and not both.
fn quoted_cells(rows: &[RawRow]) -> (usize, usize) {
    let (mut wrapped, mut open) = (0, 0);
    for cell in rows.iter().flat_map(|row| &row.cells) {
        match (cell.starts_with('"'), cell.len() > 1 && cell.ends_with('"')) {
            (true, true) => wrapped += 1,
            (false, false) => {}
            _ => open += 1,
        }
    }
    (wrapped, open)
}

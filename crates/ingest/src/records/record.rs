//! One record of CSV, and what may be wrong with it.

use quotelake_contract::TextEncoding;

/// A cell in the record's text, or among those that are rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) rewritten: bool,
    pub(super) quoted: bool,
}

/// A place in a record's text at which its quotes are wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) what: &'static str,
    /// Where the quote is that opened its cell, if one did.
    pub(super) opened: Option<usize>,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(super) cells: &'a [Span],
    pub(super) rewritten: &'a [u8],
    /// As it is in the file, without its line end.
    pub(crate) raw: &'a [u8],
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// The encoding that the text was in, if not UTF-8.
    pub(crate) decoded: Option<TextEncoding>,
    /// Where its quotes are wrong.
    pub(super) fault: Option<Fault>,
    /// Whether any cell of it was quoted, and so may hold line ends.
    pub(super) has_quotes: bool,
    /// Between its cells.
    pub(super) delimiter: u8,
}

impl<'a> Record<'a> {
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The cells, and whether each was in quotes.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&'a [u8], bool)> {
        let (raw, rewritten) = (self.raw, self.rewritten);
        self.cells.iter().map(move |cell| {
            let text = if cell.rewritten { rewritten } else { raw };
            (&text[cell.start..cell.end], cell.quoted)
        })
    }

    /// What is wrong with its quotes, if anything: `column 16: a quote is inside a cell that does not begin with one`.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.map(|fault| format!("column {}: {}", column(self.raw, fault.at), fault.what))
    }

    /// How many lines of it may be rows of their own that a stray quote joined: each holds as many delimiters as a row does. 0 for
    /// a record whose lines do not all do.
    pub(crate) fn joined_lines(&self) -> u64 {
        if !self.has_quotes {
            return 0;
        }
        let (ends, delimiter) = (line_ends(self.raw), self.delimiter);
        // In a table of two columns any sentence with a comma would be a row.
        let least = self.cells.len().saturating_sub(1).max(2);
        let is_full = |line: &[u8]| line.iter().filter(|byte| **byte == delimiter).count() >= least;
        let mut lines = self.raw.split(|byte| matches!(byte, b'\r' | b'\n')).filter(|line| !line.is_empty());
        if ends > 0 && lines.all(is_full) { ends } else { 0 }
    }

    /// The same with text of its own.
    pub(crate) fn hold(&self) -> HeldRecord {
        HeldRecord {
            cells: self.cells.to_vec(),
            rewritten: self.rewritten.to_vec(),
            raw: self.raw.to_vec(),
            line: self.line,
            decoded: self.decoded,
            fault: self.fault,
            has_quotes: self.has_quotes,
            delimiter: self.delimiter,
        }
    }
}

/// A record that waits.
#[derive(Debug, Clone)]
pub(crate) struct HeldRecord {
    cells: Vec<Span>,
    rewritten: Vec<u8>,
    raw: Vec<u8>,
    line: u64,
    decoded: Option<TextEncoding>,
    fault: Option<Fault>,
    has_quotes: bool,
    delimiter: u8,
}

impl HeldRecord {
    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            cells: &self.cells,
            rewritten: &self.rewritten,
            raw: &self.raw,
            line: self.line,
            decoded: self.decoded,
            fault: self.fault,
            has_quotes: self.has_quotes,
            delimiter: self.delimiter,
        }
    }
}

/// The column of a place: characters from the beginning of its line, from 1.
pub(super) fn column(text: &[u8], at: usize) -> usize {
    let line = text[..at].iter().rposition(|byte| matches!(byte, b'\r' | b'\n')).map_or(0, |end| end + 1);
    // Of a character in UTF-8 only the first byte begins otherwise.
    text[line..at].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1
}

/// The line ends in a text: line feeds, and carriage returns without one.
pub(super) fn line_ends(text: &[u8]) -> u64 {
    let mut ends = 0;
    for (at, byte) in text.iter().enumerate() {
        let lone = *byte == b'\r' && text.get(at + 1) != Some(&b'\n');
        ends += u64::from(*byte == b'\n' || lone);
    }
    ends
}

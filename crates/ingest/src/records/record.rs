//! One record of CSV, and what may be wrong with it.

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
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(super) cells: &'a [Span],
    pub(super) rewritten: &'a [u8],
    /// As it stands in the file, without its line end.
    pub(crate) raw: &'a [u8],
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// Whether the text was in another encoding than UTF-8.
    pub(crate) decoded: bool,
    /// Where its quotes are wrong.
    pub(super) fault: Option<Fault>,
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

    /// What is wrong with its quotes, if anything: `column 16: a quote stands inside a cell that does not begin with one`.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fault.map(|fault| format!("column {}: {}", column(self.raw, fault.at), fault.what))
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
    decoded: bool,
    fault: Option<Fault>,
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

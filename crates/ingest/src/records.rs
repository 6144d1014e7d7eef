//! CSV records out of text that comes in pieces, by RFC 4180: a quote begins a cell, ends it, or is doubled inside. A
//! quote anywhere else makes the record a faulty one, and where a faulty record spans lines, or a quote is never closed,
//! nobody can tell where rows begin: that is the end of the file. The same where the rest of a faulty record's line opens a cell that
//! goes on below: the lines in it are no rows.

mod record;
mod rules;

use quotelake_contract::{FileLayout, TextEncoding};
use quotelake_core::{Error, Result};

use record::{Fault, Span, column, line_ends};
pub(crate) use record::{HeldRecord, Record};
use rules::{BARE, ESCAPABLE, QUOTED, Rules};

/// A longer record is a quote that was never closed, not a row.
pub(crate) const MAX_RECORD_BYTES: usize = 4 << 20;

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the beginning of a line that is no part of a record yet.
    Line,
    /// In a line that is passed over: a comment, or one before the table.
    Passed,
    /// At the beginning of a cell.
    Cell,
    /// In a bare cell.
    Bare,
    /// In a quoted cell.
    Quoted,
    /// Behind a quote in a quoted cell: it closes the cell, or the next one doubles it.
    QuoteSeen,
}

/// Cuts text into records.
#[derive(Debug)]
pub(crate) struct Records {
    rules: Rules,
    state: State,
    /// Text from the record at hand on; nothing before it is kept.
    buffer: Vec<u8>,
    /// How far it is read.
    at: usize,
    /// Where the cell at hand begins, and the quote that opened it.
    cell: usize,
    /// Whether the cell at hand must be rewritten: it has doubled quotes, escapes, or text behind its closing quote.
    rewrite: bool,
    quoted: bool,
    /// Whether any cell of the record was quoted, and so may hold line ends.
    any_quoted: bool,
    cells: Vec<Span>,
    /// Cells that are not as they are.
    rewritten: Vec<u8>,
    /// Where the record at hand is faulty.
    fault: Option<Fault>,
    /// Lines before the record at hand.
    lines: u64,
    /// Lines to pass over yet.
    skip: u32,
    /// The last byte was a carriage return: a line feed would belong to it.
    after_cr: bool,
    /// The encoding that the text was in, if not UTF-8.
    pub(crate) decoded: Option<TextEncoding>,
}

const STRAY: &str = "a quote is inside a cell that does not begin with one";
const BEHIND: &str = "text follows a closing quote";

/// Takes records.
pub(crate) type TakeRecord<'t> = &'t mut dyn FnMut(Record<'_>) -> Result<()>;

impl Records {
    pub(crate) fn new(layout: &FileLayout, delimiter: u8) -> Self {
        Self {
            rules: Rules::new(layout, delimiter),
            state: State::Line,
            buffer: Vec::new(),
            at: 0,
            cell: 0,
            rewrite: false,
            quoted: false,
            any_quoted: false,
            cells: Vec::new(),
            rewritten: Vec::new(),
            fault: None,
            lines: 0,
            skip: layout.skip_rows,
            after_cr: false,
            decoded: None,
        }
    }

    /// Takes more text and hands out the records that end in it. `InvalidInput` where the rest of the file cannot be read as
    /// records.
    pub(crate) fn push(&mut self, text: &[u8], take: TakeRecord<'_>) -> Result<()> {
        self.buffer.extend_from_slice(text);
        let begin = self.scan(false, take)?;
        // What is left begins with the record at hand.
        self.buffer.drain(..begin);
        self.at -= begin;
        self.cell = self.cell.saturating_sub(begin);
        if self.buffer.len() > MAX_RECORD_BYTES && self.state != State::Passed {
            return Err(self.too_long());
        }
        Ok(())
    }

    /// Says that there is no more text: hands out the last record where no line end followed it.
    pub(crate) fn finish(&mut self, take: TakeRecord<'_>) -> Result<()> {
        let begin = self.scan(true, take)?;
        let end = self.buffer.len();
        match self.state {
            State::Line | State::Passed => Ok(()),
            State::Quoted => Err(self.unclosed(begin)),
            State::Cell => {
                self.begin_cell(end);
                self.end_record(begin, end, take)
            }
            State::Bare | State::QuoteSeen => self.end_record(begin, end, take),
        }
    }

    /// Reads on. The place in the buffer at which the record at hand begins.
    fn scan(&mut self, last: bool, take: TakeRecord<'_>) -> Result<usize> {
        let mut begin = 0;
        while self.at < self.buffer.len() {
            let byte = self.buffer[self.at];
            match self.state {
                State::Line => {
                    begin = self.at;
                    if !self.begin_line(byte, last) {
                        break;
                    }
                }
                State::Passed => {
                    begin = self.find_line_end();
                    self.at = begin;
                    if self.at < self.buffer.len() {
                        self.end_line();
                    }
                }
                State::Cell => {
                    self.begin_cell(self.at);
                    if self.rules.quote == Some(byte) {
                        self.at += 1;
                        (self.quoted, self.any_quoted) = (true, true);
                        self.state = State::Quoted;
                    } else {
                        self.state = State::Bare;
                    }
                }
                State::Bare => {
                    if !self.go_on_bare(begin, last, take)? {
                        break;
                    }
                }
                State::Quoted => {
                    if !self.go_on_quoted(begin, last)? {
                        break;
                    }
                }
                State::QuoteSeen => self.go_on_behind_quote(begin, byte),
            }
            if self.state == State::Line {
                begin = self.at;
            }
        }
        Ok(begin)
    }

    /// Reads on in a cell without quotes, to its end or a stray character; `false` where the text ends first.
    #[inline]
    fn go_on_bare(&mut self, begin: usize, last: bool, take: TakeRecord<'_>) -> Result<bool> {
        self.at = self.rules.find(&self.buffer, self.at, BARE);
        let Some(byte) = self.buffer.get(self.at).copied() else { return Ok(false) };
        if byte == self.rules.delimiter {
            self.end_cell(begin, self.at);
            self.at += 1;
            self.state = State::Cell;
        } else if byte == b'\n' || byte == b'\r' {
            self.end_record(begin, self.at, take)?;
            self.end_line();
        } else if self.rules.escape == Some(byte) {
            return Ok(self.step_over_escape(last));
        } else {
            self.found_fault(begin, STRAY);
            self.at += 1;
        }
        Ok(true)
    }

    /// Reads on between quotes, to the next of them; `false` where the text ends first.
    #[inline]
    fn go_on_quoted(&mut self, begin: usize, last: bool) -> Result<bool> {
        let text = self.at;
        self.at = self.rules.find(&self.buffer, self.at, QUOTED);
        if self.fault.is_some() && line_ends(&self.buffer[text..self.at]) > 0 {
            return Err(self.opened_behind_fault(begin));
        }
        let Some(byte) = self.buffer.get(self.at).copied() else { return Ok(false) };
        // Where one character is both, a doubled one is read as a quote.
        if self.rules.quote == Some(byte) {
            self.at += 1;
            self.state = State::QuoteSeen;
            return Ok(true);
        }
        Ok(self.step_over_escape(last))
    }

    /// Decides by the character behind a quote whether it was doubled, or closed the cell.
    #[inline]
    fn go_on_behind_quote(&mut self, begin: usize, byte: u8) {
        let ends_cell = byte == self.rules.delimiter || matches!(byte, b'\n' | b'\r');
        if self.rules.quote == Some(byte) {
            self.rewrite = true;
            self.at += 1;
            self.state = State::Quoted;
        } else {
            if !ends_cell {
                self.rewrite = true;
                if !self.rules.lenient {
                    self.found_fault(begin, BEHIND);
                }
            }
            self.state = State::Bare;
        }
    }

    /// Looks at the first byte of a line. False where more text is needed to know what the line is.
    fn begin_line(&mut self, byte: u8, last: bool) -> bool {
        if byte == b'\n' && self.after_cr {
            self.after_cr = false;
            self.at += 1;
            return true;
        }
        self.after_cr = false;
        if matches!(byte, b'\r' | b'\n') {
            self.skip = self.skip.saturating_sub(1);
            self.end_line();
            return true;
        }
        if self.skip > 0 {
            self.skip -= 1;
            self.state = State::Passed;
            return true;
        }
        let (rest, comment) = (&self.buffer[self.at..], &self.rules.comment);
        if !comment.is_empty() {
            if rest.starts_with(comment) {
                self.state = State::Passed;
                return true;
            }
            if !last && comment.starts_with(rest) {
                return false;
            }
        }
        self.state = State::Cell;
        true
    }

    /// Steps over the line end at `at`.
    fn end_line(&mut self) {
        self.after_cr = self.buffer[self.at] == b'\r';
        self.at += 1;
        self.lines += 1;
        self.state = State::Line;
    }

    fn find_line_end(&self) -> usize {
        let rest = &self.buffer[self.at..];
        rest.iter()
            .position(|byte| matches!(byte, b'\r' | b'\n'))
            .map_or(self.buffer.len(), |end| self.at + end)
    }

    /// Steps over an escape and what it takes the meaning from. False where that has not come yet.
    fn step_over_escape(&mut self, last: bool) -> bool {
        match self.buffer.get(self.at + 1) {
            Some(next) if self.rules.is(*next, ESCAPABLE) => {
                self.rewrite = true;
                // It may have taken the meaning from a line end.
                self.any_quoted = true;
                self.at += 2;
            }
            Some(_) => self.at += 1,
            None if last => self.at += 1,
            None => return false,
        }
        true
    }

    /// Begins a cell, bare until a quote says otherwise.
    #[inline]
    fn begin_cell(&mut self, at: usize) {
        self.cell = at;
        (self.rewrite, self.quoted) = (false, false);
    }

    /// Ends the cell at hand before `end`.
    #[inline]
    fn end_cell(&mut self, begin: usize, end: usize) {
        if self.rewrite {
            return self.end_rewritten_cell(end);
        }
        // The quotes around it are no part of it.
        let quotes = usize::from(self.quoted);
        let (start, end) = (self.cell + quotes - begin, end - quotes - begin);
        self.cells.push(Span { start, end, rewritten: false, quoted: self.quoted });
    }

    /// Ends a cell whose text is not what is there.
    fn end_rewritten_cell(&mut self, end: usize) {
        let Self { rules, buffer, rewritten, .. } = self;
        let start = rewritten.len();
        let mut text = buffer[self.cell..end].iter().copied().peekable();
        let mut inside = self.quoted;
        if inside {
            text.next();
        }
        while let Some(byte) = text.next() {
            if inside && rules.quote == Some(byte) {
                // Doubled, or the closing one.
                match text.next_if_eq(&byte) {
                    Some(_) => rewritten.push(byte),
                    None => inside = false,
                }
            } else if rules.escape == Some(byte) && (inside || rules.quote.is_none()) {
                rewritten.push(text.next_if(|next| rules.is(*next, ESCAPABLE)).unwrap_or(byte));
            } else {
                rewritten.push(byte);
            }
        }
        let end = rewritten.len();
        self.cells.push(Span { start, end, rewritten: true, quoted: self.quoted });
    }

    /// The byte at hand is where the record's quotes are wrong. What follows is read as where quotes are lenient, to find the
    /// record's end: the first fault is the one that is told.
    #[cold]
    fn found_fault(&mut self, begin: usize, what: &'static str) {
        let opened = self.quoted.then(|| self.cell - begin);
        self.fault.get_or_insert(Fault { at: self.at - begin, what, opened });
    }

    /// Hands out the record between two places of the buffer.
    fn end_record(&mut self, begin: usize, end: usize, take: TakeRecord<'_>) -> Result<()> {
        self.end_cell(begin, end);
        if let Some(fault) = self.fault {
            self.check_faulty(begin, end, fault)?;
        }
        self.hand_out(begin, end, take)
    }

    /// `InvalidInput` where a faulty record spans lines.
    #[cold]
    fn check_faulty(&self, begin: usize, end: usize, fault: Fault) -> Result<()> {
        let Fault { at, what, opened } = fault;
        let at = begin + at;
        if line_ends(&self.buffer[begin..end]) > 0 {
            let met = self.place(begin, at);
            let began = match opened {
                Some(quote) => {
                    format!("the quote {} opens a cell of several lines", self.place(begin, begin + quote))
                }
                None => format!("the record that begins on line {} has several lines", self.lines + 1),
            };
            return Err(Error::invalid(format!(
                "{began}, and {met} {what}: nobody can tell where rows begin; the whole file is rejected"
            )));
        }
        Ok(())
    }

    /// A quoted cell that goes on below the line of a fault before it: its lines would be read as rows if the line alone were refused.
    #[cold]
    fn opened_behind_fault(&self, begin: usize) -> Error {
        let Some(fault) = self.fault else { return self.unclosed(begin) };
        let (at, what) = (begin + fault.at, fault.what);
        if let Err(error) = self.check_faulty(begin, at, fault) {
            return error;
        }
        Error::invalid(format!(
            "{} {what}, and the quote {} opens a cell that is not closed on its line: nobody can tell where rows begin; the whole \
             file is rejected",
            self.place(begin, at),
            self.place(begin, self.cell)
        ))
    }

    #[inline]
    fn hand_out(&mut self, begin: usize, end: usize, take: TakeRecord<'_>) -> Result<()> {
        let raw = &self.buffer[begin..end];
        let record = Record {
            cells: &self.cells,
            rewritten: &self.rewritten,
            raw,
            line: self.lines + 1,
            decoded: self.decoded,
            fault: self.fault,
            has_quotes: self.any_quoted,
            delimiter: self.rules.delimiter,
        };
        let taken = take(record);
        if self.any_quoted {
            self.lines += line_ends(raw);
            self.any_quoted = false;
            self.rewritten.clear();
        }
        self.cells.clear();
        self.fault = None;
        taken
    }

    /// `on line 2, column 14`, of a place in the buffer.
    fn place(&self, begin: usize, at: usize) -> String {
        let line = self.lines + 1 + line_ends(&self.buffer[begin..at]);
        format!("on line {line}, column {}", column(&self.buffer[begin..], at - begin))
    }

    fn unclosed(&self, begin: usize) -> Error {
        Error::invalid(format!(
            "the quote {} is never closed: nobody can tell where the rows behind it begin; the whole file is rejected",
            self.place(begin, self.cell)
        ))
    }

    fn too_long(&self) -> Error {
        let mut text = format!(
            "the record that begins on line {} is longer than {} MiB",
            self.lines + 1,
            MAX_RECORD_BYTES >> 20
        );
        if self.state == State::Quoted {
            text.push_str(&format!(": the quote {} was never closed", self.place(0, self.cell)));
        }
        Error::invalid(text)
    }
}

#[cfg(test)]
mod tests;

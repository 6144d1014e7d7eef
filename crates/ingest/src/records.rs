//! CSV records out of text that comes in pieces.

use quotelake_core::{Error, Result};

/// A longer record is a quote that was never closed, not a row.
const MAX_RECORD_BYTES: usize = 4 << 20;

/// Cuts text into records.
#[derive(Debug)]
pub(crate) struct Records {
    reader: Box<csv_core::Reader>,
    /// The fields of the record at hand, one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    filled: usize,
    fields: usize,
    /// The record at hand as it stands in the file, line ends before it included.
    raw: Vec<u8>,
    /// Line ends before `raw`.
    lines: u64,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    text: &'a [u8],
    ends: &'a [usize],
    /// As it stands in the file, without line ends around it.
    pub(crate) raw: &'a [u8],
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
}

impl<'a> Record<'a> {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &'a [u8]> {
        let (text, mut start) = (self.text, 0);
        self.ends.iter().map(move |end| {
            let field = &text[start..*end];
            start = *end;
            field
        })
    }
}

impl Records {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self {
            reader: Box::new(csv_core::ReaderBuilder::new().delimiter(delimiter).build()),
            text: vec![0; 4096],
            ends: vec![0; 64],
            filled: 0,
            fields: 0,
            raw: Vec::new(),
            lines: 0,
        }
    }

    /// Takes more text and hands out the records that end in it.
    pub(crate) fn push(
        &mut self,
        mut input: &[u8],
        take: &mut dyn FnMut(Record<'_>) -> Result<()>,
    ) -> Result<()> {
        while !input.is_empty() {
            let read = self.step(input, take)?.0;
            input = &input[read..];
        }
        Ok(())
    }

    /// Says that there is no more text: hands out the last record where no line end followed it.
    pub(crate) fn finish(&mut self, take: &mut dyn FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        while !self.step(&[], take)?.1 {}
        Ok(())
    }

    /// Bytes read, and whether all is read.
    fn step(
        &mut self,
        input: &[u8],
        take: &mut dyn FnMut(Record<'_>) -> Result<()>,
    ) -> Result<(usize, bool)> {
        use csv_core::ReadRecordResult as Step;
        let (step, read, written, ended) =
            self.reader.read_record(input, &mut self.text[self.filled..], &mut self.ends[self.fields..]);
        self.raw.extend_from_slice(&input[..read]);
        self.filled += written;
        self.fields += ended;
        match step {
            Step::InputEmpty if self.raw.len() > MAX_RECORD_BYTES => {
                let line = self.lines + 1;
                return Err(Error::invalid(format!(
                    "the record that begins on line {line} is longer than {} MiB: a quote was never closed",
                    MAX_RECORD_BYTES >> 20
                )));
            }
            Step::InputEmpty => {}
            Step::OutputFull => self.text.resize(self.text.len() * 2, 0),
            Step::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            Step::Record => self.hand_out(take)?,
            Step::End => return Ok((read, true)),
        }
        Ok((read, false))
    }

    fn hand_out(&mut self, take: &mut dyn FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = self.raw.iter().position(|byte| !is_end(byte)).unwrap_or(self.raw.len());
        let end = self.raw.iter().rposition(|byte| !is_end(byte)).map_or(start, |last| last + 1);
        let line = self.lines + newlines(&self.raw[..start]) + 1;
        self.lines += newlines(&self.raw);
        let record = Record {
            text: &self.text[..self.filled],
            ends: &self.ends[..self.fields],
            raw: &self.raw[start..end],
            line,
        };
        let taken = take(record);
        (self.filled, self.fields) = (0, 0);
        self.raw.clear();
        taken
    }
}

fn newlines(text: &[u8]) -> u64 {
    text.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], piece: usize) -> Vec<(u64, Vec<String>, String)> {
        let mut found = Vec::new();
        let mut take = |record: Record<'_>| {
            let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            found.push((record.line, record.fields().map(string).collect(), string(record.raw)));
            Ok(())
        };
        let mut records = Records::new(b',');
        for piece in text.chunks(piece) {
            records.push(piece, &mut take).unwrap();
        }
        records.finish(&mut take).unwrap();
        found
    }

    #[test]
    fn the_cut_of_the_pieces_does_not_matter() {
        let text = "a,b\r\n1,\"x\n\"\"y\"\"\"\r\n\n\n,\r\nlast,5\" pipe";
        let whole = read(text.as_bytes(), 1000);
        let strings = |all: [&str; 2]| all.map(str::to_owned).to_vec();
        assert_eq!(
            whole,
            [
                (1, strings(["a", "b"]), "a,b".into()),
                (2, strings(["1", "x\n\"y\""]), "1,\"x\n\"\"y\"\"\"".into()),
                (6, strings(["", ""]), ",".into()),
                (7, strings(["last", "5\" pipe"]), "last,5\" pipe".into()),
            ]
        );
        for piece in 1..text.len() {
            assert_eq!(read(text.as_bytes(), piece), whole, "pieces of {piece}");
        }
    }

    #[test]
    fn a_quote_without_end_is_named_with_its_line() {
        let mut text = b"a,b\n1,\"".to_vec();
        text.resize(MAX_RECORD_BYTES * 2, b'x');
        let mut records = Records::new(b',');
        let error = records.push(&text, &mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.starts_with("the record that begins on line 2 is longer than 4 MiB"), "{error}");
    }
}

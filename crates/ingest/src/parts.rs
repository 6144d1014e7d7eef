//! Landing objects in the making: lines, with where they are in the file, in gzip objects of a bounded size.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::write::GzEncoder;
use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_landing::{Doubts, IngestOrigin, SourceLines, gzip};

use crate::json_lines;
use crate::mapping::{Mapping, Row};
use crate::outside::Outside;
use crate::place::Place;
use crate::table::TakeRows;

/// Lines in one landing object, unpacked: what `check` holds in memory at once.
pub const PART_BYTES: usize = 32 << 20;
/// Lines that are handed to the compressor together.
const LINES_BYTES: usize = 1 << 20;

/// Makes landing lines of rows.
pub(crate) struct Parts {
    /// The file's name, for those who look for a row in it.
    file: String,
    encoder: GzEncoder<Vec<u8>>,
    /// Bytes in the object at hand.
    bytes: usize,
    lines: Vec<u8>,
    /// The line of the file on which the next row is, where nothing needs to be said.
    expected: Option<u64>,
    /// Objects that are done.
    pub(crate) full: Vec<Bytes>,
    place: Place,
    /// Makes lines of JSON canonical.
    canonical: SourceLines,
    doubts: Doubts,
    canonical_line: Vec<u8>,
    /// Rows, readable or not.
    pub(crate) rows: u64,
    /// Rows that could not be read.
    pub(crate) unreadable: u64,
}

impl Parts {
    /// For the rows of a file: its name, what tells it from other files, and what its texts leave in doubt.
    pub(crate) fn new(file: &str, contract: &Arc<Contract>, file_id: &str, doubts: &Doubts) -> Self {
        Self {
            place: Place::new(contract, file_id),
            canonical: SourceLines::new(Arc::clone(contract)),
            doubts: doubts.clone(),
            canonical_line: Vec::new(),
            file: file.to_owned(),
            encoder: gzip::encoder(),
            bytes: 0,
            lines: Vec::new(),
            expected: None,
            full: Vec::new(),
            rows: 0,
            unreadable: 0,
        }
    }

    /// Says where the next row is, unless it is the line behind the last one.
    #[inline]
    fn origin(&mut self, line: u64) -> Result<()> {
        if self.expected != Some(line) {
            IngestOrigin { file: self.file.clone(), line }.write_line(&mut self.lines)?;
            self.lines.push(b'\n');
        }
        self.expected = Some(line + 1);
        self.rows += 1;
        Ok(())
    }

    #[inline]
    fn spill(&mut self) -> Result<()> {
        if self.lines.len() < LINES_BYTES {
            return Ok(());
        }
        self.compress()
    }

    fn compress(&mut self) -> Result<()> {
        self.bytes += self.lines.len();
        self.encoder.write_all(&self.lines).map_err(in_memory)?;
        self.lines.clear();
        if self.bytes >= PART_BYTES { self.end_part() } else { Ok(()) }
    }

    fn end_part(&mut self) -> Result<()> {
        let encoder = std::mem::replace(&mut self.encoder, gzip::encoder());
        self.full.push(encoder.finish().map_err(in_memory)?.into());
        self.bytes = 0;
        // An object says again where its first row is.
        self.expected = None;
        Ok(())
    }

    /// Says that there are no more rows. A file without a row still becomes an object, if it is to be the `only` one: an empty one.
    pub(crate) fn finish(&mut self, only: bool) -> Result<()> {
        self.compress()?;
        if self.bytes > 0 || only && self.full.is_empty() { self.end_part() } else { Ok(()) }
    }
}

impl TakeRows for Parts {
    fn row(&mut self, mapping: &Mapping<'_>, row: &Row<'_>) -> Result<()> {
        self.origin(row.line())?;
        let is_readable = mapping.write_line(row, &mut self.lines)?;
        self.unreadable += u64::from(!is_readable);
        self.place.next(is_readable, &mut self.lines);
        self.spill()
    }

    fn json(&mut self, line: u64, text: &[u8], outside: &Outside) -> Result<()> {
        self.origin(line)?;
        match std::str::from_utf8(text) {
            Ok(line) if !self.canonical.is_plain() => {
                self.canonical_line.clear();
                self.canonical.rewrite(line, &self.doubts, &mut self.canonical_line)?;
                json_lines::write(&self.canonical_line, outside, &mut self.lines);
            }
            // What is no text is said by `check`.
            _ => json_lines::write(text, outside, &mut self.lines),
        }
        self.place.next(text.starts_with(b"{"), &mut self.lines);
        self.spill()
    }
}

fn in_memory(error: std::io::Error) -> Error {
    Error::bug("cannot compress in memory").with_source(error)
}

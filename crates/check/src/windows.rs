//! An object's lines, a few megabytes at a time: memory does not grow with the object, nor with a line that never ends.

use std::fmt;
use std::io::{ErrorKind, Read};

use bytes::{Buf as _, Bytes};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// Text that is looked at together.
const WINDOW_BYTES: usize = 4 << 20;
/// A longer line is no row of any dataset.
const MAX_LINE_BYTES: usize = WINDOW_BYTES;
/// What is kept of a line that is too long.
const KEPT_BYTES: usize = 4096;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A part of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole lines. Lines are numbered from 1; `first_line` is the number of the first.
    Lines { first_line: u64, text: Vec<u8> },
    /// A line that is too long to be a row: its beginning, and enough to find it again.
    LongLine { line: u64, beginning: Vec<u8>, bytes: u64, sha256: String },
    /// The object ends before it should: what was left of the last line, and why.
    Broken { line: u64, rest: Vec<u8>, error: String },
}

/// Reads an object's lines; gzip is known by its first bytes, whatever the key says.
pub(crate) struct Windows {
    source: Box<dyn Read + Send>,
    carry: Vec<u8>,
    next_line: u64,
    state: State,
}

enum State {
    Reading,
    Failed(String),
    Done,
}

impl fmt::Debug for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Windows").field("next_line", &self.next_line).finish()
    }
}

impl Windows {
    pub(crate) fn open(object: Bytes) -> Self {
        let source: Box<dyn Read + Send> = if object.starts_with(&GZIP_MAGIC) {
            Box::new(MultiGzDecoder::new(object.reader()))
        } else {
            Box::new(object.reader())
        };
        Self { source, carry: Vec::new(), next_line: 1, state: State::Reading }
    }

    fn lines(&mut self, text: Vec<u8>) -> Piece {
        let first_line = self.next_line;
        let newlines = memchr::memchr_iter(b'\n', &text).count() as u64;
        self.next_line += newlines + u64::from(text.last() != Some(&b'\n'));
        Piece::Lines { first_line, text }
    }

    /// Fills the carry up to a window. `Ok(true)` at the end of the object.
    fn fill(&mut self) -> Result<bool, String> {
        let mut filled = self.carry.len();
        self.carry.resize(WINDOW_BYTES.max(filled), 0);
        let outcome = loop {
            if filled == self.carry.len() {
                break Ok(false);
            }
            match self.source.read(&mut self.carry[filled..]) {
                Ok(0) => break Ok(true),
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(error.to_string()),
            }
        };
        self.carry.truncate(filled);
        outcome
    }

    /// Passes over the rest of a line that is too long; what follows it becomes the carry.
    fn skip_long_line(&mut self) -> Piece {
        let line = self.next_line;
        self.next_line += 1;
        let mut hash = Sha256::new();
        let mut bytes = 0;
        let beginning = self.carry[..KEPT_BYTES.min(self.carry.len())].to_vec();
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.carry) {
                hash.update(&self.carry[..end]);
                bytes += end as u64;
                self.carry.drain(..=end);
                break;
            }
            hash.update(&self.carry);
            bytes += self.carry.len() as u64;
            self.carry.clear();
            match self.fill() {
                Ok(true) if self.carry.is_empty() => {
                    self.state = State::Done;
                    break;
                }
                Ok(_) => {}
                Err(error) => {
                    self.state = State::Failed(error);
                    if self.carry.is_empty() {
                        break;
                    }
                }
            }
        }
        Piece::LongLine { line, beginning, bytes, sha256: hex::encode(hash.finalize()) }
    }
}

impl Iterator for Windows {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if matches!(self.state, State::Done) {
            return None;
        }
        if matches!(self.state, State::Reading) {
            let begins = self.next_line == 1 && self.carry.is_empty();
            match self.fill() {
                Ok(false) => {}
                Ok(true) => self.state = State::Done,
                Err(error) => self.state = State::Failed(error),
            }
            if begins && self.carry.starts_with(&UTF8_BOM) {
                self.carry.drain(..UTF8_BOM.len());
            }
        }
        if let Some(end) = memchr::memrchr(b'\n', &self.carry) {
            let rest = self.carry.split_off(end + 1);
            let text = std::mem::replace(&mut self.carry, rest);
            // What follows the last newline at the end of the object is its last line.
            if matches!(self.state, State::Done) && !self.carry.is_empty() {
                self.state = State::Reading;
            }
            return Some(self.lines(text));
        }
        if self.carry.len() >= MAX_LINE_BYTES {
            return Some(self.skip_long_line());
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Failed(error) => {
                Some(Piece::Broken { line: self.next_line, rest: std::mem::take(&mut self.carry), error })
            }
            _ if self.carry.is_empty() => None,
            _ => {
                let text = std::mem::take(&mut self.carry);
                Some(self.lines(text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn lines(object: impl Into<Bytes>) -> Vec<(u64, String)> {
        let mut all = Vec::new();
        for piece in Windows::open(object.into()) {
            match piece {
                Piece::Lines { first_line, text } => {
                    let text = String::from_utf8(text).unwrap();
                    all.extend(
                        text.lines().enumerate().map(|(i, line)| (first_line + i as u64, line.to_owned())),
                    );
                }
                Piece::LongLine { line, bytes, .. } => all.push((line, format!("long line of {bytes}"))),
                Piece::Broken { line, rest, error } => {
                    all.push((line, format!("broken: {} ({error})", String::from_utf8_lossy(&rest))));
                }
            }
        }
        all
    }

    #[test]
    fn plain_gzip_members_and_a_last_line_without_newline() {
        assert_eq!(lines(""), []);
        assert_eq!(lines("a\nb"), [(1, "a".into()), (2, "b".into())]);
        let mut two = gzip(b"a\n");
        two.extend(gzip(b"b\nc\n"));
        assert_eq!(lines(two), [(1, "a".into()), (2, "b".into()), (3, "c".into())]);
        assert_eq!(lines("\u{feff}a\n"), [(1, "a".into())]);
    }

    #[test]
    fn a_cut_gzip_gives_its_whole_lines_first() {
        let text: String = (0..20_000).map(|i| format!("line {} {i}\n", i * 7919 % 10_007)).collect();
        let whole = gzip(text.as_bytes());
        let found = lines(whole[..whole.len() / 2].to_vec());
        let (last, good) = found.split_last().unwrap();
        assert!(good.len() > 1000);
        assert!(good.iter().zip(text.lines()).all(|((_, found), line)| found == line));
        assert!(last.1.starts_with("broken: "), "{last:?}");
        assert_eq!(last.0, good.len() as u64 + 1);
    }

    #[test]
    fn a_line_without_end_does_not_hide_its_neighbours() {
        let mut text = b"first\n".to_vec();
        text.extend(vec![b'x'; 3 * MAX_LINE_BYTES + 17]);
        text.extend(b"\nlast\n");
        let expected = format!("long line of {}", 3 * MAX_LINE_BYTES + 17);
        assert_eq!(lines(text.clone()), [(1, "first".into()), (2, expected.clone()), (3, "last".into())]);
        text.truncate(6 + 3 * MAX_LINE_BYTES + 17);
        assert_eq!(lines(text), [(1, "first".into()), (2, expected)]);
    }

    #[test]
    fn windows_split_at_lines() {
        let line = format!("{}\n", "y".repeat(999));
        let text = line.repeat(10_000);
        assert_eq!(lines(text).len(), 10_000);
    }
}

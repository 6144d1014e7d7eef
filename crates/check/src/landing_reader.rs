//! An object's lines, a few megabytes at a time. An object that is not large is unpacked whole, which is fastest; a larger one, or
//! one that is not quite as it should be, as a stream: memory does not grow with the object, nor with a line that never ends.

use std::fmt;
use std::io::{ErrorKind, Read};
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::{Buf as _, Bytes};
use flate2::read::MultiGzDecoder;
use libdeflater::Decompressor;
use memchr::memmem;
use sha2::{Digest, Sha256};

/// Text that is looked at together.
const WINDOW_BYTES: usize = 4 << 20;
/// A longer line is no row of any dataset.
const MAX_LINE_BYTES: usize = WINDOW_BYTES;
/// What is kept of a line that is too long.
const KEPT_BYTES: usize = 4096;
/// The largest text that an object is unpacked to at once.
const MAX_WHOLE_BYTES: usize = 24 << 20;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How each member of a gzip file begins: magic and method. See <https://www.rfc-editor.org/rfc/rfc1952>.
const GZIP_MEMBER: [u8; 3] = [0x1f, 0x8b, 8];
/// The header up to the fields that it need not have.
const GZIP_HEADER_BYTES: usize = 10;
/// The flag of a header that holds the file's name.
const GZIP_NAME: u8 = 8;
const GZIP_TRAILER_BYTES: usize = 8;
const UTF8_BOM: [u8; 3] = [0xef, 0xbb, 0xbf];

/// A part of an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// Whole lines.
    Lines(Bytes),
    /// A line that is too long to be a row: its beginning, and enough to find it again.
    LongLine { beginning: Vec<u8>, bytes: u64, sha256: String },
    /// The object is damaged: it ends before it should, or is not what its own checksum says. Why.
    Broken { error: String },
}

/// Reads an object's lines; gzip is known by its first bytes, whatever the key says.
#[derive(Debug)]
pub(crate) enum LandingReader {
    /// Text that is there already.
    Whole(Bytes),
    Stream(Stream),
}

/// Whether an object begins as a gzip file does.
pub(crate) fn is_gzip(object: &[u8]) -> bool {
    object.starts_with(&GZIP_MAGIC)
}

impl LandingReader {
    pub(crate) fn open(object: Bytes) -> Self {
        let whole = if is_gzip(&object) { unpacked(&object) } else { Some(object.clone()) };
        match whole {
            Some(mut text) => {
                if text.starts_with(&UTF8_BOM) {
                    text.advance(UTF8_BOM.len());
                }
                Self::Whole(text)
            }
            None => Self::Stream(Stream::new(Box::new(MultiGzDecoder::new(object.reader())))),
        }
    }
}

/// The text of a gzip file of one member that is whole; `None` for any other, which is read as a stream.
fn unpacked(object: &[u8]) -> Option<Bytes> {
    let (member, trailer) = object.split_last_chunk::<GZIP_TRAILER_BYTES>()?;
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
    let (checksum, length) = (number(&trailer[..4])?, number(&trailer[4..])? as usize);
    // The decoder stops behind the first member and does not say so. What could be the beginning of another one (three flags are
    // reserved) is hardly ever in a file by chance.
    let begins = |at: usize| object.get(at + GZIP_MEMBER.len()).is_some_and(|flags| *flags < 0x20);
    if length > MAX_WHOLE_BYTES || memmem::find_iter(object, &GZIP_MEMBER).any(|at| at > 0 && begins(at)) {
        return None;
    }
    let mut text = PooledBuffer::of(length);
    let unpacked =
        Decompressor::new().deflate_decompress(deflated(member)?, &mut text.bytes[..length]).ok()?;
    // The trailer that was read is the file's last bytes: nothing follows the member.
    let is_whole = unpacked == length && libdeflater::crc32(&text.bytes[..length]) == checksum;
    is_whole.then(|| Bytes::from_owner(text).slice(..length))
}

/// Memory that a text is unpacked into. It is kept for the next object: fresh memory of this size is handed out by the system
/// page by page, each cleared before.
struct PooledBuffer {
    bytes: Vec<u8>,
}

/// Buffers that nobody uses, at most one for each core.
static BUFFERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
static MOST_BUFFERS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));

/// Gives back the memory that is kept for objects to come.
pub fn release_memory() {
    BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

impl PooledBuffer {
    /// A buffer of at least so many bytes.
    fn of(length: usize) -> Self {
        let mut bytes = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if bytes.len() < length {
            // Not to be copied into a larger one, nor beside it, and a little larger than it has to be: most objects are alike.
            drop(std::mem::take(&mut bytes));
            bytes = vec![0; length + length / 16];
        }
        Self { bytes }
    }
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
        if buffers.len() < *MOST_BUFFERS {
            buffers.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// What follows a member's header, which may name a file; `None` where it holds anything else.
fn deflated(member: &[u8]) -> Option<&[u8]> {
    let (header, rest) = member.split_first_chunk::<GZIP_HEADER_BYTES>()?;
    match (header.strip_prefix(&GZIP_MEMBER)?[0], rest) {
        (0, rest) => Some(rest),
        (GZIP_NAME, rest) => rest.get(memchr::memchr(0, rest)? + 1..),
        _ => None,
    }
}

impl Iterator for LandingReader {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        match self {
            Self::Whole(text) => next_of(text),
            Self::Stream(stream) => stream.next(),
        }
    }
}

/// Takes the next chunk off a text.
fn next_of(text: &mut Bytes) -> Option<Chunk> {
    if text.is_empty() {
        return None;
    }
    let window = &text[..text.len().min(WINDOW_BYTES)];
    let end = match memchr::memrchr(b'\n', window) {
        Some(end) if window.len() < text.len() => end + 1,
        // The last line may lack its newline.
        _ if window.len() < MAX_LINE_BYTES => window.len(),
        Some(end) => end + 1,
        None => {
            let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
            let line = text.split_to(end);
            if !text.is_empty() {
                text.advance(1);
            }
            let mut long = LongLine::of(&line);
            long.more(&line);
            return Some(long.chunk());
        }
    };
    Some(Chunk::Lines(text.split_to(end)))
}

/// A line that is too long, while it is passed over.
struct LongLine {
    beginning: Vec<u8>,
    hash: Sha256,
    bytes: u64,
}

impl LongLine {
    fn of(beginning: &[u8]) -> Self {
        let beginning = beginning[..KEPT_BYTES.min(beginning.len())].to_vec();
        Self { beginning, hash: Sha256::new(), bytes: 0 }
    }

    fn more(&mut self, part: &[u8]) {
        self.hash.update(part);
        self.bytes += part.len() as u64;
    }

    fn chunk(self) -> Chunk {
        let Self { beginning, hash, bytes } = self;
        Chunk::LongLine { beginning, bytes, sha256: hex::encode(hash.finalize()) }
    }
}

/// Text that is read a little at a time.
pub(crate) struct Stream {
    source: Box<dyn Read + Send>,
    carry: Vec<u8>,
    state: State,
}

enum State {
    Beginning,
    Reading,
    Failed(String),
    Done,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("carry", &self.carry.len()).finish()
    }
}

impl Stream {
    fn new(source: Box<dyn Read + Send>) -> Self {
        Self { source, carry: Vec::new(), state: State::Beginning }
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
    fn skip_long_line(&mut self) -> Chunk {
        let mut long = LongLine::of(&self.carry);
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.carry) {
                long.more(&self.carry[..end]);
                self.carry.drain(..=end);
                break;
            }
            long.more(&self.carry);
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
        long.chunk()
    }

    fn next(&mut self) -> Option<Chunk> {
        if matches!(self.state, State::Done) {
            return None;
        }
        if matches!(self.state, State::Beginning | State::Reading) {
            let begins = matches!(self.state, State::Beginning);
            self.state = match self.fill() {
                Ok(false) => State::Reading,
                Ok(true) => State::Done,
                Err(error) => State::Failed(error),
            };
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
            return Some(Chunk::Lines(text.into()));
        }
        if self.carry.len() >= MAX_LINE_BYTES {
            return Some(self.skip_long_line());
        }
        match std::mem::replace(&mut self.state, State::Done) {
            State::Failed(error) => Some(Chunk::Broken { error }),
            _ if self.carry.is_empty() => None,
            _ => Some(Chunk::Lines(std::mem::take(&mut self.carry).into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::write::GzEncoder;
    use flate2::{Compression, GzBuilder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// The lines of an object, and a text for each that is none.
    fn lines(object: impl Into<Bytes>) -> Vec<String> {
        let mut all = Vec::new();
        for piece in LandingReader::open(object.into()) {
            match piece {
                Chunk::Lines(text) => {
                    all.extend(String::from_utf8(text.to_vec()).unwrap().lines().map(str::to_owned));
                }
                Chunk::LongLine { bytes, .. } => all.push(format!("long line of {bytes}")),
                Chunk::Broken { error } => all.push(format!("broken: {error}")),
            }
        }
        all
    }

    #[test]
    fn plain_gzip_members_and_a_last_line_without_newline() {
        assert_eq!(lines(""), [""; 0]);
        assert_eq!(lines("a\nb"), ["a", "b"]);
        let mut two = gzip(b"a\n");
        two.extend(gzip(b"b\nc\n"));
        assert_eq!(lines(two), ["a", "b", "c"]);
        assert_eq!(lines("\u{feff}a\n"), ["a"]);
    }

    #[test]
    fn a_cut_gzip_gives_its_whole_lines_first() {
        let text: String = (0..20_000).map(|i| format!("line {} {i}\n", i * 7919 % 10_007)).collect();
        let whole = gzip(text.as_bytes());
        let found = lines(whole[..whole.len() / 2].to_vec());
        let (last, good) = found.split_last().unwrap();
        assert!(good.len() > 1000);
        assert!(good.iter().zip(text.lines()).all(|(found, line)| found == line));
        assert!(last.starts_with("broken: "), "{last:?}");
    }

    #[test]
    fn a_line_without_end_does_not_hide_its_neighbours() {
        let mut text = b"first\n".to_vec();
        text.extend(vec![b'x'; 3 * MAX_LINE_BYTES + 17]);
        text.extend(b"\nlast\n");
        let expected = format!("long line of {}", 3 * MAX_LINE_BYTES + 17);
        assert_eq!(lines(text.clone()), ["first", &expected, "last"]);
        text.truncate(6 + 3 * MAX_LINE_BYTES + 17);
        assert_eq!(lines(text), ["first", &expected]);
    }

    #[test]
    fn whole_or_as_a_stream_the_lines_are_the_same() {
        let text: String = (0..600_000u64).map(|i| format!("line {i} {}\n", i * 7919 % 10_007)).collect();
        let one = gzip(text.as_bytes());
        assert!(unpacked(&one).is_some() && text.len() > 2 * WINDOW_BYTES);
        let expected: Vec<String> = text.lines().map(str::to_owned).collect();
        let twice: Vec<u8> = [one.as_slice(), &one].concat();
        assert!(unpacked(&twice).is_none(), "the same member twice has the trailer of one");
        assert!(lines(one.clone()) == expected && lines(text.clone()) == expected);
        assert_eq!(lines(twice).len(), 2 * expected.len());
        // Damage anywhere is not passed over.
        for at in [12, one.len() / 2, one.len() - 6] {
            let mut damaged = one.clone();
            damaged[at] ^= 0x55;
            assert!(lines(damaged).last().unwrap().starts_with("broken: "), "byte {at}");
        }
        let mut named = GzBuilder::new().filename("part-0.ndjson").write(Vec::new(), Compression::fast());
        named.write_all(text.as_bytes()).unwrap();
        let named = named.finish().unwrap();
        assert!(unpacked(&named).is_some() && lines(named) == expected);
        let mut extra = GzBuilder::new().extra(vec![1, 2, 3]).write(Vec::new(), Compression::fast());
        extra.write_all(text.as_bytes()).unwrap();
        let extra = extra.finish().unwrap();
        assert!(unpacked(&extra).is_none() && lines(extra) == expected);
        let mut garbage = one;
        garbage.extend(b"and more");
        assert!(lines(garbage).last().unwrap().starts_with("broken: "));
    }

    #[test]
    fn windows_split_at_lines() {
        let line = format!("{}\n", "y".repeat(999));
        let text = line.repeat(10_000);
        assert_eq!(lines(text).len(), 10_000);
    }
}

//! Text of other encodings, as UTF-8. What is no text in its encoding becomes a byte that no UTF-8 holds, which the reader of cells
//! refuses: U+FFFD would be one that a file may hold itself.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};
use quotelake_contract::TextEncoding;
use quotelake_core::{Error, Result};

/// Bytes that are needed to know a byte order mark.
pub(super) const MARK_BYTES: usize = 3;
const MARKS: [(&[u8], &str); 3] =
    [(&[0xef, 0xbb, 0xbf], "UTF-8"), (&[0xff, 0xfe], "UTF-16LE"), (&[0xfe, 0xff], "UTF-16BE")];

/// Decodes a text that comes in pieces.
#[derive(Default)]
pub(super) struct Decode {
    encoding: TextEncoding,
    how: How,
}

#[derive(Default)]
enum How {
    /// It is UTF-8, or said to be.
    #[default]
    AsItIs,
    Latin1,
    By(Box<Decoder>),
}

impl Decode {
    pub(super) fn new(encoding: TextEncoding) -> Self {
        let how = match encoding {
            TextEncoding::Utf8 | TextEncoding::Utf16 => How::AsItIs,
            TextEncoding::Iso8859_1 => How::Latin1,
            TextEncoding::Other(encoding) => by(encoding),
        };
        Self { encoding, how }
    }

    /// The encoding, where text is not taken as it is.
    pub(super) fn changed_from(&self) -> Option<TextEncoding> {
        match &self.how {
            How::AsItIs => None,
            How::Latin1 => Some(TextEncoding::Iso8859_1),
            How::By(decoder) => Some(TextEncoding::Other(decoder.encoding())),
        }
    }

    /// Looks at the beginning of the text. Returns the length of its byte order mark. `InvalidInput` where the mark is of another
    /// encoding than the contract says, and where UTF-16 has none.
    pub(super) fn begin(&mut self, beginning: &[u8]) -> Result<usize> {
        let mark = MARKS.iter().find(|(mark, _)| beginning.starts_with(mark));
        let Some((mark, name)) = mark else {
            if self.encoding == TextEncoding::Utf16 && !beginning.is_empty() {
                return Err(Error::invalid(
                    "has no byte order mark: say `csvEncoding: utf-16le` or `utf-16be`, not `utf-16`",
                ));
            }
            return Ok(0);
        };
        let fits = match self.encoding {
            TextEncoding::Utf8 => true,
            TextEncoding::Utf16 => *name != "UTF-8",
            // The mark of UTF-8 would be the text "ï»¿", which no table begins with.
            TextEncoding::Iso8859_1 => false,
            TextEncoding::Other(encoding) => encoding.name() == *name,
        };
        if !fits {
            let said = self.encoding.name();
            return Err(Error::invalid(format!(
                "begins with the byte order mark of {name}, and the contract says `csvEncoding: {said}`"
            )));
        }
        match *name {
            "UTF-16LE" => self.how = by(UTF_16LE),
            "UTF-16BE" => self.how = by(UTF_16BE),
            _ => self.how = How::AsItIs,
        }
        Ok(mark.len())
    }

    pub(super) fn piece(&mut self, piece: Vec<u8>) -> Result<Vec<u8>> {
        match &mut self.how {
            How::AsItIs => Ok(piece),
            How::Latin1 if piece.is_ascii() => Ok(piece),
            How::Latin1 => {
                let mut text = String::with_capacity(piece.len() + piece.len() / 8);
                text.extend(piece.iter().map(|byte| char::from(*byte)));
                Ok(text.into_bytes())
            }
            How::By(decoder) => decoded(decoder, &piece, false),
        }
    }

    /// What is left when there is no more text: of a character that was cut, a byte that is no text.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>> {
        match &mut self.how {
            How::By(decoder) => decoded(decoder, &[], true),
            _ => Ok(Vec::new()),
        }
    }
}

/// Takes the place of bytes that are no text in their encoding.
const NO_TEXT: u8 = 0xff;

/// Text as UTF-8, and [`NO_TEXT`] wherever it is none.
fn decoded(decoder: &mut Decoder, mut piece: &[u8], last: bool) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let begin = text.len();
        let most = decoder
            .max_utf8_buffer_length_without_replacement(piece.len())
            .ok_or_else(|| Error::bug("a piece of text is longer than memory"))?;
        text.resize(begin + most, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(piece, &mut text[begin..], last);
        text.truncate(begin + written);
        piece = &piece[read..];
        match result {
            DecoderResult::InputEmpty => return Ok(text),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => text.push(NO_TEXT),
        }
    }
}

fn by(encoding: &'static Encoding) -> How {
    How::By(Box::new(encoding.new_decoder_without_bom_handling()))
}

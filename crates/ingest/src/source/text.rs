//! Text of other encodings, as UTF-8. What is no text in its encoding becomes U+FFFD, which the reader of cells refuses.

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE};
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

    pub(super) fn is_changing(&self) -> bool {
        !matches!(self.how, How::AsItIs)
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
            How::By(decoder) => {
                let most = decoder
                    .max_utf8_buffer_length(piece.len())
                    .ok_or_else(|| Error::bug("a piece of text is longer than memory"))?;
                let mut text = String::with_capacity(most);
                let _ = decoder.decode_to_string(&piece, &mut text, false);
                Ok(text.into_bytes())
            }
        }
    }

    /// What is left when there is no more text: of a character that was cut, U+FFFD.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let How::By(decoder) = &mut self.how else { return Vec::new() };
        let mut text = String::with_capacity(64);
        let _ = decoder.decode_to_string(&[], &mut text, true);
        text.into_bytes()
    }
}

fn by(encoding: &'static Encoding) -> How {
    How::By(Box::new(encoding.new_decoder_without_bom_handling()))
}

//! What a file's layout says of CSV as a table of 256 classes of bytes: where a bare or quoted cell cannot simply go on, and
//! what can be escaped. The reader of records skips to the next such byte.

use quotelake_contract::{FileLayout, Quoting};

/// A byte that a bare cell does not simply go on with.
pub(super) const BARE: u8 = 1;
/// The same of a quoted one.
pub(super) const QUOTED: u8 = 2;
/// What an escape takes the meaning from.
pub(super) const ESCAPABLE: u8 = 4;

/// What the layout says, byte by byte.
#[derive(Debug)]
pub(super) struct Rules {
    classes: Box<[u8; 256]>,
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) escape: Option<u8>,
    pub(super) lenient: bool,
    pub(super) comment: Vec<u8>,
}

impl Rules {
    pub(super) fn new(layout: &FileLayout, delimiter: u8) -> Self {
        let quote = (layout.quoting != Quoting::None).then_some(layout.quote);
        let lenient = layout.quoting == Quoting::Lenient;
        let mut classes = Box::new([0; 256]);
        for byte in [b'\r', b'\n', delimiter] {
            classes[usize::from(byte)] |= BARE | ESCAPABLE;
        }
        if let Some(quote) = quote {
            classes[usize::from(quote)] |= QUOTED | ESCAPABLE | if lenient { 0 } else { BARE };
        }
        if let Some(escape) = layout.escape {
            // Without quotes it is the only way for a delimiter into a cell.
            classes[usize::from(escape)] |= QUOTED | ESCAPABLE | if quote.is_none() { BARE } else { 0 };
        }
        let comment = layout.comment.clone().unwrap_or_default().into_bytes();
        Self { classes, delimiter, quote, escape: layout.escape, lenient, comment }
    }

    #[inline]
    pub(super) fn is(&self, byte: u8, class: u8) -> bool {
        self.classes[usize::from(byte)] & class != 0
    }

    /// The first byte of a class from `at` on, or the end.
    #[inline]
    pub(super) fn find(&self, text: &[u8], at: usize, class: u8) -> usize {
        text[at..].iter().position(|byte| self.is(*byte, class)).map_or(text.len(), |found| at + found)
    }
}

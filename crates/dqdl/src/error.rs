//! Where and why a text is not DQDL.

use std::fmt;

/// A text that is not a valid ruleset: one position, what was wrong there and what would have been right.
///
/// [`fmt::Display`] is one line: ``line 3, column 9: `==` is no operator of the language; write `=` ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line of the offending token, counted from 1.
    pub line: usize,
    /// Column of the offending token in characters, counted from 1.
    pub column: usize,
    /// What could have was there; empty when the mistake is known, and when the text is well formed but breaks a rule of the
    /// language.
    pub expected: String,
    /// What is wrong.
    pub message: String,
    /// What to do, as a clause: "write `=`". With it done ([`Edit`]s) the text parses, or its next mistake shows.
    pub suggestion: Option<String>,
    /// The suggestion as edits of the text, in order, not overlapping.
    pub edits: Vec<Edit>,
}

/// A replacement in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// First byte that goes.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// What comes in its place.
    pub text: String,
}

/// The text with its edits, which are in order and do not overlap.
pub(crate) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.start).unwrap_or(""));
        out.push_str(&edit.text);
        at = edit.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or(""));
    out
}

/// Where a byte of the edited text is in the original; within a replacement, at its start.
pub(crate) fn original_offset(offset: usize, edits: &[Edit]) -> usize {
    let (mut at, mut before) = (0, 0);
    for edit in edits {
        let kept = edit.start.saturating_sub(before);
        if offset < at + kept {
            break;
        }
        if offset < at + kept + edit.text.len() {
            return edit.start;
        }
        at += kept + edit.text.len();
        before = edit.end;
    }
    before + (offset - at)
}

impl ParseError {
    /// The text with what is suggested; `None` where nothing is.
    pub fn applied(&self, text: &str) -> Option<String> {
        (!self.edits.is_empty()).then(|| apply(text, &self.edits))
    }

    /// The message without its place.
    pub fn what(&self) -> String {
        let mut what = self.message.clone();
        if !self.expected.is_empty() {
            what.push_str(&format!(" (expected {})", self.expected));
        }
        if let Some(suggestion) = &self.suggestion {
            what.push_str(&format!("; {suggestion}"));
        }
        what
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.what())
    }
}

impl std::error::Error for ParseError {}

/// What a parser function knows when it gives up: a byte offset, turned into a line and a column once, at the end.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) expected: String,
    pub(crate) message: String,
    pub(crate) suggestion: Option<String>,
    pub(crate) edits: Vec<Edit>,
}

impl Fault {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            offset,
            expected: String::new(),
            message: message.into(),
            suggestion: None,
            edits: Vec::new(),
        })
    }

    pub(crate) fn expecting(mut self: Box<Self>, expected: impl Into<String>) -> Box<Self> {
        self.expected = expected.into();
        self
    }

    pub(crate) fn locate(self, text: &str) -> ParseError {
        let (line, column) = position(text, self.offset);
        ParseError {
            line,
            column,
            expected: self.expected,
            message: self.message,
            suggestion: self.suggestion,
            edits: self.edits,
        }
    }
}

/// Line and column (both from 1, columns in characters) of a byte offset.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or("").chars().count() + 1;
    (line, column)
}

//! Where and why a text is not DQDL.

use std::fmt;

/// A text that is not a valid ruleset: one position, what was wrong there and what would have been right.
///
/// [`fmt::Display`] is one line: `line 3, column 9: ... (expected ...); did you mean ...?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Line of the offending token, counted from 1.
    pub line: usize,
    /// Column of the offending token in characters, counted from 1.
    pub column: usize,
    /// What could have stood there; empty when the text is well formed but breaks a rule of the language.
    pub expected: String,
    /// What is wrong.
    pub message: String,
    /// The nearest known name when a rule type looks misspelt.
    pub suggestion: Option<String>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        if !self.expected.is_empty() {
            write!(f, " (expected {})", self.expected)?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean {suggestion}?")?;
        }
        Ok(())
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
}

impl Fault {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { offset, expected: String::new(), message: message.into(), suggestion: None })
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

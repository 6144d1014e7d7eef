//! A text around the place where the parser stopped.

use crate::error::{Edit, Fault};
use crate::lexer::{Kind, Token, loose_tokens};
use crate::rule_types::RuleType;

/// The text, its tokens, and where the parser stopped.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) text: &'a str,
    pub(super) fault: &'a Fault,
    tokens: Vec<Token>,
    /// The token at which the parser stopped.
    pub(super) at: usize,
}

impl<'a> Scene<'a> {
    pub(super) fn new(text: &'a str, fault: &'a Fault) -> Self {
        let tokens = loose_tokens(text);
        let at = tokens.partition_point(|token| token.span.start < fault.offset);
        Self { text, fault, at: at.min(tokens.len() - 1), tokens }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn kind(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    pub(super) fn start(&self, index: usize) -> usize {
        self.tokens.get(index).map_or(self.text.len(), |token| token.span.start)
    }

    pub(super) fn end(&self, index: usize) -> usize {
        self.tokens.get(index).map_or(self.text.len(), |token| token.span.end)
    }

    /// The token's text.
    pub(super) fn word(&self, index: usize) -> &'a str {
        self.slice(self.start(index), self.end(index))
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }

    /// The text from one token to another, that one included.
    pub(super) fn range(&self, first: usize, last: usize) -> &'a str {
        self.slice(self.start(first), self.end(last))
    }

    pub(super) fn is(&self, index: usize, symbols: &str) -> bool {
        matches!(self.kind(index), Kind::Symbol(symbol) if symbols.as_bytes().contains(&symbol))
    }

    /// Whether the token is one of these words, in any case.
    pub(super) fn is_word(&self, index: usize, words: &[&str]) -> bool {
        self.kind(index) == Kind::Identifier
            && words.iter().any(|word| word.eq_ignore_ascii_case(self.word(index)))
    }

    pub(super) fn is_quoted(&self, index: usize) -> bool {
        matches!(self.kind(index), Kind::Text | Kind::Date | Kind::Time)
    }

    /// The text between the quotes of a quoted token.
    pub(super) fn inside(&self, index: usize) -> &'a str {
        self.slice(self.start(index) + 1, self.end(index).saturating_sub(1))
    }

    /// Whether nothing is between a token and the next.
    pub(super) fn touches(&self, index: usize) -> bool {
        self.end(index) == self.start(index + 1)
    }

    /// Whether a line ends between the token and the one before.
    pub(super) fn begins_line(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map_or(0, |before| self.end(before));
        index == 0 || self.slice(before, self.start(index)).contains('\n')
    }

    /// Whether the token is the name of a rule type, in any case.
    pub(super) fn is_rule_type(&self, index: usize) -> bool {
        self.kind(index) == Kind::Identifier && rule_type(self.word(index)).is_some()
    }

    /// Whether a rule may begin here.
    pub(super) fn may_begin_rule(&self, index: usize) -> bool {
        self.is_rule_type(index)
            || self.is(index, "(")
            || (self.kind(index) == Kind::Identifier
                && self.begins_line(index)
                && RuleType::nearest(self.word(index)).is_some())
    }

    /// The name of the rule type of the rule that the parser was in.
    pub(super) fn head(&self) -> Option<usize> {
        (0..=self.at).rev().find(|index| self.is_rule_type(*index))
    }

    /// One past the last token of the rule or analyzer whose name is at `head`.
    pub(super) fn rule_end(&self, head: usize) -> usize {
        let mut depth = 0_usize;
        for index in head + 1..self.len() {
            match self.kind(index) {
                Kind::End => return index,
                Kind::Symbol(b'[' | b'(' | b'{') => depth += 1,
                Kind::Symbol(b']' | b')' | b'}') if depth == 0 => return index,
                Kind::Symbol(b']' | b')' | b'}') => depth -= 1,
                Kind::Symbol(b',')
                    if depth == 0 && (self.may_begin_rule(index + 1) || self.is(index + 1, "]")) =>
                {
                    return index;
                }
                Kind::Identifier if depth == 0 && self.begins_line(index) && self.may_begin_rule(index) => {
                    return index;
                }
                _ => {}
            }
        }
        self.len() - 1
    }

    /// Where a line begins and ends, without its line feed.
    pub(super) fn line(&self, offset: usize) -> (usize, usize) {
        let start = self.slice(0, offset).rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text.get(offset..).and_then(|rest| rest.find('\n'));
        (start, end.map_or(self.text.len(), |length| offset + length))
    }

    /// An edit of whole tokens.
    pub(super) fn edit(&self, first: usize, last: usize, text: impl Into<String>) -> Edit {
        Edit { start: self.start(first), end: self.end(last), text: text.into() }
    }
}

/// The rule type of that name, in any case.
pub(super) fn rule_type(name: &str) -> Option<RuleType> {
    RuleType::all().find(|rule_type| rule_type.name().eq_ignore_ascii_case(name))
}

/// An edit that writes `text` at a place.
pub(super) fn insert(at: usize, text: impl Into<String>) -> Edit {
    Edit { start: at, end: at, text: text.into() }
}

/// A text in quotes, those in it escaped.
pub(crate) fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

/// What is shown of a text in a message: one line, not too long.
pub(crate) fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(80) {
        None => line,
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or("")),
    }
}

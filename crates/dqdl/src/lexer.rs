//! Text to tokens, in one pass and in linear time.
//!
//! The published lexer takes the longest match, so a quoted `"2024-01-01"` is a date and `"09:30"` a time wherever they
//! are, and `1.2.3` is an identifier. White space is space, tab and line feed only. A lexing error becomes a token:
//! it is reported only when the parser gets there, because text after the ruleset is not read.

use crate::ast::Span;

/// What a token is; its text is `text[span]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Identifier,
    Integer,
    Decimal,
    /// A quoted text, quotes included in the span.
    Text,
    /// A quoted `YYYY-MM-DD`.
    Date,
    /// A quoted `HH:MM` or `H:MM AM`.
    Time,
    /// One of `[ ] { } ( ) , : = ! < > + - * / $`.
    Symbol(u8),
    /// Lexing stopped here for this reason.
    Bad(&'static str),
    End,
}

/// A token and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Splits `text`; the last token is always `End` or `Bad`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::with_capacity(text.len() / 4 + 1);
    let mut at = 0;
    loop {
        let token = token(text, at);
        out.push(token);
        if matches!(token.kind, Kind::End | Kind::Bad(_)) {
            return out;
        }
        at = token.span.end;
    }
}

/// Splits `text` to its end whatever is in it, for a look at what somebody meant: what is no token is one of one character.
pub(crate) fn loose_tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        let mut token = token(text, at);
        if let Kind::Bad(_) = token.kind {
            let rest = text.get(token.span.start..).unwrap_or("");
            token.span.end = match rest.chars().next() {
                // Without its line feed: the last line.
                Some('#') => text.len(),
                Some(c) => token.span.start + c.len_utf8(),
                None => text.len(),
            };
        }
        at = token.span.end;
        out.push(token);
        if token.kind == Kind::End {
            return out;
        }
    }
}

/// The token at or after byte `at`.
fn token(text: &str, mut at: usize) -> Token {
    let bytes = text.as_bytes();
    let (kind, end) = loop {
        break match bytes.get(at) {
            None => (Kind::End, at),
            Some(b' ' | b'\t' | b'\n') => {
                at += 1;
                continue;
            }
            Some(b'#') => match text.get(at..).and_then(|rest| rest.find('\n')) {
                Some(newline) => {
                    at += newline + 1;
                    continue;
                }
                None => (Kind::Bad("a comment must end with a line feed, also on the last line"), at),
            },
            Some(b'"') => quoted(text, at),
            Some(byte) if is_word(*byte) => {
                let end = word_end(bytes, at);
                (word_kind(bytes.get(at..end).unwrap_or(&[])), end)
            }
            Some(byte) if b"[]{}(),:=!<>+-*/$".contains(byte) => (Kind::Symbol(*byte), at + 1),
            Some(b'\r') => (Kind::Bad("carriage return: lines must end with a line feed only"), at),
            Some(b'\'') => (Kind::Bad("texts are written in double quotes"), at),
            Some(_) => (Kind::Bad("unexpected character"), at),
        };
    };
    Token { kind, span: Span { start: at, end } }
}

/// Whether a text in quotes is one text, and no date or time.
pub(crate) fn is_text(quoted: &str) -> bool {
    let token = token(quoted, 0);
    token.kind == Kind::Text && token.span == Span { start: 0, end: quoted.len() }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.'
}

fn word_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while bytes.get(end).is_some_and(|byte| is_word(*byte)) {
        end += 1;
    }
    end
}

fn word_kind(word: &[u8]) -> Kind {
    if word.iter().all(u8::is_ascii_digit) {
        return Kind::Integer;
    }
    let mut parts = word.split(|byte| *byte == b'.');
    let digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
    };
    if digits(parts.next()) && digits(parts.next()) && parts.next().is_none() {
        Kind::Decimal
    } else {
        Kind::Identifier
    }
}

fn quoted(text: &str, start: usize) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            None => return (Kind::Bad("a text is not closed"), start),
            Some(b'\\') => at += 2,
            Some(b'"') => break,
            Some(_) => at += 1,
        }
    }
    let inside = bytes.get(start + 1..at).unwrap_or(&[]);
    let kind = if is_date(inside) {
        Kind::Date
    } else if is_time(inside) {
        Kind::Time
    } else {
        Kind::Text
    };
    (kind, at + 1)
}

/// `YYYY-MM-DD`, by shape.
fn is_date(text: &[u8]) -> bool {
    text.len() == 10
        && text.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// `HH:MM` on a 24-hour clock or `H:MM AM`/`H:MM PM` on a 12-hour clock.
fn is_time(text: &[u8]) -> bool {
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + ones - b'0')
    };
    let minute_ok = |tens, ones| two(tens, ones).is_some_and(|minute| minute < 60);
    match *text {
        [h1, h2, b':', m1, m2] => two(h1, h2).is_some_and(|hour| hour < 24) && minute_ok(m1, m2),
        [h, b':', m1, m2, b' ', b'A' | b'P', b'M'] => {
            two(b'0', h).is_some_and(|hour| hour >= 1) && minute_ok(m1, m2)
        }
        [h1, h2, b':', m1, m2, b' ', b'A' | b'P', b'M'] => {
            two(h1, h2).is_some_and(|hour| (1..=12).contains(&hour)) && minute_ok(m1, m2)
        }
        _ => false,
    }
}

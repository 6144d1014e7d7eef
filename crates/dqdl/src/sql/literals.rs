//! Texts of SQL as Spark reads them (`spark.sql.parser.escapedStringLiterals` is false): a backslash begins an escape.
//!
//! | written | is |
//! |---|---|
//! | `\\`, `\'`, `\"` | the character behind the backslash |
//! | `\n`, `\r`, `\t`, `\b`, `\0`, `\Z` | line feed, carriage return, tab, backspace, NUL, 26 |
//! | `\101`, `\u0041`, `\U00000041` | a character by its number |
//! | `\%`, `\_` | as written: `like` reads them |
//! | any other `\x` | `x` |
//!
//! See [Spark's literals](https://spark.apache.org/docs/latest/sql-ref-literals.html). Here the texts become those of standard
//! SQL, in which only a quote is written twice, so that every reader of SQL agrees.

use std::borrow::Cow;

/// The query with its texts as standard SQL writes them.
pub(crate) fn standard(sql: &str) -> Cow<'_, str> {
    if !sql.contains('\\') {
        return Cow::Borrowed(sql);
    }
    let mut out = String::with_capacity(sql.len());
    walk(sql, |part| match part {
        Part::Plain(c) => out.push(c),
        Part::Escape(escape) => match escaped(escape) {
            "'" => out.push_str("''"),
            known @ ("%" | "_") => {
                out.push('\\');
                out.push_str(known);
            }
            text => match by_number(escape).or_else(|| special(escape)) {
                Some('\'') => out.push_str("''"),
                Some(c) => out.push(c),
                None => out.push_str(text),
            },
        },
    });
    Cow::Owned(out)
}

/// The first escape that means the character behind its backslash alone, where a class of a regular expression was probably
/// meant: `d` of `\d`.
pub(crate) fn lone_escape(sql: &str) -> Option<char> {
    let mut found = None;
    walk(sql, |part| {
        if let Part::Escape(escape) = part
            && by_number(escape).is_none()
            && special(escape).is_none()
            && let Some(c) = escape.chars().next()
            && !matches!(c, '\\' | '\'' | '"' | '%' | '_')
        {
            found.get_or_insert(c);
        }
    });
    found
}

enum Part<'s> {
    /// A character that is itself.
    Plain(char),
    /// What is behind a backslash in a text.
    Escape(&'s str),
}

/// Calls `see` for every character and escape. Names in quotes and comments have no escapes.
fn walk<'s>(sql: &'s str, mut see: impl FnMut(Part<'s>)) {
    let mut rest = sql;
    // What ends the text, name or comment that is being read.
    let mut inside: Option<&str> = None;
    while let Some(c) = rest.chars().next() {
        let step = match inside {
            Some("'") if c == '\\' && rest.len() > 1 => {
                let length = escape_length(&rest[1..]);
                see(Part::Escape(&rest[1..=length]));
                1 + length
            }
            Some(end) if rest.starts_with(end) => {
                inside = None;
                end.chars().for_each(|c| see(Part::Plain(c)));
                end.len()
            }
            None => {
                let starts = [("'", "'"), ("\"", "\""), ("`", "`"), ("--", "\n"), ("/*", "*/")];
                let start = starts.iter().find(|(start, _)| rest.starts_with(start));
                inside = start.map(|(_, end)| *end);
                let length = start.map_or(c.len_utf8(), |(start, _)| start.len());
                rest[..length].chars().for_each(|c| see(Part::Plain(c)));
                length
            }
            Some(_) => {
                see(Part::Plain(c));
                c.len_utf8()
            }
        };
        rest = &rest[step..];
    }
}

/// Bytes of the escape behind a backslash.
fn escape_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |count: usize| {
        bytes
            .get(1..=count)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .then_some(1 + count)
    };
    let octal = |byte: Option<&u8>, most: u8| byte.is_some_and(|byte| (b'0'..=most).contains(byte));
    match bytes.first() {
        Some(b'u') => digits(4),
        Some(b'U') => digits(8),
        first if octal(first, b'1') && octal(bytes.get(1), b'7') && octal(bytes.get(2), b'7') => Some(3),
        _ => None,
    }
    .unwrap_or_else(|| rest.chars().next().map_or(0, char::len_utf8))
}

/// The character behind the backslash.
fn escaped(escape: &str) -> &str {
    escape.chars().next().map_or("", |c| &escape[..c.len_utf8()])
}

fn by_number(escape: &str) -> Option<char> {
    let (radix, digits) = match (escape.len(), escape.as_bytes().first()?) {
        (5, b'u') | (9, b'U') => (16, escape.get(1..)?),
        (3, b'0'..=b'1') => (8, escape),
        _ => return None,
    };
    char::from_u32(u32::from_str_radix(digits, radix).ok()?)
}

fn special(escape: &str) -> Option<char> {
    Some(match escape {
        "n" => '\n',
        "r" => '\r',
        "t" => '\t',
        "b" => '\u{8}',
        "0" => '\0',
        "Z" => '\u{1a}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Spark's page on literals, and its `ParserUtilsSuite` in words of our own.
    #[test]
    fn texts_are_read_as_spark_reads_them() {
        for (written, read) in [
            (r"'\\d+'", r"'\d+'"),
            (r"'\d+'", "'d+'"),
            (r"'it\'s'", "'it''s'"),
            ("'it''s'", "'it''s'"),
            (r"'a\nb\tc\rd\be'", "'a\nb\tc\rd\u{8}e'"),
            (r"'\101\u0042\U00000043'", "'ABC'"),
            (r"'\0'", "'\0'"),
            (r"'\Z'", "'\u{1a}'"),
            (r"'50\%' and '\_x'", r"'50\%' and '\_x'"),
            (r"'\\%'", r"'\%'"),
            (r"'\047'", "''''"),
            (r#"'say \"hi\"'"#, r#"'say "hi"'"#),
            (r"'\é'", "'é'"),
            (r"`a\b` = 'x' -- it's \d", r"`a\b` = 'x' -- it's \d"),
            (r#""a\b" = '\\' /* '\d' */"#, r#""a\b" = '\' /* '\d' */"#),
            (r"'a\", r"'a\"),
        ] {
            assert_eq!(standard(written), read, "{written}");
        }
    }

    #[test]
    fn a_class_without_its_second_backslash_is_noticed() {
        assert_eq!(lone_escape(r"a rlike '^\d+$'"), Some('d'));
        assert_eq!(lone_escape(r"a rlike '^\\d+\n$' and `\d` = 1"), None);
        assert_eq!(lone_escape(r"a like '\%\_' and b = '\101'"), None);
        assert_eq!(lone_escape(r"a rlike 'a\.b'"), Some('.'));
    }
}

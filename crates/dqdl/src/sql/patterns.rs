//! Patterns of texts: regular expressions that match anywhere, what replaces a match, and `like`.

use regex::Regex;

/// A regular expression that matches anywhere in a text.
pub(super) fn find(pattern: &str) -> Result<Regex, String> {
    crate::pattern::compile(pattern, |translated| translated)
}

/// Java's replacement, `$1` and `\$`, as this engine writes it. Java takes as many digits as there are groups; here one is taken.
pub(super) fn replacement(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('$') => out.push_str("$$"),
                Some(c) => out.push(c),
                None => return Err(format!("'{text}' ends in a backslash")),
            },
            '$' => match chars.next() {
                Some(digit) if digit.is_ascii_digit() => out.push_str(&format!("${{{digit}}}")),
                _ => return Err(format!("'{text}': after $ comes the number of a group")),
            },
            c => out.push(c),
        }
    }
    Ok(out)
}

/// A LIKE pattern as a regular expression: `%` is any text, `_` any character, what follows the escape is itself.
pub(super) fn like(pattern: &str, escape: char, ignore_case: bool) -> Result<Regex, String> {
    let mut regex = format!(r"(?s){}\A", if ignore_case { "(?i)" } else { "" });
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c == escape => {
                regex.push_str(&regex::escape(&chars.next().unwrap_or(escape).to_string()));
            }
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            c => regex.push_str(&regex::escape(&c.to_string())),
        }
    }
    regex.push_str(r"\z");
    Regex::new(&regex).map_err(|_| format!("`'{pattern}'` is not supported"))
}

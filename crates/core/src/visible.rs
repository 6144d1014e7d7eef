//! Text from outside, made safe to show on a terminal and in a log.

use std::borrow::Cow;

/// Whether a character is not to be seen and may change how others are: a control character, a mark that turns the direction of
/// the text, or one without width.
///
/// UAX #9, table 3 (directions), and the format characters and fillers that Unicode lists as default ignorable.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A text on one line, in which everything that hides is written out.
///
/// ```
/// use quotelake_core::visible;
/// assert_eq!(visible("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\r\\n");
/// assert_eq!(visible("São Paulo, 東京"), "São Paulo, 東京");
/// ```
pub fn visible(text: &str) -> Cow<'_, str> {
    written_out(text, is_hidden)
}

/// The same for a text of several lines: its line feeds and tabs stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    written_out(text, |c| !matches!(c, '\n' | '\t') && is_hidden(c))
}

/// The same for a JSON document: what hides in its strings is escaped as JSON does, so that it means the same.
///
/// ```
/// let json = quotelake_core::visible_json("{\"a\":\"\u{202e}b\u{e0041}\"}");
/// assert_eq!(json, r#"{"a":"\u202eb\udb40\udc41"}"#);
/// ```
pub fn visible_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(|c| c != '\n' && is_hidden(c)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c == '\n' || !is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Cow::Owned(out)
}

fn written_out(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' if hidden(c) => out.extend(c.escape_default()),
            c if hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_hides_is_left() {
        let link = "\u{1b}]8;;https://example.com\u{1b}\\text\u{1b}]8;;\u{7}";
        for text in [
            link,
            "\u{9b}2J",
            "\u{7f}\u{0}",
            "AAPL\u{202e}LPAA\u{2066}",
            "a\u{200b}\u{200d}\u{feff}b",
            "\u{e0041}\u{ad}\u{3164}",
        ] {
            for shown in [visible(text), visible_lines(text)] {
                assert!(!shown.chars().any(is_hidden), "{shown:?}");
            }
            let json = serde_json::to_string(text).unwrap();
            let shown = visible_json(&json);
            assert!(!shown.chars().any(is_hidden), "{shown:?}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
        assert_eq!(visible_lines("a\nb\tc\rd"), "a\nb\tc\\rd");
        assert!(matches!(visible("R$ 1.234,50 — ações €"), Cow::Borrowed(_)));
    }
}

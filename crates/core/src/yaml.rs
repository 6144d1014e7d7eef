//! YAML that people write, bounded before it is parsed: the parser's time grows with the square of the nesting.

use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The largest text.
pub const MAX_YAML_BYTES: usize = 4 << 20;
/// The deepest nesting of lists and maps.
pub const MAX_YAML_DEPTH: usize = 64;

/// Reads a document. `Config` begins with `otherwise`, which says what the text is not.
pub fn from_yaml<T: DeserializeOwned>(text: &str, otherwise: &str) -> Result<T> {
    check_yaml(text).map_err(|error| error.context(otherwise))?;
    serde_yaml_ng::from_str(text).map_err(|e| Error::config(otherwise).with_source(e))
}

/// `Config` for a text that is too large, or nested too deep. The depth is told from indents and brackets, quoted ones left out and
/// counted as well: it may be taken for deeper where brackets in texts are not closed.
pub fn check_yaml(text: &str) -> Result<()> {
    if text.len() > MAX_YAML_BYTES {
        return Err(Error::config(format!(
            "{} bytes are more than {MAX_YAML_BYTES}, the most that is read",
            text.len()
        )));
    }
    let mut depth = Depth::default();
    for (number, line) in text.lines().enumerate() {
        depth.line(line);
        if depth.deepest > MAX_YAML_DEPTH {
            return Err(Error::config(format!(
                "line {}: more than {MAX_YAML_DEPTH} levels of nesting",
                number + 1
            )));
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Depth {
    /// The columns at which the lists and maps around a line begin.
    blocks: Vec<usize>,
    /// Open brackets, outside of quotes.
    brackets: usize,
    /// Open brackets, wherever they are.
    any_brackets: usize,
    quote: Option<char>,
    /// The deepest so far: a line may close what it opens.
    deepest: usize,
}

impl Depth {
    fn line(&mut self, line: &str) {
        let outside = self.quote.is_none() && self.brackets == 0;
        let text = line.trim_start_matches(' ');
        if outside && !text.is_empty() && !text.starts_with('#') {
            self.indents(line.len() - text.len(), text);
        }
        let mut before = ' ';
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '[' | '{' => self.any_brackets += 1,
                ']' | '}' => self.any_brackets = self.any_brackets.saturating_sub(1),
                _ => {}
            }
            match (self.quote, c) {
                (Some('"'), '\\') => {
                    characters.next();
                }
                (Some(quote), c) if c == quote => self.quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if matches!(before, ' ' | '[' | '{' | ',' | ':') => self.quote = Some(c),
                (None, '#') if before == ' ' => return,
                (None, '[' | '{') => self.brackets += 1,
                (None, ']' | '}') => self.brackets = self.brackets.saturating_sub(1),
                (None, _) => {}
            }
            before = c;
            self.deepest = self.deepest.max(self.now());
        }
        self.deepest = self.deepest.max(self.now());
    }

    /// `- - a` begins a list at each dash, `? ` a map.
    fn indents(&mut self, mut column: usize, mut text: &str) {
        loop {
            while self.blocks.last().is_some_and(|outer| *outer >= column) {
                self.blocks.pop();
            }
            self.blocks.push(column);
            let Some(rest) = text.strip_prefix("- ").or_else(|| text.strip_prefix("? ")) else { return };
            if self.blocks.len() > MAX_YAML_DEPTH {
                return;
            }
            let inner = rest.trim_start_matches(' ');
            column += text.len() - inner.len();
            text = inner;
        }
    }

    fn now(&self) -> usize {
        self.blocks.len() + self.brackets.max(self.any_brackets)
    }
}

#[cfg(test)]
mod tests {
    use serde_yaml_ng::Value;

    use super::*;

    #[test]
    fn deep_texts_are_refused_before_they_are_parsed() {
        let deep = 100_000;
        let indented: String = (0..1000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        for text in [
            "[".repeat(deep),
            "{a: ".repeat(deep),
            format!("a: {}{}", "[".repeat(deep), "]".repeat(deep)),
            "- ".repeat(deep),
            "? ".repeat(deep),
            "[\n".repeat(deep),
            format!("a: \"x\nb: {}", "[".repeat(deep)),
            format!("it's: {}", "[".repeat(deep)),
            indented,
        ] {
            let started = std::time::Instant::now();
            let error = from_yaml::<Value>(&text, "not a list").unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(error.to_string().contains("more than 64 levels of nesting"), "{error}");
            assert!(started.elapsed().as_secs() < 5);
        }
        let large = format!("a: {}", "x".repeat(MAX_YAML_BYTES));
        assert!(
            from_yaml::<Value>(&large, "not a list").unwrap_err().to_string().contains("bytes are more than")
        );
    }

    #[test]
    fn sensible_texts_pass() {
        let wide: String = (0..10_000).map(|n| format!("- {{name: c{n}, value: [1, 2]}}\n")).collect();
        let level = |level: usize| format!("{}a:\n", "  ".repeat(level));
        for text in [
            wide,
            (0..50).map(level).collect(),
            "a: 'it''s ['\nb: \"]\\\"[\"\n# [[[\n".into(),
            format!("rules: |\n{}", "  Rules = [ ColumnValues \"a\" matches \"[A-Z]\" ]\n".repeat(500)),
            "- - - 1\n- - - 2\n".repeat(500),
        ] {
            assert!(check_yaml(&text).is_ok(), "{}", &text[..text.len().min(80)]);
            assert!(from_yaml::<Value>(&text, "not YAML").is_ok());
        }
    }
}

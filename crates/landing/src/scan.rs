//! A scanner for one flat JSON object on one line. It checks the whole grammar of what it reads and copies nothing; nested
//! values are left to `serde_json`.

use serde_json::value::RawValue;

/// A field's value as it is in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number literal.
    Number(&'a str),
    /// A string without escapes, without its quotes.
    Text(&'a str),
    /// A string with escapes, with its quotes.
    Escaped(&'a str),
    /// An object or an array.
    Nested(&'a str),
}

impl Raw<'_> {
    /// Appends the value as it was.
    pub fn write(self, out: &mut Vec<u8>) {
        let (before, text) = match self {
            Self::Null => ("", "null"),
            Self::Bool(true) => ("", "true"),
            Self::Bool(false) => ("", "false"),
            Self::Number(text) | Self::Escaped(text) | Self::Nested(text) => ("", text),
            Self::Text(text) => ("\"", text),
        };
        for part in [before, text, before] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// Calls `on_field` for each field of the object in order. `Err` says where the line stops being a JSON object.
pub fn scan_object<'a>(
    line: &'a str,
    mut on_field: impl FnMut(&'a str, Raw<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let bytes = line.as_bytes();
    let mut at = skip_space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return Err(if serde_json::from_str::<&RawValue>(line).is_ok() {
            match bytes.get(at) {
                Some(b'[') => "is a JSON array: wants one object a line".to_owned(),
                _ => "is not an object".to_owned(),
            }
        } else {
            unexpected(bytes, at, "`{`")
        });
    }
    at = skip_space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return end(bytes, at + 1);
    }
    loop {
        if bytes.get(at) != Some(&b'"') {
            return Err(unexpected(bytes, at, "a field name"));
        }
        let (name, next) = string(line, at)?;
        at = skip_space(bytes, next);
        if bytes.get(at) != Some(&b':') {
            return Err(unexpected(bytes, at, "`:`"));
        }
        let (value, next) = value(line, skip_space(bytes, at + 1))?;
        match name {
            Raw::Text(name) => on_field(name, value)?,
            // No column's name needs an escape, so this is a field that no contract knows.
            _ => on_field("", value)?,
        }
        at = skip_space(bytes, next);
        match bytes.get(at) {
            Some(b',') => at = skip_space(bytes, at + 1),
            Some(b'}') => return end(bytes, at + 1),
            _ => return Err(unexpected(bytes, at, "`,` or `}`")),
        }
    }
}

/// The text of a string value that has escapes.
pub fn unescape(quoted: &str) -> Result<String, String> {
    serde_json::from_str(quoted).map_err(|e| format!("has a bad escape: {e}"))
}

/// The `dataset` that a canonical line names, `None` when it names none or is no object. Canonical lines name it first.
pub fn dataset_of(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix("{\"dataset\":\"") {
        let name = &rest[..rest.find('"')?];
        if !name.contains('\\') {
            return Some(name);
        }
    }
    let mut dataset = None;
    scan_object(line, |name, value| {
        if let (true, Raw::Text(text)) = (name == "dataset", value) {
            dataset = Some(text);
        }
        Ok(())
    })
    .ok()?;
    dataset
}

fn end(bytes: &[u8], at: usize) -> Result<(), String> {
    let at = skip_space(bytes, at);
    if at == bytes.len() { Ok(()) } else { Err(unexpected(bytes, at, "the end of the line")) }
}

#[inline]
fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\r' | b'\n') = bytes.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn value(line: &str, at: usize) -> Result<(Raw<'_>, usize), String> {
    let bytes = line.as_bytes();
    match bytes.get(at) {
        Some(b'"') => string(line, at),
        Some(b'-' | b'0'..=b'9') => number(line, at),
        Some(b'{' | b'[') => nested(line, at),
        Some(b'n') if bytes[at..].starts_with(b"null") => Ok((Raw::Null, at + 4)),
        Some(b't') if bytes[at..].starts_with(b"true") => Ok((Raw::Bool(true), at + 4)),
        Some(b'f') if bytes[at..].starts_with(b"false") => Ok((Raw::Bool(false), at + 5)),
        _ => Err(unexpected(bytes, at, "a value")),
    }
}

#[inline]
fn string(line: &str, open: usize) -> Result<(Raw<'_>, usize), String> {
    let bytes = line.as_bytes();
    let mut escaped = false;
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' if escaped => return Ok((Raw::Escaped(&line[open..=at]), at + 1)),
            b'"' => return Ok((Raw::Text(&line[open + 1..at]), at + 1)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            0..=0x1f => return Err(format!("has a control character at byte {at}")),
            _ => at += 1,
        }
    }
    Err(format!("ends inside the string that opens at byte {open}"))
}

#[inline]
fn number(line: &str, start: usize) -> Result<(Raw<'_>, usize), String> {
    let bytes = line.as_bytes();
    let bad = |at| Err(unexpected(bytes, at, "a digit"));
    let digits = |mut at: usize| {
        while let Some(b'0'..=b'9') = bytes.get(at) {
            at += 1;
        }
        at
    };
    let first = if bytes[start] == b'-' { start + 1 } else { start };
    let mut at = digits(first);
    if at == first || (bytes[first] == b'0' && at > first + 1) {
        return bad(at.min(first + 1));
    }
    if bytes.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits(fraction);
        if at == fraction {
            return bad(at);
        }
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = at + 1;
        let exponent = if let Some(b'+' | b'-') = bytes.get(sign) { sign + 1 } else { sign };
        at = digits(exponent);
        if at == exponent {
            return bad(at);
        }
    }
    Ok((Raw::Number(&line[start..at]), at))
}

fn nested(line: &str, at: usize) -> Result<(Raw<'_>, usize), String> {
    let mut values = serde_json::Deserializer::from_str(&line[at..]).into_iter::<&RawValue>();
    match values.next() {
        Some(Ok(raw)) => Ok((Raw::Nested(raw.get()), at + values.byte_offset())),
        Some(Err(error)) => Err(format!("has a broken value at byte {at}: {error}")),
        None => Err(format!("has no value at byte {at}")),
    }
}

fn unexpected(bytes: &[u8], at: usize, wanted: &str) -> String {
    match bytes.get(at) {
        Some(byte) if byte.is_ascii_graphic() => {
            format!("wants {wanted} at byte {at}, has `{}`", char::from(*byte))
        }
        Some(byte) => format!("wants {wanted} at byte {at}, has byte 0x{byte:02x}"),
        None => format!("ends at byte {at}, where {wanted} should be"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(line: &str) -> Result<Vec<(&str, Raw<'_>)>, String> {
        let mut fields = Vec::new();
        scan_object(line, |name, value| {
            fields.push((name, value));
            Ok(())
        })
        .map(|()| fields)
    }

    #[test]
    fn fields_in_order() {
        let fields =
            scan(r#" { "a" : 1.50e+2 , "b":"x y","c":null,"d":true,"e":"\u00e9","f":[1,{"g":2}] } "#)
                .unwrap();
        assert_eq!(
            fields,
            [
                ("a", Raw::Number("1.50e+2")),
                ("b", Raw::Text("x y")),
                ("c", Raw::Null),
                ("d", Raw::Bool(true)),
                ("e", Raw::Escaped(r#""\u00e9""#)),
                ("f", Raw::Nested(r#"[1,{"g":2}]"#)),
            ]
        );
        assert_eq!(scan("{}").unwrap(), []);
    }

    #[test]
    fn faults_say_where() {
        for (line, text) in [
            ("", "ends at byte 0, where `{` should be"),
            ("[1,2]", "is a JSON array: wants one object a line"),
            ("7", "is not an object"),
            ("502 Bad Gateway", "wants `{` at byte 0, has `5`"),
            (r#"{"a":NaN}"#, "wants a value at byte 5, has `N`"),
            (r#"{"a":1"#, "ends at byte 6, where `,` or `}` should be"),
            (r#"{"a":01}"#, "wants a digit at byte 6, has `1`"),
            (r#"{"a":"x"#, "ends inside the string that opens at byte 5"),
            (r#"{"a":1}}"#, "wants the end of the line at byte 7, has `}`"),
            (r#"{"a":1,}"#, "wants a field name at byte 7, has `}`"),
        ] {
            assert_eq!(scan(line).unwrap_err(), text, "{line}");
        }
    }

    #[test]
    fn datasets() {
        assert_eq!(dataset_of(r#"{"dataset":"splits","a":1}"#), Some("splits"));
        assert_eq!(dataset_of(r#"{"a":1, "dataset" : "splits"}"#), Some("splits"));
        assert_eq!(dataset_of(r#"{"a":1}"#), None);
        assert_eq!(dataset_of("nonsense"), None);
    }

    proptest! {
        /// What the scanner accepts, serde_json accepts, and the other way round for objects.
        #[test]
        fn agrees_with_serde_json(line in r#"[ \{\}\[\]",:a-c0-2.eE+\-\\nulltrfs]{0,24}"#) {
            let ours = scan(&line).is_ok();
            let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&line).is_ok();
            // serde_json's numbers overflow at 1e400 where a literal does not; escapes are judged when they are read.
            if !line.contains(['e', 'E', '\\']) {
                prop_assert_eq!(ours, theirs, "{}", line);
            }
        }

        #[test]
        fn never_panics(line in ".{0,80}") {
            let _ = scan(&line);
            let _ = dataset_of(&line);
        }
    }
}

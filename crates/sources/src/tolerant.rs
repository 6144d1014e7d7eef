//! JSON as some vendors write it: with `NaN` and `Infinity`, which JSON has no numbers for.

use serde::Deserialize;

/// The tokens, the longest first where one begins another.
const TOKENS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// What some files and answers in UTF-8 begin with, and JSON does not know.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a body, behind a byte order mark where it has one. One that is no JSON is read once more with `NaN`, `Infinity` and `-Infinity` as texts, which no column of numbers
/// takes: they cost their fields, not the page. `spare` holds the body as it is read then.
///
/// Fails with the first error where that does not help.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8], spare: &'a mut Vec<u8>) -> serde_json::Result<T> {
    let body = body.strip_prefix(MARK).unwrap_or(body);
    let error = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let Some(quoted) = quote_tokens(body) else { return Err(error) };
    *spare = quoted;
    serde_json::from_slice(spare).map_err(|_| error)
}

/// The body with its bare tokens quoted; `None` where it has none.
fn quote_tokens(body: &[u8]) -> Option<Vec<u8>> {
    let mut quoted = Vec::new();
    let (mut copied, mut at, mut in_text) = (0, 0, false);
    while let Some(byte) = body.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'-' | b'I' | b'N' if !in_text => {
                if let Some(token) = TOKENS.iter().find(|token| body[at..].starts_with(token)) {
                    quoted.extend_from_slice(&body[copied..at]);
                    quoted.push(b'"');
                    quoted.extend_from_slice(token);
                    quoted.push(b'"');
                    at += token.len();
                    copied = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if quoted.is_empty() {
        return None;
    }
    quoted.extend_from_slice(&body[copied..]);
    Some(quoted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn read(body: &str) -> Option<Value> {
        parse(body.as_bytes(), &mut Vec::new()).ok()
    }

    #[test]
    fn tokens_are_texts_outside_of_texts_only() {
        let read = |body| read(body).map(|value| value.to_string());
        assert_eq!(
            read(r#"{"a":[1.5,NaN,-Infinity,Infinity,null,-2]}"#).as_deref(),
            Some(r#"{"a":[1.5,"NaN","-Infinity","Infinity",null,-2]}"#)
        );
        assert_eq!(
            read(r#"{"say \" NaN":"Infinity, \\","b":NaN}"#).as_deref(),
            Some(r#"{"b":"NaN","say \" NaN":"Infinity, \\"}"#)
        );
        assert_eq!(read("\u{feff}[NaN,1]").as_deref(), Some(r#"["NaN",1]"#));
        assert_eq!(read("[Nan]"), None);
        assert_eq!(read("[1,"), None);
    }

    proptest! {
        #[test]
        fn what_is_json_is_read_as_it_is(numbers in proptest::collection::vec(any::<i32>(), 0..20), text in ".*") {
            let value = serde_json::json!({ "numbers": numbers, "text": text });
            prop_assert_eq!(read(&value.to_string()), Some(value));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut spare = Vec::new();
            let _ = parse::<Value>(&bytes, &mut spare);
        }
    }
}

//! Hides a key in what the other side said: vendors echo the key that they refuse, in a body, a header or the target of a
//! redirect, as it is or encoded.

use crate::{Disposition, Failure, RawResponse};

/// Takes the place of a key. Holds no character that JSON, HTML or a URL would have to escape.
const MASK: &str = "***";

/// Shorter values are not looked for: they would be found by chance in half of all texts.
const SHORTEST: usize = 4;

/// The most bytes of one character of a key, as [`spelled`] knows it.
const LONGEST_SPELLING: usize = 8;

/// What named entities of HTML stand for.
const ENTITIES: [(&[u8], u8); 5] =
    [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];

/// The length of the key where `text` begins with it: letters of either case, each character as it is, percent-encoded once or
/// twice, or escaped as JSON and HTML do.
fn key_length(text: &[u8], key: &[u8]) -> Option<usize> {
    let plain = text.get(..key.len()).is_some_and(|text| text.eq_ignore_ascii_case(key));
    if plain {
        return Some(key.len());
    }
    key.iter().try_fold(0, |at, wanted| Some(at + spelled(&text[at..], *wanted)?))
}

/// The length of one character at the start of a text, in any spelling.
fn spelled(text: &[u8], wanted: u8) -> Option<usize> {
    let is = |byte: u8| byte.eq_ignore_ascii_case(&wanted);
    let number = |range: std::ops::Range<usize>, radix| {
        let digits = std::str::from_utf8(text.get(range)?).ok()?;
        u8::from_str_radix(digits, radix).ok()
    };
    match text {
        [b'%', b'2', b'5', ..] if number(3..5, 16).is_some_and(is) => Some(5),
        [b'%', ..] if number(1..3, 16).is_some_and(is) => Some(3),
        [b'\\', b'u' | b'U', ..] if number(2..6, 16).is_some_and(is) => Some(6),
        [b'\\', escaped, ..] if is(*escaped) => Some(2),
        [b'&', b'#', ..] => {
            let end = text.iter().take(LONGEST_SPELLING).position(|byte| *byte == b';')?;
            let value = match text[2] {
                b'x' | b'X' => number(3..end, 16),
                _ => number(2..end, 10),
            };
            value.is_some_and(is).then_some(end + 1)
        }
        [b'&', ..] => {
            let named = ENTITIES.iter().find(|(name, of)| text.starts_with(name) && is(*of));
            named.map(|(name, _)| name.len()).or_else(|| is(b'&').then_some(1))
        }
        [b'+', ..] if wanted == b' ' => Some(1),
        [byte, ..] if is(*byte) => Some(1),
        _ => None,
    }
}

/// The text with every key in it masked; nothing where there is none.
pub(super) fn masked(text: &[u8], keys: &[&str]) -> Option<Vec<u8>> {
    let keys: Vec<&[u8]> =
        keys.iter().map(|key| key.trim().as_bytes()).filter(|key| key.len() >= SHORTEST).collect();
    let mut out: Option<Vec<u8>> = None;
    let (mut at, mut kept) = (0, 0);
    while at < text.len() {
        let Some(length) = keys.iter().filter_map(|key| key_length(&text[at..], key)).max() else {
            at += 1;
            continue;
        };
        let out = out.get_or_insert_default();
        out.extend_from_slice(&text[kept..at]);
        out.extend_from_slice(MASK.as_bytes());
        at += length;
        kept = at;
    }
    let mut out = out?;
    out.extend_from_slice(&text[kept..]);
    Some(out)
}

/// A text of ours or of the vendor, masked.
pub(super) fn masked_text(text: &str, keys: &[&str]) -> Option<String> {
    masked(text.as_bytes(), keys).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// An answer with every key in its headers and its body masked; nothing where there is none.
pub(super) fn masked_answer(response: &RawResponse, keys: &[&str]) -> Option<RawResponse> {
    let body = masked(&response.body, keys);
    let mut found = body.is_some();
    let headers = response.headers.iter().map(|(name, value)| {
        let value = match masked_text(value, keys) {
            Some(masked) => {
                found = true;
                masked
            }
            None => value.clone(),
        };
        (name.clone(), value)
    });
    let headers = headers.collect();
    found.then(|| RawResponse {
        status: response.status,
        headers,
        body: body.map_or_else(|| response.body.clone(), Into::into),
    })
}

/// Whether a verdict repeats words of the answer.
pub(super) fn repeats(disposition: &Disposition) -> bool {
    !matches!(disposition, Disposition::Ok(_) | Disposition::Empty | Disposition::NextPage(..))
}

/// The verdict on an answer, in the words of the verdict on its masked copy. Where the mask itself changed what the answer is
/// taken for, the words are left out.
pub(super) fn in_words_of(verdict: Disposition, masked: Disposition) -> Disposition {
    match (verdict, masked) {
        (Disposition::Permanent(failure), Disposition::Permanent(said)) => {
            Disposition::Permanent(words(failure, Some(said)))
        }
        (Disposition::Transient(failure), Disposition::Transient(said)) => {
            Disposition::Transient(words(failure, Some(said)))
        }
        (Disposition::RateLimited { after, .. }, Disposition::RateLimited { message, .. }) => {
            Disposition::RateLimited { after, message }
        }
        (Disposition::Split { units, failure }, Disposition::Split { failure: said, .. }) => {
            Disposition::Split { units, failure: words(failure, Some(said)) }
        }
        (Disposition::Partial { page, failed }, masked) => {
            let (said, of_page) = match masked {
                Disposition::Partial { page, failed } => (failed, *page),
                other => (Vec::new(), other),
            };
            let mut said = said.into_iter().map(|part| part.failure);
            let failed = failed
                .into_iter()
                .map(|part| crate::FailedPart { failure: words(part.failure, said.next()), ..part });
            let failed = failed.collect();
            let page = if repeats(&page) { in_words_of(*page, of_page) } else { *page };
            Disposition::Partial { page: Box::new(page), failed }
        }
        (Disposition::Permanent(failure), _) => Disposition::Permanent(words(failure, None)),
        (Disposition::Transient(failure), _) => Disposition::Transient(words(failure, None)),
        (Disposition::Split { units, failure }, _) => {
            Disposition::Split { units, failure: words(failure, None) }
        }
        (Disposition::RateLimited { after, .. }, _) => {
            Disposition::RateLimited { after, message: UNSHOWN.to_owned() }
        }
        (page @ (Disposition::Ok(_) | Disposition::Empty | Disposition::NextPage(..)), _) => page,
    }
}

/// Takes the place of a text that cannot be shown.
const UNSHOWN: &str = "the vendor's text holds the key and is not shown";

fn words(failure: Failure, said: Option<Failure>) -> Failure {
    let message = match said {
        Some(said) if said.kind == failure.kind => said.message,
        _ => UNSHOWN.to_owned(),
    };
    Failure { message, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_every_spelling() {
        let key = "aB/3 +%x9";
        for text in [
            "aB/3 +%x9",
            "AB/3 +%X9",
            "aB%2F3%20%2B%25x9",
            "ab%2f3+%2b%25x9",
            "aB%252F3%2520%252B%2525x9",
            r"aB\/3 +%x9",
            r"aB\u002f3\u0020+%x9",
            "aB&#47;3&#x20;+%x9",
        ] {
            let whole = format!("no such key: {text}, go away");
            let masked = masked_text(&whole, &[key]);
            assert_eq!(masked.as_deref(), Some("no such key: ***, go away"), "{text}");
        }
        assert_eq!(masked_text("Q&amp;A&lt;1", &["q&a<1"]).as_deref(), Some("***"));
        assert_eq!(masked_text("all is well: aB/3 +%x", &[key]), None);
    }

    #[test]
    fn short_keys_are_not_looked_for() {
        assert_eq!(masked_text("the key", &["key"]), None);
        assert_eq!(
            masked_text("twokeys and onekey1", &["twokeys", "onekey1"]).as_deref(),
            Some("*** and ***")
        );
    }
}

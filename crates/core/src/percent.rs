//! Percent coding, `%XX` for a byte: of partition values in keys, as Hive does, and of keys in S3's events, as HTML forms do.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{Error, Result};

/// The characters that stay as they are in a partition value: letters, digits and `._-`.
const PARTITION_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// The characters that stay as they are in a key of an event: letters, digits, `-._*` and `/`. A space becomes `+`.
const EVENT_KEY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/').remove(b' ');

/// A text as a value of a partition in a key: all but letters, digits and `._-` as `%XX`.
///
/// ```
/// use quotelake_core::percent::{partition_value, partition_value_of};
/// assert_eq!(partition_value("BRK/B ç"), "BRK%2FB%20%C3%A7");
/// assert_eq!(partition_value_of("BRK%2FB%20%c3%a7").unwrap(), "BRK/B ç");
/// assert!(partition_value_of("5%").is_err() && partition_value_of("%+1").is_err());
/// ```
pub fn partition_value(text: &str) -> String {
    utf8_percent_encode(text, PARTITION_VALUE).to_string()
}

/// The text that a value of a partition stands for. `InvalidInput` for a `%` without two digits behind it, and for what is no UTF-8.
pub fn partition_value_of(coded: &str) -> Result<String> {
    if !is_whole(coded) {
        return Err(Error::invalid(format!("{coded:?} has a broken %XX")));
    }
    let text = percent_decode_str(coded).decode_utf8();
    text.map(Into::into).map_err(|_| Error::invalid(format!("{coded:?} is not UTF-8 behind its escapes")))
}

/// A key as S3 puts it into events: form encoding that leaves `/` alone.
///
/// ```
/// use quotelake_core::percent::{event_key, event_key_of};
/// assert_eq!(event_key("landing/dataset=daily_bars/a b+ç.gz"), "landing/dataset%3Ddaily_bars/a+b%2B%C3%A7.gz");
/// assert_eq!(event_key_of("a+b%2B%C3%A7.gz").unwrap(), "a b+ç.gz");
/// ```
pub fn event_key(key: &str) -> String {
    utf8_percent_encode(key, EVENT_KEY).to_string().replace(' ', "+")
}

/// The key that an event names. `InvalidInput` for a `%` without two digits behind it, and for what is no UTF-8.
pub fn event_key_of(coded: &str) -> Result<String> {
    let bad = || Error::invalid(format!("object key {coded:?} is not URL-encoded"));
    if !is_whole(coded) {
        return Err(bad());
    }
    percent_decode_str(&coded.replace('+', " ")).decode_utf8().map(Into::into).map_err(|_| bad())
}

/// Whether two hexadecimal digits are behind every `%`.
fn is_whole(coded: &str) -> bool {
    coded
        .split('%')
        .skip(1)
        .all(|rest| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// What `urllib.parse.quote(text, safe)` of Python gives, whose unreserved characters are letters, digits and `_.-~`.
    fn quoted(text: &str, plain: &str) -> String {
        text.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte) {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").unwrap();
            }
            out
        })
    }

    proptest! {
        #[test]
        fn a_partition_value_is_coded_as_ever_and_comes_back(text in any::<String>()) {
            let coded = partition_value(&text);
            prop_assert_eq!(&coded, &quoted(&text, "._-"));
            prop_assert_eq!(partition_value_of(&coded).unwrap(), text);
        }

        #[test]
        fn a_key_of_an_event_is_coded_as_ever_and_comes_back(key in any::<String>()) {
            let coded = event_key(&key);
            prop_assert_eq!(&coded, &quoted(&key, "-._*/ ").replace(' ', "+"));
            prop_assert_eq!(event_key_of(&coded).unwrap(), key);
        }

        #[test]
        fn what_is_not_whole_is_refused(text in "[%+0-9a-g ç]{0,12}") {
            let broken = text.match_indices('%').any(|(at, _)| {
                !text.as_bytes().get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
            });
            if broken {
                prop_assert!(partition_value_of(&text).is_err() && event_key_of(&text).is_err());
            } else if !text.contains('%') {
                prop_assert_eq!(partition_value_of(&text).unwrap(), text.as_str());
                prop_assert_eq!(event_key_of(&text).unwrap(), text.replace('+', " "));
            }
        }
    }

    #[test]
    fn what_is_no_utf_8_is_refused() {
        assert!(partition_value_of("%ff").unwrap_err().to_string().contains("not UTF-8"));
        assert!(event_key_of("%C3").unwrap_err().to_string().contains("is not URL-encoded"));
    }
}

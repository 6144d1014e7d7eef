//! What was made of the texts that were read last.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use quotelake_core::Result;

/// Texts that are remembered, the oldest forgotten first: more contracts than these, read in turn, are each read anew.
const TEXTS: usize = 16;

/// The longest text that is remembered.
const TEXT_BYTES: usize = 1 << 16;

/// What was made of some texts, the newest first.
#[derive(Debug)]
pub(super) struct Recent<T>(Mutex<VecDeque<(Box<str>, T)>>);

impl<T> Recent<T> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }
}

/// What is made of a text, which is the same each time. An error is not remembered.
pub(super) fn of<T: Clone>(recent: &Recent<T>, text: &str, make: impl FnOnce() -> Result<T>) -> Result<T> {
    let lock = || recent.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, made)) = lock().iter().find(|(known, _)| **known == *text) {
        return Ok(made.clone());
    }
    let made = make()?;
    if text.len() > TEXT_BYTES {
        return Ok(made);
    }
    let mut known = lock();
    known.truncate(TEXTS - 1);
    known.push_front((text.into(), made.clone()));
    Ok(made)
}

#[cfg(test)]
mod tests {
    use quotelake_core::Error;

    use super::*;

    #[test]
    fn a_text_is_made_once_while_it_is_among_the_newest() {
        let recent = Recent::new();
        let mut made = 0;
        let mut ask = |text: &str| {
            of(&recent, text, || {
                made += 1;
                Ok((text.to_owned(), made))
            })
            .unwrap()
        };
        let first = ask("a");
        assert_eq!(ask("a"), first);
        for text in 1..TEXTS {
            ask(&text.to_string());
        }
        assert_eq!(ask("a"), first);
        ask("one more");
        assert_eq!(ask("a").1, TEXTS + 2);
        let long = "long".repeat(TEXT_BYTES);
        assert_ne!(ask(&long), ask(&long));
    }

    #[test]
    fn an_error_is_no_answer() {
        let recent = Recent::new();
        assert!(of(&recent, "a", || Err::<u8, _>(Error::config("no"))).is_err());
        assert_eq!(of(&recent, "a", || Ok(1)).unwrap(), 1);
    }
}

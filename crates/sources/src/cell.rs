//! What a mapper made of a vendor's field: a value, or what was refused and why.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A value, or what was in its place and why that is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<T> {
    /// Read and understood.
    Value(T),
    /// Not to be used as a value.
    Refused(Box<Refusal>),
}

/// What was in a value's place, and why it was refused.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The vendor's JSON, as it was; a page's text as a JSON string.
    value: Box<RawValue>,
    /// What is wrong with it, for people: `cannot be read`.
    reason: Cow<'static, str>,
    /// Whether nothing is wrong with it but that nobody asked for the row.
    not_asked: bool,
}

impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        self.value.get() == other.value.get()
            && self.reason == other.reason
            && self.not_asked == other.not_asked
    }
}

impl Refusal {
    /// What was there, and why it is no value.
    pub fn new(value: impl Refusable, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { value: value.into_json(), reason: reason.into(), not_asked: false }
    }

    /// What says that the row is of something else than was asked for, and what it should have been.
    pub fn not_asked(value: impl Refusable, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { not_asked: true, ..Self::new(value, reason) }
    }

    /// The JSON that was in the value's place.
    pub fn value(&self) -> &RawValue {
        &self.value
    }

    /// Why it was refused.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether the row was refused because nobody asked for it.
    pub fn is_not_asked(&self) -> bool {
        self.not_asked
    }
}

/// What can be refused: a vendor's JSON, or the text of a page.
pub trait Refusable {
    /// As JSON on one line.
    fn into_json(self) -> Box<RawValue>;
}

impl Refusable for &RawValue {
    /// Line breaks, which JSON allows between tokens only, become spaces: a record is a line.
    fn into_json(self) -> Box<RawValue> {
        let one_line = self.get().replace(['\n', '\r'], " ");
        RawValue::from_string(one_line).unwrap_or_else(|_| self.to_owned())
    }
}

impl Refusable for &str {
    fn into_json(self) -> Box<RawValue> {
        serde_json::value::to_raw_value(self).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

impl<T> Cell<T> {
    /// What was in a value's place and could not be read.
    pub fn unreadable(raw: &RawValue) -> Self {
        Self::refused(raw, "cannot be read")
    }

    /// What was in a value's place and is not to be taken for one: a vendor's JSON or a page's text, and why.
    pub fn refused(value: impl Refusable, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused(Box::new(Refusal::new(value, reason)))
    }

    /// The value, where it could be read.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Refused(_) => None,
        }
    }

    /// The refusal, where there is no value.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Value(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_what_stood_there_on_one_line() {
        let raw = RawValue::from_string("[1,\n2]".to_owned()).unwrap();
        let cell = Cell::<i64>::unreadable(&raw);
        assert_eq!(cell.value(), None);
        let refusal = cell.refusal().unwrap();
        assert_eq!((refusal.value().get(), refusal.reason()), ("[1, 2]", "cannot be read"));
        let page = Cell::<i64>::refused("8.63 \"%\"", "is no percentage");
        assert_eq!(page.refusal().unwrap().value().get(), r#""8.63 \"%\"""#);
        assert_eq!(page, Cell::refused("8.63 \"%\"", String::from("is no percentage")));
        assert_ne!(page, Cell::refused("8.63 \"%\"", "cannot be read"));
    }
}

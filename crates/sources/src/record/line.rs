//! How the columns of a record are written: the JSON of each, and what was refused of them.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Timelike};
use quotelake_core::Decimal;

use super::Instant;
use crate::cell::{Cell, Refusal};
use crate::{DelayClass, Interval};

/// Appends a column to the member `refused`, which the first of them opens.
#[cold]
pub(super) fn append_refusal(refusal: &Refusal, column: &'static str, any: &mut bool, out: &mut Vec<u8>) {
    let before: &[u8] = if *any { b"," } else { b",\"refused\":{" };
    out.extend_from_slice(before);
    *any = true;
    column.json(out);
    out.extend_from_slice(b":{\"value\":");
    out.extend_from_slice(refusal.value().get().as_bytes());
    out.extend_from_slice(b",\"reason\":");
    refusal.reason().json(out);
    if refusal.is_not_asked() {
        out.extend_from_slice(b",\"code\":\"not_asked\"");
    }
    out.push(b'}');
}

/// A column of a line: `None`, and what was refused, is written as nothing at all.
pub(super) trait Field {
    fn append(&self, name: &'static str, out: &mut Vec<u8>);

    /// What was in the value's place.
    fn refused(&self) -> Option<&Refusal> {
        None
    }
}

impl<T: Json> Field for Option<T> {
    fn append(&self, name: &'static str, out: &mut Vec<u8>) {
        if let Some(value) = self.as_ref().filter(|value| value.refusal().is_none()) {
            out.extend_from_slice(name.as_bytes());
            value.json(out);
        }
    }

    fn refused(&self) -> Option<&Refusal> {
        self.as_ref().and_then(Json::refusal)
    }
}

/// A value as JSON.
pub(super) trait Json {
    fn json(&self, out: &mut Vec<u8>);

    /// Why it is no value, where it is none.
    fn refusal(&self) -> Option<&Refusal> {
        None
    }
}

impl Json for str {
    fn json(&self, out: &mut Vec<u8>) {
        if self.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
            out.push(b'"');
            out.extend_from_slice(self.as_bytes());
            out.push(b'"');
        } else {
            out.extend(serde_json::Value::from(self).to_string().as_bytes());
        }
    }
}

impl Json for String {
    fn json(&self, out: &mut Vec<u8>) {
        self.as_str().json(out);
    }
}

impl Json for Arc<str> {
    fn json(&self, out: &mut Vec<u8>) {
        (**self).json(out);
    }
}

impl Json for Interval {
    fn json(&self, out: &mut Vec<u8>) {
        self.as_str().json(out);
    }
}

impl Json for &'static str {
    fn json(&self, out: &mut Vec<u8>) {
        (**self).json(out);
    }
}

impl Json for DelayClass {
    fn json(&self, out: &mut Vec<u8>) {
        self.as_str().json(out);
    }
}

impl Json for NaiveDate {
    fn json(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        date(*self, out);
        out.push(b'"');
    }
}

impl Json for Instant {
    fn json(&self, out: &mut Vec<u8>) {
        let Self(instant) = self;
        out.push(b'"');
        date(instant.date_naive(), out);
        out.push(b'T');
        for (part, end) in [(instant.hour(), b':'), (instant.minute(), b':'), (instant.second(), b'.')] {
            out.extend_from_slice(&digits::<2>(part));
            out.push(end);
        }
        out.extend_from_slice(&digits::<3>(instant.timestamp_subsec_millis()));
        out.extend_from_slice(b"Z\"");
    }
}

/// `YYYY-MM-DD`; a year of other than four digits as ISO 8601 has it.
fn date(date: NaiveDate, out: &mut Vec<u8>) {
    match u32::try_from(date.year()) {
        Ok(year @ 0..=9999) => out.extend_from_slice(&digits::<4>(year)),
        _ => out.extend(date.format("%Y").to_string().as_bytes()),
    }
    for part in [date.month(), date.day()] {
        out.push(b'-');
        out.extend_from_slice(&digits::<2>(part));
    }
}

/// The last digits of a number.
fn digits<const COUNT: usize>(mut number: u32) -> [u8; COUNT] {
    let mut digits = [b'0'; COUNT];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    digits
}

impl<T: Json> Json for Cell<T> {
    fn json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Value(value) => value.json(out),
            Self::Refused(_) => out.extend_from_slice(b"null"),
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        Self::refusal(self)
    }
}

impl Json for bool {
    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! integers {
    ($($ty:ty),+) => {
        $(impl Json for $ty {
            fn json(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        })+
    };
}

integers!(i64, u32);

impl Json for Decimal {
    fn json(&self, out: &mut Vec<u8>) {
        self.append_to(out);
    }
}

macro_rules! always_written {
    ($($ty:ty),+) => {
        $(impl Field for $ty {
            fn append(&self, name: &'static str, out: &mut Vec<u8>) {
                out.extend_from_slice(name.as_bytes());
                self.json(out);
            }
        })+
    };
}

always_written!(String, Arc<str>, &'static str, u32, DelayClass, Interval);

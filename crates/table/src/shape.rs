//! The shape of a line: which fields it has, in which order. Vendors and our own stages write every line of an object alike, so
//! a line is first read by the shape of one before it, which is several times as fast as reading any JSON. A line that is not
//! exactly of a known shape, or holds a value that is not spelled as usual, is left to [`quotelake_landing::scan_object`],
//! which accepts the same lines and says what is wrong with others.
//!
//! So a shape may refuse any line, and costs only time then; but what it accepts has to be what the long way would have made of
//! it. Each bound in here (digits, places, the length of a literal, no escapes) is one up to which both are sure to agree.

use super::columns::{ColumnBuilder, NOTHING, Slot, Texts};
use super::known::Known;
use quotelake_contract::cell::Epoch;
use quotelake_contract::{Column, ColumnType, Contract};
use quotelake_core::time::{parse_date, parse_instant};

/// Shapes that are kept: optional fields come and go. A line is tried by one after the other, and what a shape read of it is taken
/// back where it fails, so a line that fits none pays for all of them before it is read the long way.
const MOST_SHAPES: usize = 4;
/// Digits that always fit an `i64`.
const MOST_DIGITS: usize = 18;
/// Digits that always fit a `u64`: of decimals of more than 18 digits, hardly a number has as many.
const MOST_WIDE_DIGITS: usize = 19;
/// The longest literal without noise for sure: fifteen digits and a point, see [`quotelake_core::without_float_noise`].
const MOST_PLAIN: usize = 16;

const POW10: [u64; MOST_WIDE_DIGITS + 1] = {
    let mut powers = [1; MOST_WIDE_DIGITS + 1];
    let mut i = 1;
    while i <= MOST_WIDE_DIGITS {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// The shapes of the lines so far, the last one that fitted first.
#[derive(Debug, Default)]
pub(super) struct Shapes(Vec<Shape>);

impl Shapes {
    /// Appends a line by a known shape to its columns, each of which has `rows` rows. False where none fits; the columns are
    /// then as they were.
    #[inline]
    pub(super) fn read(&mut self, line: &str, columns: &mut [ColumnBuilder], rows: usize) -> bool {
        for index in 0..self.0.len() {
            if self.0[index].read(line, columns).is_some() {
                self.0.swap(0, index);
                return true;
            }
            columns.iter_mut().for_each(|column| column.truncate(rows));
        }
        false
    }

    /// Learns the shape of a line that was read: its fields in order, each with its column; `dataset` has none.
    pub(super) fn learn(&mut self, contract: &Contract, fields: &[(&str, Option<usize>)]) {
        // A line of a known shape may have been unusual in a value: it must not push out the others.
        if self.0.iter().any(|known| known.has_fields(fields)) {
            return;
        }
        let Some(shape) = Shape::of(contract, fields) else { return };
        self.0.truncate(MOST_SHAPES - 1);
        self.0.insert(0, shape);
    }
}

#[derive(Debug)]
struct Shape {
    fields: Vec<Field>,
    /// The columns that the line lacks.
    absent: Vec<usize>,
}

#[derive(Debug)]
struct Field {
    /// What is before the value: `{"symbol":` or `,"symbol":`.
    before: Known,
    /// `None` for the dataset's name, which is `last`.
    column: Option<usize>,
    kind: Kind,
    /// The last text with its closing quote, where values tend to repeat: symbol, run, time of the page. A text that begins
    /// with it is equal to it, so its end need not be looked for and its date need not be parsed. It has no escape, for one
    /// with an escape is never kept.
    last: Known,
    /// What `last` came to: days or milliseconds since 1970.
    last_value: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A number of at most 18 digits: the digits behind the point that are kept, and the first mantissa that is too large.
    Number {
        scale: usize,
        too_large: u64,
        /// The longest literal: a longer one may hold the noise of a float.
        longest: usize,
    },
    /// A number of more than 18 digits: those behind the point that are kept, and how many there may be before it.
    Wide {
        scale: usize,
        whole: usize,
        /// As above.
        longest: usize,
    },
    Epoch(Epoch),
    Instant,
    Date,
    Boolean,
}

impl Kind {
    /// How a column's values are usually spelled. `None` for one that is always read the long way.
    fn of(column: &Column) -> Option<Self> {
        let longest = if column.drops_float_noise { MOST_PLAIN } else { usize::MAX };
        let number = |precision: u8, scale: u8| Self::Number {
            scale: usize::from(scale),
            too_large: POW10[usize::from(precision)],
            longest,
        };
        Some(match column.ty {
            ColumnType::String => Self::Text,
            // Nine digits always fit; ten are read the long way.
            ColumnType::Int => number(9, 0),
            ColumnType::Bigint => number(18, 0),
            ColumnType::Decimal { precision, scale } if usize::from(precision) <= MOST_DIGITS => {
                number(precision, scale)
            }
            ColumnType::Decimal { precision, scale } if usize::from(scale) <= MOST_WIDE_DIGITS => {
                Self::Wide { scale: usize::from(scale), whole: usize::from(precision - scale), longest }
            }
            ColumnType::Timestamp => column.epoch.map_or(Self::Instant, Self::Epoch),
            ColumnType::Date => Self::Date,
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Double | ColumnType::Decimal { .. } => return None,
        })
    }
}

impl Shape {
    fn of(contract: &Contract, fields: &[(&str, Option<usize>)]) -> Option<Self> {
        if fields.is_empty() {
            return None;
        }
        let field = |(position, (name, column)): (usize, &(&str, Option<usize>))| {
            let (kind, last) = match column {
                Some(index) => (Kind::of(&contract.columns[*index])?, String::new()),
                None if *name == "dataset" => (Kind::Text, format!("{}\"", contract.name)),
                None => return None,
            };
            // Without white space, which our writers do not put there: a line that has some is read the long way.
            let before = format!("{}\"{name}\":", if position == 0 { '{' } else { ',' });
            Some(Field {
                before: Known::new(before.as_bytes()),
                column: *column,
                kind,
                last: Known::new(last.as_bytes()),
                last_value: 0,
            })
        };
        let mut absent: Vec<bool> = contract.columns.iter().map(Column::is_read).collect();
        fields.iter().filter_map(|(_, column)| *column).for_each(|index| absent[index] = false);
        Some(Self {
            fields: fields.iter().enumerate().map(field).collect::<Option<_>>()?,
            absent: (0..absent.len()).filter(|index| absent[*index]).collect(),
        })
    }

    /// Whether these are its fields, in its order.
    fn has_fields(&self, fields: &[(&str, Option<usize>)]) -> bool {
        // Behind `{"` or `,"`, before `":`.
        fn name(before: &Known) -> Option<&[u8]> {
            before.bytes().get(2..before.len().saturating_sub(2))
        }
        self.fields.len() == fields.len()
            && self
                .fields
                .iter()
                .zip(fields)
                .all(|(known, (field, _))| name(&known.before) == Some(field.as_bytes()))
    }

    #[inline]
    fn read(&mut self, line: &str, columns: &mut [ColumnBuilder]) -> Option<()> {
        let mut rest = line.as_bytes();
        for field in &mut self.fields {
            rest = field.before.strip(rest)?;
            rest = match field.column {
                Some(column) => field.value(rest, &mut columns[column])?,
                // Compared and not read: what is wrong with a line of another dataset is said by the long way.
                None => field.last.strip(rest.strip_prefix(b"\"")?)?,
            };
        }
        if rest != b"}" {
            return None;
        }
        self.absent.iter().for_each(|column| columns[*column].push_missing());
        Some(())
    }
}

impl Field {
    /// Appends the value at the start of `rest` to the column, and gives what follows it.
    #[inline]
    fn value<'a>(&mut self, rest: &'a [u8], column: &mut ColumnBuilder) -> Option<&'a [u8]> {
        let after = match self.kind {
            Kind::Number { scale, too_large, longest } => match number(rest, scale) {
                Some((value, after))
                    if value.unsigned_abs() < too_large && rest.len() - after.len() <= longest =>
                {
                    column.push_int(value);
                    Some(after)
                }
                _ => None,
            },
            Kind::Wide { scale, whole, longest } => match wide_number(rest, scale, whole) {
                Some((value, after)) if rest.len() - after.len() <= longest => {
                    column.push_wide(value);
                    Some(after)
                }
                _ => None,
            },
            Kind::Epoch(epoch) => match number(rest, 0) {
                Some((count, after)) if let Some(ms) = epoch.ms(count) => {
                    column.push_int(ms);
                    Some(after)
                }
                _ => None,
            },
            Kind::Text => match rest {
                [b'"', text @ ..] => {
                    let length = self.text_length(text)?;
                    column.push_text(text, length);
                    text.get(length + 1..)
                }
                _ => None,
            },
            Kind::Instant | Kind::Date => match rest {
                [b'"', text @ ..] => {
                    let (value, after) = self.time(text)?;
                    column.push_int(value);
                    Some(after)
                }
                _ => None,
            },
            Kind::Boolean => {
                let (value, after) = match rest {
                    [b't', b'r', b'u', b'e', after @ ..] => (Slot::Bool(true), after),
                    [b'f', b'a', b'l', b's', b'e', after @ ..] => (Slot::Bool(false), after),
                    _ => return missing(rest, column),
                };
                column.push(value, Texts { line: "", aside: &NOTHING });
                Some(after)
            }
        };
        after.or_else(|| missing(rest, column))
    }

    /// A date's or an instant's value, and what follows its closing quote.
    #[inline]
    fn time<'a>(&mut self, text: &'a [u8]) -> Option<(i64, &'a [u8])> {
        if let (false, Some(after)) = (self.last.is_empty(), self.last.strip(text)) {
            return Some((self.last_value, after));
        }
        let length = plain_length(text)?;
        let value = match self.kind {
            Kind::Date => i64::from(parse_date(&text[..length])?),
            _ => parse_instant(&text[..length])?,
        };
        self.last.set(&text[..=length]);
        self.last_value = value;
        Some((value, &text[length + 1..]))
    }

    /// The bytes of a text before its closing quote.
    #[inline]
    fn text_length(&mut self, text: &[u8]) -> Option<usize> {
        if !self.last.is_empty() && self.last.begins(text) {
            return Some(self.last.len() - 1);
        }
        let length = plain_length(text)?;
        self.last.set(&text[..=length]);
        Some(length)
    }
}

/// Appends a missing value where the text says so.
#[cold]
fn missing<'a>(rest: &'a [u8], column: &mut ColumnBuilder) -> Option<&'a [u8]> {
    let after = rest.strip_prefix(b"null")?;
    column.push_missing();
    Some(after)
}

/// The bytes before the closing quote of a text that has no escape and no control character.
#[inline]
fn plain_length(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    (text[end] == b'"').then_some(end)
}

/// A number literal without an exponent, of at most 18 digits once it has `scale` digits behind the point, as that many of the
/// smallest unit.
#[inline]
fn number(text: &[u8], scale: usize) -> Option<(i64, &[u8])> {
    let Literal { negative, digits, whole, places, after } = Literal::read(text)?;
    if places > scale || whole + scale > MOST_DIGITS {
        return None;
    }
    // At most `whole + scale` digits, so this neither wraps nor passes an i64.
    let value = (digits * POW10[scale - places]) as i64;
    Some((if negative { -value } else { value }, after))
}

/// The same of at most 19 digits as they are, `most_whole` of them before the point.
#[inline]
fn wide_number(text: &[u8], scale: usize, most_whole: usize) -> Option<(i128, &[u8])> {
    let Literal { negative, digits, whole, places, after } = Literal::read(text)?;
    if places > scale || whole > most_whole || whole + places > MOST_WIDE_DIGITS {
        return None;
    }
    // Two words, of which each is below 10^19.
    let value = (u128::from(digits) * u128::from(POW10[scale - places])) as i128;
    Some((if negative { -value } else { value }, after))
}

/// A number literal without an exponent, in its parts.
struct Literal<'a> {
    negative: bool,
    /// All digits as one number; wraps where they are more than 19.
    digits: u64,
    /// How many are before the point.
    whole: usize,
    /// How many are behind it.
    places: usize,
    after: &'a [u8],
}

impl<'a> Literal<'a> {
    /// `None` for one that JSON does not have, or that the value does not end with.
    #[inline]
    fn read(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', text @ ..] => (true, text),
            text => (false, text),
        };
        let (mut value, mut after) = digits(text, 0);
        let whole = text.len() - after.len();
        if whole == 0 || (whole > 1 && text[0] == b'0') {
            return None;
        }
        let mut places = 0;
        if let [b'.', fraction @ ..] = after {
            (value, after) = digits(fraction, value);
            places = fraction.len() - after.len();
            if places == 0 {
                return None;
            }
        }
        matches!(after, [b',' | b'}', ..]).then_some(Self { negative, digits: value, whole, places, after })
    }
}

/// A number with the digits that a text begins with appended, and what follows them. Wraps where they are too many.
#[inline]
fn digits(text: &[u8], mut value: u64) -> (u64, &[u8]) {
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        rest = after;
    }
    (value, rest)
}

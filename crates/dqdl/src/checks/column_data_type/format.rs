//! Java's date patterns, as far as they occur in data: `yyyy yy M MM MMM MMMM d dd H HH h hh m mm s ss S... a` and
//! literals. One letter takes one or two digits, two letters exactly two.

use chrono::{NaiveDate, NaiveTime};

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Literal(char),
    Number {
        field: Field,
        min: usize,
        max: usize,
    },
    /// The English name of a month, short or long.
    Month {
        short: bool,
    },
    /// `AM` or `PM`.
    HalfDay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    ShortYear,
    Month,
    Day,
    Hour,
    HalfHour,
    Minute,
    Second,
    Fraction,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(letter) = chars.next() {
            if letter == '\'' {
                // '' is a quote, 'text' is text.
                let start = pieces.len();
                for literal in chars.by_ref().take_while(|c| *c != '\'') {
                    pieces.push(Piece::Literal(literal));
                }
                if pieces.len() == start {
                    pieces.push(Piece::Literal('\''));
                }
                continue;
            }
            if !letter.is_ascii_alphabetic() {
                pieces.push(Piece::Literal(letter));
                continue;
            }
            let mut count = 1;
            while chars.next_if_eq(&letter).is_some() {
                count += 1;
            }
            pieces.push(
                piece(letter, count)
                    .ok_or_else(|| format!("the date pattern \"{text}\" is not supported"))?,
            );
        }
        Ok(Self(pieces))
    }

    /// Whether a text is a date of this pattern, and one of the calendar.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.read(text).is_some()
    }

    fn read(&self, text: &str) -> Option<()> {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut hour, mut minute, mut second) = (0, 0, 0);
        let mut rest = text;
        for piece in &self.0 {
            rest = match *piece {
                Piece::Literal(literal) => rest.strip_prefix(literal)?,
                Piece::HalfDay => {
                    let (word, after) = rest.split_at_checked(2)?;
                    if !["AM", "PM"].iter().any(|known| known.eq_ignore_ascii_case(word)) {
                        return None;
                    }
                    after
                }
                Piece::Month { short } => {
                    let name = |name: &'static str| if short { name.get(..3).unwrap_or(name) } else { name };
                    let (at, length) = MONTHS.iter().zip(1..).find_map(|(full, at)| {
                        let known = name(full);
                        let word = rest.get(..known.len())?;
                        word.eq_ignore_ascii_case(known).then_some((at, known.len()))
                    })?;
                    month = at;
                    rest.get(length..)?
                }
                Piece::Number { field, min, max } => {
                    let digits = rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
                    if digits < min {
                        return None;
                    }
                    let (number, after) = rest.split_at_checked(digits)?;
                    let value: u32 = number.parse().ok()?;
                    match field {
                        Field::Year => year = i32::try_from(value).ok()?,
                        Field::ShortYear => year = 2000 + i32::try_from(value).ok()?,
                        Field::Month => month = value,
                        Field::Day => day = value,
                        Field::Hour => hour = value,
                        Field::HalfHour if (1..=12).contains(&value) => hour = value % 12,
                        Field::HalfHour => return None,
                        Field::Minute => minute = value,
                        Field::Second => second = value,
                        Field::Fraction => {}
                    }
                    after
                }
            };
        }
        NaiveDate::from_ymd_opt(year, month, day)?;
        NaiveTime::from_hms_opt(hour, minute, second)?;
        rest.is_empty().then_some(())
    }
}

fn piece(letter: char, count: usize) -> Option<Piece> {
    let number = |field, min, max| Some(Piece::Number { field, min, max });
    match (letter, count) {
        ('y' | 'u', 4) => number(Field::Year, 4, 4),
        ('y' | 'u', 1) => number(Field::Year, 1, 6),
        ('y' | 'u', 2) => number(Field::ShortYear, 2, 2),
        ('M' | 'L', 3) => Some(Piece::Month { short: true }),
        ('M' | 'L', 4) => Some(Piece::Month { short: false }),
        ('a', 1) => Some(Piece::HalfDay),
        ('S', 1..=9) => number(Field::Fraction, count, count),
        (_, 1 | 2) => {
            let field = match letter {
                'M' | 'L' => Field::Month,
                'd' => Field::Day,
                'H' => Field::Hour,
                'h' => Field::HalfHour,
                'm' => Field::Minute,
                's' => Field::Second,
                _ => return None,
            };
            number(field, count, 2)
        }
        _ => None,
    }
}

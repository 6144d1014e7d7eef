//! Java's date patterns, as far as they occur in data: `yyyy yy M MM MMM MMMM d dd H HH h hh m mm s ss S... a` and
//! literals; written also `E EEEE D DDD Q`. One letter takes one or two digits, two letters exactly two.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _};

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct DatePattern(Vec<Piece>);

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
    /// The English name of a day, short or long. Only written.
    Weekday {
        short: bool,
    },
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
    /// Only written.
    DayOfYear,
    /// Only written.
    Quarter,
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

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

impl DatePattern {
    /// For reading texts.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let pattern = Self::for_writing(text)?;
        let only_written = |piece: &Piece| {
            matches!(piece, Piece::Weekday { .. })
                || matches!(piece, Piece::Number { field: Field::DayOfYear | Field::Quarter, .. })
        };
        match pattern.0.iter().any(only_written) {
            true => Err(format!("the date pattern \"{text}\" is not supported")),
            false => Ok(pattern),
        }
    }

    /// For writing texts.
    pub(crate) fn for_writing(text: &str) -> Result<Self, String> {
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
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.read(text).is_some()
    }

    /// The date and time that a text of this pattern is; what the pattern has not is that of 1970-01-01 at midnight.
    pub(crate) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        let (mut hour, mut minute, mut second, mut nanos) = (0, 0, 0, 0);
        let (mut afternoon, mut half_hour) = (None, false);
        let mut rest = text;
        for piece in &self.0 {
            rest = match *piece {
                Piece::Literal(literal) => rest.strip_prefix(literal)?,
                Piece::HalfDay => {
                    let (word, after) = rest.split_at_checked(2)?;
                    let at = ["AM", "PM"].iter().position(|known| known.eq_ignore_ascii_case(word))?;
                    afternoon = Some(at == 1);
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
                Piece::Weekday { .. } => return None,
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
                        Field::HalfHour if (1..=12).contains(&value) => {
                            hour = value % 12;
                            half_hour = true;
                        }
                        Field::HalfHour => return None,
                        Field::Minute => minute = value,
                        Field::Second => second = value,
                        Field::Fraction => {
                            let places = u32::try_from(digits).ok()?;
                            nanos = value.checked_mul(10_u32.checked_pow(9_u32.checked_sub(places)?)?)?;
                        }
                        Field::DayOfYear | Field::Quarter => return None,
                    }
                    after
                }
            };
        }
        if half_hour && afternoon == Some(true) {
            hour += 12;
        }
        let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?;
        rest.is_empty().then_some(NaiveDate::from_ymd_opt(year, month, day)?.and_time(time))
    }

    /// A date and time in this pattern.
    pub(crate) fn write(&self, time: NaiveDateTime) -> String {
        let short = |name: &'static str, short| if short { name.get(..3).unwrap_or(name) } else { name };
        let mut text = String::new();
        for piece in &self.0 {
            match *piece {
                Piece::Literal(literal) => text.push(literal),
                Piece::HalfDay => text.push_str(if time.hour() < 12 { "AM" } else { "PM" }),
                Piece::Month { short: is_short } => {
                    let at = usize::try_from(time.month0()).unwrap_or(0);
                    text.push_str(MONTHS.get(at).map_or("", |name| short(name, is_short)));
                }
                Piece::Weekday { short: is_short } => {
                    let at = usize::try_from(time.weekday().num_days_from_monday()).unwrap_or(0);
                    text.push_str(DAYS.get(at).map_or("", |name| short(name, is_short)));
                }
                Piece::Number { field: Field::Fraction, min, .. } => {
                    let digits = format!("{:09}", time.nanosecond());
                    text.push_str(digits.get(..min).unwrap_or(&digits));
                }
                Piece::Number { field, min, .. } => {
                    let value = match field {
                        Field::Year => i64::from(time.year()),
                        Field::ShortYear => i64::from(time.year().rem_euclid(100)),
                        Field::Month => i64::from(time.month()),
                        Field::Day => i64::from(time.day()),
                        Field::Hour => i64::from(time.hour()),
                        Field::HalfHour => i64::from(time.hour12().1),
                        Field::Minute => i64::from(time.minute()),
                        Field::Second => i64::from(time.second()),
                        Field::DayOfYear => i64::from(time.ordinal()),
                        Field::Quarter => i64::from(time.month0() / 3 + 1),
                        Field::Fraction => 0,
                    };
                    text.push_str(&format!("{value:0min$}"));
                }
            }
        }
        text
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
        ('E', 1..=3) => Some(Piece::Weekday { short: true }),
        ('E', 4) => Some(Piece::Weekday { short: false }),
        ('D', 1..=3) => number(Field::DayOfYear, count, 3),
        ('Q' | 'q', 1 | 2) => number(Field::Quarter, count, 2),
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

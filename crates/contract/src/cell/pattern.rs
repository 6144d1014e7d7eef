//! A date's or an instant's format, as `strftime` writes it: `%d/%m/%Y`, `%m/%d/%Y %I:%M:%S %p`.

use chrono::{NaiveDate, Weekday};

use quotelake_core::{Error, Result};

/// A format, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Character(char),
    /// One or more spaces, whatever their width.
    Space,
    Year,
    ShortYear,
    Month,
    /// In full, or its first three letters.
    MonthName {
        full: bool,
    },
    Day,
    DayOfYear,
    /// As above.
    Weekday {
        full: bool,
    },
    Hour,
    HalfDayHour,
    Minute,
    Second,
    /// Digits of a fraction, without their point.
    Fraction,
    /// A point with digits, or nothing.
    PointAndFraction,
    Meridiem,
    /// `Z`, `+01`, `+0100`, `+01:00`.
    Offset,
    /// `UTC`, `GMT` or `Z`.
    UtcName,
}

/// What a text says of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The date on the calendar.
    pub date: NaiveDate,
    /// The time of the day, where it was written.
    pub time: Option<Time>,
    /// Seconds east of UTC, where they were written.
    pub offset: Option<i32>,
}

/// A time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time {
    /// Milliseconds since midnight.
    pub ms: i64,
    /// Whether digits behind the milliseconds were other than zero.
    pub is_finer: bool,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const KNOWN: &str =
    "%Y %y %m %b %B %d %e %j %a %A %H %I %M %S %f %.f %p %z %Z %F %T %R %D %% (and %-d, %-m and so on)";

impl Pattern {
    /// Reads a format. `Config` says what is wrong: a part that is unknown, appears twice or is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: String| Error::config(format!("format {text:?}: {why}"));
        let expanded = [
            ("%F", "%Y-%m-%d"),
            ("%T", "%H:%M:%S"),
            ("%R", "%H:%M"),
            ("%D", "%m/%d/%y"),
            ("%x", "%m/%d/%y"),
            ("%v", "%e-%b-%Y"),
        ]
        .into_iter()
        .fold(text.replace("%%", "\0"), |text, (short, long)| text.replace(short, long));
        let mut items = Vec::new();
        let mut characters = expanded.chars();
        while let Some(character) = characters.next() {
            if is_space(character) {
                if items.last() != Some(&Item::Space) {
                    items.push(Item::Space);
                }
                continue;
            }
            if character != '%' {
                items.push(Item::Character(if character == '\0' { '%' } else { character }));
                continue;
            }
            let mut letter = characters.next();
            while matches!(letter, Some('-' | '_' | '0' | '3' | '6' | '9')) {
                letter = characters.next();
            }
            let item = match letter {
                Some('Y') => Item::Year,
                Some('y') => Item::ShortYear,
                Some('m') => Item::Month,
                Some('B') => Item::MonthName { full: true },
                Some('b' | 'h') => Item::MonthName { full: false },
                Some('d' | 'e') => Item::Day,
                Some('j') => Item::DayOfYear,
                Some('A') => Item::Weekday { full: true },
                Some('a') => Item::Weekday { full: false },
                Some('H' | 'k') => Item::Hour,
                Some('I' | 'l') => Item::HalfDayHour,
                Some('M') => Item::Minute,
                Some('S') => Item::Second,
                Some('f') => Item::Fraction,
                Some('.') => {
                    let digits = characters.clone().take_while(|c| matches!(c, '3' | '6' | '9')).count();
                    match characters.nth(digits) {
                        Some('f') => Item::PointAndFraction,
                        _ => return Err(bad("%. is followed by an f".into())),
                    }
                }
                Some('p' | 'P') => Item::Meridiem,
                Some('z') => Item::Offset,
                Some('Z') => Item::UtcName,
                Some(other) => return Err(bad(format!("%{other} is none of {KNOWN}"))),
                None => return Err(bad("ends with a %".into())),
            };
            if items.contains(&item) {
                return Err(bad(format!("%{} appears twice", letter.unwrap_or_default())));
            }
            items.push(item);
        }
        let this = Self { text: text.to_owned(), items };
        this.check().map_err(bad)?;
        Ok(this)
    }

    fn check(&self) -> Result<(), String> {
        let has = |item: Item| self.items.contains(&item);
        for (one, other, what) in [
            (Item::Year, Item::ShortYear, "years"),
            (Item::Hour, Item::HalfDayHour, "hours"),
            (Item::Fraction, Item::PointAndFraction, "fractions"),
        ] {
            if has(one) && has(other) {
                return Err(format!("has two {what}"));
            }
        }
        let named = |full: bool| has(Item::MonthName { full });
        let month_name = named(true) || named(false);
        if named(true) && named(false) || has(Item::Month) && month_name {
            return Err("has two months".into());
        }
        let year = has(Item::Year) || has(Item::ShortYear);
        let month = has(Item::Month) || month_name;
        if !(year && (month && has(Item::Day) || has(Item::DayOfYear))) {
            return Err("does not make a whole date, such as %d/%m/%Y does".into());
        }
        if has(Item::DayOfYear) && (month || has(Item::Day)) {
            return Err("has a day of the year beside a month or a day".into());
        }
        if has(Item::HalfDayHour) != has(Item::Meridiem) {
            return Err("%I and %p go together".into());
        }
        let hour = has(Item::Hour) || has(Item::HalfDayHour);
        let second = has(Item::Second);
        let fraction = has(Item::Fraction) || has(Item::PointAndFraction);
        if (has(Item::Minute) && !hour) || (second && !has(Item::Minute)) || (fraction && !second) {
            return Err("has a part of a time without the greater one".into());
        }
        Ok(())
    }

    /// The format as the contract writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it has a time of the day.
    pub fn has_time(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Hour | Item::HalfDayHour))
    }

    /// Whether it says in which zone a time is.
    pub fn has_zone(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Offset | Item::UtcName))
    }

    /// The same format with day and month swapped, where both are numbers: what a text may be mistaken for. `None` for year,
    /// month, day.
    pub fn mistaken_for(&self) -> Option<Self> {
        let place = |item: Item| self.items.iter().position(|one| *one == item);
        let (day, month) = (place(Item::Day)?, place(Item::Month)?);
        // Nobody writes the year first and the month last.
        if place(Item::Year).is_some_and(|year| year < month && month < day) {
            return None;
        }
        let swapped = |item: &Item| match item {
            Item::Day => Item::Month,
            Item::Month => Item::Day,
            other => *other,
        };
        let mut text = self.text.replace("%D", "%m/%d/%y").replace("%F", "%Y-%m-%d").replace("%e", "%d");
        text = text.replace("%-d", "%d").replace("%-m", "%m");
        text = text.replace("%d", "%\u{0}").replace("%m", "%d").replace("%\u{0}", "%m");
        Some(Self { text, items: self.items.iter().map(swapped).collect() })
    }

    /// What a text says. `None` where it is not of this format to its last character, or no date or time there is: second
    /// 60 is none.
    pub fn read(&self, text: &str) -> Option<Written> {
        let mut rest = text;
        let mut found = Found::default();
        for item in &self.items {
            rest = found.take(*item, rest)?;
        }
        if rest.is_empty() { found.written() } else { None }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\u{a0}' | '\u{202f}' | '\t')
}

#[derive(Debug, Default)]
struct Found {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    weekday: Option<usize>,
    hour: Option<u32>,
    half_day_hour: Option<u32>,
    afternoon: bool,
    minute: u32,
    second: u32,
    ms: u32,
    is_finer: bool,
    offset: Option<i32>,
}

impl Found {
    /// Takes a part from the beginning of a text, and gives what follows it.
    fn take<'t>(&mut self, item: Item, text: &'t str) -> Option<&'t str> {
        let (number, rest) = match item {
            Item::Character(character) => return text.strip_prefix(character),
            Item::Space => {
                let rest = text.trim_start_matches(is_space);
                return (rest.len() < text.len()).then_some(rest);
            }
            Item::Year => {
                let (digits, rest) = digits(text, 4);
                (digits.len() == 4).then_some(())?;
                self.year = digits.parse().ok().filter(|year| *year > 0);
                return Some(rest);
            }
            Item::MonthName { full } => {
                let (index, rest) = name(text, &MONTHS, full)?;
                self.month = Some(index as u32 + 1);
                return Some(rest);
            }
            Item::Weekday { full } => {
                let (index, rest) = name(text, &DAYS, full)?;
                self.weekday = Some(index);
                return Some(rest);
            }
            Item::Meridiem => {
                let (half, rest) = text.split_at_checked(2)?;
                self.afternoon = half.eq_ignore_ascii_case("pm");
                return (self.afternoon || half.eq_ignore_ascii_case("am")).then_some(rest);
            }
            Item::Fraction => return self.fraction(text),
            Item::PointAndFraction => {
                return match text.strip_prefix('.') {
                    Some(after) => self.fraction(after),
                    None => Some(text),
                };
            }
            Item::Offset => {
                let (offset, rest) = offset(text)?;
                self.offset = Some(offset);
                return Some(rest);
            }
            Item::UtcName => {
                self.offset = self.offset.or(Some(0));
                return ["UTC", "GMT", "Z"].iter().find_map(|name| text.strip_prefix(name));
            }
            Item::DayOfYear => number(text, 3)?,
            Item::ShortYear => {
                let (digits, rest) = digits(text, 2);
                (digits.len() == 2).then_some(())?;
                (digits.parse().ok()?, rest)
            }
            _ => number(text, 2)?,
        };
        match item {
            // As POSIX has it: 69 to 99 are of the twentieth century.
            Item::ShortYear => self.year = Some(number as i32 + if number >= 69 { 1900 } else { 2000 }),
            Item::Month => self.month = Some(number),
            Item::Day => self.day = Some(number),
            Item::DayOfYear => self.day_of_year = Some(number),
            Item::Hour => self.hour = Some(number).filter(|hour| *hour < 24),
            Item::HalfDayHour => self.half_day_hour = Some(number).filter(|hour| (1..=12).contains(hour)),
            Item::Minute => self.minute = (number < 60).then_some(number)?,
            _ => self.second = (number < 60).then_some(number)?,
        }
        let has_hour =
            !matches!(item, Item::Hour | Item::HalfDayHour) || self.hour.or(self.half_day_hour).is_some();
        has_hour.then_some(rest)
    }

    fn fraction<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (ms, is_finer, rest) = fraction(text)?;
        (self.ms, self.is_finer) = (ms, is_finer);
        Some(rest)
    }

    fn written(self) -> Option<Written> {
        let year = self.year?;
        let date = match self.day_of_year {
            Some(day) => NaiveDate::from_yo_opt(year, day)?,
            None => NaiveDate::from_ymd_opt(year, self.month?, self.day?)?,
        };
        if let Some(index) = self.weekday
            && Weekday::try_from(index as u8).ok()? != chrono::Datelike::weekday(&date)
        {
            return None;
        }
        let hour = match self.half_day_hour {
            Some(hour) => Some(hour % 12 + if self.afternoon { 12 } else { 0 }),
            None => self.hour,
        };
        let time = hour.map(|hour| Time {
            ms: i64::from((hour * 60 + self.minute) * 60 + self.second) * 1000 + i64::from(self.ms),
            is_finer: self.is_finer,
        });
        Some(Written { date, time, offset: self.offset })
    }
}

/// The ASCII digits that a text begins with, at most so many.
fn digits(text: &str, most: usize) -> (&str, &str) {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    text.split_at(count)
}

fn number(text: &str, most: usize) -> Option<(u32, &str)> {
    let (digits, rest) = digits(text, most);
    Some((digits.parse().ok()?, rest))
}

/// A name in full, or its first three letters, whatever their case, and its place in the list.
fn name<'t>(text: &'t str, names: &[&str], full: bool) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let length = if full { name.len() } else { 3 };
        let (start, rest) = text.split_at_checked(length)?;
        start.eq_ignore_ascii_case(&name[..length]).then_some((index, rest))
    })
}

/// A fraction of a second in milliseconds, whether it is finer, and what follows it.
pub(super) fn fraction(text: &str) -> Option<(u32, bool, &str)> {
    let (digits, rest) = digits(text, usize::MAX);
    if digits.is_empty() {
        return None;
    }
    let digit = |place: usize| digits.as_bytes().get(place).map_or(0, |byte| u32::from(byte - b'0'));
    let ms = digit(0) * 100 + digit(1) * 10 + digit(2);
    Some((ms, digits.bytes().skip(3).any(|byte| byte != b'0'), rest))
}

/// `Z`, `+01`, `+0100`, `+01:00` or `-03:06:28` in seconds, and what follows it. Seconds are in the mean times of before there were
/// zones, as PostgreSQL writes them.
pub(super) fn offset<'t>(text: &'t str) -> Option<(i32, &'t str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((0, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = digits(&text[1..], 2);
    let behind_colon = |rest: &'t str| -> Option<Option<(&'t str, &'t str)>> {
        let Some(after) = rest.strip_prefix(':') else { return Some(None) };
        let (found, rest) = digits(after, 2);
        (found.len() == 2).then_some(Some((found, rest)))
    };
    let (minutes, seconds, rest) = match behind_colon(rest)? {
        Some((minutes, rest)) => match behind_colon(rest)? {
            Some((seconds, rest)) => (minutes, seconds, rest),
            None => (minutes, "", rest),
        },
        None => {
            let (minutes, rest) = digits(rest, 2);
            (minutes, "", rest)
        }
    };
    if hours.len() != 2 || minutes.len() == 1 {
        return None;
    }
    let number = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i32>().ok() };
    let (hours, minutes, seconds) = (number(hours)?, number(minutes)?, number(seconds)?);
    (hours < 24 && minutes < 60 && seconds < 60)
        .then_some((sign * ((hours * 60 + minutes) * 60 + seconds), rest))
}

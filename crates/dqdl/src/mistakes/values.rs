//! Operators, numbers, dates, ages and sizes as people write them.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;

/// Tokens before the place that are looked at.
const BEFORE: usize = 12;
const AFTER: usize = 8;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    for index in scene.at.saturating_sub(BEFORE)..=(scene.at + AFTER).min(scene.len()) {
        operators(scene, index, out);
        words(scene, index, out);
        numbers(scene, index, out);
        ages(scene, index, out);
        dates(scene, index, out);
    }
    now(scene, out);
}

/// Signs of comparison that other languages have.
fn operators(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    if !scene.is(index, "=<>!") || (index > 0 && scene.is(index - 1, "=<>!") && scene.touches(index - 1)) {
        return;
    }
    let start = scene.start(index);
    let mut last = index;
    while scene.is(last + 1, "=<>!~") && scene.touches(last) {
        last += 1;
    }
    let written = scene.range(index, last);
    let meant = match written {
        "==" | "===" => "=",
        "<>" | "!==" | "=!" | "><" => "!=",
        "=>" | ">==" | ">>=" => ">=",
        "=<" | "<==" | "<<=" => "<=",
        ">>" => ">",
        "<<" => "<",
        _ => {
            // `> = 5`
            let apart = !scene.touches(index) && scene.is(index + 1, "=<>");
            if apart
                && matches!(
                    (written, scene.word(index + 1)),
                    ("<" | ">" | "!", "=") | ("=", "<" | ">") | ("<", ">")
                )
            {
                let meant = match (written, scene.word(index + 1)) {
                    ("<", ">") => "!=".to_owned(),
                    ("=", sign) => format!("{sign}="),
                    (sign, _) => format!("{sign}="),
                };
                let shown = scene.range(index, index + 1);
                out.replace(
                    start,
                    scene.end(index + 1),
                    meant,
                    format!("`{shown}` is no operator of the language"),
                );
            }
            return;
        }
    };
    out.replace(start, scene.end(last), meant, format!("`{written}` is no operator of the language"));
}

/// Words that are written otherwise.
fn words(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    const KEYWORDS: [&str; 9] =
        ["between", "in", "not", "matches", "with", "where", "labels", "threshold", "now"];
    if scene.kind(index) != Kind::Identifier {
        return;
    }
    let (start, written) = (scene.start(index), scene.word(index));
    let lower = written.to_ascii_lowercase();
    if lower != written && KEYWORDS.contains(&lower.as_str()) {
        let mut edits = vec![];
        // Several of them in a rule: at once.
        let end = scene.head().map_or(index, |head| scene.rule_end(head));
        for other in index..=end.min(index + 12) {
            let word = scene.word(other).to_ascii_lowercase();
            if scene.kind(other) == Kind::Identifier
                && word != scene.word(other)
                && KEYWORDS.contains(&word.as_str())
            {
                edits.push(scene.edit(other, other, word));
            }
        }
        let message = format!("`{written}`: this word is written in small letters");
        out.add(start, message, format!("write `{lower}`"), edits);
    }
    if matches!(written, "And" | "Or" | "Of" | "aNd" | "oR") {
        out.replace(
            start,
            scene.end(index),
            lower.clone(),
            format!("`{written}`: this word is written in small or in capital letters"),
        );
    }
    if matches!(lower.as_str(), "null" | "empty" | "whitespaces_only")
        && lower != written
        && lower.to_ascii_uppercase() != written
    {
        out.replace(
            start,
            scene.end(index),
            lower.to_ascii_uppercase(),
            format!("`{written}`: this word is written in small or in capital letters"),
        );
    }
    if matches!(written, "None" | "none" | "nil" | "NaN" | "nan" | "missing") {
        out.replace(start, scene.end(index), "NULL", format!("`{written}`: a missing value is called NULL"));
    }
    if lower == "is" {
        let not = scene.is_word(index + 1, &["not"]);
        let value = index + 1 + usize::from(not);
        let text = if not { "!=" } else { "=" };
        let phrase = scene.range(index, value);
        if scene.is_word(value, &["null", "empty"]) {
            let whole = format!("{text} {}", scene.word(value).to_ascii_uppercase());
            out.replace(start, scene.end(value), whole, format!("`{phrase}` is SQL"));
        } else {
            out.replace(
                start,
                scene.end(value - 1),
                text,
                format!("`{}` is no operator of the language", scene.range(index, value - 1)),
            );
        }
    }
    if lower == "not" && scene.is_word(index + 1, &["null"]) {
        out.replace(
            start,
            scene.end(index + 1),
            "!= NULL",
            format!("`{}` is SQL", scene.range(index, index + 1)),
        );
    }
    let meant = match lower.as_str() {
        "like" | "ilike" | "rlike" | "regexp" | "match" | "regex" | "similar" => "matches",
        "notin" | "not_in" | "nin" => "not in",
        "isin" | "is_in" | "within" | "oneof" => "in",
        "btw" | "betwen" | "beetween" | "betweeen" => "between",
        "eq" | "equals" | "equal" => "=",
        "ne" | "neq" => "!=",
        "gt" | "greater" => ">",
        "ge" | "gte" => ">=",
        "lt" | "less" => "<",
        "le" | "lte" => "<=",
        _ => return,
    };
    if lower.ends_with("like") && scene.is_quoted(index + 1) {
        // The signs of LIKE become those of a regular expression.
        let pattern = scene.inside(index + 1).replace('%', ".*").replace('_', ".");
        let whole = format!("matches {}", in_quotes(&pattern));
        return out.replace(
            start,
            scene.end(index + 1),
            whole,
            format!("`{written}` is SQL: texts are compared with a regular expression"),
        );
    }
    let last = if scene.is_word(index + 1, &["than", "to"]) { index + 1 } else { index };
    out.replace(
        start,
        scene.end(last),
        meant,
        format!("`{}` is no word of the language", scene.range(index, last)),
    );
}

/// Numbers in other notations.
fn numbers(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (start, end, written) = (scene.start(index), scene.end(index), scene.word(index));
    match scene.kind(index) {
        Kind::Identifier => {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if written.strip_prefix('.').is_some_and(digits) {
                out.replace(
                    start,
                    end,
                    format!("0{written}"),
                    format!("`{written}`: a number has a digit before its point"),
                );
            }
            if let Some(whole) = written.strip_suffix('.').filter(|whole| digits(whole)) {
                out.replace(start, end, whole, format!("`{written}`: a number has a digit after its point"));
            }
            exponent(scene, index, out);
            let plain = written.replace('_', "");
            if plain != written && digits(&plain.replacen('.', "", 1)) {
                out.replace(start, end, plain, format!("`{written}`: a number has no underscores"));
            }
            // 1.000.000
            let groups: Vec<&str> = written.split('.').collect();
            if groups.len() > 2
                && groups.iter().all(|group| digits(group))
                && groups.iter().skip(1).all(|group| group.len() == 3)
            {
                out.replace(
                    start,
                    end,
                    groups.concat(),
                    format!("`{written}`: a number has no separators of thousands"),
                );
            }
            multiples(scene, index, out);
        }
        Kind::Integer => {
            // 1,000 or 0,95
            let mut last = index;
            let mut whole = written.to_owned();
            while scene.is(last + 1, ",")
                && scene.touches(last)
                && scene.touches(last + 1)
                && matches!(scene.kind(last + 2), Kind::Integer | Kind::Decimal)
                && scene.word(last + 2).split('.').next().is_some_and(|group| group.len() == 3)
                && !whole.starts_with('0')
            {
                last += 2;
                whole.push_str(scene.word(last));
            }
            if last > index {
                let shown = scene.range(index, last);
                out.replace(
                    start,
                    scene.end(last),
                    whole,
                    format!("`{shown}`: a number has no separators of thousands"),
                );
            }
            if scene.is(index + 1, ",")
                && scene.touches(index)
                && scene.touches(index + 1)
                && scene.kind(index + 2) == Kind::Integer
            {
                let text = format!("{written}.{}", scene.word(index + 2));
                let shown = scene.range(index, index + 2);
                out.replace(
                    start,
                    scene.end(index + 2),
                    text,
                    format!("`{shown}`: the decimal sign is a point"),
                );
            }
        }
        Kind::Symbol(b'+') if matches!(scene.kind(index + 1), Kind::Integer | Kind::Decimal) => {
            let shown = scene.range(index, index + 1);
            out.replace(start, scene.start(index + 1), "", format!("`{shown}`: a number has no plus sign"));
            if let Some(candidate) = out.0.last_mut() {
                candidate.advice = format!("write `{}`", scene.word(index + 1));
            }
        }
        Kind::Symbol(b'$') if matches!(scene.kind(index + 1), Kind::Integer | Kind::Decimal) => {
            out.replace(
                start,
                scene.end(index + 1),
                scene.word(index + 1),
                "a number has no sign of a currency",
            );
        }
        Kind::Bad(_) if "£€¥".contains(written) && !written.is_empty() => {
            out.add(
                start,
                format!("`{written}`: a number has no sign of a currency"),
                format!("take `{written}` away"),
                vec![scene.edit(index, index, "")],
            );
        }
        _ => {}
    }
}

/// 1e6, 1.5e-3.
fn exponent(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let written = scene.word(index);
    let Some((mantissa, power)) = written.split_once(['e', 'E']) else { return };
    let (mut last, mut power) = (index, power.to_owned());
    if power.is_empty() && scene.is(index + 1, "+-") && scene.kind(index + 2) == Kind::Integer {
        power = format!("{}{}", scene.word(index + 1), scene.word(index + 2));
        last = index + 2;
    }
    let Ok(power) = power.trim_start_matches('+').parse::<i32>() else { return };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || power.abs() > 40 {
        return;
    }
    let point = i32::try_from(whole.len()).unwrap_or(0) + power;
    let text = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else {
        let point = point as usize;
        let padded = format!("{digits:0<point$}");
        let (whole, fraction) = padded.split_at(point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    };
    let written = scene.range(index, last);
    out.replace(scene.start(index), scene.end(last), text, format!("`{written}`: a number has no exponent"));
}

/// 10k, 5M.
fn multiples(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let written = scene.word(index);
    let zeros = match written.chars().last() {
        Some('k' | 'K') => "000",
        Some('m' | 'M') => "000000",
        _ => return,
    };
    let digits = written.get(..written.len() - 1).unwrap_or("");
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let text = format!("{digits}{zeros}");
        out.replace(
            scene.start(index),
            scene.end(index),
            text,
            format!("`{written}`: a number is written out"),
        );
    }
}

/// Ages and sizes: an amount and a unit, together or apart.
fn ages(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (mut last, amount, unit) = match scene.kind(index) {
        Kind::Integer | Kind::Decimal if scene.kind(index + 1) == Kind::Identifier => {
            (index + 1, scene.word(index), scene.word(index + 1))
        }
        Kind::Identifier => {
            let written = scene.word(index);
            let split = written.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(0);
            (index, written.get(..split).unwrap_or(""), written.get(split..).unwrap_or(""))
        }
        _ => return,
    };
    if amount.is_empty() || !amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return;
    }
    let (Some(minutes), written) = (minutes_of(unit), scene.range(index, last)) else {
        return size(scene, index, last, amount, unit, out);
    };
    let Some(total) = times(amount, minutes) else {
        let message = format!("`{written}`: an age is a whole number of days, hours or minutes");
        out.replace(scene.start(index), scene.end(last), "1 minutes", message);
        return;
    };
    let text = if total.is_multiple_of(1440) && minutes >= 1440 {
        format!("{} days", total / 1440)
    } else if total.is_multiple_of(60) && minutes >= 60 {
        format!("{} hours", total / 60)
    } else {
        format!("{total} minutes")
    };
    if scene.is_word(last + 1, &["ago", "old"]) {
        last += 1;
    }
    let written = if last == index { written } else { scene.range(index, last) };
    if text != written {
        let how = match unit {
            "day" | "hour" | "minute" => "in the plural",
            "Day" | "Days" | "DAYS" | "Hour" | "Hours" | "HOURS" | "Minutes" => {
                "in small letters and in the plural"
            }
            "days" | "hours" | "minutes" if amount.contains('.') => "and their number is whole",
            "days" | "hours" | "minutes" => "with a space before",
            _ => "and nothing else",
        };
        let message = format!("`{written}`: units of time are `days`, `hours` and `minutes`, {how}");
        out.replace(scene.start(index), scene.end(last), text, message);
    }
}

fn size(scene: &Scene<'_>, index: usize, last: usize, amount: &str, unit: &str, out: &mut Candidates) {
    let meant = match unit.to_ascii_lowercase().as_str() {
        "b" | "byte" | "bytes" => 0,
        "k" | "kb" | "kib" | "kilobytes" => 1,
        "mb" | "mib" | "megabytes" => 2,
        "g" | "gb" | "gib" | "gigabytes" => 3,
        "t" | "tb" | "tib" | "terabytes" => 4,
        _ => return,
    };
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let (amount, unit) = match (amount.contains('.'), meant) {
        (false, unit) => (amount.to_owned(), unit),
        (true, 0) => return,
        (true, unit) => match times(amount, 1024) {
            Some(amount) => (amount.to_string(), unit - 1),
            None => return,
        },
    };
    let Some(unit) = UNITS.get(unit) else { return };
    let (text, written) = (format!("{amount} {unit}"), scene.range(index, last));
    if text != written {
        let message =
            format!("`{written}`: a size is a whole number, a space and `B`, `KB`, `MB`, `GB` or `TB`");
        out.replace(scene.start(index), scene.end(last), text, message);
    }
}

/// Minutes in a unit, by the names that people give it. Seconds are 0.
fn minutes_of(unit: &str) -> Option<u64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => 1440,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60,
        "min" | "mins" | "minute" | "minutes" => 1,
        "w" | "wk" | "wks" | "week" | "weeks" => 7 * 1440,
        "month" | "months" | "mon" | "mo" => 30 * 1440,
        "y" | "yr" | "yrs" | "year" | "years" => 365 * 1440,
        "s" | "sec" | "secs" | "second" | "seconds" => 0,
        _ => return None,
    })
}

/// A number with at most one point, times a whole one; `None` when that is not whole, or nothing.
fn times(amount: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let product = digits.checked_mul(factor)?;
    (product.is_multiple_of(scale) && product > 0).then_some(product / scale)
}

/// Dates without quotes, in other notations, with a time of day.
fn dates(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let start = scene.start(index);
    if let (Kind::Integer, Some((last, sign))) = (scene.kind(index), date_of_tokens(scene, index)) {
        let written = scene.range(index, last);
        let parts: Vec<&str> = written.split(sign).collect();
        if let Some(date) = day(&parts) {
            out.replace(
                start,
                scene.end(last),
                in_quotes(&date),
                format!("`{written}`: a date stands in quotes, as \"YYYY-MM-DD\""),
            );
        }
    }
    if scene.kind(index) == Kind::Identifier {
        let parts: Vec<&str> = scene.word(index).split('.').collect();
        if let Some(date) = day(&parts) {
            out.replace(
                start,
                scene.end(index),
                in_quotes(&date),
                format!("`{}`: a date stands in quotes, as \"YYYY-MM-DD\"", scene.word(index)),
            );
        }
        if scene.is_word(
            index,
            &["today", "current_date", "getdate", "sysdate", "current_timestamp", "yesterday"],
        ) {
            let last = if scene.is(index + 1, "(") && scene.is(index + 2, ")") { index + 2 } else { index };
            let text = if scene.is_word(index, &["yesterday"]) { "(now() - 1 days)" } else { "now()" };
            out.replace(start, scene.end(last), text, format!("`{}` is not known", scene.range(index, last)));
        }
    }
    if scene.is_quoted(index) {
        quoted_date(scene, index, out);
    }
    // 9:30
    if scene.kind(index) == Kind::Integer
        && scene.is(index + 1, ":")
        && scene.kind(index + 2) == Kind::Integer
    {
        let half = scene.is_word(index + 3, &["am", "pm"]);
        let last = index + 2 + usize::from(half);
        let text = if half {
            format!(
                "{}:{} {}",
                scene.word(index).trim_start_matches('0'),
                scene.word(index + 2),
                scene.word(index + 3).to_ascii_uppercase()
            )
        } else {
            format!("{:0>2}:{}", scene.word(index), scene.word(index + 2))
        };
        out.replace(
            start,
            scene.end(last),
            in_quotes(&text),
            format!("`{}`: a time of day stands in quotes, as \"HH:MM\"", scene.range(index, last)),
        );
    }
}

/// `2024 - 01 - 01` or with slashes: the last token, and the sign.
fn date_of_tokens(scene: &Scene<'_>, index: usize) -> Option<(usize, char)> {
    let sign = if scene.is(index + 1, "-") { '-' } else { '/' };
    let same = |at: usize| {
        scene.is(at, if sign == '-' { "-" } else { "/" }) && scene.touches(at) && scene.touches(at - 1)
    };
    (same(index + 1)
        && scene.kind(index + 2) == Kind::Integer
        && same(index + 3)
        && scene.kind(index + 4) == Kind::Integer)
        .then_some((index + 4, sign))
}

/// Year, month and day, or day, month and year where the year is last, as `YYYY-MM-DD`. Which of two is the day is told by
/// numbers over 12 only.
fn day(parts: &[&str]) -> Option<String> {
    let [first, second, third] = parts else { return None };
    let number =
        |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (first_number, second_number, third_number) = (number(first)?, number(second)?, number(third)?);
    let (year, month, day) = if first.len() == 4 {
        (first_number, second_number, third_number)
    } else if third.len() == 4 && second_number > 12 {
        (third_number, first_number, second_number)
    } else if third.len() == 4 {
        (third_number, second_number, first_number)
    } else {
        return None;
    };
    chrono::NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day).map(|date| date.to_string())
}

/// What stands in quotes and was to be a date, a number or an age.
fn quoted_date(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (start, end, inside) = (scene.start(index), scene.end(index), scene.inside(index));
    let compared =
        index > 0 && (scene.is(index - 1, "=<>,[") || scene.is_word(index - 1, &["between", "and"]));
    if !compared {
        return;
    }
    let date = inside.split(['T', ' ']).next().unwrap_or("");
    let parts: Vec<&str> = date.split(['-', '/', '.']).collect();
    if let Some(plain) = day(&parts).filter(|plain| *plain != inside) {
        let message = if date == inside {
            format!("{}: a date is written \"YYYY-MM-DD\"", scene.word(index))
        } else {
            format!("{}: a date has no time of day", scene.word(index))
        };
        out.replace(start, end, in_quotes(&plain), message);
    } else if scene.kind(index) == Kind::Date {
        calendar(scene, index, out);
    }
    let lower = inside.trim().to_ascii_lowercase();
    if lower.starts_with("now") || lower == "today" || lower == "current_date" {
        let text =
            if lower.starts_with("now()") { format!("({})", inside.trim()) } else { "now()".to_owned() };
        let text = if text == "(now())" { "now()".to_owned() } else { text };
        out.replace(start, end, text, format!("{}: in quotes this is a text", scene.word(index)));
    }
    let bare = inside.trim();
    let number = bare.trim_start_matches('-');
    if number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        let message = format!("{}: a number stands without quotes", scene.word(index));
        out.replace(start, end, bare, message);
    } else if let Some((amount, unit)) = bare.split_once(' ')
        && amount.bytes().all(|byte| byte.is_ascii_digit())
        && (minutes_of(unit).is_some() || ["KB", "MB", "GB", "TB", "B"].contains(&unit))
    {
        out.replace(
            start,
            end,
            bare,
            format!("{}: an amount with a unit stands without quotes", scene.word(index)),
        );
    } else if let Some(share) =
        bare.strip_suffix('%').filter(|share| share.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    {
        let text = super::characters::hundredth(share);
        out.replace(
            start,
            end,
            text,
            format!("{}: a share is a number from 0 to 1, without `%`", scene.word(index)),
        );
    }
}

/// A date that the calendar does not have.
fn calendar(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let inside = scene.inside(index);
    let parts: Vec<u32> = inside.split('-').filter_map(|part| part.parse().ok()).collect();
    let [year, month, day] = parts[..] else { return };
    let Ok(year) = i32::try_from(year) else { return };
    let message = |why: &str| format!("\"{inside}\" is not a day of the calendar: {why}");
    let (start, end) = (scene.start(index), scene.end(index));
    if !(1..=12).contains(&month) {
        // Day and month may have changed places.
        if let Some(date) = chrono::NaiveDate::from_ymd_opt(year, day, month) {
            return out.replace(
                start,
                end,
                in_quotes(&date.to_string()),
                message(&format!("there is no month {month}")),
            );
        }
        let date = format!("{year:04}-12-31");
        return out.replace(start, end, in_quotes(&date), message(&format!("there is no month {month}")));
    }
    let last = (28..=31).rev().find_map(|day| chrono::NaiveDate::from_ymd_opt(year, month, day));
    if let Some(last) = last {
        let why = format!("that month ends on {}", last.format("%d"));
        let text = if day == 0 { format!("{year:04}-{month:02}-01") } else { last.to_string() };
        out.replace(
            start,
            end,
            in_quotes(&text),
            message(&if day == 0 { "there is no day 0".to_owned() } else { why }),
        );
    }
}

/// `now() - 3 days` without brackets, `now` without its own, a number without a unit.
fn now(scene: &Scene<'_>, out: &mut Candidates) {
    for index in scene.at.saturating_sub(BEFORE)..=(scene.at + AFTER).min(scene.len()) {
        if !scene.is_word(index, &["now"]) {
            continue;
        }
        let called = scene.is(index + 1, "(") && scene.is(index + 2, ")");
        let mut next = index + 1 + if called { 2 } else { 0 };
        let mut text = "now()".to_owned();
        let bracketed = index > 0 && scene.is(index - 1, "(");
        let mut first = index;
        if scene.is(next, "+-") {
            let sign = scene.word(next);
            let amount = scene.word(next + 1);
            let joined = scene.kind(next + 1) == Kind::Identifier;
            let split = amount.find(|c: char| c.is_ascii_alphabetic()).filter(|_| joined);
            let (number, unit) = match split {
                Some(split) => (amount.get(..split).unwrap_or(""), amount.get(split..).unwrap_or("")),
                None => (
                    amount,
                    if scene.kind(next + 2) == Kind::Identifier { scene.word(next + 2) } else { "days" },
                ),
            };
            let minutes = minutes_of(unit).unwrap_or(1440);
            let Some(total) = times(number, minutes) else { continue };
            let age = if total.is_multiple_of(1440) && minutes >= 1440 {
                format!("{} days", total / 1440)
            } else if total.is_multiple_of(60) && minutes >= 60 {
                format!("{} hours", total / 60)
            } else {
                format!("{total} minutes")
            };
            text = format!("(now() {sign} {age})");
            let has_unit = split.is_none()
                && minutes_of(scene.word(next + 2)).is_some()
                && scene.kind(next + 2) == Kind::Identifier;
            next += if has_unit { 3 } else { 2 };
            if bracketed {
                first -= 1;
                next += usize::from(scene.is(next, ")"));
            }
        }
        let written = scene.range(first, next - 1);
        if written != text && next > first {
            let message =
                format!("`{}`: an instant is `now()`, or `(now() - 3 days)` in brackets", shown(written));
            out.replace(scene.start(first), scene.end(next - 1), text, message);
        }
    }
    // DataFreshness "a" <= 3
    if scene.fault.message.contains("cannot be compared with")
        || scene.fault.message.contains("different kinds")
    {
        let Some(head) = scene.head() else { return };
        let unit = if scene.is_word(head, &["DataFreshness", "FileFreshness"]) {
            "days"
        } else if scene.is_word(head, &["FileSize"]) {
            "KB"
        } else {
            return;
        };
        let end = scene.rule_end(head);
        let edits: Vec<Edit> = (head + 1..end)
            .filter(|index| {
                scene.kind(*index) == Kind::Integer && scene.kind(index + 1) != Kind::Identifier
                    || (scene.kind(*index) == Kind::Integer && scene.is_word(index + 1, &["and"]))
            })
            .map(|index| insert(scene.end(index), format!(" {unit}")))
            .collect();
        if let Some(first) = edits.first() {
            let number = scene
                .slice(scene.line(first.start).0, first.start)
                .rsplit([' ', '[', ','])
                .next()
                .unwrap_or("")
                .to_owned();
            let what = if unit == "days" { "an age has a unit" } else { "a size has a unit" };
            out.add(
                first.start - number.len(),
                format!("`{number}`: {what}"),
                format!("write `{number} {unit}`"),
                edits,
            );
        }
    }
}

//! Dates and instants: without quotes, in other notations, with a time of day.

use super::Candidates;
use super::ages::{minutes_of, times};
use super::scene::{Scene, in_quotes, insert, shown};
use super::values::{AFTER, BEFORE};
use crate::error::Edit;
use crate::lexer::Kind;

/// Dates without quotes, in other notations, with a time of day.
pub(super) fn propose(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let start = scene.start(index);
    if let (Kind::Integer, Some((last, sign))) = (scene.kind(index), date_of_tokens(scene, index)) {
        let written = scene.range(index, last);
        let parts: Vec<&str> = written.split(sign).collect();
        if let Some((day_first, month_first)) = either_way(&parts) {
            let message = format!(
                "`{written}`: a date is written in quotes, as \"YYYY-MM-DD\", and this is one of two"
            );
            let advice = format!("write `\"{day_first}\"` or `\"{month_first}\"`");
            out.add(start, message, advice, vec![scene.edit(index, last, in_quotes(&day_first))]);
        } else if let Some(date) = day(&parts) {
            out.replace(
                start,
                scene.end(last),
                in_quotes(&date),
                format!("`{written}`: a date is written in quotes, as \"YYYY-MM-DD\""),
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
                format!("`{}`: a date is written in quotes, as \"YYYY-MM-DD\"", scene.word(index)),
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
            format!("`{}`: a time of day is written in quotes, as \"HH:MM\"", scene.range(index, last)),
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

/// Year, month and day, or day, month and year where the year is last, as `YYYY-MM-DD`. Which of two is the day is known by
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

/// Both days that `01/02/2024` and `03/04/24` may be: with the day first, and with the month first. `None` where the numbers tell.
fn either_way(parts: &[&str]) -> Option<(String, String)> {
    let [first, second, year] = parts else { return None };
    let digits = |text: &&str| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let short = year.len() == 2 && year.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(first) || !digits(second) || !(short || year.len() == 4) {
        return None;
    }
    let year = if short { format!("20{year}") } else { (*year).to_owned() };
    let date = |day: &str, month: &str| {
        let (year, month, day) = (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
        chrono::NaiveDate::from_ymd_opt(year, month, day).map(|date| date.to_string())
    };
    let (day_first, month_first) = (date(first, second)?, date(second, first)?);
    (day_first != month_first).then_some((day_first, month_first))
}

/// `20240105`, `Jan 5, 2024`, `5 January 2024` and `13/04/24`, where only one day can be meant.
fn spelled_date(text: &str) -> Option<String> {
    let text = text.trim();
    let date = |format: &str| chrono::NaiveDate::parse_from_str(text, format).ok();
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return date("%Y%m%d")
            .filter(|_| ("19000101"..="21001231").contains(&text))
            .map(|date| date.to_string());
    }
    if text.contains(|c: char| c.is_ascii_alphabetic()) && text.len() > 8 {
        let formats = ["%B %d, %Y", "%B %d %Y", "%d %B %Y", "%d-%B-%Y", "%d. %B %Y", "%d %B, %Y"];
        return formats.iter().find_map(|format| date(format)).map(|date| date.to_string());
    }
    // Two digits of a year, and a number over 12.
    let parts: Vec<&str> = text.split(['/', '.', '-']).collect();
    match parts.as_slice() {
        [_, _, year] if year.len() == 2 && either_way(&parts).is_none() => {
            ["%d/%m/%y", "%m/%d/%y"].iter().find_map(|format| {
                let plain = parts.join("/");
                chrono::NaiveDate::parse_from_str(&plain, format).ok().map(|date| date.to_string())
            })
        }
        _ => None,
    }
}

/// What is written in quotes and was to be a date, a number or an age.
fn quoted_date(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (start, end, inside) = (scene.start(index), scene.end(index), scene.inside(index));
    let compared =
        index > 0 && (scene.is(index - 1, "=<>,[") || scene.is_word(index - 1, &["between", "and"]));
    if !compared {
        return;
    }
    if let Some(date) = spelled_date(inside) {
        let message = format!("{}: a date is written \"YYYY-MM-DD\"", scene.word(index));
        return out.replace(start, end, in_quotes(&date), message);
    }
    let date = inside.split(['T', ' ']).next().unwrap_or("");
    let parts: Vec<&str> = date.split(['-', '/', '.']).collect();
    if let Some((day_first, month_first)) = either_way(&parts) {
        let message =
            format!("{}: a date is written \"YYYY-MM-DD\", and this is one of two", scene.word(index));
        let advice = format!("write `\"{day_first}\"` or `\"{month_first}\"`");
        out.add(start, message, advice, vec![scene.edit(index, index, in_quotes(&day_first))]);
    } else if let Some(plain) = day(&parts).filter(|plain| *plain != inside) {
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
        let message = format!("{}: a number is written without quotes", scene.word(index));
        out.replace(start, end, bare, message);
    } else if let Some((amount, unit)) = bare.split_once(' ')
        && amount.bytes().all(|byte| byte.is_ascii_digit())
        && (minutes_of(unit).is_some() || ["KB", "MB", "GB", "TB", "B"].contains(&unit))
    {
        out.replace(
            start,
            end,
            bare,
            format!("{}: an amount with a unit is written without quotes", scene.word(index)),
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
pub(super) fn now(scene: &Scene<'_>, out: &mut Candidates) {
    for index in scene.at.saturating_sub(BEFORE)..=(scene.at + AFTER).min(scene.len()) {
        now_at(scene, index, out);
    }
    // DataFreshness "a" <= 3
    if scene.fault.message.contains("cannot be compared with")
        || scene.fault.message.contains("different kinds")
    {
        numbers_without_unit(scene, out);
    }
}

/// An instant that begins with the word at `index`.
fn now_at(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    if !scene.is_word(index, &["now"]) {
        return;
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
            None => {
                (amount, if scene.kind(next + 2) == Kind::Identifier { scene.word(next + 2) } else { "days" })
            }
        };
        let minutes = minutes_of(unit).unwrap_or(1440);
        let Some(total) = times(number, minutes) else { return };
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

/// The numbers of a rule about an age or a size, which have a unit.
fn numbers_without_unit(scene: &Scene<'_>, out: &mut Candidates) {
    let Some(head) = scene.head() else { return };
    let (unit, other) = if scene.is_word(head, &["DataFreshness", "FileFreshness"]) {
        ("days", "hours")
    } else if scene.is_word(head, &["FileSize"]) {
        ("KB", "B")
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
            format!("write `{number} {unit}` or `{number} {other}`"),
            edits,
        );
    }
}

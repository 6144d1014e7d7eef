//! Ages and sizes: an amount and a unit.

use super::Candidates;
use super::scene::Scene;
use crate::lexer::Kind;

/// Ages and sizes: an amount and a unit, together or apart.
pub(super) fn propose(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
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
pub(super) fn minutes_of(unit: &str) -> Option<u64> {
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
pub(super) fn times(amount: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
    let product = digits.checked_mul(factor)?;
    (product.is_multiple_of(scale) && product > 0).then_some(product / scale)
}

//! Functions of texts. Places count from 1, in characters.

use regex::Regex;

use super::Arguments;
use super::arguments::{of_texts, of_truths, of_wholes, texts, wholes};
use crate::sql::value::Value;

type Answer = Result<Value, String>;

/// `function` of the texts of one argument.
fn map(arguments: Arguments<'_>, function: impl Fn(&str) -> String) -> Answer {
    Ok(of_texts(texts(arguments.get(0)?).into_iter().map(|text| text.map(|text| function(&text)))))
}

/// NULL where an argument is NULL.
pub(super) fn concat(arguments: Arguments<'_>) -> Answer {
    let parts = arguments.all().iter().map(texts).collect::<Vec<_>>();
    let row = |row: usize| {
        let texts = parts.iter().map(|part| part[row].as_deref());
        texts.collect::<Option<String>>()
    };
    Ok(of_texts((0..arguments.rows).map(row)))
}

/// Arguments that are NULL are left out.
pub(super) fn concat_with(arguments: Arguments<'_>) -> Answer {
    let separator = texts(arguments.get(0)?);
    let parts = arguments.all()[1..].iter().map(texts).collect::<Vec<_>>();
    let row = |row: usize| {
        let separator = separator[row].as_deref()?;
        let texts: Vec<&str> = parts.iter().filter_map(|part| part[row].as_deref()).collect();
        Some(texts.join(separator))
    };
    Ok(of_texts((0..arguments.rows).map(row)))
}

/// From a place on, from the end where it is negative; place 0 is place 1.
pub(super) fn substring(arguments: Arguments<'_>) -> Answer {
    let (whole, from) = (texts(arguments.get(0)?), wholes(arguments.get(1)?)?);
    let length = match arguments.optional(2) {
        Some(length) => wholes(length)?,
        None => vec![Some(i64::MAX); arguments.rows],
    };
    let row = |row: usize| Some(part(whole[row].as_deref()?, from[row]?, length[row]?));
    Ok(of_texts((0..arguments.rows).map(row)))
}

fn part(text: &str, from: i64, length: i64) -> String {
    let start = match from {
        1.. => from - 1,
        0 => 0,
        _ => i64::try_from(text.chars().count()).unwrap_or(i64::MAX).saturating_add(from),
    };
    let end = start.saturating_add(length);
    let chars = text.chars().zip(0_i64..);
    chars.filter(|(_, at)| *at >= start && *at < end).map(|(c, _)| c).collect()
}

pub(super) fn left(arguments: Arguments<'_>) -> Answer {
    let (whole, length) = (texts(arguments.get(0)?), wholes(arguments.get(1)?)?);
    Ok(of_texts((0..arguments.rows).map(|row| Some(part(whole[row].as_deref()?, 1, length[row]?)))))
}

pub(super) fn right(arguments: Arguments<'_>) -> Answer {
    let (whole, length) = (texts(arguments.get(0)?), wholes(arguments.get(1)?)?);
    let row = |row: usize| match (whole[row].as_deref()?, length[row]?) {
        (text, length @ 1..) => Some(part(text, length.saturating_neg(), i64::MAX)),
        _ => Some(String::new()),
    };
    Ok(of_texts((0..arguments.rows).map(row)))
}

/// The place of `inner` in `whole` from `from` on, 0 where it is not.
fn place(whole: &str, inner: &str, from: i64) -> i64 {
    let Ok(skipped @ 0..) = usize::try_from(from.saturating_sub(1)) else { return 0 };
    let Some(start) = whole.char_indices().map(|(at, _)| at).chain([whole.len()]).nth(skipped) else {
        return 0;
    };
    whole[start..].find(inner).map_or(0, |at| {
        i64::try_from(whole[..start + at].chars().count()).unwrap_or(i64::MAX).saturating_add(1)
    })
}

/// `instr(whole, inner)`
pub(super) fn place_in(arguments: Arguments<'_>) -> Answer {
    let (whole, inner) = (texts(arguments.get(0)?), texts(arguments.get(1)?));
    Ok(of_wholes(
        (0..arguments.rows).map(|row| Some(place(whole[row].as_deref()?, inner[row].as_deref()?, 1))),
    ))
}

/// `locate(inner, whole, from)`
pub(super) fn locate(arguments: Arguments<'_>) -> Answer {
    let (inner, whole) = (texts(arguments.get(0)?), texts(arguments.get(1)?));
    let from = match arguments.optional(2) {
        Some(from) => wholes(from)?,
        None => vec![Some(1); arguments.rows],
    };
    let row = |row: usize| Some(place(whole[row].as_deref()?, inner[row].as_deref()?, from[row]?));
    Ok(of_wholes((0..arguments.rows).map(row)))
}

pub(super) fn replace(arguments: Arguments<'_>) -> Answer {
    let (whole, old) = (texts(arguments.get(0)?), texts(arguments.get(1)?));
    let new = arguments.optional(2).map(texts);
    let row = |row: usize| {
        let new = match &new {
            Some(new) => new[row].as_deref()?,
            None => "",
        };
        let (whole, old) = (whole[row].as_deref()?, old[row].as_deref()?);
        Some(if old.is_empty() { whole.to_owned() } else { whole.replace(old, new) })
    };
    Ok(of_texts((0..arguments.rows).map(row)))
}

/// Characters for characters; those without one go.
pub(super) fn translate(arguments: Arguments<'_>) -> Answer {
    let [whole, from, to] = [0, 1, 2].map(|at| arguments.get(at).map(texts));
    let (whole, from, to) = (whole?, from?, to?);
    let row = |row: usize| {
        let (from, to) = (from[row].as_deref()?, to[row].as_deref()?);
        let new = |c: char| match from.chars().position(|known| known == c) {
            None => Some(c),
            Some(at) => to.chars().nth(at),
        };
        Some(whole[row].as_deref()?.chars().filter_map(new).collect())
    };
    Ok(of_texts((0..arguments.rows).map(row)))
}

fn pad(arguments: Arguments<'_>, before: bool) -> Answer {
    const MOST: i64 = 1_000_000;
    let (whole, length) = (texts(arguments.get(0)?), wholes(arguments.get(1)?)?);
    let filler = arguments.optional(2).map(texts);
    let row = |row: usize| -> Result<Option<String>, String> {
        let filler = match &filler {
            Some(filler) => filler[row].as_deref(),
            None => Some(" "),
        };
        let (Some(whole), Some(length), Some(filler)) = (whole[row].as_deref(), length[row], filler) else {
            return Ok(None);
        };
        if length > MOST {
            return Err(format!("a text of {length} characters is too long"));
        }
        let length = usize::try_from(length).unwrap_or(0);
        let missing = length.saturating_sub(whole.chars().count());
        let added: String = filler.chars().cycle().take(missing).collect();
        let kept: String = whole.chars().take(length).collect();
        Ok(Some(if before { added + &kept } else { kept + &added }))
    };
    let rows = (0..arguments.rows).map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(of_texts(rows.into_iter()))
}

pub(super) fn pad_left(arguments: Arguments<'_>) -> Answer {
    pad(arguments, true)
}

pub(super) fn pad_right(arguments: Arguments<'_>) -> Answer {
    pad(arguments, false)
}

pub(super) fn repeat(arguments: Arguments<'_>) -> Answer {
    const MOST: usize = 1_000_000;
    let (whole, times) = (texts(arguments.get(0)?), wholes(arguments.get(1)?)?);
    let row = |row: usize| -> Result<Option<String>, String> {
        let (Some(whole), Some(times)) = (whole[row].as_deref(), times[row]) else { return Ok(None) };
        let times = usize::try_from(times).unwrap_or(0);
        match whole.len().checked_mul(times) {
            Some(0..=MOST) => Ok(Some(whole.repeat(times))),
            _ => Err(format!("a text {times} times is too long")),
        }
    };
    let rows = (0..arguments.rows).map(row).collect::<Result<Vec<_>, _>>()?;
    Ok(of_texts(rows.into_iter()))
}

pub(super) fn reverse(arguments: Arguments<'_>) -> Answer {
    map(arguments, |text| text.chars().rev().collect())
}

/// The first letter of each word large, the others small; words end at blanks.
pub(super) fn initcap(arguments: Arguments<'_>) -> Answer {
    map(arguments, |text| {
        let mut first = true;
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if first {
                out.extend(c.to_uppercase())
            } else {
                out.extend(c.to_lowercase())
            }
            first = c == ' ';
        }
        out
    })
}

/// The characters to strip, blanks where none are named.
fn strip(arguments: Arguments<'_>, at: impl Fn(&str, &[char]) -> String) -> Answer {
    let whole = texts(arguments.get(0)?);
    let characters = arguments.optional(1).map(texts);
    let row = |row: usize| {
        let characters: Vec<char> = match &characters {
            Some(characters) => characters[row].as_deref()?.chars().collect(),
            None => vec![' '],
        };
        Some(at(whole[row].as_deref()?, &characters))
    };
    Ok(of_texts((0..arguments.rows).map(row)))
}

pub(super) fn trim(arguments: Arguments<'_>) -> Answer {
    strip(arguments, |text, characters| text.trim_matches(characters).to_owned())
}

pub(super) fn trim_start(arguments: Arguments<'_>) -> Answer {
    strip(arguments, |text, characters| text.trim_start_matches(characters).to_owned())
}

pub(super) fn trim_end(arguments: Arguments<'_>) -> Answer {
    strip(arguments, |text, characters| text.trim_end_matches(characters).to_owned())
}

fn test(arguments: Arguments<'_>, holds: impl Fn(&str, &str) -> bool) -> Answer {
    let (whole, inner) = (texts(arguments.get(0)?), texts(arguments.get(1)?));
    let row = |row: usize| Some(holds(whole[row].as_deref()?, inner[row].as_deref()?));
    Ok(of_truths((0..arguments.rows).map(row)))
}

pub(super) fn starts_with(arguments: Arguments<'_>) -> Answer {
    test(arguments, |whole, inner| whole.starts_with(inner))
}

pub(super) fn ends_with(arguments: Arguments<'_>) -> Answer {
    test(arguments, |whole, inner| whole.ends_with(inner))
}

pub(super) fn contains(arguments: Arguments<'_>) -> Answer {
    test(arguments, |whole, inner| whole.contains(inner))
}

pub(super) fn regexp_replace(value: &Value, pattern: &Regex, replacement: &str) -> Value {
    let rows = texts(value).into_iter();
    of_texts(rows.map(|text| text.map(|text| pattern.replace_all(&text, replacement).into_owned())))
}

/// The group of the first match; an empty text where there is none.
pub(super) fn regexp_extract(value: &Value, pattern: &Regex, group: usize) -> Value {
    let extract = |text: &str| {
        let found = pattern.captures(text).and_then(|found| found.get(group));
        found.map_or_else(String::new, |group| group.as_str().to_owned())
    };
    of_texts(texts(value).into_iter().map(|text| text.map(|text| extract(&text))))
}

//! The type that all texts of a column have.

use std::collections::BTreeSet;

use super::column::{FileHints, Kind, new, quoted};
use super::formats::{self, DATES, DateForm, Digits, InstantForm};
use super::numbers;

/// Pairs of texts for true and false.
const BOOLEANS: [(&str, &str); 12] = [
    ("true", "false"),
    ("yes", "no"),
    ("t", "f"),
    ("y", "n"),
    ("wahr", "falsch"),
    ("ja", "nein"),
    ("vrai", "faux"),
    ("oui", "non"),
    ("verdadeiro", "falso"),
    ("sim", "não"),
    ("vero", "falso"),
    ("sí", "no"),
];
/// Digits of a column of whole numbers that fit a 64-bit integer.
const BIGINT_DIGITS: usize = 18;
/// Digits of a decimal.
const MOST_DIGITS: usize = 38;

/// The type that every text has; `None` where it is text.
pub(super) fn typed(texts: &[&str], name: &str, hints: &FileHints) -> Option<Kind> {
    boolean(texts)
        .or_else(|| numbers::number(texts, name, hints))
        .or_else(|| date(texts, hints))
        .or_else(|| instant(texts, hints))
}

fn boolean(texts: &[&str]) -> Option<Kind> {
    let lower: BTreeSet<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let (yes, no) = BOOLEANS
        .into_iter()
        .find(|(yes, no)| lower.iter().all(|text| text == yes || text == no))
        // One letter, or one word, alone is no pair.
        .filter(|(yes, _)| lower.len() == 2 || *yes == "true")?;
    let mut kind = new("boolean", "boolean", format!("{yes} and {no}"));
    if yes != "true" || texts.iter().any(|text| *text != "true" && *text != "false") {
        kind.properties.push(("booleans", format!("[{yes}/{no}]")));
    }
    Some(kind)
}

/// A type that holds numbers of such sizes, with room for larger ones.
pub(super) fn sized(digits: &[Digits], texts: &[&str], name: &str) -> Kind {
    let whole = digits.iter().map(|digits| digits.whole).max().unwrap_or(1);
    let scale = digits.iter().map(|digits| digits.fraction).max().unwrap_or(0);
    if scale == 0 && whole <= BIGINT_DIGITS {
        let mut kind = new("bigint", "integer", format!("whole numbers of up to {whole} digits"));
        let values: BTreeSet<&str> = texts.iter().copied().collect();
        if values.iter().all(|value| matches!(*value, "0" | "1")) {
            kind.comments.push(
                "only 0 and 1: if they mean no and yes, physicalType boolean with {property: booleans, value: [1/0]}".into(),
            );
        }
        if texts.iter().all(|text| is_day_number(text)) {
            kind.comments.push(
                "every value is a day written as yyyymmdd: if so, physicalType date with {property: dateFormat, value: \"%Y%m%d\"}"
                    .into(),
            );
        }
        if let Some(unit) = epoch_unit(texts, name) {
            kind.comments.push(format!(
                "every value is a recent instant in {unit}: if so, physicalType timestamp with {{property: encoding, value: {unit}}}"
            ));
        }
        return kind;
    }
    if whole + scale > MOST_DIGITS {
        return new(
            "string",
            "string",
            format!("digits, up to {} of them: more than a number has here", whole + scale),
        );
    }
    let kept = scale_with_room(whole, scale);
    let precision =
        [18, MOST_DIGITS].into_iter().find(|most| whole + kept + 2 <= *most).unwrap_or(MOST_DIGITS);
    let mut seen = format!("numbers of up to {whole} digits before and {scale} behind the point");
    if kept > scale {
        seen.push_str(&format!("; {kept} behind it are kept, more are refused"));
    }
    new(format!("decimal({precision},{kept})"), "number", seen)
}

/// Places behind the point: two more than were seen and at least four, as far as the digits before it leave room. A row with more
/// places is refused and never rounded, and the prices of a year have more than those of the year before.
fn scale_with_room(whole: usize, scale: usize) -> usize {
    if scale == 0 {
        return 0;
    }
    let room = MOST_DIGITS.saturating_sub(whole + 2);
    (scale + 2).max(4).min(room).max(scale)
}

fn is_day_number(text: &str) -> bool {
    text.len() == 8
        && ("19000101"..="21001231").contains(&text)
        && chrono::NaiveDate::parse_from_str(text, "%Y%m%d").is_ok()
}

/// The unit in which all numbers are instants between 2000 and 2100, where the column's name speaks of time.
fn epoch_unit(texts: &[&str], name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let speaks = ["time", "date", "epoch", "_at", "stamp", "created", "updated"]
        .iter()
        .any(|word| name.contains(word))
        || name == "ts"
        || name == "t";
    let within = |per_second: i64| {
        let range = 946_684_800 * per_second..4_102_444_800 * per_second;
        texts.iter().all(|text| text.parse().is_ok_and(|number: i64| range.contains(&number)))
    };
    let units = [("epoch_s", 1), ("epoch_ms", 1_000), ("epoch_us", 1_000_000)];
    units.into_iter().find(|(_, per_second)| speaks && within(*per_second)).map(|(unit, _)| unit)
}

pub(super) fn date(texts: &[&str], hints: &FileHints) -> Option<Kind> {
    let example = texts.first()?;
    let forms = formats::dates_of(texts);
    forms.first()?;
    let (form, comment) = match chosen(&forms, hints) {
        Ok((form, why)) => (form, format!("dates, {}{why}", form.shown)),
        Err(()) => return Some(ambiguous(example, &forms, "date", "dateFormat", "")),
    };
    let mut kind = new("date", "date", comment);
    kind.properties.extend(form.format.map(|format| ("dateFormat", quoted(format))));
    Some(kind)
}

/// The one form of several: alone, decided by another column, or of month names alike.
fn chosen(forms: &[DateForm], hints: &FileHints) -> Result<(DateForm, String), ()> {
    let is_twin =
        |form: &DateForm| form.twin.is_some_and(|twin| forms.iter().any(|other| other.format == Some(twin)));
    match forms {
        [first, ..] if !is_twin(first) => Ok((*first, String::new())),
        _ => {
            let (form, column) = hints.decide(forms).ok_or(())?;
            Ok((form, format!("; alone they would fit two forms, and column {column:?} decides")))
        }
    }
}

fn ambiguous(example: &str, forms: &[DateForm], physical: &str, property: &str, rest: &str) -> Kind {
    let mut kind = new("string", "string", format!("text; such as {example}"));
    let ways: Vec<String> = forms
        .iter()
        .map(|form| format!("{} (\"{}{rest}\")", form.shown, form.format.unwrap_or(DATES[0].shown)))
        .collect();
    kind.comments.push(format!(
        "AMBIGUOUS: every value fits {}; say which: physicalType {physical} with {{property: {property}, value: ...}}",
        ways.join(" and ")
    ));
    kind
}

pub(super) fn instant(texts: &[&str], hints: &FileHints) -> Option<Kind> {
    if texts.is_empty() {
        return None;
    }
    let mut kind = match formats::instants_of(texts)? {
        InstantForm::Iso { zoned, finer } => {
            let mut kind = new("timestamp", "timestamp", format!("instants, such as {}", texts[0]));
            if !zoned {
                no_zone(&mut kind);
            }
            if finer {
                kind.properties.push(("fractions", "truncate".into()));
                kind.comments.push("digits past the milliseconds are cut off".into());
            }
            return Some(kind);
        }
        InstantForm::Pattern(found) => {
            let forms: Vec<DateForm> = found.iter().map(|(form, _)| *form).collect();
            let Ok((form, why)) = chosen(&forms, hints) else {
                let rest = format!(" {}", found[0].1);
                return Some(ambiguous(texts[0], &forms, "timestamp", "timestampFormat", &rest));
            };
            let time = found.iter().find(|(of, _)| *of == form).map_or("", |(_, time)| time);
            let mut kind = new(
                "timestamp",
                "timestamp",
                format!("dates, {}, with times, such as {}{why}", form.shown, texts[0]),
            );
            let format = format!("{} {time}", form.format.unwrap_or_default());
            kind.properties.push(("timestampFormat", quoted(&format)));
            kind
        }
    };
    no_zone(&mut kind);
    Some(kind)
}

fn no_zone(kind: &mut Kind) {
    kind.properties.push(("timezone", "UTC".into()));
    kind.comments.push(
        "AMBIGUOUS: no value names a zone; UTC is written here, put the zone of the clock that wrote them"
            .into(),
    );
}

#[cfg(test)]
mod tests {
    use super::scale_with_room;

    #[test]
    fn a_scale_has_room_as_far_as_there_are_digits() {
        for (whole, seen, kept) in [
            (3, 0, 0),
            (2, 1, 4),
            (2, 2, 4),
            (4, 4, 6),
            (1, 18, 20),
            (30, 2, 4),
            (33, 2, 3),
            (36, 2, 2),
            (19, 19, 19),
            (0, 38, 38),
        ] {
            assert_eq!(scale_with_room(whole, seen), kept, "{whole} and {seen}");
        }
    }
}

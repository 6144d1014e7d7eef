//! Operators and words as people write them; `numbers`, `ages` and `dates` have the values.

use super::Candidates;
use super::scene::{Scene, in_quotes};
use super::{ages, dates, numbers};
use crate::lexer::Kind;

/// Tokens before the place that are looked at.
pub(super) const BEFORE: usize = 12;
/// Tokens behind it.
pub(super) const AFTER: usize = 8;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    for index in scene.at.saturating_sub(BEFORE)..=(scene.at + AFTER).min(scene.len()) {
        operators(scene, index, out);
        words(scene, index, out);
        numbers::propose(scene, index, out);
        ages::propose(scene, index, out);
        dates::propose(scene, index, out);
    }
    dates::now(scene, out);
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

/// `not = 3`, `not > 3`
fn not_before_sign(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    if !scene.is(index + 1, "=<>!") {
        return;
    }
    let last = index + 1 + usize::from(scene.is(index + 2, "=>") && scene.touches(index + 1));
    let opposite = match scene.range(index + 1, last) {
        "=" | "==" => "!=",
        "!=" | "<>" => "=",
        ">" => "<=",
        ">=" => "<",
        "<" => ">=",
        "<=" => ">",
        _ => return,
    };
    let message =
        format!("`{}`: `not` goes before `in`, `between` and `matches` only", scene.range(index, last));
    out.replace(scene.start(index), scene.end(last), opposite, message);
}

/// `matches /A.*/`, as other languages write a pattern.
fn slashes(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    if !scene.is(index + 1, "/") {
        return;
    }
    let start = scene.start(index + 1);
    let (_, line_end) = scene.line(start);
    let rest = scene.slice(start + 1, line_end);
    for (length, _) in rest.match_indices('/') {
        let inner = rest.get(..length).unwrap_or("");
        let message = "a pattern is written in double quotes, without slashes around it";
        out.replace(start, start + length + 2, in_quotes(inner), message);
    }
}

/// Words that are written otherwise.
fn words(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    if scene.kind(index) != Kind::Identifier {
        return;
    }
    let (start, written) = (scene.start(index), scene.word(index));
    let lower = written.to_ascii_lowercase();
    capitals(scene, index, &lower, out);
    if matches!(written, "None" | "none" | "nil" | "NaN" | "nan" | "missing") {
        out.replace(start, scene.end(index), "NULL", format!("`{written}`: a missing value is called NULL"));
    }
    // `avg(last 5)`
    if lower == "last" && scene.kind(index + 1) == Kind::Integer {
        let text = format!("last({})", scene.word(index + 1));
        let message = format!("`{}`: how many runs is written in brackets", scene.range(index, index + 1));
        out.replace(start, scene.end(index + 1), text, message);
    }
    if lower == "not" {
        not_before_sign(scene, index, out);
    }
    if lower == "matches" {
        slashes(scene, index, out);
    }
    if lower == "is" {
        is_of_sql(scene, index, out);
    }
    if lower == "not" && scene.is_word(index + 1, &["null"]) {
        out.replace(
            start,
            scene.end(index + 1),
            "!= NULL",
            format!("`{}` is SQL", scene.range(index, index + 1)),
        );
    }
    renamed_operators(scene, index, &lower, out);
}

/// Words of the language in letters that it does not write them in.
fn capitals(scene: &Scene<'_>, index: usize, lower: &str, out: &mut Candidates) {
    const KEYWORDS: [&str; 9] =
        ["between", "in", "not", "matches", "with", "where", "labels", "threshold", "now"];
    let (start, written) = (scene.start(index), scene.word(index));
    if lower != written && KEYWORDS.contains(&lower) {
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
            lower,
            format!("`{written}`: this word is written in small or in capital letters"),
        );
    }
    if matches!(lower, "null" | "empty" | "whitespaces_only")
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
}

/// `is null`, `is not null`, `is 3`.
fn is_of_sql(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let start = scene.start(index);
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

/// Operators that have another name elsewhere.
fn renamed_operators(scene: &Scene<'_>, index: usize, lower: &str, out: &mut Candidates) {
    let (start, written) = (scene.start(index), scene.word(index));
    let meant = match lower {
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

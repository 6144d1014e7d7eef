//! What follows `in` and `between`, and texts without quotes.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::{Edit, apply};
use crate::lexer::Kind;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let Some(head) = scene.head() else { return };
    let end = scene.rule_end(head);
    for index in head + 1..end {
        if scene.is_word(index, &["in"]) {
            list(scene, index, end, out);
        }
        if scene.is_word(index, &["between"]) {
            between(scene, index, out);
        }
        if scene.is_word(index, &["matches"]) && !scene.is_quoted(index + 1) && index + 1 < end {
            let text = in_quotes(scene.range(index + 1, end - 1));
            let message = "a regular expression is written in double quotes";
            out.replace(scene.start(index + 1), scene.end(end - 1), text, message);
        }
        if scene.is(index, "=") || scene.is_word(index, &["matches"]) {
            unquoted(scene, index, out);
            alternatives(scene, index, end, out);
        }
    }
}

/// `in ("a", "b")`, `in {..}`, `in "a", "b"`, `in "a"`, `in []`, entries without quotes, entries of two kinds.
fn list(scene: &Scene<'_>, word: usize, end: usize, out: &mut Candidates) {
    let open = word + 1;
    if scene.is(open, "({") {
        let close = (open + 1..scene.len()).find(|index| scene.is(*index, ")}]"));
        if let Some(close) = close {
            let edits = vec![scene.edit(open, open, "["), scene.edit(close, close, "]")];
            return show(scene, open, close, edits, "a list is written in square brackets", out);
        }
    }
    if scene.is_quoted(open) || matches!(scene.kind(open), Kind::Integer | Kind::Decimal) {
        let mut last = open;
        while scene.is(last + 1, ",")
            && (scene.is_quoted(last + 2) || matches!(scene.kind(last + 2), Kind::Integer | Kind::Decimal))
        {
            last += 2;
        }
        let edits = vec![insert(scene.start(open), "["), insert(scene.end(last), "]")];
        return show(scene, open, last, edits, "`in` takes a list in square brackets", out);
    }
    if !scene.is(open, "[") {
        return;
    }
    let close = (open + 1..scene.len()).find(|index| scene.is(*index, "]")).unwrap_or(end);
    if close == open + 1 {
        let message = "the list is empty";
        return out.add(
            scene.start(open),
            message,
            "write what it holds, for example `[\"a\", \"b\"]`",
            vec![scene.edit(open, close, "[\"a\", \"b\"]")],
        );
    }
    entries(scene, open, close, out);
}

/// What is wrong between the brackets of a list.
fn entries(scene: &Scene<'_>, open: usize, close: usize, out: &mut Candidates) {
    // Each entry as the tokens between two commas.
    let mut edits = Vec::new();
    let mut mixed = Vec::new();
    let (mut first, mut missing) = (open + 1, Vec::new());
    let any_text = (open + 1..close).any(|index| scene.kind(index) == Kind::Text);
    let any_words = (open + 1..close).any(|index| {
        scene.kind(index) == Kind::Identifier && !scene.is_word(index, &["null", "empty", "whitespaces_only"])
    });
    for index in open + 1..=close {
        if index != close && !scene.is(index, ",") {
            if index > first && scene.is_quoted(index) && scene.is_quoted(index - 1) {
                missing.push(insert(scene.end(index - 1), ","));
            }
            continue;
        }
        let last = index - 1;
        if last >= first {
            let plain = scene.range(first, last);
            let word = scene.kind(first) == Kind::Identifier
                && !scene.is_word(first, &["null", "empty", "whitespaces_only"]);
            if word || (any_words && !scene.is_quoted(first) && last > first) {
                edits.push(Edit { start: scene.start(first), end: scene.end(last), text: in_quotes(plain) });
            }
            let number = matches!(scene.kind(first), Kind::Integer | Kind::Decimal) || scene.is(first, "-");
            if any_text && (number || scene.kind(first) == Kind::Date) {
                mixed.push((first, last));
            }
        }
        first = index + 1;
    }
    if !edits.is_empty() {
        show(scene, open, close, edits, "texts are written in double quotes", out);
    }
    if !missing.is_empty() {
        show(scene, open, close, missing, "a comma is missing between two entries of the list", out);
    }
    if let Some((first, last)) = mixed.first().copied() {
        if scene.kind(first) == Kind::Date {
            let message = format!("the list has texts, and {} reads as a date", scene.word(first));
            let edit = date_away(scene, open, close);
            return out.add(scene.start(first), message, "list dates apart from texts", edit);
        }
        let edits = mixed
            .iter()
            .map(|(first, last)| Edit {
                start: scene.start(*first),
                end: scene.end(*last),
                text: in_quotes(scene.range(*first, *last)),
            })
            .collect();
        let message = format!("the list has texts, and `{}` is a number", scene.range(first, last));
        let advice = format!("write `\"{}\"`", scene.range(first, last));
        out.add(scene.start(first), message, advice, edits);
        // Or the other way round.
        let texts: Vec<usize> = (open + 1..close).filter(|index| scene.is_quoted(*index)).collect();
        let edits = texts.iter().map(|index| scene.edit(*index, *index, scene.inside(*index))).collect();
        if let Some(text) = texts.first() {
            let message = format!("the list has numbers, and {} is a text", scene.word(*text));
            out.add(scene.start(*text), message, format!("write `{}`", scene.inside(*text)), edits);
        }
    }
}

/// The list without its dates.
fn date_away(scene: &Scene<'_>, open: usize, close: usize) -> Vec<Edit> {
    let texts: Vec<&str> = (open + 1..close)
        .filter(|index| scene.kind(*index) == Kind::Text)
        .map(|index| scene.word(index))
        .collect();
    vec![scene.edit(open, close, format!("[{}]", texts.join(", ")))]
}

fn show(scene: &Scene<'_>, first: usize, last: usize, edits: Vec<Edit>, message: &str, out: &mut Candidates) {
    let from = scene.start(first);
    let local: Vec<Edit> = edits
        .iter()
        .map(|edit| Edit { start: edit.start - from, end: edit.end - from, text: edit.text.clone() })
        .collect();
    let written = shown(&apply(scene.range(first, last), &local));
    let at = edits.first().map_or(from, |edit| edit.start);
    out.add(at, message, format!("write `{written}`"), edits);
}

/// `between 1, 5`, `between (1, 5)`, `between 1 to 5`, `between 1 5`, `between 1 - 5`, `between [1, 5]`.
fn between(scene: &Scene<'_>, word: usize, out: &mut Candidates) {
    let mut low = word + 1;
    let mut edits = Vec::new();
    let bracket = scene.is(low, "([");
    if bracket {
        edits.push(scene.edit(low, low, ""));
        low += 1;
    }
    let value = |index: usize| {
        let index = index + usize::from(scene.is(index, "-"));
        let simple = scene.is_quoted(index) || matches!(scene.kind(index), Kind::Integer | Kind::Decimal);
        let unit = scene.is_word(index + 1, &["days", "hours", "minutes", "B", "KB", "MB", "GB", "TB"]);
        simple.then_some(index + usize::from(unit))
    };
    let Some(low_end) = value(low) else { return };
    let mut high = low_end + 1;
    let joint = scene.is(high, ",-:&")
        || scene.is_word(high, &["and", "to", "or", "until"])
        || matches!(scene.kind(high), Kind::Bad(_));
    let written = scene.word(high);
    if joint {
        if written != "and" {
            edits.push(scene.edit(high, high, if scene.touches(high - 1) { " and" } else { "and" }));
        }
        if scene.is(high, ",-:&") && scene.touches(high) {
            edits.push(insert(scene.end(high), " "));
        }
        high += 1;
    } else {
        edits.push(insert(scene.end(low_end), " and"));
    }
    let Some(high_end) = value(high) else { return };
    if bracket && scene.is(high_end + 1, ")]") {
        edits.push(scene.edit(high_end + 1, high_end + 1, ""));
    }
    if edits.is_empty() {
        return;
    }
    let text = format!("between {} and {}", scene.range(low, low_end), scene.range(high, high_end));
    let last = high_end + usize::from(bracket && scene.is(high_end + 1, ")]"));
    let message = "the two ends of `between` are joined by `and`, without brackets";
    out.replace(scene.start(word), scene.end(last), text, message);
    if let Some(candidate) = out.0.last_mut() {
        candidate.at = edits.first().map_or(candidate.at, |edit| edit.start);
    }
}

/// `= GBP`
fn unquoted(scene: &Scene<'_>, sign: usize, out: &mut Candidates) {
    let first = sign + 1;
    let known = ["null", "empty", "whitespaces_only", "now"];
    if scene.kind(first) != Kind::Identifier || scene.is_word(first, &known) || scene.is(first + 1, "(") {
        return;
    }
    let mut last = first;
    while scene.kind(last + 1) == Kind::Identifier
        && !scene.begins_line(last + 1)
        && !scene.is_word(last + 1, &["with", "where", "labels", "and", "or"])
        || (scene.is(last + 1, "-") && scene.touches(last) && scene.touches(last + 1))
    {
        last += 1;
    }
    let text = scene.range(first, last);
    out.replace(
        scene.start(first),
        scene.end(last),
        in_quotes(text),
        format!("`{}`: texts are written in double quotes", shown(text)),
    );
    if last > first {
        out.replace(
            scene.start(first),
            scene.end(first),
            in_quotes(scene.word(first)),
            format!("`{}`: texts are written in double quotes", scene.word(first)),
        );
    }
}

/// `= "a" or "b"`, `= "a", "b"`
fn alternatives(scene: &Scene<'_>, sign: usize, end: usize, out: &mut Candidates) {
    let mut last = sign + 1;
    let is_value =
        |index: usize| scene.is_quoted(index) || matches!(scene.kind(index), Kind::Integer | Kind::Decimal);
    if !scene.is(sign, "=") || (sign > 0 && scene.is(sign - 1, "<>!=")) || !is_value(last) {
        return;
    }
    let mut values = vec![scene.word(last)];
    while last < end && (scene.is_word(last + 1, &["or"]) || scene.is(last + 1, ",")) && is_value(last + 2) {
        last += 2;
        values.push(scene.word(last));
    }
    if values.len() > 1 {
        let list = format!("in [{}]", values.join(", "));
        out.replace(scene.start(sign), scene.end(last), list, "several values make a list");
    }
}

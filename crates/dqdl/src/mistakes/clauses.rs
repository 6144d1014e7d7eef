//! `where` and `with`, and the order of clauses.

use super::Candidates;
use super::labels;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;
use crate::rule_types::distance;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let Some(head) = scene.head() else { return labels::propose(scene, 0, scene.len(), out) };
    let end = scene.rule_end(head);
    where_clause(scene, head, end, out);
    with(scene, head, end, out);
    labels::propose(scene, head, (end + 12).min(scene.len()), out);
    order(scene, head, end, out);
    comma_before(scene, out);
}

/// The predicate in double quotes, whatever it is.
fn where_clause(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    let words = ["where", "filter", "when", "if"];
    let Some(word) = (head + 1..end).find(|index| scene.is_word(*index, &words)) else { return };
    let mut edits = Vec::new();
    if scene.word(word) != "where" {
        edits.push(scene.edit(word, word, "where"));
    }
    let first = word + 1;
    // To the end of the rule, or of the line, or to what may follow.
    let mut stops: Vec<usize> = (first..end)
        .filter(|index| {
            scene.is_word(*index, &["with", "labels"]) || (*index > first && scene.begins_line(*index))
        })
        .collect();
    stops.push(end);
    if let Some(comma) = (first..scene.len()).find(|index| scene.is(*index, ",") || scene.is(*index, "]")) {
        stops.push(comma);
    }
    for stop in stops {
        if stop <= first {
            continue;
        }
        let last = stop - 1;
        if scene.is_quoted(first) && last == first {
            continue;
        }
        let written = scene.range(first, last).trim();
        let bare = written.strip_prefix('=').unwrap_or(written).trim();
        let bare = match bare.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(inner) if !inner.contains('\'') => inner,
            _ => bare,
        };
        let text = in_quotes(&bare.replace("\\\"", "\""));
        let mut all = edits.clone();
        all.push(Edit { start: scene.start(first), end: scene.end(last), text: text.clone() });
        let message = "the predicate of `where` is written in double quotes";
        out.add(scene.start(first), message, format!("write `where {}`", shown(&text)), all);
    }
    if !edits.is_empty() {
        let message = format!("`{}`: rows are chosen by `where`", scene.word(word));
        out.add(scene.start(word), message, "write `where`", edits);
    }
    if scene.fault.message.starts_with("`where` is empty") {
        let edit = Edit { start: scene.end(word - 1), end: scene.end(first), text: String::new() };
        out.add(scene.start(word), "`where` has no predicate", "take it away", vec![edit]);
    }
    if scene.fault.message.contains("does not take `where`") {
        let edit = Edit { start: scene.end(word - 1), end: scene.end(first), text: String::new() };
        out.add(
            scene.start(word),
            scene.fault.message.clone(),
            format!("take `{}` away", shown(scene.range(word, first))),
            vec![edit],
        );
    }
}

/// Thresholds and tags.
fn with(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    for index in head + 1..end {
        if scene.kind(index) != Kind::Identifier {
            continue;
        }
        let (start, word) = (scene.start(index), scene.word(index));
        let lower = word.to_ascii_lowercase();
        let is_threshold = lower == "threshold"
            || (lower.len() > 6 && lower.len() < 13 && distance(&lower, "threshold") <= 2);
        if is_threshold && !scene.is_word(index - 1, &["with"]) {
            let edits = vec![scene.edit(index, index, "with threshold")];
            let message = format!("`{word}`: what follows a condition begins with `with`");
            out.add(start, message.clone(), "write `with threshold`", edits);
            let edit = Edit { start: scene.end(index - 1), end: scene.end(end - 1), text: String::new() };
            out.add(
                start,
                message,
                format!("take `{}` away", shown(scene.range(index, end - 1))),
                vec![edit],
            );
        }
        if is_threshold && word != "threshold" {
            out.replace(start, scene.end(index), "threshold", format!("`{word}`: the word is `threshold`"));
        }
        // `with threshold 0.9`, `with threshold: 0.9`, `with threshold of 0.9`
        if is_threshold {
            let next = index + 1;
            if matches!(scene.kind(next), Kind::Integer | Kind::Decimal) {
                let message = "a threshold is a condition: an operator is missing";
                out.add(
                    scene.start(next),
                    message,
                    format!("write `> {}`", scene.word(next)),
                    vec![insert(scene.start(next), ">= ")],
                );
                if let Some(candidate) = out.0.last_mut() {
                    candidate.advice = format!("write `>= {}`", scene.word(next));
                }
            } else if scene.is(next, ":") || scene.is_word(next, &["of", "is", "at"]) {
                let message = format!("`{}`: a threshold is a condition", scene.range(index, next));
                out.add(scene.start(next), message, "write `>=`", vec![scene.edit(next, next, " >= ")]);
            } else if next >= end || scene.is_word(next, &["with", "labels", "where"]) {
                let message = "a threshold is a condition on a share, for example `> 0.9`";
                out.add(
                    scene.start(index),
                    message,
                    "write `threshold > 0.9`",
                    vec![insert(scene.end(index), " > 0.9")],
                );
            }
        }
        if word == "with" && !scene.is_word(index + 1, &["threshold"]) {
            tag(scene, index, out);
        }
    }
    threshold_refused(scene, head, end, out);
}

/// `with ignoreCase true`, `with ignoreCase: true`, `with ignoreCase`, `with ignoreCase = true`
fn tag(scene: &Scene<'_>, with: usize, out: &mut Candidates) {
    let name = with + 1;
    if scene.kind(name) != Kind::Identifier {
        if matches!(scene.kind(name), Kind::Integer | Kind::Decimal) || scene.is(name, "<>=") {
            let message = "`with` is followed by `threshold` or the name of a tag";
            let text = if scene.is(name, "<>=") { "with threshold" } else { "with threshold >=" };
            out.add(
                scene.start(name),
                message,
                format!("write `{text}`"),
                vec![scene.edit(with, with, text)],
            );
        }
        return;
    }
    let sign = name + 1;
    let mut edits = Vec::new();
    let mut value = sign;
    if scene.is(sign, "=:") {
        value += 1;
        if scene.is(sign, ":") {
            edits.push(scene.edit(sign, sign, " ="));
        }
    } else {
        edits.push(insert(scene.end(name), " ="));
    }
    let mut text = "\"true\"".to_owned();
    if scene.kind(value) == Kind::Identifier && !scene.is_word(value, &["with", "labels", "where"]) {
        text = in_quotes(scene.word(value));
        edits.push(scene.edit(value, value, text.clone()));
    } else if scene.is_quoted(value) {
        text = scene.word(value).to_owned();
    } else {
        edits.push(insert(scene.end(name), " \"true\""));
    }
    if !edits.is_empty() {
        let tag = scene.word(name);
        out.add(
            scene.start(name),
            format!("a tag has a value, a number or a quoted text: `{tag} = {text}`"),
            format!("write `with {tag} = {text}`"),
            edits,
        );
    }
}

/// A threshold on a rule type that has none, whose share can be the condition of another.
fn threshold_refused(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    if !scene.fault.message.contains("does not take a threshold")
        && !scene.fault.message.contains("only one threshold")
    {
        return;
    }
    let Some(with) = (head + 1..end).find(|index| scene.start(*index) == scene.fault.offset) else { return };
    let measured = match scene.word(head) {
        "IsComplete" => Some("Completeness"),
        "IsUnique" | "IsPrimaryKey" => Some("Uniqueness"),
        _ => None,
    };
    let condition = scene.slice(scene.start(with + 2), scene.end(end - 1));
    if let Some(measured) = measured {
        let parameters = scene.range(head + 1, with - 1);
        let text = format!("{measured} {parameters} {condition}");
        let message =
            format!("{} does not take a threshold: its share is measured by {measured}", scene.word(head));
        let edit = scene.edit(head, end - 1, text.clone());
        out.add(scene.fault.offset, message, format!("write `{}`", shown(&text)), vec![edit]);
    }
    let stop = (with + 1..end).find(|index| scene.is_word(*index, &["labels", "with"])).unwrap_or(end);
    let edit = Edit { start: scene.end(with - 1), end: scene.end(stop - 1), text: String::new() };
    let advice = format!("take `{}` away", shown(scene.range(with, stop - 1)));
    out.add(scene.fault.offset, scene.fault.message.clone(), advice, vec![edit]);
}

/// Clauses in another order than condition, `where`, `with`.
fn order(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    let clause = |word: &str| (head + 1..end).find(|index| scene.is_word(*index, &[word]));
    let (Some(filter), Some(first)) =
        (clause("where"), clause("with").into_iter().chain(clause("labels")).min())
    else {
        return;
    };
    if first > filter || !scene.is_quoted(filter + 1) {
        return;
    }
    let text = scene.range(filter, filter + 1);
    let edits = vec![
        insert(scene.start(first), format!("{text} ")),
        Edit { start: scene.end(filter - 1), end: scene.end(filter + 1), text: String::new() },
    ];
    let message = format!("`where` comes after `{}`: it belongs before it", scene.word(first));
    out.add(
        scene.start(filter),
        message,
        format!("write `{} {} ...`", shown(text), scene.word(first)),
        edits,
    );
    // A condition that comes last.
}

/// `IsComplete "a", where "..."`
fn comma_before(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    if at > 0
        && scene.is(at - 1, ",")
        && scene.is_word(at, &["where", "with", "labels", "and", "or", "label", "threshold"])
    {
        let message = format!("a comma ends a rule, and `{}` belongs to the one before", scene.word(at));
        out.add(scene.start(at - 1), message, "take the comma away", vec![scene.edit(at - 1, at - 1, "")]);
    }
}

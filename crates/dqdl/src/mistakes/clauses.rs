//! `where`, `with` and `labels`.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;
use crate::rule_types::distance;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let Some(head) = scene.head() else { return labels(scene, 0, scene.len(), out) };
    let end = scene.rule_end(head);
    where_clause(scene, head, end, out);
    with(scene, head, end, out);
    labels(scene, head, (end + 12).min(scene.len()), out);
    order(scene, head, end, out);
    comma_before(scene, out);
}

/// The predicate in double quotes, whatever stands there.
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
        let message = "the predicate of `where` stands in double quotes";
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

/// Labels: their brackets, signs and quotes.
fn labels(scene: &Scene<'_>, from: usize, to: usize, out: &mut Candidates) {
    for index in from..to {
        let (start, word) = (scene.start(index), scene.word(index));
        if scene.kind(index) != Kind::Identifier {
            continue;
        }
        let lower = word.to_ascii_lowercase();
        let meant =
            matches!(lower.as_str(), "labels" | "label" | "tags" | "lables" | "labes" | "defaultlabels");
        if !meant {
            severity(scene, index, out);
            continue;
        }
        let name = if lower == "defaultlabels" { "DefaultLabels" } else { "labels" };
        let mut edits = Vec::new();
        if word != name {
            edits.push(scene.edit(index, index, name));
        }
        let mut next = index + 1;
        if scene.is(next, "=") {
            next += 1;
        } else if scene.is(next, ":") {
            edits.push(scene.edit(next, next, "="));
            next += 1;
        } else {
            edits.push(insert(scene.end(index), "="));
        }
        let end;
        let open = scene.is(next, "[{(");
        let close = (next..scene.len()).find(|index| scene.is(*index, "]})"));
        match (open, close) {
            (true, Some(close)) => {
                end = close;
                if !scene.is(next, "[") {
                    edits.push(scene.edit(next, next, "["));
                }
                if close == next + 1 {
                    empty_labels(scene, index, close, out);
                }
                entries(scene, next + 1, close, &mut edits);
                if !scene.is(close, "]") {
                    edits.push(scene.edit(close, close, "]"));
                }
            }
            _ => {
                // labels="a"="b"
                edits.push(insert(scene.start(next), "["));
                let mut last = next;
                while scene.is(last + 1, "=:") && !scene.is(last + 1, ",") && last + 2 < scene.len() {
                    last += 2;
                }
                entries(scene, next, last + 1, &mut edits);
                edits.push(insert(scene.end(last), "]"));
                end = last;
            }
        }
        if !edits.is_empty() {
            let last = end;
            let from = scene.start(index);
            let written = edits.last().is_none_or(|edit| edit.end <= scene.end(last)).then(|| {
                let local: Vec<Edit> = edits
                    .iter()
                    .map(|edit| Edit {
                        start: edit.start - from,
                        end: edit.end - from,
                        text: edit.text.clone(),
                    })
                    .collect();
                crate::error::apply(scene.range(index, last), &local)
            });
            let written = shown(&written.unwrap_or_else(|| format!("{name}=[\"key\"=\"value\"]")));
            let at = edits.first().map_or(start, |edit| edit.start);
            let message = match edits.first() {
                Some(edit) if edit.text == "=" && edit.start < edit.end => format!(
                    "a label's value stands behind `=`, not behind `{}`",
                    scene.slice(edit.start, edit.end)
                ),
                Some(edit) if edit.text.starts_with("\" ") => format!(
                    "{} reads as a date or a time, which no label takes",
                    scene.slice(edit.start, edit.end)
                ),
                Some(edit) if edit.text.starts_with('"') => format!(
                    "`{}`: keys and values of labels stand in double quotes",
                    scene.slice(edit.start, edit.end)
                ),
                Some(edit) if edit.text == name => format!("`{word}`: the word is `{name}`"),
                _ => format!("labels are written `{name}=[\"key\"=\"value\", ...]`"),
            };
            out.add(at, message, format!("write `{written}`"), edits);
        }
        duplicate(scene, index, out);
    }
}

/// Keys and values of labels between two tokens.
fn entries(scene: &Scene<'_>, first: usize, end: usize, edits: &mut Vec<Edit>) {
    for index in first..end {
        match scene.kind(index) {
            Kind::Symbol(b':') => edits.push(scene.edit(index, index, "=")),
            Kind::Identifier | Kind::Integer | Kind::Decimal => {
                edits.push(scene.edit(index, index, in_quotes(scene.word(index))));
            }
            // `=>`, `==`
            Kind::Symbol(b'>' | b'=') if index > first && scene.is(index - 1, "=") => {
                edits.push(scene.edit(index, index, ""));
            }
            // Dates and times are no texts.
            Kind::Date | Kind::Time => {
                let text = format!(" {}", scene.inside(index));
                edits.push(scene.edit(index, index, in_quotes(&text)));
            }
            Kind::Text if index > first && scene.is_quoted(index - 1) => {
                edits.push(insert(scene.end(index - 1), if scene.is(index + 1, "=:") { "," } else { "=" }));
            }
            _ => {}
        }
    }
    edits.sort_by_key(|edit| edit.start);
}

fn empty_labels(scene: &Scene<'_>, word: usize, close: usize, out: &mut Candidates) {
    let from = word.checked_sub(1).map_or(0, |before| scene.end(before));
    let edit = Edit { start: from, end: scene.end(close), text: String::new() };
    out.add(scene.start(word), "the list of labels is empty", "take it away", vec![edit]);
}

/// `severity = "warn"` without `labels=[...]` around.
fn severity(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    if scene.is_word(index, &["severity", "criticality", "reason", "flag"])
        && scene.is(index + 1, "=:")
        && !scene.is(index.saturating_sub(1), "[,")
    {
        let value = index + 2;
        let text =
            if scene.is_quoted(value) { scene.word(value).to_owned() } else { in_quotes(scene.word(value)) };
        let label = format!("labels=[\"{}\"={text}]", scene.word(index));
        out.replace(
            scene.start(index),
            scene.end(value),
            label,
            format!("`{}` is a label", scene.word(index)),
        );
    }
}

/// A key that comes twice, a value that is empty or too long.
fn duplicate(scene: &Scene<'_>, word: usize, out: &mut Candidates) {
    let message = &scene.fault.message;
    let Some(close) = (word..scene.len()).find(|index| scene.is(*index, "]")) else { return };
    if scene.fault.offset < scene.start(word) || scene.fault.offset > scene.end(close) {
        return;
    }
    let mut seen: Vec<&str> = Vec::new();
    for index in word + 3..close {
        if !(scene.kind(index) == Kind::Text && scene.is(index - 1, "[,") && scene.is(index + 1, "=")) {
            continue;
        }
        let key = scene.inside(index);
        let twice = seen.contains(&key) && message.contains("twice");
        let many = seen.len() >= 10 && message.starts_with("more than");
        let value = index + 2;
        let empty =
            message.starts_with("a label's key") && (scene.inside(value).is_empty() || key.is_empty());
        if twice || many || empty {
            let (first, last) = if scene.is(index - 1, ",") {
                (index - 1, value)
            } else if scene.is(value + 1, ",") {
                (index, value + 1)
            } else {
                (word, close)
            };
            let from = if first == word { scene.end(word - 1) } else { scene.start(first) };
            let edit = Edit { start: from, end: scene.end(last), text: String::new() };
            let why = if twice {
                format!("the label \"{key}\" is given twice")
            } else if empty {
                "a label has a key and a value, neither empty".to_owned()
            } else {
                message.clone()
            };
            out.add(
                scene.start(index),
                why,
                format!("take `{}` away", shown(scene.range(index, value))),
                vec![edit],
            );
            return;
        }
        seen.push(key);
    }
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
    let message = format!("`where` stands behind `{}`: it belongs before it", scene.word(first));
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

//! Labels: their brackets, signs and quotes.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;

/// Labels: their brackets, signs and quotes.
pub(super) fn propose(scene: &Scene<'_>, from: usize, to: usize, out: &mut Candidates) {
    for index in from..to {
        let word = scene.word(index);
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
        let end = list(scene, index, next, &mut edits, out);
        rewritten(scene, (index, end), name, edits, out);
        duplicate(scene, index, out);
    }
}

/// The brackets of a list that begins at `next`, and what is in them. Returns its last token.
fn list(scene: &Scene<'_>, word: usize, next: usize, edits: &mut Vec<Edit>, out: &mut Candidates) -> usize {
    let open = scene.is(next, "[{(");
    let close = (next..scene.len()).find(|index| scene.is(*index, "]})"));
    match (open, close) {
        (true, Some(close)) => {
            if !scene.is(next, "[") {
                edits.push(scene.edit(next, next, "["));
            }
            if close == next + 1 {
                empty_labels(scene, word, close, out);
            }
            entries(scene, next + 1, close, edits);
            if !scene.is(close, "]") {
                edits.push(scene.edit(close, close, "]"));
            }
            close
        }
        _ => {
            // labels="a"="b"
            edits.push(insert(scene.start(next), "["));
            let mut last = next;
            while scene.is(last + 1, "=:") && !scene.is(last + 1, ",") && last + 2 < scene.len() {
                last += 2;
            }
            entries(scene, next, last + 1, edits);
            edits.push(insert(scene.end(last), "]"));
            last
        }
    }
}

/// Proposes the edits of the labels between two tokens, with what is wrong with the first.
fn rewritten(
    scene: &Scene<'_>,
    (index, last): (usize, usize),
    name: &str,
    edits: Vec<Edit>,
    out: &mut Candidates,
) {
    let Some(first) = edits.first() else { return };
    let from = scene.start(index);
    let written = edits.last().is_none_or(|edit| edit.end <= scene.end(last)).then(|| {
        let moved =
            |edit: &Edit| Edit { start: edit.start - from, end: edit.end - from, text: edit.text.clone() };
        let local: Vec<Edit> = edits.iter().map(moved).collect();
        crate::error::apply(scene.range(index, last), &local)
    });
    let written = shown(&written.unwrap_or_else(|| format!("{name}=[\"key\"=\"value\"]")));
    let wrong = scene.slice(first.start, first.end);
    let message = match first.text.as_str() {
        "=" if first.start < first.end => {
            format!("a label's value comes after `=`, not after `{wrong}`")
        }
        text if text.starts_with("\" ") => {
            format!("{wrong} reads as a date or a time, which no label takes")
        }
        text if text.starts_with('"') => {
            format!("`{wrong}`: keys and values of labels are written in double quotes")
        }
        text if text == name => format!("`{}`: the word is `{name}`", scene.word(index)),
        _ => format!("labels are written `{name}=[\"key\"=\"value\", ...]`"),
    };
    out.add(first.start, message, format!("write `{written}`"), edits);
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

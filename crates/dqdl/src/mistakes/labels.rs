//! Labels: their brackets, signs and quotes.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;

/// Labels: their brackets, signs and quotes.
pub(super) fn propose(scene: &Scene<'_>, from: usize, to: usize, out: &mut Candidates) {
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

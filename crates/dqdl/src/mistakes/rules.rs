//! Where a rule begins and ends, and how rules are joined.

use super::Candidates;
use super::scene::{Scene, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;
use crate::rule_types::RuleType;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    joined(scene, out);
    bullets(scene, out);
    reversed(scene, out);
}

/// A text that goes on over the end of its line: the quote that should close it is missing.
pub(super) fn unclosed_text(scene: &Scene<'_>, out: &mut Candidates) {
    for index in scene.at.saturating_sub(8)..=scene.at + 8 {
        if scene.kind(index) != Kind::Text {
            continue;
        }
        // `a", ...`: this quote closes what none has opened.
        if index > 0 && scene.touches(index - 1) && scene.kind(index - 1) == Kind::Identifier {
            let name = scene.word(index - 1);
            let message = format!("the text before this quote is not opened: `{}\"`", shown(name));
            let edit = insert(scene.start(index - 1), "\"");
            out.add(scene.start(index - 1), message, format!("write `\"{name}\"`"), vec![edit]);
        }
        let has_rule =
            scene.inside(index).split([' ', ',', '\n', '(']).any(|word| RuleType::from_name(word).is_some());
        if !scene.word(index).contains('\n') && !has_rule {
            continue;
        }
        let inside = scene.word(index).get(1..).unwrap_or("");
        let line = inside.split('\n').next().unwrap_or("");
        for end in super::characters::ends_of_text(line) {
            let text = line.get(..end).unwrap_or("");
            if !text.is_empty() {
                let edit = insert(scene.start(index) + 1 + end, "\"");
                let message = "the quote that opens here is not closed in its line";
                out.add(scene.start(index), message, format!("write `\"{text}\"`"), vec![edit]);
            }
        }
    }
}

/// `and` and `or` between rules without brackets: what follows the word is taken for a column.
fn joined(scene: &Scene<'_>, out: &mut Candidates) {
    let Some(head) = scene.head() else { return };
    // From the first rule of the chain.
    let mut first = head;
    while first > 0 && !scene.is(first - 1, "[,") && !(scene.begins_line(first) && scene.is_rule_type(first))
    {
        first -= 1;
    }
    let end = scene.rule_end(head);
    let (mut depth, mut start) = (0_usize, first);
    let mut edits = Vec::new();
    let mut joint = None;
    let wrap = |from: usize, to: usize, edits: &mut Vec<Edit>| {
        if !scene.is(from, "(") {
            edits.push(insert(scene.start(from), "("));
            edits.push(insert(scene.end(to), ")"));
        }
    };
    for index in first..end {
        match scene.kind(index) {
            Kind::Symbol(b'(' | b'[') => depth += 1,
            Kind::Symbol(b')' | b']') => depth = depth.saturating_sub(1),
            Kind::Identifier
                if depth == 0
                    && index > first
                    && scene.is_word(index, &["and", "or"])
                    && (scene.is_rule_type(index + 1) || scene.is(index + 1, "(")) =>
            {
                joint.get_or_insert(index);
                wrap(start, index - 1, &mut edits);
                let word = scene.word(index).to_ascii_lowercase();
                edits.push(scene.edit(index, index, word));
                start = index + 1;
            }
            _ => {}
        }
    }
    let Some(joint) = joint else { return };
    if start < end {
        wrap(start, end - 1, &mut edits);
    }
    let Some(from) = edits.first().map(|edit| edit.start) else { return };
    let to = scene.end(end - 1);
    let local: Vec<Edit> = edits
        .iter()
        .map(|edit| Edit { start: edit.start - from, end: edit.end - from, text: edit.text.clone() })
        .collect();
    let written = shown(&crate::error::apply(scene.slice(from, to), &local));
    let message = format!("rules joined by `{}` are each written in brackets", scene.word(joint));
    out.add(scene.start(joint), message, format!("write `{written}`"), edits);
}

/// `- rule`, as in a list of YAML or Markdown.
fn bullets(scene: &Scene<'_>, out: &mut Candidates) {
    if scene.is(scene.at, "-*+")
        && scene.may_begin_rule(scene.at + 1)
        && scene.at > 0
        && !scene.is(scene.at - 1, "[,")
    {
        let edits = vec![
            insert(scene.end(scene.at - 1), ","),
            Edit { start: scene.start(scene.at), end: scene.start(scene.at + 1), text: String::new() },
        ];
        let message = "rules are separated by commas, and no mark comes before them";
        return out.add(
            scene.start(scene.at),
            message,
            "write a comma behind the rule before, and take the mark away",
            edits,
        );
    }
    if scene.is(scene.at, "-*+") && scene.may_begin_rule(scene.at + 1) {
        let edit = Edit { start: scene.start(scene.at), end: scene.start(scene.at + 1), text: String::new() };
        out.add(
            edit.start,
            "a rule begins with its type, without a mark before it",
            "take the mark away",
            vec![edit],
        );
    }
}

/// `0 < RowCount`
fn reversed(scene: &Scene<'_>, out: &mut Candidates) {
    let value = scene.at;
    if !matches!(scene.kind(value), Kind::Integer | Kind::Decimal) {
        return;
    }
    let Some(head) = (value + 2..value + 4).find(|index| scene.is_rule_type(*index)) else { return };
    let operator = match scene.range(value + 1, head - 1) {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        "=" => "=",
        _ => return,
    };
    let last = (head + 1..scene.len()).take_while(|index| scene.is_quoted(*index)).last().unwrap_or(head);
    let text = format!("{} {operator} {}", scene.range(head, last), scene.word(value));
    out.replace(
        scene.start(value),
        scene.end(last),
        text,
        "a rule begins with its type, and the value comes last",
    );
}

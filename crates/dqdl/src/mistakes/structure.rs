//! The document: its sections, the commas between rules, and brackets.

use super::Candidates;
use super::scene::{Scene, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;
use crate::rule_types::distance;

const SECTIONS: [&str; 5] = ["Rules", "Analyzers", "DefaultLabels", "Metadata", "DataSources"];

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    empty(scene, out);
    section(scene, out);
    no_section(scene, out);
    comments(scene, out);
    commas(scene, out);
    brackets(scene, out);
}

fn empty(scene: &Scene<'_>, out: &mut Candidates) {
    if scene.len() == 1 {
        let message =
            "the text has no rules: a ruleset is `Rules = [ ... ]`, a list of rules with commas between";
        let example = "Rules = [ RowCount > 0 ]\n";
        let edits = vec![insert(
            scene.text.len(),
            if scene.text.is_empty() || scene.text.ends_with('\n') {
                example.to_owned()
            } else {
                format!("\n{example}")
            },
        )];
        out.add(0, message, "write for example `Rules = [ RowCount > 0 ]`", edits);
    }
    // Brackets with nothing between.
    if scene.fault.message.starts_with("no rules") {
        let list = (0..scene.len()).find(|index| scene.is(*index, "[") && scene.is(index + 1, "]"));
        if let Some(open) = list {
            out.add(
                scene.start(open),
                "there is no rule between the brackets",
                "write one, for example `RowCount > 0`",
                vec![insert(scene.end(open), " RowCount > 0")],
            );
        }
    }
}

/// The name of a section, and the signs that belong to it.
fn section(scene: &Scene<'_>, out: &mut Candidates) {
    let mut depth = 0_usize;
    for index in 0..=scene.at {
        match scene.kind(index) {
            Kind::Symbol(b'[' | b'{' | b'(') => depth += 1,
            Kind::Symbol(b']' | b'}' | b')') => depth = depth.saturating_sub(1),
            Kind::Identifier if depth == 0 || (scene.is(index + 1, "=:") && scene.is(index + 2, "[{")) => {
                section_at(scene, index, out);
            }
            // "Rules": [ ... ], as in JSON.
            Kind::Text
                if depth <= 1 && scene.is(index + 1, ":=") && SECTIONS.contains(&scene.inside(index)) =>
            {
                let name = scene.inside(index);
                let message =
                    format!("{} is the name of a section and is written without quotes", scene.word(index));
                let edit = scene.edit(index, index + 1, format!("{name} ="));
                out.add(scene.start(index), message, format!("write `{name} =`"), vec![edit]);
            }
            _ => {}
        }
    }
}

fn section_at(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let written = scene.word(index);
    let is_list = scene.is(index + 1, "=:") && scene.is(index + 2, "[{(");
    if SECTIONS.contains(&written) {
        return signs(scene, index, written, out);
    }
    let wanted = written.to_ascii_lowercase();
    if wanted.len() > 20 {
        return;
    }
    let near = SECTIONS
        .iter()
        .map(|name| (distance(&wanted, &name.to_ascii_lowercase()), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map(|(_, name)| name);
    let case = near.is_some_and(|name| name.eq_ignore_ascii_case(written));
    let sections: &[&str] = match &near {
        Some(name) => std::slice::from_ref(name),
        None if is_list => &["Rules", "Analyzers"],
        None => return,
    };
    for name in sections {
        let message = if case {
            format!("`{written}`: names are written as the language does, capitals included")
        } else {
            format!("`{written}` is no section of a ruleset")
        };
        let mut edits = vec![scene.edit(index, index, *name)];
        let mut write = (*name).to_owned();
        if scene.is(index + 1, ":") {
            edits.push(scene.edit(index + 1, index + 1, " ="));
            write.push_str(" =");
        } else if !scene.is(index + 1, "=") {
            edits.push(insert(scene.end(index), " ="));
            write.push_str(" =");
        }
        out.add(scene.start(index), message, format!("write `{write}`"), edits);
    }
}

/// What is between a section's name and its entries.
fn signs(scene: &Scene<'_>, index: usize, name: &str, out: &mut Candidates) {
    let open = if matches!(name, "Metadata" | "DataSources") { "{" } else { "[" };
    let mut edits = Vec::new();
    let mut next = index + 1;
    let message = if scene.is(next, ":") {
        edits.push(scene.edit(next, next, " ="));
        next += 1;
        format!("after `{name}` comes `=`, not a colon")
    } else if scene.is(next, "=") {
        next += 1;
        while scene.is(next, "=>") {
            edits.push(scene.edit(next, next, ""));
            next += 1;
        }
        format!("`{name}` is followed by `= {open}`")
    } else {
        edits.push(insert(scene.end(index), " ="));
        format!("`=` is missing after `{name}`")
    };
    if !scene.is(next, open) {
        let close = if open == "[" { "]" } else { "}" };
        let end = scene.len() - 1;
        if scene.is(next, "[{(") {
            edits.push(scene.edit(next, next, open));
            let last = (next..end).rev().find(|index| scene.is(*index, "]})"));
            if let Some(last) = last.filter(|last| !scene.is(*last, close)) {
                edits.push(scene.edit(last, last, close));
            }
        } else {
            edits.push(insert(scene.end(next - 1), format!(" {open}")));
            let last = (next..end).rev().find(|index| scene.is(*index, close));
            if last.is_none_or(|last| last + 1 != end) {
                edits.push(insert(scene.end(end - 1), format!(" {close}")));
            }
        }
    }
    if !edits.is_empty() {
        edits.sort_by_key(|edit| edit.start);
        out.add(scene.start(index), message, format!("write `{name} = {open} ...`"), edits);
    }
}

/// Rules without `Rules = [` around them.
fn no_section(scene: &Scene<'_>, out: &mut Candidates) {
    let end = scene.len() - 1;
    let declared = (0..end).any(|index| scene.is_word(index, &SECTIONS));
    let Some(first) = (0..end).find(|index| scene.may_begin_rule(*index) || scene.is(*index, "[")) else {
        return;
    };
    if declared || first > scene.at {
        return;
    }
    let bracketed = scene.is(first, "[");
    let mut edits = vec![insert(scene.start(first), if bracketed { "Rules = " } else { "Rules = [ " })];
    if !bracketed {
        edits.push(insert(scene.end(end - 1), " ]"));
    }
    let mut single = edits.clone();
    out.add(scene.start(first), "rules are written in a list", "write `Rules = [ ... ]` around them", edits);
    // One rule a line.
    let commas = (first + 1..end)
        .filter(|index| scene.begins_line(*index) && scene.is_rule_type(*index) && !scene.is(index - 1, ","))
        .map(|index| insert(scene.end(index - 1), ","));
    single.splice(1..1, commas);
    out.add(
        scene.start(first),
        "rules are written in a list, with commas between",
        "write `Rules = [ ..., ... ]`",
        single,
    );
}

/// Comments of other languages.
fn comments(scene: &Scene<'_>, out: &mut Candidates) {
    for index in scene.at.saturating_sub(1)..=scene.at + 1 {
        let sign = scene.slice(scene.start(index), scene.start(index) + 2);
        let start = scene.start(index);
        if matches!(sign, "//" | "--") {
            let message = format!("comments begin with `#`, not with `{sign}`");
            let (_, end) = scene.line(start);
            // In the last line a comment needs its line feed.
            let mut edits = vec![Edit { start, end: start + 2, text: "#".to_owned() }];
            if end == scene.text.len() {
                edits.push(insert(end, "\n"));
            }
            out.add(start, message, "write `#`", edits);
        }
        if sign == "/*" {
            let rest = scene.text.get(start..).unwrap_or("");
            let length = rest.find("*/").map_or(rest.len(), |end| end + 2);
            let lines = rest.get(..length).unwrap_or("").replace('\n', "\n# ");
            let text = format!("# {}\n", lines.trim_start_matches("/*").trim_end_matches("*/"));
            let message =
                "comments begin with `#` and end with the line; there is none of the form `/* ... */`";
            out.add(
                start,
                message,
                "write `#` before each line of it",
                vec![Edit { start, end: start + length, text }],
            );
        }
    }
}

/// Commas that are missing, or one too many.
fn commas(scene: &Scene<'_>, out: &mut Candidates) {
    // `IsComplete "a"` and in the next line a rule, whose name is taken for a column.
    if let Some(head) = scene.head() {
        // The rule itself may be the one that a comma is missing before.
        for index in head.max(1)..(head + 40).min(scene.len() - 1) {
            if index == head && !scene.begins_line(head) {
                continue;
            }
            let follows =
                index > 0 && !scene.is(index - 1, ",([") && !scene.is_word(index - 1, &["and", "or"]);
            let new_rule =
                scene.is_rule_type(index) || (scene.begins_line(index) && scene.may_begin_rule(index));
            if follows && new_rule {
                let last = shown(scene.range(head.min(index - 1), index - 1));
                let message = format!("a comma is missing between two rules, before `{}`", scene.word(index));
                out.add(
                    scene.start(index),
                    message,
                    format!("write `{last},`"),
                    vec![insert(scene.end(index - 1), ",")],
                );
                // At the beginning of a line nothing else can be meant.
                if scene.begins_line(index) && scene.is_rule_type(index) {
                    out.certain_from(out.0.len() - 1);
                }
                break;
            }
            if scene.is(index, ",") {
                break;
            }
        }
    }
    if scene.is(scene.at, "(") && scene.at > 0 && scene.is(scene.at - 1, ")") {
        let message = "between two rules comes a comma, `and` or `or`";
        out.add(
            scene.start(scene.at),
            message,
            "write one of them, for example `) and (`",
            vec![insert(scene.end(scene.at - 1), " and")],
        );
    }
    // { "Rules": [ ... ] }
    if scene.at == 0 && scene.is(0, "{") && scene.is_quoted(1) && scene.is(2, ":") {
        let last = (3..scene.len()).rev().find(|index| scene.is(*index, "}"));
        let mut edits = vec![scene.edit(0, 2, format!("{} =", scene.inside(1)))];
        edits.extend(last.map(|last| scene.edit(last, last, "")));
        let message = "a ruleset is no JSON: its sections are written without brackets around them";
        out.add(0, message, format!("write `{} = [ ... ]`", scene.inside(1)), edits);
    }
    for index in scene.at.saturating_sub(1)..=scene.at {
        if scene.is(index, ",") && (scene.is(index + 1, "])},") || scene.kind(index + 1) == Kind::End) {
            let message = if scene.is(index + 1, ",") {
                "two commas with nothing between"
            } else {
                "a comma after the last entry of a list"
            };
            out.add(scene.start(index), message, "take it away", vec![scene.edit(index, index, "")]);
        }
        if scene.is(index, ",") && index > 0 && scene.is(index - 1, "[") {
            let message = "a comma before the first entry of a list";
            out.add(scene.start(index), message, "take it away", vec![scene.edit(index, index, "")]);
        }
    }
}

/// Brackets that are not closed, closed twice, or by another.
fn brackets(scene: &Scene<'_>, out: &mut Candidates) {
    let mut open: Vec<usize> = Vec::new();
    for index in 0..scene.at {
        match scene.kind(index) {
            Kind::Symbol(b'[' | b'(' | b'{') => open.push(index),
            Kind::Symbol(b']' | b')' | b'}') => drop(open.pop()),
            _ => {}
        }
    }
    if let Some(last) = open.last() {
        let Kind::Symbol(sign) = scene.kind(*last) else { return };
        let (line, _) = crate::error::position(scene.text, scene.start(*last));
        if scene.kind(scene.at) == Kind::End {
            unclosed_at_end(scene, &open, sign, line, out);
        } else {
            unclosed(scene, *last, sign, line, out);
        }
    }
    if scene.is(scene.at, ")") && open.iter().all(|index| !scene.is(*index, "(")) {
        out.add(
            scene.start(scene.at),
            "this bracket closes none",
            "take it away",
            vec![scene.edit(scene.at, scene.at, "")],
        );
    }
}

/// What closes a bracket.
fn closing(open: u8) -> char {
    match open {
        b'[' => ']',
        b'(' => ')',
        _ => '}',
    }
}

fn not_closed(sign: u8, line: usize) -> String {
    format!("the bracket `{}` of line {line} is not closed", char::from(sign))
}

/// Brackets that are open where the text ends; `sign` is that of the last.
fn unclosed_at_end(scene: &Scene<'_>, open: &[usize], sign: u8, line: usize, out: &mut Candidates) {
    let Some(last) = open.last() else { return };
    let closed_by = |index: &usize| match scene.kind(*index) {
        Kind::Symbol(sign) => closing(sign),
        _ => ' ',
    };
    let all: String = open.iter().rev().map(closed_by).collect();
    let at = scene.end(scene.len().saturating_sub(2));
    let has_comment = scene.slice(at, scene.text.len()).contains('#');
    // Behind a comment, not in it.
    let edit = match has_comment {
        true => insert(scene.text.len(), format!("\n{all}\n")),
        false => insert(at, format!("{all}\n")),
    };
    out.add(scene.start(*last), not_closed(sign, line), format!("write `{all}` at the end"), vec![edit]);
}

/// A bracket that is open where the text goes on with something that is not inside it.
fn unclosed(scene: &Scene<'_>, last: usize, sign: u8, line: usize, out: &mut Candidates) {
    let close = closing(sign);
    let message = not_closed(sign, line);
    let before = scene.at.saturating_sub(1);
    let what = shown(scene.range(before, before));
    let edit = insert(scene.end(before), close.to_string());
    out.add(scene.start(last), message.clone(), format!("write `{close}` after `{what}`"), vec![edit]);
    if scene.is(scene.at, "])}") {
        let (word, sign) = (scene.word(scene.at), char::from(sign));
        out.replace(
            scene.start(scene.at),
            scene.end(scene.at),
            close.to_string(),
            format!("`{word}` closes the bracket `{sign}` of line {line}"),
        );
    }
    if scene.is(scene.at + 1, "])}") {
        let edit = insert(scene.end(scene.at), close.to_string());
        let what = shown(scene.word(scene.at));
        out.add(scene.start(last), message, format!("write `{close}` after `{what}`"), vec![edit]);
    }
}

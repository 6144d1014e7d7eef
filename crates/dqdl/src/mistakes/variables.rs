//! Variables, and the keys of `Metadata` and `DataSources`.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::lexer::Kind;
use crate::rule_types::distance;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    variables(scene, out);
    values(scene, out);
    keys(scene, out);
}

/// A variable that is misspelt, or not declared.
fn variables(scene: &Scene<'_>, out: &mut Candidates) {
    if !scene.fault.message.ends_with("is not declared") {
        return;
    }
    let at = scene.at;
    let wanted = scene.word(at);
    let declared: Vec<&str> = (0..at)
        .filter(|index| {
            scene.kind(*index) == Kind::Identifier
                && scene.is(index + 1, "=")
                && (scene.is(index + 2, "[") || scene.is_quoted(index + 2))
        })
        .map(|index| scene.word(index))
        .filter(|name| !matches!(*name, "Rules" | "Analyzers" | "DefaultLabels" | "labels"))
        .collect();
    let near = declared
        .iter()
        .filter(|name| name.len() < 60 && wanted.len() < 60)
        .min_by_key(|name| distance(name, wanted));
    let message = format!("the variable `${}` is not declared", shown(wanted));
    let all = match declared.len() {
        0 => String::new(),
        _ => format!(
            " ({} declared)",
            if declared.len() == 1 {
                format!("`{}` is", declared[0])
            } else {
                format!(
                    "{} are",
                    declared.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                )
            }
        ),
    };
    if let Some(near) = near.filter(|near| distance(near, wanted) <= near.len().max(wanted.len()) / 3) {
        out.add(
            scene.start(at),
            message.clone(),
            format!("did you mean `${near}`?"),
            vec![scene.edit(at, at, *near)],
        );
    }
    let list = at >= 2 && scene.is_word(at - 2, &["in"]);
    let value = if list { "[\"...\"]" } else { "\"...\"" };
    let declaration = format!("{wanted} = {value}\n");
    let first = (0..at)
        .find(|index| {
            scene.is_word(*index, &["Rules", "Analyzers", "DefaultLabels"]) && scene.is(index + 1, "=")
        })
        .unwrap_or(0);
    out.add(
        scene.start(at),
        format!("{message}{all}"),
        format!("declare it before the rules, as `{}`", declaration.trim()),
        vec![insert(scene.start(first), declaration.clone())],
    );
}

/// A value that is no text, a list without brackets, a variable without `$`, a list where one text is wanted.
fn values(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    let message = &scene.fault.message;
    if message.starts_with("unexpected")
        && at > 1
        && scene.is(at - 1, "=")
        && !scene.is(at, "[")
        && scene.kind(at - 2) == Kind::Identifier
    {
        let value = scene.word(at);
        if matches!(scene.kind(at), Kind::Integer | Kind::Decimal | Kind::Identifier) {
            let why =
                format!("`{}`: a variable holds a text or a list of texts, in double quotes", shown(value));
            out.replace(scene.start(at), scene.end(at), in_quotes(value), why);
        }
    }
    // list = "a", "b"
    if scene.is(at, ",") && at > 2 && scene.is_quoted(at - 1) && scene.is(at - 2, "=") {
        let mut last = at - 1;
        while scene.is(last + 1, ",") && scene.is_quoted(last + 2) {
            last += 2;
        }
        let list = format!("[{}]", scene.range(at - 1, last));
        out.replace(scene.start(at - 1), scene.end(last), list, "a list is written in square brackets");
    }
    // in list
    if scene.kind(at) == Kind::Identifier && at > 0 && scene.is_word(at - 1, &["in"]) {
        let text = format!("${}", scene.word(at));
        out.replace(scene.start(at), scene.end(at), text, "a variable is named with `$` before");
        let list = format!("[{}]", in_quotes(scene.word(at)));
        out.replace(
            scene.start(at),
            scene.end(at),
            list,
            "`in` takes a list of texts in double quotes, or a variable",
        );
    }
    if message.contains("is a list and can only follow `in`") && at > 0 && scene.is(at - 1, "=") {
        out.replace(scene.start(at - 1), scene.end(at - 1), "in", message.clone());
    }
    if message.contains("is a single text; `in` takes a list") && scene.is_word(at, &["in"]) {
        out.replace(scene.start(at), scene.end(at), "=", message.clone());
    }
}

/// Keys that are misspelt or are written without quotes.
fn keys(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    let known: &[&str] = if scene.fault.message.starts_with("unknown metadata key") {
        &["Version"]
    } else if scene.fault.message.starts_with("unknown data source key") {
        &["Primary", "AdditionalDataSources"]
    } else {
        if scene.kind(at) == Kind::Identifier && at > 0 && scene.is(at - 1, "{,") && scene.is(at + 1, ":") {
            let text = in_quotes(scene.word(at));
            out.replace(scene.start(at), scene.end(at), text, "keys are written in double quotes");
        }
        return;
    };
    let wanted = scene.inside(at).to_ascii_lowercase();
    let near = known
        .iter()
        .filter(|_| wanted.len() < 60)
        .min_by_key(|name| distance(&wanted, &name.to_ascii_lowercase()));
    if let Some(near) = near {
        out.replace(scene.start(at), scene.end(at), in_quotes(near), scene.fault.message.clone());
        if let Some(candidate) = out.0.last_mut() {
            candidate.advice = format!("did you mean \"{near}\"?");
        }
    }
}

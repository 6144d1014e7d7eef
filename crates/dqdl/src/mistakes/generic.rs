//! Where no kind of mistake is known: what one token more or less would do.

use super::Candidates;
use super::scene::{Scene, insert, shown};
use crate::lexer::Kind;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    let here = shown(scene.word(at));
    for index in [at, at + 1] {
        if removable(scene, index) {
            let written = shown(scene.word(index));
            out.add(
                scene.start(index),
                "",
                format!("take `{written}` away"),
                vec![scene.edit(index, index, "")],
            );
        }
    }
    if at > 0 {
        let before = shown(scene.word(at - 1));
        for sign in [",", "]", ")", " =", " > 0", " \"a\""] {
            let edit = insert(scene.end(at - 1), sign);
            out.add(scene.start(at), "", format!("write `{before}{sign}`"), vec![edit]);
        }
        if removable(scene, at - 1) {
            let edits = vec![scene.edit(at - 1, at - 1, "")];
            out.add(scene.start(at - 1), "", format!("take `{before}` away"), edits);
            if removable(scene, at) {
                let edits = vec![scene.edit(at - 1, at, "")];
                out.add(scene.start(at - 1), "", format!("take `{before} {here}` away"), edits);
            }
        }
    }
    // The whole rule, up to the next.
    if let Some(head) = scene.head() {
        let end = scene.rule_end(head);
        if end > head && end > at && (at..end).all(|index| removable(scene, index)) {
            let kept = shown(scene.range(head, at.saturating_sub(1).max(head)));
            let edit = crate::error::Edit {
                start: scene.end(at.saturating_sub(1).max(head)),
                end: scene.end(end - 1),
                text: String::new(),
            };
            out.add(scene.start(at), "", format!("leave it at `{kept}`"), vec![edit]);
        }
    }
}

/// Whether a rule says the same without the token: not without an operand, an operator, a word of the language, a function or a
/// bracket that closes.
fn removable(scene: &Scene<'_>, index: usize) -> bool {
    const WORDS: [&str; 21] = [
        "not",
        "between",
        "in",
        "matches",
        "where",
        "with",
        "labels",
        "threshold",
        "and",
        "or",
        "of",
        "now",
        "last",
        "avg",
        "sum",
        "median",
        "max",
        "min",
        "std",
        "abs",
        "index",
    ];
    match scene.kind(index) {
        Kind::Symbol(symbol) => matches!(symbol, b',' | b':' | b'(' | b'[' | b'{' | b'.'),
        Kind::Identifier => !scene.is_word(index, &WORDS) && !scene.is_word(index, &["null", "empty"]),
        Kind::Bad(_) => true,
        _ => false,
    }
}

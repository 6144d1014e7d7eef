//! Where no kind of mistake is known: what one token more or less would do.

use super::Candidates;
use super::scene::{Scene, insert, shown};
use crate::lexer::Kind;

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    let here = shown(scene.word(at));
    for index in [at, at + 1] {
        if !matches!(scene.kind(index), Kind::End) {
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
        out.add(
            scene.start(at - 1),
            "",
            format!("take `{before}` away"),
            vec![scene.edit(at - 1, at - 1, "")],
        );
        let edits = vec![scene.edit(at - 1, at, "")];
        out.add(scene.start(at - 1), "", format!("take `{before} {here}` away"), edits);
    }
    // The whole rule, up to the next.
    if let Some(head) = scene.head() {
        let end = scene.rule_end(head);
        if end > head && end > at {
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

//! What somebody meant who wrote a text that is no ruleset.
//!
//! The parser stops at the first place that it cannot read, which is often behind the mistake and seldom says it. Here the
//! mistakes that people make are known by kind. Each kind proposes edits; one is believed when the text, so edited, parses, or
//! at least parses beyond the place. So no suggestion is given that does not work. Nothing of this runs on a text that parses.
//!
//! `characters` knows what is no part of the language (curly quotes, no-break spaces); `values` operators and words, with
//! `numbers`, `ages` and `dates`; `lists` what is in brackets; `names` rule types; `arguments` what a rule type takes;
//! `clauses` and `labels` what follows a condition; `rules` how rules follow each other; `structure` the document around them,
//! with its `variables`; `generic` tries single tokens where no kind fits.

mod ages;
mod arguments;
mod characters;
mod clauses;
mod dates;
mod generic;
mod labels;
mod lists;
mod names;
mod numbers;
mod rules;
mod scene;
mod structure;
mod values;
mod variables;

use crate::error::{Edit, Fault, apply, original_offset};
use crate::parser::parse_only;
use scene::Scene;

pub(crate) use characters::hundredth;
pub(crate) use scene::{in_quotes, shown};

/// Longer texts get the parser's own words: a look at one costs a parse for each kind of mistake.
const MAX_TEXT: usize = 1 << 18;

/// Bytes that the edits of one mistake may cost to parse: a long text gets fewer tries, not a longer wait.
const MAX_PARSED: usize = 1 << 21;

/// A mistake that may have been made.
#[derive(Debug)]
struct Candidate {
    /// Where it is, a byte offset.
    at: usize,
    /// What is wrong.
    message: String,
    /// What to do: a clause such as "write `=`".
    advice: String,
    /// The same as edits, in order, not overlapping.
    edits: Vec<Edit>,
    /// Whether it is a mistake whatever else is wrong there.
    certain: bool,
}

/// What was proposed so far.
#[derive(Debug, Default)]
struct Candidates(Vec<Candidate>);

impl Candidates {
    fn add(&mut self, at: usize, message: impl Into<String>, advice: impl Into<String>, edits: Vec<Edit>) {
        self.0.push(Candidate { at, message: message.into(), advice: advice.into(), edits, certain: false });
    }

    /// What was proposed from the `first` on is a mistake whatever else is wrong there.
    fn certain_from(&mut self, first: usize) {
        self.0.iter_mut().skip(first).for_each(|candidate| candidate.certain = true);
    }

    /// One replacement, shown as it is.
    fn replace(&mut self, start: usize, end: usize, text: impl Into<String>, message: impl Into<String>) {
        let text = text.into();
        self.add(start, message, format!("write `{text}`"), vec![Edit { start, end, text }]);
    }
}

/// The fault with the mistake that it comes from, and what to do, where one is known.
pub(crate) fn explain(text: &str, fault: Box<Fault>) -> Box<Fault> {
    if text.len() > MAX_TEXT {
        return fault;
    }
    let scene = Scene::new(text, &fault);
    let mut known = Candidates::default();
    rules::unclosed_text(&scene, &mut known);
    characters::propose(&scene, &mut known);
    variables::propose(&scene, &mut known);
    structure::propose(&scene, &mut known);
    rules::propose(&scene, &mut known);
    names::propose(&scene, &mut known);
    values::propose(&scene, &mut known);
    lists::propose(&scene, &mut known);
    clauses::propose(&scene, &mut known);
    arguments::propose(&scene, &mut known);
    if let Some(best) = best(text, &fault, known) {
        return Box::new(Fault {
            offset: best.at,
            expected: String::new(),
            message: best.message,
            suggestion: Some(best.advice),
            edits: best.edits,
        });
    }
    let mut any = Candidates::default();
    generic::propose(&scene, &mut any);
    // One token tells little: it is believed when the rule, or all of the text, can be read then.
    let rule_end = scene.head().map_or(scene.text.len(), |head| scene.start(scene.rule_end(head)));
    let best = any
        .0
        .into_iter()
        .take(tries(text))
        .find(|candidate| reach(text, &fault, &candidate.edits).is_some_and(|reach| reach > rule_end));
    match best {
        Some(best) => Box::new(Fault { suggestion: Some(best.advice), edits: best.edits, ..*fault }),
        None => fault,
    }
}

/// How often a text may be parsed for one mistake.
fn tries(text: &str) -> usize {
    MAX_PARSED / text.len().max(1)
}

/// The first candidate that makes the text parse, or else the one that gets furthest.
fn best(text: &str, fault: &Fault, candidates: Candidates) -> Option<Candidate> {
    let mut best: Option<(usize, Candidate)> = None;
    for candidate in candidates.0.into_iter().take(tries(text)) {
        let reach = match reach(text, fault, &candidate.edits) {
            Some(usize::MAX) => return Some(candidate),
            Some(reach) => reach,
            None if candidate.certain => 0,
            None => continue,
        };
        if best.as_ref().is_none_or(|(furthest, _)| reach > *furthest) {
            best = Some((reach, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// How far the edited text parses, as an offset of the original; `None` when it is no progress.
fn reach(text: &str, fault: &Fault, edits: &[Edit]) -> Option<usize> {
    let first = edits.first()?;
    let next = match parse_only(&apply(text, edits)) {
        Ok((_, None)) => return Some(usize::MAX),
        // A bracket that closes the list too early makes any text parse.
        Ok((_, Some(ignored))) => ignored,
        Err(next) => next.offset,
    };
    let reached = original_offset(next, edits);
    (reached > fault.offset && reached >= first.end).then_some(reached)
}

//! Characters that are no part of the language: named, and replaced by the ones that are meant.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, shown};
use crate::error::Edit;
use crate::lexer::Kind;

/// Quotes of other kinds, by their names.
const QUOTES: [(char, &str); 15] = [
    ('\u{201c}', "a curly quote"),
    ('\u{201d}', "a curly quote"),
    ('\u{201e}', "a low curly quote"),
    ('\u{201f}', "a curly quote"),
    ('\u{2018}', "a curly single quote"),
    ('\u{2019}', "a curly single quote"),
    ('\u{201a}', "a low curly single quote"),
    ('\u{ff02}', "a full-width quote"),
    ('\u{00ab}', "a guillemet"),
    ('\u{00bb}', "a guillemet"),
    ('\u{2033}', "a double prime"),
    ('\'', "a single quote"),
    ('`', "a backtick"),
    ('\u{00b4}', "an acute accent"),
    ('\u{ff07}', "a full-width single quote"),
];

/// Spaces and signs that are not seen, by their names, and what they are replaced by.
const UNSEEN: [(char, &str, &str); 22] = [
    ('\u{00a0}', "a no-break space", " "),
    ('\u{202f}', "a narrow no-break space", " "),
    ('\u{2007}', "a figure space", " "),
    ('\u{2002}', "an en space", " "),
    ('\u{2003}', "an em space", " "),
    ('\u{2009}', "a thin space", " "),
    ('\u{200a}', "a hair space", " "),
    ('\u{3000}', "an ideographic space", " "),
    ('\u{0085}', "a next-line character", "\n"),
    ('\u{2028}', "a line separator", "\n"),
    ('\u{2029}', "a paragraph separator", "\n"),
    ('\u{000b}', "a vertical tab", " "),
    ('\u{000c}', "a form feed", "\n"),
    ('\u{feff}', "a byte order mark", ""),
    ('\u{200b}', "a zero-width space", ""),
    ('\u{200c}', "a zero-width non-joiner", ""),
    ('\u{200d}', "a zero-width joiner", ""),
    ('\u{2060}', "a word joiner", ""),
    ('\u{00ad}', "a soft hyphen", ""),
    ('\u{200e}', "a left-to-right mark", ""),
    ('\u{200f}', "a right-to-left mark", ""),
    ('\u{0000}', "a NUL character", ""),
];

/// Signs that look like, or mean, one of the language.
const SIGNS: [(char, &str, &str); 22] = [
    ('\u{2265}', "a greater-or-equal sign", ">="),
    ('\u{2264}', "a less-or-equal sign", "<="),
    ('\u{2260}', "a not-equal sign", "!="),
    ('\u{2212}', "a minus sign", "-"),
    ('\u{2013}', "an en dash", "-"),
    ('\u{2014}', "an em dash", "-"),
    ('\u{2010}', "a hyphen", "-"),
    ('\u{2011}', "a no-break hyphen", "-"),
    ('\u{00d7}', "a multiplication sign", "*"),
    ('\u{00f7}', "a division sign", "/"),
    ('\u{ff1d}', "a full-width equals sign", "="),
    ('\u{ff1e}', "a full-width greater-than sign", ">"),
    ('\u{ff1c}', "a full-width less-than sign", "<"),
    ('\u{ff0c}', "a full-width comma", ","),
    ('\u{3001}', "an ideographic comma", ","),
    ('\u{ff08}', "a full-width bracket", "("),
    ('\u{ff09}', "a full-width bracket", ")"),
    ('\u{ff3b}', "a full-width bracket", "["),
    ('\u{ff3d}', "a full-width bracket", "]"),
    ('\u{3010}', "a full-width bracket", "["),
    ('\u{3011}', "a full-width bracket", "]"),
    ('\u{ff1a}', "a full-width colon", ":"),
];

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    // Where the parser stopped, or in the rest of the rule: it may have stopped because it read no further.
    let end = scene.head().map_or(scene.at, |head| scene.rule_end(head)).max(scene.at);
    let Some(bad) = (scene.at..=end).find(|index| matches!(scene.kind(*index), Kind::Bad(_))) else { return };
    let at = scene.start(bad);
    let Some(c) = scene.text.get(at..).and_then(|rest| rest.chars().next()) else { return };
    let first = out.0.len();
    character(scene, bad, c, out);
    if c != '%' && c != ';' {
        out.certain_from(first);
    }
}

fn character(scene: &Scene<'_>, bad: usize, c: char, out: &mut Candidates) {
    let at = scene.start(bad);
    let code = format!("U+{:04X}", u32::from(c));
    if c == '\r' {
        return carriage_returns(scene, at, out);
    }
    if c == '#' {
        let edit = insert(scene.text.len(), "\n");
        let message = "a comment must end with a line feed, also in the last line of the file";
        return out.add(at, message, "end the last line", vec![edit]);
    }
    if let Some((_, name, plain)) = UNSEEN.iter().find(|(known, ..)| *known == c) {
        return unseen(scene, at, (c, &format!("{name} ({code})"), plain), out);
    }
    if let Some((_, name, plain)) = SIGNS.iter().find(|(known, ..)| *known == c) {
        let message = format!("`{c}` is {name} ({code}), which is no part of the language");
        out.replace(at, at + c.len_utf8(), *plain, message);
    }
    if let Some((_, name)) = QUOTES.iter().find(|(known, _)| *known == c) {
        quotes(scene, at, c, name, out);
    }
    if c == '"' {
        unclosed(scene, at, out);
    }
    others(scene, bad, c, out);
}

/// Every carriage return goes at once.
fn carriage_returns(scene: &Scene<'_>, at: usize, out: &mut Candidates) {
    let edits = scene.text.match_indices('\r').map(|(start, _)| {
        let line_feed = scene.slice(start + 1, start + 2) == "\n";
        Edit { start, end: start + 1, text: if line_feed { "" } else { "\n" }.to_owned() }
    });
    out.add(
        at,
        "a carriage return (U+000D): the file has the line ends of Windows, and lines must end with a line feed only",
        "save it with line ends LF",
        edits.collect(),
    );
}

/// Everywhere outside of texts at once.
fn unseen(scene: &Scene<'_>, at: usize, (c, name, plain): (char, &str, &str), out: &mut Candidates) {
    let edits: Vec<Edit> = (0..scene.len())
        .filter(|index| matches!(scene.kind(*index), Kind::Bad(_)) && scene.word(*index).starts_with(c))
        .map(|index| scene.edit(index, index, plain))
        .collect();
    let more = match edits.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" ({more} more below)"),
    };
    let (message, advice) = if c == '\u{feff}' && at == 0 {
        (format!("the text begins with {name}"), "save it as UTF-8 without one".to_owned())
    } else if plain.is_empty() {
        (format!("{name} is here, which is not seen{more}"), "take it away".to_owned())
    } else {
        (
            format!("{name} is here, where only plain spaces, tabs and line feeds may{more}"),
            if plain == "\n" { "write a line feed" } else { "write a plain space" }.to_owned(),
        )
    };
    out.add(at, message, advice, edits);
}

/// A text in quotes of another kind, up to the next quote of any such kind in the line.
fn quotes(scene: &Scene<'_>, at: usize, c: char, name: &str, out: &mut Candidates) {
    let (_, line_end) = scene.line(at);
    let inner_start = at + c.len_utf8();
    let rest = scene.slice(inner_start, line_end);
    let is_end = |end: char| end == '"' || QUOTES.iter().any(|(known, _)| *known == end);
    let message = if c == '\'' {
        "texts and names are written in double quotes, not in single ones".to_owned()
    } else {
        format!(
            "`{c}` is {name} (U+{:04X}): texts and names are written in plain double quotes",
            u32::from(c)
        )
    };
    // One between two letters is an apostrophe, where another follows.
    let apostrophe = |length: usize, end: char| {
        let (before, after) =
            (rest.get(..length).unwrap_or(""), rest.get(length + end.len_utf8()..).unwrap_or(""));
        "'\u{2019}".contains(end)
            && before.ends_with(char::is_alphanumeric)
            && after.starts_with(char::is_alphanumeric)
            && after.contains(is_end)
    };
    let mut ends = rest.char_indices().filter(|(_, end)| is_end(*end));
    if let Some((length, end)) = ends.find(|(length, end)| !apostrophe(*length, *end)) {
        let inner = rest.get(..length).unwrap_or("");
        let end = inner_start + length + end.len_utf8();
        out.replace(at, end, in_quotes(inner), message.clone());
    }
    // The closing quote alone is of another kind, or there is none.
    let word =
        rest.find(|c: char| " ,)]>=<!\t".contains(c)).map_or(rest, |end| rest.get(..end).unwrap_or(""));
    if !word.is_empty() {
        out.replace(at, inner_start + word.len(), in_quotes(word), message);
    }
}

/// A double quote without its partner.
fn unclosed(scene: &Scene<'_>, at: usize, out: &mut Candidates) {
    let (line_start, line_end) = scene.line(at);
    let rest = scene.slice(at + 1, line_end);
    // `"a""`: one too many.
    if scene.slice(line_start, at).ends_with('"')
        && (0..scene.len()).any(|text| scene.is_quoted(text) && scene.end(text) == at)
    {
        let message = "the text before this quote is closed already";
        return out.add(
            at,
            message,
            "take the quote away",
            vec![Edit { start: at, end: at + 1, text: String::new() }],
        );
    }
    // `a"`: the other one is missing.
    let before = scene.slice(line_start, at);
    let word = before.trim_end_matches(|c: char| !" \t,([=\"".contains(c)).len();
    if line_start + word < at {
        let word_start = line_start + word;
        let name = scene.slice(word_start, at);
        let message = format!("the text before this quote is not opened: `{}\"`", shown(name));
        out.add(word_start, message, format!("write `\"{name}\"`"), vec![insert(word_start, "\"")]);
    }
    for end in ends_of_text(rest) {
        let text = rest.get(..end).unwrap_or("");
        if !text.is_empty() {
            let message = "the quote that opens here is not closed";
            let advice = format!("write `\"{text}\"`");
            out.add(at, message, advice, vec![insert(at + 1 + end, "\"")]);
        }
    }
    // A curly quote was to close it.
    if let Some((length, c)) = rest.char_indices().find(|(_, c)| QUOTES.iter().any(|(known, _)| known == c)) {
        let text = rest.get(..length).unwrap_or("");
        let message = "the quote that opens here is closed by one of another kind";
        out.replace(at, at + 1 + length + c.len_utf8(), in_quotes(text), message);
    }
}

/// Where a text that is not closed may end in its line: after the first word, before what follows a rule, at the line's end.
pub(super) fn ends_of_text(rest: &str) -> Vec<usize> {
    let word = rest.find(|c: char| !(c.is_alphanumeric() || "_.-/:".contains(c))).unwrap_or(rest.len());
    let trimmed = rest.trim_end();
    let bare = trimmed.trim_end_matches([',', ']', ')', ' ']);
    let mut ends = vec![word, bare.len(), trimmed.len()];
    ends.extend(rest.find([',', ')', ']']));
    ends.dedup();
    ends
}

/// Signs of other languages.
fn others(scene: &Scene<'_>, bad: usize, c: char, out: &mut Candidates) {
    let at = scene.start(bad);
    let two = scene.slice(at, at + 2);
    let length = if matches!(two, "&&" | "||") { 2 } else { 1 };
    match c {
        '%' => percent(scene, bad, out),
        '&' | '|' => {
            let word = if c == '&' { "and" } else { "or" };
            let sign = scene.slice(at, at + length);
            let edit = Edit { start: at, end: at + length, text: format!(" {word} ") };
            out.add(at, format!("`{sign}` does not join rules"), format!("write `{word}`"), vec![edit]);
        }
        ';' => {
            out.replace(at, at + 1, ",", "rules are separated by commas, not by semicolons");
            let message = "nothing follows a rule but a comma or the end of the list";
            out.add(at, message, "take `;` away", vec![Edit { start: at, end: at + 1, text: String::new() }]);
        }
        _ if !c.is_ascii() && c.is_alphabetic() => unquoted_name(scene, at, out),
        '@' | '?' | '~' | '^' | '\\' => unquoted_name(scene, at, out),
        _ => {}
    }
}

/// A share in percent.
fn percent(scene: &Scene<'_>, bad: usize, out: &mut Candidates) {
    let at = scene.start(bad);
    let Some(number) = bad.checked_sub(1) else { return };
    if !matches!(scene.kind(number), Kind::Integer | Kind::Decimal) {
        return;
    }
    let share = hundredth(scene.word(number));
    let written = scene.slice(scene.start(number), at + 1);
    let message = format!("`{written}`: a share is a number from 0 to 1, without `%`");
    out.replace(scene.start(number), at + 1, share, message);
}

/// A number of digits and at most one point, a hundredth of it.
pub(crate) fn hundredth(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let padded = format!("{whole:0>3}");
    let (whole, moved) = padded.split_at(padded.len() - 2);
    let whole = whole.trim_start_matches('0');
    let fraction = format!("{moved}{fraction}");
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { format!("{whole}.0") } else { format!("{whole}.{fraction}") }
}

/// A name with signs that only a quoted one may have.
fn unquoted_name(scene: &Scene<'_>, at: usize, out: &mut Candidates) {
    let (line_start, line_end) = scene.line(at);
    let stop = |c: char| c.is_whitespace() || ",()[]=<>!\"".contains(c);
    let mut before = scene.slice(line_start, at).char_indices().rev();
    let start =
        before.find(|(_, c)| stop(*c)).map_or(line_start, |(before, c)| line_start + before + c.len_utf8());
    let rest = scene.slice(at, line_end);
    let end = at + rest.find(stop).unwrap_or(rest.len());
    let name = scene.slice(start, end);
    let message = format!(
        "`{}`: a name with other signs than letters of ASCII, digits, `_` and `.` is written in quotes",
        shown(name)
    );
    out.replace(start, end, in_quotes(name), message);
}

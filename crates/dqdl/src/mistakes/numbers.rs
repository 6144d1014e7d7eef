//! Numbers in other notations.

use super::Candidates;
use super::scene::Scene;
use crate::lexer::Kind;

/// Numbers in other notations.
pub(super) fn propose(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (start, written) = (scene.start(index), scene.word(index));
    match scene.kind(index) {
        Kind::Identifier => word(scene, index, out),
        Kind::Integer => commas(scene, index, out),
        Kind::Symbol(b'+') if matches!(scene.kind(index + 1), Kind::Integer | Kind::Decimal) => {
            let shown = scene.range(index, index + 1);
            out.replace(start, scene.start(index + 1), "", format!("`{shown}`: a number has no plus sign"));
            if let Some(candidate) = out.0.last_mut() {
                candidate.advice = format!("write `{}`", scene.word(index + 1));
            }
        }
        // -avg(last(2))
        Kind::Symbol(b'-')
            if scene.kind(index + 1) == Kind::Identifier
                && scene.is(index + 2, "(")
                && index > 0
                && (scene.is(index - 1, "=<>,([") || scene.is_word(index - 1, &["between", "and"])) =>
        {
            let close = (index + 3..scene.len())
                .scan(1_usize, |depth, at| {
                    *depth =
                        if scene.is(at, "(") { *depth + 1 } else { *depth - usize::from(scene.is(at, ")")) };
                    (*depth > 0).then_some(at)
                })
                .last()
                .map_or(index + 3, |last| last + 1);
            let call = scene.range(index + 1, close);
            let message = format!("`-{call}`: a sign goes before a number only");
            out.replace(start, scene.start(index + 1), "0 - ", message);
            if let Some(candidate) = out.0.last_mut() {
                candidate.advice = format!("write `0 - {call}`");
            }
        }
        Kind::Symbol(b'$') if matches!(scene.kind(index + 1), Kind::Integer | Kind::Decimal) => {
            out.replace(
                start,
                scene.end(index + 1),
                scene.word(index + 1),
                "a number has no sign of a currency",
            );
        }
        Kind::Bad(_) if "£€¥".contains(written) && !written.is_empty() => {
            out.add(
                start,
                format!("`{written}`: a number has no sign of a currency"),
                format!("take `{written}` away"),
                vec![scene.edit(index, index, "")],
            );
        }
        _ => {}
    }
}

/// A number that reads as a word: `.5`, `5.`, `1e6`, `1_000`, `1.000.000`, `10k`.
fn word(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (start, end, written) = (scene.start(index), scene.end(index), scene.word(index));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if written.strip_prefix('.').is_some_and(digits) {
        out.replace(
            start,
            end,
            format!("0{written}"),
            format!("`{written}`: a number has a digit before its point"),
        );
    }
    if let Some(whole) = written.strip_suffix('.').filter(|whole| digits(whole)) {
        out.replace(start, end, whole, format!("`{written}`: a number has a digit after its point"));
    }
    exponent(scene, index, out);
    let plain = written.replace('_', "");
    if plain != written && digits(&plain.replacen('.', "", 1)) {
        out.replace(start, end, plain, format!("`{written}`: a number has no underscores"));
    }
    // 1.000.000
    let groups: Vec<&str> = written.split('.').collect();
    if groups.len() > 2
        && groups.iter().all(|group| digits(group))
        && groups.iter().skip(1).all(|group| group.len() == 3)
    {
        out.replace(
            start,
            end,
            groups.concat(),
            format!("`{written}`: a number has no separators of thousands"),
        );
    }
    multiples(scene, index, out);
}

/// `1,000` or `0,95`.
fn commas(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let (start, written) = (scene.start(index), scene.word(index));
    let mut last = index;
    let mut whole = written.to_owned();
    while scene.is(last + 1, ",")
        && scene.touches(last)
        && scene.touches(last + 1)
        && matches!(scene.kind(last + 2), Kind::Integer | Kind::Decimal)
        && scene.word(last + 2).split('.').next().is_some_and(|group| group.len() == 3)
        && !whole.starts_with('0')
    {
        last += 2;
        whole.push_str(scene.word(last));
    }
    if last > index {
        let shown = scene.range(index, last);
        out.replace(
            start,
            scene.end(last),
            whole,
            format!("`{shown}`: a number has no separators of thousands"),
        );
    }
    if scene.is(index + 1, ",")
        && scene.touches(index)
        && scene.touches(index + 1)
        && scene.kind(index + 2) == Kind::Integer
    {
        let text = format!("{written}.{}", scene.word(index + 2));
        let shown = scene.range(index, index + 2);
        out.replace(start, scene.end(index + 2), text, format!("`{shown}`: the decimal sign is a point"));
    }
}

/// 1e6, 1.5e-3.
fn exponent(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let written = scene.word(index);
    let Some((mantissa, power)) = written.split_once(['e', 'E']) else { return };
    let (mut last, mut power) = (index, power.to_owned());
    if power.is_empty() && scene.is(index + 1, "+-") && scene.kind(index + 2) == Kind::Integer {
        power = format!("{}{}", scene.word(index + 1), scene.word(index + 2));
        last = index + 2;
    }
    let Ok(power) = power.trim_start_matches('+').parse::<i32>() else { return };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || power.abs() > 40 {
        return;
    }
    let point = i32::try_from(whole.len()).unwrap_or(0) + power;
    let text = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else {
        let point = point as usize;
        let padded = format!("{digits:0<point$}");
        let (whole, fraction) = padded.split_at(point);
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    };
    let written = scene.range(index, last);
    out.replace(scene.start(index), scene.end(last), text, format!("`{written}`: a number has no exponent"));
}

/// 10k, 5M.
fn multiples(scene: &Scene<'_>, index: usize, out: &mut Candidates) {
    let written = scene.word(index);
    let zeros = match written.chars().last() {
        Some('k' | 'K') => "000",
        Some('m' | 'M') => "000000",
        _ => return,
    };
    let digits = written.get(..written.len() - 1).unwrap_or("");
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let text = format!("{digits}{zeros}");
        out.replace(
            scene.start(index),
            scene.end(index),
            text,
            format!("`{written}`: a number is written out"),
        );
    }
}

//! What a rule type takes: how many columns, and which condition.

use super::Candidates;
use super::scene::{Scene, in_quotes, insert, rule_type, shown};
use crate::error::Edit;
use crate::lexer::Kind;
use crate::rule_types::{Returns, RuleType};

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let Some(head) = scene.head() else { return };
    let Some(meant) = rule_type(scene.word(head)) else { return };
    let end = scene.rule_end(head);
    two_columns(scene, head, out);
    no_condition(scene, head, meant, end, out);
    condition_refused(scene, head, meant, end, out);
    brackets(scene, head, out);
    sign_before(scene, head, out);
    listed(scene, head, end, out);
    several(scene, head, meant, end, out);
    unquoted(scene, head, end, out);
    unquoted_sql(scene, head, meant, end, out);
    too_few(scene, head, meant, out);
    too_many(scene, head, meant, end, out);
    second_condition(scene, head, end, out);
}

/// `ColumnValues "a" >= "b"`: a text, or another column.
fn two_columns(scene: &Scene<'_>, head: usize, out: &mut Candidates) {
    if !scene.fault.message.starts_with("texts can only be compared") {
        return;
    }
    let sign = scene.at;
    let last = if scene.is(sign + 1, "=") { sign + 1 } else { sign };
    let value = last + 1;
    if !scene.is_quoted(value) || !scene.is_quoted(head + 1) {
        return;
    }
    let opposite = match scene.range(sign, last) {
        ">" => "<=",
        ">=" => "<",
        "<" => ">=",
        _ => ">",
    };
    let (column, other) = (scene.inside(head + 1), scene.inside(value));
    let text = format!(
        "ColumnValues {} = NULL where \"{} {opposite} {}\"",
        scene.word(head + 1),
        sql_name(column),
        sql_name(other)
    );
    let message = format!(
        "\"{}\" is a text here, and texts have no order; columns are compared with each other in SQL",
        shown(other)
    );
    let edit = scene.edit(head, value, text.clone());
    out.add(
        scene.start(value),
        message,
        format!("if it is a column, write `{}`", shown_long(&text)),
        vec![edit],
    );
}

/// A name as SQL takes it.
fn sql_name(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_owned() } else { format!("`{name}`") }
}

/// Longer than usual: it is to be copied.
fn shown_long(text: &str) -> String {
    if text.chars().count() > 160 {
        shown(text)
    } else {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The end of the parameters, one past the last.
fn parameters_end(scene: &Scene<'_>, head: usize) -> usize {
    let mut index = head + 1;
    while scene.is_quoted(index)
        || scene.is(index, "$")
        || (scene.kind(index) == Kind::Identifier && !is_clause(scene, index))
    {
        index += 1;
    }
    index
}

fn is_clause(scene: &Scene<'_>, index: usize) -> bool {
    scene.is_word(
        index,
        &["where", "with", "labels", "between", "in", "not", "matches", "threshold", "is", "and", "or"],
    )
}

fn no_condition(scene: &Scene<'_>, head: usize, meant: RuleType, end: usize, out: &mut Candidates) {
    if !scene.fault.message.ends_with("needs a condition") {
        return;
    }
    let at = parameters_end(scene, head);
    let (start, stop) = (scene.start(head), scene.end(at - 1));
    // `RowCount 3`
    let negative = usize::from(scene.is(at, "-"));
    if matches!(scene.kind(at + negative), Kind::Integer | Kind::Decimal) {
        let number = scene.range(at, at + negative);
        let advice = format!("write `{} = {number}`", shown(scene.slice(start, stop)));
        let message = format!("an operator is missing before `{number}`");
        return out.add(scene.start(at), message, advice, vec![insert(scene.start(at), "= ")]);
    }
    let example = match meant.returns() {
        [Returns::Text] => " = \"Integer\"",
        [Returns::Duration] => " <= 1 days",
        [Returns::Size] => " > 1 KB",
        [Returns::Date, ..] => " > (now() - 1 days)",
        _ if meant == RuleType::FileMatch => " in [\"hash\"]",
        _ if meant.is_share() && meant.needs_reference_data() => " = 1.0",
        _ if meant.is_share() => " > 0.95",
        _ => " > 0",
    };
    let message = format!("{meant} needs a condition");
    // Threshold or condition: what follows the word may be meant as one.
    if let Some(with) =
        (at..end).find(|index| scene.is_word(*index, &["with"]) && scene.is_word(index + 1, &["threshold"]))
    {
        let edit = Edit { start: scene.start(with), end: scene.end(with + 1), text: String::new() };
        let condition = scene.slice(scene.start(with + 2), scene.end(end - 1));
        out.add(
            start,
            message.clone(),
            format!("write `{} {}`", shown(scene.slice(start, stop)), shown(condition)),
            vec![edit],
        );
    }
    let whole = match meant {
        RuleType::Completeness => Some("IsComplete"),
        RuleType::Uniqueness => Some("IsUnique"),
        _ => None,
    };
    let parameters =
        if at > head + 1 { format!(" {}", scene.range(head + 1, at - 1)) } else { String::new() };
    let text = format!("{meant}{parameters}{example}");
    let advice = match whole {
        Some(whole) => {
            format!("write for example `{}`, or `{whole}{parameters}` for all rows", shown(&text))
        }
        None => format!("write for example `{}`", shown(&text)),
    };
    out.add(start, message, advice, vec![insert(stop, example)]);
}

/// A condition of another kind than the rule type takes, or none taken at all.
fn condition_refused(scene: &Scene<'_>, head: usize, meant: RuleType, end: usize, out: &mut Candidates) {
    let message = &scene.fault.message;
    let at = parameters_end(scene, head);
    let stop = (at..end).find(|index| scene.is_word(*index, &["where", "with", "labels"])).unwrap_or(end);
    if at >= stop {
        return;
    }
    let condition = scene.range(at, stop - 1);
    let refused = message.ends_with("takes no condition");
    let is_condition = scene.is(at, "=<>!") || scene.is_word(at, &["in", "between", "matches", "not"]);
    let none = is_condition && meant.returns() == [Returns::Boolean] && !section_is_analyzers(scene, head);
    if refused || (message.starts_with("unexpected") && (none || section_is_analyzers(scene, head))) {
        let measured = match meant {
            RuleType::IsComplete => Some("Completeness"),
            RuleType::IsUnique => Some("Uniqueness"),
            _ => None,
        };
        let numeric = (at..stop).any(|index| matches!(scene.kind(index), Kind::Integer | Kind::Decimal));
        let why = if refused || none {
            format!("{meant} takes no condition: it holds or not")
        } else {
            "an analyzer takes no condition: it measures".to_owned()
        };
        if let Some(measured) = measured.filter(|_| numeric && message.ends_with("takes no condition")) {
            let edit = scene.edit(head, head, measured);
            let text = format!("{measured} {}", scene.range(head + 1, stop - 1));
            out.add(scene.start(at), why.clone(), format!("write `{}`", shown(&text)), vec![edit]);
        }
        let edit = Edit { start: scene.end(at - 1), end: scene.end(stop - 1), text: String::new() };
        out.add(scene.start(at), why, format!("take `{}` away", shown(condition)), vec![edit]);
    }
    if message.contains("cannot be compared with") {
        let wanted = match meant.returns() {
            [Returns::Number] => "a number, for example `> 0`",
            [Returns::Number, Returns::Boolean] => "a number, for example `> 0`",
            [Returns::Text] => "a text, for example `= \"Integer\"`",
            [Returns::Duration] => "an age, for example `<= 2 days`",
            [Returns::Size] => "a size, for example `> 5 KB`",
            [Returns::Date, ..] => "an instant or an age",
            _ => "a number, a text or a date",
        };
        let example = match meant.returns() {
            [Returns::Text] => "= \"Integer\"",
            [Returns::Duration] => "<= 2 days",
            [Returns::Size] => "> 5 KB",
            [Returns::Date, ..] => "> (now() - 1 days)",
            _ => "> 0",
        };
        let edit = Edit { start: scene.start(at), end: scene.end(stop - 1), text: example.to_owned() };
        let why = format!("{meant} is compared with {wanted}, not with `{}`", shown(condition));
        out.add(scene.start(at), why, format!("write for example `{example}`"), vec![edit]);
    }
}

fn section_is_analyzers(scene: &Scene<'_>, head: usize) -> bool {
    super::names::section_of(scene, head) == "Analyzers"
}

/// `IsComplete("a")`, `IsComplete(a, b)`
fn brackets(scene: &Scene<'_>, head: usize, out: &mut Candidates) {
    if !scene.is(head + 1, "([{") {
        return;
    }
    let Some(close) = (head + 2..scene.len()).find(|index| scene.is(*index, ")]}")) else { return };
    let inner: Vec<usize> = (head + 2..close).filter(|index| !scene.is(*index, ",")).collect();
    let names: Vec<String> = inner
        .iter()
        .map(|index| {
            if scene.is_quoted(*index) {
                scene.word(*index).to_owned()
            } else {
                in_quotes(scene.word(*index))
            }
        })
        .collect();
    let name = scene.word(head);
    let message = format!("columns follow `{name}` without brackets");
    let text = if names.is_empty() { name.to_owned() } else { format!("{name} {}", names.join(" ")) };
    out.replace(scene.start(head), scene.end(close), text, message.clone());
    let each: Vec<String> = names.iter().map(|column| format!("{name} {column}")).collect();
    out.replace(scene.start(head), scene.end(close), each.join(", "), message);
}

/// `IsComplete: "a"`, `IsComplete = "a"`
fn sign_before(scene: &Scene<'_>, head: usize, out: &mut Candidates) {
    if scene.is(head + 1, ":=-.") && (scene.is_quoted(head + 2) || scene.kind(head + 2) == Kind::Identifier) {
        let sign = scene.word(head + 1);
        let message = format!("a column follows `{}` without `{sign}` between", scene.word(head));
        let text = format!("{} {}", scene.word(head), scene.word(head + 2));
        out.add(
            scene.start(head + 1),
            message,
            format!("write `{text}`"),
            vec![scene.edit(head + 1, head + 1, " ")],
        );
    }
}

/// `IsComplete "a", "b"`: each needs its own rule, or the rule type takes several without commas.
fn listed(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    let mut commas = Vec::new();
    let mut index = parameters_end(scene, head);
    let condition = |index: usize| index >= end || !scene.is(index, ",");
    while scene.is(index, ",")
        && (scene.is_quoted(index + 1)
            || (scene.kind(index + 1) == Kind::Identifier && !scene.may_begin_rule(index + 1)))
    {
        commas.push(index);
        index += 2;
    }
    let Some(first) = commas.first().copied() else { return };
    let name = scene.word(head);
    let rest = if condition(index) && index < end && !scene.is(index, "]") {
        format!(" {}", scene.range(index, end - 1))
    } else {
        String::new()
    };
    // Several columns of one rule.
    let edits: Vec<Edit> = commas.iter().map(|comma| scene.edit(*comma, *comma, "")).collect();
    let message = format!("the columns of {name} are written one after the other, without commas");
    out.add(
        scene.start(first),
        message,
        format!("write `{}`", shown(&scene.range(head, index - 1).replace(',', ""))),
        edits,
    );
    // A rule for each.
    let edits: Vec<Edit> =
        commas.iter().map(|comma| insert(scene.start(comma + 1), format!("{name} "))).collect();
    let last = scene.range(head, first - 1);
    let message = format!("a comma begins the next rule, and {} is none", scene.word(first + 1));
    let advice = format!("write `{last}{rest}, {name} {}{rest}`", scene.word(first + 1));
    let mut edits = edits;
    if !rest.is_empty() {
        for comma in &commas {
            edits.push(insert(scene.start(*comma), rest.clone()));
        }
        edits.sort_by_key(|edit| edit.start);
    }
    out.add(scene.start(first + 1), message, shown_long(&advice), edits);
}

/// `IsComplete "a" "b"`: a rule for each.
fn several(scene: &Scene<'_>, head: usize, meant: RuleType, end: usize, out: &mut Candidates) {
    let at = parameters_end(scene, head);
    let columns: Vec<usize> = (head + 1..at).filter(|index| scene.is_quoted(*index)).collect();
    if !scene.fault.message.contains("takes 1 parameter")
        || columns.len() < 2
        || columns.len() != at - head - 1
    {
        return;
    }
    let rest = if at < end { format!(" {}", scene.range(at, end - 1)) } else { String::new() };
    let each: Vec<String> =
        columns.iter().map(|index| format!("({meant} {}{rest})", scene.word(*index))).collect();
    let text = each.join(" and ");
    let message = format!("{meant} takes one column, not {}", columns.len());
    out.add(
        scene.start(columns.get(1).copied().unwrap_or(head)),
        message,
        format!("write `{}`", shown_long(&text)),
        vec![scene.edit(head, end - 1, text)],
    );
}

/// A name of several words, with a hyphen, or one that the language has for something else.
fn unquoted(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    let first = head + 1;
    if scene.kind(first) != Kind::Identifier && !matches!(scene.kind(first), Kind::Integer | Kind::Decimal)
        || first >= end
    {
        return;
    }
    let mut last = first;
    while last + 1 < end {
        let next = last + 1;
        let joined = scene.is(next, "-/+:") && scene.touches(last) && scene.touches(next) && last + 2 < end;
        let word = matches!(scene.kind(next), Kind::Identifier | Kind::Integer)
            && !is_clause(scene, next)
            && !scene.begins_line(next);
        let part = scene.touches(last)
            && matches!(scene.kind(next), Kind::Identifier | Kind::Integer | Kind::Decimal);
        if joined || word || part {
            last = next;
        } else {
            break;
        }
    }
    let name = scene.range(first, last);
    let message = if last > first {
        format!("`{}`: a name with spaces or signs is written in quotes", shown(name))
    } else {
        format!("`{name}` is a word of the language: as the name of a column it is written in quotes")
    };
    out.replace(scene.start(first), scene.end(last), in_quotes(name), message);
}

/// `CustomSql select count(*) from primary > 0`
fn unquoted_sql(scene: &Scene<'_>, head: usize, meant: RuleType, end: usize, out: &mut Candidates) {
    let first = head + 1;
    if meant != RuleType::CustomSql || !scene.is_word(first, &["select", "with"]) {
        return;
    }
    let sign = (first..end).rev().find(|index| {
        scene.is(*index, "<>=") && matches!(scene.kind(index + 1), Kind::Integer | Kind::Decimal)
    });
    for stop in
        [sign.map(|sign| sign - usize::from(scene.is(sign - 1, "<>!"))), Some(end)].into_iter().flatten()
    {
        let text = in_quotes(scene.range(first, stop - 1));
        let message = "SQL is written in double quotes";
        out.replace(scene.start(first), scene.end(stop - 1), text, message);
    }
}

fn too_few(scene: &Scene<'_>, head: usize, meant: RuleType, out: &mut Candidates) {
    let (min, _) = meant.arity();
    let at = parameters_end(scene, head);
    let given = (head + 1..at).filter(|index| !scene.is_word(*index, &["of", "and"])).count();
    if given >= min || !scene.fault.message.contains("parameter") {
        return;
    }
    let names = match meant {
        RuleType::CustomSql => vec!["select count(*) from primary"],
        RuleType::DetectAnomalies => vec!["RowCount"],
        RuleType::ReferentialIntegrity => vec!["column", "reference.column"],
        RuleType::DatasetMatch => vec!["reference", "column"],
        RuleType::SchemaMatch | RuleType::RowCountMatch => vec!["reference"],
        RuleType::AggregateMatch => vec!["sum(column)", "sum(reference.column)"],
        RuleType::ColumnNamesMatchPattern => vec!["[a-z_]+"],
        RuleType::ColumnCorrelation => vec!["column", "other_column"],
        _ => vec!["column"],
    };
    let mut all: Vec<String> = (head + 1..at).map(|index| scene.word(index).to_owned()).collect();
    all.extend(names.iter().skip(given).map(|name| in_quotes(name)));
    let text = all.join(" ");
    let what = match (given, min) {
        (0, 1) if matches!(meant, RuleType::CustomSql) => "its SQL is missing".to_owned(),
        (0, 1) => "the name of its column or table is missing".to_owned(),
        (given, min) => format!("it takes {min} names, and {given} is given here"),
    };
    let edits = vec![insert(
        scene.end(at - 1),
        format!(" {}", names.iter().skip(given).map(|name| in_quotes(name)).collect::<Vec<_>>().join(" ")),
    )];
    out.add(
        scene.start(head),
        format!("{meant}: {what}"),
        format!("write for example `{meant} {text}`"),
        edits,
    );
}

fn too_many(scene: &Scene<'_>, head: usize, meant: RuleType, end: usize, out: &mut Candidates) {
    let (_, max) = meant.arity();
    let at = parameters_end(scene, head);
    let given = at - head - 1;
    if given <= max || !scene.fault.message.contains("parameter") || at > end {
        return;
    }
    let first = head + 1 + max;
    // `ColumnDataType "a" "Integer"`
    if scene.is_quoted(first) && first + 1 == at && meant.returns().contains(&Returns::Text) {
        let message = format!("an operator is missing between the column and {}", scene.word(first));
        out.add(
            scene.start(first),
            message,
            format!("write `= {}`", scene.word(first)),
            vec![insert(scene.start(first), "= ")],
        );
    }
    let extra = scene.range(first, at - 1);
    let edit = Edit { start: scene.end(first - 1), end: scene.end(at - 1), text: String::new() };
    let takes = match max {
        0 => "takes no column".to_owned(),
        1 => "takes one name".to_owned(),
        max => format!("takes {max} names"),
    };
    out.add(
        scene.start(first),
        if max == 0 { format!("{meant} {takes}") } else { format!("{meant} {takes}, not {given}") },
        format!("take `{}` away", shown(extra)),
        vec![edit],
    );
}

/// `Completeness "a" > 0.9 and < 1`, `RowCount > 0 < 10`
fn second_condition(scene: &Scene<'_>, head: usize, end: usize, out: &mut Candidates) {
    let at = parameters_end(scene, head);
    let Some(second) = (at + 1..end).find(|index| {
        scene.is(*index, "<>=!")
            && !scene.is(index - 1, "<>=!")
            && !(at..*index).any(|index| scene.is_word(index, &["where", "with", "labels", "threshold"]))
    }) else {
        return;
    };
    let joint = scene.is_word(second - 1, &["and", "or"]);
    let first_end = if joint { second - 2 } else { second - 1 };
    if first_end < at {
        return;
    }
    let word = if joint { scene.word(second - 1).to_ascii_lowercase() } else { "and".to_owned() };
    let stop = (second..end).find(|index| scene.is_word(*index, &["where", "with", "labels"])).unwrap_or(end);
    let subject = scene.range(head, at - 1);
    let text = format!(
        "({subject} {}) {word} ({subject} {})",
        scene.range(at, first_end),
        scene.range(second, stop - 1)
    );
    let message = "a rule has one condition: each needs its own rule";
    out.add(
        scene.start(second),
        message,
        format!("write `{}`", shown_long(&text)),
        vec![scene.edit(head, stop - 1, text)],
    );
}

//! Names of rule types: misspelt, of other tools, in the wrong section.

use super::Candidates;
use super::scene::{Scene, rule_type, shown};
use crate::error::Edit;
use crate::lexer::Kind;
use crate::rule_types::{Returns, RuleType};

/// The names by which others call it, and a rule type.
type Alias = (&'static [&'static str], RuleType);

/// What people write for a rule type, in small letters, and the one that is meant.
const ALIASES: [Alias; 14] = [
    (
        &["notnull", "isnotnull", "nonnull", "nonulls", "required", "complete", "nullcheck", "hasvalue"],
        RuleType::IsComplete,
    ),
    (
        &["unique", "isdistinct", "nodups", "noduplicates", "duplicates", "duplicaterowcount"],
        RuleType::IsUnique,
    ),
    (&["primarykey", "iskey", "pk", "key"], RuleType::IsPrimaryKey),
    (&["count", "rows", "numrows", "numberofrows", "size", "rowscount", "numberrows"], RuleType::RowCount),
    (&["columns", "numberofcolumns", "colcount"], RuleType::ColumnCount),
    (
        &[
            "values",
            "value",
            "min",
            "minimum",
            "max",
            "maximum",
            "range",
            "allowedvalues",
            "regex",
            "pattern",
            "columnvalue",
            "inset",
        ],
        RuleType::ColumnValues,
    ),
    (&["average", "avg", "columnmean"], RuleType::Mean),
    (&["total", "columnsum"], RuleType::Sum),
    (&["stddev", "std", "stdev", "standarddev"], RuleType::StandardDeviation),
    (&["length", "len", "stringlength", "textlength", "minlength", "maxlength"], RuleType::ColumnLength),
    (&["type", "datatype", "columntype", "dtype"], RuleType::ColumnDataType),
    (&["freshness", "fresh", "recency", "age"], RuleType::DataFreshness),
    (&["sql", "customquery", "query", "customsqlquery"], RuleType::CustomSql),
    (&["exists", "hascolumn"], RuleType::ColumnExists),
];

pub(super) fn propose(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    if scene.kind(at) != Kind::Identifier {
        return quoted_name(scene, out);
    }
    let written = scene.word(at);
    if scene.fault.message.starts_with("unknown rule type") || RuleType::instead_of(written).is_some() {
        return unknown(scene, written, out);
    }
    if let Some(rule_type) = RuleType::from_name(written) {
        wrong_section(scene, rule_type, out);
    }
}

fn unknown(scene: &Scene<'_>, written: &str, out: &mut Candidates) {
    let at = scene.at;
    let start = scene.start(at);
    let in_analyzers = section_of(scene, at) == "Analyzers";
    let what = if in_analyzers { "analyzer" } else { "rule type" };
    if let Some(instead) = RuleType::instead_of(written) {
        return of_deequ(scene, written, instead, out);
    }
    let lower = written.to_ascii_lowercase().replace(['_', '.'], "");
    if ["where", "with", "labels", "label", "threshold", "and", "or"].contains(&lower.as_str()) {
        return;
    }
    // `not IsComplete "a"`
    if lower == "not" || lower == "no" {
        let message =
            "a rule cannot be negated; its condition can, by `!=`, `not in`, `not between` or `not matches`";
        return out.add(start, message, format!("take `{written}` away"), vec![scene.edit(at, at, "")]);
    }
    // `if RowCount > 0`, `expect IsComplete "a"`
    if scene.may_begin_rule(at + 1) && rule_type(&lower).is_none() {
        let edit = Edit { start, end: scene.start(at + 1), text: String::new() };
        out.add(
            start,
            format!("`{}` is no {what}: a rule begins with its type", shown(written)),
            format!("take `{}` away", shown(written)),
            vec![edit],
        );
    }
    let alias = alias(&lower);
    let exact = rule_type(written);
    let message = match exact {
        Some(_) => format!("`{written}`: rule types are written as the language does, capitals included"),
        None => format!("unknown {what} `{}`", shown(written)),
    };
    for meant in [exact, alias, RuleType::nearest(&lower), RuleType::nearest(written)].into_iter().flatten() {
        let fits = if in_analyzers { meant.is_analyzer() } else { meant.is_rule() };
        if fits {
            let edit = scene.edit(at, at, meant.name());
            out.add(start, message.clone(), format!("did you mean `{meant}`?"), vec![edit]);
        }
    }
    let end = scene.rule_end(at);
    if exact.is_none() && alias.is_none() && RuleType::nearest(&lower).is_none() {
        remove(scene, at, end, message.clone(), out);
    }
    if let Some(meant) = alias {
        // The other one takes no condition, or needs one.
        let parameters = (at + 1..end).take_while(|index| scene.is_quoted(*index)).last();
        let head = match parameters {
            Some(last) => format!("{meant} {}", scene.range(at + 1, last)),
            None => meant.name().to_owned(),
        };
        let whole = match meant.returns() {
            [Returns::Boolean] => head,
            _ => return,
        };
        out.add(
            start,
            message,
            format!("did you mean `{}`?", shown(&whole)),
            vec![scene.edit(at, end - 1, whole)],
        );
    }
}

/// The rule type that a word in small letters, without `_` and `.`, means elsewhere.
fn alias(lower: &str) -> Option<RuleType> {
    let known = ALIASES.iter().find(|(names, _)| names.contains(&lower)).map(|(_, rule_type)| *rule_type);
    // expect_column_values_to_not_be_null, assert_unique
    let within = |part: &str, meant| lower.contains(part).then_some(meant);
    known
        .or_else(|| within("notnull", RuleType::IsComplete))
        .or_else(|| within("notbenull", RuleType::IsComplete))
        .or_else(|| within("unique", RuleType::IsUnique))
}

/// A rule type that only Deequ has.
fn of_deequ(scene: &Scene<'_>, written: &str, instead: &str, out: &mut Candidates) {
    let at = scene.at;
    let end = scene.rule_end(at);
    let column = if scene.is_quoted(at + 1) { scene.word(at + 1) } else { "\"column\"" };
    let rule = match written {
        "DuplicateRowCount" => format!("IsPrimaryKey {column}"),
        "ZerosCount" => format!("RowCount = 0 where \"{} = 0\"", column.trim_matches('"')),
        "Range" => format!("ColumnValues {column} between 0 and 1"),
        _ => "CustomSql \"select count(*) from primary\" > 0".to_owned(),
    };
    let message = format!("{written} is a rule type of Deequ, not of the published language");
    let advice = format!("write {instead}, for example `{rule}`");
    out.add(scene.start(at), message, advice, vec![scene.edit(at, end - 1, rule)]);
}

/// `"IsComplete" "a"`, or a text that is a whole rule.
fn quoted_name(scene: &Scene<'_>, out: &mut Candidates) {
    let at = scene.at;
    if !scene.is_quoted(at) {
        return;
    }
    let inside = scene.inside(at);
    let first = inside.split_whitespace().next().unwrap_or("");
    if let Some(meant) = rule_type(first) {
        let text = inside.replacen(first, meant.name(), 1).replace("\\\"", "\"");
        out.replace(scene.start(at), scene.end(at), text, "a rule is written without quotes around it");
    }
}

/// A rule type that does not belong in this section.
fn wrong_section(scene: &Scene<'_>, meant: RuleType, out: &mut Candidates) {
    let at = scene.at;
    let start = scene.start(at);
    let end = scene.rule_end(at);
    let analyzers = section_of(scene, at) == "Analyzers";
    if analyzers && !meant.is_analyzer() {
        let measured = match meant {
            RuleType::IsComplete => Some(RuleType::Completeness),
            RuleType::IsUnique | RuleType::IsPrimaryKey => Some(RuleType::Uniqueness),
            RuleType::ColumnExists => Some(RuleType::AllStatistics),
            _ => None,
        };
        let message = format!("{meant} is a rule, not an analyzer: it measures nothing");
        if let Some(measured) = measured {
            let edit = scene.edit(at, at, measured.name());
            return out.add(start, message, format!("write `{measured}`"), vec![edit]);
        }
        return remove(scene, at, end, message, out);
    }
    if !analyzers && !meant.is_rule() {
        let message = format!("{meant} is an analyzer and belongs in `Analyzers = [ ... ]`");
        if let Some(section) = at.checked_sub(3).filter(|index| scene.word(*index) == "Rules") {
            let edit = scene.edit(section, section, "Analyzers");
            out.add(start, message.clone(), "write `Analyzers = [` before it", vec![edit]);
        }
        remove(scene, at, end, message, out);
    }
}

fn remove(scene: &Scene<'_>, at: usize, end: usize, message: String, out: &mut Candidates) {
    let start = scene.start(at);
    let stop = if scene.is(end, ",") { scene.end(end) } else { scene.end(end - 1) };
    // The comma before it, where it is the last.
    let from =
        if !scene.is(end, ",") && at > 0 && scene.is(at - 1, ",") { scene.start(at - 1) } else { start };
    let advice = format!("take `{}` away", shown(scene.range(at, end - 1)));
    out.add(start, message, advice, vec![Edit { start: from, end: stop, text: String::new() }]);
}

/// The name of the section that a token is in.
pub(super) fn section_of<'a>(scene: &Scene<'a>, at: usize) -> &'a str {
    let name = (0..at).rev().find(|index| {
        scene.kind(*index) == Kind::Identifier
            && scene.is(index + 1, "=")
            && scene.is(index + 2, "[")
            && matches!(scene.word(*index), "Rules" | "Analyzers" | "DefaultLabels")
    });
    name.map_or("", |index| scene.word(index))
}
